//! Sources that are pulled: pages of an API, by requests that are tried again, in windows that go on from a checkpoint.

mod client;
mod error;
mod page;
mod paginate;
mod pause;
mod run;

pub use self::client::Client;
pub use self::error::PullError;
pub use self::run::{FirstPage, Pull, Spooled, State, Tally};
