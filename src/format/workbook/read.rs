//! The cells of a workbook by their readers. XLSX is read cell by cell, because a sheet of two cells can span 17
//! billion.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use calamine::{Data, DataRef, Ods, Reader, Xls, Xlsx};

use super::package::Package;
use super::scan::{Numbers, Place, Scan, measure};
use super::write::{Visit, each_sheet};
use super::{Kind, Limits, Sink, damaged};
use crate::format::FormatError;
use crate::format::cell::{Value, value};
use crate::format::planted::planted;
use crate::format::sheet_scan::Counts;

/// Writes the sheets that hold a table.
///
/// # Errors
/// As [`sheets`](super::sheets).
pub(in crate::format) fn write_sheets(
    mut file: File,
    kind: Kind,
    limits: Limits,
    sink: &mut dyn Sink,
) -> Result<(), FormatError> {
    let found = match kind {
        Kind::Xlsx => {
            let package = Package::of(&file, limits)?;
            let mut scan = measure(&file, Some(&package), limits)?;
            let mut book: Xlsx<_> = open(package.arranged(file)?)?;
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
            let scan = Scan::default();
            each_sheet(book.sheets_metadata().to_vec(), &[], limits, sink, |name, visit| {
                whole(&book.worksheet_range(name).map_err(damaged)?, Numbers::of(&scan, name), visit)
            })
        }
        Kind::Ods => {
            let mut scan = measure(&file, None, limits)?;
            if let Some((sheet, place)) = scan.bare_formula {
                return Err(bare_formula(&format!("{} of the workbook", sheet + 1), place));
            }
            file.rewind()?;
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

fn open<R: Read + Seek, B: Reader<BufReader<R>>>(file: R) -> Result<B, FormatError>
where
    B::Error: std::fmt::Display,
{
    B::new(BufReader::new(file)).map_err(damaged)
}

/// The error of a formula in place of its result; the place counts from 0.
fn bare_formula(sheet: &str, (row, column): Place) -> FormatError {
    FormatError::NoRecords(format!(
        "the sheet {sheet} has a formula whose result is not stored, in row {}, column {}: open and save it with a spreadsheet program",
        row + 1,
        column + 1
    ))
}

/// The first formula of a workbook none of whose formulas has a result. A formula with an empty text looks the same in
/// XLS, so a single one proves nothing.
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
