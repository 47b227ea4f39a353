//! Lookout for the holder of the lock that a statement waits for. It asks on another connection while the statement
//! waits, because afterwards the server does not know it any more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tracing::info;

use super::super::{WarehouseError, tell_lock};

/// Time of the first look at a waiting statement, and of each next one: shorter than any wait for a lock.
const SOON: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(4);

/// Wait after which the log names the holder.
const SAID_AFTER: Duration = Duration::from_secs(4);

/// Query for the holders of locks that these processes wait for. Columns hidden from the role are NULL; a prepared
/// transaction has no process.
const HOLDERS: &str = "
    select string_agg(format('%s (%s%s%s)',
            case when b.pid = 0 then 'a prepared transaction (see pg_prepared_xacts)' else 'process ' || b.pid end,
            coalesce(nullif(a.application_name, ''), a.backend_type, 'not known'),
            coalesce(', user ' || a.usename, ''),
            coalesce(', from ' || case when a.backend_start is null then null else coalesce(host(a.client_addr), 'the \
             server itself') end, '')
                || coalesce(', ' || a.state, '')
                || coalesce(', in its transaction since ' || to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD \
                 HH24:MI:SS') || ' UTC', '')),
        '; ' order by b.pid)
    from (select distinct unnest(pg_blocking_pids(w)) as pid from unnest($1::int[]) as w) as b
    left join pg_stat_activity as a on a.pid = b.pid
    where b.pid <> all ($1)";

/// Knows the processes that serve this program, and finds the sessions that they wait for.
#[derive(Clone)]
pub struct Lookout {
    pool: PgPool,
    own: Own,
}

/// The processes that serve this program, those of closed connections among them.
#[derive(Clone, Default)]
pub(super) struct Own(Arc<Mutex<Vec<i32>>>, Arc<Mutex<String>>);

impl Own {
    /// Adds a process.
    pub(super) fn add(&self, pid: i32) {
        let mut pids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pids.retain(|known| *known != pid);
        // The oldest ones are of closed connections.
        if pids.len() >= 64 {
            pids.remove(0);
        }
        pids.push(pid);
    }

    /// True if these holders were not the last to be logged: their words name their transaction.
    fn is_news(&self, holders: &str) -> bool {
        let mut said = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *said != holders;
        holders.clone_into(&mut said);
        is_news
    }

    fn list(&self) -> Vec<i32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Lookout {
    pub(super) fn new(pool: PgPool, own: Own) -> Lookout {
        Lookout { pool, own }
    }

    /// Adds a process that serves this program.
    pub(super) fn knows(&self, pid: i32) {
        self.own.add(pid);
    }

    /// Awaits the work, and meanwhile looks for a lock's holder, to be named in the error if the server gives up
    /// waiting.
    ///
    /// # Errors
    /// The work's error, [`WarehouseError::Locked`] with the holder.
    pub async fn over<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, WarehouseError>
    where
        WarehouseError: From<E>,
    {
        tokio::pin!(work);
        let (started, mut pause, mut holders, mut is_said) = (Instant::now(), SOON, None, false);
        let mut wait = Wait { is_told: false };
        loop {
            let look = async {
                tokio::time::sleep(pause).await;
                self.holders().await
            };
            tokio::select! {
                biased;
                done = &mut work => return done.map_err(|error| named(error.into(), holders)),
                found = look => {
                    wait.tell(found.as_deref());
                    if let Some(found) = found {
                        if !is_said && started.elapsed() >= SAID_AFTER {
                            if self.own.is_news(&found) {
                                info!("waiting for a lock that is held by {found}");
                            }
                            is_said = true;
                        }
                        holders = Some(found);
                    }
                    pause = AGAIN;
                }
            }
        }
    }

    /// The holders of the lock that is waited for now, in words; `None` if there are none, or none are known.
    pub async fn holders(&self) -> Option<String> {
        sqlx::query_scalar(HOLDERS).bind(self.own.list()).fetch_one(&self.pool).await.ok().flatten()
    }
}

/// The wait of a statement, whose end is told too, also where it is given up.
struct Wait {
    is_told: bool,
}

impl Wait {
    fn tell(&mut self, holders: Option<&str>) {
        if self.is_told || holders.is_some() {
            tell_lock(holders);
        }
        self.is_told = holders.is_some();
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.tell(None);
    }
}

/// The error with the lock's holders.
fn named(error: WarehouseError, holders: Option<String>) -> WarehouseError {
    match (error, holders) {
        (WarehouseError::Locked(_), Some(holders)) => WarehouseError::Locked(holders),
        (error, _) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wait_for_a_lock_is_named_and_old_processes_are_forgotten() {
        let who = || Some("process 7 (psql)".to_owned());
        let locked = named(WarehouseError::Locked("lock timeout".to_owned()), who());
        assert_eq!(locked.to_string(), "somebody else holds a lock: process 7 (psql)");
        assert_eq!(named(WarehouseError::Refused("no".to_owned()), who()).to_string(), "no");
        let own = Own::default();
        assert_eq!(["a", "a", "b"].map(|holders| own.is_news(holders)), [true, false, true]);
        (0..100).chain([99]).for_each(|pid| own.add(pid));
        assert_eq!((own.list().len(), own.list()[0], own.list()[63]), (64, 36, 99));
    }
}
