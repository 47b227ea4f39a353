//! A project folder with its database, the files that are dropped into it, and the program that runs there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::bed::{Bed, Engine, Skipped};
use crate::books::{Dropped, Expect, Places, account};
use crate::daemon::{Daemon, PATIENCE, until};
use crate::make::Kind;
use crate::report::Row;

/// What a file's name begins with, which is its table: see the plugins below.
pub const STEMS: [&str; 5] = ["rows", "keyed", "again", "kept", "whole"];

const PLUGINS: [(&str, &str); 4] = [
    ("keyed", "mode: upsert\nkey: [id]"),
    ("again", "duplicates: load"),
    ("kept", "on_success: archive"),
    ("whole", "mode: replace"),
];

pub struct Site<'a> {
    pub bed: &'a Bed,
    pub engine: Engine,
    pub url: String,
    pub imports: PathBuf,
    pub archive: PathBuf,
    folder: tempfile::TempDir,
    /// Settings that every start gets.
    pub settings: BTreeMap<String, OsString>,
    /// What the program is started by: a debugger, another user, a limit.
    pub wrapper: Vec<String>,
    pub dropped: Vec<Dropped>,
    next: u64,
    logs: usize,
    daemon: Option<Daemon>,
    /// What was not as it must be on the way.
    pub wrong: Vec<String>,
    pub notes: Vec<String>,
    /// Files that are to be loaded may go to `failed/`.
    pub may_fail: bool,
    pub times: usize,
}

