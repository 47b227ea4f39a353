//! Workbooks (XLSX, XLS, ODS): each sheet that holds a table as delimited text, written once into a temporary file, so that it goes the
//! way of every other text: title rows, headers of several rows, rejects. A line of the text is a row of the sheet.
//!
//! XLSX is read cell by cell, because a sheet of two cells can span 17 billion. Numbers are written with the fewest digits
//! that give them back, days as `2024-02-29`, times in ISO 8601 as well.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::sync::Arc;

use calamine::{Data, DataRef, ExcelDateTime, Ods, Reader, SheetType, Xls, Xlsx};
use serde::{Deserialize, Serialize};

use super::FormatError;
use super::csv::write_record;
use super::decoder::{Decoding, What};
use super::limits::{Limits, RATIO_FROM};
use crate::schema::{MAX_TABLE_COLUMNS, double_text};

/// Columns that a sheet can have.
const SHEET_COLUMNS: usize = 16_384;

/// Texts that the cells of an XLSX share are kept in memory: more than this is refused, in bytes.
const MAX_SHARED: u64 = 1 << 30;

/// A sheet as delimited text: commas, quotes where they are needed, a line for each row from the first.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub name: String,
    pub text: Arc<File>,
}

/// The kinds of workbooks, by what their files begin with or hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Xlsx,
    Xls,
    Ods,
}

impl Kind {
    /// What a zip with these members is, if it is a workbook.
    pub(super) fn of_members<'a>(names: impl Iterator<Item = Cow<'a, str>>) -> Option<Kind> {
        let names: Vec<_> = names.collect();
        let has = |name| names.iter().any(|one| one == name);
        match () {
            () if has("xl/workbook.xml") => Some(Kind::Xlsx),
            () if has("content.xml") && has("mimetype") => Some(Kind::Ods),
            () => None,
        }
    }
}

/// Where the text of sheets goes.
pub(super) trait Sink: Write {
    /// What is written from now on is this sheet's.
    fn begin(&mut self, sheet: &str) -> io::Result<()>;
}

/// Each sheet in a temporary file.
#[derive(Default)]
struct Files(Vec<(Sheet, BufWriter<File>)>);

impl Write for Files {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.last_mut().map_or(Ok(0), |(_, out)| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|(_, out)| out.flush())
    }
}

impl Sink for Files {
    fn begin(&mut self, sheet: &str) -> io::Result<()> {
        let text = tempfile::tempfile()?;
        let out = BufWriter::new(text.try_clone()?);
        self.0.push((Sheet { name: sheet.to_owned(), text: Arc::new(text) }, out));
        Ok(())
    }
}

/// The sheets of a workbook that hold a table, in their order.
///
/// # Errors
/// When it is damaged, too large, or has no such sheet.
pub(super) fn sheets(file: File, kind: Kind, limits: Limits) -> Result<Vec<Sheet>, FormatError> {
    let mut files = Files::default();
    match limits.decoder {
        None => write_sheets(file, kind, limits, &mut files)?,
        Some(decoder) => {
            let mut decoding = Decoding::start(What::Workbook(kind), file, decoder, limits)?;
            while let Some(name) = decoding.next_head()? {
                files.begin(&String::from_utf8_lossy(&name))?;
                io::copy(&mut decoding, &mut files)?;
            }
        }
    }
    files.flush()?;
    Ok(files.0.into_iter().map(|(sheet, _)| sheet).collect())
}

/// Writes the sheets that hold a table.
///
/// # Errors
/// As [`sheets`].
pub(super) fn write_sheets(mut file: File, kind: Kind, limits: Limits, sink: &mut dyn Sink) -> Result<(), FormatError> {
    if kind != Kind::Xls {
        measure(&file, limits)?;
    }
    file.rewind()?;
    let found = match kind {
        Kind::Xlsx => {
            let mut book: Xlsx<_> = open(file)?;
            each_sheet(book.sheets_metadata().to_vec(), limits, sink, |name, visit| {
                let mut reader = book.worksheet_cells_reader(name).map_err(damaged)?;
                while let Some(cell) = reader.next_cell_with_formula_metadata().map_err(damaged)? {
                    let (row, column) = cell.pos;
                    if cell.value == DataRef::Empty && cell.formula.is_some() {
                        return Err(FormatError::NoRecords(format!(
                            "the sheet {name} has a formula whose result is not stored, in row {}, column {}: open and save it with a \
                             spreadsheet program",
                            row + 1,
                            column + 1
                        )));
                    }
                    visit((row as usize, column as usize), value(&cell.value))?;
                }
                Ok(())
            })
        }
        Kind::Xls => {
            let mut book: Xls<_> = open(file)?;
            each_sheet(book.sheets_metadata().to_vec(), limits, sink, |name, visit| {
                whole(&book.worksheet_range(name).map_err(damaged)?, visit)
            })
        }
        Kind::Ods => {
            let mut book: Ods<_> = open(file)?;
            each_sheet(book.sheets_metadata().to_vec(), limits, sink, |name, visit| {
                whole(&book.worksheet_range(name).map_err(damaged)?, visit)
            })
        }
    }?;
    if found == 0 {
        return Err(FormatError::NoRecords("no sheet of the workbook holds a table".to_owned()));
    }
    Ok(())
}

