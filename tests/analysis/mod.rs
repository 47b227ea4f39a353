//! Questions, their page, and results as files.

pub mod browser;
pub mod export;
pub mod questions;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [browser::cases(), export::cases(), questions::cases()].into_iter().flatten().collect()
}
