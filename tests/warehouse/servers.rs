//! Servers and containers: locks that somebody else holds, a database that is an older one, a catalog that is a newer one, folders and
//! files without rights.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::Context;
use sluice::sql::Engine;
use sluice::warehouse::{Reading, Scope};
use sqlx::{Connection, Executor, PgConnection};

use crate::support::process::{Daemon, app, copy_app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, listen, same};

cases! {
    on_postgres:
        a_held_dataset_holds_up_no_other_table,
        a_locked_table_holds_up_no_other_table,
        a_run_says_for_whom_it_waits,
        the_start_waits_for_nobody_without_a_word,
        the_server_notices_a_client_that_is_gone,
        a_password_of_any_signs_is_taken;
    on_both:
        what_a_restored_database_lost_is_found,
        a_database_made_anew_has_lost_nothing;
    on_postgres:
        limits_of_a_role_end_nothing_of_ours;
    on_both:
        no_file_fails_for_a_catalog_that_is_gone,
        doctor_says_that_the_database_takes_no_rows,
        a_newer_catalog_is_refused_once,
        missing_rights_say_whose_and_as_whom;
}

/// A session of somebody else's, in a transaction that has done this.
async fn holder(database: &TestDatabase, sql: &str) -> anyhow::Result<PgConnection> {
    let mut connection = PgConnection::connect(&database.url).await?;
    connection.execute("set application_name = 'some psql'").await?;
    connection.execute("begin").await?;
    connection.execute(sqlx::AssertSqlSafe(sql.to_owned())).await?;
    Ok(connection)
}

async fn a_held_dataset_holds_up_no_other_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "uid.csv", "a\n0\n").await?;
    let holds_it = "update sluice.dataset set last_started_at = now() where name = 'uid'";
    others_go_on(database, workdir, holds_it).await
}

async fn a_locked_table_holds_up_no_other_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "uid.csv", "a\n0\n").await?;
    others_go_on(database, workdir, "lock table staging.uid").await
}

async fn others_go_on(database: TestDatabase, workdir: Workdir, holds_it: &str) -> Outcome {
    let mut holder = holder(&database, holds_it).await?;
    // More files of the table than there are places.
    for n in 1..=12 {
        workdir.write(&format!("imports/uid.{n:02}.csv"), format!("a\n{n}\n"))?;
    }
    for n in 1..=6 {
        workdir.write(&format!("imports/z{n}.csv"), format!("a\n{n}\n"))?;
    }
    let mut daemon = Daemon::start(&workdir, &[], &[("DATABASE_URL", &database.url)])?;
    let said = daemon.wait_for(&["not loaded yet", "somebody else holds a lock"])?;
    for words in ["some psql", "user sluice", "from 127.0.0.1", "idle in transaction", "since", "pg_terminate_backend"]
    {
        holds(&said, words)?;
    }
    for n in 1..=6 {
        let last = format!("z{n}.csv");
        if !daemon.log().contains(&format!("loaded {last}")) {
            daemon.wait_for(&["INFO loaded", &last])?;
        }
    }
    same(database.text("select count(*) from sluice.load where dataset = 'uid'").await?, "1")?;
    // It is written down once a second at most.
    let mut status = String::new();
    for _ in 0..100 {
        if !status.contains("some psql") {
            status = stdout(&app(&workdir, &["status"], &[("DATABASE_URL", &database.url)])?);
        }
    }
    holds(&status, "some psql")?;
    holder.execute("rollback").await?;
    for _ in 1..=12 {
        daemon.wait_for(&["INFO loaded", "uid."])?;
    }
    let (status, log) = daemon.terminate()?;
    same(status.code(), Some(0))?;
    // One file speaks for the others of its table.
    let told = log.lines().filter(|line| line.contains("not loaded yet") && line.contains("uid.")).count();
    same((told, (1..6).contains(&told)), (told, true))?;
    // A file that is tried again begins once.
    same(log.lines().filter(|line| line.contains("INFO loading") && line.contains("uid.01.csv")).count(), 1)?;
    same(database.text("select count(*), sum(a) from staging.uid").await?, "13|78")
}

