//! The kind of a file, decided by its content first and its name second, and the bytes of its parts: a plain or
//! compressed file is one part, an archive has one for each member. Archives within archives are not opened. The limit
//! of unpacked bytes is counted on the stream itself, for all parts together, whatever sizes the archive states.

mod packing;
mod spool;
mod tables;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex};

use self::tables::TablePlace;
use super::decoder::{Memory, Pace};
use super::directory::directory;
use super::foreign::{Foreign, foreign, foreign_compound, foreign_zip};
use super::json::is_called_lines;
use super::limits::{Budget, Limits, Meter};
use super::rows::Rows;
use super::unpacked::Beginning;
use super::{Content, Format, FormatError, archive, workbook};
use crate::record::Beside;

pub(super) use self::packing::Packing;
pub(super) use self::spool::{Spool, reopen};

/// One table in a file that can be loaded.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file's name, or for a member `x.zip/member.csv`.
    pub name: String,
    /// The name that the table's name is derived from: the file's or the member's own.
    pub table_hint: String,
    /// The format of the part's content.
    pub format: Format,
    /// The name of the sheet, for a part of a workbook.
    pub sheet: Option<String>,
    /// The workbook of the sheet.
    pub workbook: Option<Workbook>,
    /// Contents of the file beside its parts, which are not loaded; with the first part.
    pub beside: Vec<Beside>,
    packing: Packing,
    budget: Arc<Budget>,
    /// Bytes unpacked, and for Parquet bytes decoded.
    unpacked: Meter,
    text: Meter,
    /// The decoder's share of memory, taken before the part is loaded and kept until it is.
    memory: Arc<Mutex<Option<Memory>>>,
    /// The reason why the part cannot be read, if it is known beforehand.
    problem: Option<String>,
    /// The kind of foreign content, if the part is no table.
    foreign: Option<Foreign>,
    /// The place of the table in its text, if the text holds several.
    table: Option<TablePlace>,
}

/// A workbook, of which a part is a sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workbook {
    /// The file's name, or for a member `x.zip/book.xlsx`.
    pub name: String,
    /// The name that the table of one of its sheets is derived from: the file's or the member's own.
    pub table_hint: String,
}

impl Workbook {
    /// The name that the own table of a sheet is derived from: `book_Prices.xlsx`.
    pub fn hint_of(&self, sheet: &str) -> String {
        let (stem, ending) = self.table_hint.split_once('.').unwrap_or((&self.table_hint, ""));
        format!("{stem}_{}.{ending}", sheet.replace('.', "_"))
    }
}

/// Bytes of a part that decide its kind.
const HEAD: u64 = 4096;

/// The first bytes of files, by kind.
const GZIP: &[u8] = b"\x1F\x8B";
const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";
const ZIP: &[u8] = b"PK\x03\x04";
const EMPTY_ZIP: &[u8] = b"PK\x05\x06";
const PARQUET: &[u8] = b"PAR1";
/// First bytes of OLE's compound files, which XLS is one of.
const COMPOUND: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// The parts of the file at `path`, called `name`.
///
/// # Errors
/// When the file cannot be read, or is an archive that is broken, too large or holds nothing to load.
pub fn parts(path: &Path, name: &str, limits: Limits) -> Result<Vec<Part>, FormatError> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let budget = Budget::new(limits, size);
    let head = first_bytes(&mut file, HEAD, size)?;
    let inner = |ending: &str| {
        let cut = name.len().saturating_sub(ending.len());
        if name.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case(ending)) {
            name[..cut].to_owned()
        } else {
            name.to_owned()
        }
    };
    if head.starts_with(ZIP) || head.starts_with(EMPTY_ZIP) {
        let members = directory(&file, limits.members).map_err(|error| of_workbook(error, name))?;
        if workbook::Kind::of_zip(&file, &members).is_none() {
            refuse(foreign_zip(members.iter().map(|member| member.name.as_slice())))?;
            return archive::members(path, name, &members, &budget);
        }
    }
    if name.to_ascii_lowercase().ends_with(".zip") && !head.starts_with(b"PK") && !head.is_empty() {
        return Err(FormatError::Archive(
            "it is called .zip and is no zip archive: it does not begin with PK; cut off what stands before it, or \
             name it by what it is"
                .to_owned(),
        ));
    }
    let (packing, table_hint) = if head.starts_with(GZIP) {
        (Packing::Gzip, inner(".gz"))
    } else if is_zstd(&head) {
        (Packing::Zstd, inner(".zst"))
    } else {
        (Packing::Plain, name.to_owned())
    };
    let part = Part::new(name.to_owned(), table_hint, packing, &budget, size);
    match part.packing {
        Packing::Plain => part.split_by(&head, path, &mut Spool::default()),
        _ => part.split(path, &mut Spool::default()),
    }
}

