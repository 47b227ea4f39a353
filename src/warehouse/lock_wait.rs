//! The wait for a lock of others, told while it lasts to the work whose statement waits.

/// The function that is told of the holders, in words; of `None` when the wait is over.
type Tell = Box<dyn Fn(Option<&str>) + Send + Sync>;

tokio::task_local! {
    static TELL: Tell;
}

/// Does the work, and tells meanwhile of each lock that a statement of it waits for.
pub(crate) async fn telling_locks<T>(tell: Tell, work: impl Future<Output = T>) -> T {
    TELL.scope(tell, work).await
}

/// Tells the work at hand, if it wants to know.
pub(super) fn tell_lock(holders: Option<&str>) {
    let _ = TELL.try_with(|tell| tell(holders));
}
