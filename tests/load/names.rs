//! Names that mislead, values that are secret, columns that a database has already, SQL that is deep: what is shown, and what is run.

use std::fs;

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        nothing_misleads_on_a_terminal_or_in_the_log,
        what_a_variable_stands_for_is_shown_nowhere,
        what_is_secret_is_in_no_sink,
        columns_of_the_database_itself_get_other_names,
        long_lists_run_and_deep_sql_ends_nothing,
        an_address_that_is_none_is_not_repeated;
}

/// Empty files are not loaded, and so their names are told everywhere.
fn hostile() -> Vec<String> {
    let forged = "x\n2026-11-29 00:00:00  INFO loaded payroll.csv: 999 rows into staging.payroll (load 1, 3 ms) y.csv"
        .to_owned();
    let signs = [
        "\u{1}",
        "\u{7}",
        "\u{8}",
        "\t",
        "\n",
        "\u{b}",
        "\r",
        "\u{1b}[2J",
        "\u{1b}]0;title\u{7}",
        "\u{7f}",
        "\u{85}",
        "\u{9b}31m",
        "\u{61c}",
        "\u{200b}",
        "\u{200e}",
        "\u{200f}",
        "\u{202a}",
        "\u{202e}",
        "\u{2028}",
        "\u{2029}",
        "\u{2066}",
        "\u{2069}",
        "\u{feff}",
    ];
    signs.iter().enumerate().map(|(at, sign)| format!("h{at}{sign}z.csv")).chain([forged]).collect()
}

fn is_clean(what: &str, text: &str) -> Outcome {
    let is_one = |letter: char| {
        (letter.is_control() && letter != '\n')
            || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    anyhow::ensure!(!text.contains(is_one), "{what}: {text:?}");
    let forged = |line: &&str| line.starts_with("z.csv") || line.starts_with("2026-11-29 00:00:00  INFO loaded");
    anyhow::ensure!(text.lines().find(forged).is_none(), "{what}: {text}");
    Ok(())
}

async fn nothing_misleads_on_a_terminal_or_in_the_log(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let names = hostile();
    for name in &names {
        workdir.write(&format!("imports/{name}"), "")?;
    }
    let once = app(&workdir, &["--once"], &settings)?;
    is_clean("--once", &(stdout(&once) + &stderr(&once)))?;
    holds(&stdout(&once), r"x\n2026-11-29 00:00:00  INFO loaded")?;
    for arguments in [&["status"][..], &["loads"], &["rejects"], &["doctor"], &["why", "h3"], &["retry", "h4z.cs"]] {
        let done = app(&workdir, arguments, &settings)?;
        is_clean(arguments[0], &(stdout(&done) + &stderr(&done)))?;
    }
    for name in &names {
        for arguments in [["why", name], ["check", name], ["retry", name]] {
            let done = app(&workdir, &arguments, &settings)?;
            is_clean(arguments[0], &(stdout(&done) + &stderr(&done)))?;
        }
    }
    // Programs read the same names out of JSON, and a terminal shows it too.
    let mut seen = String::new();
    for arguments in [["status", "--json"], ["loads", "--json"], ["rejects", "--json"], ["doctor", "--json"]] {
        let json = stdout(&app(&workdir, &arguments, &settings)?);
        is_clean(arguments[0], &json)?;
        for line in json.lines() {
            seen += &serde_json::from_str::<serde_json::Value>(line)?.to_string();
        }
    }
    holds(&seen, "\u{9b}31m")?;
    for folder in ["logs", "imports/failed"] {
        for name in workdir.list(folder).iter().filter(|name| name.ends_with("json") || folder == "logs") {
            is_clean(folder, &fs::read_to_string(workdir.path(folder).join(name))?)?;
        }
    }
    Ok(())
}

async fn what_is_secret_is_in_no_sink(database: TestDatabase, workdir: Workdir) -> Outcome {
    let secret = "Hunter2-and more";
    let settings = [("DATABASE_URL", database.url.as_str()), ("AWS_SECRET_ACCESS_KEY", secret)];
    workdir.write("imports/a.csv", "id\n1\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    workdir.write("sql/pipeline/dim_a.sql", format!("/* kind: table */\nselect \"{secret}\" from staging.a\n"))?;
    let run = app(&workdir, &["--pipeline"], &settings)?;
    same(run.status.code(), Some(1))?;
    let kept = database.text("select error from sluice.run where status = 'failed'").await?;
    let logs: Vec<_> = workdir.list("logs").iter().map(|name| workdir.read(&format!("logs/{name}"))).collect();
    let logs = logs.into_iter().collect::<anyhow::Result<String>>()?;
    for (sink, text) in [("stdout", stdout(&run)), ("stderr", stderr(&run)), ("ledger", kept), ("log", logs)] {
        anyhow::ensure!(!text.to_lowercase().contains("hunter2"), "{sink}: {text}");
    }
    let address = format!("sqlite://u:hunter2@{}/x.db", workdir.path("none").display());
    for arguments in [&["doctor"][..], &["doctor", "--json"], &["status"], &["loads"], &["--once"]] {
        let done = app(&workdir, arguments, &[("DATABASE_URL", address.as_str())])?;
        let said = stdout(&done) + &stderr(&done);
        anyhow::ensure!(!said.contains("hunter2"), "{arguments:?}: {said}");
    }
    let done = app(&workdir, &["status"], &[("DATABASE_PASSWORD_FILE", "/hunter2")])?;
    same(done.status.code(), Some(2))?;
    anyhow::ensure!(!stderr(&done).contains("hunter2"), "{}", stderr(&done));
    Ok(())
}

