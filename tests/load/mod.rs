//! Inputs on their way into staging, once, with every row accounted for.

pub mod archive;
pub mod books;
pub mod by_hand;
pub mod changes;
pub mod crash;
pub mod cut;
pub mod drop;
pub mod duplicates;
pub mod far;
pub mod files;
pub mod headerless;
pub mod history;
pub mod hostile;
pub mod intruders;
pub mod json;
pub mod kept_values;
pub mod keys;
pub mod limits;
pub mod long;
pub mod long_keys;
pub mod lost;
pub mod names;
pub mod no_records;
pub mod order;
pub mod protocol;
pub mod read_back;
pub mod retract;
pub mod retried;
pub mod returns;
pub mod sheets;
pub mod torn;
pub mod windows;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [
        archive::cases(),
        books::cases(),
        by_hand::cases(),
        changes::cases(),
        crash::cases(),
        cut::cases(),
        drop::cases(),
        duplicates::cases(),
        far::cases(),
        files::cases(),
        headerless::cases(),
        history::cases(),
        hostile::cases(),
        intruders::cases(),
        json::cases(),
        kept_values::cases(),
        keys::cases(),
        limits::cases(),
        long::cases(),
        long_keys::cases(),
        lost::cases(),
        names::cases(),
        no_records::cases(),
        order::cases(),
        protocol::cases(),
        read_back::cases(),
        retract::cases(),
        retried::cases(),
        returns::cases(),
        sheets::cases(),
        torn::cases(),
        windows::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
