//! The progress of a pull: on a terminal by a bar, which lives also while the server is silent; in the log by a line every ten seconds.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tracing::info;

use super::progress::{BARS, LINE, SHORT, TARGET, grouped, per_second, short, style};
use crate::text::counted;

/// The interval at which the time of a bar goes on.
const TICK: Duration = Duration::from_secs(1);

/// One pull in hand.
pub(crate) struct PullProgress {
    name: String,
    /// Records of earlier programs.
    before: u64,
    started: Instant,
    said: Instant,
    bar: Option<ProgressBar>,
    /// True if the bar shows the share of all records.
    has_share: bool,
}

impl PullProgress {
    /// Begins to pull a stream behind so many records.
    pub(crate) fn new(stream: &str, before: u64) -> PullProgress {
        let now = Instant::now();
        PullProgress { name: stream.to_owned(), before, started: now, said: now, bar: None, has_share: false }
    }

    /// Shows that a page is waited for, where nothing is shown yet.
    pub(crate) fn waits(&mut self) {
        if self.bar.is_none()
            && let Some(bar) = self.bar()
        {
            bar.set_message("waits for the server");
        }
    }

    /// Shows what has come so far; `all` is the number of all records, if the server says one.
    pub(crate) fn at(&mut self, pages: u64, records: u64, all: Option<u64>) {
        let taken = self.started.elapsed();
        let records_per_second = per_second(records.saturating_sub(self.before), taken);
        let of_pages = counted(pages, "page");
        if taken > SHORT
            && let Some(bar) = self.bar()
        {
            if let Some(all) = all {
                bar.set_length(all);
                bar.set_position(records);
            }
            let said = all.map_or_else(String::new, |all| format!("/{}", grouped(all)));
            let share = all.map_or_else(String::new, |all| format!(", {} %", share(records, all)));
            let (came, rate) = (grouped(records), grouped(records_per_second));
            // All in one, so that no half of it is drawn.
            bar.set_message(format!("{came}{said} records of {of_pages}, {rate} records/s{share}"));
            if all.is_some() != self.has_share {
                self.has_share = all.is_some();
                self.bar.iter().for_each(|bar| bar.set_style(style(template(self.has_share))));
            }
        }
        if self.said.elapsed() > LINE {
            self.said = Instant::now();
            let share = all.map_or_else(String::new, |all| format!(", {} % of all", share(records, all)));
            let stream = &self.name;
            info!(target: TARGET, { stream, records_per_second }, "{} of {of_pages} came{share}", counted(records, "record"));
        }
    }

    /// The bar; `None` where there is no terminal.
    fn bar(&mut self) -> Option<&ProgressBar> {
        if self.bar.is_none() {
            let bars = BARS.get()?;
            let bar = ProgressBar::new(0).with_style(style(template(false))).with_prefix(short(&self.name));
            let bar = bars.add(bar.with_elapsed(self.started.elapsed()));
            bar.enable_steady_tick(TICK);
            self.bar = Some(bar);
        }
        self.bar.as_ref()
    }
}

impl Drop for PullProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn template(has_share: bool) -> &'static str {
    if has_share { "{prefix} {wide_bar} {msg}, {elapsed}" } else { "{prefix} {msg}, {elapsed}" }
}

/// Percent of all, at most 100: a source may grow.
fn share(records: u64, all: u64) -> u64 {
    (records.saturating_mul(100) / all.max(1)).min(100)
}