impl<'a> Site<'a> {
    pub fn new(bed: &'a Bed, engine: Engine) -> anyhow::Result<Site<'a>> {
        let url = match engine {
            Engine::Sqlite => String::new(),
            Engine::Postgres => bed.server()?.new_database()?,
        };
        Site::at(bed, engine, url)
    }

    /// With a database that is somewhere else; an empty address is a file in the project folder.
    pub fn at(bed: &'a Bed, engine: Engine, url: String) -> anyhow::Result<Site<'a>> {
        let work = bed.folder.join("work");
        std::fs::create_dir_all(&work)?;
        let folder = tempfile::tempdir_in(work)?;
        // Others than root may have to work in it.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let url = if url.is_empty() { format!("sqlite://{}/data/warehouse.db", folder.path().display()) } else { url };
        for name in ["imports", "exports", "data", "tmp"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        for (name, words) in PLUGINS {
            let plugin = folder.path().join("plugins").join(name);
            std::fs::create_dir_all(&plugin)?;
            std::fs::write(
                plugin.join("plugin.yaml"),
                format!("name: {name}\nfiles: [\"{name}.*\"]\ntable: {name}\n{words}\n"),
            )?;
        }
        let tmp = folder.path().join("tmp").display().to_string();
        let settings = [("DATABASE_URL", url.clone()), ("SETTLE_SECONDS", "0.3".to_owned()), ("TMPDIR", tmp)];
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        Ok(Site {
            bed,
            engine,
            url,
            imports: folder.path().join("imports"),
            archive: folder.path().join("archive"),
            folder,
            settings,
            wrapper: Vec::new(),
            dropped: Vec::new(),
            next: 1,
            logs: 0,
            daemon: None,
            wrong: Vec::new(),
            notes: Vec::new(),
            may_fail: false,
            times: 0,
        })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.settings.insert(name.to_owned(), value.into());
    }

    // Files.

    /// Drops a file that is to be loaded by renaming it in, whole; gives its name.
    pub fn drop(&mut self, stem: &'static str, kind: Kind, rows: u64) -> anyhow::Result<String> {
        let (name, bytes) = self.prepare(stem, kind, rows)?;
        self.rename_in(&name, &bytes)?;
        Ok(name)
    }

    /// Drops a file by copying it in, in two pieces.
    pub fn copy(&mut self, stem: &'static str, kind: Kind, rows: u64) -> anyhow::Result<String> {
        use std::io::Write;
        let (name, bytes) = self.prepare(stem, kind, rows)?;
        let mut file = std::fs::File::create(self.imports.join(&name))?;
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(first)?;
        file.write_all(rest)?;
        Ok(name)
    }

    /// Enters a file into the books, and gives its name and bytes.
    pub fn prepare(&mut self, stem: &'static str, kind: Kind, rows: u64) -> anyhow::Result<(String, Vec<u8>)> {
        let number = self.next;
        self.next += kind.parts().max(1);
        let bytes = kind.bytes(stem, number, rows)?;
        let name = match kind {
            Kind::Bad(_) => format!("bad.{number}.{}", kind.ending()),
            Kind::Zip => format!("pack.{number}.zip"),
            _ => format!("{stem}.{number}.{}", kind.ending()),
        };
        if stem == "whole" {
            let earlier = self.dropped.iter_mut().filter(|one| one.table == "whole");
            earlier.for_each(|one| one.expect = Expect::Nothing);
        }
        let good = if self.may_fail { Expect::RowsOrFailed } else { Expect::Rows };
        if let Kind::Bad(_) = kind {
            self.dropped.push(Dropped {
                file: name.clone(),
                table: "",
                number,
                rows: 0,
                expect: Expect::Refused,
                or_fewer: None,
            });
        }
        for number in number..number + kind.parts() {
            self.dropped.push(Dropped { file: name.clone(), table: stem, number, rows, expect: good, or_fewer: None });
        }
        Ok((name, bytes))
    }

    /// A number that no file has.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// What was entered last.
    pub fn last(&mut self) -> &mut Dropped {
        self.dropped.last_mut().expect("a file was dropped before")
    }

    /// Waits until no file of that name lies in the folder, unclaimed.
    pub fn is_free(&self, name: &str, patience: Duration) -> bool {
        let path = self.imports.join(name);
        until(patience, || !path.exists())
    }

    /// Loaded files of `kept.*` go there.
    pub fn keep_in(&mut self, archive: &Path) -> anyhow::Result<()> {
        self.archive = archive.to_owned();
        let words = format!("on_success: {{archive: {}}}", archive.display());
        let plugin = format!("name: kept\nfiles: [\"kept.*\"]\ntable: kept\n{words}\n");
        Ok(std::fs::write(self.path("plugins/kept/plugin.yaml"), plugin)?)
    }

    pub fn rename_in(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let hidden = self.imports.join(format!(".{name}"));
        std::fs::write(&hidden, bytes).with_context(|| hidden.display().to_string())?;
        Ok(std::fs::rename(hidden, self.imports.join(name))?)
    }

    fn places(&self) -> Places {
        Places { imports: self.imports.clone(), archive: self.archive.clone() }
    }

    pub fn waiting(&self) -> Vec<String> {
        self.places().waiting()
    }

    // The program.

    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let program = program.to_string_lossy().into_owned();
        let mut words = self.wrapper.iter().cloned().chain([program]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(arguments).current_dir(self.folder.path());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(&self.settings);
        command
    }

    /// Starts the released program as a daemon, or gives the one that runs. That it had ended by itself is wrong.
    pub fn start(&mut self) -> anyhow::Result<&mut Daemon> {
        if let Some(daemon) = &mut self.daemon
            && !daemon.is_alive()
        {
            let last = daemon.log().lines().last().unwrap_or_default().to_owned();
            self.wrong.push(format!("the daemon had ended by itself: {last}"));
            self.daemon = None;
        }
        if self.daemon.is_none() {
            self.daemon = Some(self.another(&[])?);
        }
        self.daemon()
    }

    /// Starts the program that dies (`DIE_AT`) or stops (`STOP_AT`) at a point of the code.
    pub fn start_armed(&mut self, setting: &str, point: &str) -> anyhow::Result<&mut Daemon> {
        let log = self.next_log();
        let mut command = self.command(&self.bed.armed, &[]);
        command.env(setting, point);
        self.daemon = Some(Daemon::start(&mut command, &log)?);
        self.daemon()
    }

    /// Starts the released program beside the daemon, if there is one.
    pub fn another(&mut self, arguments: &[&str]) -> anyhow::Result<Daemon> {
        let log = self.next_log();
        Daemon::start(&mut self.command(&self.bed.app, arguments), &log)
    }

    fn next_log(&mut self) -> PathBuf {
        self.logs += 1;
        self.path(&format!("daemon.{}.log", self.logs))
    }

    pub fn daemon(&mut self) -> anyhow::Result<&mut Daemon> {
        self.daemon.as_mut().context("no daemon runs")
    }

    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.daemon.take().map_or(Ok(()), |mut daemon| daemon.kill())
    }

    /// Waits until no file waits, or the daemon has ended; tells whether no file waits.
    pub fn is_idle(&mut self, patience: Duration) -> bool {
        let places = self.places();
        let mut daemon = self.daemon.as_mut();
        let mut is_idle = false;
        until(patience, || {
            is_idle = places.is_idle();
            is_idle || daemon.as_mut().is_some_and(|daemon| !daemon.is_alive())
        });
        is_idle
    }

    /// Lets the daemon finish what there is. What it cannot finish without a restart is wrong.
    pub fn settle(&mut self, patience: Duration) -> anyhow::Result<()> {
        self.start()?;
        // As long as there are fewer and fewer, it is at work.
        let mut left = usize::MAX;
        while !self.is_idle(patience) && self.daemon()?.is_alive() && self.waiting().len() < left {
            left = self.waiting().len();
        }
        if self.places().is_idle() {
            return Ok(());
        }
        if self.daemon()?.is_alive() {
            let waiting = self.waiting();
            let some = waiting[..waiting.len().min(3)].join(", ");
            self.wrong.push(format!("only a restart took up {} files: {some}", waiting.len()));
            self.stop()?;
        }
        self.start()?;
        self.is_idle(PATIENCE);
        let daemon = self.daemon()?;
        ensure!(daemon.is_alive(), "the daemon ends by itself: {}", daemon.log().lines().last().unwrap_or_default());
        Ok(())
    }

    /// Asks the daemon to end.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        // Before that it ends at once, by the system's own doing.
        until(PATIENCE, || !daemon.is_alive() || daemon.says(&["INFO watching"]));
        match daemon.terminate()? {
            None => self.wrong.push("it does not end at SIGTERM".to_owned()),
            Some(status) if status.code() != Some(0) => self.wrong.push(format!("it ended with {status}")),
            Some(_) => {}
        }
        Ok(())
    }

    /// Ends a daemon that may have ended by itself.
    pub fn stop_whatever_it_says(&mut self) -> anyhow::Result<()> {
        self.daemon.take().map_or(Ok(()), |mut daemon| daemon.terminate().map(drop))
    }

    /// From now on the program has no rights but those of the user nobody, who owns its folders.
    pub fn run_as_nobody(&mut self) -> anyhow::Result<()> {
        let owner = "65534:65534";
        let done = Command::new("chown").args(["-R", owner]).arg(self.folder.path()).status()?;
        ensure!(done.success(), "chown failed");
        let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
        let mut reach = Command::new(words[0]);
        reach
            .args(&words[1..])
            .args(["sh", "-c", "test -x \"$0\" && test -w \"$1\""])
            .arg(&self.bed.app)
            .arg(self.folder.path());
        if !reach.status()?.success() {
            return Err(Skipped("the temporary folder lies where other users cannot reach it".to_owned()).into());
        }
        self.wrapper = words.map(str::to_owned).to_vec();
        Ok(())
    }

    /// A file that was in hand at three kills is set aside, as it should be. A person moves it back, whatever was loaded meanwhile.
    fn retry(&mut self) -> anyhow::Result<()> {
        let failed = self.places().failed().into_iter();
        let ended = failed.filter(|(_, why)| why.as_ref().is_some_and(|why| why.starts_with("the program ended")));
        let names: Vec<_> = ended.map(|(name, _)| name).collect();
        for name in &names {
            self.another(&["retry", name, "--older"])?.wait(PATIENCE)?;
        }
        if !names.is_empty() {
            self.notes.push(format!("{} set aside after three kills, and moved back by app retry", names.len()));
            self.settle(PATIENCE)?;
        }
        Ok(())
    }

    /// Settles, stops, and counts.
    pub fn finish(mut self) -> anyhow::Result<Row> {
        self.settle(PATIENCE)?;
        self.retry()?;
        self.stop()?;
        let log = self.log();
        let mut row = account(self.engine, &self.url, &self.dropped, &self.places(), &log)?;
        row.times = self.times;
        row.wrong.append(&mut self.wrong);
        row.notes.append(&mut self.notes);
        let panics = log.lines().zip(log.lines().skip(1)).filter(|(line, _)| line.contains("panicked at"));
        // Only a fault that is made up can do this: the runtime's own wake-up is a write that does not fail.
        // Whoever held a lock meanwhile leaves it poisoned.
        const WAKE: &str = "failed to wake I/O driver";
        let follows = |line: &str, why: &str| {
            log.contains(WAKE) && (why.contains("PoisonError") || line.contains("core/src/panicking.rs"))
        };
        let panics = panics.filter(|(line, why)| !why.contains(WAKE) && !follows(line, why));
        row.wrong.extend(panics.map(|(line, why)| format!("{line} {why}")));
        row.said = said(&log);
        let left = std::fs::read_dir(self.path("tmp"))?.count();
        if left > 0 {
            row.notes.push(format!("{left} temporary files left behind"));
        }
        if self.bed.options.keep && !(row.lost.is_empty() && row.wrong.is_empty() && row.twice == 0) {
            self.folder.disable_cleanup(true);
            eprintln!("kept: {}", self.folder.path().display());
        }
        Ok(row)
    }

    /// What all daemons said.
    pub fn log(&self) -> String {
        let log = |number| std::fs::read(self.path(&format!("daemon.{number}.log"))).unwrap_or_default();
        (1..=self.logs).map(|number| String::from_utf8_lossy(&log(number)).into_owned()).collect()
    }
}

/// Warnings and errors without what differs from one to the next, the most frequent first.
fn said(log: &str) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let is_loud = |line: &&str| line.contains(" WARN ") || line.contains("ERROR ") || line.starts_with("error:");
    // What is said of files that are meant to be bad says nothing of the fault.
    let lines = log.lines().filter(is_loud).filter(|line| !line.contains(" bad."));
    for line in lines {
        let text = line.split_once("WARN ").or_else(|| line.split_once("ERROR ")).map_or(line, |(_, text)| text);
        let words = text
            .split(' ')
            .filter(|word| !word.contains('='))
            .map(|word| if word.bytes().any(|byte| byte.is_ascii_digit()) { "…" } else { word });
        *counts.entry(words.collect::<Vec<_>>().join(" ")).or_default() += 1;
    }
    let mut lines: Vec<_> = counts.into_iter().collect();
    lines.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    lines.into_iter().map(|(line, count)| if count > 1 { format!("{line} (×{count})") } else { line }).collect()
}
