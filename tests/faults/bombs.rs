//! Small files that would cost their reader much more than they are long, as many as there are places, beside good ones: the program
//! lives, the good ones are not held up, and each bomb ends in the ledger or in `failed/`.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::bed::{Bed, Engine};
use crate::daemon::{PATIENCE, until};
use crate::hostile::{HELD_UP, MEMORY};
use crate::make::Kind;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[Fault {
    name: "bombs-beside-good-files",
    about: "JSON whose keys multiply, nest or never end, on every place at once, beside ten good files",
    engines: BOTH,
    run: bombs,
}];

/// Copies of each bomb: together they are more than the files that are in hand at once.
const COPIES: u64 = 5;

fn bombs(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.drop("rows", Kind::Csv, 500)?;
    site.settle(PATIENCE)?;
    for _ in 0..COPIES {
        for (name, text) in [
            ("wide", one_wide_record_over_many_narrow_ones()),
            ("prefixed", one_long_key_over_many()),
            ("keys", format!("{{{}}}", keys(200_000))),
            ("open", "{\"a\":{\"b\":1}\n".repeat(40_000)),
            ("arrays", "[".repeat(500_000)),
        ] {
            let number = site.number();
            site.refuse(&format!("{name}.{number}.jsonl"), text.as_bytes())?;
        }
    }
    let (started, mut slowest) = (Instant::now(), Duration::ZERO);
    for _ in 0..10 {
        let file = site.drop("rows", Kind::Csv, 500)?;
        let dropped = Instant::now();
        site.start()?;
        until(PATIENCE, || !site.waiting().contains(&file));
        slowest = slowest.max(dropped.elapsed());
    }
    site.is_idle(PATIENCE * 2);
    let peak = site.daemon()?.memory().map_or(0, |(_, peak)| peak);
    let (slowest, all) = (slowest.as_secs_f64(), started.elapsed().as_secs_f64());
    site.notes.push(format!("peak memory {peak} MiB; the slowest good file took {slowest:.1} s; all {all:.0} s"));
    if peak > MEMORY {
        site.wrong.push(format!("peak memory {peak} MiB, more than {MEMORY}"));
    }
    if slowest > HELD_UP {
        site.wrong.push(format!("a good file was held up for {slowest:.0} s"));
    }
    site.times = site.dropped.len();
    site.finish()
}

/// `"k0":1,"k1":1` and so on.
fn keys(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        let _ = write!(text, "{}\"k{n}\":1", if n > 0 { "," } else { "" }); // Text takes what is written.
        text
    })
}

fn one_wide_record_over_many_narrow_ones() -> String {
    format!("{{{}}}\n{}", keys(50_000), "{\"k1\":1}\n".repeat(60_000))
}

fn one_long_key_over_many() -> String {
    format!("{{\"{}\":{{{}}}}}\n", "A".repeat(1 << 20), keys(20_000))
}
