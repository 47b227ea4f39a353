//! The progress of long loads: on a terminal by a bar each, in the log by a line every ten seconds.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::text::shown::shown;

/// The age at which a load gets a bar: shorter ones would only flicker.
pub(crate) const SHORT: Duration = Duration::from_millis(500);

/// The interval of lines in the log.
pub(super) const LINE: Duration = Duration::from_secs(10);

/// Signs of a name beside a bar.
const NAME: usize = 40;

/// The target of the lines in the log.
pub const TARGET: &str = "sluice::telemetry::progress";

/// The bars of the process, like its terminal.
pub(super) static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// The files in hand, one map for the process like its bars.
static RUNNING: Mutex<BTreeMap<u64, Running>> = Mutex::new(BTreeMap::new());

/// The step that a file in hand is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStep {
    /// Its parts are looked for: a workbook is decoded, an archive's contents are listed.
    Opening,
    /// Its first pass, for its types and its hash.
    FirstPass,
    /// A wait for its turn: for another file, or for an earlier load into its table.
    Waiting,
    /// A wait for the database to take it.
    Database,
    /// Its rows go into the table.
    Loading,
}

/// A file in hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// The name of the file.
    pub file: String,
    /// The load's number in the ledger; `None` before it has one.
    pub load: Option<i64>,
    /// The step that it is at.
    pub step: FileStep,
    /// The file that it waits for.
    pub waits_for: Option<String>,
    /// The holders of the lock that it waits for, in words.
    #[serde(default)]
    pub held_by: Option<String>,
    /// The time at which it was taken, or of its first rows.
    pub started: DateTime<Utc>,
    /// The bytes so far.
    pub bytes: u64,
    /// The bytes in all.
    pub bytes_total: u64,
    /// The rows so far.
    pub rows: u64,
    /// The rows per second, on average.
    pub rows_per_second: u64,
}

/// Returns the files in hand, the first to begin first.
pub fn running() -> Vec<Running> {
    let all: Vec<_> = lock().values().cloned().collect();
    let is_loaded = |file: &str| all.iter().any(|one| one.load.is_some() && one.file == file);
    all.iter().filter(|one| one.load.is_some() || !is_loaded(&one.file)).cloned().collect()
}

/// Adds an entry; returns its key.
fn enter(one: Running) -> u64 {
    let mut running = lock();
    let number = running.last_key_value().map_or(0, |(last, _)| last + 1);
    running.insert(number, one);
    number
}

/// Notes who holds the lock that a file's statement waits for; `None` ends the wait.
pub(crate) fn held_by(file: &str, holders: Option<&str>) {
    for one in lock().values_mut().filter(|one| one.file == file) {
        one.held_by = holders.map(str::to_owned);
    }
}

/// A file in hand that has no load's number yet, until this is dropped.
pub(crate) struct Stage(u64);

impl Stage {
    /// Begins a file's, or a part's, way at this step.
    pub(crate) fn new(file: &str, step: FileStep) -> Stage {
        Stage(enter(Running {
            file: file.to_owned(),
            load: None,
            step,
            waits_for: None,
            held_by: None,
            started: Utc::now(),
            bytes: 0,
            bytes_total: 0,
            rows: 0,
            rows_per_second: 0,
        }))
    }

    /// Goes on to another step.
    pub(crate) fn at(&self, step: FileStep) {
        self.set(step, None);
    }

    /// Waits for the end of another file.
    pub(crate) fn waits_for(&self, other: &str) {
        self.set(FileStep::Waiting, Some(other.to_owned()));
    }

