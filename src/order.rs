//! Files are loaded side by side, each in its place. Files of one table that are there together get their loads' numbers in the
//! order of these places; what is read, copied and checked for them goes on at the same time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The files in hand, in the order in which they were taken, each with the table that it has no number in yet.
#[derive(Debug, Default)]
pub struct Order {
    in_hand: Mutex<BTreeMap<u64, Option<String>>>,
    changed: Notify,
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
        in_hand.insert(number, None);
        Place { order: self.clone(), number }
    }

    fn in_hand(&self) -> MutexGuard<'_, BTreeMap<u64, Option<String>>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Says which table the file goes into: those after it wait with their numbers in that table.
    pub fn expect(&self, table: &str) {
        self.order.in_hand().insert(self.number, Some(table.to_owned()));
    }

    /// Waits until each file before it has its number in the table, or is done.
    pub async fn turn(&self, table: &str) {
        loop {
            let changed = self.order.changed.notified();
            tokio::pin!(changed);
            // Listens from here on, so that nothing that changes meanwhile is missed.
            changed.as_mut().enable();
            if !self.order.in_hand().range(..self.number).any(|(_, before)| before.as_deref() == Some(table)) {
                return;
            }
            changed.await;
        }
    }

    /// Says that the file has its number, so that the next one may get its own.
    pub fn numbered(&self) {
        if self.order.in_hand().insert(self.number, None).flatten().is_some() {
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
