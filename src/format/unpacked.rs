//! The unpacked bytes: whole, or an error that names the packing that is damaged.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use flate2::read::DeflateDecoder;

/// The members of a gzip file, one after the other. Zeros and line ends behind a member, with which tapes and editors
/// fill files up, are ignored; anything else there is an error.
pub(super) struct Gzip {
    member: Option<GzDecoder<BufReader<File>>>,
}

impl Gzip {
    pub(super) fn new(file: File) -> Gzip {
        Gzip { member: Some(GzDecoder::new(BufReader::new(file))) }
    }
}

impl Read for Gzip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let got = member.read(buffer)?;
            if got > 0 || buffer.is_empty() {
                return Ok(got);
            }
            let Some(member) = self.member.take() else { break };
            let mut rest = member.into_inner();
            loop {
                let bytes = rest.fill_buf()?;
                let fill = bytes.iter().take_while(|byte| matches!(byte, 0 | b'\r' | b'\n')).count();
                if bytes.is_empty() {
                    return Ok(0);
                }
                if fill == 0 {
                    break;
                }
                rest.consume(fill);
            }
            self.member = Some(GzDecoder::new(rest));
        }
        Ok(0)
    }
}

/// Turns an unpacker's errors into one that calls the content damaged; errors of the system stay as they are.
pub(super) struct Whole<R> {
    pub input: R,
    pub what: &'static str,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer).map_err(|error| match error.raw_os_error() {
            Some(_) => error,
            None => {
                let why = format!("what is packed by {} is damaged or cut off: {error}", self.what);
                io::Error::new(io::ErrorKind::InvalidData, why)
            }
        })
    }
}

/// The bytes of a member, by packing.
pub(super) enum Bytes {
    Stored(io::Take<File>),
    Deflated(DeflateDecoder<io::Take<File>>),
}

/// Compares the bytes of a member with the directory: packed and unpacked length, and checksum.
pub(super) struct Checked {
    pub bytes: Bytes,
    pub sum: flate2::Crc,
    pub member: (u64, u64, u32),
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = match &mut self.bytes {
            Bytes::Stored(bytes) => bytes.read(buffer)?,
            Bytes::Deflated(bytes) => bytes.read(buffer)?,
        };
        self.sum.update(&buffer[..got]);
        if got == 0 && !buffer.is_empty() {
            let (packed, size, sum) = self.member;
            let (taken, out) = match &self.bytes {
                Bytes::Stored(bytes) => (packed - bytes.limit(), packed - bytes.limit()),
                Bytes::Deflated(bytes) => (bytes.total_in(), bytes.total_out()),
            };
            if self.sum.sum() != sum {
                return Err(io::Error::other("a member's sum is wrong"));
            }
            if (taken, out) != (packed, size) {
                return Err(io::Error::other(format!(
                    "a member has {out} bytes in {taken}, and its directory says {size} in {packed}"
                )));
            }
        }
        Ok(got)
    }
}

/// The beginning of a packed text, which is read to its end all the same: damage shows only there.
pub(super) struct Beginning<R>(pub io::Take<R>);

impl<R: Read> Read for Beginning<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.0.read(buffer)?;
        if got == 0 && !buffer.is_empty() {
            io::copy(self.0.get_mut(), &mut io::sink())?;
        }
        Ok(got)
    }
}