/// The first `most` bytes of an input, fewer if it is shorter.
fn first_bytes(input: impl Read, most: u64, size: u64) -> io::Result<Vec<u8>> {
    // The room is a little larger, so that nothing grows only to see the end.
    let mut bytes = Vec::with_capacity(most.min(size) as usize + 32);
    input.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn refuse(foreign: Option<Foreign>) -> Result<(), FormatError> {
    match foreign {
        Some(Foreign { what, fix, .. }) => Err(FormatError::Refused(format!("it is no table but {what}: {fix}"))),
        None => Ok(()),
    }
}

impl Part {
    /// `packed` is the number of the part's bytes in the file.
    pub(super) fn new(name: String, table_hint: String, packing: Packing, budget: &Arc<Budget>, packed: u64) -> Part {
        Part {
            name,
            table_hint,
            format: Format::Csv,
            sheet: None,
            workbook: None,
            beside: Vec::new(),
            packing,
            budget: Arc::clone(budget),
            unpacked: budget.meter(Some(packed)),
            text: budget.meter(None),
            memory: Arc::default(),
            problem: None,
            foreign: None,
            table: None,
        }
    }

    /// True if the name ends like JSON with a record on each line.
    pub fn is_lines(&self) -> bool {
        is_called_lines(&self.table_hint)
    }

    /// Marks the part as unreadable, with the reason.
    pub(super) fn with_problem(self, problem: String) -> Part {
        Part { problem: Some(problem), ..self }
    }

    /// Finds the format; for a workbook gives a part for each sheet. The first is named after the workbook, the others
    /// after workbook and sheet.
    pub(super) fn split(self, path: &Path, spool: &mut Spool) -> Result<Vec<Part>, FormatError> {
        let head = first_bytes(self.unpack(File::open(path)?)?, HEAD, 0)?;
        self.split_by(&head, path, spool)
    }

    /// As [`Part::split`], by the first bytes of the content.
    fn split_by(mut self, head: &[u8], path: &Path, spool: &mut Spool) -> Result<Vec<Part>, FormatError> {
        let plain = matches!(self.packing, Packing::Plain);
        if head.starts_with(COMPOUND) || head.starts_with(ZIP) {
            let file = self.whole(path)?;
            let mut kind = Some(workbook::Kind::Xls);
            if head.starts_with(ZIP) {
                let members = directory(&file, self.budget.limits.members)?;
                kind = workbook::Kind::of_zip(&file, &members);
                refuse(foreign_zip(members.iter().map(|member| member.name.as_slice())))?;
            } else {
                refuse(foreign_compound(&file))?;
            }
            if let Some(kind) = kind {
                return self.sheets(file, kind, spool);
            }
        }
        if !plain && ([GZIP, ZIP].iter().any(|magic| head.starts_with(magic)) || is_zstd(head)) {
            return Err(FormatError::Archive("it is an archive itself, which is not opened".to_owned()));
        }
        self.budget.part()?;
        if head.starts_with(PARQUET) {
            self.format = Format::Parquet;
            return Ok(vec![self]);
        }
        self.foreign = foreign(head);
        self.format = Format::of_content(head, &self.table_hint);
        Ok(vec![self])
    }

    /// A part for each sheet that holds a table; the others are named beside the first.
    fn sheets(self, file: File, kind: workbook::Kind, spool: &mut Spool) -> Result<Vec<Part>, FormatError> {
        let read = workbook::sheets(&self.name, file, kind, &self.budget, spool)?;
        let mut parts = Vec::with_capacity(read.sheets.len());
        for (at, mut sheet) in read.sheets.into_iter().enumerate() {
            self.budget.part()?;
            sheet.name = sheet.name.replace('\0', "\u{FFFD}");
            let workbook = Workbook { name: self.name.clone(), table_hint: self.table_hint.clone() };
            let table_hint = if at == 0 { self.table_hint.clone() } else { workbook.hint_of(&sheet.name) };
            let packing = Packing::Sheet { text: sheet.text, start: sheet.start, length: sheet.length };
            let name = format!("{}/{}", self.name, sheet.name);
            parts.push(Part {
                format: Format::Workbook,
                sheet: Some(sheet.name),
                workbook: Some(workbook),
                ..Part::new(name, table_hint, packing, &self.budget, 0)
            });
        }
        if let Some(first) = parts.first_mut() {
            first.beside = read.left_out;
        }
        Ok(parts)
    }

    /// The file itself, or its content unpacked into a temporary file, for formats that are not read from one end to
    /// the other.
    fn whole(&self, path: &Path) -> Result<File, FormatError> {
        if matches!(self.packing, Packing::Plain) {
            return Ok(File::open(path)?);
        }
        let mut file = tempfile::tempfile()?;
        io::copy(&mut self.unpack(File::open(path)?)?, &mut file)?;
        file.rewind()?;
        Ok(file)
    }

    /// The content, unpacked.
    ///
    /// # Errors
    /// When the file cannot be opened; broken packing shows while reading.
    pub fn open(&self, path: &Path) -> Result<Content, FormatError> {
        if let Some(problem) = &self.problem {
            return Err(FormatError::Archive(problem.clone()));
        }
        refuse(self.foreign)?;
        if self.format == Format::Parquet {
            return self.open_rows(path);
        }
        let mut bytes = self.unpack(File::open(path)?)?;
        let Some(table) = self.table else { return Ok(Content::Bytes(bytes)) };
        io::copy(&mut bytes.by_ref().take(table.start), &mut io::sink())?;
        Ok(Content::Bytes(match table.length {
            Some(length) if matches!(self.packing, Packing::Plain) => Box::new(bytes.take(length)),
            Some(length) => Box::new(Beginning(bytes.take(length))),
            None => bytes,
        }))
    }

    fn open_rows(&self, path: &Path) -> Result<Content, FormatError> {
        if let Some(decoder) = self.budget.limits.decoder {
            // First read before the load's transaction begins: a thread that waits here holds nothing that others wait
            // for.
            let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if memory.is_none() {
                *memory = Some(Memory::take(decoder.memory, Pace::Quick));
            }
        }
        Ok(Content::Rows(Rows::new(self.whole(path)?, self.budget.limits, self.text.clone())))
    }

    /// Sets the format that a plugin states. A text is read in it; a file that is no text becomes unreadable.
    pub fn state_format(&mut self, stated: Format) {
        let is_text = |format| matches!(format, Format::Csv | Format::Json);
        if is_text(self.format) && is_text(stated) {
            self.format = stated;
            self.foreign = self.foreign.filter(|foreign| !foreign.is_text);
        } else if self.format != stated {
            self.problem = Some(format!("it is no {} file, as its plugin says", stated.word()));
        }
    }

    /// Explains an unreadable part whose name ends like a binary format by the first bytes that such a file has.
    pub fn explain(&self, error: FormatError) -> FormatError {
        let FormatError::NotText(why) = error else { return error };
        let ending =
            self.table_hint.rsplit_once('.').map_or_else(String::new, |(_, ending)| ending.to_ascii_lowercase());
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
}

/// True if a file begins as one of zstd does: with a frame, or with a skippable one, as pzstd writes it.
fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(ZSTD) || (head.len() > 3 && head[0] & 0xF0 == 0x50 && head[1..4] == [0x2A, 0x4D, 0x18])
}

/// A workbook is a zip archive, which nobody who saves one has heard of.
fn of_workbook(error: FormatError, name: &str) -> FormatError {
    let name = name.to_ascii_lowercase();
    match error {
        FormatError::NoEnd if [".xlsx", ".xlsm", ".ods"].iter().any(|ending| name.ends_with(ending)) => {
            FormatError::Refused(
                "the workbook is damaged or cut off, or is no Excel file: its end is not there; save or copy it again"
                    .to_owned(),
            )
        }
        other => other,
    }
}
