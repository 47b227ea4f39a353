//! Files that mean harm: what their readers do to themselves is an error of the file, and names are never more than names.

use std::fs;
use std::io::Write;
use std::path::Path;

use sluice::load::FileOutcome;
use sluice::sql::Engine;
use sluice::warehouse::Scope;

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_reader_that_fails_takes_nothing_with_it,
        nothing_outside_the_folder_is_read_or_moved,
        names_are_never_more_than_names,
        a_reader_that_is_killed_is_named,
        a_reader_that_takes_long_begins_again_behind_others;
}

/// A workbook of a few hundred bytes that says of one cell that it stands in so many.
fn bomb(rows: u32) -> anyhow::Result<Vec<u8>> {
    ods(&format!(
        "<table:table table:name=\"s\"><table:table-row table:number-rows-repeated=\"{rows}\">\
         <table:table-cell office:value-type=\"string\" table:number-columns-repeated=\"1000\"><text:p>x</text:p>\
         </table:table-cell></table:table-row></table:table>"
    ))
}

fn ods(tables: &str) -> anyhow::Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("mimetype", options)?;
    zip.write_all(b"application/vnd.oasis.opendocument.spreadsheet")?;
    zip.start_file("META-INF/manifest.xml", options)?;
    zip.write_all(b"<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>")?;
    zip.start_file("content.xml", options)?;
    write!(
        zip,
        "<office:document-content xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
         xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
         xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:spreadsheet>\
         {tables}</office:spreadsheet></office:body></office:document-content>"
    )?;
    Ok(zip.finish()?.into_inner())
}

fn copy(workdir: &Workdir, name: &str) -> Outcome {
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name), workdir.path("imports").join(name))?;
    Ok(())
}

/// Any reader is too slow here as soon as another one waits: all files are loaded all the same, once.
async fn a_reader_that_takes_long_begins_again_behind_others(database: TestDatabase, workdir: Workdir) -> Outcome {
    let row = |n: usize| {
        format!(
            "<table:table-row><table:table-cell office:value-type=\"string\"><text:p>x{n}</text:p></table:table-cell></table:table-row>"
        )
    };
    let rows = (0..2_000).map(row).collect::<String>();
    for n in 0..6 {
        workdir.write(
            &format!("imports/book{n}.ods"),
            ods(&format!("<table:table table:name=\"s{n}\">{rows}</table:table>"))?,
        )?;
    }
    let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", "decoder_long=return(0)")];
    let output = app(&workdir, &["--once"], &settings)?;
    same((output.status.code(), workdir.list("imports").len()), (Some(0), 0))?;
    holds(&stdout(&output), "its reader takes long and others wait: it begins again when those have had their turn")?;
    for n in 0..6 {
        same(database.text(&format!("select count(*) from staging.book{n}")).await?, "2000")?;
    }
    Ok(())
}

async fn a_reader_that_fails_takes_nothing_with_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("imports/bomb.ods", bomb(99_000)?)?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("DECODER_MEMORY", "268435456")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    let line = daemon.wait_for(&["not loaded", "bomb.ods"])?;
    holds(
        &line,
        "the workbook could not be read: its reader needs more than 268435456 bytes of memory (DECODER_MEMORY)",
    )?;
    // The same program goes on, and reads what is well, by readers of their own.
    for (name, part) in [("book.xlsx", "book.xlsx/Orders"), ("types.parquet", "types.parquet")] {
        copy(&workdir, name)?;
        daemon.wait_for(&[" loaded ", part])?;
    }
    same(daemon.terminate()?.0.code(), Some(0))?;
    holds(&workdir.read("imports/failed/bomb.ods.error.json")?, "DECODER_MEMORY")?;
    same(workdir.list("imports/failed"), ["bomb.ods", "bomb.ods.error.json"])?;
    same(database.text("select count(*) from staging.types").await?, "3")
}

