//! Workbooks (XLSX, XLS, ODS): each sheet that holds a table as delimited text, written once into a temporary file, so that it goes the
//! way of every other text: title rows, headers of several rows, rejects. A line of the text is a row of the sheet.
//!
//! XLSX is read cell by cell, because a sheet of two cells can span 17 billion.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::sync::Arc;

use calamine::{Data, DataRef, Ods, Reader, SheetType, Xls, Xlsx};
use serde::{Deserialize, Serialize};
use tracing::info;

use super::FormatError;
use super::cell::{Moments, Value, value};
use super::container::Spool;
use super::decoder::{Decoding, Memory, Pace, What};
use super::directory::directory;
use super::exact::Exact;
use super::limits::{Budget, Limits, RATIO_FROM};
use super::planted::planted;
use super::sheet_scan::{Counts, XlsxSheet, ods_sheets, xlsx_sheet, xlsx_sheets, xlsx_targets};
use crate::record::write_record;
use crate::record::{Beside, BesideKind};
use crate::schema::MAX_TABLE_COLUMNS;

/// Rows and columns that a sheet can have.
const SHEET_ROWS: usize = 1_048_576;
const SHEET_COLUMNS: usize = 16_384;

/// Texts that the cells of an XLSX share are kept in memory: more than this is refused, in bytes.
const MAX_SHARED: u64 = 1 << 30;

/// A sheet as delimited text: commas, quotes where they are needed, a line for each row from the first.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub name: String,
    pub text: Arc<File>,
    /// Where its text begins in the file, and how long it is, in bytes.
    pub start: u64,
    pub length: u64,
}

/// The sheets of a workbook.
pub(super) struct Sheets {
    /// Those that hold a table, in their order.
    pub sheets: Vec<Sheet>,
    /// The others, and why.
    pub left_out: Vec<Beside>,
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
    pub(super) fn of_members<'a>(names: impl Iterator<Item = &'a [u8]>) -> Option<Kind> {
        let names: HashSet<_> = names.collect();
        match () {
            () if names.contains(&b"xl/workbook.xml"[..]) => Some(Kind::Xlsx),
            () if names.contains(&b"content.xml"[..]) && names.contains(&b"mimetype"[..]) => Some(Kind::Ods),
            () => None,
        }
    }
}

/// Where the text of sheets goes.
pub(super) trait Sink: Write {
    /// What is written from now on is this sheet's.
    fn begin(&mut self, sheet: &str) -> io::Result<()>;

    /// This sheet is not written.
    fn leave_out(&mut self, sheet: &str, why: &str) -> io::Result<()>;
}

/// Keeps the sheets of a workbook one behind the other.
struct Kept<'a> {
    out: &'a mut dyn Write,
    /// Bytes that were written.
    written: u64,
    /// Names, and where each begins.
    sheets: Vec<(String, u64)>,
    left_out: Vec<Beside>,
}

impl Write for Kept<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let got = self.out.write(bytes)?;
        self.written += got as u64;
        Ok(got)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Sink for Kept<'_> {
    fn begin(&mut self, sheet: &str) -> io::Result<()> {
        self.sheets.push((sheet.to_owned(), self.written));
        Ok(())
    }

    fn leave_out(&mut self, sheet: &str, why: &str) -> io::Result<()> {
        self.left_out.push(Beside::named(BesideKind::Sheet, sheet, why));
        Ok(())
    }
}

