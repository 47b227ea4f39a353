//! A file that was claimed. It is read in a thread of its own, never mapped, in memory that does not grow with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::{ClaimedFile, Profile, Source, SourceError, Stamp, Writer, writer};
use crate::format::{
    ExpectedTypes, Format, FormatError, Input, Limits, Part, Profiler, ReadOptions, SAMPLE_BYTES, SpanBytes, Workbook,
    each_chunk_above, identity, parts, profile, sample,
};
use crate::record::{Beside, Chunk};

/// Spans of records that are parsed ahead of the writer.
const AHEAD: usize = 2;

/// One part of a file: the file itself, or a member of an archive.
pub struct FileSource {
    /// Path by which it is read.
    path: PathBuf,
    /// The file, if it was claimed.
    claimed: Option<ClaimedFile>,
    claim: Option<String>,
    earlier_claims: Vec<String>,
    /// True if the file has other parts.
    is_part: bool,
    part: Part,
    /// Stamp of the file before it was read.
    stamp: Option<Stamp>,
    stated: ReadOptions,
    profile: Option<Profile>,
    held: Vec<ExpectedTypes>,
    chunks: Option<Chunks>,
    spans: Option<SpanBytes>,
}

/// Records on their way, and the reading thread's results at the end.
struct Chunks {
    receiver: mpsc::Receiver<Result<Chunk, SourceError>>,
    read: JoinHandle<(Option<Profile>, Option<SpanBytes>)>,
}

impl FileSource {
    /// The parts of the file at `path`, called `name` in the ledger; `claimed` is its claim, if it has one.
    ///
    /// # Errors
    /// A file that cannot be opened, or is an archive that is not read.
    pub async fn parts(
        path: &Path,
        name: &str,
        claimed: Option<&ClaimedFile>,
        limits: Limits,
    ) -> Result<Vec<FileSource>, SourceError> {
        let (stamp, claim) = (stamp(claimed, path), claimed.and_then(ClaimedFile::claim));
        let (file, called) = (path.to_owned(), name.to_owned());
        let parts = spawn_blocking(move || {
            fail::fail_point!("opening");
            parts(&file, &called, limits)
        });
        let parts = parts.await.map_err(broken)??;
        let is_part = parts.len() > 1;
        Ok(parts
            .into_iter()
            .map(|part| FileSource {
                path: path.to_owned(),
                claimed: claimed.cloned(),
                claim: claim.clone(),
                earlier_claims: Vec::new(),
                is_part,
                part,
                stamp,
                stated: ReadOptions::default(),
                profile: None,
                held: Vec::new(),
                chunks: None,
                spans: None,
            })
            .collect())
    }

    /// The tables of each of the sources: a text without stated options, by `is_untold`, may have several.
    ///
    /// # Errors
    /// Too many tables.
    pub async fn each_table(
        sources: Vec<FileSource>,
        is_untold: impl Fn(&FileSource) -> bool,
    ) -> Result<Vec<FileSource>, SourceError> {
        let mut all = Vec::with_capacity(sources.len());
        for source in sources {
            if !is_untold(&source) {
                all.push(source);
                continue;
            }
            let (path, part) = (source.path.clone(), source.part.clone());
            for part in spawn_blocking(move || part.tables(&path)).await.map_err(broken)?? {
                all.push(FileSource {
                    path: source.path.clone(),
                    claimed: source.claimed.clone(),
                    claim: source.claim.clone(),
                    earlier_claims: source.earlier_claims.clone(),
                    stated: ReadOptions { first_line: part.first_line(), ..ReadOptions::default() },
                    part,
                    stamp: source.stamp,
                    is_part: source.is_part,
                    profile: None,
                    held: Vec::new(),
                    chunks: None,
                    spans: None,
                });
            }
        }
        let is_part = all.len() > 1;
        all.iter_mut().for_each(|source| source.is_part = is_part);
        Ok(all)
    }

    /// The sheet of a workbook.
    pub fn sheet(&self) -> Option<&str> {
        self.part.sheet.as_deref()
    }

    /// The workbook of the sheet.
    pub fn workbook(&self) -> Option<&Workbook> {
        self.part.workbook.as_ref()
    }

