//! PostgreSQL is away, restarts, refuses or waits while files arrive. The daemon stays up, and goes on by itself.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::bed::{Bed, Engine, needs, needs_root};
use crate::daemon::{PATIENCE, until};
use crate::kills::drop_some;
use crate::make::Kind;
use crate::mount::Mount;
use crate::report::Row;
use crate::server::{Server, Stop, free_port};
use crate::site::Site;
use crate::{Fault, POSTGRES, sql};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "postgres-restarts",
        about: "the server is stopped (fast), broken off (immediate) and killed under load, and started again",
        engines: POSTGRES,
        run: restarts,
    },
    Fault {
        name: "postgres-away-at-start",
        about: "the server does not run when the daemon starts",
        engines: POSTGRES,
        run: away_at_start,
    },
    Fault {
        name: "postgres-terminates",
        about: "pg_terminate_backend of every connection of the daemon, again and again",
        engines: POSTGRES,
        run: terminates,
    },
    Fault {
        name: "postgres-no-connections",
        about: "idle connections of somebody else take all that the server has",
        engines: POSTGRES,
        run: no_connections,
    },
    Fault {
        name: "postgres-read-only",
        about: "default_transaction_read_only=on for a while",
        engines: POSTGRES,
        run: read_only,
    },
    Fault {
        name: "postgres-table-locked",
        about: "somebody holds an exclusive lock on a staging table for a while",
        engines: POSTGRES,
        run: table_locked,
    },
    Fault {
        name: "postgres-disk-full",
        about: "the disk of the server is full for a while",
        engines: POSTGRES,
        run: disk_full,
    },
    Fault {
        name: "postgres-wait-given-up",
        about: "the wait for a synchronous standby is cancelled: COMMIT succeeds with a warning",
        engines: POSTGRES,
        run: wait_given_up,
    },
    Fault {
        name: "pgbouncer-transactions",
        about: "through pgbouncer in transaction mode",
        engines: POSTGRES,
        run: pgbouncer,
    },
];

fn restarts(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let server = Server::new(&[])?;
    let mut site = Site::at(bed, engine, server.new_database()?)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for round in 0..bed.options.times(3, 30) {
        let end = Instant::now() + Duration::from_millis(300 + bed.chance(500));
        while Instant::now() < end {
            drop_some(&mut site, 4)?;
            std::thread::sleep(Duration::from_millis(40));
        }
        server.stop([Stop::Fast, Stop::Immediate, Stop::Kill][round % 3]);
        drop_some(&mut site, 3)?;
        std::thread::sleep(Duration::from_millis(bed.chance(1500)));
        server.start()?;
        site.times += 1;
    }
    site.finish()
}

fn away_at_start(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let server = Server::new(&[])?;
    let mut site = Site::at(bed, engine, server.new_database()?)?;
    // A new project first, then one that has its schemas.
    for _ in 0..2 {
        server.stop(Stop::Fast);
        site.drop("rows", Kind::Csv, 500)?;
        site.start()?.wait(Duration::from_secs(3))?;
        server.start()?;
        site.settle(PATIENCE)?;
        site.stop()?;
        site.times += 1;
    }
    site.finish()
}

fn terminates(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    let others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    for _ in 0..bed.options.times(30, 600) {
        drop_some(&mut site, 2)?;
        std::thread::sleep(Duration::from_millis(bed.chance(200)));
        sql::execute(&site.url, others)?;
        site.times += 1;
    }
    site.finish()
}

