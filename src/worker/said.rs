//! Limits log lines about things that come and go: each is logged once, and again only a good while later with the
//! number of its returns; all together have a limit per minute.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

/// The silence about a thing that went and came again.
const SILENCE: Duration = Duration::from_secs(600);

/// The most lines in one minute.
const LINES: u64 = 200;
const MINUTE: Duration = Duration::from_secs(60);

/// The number of things that are remembered after they went.
const GONE: usize = 10_000;

/// The lines so far, and the things that are there.
#[derive(Debug, Default)]
pub(super) struct Said {
    things: HashMap<OsString, Thing>,
    /// The beginning of the minute, and the number of its lines.
    minute: Option<Instant>,
    lines: u64,
    unsaid: u64,
}

#[derive(Debug)]
struct Thing {
    said: Instant,
    /// The number of its returns since then.
    came: u64,
    is_there: bool,
}

impl Said {
    /// Notes that a thing is there; returns the end of its line if it is to be logged.
    pub(super) fn comes(&mut self, name: &OsStr, now: Instant) -> Option<String> {
        let (came, is_due) = match self.things.get_mut(name) {
            Some(thing) if thing.is_there => return None,
            Some(thing) => {
                (thing.is_there, thing.came) = (true, thing.came + 1);
                (thing.came, now.saturating_duration_since(thing.said) >= SILENCE)
            }
            None => {
                self.things.insert(name.to_owned(), Thing { said: now, came: 0, is_there: true });
                (0, true)
            }
        };
        if !is_due {
            return None;
        }
        if self.minute.is_none_or(|minute| now.saturating_duration_since(minute) >= MINUTE) {
            (self.minute, self.lines) = (Some(now), 0);
        }
        self.lines += 1;
        if self.lines > LINES {
            self.unsaid += 1;
            return None;
        }
        if let Some(thing) = self.things.get_mut(name) {
            (thing.said, thing.came) = (now, 0);
        }
        Some(if came > 1 { format!(" (it came {came} times since that was last said)") } else { String::new() })
    }

    /// Forgets the things that went a good while ago.
    pub(super) fn leave(&mut self, is_there: impl Fn(&OsString) -> bool, now: Instant) {
        let mut gone = 0;
        self.things.retain(|name, thing| {
            thing.is_there &= is_there(name);
            gone += usize::from(!thing.is_there);
            thing.is_there || now.saturating_duration_since(thing.said) < SILENCE
        });
        if gone > GONE {
            self.things.retain(|_, thing| thing.is_there);
        }
    }

    /// Returns the number of suppressed lines since the last call.
    pub(super) fn unsaid(&mut self) -> u64 {
        std::mem::take(&mut self.unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_said_once_and_then_with_a_count() {
        let (mut said, start) = (Said::default(), Instant::now());
        let mut lines = Vec::new();
        for second in 0..1500 {
            let now = start + Duration::from_secs(second);
            lines.extend(said.comes("x".as_ref(), now).map(|line| (second, line)));
            assert_eq!(said.comes("x".as_ref(), now), None);
            said.leave(|_| false, now);
        }
        let again = " (it came 600 times since that was last said)".to_owned();
        assert_eq!(lines, [(0, String::new()), (600, again.clone()), (1200, again)]);
        // A thing that stays is logged once.
        for minute in 0..60 {
            let now = start + Duration::from_secs(10_000 + minute * 60);
            assert_eq!(said.comes("y".as_ref(), now).is_some(), minute == 0);
            said.leave(|_| true, now);
        }
    }

    #[test]
    fn names_that_are_new_each_time_do_not_fill_the_log_nor_the_memory() {
        let (mut said, start) = (Said::default(), Instant::now());
        let comes = |said: &mut Said, n: u64, now| said.comes(OsStr::new(&n.to_string()), now).is_some();
        assert_eq!((0..20_000).filter(|n| comes(&mut said, *n, start)).count() as u64, LINES);
        assert_eq!((said.unsaid(), said.unsaid()), (20_000 - LINES, 0));
        said.leave(|_| false, start);
        assert!(said.things.is_empty());
        assert!(comes(&mut said, 30_000, start + MINUTE));
    }
}
