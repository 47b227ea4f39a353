//! `app status` is green only where files are loaded: what needs a person is told at once and no longer than it lasts, and
//! files in hand are named with how far they are.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::process::{Daemon, app, app_of_user, as_other_user, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_file_that_cannot_be_claimed_needs_a_person_at_once,
        a_failed_folder_that_cannot_be_written_is_told_once,
        claims_of_another_user_are_told_by_doctor_too,
        results_that_cannot_be_written_need_a_person_before_a_file_does,
        red_ends_with_its_cause_though_a_file_waits_for_another_reason,
        red_ends_though_the_file_that_was_hurt_is_gone,
        a_file_in_its_first_pass_is_named,
        a_file_that_waits_for_another_names_it,
        files_in_the_folder_name_the_one_in_hand_that_they_wait_for;
}

/// The settings of a database that the other user can open.
fn settings(database: &TestDatabase) -> [(&'static str, String); 1] {
    let url =
        if database.url.starts_with("sqlite") { "sqlite://data/warehouse.db".to_owned() } else { database.url.clone() };
    [("DATABASE_URL", url)]
}

/// Asks as the user whom the daemon runs as.
fn asked(workdir: &Workdir, arguments: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Output> {
    match workdir.path("app").exists() {
        true => app_of_user(workdir, arguments, settings),
        false => app(workdir, arguments, settings),
    }
}

fn status(workdir: &Workdir, settings: &[(&str, &str)]) -> anyhow::Result<(Option<i32>, Value)> {
    let output = asked(workdir, &["status", "--json"], settings)?;
    Ok((output.status.code(), serde_json::from_str(&stdout(&output))?))
}

/// Asks until it is so: the state is written once a second.
fn until(workdir: &Workdir, settings: &[(&str, &str)], is: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let start = Instant::now();
    loop {
        let (code, json) = status(workdir, settings)?;
        same(code == Some(0), json["ok"] == true)?;
        if is(&json) {
            return Ok(json);
        }
        anyhow::ensure!(start.elapsed() < Duration::from_secs(60), "it never said so: {json:#}");
    }
}

fn whats(json: &Value) -> String {
    let needs = json["needs"].as_array().into_iter().flatten();
    needs.map(|need| format!("{}: {}\n", need["what"].as_str().unwrap_or_default(), need["fix"])).collect()
}

/// The path of a file in the place of its claim.
fn claimed(workdir: &Workdir, name: &str) -> anyhow::Result<std::path::PathBuf> {
    let folders = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let claims = folders(&workdir.path("imports/.sluice")).flat_map(|program| folders(&program).collect::<Vec<_>>());
    let mut files = claims.map(|claim| claim.join(name)).filter(|path| path.exists());
    files.next().ok_or_else(|| anyhow::anyhow!("no claim of {name}"))
}

/// Takes the right to write in a folder away from the program, or gives it back.
fn shut(path: &Path, is_shut: bool) -> Outcome {
    if rustix::process::geteuid().is_root() {
        let owner = if is_shut { 0 } else { 4321 };
        chown(path, Some(owner), Some(owner))?;
        return Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?);
    }
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(if is_shut { 0o555 } else { 0o755 }))?)
}

