//! `app status` and `app retry`: what needs a person, with and without a daemon and a database.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::Value;
use sluice::sql::{Engine, Table};
use sluice::warehouse::Scope;

use crate::support::process::{Daemon, app, app_of_user, as_other_user, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_daemon_says_what_it_does,
        a_load_on_its_way_shows_how_far_it_is,
        what_failed_needs_a_person_until_it_is_loaded,
        a_failed_pipeline_needs_a_person,
        a_daemon_in_trouble_says_so,
        a_folder_that_is_gone_is_waited_for,
        a_stopped_daemon_is_told_by_status_and_doctor,
        rows_that_were_taken_away_by_hand_need_a_person;
    alone:
        a_file_that_cannot_be_read_says_so,
        it_works_without_a_database,
        a_state_that_cannot_be_written_holds_nothing_up,
        what_a_dead_daemon_left_is_told_and_cleared;
}

/// The exit code and the one object of `--json`.
fn status(workdir: &Workdir, settings: &[(&str, &str)]) -> anyhow::Result<(Option<i32>, Value)> {
    let output = app(workdir, &["status", "--json"], settings)?;
    let text = stdout(&output);
    let json = serde_json::from_str(&text).map_err(|error| anyhow::anyhow!("{error}: {text}{}", stderr(&output)))?;
    Ok((output.status.code(), json))
}

fn whats(status: &Value) -> Vec<&str> {
    status["needs"].as_array().into_iter().flatten().filter_map(|need| need["what"].as_str()).collect()
}

/// Asks until what is looked for is there: the state is written once a second. Gives up after a minute.
fn until(workdir: &Workdir, settings: &[(&str, &str)], is: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let start = std::time::Instant::now();
    loop {
        let (_, json) = status(workdir, settings)?;
        if is(&json) {
            return Ok(json);
        }
        anyhow::ensure!(start.elapsed().as_secs() < 60, "it never said so: {json:#}");
    }
}

async fn a_daemon_says_what_it_does(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/n.csv", "a\n1\nx\n")?;
    daemon.wait_for(&["loaded", "n.csv"])?;
    workdir.write("imports/n.csv", "a\n1\nx\n")?;
    daemon.wait_for(&["duplicate", "n.csv"])?;
    let mut open = fs::File::create(workdir.path("imports/open.csv"))?;
    open.write_all(b"a\n1\n")?;
    workdir.write("imports/notes.docx", "x")?;
    let all = until(&workdir, &settings, |json| json["watching"][0]["pid"].is_u64())?;
    same((all["ok"].as_bool(), all["needs"].as_array().map(Vec::len)), (Some(true), Some(0)))?;
    same(all["watching"].as_array().map(Vec::len), Some(1))?;
    let waiting: Vec<_> = all["waiting"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (one["file"].as_str(), one["why"].as_str()))
        .collect();
    same(waiting.len(), 2)?;
    for expected in [("notes.docx", "left where it is: no format that is read"), ("open.csv", "open for writing")] {
        same(waiting.contains(&(Some(expected.0), Some(expected.1))), true)?;
    }
    for span in ["today", "last_hour"] {
        let total = &all["database"][span];
        let count = |name: &str| total[name].as_i64();
        same((count("loaded"), count("duplicates"), count("rows_loaded")), (Some(1), Some(1), Some(2)))?;
    }
    let text = app(&workdir, &["status"], &settings)?;
    same(text.status.code(), Some(0))?;
    for words in
        ["imports is watched\n  since 20", "notes.docx", "1 loaded, 1 duplicate, 0 failed; rows: 2 loaded", "none yet"]
    {
        holds(&stdout(&text), words)?;
    }
    // Two programs on one folder are two, which the second one says; when they end nothing of them is left.
    same(daemon.log().contains("another one"), false)?;
    let mut other = Daemon::start(&workdir, &[], &settings)?;
    let first = format!("another one watches this folder too (pid {} on ", daemon.id());
    other.wait_for(&[&first, ": both may, each file is loaded once"])?;
    other.wait_for(&["watching"])?;
    let both = until(&workdir, &settings, |json| json["watching"].as_array().is_some_and(|all| all.len() == 2))?;
    same(both["ok"].as_bool(), Some(true))?;
    drop(open);
    same((daemon.terminate()?.0.code(), other.terminate()?.0.code()), (Some(0), Some(0)))?;
    same(workdir.claims(), 0)
}

