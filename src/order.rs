//! Files are loaded side by side. Where it counts which comes last, because its rows replace others, a file waits until
//! those that were taken before it are done.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The files in hand, in the order in which they were taken.
#[derive(Debug, Default)]
pub struct Order {
    in_hand: Mutex<BTreeSet<u64>>,
    done: Notify,
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
        let number = in_hand.last().map_or(0, |last| last + 1);
        in_hand.insert(number);
        Place { order: self.clone(), number }
    }

    fn in_hand(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until it is the first.
    pub async fn first(&self) {
        loop {
            let done = self.order.done.notified();
            tokio::pin!(done);
            // Listens from here on, so that nothing that ends meanwhile is missed.
            done.as_mut().enable();
            if self.order.in_hand().first() == Some(&self.number) {
                return;
            }
            done.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.order.in_hand().remove(&self.number);
        self.order.done.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_the_first_when_those_before_it_are_done() {
        let order = Arc::new(Order::default());
        let (one, two, three) = (order.join(), order.join(), order.join());
        one.first().await;
        let last = tokio::spawn(async move { three.first().await });
        drop(two);
        tokio::task::yield_now().await;
        assert!(!last.is_finished());
        drop(one);
        last.await.unwrap();
        order.join().first().await;
    }
}
