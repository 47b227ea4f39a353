//! The JSON lines in `logs/`: each line of a load has its number, several programs write at once, and a folder that cannot be written
//! stops nothing.

use serde_json::Value;

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        each_line_of_a_load_has_its_number,
        two_programs_lose_no_line_when_files_are_full;
    alone:
        a_folder_that_cannot_be_written_stops_nothing;
}

fn lines(workdir: &Workdir) -> anyhow::Result<Vec<Value>> {
    let mut lines = Vec::new();
    for name in workdir.list("logs") {
        for line in workdir.read(&format!("logs/{name}"))?.lines() {
            lines.push(serde_json::from_str(line)?);
        }
    }
    Ok(lines)
}

async fn each_line_of_a_load_has_its_number(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("imports/good.csv", "a,b\n1,2\n3\n\"x\n")?;
    workdir.write("imports/bad.csv", "")?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("ECHO_SQL", "true")];
    let output = app(&workdir, &["--once"], &settings)?;
    same(output.status.code(), Some(1))?;
    // People are spared it.
    same(["claim=", "file{", "load{"].map(|word| stdout(&output).contains(word)), [false; 3])?;
    holds(&stdout(&output), " INFO loading good.csv into staging.good\n")?;

    holds(&stdout(&output), " WARN loaded good.csv: 2 rows into staging.good, 1 rejected: app rejects ")?;
    let loading = stdout(&output).lines().filter(|line| line.contains("good.csv: 2 rows")).count();
    same(loading, 1)?;

    let lines = lines(&workdir)?;
    // Programs get the fields, and not the sentence out of them.
    same(lines.iter().filter(|line| !line["sentence"].is_null()).count(), 0)?;
    let loaded = lines.iter().find(|line| line["message"] == "loaded").cloned().unwrap_or_default();
    for (field, value) in [("file.path", "good.csv".into()), ("rows", Value::from(2)), ("rejected", 1.into())] {
        same((field, &loaded[field]), (field, &value))?;
    }
    same([&loaded["load.id"], &loaded["took_ms"]].map(Value::is_u64), [true; 2])?;
    let of = |file: &str| lines.iter().filter(|line| line["file.path"] == file).collect::<Vec<_>>();
    for (file, moved) in [("good.csv", "loaded"), ("bad.csv", "moved, with the reason beside it")] {
        let own = of(file);
        same(own.iter().filter(|line| !line["claim"].is_string()).count(), 0)?;
        let begins = own.iter().position(|line| line["load.id"].is_i64()).unwrap_or(own.len());
        let numbers: std::collections::BTreeSet<_> =
            own[begins..].iter().map(|line| line["load.id"].as_i64()).collect();
        same((file, numbers.len(), numbers.contains(&None)), (file, 1, false))?;
        same(own[begins..].iter().filter(|line| line["message"] == moved).count(), 1)?;
    }
    // Its statements too, once it has a number: the rejects', the table's, the end of its line in the ledger.
    let said = |line: &&Value, words: &str| line.to_string().to_lowercase().contains(words);
    let statements: Vec<_> = of("good.csv").into_iter().filter(|line| line["load.id"].is_i64()).collect();
    for words in ["create table", "reject", "update"] {
        same((words, statements.iter().any(|line| said(line, words))), (words, true))?;
    }
    Ok(())
}

async fn two_programs_lose_no_line_when_files_are_full(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select 1 as a")?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("LOG_MAX_BYTES", "2kB")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    std::thread::scope(|scope| {
        let runs = scope
            .spawn(|| (0..10).all(|_| app(&workdir, &["--pipeline"], &settings).is_ok_and(|it| it.status.success())));
        for n in 0..50 {
            workdir.write(&format!("imports/n{n}.csv"), format!("a\n{n}\n"))?;
        }
        for _ in 0..50 {
            daemon.wait_for(&["INFO loaded "])?;
        }
        same(runs.join().unwrap_or(false), true)
    })?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    let lines = lines(&workdir)?;
    let count = |message: &str| lines.iter().filter(|line| line["message"] == message).count();
    same([count("loading"), count("loaded"), count("pipeline done"), count("stopped")], [50, 50, 10, 1])?;
    same(workdir.list("logs").len() > 5, true)
}

async fn a_folder_that_cannot_be_written_stops_nothing(workdir: Workdir) -> Outcome {
    workdir.write("logs", "not a folder")?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    let output = app(&workdir, &["--once"], &[])?;
    same(output.status.code(), Some(0))?;
    same(stderr(&output).matches("warning: logs: the log cannot be written: ").count(), 1)?;
    same(stderr(&output).lines().count(), 1)
}
