//! The content of a workbook by its own XML, before its cells are read: the sheets that it names, their rows, cells and
//! long numbers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

use calamine::DataRef;

use super::package::Package;
use super::{damaged, unbalanced};
use crate::format::FormatError;
use crate::format::cell::{Value, value};
use crate::format::directory::directory;
use crate::format::exact::Exact;
use crate::format::limits::{Limits, RATIO_FROM};
use crate::format::sheet_scan::{Counts, OdsSheet, XlsxSheet, ods_sheets, xlsx_sheet};

/// Bytes of the texts that the cells of an XLSX share, at most: they are kept in memory.
const MAX_SHARED: u64 = 1 << 30;

/// The row and the column of a cell, from 0.
pub(super) type Place = (u64, u64);

/// The content of a workbook by its own XML, in the order of its sheets.
#[derive(Default)]
pub(super) struct Scan {
    /// Rows and cells with values; `None` for a sheet without cells.
    pub sheets: Vec<Option<Counts>>,
    /// Numbers that no double holds.
    exact: Vec<Arc<Exact>>,
    /// Numbers that no double holds, by the sheet's name.
    by_name: HashMap<String, Arc<Exact>>,
    /// The first formula without a result: its sheet, and its place there, all from 0.
    pub bare_formula: Option<(usize, Place)>,
}

impl Scan {
    /// Tells the names of the sheets.
    pub(super) fn name(&mut self, sheets: &[calamine::Sheet]) {
        self.by_name = sheets.iter().map(|sheet| sheet.name.clone()).zip(self.exact.drain(..)).collect();
    }
}

/// The numbers of a sheet while it is read: each one that no double holds is found, or the file fails.
pub(super) struct Numbers<'a> {
    sheet: &'a str,
    exact: Option<&'a Exact>,
    found: u64,
}

impl<'a> Numbers<'a> {
    pub(super) fn of(scan: &'a Scan, sheet: &'a str) -> Self {
        Numbers { sheet, exact: scan.by_name.get(sheet).map(Arc::as_ref), found: 0 }
    }

    /// A cell's value, a number with the digits that stand in the file.
    pub(super) fn value(
        &mut self,
        (row, column): (usize, usize),
        data: &DataRef<'_>,
    ) -> Result<Option<Value>, FormatError> {
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

    pub(super) fn finish(self) -> Result<(), FormatError> {
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

/// Unpacks every member, to limit the bytes that come out and to scan the sheets among them. `package` is that of an
/// XLSX.
pub(super) fn measure(file: &File, package: Option<&Package>, limits: Limits) -> Result<Scan, FormatError> {
    let members = directory(file, limits.members)?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file.try_clone()?)).map_err(damaged)?;
    if archive.len() != members.len() {
        return Err(damaged("two of its members have one name"));
    }
    let (mut left, mut found, mut scan) = (limits.bytes, HashMap::new(), Scan::default());
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).map_err(damaged)?;
        let packed = member.compressed_size().max(1);
        let most = left.min(packed.saturating_mul(limits.ratio).max(RATIO_FROM));
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        let is_shared = package.is_some_and(|package| package.shared == Some(at));
        let most = if is_shared { most.min(MAX_SHARED) } else { most };
        let mut input = member.by_ref().take(most + 1);
        if package.is_some_and(|package| package.sheets.contains(&Some(at))) {
            let XlsxSheet { counts, exact, broken_index } = xlsx_sheet(BufReader::new(&mut input))?;
            if let Some((row, column)) = broken_index {
                return Err(damaged(format!(
                    "{name} names a shared text by no number, in row {}, column {}",
                    row + 1,
                    column + 1
                )));
            }
            found.insert(at, (Some(counts), Arc::new(exact)));
        } else if package.is_none() && name == "content.xml" {
            let sheets = ods_sheets(BufReader::new(&mut input))?;
            let bare = |(at, sheet): (usize, &OdsSheet)| sheet.bare_formula.map(|place| (at, place));
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
    if let Some(package) = package {
        let counted = |place: &Option<usize>| place.and_then(|place| found.get(&place).cloned()).unwrap_or_default();
        (scan.sheets, scan.exact) = package.sheets.iter().map(counted).unzip();
    }
    Ok(scan)
}