async fn a_stopped_daemon_is_told_by_status_and_doctor(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    until(&workdir, &settings, |json| json["watching"][0]["pid"].is_u64())?;
    let watched = || app(&workdir, &["doctor", "--watched"], &settings);
    let output = watched()?;
    holds(&stdout(&output), "imports is watched")?;
    same(stdout(&output).contains("says nothing of itself"), false)?;
    daemon.signal(Signal::STOP)?;
    // A minute goes by.
    let place = fs::read_dir(workdir.path("imports/.sluice"))?.next().expect("it has a place")?.path();
    let mut state: Value = serde_json::from_str(&fs::read_to_string(place.join("state.json"))?)?;
    state["written"] = (chrono::Utc::now() - chrono::TimeDelta::seconds(90)).to_rfc3339().into();
    fs::write(place.join("state.json"), state.to_string())?;
    let silent = format!("the daemon (pid {} on ", daemon.id());
    let (code, json) = status(&workdir, &settings)?;
    same(code, Some(1))?;
    holds(whats(&json)[0], &silent)?;
    for arguments in [&["doctor", "--watched", "--json"][..], &["doctor", "--json"]] {
        let output = app(&workdir, arguments, &settings)?;
        same(output.status.code(), Some(1))?;
        let told = stdout(&output);
        let line = told.lines().find(|line| line.contains("is watched")).unwrap_or_default();
        for words in
            ["\"ok\":false", &silent, "says nothing of itself since 20", &format!("kill -CONT {}", daemon.id())]
        {
            holds(line, words)?;
        }
    }
    daemon.signal(Signal::CONT)?;
    until(&workdir, &settings, |json| json["ok"].as_bool() == Some(true))?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn rows_that_were_taken_away_by_hand_need_a_person(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.plugin("kept", "name: kept\nfiles: [kept.*]\nmode: upsert\nkey: [a]\n")?;
    workdir.plugin("whole", "name: whole\nfiles: [whole.*]\nmode: replace\n")?;
    for round in ["1", "2"] {
        for table in ["t", "kept", "whole"] {
            workdir.write(&format!("imports/{table}.csv"), format!("a,b\n1,{round}\n2,{round}\n"))?;
        }
        same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    }
    let run = async |sql: &str| -> Outcome {
        let mut transaction = database.warehouse.begin(Scope::Load).await?;
        transaction.execute(sql, &[]).await?;
        Ok(transaction.commit().await?)
    };
    let table = |name: &str| database.warehouse.names().table(&Table::staging(name));
    let told = |command: &str| -> anyhow::Result<(Option<i32>, String)> {
        let output = app(&workdir, &[command], &settings)?;
        Ok((output.status.code(), stdout(&output)))
    };
    let is_told = |commands: &[&str], words: &str| -> Outcome {
        for command in ["status", "doctor"] {
            let (code, said) = told(command)?;
            let is_red = commands.contains(&command);
            same(
                (command, code, said.contains(words), said.as_str()),
                (command, Some(i32::from(is_red)), is_red, said.as_str()),
            )?;
        }
        Ok(())
    };
    is_told(&[], "by hand")?;
    // A row is found by who counts.
    run(&format!("delete from {} where a = 1 and b = 1", table("t"))).await?;
    is_told(
        &["doctor"],
        "staging.t has 3 rows of the 4 rows that 2 loads brought into it: somebody took them away by hand",
    )?;
    run(&format!("delete from {}", table("t"))).await?;
    is_told(&["status", "doctor"], "staging.t is empty, and 2 loads brought 4 rows into it")?;
    run(&format!("drop table {}", table("t"))).await?;
    is_told(&["status", "doctor"], "staging.t is not there, and 2 loads brought 4 rows into it")?;
    same(app(&workdir, &["drop", "staging.t", "--yes"], &settings)?.status.code(), Some(0))?;
    is_told(&[], "by hand")?;
    run(&format!("delete from {}", table("whole"))).await?;
    is_told(&["status", "doctor"], "staging.whole is empty, and 1 load brought 2 rows into it")?;
    same(app(&workdir, &["drop", "staging.whole", "--yes"], &settings)?.status.code(), Some(0))?;
    run(&format!("delete from {}", table("kept"))).await?;
    is_told(&["status", "doctor"], "staging.kept is empty")
}

async fn a_file_that_cannot_be_read_says_so(workdir: Workdir) -> Outcome {
    as_other_user(&workdir)?;
    let settings = [("DATABASE_URL", "sqlite://data/warehouse.db")];
    let path = workdir.write("imports/x.csv", "a\n1\n")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000))?;
    let words = "cannot be read: permission denied: imports/x.csv is uid ";
    for command in [&["why", "x.csv"][..], &["status"]] {
        let said = stdout(&app_of_user(&workdir, command, &settings)?);
        holds(&said, words)?;
        holds(&said, "chmod a+r imports/x.csv")?;
    }
    Ok(())
}

