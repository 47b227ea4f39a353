//! The server's notices during a commit. A commit that was confirmed with a warning is not the one asked for: the wait
//! for a standby may have been given up, for one
//! (<https://www.postgresql.org/docs/current/runtime-config-replication.html>). sqlx hands such notices to the log
//! only, so a layer of the log collects them.

use std::cell::RefCell;
use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Target of sqlx's notices in the log.
const TARGET: &str = "sqlx::postgres::notice";

tokio::task_local! {
    static HEARD: RefCell<Vec<String>>;
}

/// Awaits a future; returns the server's warnings meanwhile, if [`NoticeLayer`] is among the log's layers.
pub(super) async fn listen<T>(to: impl Future<Output = T>) -> (T, Vec<String>) {
    HEARD
        .scope(RefCell::default(), async {
            let done = to.await;
            (done, HEARD.with(RefCell::take))
        })
        .await
}

/// Layer of the log that collects the server's warnings. The log's filter has to let them through.
pub struct NoticeLayer;

impl<S: Subscriber> Layer<S> for NoticeLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == TARGET && *event.metadata().level() <= Level::WARN {
            // Outside of `listen` the log alone has it.
            let _ = HEARD.try_with(|heard| event.record(&mut Words(&mut heard.borrow_mut())));
        }
    }
}

struct Words<'a>(&'a mut Vec<String>);

impl Visit for Words<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.push(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.push(format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[tokio::test]
    async fn a_warning_of_the_server_is_heard_by_who_waits_for_it() {
        let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(NoticeLayer));
        let (done, heard) = listen(async {
            tracing::warn!(target: "sqlx::postgres::notice", message = "canceling wait for synchronous replication");
            tracing::info!(target: "sqlx::postgres::notice", message = "relation exists, skipping");
            tracing::warn!("something else");
            7
        })
        .await;
        assert_eq!((done, heard), (7, vec!["canceling wait for synchronous replication".to_owned()]));
    }
}