async fn what_a_variable_stands_for_is_shown_nowhere(database: TestDatabase, workdir: Workdir) -> Outcome {
    let secret = "Hunter2-and more";
    let settings = [("DATABASE_URL", database.url.as_str()), ("SECRET", secret), ("CONDITION", "price > 'Hunter2'")];
    let leaks = |what: &str, text: &str| {
        let text = text.to_lowercase();
        anyhow::ensure!(!text.contains("hunter2"), "{what}: {text}");
        Ok(())
    };
    let head = "name: x\nenabled: true\nfiles: [\"x*.csv\"]\n";
    for body in [
        "table: !env SECRET",
        "mode: !env SECRET",
        "max_rejects: !env SECRET",
        "encoding: !env SECRET",
        "delimiter: !env SECRET",
        "columns: !env SECRET",
        "columns: [{from: price, type: !env SECRET}]",
        "columns: [{from: price, name: !env SECRET}]",
        "columns: [{from: !env SECRET, required: true}]",
        "filter: !env SECRET",
        "filter: !env CONDITION",
        "on_success: !env SECRET",
        "nonsense: !env SECRET",
        "creator: !env SECRET",
    ] {
        workdir.plugin("x", &format!("{head}{body}\n"))?;
        workdir.write("imports/x.csv", "price\n1\n")?;
        for arguments in [&["--once"][..], &["status"], &["status", "--json"], &["loads", "--json"], &["why", "x.csv"]]
        {
            let done = app(&workdir, arguments, &settings)?;
            leaks(body, &(stdout(&done) + &stderr(&done)))?;
        }
        for folder in ["logs", "imports/failed"] {
            for name in workdir.list(folder) {
                leaks(body, &workdir.read(&format!("{folder}/{name}"))?)?;
            }
        }
    }
    Ok(())
}

