//! Alerts to people: once for each cause, and once when it is over, by webhook and by mail. Each channel has a queue
//! and a thread of its own, so nothing waits for a server that is slow or away. Causes are remembered in memory only.

mod mail;
mod settings;
mod webhook;

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::oneshot;
use tracing::warn;

use self::mail::Mail;
pub use self::settings::Alerting;
use self::webhook::Webhook;
use crate::text::secrets::hidden;

/// Greatest number of messages that wait in a queue.
const QUEUE: usize = 1000;

/// Greatest number of remembered causes: beyond it, all are forgotten, as by a restart.
const CAUSES: usize = 10_000;

/// Time of one try.
const TRY: Duration = Duration::from_secs(10);

/// Pauses before each try, in seconds.
const PAUSES: [u64; 3] = [0, 1, 5];

/// Kind of cause that needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file that has not been taken for long.
    Waiting,
    /// A file that could not be loaded and lies in `failed/`.
    Failed,
    /// A file that cannot be claimed, moved or deleted.
    Stuck,
    /// A database or folder that is away: no file is loaded.
    Trouble,
    /// A confirmed load that the database has lost, with its file deleted.
    Lost,
    /// A faulty plugin: the files that it claims are held back.
    Plugin,
    /// A failed run of the pipeline.
    Pipeline,
    /// A failed run of another schedule: a pull, the analysis.
    Schedule,
    /// A test of the alerts' delivery.
    Test,
}

/// State of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Begun: it needs a person.
    Raised,
    /// Over.
    Recovered,
}

/// An alert: sent as JSON to a webhook, in words by mail.
#[derive(Clone, Debug, Serialize)]
pub struct Alert {
    /// Kind of the cause.
    pub kind: Kind,
    /// Subject of the cause: the file's name, or the one thing of its kind.
    pub subject: String,
    /// State of the cause, begun or over.
    pub state: State,
    /// Message of the error, or of its end.
    pub message: String,
    /// Advice for the fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Number of the load in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<i64>,
    /// Time in UTC.
    pub at: String,
    /// Name of the machine.
    pub host: String,
}

impl Alert {
    fn new(kind: Kind, subject: &str, state: State, message: &str) -> Alert {
        Alert {
            kind,
            subject: subject.to_owned(),
            state,
            message: message.to_owned(),
            fix: None,
            load: None,
            at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        }
    }

    /// The alert as it is sent: without secrets.
    fn without_secrets(&self) -> Alert {
        let hidden = |text: &str| hidden(text).into_owned();
        Alert {
            subject: hidden(&self.subject),
            message: hidden(&self.message),
            fix: self.fix.as_deref().map(hidden),
            ..self.clone()
        }
    }

    /// A test alert, which asks for nothing.
    pub fn test() -> Alert {
        Alert::new(Kind::Test, "test", State::Raised, "a test: somebody ran app doctor --alert-test")
    }
}

/// A channel of alerts.
#[derive(Clone, Debug)]
pub enum Channel {
    /// An HTTP POST.
    Webhook(Webhook),
    /// A mail.
    Mail(Mail),
}

impl Channel {
    /// Name without anything secret.
    pub fn name(&self) -> &'static str {
        match self {
            Channel::Webhook(_) => "webhook",
            Channel::Mail(_) => "mail",
        }
    }

    /// True if the server may ask for the password in clear.
    pub fn may_send_in_clear(&self) -> bool {
        matches!(self, Channel::Mail(mail) if mail.may_send_in_clear())
    }

    /// Sends one alert, once. Blocks, not much longer than ten seconds.
    ///
    /// # Errors
    /// An error in words that hold nothing secret.
    pub fn send(&self, alert: &Alert) -> Result<(), String> {
        let alert = alert.without_secrets();
        match self {
            Channel::Webhook(webhook) => webhook.send(&alert),
            Channel::Mail(mail) => mail.send(&alert),
        }
    }

    /// Name of the setting to check after an error.
    pub fn setting(&self) -> &'static str {
        match self {
            Channel::Webhook(_) => "ALERT_WEBHOOK",
            Channel::Mail(_) => "ALERT_SMTP_URL",
        }
    }
}

/// Sender of alerts. The default has no channel.
#[derive(Default)]
pub struct Alerts {
    stale_after: Duration,
    ways: Mutex<Vec<Way>>,
    told: Mutex<Told>,
}

/// Queue of one channel. Its thread ends when the queue is dropped and empty.
struct Way {
    queue: SyncSender<Alert>,
    done: oneshot::Receiver<()>,
}

/// State of the causes.
#[derive(Default)]
struct Told {
    /// Causes that were told and are not over.
    causes: HashSet<(Kind, String)>,
    /// Start of each file's wait.
    waiting: HashMap<String, Instant>,
}

/// Writes `45 s`, `12 min`.
fn words(time: Duration) -> String {
    match time.as_secs() {
        short @ 0..=119 => format!("{short} s"),
        long => format!("{} min", long / 60),
    }
}

impl Alerts {
    /// Starts a thread for each channel.
    ///
    /// # Errors
    /// A system without a thread to give.
    pub fn start(settings: &Alerting) -> std::io::Result<Alerts> {
        // The settings' check has made them once.
        let channels = settings.channels().map_err(std::io::Error::other)?;
        let ways = channels.into_iter().map(Way::start).collect::<std::io::Result<_>>()?;
        Ok(Alerts { stale_after: settings.stale_after, ways: Mutex::new(ways), told: Mutex::default() })
    }

    /// Longest wait of a file without an alert.
    pub(crate) fn stale_after(&self) -> Duration {
        self.stale_after
    }

