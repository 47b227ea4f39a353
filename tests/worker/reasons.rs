//! Reasons and remedies of what does not go on: each names what is in the way, and no other thing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use sluice::sql::Table;
use sluice::warehouse::Scope;

use crate::support::process::{Daemon, app, app_of_user, as_other_user, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_table_made_by_hand_is_told_from_ours,
        a_file_that_waits_says_for_what,
        what_is_not_read_is_told,
        a_pipeline_without_files_is_told_once;
    alone:
        a_closed_archive_is_named,
        a_closed_folder_of_ours_is_named,
        a_folder_that_cannot_be_read_is_told_once,
        rejects_that_cannot_be_written_name_their_folder,
        a_read_only_file_says_how_it_is_opened;
    on_postgres:
        a_lock_is_named_while_it_is_waited_for,
        a_read_only_server_says_why;
}

async fn what_is_not_read_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    fs::create_dir_all(workdir.path("imports/older"))?;
    workdir.write("imports/older/t.csv", "a\n1\n")?;
    fs::create_dir_all(workdir.path("imports/lost+found"))?;
    workdir.write("imports/t.csv.bz2", "BZh9")?;
    workdir.write("away.csv", "a\n1\n")?;
    std::os::unix::fs::symlink("../away.csv", workdir.path("imports/link.csv"))?;
    workdir.write("imports/up.csv.part", "a\n1\n")?;
    let done = app(&workdir, &["--quiet", "--once"], &settings)?;
    same(done.status.code(), Some(0))?;
    let said = stdout(&done) + &stderr(&done);
    let status = stdout(&app(&workdir, &["status"], &settings)?);
    for (name, why) in [
        ("older", "left where it is: a folder, in which nothing is read"),
        ("link.csv", "left where it is: a symbolic link, which is not followed"),
        ("t.csv.bz2", "left where it is: no format that is read"),
    ] {
        let of = |text: &str| -> Vec<String> {
            text.lines().filter(|line| line.contains(name)).map(str::to_owned).collect()
        };
        let (log, listed) = (of(&said), of(&status));
        same((name, log.len(), listed.len()), (name, 1, 1))?;
        holds(&log[0], "WARN")?;
        holds(&log[0], why)?;
        holds(&listed[0], why)?;
    }
    // Another name follows, or nobody's data is in it.
    for name in ["up.csv.part", "lost+found"] {
        same((name, said.contains(name)), (name, false))?;
    }
    Ok(())
}

async fn a_table_made_by_hand_is_told_from_ours(database: TestDatabase, workdir: Workdir) -> Outcome {
    let table = |name| database.warehouse.names().table(&Table::staging(name));
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    for sql in [
        format!(
            "create table {} (id integer primary key, _load_id bigint not null, _line bigint not null)",
            table("own")
        ),
        format!("create table {} (n text)", table("foreign")),
    ] {
        transaction.execute(&sql, &[]).await?;
    }
    transaction.commit().await?;
    workdir.drop_file(&database, "own.csv", "id,name\n1,x\n").await?;
    let note = workdir.read("imports/failed/own.csv.error.json")?;
    for words in [
        "staging.own has a column id that no file brought, and this file brings one of that name: somebody has made it by hand",
        "rename or drop what the message names",
    ] {
        holds(&note, words)?;
    }
    workdir.drop_file(&database, "foreign.csv", "a\n1\n").await?;
    holds(&workdir.read("imports/failed/foreign.csv.error.json")?, "staging.foreign has no column _load_id")?;
    same(database.text("select count(*) from staging.own").await?, "0")?;
    // A column of somebody's own that no file brings stays as it is.
    workdir.load(&database, "t.csv", "a\n1\n").await?;
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    transaction.execute(&format!("alter table {} add column note text", table("t")), &[]).await?;
    transaction.commit().await?;
    workdir.load(&database, "t.csv", "a,b\n2,3\n").await?;
    workdir.drop_file(&database, "t.csv", "a,note\n3,x\n").await?;
    holds(&workdir.read("imports/failed/t.csv.error.json")?, "staging.t has a column note that no file brought")?;
    same(database.text("select count(*), sum(a), count(note) from staging.t").await?, "2|3|0")
}

