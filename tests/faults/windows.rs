//! `kill -9` of a source of windows at moments that chance chooses. The source is this very program, started anew: it pulls pages
//! of numbers, as many as it gets to, and goes on from the checkpoint. Two pages after each other have equal bytes.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sluice::dataset::plugin::Plugins;
use sluice::load::{FileOutcome, load_file};
use sluice::settings::Settings;
use sluice::source::{Bounds, ClaimedFile, Folder, Position, Stream, Window};

use crate::bed::{Bed, Engine};
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault, sql};

pub const FAULTS: &[Fault] = &[Fault {
    name: "killed-in-windows",
    about: "kill -9 of one or two programs that load windows of one stream, two of them with equal bytes",
    engines: BOTH,
    run: killed_in_windows,
}];

/// The setting that makes this program a source: the project folder.
pub const SOURCE: &str = "FAULTS_WINDOWS";

/// Pages that a source loads before it ends by itself; none if it goes on for ever.
const PAGES: &str = "FAULTS_PAGES";

/// Rows of the windows of the pages 2n and 2n+1.
fn rows_of(page: u64) -> u64 {
    [1, 40, 3000, 700][(page / 2 % 4) as usize]
}

fn killed_in_windows(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let site = Site::new(bed, engine)?;
    let folder = site.path("");
    source(&folder, &site.url, 1)?.wait()?;
    let (mut row, mut killed) = (Row::default(), 0);
    for round in 0..bed.options.times(60, 300) {
        let mut sources = vec![source(&folder, &site.url, 0)?];
        if round % 3 == 2 {
            // Another program on the same stream: one of the two is too late each time.
            sources.push(source(&folder, &site.url, 0)?);
        }
        std::thread::sleep(Duration::from_millis(60 + bed.chance(500)));
        for mut one in sources {
            one.kill()?;
            killed += usize::from(one.wait()?.signal() == Some(9));
        }
        row.times += 1;
    }
    let ended = source(&folder, &site.url, 1)?.wait()?;
    if !ended.success() {
        row.wrong.push(format!("the last source ended with {ended}"));
    }
    count(&mut row, engine, &site.url)?;
    let left = std::fs::read_dir(site.path("imports/.sluice"))?.flatten().filter(|entry| entry.path().is_dir()).count();
    if left > 0 {
        row.wrong.push(format!("{left} programs left something behind"));
    }
    row.notes.push(format!("{killed} programs killed"));
    Ok(row)
}

/// Counts the rows up to the checkpoint, each by its page and number.
fn count(row: &mut Row, engine: Engine, url: &str) -> anyhow::Result<()> {
    let (staging, catalog) = match engine {
        Engine::Sqlite => ("staging__pages", "sluice__checkpoint"),
        Engine::Postgres => ("staging.pages", "sluice.checkpoint"),
    };
    let number = |sql: &str| sql::number(url, sql);
    let pages = number(&format!("select generation from {catalog}"))? as u64;
    row.expected = (0..pages).map(rows_of).sum();
    row.found = number(&format!("select count(*) from {staging}"))? as u64;
    let counted = number(&format!("select rows from {catalog}"))? as u64;
    if counted != row.expected {
        row.wrong.push(format!("the checkpoint counts {counted} rows of {}", row.expected));
    }
    // Each is there once for each of the two pages with its bytes, the last one perhaps for one.
    let pair = |more: &str| {
        format!("select count(*) from (select pair, n from {staging} group by pair, n having count(*) {more}) as t")
    };
    row.twice = number(&pair("> 2"))? as u64;
    let singles = if pages % 2 == 1 { rows_of(pages - 1) } else { 0 };
    let alone = number(&pair("= 1"))? as u64;
    if alone != singles {
        row.lost.push(format!("{alone} rows are there once, {singles} should be"));
    }
    row.notes.push(format!("{pages} windows"));
    Ok(())
}

/// Starts a source that loads so many pages; 0 for ever.
fn source(folder: &Path, url: &str, pages: u64) -> anyhow::Result<Child> {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("sources.log"))?;
    Ok(Command::new(std::env::current_exe()?)
        .env(SOURCE, folder)
        .env(PAGES, pages.to_string())
        .env("DATABASE_URL", url)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?)
}

/// Works as a source of windows, in the project folder.
pub fn work(folder: PathBuf) -> anyhow::Result<()> {
    let path = |name: &str| folder.join(name).display().to_string();
    let url = std::env::var("DATABASE_URL")?;
    let pages: u64 = std::env::var(PAGES)?.parse()?;
    let settings = [
        ("DATABASE_URL", url),
        ("IMPORTS_DIR", path("imports")),
        ("EXPORTS_DIR", path("exports")),
        ("SQL_DIR", path("sql")),
    ];
    let settings = Settings::from_pairs(settings.map(|(name, value)| (name.to_owned(), value)), [])?;
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let app = sluice::daemon::connect(&settings).await?;
        let source = "source: {kind: http, url: \"http://127.0.0.1/pages\"}";
        app.plugins.set(Plugins::of_text("faults", &format!("name: faults\n{source}\ntable: pages\nmode: append\n"))?);
        let imports = Folder::open(&folder.join("imports"))?;
        let load = async |mut file: ClaimedFile| {
            let begun = file.is_orphan();
            file.begin_again()?;
            let mut outcome = load_file(&app.loader, &app.plugins.get(), file, begun, app.loader.order.join()).await;
            // Another program may have the database's one turn to write, or a lock.
            while let FileOutcome::Kept(file, error) = outcome {
                println!("kept: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                outcome = load_file(&app.loader, &app.plugins.get(), file, true, app.loader.order.join()).await;
            }
            anyhow::Ok(())
        };
        let stream = Stream { plugin: "faults".to_owned(), stream: "pages".to_owned(), partition: String::new() };
        let mut loaded = 0;
        while pages == 0 || loaded < pages {
            for file in imports.claim_leftovers(&mut |_, _| {})? {
                load(file).await?;
            }
            let at = app.loader.catalog.checkpoint(&stream).await?;
            let from = at.as_ref().map(|at| at.position.clone());
            let (page, generation) =
                (from.as_ref().and_then(Value::as_u64).unwrap_or(0), at.map_or(0, |at| at.generation));
            let position = Position { stream: stream.clone(), from, to: json!(page + 1) };
            let mut spool = imports
                .spool(Bounds { rows: 10_000, bytes: 1 << 20, time: Duration::from_secs(60) }, &app.loader.clock)?;
            for n in 0..rows_of(page) {
                spool.write(format!("{{\"pair\":{},\"n\":{n}}}\n", page / 2).as_bytes(), 1)?;
            }
            let window = Window { position, generation, count: Some(spool.rows()), cursor: None, destination: None };
            load(spool.finish(OsStr::new("pages.jsonl"), &window)?).await?;
            loaded += 1;
        }
        anyhow::Ok(())
    })
}