async fn a_reader_that_is_killed_is_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("DECODER_MEMORY", "8589934592"), ("SECRET", "hunter2")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/bomb.ods", bomb(50_000)?)?;
    let reader = child_of(daemon.id())?;
    // Nothing that the program knows is known to it.
    same(fs::read(format!("/proc/{}/environ", reader.as_raw_nonzero()))?, Vec::<u8>::new())?;
    rustix::process::kill_process(reader, rustix::process::Signal::ILL)?;
    let line = daemon.wait_for(&["not loaded", "bomb.ods"])?;
    holds(&line, "the workbook could not be read: its reader ended with signal 4")?;
    workdir.write("imports/good.csv", "a\n1\n")?;
    daemon.wait_for(&["INFO loaded", "good.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn nothing_outside_the_folder_is_read_or_moved(database: TestDatabase, workdir: Workdir) -> Outcome {
    use std::os::unix::fs::symlink;
    let secret = workdir.write("secret.csv", "a\nsecret\n")?;
    fs::create_dir_all(workdir.path("outside/claim"))?;
    workdir.write("outside/claim/mine.csv", "a\nmine\n")?;
    symlink(&secret, workdir.path("imports/link.csv"))?;
    symlink("loop.csv", workdir.path("imports/loop.csv"))?;
    let fifo = workdir.path("imports/fifo.csv");
    let rights = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rights, 0)?;
    fs::hard_link(&secret, workdir.path("imports/hard.csv"))?;
    // What a program that was ended had claimed, as somebody would have it: links in it, and it a link itself.
    fs::create_dir_all(workdir.path("imports/.sluice/dead/claim"))?;
    symlink(&secret, workdir.path("imports/.sluice/dead/claim/within.csv"))?;
    symlink(workdir.path("outside"), workdir.path("imports/.sluice/linked"))?;
    symlink(workdir.path("outside/claim"), workdir.path("imports/.sluice/dead/away"))?;

    // No event tells that a file lost its other name, so what looks again soon is asked.
    let mut daemon = Daemon::start(&workdir, &[], &[("DATABASE_URL", &database.url), ("POLL", "true")])?;
    let line = daemon.wait_for(&["not loaded", "within.csv"])?;
    holds(&line, "it is reached by a symbolic link")?;
    workdir.write("imports/good.csv", "a\n1\n")?;
    daemon.wait_for(&["INFO loaded", "good.csv"])?;
    for (name, why) in [
        ("link.csv", "left where it is: a symbolic link"),
        ("loop.csv", "left where it is: a symbolic link"),
        ("fifo.csv", "left where it is: no regular file"),
        ("hard.csv", "left where it is: it has another name (a hard link)"),
    ] {
        let log = daemon.log();
        let line = log.lines().find(|line| line.contains(name)).unwrap_or_default();
        holds(line, why)?;
    }
    // Its other name is gone: now it is the folder's alone.
    fs::remove_file(&secret)?;
    daemon.wait_for(&["INFO loaded", "hard.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(workdir.read("outside/claim/mine.csv")?, "a\nmine\n")?;
    let tables = "select dataset from sluice.load where status = 'loaded' order by dataset";
    same(database.text(tables).await?, "good\nhard")?;

    // Folders of Sluice's own are no links either.
    let failed = workdir.path("imports/failed");
    fs::rename(&failed, workdir.path("elsewhere"))?;
    symlink(workdir.path("outside"), &failed)?;
    workdir.write("imports/empty.csv", "")?;
    let output = app(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?;
    same(output.status.code(), Some(1))?;
    holds(&stdout(&output), "what fails goes to .sluice/failed")?;
    same(workdir.list("imports/.sluice/failed"), ["empty.csv", "empty.csv.error.json"])?;
    same(workdir.list("outside"), ["claim"])
}

/// Names that try to end what they are quoted in and go on as SQL.
const NAMES: [&str; 6] = [
    "x\"; drop table staging.victim; --",
    "x'; drop table staging.victim; --",
    "x\"; drop table \"staging__victim\"; --",
    "x`]; delete from staging.victim; select $1; --",
    "x\\'; drop schema staging cascade; --",
    "x\") as select 1; drop table staging.victim; /*",
];

async fn names_are_never_more_than_names(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "victim.csv", "a\n1\n").await?;
    let before = objects(&database).await?;
    let mut expected = Vec::new();
    for (n, name) in NAMES.into_iter().enumerate() {
        // A file's, which is its table's; its headers'; and what stands in it.
        let quoted = name.replace('"', "\"\"");
        let text = format!("\"{quoted}\",\"{quoted}\",n\n\"{quoted}\",'{name},{n}\n");
        let report = workdir.load(&database, &format!("{}.csv", name.replace('/', " ")), &text).await?;
        same((name, report.books.loaded), (name, 1))?;
        // A member's of an archive.
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let member = format!("m{n}{name}.csv");
        zip.start_file(&*member, zip::write::SimpleFileOptions::default())?;
        zip.write_all(text.as_bytes())?;
        workdir.load(&database, &format!("z{n}.zip"), zip.finish()?.into_inner()).await?;
        // A sheet's, of a workbook with two.
        let report = workdir.drop_file(&database, &format!("w{n}.ods"), book(&["first", name])?).await?;
        anyhow::ensure!(matches!(&report, FileOutcome::Loaded(parts) if parts.len() == 2), "{report:?}");
        // A key in an object, and one within another.
        let object = serde_json::json!({ name: { name: name }, "n": n });
        workdir.load(&database, &format!("j{n}.json"), object.to_string()).await?;
        expected.extend([
            sluice::schema::table_name(&format!("{name}.csv")),
            sluice::schema::table_name(member.rsplit(['/', '\\']).next().unwrap_or_default()),
            format!("w{n}"),
            sluice::schema::table_name(&format!("w{n}_{}.ods", name.replace('.', "_"))),
            format!("j{n}"),
        ]);

        // A plugin's table and columns are refused, and so are schemas of the settings, in words.
        let text = serde_json::to_string(name)?;
        for yaml in [format!("table: {text}"), format!("table: p\ncolumns: [{{from: a, name: {text}}}]")] {
            workdir.plugin("p", &format!("name: p\nfiles: [p]\n{yaml}\n"))?;
            let output = app(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?;
            same((output.status.code(), stderr(&output).contains("would be")), (Some(2), true))?;
        }
        fs::remove_dir_all(workdir.path("plugins"))?;
        for setting in ["STAGING_SCHEMA", "DW_SCHEMA"] {
            let output = app(&workdir, &["--once"], &[("DATABASE_URL", &database.url), (setting, name)])?;
            same(output.status.code(), Some(2))?;
            holds(&stderr(&output), setting)?;
        }
        // What is typed on the command line: a load, a file, a table.
        for arguments in
            [vec!["rejects", name], vec!["why", name], vec!["export", name], vec!["export", &format!("staging.{name}")]]
        {
            let output = app(&workdir, &arguments, &[("DATABASE_URL", &database.url)])?;
            let shown = format!("{arguments:?}");
            same((&shown, matches!(output.status.code(), Some(1 | 2))), (&shown, true))?;
        }
        // A SQL file's name, which would be its table's or view's.
        for (folder, flag) in [("pipeline", "--pipeline"), ("analysis", "--analysis")] {
            let path = format!("sql/{folder}/{}.sql", name.replace('/', " "));
            workdir.write(&path, "/* kind: table */ select 1 as one")?;
            let output = app(&workdir, &[flag], &[("DATABASE_URL", &database.url)])?;
            same((flag, matches!(output.status.code(), Some(1 | 2))), (flag, true))?;
            fs::remove_file(workdir.path(&path))?;
        }
    }
    let mut new = objects(&database).await?;
    new.retain(|name| !before.contains(name));
    let mut expected: Vec<_> = expected.into_iter().map(|table| staged(&database, &table)).collect();
    expected.sort();
    expected.dedup();
    same(new, expected)?;
    same(before.iter().filter(|name| **name == staged(&database, "victim")).count(), 1)?;
    same(database.text("select a from staging.victim").await?, "1")
}

/// Every table and view of the database.
async fn objects(database: &TestDatabase) -> anyhow::Result<Vec<String>> {
    let sql = match database.engine {
        Engine::Sqlite => "select name from sqlite_master where type in ('table', 'view')",
        Engine::Postgres => {
            "select n.nspname || '.' || c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace \
             where c.relkind in ('r', 'v', 'm', 'p', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
        }
    };
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    let mut names: Vec<_> = transaction.query(sql, &[]).await?.into_iter().flatten().flatten().collect();
    names.sort();
    Ok(names)
}

fn staged(database: &TestDatabase, table: &str) -> String {
    match database.engine {
        Engine::Sqlite => format!("staging__{table}"),
        Engine::Postgres => format!("staging.{table}"),
    }
}

/// A workbook with a small table on each of these sheets.
fn book(sheets: &[&str]) -> anyhow::Result<Vec<u8>> {
    let tables: Vec<_> = sheets
        .iter()
        .map(|name| {
            let name = name.replace('&', "&amp;").replace('"', "&quot;");
            let cell = |text: &str| {
                format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
            };
            let rows =
                ["a", "1", "2"].map(|text| format!("<table:table-row>{}{}</table:table-row>", cell(text), cell(text)));
            format!("<table:table table:name=\"{name}\">{}</table:table>", rows.concat())
        })
        .collect();
    ods(&tables.concat())
}

/// The first process that the process starts from now on.
fn child_of(parent: u32) -> anyhow::Result<rustix::process::Pid> {
    for _ in 0..60_000 {
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok(command) = fs::read_to_string(entry.path().join("cmdline")) else { continue };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let ppid = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
            if ppid == Some(&parent.to_string()) && command.contains("decode-standard-input") {
                return rustix::process::Pid::from_raw(pid).ok_or_else(|| anyhow::anyhow!("no process"));
            }
        }
        std::thread::park_timeout(std::time::Duration::from_millis(1));
    }
    anyhow::bail!("{parent} starts no reader")
}
