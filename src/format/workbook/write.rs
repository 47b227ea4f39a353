//! Sheets as text: read twice, for the columns that each uses and for its rows, and written if they hold a table.

use std::collections::HashSet;

use calamine::SheetType;

use super::{Sink, damaged, unbalanced};
use crate::format::FormatError;
use crate::format::cell::{Moments, Value};
use crate::format::limits::Limits;
use crate::format::planted::planted;
use crate::format::sheet_scan::Counts;
use crate::record::write_record;
use crate::schema::MAX_TABLE_COLUMNS;

/// Rows and columns that a sheet can have.
const SHEET_ROWS: usize = 1_048_576;
const SHEET_COLUMNS: usize = 16_384;

/// A function called for each cell, row by row, with its row and column, from 0, and its value.
pub(super) type Visit<'a> = dyn FnMut((usize, usize), Option<Value>) -> Result<(), FormatError> + 'a;

/// Reads each sheet twice: for the columns that it uses, and for its rows. Gives the number of those that hold a table.
/// The counts of `read` are compared with those that the workbook's XML gives, if known; a `read` without counts is
/// compared with the cells that it gave.
pub(super) fn each_sheet(
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

/// The used part of a sheet.
struct Used {
    /// Rows and cells with a value.
    counts: Counts,
    row: Option<usize>,
    /// The first value.
    lone: Option<String>,
    first: usize,
    last: usize,
    /// The moments of each column.
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

/// Writes rows as they become complete.
struct RowWriter<'a> {
    used: &'a Used,
    out: &'a mut dyn Sink,
    row: usize,
    cells: Vec<Option<String>>,
    /// Bytes that may still be written, of all sheets together.
    left: &'a mut u64,
    /// Rows and cells that were written.
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
