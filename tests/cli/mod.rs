//! Commands, their words, and the house itself.

pub mod answers;
pub mod commands;
pub mod house;
pub mod json_shapes;
pub mod ledger;
pub mod logs;
pub mod messages;
pub mod plugin_add;
pub mod readme;
pub mod reference;
pub mod terminal;
pub mod unread;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [
        answers::cases(),
        commands::cases(),
        house::cases(),
        json_shapes::cases(),
        ledger::cases(),
        logs::cases(),
        messages::cases(),
        plugin_add::cases(),
        readme::cases(),
        reference::cases(),
        terminal::cases(),
        unread::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