fn open<B: Reader<BufReader<File>>>(file: File) -> Result<B, FormatError>
where
    B::Error: std::fmt::Display,
{
    B::new(BufReader::new(file)).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> FormatError {
    FormatError::Archive(format!("the workbook is damaged or not read: {error}"))
}

/// Unpacks every member into nothing, to know that no more comes out than may.
fn measure(file: &File, limits: Limits) -> Result<(), FormatError> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file.try_clone()?)).map_err(damaged)?;
    let mut left = limits.bytes;
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).map_err(damaged)?;
        let packed = member.compressed_size().max(1);
        let most = left.min(packed.saturating_mul(limits.ratio).max(RATIO_FROM));
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        let shared = name.ends_with("sharedStrings.xml");
        let most = if shared { most.min(MAX_SHARED) } else { most };
        let out = io::copy(&mut member.by_ref().take(most + 1), &mut io::sink())?;
        if out > most {
            return Err(FormatError::Archive(format!(
                "more than {most} bytes come out of {name} (ARCHIVE_MAX_BYTES, ARCHIVE_MAX_RATIO; shared texts {MAX_SHARED})"
            )));
        }
        left -= out;
    }
    Ok(())
}

/// What a cell holds.
enum Value {
    Text(String),
    Moment(ExcelDateTime),
}

/// Called with the row and column of a cell, from 0, row by row, and what it holds.
type Visit<'a> = dyn FnMut((usize, usize), Option<Value>) -> Result<(), FormatError> + 'a;

/// Reads each sheet twice: for the columns that it uses, and for its rows. Gives how many hold a table.
fn each_sheet(
    sheets: Vec<calamine::Sheet>,
    limits: Limits,
    sink: &mut dyn Sink,
    mut read: impl FnMut(&str, &mut Visit<'_>) -> Result<(), FormatError>,
) -> Result<usize, FormatError> {
    let sheets: Vec<_> = sheets.into_iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).collect();
    let mut found = 0;
    for sheet in &sheets {
        let mut used = Used::default();
        read(&sheet.name, &mut |at, value| {
            used.see(at, value.as_ref());
            Ok(())
        })?;
        // A lone cell is a remark, unless there is nothing else.
        if used.cells == 0 || (used.cells == 1 && sheets.len() > 1) {
            continue;
        }
        let columns = used.last + 1 - used.first;
        if columns > MAX_TABLE_COLUMNS {
            let name = &sheet.name;
            return Err(FormatError::TooWide(format!("the sheet {name} uses {columns} columns"), MAX_TABLE_COLUMNS));
        }
        sink.begin(&sheet.name)?;
        let mut writer = RowWriter::new(&used, limits.bytes, sink);
        read(&sheet.name, &mut |at, value| writer.cell(at, value))?;
        writer.end_row()?;
        found += 1;
    }
    Ok(found)
}

/// The part of a sheet that is used.
struct Used {
    cells: u64,
    first: usize,
    last: usize,
    /// Columns that hold days with a time of day: there a day alone is one at midnight.
    timed: Vec<bool>,
}

impl Default for Used {
    fn default() -> Self {
        Used { cells: 0, first: usize::MAX, last: 0, timed: Vec::new() }
    }
}

impl Used {
    fn see(&mut self, (_, column): (usize, usize), value: Option<&Value>) {
        let Some(value) = value else { return };
        self.cells += 1;
        self.first = self.first.min(column);
        self.last = self.last.max(column);
        if let Value::Moment(moment) = value
            && !moment.is_duration()
            && moment.as_f64() >= 1.0
            && moment.as_f64().fract() != 0.0
            && column < SHEET_COLUMNS
        {
            self.timed.resize(self.timed.len().max(column + 1), false);
            self.timed[column] = true;
        }
    }
}

