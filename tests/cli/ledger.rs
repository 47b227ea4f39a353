//! The ledger for people: the loads of a period, failures that were loaded since, and silence where nothing happened.

use serde_json::Value;
use sluice::sql::{Schema, Table};
use sluice::warehouse::Scope;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        the_loads_of_a_day_have_a_sum,
        a_failure_that_was_loaded_since_says_so,
        the_errors_of_a_run_have_a_line_each;
    alone:
        a_period_that_is_none_is_wrong_usage,
        quiet_goes_before_a_command_and_is_silent_over_an_empty_folder;
}

/// Makes the start of each load this time, in the engine's own form.
async fn begin_at(database: &TestDatabase, times: &[(i64, &str)]) -> Outcome {
    let load = database.warehouse.names().table(&Table { schema: Schema::Catalog, name: "load".to_owned() });
    for (id, time) in times {
        let mut transaction = database.warehouse.begin(Scope::Load).await?;
        transaction.execute(&format!("update {load} set started_at = '{time}' where id = {id}"), &[]).await?;
        transaction.commit().await?;
    }
    Ok(())
}

async fn the_loads_of_a_day_have_a_sum(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    for (name, rows) in [("a", "1\n"), ("b", "1\n2\n"), ("c", "1\n2\n3\n"), ("d", "1\n2\n3\n4\n"), ("e", "9\n")] {
        workdir.load(&database, &format!("{name}.csv"), format!("{name}\n{rows}")).await?;
    }
    same(app(&workdir, &["retract", "5", "--yes"], &settings)?.status.code(), Some(0))?;
    let times = [
        (1, "2026-11-26T23:59:59.999999+00:00"),
        (2, "2026-11-27T00:00:00+00:00"),
        (3, "2026-11-27T23:59:59.999999+00:00"),
        (4, "2026-11-28T00:00:00+00:00"),
        (5, "2026-11-27T12:00:00.500+00:00"),
    ];
    begin_at(&database, &times).await?;
    for (arguments, loads) in [
        (&["--since", "2026-11-27", "--until", "2026-11-28"][..], &[5, 3, 2][..]),
        (&["--since", "2026-11-28"], &[4]),
        (&["--until", "2026-11-27"], &[1]),
        (&["--since", "2026-11-27T12:00:00.5", "--until", "2026-11-28 00:00Z"], &[5, 3]),
        (&["--since", "2026-11-27T13:00:00.5+01:00", "--until", "2026-11-28"], &[5, 3]),
        (&["--since", "2026-11-27", "--limit", "2"], &[5, 4]),
        (&["--since", "2030-01-01"], &[]),
    ] {
        let output = stdout(&app(&workdir, &[&["loads", "--json"], arguments].concat(), &settings)?);
        let lines = output.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        let found: Vec<_> = lines.iter().filter_map(|line| line["load"].as_i64()).collect();
        same((arguments, found.as_slice()), (arguments, loads))?;
    }
    let friday = ["loads", "--since", "2026-11-27", "--until", "2026-11-28"];
    let text = stdout(&app(&workdir, &friday, &settings)?);
    let sum =
        "\nsum: 2 loaded, 0 duplicate, 0 failed; rows: 5 loaded, 0 rejected; 1 retracted or lost, and not counted\n";
    same((text.ends_with(sum), text.contains("b.csv"), text.contains("a.csv")), (true, true, false))?;
    // The sum is of all, also where fewer are shown.
    holds(&stdout(&app(&workdir, &[&friday[..], &["--limit", "1"]].concat(), &settings)?), sum)?;
    same(stdout(&app(&workdir, &["loads"], &settings)?).contains("sum: "), false)
}

async fn a_period_that_is_none_is_wrong_usage(workdir: Workdir) -> Outcome {
    for (arguments, why) in [
        (&["--since", "friday"][..], "a day such as 2026-11-27, or a time such as 2026-11-27T08:30 (UTC)"),
        (&["--until", "2026-02-30"], "a day such as 2026-11-27"),
        (&["--since", "2026-11-27", "--until", "2026-11-27"], "--until is the first moment after, as the next day"),
        (&["--since", "2026-11-28", "--until", "2026-11-27"], "leave no time between them"),
    ] {
        let output = app(&workdir, &[&["loads"], arguments].concat(), &[])?;
        holds(&stderr(&output), why)?;
        same((arguments, output.status.code()), (arguments, Some(2)))?;
    }
    Ok(())
}

async fn a_failure_that_was_loaded_since_says_so(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    for name in ["x.csv", "y.csv"] {
        workdir.write(&format!("imports/{name}"), "")?;
        same(app(&workdir, &["--once"], &settings)?.status.code(), Some(1))?;
    }
    for name in ["x.csv", "y.csv"] {
        std::fs::remove_file(workdir.path(&format!("imports/failed/{name}")))?;
        std::fs::remove_file(workdir.path(&format!("imports/failed/{name}.error.json")))?;
    }
    workdir.load(&database, "x.csv", "a\n1\n").await?;
    let text = stdout(&app(&workdir, &["status"], &settings)?);
    holds(&text, "| x.csv  | loaded since, by load 3: the file is empty")?;
    holds(&text, "| y.csv  | the file is empty")?;
    let json: Value = serde_json::from_str(&stdout(&app(&workdir, &["status", "--json"], &settings)?))?;
    let loaded_by = |at: usize| json["database"]["failures"][at]["loaded_by"].as_i64();
    same((loaded_by(0), loaded_by(1)), (None, Some(3)))
}

async fn the_errors_of_a_run_have_a_line_each(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "n.csv", "a\n1\n").await?;
    workdir.write("sql/pipeline/one.sql", "/* kind: table */ select b from staging.n")?;
    workdir.write("sql/pipeline/two.sql", "/* kind: table */ select c from staging.n")?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(1))?;
    let text = stdout(&app(&workdir, &["status"], &settings)?);
    same(text.contains("\\n"), false).map_err(|error| error.context(text.clone()))?;
    holds(&text, ": 2 errors:\n  sql/pipeline/one.sql:1:")?;
    holds(&text, "\n  sql/pipeline/two.sql:1:")
}

async fn quiet_goes_before_a_command_and_is_silent_over_an_empty_folder(workdir: Workdir) -> Outcome {
    for arguments in [&["--quiet", "--once"][..], &["-q", "--once"], &["--once", "--quiet"]] {
        let output = app(&workdir, arguments, &[])?;
        same((stdout(&output).as_str(), stderr(&output).as_str(), output.status.code()), ("", "", Some(0)))?;
    }
    holds(&stdout(&app(&workdir, &["--once"], &[])?), "files: 0 loaded")?;
    holds(&stdout(&app(&workdir, &["--quiet", "--once", "--json"], &[])?), "\"loaded\":0")?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    holds(&stdout(&app(&workdir, &["--quiet", "--once"], &[])?), "files: 1 loaded")?;
    for arguments in [&["--quiet", "loads", "--limit", "1"][..], &["-q", "loads"], &["loads", "--quiet"]] {
        let output = app(&workdir, arguments, &[])?;
        same((arguments, output.status.code()), (arguments, Some(0)))?;
        holds(&stdout(&output), "n.csv")?;
    }
    same(app(&workdir, &["--quiet", "--once", "loads"], &[])?.status.code(), Some(2))
}
