//! Two users on one `imports/`: it is sticky and its group may write, the program is one user, and another one of the group plants,
//! links, swaps and renames as fast as it can while a third drops good files. Those are loaded once, nothing of the program's user is
//! touched or read, and the log stays short.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, RenameFlags, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::bed::{Bed, Engine, needs_root};
use crate::daemon::{PATIENCE, until};
use crate::hostile::{HELD_UP, MEMORY};
use crate::make::Kind;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault, sql};

pub const FAULTS: &[Fault] = &[Fault {
    name: "two-users",
    about: "another user plants, links, swaps and renames in a sticky imports/, while a third drops good files",
    engines: BOTH,
    run: two_users,
}];

const MALLORY: u32 = 60_121;
const HONEST: u32 = 60_122;
/// The group of both.
const DROP: u32 = 60_123;

/// What the intruder's files are called: all of one table.
const NAMES: [&str; 8] =
    ["evil.csv", "evil.1.csv", "evil.2.csv", "evil.jsonl", "evil.zip", "evil.csv.gz", "evil.xlsx", ".error.json"];

/// What only the program's user may read.
const SECRET: &str = "the-user's-own";

/// Log for each second of the attack, in bytes: what is taken is named, and what is left where it lies is named once a name.
const LOG_A_SECOND: usize = 256 << 10;

fn two_users(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    needs_root("being several users")?;
    let mut site = Site::new(bed, engine)?;
    let home = site.path("home");
    fs::create_dir(&home)?;
    fs::write(home.join("own.csv"), format!("id,word\n1,{SECRET}\n"))?;
    fs::write(home.join(".profile"), SECRET)?;
    for name in [".profile", "own.csv"] {
        fs::set_permissions(home.join(name), Permissions::from_mode(0o600))?;
    }
    site.run_as_nobody()?;
    chown(&site.imports, None, Some(DROP))?;
    fs::set_permissions(&site.imports, Permissions::from_mode(0o3770))?;
    let before = listing(&home)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    fs::write(site.imports.join("evil.csv"), "id,word\n0,first\n")?;
    site.settle(PATIENCE)?;
    let told = site.log().len();

    let seconds = bed.options.times(6, 120) as u64;
    let intruder = Intruder {
        imports: site.imports.clone(),
        home: home.clone(),
        ends: AtomicBool::new(false),
        deeds: AtomicUsize::new(0),
        breaches: Mutex::default(),
    };
    let slowest = std::thread::scope(|scope| {
        for seed in 0..2 {
            let (intruder, seed) = (&intruder, bed.options.seed + seed);
            scope.spawn(move || intruder.attack(seed));
        }
        let slowest = drop_good_files(&mut site, Duration::from_secs(seconds));
        intruder.ends.store(true, Ordering::SeqCst);
        slowest
    })?;
    site.wrong.append(&mut intruder.breaches.into_inner().unwrap());
    let log = site.log().len() - told;
    let deeds = intruder.deeds.into_inner();
    let peak = site.daemon()?.memory().map_or(0, |(_, peak)| peak);
    site.notes.push(format!(
        "{deeds} deeds in {seconds} s; log {} KiB; peak memory {peak} MiB; the slowest good file took {slowest:.1} s",
        log >> 10
    ));
    if log > LOG_A_SECOND * seconds as usize {
        site.wrong.push(format!("{log} bytes of log"));
    }
    if peak > MEMORY {
        site.wrong.push(format!("peak memory {peak} MiB, more than {MEMORY}"));
    }
    if slowest > HELD_UP {
        site.wrong.push(format!("a good file was held up for {slowest:.0} s"));
    }
    // What the intruder has left there waits for nobody.
    for entry in fs::read_dir(&site.imports)?.flatten() {
        if entry.metadata().is_ok_and(|metadata| metadata.uid() == MALLORY) {
            let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
        }
    }
    site.settle(PATIENCE)?;
    if listing(&home)? != before {
        site.wrong.push("what belongs to the program's user was touched".to_owned());
    }
    for (table, column) in [(engine.staging("evil"), "word"), (engine.catalog("reject"), "text")] {
        let read = format!("select count(*) from {table} where {column} like '%user''s-own%'");
        if sql::number(&site.url, &read)? > 0 {
            site.wrong.push(format!("{table} has what only the program's user may read"));
        }
    }
    if site.log().contains(SECRET) {
        site.wrong.push("the log has what only the program's user may read".to_owned());
    }
    site.times = deeds;
    site.finish()
}

/// Files of somebody else's, for so long; gives the seconds that the slowest took.
fn drop_good_files(site: &mut Site<'_>, how_long: Duration) -> anyhow::Result<f64> {
    let (end, mut slowest) = (Instant::now() + how_long, Duration::ZERO);
    while Instant::now() < end {
        let mut name = String::new();
        for (stem, kind) in [("rows", Kind::Csv), ("keyed", Kind::Csv), ("again", Kind::Json), ("rows", Kind::Zip)] {
            let bytes;
            (name, bytes) = site.prepare(stem, kind, 100)?;
            let hidden = site.imports.join(format!(".{name}"));
            fs::write(&hidden, bytes)?;
            chown(&hidden, Some(HONEST), Some(DROP))?;
            fs::rename(hidden, site.imports.join(&name))?;
        }
        let dropped = Instant::now();
        until(PATIENCE, || !site.waiting().contains(&name));
        slowest = slowest.max(dropped.elapsed());
    }
    Ok(slowest.as_secs_f64())
}

/// Mode, owner, links, time of the last change, content.
type Entry = (u32, u32, u64, i64, Vec<u8>);

