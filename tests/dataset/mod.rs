//! Plugins: how files are read, shaped and loaded where somebody says so.

pub mod plugin_later;
pub mod plugins;
pub mod plugins_change;
pub mod series;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [plugin_later::cases(), plugins::cases(), plugins_change::cases(), series::cases()].into_iter().flatten().collect()
}
