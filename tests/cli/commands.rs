//! The commands as a user runs them: results, exit codes, errors.

use sluice::sql::Table;
use sluice::warehouse::Scope;

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    alone:
        wrong_settings_and_usage_end_with_2,
        the_demo_goes_the_whole_way,
        check_tells_how_a_file_would_be_read,
        check_counts_what_is_no_record,
        config_shows_where_a_value_comes_from,
        a_pipe_gets_no_escape_codes;
    on_both:
        the_books_that_are_shown_add_up,
        once_says_what_became_of_each_file,
        once_ends_where_a_folder_cannot_be_written,
        pipeline_and_analysis,
        export_gives_a_table_back_as_its_files_had_it,
        why_tells_what_became_of_a_file,
        init_db_false_makes_nothing,
        dev_drops_at_the_start_of_once_only,
        doctor_says_how_to_mend,
        doctor_looks_at_the_archive_and_the_plugins,
        why_counts_while_somebody_writes;
    on_sqlite:
        who_holds_the_lock_is_named;
    on_both:
        no_password_is_shown,
        a_table_that_no_file_declares_fails_no_run,
        why_counts_the_rows_that_are_left;
}

async fn wrong_settings_and_usage_end_with_2(workdir: Workdir) -> Outcome {
    let file = workdir.write("file", "")?.display().to_string();
    for (arguments, setting, expected) in [
        (vec!["--once"], ("DATABASE_URL", "oracle://x"), "it is no address that is known here"),
        (vec!["--once"], ("DEV", "perhaps"), "DEV: \"perhaps\" (from environment) is not true, false"),
        (vec!["--once"], ("IMPORTS_DIR", &format!("{file}/imports")), "cannot make the folder"),
        (vec!["--once"], ("DATABASE_URL", &format!("sqlite://{file}/x.db")), "cannot make the folder"),
        (vec!["--onec"], ("DEV", "no"), "--once"),
        (vec!["--once", "--pipeline"], ("DEV", "no"), "cannot be used with"),
        (vec!["lodas"], ("DEV", "no"), "loads"),
        (vec!["pipeline"], ("DEV", "no"), "tip: pipeline is an option: app --pipeline"),
        (vec!["analyis"], ("DEV", "no"), "tip: analysis is an option: app --analysis"),
        (vec!["loads"], ("DEV", "no"), "there is no warehouse in sqlite://data/warehouse.db yet"),
    ] {
        let output = app(&workdir, &arguments, &[setting])?;
        holds(&stderr(&output), expected)?;
        same((expected, output.status.code()), (expected, Some(2)))?;
    }
    let unreachable = [("DATABASE_URL", "postgres://nobody:secret@127.0.0.1:9/none")];
    let output = app(&workdir, &["--once"], &unreachable)?;
    same(output.status.code(), Some(1))?;
    same(stderr(&output).contains("secret"), false)
}

async fn the_demo_goes_the_whole_way(workdir: Workdir) -> Outcome {
    let temporary = workdir.path("exports").display().to_string();
    let output = app(&workdir, &["demo"], &[("TMPDIR", &temporary)])?;
    same(output.status.code(), Some(0))?;
    let text = stdout(&output);
    for words in ["76 rows in staging", "fact_related_title", "harbour clerk", "average_pdl_count", "rm -r "] {
        holds(&text, words)?;
    }
    same(workdir.list(""), ["exports", "imports", "sql"])
}

async fn check_counts_what_is_no_record(workdir: Workdir) -> Outcome {
    workdir.write("a.csv", "Report\n\nid,name,qty\n1,Ann,5\n\n,,\n2,\"Cy \"The\" Lee\",7\n3,\"Bob\",8\n4,Di\n")?;
    let shown = stdout(&app(&workdir, &["check", "a.csv"], &[])?);
    holds(&shown, "rows: 4 read = 4 to load + 0 rejected + 0 filtered")?;
    holds(&shown, "of those read 1 have quotes that are not doubled")?;
    let json: serde_json::Value = serde_json::from_str(&stdout(&app(&workdir, &["check", "--json", "a.csv"], &[])?))?;
    let bytes = &json["bytes"];
    let of = |what: &str| bytes[what].as_u64().unwrap_or_default();
    let parts = [of("header"), of("beside"), of("records"), of("rejects"), of("blank")];
    same((parts, parts.iter().sum()), ([11, 6, 38, 0, 11], std::fs::metadata(workdir.path("a.csv"))?.len()))
}

