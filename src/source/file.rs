//! A file that was claimed. It is read in a thread of its own, never mapped, in memory that does not grow with it.

use std::io::Read;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};

use super::{Source, SourceError, Survey};
use crate::format::csv::Reader;
use crate::format::{Chunk, Digest, FormatError, Limits, Part, Stated, guess_encoding, parts};
use crate::schema::{Column, Inference, column_names};

/// Stretches of records that are parsed ahead of the writer.
const AHEAD: usize = 2;

/// One part of a file: the file itself, or a member of an archive.
pub struct FileSource {
    path: PathBuf,
    part: Part,
    stated: Stated,
    survey: Option<Survey>,
    chunks: Option<mpsc::Receiver<Result<Chunk, SourceError>>>,
}

impl FileSource {
    /// The parts of the file at `path`, called `name` in the ledger.
    ///
    /// # Errors
    /// When it cannot be opened, or is an archive that is not read.
    pub async fn parts(path: &Path, name: &str, limits: Limits) -> Result<Vec<FileSource>, SourceError> {
        let (file, called) = (path.to_owned(), name.to_owned());
        let parts = spawn_blocking(move || parts(&file, &called, limits)).await.map_err(broken)??;
        Ok(parts
            .into_iter()
            .map(|part| FileSource {
                path: path.to_owned(),
                part,
                stated: Stated::default(),
                survey: None,
                chunks: None,
            })
            .collect())
    }

    /// The name that its table is called by.
    pub fn own_name(&self) -> &str {
        &self.part.own_name
    }
}

#[async_trait]
impl Source for FileSource {
    fn name(&self) -> &str {
        &self.part.name
    }

    async fn survey(&mut self) -> Result<Survey, SourceError> {
        if self.survey.is_none() {
            let (path, part, stated) = (self.path.clone(), self.part.clone(), self.stated.clone());
            let done = spawn_blocking(move || survey(|| part.open(&path), &stated)).await;
            self.survey = Some(done.map_err(broken)??);
        }
        // Just set where it was not.
        self.survey.clone().ok_or(SourceError::Changed)
    }

    async fn next_batch(&mut self) -> Result<Option<Chunk>, SourceError> {
        if self.chunks.is_none() {
            let expected = self.survey().await?;
            let (sender, receiver) = mpsc::channel(AHEAD);
            let (path, part) = (self.path.clone(), self.part.clone());
            spawn_blocking(move || send_chunks(|| part.open(&path), &expected, &sender));
            self.chunks = Some(receiver);
        }
        match &mut self.chunks {
            Some(chunks) => chunks.recv().await.transpose(),
            None => Ok(None),
        }
    }

    /// A file goes when all its parts are loaded (`Claimed::delete`), so one part's rows say nothing.
    async fn ack(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads everything and keeps nothing of it but what it is. A text that turns out not to be UTF-8 is read once more.
pub(super) fn survey<R: Read>(open: impl Fn() -> std::io::Result<R>, stated: &Stated) -> Result<Survey, SourceError> {
    let (found, wrong) = match survey_as(open()?, stated) {
        Ok(found) => found,
        // Not even the header is UTF-8.
        Err(FormatError::NotText(_)) if stated.encoding.is_none() => {
            let mut sample = Vec::new();
            open()?.take(64 * 1024).read_to_end(&mut sample)?;
            match guess_encoding(&sample) {
                Some(encoding) => survey_as(open()?, &Stated { encoding: Some(encoding), ..stated.clone() })?,
                None => return Err(survey_as(open()?, stated).err().map_or(SourceError::Changed, SourceError::from)),
            }
        }
        Err(error) => return Err(error.into()),
    };
    match guess_encoding(&wrong) {
        Some(encoding) if stated.encoding.is_none() => {
            Ok(survey_as(open()?, &Stated { encoding: Some(encoding), ..stated.clone() })?.0)
        }
        _ => Ok(found),
    }
}

/// The survey, and the records that are not UTF-8 if they are more than those that hold letters which only UTF-8 writes so.
fn survey_as(input: impl Read, stated: &Stated) -> Result<(Survey, Vec<u8>), FormatError> {
    let mut reader = Reader::open(input, stated)?;
    let mut columns = vec![Inference::default(); reader.header().len()];
    let mut rows = 0;
    let (mut wrong, mut wrong_rows, mut right_rows) = (Vec::new(), 0u64, 0u64);
    while let Some(chunk) = reader.next_chunk()? {
        rows += chunk.rows();
        for row in 0..chunk.records.len() {
            right_rows += u64::from(!chunk.records.raw(row).is_ascii());
            for (place, column) in columns.iter_mut().enumerate() {
                if let Some(value) = chunk.records.cell(row, place) {
                    column.see(value);
                }
            }
        }
        for reject in chunk.rejects.iter().filter(|reject| std::str::from_utf8(&reject.text).is_err()) {
            wrong_rows += 1;
            if wrong.len() < 64 * 1024 {
                wrong.extend_from_slice(&reject.text);
                wrong.push(b'\n');
            }
        }
    }
    let header = reader.header();
    let columns: Vec<_> = column_names(header)
        .into_iter()
        .zip(header)
        .zip(columns)
        .map(|((name, header), inference)| Column { name, header: header.clone(), fits: inference.fits() })
        .collect();
    let Digest { hash, bytes } = reader.digest();
    let dialect = reader.dialect().clone();
    let header_text = reader.header_text().to_vec();
    let survey = Survey { hash, bytes, dialect, header_text, columns, rows };
    if wrong_rows <= right_rows {
        wrong.clear();
    }
    Ok((survey, wrong))
}

/// Sends every stretch, and an error at the end when the bytes are not those that were surveyed.
/// Ends quietly when nobody listens any more.
fn send_chunks<R: Read>(
    open: impl Fn() -> std::io::Result<R>,
    expected: &Survey,
    sender: &mpsc::Sender<Result<Chunk, SourceError>>,
) {
    let read = || -> Result<(), SourceError> {
        let mut reader = Reader::reopen(open()?, &expected.dialect)?;
        while let Some(chunk) = reader.next_chunk()? {
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
