//! Answers of commands to what is mistyped or cannot be, and what stands beside an answer.

use serde_json::Value;
use sluice::sql::Engine;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_mistyped_folder_is_not_made,
        dangers_of_the_server_are_told_by_doctor_and_no_answer,
        why_gives_an_object_a_load,
        one_load_is_dropped_in_the_singular;
    alone:
        a_folder_is_told_from_a_file_that_is_not_there,
        what_stands_in_the_place_of_claims_is_named_with_its_fix;
}

async fn a_mistyped_folder_is_not_made(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "n.csv", "a\n1\n").await?;
    for path in ["none/x.csv", "exports/none/x.csv"] {
        let output = app(&workdir, &["export", "n", "--output", path], &settings)?;
        same(output.status.code(), Some(2))?;
        holds(&stderr(&output), "none: make it, or name the right one")?;
        same(workdir.path(path).parent().is_some_and(std::path::Path::exists), false)?;
    }
    for path in ["x.csv", "exports/x.csv"] {
        same(app(&workdir, &["export", "n", "--output", path], &settings)?.status.code(), Some(0))?;
    }
    let output = app(&workdir, &["--watch", "none"], &settings)?;
    same((output.status.code(), workdir.path("none").exists()), (Some(2), false))?;
    holds(&stderr(&output), "there is no folder none: make it, or name the right one")
}

async fn dangers_of_the_server_are_told_by_doctor_and_no_answer(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "n.csv", "a\n1\n").await?;
    for arguments in [&["loads"][..], &["why", "n.csv"], &["drop", "n", "--dry-run"], &["status"], &["rejects"]] {
        let output = app(&workdir, arguments, &settings)?;
        same((arguments, stderr(&output).as_str()), (arguments, ""))?;
    }
    // The servers of the cases run so.
    let told = database.engine == Engine::Postgres;
    let words = "the server runs with fsync = off";
    same(stdout(&app(&workdir, &["doctor"], &settings)?).matches(words).count(), usize::from(told))?;
    same(stdout(&app(&workdir, &["--once"], &settings)?).matches(words).count(), usize::from(told))
}

async fn why_gives_an_object_a_load(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "n.csv", "a,b\n1,2\n3,\0\n").await?;
    workdir.load(&database, "n.csv", "a,b\n1,2\n3,\0\n").await?;
    let output = stdout(&app(&workdir, &["why", "n.csv", "--json"], &settings)?);
    let loads = output.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    same(loads.len(), 2)?;
    let loaded = loads.iter().find(|load| load["status"] == "loaded").cloned().unwrap_or_default();
    same(loaded["became"].as_str(), Some("its rows are in staging.n (1 with _load_id 1)"))?;
    same((loaded["rejects"][0]["line"].as_i64(), loaded["rejects"].as_array().map(Vec::len)), (Some(3), Some(1)))
}

async fn one_load_is_dropped_in_the_singular(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "n.csv", "a\n1\n2\n").await?;
    let output = stdout(&app(&workdir, &["drop", "n", "--yes"], &settings)?);
    holds(
        &output,
        "staging.n (staging) and its 2 rows are dropped\n1 load (1) is retracted: its file can be loaded again",
    )
}

async fn a_folder_is_told_from_a_file_that_is_not_there(workdir: Workdir) -> Outcome {
    let output = app(&workdir, &["check", "imports"], &[])?;
    same(output.status.code(), Some(2))?;
    holds(&stderr(&output), "imports is a folder: app check reads one file, or the SQL files of sql")?;
    holds(&stderr(&app(&workdir, &["check", "none.csv"], &[])?), "there is no file none.csv")
}

async fn what_stands_in_the_place_of_claims_is_named_with_its_fix(workdir: Workdir) -> Outcome {
    std::os::unix::fs::symlink("elsewhere", workdir.path("imports/.sluice"))?;
    let output = app(&workdir, &["status", "--json"], &[])?;
    let json: Value = serde_json::from_str(&stdout(&output))?;
    let needs = json["needs"].to_string();
    holds(&needs, "must be a folder, and no link or other file")?;
    holds(&needs, "then remove it")?;
    same(needs.contains("no folder of uid"), false)?;
    let output = app(&workdir, &["--once"], &[])?;
    holds(&stderr(&output), "look at it (ls -l imports/.sluice), and move it away")
}
