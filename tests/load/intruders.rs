//! Somebody who may write into `imports/`, and is another user, swaps what leads to Sluice's own files: nothing of theirs is followed,
//! believed or waited for, and no file is lost. That user needs root to be made: without it the cases are ignored.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, WaitIdOptions, kill_process};

use crate::support::process::{Daemon, app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, holds, on_both, same};

/// The other user, and the group that may drop files.
const MALLORY: u32 = 65_534;
const DROP: u32 = 60_123;

pub fn cases() -> Vec<Trial> {
    let is_root = rustix::process::geteuid().is_root();
    [
        on_both("load::intruders::nothing_is_written_outside_wherever_places_are_swapped", nothing_is_written_outside),
        on_both("load::intruders::what_was_claimed_in_a_renamed_place_comes_back", what_was_claimed_comes_back),
        on_both("load::intruders::a_place_of_somebody_else_is_refused", a_place_of_somebody_else_is_refused),
        on_both("load::intruders::what_is_planted_holds_nothing_up", what_is_planted_holds_nothing_up),
        on_both("load::intruders::what_stands_in_failed_is_neither_followed_nor_waited_for", what_stands_in_failed),
        on_both("load::intruders::a_failed_folder_of_somebody_else_takes_no_file", a_failed_folder_of_somebody_else),
        on_both("load::intruders::what_is_swapped_again_is_said_once", what_is_swapped_again_is_said_once),
        on_both("load::intruders::notes_that_another_user_wrote_are_not_believed", notes_of_another_user),
        on_both("load::intruders::others_read_nothing_that_is_made", others_read_nothing_that_is_made),
    ]
    .into_iter()
    .flatten()
    .map(|case| case.with_ignored_flag(!is_root))
    .collect()
}

/// `imports/` is the group's, and what Sluice's user alone may read lies beside it.
fn open_to_the_group(workdir: &Workdir) -> Outcome {
    fs::set_permissions(workdir.path(""), PermissionsExt::from_mode(0o755))?;
    let imports = workdir.path("imports");
    chown(&imports, None, Some(DROP))?;
    fs::set_permissions(imports, PermissionsExt::from_mode(0o2770))?;
    let victim = workdir.write("victim", "the user's own\n")?;
    Ok(fs::set_permissions(victim, PermissionsExt::from_mode(0o600))?)
}

fn victim_is_whole(workdir: &Workdir) -> Outcome {
    same(workdir.read("victim")?, "the user's own\n")?;
    same(workdir.path("victim").metadata()?.mode() & 0o777, 0o600)
}

/// Does something in `imports/` as the other user.
fn mallory(workdir: &Workdir, script: &str) -> Outcome {
    let mut shell = Command::new("sh");
    shell.args(["-ec", script]).current_dir(workdir.path("imports")).uid(MALLORY).gid(DROP);
    anyhow::ensure!(shell.env("VICTIM", workdir.path("victim")).status()?.success(), "{script}");
    Ok(())
}

/// Puts links to the victim wherever a claim's note, a state or an end would be written.
const SWAP: &str = "for h in $(ls .sluice | grep -v deleted); do
    set -- $h; mv .sluice .o; mkdir .sluice; mkdir .sluice/$h
    for n in state.json state.json.new .stopped; do ln -s $VICTIM .sluice/$h/$n; done
    for n in 1 2 3 4; do
        mkdir .sluice/$h/$h-$n
        for f in .error.json good.csv bad.csv; do ln -s $VICTIM .sluice/$h/$h-$n/$f; done
    done
    ln -s $VICTIM .sluice/deleted.jsonl
    chmod -R 777 .sluice; break
done";

/// Waits until the daemon has stopped at its point.
fn stopped(daemon: &Daemon) -> anyhow::Result<Pid> {
    let pid = Pid::from_raw(i32::try_from(daemon.id())?).expect("a process has a number");
    let how = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
    rustix::process::waitid(rustix::process::WaitId::Pid(pid), how)?;
    Ok(pid)
}

