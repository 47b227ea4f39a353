//! Results that come in batches, through a channel of one batch. A task of its own runs the statement, so that its
//! reader can wait, stop or be late: a statement lasts as long as the server needs for it, and the reader's patience at
//! most. The rows of a slow reader's result are put into an unnamed temporary file then, from which it gets them while
//! the statement goes on, whose snapshot and locks end with it: on SQLite they would keep the log from being written from
//! its start again, on PostgreSQL they would hold up a load that widens a column.

use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{Stream, TryStreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::Instrument;

use super::backlog::Backlog;
use super::batch::Batch;
use super::{Row, WarehouseError};

/// Wait for the end of other statements that are read, of which there are a few at once.
const TURN: Duration = Duration::from_secs(30);

/// Limits of a reading.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Time for all of it, from the statement's begin to the last batch that is taken, the reader's pauses included; as
    /// long as it takes, if there is none.
    pub deadline: Option<Duration>,
    /// Time that the statement waits for its reader, over all batches together; then rows go into a file.
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
    Batch(Batch),
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
    pub async fn next(&mut self) -> Result<Option<Batch>, WarehouseError> {
        if self.is_whole {
            return Ok(None);
        }
        match self.messages.recv().await {
            Some(Message::Batch(batch)) => Ok(Some(batch)),
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
        let (patience, backlog) = (reading.patience, Backlog::new(reading.folder));
        let mut feed = Feed { messages: sender.clone(), patience, backlog };
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
    /// Time that the statement still waits for its reader.
    patience: Duration,
    backlog: Backlog,
}

impl Feed {
    /// Sends the names of the columns, and then the rows as they come; those for which the reader has no time yet wait
    /// in a file.
    pub(super) async fn send(
        &mut self,
        columns: Vec<String>,
        rows: impl Stream<Item = Result<Row, WarehouseError>>,
    ) -> Result<(), WarehouseError> {
        self.messages.send(Message::Columns(columns)).await.map_err(|_| broken_off())?;
        let (mut rows, mut batch) = (pin!(rows), Batch::default());
        while let Some(row) = self.next(rows.as_mut()).await? {
            if batch.push(&row) {
                self.send_batch(std::mem::take(&mut batch)).await?;
                // Rows that are always there, and a file that takes them, would leave no time to hear of the end.
                tokio::task::yield_now().await;
            }
        }
        if batch.rows() == 0 { Ok(()) } else { self.send_batch(batch).await }
    }

    /// The statement's next row. A reader that asks meanwhile gets the rows that wait for it: the statement may go on for
    /// long, or for ever.
    async fn next(
        &mut self,
        mut rows: Pin<&mut impl Stream<Item = Result<Row, WarehouseError>>>,
    ) -> Result<Option<Row>, WarehouseError> {
        while !self.backlog.is_empty() {
            tokio::select! {
                biased;
                room = self.messages.reserve() => send_kept(room, &mut self.backlog)?,
                row = rows.try_next() => return row,
            }
        }
        rows.try_next().await
    }

    /// Sends a batch, or puts it behind those that wait in the file.
    async fn send_batch(&mut self, batch: Batch) -> Result<(), WarehouseError> {
        if self.backlog.is_empty() {
            let since = Instant::now();
            if let Ok(room) = tokio::time::timeout(self.patience, self.messages.reserve()).await {
                room.map_err(|_| broken_off())?.send(Message::Batch(batch));
                self.patience = self.patience.saturating_sub(since.elapsed());
                return Ok(());
            }
            self.patience = Duration::ZERO;
        }
        self.backlog.put(batch)
    }

    /// Sends the rows that wait in the file, at the reader's pace.
    async fn deliver(&mut self) -> Result<(), WarehouseError> {
        while !self.backlog.is_empty() {
            send_kept(self.messages.reserve().await, &mut self.backlog)?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

type Room<'a> = Result<mpsc::Permit<'a, Message>, mpsc::error::SendError<()>>;

/// Sends the first rows of those that wait.
fn send_kept(room: Room<'_>, backlog: &mut Backlog) -> Result<(), WarehouseError> {
    let room = room.map_err(|_| broken_off())?;
    let batch = backlog.take()?;
    if batch.rows() > 0 {
        room.send(Message::Batch(batch));
    }
    Ok(())
}