/// The sheets of a workbook, those that hold a table written into the spool.
///
/// # Errors
/// When it is damaged, too large, or has no such sheet.
pub(super) fn sheets(
    called: &str,
    file: File,
    kind: Kind,
    budget: &Arc<Budget>,
    spool: &mut Spool,
) -> Result<Sheets, FormatError> {
    let (limits, size) = (budget.limits, file.metadata()?.len());
    let meter = budget.meter(Some(size));
    let mut pace = Pace::Quick;
    let ((sheets, left_out), text, start, length) = loop {
        let memory = limits.decoder.map(|decoder| (decoder, Memory::take(decoder.memory, pace)));
        let file = file.try_clone()?;
        let kept = spool.keep(|out| {
            let mut kept = Kept { out, written: 0, sheets: Vec::new(), left_out: Vec::new() };
            match &memory {
                None => write_sheets(file, kind, limits, &mut kept)?,
                Some((decoder, memory)) => {
                    let decoding = Decoding::start(What::Workbook(kind), file, *decoder, limits)?;
                    decoding.may_end(memory);
                    let mut decoding = meter.read(decoding);
                    while let Some(name) = decoding.get_mut().next_head()? {
                        kept.begin(&String::from_utf8_lossy(&name))?;
                        io::copy(&mut decoding, &mut kept)?;
                    }
                    kept.left_out = decoding.get_mut().left_out();
                }
            }
            Ok((kept.sheets, kept.left_out))
        });
        match kept {
            Err(_) if pace == Pace::Quick && memory.is_some_and(|(_, memory)| memory.was_ended()) => {
                info!(
                    file.path = called,
                    "its reader takes long and others wait: it begins again when those have had their turn"
                );
                pace = Pace::Slow;
            }
            kept => break kept?,
        }
    };
    let ends: Vec<_> = sheets.iter().skip(1).map(|(_, start)| *start).chain([length]).collect();
    let sheets = sheets.into_iter().zip(ends).map(|((name, at), end)| Sheet {
        name,
        text: text.clone(),
        start: start + at,
        length: end - at,
    });
    Ok(Sheets { sheets: sheets.collect(), left_out })
}

