//! Commands whose output nobody reads to its end keep their own exit code.

use std::process::{Command, Stdio};

use crate::support::process::app;
use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        a_reader_that_stops_changes_no_exit_code;
}

/// The exit code of a command whose standard output, or both streams, have a reader that is gone.
fn unread(workdir: &Workdir, arguments: &[&str], settings: &[(&str, &str)], both: bool) -> anyhow::Result<Option<i32>> {
    let gone = || {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        anyhow::Ok(Stdio::from(writer))
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.current_dir(workdir.path("")).args(arguments).env_clear().env("SETTLE_SECONDS", "0.3");
    command.envs(settings.iter().copied()).stdin(Stdio::null()).stdout(gone()?);
    command.stderr(if both { gone()? } else { Stdio::null() });
    Ok(command.status()?.code())
}

async fn a_reader_that_stops_changes_no_exit_code(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("sql/analysis/good.sql", "select a from staging.n")?;
    workdir.write("m.csv", "a,b\n1,2\n\"3,4\n")?;
    workdir.write("f.json", "no JSON\n")?;
    for both in [false, true] {
        workdir.write("imports/n.csv", format!("a,b\n1,{both}\n\"3,4\n"))?;
        same(unread(&workdir, &["--once"], &settings, both)?, Some(3))?;
        workdir.write(&format!("imports/{both}.json"), "no JSON\n")?;
        same(unread(&workdir, &["--once", "--json"], &settings, both)?, Some(1))?;
    }
    workdir.write("sql/analysis/wrong.sql", "select nosuch from staging.n")?;
    for arguments in [
        vec!["status"],
        vec!["status", "--json"],
        vec!["--analysis"],
        vec!["--analysis", "--json"],
        vec!["check", "sql/"],
        vec!["check", "m.csv"],
        vec!["check", "f.json"],
        vec!["loads"],
        vec!["loads", "--json"],
        vec!["rejects"],
        vec!["config"],
        vec!["doctor"],
        vec!["completions", "bash"],
        vec!["help", "settings"],
        vec!["loads", "--nosuch"],
    ] {
        let read = app(&workdir, &arguments, &settings)?.status.code();
        same((&arguments, unread(&workdir, &arguments, &settings, false)?), (&arguments, read))?;
        same((&arguments, unread(&workdir, &arguments, &settings, true)?), (&arguments, read))?;
    }
    same(app(&workdir, &["status"], &settings)?.status.code(), Some(1))?;
    same(app(&workdir, &["--analysis"], &settings)?.status.code(), Some(1))
}
