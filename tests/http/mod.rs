//! The HTTP API of the real program, over a real socket.

pub mod access;
pub mod asked;
pub mod pushed;
pub mod runs;
pub mod uploads;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [access::cases(), asked::cases(), pushed::cases(), runs::cases(), uploads::cases()].into_iter().flatten().collect()
}
