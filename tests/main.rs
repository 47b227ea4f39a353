//! All integration tests: each case that touches a database runs on SQLite and on PostgreSQL. Where there is no PostgreSQL, its
//! cases are listed as ignored.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod analysis;
mod cli;
mod dataset;
mod format;
mod load;
mod pull;
mod random;
mod sql;
mod star;
mod support;
mod warehouse;
mod worker;

use libtest_mimic::Arguments;

fn main() {
    let arguments = Arguments::from_args();
    let cases = [
        warehouse::cases(),
        load::cases(),
        pull::cases(),
        format::cases(),
        dataset::cases(),
        sql::cases(),
        star::cases(),
        analysis::cases(),
        random::cases(),
        worker::cases(),
        cli::cases(),
    ];
    let conclusion = libtest_mimic::run(&arguments, cases.into_iter().flatten().collect());
    support::cluster::stop();
    conclusion.exit();
}
