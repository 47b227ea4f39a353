//! Windows of a stream: each position is loaded once, whatever its bytes are, and what was spooled is not lost.

use std::ffi::OsStr;
use std::time::Duration;

use serde_json::json;
use sluice::app::App;
use sluice::catalog::RowCounts;
use sluice::clock::Clock;
use sluice::load::{FileOutcome, LoadError, load_file};
use sluice::source::{Bounds, ClaimedFile, Cursor, Folder, Position, Stream, Window};

use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        equal_pages_are_two_windows_and_each_is_loaded_once,
        a_window_from_elsewhere_is_not_loaded,
        of_two_windows_from_one_place_one_is_loaded,
        a_window_has_as_many_records_as_the_source_said,
        a_spooled_window_is_loaded_by_the_next_program,
        a_window_that_programs_end_over_is_asked_for_again,
        a_window_comes_back_with_a_restored_database;
    alone:
        a_window_is_bounded,
        an_unfinished_window_is_nothing;
}

const BOUNDS: Bounds = Bounds { rows: 1000, bytes: 1 << 20, time: Duration::from_secs(600) };

fn stream(name: &str) -> Stream {
    Stream { plugin: "shop".to_owned(), stream: name.to_owned(), partition: "0".to_owned() }
}

/// The window of so many positions from `from` on.
fn window(from: u64, length: u64) -> Window {
    let at = |place: u64| json!({ "offset": place });
    Window {
        destination: None,
        position: Position { stream: stream("orders"), from: (from > 0).then(|| at(from)), to: at(from + length) },
        generation: (from / length).try_into().unwrap_or_default(),
        count: None,
        cursor: Some(Cursor { value: (from + length).to_string(), format: Some("offset".to_owned()) }),
    }
}

/// The number of claims in imports/.
fn claims(workdir: &Workdir) -> usize {
    let folders = |path: std::path::PathBuf| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir())
    };
    folders(workdir.path("imports/.sluice")).flat_map(folders).count()
}

/// Leaves what a program leaves that is killed while it writes a window.
fn leave_unfinished(workdir: &Workdir) -> anyhow::Result<()> {
    let program = std::fs::read_dir(workdir.path("imports/.sluice"))?.next().expect("a program has a place")?.path();
    std::fs::create_dir(program.join("killed-7"))?;
    std::fs::write(program.join("killed-7/.spooling"), "{\"id\":3}\n{\"id")?;
    Ok(std::fs::write(program.join("killed-7/.window.json"), "{")?)
}

fn spooled(folder: &Folder, name: &str, text: &str, window: &Window) -> anyhow::Result<ClaimedFile> {
    let mut spool = folder.spool(BOUNDS, &Clock::default())?;
    spool.write(text.as_bytes(), text.lines().count() as u64)?;
    Ok(spool.finish(OsStr::new(name), window)?)
}

/// A program with the plugin whose source gives the windows, into this table.
fn app_of(workdir: &Workdir, database: &TestDatabase, table: &str) -> anyhow::Result<App> {
    let source = "source: {kind: http, url: \"http://127.0.0.1/orders\"}";
    workdir.plugin("shop", &format!("name: shop\n{source}\ntable: {table}\nmode: append\nmax_rejects: 100 %\n"))?;
    Ok(workdir.app(database))
}

async fn loaded(app: &App, file: ClaimedFile) -> FileOutcome {
    let begun = file.is_orphan();
    load_file(&app.loader, &app.plugins.get(), file, begun, app.loader.order.join()).await
}

/// The load of a window that is loaded.
fn books(outcome: &FileOutcome) -> anyhow::Result<RowCounts> {
    match outcome {
        FileOutcome::Loaded(reports) => Ok(reports[0].books),
        other => anyhow::bail!("{other:?}"),
    }
}

/// Position and generation of the checkpoint, and the rows that it counts.
async fn stands_at(app: &App) -> anyhow::Result<Option<(serde_json::Value, i64, u64)>> {
    let checkpoint = app.loader.catalog.checkpoint(&stream("orders")).await?;
    Ok(checkpoint.map(|checkpoint| (checkpoint.position, checkpoint.generation, checkpoint.rows)))
}

