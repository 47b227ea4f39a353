//! Which file counts last where rows replace others: the last one by name of those that are there together.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use sluice::sql::Engine;
use sluice::warehouse::Scope;

use crate::format::packed::make::{sheet, xlsx};
use crate::support::process::{Daemon, app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same, star};

const UPSERT: &str = "name: up\nfiles: [\"up*\"]\ntable: up\nmode: upsert\nkey: [id]\n";
const REPLACE: &str = "name: up\nfiles: [\"up*\"]\ntable: up\nmode: replace\n";
const OLD: &str = "id,v\n1,old\n2,old\n";
const NEW: &str = "id,v\n1,new\n2,new\n";
const ROWS: &str = "select id, v from staging.up order by id";

/// How often the folder is looked at whatever comes.
const NEXT_LOOK: Duration = Duration::from_secs(60);

cases! {
    on_both:
        a_file_that_settles_is_not_overtaken,
        what_lay_there_before_a_start_comes_first,
        what_is_held_back_holds_back_what_follows,
        nothing_follows_what_one_run_could_not_load,
        what_was_claimed_before_a_start_comes_first;
    on_sqlite:
        what_another_program_took_holds_nothing_back;
    on_both:
        a_failed_file_holds_nothing_back,
        a_retry_puts_no_older_rows_over_newer_ones,
        a_retry_after_a_part_failed,
        an_archive_may_hold_anything,
        a_leased_file_is_waited_for_no_longer_than_stale_after,
        names_that_come_and_go_hold_nothing_for_ever,
        what_cannot_be_claimed_holds_nothing_for_ever,
        sixteen_rounds_of_large_and_small_files,
        numbers_follow_names,
        numbers_follow_names_in_each_of_two_tables,
        numbers_follow_names_of_packed_files,
        a_workbook_that_is_read_holds_up_no_other_table,
        many_stretches_of_loads;
}

/// A workbook's first pass takes long: the files of other tables are loaded meanwhile.
async fn a_workbook_that_is_read_holds_up_no_other_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    let rows = format!("<row>{}</row>", "<c><v>1</v></c>".repeat(3)).repeat(60_000);
    workdir.write("imports/book.xlsx", xlsx(&[("one", &sheet(&rows))])?)?;
    workdir.write("imports/other.csv", "a\n1\n")?;
    let mut daemon = start(&workdir, &database, &[])?;
    daemon.wait_for(&["loaded book.xlsx"])?;
    let log = daemon.terminate()?.1;
    let at = |words: &str| log.find(words).unwrap_or(usize::MAX);
    same(at("loaded other.csv") < at("loading book.xlsx"), true)
}

