//! A file that was claimed. It is read in a thread of its own, never mapped, in memory that does not grow with it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};

use super::{Source, SourceError, Survey};
use crate::format::csv::{Digest, Reader};
use crate::format::{Chunk, FormatError};
use crate::schema::{Column, Inference, Type, column_names};

/// Stretches of records that are parsed ahead of the writer.
const AHEAD: usize = 2;

/// One CSV file.
pub struct FileSource {
    path: PathBuf,
    name: String,
    survey: Option<Survey>,
    chunks: Option<mpsc::Receiver<Result<Chunk, SourceError>>>,
}

impl FileSource {
    /// A file at `path`, called `name` in the ledger.
    pub fn new(path: PathBuf, name: String) -> Self {
        FileSource { path, name, survey: None, chunks: None }
    }
}

#[async_trait]
impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn survey(&mut self) -> Result<Survey, SourceError> {
        if self.survey.is_none() {
            let path = self.path.clone();
            self.survey = Some(spawn_blocking(move || survey(File::open(path)?)).await.map_err(broken)??);
        }
        // Just set where it was not.
        self.survey.clone().ok_or(SourceError::Changed)
    }

    async fn next_batch(&mut self) -> Result<Option<Chunk>, SourceError> {
        if self.chunks.is_none() {
            let expected = self.survey().await?;
            let (sender, receiver) = mpsc::channel(AHEAD);
            let path = self.path.clone();
            spawn_blocking(move || send_chunks(&path, &expected, &sender));
            self.chunks = Some(receiver);
        }
        match &mut self.chunks {
            Some(chunks) => chunks.recv().await.transpose(),
            None => Ok(None),
        }
    }

    async fn ack(&mut self) -> std::io::Result<()> {
        match tokio::fs::remove_file(&self.path).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

/// Reads everything and keeps nothing of it but what it is.
pub(super) fn survey(input: impl Read) -> Result<Survey, SourceError> {
    let mut reader = Reader::open(input)?;
    let mut columns = vec![Inference::default(); reader.header().len()];
    let mut rows = 0;
    while let Some(chunk) = reader.next_chunk()? {
        rows += chunk.rows();
        for row in 0..chunk.records.len() {
            for (place, column) in columns.iter_mut().enumerate() {
                if let Some(value) = chunk.records.cell(row, place) {
                    column.see(value);
                }
            }
        }
    }
    let header = reader.header();
    names_columns(header)?;
    let columns = column_names(header)
        .into_iter()
        .zip(header)
        .zip(columns)
        .map(|((name, header), inference)| Column { name, header: header.clone(), fits: inference.fits() })
        .collect();
    let Digest { hash, bytes } = reader.digest();
    Ok(Survey { hash, bytes, dialect: reader.dialect(), header_text: reader.header_text().to_vec(), columns, rows })
}

/// A first row of nothing but numbers, days and truths is a row, not a header: taken for one, it would be lost.
fn names_columns(header: &[String]) -> Result<(), FormatError> {
    let value = |cell: &&String| {
        let mut inference = Inference::default();
        inference.see(cell);
        inference.fits().narrowest() != Type::Text
    };
    let mut filled = header.iter().filter(|cell| !cell.is_empty()).peekable();
    match filled.peek().copied() {
        Some(first) if filled.all(|cell| value(&cell)) => Err(FormatError::NoHeader(format!(
            "the first row holds values, not names ({first:?} is one); add a first row that names the columns"
        ))),
        _ => Ok(()),
    }
}

/// Sends every stretch, and an error at the end when the bytes are not those that were surveyed.
/// Ends quietly when nobody listens any more.
fn send_chunks(path: &Path, expected: &Survey, sender: &mpsc::Sender<Result<Chunk, SourceError>>) {
    let read = || -> Result<(), SourceError> {
        let mut reader = Reader::open(File::open(path)?)?;
        while let Some(chunk) = reader.next_chunk()? {
            if chunk.records.width() != expected.columns.len() {
                return Err(SourceError::Changed);
            }
            if sender.blocking_send(Ok(chunk)).is_err() {
                return Ok(());
            }
        }
        if reader.digest().hash == expected.hash { Ok(()) } else { Err(SourceError::Changed) }
    };
    if let Err(error) = read() {
        // Nobody listens any more: nobody needs it.
        let _ = sender.blocking_send(Err(error));
    }
}

fn broken(error: JoinError) -> SourceError {
    SourceError::Io(std::io::Error::other(error))
}
