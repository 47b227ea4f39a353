//! What runs for ever and only finds work: it never parses, it calls `load`.

mod look;
mod settle;
mod watch;

pub use watch::{Totals, Watch};
