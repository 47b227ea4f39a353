//! What a file is, told by its content first and its name second, and the bytes of its parts: a plain or compressed file
//! is one part, an archive has one for each member. Members' names are never used as paths, archives within archives are
//! not opened, and how much may come out is counted on the stream itself, whatever the archive says of its sizes.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use flate2::read::{DeflateDecoder, MultiGzDecoder};
use zip::CompressionMethod;

use super::decoder::{Decoding, What};
use super::limits::{Limited, Limits};
use super::parquet::ParquetText;
use super::{Beside, Format, FormatError, Input, workbook};

/// How a part is packed.
#[derive(Clone, Debug)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
    /// Unpacked into a file of its own, because it is not read from one end to the other.
    Unpacked(Arc<File>),
    /// A member of a zip: where its bytes are, how many, and how they are packed.
    Member {
        start: u64,
        packed: u64,
        deflated: bool,
        crc: u32,
    },
}

/// Something in a file that can be loaded.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file's name, or for a member `x.zip/member.csv`.
    pub name: String,
    /// The name by which its table is called: the file's or the member's own.
    pub own_name: String,
    /// What it holds.
    pub format: Format,
    /// The sheet of a workbook that it is.
    pub sheet: Option<String>,
    /// What stands in the file beside its parts, and is not loaded; with the first part.
    pub beside: Vec<Beside>,
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
const PARQUET: &[u8] = b"PAR1";
/// Of OLE's compound files, which XLS is one of.
const COMPOUND: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// The parts of the file at `path`, called `name`.
///
/// # Errors
/// When it cannot be read, or is an archive that is broken, too large or holds nothing to load.
pub fn parts(path: &Path, name: &str, limits: Limits) -> Result<Vec<Part>, FormatError> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head)?;
    let inner = |ending: &str| {
        let cut = name.len().saturating_sub(ending.len());
        if name.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case(ending)) {
            name[..cut].to_owned()
        } else {
            name.to_owned()
        }
    };
    if (head.starts_with(ZIP) || head.starts_with(EMPTY_ZIP)) && workbook_kind(&file, &head)?.is_none() {
        return members(path, file, name, limits);
    }
    let (packing, own_name) = if head.starts_with(GZIP) {
        (Packing::Gzip, inner(".gz"))
    } else if head.starts_with(ZSTD) {
        (Packing::Zstd, inner(".zst"))
    } else {
        (Packing::Plain, name.to_owned())
    };
    Part::new(name.to_owned(), own_name, packing, limits).split(path)
}

/// What a file that begins with `head` is, if it is a workbook.
fn workbook_kind(file: &File, head: &[u8]) -> Result<Option<workbook::Kind>, FormatError> {
    if head.starts_with(COMPOUND) {
        return Ok(Some(workbook::Kind::Xls));
    }
    if !head.starts_with(ZIP) {
        return Ok(None);
    }
    let archive = zip::ZipArchive::new(BufReader::new(file.try_clone()?));
    let archive = archive.map_err(|error| FormatError::Archive(error.to_string()))?;
    Ok(workbook::Kind::of_members(archive.file_names().flatten()))
}

fn members(path: &Path, file: File, name: &str, limits: Limits) -> Result<Vec<Part>, FormatError> {
    let broken = |error: zip::result::ZipError| FormatError::Archive(error.to_string());
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
        let part = Part { problem, ..Part::new(name, own_name, packing, limits) };
        drop(member);
        if part.problem.is_some() {
            parts.push(part);
            continue;
        }
        match part.clone().split(path) {
            Ok(found) => parts.extend(found),
            Err(FormatError::Archive(why)) => parts.push(Part { problem: Some(why), ..part }),
            Err(error) => parts.push(Part { problem: Some(error.to_string()), ..part }),
        }
    }
    if parts.is_empty() {
        return Err(FormatError::Archive("it holds no file".to_owned()));
    }
    Ok(parts)
}

impl Part {
    fn new(name: String, own_name: String, packing: Packing, limits: Limits) -> Part {
        Part { name, own_name, format: Format::Csv, sheet: None, beside: Vec::new(), packing, limits, problem: None }
    }

    /// Tells the format; of a workbook gives a part for each sheet. The first one is called by the workbook's name, others by
    /// theirs too.
    fn split(mut self, path: &Path) -> Result<Vec<Part>, FormatError> {
        let mut head = Vec::new();
        self.unpack(File::open(path)?)?.take(4096).read_to_end(&mut head).map_err(FormatError::from)?;
        let plain = matches!(self.packing, Packing::Plain);
        if head.starts_with(PARQUET) || head.starts_with(COMPOUND) || head.starts_with(ZIP) {
            let file = if plain { File::open(path)? } else { self.unpack_whole(path)? };
            if head.starts_with(PARQUET) {
                return Ok(vec![Part { format: Format::Parquet, ..self }]);
            }
            if let Some(kind) = workbook_kind(&file, &head)? {
                let sheets = workbook::sheets(file, kind, self.limits)?;
                return Ok(sheets.into_iter().enumerate().map(|(at, sheet)| self.sheet(at, sheet)).collect());
            }
        }
        if !plain && [GZIP, ZSTD, ZIP].iter().any(|magic| head.starts_with(magic)) {
            return Err(FormatError::Archive("it is an archive itself, which is not opened".to_owned()));
        }
        self.format = Format::of_content(&head, &self.own_name);
        Ok(vec![self])
    }