async fn equal_pages_are_two_windows_and_each_is_loaded_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (app, folder) = (app_of(&workdir, &database, "orders")?, Folder::open(&workdir.path("imports"))?);
    let page = "{\"id\":1}\n{\"id\":2}\n";
    for n in 0..3 {
        let outcome = loaded(&app, spooled(&folder, "orders.jsonl", page, &window(n * 2, 2))?).await;
        same(books(&outcome)?.loaded, 2)?;
    }
    same(database.text("select count(*), count(distinct _load_id) from staging.orders").await?, "6|3")?;
    same(stands_at(&app).await?, Some((json!({ "offset": 6 }), 3, 6)))?;
    let cursor = app.loader.catalog.checkpoint(&stream("orders")).await?.and_then(|checkpoint| checkpoint.cursor);
    same(cursor.map(|cursor| cursor.value), Some("6".to_owned()))?;
    // A window that is loaded already goes, whatever is in it, and brings nothing.
    for n in 0..3 {
        let outcome = loaded(&app, spooled(&folder, "orders.jsonl", "{\"id\":9}\n", &window(n * 2, 2))?).await;
        same(books(&outcome)?.loaded, 2)?;
    }
    same(database.text("select count(*), max(id) from staging.orders").await?, "6|2")?;
    same(database.text("select count(*) from sluice.load").await?, "3")?;
    same(stands_at(&app).await?, Some((json!({ "offset": 6 }), 3, 6)))?;
    // The same bytes as a file are an input of their own.
    workdir.load(&database, "orders.jsonl", page).await?;
    same(database.text("select count(*) from staging.orders").await?, "8")?;
    same(claims(&workdir), 0)
}

async fn a_window_from_elsewhere_is_not_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (app, folder) = (app_of(&workdir, &database, "orders")?, Folder::open(&workdir.path("imports"))?);
    loaded(&app, spooled(&folder, "orders.jsonl", "{\"id\":1}\n{\"id\":2}\n", &window(0, 2))?).await;
    // Behind a gap; from the beginning once more, and further; and by a program that knew an earlier checkpoint.
    let ahead = window(4, 2);
    let longer = Window { position: Position { to: json!({ "offset": 9 }), ..window(0, 2).position }, ..window(0, 2) };
    let late = Window { generation: 7, ..window(2, 2) };
    for window in [ahead, longer, late] {
        let outcome = loaded(&app, spooled(&folder, "orders.jsonl", "{\"id\":3}\n", &window)?).await;
        same((matches!(outcome, FileOutcome::Gone), claims(&workdir)), (true, 0))?;
        same(database.text("select count(*), max(id) from staging.orders").await?, "2|2")?;
        same(stands_at(&app).await?, Some((json!({ "offset": 2 }), 1, 2)))?;
    }
    same(books(&loaded(&app, spooled(&folder, "orders.jsonl", "{\"id\":3}\n", &window(2, 2))?).await)?.loaded, 1)
}

async fn of_two_windows_from_one_place_one_is_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    // Each into a table of its own, so that nothing else brings them into an order.
    let (app, beside) = (app_of(&workdir, &database, "one")?, app_of(&workdir, &database, "other")?);
    let folder = Folder::open(&workdir.path("imports"))?;
    let text: String = (0..2000).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    for round in 0..8 {
        let window = window(round * 2, 2);
        let of = |table: &str| spooled(&folder, &format!("{table}.jsonl"), &text, &window);
        let (one, other) = (of("one")?, of("other")?);
        let (one, other) = tokio::join!(loaded(&app, one), loaded(&beside, other));
        let is_loaded = |outcome: &FileOutcome| matches!(outcome, FileOutcome::Loaded(_));
        let is_gone = |outcome: &FileOutcome| matches!(outcome, FileOutcome::Gone);
        anyhow::ensure!(
            (is_loaded(&one) && is_gone(&other)) || (is_gone(&one) && is_loaded(&other)),
            "{round}: {one:?} {other:?}"
        );
        same(stands_at(&app).await?.map(|(_, generation, rows)| (generation, rows)), {
            Some(((round + 1) as i64, (round + 1) * 2000))
        })?;
    }
    let mut rows = 0;
    for table in ["one", "other"] {
        let there = database.text(&format!("select count(*) from staging.{table}")).await.unwrap_or_default();
        rows += there.parse::<u64>().unwrap_or_default();
    }
    same((rows, claims(&workdir)), (16_000, 0))?;
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "8")
}

async fn a_window_has_as_many_records_as_the_source_said(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (app, folder) = (app_of(&workdir, &database, "orders")?, Folder::open(&workdir.path("imports"))?);
    let said = |count| Window { count: Some(count), ..window(0, 2) };
    let outcome = loaded(&app, spooled(&folder, "orders.jsonl", "{\"id\":1}\n{\"id\":\n", &said(3))?).await;
    let FileOutcome::Kept(_, error) = &outcome else { anyhow::bail!("{outcome:?}") };
    same(matches!(error, LoadError::Miscounted { said: 3, read: 2 }), true)?;
    // It keeps its place: in failed/ or back in the folder it would be a file.
    same((workdir.list("imports"), workdir.list("imports/failed"), claims(&workdir)), (vec![], vec![], 1))?;
    same(stands_at(&app).await?, None)?;
    drop(folder);
    // The one that is right goes on: a reject counts as a record of it, and as no row.
    std::fs::remove_dir_all(workdir.path("imports/.sluice"))?;
    let folder = Folder::open(&workdir.path("imports"))?;
    let outcome = loaded(&app, spooled(&folder, "orders.jsonl", "{\"id\":1}\n{\"id\":\n", &said(2))?).await;
    same((books(&outcome)?.loaded, books(&outcome)?.rejected), (1, 1))?;
    same(stands_at(&app).await?, Some((json!({ "offset": 2 }), 1, 1)))
}

