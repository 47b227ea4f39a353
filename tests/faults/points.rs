//! `kill -9` at every point of the path that the code names, in every mode of loading.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::bed::{Bed, Engine};
use crate::daemon::{PATIENCE, until};
use crate::make::Kind;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[Fault {
    name: "killed-at-point",
    about: "kill -9 at each failpoint of the path: append, upsert, replace, duplicates: load, archive, zip, and a file that fails",
    engines: BOTH,
    run: killed_at_point,
}];

/// How a file is loaded: its name's beginning, its kind, and at which of several passes the program dies.
const WAYS: [(&str, Kind, usize); 8] = [
    ("rows", Kind::Csv, 1),
    ("keyed", Kind::Csv, 1),
    ("whole", Kind::Csv, 1),
    ("again", Kind::Csv, 1),
    ("kept", Kind::Csv, 1),
    ("rows", Kind::Zip, 2),
    ("again", Kind::Zip, 2),
    // One that goes to `failed/`.
    ("rows", Kind::Bad(0), 1),
];

/// The points that the code names, in no order: what is added there is done to here.
pub fn points() -> anyhow::Result<Vec<String>> {
    let mut points = Vec::new();
    find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut points)?;
    points.sort();
    points.dedup();
    Ok(points)
}

fn find(folder: &Path, points: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, points)?;
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        points.extend(text.split("fail_point!(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    Ok(())
}

fn killed_at_point(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    let points = points()?;
    let rounds = bed.options.times(1, 5);
    let mut reached = vec![false; points.len()];
    for _ in 0..rounds {
        for (point, reached) in points.iter().zip(&mut reached) {
            for (stem, kind, pass) in WAYS {
                let rows = if kind == Kind::Zip { 300 } else { 2000 };
                // Some points are passed once for each part, some once for each file.
                for pass in (1..=pass).rev() {
                    let file = site.drop(stem, kind, rows)?;
                    let daemon = site.start_armed("DIE_AT", &format!("{point}:{pass}"))?;
                    until(PATIENCE, || {
                        let is_done = [" loaded ", ": moved, with the reason beside it"]
                            .iter()
                            .any(|word| daemon.says(&[word, &file]));
                        is_done || !daemon.is_alive()
                    });
                    // It says that it loaded before it deletes.
                    let died = until(Duration::from_millis(1500), || !daemon.is_alive());
                    site.kill()?;
                    site.settle(PATIENCE)?;
                    site.stop()?;
                    if died {
                        *reached = true;
                        site.times += 1;
                        break;
                    }
                }
            }
        }
    }
    let missed: Vec<_> =
        points.iter().zip(reached).filter(|(_, reached)| !reached).map(|(point, _)| point.as_str()).collect();
    if !missed.is_empty() {
        site.wrong.push(format!("no way of loading comes by {}", missed.join(", ")));
    }
    site.finish()
}
