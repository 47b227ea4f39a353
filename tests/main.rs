//! All integration tests: each case that touches a database runs on SQLite and on PostgreSQL. Where there is no PostgreSQL, its
//! cases are listed as ignored.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod analysis;
mod cli;
mod dataset;
mod format;
mod http;
mod load;
mod pull;
mod random;
mod sql;
mod star;
mod support;
mod warehouse;
mod worker;

use std::num::NonZero;

use libtest_mimic::Arguments;

fn main() {
    let mut arguments = Arguments::from_args();
    // Most cases wait for processes and servers now and then.
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(cores + 1);
    let cases = [
        warehouse::cases(),
        load::cases(),
        pull::cases(),
        http::cases(),
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
