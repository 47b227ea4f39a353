//! What may happen to the folders: no rights, gone and made again, on other disks, full, unmounted.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::bed::{Bed, Engine, needs, needs_root};
use crate::daemon::{PATIENCE, until};
use crate::kills::drop_some;
use crate::make::Kind;
use crate::mount::Mount;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "permission-denied",
        about: "a file that the program's user may not read, then a folder that it may not write, for a while",
        engines: BOTH,
        run: permission_denied,
    },
    Fault {
        name: "folder-made-again",
        about: "imports/ is removed and made again while the daemon runs",
        engines: BOTH,
        run: made_again,
    },
    Fault {
        name: "other-file-systems",
        about: "imports/, exports/, archive/ each on a disk of its own",
        engines: BOTH,
        run: other_file_systems,
    },
    Fault {
        name: "exports-and-logs-full",
        about: "exports/ and logs/ on a full disk",
        engines: BOTH,
        run: exports_full,
    },
    Fault {
        name: "imports-full",
        about: "imports/ on a full disk: nothing can be moved into .sluice/ or failed/",
        engines: BOTH,
        run: imports_full,
    },
    Fault {
        name: "imports-unmounted",
        about: "imports/ is unmounted while the daemon runs, and mounted again",
        engines: BOTH,
        run: unmounted,
    },
    Fault {
        name: "many-files",
        about: "5,000 files at once (50,000 in the long form), more than the system has events for",
        engines: BOTH,
        run: many_files,
    },
    Fault { name: "few-descriptors", about: "64 open files at most", engines: BOTH, run: few_descriptors },
    Fault {
        name: "clock-set-back",
        about: "the clock goes back a day, and forth, while files arrive",
        engines: BOTH,
        run: clock_set_back,
    },
];

fn permission_denied(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    needs_root("running the program as another user")?;
    needs("setpriv", "util-linux")?;
    let mut site = Site::new(bed, engine)?;
    site.run_as_nobody()?;
    // A person finds it there.
    site.may_fail = true;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    let (name, bytes) = site.prepare("rows", Kind::Csv, 500)?;
    let outside = site.path("outside");
    std::fs::write(&outside, bytes)?;
    std::fs::set_permissions(&outside, PermissionsExt::from_mode(0o000))?;
    std::fs::rename(&outside, site.imports.join(&name))?;
    site.drop("rows", Kind::Csv, 500)?;
    std::thread::sleep(Duration::from_secs(2));
    for folder in [site.imports.clone(), site.imports.join(".sluice")] {
        let path = folder.join(&name);
        let claimed = find(&folder, &name).unwrap_or(path);
        let _ = std::fs::set_permissions(&claimed, PermissionsExt::from_mode(0o644));
    }
    site.may_fail = false;
    let modes: &[u32] = if bed.options.long { &[0o555, 0o000] } else { &[0o555] };
    for mode in modes.iter().copied() {
        site.drop("rows", Kind::Csv, 200_000)?;
        std::fs::set_permissions(&site.imports, PermissionsExt::from_mode(mode))?;
        for _ in 0..5 {
            site.drop("rows", Kind::Csv, 500)?;
            site.copy("kept", Kind::Csv, 500)?;
        }
        std::thread::sleep(Duration::from_secs(2));
        std::fs::set_permissions(&site.imports, PermissionsExt::from_mode(0o755))?;
        // A look every minute finds them.
        site.settle(PATIENCE + Duration::from_secs(10))?;
        site.times += 1;
    }
    site.finish()
}

/// A file of that name somewhere below.
pub fn find(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { find(&path, name) } else { (entry.file_name() == *name).then_some(path) }
    })
}

fn made_again(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    let started = Instant::now();
    for _ in 0..bed.options.times(1, 5) {
        site.drop("rows", Kind::Csv, 500)?;
        ensure!(site.is_idle(PATIENCE), "it does not load");
        // The program may write its state meanwhile.
        let is_gone = until(PATIENCE, || std::fs::remove_dir_all(&site.imports).is_ok() || !site.imports.exists());
        ensure!(is_gone, "imports/ cannot be removed");
        std::thread::sleep(Duration::from_millis(1500));
        std::fs::create_dir(&site.imports)?;
        for _ in 0..5 {
            site.drop("rows", Kind::Csv, 500)?;
        }
        site.settle(PATIENCE + Duration::from_secs(10))?;
        site.times += 1;
    }
    site.notes.push(format!("taken up again after {:.0} s", started.elapsed().as_secs_f64()));
    site.finish()
}

fn other_file_systems(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let (imports, exports, archive) = (Mount::new(bed, 32)?, Mount::new(bed, 16)?, Mount::new(bed, 32)?);
    let mut site = Site::new(bed, engine)?;
    site.imports = imports.path.clone();
    site.keep_in(&archive.path)?;
    site.set("IMPORTS_DIR", imports.path.clone());
    site.set("EXPORTS_DIR", exports.path.clone());
    for _ in 0..bed.options.times(5, 50) {
        drop_some(&mut site, 6)?;
        site.drop("kept", Kind::Csv, 500)?;
        site.start()?;
        std::thread::sleep(Duration::from_millis(bed.chance(600)));
        site.kill()?;
        site.times += 1;
    }
    site.settle(PATIENCE)?;
    site.finish()
}

/// A file with rows that are loaded and one that is refused.
fn drop_with_reject(site: &mut Site<'_>) -> anyhow::Result<()> {
    let (name, mut bytes) = site.prepare("rows", Kind::Csv, 500)?;
    bytes.extend_from_slice(b"x,\0,y\n");
    site.rename_in(&name, &bytes)
}

