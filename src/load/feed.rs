//! An input's rows on their way into a table: read, conformed to the table's types, and counted in a thread of their
//! own while the database takes the batches before.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use async_trait::async_trait;
use tokio::task::spawn_blocking;

use crate::catalog::RowCounts;
use crate::load::LoadError;
use crate::record::{Beside, Chunk, Reject};
use crate::schema::{Projection, conform};
use crate::source::{Input, Next};
use crate::telemetry::progress::Progress;
use crate::warehouse::Batches;

/// Greatest number of rejects that wait while rows are copied.
const REJECTS: usize = 1_000;

/// Gives batches until there are no more, or so many rejects wait that they have to be written first.
pub(crate) struct Feed<'a> {
    input: &'a mut Input,
    shape: Arc<Projection>,
    load_id: i64,
    progress: Progress,
    /// Row counts so far; duplicates in the table are not known here.
    pub(crate) books: RowCounts,
    /// Bytes of the input's records and of its rejects.
    pub(crate) bytes: (u64, u64),
    /// Text beside the records, as far as they were given.
    pub(crate) beside: Vec<Beside>,
    /// The first reject, in words.
    pub(crate) first_reject: Option<String>,
    rejects: Vec<Reject>,
    failed: Option<LoadError>,
    ended: bool,
    /// True if a record contradicts the types that the beginning had decided: no more are given.
    pub(crate) contradicted: bool,
}

impl<'a> Feed<'a> {
    pub(crate) fn new(input: &'a mut Input, shape: Projection, load_id: i64, bytes: u64) -> Self {
        Feed {
            progress: Progress::new(input.name(), load_id, bytes),
            input,
            shape: Arc::new(shape),
            load_id,
            books: RowCounts::default(),
            bytes: (0, 0),
            beside: Vec::new(),
            first_reject: None,
            rejects: Vec::new(),
            failed: None,
            ended: false,
            contradicted: false,
        }
    }

    /// True if all rows and rejects were given.
    pub(crate) fn is_done(&self) -> bool {
        self.ended && self.rejects.is_empty()
    }

    /// Takes the waiting rejects, to be written now.
    ///
    /// # Errors
    /// The error that ended the batches, if there was one.
    pub(crate) fn rejects(&mut self) -> Result<Vec<Reject>, LoadError> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut self.rejects)),
        }
    }

    async fn read(&mut self) -> Result<Option<RecordBatch>, LoadError> {
        let chunk = match self.input.next_batch().await? {
            Next::Chunk(chunk) => chunk,
            Next::End => return Ok(None),
            Next::Contradicted => {
                self.contradicted = true;
                return Ok(None);
            }
        };
        let (rows, bytes) = (chunk.rows(), chunk.bytes());
        let Chunk { records, mut rejects, mut beside, .. } = *chunk;
        self.bytes.0 += records.raw_bytes();
        self.bytes.1 += rejects.iter().map(|reject| reject.text.len() as u64).sum::<u64>();
        self.beside.append(&mut beside);
        let (shape, load_id) = (Arc::clone(&self.shape), self.load_id);
        let conformed = spawn_blocking(move || conform(&records, &shape, load_id)).await;
        let mut conformed = conformed.map_err(|error| ArrowError::ComputeError(error.to_string()))??;
        rejects.append(&mut conformed.rejects);
        rejects.sort_by_key(|reject| reject.line);
        self.books.read += (conformed.batch.num_rows() + rejects.len()) as u64 + conformed.filtered;
        self.books.rejected += rejects.len() as u64;
        self.books.filtered += conformed.filtered;
        self.books.padded += conformed.padded;
        self.books.extended += conformed.extended;
        if self.first_reject.is_none() {
            self.first_reject = rejects.first().map(Reject::shown);
        }
        self.rejects.append(&mut rejects);
        self.progress.advance(rows, bytes);
        Ok(Some(conformed.batch))
    }
}

#[async_trait]
impl Batches for Feed<'_> {
    async fn next(&mut self) -> Option<RecordBatch> {
        while !self.ended && self.rejects.len() < REJECTS {
            match self.read().await {
                Ok(Some(batch)) if batch.num_rows() == 0 => {}
                Ok(Some(batch)) => return Some(batch),
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.failed = Some(error);
                    self.ended = true;
                }
            }
        }
        None
    }
}