async fn nothing_is_written_outside(database: TestDatabase, workdir: Workdir) -> Outcome {
    open_to_the_group(&workdir)?;
    let mut rows = 0;
    for (point, is_good) in [
        ("place", true),
        ("claimed", true),
        ("profiled", true),
        ("committed", true),
        ("place", false),
        ("claimed", false),
        ("noted", false),
        ("explained", false),
    ] {
        let name = if is_good { "good.csv" } else { "bad.csv" };
        let text = if is_good { format!("a\n{point}\n{rows}\n") } else { String::new() };
        workdir.write(&format!("imports/{name}"), text)?;
        let settings = [("DATABASE_URL", database.url.as_str()), ("STOP_AT", point)];
        let mut daemon = Daemon::start(&workdir, &[], &settings)?;
        let pid = stopped(&daemon)?;
        mallory(&workdir, SWAP)?;
        kill_process(pid, Signal::CONT)?;
        if is_good {
            daemon.wait_for(&["INFO loaded", "good.csv"])?;
            rows += 2;
        } else {
            daemon.wait_for(&["moved, with the reason beside it"])?;
            same(workdir.list("imports/failed"), ["bad.csv", "bad.csv.error.json"])?;
            fs::remove_dir_all(workdir.path("imports/failed"))?;
        }
        let refused = "imports/.sluice is not Sluice's own: its owner is uid 65534";
        if !daemon.log().contains(refused) {
            daemon.wait_for(&[refused])?;
        }
        victim_is_whole(&workdir)?;
        // Whoever runs it puts that away; what was renamed may stay.
        fs::remove_dir_all(workdir.path("imports/.sluice"))?;
        workdir.write("imports/next.csv", format!("a\n{point} {is_good}\n"))?;
        daemon.wait_for(&["watching the folder that is there now"])?;
        daemon.wait_for(&["INFO loaded", "next.csv"])?;
        same(daemon.terminate()?.0.code(), Some(0))?;
        victim_is_whole(&workdir)?;
        same((point, workdir.list("imports")), (point, vec![]))?;
        same((point, database.text("select count(*) from staging.good").await?), (point, rows.to_string()))?;
        fs::remove_dir_all(workdir.path("imports/.o"))?;
    }
    Ok(())
}

async fn what_was_claimed_comes_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    open_to_the_group(&workdir)?;
    for (point, rows) in [("profiled", "2"), ("committed", "4")] {
        workdir.write("imports/good.csv", format!("a\n1\n{point}\n"))?;
        let settings = [("DATABASE_URL", database.url.as_str()), ("DIE_AT", point)];
        Daemon::start(&workdir, &[], &settings)?.wait()?;
        mallory(&workdir, "mv .sluice .o")?;
        let mut once = Daemon::start(&workdir, &["--once"], &settings[..1])?;
        once.wait_for(&["loaded what had been begun before"])?;
        same(once.wait()?.code(), Some(0))?;
        same((point, database.text("select count(*) from staging.good").await?), (point, rows.to_owned()))?;
        let left = fs::read_dir(workdir.path("imports/.o"))?.flatten().filter(|place| place.path().is_dir()).count();
        same((point, left), (point, 0))?;
        fs::remove_dir_all(workdir.path("imports/.o"))?;
    }
    Ok(())
}

/// A place as of a program that lives: it is locked, and its state is a pipe that nobody writes into.
const LIVE: &str = "mkdir -p .sluice/1-live/1-live-1~4294967295; mkfifo -m 666 .sluice/1-live/state.json
    echo a > .sluice/1-live/1-live-1~4294967295/planted.csv; chmod -R a+rX .sluice
    flock -x --no-fork .sluice/1-live sh -c 'touch .locked; exec sleep 600' > /dev/null 2>&1 &
    echo $! > .lock; until test -e .locked; do :; done";

/// Ends what holds the lock.
struct Locked<'a>(&'a Workdir);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let pid = self.0.read("imports/.lock").ok().and_then(|pid| Pid::from_raw(pid.trim().parse().ok()?));
        let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
    }
}

async fn a_place_of_somebody_else_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    open_to_the_group(&workdir)?;
    mallory(&workdir, LIVE)?;
    let _locked = Locked(&workdir);
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/x.csv", "a\n1\n")?;
    for arguments in [&["--once"][..], &[]] {
        let mut program = Daemon::start(&workdir, arguments, &settings)?;
        same(program.wait()?.code(), Some(2))?;
    }
    let said = stdout(&app(&workdir, &["status"], &settings)?);
    for words in [
        "imports/.sluice is a folder of uid 65534, mode 2755, and who asks is uid 0",
        "where Sluice runs as uid 65534, ask",
    ] {
        holds(&said, words)?;
    }
    holds(&stdout(&app(&workdir, &["doctor"], &settings)?), "what stands in it is not believed")?;
    for arguments in [["status"], ["retry"]] {
        let mut look = Daemon::start(&workdir, &arguments, &settings)?;
        look.wait()?;
        same(look.log().contains("watched by nobody") || look.log().contains("nothing lies"), true)?;
    }
    let output = crate::support::process::app(&workdir, &["--once"], &settings)?;
    let error = crate::support::process::stderr(&output);
    holds(
        &error,
        "imports/.sluice is not Sluice's own: its owner is uid 65534, its mode 2755, and this program is uid 0",
    )?;
    holds(&error, "chown -R 0 imports/.sluice")?;
    same(error.matches("chown -R").count(), 1)?;
    same(workdir.list("imports"), ["x.csv"])
}