fn exports_full(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let disk = Mount::new(bed, 16)?;
    let mut site = Site::new(bed, engine)?;
    for (setting, name) in [("EXPORTS_DIR", "exports"), ("LOGS_DIR", "logs")] {
        std::fs::create_dir(disk.path.join(name))?;
        site.set(setting, disk.path.join(name));
    }
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    disk.fill(0)?;
    for _ in 0..5 {
        drop_with_reject(&mut site)?;
        site.drop("rows", Kind::Csv, 500)?;
    }
    site.drop("rows", Kind::Bad(0), 0)?;
    std::thread::sleep(Duration::from_secs(2));
    let waiting = site.waiting().len();
    site.notes.push(format!("{waiting} of 11 files waited while the disk was full"));
    disk.free()?;
    site.settle(PATIENCE)?;
    site.times = 1;
    site.finish()
}

fn imports_full(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let disk = Mount::new(bed, 16)?;
    let mut site = Site::new(bed, engine)?;
    site.imports = disk.path.join("imports");
    std::fs::create_dir(&site.imports)?;
    site.set("IMPORTS_DIR", site.imports.clone());
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    // Written where nobody looks, on the same disk, and renamed in when it is full.
    let imports = std::mem::replace(&mut site.imports, disk.path.join("outside"));
    std::fs::create_dir(&site.imports)?;
    for _ in 0..10 {
        site.drop("rows", Kind::Csv, 500)?;
        drop_with_reject(&mut site)?;
        site.drop("rows", Kind::Bad(3), 0)?;
        site.drop("rows", Kind::Bad(0), 0)?;
    }
    let outside = std::mem::replace(&mut site.imports, imports);
    disk.fill(0)?;
    for file in std::fs::read_dir(outside)?.flatten() {
        std::fs::rename(file.path(), site.imports.join(file.file_name()))?;
    }
    std::thread::sleep(Duration::from_secs(3));
    disk.free()?;
    // A look every minute finds them.
    site.settle(PATIENCE + Duration::from_secs(10))?;
    site.times = 1;
    site.finish()
}

fn unmounted(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let disk = Mount::new(bed, 64)?;
    let mut site = Site::new(bed, engine)?;
    site.imports = disk.path.clone();
    site.set("IMPORTS_DIR", disk.path.clone());
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for round in 0..bed.options.times(1, 5) {
        let big = site.drop("rows", Kind::Csv, 200_000)?;
        if round % 2 == 0 {
            site.daemon()?.wait_for(&["INFO loading", &big], PATIENCE)?;
        }
        disk.unmount()?;
        std::thread::sleep(Duration::from_secs(2));
        disk.mount()?;
        let started = Instant::now();
        for _ in 0..5 {
            site.drop("rows", Kind::Csv, 500)?;
        }
        site.settle(PATIENCE + Duration::from_secs(10))?;
        site.notes.push(format!("taken up again after {:.0} s", started.elapsed().as_secs_f64()));
        site.times += 1;
    }
    site.finish()
}

fn many_files(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    // The setting is the whole system's.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    const QUEUE: &str = "/proc/sys/fs/inotify/max_queued_events";
    let turn = ONE_AT_A_TIME.lock().unwrap();
    let before = std::fs::read_to_string(QUEUE)?;
    // So that the queue overflows for certain; where it may not be set, there are many files all the same.
    let was_set = std::fs::write(QUEUE, "64").is_ok();
    let mut site = Site::new(bed, engine)?;
    let watching = site.start().and_then(|daemon| daemon.wait_for(&["INFO watching"], PATIENCE));
    if was_set {
        std::fs::write(QUEUE, before)?;
    }
    drop(turn);
    watching?;
    let (files, started) = (bed.options.times(5000, 50_000), Instant::now());
    for _ in 0..files {
        site.drop("rows", Kind::Csv, 5)?;
    }
    site.settle(Duration::from_secs(600))?;
    let overflow = if was_set { "with a queue of 64 events" } else { "the queue of events could not be made smaller" };
    site.notes.push(format!("{files} files in {:.0} s, {overflow}", started.elapsed().as_secs_f64()));
    site.times = 1;
    site.finish()
}

fn few_descriptors(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.wrapper = ["sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""].map(str::to_owned).to_vec();
    for _ in 0..bed.options.times(10, 100) {
        drop_some(&mut site, 10)?;
        site.start()?;
        site.times += 1;
    }
    site.settle(PATIENCE)?;
    site.finish()
}

fn clock_set_back(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    needs("faketime", "faketime")?;
    let found = Command::new("sh")
        .args(["-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/lib*/faketime/libfaketimeMT.so.1"])
        .output()?;
    let library = String::from_utf8_lossy(&found.stdout).lines().next().unwrap_or_default().to_owned();
    ensure!(!library.is_empty(), "no libfaketimeMT.so.1");
    let mut site = Site::new(bed, engine)?;
    let clock = site.path("clock");
    std::fs::write(&clock, "+0\n")?;
    site.set("LD_PRELOAD", library);
    site.set("FAKETIME_TIMESTAMP_FILE", clock.clone());
    site.set("FAKETIME_NO_CACHE", "1");
    site.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    for offset in ["+0", "-1d", "-3650d", "+1d", "+0"] {
        // Written in its place, so that it is never empty.
        std::fs::write(site.path("clock.new"), format!("{offset}\n"))?;
        std::fs::rename(site.path("clock.new"), &clock)?;
        for _ in 0..bed.options.times(3, 20) {
            drop_some(&mut site, 4)?;
            site.copy("rows", Kind::Csv, 500)?;
        }
        site.settle(PATIENCE)?;
        if offset == "-3650d" {
            site.kill()?;
        }
        site.times += 1;
    }
    site.finish()
}