    fn set(&self, step: FileStep, waits_for: Option<String>) {
        if let Some(this) = lock().get_mut(&self.0) {
            (this.step, this.waits_for) = (step, waits_for);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        lock().remove(&self.0);
    }
}

fn lock() -> MutexGuard<'static, BTreeMap<u64, Running>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows bars for loads from now on, on standard error.
pub fn show_bars() {
    BARS.get_or_init(MultiProgress::new);
}

/// Writes lines above the bars, if there are any.
pub struct Above<W>(pub W);

impl<W: Write> Write for Above<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match BARS.get() {
            Some(bars) => bars.suspend(|| self.0.write(text)),
            None => self.0.write(text),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One load in hand.
pub(crate) struct Progress {
    /// The key among the files in hand.
    number: u64,
    name: String,
    load_id: i64,
    /// The bytes in all.
    total: u64,
    bytes: u64,
    rows: u64,
    started: Instant,
    said: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins a load of so many bytes.
    pub(crate) fn new(name: &str, load_id: i64, total: u64) -> Progress {
        let now = Instant::now();
        let started = Utc::now();
        let number = enter(Running {
            file: name.to_owned(),
            load: Some(load_id),
            step: FileStep::Loading,
            waits_for: None,
            held_by: None,
            started,
            bytes: 0,
            bytes_total: total,
            rows: 0,
            rows_per_second: 0,
        });
        Progress {
            number,
            name: name.to_owned(),
            load_id,
            total,
            bytes: 0,
            rows: 0,
            started: now,
            said: now,
            bar: None,
        }
    }

    /// Adds so many rows, which took so many bytes.
    pub(crate) fn advance(&mut self, rows: u64, bytes: u64) {
        self.rows += rows;
        self.bytes = (self.bytes + bytes).min(self.total);
        let taken = self.started.elapsed();
        if let Some(this) = lock().get_mut(&self.number) {
            (this.bytes, this.rows, this.rows_per_second) = (self.bytes, self.rows, per_second(self.rows, taken));
        }
        if self.bar.is_none() && taken > SHORT {
            self.bar = BARS.get().map(|bars| bars.add(bar(&self.name, self.total).with_elapsed(taken)));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.bytes);
            let rate = grouped(per_second(self.rows, taken));
            bar.set_message(format!("{rate} rows/s, {} s left", self.seconds_left(taken)));
        }
        if self.said.elapsed() > LINE {
            self.said = Instant::now();
            let (percent, rows_per_second) = (self.bytes * 100 / self.total.max(1), per_second(self.rows, taken));
            let seconds_left = self.seconds_left(taken);
            info!(
                target: TARGET,
                { file.path = self.name, load.id = self.load_id, rows = self.rows, rows_per_second, seconds_left },
                "{percent} % loaded"
            );
        }
    }

    fn seconds_left(&self, taken: Duration) -> u64 {
        (self.total - self.bytes).div_ceil(per_second(self.bytes, taken).max(1))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        lock().remove(&self.number);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(name: &str, total: u64) -> ProgressBar {
    ProgressBar::new(total)
        .with_style(style("{prefix} {wide_bar} {bytes}/{total_bytes} {msg}"))
        .with_prefix(short(name))
}

pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A name as a line has room for it.
pub(super) fn short(name: &str) -> String {
    let name = shown(name);
    match name.char_indices().nth(NAME) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.into_owned(),
    }
}

pub(super) fn per_second(count: u64, time: Duration) -> u64 {
    (count as f64 / time.as_secs_f64().max(0.001)) as u64
}

/// Formats `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_file_is_known_before_its_load_has_a_number() {
        let of = |name: &str| running().into_iter().filter(|one| one.file == name).collect::<Vec<_>>();
        let stage = Stage::new("known.csv", FileStep::FirstPass);
        stage.waits_for("before.csv");
        assert_eq!(of("known.csv")[0].waits_for.as_deref(), Some("before.csv"));
        let progress = Progress::new("known.csv", 7, 10);
        assert_eq!(
            of("known.csv").iter().map(|one| (one.load, one.step)).collect::<Vec<_>>(),
            [(Some(7), FileStep::Loading)]
        );
        drop(progress);
        assert_eq!(of("known.csv").len(), 1);
        held_by("known.csv", Some("process 7"));
        assert_eq!(of("known.csv")[0].held_by.as_deref(), Some("process 7"));
        held_by("known.csv", None);
        assert_eq!(of("known.csv")[0].held_by, None);
        drop(stage);
        assert!(of("known.csv").is_empty());
    }

    #[test]
    fn more_bytes_than_were_to_come_are_all_of_them() {
        let mut progress = Progress::new("x.csv", 1, 10);
        progress.advance(1, 8);
        progress.advance(1, 8);
        assert_eq!((progress.bytes, progress.rows), (10, 2));
    }
}
