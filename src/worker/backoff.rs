//! Retries after a growing pause; the reason is logged when it is new.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// A pause before the next attempt.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    until: Instant,
    length: Duration,
    why: String,
}

impl Backoff {
    /// Begins the pause or lengthens it; returns true if the reason is new.
    pub(crate) fn of(pause: &mut Option<Backoff>, why: &str) -> bool {
        Backoff::at_most(pause, why, LONGEST)
    }

    /// Does the same as [`Backoff::of`], with pauses of at most `longest`.
    pub(crate) fn at_most(pause: &mut Option<Backoff>, why: &str, longest: Duration) -> bool {
        let length = pause.as_ref().map_or(FIRST, |known| (known.length * 2).min(longest));
        let is_new = pause.as_ref().is_none_or(|known| known.why != why);
        *pause = Some(Backoff { until: Instant::now() + length, length, why: why.to_owned() });
        is_new
    }

    /// Returns the reason.
    pub(crate) fn why(&self) -> &str {
        &self.why
    }

    /// Returns the end of the pause.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_and_a_reason_is_said_once() {
        let mut pause = None;
        let said: Vec<_> = ["full", "full", "locked"].into_iter().map(|why| Backoff::of(&mut pause, why)).collect();
        assert_eq!(said, [true, false, true]);
        assert_eq!(pause.as_ref().unwrap().length, FIRST * 4);
        for _ in 0..10 {
            Backoff::of(&mut pause, "locked");
        }
        assert_eq!(pause.unwrap().length, LONGEST);
    }
}