async fn what_is_planted_holds_nothing_up(database: TestDatabase, workdir: Workdir) -> Outcome {
    open_to_the_group(&workdir)?;
    mallory(&workdir, LIVE)?;
    let _locked = Locked(&workdir);
    // As it was left by a program that let the group write there.
    let claims = workdir.path("imports/.sluice");
    chown(&claims, Some(0), None)?;
    fs::set_permissions(&claims, PermissionsExt::from_mode(0o2770))?;
    mallory(&workdir, "ln -s /tmp .sluice/link; mkfifo .sluice/pipe; mkfifo .sluice/deleted.jsonl")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/x.csv", "a\n1\n")?;
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["INFO loaded", "x.csv"])?;
    let mut status = Daemon::start(&workdir, &["status"], &settings)?;
    // The delete cannot be noted there.
    same(status.wait()?.code(), Some(1))?;
    holds(&status.log(), ".sluice/deleted.jsonl: it is no regular file")?;
    holds(&status.log(), "imports is watched\n")?;
    let (code, log) = daemon.terminate()?;
    same(code.code(), Some(0))?;
    for name in [".sluice/1-live", ".sluice/link", ".sluice/pipe", ".sluice/deleted.jsonl"] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(&format!("WARN {name}: "))).collect();
        same((name, lines.len()), (name, 1))?;
        holds(lines[0], "not Sluice's own")?;
        same(workdir.path("imports").join(name).symlink_metadata().is_ok(), true)?;
    }
    same(claims.metadata()?.mode() & 0o777, 0o750)?;
    same(workdir.path("imports/.sluice/1-live/1-live-1~4294967295/planted.csv").exists(), true)?;
    same(database.text("select count(*) from sluice.load").await?, "1")
}

async fn what_stands_in_failed(database: TestDatabase, workdir: Workdir) -> Outcome {
    open_to_the_group(&workdir)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let once = |code| -> anyhow::Result<String> {
        let mut program = Daemon::start(&workdir, &["--once"], &settings)?;
        same(program.wait()?.code(), Some(code))?;
        Ok(program.log())
    };
    let failed = workdir.path("imports/failed");
    let secret = r#"{"file": "a.csv", "load": 1, "error": "secret", "fix": "", "at": "2020-01-01T00:00:00Z"}"#;
    workdir.write("secret.json", secret)?;
    fs::create_dir(&failed)?;
    // Somebody who may write there has put something where the reasons are to stand.
    chown(&failed, None, Some(DROP))?;
    fs::set_permissions(&failed, PermissionsExt::from_mode(0o2770))?;
    mallory(
        &workdir,
        "cd failed; mkfifo a.csv.error.json; ln -s $VICTIM b.csv.error.json; mkdir c.csv.error.json; mkdir c.2.csv.error.json
         touch d.csv f.csv; truncate -s 4G d.csv.error.json; ln -s $VICTIM e.csv; ln -s ../../secret.json f.csv.error.json",
    )?;
    for name in ["a", "b", "c", "d", "e"] {
        workdir.write(&format!("imports/{name}.csv"), "")?;
    }
    let log = once(1)?;
    same(log.matches("moved, with the reason beside it").count(), 5)?;
    victim_is_whole(&workdir)?;
    for name in ["a.2.csv", "b.2.csv", "c.3.csv", "d.2.csv", "e.2.csv"] {
        holds(&workdir.read(&format!("imports/failed/{name}.error.json"))?, "the file is empty")?;
        let mode = failed.join(format!("{name}.error.json")).metadata()?.mode() & 0o777;
        same((name, mode), (name, 0o644))?;
    }
    for arguments in [["status"], ["retry"]] {
        let mut look = Daemon::start(&workdir, &arguments, &settings)?;
        look.wait()?;
        same((arguments, look.log().contains("secret")), (arguments, false))?;
    }
    victim_is_whole(&workdir)?;
    fs::remove_dir_all(&failed)?;
    for name in workdir.list("imports") {
        fs::remove_file(workdir.path("imports").join(name))?;
    }
    // Of two that landed by one name, both were given to the next program.
    once(1)?;
    same(workdir.list("imports/failed"), ["d.2.csv", "d.2.csv.error.json", "d.csv", "d.csv.error.json"])?;
    fs::remove_dir_all(&failed)?;
    workdir.write("imports/bad.csv", "")?;
    once(1)?;
    same(workdir.list("imports/failed"), ["bad.csv", "bad.csv.error.json"])?;
    // Who may look into the folder may look into that.
    same(failed.metadata()?.mode() & 0o7777, 0o2750)?;
    mallory(&workdir, "cat failed/bad.csv.error.json > /dev/null")
}

