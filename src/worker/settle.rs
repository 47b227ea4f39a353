//! When a file is whole. Nobody says so, so it is taken when it was renamed in, or when nobody has it open and nobody has
//! touched it for a while: for a moment where it was written in one go, else for longer, the longer its writer was seen to pause.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::dataset::plugin::Reach;
use crate::source::{Stamp, Writer, writer};

/// How long a file must be quiet that was written in one go.
const MOMENT: Duration = Duration::from_millis(500);

/// How many times as long as its writer's longest pause a file must be quiet.
const PATIENCE: u32 = 3;

/// How many times as long where neither an event nor the system says that the writer is done.
const DOUBT: u32 = 5;

/// What is known of a file's arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It was renamed in, whole.
    Renamed,
    /// Its writer has closed it, so many times since the last look.
    Closed(u32),
    /// Something was written into it since.
    Written,
    /// It is there; its owner or times may have been set, as copying programs do after they closed it.
    Seen,
}

/// Why a file that looked whole could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hindered {
    /// Somebody was seen to write it.
    Written,
    /// It cannot be claimed.
    Unclaimable,
}

/// A file that is waited for.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    stamp: Stamp,
    arrival: Arrival,
    /// When it was seen first.
    came: Instant,
    /// Since when it looks whole.
    whole: Option<Instant>,
    /// Why it could not be taken although it looked whole.
    hindered: Option<Hindered>,
    /// When it was last seen to change.
    changed: Instant,
    /// The longest pause between two changes.
    pause: Duration,
    /// How many times it was seen to be closed by a writer.
    closed: u32,
    /// Which tables it may go into, once that was asked.
    pub(super) reach: Option<Arc<Reach>>,
    /// Whether it waits for one that comes before it.
    pub(super) behind: bool,
}

impl Candidate {
    /// A file seen for the first time, at `now`.
    pub(super) fn new(stamp: Stamp, arrival: Arrival, now: Instant) -> Self {
        let changed = now.checked_sub(stamp.age()).unwrap_or(now);
        let closed = if let Arrival::Closed(times) = arrival { times } else { 0 };
        Candidate {
            stamp,
            arrival,
            came: now,
            whole: None,
            hindered: None,
            changed,
            pause: Duration::ZERO,
            closed,
            reach: None,
            behind: false,
        }
    }

    /// What it looked like last.
    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Whether it waits for one that comes before it.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Looks at the file again, at `now`.
    pub(super) fn update(&mut self, stamp: Stamp, arrival: Arrival, now: Instant) {
        if arrival == Arrival::Renamed && stamp != self.stamp {
            // Another file under the name: its history is not the old one's.
            *self = Candidate::new(stamp, arrival, now);
            return;
        }
        if stamp != self.stamp || arrival != Arrival::Seen {
            self.whole = None;
        }
        let written = arrival == Arrival::Written || (arrival == Arrival::Seen && stamp.size != self.stamp.size);
        if stamp != self.stamp {
            self.pause = self.pause.max(now.saturating_duration_since(self.changed));
            self.changed = now;
            self.stamp = stamp;
        }
        match arrival {
            Arrival::Closed(times) => {
                self.arrival = arrival;
                self.closed += times;
            }
            Arrival::Renamed => self.arrival = arrival,
            _ if written => self.arrival = Arrival::Written,
            _ => {}
        }
    }

    /// When it may be taken if it looks whole: it was written in one go, as programs do that copy, and `writer` does not say otherwise.
    pub(super) fn soon_at(&self, settle: Duration, writer: Writer, now: Instant) -> Instant {
        let one_go = matches!(self.arrival, Arrival::Closed(_)) && self.closed == 1 && writer != Writer::Open;
        if one_go { self.changed + settle.min(MOMENT) } else { self.ready_at(settle, writer, now) }
    }

    /// Since when it would be taken, as far as is known without asking the system.
    pub(super) fn whole_since(&mut self, settle: Duration, now: Instant) -> Option<Instant> {
        let is_whole = self.soon_at(settle, Writer::None, now) <= now;
        self.whole = is_whole.then(|| self.whole.unwrap_or(now));
        self.whole
    }

    /// Since when it is there, also while it was in hand and was put back.
    pub(super) fn came(&self) -> Instant {
        self.came
    }

