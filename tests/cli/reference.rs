//! `app help`: the tables of what can be written, as the program and as docs/reference/ have them.

use std::fs;
use std::path::Path;

use sluice::ops::help::Topic;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, Workdir, cases, holds, same};

cases! {
    alone:
        the_pages_are_what_the_program_knows,
        help_prints_tables_and_the_help_of_commands,
        help_that_is_not_there_is_named,
        examples_are_right;
}

/// `UPDATE_GOLDEN=1` in the environment writes them.
async fn the_pages_are_what_the_program_knows(workdir: Workdir) -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    for topic in Topic::ALL {
        let page = stdout(&app(&workdir, &["help", topic.word(), "--markdown"], &[])?);
        let path = folder.join(format!("{}.md", topic.word()));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(&folder)?;
            fs::write(&path, &page)?;
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        if kept != page {
            anyhow::bail!("{} is not what `app help` prints: UPDATE_GOLDEN=1 writes it anew", path.display());
        }
    }
    Ok(())
}

async fn help_prints_tables_and_the_help_of_commands(workdir: Workdir) -> Outcome {
    // A setting that is wrong is no reason to give no help.
    workdir.write(".env", "DEV=perhaps\n")?;
    for (arguments, words) in [
        (vec!["help"], vec!["Usage: app", "Exit codes:"]),
        (vec!["help", "settings"], vec!["SETTLE_SECONDS", "0 to 3600"]),
        (vec!["help", "plugin"], vec!["max_rejects", "Of an entry of columns", "app plugin --help"]),
        (vec!["help", "star"], vec!["fiscal_year_starts", "calendar", "beneath checks", "exports: [csv, xlsx]"]),
        (vec!["help", "trace"], vec!["Usage: app trace"]),
        (vec!["help", "plugin", "new"], vec!["Usage: app plugin new"]),
        (vec!["help", "--help"], vec!["Usage: app help"]),
        (vec!["--help"], vec!["every setting, key of a plugin"]),
    ] {
        let output = app(&workdir, &arguments, &[])?;
        same((&arguments, output.status.code(), stderr(&output)), (&arguments, Some(0), String::new()))?;
        words.into_iter().try_for_each(|word| holds(&stdout(&output), word))?;
    }
    Ok(())
}

async fn help_that_is_not_there_is_named(workdir: Workdir) -> Outcome {
    for (arguments, expected) in [
        (vec!["help", "setings"], "there is no command and no topic setings; did you mean settings?"),
        (vec!["help", "lodas"], "did you mean loads?"),
        (vec!["help", "xyzzy"], "no topic xyzzy; see app --help"),
        (vec!["help", "loads", "--markdown"], "--markdown goes with one of settings, plugin, star"),
    ] {
        let output = app(&workdir, &arguments, &[])?;
        same((&arguments, output.status.code()), (&arguments, Some(2)))?;
        holds(&stderr(&output), expected)?;
    }
    Ok(())
}

