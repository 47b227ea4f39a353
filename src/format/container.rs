//! What a file is, told by its content first and its name second, and the bytes of its parts: a plain or compressed file
//! is one part, an archive has one for each member. Members' names are never used as paths, archives within archives are
//! not opened, and how much may come out is counted on the stream itself, whatever the archive says of its sizes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::{DeflateDecoder, MultiGzDecoder};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use zip::CompressionMethod;

use super::{Format, FormatError};

/// How much may come out of a compressed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Members of an archive.
    pub members: usize,
    /// Bytes out of one part.
    pub bytes: u64,
    /// Bytes out for each byte in, once a megabyte is out.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { members: 1_000, bytes: 10 << 30, ratio: 1_000 }
    }
}

/// Below this the ratio says nothing: a few bytes can stand for much that is harmless.
const RATIO_FROM: u64 = 1 << 20;

/// How a part is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
    /// A member of a zip: where its bytes are, how many, and how they are packed.
    Member {
        start: u64,
        packed: u64,
        deflated: bool,
        crc: u32,
    },
}

/// Something in a file that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The file's name, or for a member `x.zip/member.csv`.
    pub name: String,
    /// The name by which its table is called: the file's or the member's own.
    pub own_name: String,
    /// What it holds.
    pub format: Format,
    packing: Packing,
    limits: Limits,
    /// Why it cannot be read, where that is known beforehand.
    problem: Option<String>,
}

/// What comes first in a file of a kind that is told by it.
const GZIP: &[u8] = b"\x1F\x8B";
const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";
const ZIP: &[u8] = b"PK\x03\x04";
const EMPTY_ZIP: &[u8] = b"PK\x05\x06";

/// The parts of the file at `path`, called `name`.
///
/// # Errors
/// When it cannot be read, or is an archive that is broken, too large or holds nothing to load.
pub fn parts(path: &Path, name: &str, limits: Limits) -> Result<Vec<Part>, FormatError> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head)?;
    let part = |packing, own_name: &str, format| Part {
        name: name.to_owned(),
        own_name: own_name.to_owned(),
        format,
        packing,
        limits,
        problem: None,
    };
    let inner = |ending: &str| {
        let cut = name.len().saturating_sub(ending.len());
        if name.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case(ending)) {
            name[..cut].to_owned()
        } else {
            name.to_owned()
        }
    };
    if head.starts_with(ZIP) || head.starts_with(EMPTY_ZIP) {
        return members(file, name, limits);
    }
    let (packing, own_name) = if head.starts_with(GZIP) {
        (Packing::Gzip, inner(".gz"))
    } else if head.starts_with(ZSTD) {
        (Packing::Zstd, inner(".zst"))
    } else {
        (Packing::Plain, name.to_owned())
    };
    let mut found = part(packing, &own_name, Format::Csv);
    found.format = found.tell_format(path)?;
    Ok(vec![found])
}

fn members(file: File, name: &str, limits: Limits) -> Result<Vec<Part>, FormatError> {
    let broken = |error: zip::result::ZipError| FormatError::Archive(error.to_string());
    let path_file = file.try_clone()?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    if archive.len() > limits.members {
        return Err(FormatError::Archive(format!(
            "it has {} members, more than {} (ARCHIVE_MAX_MEMBERS)",
            archive.len(),
            limits.members
        )));
    }
    let mut parts = Vec::new();
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at).map_err(broken)?;
        let member_name = String::from_utf8_lossy(member.name_raw()).into_owned();
        if !member.is_file() || member_name.ends_with('/') {
            continue;
        }
        let own_name = member_name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        // What Finder adds to every archive it makes.
        if own_name.starts_with('.') || member_name.starts_with("__MACOSX/") {
            continue;
        }
        let method = member.compression();
        let problem = if member.encrypted() {
            Some("it is encrypted".to_owned())
        } else if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
            Some(format!("it is packed by {method:?}, which is not read"))
        } else if !Format::is_known(&own_name) {
            Some("it has no format that is read; take it out of the archive".to_owned())
        } else {
            None
        };
        let start = member.data_start().unwrap_or(0);
        let deflated = method == CompressionMethod::Deflated;
        let packing = Packing::Member { start, packed: member.compressed_size(), deflated, crc: member.crc32() };
        let name = format!("{name}/{member_name}");
        let mut part = Part { name, own_name, format: Format::Csv, packing, limits, problem };
        drop(member);
        if part.problem.is_none() {
            match part.tell_format_in(path_file.try_clone()?) {
                Ok(format) => part.format = format,
                Err(FormatError::Archive(why)) => part.problem = Some(why),
                Err(error) => part.problem = Some(error.to_string()),
            }
        }
        parts.push(part);
    }
    if parts.is_empty() {
        return Err(FormatError::Archive("it holds no file".to_owned()));
    }
    Ok(parts)
}