async fn columns_of_the_database_itself_get_other_names(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/box.csv", "name,xmin,ymin,XMAX,ctid,rowid,oid\na,1,2,3,4,5,6\n")?;
    workdir.write("imports/later.2026-01.csv", "name\na\n")?;
    workdir.write("imports/keys.jsonl", "{\"xmin\": 1, \"tableoid\": 2}\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    workdir.write("imports/later.2026-02.csv", "name,cmin,cmax\nb,1,2\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let row = database
        .text("select xmin_2 || ',' || xmax_2 || ',' || ctid_2 || ',' || rowid_2 || ',' || oid from staging.box")
        .await?;
    same(row, "1,3,4,5,6")?;
    same(database.text("select xmin_2 || ',' || tableoid_2 from staging.keys").await?, "1,2")?;
    same(database.text("select cmin_2 || ',' || cmax_2 from staging.later where name = 'b'").await?, "1,2")?;
    workdir.write("sql/pipeline/dim_box.sql", "/* kind: table */\nselect name, xmin_2 as xmin from staging.box\n")?;
    let built = app(&workdir, &["--pipeline"], &settings)?;
    same(built.status.code(), Some(1))?;
    holds(&stderr(&built), "every table of PostgreSQL has a column xmin already")
}

async fn long_lists_run_and_deep_sql_ends_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("PIPELINE", "on_load")];
    let list = |count: usize, between: &str| (0..count).map(|at| format!("a = {at}")).collect::<Vec<_>>().join(between);
    workdir.write("imports/a.csv", "a\n1\n2\n999999\n")?;
    workdir.write(
        "sql/pipeline/long.sql",
        format!("/* kind: table */\nselect a from staging.a where {}\n", list(3_000, " or ")),
    )?;
    workdir.plugin("p", &format!("name: p\nenabled: true\nfiles: [\"f*.csv\"]\nfilter: {}\n", list(20_000, " or ")))?;
    workdir.write("imports/f.csv", "a\n19999\n20000\n")?;
    let once = app(&workdir, &["--once"], &settings)?;
    anyhow::ensure!(once.status.code() == Some(0), "{}{}", stdout(&once), stderr(&once));
    same(database.text("select count(*) from staging.f").await?, "1")?;
    let built = app(&workdir, &["--pipeline"], &settings)?;
    anyhow::ensure!(built.status.code() == Some(0), "{}", stderr(&built));
    same(database.text("select count(*) from datawarehouse.long").await?, "2")?;
    let deep = [
        format!("select {} as b from staging.a", vec!["a"; 100_000].join(" + ")),
        format!("select {} as b from staging.a", vec!["'a'"; 100_000].join(" || ")),
        vec!["select a from staging.a"; 100_000].join(" union all "),
    ];
    for (at, text) in deep.iter().enumerate() {
        workdir.write(&format!("sql/analysis/deep{at}.sql"), text)?;
    }
    let asked = app(&workdir, &["--analysis"], &settings)?;
    same(asked.status.code(), Some(1))?;
    holds(&stderr(&asked), "nested too deeply")?;
    workdir.write("sql/pipeline/deep.sql", format!("/* kind: table */\n{}\n", deep[0]))?;
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["nested too deeply"])?;
    workdir.write("imports/b.csv", "b\n1\n")?;
    daemon.wait_for(&["INFO loaded", "b.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn an_address_that_is_none_is_not_repeated(_: TestDatabase, workdir: Workdir) -> Outcome {
    let no_secret = |what: &str| -> Outcome {
        for arguments in [&["config"][..], &["config", "--json"], &["doctor"], &["status"], &["--once"]] {
            let done = app(&workdir, arguments, &[("DATABASE_URL", what)])?;
            let said = stdout(&done) + &stderr(&done);
            anyhow::ensure!(!said.contains("hunter2"), "{what}: {arguments:?}: {said}");
        }
        for name in workdir.list("logs") {
            anyhow::ensure!(!workdir.read(&format!("logs/{name}"))?.contains("hunter2"), "{what}");
        }
        Ok(())
    };
    for address in [
        "host=127.0.0.1 password=hunter2 dbname=x",
        "u:hunter2@db/x",
        "postgres:u:hunter2@127.0.0.1/x",
        "postgres://u:12/hunter2@127.0.0.1/x",
        "postgres://u:hunter2@127.0.0.1:1/x?PASSWORD=hunter2",
        "postgres://127.0.0.1:1/x?PASSWORD=hunter2",
        "\"postgres://u:hunter2@127.0.0.1:1/x\"",
    ] {
        no_secret(address)?;
    }
    for line in
        ["DATABASE_URL=postgres://u:my hunter2@db/x", "DATABASE_URL='postgres://u:hunter2@db/x", "hunter2 = 'x' y"]
    {
        fs::write(workdir.path(".env"), format!("DEV=false\n{line}\n"))?;
        let done = app(&workdir, &["config"], &[])?;
        anyhow::ensure!(!stderr(&done).contains("hunter2") && !stdout(&done).contains("hunter2"), "{}", stderr(&done));
        holds(&stderr(&done), ".env:2: ")?;
    }
    Ok(())
}