async fn a_run_says_for_whom_it_waits(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "uid.csv", "a\n0\n").await?;
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.uid")?;
    let mut holder = holder(&database, "lock table sluice.run in share row exclusive mode").await?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("PIPELINE", "on_load")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["waiting for a lock that is held by process", "some psql"])?;
    // Files are loaded meanwhile.
    workdir.write("imports/other.csv", "a\n1\n")?;
    daemon.wait_for(&["INFO loaded", "other.csv"])?;
    holder.execute("rollback").await?;
    daemon.wait_for(&["the star is up to date"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn the_start_waits_for_nobody_without_a_word(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut holder = holder(&database, &format!("select pg_advisory_xact_lock({})", 0x736c_7569_6365_i64)).await?;
    let mut daemon = Daemon::start(&workdir, &[], &[("DATABASE_URL", &database.url)])?;
    daemon.wait_for(&["waiting for a lock that is held by process", "some psql"])?;
    holder.execute("rollback").await?;
    daemon.wait_for(&["watching"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn the_server_notices_a_client_that_is_gone(database: TestDatabase, _: Workdir) -> Outcome {
    let setting = async |scope: Scope, name: &str| -> anyhow::Result<String> {
        let mut transaction = database.warehouse.begin(scope).await?;
        let rows = transaction.query(&format!("select current_setting('{name}')"), &[]).await?;
        rows.first().and_then(|row| row.first()?.clone()).context("no setting")
    };
    for scope in [Scope::Load, Scope::Short, Scope::Star] {
        for (name, value) in [
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
            ("client_connection_check_interval", "10s"),
            ("idle_in_transaction_session_timeout", "0"),
        ] {
            same((name, setting(scope, name).await?), (name, value.to_owned()))?;
        }
        same(setting(scope, "lock_timeout").await? == "0", false)?;
    }
    Ok(())
}

async fn a_password_of_any_signs_is_taken(database: TestDatabase, workdir: Workdir) -> Outcome {
    let password = "/ # ? % @ : %41 \" ' $x";
    let mut connection = PgConnection::connect(&database.url).await?;
    let name = format!("signs_{}", std::process::id());
    let quoted = password.replace('\'', "''");
    connection.execute(sqlx::AssertSqlSafe(format!("create role {name} superuser login password '{quoted}'"))).await?;
    let (_, rest) = database.url.split_once('@').context("no address")?;
    let url = format!("postgres://{name}@{rest}");
    workdir.write("password", format!("{password}\n"))?;
    let file = workdir.path("password").display().to_string();
    for setting in [("DATABASE_PASSWORD", password), ("PGPASSWORD", password), ("DATABASE_PASSWORD_FILE", &file)] {
        let done = app(&workdir, &["--once"], &[("DATABASE_URL", &url), setting])?;
        same((setting.0, done.status.code()), (setting.0, Some(0)))?;
        let shown = app(&workdir, &["config"], &[("DATABASE_URL", &url), setting])?;
        same(stdout(&shown).contains("%41"), false)?;
    }
    // The address's own goes before.
    let done = app(&workdir, &["--once"], &[("DATABASE_URL", &database.url), ("DATABASE_PASSWORD", "wrong")])?;
    same(done.status.code(), Some(0))
}

/// Brings the catalog and staging back to what they were after the first load, as a restored dump does.
async fn forget_loads_after(database: &TestDatabase, load: i64, table: &str) -> Outcome {
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    let names = database.warehouse.names();
    let (load_table, staged) = match database.engine {
        Engine::Postgres => ("sluice.load".to_owned(), names.table(&sluice::sql::Table::staging(table))),
        Engine::Sqlite => ("sluice__load".to_owned(), names.table(&sluice::sql::Table::staging(table))),
    };
    transaction.execute(&format!("delete from {staged} where _load_id > {load}"), &[]).await?;
    transaction.execute(&format!("delete from {load_table} where id > {load}"), &[]).await?;
    transaction.commit().await?;
    Ok(())
}

async fn what_a_restored_database_lost_is_found(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let archive = [("DATABASE_URL", database.url.as_str()), ("ON_SUCCESS", "archive")];
    workdir.write("imports/t.1.csv", "a\n1\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let first: i64 = database.text("select max(id) from sluice.load").await?.parse()?;
    workdir.write("imports/t.2.csv", "a\n2\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    workdir.write("imports/t.3.csv", "a\n3\n")?;
    same(app(&workdir, &["--once"], &archive)?.status.code(), Some(0))?;
    // Nothing is missed as long as nothing is lost, however often it starts, and what was taken back is not lost.
    let last = database.text("select max(id) from sluice.load").await?;
    same(app(&workdir, &["retract", &last, "--yes"], &settings)?.status.code(), Some(0))?;
    let done = app(&workdir, &["--once"], &settings)?;
    same((stdout(&done) + &stderr(&done)).contains("lost"), false)?;
    // Delivered again, it is a load like others.
    workdir.write("imports/t.3.csv", "a\n3\n")?;
    same(app(&workdir, &["--once"], &archive)?.status.code(), Some(0))?;

    forget_loads_after(&database, first, "t").await?;
    let done = app(&workdir, &["--once"], &settings)?;
    let said = stdout(&done) + &stderr(&done);
    holds(&said, "an older state of the database was restored")?;
    let named = said.lines().find(|line| line.contains("ERROR") && line.contains("t.2.csv")).unwrap_or_default();
    holds(named, "its file is not here any more; get the file once more")?;
    holds(&said, "t.3.csv")?;
    same(database.text("select a from staging.t order by a").await?, "1\n3")?;
    let status = app(&workdir, &["status"], &settings)?;
    same(status.status.code(), Some(1))?;
    for words in
        ["t.2.csv into t", "the database has lost a load that it had confirmed", "remove imports/.sluice/lost.jsonl"]
    {
        holds(&stdout(&status), words)?;
    }
    same(stdout(&status).contains("t.3.csv into t"), false)?;
    // It is logged once, and no run is well until it is known.
    let done = app(&workdir, &["--once"], &settings)?;
    same((stdout(&done) + &stderr(&done)).contains("has lost a load"), false)?;
    same(done.status.code(), Some(1))?;
    holds(&stdout(&done), "Next: app status, which names what the database has lost")?;

    // Loaded again, it is lost no more.
    workdir.write("imports/again.csv", "a\n2\n")?;
    workdir.plugin("again", "name: again\nfiles: [\"again*\"]\ntable: t\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(app(&workdir, &["status"], &settings)?.status.code(), Some(0))?;
    same(workdir.path("imports/.sluice/lost.jsonl").exists(), false)?;

    // The numbers are given again: the content tells.
    forget_loads_after(&database, first, "t").await?;
    let done = app(&workdir, &["--once"], &settings)?;
    holds(&(stdout(&done) + &stderr(&done)), "t.3.csv")?;
    // While the daemon runs, too, and then somebody is told.
    let hook = listen::webhook()?;
    let webhook = format!("http://127.0.0.1:{}/", hook.port);
    let mut daemon = Daemon::start(&workdir, &[], &[&settings[..], &[("ALERT_WEBHOOK", &webhook)]].concat())?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/t.4.csv", "a\n4\n")?;
    daemon.wait_for(&["INFO loaded", "t.4.csv"])?;
    let before: i64 = database.text("select max(id) - 1 from sluice.load").await?.parse()?;
    forget_loads_after(&database, before, "t").await?;
    for n in 5.. {
        workdir.write(&format!("imports/u.{n}.csv"), format!("a\n{n}\n"))?;
        daemon.wait_for(&["INFO loaded", &format!("u.{n}.csv")])?;
        if daemon.log().contains("has lost a load") {
            break;
        }
        anyhow::ensure!(n < 40, "nothing is said:\n{}", daemon.log());
    }
    let log = daemon.terminate()?.1;
    holds(log.lines().find(|line| line.contains("has lost a load")).unwrap_or_default(), "t.4.csv")?;
    let told = hook.next()?;
    same((&told["kind"], &told["subject"], &told["state"]), (&"lost".into(), &"t.4.csv".into(), &"raised".into()))?;
    holds(told["fix"].as_str().unwrap_or_default(), "get the file once more")
}

async fn a_database_made_anew_has_lost_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("ON_SUCCESS", "archive"), ("DEV", "true")];
    for text in ["a\n1\n", "a\n2\n", "a\n3\n"] {
        workdir.write("imports/t.csv", text)?;
        let done = app(&workdir, &["--once"], &settings)?;
        same(done.status.code(), Some(0))?;
        same((stdout(&done) + &stderr(&done)).contains("lost a load"), false)?;
        same(database.text("select count(*) from staging.t").await?, "1")?;
    }
    // Another database has not got the rows, and nothing comes back of itself.
    let other = database.another().await?;
    // Its catalog was made in another second.
    let table = if database.engine == Engine::Postgres { "sluice.migration" } else { "sluice__migration" };
    let mut transaction = other.warehouse.begin(Scope::Load).await?;
    transaction.execute(&format!("update {table} set applied_at = applied_at + 10"), &[]).await?;
    transaction.commit().await?;
    let done = app(&workdir, &["--once"], &[("DATABASE_URL", &other.url)])?;
    same((stdout(&done) + &stderr(&done)).contains("brought_back"), false)?;
    same(workdir.list("imports"), Vec::<String>::new())
}

async fn limits_of_a_role_end_nothing_of_ours(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut connection = PgConnection::connect(&database.url).await?;
    let name = format!("limited_{}", std::process::id());
    for sql in [
        format!("create role {name} superuser login password 'x'"),
        format!("alter role {name} set statement_timeout = '200ms'"),
        format!("alter role {name} set idle_in_transaction_session_timeout = '200ms'"),
    ] {
        connection.execute(sqlx::AssertSqlSafe(sql)).await?;
    }
    let (_, rest) = database.url.split_once('@').context("no address")?;
    let url = format!("postgres://{name}:x@{rest}");
    let warehouse = sluice::warehouse::connect(&crate::support::address(&url)).await?;
    let rows = warehouse.read("select pg_sleep(0.5)", Reading::default()).await?.all().await?;
    same(rows.len(), 1)?;
    for scope in [Scope::Load, Scope::Short, Scope::Star] {
        let mut transaction = warehouse.begin(scope).await?;
        for limit in ["statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"] {
            let rows = transaction.query(&format!("select current_setting('{limit}', true)"), &[]).await?;
            let value = rows.first().and_then(|row| row.first()?.clone()).unwrap_or_default();
            same((limit, ["", "0"].contains(&&*value)), (limit, true))?;
        }
        // Also for a session that a pooler has given to somebody else meanwhile.
        transaction.execute("set session statement_timeout = '200ms'", &[]).await?;
        transaction.commit().await?;
    }
    workdir.write("imports/t.csv", "a\n1\n")?;
    let settings = [("DATABASE_URL", url.as_str()), ("FAILPOINTS", "copied=sleep(500)")];
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(database.text("select a from staging.t").await?, "1")
}

/// Somebody drops the catalog, or one of its tables, under a running daemon.
async fn no_file_fails_for_a_catalog_that_is_gone(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let (rename, back) = match database.engine {
        Engine::Postgres => (["alter table sluice.load rename to kept"], ["alter table sluice.kept rename to load"]),
        Engine::Sqlite => (["alter table sluice__load rename to kept"], ["alter table kept rename to sluice__load"]),
    };
    let run = async |statements: &[&str]| -> Outcome {
        let mut transaction = database.warehouse.begin(Scope::Load).await?;
        for sql in statements {
            transaction.execute(sql, &[]).await?;
        }
        Ok(transaction.commit().await?)
    };
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/a.csv", "a\n1\n")?;
    daemon.wait_for(&["INFO loaded", "a.csv"])?;
    run(&rename).await?;
    workdir.write("imports/b.csv", "a\n2\n")?;
    let said = daemon.wait_for(&["the catalog is not whole, missing: the catalog's table load"])?;
    holds(&said, "restore it from a backup, and loading goes on by itself")?;
    run(&back).await?;
    daemon.wait_for(&["INFO loaded", "b.csv"])?;
    match database.engine {
        Engine::Postgres => run(&["drop schema sluice cascade"]).await?,
        Engine::Sqlite => {
            let tables =
                "select name from sqlite_schema where type = 'table' and name like 'sluice\\_\\_%' escape '\\'";
            let rows = database.warehouse.read(tables, Reading::default()).await?.all().await?;
            let drops: Vec<_> = rows.into_iter().flatten().flatten().map(|name| format!("drop table {name}")).collect();
            run(&drops.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        }
    }
    workdir.write("imports/c.csv", "a\n3\n")?;
    daemon.wait_for(&["the catalog is not whole, missing: the"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(workdir.list("imports"), ["c.csv"])
}

async fn doctor_says_that_the_database_takes_no_rows(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let done = app(&workdir, &["doctor"], &settings)?;
    same(done.status.code(), Some(0))?;
    holds(&stdout(&done), "rows were written and taken back")?;
    if database.engine == Engine::Postgres {
        let sign = if database.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{sign}options=-c%20default_transaction_read_only=on", database.url);
        let done = app(&workdir, &["doctor"], &[("DATABASE_URL", &url)])?;
        same(done.status.code(), Some(1))?;
        // Between the two is the server's own sentence, in its language.
        holds(&stdout(&done), "cannot be written: ")?;
        holds(&stdout(&done), "CREATE TABLE")?;
        holds(&stdout(&done), ": it is a standby")?;
    }
    let done = app(&workdir, &["doctor"], &[settings[0], ("FAILPOINTS", "begin=return")])?;
    same(done.status.code(), Some(1))?;
    holds(&stdout(&done), "cannot be written")
}

async fn a_newer_catalog_is_refused_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let table = if database.engine == Engine::Postgres { "sluice.migration" } else { "sluice__migration" };
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    let newer = format!("insert into {table} (version, applied_at) values ('m20990101_000009_later', 1)");
    transaction.execute(&newer, &[]).await?;
    transaction.commit().await?;
    for arguments in [&["--once"][..], &[], &["--pipeline"], &["loads"], &["status"]] {
        for init in ["true", "false"] {
            let done = app(&workdir, arguments, &[("DATABASE_URL", &database.url), ("INIT_DB", init)])?;
            let said = stdout(&done) + &stderr(&done);
            holds(&said, "m20990101_000009_later")?;
            same(said.matches("newer Sluice").count(), 1)?;
            if arguments != ["status"] {
                same((arguments, done.status.code()), (arguments, Some(2)))?;
            }
        }
    }
    Ok(())
}

async fn missing_rights_say_whose_and_as_whom(database: TestDatabase, workdir: Workdir) -> Outcome {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    // As another user, whose folders these are but for one.
    let program = workdir.path("app");
    copy_app(&program)?;
    fs::set_permissions(workdir.path(""), fs::Permissions::from_mode(0o755))?;
    for name in ["", "imports", "exports"] {
        std::os::unix::fs::chown(workdir.path(name), Some(4321), Some(4322))?;
    }
    if database.engine == Engine::Sqlite {
        fs::create_dir(workdir.path("data"))?;
        std::os::unix::fs::chown(workdir.path("data"), Some(4321), Some(4322))?;
    }
    let url = if database.engine == Engine::Sqlite { "sqlite://data/warehouse.db" } else { &database.url };
    let run = |arguments: &str| -> anyhow::Result<(Option<i32>, String)> {
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new(&program);
        command.args(arguments.split(' ')).current_dir(workdir.path("")).env_clear().uid(4321).gid(4322);
        let done = command.env("DATABASE_URL", url).env("SETTLE_SECONDS", "0").output()?;
        Ok((done.status.code(), stdout(&done) + &stderr(&done)))
    };
    same(run("--once")?.0, Some(0))?;
    let secret = workdir.write("imports/p.csv", "a\n1\n")?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
    let (code, said) = run("--once")?;
    same(code, Some(1))?;
    for words in ["uid 0's, gid 0's, with mode 0600", "Sluice runs as uid 4321, gid 4322", "chmod a+r"] {
        holds(&said, words)?;
    }
    fs::remove_dir_all(workdir.path("imports/failed"))?;
    workdir.write("imports/q.csv", "a\n1\n")?;
    workdir.write("imports/r.csv", "a,b\n1,2\n3,\0\n")?;
    std::os::unix::fs::chown(workdir.path("exports"), Some(0), Some(0))?;
    let (code, said) = run("--once")?;
    same(code, Some(1))?;
    holds(&said, "cannot write rejects into exports/rejects: Permission denied (os error 13)")?;
    holds(
        &said,
        "exports is uid 0's, gid 0's, with mode 0755, and Sluice runs as uid 4321, gid 4322: chown -R 4321:4322 ",
    )?;
    let (code, said) = run("export q --output exports/q.csv")?;
    same(code, Some(1))?;
    holds(&said, "and Sluice runs as uid 4321, gid 4322: chown -R 4321:4322 ")?;
    std::os::unix::fs::chown(workdir.path("exports"), Some(4321), Some(4322))?;
    same(run("--once")?.0, Some(3))?;
    for folder in ["logs", "imports"] {
        fs::set_permissions(workdir.path(folder), fs::Permissions::from_mode(0o755))?;
        std::os::unix::fs::chown(workdir.path(folder), Some(0), Some(0))?;
        let (code, said) = run("doctor")?;
        same(code, Some(1))?;
        holds(&said, "uid 0's, gid 0's, with mode 0755, and Sluice runs as uid 4321, gid 4322: chown -R 4321:4322 ")?;
        // Loading goes on without a log, so that is no matter of health.
        let line =
            |said: &str| said.lines().find(|line| line.contains(&format!("folder {folder} "))).map(str::to_owned);
        let health = line(&run("doctor --watched")?.1).context("no line")?;
        same((folder, health.contains("NOT OK")), (folder, folder == "imports"))?;
    }
    fs::remove_dir_all(workdir.path("imports/.sluice"))?;
    let (code, said) = run("--once")?;
    same(code, Some(2))?;
    holds(&said, "cannot use the folder imports")?;
    holds(&said, "Sluice runs as uid 4321, gid 4322: chown -R 4321:4322 ")?;
    std::os::unix::fs::chown(workdir.path("imports"), Some(77), Some(78))?;
    holds(&run("--once")?.1, "APP_UID=77 and APP_GID=78 in .env")
}
