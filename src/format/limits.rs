//! Limits on unpacked bytes, counted on the stream itself, and together for all parts of a file.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::directory::too_many;
use super::{Decoder, FormatError};

/// The limits for a file, and the decoder of formats that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Members of an archive, and sheets of a workbook; in an archive both together.
    pub members: usize,
    /// Bytes out of one file: those unpacked, and the text of sheets and of Parquet.
    pub bytes: u64,
    /// Bytes out for each byte in, once a megabyte is out.
    pub ratio: u64,
    /// The process that decodes workbooks and Parquet; without one they are decoded in this one. It is this very
    /// program, which must ask [`decode_if_asked`](super::decode_if_asked) first of all.
    pub decoder: Option<Decoder>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { members: 1_000, bytes: 10 << 30, ratio: 1_000, decoder: None }
    }
}

/// The header of a text, or all column names of a JSON file together, in bytes, at most.
pub(super) const MAX_HEADER: usize = 4 * 1024 * 1024;

/// Bytes out from which the ratio counts: a few bytes can stand for much that is harmless.
pub(super) const RATIO_FROM: u64 = 1 << 20;

/// Bytes that have come out of a file, all its parts together.
#[derive(Debug)]
pub(super) struct Budget {
    pub limits: Limits,
    /// Bytes of the file.
    file: u64,
    /// Bytes out of the file; those of a part that is read twice count once.
    out: AtomicU64,
    /// The part of these that the ratio counts.
    unpacked: AtomicU64,
    parts: AtomicUsize,
}

impl Budget {
    /// `file` is the file's size in bytes.
    pub(super) fn new(limits: Limits, file: u64) -> Arc<Budget> {
        Arc::new(Budget {
            limits,
            file,
            out: AtomicU64::new(0),
            unpacked: AtomicU64::new(0),
            parts: AtomicUsize::new(0),
        })
    }

    /// Counts one more part of the file.
    ///
    /// # Errors
    /// When the file has more parts than it may have.
    pub(super) fn part(&self) -> Result<(), FormatError> {
        let parts = self.parts.fetch_add(1, Ordering::Relaxed) + 1;
        if parts > self.limits.members { Err(too_many(parts as u64, self.limits.members)) } else { Ok(()) }
    }

    /// A meter for the bytes that come out of `packed` bytes; without them no ratio applies.
    pub(super) fn meter(self: &Arc<Self>, packed: Option<u64>) -> Meter {
        Meter { budget: Arc::clone(self), packed, most: Arc::default() }
    }
}

/// Counts the bytes that come out of one source, however often it is read.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    budget: Arc<Budget>,
    packed: Option<u64>,
    /// The most bytes that any reading gave.
    most: Arc<AtomicU64>,
}

impl Meter {
    /// Counts the bytes of `input`, which ends with an error if they are more than allowed.
    pub(super) fn read<R>(&self, input: R) -> Limited<R> {
        Limited { input, out: 0, meter: self.clone() }
    }

    fn count(&self, out: u64) -> io::Result<()> {
        let Budget { limits: Limits { bytes, ratio, .. }, file, .. } = *self.budget;
        let new = out.saturating_sub(self.most.fetch_max(out, Ordering::Relaxed));
        let all = self.budget.out.fetch_add(new, Ordering::Relaxed) + new;
        if all > bytes {
            return Err(unreadable(format!("more than {bytes} bytes come out of it (ARCHIVE_MAX_BYTES)")));
        }
        let Some(packed) = self.packed else { return Ok(()) };
        let unpacked = self.budget.unpacked.fetch_add(new, Ordering::Relaxed) + new;
        let is_more = |out: u64, packed: u64| out > RATIO_FROM && out / ratio.max(1) > packed;
        if is_more(out, packed) || is_more(unpacked, file) {
            return Err(unreadable(format!("more than {ratio} bytes come out for one byte in (ARCHIVE_MAX_RATIO)")));
        }
        Ok(())
    }
}

/// An input that ends with an error if more comes out than allowed.
pub(super) struct Limited<R> {
    input: R,
    out: u64,
    meter: Meter,
}

impl<R> Limited<R> {
    /// The inner input; bytes read from it here are not counted.
    pub(super) fn get_mut(&mut self) -> &mut R {
        &mut self.input
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(buffer)?;
        self.out += got as u64;
        self.meter.count(self.out)?;
        Ok(got)
    }
}

fn unreadable(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