fn no_connections(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    use sqlx::Connection;
    let server = Server::new(&["max_connections=20"])?;
    let mut site = Site::at(bed, engine, server.new_database()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for fresh in [false, true] {
        if !fresh {
            site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
            site.drop("rows", Kind::Csv, 500)?;
            site.is_idle(PATIENCE);
            // Its pool is what it has; what is left is taken by others, and then its own are ended.
        }
        let url = server.maintenance();
        let mut idle = Vec::new();
        let mut take_all = || {
            while let Ok(one) = runtime.block_on(sqlx::PgConnection::connect(&url)) {
                idle.push(one);
            }
        };
        take_all();
        if fresh {
            site.stop()?;
            take_all();
            site.start()?;
        }
        for _ in 0..8 {
            site.drop("rows", Kind::Csv, 500)?;
        }
        std::thread::sleep(Duration::from_secs(bed.options.times(4, 70) as u64));
        idle.clear();
        site.settle(PATIENCE)?;
        site.times += 1;
    }
    site.finish()
}

fn read_only(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let server = Server::new(&[])?;
    let mut site = Site::at(bed, engine, server.new_database()?)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for seconds in [3, bed.options.times(1, 60) as u64] {
        site.drop("rows", Kind::Csv, 100_000)?;
        server.execute("alter system set default_transaction_read_only = on")?;
        server.execute("select pg_reload_conf()")?;
        for _ in 0..5 {
            site.drop("rows", Kind::Csv, 500)?;
            site.copy("again", Kind::Csv, 500)?;
        }
        std::thread::sleep(Duration::from_secs(seconds));
        server.execute(
            "set default_transaction_read_only = off; set session characteristics as transaction read write",
        )?;
        server.execute("alter system reset default_transaction_read_only")?;
        server.execute("select pg_reload_conf()")?;
        site.settle(PATIENCE)?;
        site.times += 1;
    }
    site.finish()
}

fn table_locked(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    use sqlx::{Connection, Executor};
    let mut site = Site::new(bed, engine)?;
    site.drop("rows", Kind::Csv, 10)?;
    site.settle(PATIENCE)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut holder = runtime.block_on(sqlx::PgConnection::connect(&site.url))?;
    runtime.block_on(holder.execute("begin; lock table staging.rows in access exclusive mode"))?;
    for _ in 0..6 {
        site.drop("rows", Kind::Csv, 500)?;
    }
    // They have begun to wait for the lock.
    std::thread::sleep(Duration::from_millis(500));
    let other = site.drop("again", Kind::Csv, 500)?;
    let started = Instant::now();
    let seconds = Duration::from_secs(bed.options.times(5, 70) as u64);
    if until(seconds, || !site.waiting().contains(&other)) {
        site.notes.push(format!("a file of another table took {:.1} s meanwhile", started.elapsed().as_secs_f64()));
    } else {
        site.notes.push("files of other tables wait for the one that is locked".to_owned());
    }
    std::thread::sleep(seconds.saturating_sub(started.elapsed()));
    runtime.block_on(holder.execute("rollback"))?;
    site.times = 1;
    site.finish()
}

/// The warning that comes with a COMMIT is all that tells of it: the file stays until a commit over it was confirmed without one.
fn wait_given_up(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let server = Server::new(&[])?;
    let mut site = Site::at(bed, engine, server.new_database()?)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for round in 0..bed.options.times(2, 10) {
        // A server may be told to keep its warnings to itself.
        let told = if round % 2 == 0 { "notice" } else { "error" };
        server.execute(&format!("alter system set client_min_messages = {told}"))?;
        server.execute("alter system set synchronous_standby_names = 'nobody'")?;
        server.execute("select pg_reload_conf()")?;
        let name = site.copy("again", Kind::Csv, 500)?;
        let waits = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
        let url = server.maintenance();
        anyhow::ensure!(until(PATIENCE, || sql::number(&url, waits).is_ok_and(|count| count > 0)), "nobody waits");
        server.execute("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")?;
        // It asks the ledger, and its commit over what is there waits, too.
        anyhow::ensure!(until(PATIENCE, || sql::number(&url, waits).is_ok_and(|count| count > 0)), "it does not ask");
        if !site.waiting().contains(&name) {
            site.wrong.push(format!("{name} was deleted by a commit that was not confirmed"));
        }
        server.execute("alter system reset synchronous_standby_names")?;
        server.execute("select pg_reload_conf()")?;
        site.settle(PATIENCE)?;
        site.times += 1;
    }
    let daemon = site.daemon()?;
    anyhow::ensure!(daemon.says(&["it is not known whether the commit happened: the server said"]), "{}", daemon.log());
    site.finish()
}

fn disk_full(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    // In MiB: what is loaded in the end has to find room.
    let disk = Mount::new(bed, 192 + 64 * bed.options.times(0, 4) as u64)?;
    let server = Server::in_folder(&disk.path, &["min_wal_size=32MB", "max_wal_size=48MB", "wal_keep_size=0"])?;
    let mut site = Site::at(bed, engine, server.new_database()?)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for _ in 0..bed.options.times(1, 5) {
        disk.fill(3 << 20)?;
        for _ in 0..3 {
            site.drop("rows", Kind::Csv, 60_000)?;
            site.drop("again", Kind::Csv, 5000)?;
        }
        std::thread::sleep(Duration::from_secs(4));
        disk.free()?;
        if server.execute("select 1").is_err() {
            server.stop(Stop::Immediate);
            server.start()?;
            site.notes.push("the server itself had ended".to_owned());
        }
        site.settle(PATIENCE * 2)?;
        site.times += 1;
    }
    let row = site.finish();
    server.stop(Stop::Immediate);
    row
}

fn pgbouncer(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    use std::os::unix::process::CommandExt;
    needs("pgbouncer", "pgbouncer")?;
    needs_root("running pgbouncer as another user")?;
    let server = bed.server()?;
    let mut site = Site::new(bed, engine)?;
    let database = site.url.rsplit('/').next().context("an address without a database")?.to_owned();
    let port = free_port()?;
    let folder = tempfile::tempdir()?;
    let users = folder.path().join("users.txt");
    std::fs::write(&users, format!("\"sluice\" \"{}\"\n", server.password()))?;
    let settings = folder.path().join("pgbouncer.ini");
    std::fs::write(
        &settings,
        format!(
            "[databases]\n{database} = host=127.0.0.1 port={} dbname={database} user=sluice password={}\n\
             [pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\nauth_type=trust\nauth_file={}\n\
             pool_mode=transaction\ndefault_pool_size=3\nignore_startup_parameters=extra_float_digits,options\n",
            server.port,
            server.password(),
            users.display()
        ),
    )?;
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let log = std::fs::File::create(folder.path().join("log"))?;
    let mut command = std::process::Command::new("pgbouncer");
    command.arg(&settings).uid(65534).gid(65534).stdout(log.try_clone()?).stderr(log);
    let mut bouncer = command.spawn()?;
    let through = server.url_of(&database, port);
    anyhow::ensure!(
        until(Duration::from_secs(10), || sql::execute(&through, "select 1").is_ok()),
        "pgbouncer does not answer: {}",
        std::fs::read_to_string(folder.path().join("log"))?
    );
    let direct = site.url.clone();
    site.set("DATABASE_URL", through);
    let row = through_pooler(site, direct);
    bouncer.kill()?;
    bouncer.wait()?;
    row
}

/// PgBouncer before 1.21 gives the transactions of one connection to several, which breaks prepared statements: the
/// program has to say so and to
/// lose nothing, until a person has given it connections of its own.
fn through_pooler(mut site: Site<'_>, direct: String) -> anyhow::Result<Row> {
    site.start()?;
    for _ in 0..site.bed.options.times(10, 100) {
        drop_some(&mut site, 5)?;
        std::thread::sleep(Duration::from_millis(100));
        site.times += 1;
    }
    if !site.is_idle(Duration::from_secs(15)) && site.daemon()?.says(&["PgBouncer 1.21"]) {
        site.stop_whatever_it_says()?;
        site.set("DATABASE_URL", direct);
        site.notes.push("waits and says why; then without the pooler".to_owned());
    }
    site.finish()
}