/// Everything in a folder.
fn listing(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, Entry>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let of = fs::symlink_metadata(&path)?;
        let content = fs::read(&path).unwrap_or_default();
        all.insert(path, (of.mode(), of.uid(), of.nlink(), of.ctime_nsec(), content));
    }
    Ok(all)
}

struct Intruder {
    imports: PathBuf,
    /// Of the program's user.
    home: PathBuf,
    ends: AtomicBool,
    /// System calls that changed something.
    deeds: AtomicUsize,
    /// What must not have succeeded.
    breaches: Mutex<Vec<String>>,
}

impl Intruder {
    /// The thread becomes another user, as on Linux each may be, and does what chance says.
    fn attack(&self, seed: u64) {
        let (uid, gid) = (Uid::from_raw(MALLORY), Gid::from_raw(DROP));
        set_thread_groups(&[]).expect("root may");
        set_thread_res_gid(gid, gid, gid).expect("root may");
        set_thread_res_uid(uid, uid, uid).expect("root may");
        let (mut chance, mut open) = (fastrand::Rng::with_seed(seed), Vec::new());
        let own = format!(".own.{seed}.part");
        for turn in 0.. {
            if self.ends.load(Ordering::SeqCst) {
                return;
            }
            let done = self.plant(&mut chance, &own, &mut open);
            self.deeds.fetch_add(usize::from(done.is_ok()), Ordering::SeqCst);
            if turn % 50 == 0 {
                self.reach();
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// What anybody who may write there can do.
    fn plant(&self, chance: &mut fastrand::Rng, own: &str, open: &mut Vec<File>) -> std::io::Result<()> {
        let hidden = self.imports.join(own);
        let mut name = || self.imports.join(NAMES[chance.usize(..NAMES.len())]);
        let (name, other) = (name(), name());
        let _ = fs::remove_file(&hidden).or_else(|_| fs::remove_dir(&hidden));
        match chance.u8(..12) {
            // Most of what is there gives way to what is not a file.
            0 => {
                let mut file = File::create(&hidden)?;
                write!(file, "id,word\n{},planted\n", chance.u32(..1000))?;
                open.truncate(20);
                open.insert(0, file);
            }
            1 => symlink(self.home.join("own.csv"), &hidden)?,
            2 => symlink("../home/.profile", &hidden)?,
            3 => symlink(&self.home, &hidden)?,
            4 => rustix::fs::mknodat(CWD, &hidden, FileType::Fifo, Mode::from_raw_mode(0o666), 0)?,
            5 => fs::create_dir(&hidden)?,
            6 => fs::hard_link(&other, &hidden)?,
            7 => return Ok(rustix::fs::renameat_with(CWD, &name, CWD, &other, RenameFlags::EXCHANGE)?),
            8 => return fs::rename(name, other),
            9 => return fs::remove_file(&name).or_else(|_| fs::remove_dir(&name)),
            10 => return fs::set_permissions(name, Permissions::from_mode(chance.u32(..0o1000))),
            // Writes on in what may be in the program's hands.
            _ => {
                let Some(file) = open.get_mut(chance.usize(..20)) else { return Ok(()) };
                if chance.bool() {
                    file.set_len(chance.u64(..20))?;
                }
                return writeln!(file, "{},written on", chance.u32(..1000));
            }
        }
        let taken = fs::rename(&hidden, &name);
        taken.or_else(|_| Ok(rustix::fs::renameat_with(CWD, &hidden, CWD, &name, RenameFlags::EXCHANGE)?))
    }

    /// What must be refused, whoever tries it.
    fn reach(&self) {
        let mut breaches = Vec::new();
        let mut tried = |what: &str, path: &Path, done: bool| {
            if done {
                breaches.push(format!("the intruder could {what} {}", path.display()));
            }
        };
        let path = |name: &str| self.imports.join(name);
        for folder in [path(".sluice"), path("failed")] {
            if !folder.exists() {
                continue;
            }
            tried("rename", &folder, fs::rename(&folder, path(".gone")).is_ok());
            tried(
                "write into",
                &folder,
                symlink(self.home.join(".profile"), folder.join("evil.csv.error.json")).is_ok(),
            );
            for inner in fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                tried("rename", &inner, fs::rename(&inner, path(".gone")).is_ok());
                // A file that failed is still its owner's.
                let is_own = fs::symlink_metadata(&inner).is_ok_and(|metadata| metadata.uid() == MALLORY);
                tried("change", &inner, !is_own && fs::OpenOptions::new().write(true).open(&inner).is_ok());
                tried("write into", &inner, File::create(inner.join("state.json")).is_ok());
            }
        }
        for good in fs::read_dir(&self.imports).into_iter().flatten().flatten() {
            if good.metadata().is_ok_and(|metadata| metadata.uid() == HONEST) {
                let (good, link) = (good.path(), path(".link"));
                tried("delete", &good, fs::remove_file(&good).is_ok());
                let exchanged = File::create(path(".new")).is_ok()
                    && rustix::fs::renameat_with(CWD, path(".new"), CWD, &good, RenameFlags::EXCHANGE).is_ok();
                tried("replace", &good, exchanged);
                tried("move", &good, fs::rename(&good, &link).is_ok());
                tried("change", &good, fs::OpenOptions::new().write(true).open(&good).is_ok());
            }
        }
        let victim = self.home.join("own.csv");
        let linked = rustix::fs::linkat(CWD, &victim, CWD, path(".link"), AtFlags::empty()).is_ok();
        tried("link", &victim, linked);
        self.breaches.lock().unwrap().append(&mut breaches);
    }
}