/// Where somebody else was first to make `failed/`, what fails goes to a folder of Sluice's own, once, and all say so.
async fn a_failed_folder_of_somebody_else(database: TestDatabase, workdir: Workdir) -> Outcome {
    open_to_the_group(&workdir)?;
    fs::set_permissions(workdir.path("imports"), PermissionsExt::from_mode(0o3770))?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let note = r#"{"file": "y.csv", "load": 1, "error": "secret", "fix": "secret", "at": "2020-01-01T00:00:00Z"}"#;
    let folder = format!("mkdir failed; echo a > failed/y.csv; echo '{note}' > failed/y.csv.error.json");
    for (round, plant) in [folder.as_str(), "ln -s .. failed", "touch failed", "mkfifo failed"].into_iter().enumerate()
    {
        mallory(&workdir, plant)?;
        workdir.write("imports/bad.csv", "")?;
        let mut daemon = Daemon::start(&workdir, &[], &settings)?;
        daemon.wait_for(&[
            "failed",
            "not Sluice's own",
            "until it is moved away, what fails goes to .sluice/failed",
        ])?;
        daemon.wait_for(&["moved, with the reason beside it", "imports/.sluice/failed/bad.csv"])?;
        same(daemon.terminate()?.0.code(), Some(0))?;
        workdir.write("imports/bad2.csv", "")?;
        let done = stdout(&app(&workdir, &["--once"], &settings)?);
        holds(&done, "Next: look into imports/.sluice/failed/")?;
        for name in ["bad2.csv", "bad2.csv.error.json"] {
            fs::remove_file(workdir.path("imports/.sluice/failed").join(name))?;
        }
        // Nothing is tried again.
        same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
        same(workdir.list("imports/.sluice/failed"), ["bad.csv", "bad.csv.error.json"])?;
        same(database.text("select count(*) from sluice.load").await?, (2 * round + 2).to_string())?;

        for (command, code) in [("status", 1), ("doctor", 1)] {
            let output = app(&workdir, &[command], &settings)?;
            let said = stdout(&output);
            same((command, output.status.code(), said.contains("secret")), (command, Some(code), false))?;
            holds(&said, "imports/failed is ")?;
            holds(&said, "of uid 65534, mode ")?;
            holds(&said, "what fails goes to imports/.sluice/failed")?;
            holds(&said, "move it away or give it to the user that Sluice runs as")?;
            same(
                (command, said.contains(".sluice/failed/bad.csv: the file is empty")),
                (command, command == "status"),
            )?;
        }
        let retried = stdout(&app(&workdir, &["retry"], &settings)?);
        holds(&retried, "imports/.sluice/failed/bad.csv -> imports/bad.csv")?;
        same(retried.contains("y.csv"), false)?;
        fs::remove_file(workdir.path("imports/bad.csv"))?;
        let failed = workdir.path("imports/failed");
        if round == 0 { fs::remove_dir_all(failed)? } else { fs::remove_file(failed)? }
    }
    Ok(())
}

