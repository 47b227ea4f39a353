//! The settings of alerts.

use std::time::Duration;

use serde::Deserialize;

use super::{Channel, Mail, Webhook};
use crate::text::words;

/// Settings of alerts: the channels and the limit of a wait.
#[derive(Clone, Deserialize)]
pub struct Alerting {
    /// Longest wait of a file without an alert.
    #[serde(deserialize_with = "words::read_span")]
    pub stale_after: Duration,
    alert_webhook: String,
    alert_smtp_url: String,
    alert_from: String,
    alert_to: String,
}

impl std::fmt::Debug for Alerting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerting").field("stale_after", &self.stale_after).finish_non_exhaustive()
    }
}

impl Alerting {
    /// The channels that are set.
    ///
    /// # Errors
    /// The name of the setting that is of no use, without its value.
    pub fn channels(&self) -> Result<Vec<Channel>, String> {
        let mut channels = Vec::new();
        if !self.alert_webhook.is_empty() {
            let webhook = Webhook::new(&self.alert_webhook);
            let why = "ALERT_WEBHOOK is no address: use https://host/path, or http:// within your own network";
            channels.push(Channel::Webhook(webhook.ok_or(why)?));
        }
        let mail =
            [("ALERT_SMTP_URL", &self.alert_smtp_url), ("ALERT_FROM", &self.alert_from), ("ALERT_TO", &self.alert_to)];
        match mail.iter().find(|(_, value)| value.is_empty()) {
            None => channels.push(Channel::Mail(Mail::new(&self.alert_smtp_url, &self.alert_from, &self.alert_to)?)),
            Some(_) if mail.iter().all(|(_, value)| value.is_empty()) => {}
            Some((missing, _)) => {
                return Err(format!("{missing} is missing: mail needs ALERT_SMTP_URL, ALERT_FROM and ALERT_TO"));
            }
        }
        Ok(channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(webhook: &str, server: &str, from: &str, to: &str) -> String {
        let [alert_webhook, alert_smtp_url, alert_from, alert_to] = [webhook, server, from, to].map(str::to_owned);
        let settings = Alerting { stale_after: Duration::ZERO, alert_webhook, alert_smtp_url, alert_from, alert_to };
        match settings.channels() {
            Ok(channels) => channels.iter().map(Channel::name).collect::<Vec<_>>().join(" "),
            Err(why) => why,
        }
    }

    #[test]
    fn a_setting_of_no_use_is_named_and_never_shown() {
        let secret = "hunter2";
        let (me, you) = ("Sluice <me@example.com>", "a@example.com, b@example.com");
        for (webhook, server, from, to, expected) in [
            ("", "", "", "", ""),
            ("https://host/hunter2", "", "", "", "webhook"),
            ("", "smtps://u:hunter2@host", me, you, "mail"),
            ("", "smtp://u:hunter2@host?tls=required", me, you, "mail"),
            ("", "smtp://u:hunter2@127.0.0.1:25", me, you, "mail"),
            ("hunter2", "", "", "", "ALERT_WEBHOOK is no address"),
            ("ftp://host/hunter2", "", "", "", "ALERT_WEBHOOK is no address"),
            ("", "", me, you, "ALERT_SMTP_URL is missing"),
            ("", "smtp://host", me, "", "ALERT_TO is missing"),
            ("", "u:hunter2@host", me, you, "ALERT_SMTP_URL is no address"),
            ("", "smtp://u:hunter2@host", me, you, "ALERT_SMTP_URL: the password would be readable"),
            ("", "smtp://u:hunter2@host?tls=no", me, you, "ALERT_SMTP_URL: tls= is"),
            ("", "smtp://host", "me", you, "ALERT_FROM is no mail address"),
            ("", "smtp://host", me, "you@", "ALERT_TO is no mail address"),
        ] {
            let found = channels(webhook, server, from, to);
            assert!(found.starts_with(expected) && !found.contains(secret), "{found}");
        }
    }
}
