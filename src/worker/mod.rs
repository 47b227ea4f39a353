//! The tasks that run for ever. They only find work: they never parse, they call `load`.

mod absent;
mod backoff;
mod build;
mod events;
mod look;
mod reading;
mod said;
mod schedule;
mod settle;
mod state;
mod waiting;
mod watch;

pub use absent::absent;
pub(crate) use backoff::Backoff;
pub use build::build;
pub use look::{left, left_by_name};
pub use schedule::{Runner, Scheduler, attended, this_program};
pub(crate) use state::read as read_state;
pub use state::{Held, State};
pub use waiting::{IN_TURN, Waiting, waiting};
pub(crate) use watch::TROUBLE;
pub use watch::{Totals, Watch};
