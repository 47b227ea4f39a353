//! Files that change while they are loaded: cut short, written on, replaced by their next version.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use crate::bed::{Bed, Engine};
use crate::books::Expect;
use crate::daemon::PATIENCE;
use crate::make::{Kind, ROWS_MAX, csv};
use crate::places::find;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "cut-short",
        about: "a file is cut to half its length while it is read",
        engines: BOTH,
        run: cut_short,
    },
    Fault {
        name: "written-on",
        about: "somebody writes on in a file after it was claimed",
        engines: BOTH,
        run: written_on,
    },
    Fault {
        name: "writer-stays",
        about: "a file is renamed in while its writer still has it open, and writes on later",
        engines: BOTH,
        run: writer_stays,
    },
    Fault {
        name: "next-version",
        about: "version 2 is renamed over the name while version 1 loads",
        engines: BOTH,
        run: next_version,
    },
];

const ROWS: u64 = 200_000;

fn cut_short(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    for round in 0..bed.options.times(2, 20) as u64 {
        let (name, bytes) = site.prepare("rows", Kind::Csv, ROWS)?;
        let keep = ROWS / 2;
        let number = site.last().number;
        let end = format!("\n{},", number * ROWS_MAX + keep);
        let at = bytes.windows(end.len()).position(|window| window == end.as_bytes()).unwrap_or_default() + 1;
        site.rename_in(&name, &bytes)?;
        site.start()?.wait_for(&["INFO loading", &name], PATIENCE)?;
        std::thread::sleep(Duration::from_millis(bed.chance(40) * round));
        if let Some(path) = find(&site.imports, &name) {
            OpenOptions::new().write(true).open(path)?.set_len(at as u64)?;
            // Loaded before it was cut, it has all of its rows.
            site.last().or_fewer = Some(keep);
        }
        site.settle(PATIENCE)?;
        site.times += 1;
    }
    site.finish()
}

fn written_on(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    for round in 0..bed.options.times(3, 20) as u64 {
        let (name, _) = site.prepare("rows", Kind::Csv, ROWS + 10)?;
        let number = site.last().number;
        let (text, more) = parts_of(number);
        let outside = site.path("outside");
        std::fs::write(&outside, text)?;
        // It is not open for writing when it is claimed, but can be opened again whatever it is called then.
        let held = std::fs::File::open(&outside)?;
        std::fs::rename(&outside, site.imports.join(&name))?;
        site.start()?.wait_for(&["INFO loading", &name], PATIENCE)?;
        std::thread::sleep(Duration::from_millis(bed.chance(60) * round));
        let again = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&held));
        // What is written into a file that is deleted already is nobody's.
        if held.metadata()?.nlink() > 0
            && let Ok(mut file) = OpenOptions::new().append(true).open(again)
        {
            file.write_all(more.as_bytes())?;
            // Between the commit and the delete nothing can be done but to say so.
            site.last().expect = Expect::RowsOrNamed;
            // It may have been deleted while it was opened.
            if held.metadata()?.nlink() == 0 {
                site.last().or_fewer = Some(ROWS);
            }
        } else {
            site.last().rows = ROWS;
        }
        site.settle(PATIENCE)?;
        site.times += 1;
    }
    site.finish()
}

fn writer_stays(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for _ in 0..bed.options.times(1, 10) {
        let (name, _) = site.prepare("rows", Kind::Csv, ROWS + 10)?;
        let (text, more) = parts_of(site.last().number);
        let outside = site.path("outside");
        let mut file = std::fs::File::create(&outside)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&outside, site.imports.join(&name))?;
        std::thread::sleep(Duration::from_millis(1500));
        file.write_all(more.as_bytes())?;
        drop(file);
        site.settle(PATIENCE)?;
        site.times += 1;
    }
    site.finish()
}

/// A file in two parts.
fn parts_of(number: u64) -> (String, String) {
    let whole = csv(number, ROWS + 10);
    let at = whole.match_indices('\n').nth(ROWS as usize).map_or(whole.len(), |(at, _)| at + 1);
    (whole[..at].to_owned(), whole[at..].to_owned())
}

fn next_version(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for round in 0..bed.options.times(2, 20) as u64 {
        let first = site.drop("rows", Kind::Csv, 50_000)?;
        site.daemon()?.wait_for(&["INFO loading", &first], PATIENCE)?;
        for _ in 0..3 {
            // Other rows under the same name, before, while and after the first are committed.
            let (_, bytes) = site.prepare("rows", Kind::Csv, 500)?;
            site.last().file.clone_from(&first);
            site.is_free(&first, PATIENCE);
            site.rename_in(&first, &bytes)?;
            std::thread::sleep(Duration::from_millis(bed.chance(80) * (round + 1)));
        }
        site.settle(PATIENCE)?;
        site.times += 1;
    }
    site.finish()
}
