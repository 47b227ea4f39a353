//! One SQL for both engines, and the files of `sql/` before they run.

pub mod selects;
pub mod sql_check;
pub mod sql_random;
pub mod wrong_sql;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [selects::cases(), sql_check::cases(), sql_random::cases(), wrong_sql::cases()].into_iter().flatten().collect()
}