    /// Names the sheet's table after the workbook alone, or after workbook and sheet.
    pub fn name_table(&mut self, after_workbook: bool) {
        if let (Some(workbook), Some(sheet)) = (&self.part.workbook, &self.part.sheet) {
            self.part.table_hint = if after_workbook { workbook.table_hint.clone() } else { workbook.hint_of(sheet) };
        }
    }

    /// Notes a part of the file that is not loaded.
    pub fn leave_out(&mut self, beside: Beside) {
        self.part.beside.push(beside);
    }

    /// States the claims of the file's parts that were loaded before.
    pub(crate) fn loaded_before(&mut self, claims: &[String]) {
        self.earlier_claims = claims.to_vec();
    }

    /// The input of a reading thread.
    fn reading(&self) -> (PathBuf, Part, ReadOptions) {
        let delimiter = self.stated.delimiter.or(self.part.delimiter());
        let stated = ReadOptions { is_lines: self.part.is_lines(), delimiter, ..self.stated.clone() };
        (self.path.clone(), self.part.clone(), stated)
    }

    /// Sets the stated options of its format.
    pub fn with_options(&mut self, stated: &ReadOptions) {
        if let Some(format) = stated.format {
            self.part.state_format(format);
        }
        self.stated = ReadOptions { first_line: self.part.first_line(), ..stated.clone() };
    }
}

#[async_trait]
impl Source for FileSource {
    fn name(&self) -> &str {
        &self.part.name
    }

    fn table_hint(&self) -> &str {
        &self.part.table_hint
    }

    fn is_part(&self) -> bool {
        self.is_part
    }

    fn claim(&self) -> Option<&str> {
        self.claim.as_deref()
    }

    fn earlier_claims(&self) -> &[String] {
        &self.earlier_claims
    }

    fn is_decoded(&self) -> bool {
        self.part.format == Format::Parquet
    }

    async fn profile(&mut self) -> Result<Profile, SourceError> {
        if !self.profile.as_ref().is_some_and(|profile| profile.whole) {
            self.chunks = None;
            let (path, part, stated) = self.reading();
            let done = spawn_blocking(move || {
                fail::fail_point!("first_pass");
                profile(part.format, || part.open(&path), &stated)
            });
            let done = done.await;
            let found = done.map_err(broken)?.map_err(|error| self.part.explain(error))?;
            self.profile = Some(found.into());
        }
        // It was set above, if it was not before.
        self.profile.clone().ok_or(SourceError::Changed)
    }

    async fn sample(&mut self) -> Result<Profile, SourceError> {
        if self.profile.is_none() && self.part.format == Format::Parquet {
            let (path, part, stated) = self.reading();
            let done = spawn_blocking(move || sample(part.format, || part.open(&path), &stated)).await;
            let found = done.map_err(broken)?.map_err(|error| self.part.explain(error))?;
            self.profile = Some(found.into());
        }
        let is_text = matches!(self.part.format, Format::Csv | Format::Json);
        if self.profile.is_none() && is_text && self.path.metadata()?.len() > SAMPLE_BYTES {
            let (path, part, stated) = self.reading();
            let beginning = spawn_blocking(move || sample(part.format, || part.open(&path), &stated));
            let (path, part, needed) = (self.path.clone(), self.part.clone(), Arc::new(AtomicBool::new(true)));
            let still = Arc::clone(&needed);
            let all = spawn_blocking(move || identity(part.open(&path)?, &still));
            let found = beginning.await.map_err(broken)?.map_err(|error| self.part.explain(error));
            // A beginning that is no table decides, whatever follows.
            needed.store(found.as_ref().is_ok_and(|found| !found.whole), Ordering::Relaxed);
            let mut found = found?;
            let all = all.await.map_err(broken)?;
            if !found.whole {
                found.digest = all?;
            }
            self.profile = Some(found.into());
        }
        match &self.profile {
            Some(known) => Ok(known.clone()),
            None => self.profile().await,
        }
    }

    fn expect_types(&mut self, held: Vec<ExpectedTypes>) {
        self.held = held;
    }

