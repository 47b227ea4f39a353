//! Turns of writing: SQLite has one writer. Each commit waits for the disk; short ones that follow each other share
//! one: each is a savepoint within the same transaction, and all of them hear of its end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Executor, Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tracing::info;

use super::super::WarehouseError;
use super::access::Access;
use super::checkpoint::Checkpointer;
use super::holders::holders;
use super::keeper::Keeper;

/// Greatest number of transactions that share one commit.
const MOST: usize = 64;

/// Longest wait of the first of them for the others.
const LONGEST: Duration = Duration::from_millis(200);

/// Wait after which the log names the other processes.
const SAID_AFTER: Duration = Duration::from_secs(4);

/// The turn to write, and the uncommitted work in it so far.
#[derive(Clone)]
pub(super) struct Writer {
    pool: SqlitePool,
    turn: Arc<Mutex<Option<Group>>>,
    /// Number of short transactions that wait for their turn.
    waiting: Arc<AtomicUsize>,
    checkpointer: Checkpointer,
    keeper: Keeper,
    access: Access,
}

/// Transactions that are done and wait for the commit which they share.
struct Group {
    transaction: Open,
    done: Vec<oneshot::Sender<Result<(), WarehouseError>>>,
    since: Instant,
}

/// A transaction. Without a commit its connection goes with it: closing that rolls back, and a later question about a
/// commit goes to another one.
struct Open(Option<PoolConnection<Sqlite>>);

impl Open {
    async fn begin(pool: &SqlitePool, access: Access) -> Result<Open, WarehouseError> {
        let mut open = Open(Some(pool.acquire().await?));
        take_lock(open.connection()?, pool.connect_options().get_filename(), access).await?;
        Ok(open)
    }

    fn connection(&mut self) -> Result<&mut SqliteConnection, WarehouseError> {
        match &mut self.0 {
            Some(connection) => Ok(connection),
            None => Err(WarehouseError::Refused("the transaction has ended".to_owned())),
        }
    }

    async fn commit(mut self, keeper: &Keeper) -> Result<(), WarehouseError> {
        if let Err(moved) = keeper.see() {
            // The connection stays: another one would be to what is in the file's place now.
            if self.connection()?.execute("rollback").await.is_ok() {
                drop(self.0.take());
            }
            return Err(moved);
        }
        fail::fail_point!("commit_not_sent", |_| Err(WarehouseError::unknown("a fault of the test's")));
        self.connection()?.execute("commit").await.map_err(WarehouseError::unknown)?;
        fail::fail_point!("commit_not_answered", |_| Err(WarehouseError::unknown("a fault of the test's")));
        // A connection after a commit is as good as any.
        drop(self.0.take());
        keeper.see().map_err(WarehouseError::unknown)
    }
}

/// Begins to write; the log names the other processes if one of them writes.
async fn take_lock(connection: &mut SqliteConnection, path: &Path, access: Access) -> Result<(), WarehouseError> {
    let mut begin = connection.execute(access.begin());
    tokio::select! {
        done = &mut begin => done?,
        () = tokio::time::sleep(SAID_AFTER) => {
            let holders = holders(path);
            info!("waiting until another program has written into the database: {holders}");
            begin.await.map_err(|error| WarehouseError::from(error).while_doing(&holders))?
        }
    };
    Ok(())
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.0 {
            connection.close_on_drop();
        }
    }
}

/// A turn. Dropping it rolls back its own work, and nothing else.
pub(super) struct Turn {
    writer: Writer,
    open: Option<(OwnedMutexGuard<Option<Group>>, Group)>,
    shares: bool,
}

impl Writer {
    pub(super) fn new(pool: SqlitePool, checkpointer: Checkpointer, keeper: Keeper, access: Access) -> Writer {
        Writer { pool, turn: Arc::default(), waiting: Arc::default(), checkpointer, keeper, access }
    }

