//! The engines, and what servers do.

pub mod forgotten;
pub mod incomplete;
pub mod moved;
pub mod read_only;
pub mod rights;
pub mod servers;
pub mod streams;
pub mod taken_back;
pub mod tls;
pub mod warehouse_contract;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [
        forgotten::cases(),
        incomplete::cases(),
        moved::cases(),
        read_only::cases(),
        rights::cases(),
        servers::cases(),
        streams::cases(),
        taken_back::cases(),
        tls::cases(),
        warehouse_contract::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