async fn a_file_that_cannot_be_claimed_needs_a_person_at_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = settings(&database);
    let settings = [("DATABASE_URL", settings[0].1.as_str())];
    let mut daemon = Daemon::start_as_user(&workdir, &settings)?;
    daemon.wait_for(&["watching"])?;
    until(&workdir, &settings, |json| json["ok"] == true && json["watching"][0]["pid"].is_u64())?;
    workdir.write("imports/b.csv.part", "a\n1\n")?;
    workdir.write("imports/c.csv.part", "a\n1\n")?;
    shut(&workdir.path("imports"), true)?;
    for name in ["b.csv", "c.csv"] {
        fs::rename(workdir.path(&format!("imports/{name}.part")), workdir.path(&format!("imports/{name}")))?;
    }
    daemon.wait_for(&["cannot claim the file"])?;
    let json = until(&workdir, &settings, |json| whats(json).contains("b.csv and 1 other file are not loaded"))?;
    holds(&whats(&json), "cannot claim the file: Permission denied")?;
    holds(&whats(&json), "give the user that Sluice runs as the right to move it")?;
    let json = until(&workdir, &settings, |json| whats(json).contains("imports cannot be written since 20"))?;
    same(json["ok"].as_bool(), Some(false))?;
    shut(&workdir.path("imports"), false)?;
    until(&workdir, &settings, |json| json["ok"] == true && json["database"]["today"]["loaded"] == 2)?;
    same(workdir.list("imports"), Vec::<String>::new())?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn a_failed_folder_that_cannot_be_written_is_told_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = settings(&database);
    let settings = [("DATABASE_URL", settings[0].1.as_str())];
    as_other_user(&workdir)?;
    let failed = workdir.path("imports/failed");
    fs::create_dir(&failed)?;
    shut(&failed, true)?;
    let loads = || Ok::<_, anyhow::Error>(stdout(&app(&workdir, &["loads", "--json"], &settings)?));
    let told = |arguments: &[&str]| -> Outcome {
        let output = app_of_user(&workdir, arguments, &settings)?;
        same((arguments, output.status.code()), (arguments, Some(1)))?;
        let said = stdout(&output);
        holds(&said, "imports/failed")?;
        holds(&said, if rustix::process::geteuid().is_root() { "chown -R 4321" } else { "chmod" })
    };
    // Also a program that ends each time records no load that cannot go.
    workdir.write("imports/empty.csv", "")?;
    for _ in 0..2 {
        let output = app_of_user(&workdir, &["--once"], &settings)?;
        same(output.status.code(), Some(1))?;
        let said = stdout(&output) + &stderr(&output);
        holds(
            &said,
            "the file is empty; it stays where it is, because it cannot be moved to failed/: Permission denied",
        )?;
        holds(&said, "imports/failed is uid ")?;
        same(
            (said.as_str(), workdir.list("imports")),
            (said.as_str(), vec!["empty.csv".to_owned(), "failed".to_owned()]),
        )?;
        same(loads()?, "")?;
    }
    told(&["status"])?;
    told(&["doctor"])?;
    let mut daemon = Daemon::start_as_user(&workdir, &settings)?;
    daemon.wait_for(&["empty.csv", "not loaded yet", "cannot be moved to failed/", "imports/failed is uid "])?;
    until(&workdir, &settings, |json| whats(json).contains("imports/failed cannot be written since 20"))?;
    for command in [&["status"][..], &["doctor"], &["doctor", "--watched"]] {
        told(command)?;
    }
    // Others go on, and it is tried again meanwhile.
    workdir.write("imports/good.csv", "a\n1\n")?;
    daemon.wait_for(&["loaded good.csv"])?;
    same(loads()?.lines().count(), 1)?;
    shut(&failed, false)?;
    daemon.wait_for(&["empty.csv", "moved, with the reason beside it"])?;
    same(loads()?.lines().count(), 2)?;
    let (status, log) = daemon.terminate()?;
    same((status.code(), log.matches("cannot be moved to failed/").count()), (Some(0), 1))
}

