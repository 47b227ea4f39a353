//! Results that come in batches, through a channel of one batch. A task of its own runs the statement, so that its
//! reader can wait, stop or be late: a statement lasts as long as the server needs for it, and the reader's patience at
//! most. The rest of a slow reader's result is put into an unnamed temporary file, and the statement's snapshot and
//! locks end: on SQLite they would keep the log from being written from its start again, on PostgreSQL they would hold
//! up a load that widens a column.

use std::io;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{Stream, TryStreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::block_in_place;
use tracing::Instrument;

use super::spool::Spool;
use super::{Row, WarehouseError};

/// Rows and bytes of a batch: the first of the two that is reached ends it.
const BATCH_ROWS: usize = 1024;
const BATCH_BYTES: usize = 256 * 1024;

/// Wait for the end of other statements that are read, of which there are a few at once.
const TURN: Duration = Duration::from_secs(30);

/// Limits of a reading.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Time for all of it, from the statement's begin to the last batch that is taken, the reader's pauses included; as
    /// long as it takes, if there is none.
    pub deadline: Option<Duration>,
    /// Time that the statement waits for its reader, over all batches together; then the rest goes into a file.
    pub patience: Duration,
    /// The folder of that file.
    pub folder: PathBuf,
}

impl Default for Reading {
    fn default() -> Self {
        Reading { deadline: None, patience: Duration::from_secs(10), folder: tempfile::env::temp_dir() }
    }
}

/// The rows of a query, in batches. Dropping it ends the statement on the server.
#[derive(Debug)]
pub struct Rows {
    columns: Vec<String>,
    messages: mpsc::Receiver<Message>,
    is_whole: bool,
}

#[derive(Debug)]
enum Message {
    Columns(Vec<String>),
    Batch(Vec<Row>),
    End,
    Failed(WarehouseError),
}

impl Rows {
    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next rows, one at least; `None` after the last one of a whole result, and only there.
    ///
    /// # Errors
    /// The database's error, [`WarehouseError::Deadline`], or a temporary file that cannot be written; the rows so far
    /// are a part of the result then.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, WarehouseError> {
        if self.is_whole {
            return Ok(None);
        }
        match self.messages.recv().await {
            Some(Message::Batch(rows)) => Ok(Some(rows)),
            Some(Message::End) => {
                self.is_whole = true;
                Ok(None)
            }
            Some(Message::Failed(error)) => Err(error),
            Some(Message::Columns(_)) | None => Err(broken_off()),
        }
    }

    /// All rows, of a query with few of them.
    ///
    /// # Errors
    /// As [`Rows::next`].
    pub async fn all(mut self) -> Result<Vec<Row>, WarehouseError> {
        let mut all = Vec::new();
        while let Some(rows) = self.next().await? {
            all.extend(rows);
        }
        Ok(all)
    }
}

fn broken_off() -> WarehouseError {
    WarehouseError::Unavailable("the result broke off before its end".to_owned())
}

/// A statement of an engine, on a connection that is its own until it ends.
pub(super) trait Reader: Send + 'static {
    /// Takes a connection, and feeds the names of the columns and then all rows. Can be given up at any point.
    fn run(&mut self, feed: &mut Feed) -> impl Future<Output = Result<(), WarehouseError>> + Send;

    /// Ends the statement on the server, if the reading is not whole, and gives the connection back or closes it.
    fn end(self, is_whole: bool) -> impl Future<Output = ()> + Send;
}

/// Begins to read; the statement takes its turn behind others, which are as many at once as there are permits.
pub(super) async fn read(
    mut reader: impl Reader,
    turns: &Arc<Semaphore>,
    reading: Reading,
) -> Result<Rows, WarehouseError> {
    let (sender, mut messages) = mpsc::channel(1);
    let turns = Arc::clone(turns);
    let deadline = reading.deadline;
    let task = async move {
        let mut feed = Feed { messages: sender.clone(), reading, spool: None };
        let mut stop = pin!(stop(&sender, deadline));
        let mut turn = None;
        let run = async {
            turn = Some(take_turn(turns).await?);
            reader.run(&mut feed).await
        };
        let done = or_stopped(run, stop.as_mut()).await;
        reader.end(done.is_ok()).await;
        drop(turn);
        let done = match done {
            Ok(()) => or_stopped(feed.deliver(), stop).await,
            failed => failed,
        };
        let last = done.map_or_else(Message::Failed, |()| Message::End);
        // A reader that is gone needs no last word.
        let _ = sender.send(last).await;
    };
    tokio::spawn(task.in_current_span());
    match messages.recv().await {
        Some(Message::Columns(columns)) => Ok(Rows { columns, messages, is_whole: false }),
        Some(Message::Failed(error)) => Err(error),
        _ => Err(broken_off()),
    }
}

