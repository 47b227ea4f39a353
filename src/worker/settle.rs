//! Decides when a file is whole. A file is taken when it was renamed in, or when nobody has it open and nobody has
//! touched it for a while: a moment if it was written in one go, else longer in proportion to its writer's longest
//! pause.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::dataset::plugin::Reach;
use crate::source::{Stamp, Writer, writer};

/// The quiet time of a file that was written in one go.
const MOMENT: Duration = Duration::from_millis(500);

/// The quiet time in multiples of the writer's longest pause.
const PATIENCE: u32 = 3;

/// The same factor where neither an event nor the system tells that the writer is done.
const DOUBT: u32 = 5;

/// The latest news of a file's arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The file was renamed in, whole.
    Renamed,
    /// Its writer has closed it, that many times since the last look.
    Closed(u32),
    /// Data was written into it since.
    Written,
    /// The file is there; its owner or times may have been set, as copying programs do after closing it.
    Seen,
}

/// The reasons why a file that looked whole could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hindered {
    /// A program was seen writing it.
    Written,
    /// The file cannot be claimed.
    Unclaimable,
}

/// A file that is not taken yet.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    stamp: Stamp,
    arrival: Arrival,
    /// The time of the first sight.
    came: Instant,
    /// The time since which it looks whole.
    whole: Option<Instant>,
    /// The reason why it could not be taken although it looked whole.
    hindered: Option<Hindered>,
    /// The time of the last change.
    changed: Instant,
    /// The longest pause between two changes.
    pause: Duration,
    /// The number of times that writers closed it.
    closed: u32,
    /// The tables that it may go into, once they are known.
    pub(super) reach: Option<Arc<Reach>>,
    /// True if it waits for an earlier file.
    pub(super) behind: bool,
}

impl Candidate {
    /// Makes the candidate for a file seen for the first time, at `now`.
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

    /// Returns the stamp of the last look.
    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Returns true if it waits for an earlier file.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Takes in a further look at the file, at `now`.
    pub(super) fn update(&mut self, stamp: Stamp, arrival: Arrival, now: Instant) {
        if arrival == Arrival::Renamed && stamp != self.stamp {
            // Another file has taken the name: the history is the old one's.
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

    /// Returns the earliest time for a file written in one go, as copying programs do, unless `writer` contradicts.
    pub(super) fn soon_at(&self, settle: Duration, writer: Writer, now: Instant) -> Instant {
        let one_go = matches!(self.arrival, Arrival::Closed(_)) && self.closed == 1 && writer != Writer::Open;
        if one_go { self.changed + settle.min(MOMENT) } else { self.ready_at(settle, writer, now) }
    }

    /// Returns the time since which it would be taken, as far as is known without asking the system.
    pub(super) fn whole_since(&mut self, settle: Duration, now: Instant) -> Option<Instant> {
        let is_whole = self.soon_at(settle, Writer::None, now) <= now;
        self.whole = is_whole.then(|| self.whole.unwrap_or(now));
        self.whole
    }

    /// Returns the time of its arrival, also if it was in hand and was put back.
    pub(super) fn came(&self) -> Instant {
        self.came
    }

    /// Notes that it was in hand and has been put back; it keeps the time of its arrival.
    pub(super) fn put_back(&mut self, came: Option<Instant>, by_writer: bool) {
        self.came = came.map_or(self.came, |came| came.min(self.came));
        self.hindered = by_writer.then_some(Hindered::Written);
    }

    /// Notes that it cannot be claimed.
    pub(super) fn cannot_be_claimed(&mut self) {
        self.hindered = Some(Hindered::Unclaimable);
    }

    /// Returns true if it could not be claimed.
    pub(super) fn is_unclaimable(&self) -> bool {
        self.hindered == Some(Hindered::Unclaimable)
    }

    /// Returns the reason why it is not taken long after its arrival: it is still written, or cannot be claimed.
    pub(super) fn is_endless(&self, settle: Duration, after: Duration, path: &Path, now: Instant) -> Option<Hindered> {
        if now.saturating_duration_since(self.came) < after {
            return None;
        }
        self.hindered.or_else(|| (self.ready_at(settle, writer(path), now) > now).then_some(Hindered::Written))
    }

    /// Returns the time at which it may be taken, as far as is known; `writer` is the system's answer about it.
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
        // A look at the folder may precede the event.
        let mut found = Candidate::new(first, Arrival::Seen, now);
        found.update(first, Arrival::Renamed, now);
        assert!(found.ready_at(SETTLE, Writer::Unknown, now) <= now);
        let mut closed = Candidate::new(first, Arrival::Seen, now);
        let last = stamp("ab");
        closed.update(last, Arrival::Closed(1), now);
        assert_eq!(closed.soon_at(SETTLE, Writer::Unknown, now), now + MOMENT);
        assert!(closed.soon_at(SETTLE, Writer::Open, now) > now + MOMENT);
        assert_eq!(closed.ready_at(SETTLE, Writer::Unknown, now), now + SETTLE);
        // The owner and times are set after the file was closed, as docker cp and mv do.
        closed.update(Stamp { modified: (0, 0), changed: (1, 1), ..last }, Arrival::Seen, now);
        assert_eq!(closed.ready_at(SETTLE, Writer::Unknown, now), now + SETTLE);
        // The file is opened and written again.
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