/// A folder of claims that is the system's, where Sluice is another user's.
async fn claims_of_another_user_are_told_by_doctor_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = settings(&database);
    let settings = [("DATABASE_URL", settings[0].1.as_str())];
    if as_other_user(&workdir)?.is_none() {
        return Ok(());
    }
    same(app_of_user(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let claims = workdir.path("imports/.sluice");
    chown(&claims, Some(0), Some(0))?;
    for mode in [0o750, 0o755] {
        fs::set_permissions(&claims, fs::Permissions::from_mode(mode))?;
        for command in ["status", "doctor"] {
            let output = app_of_user(&workdir, &[command], &settings)?;
            same((command, mode, output.status.code()), (command, mode, Some(1)))?;
            holds(&stdout(&output), "chown -R 4321 imports/.sluice")?;
        }
    }
    chown(&claims, Some(4321), Some(4321))?;
    for command in ["status", "doctor"] {
        same(app_of_user(&workdir, &[command], &settings)?.status.code(), Some(0))?;
    }
    Ok(())
}

async fn results_that_cannot_be_written_need_a_person_before_a_file_does(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    let settings = settings(&database);
    let settings = [("DATABASE_URL", settings[0].1.as_str())];
    let mut daemon = Daemon::start_as_user(&workdir, &settings)?;
    daemon.wait_for(&["watching"])?;
    shut(&workdir.path("exports"), true)?;
    // No file needs it yet.
    let json = until(&workdir, &settings, |json| json["ok"] == false)?;
    holds(&whats(&json), "exports cannot be written since 20")?;
    holds(&whats(&json), if rustix::process::geteuid().is_root() { "chown -R 4321:4321 " } else { "chmod" })?;
    workdir.write("imports/r.csv", "a,b\n1,2\n3,\0\n")?;
    daemon.wait_for(&["not loaded yet", "cannot write rejects"])?;
    let json = until(&workdir, &settings, |json| whats(json).contains("r.csv is not loaded: cannot write rejects"))?;
    same(json["waiting"][0]["file"].as_str(), Some("r.csv"))?;
    shut(&workdir.path("exports"), false)?;
    daemon.wait_for(&["loaded r.csv"])?;
    until(&workdir, &settings, |json| json["ok"] == true)?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn red_ends_with_its_cause_though_a_file_waits_for_another_reason(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", "commit_not_sent=2*return")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/r.csv", "a,b\n1,2\n3,\0\n")?;
    daemon.wait_for(&["files wait in the folder until that is fixed"])?;
    fs::remove_dir_all(workdir.path("exports/rejects"))?;
    workdir.write("exports/rejects", "")?;
    daemon.wait_for(&["cannot write rejects"])?;
    daemon.wait_for(&["all is well again"])?;
    fs::remove_file(workdir.path("exports/rejects"))?;
    daemon.wait_for(&["loaded what had been begun before of r.csv"])?;
    same(database.text("select count(*) from staging.r").await?, "1")?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn red_ends_though_the_file_that_was_hurt_is_gone(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", "commit_not_sent=3*return")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    daemon.wait_for(&["files wait in the folder until that is fixed"])?;
    fs::remove_file(claimed(&workdir, "n.csv")?)?;
    daemon.wait_for(&["all is well again"])?;
    until(&workdir, &settings[..1], |json| json["ok"] == true)?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    // What asked has left nothing.
    let tables = match database.engine {
        sluice::sql::Engine::Postgres => "select count(*) from pg_tables where tablename like 'sluice_probe%'",
        sluice::sql::Engine::Sqlite => "select count(*) from sqlite_master where name like '%sluice_probe%'",
    };
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    same(transaction.query(tables, &[]).await?[0][0].as_deref(), Some("0"))
}

async fn a_file_in_its_first_pass_is_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", "first_pass=1*pause")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    let json = until(&workdir, &settings[..1], |json| json["running"][0]["step"] == "first_pass")?;
    let one = &json["running"][0];
    same((one["file"].as_str(), one["load"].is_null(), one["bytes_total"].as_u64()), (Some("n.csv"), true, Some(4)))?;
    same(one["started"].is_string(), true)?;
    let text = stdout(&asked(&workdir, &["status"], &settings[..1])?);
    holds(&text, "| first pass | 0 of 4 bytes (0 %) |")?;
    daemon.kill()
}

async fn a_file_that_waits_for_another_names_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", "opening=1*pause")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/book.xlsx", "a workbook, so far as its name goes")?;
    until(&workdir, &settings[..1], |json| json["running"][0]["step"] == "opening")?;
    workdir.write("imports/book_may.csv", "a\n1\n")?;
    workdir.write("imports/other.csv", "a\n1\n")?;
    daemon.wait_for(&["loaded other.csv"])?;
    let json = until(&workdir, &settings[..1], |json| json["running"][1]["step"] == "waiting")?;
    let of = |place: usize| json["running"][place]["file"].as_str();
    same((of(0), of(1)), (Some("book.xlsx"), Some("book_may.csv")))?;
    same(json["running"][1]["waits_for"].as_str(), Some("book.xlsx"))?;
    let text = stdout(&asked(&workdir, &["status"], &settings[..1])?);
    holds(&text, "waits for book.xlsx")?;
    holds(&text, "opening")?;
    daemon.kill()
}

async fn files_in_the_folder_name_the_one_in_hand_that_they_wait_for(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    workdir.plugin("up", "name: up\nfiles: [\"up*\"]\ntable: up\nmode: upsert\nkey: [id]\n")?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", "opening=1*pause")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/up1.csv", "id\n1\n")?;
    until(&workdir, &settings[..1], |json| json["running"][0]["file"] == "up1.csv")?;
    workdir.write("imports/up2.csv", "id\n2\n")?;
    let json =
        until(&workdir, &settings[..1], |json| json["waiting"][0]["why"] == "waits for up1.csv, which is in hand")?;
    same(json["waiting"][0]["file"].as_str(), Some("up2.csv"))?;
    daemon.kill()
}
