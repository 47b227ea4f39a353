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
    let [file, column] = reference.tables.as_slice() else { anyhow::bail!("two tables") };
    let whole = |row: &Vec<String>| {
        let example = &row[3];
        let with = match row[0].as_str() {
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
    for yaml in file.rows.iter().map(whole).chain(column.rows.iter().map(within)) {
        workdir.plugin("x", &yaml)?;
        let plugins = sluice::dataset::plugin::Plugins::read(&workdir.path("plugins"), &|_| Ok(None));
        plugins.map_err(|error| anyhow::anyhow!("{error}\n{yaml}"))?;
    }
    Ok(())
}
