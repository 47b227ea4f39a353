//! Alerts by mail. The server's address holds a password, so no message holds any of it, nor the server's answer: some
//! servers repeat what they were told.

use std::net::IpAddr;

use lettre::message::{Mailbox, Mailboxes, header};
use lettre::{Message, SmtpTransport, Transport};
use url::Url;

use super::{Alert, State, TRY};

/// A mail server, with sender and recipients.
#[derive(Clone)]
pub struct Mail {
    server: String,
    from: Mailbox,
    to: Mailboxes,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mail(*** from {} to {})", self.from, self.to)
    }
}

impl Mail {
    /// Reads the three settings.
    ///
    /// # Errors
    /// The name of the setting that is of no use.
    pub(super) fn new(server: &str, from: &str, to: &str) -> Result<Mail, String> {
        let parsed = Url::parse(server).ok().filter(|url| matches!(url.scheme(), "smtp" | "smtps") && url.has_host());
        let Some(url) = parsed else {
            return Err("ALERT_SMTP_URL is no address of a mail server: use smtps://user:password@host or smtp://host"
                .to_owned());
        };
        let tls = url.query_pairs().find(|(name, _)| name == "tls");
        match tls.as_ref().map(|(_, value)| &**value) {
            Some("required" | "opportunistic") => {}
            Some(_) => return Err("ALERT_SMTP_URL: tls= is required or opportunistic".to_owned()),
            None if url.scheme() == "smtps" || url.password().is_none() || is_here(&url) => {}
            None => {
                return Err(
                    "ALERT_SMTP_URL: the password would be readable on its way: use smtps://, or add ?tls=required"
                        .to_owned(),
                );
            }
        }
        let mailbox = |name: &str, error| format!("{name} is no mail address: {error}; use me@example.com");
        let from = from.parse().map_err(|error| mailbox("ALERT_FROM", error))?;
        let to = to.parse().map_err(|error| mailbox("ALERT_TO", error))?;
        Ok(Mail { server: server.to_owned(), from, to })
    }

    /// True if a password goes to a server elsewhere that need not speak TLS.
    pub(super) fn may_send_in_clear(&self) -> bool {
        let opportunistic =
            |url: &Url| url.query_pairs().any(|(name, value)| name == "tls" && value == "opportunistic");
        Url::parse(&self.server).is_ok_and(|url| {
            url.scheme() == "smtp" && url.password().is_some() && opportunistic(&url) && !is_here(&url)
        })
    }

    pub(super) fn send(&self, alert: &Alert) -> Result<(), String> {
        let state = match alert.state {
            State::Raised => "",
            State::Recovered => "over: ",
        };
        let (kind, subject) = (format!("{:?}", alert.kind).to_lowercase(), &alert.subject);
        let mut title = format!("sluice on {}: {state}{kind}: {subject}", alert.host);
        title = crate::text::shown::shown(&title).into_owned();
        let mut text = format!("{}\n", crate::text::shown::lines(&alert.message));
        if let Some(fix) = &alert.fix {
            text += &format!("\nHow to fix it: {fix}\n");
        }
        if let Some(load) = alert.load {
            text += &format!("\napp loads shows it as load {load}.\n");
        }
        text += &format!("\n{} on {}\n", alert.at, alert.host);
        let mut message = Message::builder().from(self.from.clone()).subject(title);
        for to in self.to.iter() {
            message = message.to(to.clone());
        }
        let message = message.header(header::ContentType::TEXT_PLAIN).body(text).map_err(|error| error.to_string())?;
        let transport = SmtpTransport::from_url(&self.server).map_err(|error| what(&error))?.timeout(Some(TRY)).build();
        transport.send(&message).map(drop).map_err(|error| what(&error))
    }
}

/// True if the server is on this machine.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn what(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the server answered {code}"),
        None if error.is_response() => "the server's answer is none of a mail server".to_owned(),
        None => error.to_string(),
    }
}
