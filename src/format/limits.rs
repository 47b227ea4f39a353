//! How much may come out of what is packed, counted on the stream itself.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::Decoder;

/// How much may come out of a compressed file, and what reads the formats that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Members of an archive.
    pub members: usize,
    /// Bytes out of one part.
    pub bytes: u64,
    /// Bytes out for each byte in, once a megabyte is out.
    pub ratio: u64,
    /// The process that decodes workbooks and Parquet; without one they are decoded in this one. It is this very program, which
    /// must ask [`decode_if_asked`](super::decode_if_asked) first of all.
    pub decoder: Option<Decoder>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { members: 1_000, bytes: 10 << 30, ratio: 1_000, decoder: None }
    }
}

/// Below this the ratio says nothing: a few bytes can stand for much that is harmless.
pub(super) const RATIO_FROM: u64 = 1 << 20;

/// Ends with an error where more comes out than may.
pub(super) struct Limited<R> {
    input: R,
    out: u64,
    packed: u64,
    limits: Limits,
}

impl<R> Limited<R> {
    /// `packed` is the number of bytes that it comes out of.
    pub(super) fn new(input: R, packed: u64, limits: Limits) -> Self {
        Limited { input, out: 0, packed, limits }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(buffer)?;
        self.out += got as u64;
        let Limits { bytes, ratio, .. } = self.limits;
        if self.out > bytes {
            return Err(unreadable(format!("more than {bytes} bytes come out of it (ARCHIVE_MAX_BYTES)")));
        }
        if self.out > RATIO_FROM && self.out / ratio > self.packed {
            return Err(unreadable(format!("more than {ratio} bytes come out for one byte in (ARCHIVE_MAX_RATIO)")));
        }
        Ok(got)
    }
}

fn unreadable(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
