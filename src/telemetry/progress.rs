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
const SHORT: Duration = Duration::from_millis(500);

/// The interval of lines in the log.
const LINE: Duration = Duration::from_secs(10);

/// Signs of a name beside a bar.
const NAME: usize = 40;

/// The target of the lines in the log.
pub const TARGET: &str = "sluice::telemetry::progress";

/// The bars of the process, like its terminal.
pub(super) static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// The progress of the loads in hand, one for the process like its bars.
static RUNNING: Mutex<BTreeMap<u64, Running>> = Mutex::new(BTreeMap::new());

/// The progress of a load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// The name of the file.
    pub file: String,
    /// The load's number in the ledger.
    pub load: i64,
    /// The time of its first rows.
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

/// Returns the loads in hand, the first to begin first.
pub fn running() -> Vec<Running> {
    lock().values().cloned().collect()
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
    /// The key among the loads in hand.
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
        let this = Running {
            file: name.to_owned(),
            load: load_id,
            started,
            bytes: 0,
            bytes_total: total,
            rows: 0,
            rows_per_second: 0,
        };
        let mut running = lock();
        let number = running.last_key_value().map_or(0, |(last, _)| last + 1);
        running.insert(number, this);
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
    let template = "{prefix} {wide_bar} {bytes}/{total_bytes} {msg}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_prefix(short(name))
}

/// A name as a line has room for it.
pub(super) fn short(name: &str) -> String {
    let name = shown(name);
    match name.char_indices().nth(NAME) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.into_owned(),
    }
}

fn per_second(count: u64, time: Duration) -> u64 {
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
    fn more_bytes_than_were_to_come_are_all_of_them() {
        let mut progress = Progress::new("x.csv", 1, 10);
        progress.advance(1, 8);
        progress.advance(1, 8);
        assert_eq!((progress.bytes, progress.rows), (10, 2));
    }
}
