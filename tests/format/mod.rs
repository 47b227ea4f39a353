//! Bytes as records: texts, workbooks, columns, packed files.

pub mod corpus;
pub mod encodings;
pub mod formats;
pub mod headers;
pub mod heads;
pub mod known;
pub mod notation;
pub mod oracle;
pub mod packages;
pub mod packed;
pub mod structures;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [
        corpus::cases(),
        encodings::cases(),
        formats::cases(),
        headers::cases(),
        heads::cases(),
        known::cases(),
        notation::cases(),
        oracle::cases(),
        packages::cases(),
        packed::cases(),
        structures::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
