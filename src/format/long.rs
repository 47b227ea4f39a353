//! The memory of long records: a few inputs at a time may hold one, the others wait until it has passed.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes from which a record is long.
pub(super) const LONG: usize = 8 * 1024 * 1024;

/// Inputs that may hold a long record at once.
const PLACES: usize = 2;

/// The longest wait: an input that holds a lock of the database makes others wait, which may hold the places.
const PATIENCE: Duration = Duration::from_secs(30);

static TAKEN: Mutex<usize> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();

/// The place of one input that holds a long record, given back on drop.
#[derive(Debug)]
pub(super) struct LongRecord(());

impl LongRecord {
    /// Waits for a place, for [`PATIENCE`] at most.
    pub(super) fn wait() -> LongRecord {
        LongRecord::wait_at_most(PATIENCE)
    }

    fn wait_at_most(patience: Duration) -> LongRecord {
        let until = Instant::now() + patience;
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken >= PLACES {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            taken = CHANGED.wait_timeout(taken, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken += 1;
        LongRecord(())
    }
}

impl Drop for LongRecord {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        CHANGED.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn others_wait_until_a_long_record_has_passed() {
        let (first, second) = (LongRecord::wait(), LongRecord::wait());
        let (sender, receiver) = mpsc::channel();
        let third = thread::spawn(move || {
            let _place = LongRecord::wait();
            sender.send(()).is_ok()
        });
        assert!(receiver.try_recv().is_err());
        // The wait always ends.
        drop(LongRecord::wait_at_most(Duration::ZERO));
        drop(first);
        assert!(third.join().is_ok_and(|sent| sent) && receiver.recv().is_ok());
        drop(second);
    }
}