fn start(workdir: &Workdir, database: &TestDatabase, more: &[(&str, &str)]) -> anyhow::Result<Daemon> {
    let settings: Vec<_> = [("DATABASE_URL", database.url.as_str())].into_iter().chain(more.iter().copied()).collect();
    let mut daemon = Daemon::start(workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    Ok(daemon)
}

/// A run that loads what is there does not wait for the next look at the folder, a minute later.
async fn what_another_program_took_holds_nothing_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    for (name, text) in [("up.1.csv", OLD), ("up.2.csv", "id,v\n1,taken\n"), ("up.3.csv", NEW)] {
        workdir.write(&format!("imports/{name}"), text)?;
    }
    let held = database.warehouse.begin(Scope::Load).await?;
    let started = Instant::now();
    let mut once = Daemon::start(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?;
    once.wait_for(&["loading", "up.1.csv"])?;
    fs::remove_file(workdir.path("imports/up.2.csv"))?;
    drop(held);
    once.wait_for(&["files: 2 loaded"])?;
    assert!(started.elapsed() < NEXT_LOOK, "{:?}", started.elapsed());
    same(database.text(ROWS).await?, "1|new\n2|new")
}

/// As a program does that writes under a hidden name first.
fn rename_in(workdir: &Workdir, name: &str, text: &str) -> Outcome {
    workdir.write(&format!("imports/.{name}.part"), text)?;
    Ok(fs::rename(workdir.path(&format!("imports/.{name}.part")), workdir.path(&format!("imports/{name}")))?)
}

async fn a_file_that_settles_is_not_overtaken(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (n, (plugin, old)) in
        [(UPSERT, OLD), (REPLACE, OLD), (UPSERT, OLD.trim_end()), (REPLACE, OLD.trim_end())].into_iter().enumerate()
    {
        workdir.plugin("up", plugin)?;
        let mut daemon = start(&workdir, &database, &[("SETTLE_SECONDS", "1.5")])?;
        // Of each round its own content, so that none is a duplicate.
        let (old, new) = (old.replace("old", &format!("old{n}")), NEW.replace("new", &format!("new{n}")));
        workdir.write("imports/up.2026-11-28.csv", &old)?;
        rename_in(&workdir, "up.2026-11-29.csv", &new)?;
        daemon.wait_for(&["up.2026-11-29.csv", "waits for up.2026-11-28.csv, which comes before it"])?;
        daemon.wait_for(&["loaded", "up.2026-11-28.csv"])?;
        daemon.wait_for(&["loaded", "up.2026-11-29.csv"])?;
        let (status, log) = daemon.terminate()?;
        same(status.code(), Some(0))?;
        same(log.matches("which comes before it").count(), 1)?;
        same(database.text(ROWS).await?, format!("1|new{n}\n2|new{n}"))?;
    }
    Ok(())
}

async fn what_lay_there_before_a_start_comes_first(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (n, plugin) in [UPSERT, REPLACE].into_iter().enumerate() {
        workdir.plugin("up", plugin)?;
        let (old, new) = (OLD.replace("old", &format!("old{n}")), NEW.replace("new", &format!("new{n}")));
        workdir.write("imports/up.2026-11-28.csv", old.trim_end())?;
        let mut daemon = start(&workdir, &database, &[("SETTLE_SECONDS", "1.5")])?;
        rename_in(&workdir, "up.2026-11-29.csv", &new)?;
        daemon.wait_for(&["loaded", "up.2026-11-28.csv"])?;
        daemon.wait_for(&["loaded", "up.2026-11-29.csv"])?;
        same(daemon.terminate()?.0.code(), Some(0))?;
        same(database.text(ROWS).await?, format!("1|new{n}\n2|new{n}"))?;
    }
    Ok(())
}

async fn what_is_held_back_holds_back_what_follows(database: TestDatabase, workdir: Workdir) -> Outcome {
    // It cannot be claimed; it is not known whether it was committed; the database is in trouble.
    let faults = ["claim=2*return", "commit_not_answered=1*return", "commit_not_sent=1*return"];
    for (n, fault) in faults.into_iter().enumerate() {
        for plugin in [UPSERT, REPLACE] {
            workdir.plugin("up", plugin)?;
            let mut daemon = start(&workdir, &database, &[("FAILPOINTS", fault)])?;
            let round = format!("{n}{}", plugin.len());
            rename_in(&workdir, "up.2026-11-28.csv", &OLD.replace("old", &format!("old{round}")))?;
            rename_in(&workdir, "up.2026-11-29.csv", &NEW.replace("new", &format!("new{round}")))?;
            if n == 0 {
                daemon.wait_for(&["up.2026-11-29.csv", "waits for up.2026-11-28.csv, which comes before it"])?;
                let settings = [("DATABASE_URL", database.url.as_str())];
                let why = "waits for up.2026-11-28.csv, which comes before it";
                let text = loop {
                    let text = stdout(&app(&workdir, &["status"], &settings)?);
                    // It is written a moment later, and is over when the pause is.
                    if text.contains(why) || !workdir.path("imports/up.2026-11-28.csv").exists() {
                        break text;
                    }
                };
                holds(&text, why)?;
            }
            daemon.wait_for(&["loaded", "up.2026-11-29.csv"])?;
            same(daemon.terminate()?.0.code(), Some(0))?;
            same(database.text(ROWS).await?, format!("1|new{round}\n2|new{round}"))?;
        }
    }
    Ok(())
}

async fn nothing_follows_what_one_run_could_not_load(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    workdir.write("imports/up.2026-11-28.csv", OLD)?;
    workdir.write("imports/up.2026-11-29.csv", NEW)?;
    workdir.write("imports/up.2026-11-30.csv", NEW)?;
    workdir.write("imports/zz.csv", "a\n1\n")?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", "claim=1*return")];
    let output = app(&workdir, &["--once"], &settings)?;
    same(output.status.code(), Some(1))?;
    holds(&stdout(&output), "files: 1 loaded, 0 duplicate, 0 failed, 3 waiting")?;
    holds(&stdout(&output), "waits for up.2026-11-28.csv, which comes before it")?;
    same(workdir.list("imports"), ["up.2026-11-28.csv", "up.2026-11-29.csv", "up.2026-11-30.csv"])?;
    same(app(&workdir, &["--once"], &settings[..1])?.status.code(), Some(0))?;
    same(database.text(ROWS).await?, "1|new\n2|new")
}

async fn what_was_claimed_before_a_start_comes_first(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    for mode in [&["--once"][..], &[][..]] {
        let round = format!("{}", mode.len());
        workdir.write("imports/up.2026-11-28.csv", OLD.replace("old", &format!("old{round}")))?;
        let dies = [settings[0], ("DIE_AT", "finished")];
        same(app(&workdir, &["--once"], &dies)?.status.success(), false)?;
        workdir.write("imports/up.2026-11-27.csv", OLD.replace("old", &format!("older{round}")))?;
        rename_in(&workdir, "up.2026-11-29.csv", &NEW.replace("new", &format!("new{round}")))?;
        if mode.is_empty() {
            let mut daemon = start(&workdir, &database, &[])?;
            daemon.wait_for(&["loaded", "up.2026-11-29.csv"])?;
            same(daemon.terminate()?.0.code(), Some(0))?;
        } else {
            same(app(&workdir, mode, &settings)?.status.code(), Some(0))?;
        }
        same(database.text(ROWS).await?, format!("1|new{round}\n2|new{round}"))?;
        let names = "select source from sluice.load where status in ('loaded', 'replaced') order by id";
        let names = database.text(names).await?;
        same(names.ends_with("up.2026-11-27.csv\nup.2026-11-28.csv\nup.2026-11-29.csv"), true)?;
    }
    Ok(())
}

async fn a_failed_file_holds_nothing_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    let mut daemon = start(&workdir, &database, &[])?;
    rename_in(&workdir, "up.2026-11-28.csv", "")?;
    daemon.wait_for(&["moved, with the reason beside it"])?;
    rename_in(&workdir, "up.2026-11-29.csv", NEW)?;
    daemon.wait_for(&["up.2026-11-29.csv", "loaded without up.2026-11-28.csv, which comes before it"])?;
    daemon.wait_for(&["INFO loaded up.2026-11-29.csv: "])?;
    // What comes later by its name's order is told.
    workdir.write("imports/failed/up.2026-11-28.csv", OLD)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    same(app(&workdir, &["retry", "--older"], &settings)?.status.code(), Some(0))?;
    daemon.wait_for(&["loaded after a file that comes after it by name: up.2026-11-29.csv"])?;
    daemon.wait_for(&["INFO loaded up.2026-11-28.csv: "])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn a_retry_puts_no_older_rows_over_newer_ones(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let once = |workdir: &Workdir| anyhow::Ok(app(workdir, &["--once"], &settings)?.status.code());
    for (plugin, failing, newer) in [
        (UPSERT, "up.2026-11-28.csv", "up.2026-11-29.csv"),
        (REPLACE, "up.2026-11-28.csv", "up.2026-11-29.csv"),
        // One name each day: which came later counts.
        (REPLACE, "up.csv", "up.csv"),
        (UPSERT, "up.2026-11-28.xlsx", "up.2026-11-29.csv"),
        // What comes later counts, whatever its name.
        (REPLACE, "up_9.csv", "up_10.csv"),
        (UPSERT, "up_april.csv", "up_february.csv"),
        // What it holds nobody knows.
        (UPSERT, "pack.zip", "up.2026-11-29.csv"),
    ] {
        workdir.plugin("up", &plugin.replace("[\"up*\"]", "[\"up*\", \"aa*\"]"))?;
        workdir.write(&format!("imports/{failing}"), "")?;
        // Neither what came before it nor what is appended elsewhere is in its way.
        workdir.load(&database, "aa.csv", OLD.replace("old", "older")).await?;
        same(once(&workdir)?, Some(1))?;
        workdir.load(&database, "zz.csv", "a\n1\n").await?;
        same(app(&workdir, &["retry"], &settings)?.status.code(), Some(0))?;
        same(once(&workdir)?, Some(1))?;
        let load = workdir.load(&database, newer, NEW).await?.load_id;
        for arguments in [&["retry"][..], &["retry", failing]] {
            let output = app(&workdir, arguments, &settings)?;
            same(output.status.code(), Some(1))?;
            let said = crate::support::process::stderr(&output);
            holds(&said, &format!("its rows would take the place of newer ones, those of {newer} (load {load})"))?;
            holds(&said, &format!("app retry {failing} --older"))?;
        }
        same(workdir.list("imports/failed"), [failing.to_owned(), format!("{failing}.error.json")])?;
        same(app(&workdir, &["retry", failing, "--older"], &settings)?.status.code(), Some(0))?;
        same(workdir.list("imports"), ["failed", failing])?;
        fs::remove_file(workdir.path("imports").join(failing))?;
        same(app(&workdir, &["drop", "staging.up", "--yes"], &settings)?.status.code(), Some(0))?;
    }
    Ok(())
}

async fn a_retry_after_a_part_failed(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    let pack = |first: &str| -> anyhow::Result<Vec<u8>> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in [("up.1.csv", first), ("up.2.csv", NEW)] {
            zip.start_file(name, zip::write::SimpleFileOptions::default())?;
            std::io::Write::write_all(&mut zip, text.as_bytes())?;
        }
        Ok(zip.finish()?.into_inner())
    };
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/up.zip", pack("no key\n1\n")?)?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(1))?;
    same(database.text(ROWS).await?, "1|new\n2|new")?;
    // Its own parts, loaded after the one that failed, are no newer file.
    workdir.write("imports/failed/up.zip", pack("id,v\n3,fixed\n")?)?;
    same(app(&workdir, &["retry"], &settings)?.status.code(), Some(0))?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(database.text(ROWS).await?, "1|new\n2|new\n3|fixed")
}

