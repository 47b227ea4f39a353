//! Errors of a pull: each ends the run, and what was committed before stays.

use std::time::Duration;

/// Error of a pull.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The server cannot be reached, or does not answer as HTTP has it, after all tries.
    #[error("{url}: {why}, {}", after(*tries))]
    Unreachable {
        /// Address without credentials.
        url: String,
        /// Reason.
        why: String,
        /// Tries.
        tries: u32,
    },
    /// The server refuses the request.
    #[error("{url} answers {status}{said}")]
    Refused {
        /// Address without credentials.
        url: String,
        /// Status.
        status: u16,
        /// Message of its body, with a colon in front of it.
        said: String,
    },
    /// The server asks for a pause that is longer than a pull waits.
    #[error("{host} asks to come again in {seconds} seconds, at {at}: pull then", seconds = pause.as_secs())]
    Later {
        /// Server.
        host: String,
        /// Pause.
        pause: Duration,
        /// Time at which it ends.
        at: String,
    },
    /// A page that is none, or does not follow the one before.
    #[error("{url}: {why}")]
    Page {
        /// Address without credentials.
        url: String,
        /// Reason.
        why: String,
    },
    /// A page or redirect that leads to a server that is not allowed.
    #[error("{url}: it leads to another server, {host}: if that is right, say allow_hosts: [\"{host}\"]")]
    Elsewhere {
        /// Address without credentials.
        url: String,
        /// The other server.
        host: String,
    },
    /// The pages have ended, or must end, before all records are there.
    #[error("{0}")]
    Partial(String),
    /// A setting or checkpoint that does not go with the plugin.
    #[error("{0}")]
    Usage(String),
    /// The folder cannot be written.
    #[error("cannot spool what is pulled: {0}")]
    Folder(#[from] std::io::Error),
}

fn after(tries: u32) -> String {
    if tries == 1 { "at the first try".to_owned() } else { format!("after {tries} tries") }
}
