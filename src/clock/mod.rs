//! Time as the program sees it: the system's, which a test can move; and the moments of schedules.

mod schedule;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

pub use self::schedule::{Schedule, Zone};

/// A clock. Its copies show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Moved>);

/// What a clock is ahead of the system's.
#[derive(Debug, Default)]
struct Moved {
    millis: AtomicU64,
    /// What its time of day is set forth besides.
    set: AtomicI64,
    moves: Notify,
}

impl Clock {
    /// The time, for pauses and leases.
    pub fn now(&self) -> Instant {
        Instant::now() + self.ahead()
    }

    /// The time of day in UTC, for schedules and expiry.
    pub fn utc(&self) -> DateTime<Utc> {
        let set = TimeDelta::milliseconds(self.0.set.load(Ordering::SeqCst));
        Utc::now() + TimeDelta::from_std(self.ahead()).unwrap_or_default() + set
    }

    /// Waits until so much time has passed on this clock.
    pub async fn sleep(&self, how_long: Duration) {
        let end = self.now() + how_long;
        loop {
            // Told of each move from here on.
            let moved = self.0.moves.notified();
            let left = end.saturating_duration_since(self.now());
            if left.is_zero() || tokio::time::timeout(left, moved).await.is_err() {
                return;
            }
        }
    }

    /// Moves it on, with all of its copies; who sleeps by it wakes when it is time.
    pub fn advance(&self, by: Duration) {
        self.0.millis.fetch_add(by.as_millis().try_into().unwrap_or(u64::MAX), Ordering::SeqCst);
        self.0.moves.notify_waiters();
    }

    /// Sets its time of day forth or back, with all of its copies, as people and time servers do: pauses go on as they were.
    pub fn set(&self, by: TimeDelta) {
        self.0.set.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }

    fn ahead(&self) -> Duration {
        Duration::from_millis(self.0.millis.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[tokio::test]
    async fn a_move_is_seen_by_copies_and_ends_sleeps() {
        let clock = Clock::default();
        let (copy, before, day) = (clock.clone(), clock.now(), clock.utc());
        let sleeps = tokio::spawn(async move { copy.sleep(DAY * 3).await });
        tokio::task::yield_now().await;
        for _ in 0..2 {
            clock.advance(DAY);
            tokio::task::yield_now().await;
            assert!(!sleeps.is_finished());
        }
        clock.advance(DAY);
        sleeps.await.unwrap();
        assert!(clock.now() - before >= DAY * 3 && clock.utc() - day >= TimeDelta::days(3));
        clock.set(TimeDelta::days(-3));
        assert!(clock.now() - before >= DAY * 3 && clock.utc() - day < TimeDelta::days(1));
    }
}