/// Writes the sheets that hold a table.
///
/// # Errors
/// As [`sheets`].
pub(super) fn write_sheets(mut file: File, kind: Kind, limits: Limits, sink: &mut dyn Sink) -> Result<(), FormatError> {
    let mut scan = match kind {
        Kind::Xls => Scan::default(),
        Kind::Xlsx | Kind::Ods => measure(&file, kind, limits)?,
    };
    if let Some((sheet, place)) = scan.bare_formula {
        return Err(bare_formula(&format!("{} of the workbook", sheet + 1), place));
    }
    file.rewind()?;
    let found = match kind {
        Kind::Xlsx => {
            let mut book: Xlsx<_> = open(file)?;
            scan.name(book.sheets_metadata());
            each_sheet(book.sheets_metadata().to_vec(), &scan.sheets, limits, sink, |name, visit| {
                let mut reader = book.worksheet_cells_reader(name).map_err(damaged)?;
                let mut counts = Counts::default();
                let mut last = None;
                let mut numbers = Numbers::of(&scan, name);
                while let Some(cell) = reader.next_cell_with_formula_metadata().map_err(damaged)? {
                    let (row, column) = cell.pos;
                    if planted("skip_sheet_rows", row as usize) {
                        continue;
                    }
                    if cell.value == DataRef::Empty && cell.formula.is_some() {
                        return Err(bare_formula(name, (u64::from(row), u64::from(column))));
                    }
                    if !matches!(&cell.value, DataRef::Empty)
                        && !matches!(&cell.value, DataRef::String(text) if text.is_empty())
                    {
                        counts.rows += u64::from(last.replace(row) != Some(row));
                        counts.cells += 1;
                    }
                    visit(
                        (row as usize, column as usize),
                        numbers.value((row as usize, column as usize), &cell.value)?,
                    )?;
                }
                numbers.finish()?;
                Ok(Some(counts))
            })
        }
        Kind::Xls => {
            let mut book: Xls<_> = open(file)?;
            if let Some((sheet, place)) = xls_without_results(&mut book)? {
                return Err(bare_formula(&sheet, place));
            }
            each_sheet(book.sheets_metadata().to_vec(), &[], limits, sink, |name, visit| {
                whole(&book.worksheet_range(name).map_err(damaged)?, Numbers::of(&scan, name), visit)
            })
        }
        Kind::Ods => {
            let mut book: Ods<_> = open(file)?;
            scan.name(book.sheets_metadata());
            each_sheet(book.sheets_metadata().to_vec(), &scan.sheets, limits, sink, |name, visit| {
                whole(&book.worksheet_range(name).map_err(damaged)?, Numbers::of(&scan, name), visit)
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

/// The row and the column of a cell, from 0.
type Place = (u64, u64);

/// A formula stands where its result should; the place from 0.
fn bare_formula(sheet: &str, (row, column): Place) -> FormatError {
    FormatError::NoRecords(format!(
        "the sheet {sheet} has a formula whose result is not stored, in row {}, column {}: open and save it with a spreadsheet program",
        row + 1,
        column + 1
    ))
}

/// The first formula of a workbook none of whose formulas has a result. One that gives an empty text looks the same in XLS, so a single
/// one says nothing.
fn xls_without_results(book: &mut Xls<BufReader<File>>) -> Result<Option<(String, Place)>, FormatError> {
    let mut first = None;
    for sheet in book.sheets_metadata().to_vec() {
        let (Ok(formulas), Ok(values)) = (book.worksheet_formula(&sheet.name), book.worksheet_range(&sheet.name))
        else {
            continue;
        };
        let (row, column) = formulas.start().unwrap_or_default();
        for (down, right, _) in formulas.used_cells() {
            let place = (row + down as u32, column + right as u32);
            if values.get_value(place).is_some_and(|value| value_of(value).is_some()) {
                return Ok(None);
            }
            first.get_or_insert((sheet.name.clone(), (u64::from(place.0), u64::from(place.1))));
        }
    }
    Ok(first)
}

/// What a workbook says of itself, in the order of its sheets.
#[derive(Default)]
struct Scan {
    /// Rows and cells with values; `None` for what is no sheet of cells.
    sheets: Vec<Option<Counts>>,
    /// Numbers that no double holds.
    exact: Vec<Arc<Exact>>,
    /// The same, by the sheet's name.
    by_name: HashMap<String, Arc<Exact>>,
    /// The first formula without a result: the sheet, and the place in it, all from 0.
    bare_formula: Option<(usize, Place)>,
}

impl Scan {
    /// Says what the sheets are called.
    fn name(&mut self, sheets: &[calamine::Sheet]) {
        self.by_name = sheets.iter().map(|sheet| sheet.name.clone()).zip(self.exact.drain(..)).collect();
    }
}

/// The numbers of a sheet while it is read: each whose digits no double holds is found, or the file fails.
struct Numbers<'a> {
    sheet: &'a str,
    exact: Option<&'a Exact>,
    found: u64,
}

impl<'a> Numbers<'a> {
    fn of(scan: &'a Scan, sheet: &'a str) -> Self {
        Numbers { sheet, exact: scan.by_name.get(sheet).map(Arc::as_ref), found: 0 }
    }

    /// A cell's value, a number with the digits that stand in the file.
    fn value(&mut self, (row, column): (usize, usize), data: &DataRef<'_>) -> Result<Option<Value>, FormatError> {
        let number = match data {
            DataRef::Float(number) => *number,
            DataRef::DateTime(moment) => moment.as_f64(),
            _ => return Ok(value(data)),
        };
        let digits = self.exact.map_or(Ok(None), |exact| exact.digits((row as u64, column as u64), number));
        match digits {
            Ok(Some(digits)) => {
                self.found += 1;
                Ok(Some(Value::Text(digits.to_owned())))
            }
            Ok(None) => Ok(value(data)),
            Err(()) => Err(unbalanced(&format!(
                "the sheet {} has another number in row {}, column {} than its XML",
                self.sheet,
                row + 1,
                column + 1
            ))),
        }
    }

    fn finish(self) -> Result<(), FormatError> {
        let expected = self.exact.map_or(0, Exact::cells);
        if self.found == expected {
            return Ok(());
        }
        Err(unbalanced(&format!(
            "the sheet {} has {expected} numbers of more digits than a double holds, and {} were read",
            self.sheet, self.found
        )))
    }
}

/// Unpacks every member, to know that no more comes out than may, and what the sheets among them hold.
fn measure(file: &File, kind: Kind, limits: Limits) -> Result<Scan, FormatError> {
    let members = directory(file, limits.members)?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file.try_clone()?)).map_err(damaged)?;
    if archive.len() != members.len() {
        return Err(damaged("two of its members have one name"));
    }
    let paths = if kind == Kind::Xlsx { sheet_paths(&mut archive)? } else { Vec::new() };
    let (mut left, mut counts, mut scan) = (limits.bytes, HashMap::new(), Scan::default());
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).map_err(damaged)?;
        let packed = member.compressed_size().max(1);
        let most = left.min(packed.saturating_mul(limits.ratio).max(RATIO_FROM));
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        let shared = name.ends_with("sharedStrings.xml");
        let most = if shared { most.min(MAX_SHARED) } else { most };
        let mut input = member.by_ref().take(most + 1);
        let path = normal(&name);
        if kind == Kind::Xlsx && paths.contains(&path) {
            let XlsxSheet { counts: of_sheet, exact } = xlsx_sheet(BufReader::new(&mut input))?;
            counts.insert(path, (Some(of_sheet), Arc::new(exact)));
        } else if kind == Kind::Ods && name == "content.xml" {
            let sheets = ods_sheets(BufReader::new(&mut input))?;
            let bare = |(at, sheet): (usize, &super::sheet_scan::OdsSheet)| sheet.bare_formula.map(|place| (at, place));
            scan.bare_formula = sheets.iter().enumerate().find_map(bare);
            (scan.sheets, scan.exact) =
                sheets.into_iter().map(|sheet| (Some(sheet.counts), Arc::new(sheet.exact))).unzip();
        }
        io::copy(&mut input, &mut io::sink())?;
        let out = most + 1 - input.limit();
        if out > most {
            return Err(FormatError::Archive(format!(
                "more than {most} bytes come out of {name} (ARCHIVE_MAX_BYTES, ARCHIVE_MAX_RATIO; shared texts {MAX_SHARED})"
            )));
        }
        left -= out;
    }
    if kind == Kind::Xlsx {
        (scan.sheets, scan.exact) = paths.iter().map(|path| counts.get(path).cloned().unwrap_or_default()).unzip();
    }
    Ok(scan)
}