    /// Waits for the turn. One that `shares` may be committed together with others.
    pub(super) async fn turn(&self, shares: bool) -> Result<Turn, WarehouseError> {
        let waits = shares.then(|| Waits::new(&self.waiting));
        let mut turn = Arc::clone(&self.turn).lock_owned().await;
        drop(waits);
        let known = match turn.take() {
            Some(group) if !shares => {
                self.commit(group).await;
                None
            }
            known => known,
        };
        let mut group = match known {
            Some(group) => group,
            None => {
                self.keeper.check().await?;
                self.checkpointer.keep_up().await;
                Group {
                    transaction: Open::begin(&self.pool, self.access).await?,
                    done: Vec::new(),
                    since: Instant::now(),
                }
            }
        };
        if shares {
            group.transaction.connection()?.execute("savepoint sluice_turn").await?;
        }
        Ok(Turn { writer: self.clone(), open: Some((turn, group)), shares })
    }

    /// Commits, and tells the waiting transactions.
    async fn commit(&self, group: Group) {
        let done = group.transaction.commit(&self.keeper).await;
        self.checkpointer.wake();
        for waits in group.done {
            // A transaction that does not listen any more asks the ledger later.
            let _ = waits.send(match &done {
                Ok(()) => Ok(()),
                Err(WarehouseError::Moved(why)) => Err(WarehouseError::Moved(why.clone())),
                Err(WarehouseError::Unknown(why)) => Err(WarehouseError::Unknown(why.clone())),
                Err(other) => Err(WarehouseError::unknown(other)),
            });
        }
    }

    /// Passes the group on to the next in turn, or commits it.
    async fn pass_on(&self, mut turn: OwnedMutexGuard<Option<Group>>, group: Group) {
        let is_full = group.done.len() >= MOST || group.since.elapsed() >= LONGEST;
        if is_full || self.waiting.load(Ordering::SeqCst) == 0 {
            self.commit(group).await;
        } else {
            *turn = Some(group);
        }
    }
}

impl Turn {
    /// The connection.
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, WarehouseError> {
        match &mut self.open {
            Some((_, group)) => group.transaction.connection(),
            None => Err(WarehouseError::Refused("the transaction has ended".to_owned())),
        }
    }

    /// Makes everything permanent, on stable storage, perhaps together with later transactions of others.
    pub(super) async fn commit(mut self) -> Result<(), WarehouseError> {
        if self.shares {
            self.connection()?.execute("release sluice_turn").await?;
        }
        let Some((turn, mut group)) = self.open.take() else {
            return Err(WarehouseError::Refused("the transaction has ended".to_owned()));
        };
        if !self.shares {
            let done = group.transaction.commit(&self.writer.keeper).await;
            self.writer.checkpointer.wake();
            return done;
        }
        let (sender, mut receiver) = oneshot::channel();
        group.done.push(sender);
        self.writer.pass_on(turn, group).await;
        loop {
            match tokio::time::timeout(LONGEST, &mut receiver).await {
                Ok(Ok(done)) => return done,
                Ok(Err(_)) => return Err(WarehouseError::unknown("what shared the commit ended before it")),
                // The transaction that was to take the group over did not come.
                Err(_) => {
                    if let Ok(mut turn) = Arc::clone(&self.writer.turn).try_lock_owned()
                        && let Some(group) = turn.take()
                    {
                        self.writer.commit(group).await;
                    }
                }
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((turn, mut group)) = self.open.take() else { return };
        // A sole transaction goes as a whole. Others before it wait for their commit.
        if group.done.is_empty() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let writer = self.writer.clone();
            runtime.spawn(async move {
                let Ok(connection) = group.transaction.connection() else { return };
                if connection.execute("rollback to sluice_turn; release sluice_turn").await.is_ok() {
                    writer.pass_on(turn, group).await;
                }
            });
        }
    }
}

/// Counts the waiting transactions while it lives.
struct Waits(Arc<AtomicUsize>);

impl Waits {
    fn new(waiting: &Arc<AtomicUsize>) -> Waits {
        waiting.fetch_add(1, Ordering::SeqCst);
        Waits(Arc::clone(waiting))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
