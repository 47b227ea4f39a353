//! Commands whose output nobody reads to its end keep their own exit code.

use std::process::{Command, Stdio};

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        an_export_goes_where_its_path_leads,
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

async fn an_export_goes_where_its_path_leads(database: TestDatabase, workdir: Workdir) -> Outcome {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/n.csv", "a,b\n1,2\n")?;
    app(&workdir, &["--once"], &settings)?;
    for format in ["csv", "json"] {
        let written = if format == "csv" { "a,b\n1,2\n" } else { "{\"a\": 1, \"b\": 2}\n" };
        let export =
            |path: &str| app(&workdir, &["export", "staging.n", "--format", format, "--output", path], &settings);
        let output = export("-")?;
        same((output.status.code(), stdout(&output).as_str()), (Some(0), written))?;
        holds(&stderr(&output), "1 row of ")?;
        let fifo = workdir.path("fifo");
        if !fifo.exists() {
            same(Command::new("mkfifo").arg(&fifo).status()?.success(), true)?;
        }
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::read_to_string(fifo)
        });
        same(export("fifo")?.status.code(), Some(0))?;
        same(std::fs::symlink_metadata(&fifo)?.file_type().is_fifo(), true)?;
        same(reader.join().map_err(|_| anyhow::anyhow!("the reader"))??.as_str(), written)?;
        for (link, target) in [("link", "target"), ("dangling", "new")] {
            let (link, target) = (format!("{link}.{format}"), format!("{target}.{format}"));
            if link.starts_with("link") {
                let old = workdir.write(&target, "old")?;
                std::fs::set_permissions(old, PermissionsExt::from_mode(0o604))?;
            }
            symlink(&target, workdir.path(&link))?;
            same(export(&link)?.status.code(), Some(0))?;
            same(std::fs::symlink_metadata(workdir.path(&link))?.is_symlink(), true)?;
            same(workdir.read(&target)?.as_str(), written)?;
        }
        let mode = std::fs::metadata(workdir.path(&format!("target.{format}")))?.permissions().mode();
        same(mode & 0o777, 0o604)?;
        // A file is one below /dev, too: of a longer one nothing stays, and a new one is made.
        let memory = tempfile::tempdir_in("/dev/shm")?;
        for name in ["longer", "new"] {
            let path = memory.path().join(name);
            if name == "longer" {
                std::fs::write(&path, "old\n".repeat(100))?;
            }
            same(export(&path.display().to_string())?.status.code(), Some(0))?;
            same(std::fs::read_to_string(&path)?.as_str(), written)?;
        }
    }
    Ok(())
}