async fn a_load_on_its_way_shows_how_far_it_is(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    // On PostgreSQL it comes to its rejects, on SQLite to its begin, and no further.
    let mut lock = database.warehouse.begin(Scope::Star).await?;
    if database.engine == Engine::Postgres {
        lock.execute("lock table sluice.reject in access exclusive mode", &[]).await?;
    }
    let good = (0..5000).fold("a,b\n".to_owned(), |text, n| text + &format!("{n},x\n"));
    workdir.write("imports/n.csv", (0..1500).fold(good, |text, n| text + &format!("{n},\0\n")))?;
    let json = until(&workdir, &settings, |json| match database.engine {
        Engine::Postgres => json["running"][0]["rows"].as_u64() == Some(6500),
        Engine::Sqlite => json["watching"][0]["in_hand"][0] == "n.csv",
    })?;
    if database.engine == Engine::Postgres {
        let one = &json["running"][0];
        same((one["file"].as_str(), one["load"].as_i64()), (Some("n.csv"), Some(1)))?;
        same(one["bytes"].as_u64() > Some(30_000) && one["bytes"].as_u64() <= one["bytes_total"].as_u64(), true)?;
        let text = stdout(&app(&workdir, &["status"], &settings)?);
        holds(&text, "|    1 | n.csv   | ")?;
    }
    same((json["ok"].as_bool(), json["waiting"].as_array().map(Vec::len)), (Some(true), Some(0)))?;
    drop(lock);
    daemon.wait_for(&["loaded n.csv: 5000 rows into staging.n, 1500 rejected: app rejects 1"])?;
    until(&workdir, &settings, |json| json["watching"][0]["in_hand"].as_array().is_some_and(Vec::is_empty))?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn what_failed_needs_a_person_until_it_is_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    same(status(&workdir, &settings)?.0, Some(0))?;
    for name in ["bad.csv", "worse.csv"] {
        workdir.write(&format!("imports/{name}"), "")?;
        same(app(&workdir, &["--once"], &settings)?.status.code(), Some(1))?;
    }
    let (code, json) = status(&workdir, &settings)?;
    same((code, json["ok"].as_bool()), (Some(1), Some(false)))?;
    same(whats(&json), ["failed/bad.csv: the file is empty", "failed/worse.csv: the file is empty"])?;
    same(json["failed_files"][0]["load"].as_i64(), Some(1))?;
    same(json["database"]["failures"][0]["source"].as_str(), Some("worse.csv"))?;
    let text = stdout(&app(&workdir, &["status"], &settings)?);
    same(text.starts_with("needs a person:\n- failed/bad.csv: the file is empty\n  fix the file"), true)?;
    same([text.matches("worse.csv").count(), text.matches("the file is empty").count()], [1, 2])?;
    let note: Value = serde_json::from_str(&workdir.read("imports/failed/bad.csv.error.json")?)?;
    same(note["at"].as_str().map(|at| (at.len(), at.ends_with('Z'))), Some(("2020-01-31T10:00:00Z".len(), true)))?;

    // An unknown one is named with the nearest right one.
    for (what, expected) in [
        ("bda.csv", "there is no file bda.csv in failed/; did you mean bad.csv?"),
        ("7", "no file in failed/ is of load 7: see app loads"),
    ] {
        let output = app(&workdir, &["retry", what], &settings)?;
        same(output.status.code(), Some(2))?;
        holds(&stderr(&output), expected)?;
    }
    // By number, never over what lies there, and the reason goes.
    workdir.write("imports/failed/worse.csv", "a\n1\n")?;
    workdir.write("imports/worse.csv", "a\n2\n")?;
    let output = app(&workdir, &["retry", "2"], &settings)?;
    same(output.status.code(), Some(0))?;
    holds(&stdout(&output), "imports/failed/worse.csv -> imports/worse.csv, in its turn")?;
    holds(&stdout(&output), "nobody watches the folder: app --once loads them")?;
    same(workdir.read("imports/worse.csv")?, "a\n2\n")?;
    same(workdir.list("imports/failed"), ["bad.csv", "bad.csv.error.json"])?;
    let (code, json) = status(&workdir, &settings)?;
    same(code, Some(1))?;
    same(whats(&json), ["nobody watches the folder, and 2 files wait in it", "failed/bad.csv: the file is empty"])?;
    // All of them; as JSON.
    workdir.write("imports/failed/bad.csv", "a\n3\n")?;
    let output = app(&workdir, &["retry", "--json"], &settings)?;
    same(stdout(&output), "{\"file\":\"bad.csv\",\"moved_to\":\"imports/bad.csv\"}\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(database.text("select a from staging.worse order by a").await?, "1\n2")?;
    same(database.text("select a from staging.bad").await?, "3")?;
    same(status(&workdir, &settings)?.0, Some(0))?;
    let output = app(&workdir, &["retry"], &settings)?;
    same((output.status.code(), stdout(&output).as_str()), (Some(0), "nothing lies in imports/failed/\n"))
}

async fn a_failed_pipeline_needs_a_person(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select b from staging.n")?;
    workdir.load(&database, "n.csv", "a\n1\n").await?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(1))?;
    let (code, json) = status(&workdir, &settings)?;
    same(code, Some(1))?;
    holds(whats(&json)[0], "the last pipeline run failed (20")?;
    // Another table alone says nothing of it.
    workdir.write("sql/pipeline/u.sql", "/* kind: table */ select a from staging.n")?;
    same(app(&workdir, &["--pipeline", "--select", "u"], &settings)?.status.code(), Some(0))?;
    let (code, json) = status(&workdir, &settings)?;
    same(code, Some(1))?;
    holds(whats(&json)[0], "the last pipeline run failed (20")?;
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.n")?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    let (code, json) = status(&workdir, &settings)?;
    same((code, json["database"]["pipeline"]["failed"].as_bool()), (Some(0), Some(false)))
}

