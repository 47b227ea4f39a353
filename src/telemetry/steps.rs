//! The tables of a run of the star, on a terminal: a line for the one at hand, and one that stays for each that is done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::progress::{BARS, grouped, short};

/// The time between two drawings of the line of the table at hand.
const TICK: Duration = Duration::from_millis(200);

/// Runs that the daemon begins by itself show none.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// From now on the tables of a run are shown, where there are bars.
pub fn show_steps() {
    SHOWN.store(true, Ordering::Relaxed);
}

/// One table on its way.
pub(crate) struct Step {
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Step {
    /// The table's turn begins.
    pub(crate) fn new(table: &str) -> Step {
        let name = short(table);
        let bar = BARS.get().filter(|_| SHOWN.load(Ordering::Relaxed)).map(|bars| {
            let style = ProgressStyle::with_template("{prefix:32} {elapsed:>18} {spinner}");
            let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            let bar = bars.add(bar.with_prefix(name.clone()));
            bar.enable_steady_tick(TICK);
            bar
        });
        Step { name, started: Instant::now(), bar }
    }

    /// The table is done; of a view there are no rows to tell.
    pub(crate) fn done(self, rows: Option<u64>) {
        if let Some(bars) = BARS.get().filter(|_| self.bar.is_some()) {
            // An error means that the terminal is gone, and nobody looks.
            let _ = bars.println(line(&self.name, rows, self.started.elapsed()));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(name: &str, rows: Option<u64>, took: Duration) -> String {
    let rows = rows.map(|rows| format!("{} {}", grouped(rows), if rows == 1 { "row " } else { "rows" }));
    format!("{name:<32} {:>18} {:>8.1} s", rows.unwrap_or_default(), took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_eighty_columns() {
        let took = Duration::from_millis(1234);
        assert_eq!(
            line("dim_title", Some(4812), took),
            "dim_title                                4,812 rows      1.2 s"
        );
        assert!(line(&short(&"x".repeat(63)), Some(1_234_567_890), took).chars().count() <= 80);
    }
}