async fn check_tells_how_a_file_would_be_read(workdir: Workdir) -> Outcome {
    let text: Vec<u8> = "Bericht\n\nNr;Größe;Preis\n007;groß;1.50\n8;klein;2.25\n9;\"x;1\n"
        .chars()
        .map(|letter| letter as u8)
        .collect();
    workdir.write("report.txt", &text)?;
    let output = app(&workdir, &["check", "report.txt"], &[])?;
    same(output.status.code(), Some(3))?;
    let shown = stdout(&output);
    for words in [
        "report.txt -> staging.report",
        "windows-1252 (a guess), delimiter ';', quote '\"', 2 lines above the table, header in one row",
        "| größe  | Größe  | text    | groß | klein |",
        "| preis  | Preis  | numeric |",
        "rows: 3 read = 2 to load + 1 rejected + 0 filtered",
        "a quote is opened and never closed",
    ] {
        holds(&shown, words)?;
    }
    // Nothing was made, and the plugin that it shows reads the file in the same way, the encoding no guess any more.
    same(workdir.list(""), ["exports", "imports", "report.txt", "sql"])?;
    let yaml = shown.split("plugin.yaml:\n\n").nth(1).unwrap_or_default();
    std::fs::create_dir_all(workdir.path("plugins/report"))?;
    workdir.write("plugins/report/plugin.yaml", yaml)?;
    let again = stdout(&app(&workdir, &["check", "report.txt"], &[])?);
    same(again.contains("a guess"), false)?;
    let columns = |text: &str| text.split("beside the records").next().map(|text| text.replace(" (a guess)", ""));
    let plugin = |text: &str| text.split("plugin.yaml:\n\n").nth(1).map(str::to_owned);
    same((columns(&again), plugin(&again)), (columns(&shown), plugin(&shown)))?;
    let json = stdout(&app(&workdir, &["check", "--json", "report.txt"], &[])?);
    let json: serde_json::Value = serde_json::from_str(&json)?;
    same((json["rows_loaded"].as_u64(), json["columns"][0]["type"].as_str()), (Some(2), Some("text")))?;
    same(json["left"].is_null(), true)?;
    same(app(&workdir, &["check", "absent.csv"], &[])?.status.code(), Some(2))?;
    // What would not be loaded is said to be so, whatever is in it.
    for (name, why) in [
        ("notes.doc", "no format that is read ("),
        (".hidden.csv", "hidden"),
        ("x.csv.part", "a temporary name"),
        ("imports/notes.doc", "no format that is read ("),
    ] {
        workdir.write(name, "a\n1\n")?;
        let expected = format!("lying in imports/ as it lies here it would be left there, not loaded: {why}");
        let text = stdout(&app(&workdir, &["check", name], &[])?);
        same((name, text.starts_with(&expected)), (name, true))?;
    }
    let json = stdout(&app(&workdir, &["check", "--json", ".hidden.csv"], &[])?);
    same(serde_json::from_str::<serde_json::Value>(&json)?["left"].as_str(), Some("hidden"))?;
    workdir.write("empty.csv", "")?;
    let output = app(&workdir, &["check", "empty.csv"], &[])?;
    same(output.status.code(), Some(1))?;
    holds(&stderr(&output), "error: empty.csv: the file is empty")
}

async fn config_shows_where_a_value_comes_from(workdir: Workdir) -> Outcome {
    workdir.write(".env", "SQL_DIR=sql\n")?;
    let output = app(&workdir, &["config", "--json"], &[])?;
    let lines: Vec<serde_json::Value> = stdout(&output).lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let from = |name: &str| lines.iter().find(|line| line["name"] == name).map(|line| line["from"].clone());
    same(from("SQL_DIR"), Some(".env".into()))?;
    same(from("SETTLE_SECONDS"), Some("environment".into()))?;
    same(from("POLL"), Some("default".into()))
}

async fn a_pipe_gets_no_escape_codes(workdir: Workdir) -> Outcome {
    workdir.write("imports/x.csv", "a\n1\n")?;
    for arguments in [vec!["--once"], vec!["loads"], vec!["config"], vec!["doctor"], vec!["--help"]] {
        let output = app(&workdir, &arguments, &[])?;
        same(output.stdout.contains(&0x1B) || output.stderr.contains(&0x1B), false)?;
    }
    Ok(())
}

