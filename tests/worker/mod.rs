//! The daemon, what it says of itself, and who is told.

pub mod alerts;
pub mod daemon;
pub mod reasons;
pub mod schedule;
pub mod status;
pub mod told;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [alerts::cases(), daemon::cases(), reasons::cases(), schedule::cases(), status::cases(), told::cases()]
        .into_iter()
        .flatten()
        .collect()
}