/// Writes rows as they come together.
struct RowWriter<'a> {
    used: &'a Used,
    out: &'a mut dyn Sink,
    row: usize,
    cells: Vec<Option<String>>,
    /// Bytes that may still be written.
    left: u64,
}

impl<'a> RowWriter<'a> {
    fn new(used: &'a Used, bytes: u64, out: &'a mut dyn Sink) -> Self {
        RowWriter { used, out, row: 0, cells: vec![None; used.last + 1 - used.first], left: bytes }
    }

    fn cell(&mut self, (row, column): (usize, usize), value: Option<Value>) -> Result<(), FormatError> {
        let Some(value) = value else { return Ok(()) };
        if row < self.row {
            return Err(damaged("its rows are not in order"));
        }
        while self.row < row {
            self.end_row()?;
        }
        let timed = self.used.timed.get(column).copied().unwrap_or(false);
        let text = match value {
            Value::Text(text) => text,
            Value::Moment(moment) => moment_text(&moment, timed),
        };
        if let Some(cell) = self.cells.get_mut(column - self.used.first) {
            *cell = Some(text);
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), FormatError> {
        let mut line = Vec::new();
        if self.cells.iter().any(Option::is_some) {
            write_record(&mut line, self.cells.iter().map(Option::as_deref))?;
            self.cells.fill(None);
        } else {
            line.push(b'\n');
        }
        self.left = self.left.checked_sub(line.len() as u64).ok_or_else(|| {
            FormatError::Archive("more comes out of a sheet than ARCHIVE_MAX_BYTES allows".to_owned())
        })?;
        self.out.write_all(&line)?;
        self.row += 1;
        Ok(())
    }
}

fn whole(range: &calamine::Range<Data>, visit: &mut Visit<'_>) -> Result<(), FormatError> {
    let (row, column) = range.start().unwrap_or_default();
    for (down, right, data) in range.used_cells() {
        visit((row as usize + down, column as usize + right), value(&borrowed(data)))?;
    }
    Ok(())
}

fn borrowed(data: &Data) -> DataRef<'_> {
    match data {
        Data::Int(number) => DataRef::Int(*number),
        Data::Float(number) => DataRef::Float(*number),
        Data::String(text) => DataRef::SharedString(text),
        Data::Bool(truth) => DataRef::Bool(*truth),
        Data::DateTime(moment) => DataRef::DateTime(*moment),
        Data::DateTimeIso(text) => DataRef::DateTimeIso(text.clone()),
        Data::DurationIso(text) => DataRef::DurationIso(text.clone()),
        Data::Error(error) => DataRef::Error(error.clone()),
        Data::Empty => DataRef::Empty,
    }
}

fn value(data: &DataRef<'_>) -> Option<Value> {
    Some(match data {
        DataRef::Empty => return None,
        DataRef::Int(number) => Value::Text(number.to_string()),
        DataRef::Float(number) => Value::Text(double_text(if *number == 0.0 { 0.0 } else { *number })),
        // Nobody can tell an empty text in a cell from an empty cell.
        DataRef::String(text) if text.is_empty() => return None,
        DataRef::SharedString("") => return None,
        DataRef::String(text) => Value::Text(text.clone()),
        DataRef::SharedString(text) => Value::Text((*text).to_owned()),
        DataRef::Bool(truth) => Value::Text(if *truth { "TRUE" } else { "FALSE" }.to_owned()),
        DataRef::DateTime(moment) => Value::Moment(*moment),
        DataRef::DateTimeIso(text) => Value::Text(text.strip_suffix("T00:00:00").unwrap_or(text).to_owned()),
        DataRef::DurationIso(text) => Value::Text(duration(text).unwrap_or_else(|| text.clone())),
        DataRef::Error(error) => Value::Text(error.to_string()),
    })
}

fn moment_text(moment: &ExcelDateTime, timed: bool) -> String {
    let value = moment.as_f64();
    if moment.is_duration() || value < 1.0 {
        let millis = (value * 86_400_000.0).round() as i64;
        let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
        let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
        return format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(millis % 1000));
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if value.fract() == 0.0 && !timed {
        return date;
    }
    format!("{date} {hour:02}:{minute:02}:{second:02}{}", fraction(u64::from(milli)))
}

/// `PT03H04M05S` as `03:04:05`.
fn duration(text: &str) -> Option<String> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let seconds = rest.strip_suffix('S')?;
    Some(format!("{hours:0>2}:{minutes:0>2}:{seconds:0>2}"))
}

fn fraction(millis: u64) -> String {
    if millis == 0 { String::new() } else { format!(".{millis:03}").trim_end_matches('0').to_owned() }
}