async fn take_turn(turns: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, WarehouseError> {
    let turn = tokio::time::timeout(TURN, turns.acquire_owned()).await;
    turn.ok().and_then(Result::ok).ok_or_else(|| {
        WarehouseError::Unavailable("as many results as there are connections for are being read".to_owned())
    })
}

/// Waits for the reader to go, or the deadline to pass.
async fn stop(messages: &mpsc::Sender<Message>, deadline: Option<Duration>) -> WarehouseError {
    let Some(deadline) = deadline else {
        messages.closed().await;
        return broken_off();
    };
    let closed = tokio::time::timeout(deadline, messages.closed()).await;
    if closed.is_ok() { broken_off() } else { WarehouseError::Deadline(deadline) }
}

/// The work's end, or the reason why it was given up.
async fn or_stopped(
    work: impl Future<Output = Result<(), WarehouseError>>,
    stop: Pin<&mut impl Future<Output = WarehouseError>>,
) -> Result<(), WarehouseError> {
    tokio::select! {
        biased;
        reason = stop => Err(reason),
        done = work => done,
    }
}

/// The way from a statement to its reader.
pub(super) struct Feed {
    messages: mpsc::Sender<Message>,
    reading: Reading,
    /// The rows behind those that were sent.
    spool: Option<Spool>,
}

impl Feed {
    /// Sends the names of the columns, and then the rows as they come, as long as the reader keeps up.
    pub(super) async fn send(
        &mut self,
        columns: Vec<String>,
        rows: impl Stream<Item = Result<Row, WarehouseError>>,
    ) -> Result<(), WarehouseError> {
        self.messages.send(Message::Columns(columns)).await.map_err(|_| broken_off())?;
        let (mut rows, mut batch) = (pin!(rows), Batch::default());
        while let Some(row) = rows.try_next().await? {
            if batch.push(row) {
                self.send_batch(std::mem::take(&mut batch).rows).await?;
                // Rows that are always there, and a file that takes them, would leave no time to hear of the end.
                tokio::task::yield_now().await;
            }
        }
        if batch.rows.is_empty() { Ok(()) } else { self.send_batch(batch.rows).await }
    }

    /// Sends a batch, or puts it behind those that wait in the file.
    async fn send_batch(&mut self, batch: Vec<Row>) -> Result<(), WarehouseError> {
        if self.spool.is_none() {
            let since = Instant::now();
            if let Ok(room) = tokio::time::timeout(self.reading.patience, self.messages.reserve()).await {
                room.map_err(|_| broken_off())?.send(Message::Batch(batch));
                self.reading.patience = self.reading.patience.saturating_sub(since.elapsed());
                return Ok(());
            }
        }
        let kept = block_in_place(|| {
            let spool = match &mut self.spool {
                Some(spool) => spool,
                none => none.insert(Spool::create(&self.reading.folder)?),
            };
            batch.iter().try_for_each(|row| spool.put(row))
        });
        kept.map_err(|error| self.no_file(&error))
    }

    /// Sends the rows that wait in the file, at the reader's pace.
    async fn deliver(&mut self) -> Result<(), WarehouseError> {
        let Some(mut spool) = self.spool.take() else { return Ok(()) };
        let mut rows = block_in_place(|| spool.rows()).map_err(|error| self.no_file(&error))?;
        loop {
            let room = self.messages.reserve().await.map_err(|_| broken_off())?;
            let batch = block_in_place(|| Batch::of(&mut rows)).map_err(|error| self.no_file(&error))?;
            if batch.is_empty() {
                return Ok(());
            }
            room.send(Message::Batch(batch));
            tokio::task::yield_now().await;
        }
    }

    fn no_file(&self, error: &io::Error) -> WarehouseError {
        let folder = self.reading.folder.display();
        WarehouseError::Unavailable(format!("the rest of a slow reader's result cannot be kept in {folder}: {error}"))
    }
}

/// Rows that are sent together.
#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    bytes: usize,
}

impl Batch {
    /// Appends a row; returns true if the batch is full.
    fn push(&mut self, row: Row) -> bool {
        self.bytes += row.iter().flatten().map(String::len).sum::<usize>();
        self.rows.push(row);
        self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The next rows; none at the end.
    fn of(rows: &mut impl Iterator<Item = io::Result<Row>>) -> io::Result<Vec<Row>> {
        let mut batch = Batch::default();
        for row in rows {
            if batch.push(row?) {
                break;
            }
        }
        Ok(batch.rows)
    }
}