async fn an_archive_may_hold_anything(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    let mut daemon = start(&workdir, &database, &[("SETTLE_SECONDS", "1.5")])?;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("up.2026-11-28.csv", zip::write::SimpleFileOptions::default())?;
    std::io::Write::write_all(&mut zip, OLD.as_bytes())?;
    workdir.write("imports/pack.2026-11-28.zip", zip.finish()?.into_inner())?;
    rename_in(&workdir, "up.2026-11-29.csv", NEW)?;
    daemon.wait_for(&["up.2026-11-29.csv", "waits for pack.2026-11-28.zip, which comes before it"])?;
    daemon.wait_for(&["loaded", "up.2026-11-29.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text(ROWS).await?, "1|new\n2|new")
}

/// A process that is ended when it is dropped.
struct Holder(std::process::Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody takes a lease to write, which lets nobody open the file without waiting for it.
fn lease(workdir: &Workdir) -> anyhow::Result<Holder> {
    let script = "$SIG{IO} = 'IGNORE'; $| = 1; open(F, '+<', '.0') or die; fcntl(F, 1024, 1) or die; rename('.0', '0.zip') or die; \
                  print \"held\\n\"; while (1) { sleep 1; fcntl(F, 1024, 1) }";
    workdir.write("imports/.0", "PK")?;
    let mut perl = std::process::Command::new("perl");
    perl.args(["-e", script]).current_dir(workdir.path("imports")).stdout(std::process::Stdio::piped());
    let mut holder = Holder(perl.spawn()?);
    let mut said = [0; 5];
    std::io::Read::read_exact(holder.0.stdout.as_mut().expect("it was piped"), &mut said)?;
    Ok(holder)
}

async fn a_leased_file_is_waited_for_no_longer_than_stale_after(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    let _holder = lease(&workdir)?;
    let mut daemon = start(&workdir, &database, &[("STALE_AFTER", "2s")])?;
    rename_in(&workdir, "up1.csv", OLD)?;
    daemon.wait_for(&["up1.csv", "waits for 0.zip, which comes before it"])?;
    let uid = rustix::process::geteuid().as_raw();
    let said = format!("still being written, longer than STALE_AFTER (its owner is uid {uid})");
    daemon.wait_for(&["0.zip", &said])?;
    daemon.wait_for(&["INFO loaded", "up1.csv"])?;
    let (status, log) = daemon.terminate()?;
    same((status.code(), log.contains("temporarily unavailable")), (Some(0), false))
}

async fn names_that_come_and_go_hold_nothing_for_ever(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    let mut daemon = start(&workdir, &database, &[])?;
    let first = fs::File::create(workdir.path("imports/00.zip"))?;
    rename_in(&workdir, "up1.csv", OLD)?;
    daemon.wait_for(&["up1.csv", "waits for 00.zip, which comes before it"])?;
    // The next one is there before this one goes, and is never whole.
    let _second = fs::File::create(workdir.path("imports/01.zip"))?;
    drop(first);
    fs::remove_file(workdir.path("imports/00.zip"))?;
    daemon.wait_for(&["INFO loaded", "up1.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text(ROWS).await?, "1|old\n2|old")
}

async fn what_cannot_be_claimed_holds_nothing_for_ever(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    let mut daemon = start(&workdir, &database, &[("FAILPOINTS", "claim=3*return"), ("STALE_AFTER", "2s")])?;
    rename_in(&workdir, "up.2026-11-28.csv", OLD)?;
    rename_in(&workdir, "up.2026-11-29.csv", NEW)?;
    daemon.wait_for(&["up.2026-11-28.csv", "it cannot be claimed, longer than STALE_AFTER"])?;
    daemon.wait_for(&["INFO loaded", "up.2026-11-29.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn sixteen_rounds_of_large_and_small_files(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UPSERT)?;
    workdir.plugin("whole", "name: whole\nfiles: [\"whole*\"]\ntable: whole\nmode: replace\n")?;
    let mut daemon = start(&workdir, &database, &[])?;
    let rows = |rows: usize, v: &str| (1..=rows).fold("id,v\n".to_owned(), |text, id| text + &format!("{id},{v}\n"));
    for round in 10..26 {
        for table in ["up", "whole"] {
            let large = rows(20_000, &format!("{round}a"));
            workdir.write(&format!("imports/{table}.{round}.1.csv"), large.trim_end())?;
            workdir.write(&format!("imports/{table}.{round}.2.csv"), rows(2, &format!("{round}b")))?;
            rename_in(&workdir, &format!("{table}.{round}.3.csv"), &rows(2, &format!("{round}c")))?;
        }
        // In whichever order they end.
        let mut ends = BTreeSet::from([format!("up.{round}.3.csv"), format!("whole.{round}.3.csv")]);
        while !ends.is_empty() {
            let line = daemon.wait_for(&["INFO loaded ", ".3.csv"])?;
            ends.retain(|name| !line.contains(name.as_str()));
        }
        same(database.text("select id, v from staging.up where id <= 2 order by id").await?, {
            format!("1|{round}c\n2|{round}c")
        })?;
        same(database.text("select id, v from staging.whole order by id").await?, format!("1|{round}c\n2|{round}c"))?;
    }
    same(daemon.terminate()?.0.code(), Some(0))?;
    for table in ["up", "whole"] {
        let sql = format!("select source from sluice.load where dataset = '{table}' order by id");
        let names = database.text(&sql).await?;
        let mut sorted: Vec<_> = names.lines().collect();
        sorted.sort_unstable();
        same(names.lines().collect::<Vec<_>>(), sorted)?;
    }
    Ok(())
}

async fn numbers_follow_names(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut n = 0;
    for mode in ["--once", "--watch"] {
        for at in 0..16 {
            let rows = if at % 5 == 0 { 30_000 } else { 2 };
            n += 1;
            let text = (0..rows).fold("a,b\n".to_owned(), |text, row| text + &format!("{row},{n}\n"));
            workdir.write(&format!("imports/log.{at:02}.csv"), text)?;
        }
        if mode == "--once" {
            same(app(&workdir, &[mode], &[("DATABASE_URL", &database.url)])?.status.code(), Some(0))?;
        } else {
            let mut daemon = Daemon::start(&workdir, &[mode], &[("DATABASE_URL", &database.url)])?;
            for _ in 0..16 {
                daemon.wait_for(&["INFO loaded "])?;
            }
            same(daemon.terminate()?.0.code(), Some(0))?;
        }
        let names = database.text("select source from sluice.load order by id").await?;
        let expected: Vec<_> = (0..n).map(|at| format!("log.{:02}.csv", at % 16)).collect();
        same(names.lines().collect::<Vec<_>>(), expected)?;
    }
    Ok(())
}

/// Of other tables' files there are as many as take every place but the one for short files.
async fn numbers_follow_names_in_each_of_two_tables(database: TestDatabase, workdir: Workdir) -> Outcome {
    let values = ["10", "11.5", "n/a", "12", "2024-01-01", "1e3"];
    let mut rounds = 0;
    for mode in ["--once", "--watch", "--once"] {
        rounds += 1;
        for at in 0..20 {
            workdir.write(&format!("imports/a.{at:02}.csv"), format!("id,v\n{rounds}{at},1\nb,2\n"))?;
        }
        for (at, value) in values.iter().enumerate() {
            let names = ["products", "s"].map(|table| format!("imports/{table}.{at}.csv"));
            workdir.write(&names[0], format!("sku,price\nA{rounds},{value}\nB{at},5\n"))?;
            workdir.write(&names[1], format!("id,v\nk{rounds}{at},{}\n", "x".repeat(40 - at)))?;
        }
        let settings = [("DATABASE_URL", database.url.as_str())];
        if mode == "--once" {
            same(app(&workdir, &[mode], &settings)?.status.code(), Some(0))?;
        } else {
            let mut daemon = Daemon::start(&workdir, &[mode], &settings)?;
            for _ in 0..20 + 2 * values.len() {
                daemon.wait_for(&["INFO loaded "])?;
            }
            same(daemon.terminate()?.0.code(), Some(0))?;
        }
        for (table, files) in [("a", 20), ("products", values.len()), ("s", values.len())] {
            let sql = format!("select source from sluice.load where dataset = '{table}' order by id");
            let names = database.text(&sql).await?;
            let names: Vec<_> = names.lines().collect();
            same(names.len(), files * rounds)?;
            for round in names.chunks(files) {
                same((mode, round.is_sorted(), round), (mode, true, round))?;
            }
        }
    }
    Ok(())
}

async fn numbers_follow_names_of_packed_files(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    for round in 0..3 {
        for at in 0..8 {
            let text = format!("id,v\nk{round}{at},1\n");
            let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            zip.start_file("t.csv", zip::write::SimpleFileOptions::default())?;
            std::io::Write::write_all(&mut zip, text.as_bytes())?;
            match at % 2 {
                0 => workdir.write(&format!("imports/t.{at}.zip"), zip.finish()?.into_inner())?,
                _ => workdir.write(&format!("imports/t.{at}.csv"), text)?,
            };
        }
        same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
        let sql = "select v from (select source as v, id from sluice.load where dataset = 't') as s order by id";
        let names = database.text(sql).await?;
        let names: Vec<_> = names.lines().skip(round * 8).map(|name| name[..3].to_owned()).collect();
        same(names.len(), 8)?;
        same((names.is_sorted(), &names), (true, &names))?;
    }
    Ok(())
}

async fn many_stretches_of_loads(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_c.sql", "/*\nkind: dimension\nkey: [id]\n*/\nselect id, n from staging.c")?;
    workdir.write("sql/pipeline/fact_o.sql", "/*\nkind: fact\ngrain: [oid]\n*/\nselect oid, q from staging.o")?;
    workdir.load(&database, "c.csv", "id,n\n1,1\n").await?;
    workdir.load(&database, "o.csv", "oid,q\n1,1\n").await?;
    star::run(&database, &workdir).await?;
    // As if 1,500 files of each had come in turn.
    let named = |name: &str| match database.engine {
        Engine::Sqlite => name.replace('.', "__"),
        Engine::Postgres => name.to_owned(),
    };
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    for (table, column, other, parity) in [("c", "id", "n", 1), ("o", "oid", "q", 2)] {
        let numbers = "with recursive k(n) as (select 1 union all select n + 1 from k where n < 1500) {}";
        let staged = format!(
            "insert into {} ({column}, {other}, _load_id, _line) {}",
            named(&format!("staging.{table}")),
            numbers.replace("{}", &format!("select n + 1, n, n * 2 + {parity}, 2 from k"))
        );
        transaction.execute(&staged, &[]).await?;
        let loads = format!(
            "insert into {load} (id, source, dataset, hash, bytes, rows_read, rows_loaded, rows_rejected, rows_duplicate, rows_filtered, \
             rows_padded, rows_extended, status, \"repeat\", dialect, columns, started_at, finished_at) {}",
            numbers.replace(
                "{}",
                &format!(
                    "select k.n * 2 + {parity}, source, dataset, 'h' || k.n, bytes, rows_read, rows_loaded, rows_rejected, \
                     rows_duplicate, rows_filtered, rows_padded, rows_extended, status, \"repeat\", dialect, columns, started_at, \
                     finished_at from {load}, k where id = {parity}",
                    load = named("sluice.load")
                )
            ),
            load = named("sluice.load")
        );
        transaction.execute(&loads, &[]).await?;
    }
    transaction.commit().await?;
    star::run(&database, &workdir).await?;
    same(database.text("select count(*) from datawarehouse.dim_c where id > 0").await?, "1501")?;
    same(database.text("select count(*), max(q) from datawarehouse.fact_o").await?, "1501|1500")?;
    star::is_settled(&database, &workdir).await
}
