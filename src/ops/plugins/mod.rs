//! What is done with the plugins of a project: one is added from a folder or archive, drafted for an address, removed; and when their
//! sources were pulled last.

mod add;
mod draft;
mod pulls;
mod remove;

pub use self::add::{Given, Offer, offer};
pub use self::draft::{Drafted, draft};
pub use self::pulls::{LastPull, add_pulls_into, last_pulls};
pub use self::remove::{Removal, removal};

/// A request that cannot be met: the reason, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);
