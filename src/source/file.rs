//! A file that was claimed. It is read in a thread of its own, never mapped, in memory that does not grow with it.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};

use super::{Source, SourceError, Survey};
use crate::format::{Chunk, FormatError, Input, Limits, Part, Stated, each_chunk, parts, survey};

/// Stretches of records that are parsed ahead of the writer.
const AHEAD: usize = 2;

/// One part of a file: the file itself, or a member of an archive.
pub struct FileSource {
    path: PathBuf,
    claim: Option<String>,
    /// Whether the file has others.
    is_part: bool,
    part: Part,
    stated: Stated,
    survey: Option<Survey>,
    chunks: Option<mpsc::Receiver<Result<Chunk, SourceError>>>,
}

impl FileSource {
    /// The parts of the file at `path`, called `name` in the ledger; `claim` is the place in which it lies.
    ///
    /// # Errors
    /// When it cannot be opened, or is an archive that is not read.
    pub async fn parts(
        path: &Path,
        name: &str,
        claim: Option<String>,
        limits: Limits,
    ) -> Result<Vec<FileSource>, SourceError> {
        let (file, called) = (path.to_owned(), name.to_owned());
        let parts = spawn_blocking(move || parts(&file, &called, limits)).await.map_err(broken)??;
        let is_part = parts.len() > 1;
        Ok(parts
            .into_iter()
            .map(|part| FileSource {
                path: path.to_owned(),
                claim: claim.clone(),
                is_part,
                part,
                stated: Stated::default(),
                survey: None,
                chunks: None,
            })
            .collect())
    }

    /// The sheet of a workbook that it is.
    pub fn sheet(&self) -> Option<&str> {
        self.part.sheet.as_deref()
    }

    /// What is known of how it is written.
    pub fn state(&mut self, stated: &Stated) {
        if let Some(format) = stated.format {
            self.part.state_format(format);
        }
        self.stated = stated.clone();
    }
}

#[async_trait]
impl Source for FileSource {
    fn name(&self) -> &str {
        &self.part.name
    }

    fn own_name(&self) -> &str {
        &self.part.own_name
    }

    fn is_part(&self) -> bool {
        self.is_part
    }

    fn claim(&self) -> Option<&str> {
        self.claim.as_deref()
    }

    async fn survey(&mut self) -> Result<Survey, SourceError> {
        if self.survey.is_none() {
            let (path, part, stated) = (self.path.clone(), self.part.clone(), self.stated.clone());
            let done = spawn_blocking(move || survey(part.format, || part.open(&path), &stated)).await;
            self.survey = Some(done.map_err(broken)??.into());
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

/// Sends every stretch, and an error at the end when the bytes are not those that were surveyed.
/// Ends quietly when nobody listens any more.
fn send_chunks(
    open: impl Fn() -> Result<Input, FormatError>,
    expected: &Survey,
    sender: &mpsc::Sender<Result<Chunk, SourceError>>,
) {
    let read = || -> Result<(), SourceError> {
        let (mut heard, mut same_width) = (true, true);
        let names = expected.columns.iter().map(|column| column.header.clone());
        let digest = each_chunk(open()?, &expected.layout, names, |chunk| {
            same_width = chunk.records.width() == expected.columns.len();
            heard = !same_width || sender.blocking_send(Ok(chunk)).is_ok();
            heard && same_width
        })?;
        if heard && (!same_width || digest.hash != expected.hash) { Err(SourceError::Changed) } else { Ok(()) }
    };
    if let Err(error) = read() {
        // Nobody listens any more: nobody needs it.
        let _ = sender.blocking_send(Err(error));
    }
}

fn broken(error: JoinError) -> SourceError {
    SourceError::Io(std::io::Error::other(error))
}