    /// It was in hand, and is there since it came before that.
    pub(super) fn put_back(&mut self, came: Option<Instant>, by_writer: bool) {
        self.came = came.map_or(self.came, |came| came.min(self.came));
        self.hindered = by_writer.then_some(Hindered::Written);
    }

    /// It cannot be claimed.
    pub(super) fn cannot_be_claimed(&mut self) {
        self.hindered = Some(Hindered::Unclaimable);
    }

    /// Why it is not taken although it came so long ago: it is still written, or cannot be claimed.
    pub(super) fn is_endless(&self, settle: Duration, after: Duration, path: &Path, now: Instant) -> Option<Hindered> {
        if now.saturating_duration_since(self.came) < after {
            return None;
        }
        self.hindered.or_else(|| (self.ready_at(settle, writer(path), now) > now).then_some(Hindered::Written))
    }

    /// When it may be taken, as far as is known now; `writer` is what the system says of it.
    pub(super) fn ready_at(&self, settle: Duration, writer: Writer, now: Instant) -> Instant {
        match (writer, self.arrival) {
            (Writer::Open, _) => now + settle.max(Duration::from_millis(200)),
            (_, Arrival::Renamed) => self.changed,
            (Writer::None, _) | (_, Arrival::Closed(_)) => self.changed + settle.max(self.pause * PATIENCE),
            (Writer::Unknown, Arrival::Written | Arrival::Seen) => {
                self.changed + (settle * DOUBT).max(self.pause * PATIENCE)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(2);

    fn stamp(text: &str) -> Stamp {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Stamp::of(file.path()).unwrap()
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_renamed_file_is_whole_and_a_closed_one_after_a_while() {
        let now = Instant::now() + seconds(100);
        let first = stamp("a");
        let renamed = Candidate::new(first, Arrival::Renamed, now);
        assert!(renamed.ready_at(SETTLE, Writer::Unknown, now) <= now);
        // A look at the folder may have been faster than the event.
        let mut found = Candidate::new(first, Arrival::Seen, now);
        found.update(first, Arrival::Renamed, now);
        assert!(found.ready_at(SETTLE, Writer::Unknown, now) <= now);
        let mut closed = Candidate::new(first, Arrival::Seen, now);
        let last = stamp("ab");
        closed.update(last, Arrival::Closed(1), now);
        assert_eq!(closed.soon_at(SETTLE, Writer::Unknown, now), now + MOMENT);
        assert!(closed.soon_at(SETTLE, Writer::Open, now) > now + MOMENT);
        assert_eq!(closed.ready_at(SETTLE, Writer::Unknown, now), now + SETTLE);
        // Its owner and times are set after it was closed, as docker cp and mv do.
        closed.update(Stamp { modified: (0, 0), changed: (1, 1), ..last }, Arrival::Seen, now);
        assert_eq!(closed.ready_at(SETTLE, Writer::Unknown, now), now + SETTLE);
        // It is opened and written again.
        closed.update(stamp("xy"), Arrival::Written, now);
        assert_eq!(closed.ready_at(SETTLE, Writer::Unknown, now), now + SETTLE * DOUBT);
    }

    #[test]
    fn a_slow_writer_is_waited_for_longer() {
        let start = Instant::now() + seconds(100);
        let mut file = Candidate::new(stamp("a"), Arrival::Seen, start);
        file.update(stamp("ab"), Arrival::Closed(1), start);
        file.update(stamp("abc"), Arrival::Closed(1), start + seconds(4));
        let now = start + seconds(4);
        assert_eq!(file.soon_at(SETTLE, Writer::None, now), now + seconds(12));
        assert_eq!(file.ready_at(SETTLE, Writer::None, now), now + seconds(12));
        assert!(file.ready_at(SETTLE, Writer::Open, now + seconds(60)) > now + seconds(60));
    }

    #[test]
    fn without_a_sign_that_the_writer_is_done_it_takes_longer() {
        let now = Instant::now() + seconds(100);
        let mut file = Candidate::new(stamp("a"), Arrival::Seen, now);
        file.update(stamp("ab"), Arrival::Seen, now);
        assert_eq!(file.arrival, Arrival::Written);
        assert_eq!(file.ready_at(SETTLE, Writer::Unknown, now), now + SETTLE * DOUBT);
        assert_eq!(file.ready_at(SETTLE, Writer::None, now), now + SETTLE);
    }
}
