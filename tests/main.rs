//! All integration tests: each case that touches a database runs on SQLite and on PostgreSQL. Where there is no PostgreSQL, its
//! cases are listed as ignored.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod alerts;
mod analysis;
mod archive;
mod books;
mod browser;
mod by_hand;
mod cli;
mod corpus;
mod crash;
mod daemon;
mod draft;
mod drop;
mod duplicates;
mod encodings;
mod export;
mod far;
mod formats;
mod graph;
mod headers;
mod heads;
mod history;
mod hostile;
mod house;
mod inferred;
mod intruders;
mod json;
mod json_shapes;
mod kept_values;
mod keys;
mod limits;
mod load;
mod logs;
mod long;
mod members;
mod messages;
mod model;
mod names;
mod notation;
mod oracle;
mod order;
mod packages;
mod packed;
mod plans;
mod plugins;
mod plugins_change;
mod protocol;
mod random;
mod read_back;
mod readers;
mod readme;
mod reference;
mod remembered;
mod retract;
mod retried;
mod returns;
mod series;
mod servers;
mod sql;
mod sql_check;
mod sql_random;
mod star;
mod status;
mod structures;
mod support;
mod terminal;
mod titles;
mod tls;
mod trace;
mod warehouse_contract;
mod wrong_sql;

use libtest_mimic::Arguments;

fn main() {
    let arguments = Arguments::from_args();
    let cases = [
        warehouse_contract::cases(),
        load::cases(),
        books::cases(),
        kept_values::cases(),
        by_hand::cases(),
        encodings::cases(),
        long::cases(),
        formats::cases(),
        corpus::cases(),
        structures::cases(),
        far::cases(),
        hostile::cases(),
        house::cases(),
        intruders::cases(),
        names::cases(),
        headers::cases(),
        heads::cases(),
        packed::cases(),
        archive::cases(),
        servers::cases(),
        plugins::cases(),
        plugins_change::cases(),
        notation::cases(),
        series::cases(),
        packages::cases(),
        oracle::cases(),
        order::cases(),
        sql::cases(),
        sql_random::cases(),
        star::cases(),
        model::cases(),
        plans::cases(),
        sql_check::cases(),
        wrong_sql::cases(),
        draft::cases(),
        export::cases(),
        trace::cases(),
        graph::cases(),
        read_back::cases(),
        readers::cases(),
        inferred::cases(),
        json::cases(),
        json_shapes::cases(),
        keys::cases(),
        limits::cases(),
        members::cases(),
        messages::cases(),
        returns::cases(),
        retried::cases(),
        history::cases(),
        analysis::cases(),
        browser::cases(),
        status::cases(),
        random::cases(),
        remembered::cases(),
        retract::cases(),
        duplicates::cases(),
        drop::cases(),
        terminal::cases(),
        titles::cases(),
        tls::cases(),
        cli::cases(),
        daemon::cases(),
        crash::cases(),
        protocol::cases(),
        alerts::cases(),
        logs::cases(),
        readme::cases(),
        reference::cases(),
    ];
    let conclusion = libtest_mimic::run(&arguments, cases.into_iter().flatten().collect());
    support::cluster::stop();
    conclusion.exit();
}