async fn a_spooled_window_is_loaded_by_the_next_program(database: TestDatabase, workdir: Workdir) -> Outcome {
    app_of(&workdir, &database, "orders")?;
    // One that is whole, and one that another program had begun to write.
    let folder = Folder::open(&workdir.path("imports"))?;
    spooled(&folder, "orders.jsonl", "{\"id\":1}\n{\"id\":2}\n", &window(0, 2))?;
    leave_unfinished(&workdir)?;
    drop(folder);
    same(claims(&workdir), 2)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["--once"], &settings)?;
    same(output.status.code(), Some(0))?;
    same(database.text("select count(*), max(id) from staging.orders").await?, "2|2")?;
    same((claims(&workdir), workdir.list("imports/failed")), (0, vec![]))?;
    same(stands_at(&workdir.app(&database)).await?, Some((json!({ "offset": 2 }), 1, 2)))?;
    holds(&stdout(&app(&workdir, &["loads"], &settings)?), "orders.jsonl")
}

async fn a_window_that_programs_end_over_is_asked_for_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    let app = app_of(&workdir, &database, "orders")?;
    spooled(&Folder::open(&workdir.path("imports"))?, "orders.jsonl", "{\"id\":1}\n{\"id\":2}\n", &window(0, 2))?;
    for ends in 1..=3 {
        let folder = Folder::open(&workdir.path("imports"))?;
        let mut file = folder.claim_leftovers(&mut |_, _| {})?.remove(0);
        file.begin_again()?;
        same(file.ends(), ends)?;
    }
    let folder = Folder::open(&workdir.path("imports"))?;
    let file = folder.claim_leftovers(&mut |_, _| {})?.remove(0);
    same(matches!(loaded(&app, file).await, FileOutcome::Gone), true)?;
    same((claims(&workdir), workdir.list("imports/failed"), stands_at(&app).await?), (0, vec![], None))?;
    let outcome = loaded(&app, spooled(&folder, "orders.jsonl", "{\"id\":1}\n{\"id\":2}\n", &window(0, 2))?).await;
    same(books(&outcome)?.loaded, 2)
}

async fn a_window_comes_back_with_a_restored_database(database: TestDatabase, workdir: Workdir) -> Outcome {
    // The checkpoint goes back with the rows, so that the source gives them again: nobody is told of a lost file.
    let (app, folder) = (app_of(&workdir, &database, "orders")?, Folder::open(&workdir.path("imports"))?);
    loaded(&app, spooled(&folder, "orders.jsonl", "{\"id\":1}\n{\"id\":2}\n", &window(0, 2))?).await;
    same(workdir.list("imports/.sluice").iter().any(|name| name.contains("deleted")), false)
}

async fn a_window_is_bounded(workdir: Workdir) -> Outcome {
    let folder = Folder::open(&workdir.path("imports"))?;
    let filled = |bounds: Bounds| -> anyhow::Result<u64> {
        let mut spool = folder.spool(bounds, &Clock::default())?;
        while !spool.is_full() {
            spool.write(b"{\"id\":1}\n", 1)?;
        }
        Ok(spool.rows())
    };
    same(filled(Bounds { rows: 7, ..BOUNDS })?, 7)?;
    same(filled(Bounds { bytes: 20, ..BOUNDS })?, 3)?;
    let clock = Clock::default();
    let mut spool = folder.spool(BOUNDS, &clock)?;
    spool.write(b"{\"id\":1}\n", 1)?;
    clock.advance(BOUNDS.time - Duration::from_secs(60));
    same(spool.is_full(), false)?;
    clock.advance(Duration::from_secs(60));
    same((spool.is_full(), spool.rows()), (true, 1))?;
    drop(spool);
    // A dropped one leaves nothing.
    same(claims(&workdir), 0)
}

async fn an_unfinished_window_is_nothing(workdir: Workdir) -> Outcome {
    let folder = Folder::open(&workdir.path("imports"))?;
    leave_unfinished(&workdir)?;
    drop(folder);
    same(claims(&workdir), 1)?;
    let next = Folder::open(&workdir.path("imports"))?;
    same(next.claim_leftovers(&mut |_, _| {})?.len(), 0)?;
    same(claims(&workdir), 0)
}
