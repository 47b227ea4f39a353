//! Sources that are pulled: pages of an API, by requests that are tried again, in windows that go on from a checkpoint.

mod client;
mod download;
mod error;
mod fetch;
mod hints;
mod link;
mod metadata;
mod odata;
mod page;
mod paginate;
mod pause;
mod run;
mod state;
mod take;

pub use self::client::Client;
pub use self::error::PullError;
pub use self::run::{FirstPage, Pull, Spooled, Tally};
pub use self::state::State;