/// The members that hold the sheets of an XLSX, in the order of the sheets.
fn sheet_paths(archive: &mut zip::ZipArchive<BufReader<File>>) -> Result<Vec<String>, FormatError> {
    /// More than any workbook says of its sheets, in bytes.
    const MOST: u64 = 64 << 20;
    let member = archive.by_name("xl/workbook.xml").map_err(damaged)?;
    let sheets = xlsx_sheets(BufReader::new(member.take(MOST)))?;
    let names: Vec<_> = archive
        .file_names()
        .map(|name| name.map(std::borrow::Cow::into_owned))
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    let related = names
        .iter()
        .find(|name| normal(name) == "xl/_rels/workbook.xml.rels")
        .ok_or_else(|| damaged("it relates to no sheet"))?;
    let targets = xlsx_targets(BufReader::new(archive.by_name(related).map_err(damaged)?.take(MOST)))?;
    let targets: HashMap<_, _> = targets.into_iter().collect();
    let path = |id: &Vec<u8>| {
        let target = targets.get(id).map_or("", String::as_str);
        match target.strip_prefix('/') {
            Some(path) => normal(path),
            None => normal(&format!("xl/{target}")),
        }
    };
    Ok(sheets.iter().map(path).collect())
}

/// A member's name as its readers look for it.
fn normal(name: &str) -> String {
    name.replace('\\', "/").to_ascii_lowercase()
}

/// Called with the row and column of a cell, from 0, row by row, and what it holds.
type Visit<'a> = dyn FnMut((usize, usize), Option<Value>) -> Result<(), FormatError> + 'a;

