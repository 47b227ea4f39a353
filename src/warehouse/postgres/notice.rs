//! The server's warnings. A commit that was confirmed with one is not the commit asked for: the wait for a standby may
//! have been given up, for one (<https://www.postgresql.org/docs/current/runtime-config-replication.html>). sqlx tells
//! warnings to [`tracing`] alone, so a subscriber of our own listens to it during a commit, whatever the program's log
//! is and whatever it leaves out.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::LazyLock;

use sqlx::{Executor, PgConnection};
use tracing::dispatcher::{Dispatch, get_default};
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use super::{WarehouseError, safe};

/// Target of sqlx's notices.
const TARGET: &str = "sqlx::postgres::notice";

/// Statement that has the server tell its warnings in this transaction, whatever a role or a database has set.
pub(super) const TELL_WARNINGS: &str = "set local client_min_messages = warning";

static WARNINGS: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Warnings));

tokio::task_local! {
    static HEARD: Heard;
}

/// Warnings heard so far, and the log that all events go on to.
struct Heard {
    warnings: RefCell<Vec<String>>,
    log: Dispatch,
}

/// Awaits a future; returns the server's warnings meanwhile, which the log has too.
pub(super) async fn listen<T>(to: impl Future<Output = T>) -> (T, Vec<String>) {
    listen_beside(get_default(Dispatch::clone), to).await
}

async fn listen_beside<T>(log: Dispatch, to: impl Future<Output = T>) -> (T, Vec<String>) {
    let heard = Heard { warnings: RefCell::default(), log };
    HEARD
        .scope(heard, async {
            let done = to.with_subscriber(WARNINGS.clone()).await;
            (done, HEARD.with(|heard| heard.warnings.take()))
        })
        .await
}

/// Proves that warnings of this server arrive: it has one for a second `begin`, which the log does without.
///
/// # Errors
/// Refused, if none is heard: files are deleted only after commits without a warning.
pub(super) async fn prove(connection: &mut PgConnection) -> Result<(), WarehouseError> {
    let sql = format!("begin; {TELL_WARNINGS}; begin; rollback");
    let (done, warnings) = listen_beside(Dispatch::none(), connection.execute(safe(sql))).await;
    done?;
    if warnings.is_empty() {
        return Err(WarehouseError::Refused(
            "the server's warnings do not arrive, so a commit that a standby has not confirmed would look like any other, and \
             its file be deleted: look for a pooler that keeps NOTICE messages back, or connect past it"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Subscriber that collects the server's warnings and passes every event on.
struct Warnings;

fn is_warning(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET && *metadata.level() <= Level::WARN
}

impl Subscriber for Warnings {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() { Interest::never() } else { Interest::sometimes() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let log_wants = || HEARD.try_with(|heard| heard.log.enabled(metadata)).unwrap_or_default();
        !metadata.is_span() && (is_warning(metadata) || log_wants())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        let hear = |heard: &Heard| {
            if is_warning(event.metadata()) {
                event.record(&mut Words(&mut heard.warnings.borrow_mut()));
            }
            if heard.log.enabled(event.metadata()) {
                heard.log.event(event);
            }
        };
        // Nothing is polled with this subscriber but within `listen`.
        let _ = HEARD.try_with(hear);
    }

    // No span is enabled.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
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
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{EnvFilter, fmt};

    use super::*;

    async fn three_events() -> u8 {
        tracing::warn!(target: "sqlx::postgres::notice", message = "canceling wait for synchronous replication");
        tracing::info!(target: "sqlx::postgres::notice", message = "relation exists, skipping");
        tracing::warn!("something else");
        tokio::task::yield_now().await;
        7
    }

    #[tokio::test]
    async fn a_warning_is_heard_without_any_log() {
        let (done, heard) = listen(three_events()).await;
        assert_eq!((done, heard), (7, vec!["canceling wait for synchronous replication".to_owned()]));
    }

    #[tokio::test]
    async fn a_warning_is_heard_whatever_the_log_leaves_out_and_the_log_has_what_it_wants() {
        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for (filter, logged) in [("off", 0), ("warn", 2), ("warn,sqlx=off", 1), ("info", 3)] {
            let lines = Lines::default();
            let writer = lines.clone();
            let layer = fmt::layer().with_writer(move || writer.clone());
            let _log = tracing::subscriber::set_default(
                tracing_subscriber::registry().with(EnvFilter::new(filter)).with(layer),
            );
            let (_, heard) = listen(three_events()).await;
            assert_eq!(heard.len(), 1, "{filter}");
            let said = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            assert_eq!(said.lines().count(), logged, "{filter}: {said}");
        }
    }
}
