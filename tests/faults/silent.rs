//! The network between the program and PostgreSQL goes silent: packets are lost, and neither side is told. And a program whose last
//! packet is lost, as a killed container's can be: the server keeps its session and its locks until it notices.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::bed::{Bed, Engine};
use crate::daemon::{PATIENCE, until};
use crate::kills::drop_some;
use crate::make::Kind;
use crate::network::Network;
use crate::report::Row;
use crate::server::Server;
use crate::site::Site;
use crate::{Fault, POSTGRES, sql};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "postgres-network-silent",
        about: "packets between program and server are lost in the midst of a load, for three seconds and until the program says so",
        engines: POSTGRES,
        run: network_silent,
    },
    Fault {
        name: "postgres-last-packet-lost",
        about: "the program is killed in the midst of a load and the server does not hear of it; another one starts elsewhere",
        engines: POSTGRES,
        run: last_packet_lost,
    },
];

/// The longest that a side may take to notice that the other one is gone, in seconds: docs/postgresql.md says half a minute for the
/// server; the program waits for a minute.
const NOTICED: u64 = 75;

/// A server that listens on the network, and a project whose program runs at its other end. `site.url` is the server's, for counting.
fn apart<'a>(bed: &'a Bed, engine: Engine) -> anyhow::Result<(Network, Server, Site<'a>)> {
    let mut network = Network::new(bed)?;
    let server = Server::new(&["listen_addresses=*"])?;
    server.allow(&network.all())?;
    let mut site = Site::at(bed, engine, server.new_database()?)?;
    site.set("DATABASE_URL", site.url.replace("127.0.0.1", &network.here()));
    site.wrapper = network.machine()?;
    Ok((network, server, site))
}

fn network_silent(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let (network, _server, mut site) = apart(bed, engine)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for seconds in [3, NOTICED] {
        let big = site.drop("rows", Kind::Csv, 300_000)?;
        site.daemon()?.wait_for(&["INFO loading", &big], PATIENCE)?;
        std::thread::sleep(Duration::from_millis(bed.chance(300)));
        network.silence()?;
        drop_some(&mut site, 3)?;
        site.copy("again", Kind::Csv, 500)?;
        let started = Instant::now();
        let notices = until(Duration::from_secs(seconds), || {
            site.daemon().is_ok_and(|daemon| daemon.says(&["the database does not answer"]))
        });
        if notices {
            site.notes.push(format!("noticed after {:.0} s", started.elapsed().as_secs_f64()));
        } else if seconds == NOTICED {
            site.wrong.push(format!("nothing is said after {NOTICED} s"));
        }
        network.hear()?;
        site.settle(PATIENCE)?;
        site.times += 1;
    }
    site.finish()
}

fn last_packet_lost(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let (mut network, _server, mut site) = apart(bed, engine)?;
    for _ in 0..bed.options.times(1, 5) {
        let big = site.drop("rows", Kind::Csv, 300_000)?;
        site.start()?;
        site.is_free(&big, PATIENCE);
        let copies = "select count(*) from pg_stat_activity where query ilike 'copy%' and state = 'active'";
        let url = site.url.clone();
        let is_copying = until(PATIENCE, || sql::number(&url, copies).is_ok_and(|count| count > 0));
        anyhow::ensure!(is_copying, "it does not copy");
        network.silence()?;
        site.kill()?;
        network.lose_machine()?;
        network.hear()?;
        site.wrapper = network.machine()?;
        let held = sql::number(&site.url, copies)?;
        let started = Instant::now();
        let other = site.drop("again", Kind::Csv, 500)?;
        site.start()?;
        if !until(Duration::from_secs(20), || !site.waiting().contains(&other)) {
            site.wrong.push("a file of another table waits for the session that is gone".to_owned());
        }
        site.daemon().context("it ended")?;
        if !site.is_idle(Duration::from_secs(NOTICED)) {
            site.wrong.push(format!("the file of the session that is gone waits for more than {NOTICED} s"));
        }
        let took = started.elapsed().as_secs_f64();
        site.notes.push(format!("the server kept {held} session; loaded after {took:.0} s"));
        site.settle(PATIENCE)?;
        site.stop()?;
        site.times += 1;
    }
    site.finish()
}
