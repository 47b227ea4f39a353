//! The reading of an input's records, in a thread of its own.

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::{Profile, SourceError};
use crate::format::{Content, ExpectedTypes, FormatError, Profiler, ReadOptions, SpanBytes, each_chunk_above};
use crate::record::Chunk;

/// Spans of records that are parsed ahead of the writer.
const AHEAD: usize = 2;

/// The next of an input's records, in its order.
#[derive(Debug)]
pub enum Next {
    /// Some records.
    Chunk(Box<Chunk>),
    /// None: everything agreed with the profile, and with the expected types.
    End,
    /// None: a record contradicts the expected types, which the beginning had decided.
    Contradicted,
}

/// Records on their way, and the reading thread's results at the end.
pub(super) struct Chunks {
    receiver: mpsc::Receiver<Result<Next, SourceError>>,
    read: JoinHandle<(Option<Profile>, Option<SpanBytes>)>,
}

/// The answer of a reading thread.
pub(super) enum Ahead {
    /// More records, and the thread.
    More(Next, Chunks),
    /// The profile of the whole input if only its beginning was read before, and the bytes of its spans.
    End(Option<Box<Profile>>, Option<SpanBytes>),
}

impl Chunks {
    /// Reads the records of the content that `open` gives, whose profile is `expected`.
    pub(super) fn read(
        open: impl Fn() -> Result<Content, FormatError> + Send + 'static,
        expected: Profile,
        stated: ReadOptions,
        held: Vec<ExpectedTypes>,
    ) -> Chunks {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let read = spawn_blocking(move || send_chunks(open, expected, &stated, &held, &sender));
        Chunks { receiver, read }
    }

    /// The next records.
    ///
    /// # Errors
    /// An input that cannot be read, or is no longer the profiled one.
    pub(super) async fn next(mut self) -> Result<Ahead, SourceError> {
        match self.receiver.recv().await {
            Some(next) => Ok(Ahead::More(next?, self)),
            None => {
                let (whole, spans) = self.read.await.map_err(broken)?;
                Ok(Ahead::End(whole.map(Box::new), spans))
            }
        }
    }
}

/// Sends every span, and an error at the end when the bytes are not those that were profiled; ends quietly when the
/// receiver is gone, or the expected types are contradicted. Returns the profile of the whole input if only its
/// beginning was read before, and the bytes of its spans.
fn send_chunks(
    open: impl Fn() -> Result<Content, FormatError>,
    mut expected: Profile,
    stated: &ReadOptions,
    held: &[ExpectedTypes],
    sender: &mpsc::Sender<Result<Next, SourceError>>,
) -> (Option<Profile>, Option<SpanBytes>) {
    let width = expected.columns.len();
    let columns = expected.columns.iter().map(|column| (column.header.as_str(), column.name.as_str()));
    let mut profiler = (!expected.whole).then(|| Profiler::new(columns, stated, &expected.layout));
    let surplus = expected.layout.has_surplus();
    let mut mistaken = false;
    let mut read = || -> Result<Option<SpanBytes>, SourceError> {
        let (mut heard, mut same_width) = (true, true);
        let names = expected.columns.iter().map(|column| column.header.clone());
        let (digest, spans) = each_chunk_above(open()?, &expected.layout, names, &stated.footer, |chunk| {
            same_width = chunk.records.width() == width;
            if let Some(profiler) = profiler.as_mut().filter(|_| same_width) {
                profiler.see(&chunk);
                mistaken = !profiler.still_fits(held, surplus);
            }
            heard = !same_width || mistaken || sender.blocking_send(Ok(Next::Chunk(Box::new(chunk)))).is_ok();
            heard && same_width && !mistaken
        })?;
        match heard && !mistaken && (!same_width || digest.hash != expected.hash) {
            true => Err(SourceError::Changed),
            false => Ok(spans),
        }
    };
    let read = read();
    // A closed receiver needs neither.
    match read {
        Err(error) => {
            let _ = sender.blocking_send(Err(error));
            (None, None)
        }
        Ok(_) if mistaken => {
            let _ = sender.blocking_send(Ok(Next::Contradicted));
            (None, None)
        }
        Ok(spans) => {
            let whole = profiler.map(|profiler| {
                (expected.rows, expected.preview) = profiler.finish(&mut expected.columns);
                expected.whole = true;
                expected
            });
            (whole, spans)
        }
    }
}

pub(super) fn broken(error: JoinError) -> SourceError {
    SourceError::Io(std::io::Error::other(error))
}
