//! Files are loaded side by side, each in its place. Files of one table that are there together get their loads' numbers in the
//! order of these places; what is read, copied and checked for them goes on at the same time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The files in hand, in the order in which they were taken, each with what it has no number in yet.
#[derive(Debug, Default)]
pub struct Order {
    in_hand: Mutex<BTreeMap<u64, Expected>>,
    changed: Notify,
}

/// The table in which a file has no number yet.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// None.
    Nothing,
    /// Any: what the file holds is not known yet.
    Anything,
    /// This one.
    Table(String),
}

/// A file's place in the order. Dropping it says that the file is done.
#[derive(Debug)]
pub struct Place {
    order: Arc<Order>,
    number: u64,
}

impl Order {
    /// The place after all that are in hand.
    pub fn join(self: &Arc<Self>) -> Place {
        let mut in_hand = self.in_hand();
        let number = in_hand.last_key_value().map_or(0, |(last, _)| last + 1);
        in_hand.insert(number, Expected::Nothing);
        Place { order: self.clone(), number }
    }

    fn in_hand(&self) -> MutexGuard<'_, BTreeMap<u64, Expected>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Says which table the file goes into: those after it wait with their numbers in that table.
    pub fn expect(&self, table: &str) {
        self.set(Expected::Table(table.to_owned()));
    }

    /// Says that which tables the file goes into is not known before it is open: those after it wait until then.
    pub fn expect_any(&self) {
        self.set(Expected::Anything);
    }

    /// Waits until each file before it has its number in the table, or is done.
    pub async fn turn(&self, table: &str) {
        loop {
            let changed = self.order.changed.notified();
            tokio::pin!(changed);
            // Listens from here on, so that nothing that changes meanwhile is missed.
            changed.as_mut().enable();
            let is_ahead = |before: &Expected| match before {
                Expected::Nothing => false,
                Expected::Anything => true,
                Expected::Table(other) => other == table,
            };
            if !self.order.in_hand().range(..self.number).any(|(_, before)| is_ahead(before)) {
                return;
            }
            changed.await;
        }
    }

    /// Says that the file is open now and has several parts: those after it wait no longer than for its table, where that is known by its name.
    pub fn expect_parts(&self) {
        if self.order.in_hand().get(&self.number) == Some(&Expected::Anything) {
            self.set(Expected::Nothing);
        }
    }

    /// Says that the file has its number, so that the next one may get its own.
    pub fn numbered(&self) {
        self.set(Expected::Nothing);
    }

    fn set(&self, expected: Expected) {
        let before = self.order.in_hand().insert(self.number, expected);
        if before.is_some_and(|before| before != Expected::Nothing) {
            self.order.changed.notify_waiters();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.order.in_hand().remove(&self.number);
        self.order.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn numbers_of_one_table_are_given_in_the_order_of_the_places() {
        let order = Arc::new(Order::default());
        let (one, two, three) = (order.join(), order.join(), order.join());
        one.expect_any();
        tokio::select! {
            biased;
            () = two.turn("b") => panic!("it has not waited"),
            () = std::future::ready(()) => {}
        }
        one.expect("a");
        two.expect("b");
        // Another table's.
        two.turn("b").await;
        let last = tokio::spawn(async move { three.turn("a").await });
        tokio::task::yield_now().await;
        assert!(!last.is_finished());
        one.numbered();
        last.await.unwrap();
        one.expect("a");
        drop(one);
        order.join().turn("a").await;
    }
}