async fn once_says_what_became_of_each_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/good.csv", "a,b\n1,2\n")?;
    let output = app(&workdir, &["--once"], &settings)?;
    same(output.status.code(), Some(0))?;
    holds(
        &stdout(&output),
        "files: 1 loaded, 0 duplicate, 0 failed, 0 waiting; rows: 1 read = 1 loaded + 0 rejected + 0 duplicate + 0 filtered",
    )?;
    holds(&stdout(&output), "INFO loaded good.csv: 1 row into staging.good (load 1, ")?;
    holds(&stdout(&output), "INFO connected to ")?;

    workdir.write("imports/good.csv", "a,b\n1,2\n")?;
    workdir.write("imports/some.csv", "a,b\n1,2\n\"3,4\n")?;
    let output = app(&workdir, &["--once"], &settings)?;
    same(output.status.code(), Some(3))?;
    holds(
        &stdout(&output),
        "good.csv is a duplicate of load 1: the same content is in the table already, staging.good (load ",
    )?;
    holds(
        &stdout(&output),
        "files: 1 loaded, 1 duplicate, 0 failed, 0 waiting; rows: 3 read = 1 loaded + 1 rejected + 1 duplicate + 0 filtered",
    )?;

    workdir.write("imports/empty.csv", "")?;
    let output = app(&workdir, &["--once", "--json"], &settings)?;
    same(output.status.code(), Some(1))?;
    let totals: serde_json::Value = serde_json::from_str(&stdout(&output))?;
    same((totals["failed"].as_u64(), totals["loaded"].as_u64()), (Some(1), Some(0)))?;
    holds(&stderr(&output), "not loaded: the file is empty; fix the file; app retry moves it back")?;

    let loads = stdout(&app(&workdir, &["loads", "--json"], &settings)?);
    let mut statuses: Vec<_> = loads
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).map(|line| line["status"].to_string()))
        .collect::<Result<_, _>>()?;
    statuses.sort();
    same(statuses, ["\"duplicate\"", "\"failed\"", "\"loaded\"", "\"loaded\""])?;
    let rejects = stdout(&app(&workdir, &["rejects"], &settings)?);
    holds(&rejects, "a quote is opened and never closed")?;
    let none = app(&workdir, &["rejects", "77"], &settings)?;
    same(none.status.code(), Some(2))?;
    holds(&stderr(&none), "there is no load 77: see app loads")?;
    same(rejects.lines().count(), 3)
}

async fn the_books_that_are_shown_add_up(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.plugin("n", "name: n\nfiles: [\"n*.csv\"]\ntable: n\nfilter: a > 1\nmax_rejects: 1\n")?;
    workdir.write("imports/n1.csv", "a,b\n1,1\n2,2\n3,3\n\"4,4\n")?;
    let output = app(&workdir, &["--once"], &settings)?;
    same(output.status.code(), Some(3))?;
    holds(&stdout(&output), "rows: 4 read = 2 loaded + 1 rejected + 0 duplicate + 1 filtered; ")?;
    holds(&stdout(&output), "WARN loaded n1.csv: 2 rows into staging.n, 1 rejected: app rejects 1 (load 1, ")?;
    holds(&stdout(&output), "left out by the plugin's filter: 1 row")?;
    workdir.write("imports/n2.csv", "a,b\n1,1\n5,5\n")?;
    let output = app(&workdir, &["--once", "--json"], &settings)?;
    let json: serde_json::Value = serde_json::from_str(&stdout(&output))?;
    let count = |name: &str| json[name].as_u64();
    same(
        ["rows_read", "rows_loaded", "rows_rejected", "rows_duplicate", "rows_filtered"].map(count),
        [2, 1, 0, 0, 1].map(Some),
    )?;
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/n3.csv", "a,b\n1,1\n0,1\n7,7\n")?;
    daemon.wait_for(&["loaded", "n3.csv"])?;
    let (status, log) = daemon.terminate()?;
    same(status.code(), Some(0))?;
    holds(&log, "stopped: 1 file loaded; rows: 3 read = 1 loaded + 0 rejected + 0 duplicate + 2 filtered")
}