    /// Tells of a cause, unless it was told before and is not over. `load` is the load's number, if there is one.
    pub fn raise(&self, kind: Kind, subject: &str, message: &str, fix: &str, load: Option<i64>) {
        if self.remember(kind, subject) {
            let fix = Some(fix.to_owned());
            self.send(&Alert { fix, load, ..Alert::new(kind, subject, State::Raised, message) });
        }
    }

    /// Marks a cause as told, perhaps by another run of the program; returns true if it was not before.
    pub fn remember(&self, kind: Kind, subject: &str) -> bool {
        let mut told = self.told();
        if told.causes.len() >= CAUSES {
            told.causes.clear();
        }
        told.causes.insert((kind, subject.to_owned()))
    }

    /// Tells that a cause is over, if it was told.
    pub fn recover(&self, kind: Kind, subject: &str, message: &str) {
        if self.told().causes.remove(&(kind, subject.to_owned())) {
            self.send(&Alert::new(kind, subject, State::Recovered, message));
        }
    }

    /// Ends all causes of a loaded file and its parts.
    pub fn loaded(&self, file: &str) {
        let is_of_file = |(kind, subject): &(Kind, String)| {
            let rest = subject.strip_prefix(file);
            matches!(kind, Kind::Waiting | Kind::Failed | Kind::Stuck | Kind::Lost)
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let over: Vec<_> = {
            let mut told = self.told();
            told.waiting.remove(file);
            told.causes.extract_if(is_of_file).collect()
        };
        for (kind, subject) in over {
            self.send(&Alert::new(kind, &subject, State::Recovered, "the file was loaded"));
        }
    }

    /// Ends the wait of a file that lies in `failed/`, or is gone.
    pub fn left(&self, file: &str) {
        self.told().waiting.remove(file);
        self.recover(Kind::Waiting, file, "the file does not wait any more");
    }

    /// Tells of files in the folder that wait for too long. Those `in_hand` do not wait at the moment, but may again.
    /// No wait counts during [`Kind::Trouble`], which is told by itself. `why` gives the reason of each.
    pub fn see_waiting<'a>(
        &self,
        files: impl Iterator<Item = &'a OsString>,
        in_hand: &HashSet<OsString>,
        why: &dyn Fn(&OsStr) -> String,
    ) {
        if self.ways().is_empty() {
            return;
        }
        let now = Instant::now();
        let waiting: HashSet<_> = files.map(|file| file.to_string_lossy().into_owned()).collect();
        let in_hand: HashSet<_> = in_hand.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        let (gone, stale) = {
            let mut told = self.told();
            let gone: Vec<_> =
                told.waiting.extract_if(|file, _| !waiting.contains(file) && !in_hand.contains(file)).collect();
            let in_trouble = told.causes.iter().any(|(kind, _)| *kind == Kind::Trouble);
            let mut stale = Vec::new();
            for file in waiting {
                let since = told.waiting.entry(file.clone()).or_insert(now);
                if in_trouble {
                    *since = now;
                } else if now - *since >= self.stale_after {
                    stale.push((file, now - *since));
                }
            }
            (gone, stale)
        };
        for (file, _) in gone {
            self.left(&file);
        }
        for (file, time) in stale {
            let why = why(OsStr::new(&file));
            let message = format!("the file has waited for {} and is not loaded: {why}", words(time));
            let fix = "see the log for more; a file is not taken while somebody has it open, nor under a temporary or unknown name";
            self.raise(Kind::Waiting, &file, &message, fix, None);
        }
    }

    /// Sends the waiting alerts, for as long as `patience`; nothing is sent afterwards.
    pub async fn finish(&self, patience: Duration) {
        let ways = std::mem::take(&mut *self.ways());
        let done: Vec<_> = ways.into_iter().map(|way| way.done).collect();
        if tokio::time::timeout(patience, futures_util::future::join_all(done)).await.is_err() {
            warn!("not every alert was sent before the end");
        }
    }

    fn send(&self, alert: &Alert) {
        for way in &*self.ways() {
            if way.queue.try_send(alert.clone()).is_err() {
                warn!(subject = alert.subject, "alert not sent: {QUEUE} wait already");
            }
        }
    }

    fn ways(&self) -> MutexGuard<'_, Vec<Way>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    fn start(channel: Channel) -> std::io::Result<Way> {
        let (queue, alerts) = sync_channel(QUEUE);
        let (end, done) = oneshot::channel();
        std::thread::Builder::new().name(format!("alerts-{}", channel.name())).spawn(move || {
            alerts.into_iter().for_each(|alert| deliver(&channel, &alert));
            let _ = end.send(()); // Without a waiting `finish` there is no receiver.
        })?;
        Ok(Way { queue, done })
    }
}

fn deliver(channel: &Channel, alert: &Alert) {
    let mut why = String::new();
    for pause in PAUSES {
        std::thread::sleep(Duration::from_secs(pause));
        match channel.send(alert) {
            Ok(()) => return,
            Err(error) => why = error,
        }
    }
    let (subject, setting) = (&alert.subject, channel.setting());
    warn!(subject, "alert not sent by {}: {why}; look at {setting}, then try app doctor --alert-test", channel.name());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaded_file_ends_what_was_wrong_with_it_and_its_parts() {
        let alerts = Alerts::default();
        for (kind, subject) in [
            (Kind::Waiting, "x.zip"),
            (Kind::Failed, "x.zip/a.csv"),
            (Kind::Stuck, "x.zip.csv"),
            (Kind::Trouble, "x.zip"),
        ] {
            alerts.raise(kind, subject, "message", "fix", None);
        }
        alerts.loaded("x.zip");
        let left = HashSet::from([(Kind::Stuck, "x.zip.csv".to_owned()), (Kind::Trouble, "x.zip".to_owned())]);
        assert_eq!(alerts.told().causes, left);
    }
}