impl Part {
    /// The part's bytes, unpacked.
    ///
    /// # Errors
    /// When the file cannot be opened; broken packing shows while reading.
    pub fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        if let Some(problem) = &self.problem {
            return Err(unreadable(problem.clone()));
        }
        self.unpack(File::open(path)?)
    }

    fn unpack(&self, mut file: File) -> io::Result<Box<dyn Read + Send>> {
        let size = file.metadata()?.len();
        Ok(match self.packing {
            Packing::Plain => Box::new(file),
            Packing::Gzip => Box::new(self.limited(MultiGzDecoder::new(file), size)),
            Packing::Zstd => Box::new(self.limited(Zstd::new(BufReader::new(file))?, size)),
            Packing::Member { start, packed, deflated, crc } => {
                file.seek(SeekFrom::Start(start))?;
                let packed_bytes = file.take(packed);
                let bytes: Box<dyn Read + Send> =
                    if deflated { Box::new(DeflateDecoder::new(packed_bytes)) } else { Box::new(packed_bytes) };
                Box::new(self.limited(Checked { input: bytes, sum: flate2::Crc::new(), expected: crc }, packed))
            }
        })
    }

    fn limited<R: Read>(&self, input: R, packed: u64) -> Limited<R> {
        Limited { input, out: 0, packed, limits: self.limits }
    }

    fn tell_format(&self, path: &Path) -> Result<Format, FormatError> {
        self.tell_format_in(File::open(path)?)
    }

    fn tell_format_in(&self, mut file: File) -> Result<Format, FormatError> {
        file.rewind()?;
        let mut head = Vec::new();
        self.unpack(file)?.take(4096).read_to_end(&mut head).map_err(FormatError::from)?;
        if self.packing != Packing::Plain && [GZIP, ZSTD, ZIP].iter().any(|magic| head.starts_with(magic)) {
            return Err(FormatError::Archive("it is an archive itself, which is not opened".to_owned()));
        }
        Ok(Format::of_content(&head, &self.own_name))
    }
}

/// Ends with an error where more comes out than may.
struct Limited<R> {
    input: R,
    out: u64,
    packed: u64,
    limits: Limits,
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

/// Compares the sum that the archive has of a member.
struct Checked<R> {
    input: R,
    sum: flate2::Crc,
    expected: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(buffer)?;
        self.sum.update(&buffer[..got]);
        if got == 0 && !buffer.is_empty() && self.sum.sum() != self.expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the archive is damaged: a member's sum is wrong"));
        }
        Ok(got)
    }
}

/// Frames of Zstandard, one after the other.
struct Zstd(StreamingDecoder<BufReader<File>, FrameDecoder>);

impl Zstd {
    fn new(file: BufReader<File>) -> io::Result<Self> {
        StreamingDecoder::new(file).map(Zstd).map_err(damaged)
    }
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let got = self.0.read(buffer)?;
            if got > 0 || buffer.is_empty() || self.0.get_mut().fill_buf()?.is_empty() {
                return Ok(got);
            }
            // The frame before has ended, so its decoder can be started anew.
            let mut decoder = FrameDecoder::new();
            decoder.init(self.0.get_mut()).map_err(damaged)?;
            self.0.decoder = decoder;
        }
    }
}

fn damaged(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the file is damaged: {error}"))
}
