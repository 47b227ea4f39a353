//! What runs for ever and only finds work: it never parses, it calls `load`.

mod events;
mod look;
mod pause;
mod settle;
mod watch;

pub(crate) use pause::Pause;
pub(crate) use watch::TROUBLE;
pub use watch::{Totals, Watch};