/// Each key's example is read by the plugins' reader.
async fn examples_are_right(workdir: Workdir) -> Outcome {
    let reference = Topic::Plugin.reference();
    let [file, schedule, destination, source, paginate, auth, since, column, older @ ..] = reference.tables.as_slice()
    else {
        anyhow::bail!("eight tables, and those of the older form")
    };
    let pulled = |kind: &str, lines: &str| {
        format!("name: x\nmode: append\nsource:\n  kind: {kind}\n  url: https://a.org\n{lines}")
    };
    let whole = |row: &Vec<String>| {
        let example = &row[3];
        let with = match row[0].as_str() {
            "source" => "mode: append\n",
            "destination" => return pulled("http", &format!("{example}\n")),
            "schedule" | "default" => return pulled("http", &format!("{example}\n")),
            "catch_up" => return pulled("http", &format!("schedule: hourly\n{example}\n")),
            "name" => return format!("{example}\nfiles: [a.csv]\n"),
            "files" => return format!("name: x\n{example}\n"),
            "mode" => "key: [id]\n",
            "key" => "mode: upsert\n",
            "widths" => "format: fixed\n",
            "others" => "columns: [{from: a}]\n",
            _ => "",
        };
        format!("name: x\nfiles: [a.csv]\n{with}{example}\n")
    };
    let within = |row: &Vec<String>| {
        let example = &row[3];
        let with = match row[0].as_str() {
            "from" => return format!("name: x\nfiles: [a.csv]\ncolumns:\n  - {example}\n"),
            "format" => "    type: date\n",
            _ => "",
        };
        let mode = if row[0] == "key" { "mode: upsert\n" } else { "" };
        format!("name: x\nfiles: [a.csv]\n{mode}columns:\n  - from: a\n{with}    {example}\n")
    };
    let of_schedule = |row: &Vec<String>| {
        let example = &row[3];
        let with = if row[0] == "cron" { "" } else { "cron: hourly, " };
        pulled("http", &format!("schedule: {{{with}{example}}}\n"))
    };
    let of_source = |row: &Vec<String>| {
        let example = &row[3];
        let (kind, with) = match row[0].as_str() {
            "kind" => return format!("name: x\nmode: append\nsource:\n  {example}\n  url: https://a.org\n"),
            "url" => return format!("name: x\nmode: append\nsource:\n  kind: http\n  {example}\n"),
            "resource" | "filter" | "select" | "order" | "page_size" => ("odata", ""),
            "body" => ("http", "  method: POST\n"),
            _ => ("http", ""),
        };
        pulled(kind, &format!("{with}  {example}\n"))
    };
    let of_paginate = |row: &Vec<String>| {
        let example = &row[3];
        let with = match row[0].as_str() {
            "by" => "from: a",
            "size_param" => "by: page, size: 10",
            "size" => "by: page, size_param: size",
            "from" => "by: next_url",
            _ => "by: page",
        };
        pulled("http", &format!("  paginate: {{{with}, {example}}}\n"))
    };
    let of_auth = |row: &Vec<String>| {
        let example = &row[3];
        let with = match row[0].as_str() {
            "bearer" | "user" => "",
            "password" => "user: a, ",
            "value" => "query: a, ",
            _ => "value: a, ",
        };
        pulled("http", &format!("  auth: {{{with}{example}}}\n"))
    };
    let of_since = |row: &Vec<String>| {
        let example = &row[3];
        let with = match row[0].as_str() {
            "column" => "send: after",
            "send" => "column: at",
            _ => "column: at, send: after",
        };
        pulled("http", &format!("  since: {{{with}, {example}}}\n"))
    };
    let all = file.rows.iter().map(whole).chain(column.rows.iter().map(within));
    let of_destination = |row: &Vec<String>| pulled("http", &format!("destination:\n  {}\n", row[3]));
    let of_older = |(level, row): (usize, &Vec<String>)| {
        let (name, example) = (row[0].as_str(), &row[3]);
        let must = [("name", "name: x"), ("run", "run: A"), ("etl", "etl:")];
        let mut lines: Vec<_> =
            must.iter().filter(|(key, _)| level > 0 || *key != name).map(|(_, line)| *line).collect();
        let entry = [("indicator", "    indicator: A"), ("api", "    api: https://a.org")];
        let entry: Vec<_> = entry.iter().filter(|(key, _)| level != 1 || *key != name).map(|(_, line)| *line).collect();
        let above =
            ["", "", "    transform:\n  ", "    destination:\n  ", "    destination:\n      postgres:\n    "][level];
        if (level, name) != (0, "etl") {
            lines.push("  A:");
            lines.extend(entry.iter().copied());
            lines.extend(["  B:", "    indicator: B", "    api: https://a.org"].iter().filter(|_| level == 0));
        }
        let own = if level == 0 { example.clone() } else { format!("{above}    {example}") };
        let with = if name == "catch_up" { "schedule: hourly\n" } else { "" };
        format!("{}\n{with}{own}\n", lines.join("\n"))
    };
    let older = older.iter().enumerate().flat_map(|(level, table)| table.rows.iter().map(move |row| (level, row)));
    let all = all.chain(schedule.rows.iter().map(of_schedule)).chain(destination.rows.iter().map(of_destination));
    let all = all.chain(older.map(of_older));
    let all = all.chain(source.rows.iter().map(of_source)).chain(paginate.rows.iter().map(of_paginate));
    for yaml in all.chain(auth.rows.iter().map(of_auth)).chain(since.rows.iter().map(of_since)) {
        workdir.plugin("x", &yaml)?;
        let known = |name: &str| match name {
            "TZ" => Ok(None),
            "NAME" | "REPORTS_URL" => Ok(Some("sqlite://a.db".to_owned())),
            _ => Ok(Some("a".to_owned())),
        };
        let plugins = sluice::dataset::plugin::Plugins::read(&workdir.path("plugins"), &known);
        plugins.map_err(|error| anyhow::anyhow!("{error}\n{yaml}"))?;
    }
    Ok(())
}