/// Reads each sheet twice: for the columns that it uses, and for its rows. Gives how many hold a table. What `read` counts is compared
/// with what the workbook says of the sheet, where that is known; where it counts nothing itself, it is what it gave.
fn each_sheet(
    sheets: Vec<calamine::Sheet>,
    scanned: &[Option<Counts>],
    limits: Limits,
    sink: &mut dyn Sink,
    mut read: impl FnMut(&str, &mut Visit<'_>) -> Result<Option<Counts>, FormatError>,
) -> Result<usize, FormatError> {
    if sheets.len() > limits.members {
        let (has, most) = (sheets.len(), limits.members);
        return Err(FormatError::Archive(format!("it has {has} sheets, more than {most} (ARCHIVE_MAX_MEMBERS)")));
    }
    if !scanned.is_empty() && scanned.len() != sheets.len() {
        return Err(unbalanced(&format!(
            "the workbook names {} sheets, and {} were found",
            scanned.len(),
            sheets.len()
        )));
    }
    let mut names = HashSet::new();
    if let Some(twice) = sheets.iter().find(|sheet| !names.insert(sheet.name.as_str())) {
        return Err(damaged(format!("two of its sheets are called {}", twice.name)));
    }
    let tables = sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).count();
    let (mut found, mut left_out, mut left) = (0, 0, limits.bytes);
    for (place, sheet) in sheets.iter().enumerate() {
        if planted("skip_sheet", place) {
            continue;
        }
        let name = &sheet.name;
        if sheet.typ != SheetType::WorkSheet {
            left_out += 1;
            sink.leave_out(name, "it is no sheet of cells (a chart, a dialog or macros)")?;
            continue;
        }
        let mut used = Used::default();
        let own = read(name, &mut |at, value| used.see(name, at, value.as_ref()))?;
        let read_counts = own.unwrap_or(used.counts);
        if let Some(Some(says)) = scanned.get(place)
            && *says != read_counts
        {
            return Err(unbalanced(&format!(
                "the sheet {name} has {} rows with values in {} cells, and {} rows in {} cells were read",
                says.rows, says.cells, read_counts.rows, read_counts.cells
            )));
        }
        // A lone cell is a remark, unless there is nothing else.
        let why = match used.counts.cells {
            0 => Some("it is empty".to_owned()),
            1 if tables > 1 => Some(format!("a lone cell is no table: {}", used.lone.as_deref().unwrap_or_default())),
            _ => None,
        };
        if let Some(why) = why {
            left_out += 1;
            sink.leave_out(name, &why)?;
            continue;
        }
        let columns = used.last + 1 - used.first;
        if columns > MAX_TABLE_COLUMNS {
            return Err(FormatError::TooWide(format!("the sheet {name} uses {columns} columns"), MAX_TABLE_COLUMNS));
        }
        sink.begin(name)?;
        let mut writer = RowWriter::new(&used, &mut left, sink);
        read(name, &mut |at, value| writer.cell(at, value))?;
        writer.end_row()?;
        let written = writer.counts;
        if written != used.counts {
            return Err(unbalanced(&format!(
                "the sheet {name} has {} rows with values in {} cells, and {} rows in {} cells were written",
                used.counts.rows, used.counts.cells, written.rows, written.cells
            )));
        }
        found += 1;
    }
    if found + left_out != sheets.len() {
        let (has, seen) = (sheets.len(), found + left_out);
        return Err(unbalanced(&format!("the workbook has {has} sheets, and {seen} were read or left out")));
    }
    Ok(found)
}

/// Something was skipped, or read twice.
fn unbalanced(what: &str) -> FormatError {
    FormatError::Refused(format!(
        "the books of the workbook do not add up: {what}; nothing was loaded; save it again with a spreadsheet program, and please \
         report this"
    ))
}

/// The part of a sheet that is used.
struct Used {
    /// Rows and cells that have a value.
    counts: Counts,
    row: Option<usize>,
    /// The first value.
    lone: Option<String>,
    first: usize,
    last: usize,
    /// Of each column.
    moments: Vec<Moments>,
}