/// Whoever swaps what is Sluice's again and again does not fill the log.
async fn what_is_swapped_again_is_said_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    open_to_the_group(&workdir)?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("POLL", "true")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    for round in 0..3 {
        mallory(&workdir, "mkdir failed; mv .sluice .o; mkdir .sluice")?;
        let refused = "imports/.sluice is not Sluice's own: its owner is uid 65534";
        let told = format!("cannot use the folder: {refused}");
        let start = std::time::Instant::now();
        loop {
            let said = stdout(&app(&workdir, &["status"], &settings)?);
            if said.contains(&told) {
                break;
            }
            anyhow::ensure!(start.elapsed().as_secs() < 60, "{said}");
        }
        mallory(&workdir, "rmdir .sluice failed; mv .o .sluice")?;
        workdir.write(&format!("imports/next{round}.csv"), format!("a\n{round}\n"))?;
        daemon.wait_for(&["INFO loaded", &format!("next{round}.csv")])?;
    }
    let (code, log) = daemon.terminate()?;
    same(code.code(), Some(0))?;
    for words in ["cannot use the folder", "watching the folder that is there now"] {
        same((words, log.matches(words).count()), (words, 1))?;
    }
    same(log.matches(" failed: left ").count() <= 1, true)
}

async fn others_read_nothing_that_is_made(database: TestDatabase, workdir: Workdir) -> Outcome {
    open_to_the_group(&workdir)?;
    let own = format!("sqlite://{}", workdir.path("data/warehouse.db").display());
    for (umask, file, folder) in [("022", 0o640, 0o750), ("077", 0o600, 0o700)] {
        let postgres = database.url.starts_with("postgres");
        let url = if postgres { database.url.as_str() } else { own.as_str() };
        let text = (0..5000).fold("a,b\n".to_owned(), |text, n| text + &format!("{n},{umask}\n")) + "bad\n";
        workdir.write("imports/x.csv", text)?;
        let mut shell = Command::new("sh");
        shell.args(["-ec", &format!("umask {umask}; $APP --once || test $? = 3; $APP export x --output data/x.csv")]);
        shell.current_dir(workdir.path("")).env_clear().env("APP", env!("CARGO_BIN_EXE_app"));
        shell.env("PATH", "/usr/bin:/bin").env("DATABASE_URL", url).env("SETTLE_SECONDS", "0.3");
        let output = shell.output()?;
        anyhow::ensure!(workdir.list("exports/rejects").len() == 1, "{output:?}");
        let mut looked = 0;
        for name in ["data", "logs", "exports/rejects"] {
            let Ok(entries) = fs::read_dir(workdir.path(name)) else { continue };
            same((umask, name, workdir.path(name).metadata()?.mode() & 0o777), (umask, name, folder))?;
            for entry in entries {
                let path = entry?.path();
                same((umask, &path, path.metadata()?.mode() & 0o777), (umask, &path, file))?;
                looked += 1;
            }
            fs::remove_dir_all(workdir.path(name))?;
        }
        same(looked >= 2, true)?;
    }
    let doctor = |settings: &[(&str, &str)]| -> anyhow::Result<String> {
        let output = crate::support::process::app(&workdir, &["doctor"], settings)?;
        Ok(crate::support::process::stdout(&output))
    };
    let settings = [("DATABASE_URL", database.url.as_str())];
    let said = doctor(&settings)?;
    holds(&said, "imports is uid 0's with mode 2770: whoever may write into it")?;
    holds(&said, "chmod +t imports")?;
    fs::set_permissions(workdir.path("imports"), PermissionsExt::from_mode(0o3770))?;
    same(doctor(&settings)?.contains("chmod +t"), false)
}

/// The other user has a file of theirs moved to `failed/`, and then `failed/` to where the notes of deleted files are looked for.
async fn notes_of_another_user(database: TestDatabase, workdir: Workdir) -> Outcome {
    open_to_the_group(&workdir)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/good.csv", "a\n1\n2\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let noted = workdir.read("imports/.sluice/deleted.jsonl")?;
    let mut note: serde_json::Value = serde_json::from_str(noted.lines().last().unwrap_or_default())?;
    note["load"] = 900_000.into();
    note["hash"] = "x".into();
    note["kept"] = workdir.path("victim").display().to_string().into();
    mallory(&workdir, &format!("printf '%s\\n' 'x,y' '{note}' > .part; mv .part deleted.1.jsonl"))?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(1))?;
    same(workdir.list("imports/failed"), ["deleted.1.jsonl", "deleted.1.jsonl.error.json"])?;
    mallory(&workdir, "mv .sluice .x; mv failed .sluice")?;
    workdir.write("imports/next.csv", "a\n3\n4\n")?;
    let once = app(&workdir, &["--once"], &settings)?;
    holds(&stdout(&once), "it belongs to another user")?;
    anyhow::ensure!(!workdir.path("imports/victim").exists(), "{}", stdout(&once));
    same(database.text("select count(*) from staging.next").await?, "2")?;
    victim_is_whole(&workdir)
}