    fn sheet(&self, at: usize, sheet: workbook::Sheet) -> Part {
        let (stem, ending) = self.own_name.split_once('.').unwrap_or((&self.own_name, ""));
        let word = sheet.name.replace('.', "_");
        Part {
            name: format!("{}/{}", self.name, sheet.name),
            own_name: if at == 0 { self.own_name.clone() } else { format!("{stem}_{word}.{ending}") },
            format: Format::Workbook,
            sheet: Some(sheet.name),
            beside: Vec::new(),
            packing: Packing::Unpacked(sheet.text),
            limits: self.limits,
            problem: None,
        }
    }

    /// Unpacks it into a file of its own, from which it is read from now on.
    fn unpack_whole(&mut self, path: &Path) -> Result<File, FormatError> {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut self.unpack(File::open(path)?)?, &mut file)?;
        let opened = reopen(&file)?;
        self.packing = Packing::Unpacked(Arc::new(file));
        Ok(opened)
    }

    /// What it holds, unpacked.
    ///
    /// # Errors
    /// When the file cannot be opened; broken packing shows while reading.
    pub fn open(&self, path: &Path) -> Result<Input, FormatError> {
        if let Some(problem) = &self.problem {
            return Err(FormatError::Archive(problem.clone()));
        }
        if self.format == Format::Parquet {
            let file = match &self.packing {
                Packing::Unpacked(file) => reopen(file)?,
                _ => File::open(path)?,
            };
            let Some(decoder) = self.limits.decoder else {
                let (rows, columns) = ParquetText::open(file)?;
                return Ok(Input::Rows(Box::new(rows), columns));
            };
            let mut rows = Decoding::start(What::Parquet, file, decoder, self.limits)?;
            let columns = rows.next_head()?.unwrap_or_default();
            let columns = serde_json::from_slice(&columns).map_err(io::Error::from)?;
            return Ok(Input::Rows(Box::new(rows), columns));
        }
        Ok(Input::Bytes(self.unpack(File::open(path)?)?))
    }

    /// What somebody says of its format. Texts are read as they say; what is no text is not made one by it.
    pub fn state_format(&mut self, stated: Format) {
        let is_text = |format| matches!(format, Format::Csv | Format::Json);
        if is_text(self.format) && is_text(stated) {
            self.format = stated;
        } else if self.format != stated {
            self.problem = Some(format!("it is no {} file, as its plugin says", stated.word()));
        }
    }

    /// What is no text, but is called what is none either, is told by what such a file begins with.
    pub fn explain(&self, error: FormatError) -> FormatError {
        let FormatError::NotText(why) = error else { return error };
        let ending = self.own_name.rsplit_once('.').map_or_else(String::new, |(_, ending)| ending.to_ascii_lowercase());
        let (what, begins) = match ending.as_str() {
            "parquet" => ("Parquet file", "with PAR1"),
            "xlsx" | "xlsm" | "ods" => ("workbook", "as a zip does, with PK"),
            "xls" => ("workbook", "with D0 CF 11 E0, nor as a zip does, with PK"),
            "zip" => ("zip archive", "with PK"),
            "gz" => ("file packed by gzip", "with 1F 8B"),
            "zst" => ("file packed by zstd", "with 28 B5 2F FD"),
            _ => return FormatError::NotText(why),
        };
        FormatError::Refused(format!(
            "the file is called .{ending} and is no {what}: it does not begin {begins}; nor is it text: {why}"
        ))
    }

    fn unpack(&self, mut file: File) -> io::Result<Box<dyn Read + Send>> {
        let size = file.metadata()?.len();
        Ok(match &self.packing {
            Packing::Plain => Box::new(file),
            Packing::Unpacked(unpacked) => Box::new(reopen(unpacked)?),
            Packing::Gzip => Box::new(self.limited(MultiGzDecoder::new(file), size)),
            Packing::Zstd => Box::new(self.limited(zstd::Decoder::new(file)?, size)),
            Packing::Member { start, packed, deflated, crc } => {
                file.seek(SeekFrom::Start(*start))?;
                let packed_bytes = file.take(*packed);
                let bytes: Box<dyn Read + Send> =
                    if *deflated { Box::new(DeflateDecoder::new(packed_bytes)) } else { Box::new(packed_bytes) };
                Box::new(self.limited(Checked { input: bytes, sum: flate2::Crc::new(), expected: *crc }, *packed))
            }
        })
    }

    fn limited<R: Read>(&self, input: R, packed: u64) -> Limited<R> {
        Limited::new(input, packed, self.limits)
    }
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

/// Opens a file that has no name, and so leaves nothing behind however the program ends, once more: from its start.
pub(super) fn reopen(file: &File) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