async fn a_daemon_in_trouble_says_so(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let faults = [settings[0], ("FAILPOINTS", "commit_not_sent=3*return")];
    let mut daemon = Daemon::start(&workdir, &[], &faults)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    daemon.wait_for(&["files wait in the folder until that is fixed"])?;
    let json = until(&workdir, &settings, |json| json["ok"] == false)?;
    holds(whats(&json)[0], "loads nothing since 20")?;
    let waits = until(&workdir, &settings, |json| json["waiting"][0]["file"] == "n.csv")?;
    holds(waits["waiting"][0]["why"].as_str().unwrap_or_default(), "to be tried again: ")?;
    daemon.wait_for(&["all is well again"])?;
    until(&workdir, &settings, |json| json["ok"] == true && json["waiting"].as_array().is_some_and(Vec::is_empty))?;
    same(database.text("select a from staging.n").await?, "1")?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn a_folder_that_is_gone_is_waited_for(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    let (imports, away) = (workdir.path("imports"), workdir.path("away"));
    fs::rename(&imports, &away)?;
    daemon.wait_for(&["cannot use the folder", "waiting for it"])?;
    let pid = format!("the daemon (pid {}) waits for it", daemon.id());
    let json = until(&workdir, &settings, |json| json["watching"][0]["waits_for_folder"] == true)?;
    same((whats(&json).len(), json["watching"].as_array().map(Vec::len)), (1, Some(1)))?;
    holds(whats(&json)[0], "imports: the folder is gone, and ")?;
    holds(whats(&json)[0], &pid)?;
    let text = stdout(&app(&workdir, &["status"], &settings)?);
    holds(&text, "imports is waited for\n  since 20")?;
    let text = stdout(&app(&workdir, &["doctor"], &settings)?);
    holds(&text, &format!("it is gone, and {pid}: make it, mount it or move it back"))?;
    holds(&text, "not now: the daemon waits for the folder")?;
    // Another folder is nobody's.
    let other = [settings[0], ("IMPORTS_DIR", "elsewhere")];
    same(whats(&status(&workdir, &other)?.1), ["elsewhere: there is no such folder"])?;
    fs::rename(&away, &imports)?;
    daemon.wait_for(&["watching the folder that is there now"])?;
    let json = until(&workdir, &settings, |json| json["ok"] == true)?;
    same(json["watching"][0]["waits_for_folder"].as_bool(), Some(false))?;
    // Killed while it waits, it waits no longer.
    fs::rename(&imports, &away)?;
    until(&workdir, &settings, |json| json["watching"][0]["waits_for_folder"] == true)?;
    daemon.kill()?;
    same(whats(&status(&workdir, &settings)?.1), ["imports: there is no such folder"])
}

async fn it_works_without_a_database(workdir: Workdir) -> Outcome {
    let unreachable = [("DATABASE_URL", "postgres://nobody:secret@127.0.0.1:9/none")];
    workdir.write("imports/n.csv", "a\n1\n")?;
    let (code, json) = status(&workdir, &unreachable)?;
    same(code, Some(1))?;
    same(whats(&json).len(), 2)?;
    same(whats(&json)[0], "nobody watches the folder, and a file waits in it")?;
    holds(whats(&json)[1], "the database does not answer (postgres://nobody:***@127.0.0.1:9/none)")?;
    same(json["waiting"][0]["file"].as_str(), Some("n.csv"))?;
    same(json.to_string().contains("secret"), false)?;
    let text = stdout(&app(&workdir, &["status"], &unreachable)?);
    same(text.matches("refused").count(), 1)?;
    holds(&text, "database postgres://nobody:***@127.0.0.1:9/none: no answer: see above")?;
    // Where there is none yet, nothing is wrong; and a look makes none.
    fs::remove_file(workdir.path("imports/n.csv"))?;
    let output = app(&workdir, &["status"], &[])?;
    same(output.status.code(), Some(0))?;
    same(
        stdout(&output),
        "imports is watched by nobody\ndatabase sqlite://data/warehouse.db: there is no warehouse yet\n",
    )?;
    same(workdir.list(""), ["exports", "imports", "sql"])
}

async fn a_state_that_cannot_be_written_holds_nothing_up(workdir: Workdir) -> Outcome {
    let mut daemon = Daemon::start(&workdir, &[], &[])?;
    daemon.wait_for(&["watching"])?;
    let places: Vec<_> = fs::read_dir(workdir.path("imports/.sluice"))?.flatten().map(|entry| entry.path()).collect();
    let place = places.iter().find(|path| path.is_dir()).expect("the daemon has a place");
    // A folder stands where the state is written.
    fs::create_dir(place.join("state.json.new"))?;
    let _ = fs::remove_file(place.join("state.json"));
    workdir.write("imports/n.csv", "a\n1\n")?;
    daemon.wait_for(&["loaded", "n.csv"])?;
    let (code, json) = status(&workdir, &[])?;
    same((code, json["watching"].as_array().map(Vec::len)), (Some(0), Some(1)))?;
    same(json["watching"][0]["pid"].is_null(), true)?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn what_a_dead_daemon_left_is_told_and_cleared(workdir: Workdir) -> Outcome {
    workdir.write("imports/n.csv", "a\n1\n")?;
    let mut daemon = Daemon::start(&workdir, &[], &[("DIE_AT", "profiled")])?;
    daemon.wait()?;
    let (code, json) = status(&workdir, &[])?;
    same((code, json["watching"].as_array().map(Vec::len)), (Some(1), Some(0)))?;
    same(whats(&json), ["nobody watches the folder, and a file waits in it"])?;
    same(json["waiting"][0]["why"].as_str(), Some("claimed by a program that ended; the next start loads it"))?;
    // The dead one is not named as another one that watches.
    let output = app(&workdir, &["--once"], &[])?;
    same((output.status.code(), stdout(&output).contains("another one")), (Some(0), false))?;
    same(workdir.claims(), 0)?;
    same(status(&workdir, &[])?.0, Some(0))
}