async fn once_ends_where_a_folder_cannot_be_written(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("exports/rejects", "a file in the folder's place")?;
    workdir.write("imports/some.csv", "a,b\n1,2\n\"3,4\n")?;
    workdir.write("imports/good.csv", "a,b\n1,2\n")?;
    let output = app(&workdir, &["--once"], &settings)?;
    same(output.status.code(), Some(1))?;
    holds(&stdout(&output), "cannot write rejects into exports/rejects: ")?;
    same(stdout(&output).matches("cannot write rejects").count(), 1)?;
    same(workdir.list("imports").contains(&"some.csv".to_owned()), true)?;
    std::fs::remove_file(workdir.path("exports/rejects"))?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(3))?;
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "2")
}

async fn pipeline_and_analysis(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/n.csv", "a,b\n1,x\n2,y\n3,\n")?;
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a, b from staging.n")?;
    workdir.write("sql/analysis/v.sql", "select b, a, a > 1 as more from datawarehouse.t order by a")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let output = app(&workdir, &["--pipeline"], &settings)?;
    same((output.status.code(), stdout(&output).contains("3 changes; ")), (Some(0), true))?;
    holds(&stdout(&app(&workdir, &["--pipeline"], &settings)?), "0 changes: the star was up to date")?;
    let output = app(&workdir, &["--analysis"], &settings)?;
    same(output.status.code(), Some(0))?;
    holds(&stdout(&output), "v (3 rows; all in exports/v.csv)")?;
    same(workdir.read("exports/v.csv")?, "b,a,more\nx,1,false\ny,2,true\n,3,true\n")?;
    workdir.write("sql/analysis/v.sql", "select c from datawarehouse.t")?;
    let output = app(&workdir, &["--analysis"], &settings)?;
    same(output.status.code(), Some(1))?;
    holds(&stderr(&output), "error: sql/analysis/v.sql:1:8: there is no column c")?;
    // What was there before is there still.
    same(database.rows("select * from datawarehouse.v").await?.len(), 3)
}

async fn export_gives_a_table_back_as_its_files_had_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let text = "Id,Größe (cm),,ok,day,note,at,instant\n\
                7,1.10,,True,2024-02-29,\"a \"\"b\"\"\n\",2024-01-01T10:00,2024-01-01T10:00:00.500Z\n\
                8,20.0,x,False,,\"\",2024-01-02T00:00,2024-01-02T00:00:00.000Z\n";
    workdir.write("imports/t.csv", text)?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let output = app(&workdir, &["export", "t"], &settings)?;
    same((output.status.code(), stdout(&output)), (Some(0), "2 rows of staging.t in exports/t.csv\n".to_owned()))?;
    same(workdir.read("exports/t.csv")?, text)?;
    let output = app(&workdir, &["export", "staging.t", "--format", "json", "--output", "t.jsonl"], &settings)?;
    same(output.status.code(), Some(0))?;
    same(
        workdir.read("t.jsonl")?.lines().next(),
        Some(
            r#"{"Id": 7, "Größe (cm)": 1.10, "": null, "ok": true, "day": "2024-02-29", "note": "a \"b\"\n", "at": "2024-01-01T10:00", "instant": "2024-01-01T10:00:00.500Z"}"#,
        ),
    )?;
    workdir.write("imports/u.csv", "1,x\n2,y\n")?;
    app(&workdir, &["--once"], &settings)?;
    app(&workdir, &["export", "u"], &settings)?;
    same(workdir.read("exports/u.csv")?, "column_1,column_2\n1,x\n2,y\n")?;
    let output = app(&workdir, &["export", "staging.tt"], &settings)?;
    same(output.status.code(), Some(2))?;
    holds(&stderr(&output), "there is no table or view staging.tt; did you mean t?")
}

async fn why_tells_what_became_of_a_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    for (name, text) in [("t.csv", "a,b\n1,2\n\"3,4\n"), ("e.csv", "")] {
        workdir.write(&format!("imports/{name}"), text)?;
    }
    app(&workdir, &["--once"], &settings)?;
    workdir.write("imports/t.csv", "a,b\n1,2\n\"3,4\n")?;
    app(&workdir, &["--once"], &settings)?;
    let why = stdout(&app(&workdir, &["why", "t.csv"], &settings)?);
    holds(&why, "rows: 2 read = 1 loaded + 1 rejected + 0 duplicate + 0 filtered")?;
    holds(&why, "read as delimited text, UTF-8, delimiter ',', quote")?;
    holds(&why, "its rows are in staging.t (1 with _load_id")?;
    holds(&why, "a quote is opened and never closed")?;
    holds(&why, "a duplicate: load")?;
    let hash = why.split("blake3 ").nth(1).and_then(|rest| rest.get(..12)).unwrap_or_default().to_owned();
    same(stdout(&app(&workdir, &["why", &hash], &settings)?), why)?;
    holds(&stdout(&app(&workdir, &["why", "e.csv"], &settings)?), "failed: the file is empty")?;
    let none = app(&workdir, &["why", "tt.csv"], &settings)?;
    same(none.status.code(), Some(2))?;
    holds(&stderr(&none), "did you mean t.csv?")
}