impl Default for Used {
    fn default() -> Self {
        Used { counts: Counts::default(), row: None, lone: None, first: usize::MAX, last: 0, moments: Vec::new() }
    }
}

impl Used {
    fn see(&mut self, sheet: &str, (row, column): (usize, usize), value: Option<&Value>) -> Result<(), FormatError> {
        let Some(value) = value else { return Ok(()) };
        if row >= SHEET_ROWS || column >= SHEET_COLUMNS {
            return Err(damaged(format!(
                "the sheet {sheet} has a cell in row {}, column {}, and a sheet ends at row {SHEET_ROWS}, column {SHEET_COLUMNS}",
                row + 1,
                column + 1
            )));
        }
        self.counts.rows += u64::from(self.row.replace(row) != Some(row));
        self.counts.cells += 1;
        if self.lone.is_none() {
            self.lone = Some(match value {
                Value::Text(text) | Value::Iso(text) => text.clone(),
                Value::Moment(moment) => Moments::default().text(Value::Moment(*moment)),
            });
        }
        self.first = self.first.min(column);
        self.last = self.last.max(column);
        if !matches!(value, Value::Text(_)) {
            self.moments.resize(self.moments.len().max(column + 1), Moments::default());
            self.moments[column].see(value);
        }
        Ok(())
    }
}

/// Writes rows as they come together.
struct RowWriter<'a> {
    used: &'a Used,
    out: &'a mut dyn Sink,
    row: usize,
    cells: Vec<Option<String>>,
    /// Bytes that may still be written, of all sheets.
    left: &'a mut u64,
    /// What was written.
    counts: Counts,
}

impl<'a> RowWriter<'a> {
    fn new(used: &'a Used, left: &'a mut u64, out: &'a mut dyn Sink) -> Self {
        let cells = vec![None; used.last + 1 - used.first];
        RowWriter { used, out, row: 0, cells, left, counts: Counts::default() }
    }

    fn cell(&mut self, (row, column): (usize, usize), value: Option<Value>) -> Result<(), FormatError> {
        let Some(value) = value else { return Ok(()) };
        if row < self.row {
            return Err(damaged("its rows are not in order"));
        }
        while self.row < row {
            self.end_row()?;
        }
        let text = self.used.moments.get(column).copied().unwrap_or_default().text(value);
        match column.checked_sub(self.used.first).and_then(|place| self.cells.get_mut(place)) {
            Some(cell) if cell.is_none() => *cell = Some(text),
            Some(_) => return Err(damaged(format!("two cells stand in row {}, column {}", row + 1, column + 1))),
            None => return Err(damaged("it is not the same when it is read again")),
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), FormatError> {
        let mut line = Vec::new();
        let cells = self.cells.iter().flatten().count() as u64;
        if cells > 0 {
            write_record(&mut line, self.cells.iter().map(Option::as_deref))?;
            self.cells.fill(None);
            self.counts.rows += 1;
            self.counts.cells += cells;
        } else {
            line.push(b'\n');
        }
        *self.left = self.left.checked_sub(line.len() as u64).ok_or_else(|| {
            FormatError::Archive("more comes out of its sheets than ARCHIVE_MAX_BYTES allows".to_owned())
        })?;
        self.out.write_all(&line)?;
        self.row += 1;
        Ok(())
    }
}

fn whole(
    range: &calamine::Range<Data>,
    mut numbers: Numbers<'_>,
    visit: &mut Visit<'_>,
) -> Result<Option<Counts>, FormatError> {
    let (row, column) = range.start().unwrap_or_default();
    for (down, right, data) in range.used_cells() {
        if planted("skip_sheet_rows", down) {
            continue;
        }
        let place = (row as usize + down, column as usize + right);
        visit(place, numbers.value(place, &borrowed(data))?)?;
    }
    numbers.finish()?;
    Ok(None)
}

fn value_of(data: &Data) -> Option<Value> {
    value(&borrowed(data))
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