    async fn next_batch(&mut self) -> Result<Option<Chunk>, SourceError> {
        if self.chunks.is_none() {
            let expected = self.sample().await?;
            let (sender, receiver) = mpsc::channel(AHEAD);
            let (path, part, stated) = self.reading();
            let held = std::mem::take(&mut self.held);
            let read = spawn_blocking(move || send_chunks(|| part.open(&path), expected, &stated, &held, &sender));
            self.chunks = Some(Chunks { receiver, read });
        }
        let Some(chunks) = &mut self.chunks else { return Ok(None) };
        match chunks.receiver.recv().await {
            Some(chunk) => chunk.map(Some),
            None => {
                if let Some(chunks) = self.chunks.take() {
                    let (whole, spans) = chunks.read.await.map_err(broken)?;
                    self.profile = whole.or(self.profile.take());
                    self.spans = spans;
                }
                Ok(None)
            }
        }
    }

    async fn make_claim_durable(&self) -> std::io::Result<()> {
        let Some(claimed) = self.claimed.clone() else { return Ok(()) };
        spawn_blocking(move || claimed.sync()).await.map_err(std::io::Error::other)?
    }

    fn beside(&self) -> &[Beside] {
        &self.part.beside
    }

    fn spans(&self) -> Option<SpanBytes> {
        self.spans
    }

    fn verify_unchanged(&self) -> Result<(), SourceError> {
        let writer = || self.claimed.as_ref().map_or_else(|| writer(&self.path), ClaimedFile::writer);
        match stamp(self.claimed.as_ref(), &self.path) {
            None => Err(SourceError::Gone),
            now if now != self.stamp || writer() == Writer::Open => Err(SourceError::Changed),
            _ => Ok(()),
        }
    }

    /// A file goes when all its parts are loaded (`ClaimedFile::delete`), so one part's commit does nothing.
    async fn ack(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Sends every span, and an error at the end when the bytes are not those that were profiled; ends quietly when the
/// receiver is gone. Returns the profile of the whole input if only its beginning was read before, and the bytes of its
/// spans.
fn send_chunks(
    open: impl Fn() -> Result<Input, FormatError>,
    mut expected: Profile,
    stated: &ReadOptions,
    held: &[ExpectedTypes],
    sender: &mpsc::Sender<Result<Chunk, SourceError>>,
) -> (Option<Profile>, Option<SpanBytes>) {
    let width = expected.columns.len();
    let columns = expected.columns.iter().map(|column| (column.header.as_str(), column.name.as_str()));
    let mut profiler = (!expected.whole).then(|| Profiler::new(columns, stated, &expected.layout));
    let surplus = expected.layout.has_surplus();
    let mut read = || -> Result<Option<SpanBytes>, SourceError> {
        let (mut heard, mut same_width, mut mistaken) = (true, true, false);
        let names = expected.columns.iter().map(|column| column.header.clone());
        let (digest, spans) = each_chunk_above(open()?, &expected.layout, names, &stated.footer, |chunk| {
            same_width = chunk.records.width() == width;
            if let Some(profiler) = profiler.as_mut().filter(|_| same_width) {
                profiler.see(&chunk);
                mistaken = !profiler.still_fits(held, surplus);
            }
            heard = !same_width || mistaken || sender.blocking_send(Ok(chunk)).is_ok();
            heard && same_width && !mistaken
        })?;
        match () {
            () if mistaken => Err(SourceError::TypesContradicted),
            () if heard && (!same_width || digest.hash != expected.hash) => Err(SourceError::Changed),
            () => Ok(spans),
        }
    };
    match (read(), profiler) {
        (Ok(spans), Some(profiler)) => {
            (expected.rows, expected.preview) = profiler.finish(&mut expected.columns);
            expected.whole = true;
            (Some(expected), spans)
        }
        (Ok(spans), None) => (None, spans),
        (Err(error), _) => {
            // A closed receiver needs no error.
            let _ = sender.blocking_send(Err(error));
            (None, None)
        }
    }
}

fn stamp(claimed: Option<&ClaimedFile>, path: &Path) -> Option<Stamp> {
    claimed.map_or_else(|| Stamp::of(path), ClaimedFile::stamp)
}

fn broken(error: JoinError) -> SourceError {
    SourceError::Io(std::io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_table_at_its_beginning_is_told_before_the_rest_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        // A reader of all of it would take an hour.
        std::fs::File::create(&path).unwrap().set_len(4 << 40).unwrap();
        let mut parts = FileSource::parts(&path, "x.csv", None, Limits::default()).await.unwrap();
        let error = parts[0].sample().await.unwrap_err();
        assert!(matches!(error, SourceError::Unreadable(_)), "{error}");
    }
}