async fn init_db_false_makes_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("INIT_DB", "false")];
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    database.warehouse.drop_all().await?;
    let output = app(&workdir, &["--once"], &settings)?;
    same(output.status.code(), Some(2))?;
    holds(&stderr(&output), "INIT_DB is false, and missing in ")?;
    holds(&stderr(&output), "start once with INIT_DB=true")?;
    let elsewhere = [settings[0], settings[1], ("IMPORTS_DIR", "elsewhere")];
    holds(&stderr(&app(&workdir, &["--once"], &elsewhere)?), "there is no folder elsewhere: make it")?;
    same(workdir.path("elsewhere").exists(), false)
}

async fn dev_drops_at_the_start_of_once_only(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("DEV", "true")];
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.n")?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    same(app(&workdir, &["loads"], &settings)?.status.code(), Some(0))?;
    same(database.text("select a from datawarehouse.t").await?, "1")?;
    let output = app(&workdir, &["--once"], &settings)?;
    holds(&stdout(&output), "WARN DEV=true: dropping staging, datawarehouse and catalog (database ")?;
    same(database.text("select count(*) from sluice.load").await?, "0")?;
    same(database.text("select a from datawarehouse.t").await.is_err(), true)
}

async fn doctor_says_how_to_mend(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["doctor"], &settings)?;
    same(output.status.code(), Some(1))?;
    holds(&stdout(&output), "start app with INIT_DB=true")?;
    std::fs::create_dir(workdir.path("logs"))?;
    // Who only loads has no SQL files, nor a folder for them.
    for _ in 0..2 {
        let output = app(&workdir, &["doctor"], &settings)?;
        same(output.status.code(), Some(0))?;
        let begin = "none, which is all right where files are only loaded; to begin, ";
        holds(&stdout(&output), &format!("{begin}app new dimension dim_NAME --from staging.TABLE"))?;
        holds(&stdout(&output), &format!("{begin}write a select into sql/analysis/NAME.sql"))?;
        let _ = std::fs::remove_dir_all(workdir.path("sql"));
    }
    std::fs::create_dir_all(workdir.path("sql/pipeline"))?;
    std::fs::create_dir_all(workdir.path("sql/analysis"))?;
    workdir.write("sql/pipeline/t.sql", "")?;
    workdir.write("sql/analysis/t.sql", "")?;
    let output = app(&workdir, &["doctor"], &settings)?;
    same((output.status.code(), stdout(&output).contains("NOT OK")), (Some(0), false))
}

async fn doctor_looks_at_the_archive_and_the_plugins(database: TestDatabase, workdir: Workdir) -> Outcome {
    std::fs::create_dir(workdir.path("logs"))?;
    let checks = |settings: &[(&str, &str)]| -> anyhow::Result<(Option<i32>, Vec<serde_json::Value>)> {
        let output = app(&workdir, &["doctor", "--json"], settings)?;
        let lines = stdout(&output).lines().map(serde_json::from_str).collect::<Result<Vec<_>, _>>()?;
        Ok((output.status.code(), lines))
    };
    let of = |checks: &[serde_json::Value], folder: &str| -> Vec<(bool, String)> {
        let named = checks.iter().filter(|check| check["check"] == format!("folder {folder}"));
        named.map(|check| (check["ok"] == true, check["text"].as_str().unwrap_or_default().to_owned())).collect()
    };
    let url = ("DATABASE_URL", database.url.as_str());
    // Files are deleted: where they would be kept is nobody's business.
    let (code, found) = checks(&[url])?;
    same((code, of(&found, "archive").len()), (Some(0), 0))?;
    same(of(&found, "plugins"), [(true, "0 plugins".to_owned())])?;

    let kept = [url, ("ON_SUCCESS", "archive"), ("ARCHIVE", "kept")];
    let (code, found) = checks(&kept)?;
    same((code, of(&found, "kept")), (Some(0), vec![(true, "is made when it is needed".to_owned())]))?;
    workdir.write("kept", "")?;
    let (code, found) = checks(&kept)?;
    same((code, of(&found, "kept")[0].0), (Some(1), false))?;
    holds(&of(&found, "kept")[0].1, "there is no such folder")?;

    workdir.plugin("good", "name: good\nfiles: [\"g*\"]\ntable: g\n")?;
    same(of(&checks(&[url])?.1, "plugins"), [(true, "1 plugin".to_owned())])?;
    workdir.plugin("bad", "name: bad\nfiles: [\"b*\"]\nmode: sideways\n")?;
    let (code, found) = checks(&[url])?;
    let plugins = of(&found, "plugins");
    same((code, plugins.len(), plugins[0].0), (Some(1), 1, false))?;
    holds(&plugins[0].1, "plugins/bad/plugin.yaml:3: ")?;
    holds(&plugins[0].1, "files that they claim are held back until that is fixed")
}