async fn a_file_that_waits_says_for_what(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/w.csv", "a\n1\n")?;
    let why = app(&workdir, &["why", "w.csv"], &settings)?;
    same(why.status.code(), Some(0))?;
    holds(&stdout(&why), "w.csv is not loaded, since ")?;
    holds(&stdout(&why), ": nobody watches the folder")?;
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&app(&workdir, &["why", "w.csv", "--json"], &settings)?))?;
    same((json["file"].as_str(), json["why"].as_str()), (Some("w.csv"), Some("nobody watches the folder")))?;
    same(app(&workdir, &["why", "other.csv"], &settings)?.status.code(), Some(2))?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let why = app(&workdir, &["why", "w.csv"], &settings)?;
    same((why.status.code(), stdout(&why).contains("is not loaded")), (Some(0), false))?;
    // Another file of the name comes.
    workdir.write("imports/w.csv", "a\n2\n")?;
    let why = stdout(&app(&workdir, &["why", "w.csv"], &settings)?);
    holds(&why, "load 1: w.csv came")?;
    holds(&why, "w.csv is not loaded, since ")
}

async fn a_pipeline_without_files_is_told_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("PIPELINE", "on_load")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/a.csv", "a\n1\n")?;
    daemon.wait_for(&["WARN", "PIPELINE=on_load does nothing yet: there is no .sql file in sql/pipeline"])?;
    same(app(&workdir, &["status"], &settings)?.status.code(), Some(0))?;
    // The first file makes it do something, and its absence from then on is a fault.
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.a")?;
    workdir.write("imports/a.csv", "a\n2\n")?;
    daemon.wait_for(&["the star is up to date"])?;
    fs::remove_dir_all(workdir.path("sql"))?;
    workdir.write("imports/a.csv", "a\n3\n")?;
    daemon.wait_for(&["ERROR", "the star stays as it was", "there is no such folder"])?;
    let (status, log) = daemon.terminate()?;
    same((status.code(), log.matches("does nothing yet").count()), (Some(0), 1))
}

