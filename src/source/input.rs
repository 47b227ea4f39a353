//! An input of the one path: a part of a file, or bytes in memory. It is read twice, first for its profile, as far as that
//! is needed, then for its records; in a thread of its own, never mapped, in memory that does not grow with it.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{MemfdFlags, memfd_create};
use tokio::task::spawn_blocking;

use super::reading::{Ahead, Chunks, Next, broken};
use super::{ClaimedFile, Identity, Profile, SourceError, Stamp, Window, Writer, writer};
use crate::format::{
    ExpectedTypes, Format, Limits, Part, ReadOptions, SAMPLE_BYTES, SpanBytes, Workbook, identity, parts, profile,
    sample,
};
use crate::record::Beside;

/// One part of a file: the file itself, a member of an archive, a sheet, or one of several tables; or bytes in memory.
pub struct Input {
    /// Path by which it is read.
    path: PathBuf,
    /// The file, if it was claimed.
    claimed: Option<ClaimedFile>,
    claim: Option<String>,
    /// The bytes, if they are in memory alone.
    memory: Option<Arc<File>>,
    /// The window of a stream that it is; `None` for a file.
    window: Option<Window>,
    /// True if its load was begun before, by a program or a try that ended.
    begun: bool,
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

impl Input {
    /// The parts of the file at `path`, called `name` in the ledger; `claimed` is its claim, if it has one.
    ///
    /// # Errors
    /// A file that cannot be opened, or is an archive that is not read.
    pub async fn parts(
        path: &Path,
        name: &str,
        claimed: Option<&ClaimedFile>,
        limits: Limits,
    ) -> Result<Vec<Input>, SourceError> {
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
            .map(|part| Input {
                path: path.to_owned(),
                claimed: claimed.cloned(),
                claim: claim.clone(),
                memory: None,
                window: None,
                begun: false,
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

    /// The parts of a file that is in memory alone, as [`Input::parts`].
    ///
    /// # Errors
    /// As [`Input::parts`].
    pub async fn parts_of_bytes(bytes: &[u8], name: &str, limits: Limits) -> Result<Vec<Input>, SourceError> {
        let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC).map_err(std::io::Error::from)?);
        file.write_all(bytes)?;
        // Nobody has it open for writing any more once it is opened anew.
        let memory = Arc::new(File::open(opened(&file))?);
        drop(file);
        let mut parts = Input::parts(&opened(&memory), name, None, limits).await?;
        parts.iter_mut().for_each(|part| part.memory = Some(Arc::clone(&memory)));
        Ok(parts)
    }

    /// The tables of each of the inputs: a text without stated options, by `is_untold`, may have several.
    ///
    /// # Errors
    /// Too many tables.
    pub async fn each_table(inputs: Vec<Input>, is_untold: impl Fn(&Input) -> bool) -> Result<Vec<Input>, SourceError> {
        let mut all = Vec::with_capacity(inputs.len());
        for input in inputs {
            if !is_untold(&input) {
                all.push(input);
                continue;
            }
            let (path, part) = (input.path.clone(), input.part.clone());
            for part in spawn_blocking(move || part.tables(&path)).await.map_err(broken)?? {
                all.push(Input {
                    path: input.path.clone(),
                    claimed: input.claimed.clone(),
                    claim: input.claim.clone(),
                    memory: input.memory.clone(),
                    window: input.window.clone(),
                    begun: input.begun,
                    earlier_claims: input.earlier_claims.clone(),
                    stated: ReadOptions { first_line: part.first_line(), ..ReadOptions::default() },
                    part,
                    stamp: input.stamp,
                    is_part: input.is_part,
                    profile: None,
                    held: Vec::new(),
                    chunks: None,
                    spans: None,
                });
            }
        }
        let is_part = all.len() > 1;
        all.iter_mut().for_each(|input| input.is_part = is_part);
        Ok(all)
    }

    /// Name in the ledger and in messages.
    pub fn name(&self) -> &str {
        &self.part.name
    }

    /// Name for its table, unless another one is stated.
    pub fn table_hint(&self) -> &str {
        &self.part.table_hint
    }

    /// True if the file has other parts besides this one.
    pub fn is_part(&self) -> bool {
        self.is_part
    }

    /// True if a decoder reads it, which takes a share of the memory that all decoders have.
    pub fn is_decoded(&self) -> bool {
        self.part.format == Format::Parquet
    }

    /// Name of the place in which it lies while it is loaded, if it was claimed.
    pub fn claim(&self) -> Option<&str> {
        self.claim.as_deref()
    }

    /// Identity by which it is known again; `profile` is its own.
    pub fn identity<'a>(&'a self, profile: &'a Profile) -> Identity<'a> {
        match &self.window {
            Some(window) => Identity::Position(window),
            None => Identity::Content { hash: &profile.hash },
        }
    }

    /// The window of a stream that it is; `None` for a file.
    pub fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    /// States that it is a window of a stream.
    pub fn is_window(&mut self, window: Window) {
        self.window = Some(window);
    }

    /// True if its load was begun before, and may have been committed.
    pub fn was_begun(&self) -> bool {
        self.begun
    }

    /// Names of the places from which it came back after some of its parts were loaded: those are not loaded again.
    pub fn earlier_claims(&self) -> &[String] {
        &self.earlier_claims
    }

    /// The contents of the file beside this part, which are not loaded.
    pub fn beside(&self) -> &[Beside] {
        &self.part.beside
    }

    /// The bytes of the spans that the records were cut from, once all were given; `None` if the format has none.
    pub fn spans(&self) -> Option<SpanBytes> {
        self.spans
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

    /// States if its load was begun before, and the claims of the file's parts that were loaded before.
    pub(crate) fn loaded_before(&mut self, begun: bool, claims: &[String]) {
        self.begun = begun;
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

    /// True if all of it was read for its profile.
    pub fn is_whole(&self) -> bool {
        self.profile.as_ref().is_some_and(|profile| profile.whole)
    }

    /// Reads everything once: identity, dialect, columns and the types that all values fit. Cheap after the first call,
    /// and after all records were given.
    ///
    /// # Errors
    /// An input that cannot be read or loaded.
    pub async fn profile(&mut self) -> Result<Profile, SourceError> {
        if !self.is_whole() {
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

    /// Reads a sample: like [`Input::profile`], but perhaps of the beginning only; the identity is that of all of it.
    ///
    /// # Errors
    /// As [`Input::profile`].
    pub async fn sample(&mut self) -> Result<Profile, SourceError> {
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

    /// States the types of the columns, before the records are asked for. If a beginning decided them, later records
    /// may contradict them: [`Next::Contradicted`].
    pub fn expect_types(&mut self, held: Vec<ExpectedTypes>) {
        self.held = held;
    }

    /// The next records.
    ///
    /// # Errors
    /// An input that cannot be read, or is no longer the profiled one.
    pub async fn next_batch(&mut self) -> Result<Next, SourceError> {
        let chunks = match self.chunks.take() {
            Some(chunks) => chunks,
            None => {
                let expected = self.sample().await?;
                let (path, part, stated) = self.reading();
                let held = std::mem::take(&mut self.held);
                Chunks::read(move || part.open(&path), expected, stated, held)
            }
        };
        match chunks.next().await? {
            Ahead::More(next, chunks) => {
                self.chunks = Some(chunks);
                Ok(next)
            }
            Ahead::End(whole, spans) => {
                self.profile = whole.map(|whole| *whole).or(self.profile.take());
                self.spans = spans;
                Ok(Next::End)
            }
        }
    }

    /// Makes sure that the input lies at its claim's place also after a power cut: a content that may be loaded again
    /// is known by its claim alone.
    ///
    /// # Errors
    /// A claim that cannot be brought to stable storage.
    pub async fn make_claim_durable(&self) -> std::io::Result<()> {
        let Some(claimed) = self.claimed.clone() else { return Ok(()) };
        spawn_blocking(move || claimed.sync()).await.map_err(std::io::Error::other)?
    }

    /// Checks, before the commit, that nobody has touched the input since it was claimed, nor might.
    ///
    /// # Errors
    /// [`SourceError::Changed`] if somebody has.
    pub fn verify_unchanged(&self) -> Result<(), SourceError> {
        // Nobody else can reach bytes in memory.
        if self.memory.is_some() {
            return Ok(());
        }
        let writer = || self.claimed.as_ref().map_or_else(|| writer(&self.path), ClaimedFile::writer);
        match stamp(self.claimed.as_ref(), &self.path) {
            None => Err(SourceError::Gone),
            now if now != self.stamp || writer() == Writer::Open => Err(SourceError::Changed),
            _ => Ok(()),
        }
    }
}

fn stamp(claimed: Option<&ClaimedFile>, path: &Path) -> Option<Stamp> {
    claimed.map_or_else(|| Stamp::of(path), ClaimedFile::stamp)
}

fn opened(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
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
        let mut parts = Input::parts(&path, "x.csv", None, Limits::default()).await.unwrap();
        let error = parts[0].sample().await.unwrap_err();
        assert!(matches!(error, SourceError::Unreadable(_)), "{error}");
    }
}