async fn why_counts_while_somebody_writes(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "a\n1\n2\n").await?;
    let table = database.warehouse.names().table(&Table::staging("t"));
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    transaction.execute(&format!("update {table} set a = 3"), &[]).await?;
    let output = app(&workdir, &["why", "t.csv"], &[("DATABASE_URL", &database.url)])?;
    same(output.status.code(), Some(0))?;
    holds(&stdout(&output), "its rows are in staging.t (2 with _load_id 1)")?;
    Ok(transaction.commit().await?)
}

/// Another process has begun to write, and ends when it is told to.
async fn who_holds_the_lock_is_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    transaction.execute("create table other (a int)", &[]).await?;
    workdir.write("imports/x.csv", "a\n1\n")?;
    let mut daemon = Daemon::start(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?;
    let holder = format!("it is open in process {} (", std::process::id());
    daemon.wait_for(&["waiting until another program has written into the database", &holder])?;
    transaction.commit().await?;
    same(daemon.wait()?.code(), Some(0))?;
    same(database.text("select a from staging.x").await?, "1")
}

async fn no_password_is_shown(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("ECHO_SQL", "true"), ("DEBUG_LOGS", "1")];
    workdir.write("imports/n.csv", "a\n1\n")?;
    let password =
        database.url.split(['@']).next().and_then(|start| start.rsplit(':').next()).unwrap_or_default().to_owned();
    for arguments in [vec!["--once"], vec!["config"], vec!["doctor"]] {
        let output = app(&workdir, &arguments, &settings)?;
        let all = stdout(&output) + &stderr(&output);
        if database.url.starts_with("postgres") {
            same((arguments.clone(), all.contains(&password)), (arguments, false))?;
        }
    }
    for log in workdir.list("logs") {
        let text = workdir.read(&format!("logs/{log}"))?;
        holds(&text, "\"message\":\"loaded\"")?;
        holds(&text.to_lowercase(), "insert into")?;
        same(database.url.starts_with("postgres") && text.contains(&password), false)?;
    }
    same(workdir.list("logs").len(), 1)
}

async fn a_table_that_no_file_declares_fails_no_run(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/t.csv", "id,v\n1,a\n2,b\n")?;
    workdir.write("sql/pipeline/dim_t.sql", "/*\nkind: dimension\nkey: id\n*/\nselect id, v from staging.t\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    for arguments in [["--pipeline", "--select", "nosuch"], ["plan", "--select", "nosuch"]] {
        let done = app(&workdir, &arguments, &settings)?;
        same(done.status.code(), Some(2))?;
        holds(&stderr(&done), "no table nosuch")?;
    }
    same(database.text("select count(*) from sluice.run where error is not null").await?, "0")?;
    same(app(&workdir, &["status"], &settings)?.status.code(), Some(0))
}

async fn why_counts_the_rows_that_are_left(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "t.csv", "id\n1\n2\n").await?;
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    let table = database.warehouse.names().table(&Table::staging("t"));
    transaction.execute(&format!("delete from {table} where id = 1"), &[]).await?;
    transaction.commit().await?;
    holds(&stdout(&app(&workdir, &["why", "t.csv"], &settings)?), "1 of its 2 rows are in staging.t")
}