async fn a_closed_archive_is_named(workdir: Workdir) -> Outcome {
    let user = as_other_user(&workdir)?;
    let settings = [("DATABASE_URL", "sqlite://data/warehouse.db"), ("ON_SUCCESS", "archive")];
    let archive = workdir.path("archive");
    fs::create_dir(&archive)?;
    chown(&archive, user, user)?;
    fs::set_permissions(&archive, fs::Permissions::from_mode(0o555))?;
    chown(workdir.write("imports/a.csv", "a\n1\n")?, user, user)?;
    let mut daemon = Daemon::start_as_user(&workdir, &settings)?;
    let said = daemon.wait_for(&["ERROR", "a.csv", "its rows are loaded, and the file cannot be kept: "])?;
    for words in ["archive is uid ", "chmod u+rwx ", "the right to write in the archive"] {
        holds(&said, words)?;
    }
    same((said.as_str(), said.contains("imports folder")), (said.as_str(), false))?;
    // It is written down once a second at most.
    let mut status = String::new();
    for _ in 0..100 {
        if !status.contains("a.csv is not loaded: its rows are loaded, and the file cannot be kept") {
            status = stdout(&app_of_user(&workdir, &["status"], &settings)?);
        }
    }
    holds(&status, "the right to write in the archive")?;
    fs::set_permissions(&archive, fs::Permissions::from_mode(0o755))?;
    daemon.wait_for(&["loaded what had been begun before", "a.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same((workdir.list("archive"), workdir.claims()), (vec!["a.csv".to_owned()], 0))
}

async fn a_closed_folder_of_ours_is_named(workdir: Workdir) -> Outcome {
    let user = as_other_user(&workdir)?;
    let settings = [("DATABASE_URL", "sqlite://data/warehouse.db"), ("POLL", "true")];
    let mut daemon = Daemon::start_as_user(&workdir, &settings)?;
    daemon.wait_for(&["watching"])?;
    let ours = workdir.path("imports/.sluice");
    let mode = ours.metadata()?.permissions();
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o000))?;
    chown(workdir.write("imports/a.csv", "a\n1\n")?, user, user)?;
    let said = daemon.wait_for(&["ERROR", "imports/.sluice is uid ", "with mode 0000"])?;
    holds(&said, "chmod u+rwx ")?;
    fs::set_permissions(&ours, mode)?;
    daemon.wait_for(&["INFO loaded", "a.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn a_folder_that_cannot_be_read_is_told_once(workdir: Workdir) -> Outcome {
    as_other_user(&workdir)?;
    let settings = [("DATABASE_URL", "sqlite://data/warehouse.db")];
    same(app_of_user(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let imports = workdir.path("imports");
    fs::set_permissions(&imports, fs::Permissions::from_mode(0o333))?;
    let status = app_of_user(&workdir, &["status"], &settings)?;
    fs::set_permissions(&imports, fs::Permissions::from_mode(0o755))?;
    same(status.status.code(), Some(1))?;
    let said = stdout(&status);
    same((said.as_str(), said.matches("Permission denied").count()), (said.as_str(), 1))?;
    holds(&said, "imports: ")
}

async fn rejects_that_cannot_be_written_name_their_folder(workdir: Workdir) -> Outcome {
    let user = as_other_user(&workdir)?;
    let settings = [("DATABASE_URL", "sqlite://data/warehouse.db")];
    let mut daemon = Daemon::start_as_user(&workdir, &settings)?;
    daemon.wait_for(&["watching"])?;
    let exports = workdir.path("exports");
    fs::set_permissions(&exports, fs::Permissions::from_mode(0o555))?;
    let text = format!("a,b\n{}1,\"x\n", "1,2\n".repeat(20));
    chown(workdir.write("imports/a.csv", text)?, user, user)?;
    let said = daemon.wait_for(&["a.csv", "not loaded yet", "cannot write rejects into exports/rejects"])?;
    holds(&said, "exports is uid ")?;
    let mut status = String::new();
    for _ in 0..100 {
        if !status.contains("a.csv is not loaded: ") {
            status = stdout(&app_of_user(&workdir, &["status"], &settings)?);
        }
    }
    holds(&status, "a.csv is not loaded: cannot write rejects into exports/rejects")?;
    same((status.as_str(), status.contains("imports folder")), (status.as_str(), false))?;
    fs::set_permissions(&exports, fs::Permissions::from_mode(0o755))?;
    daemon.wait_for(&["loaded a.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn a_read_only_file_says_how_it_is_opened(workdir: Workdir) -> Outcome {
    let user = as_other_user(&workdir)?;
    let settings = [("DATABASE_URL", "sqlite://data/warehouse.db")];
    chown(workdir.write("imports/a.csv", "a\n1\n")?, user, user)?;
    same(app_of_user(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let file = workdir.path("data/warehouse.db");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444))?;
    chown(workdir.write("imports/b.csv", "a\n2\n")?, user, user)?;
    let mut said = String::new();
    for arguments in [["--once"], ["doctor"]] {
        let done = app_of_user(&workdir, &arguments, &settings)?;
        same((arguments, done.status.code()), (arguments, Some(1)))?;
        said = stdout(&done) + &crate::support::process::stderr(&done);
        holds(&said, "needs the right to write the file")?;
        same((said.as_str(), said.contains("make room")), (said.as_str(), false))?;
    }
    holds(&said, "mounted read-only (findmnt -T FILE shows how)")?;
    // SQLite makes those beside it with its mode.
    for name in workdir.list("data") {
        fs::set_permissions(workdir.path("data").join(name), fs::Permissions::from_mode(0o644))?;
    }
    same(app_of_user(&workdir, &["--once"], &settings)?.status.code(), Some(0))
}

async fn a_read_only_server_says_why(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/a.csv", "a\n1\n")?;
    daemon.wait_for(&["loaded a.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    let set = async |what: &str| -> Outcome {
        let mut transaction = database.warehouse.begin(Scope::Load).await?;
        let sql = format!("do $$ begin execute format('alter database %I {what}', current_database()); end $$");
        transaction.execute("set transaction read write", &[]).await?;
        transaction.execute(&sql, &[]).await?;
        Ok(transaction.commit().await?)
    };
    set("set default_transaction_read_only = on").await?;
    workdir.write("imports/b.csv", "a\n2\n")?;
    for arguments in [["--once"], ["doctor"]] {
        let done = app(&workdir, &arguments, &settings)?;
        let said = stdout(&done) + &crate::support::process::stderr(&done);
        same((arguments, done.status.code()), (arguments, Some(1)))?;
        holds(
            &said,
            "default_transaction_read_only is on: set default_transaction_read_only = off; alter database NAME reset",
        )?;
        same((said.as_str(), said.contains("make room")), (said.as_str(), false))?;
    }
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["ERROR", "default_transaction_read_only is on"])?;
    set("reset default_transaction_read_only").await?;
    daemon.wait_for(&["loaded b.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn a_lock_is_named_while_it_is_waited_for(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "t.csv", "a\n0\n").await?;
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    let mut holder = database.warehouse.begin(Scope::Star).await?;
    holder.execute("lock table staging.t in access exclusive mode", &[]).await?;
    workdir.write("imports/t.csv", "a\n1\n")?;
    // It is in hand, and not put back yet.
    let mut status = String::new();
    for _ in 0..200 {
        if !status.contains("waits for a lock of process ") {
            status = stdout(&app(&workdir, &["status"], &settings)?);
        }
    }
    holds(&status, "waits for a lock of process ")?;
    holds(&status, "1 in hand")?;
    drop(holder);
    daemon.wait_for(&["loaded t.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}
