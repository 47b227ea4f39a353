//! The engines, and what servers do.

pub mod forgotten;
pub mod moved;
pub mod servers;
pub mod tls;
pub mod warehouse_contract;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [forgotten::cases(), moved::cases(), servers::cases(), tls::cases(), warehouse_contract::cases()]
        .into_iter()
        .flatten()
        .collect()
}
