//! The packing of a part, and its content unpacked.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::read::DeflateDecoder;

use super::Part;
use super::spool::reopen;
use crate::format::unpacked::{Bytes, Checked, Gzip, Whole};

/// The packing of a part.
#[derive(Clone, Debug)]
pub(in crate::format) enum Packing {
    Plain,
    Gzip,
    Zstd,
    /// The text of a sheet, among others in a temporary file, with its start and length.
    Sheet {
        text: Arc<File>,
        start: u64,
        length: u64,
    },
    /// A member of a zip, with the place of its bytes, their packed and unpacked number, and the method.
    Member {
        start: u64,
        packed: u64,
        deflated: bool,
        size: u64,
        crc: u32,
    },
}

impl Part {
    pub(super) fn unpack(&self, mut file: File) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.packing {
            Packing::Plain => Box::new(file),
            Packing::Sheet { text, start, length } => {
                let mut text = reopen(text)?;
                text.seek(SeekFrom::Start(*start))?;
                Box::new(text.take(*length))
            }
            Packing::Gzip => Box::new(self.unpacked.read(Whole { input: Gzip::new(file), what: "gzip" })),
            Packing::Zstd => Box::new(self.unpacked.read(Whole { input: zstd::Decoder::new(file)?, what: "zstd" })),
            Packing::Member { start, packed, deflated, size, crc } => {
                file.seek(SeekFrom::Start(*start))?;
                let bytes = file.take(*packed);
                let bytes = if *deflated { Bytes::Deflated(DeflateDecoder::new(bytes)) } else { Bytes::Stored(bytes) };
                let (sum, member) = (flate2::Crc::new(), (*packed, *size, *crc));
                Box::new(self.unpacked.read(Whole { input: Checked { bytes, sum, member }, what: "zip" }))
            }
        })
    }
}
