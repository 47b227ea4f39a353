//! The content of a workbook by its own XML, before its cells are read: the sheets that it names, their rows, cells and long numbers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

use calamine::DataRef;

use super::{Kind, damaged, unbalanced};
use crate::format::FormatError;
use crate::format::cell::{Value, value};
use crate::format::directory::directory;
use crate::format::exact::Exact;
use crate::format::limits::{Limits, RATIO_FROM};
use crate::format::sheet_scan::{Counts, OdsSheet, XlsxSheet, ods_sheets, xlsx_sheet, xlsx_sheets, xlsx_targets};

/// Texts that the cells of an XLSX share are kept in memory: more than this is refused, in bytes.
const MAX_SHARED: u64 = 1 << 30;

/// The row and the column of a cell, from 0.
pub(super) type Place = (u64, u64);

/// What a workbook says of itself, in the order of its sheets.
#[derive(Default)]
pub(super) struct Scan {
    /// Rows and cells with values; `None` for what is no sheet of cells.
    pub sheets: Vec<Option<Counts>>,
    /// Numbers that no double holds.
    exact: Vec<Arc<Exact>>,
    /// The same, by the sheet's name.
    by_name: HashMap<String, Arc<Exact>>,
    /// The first formula without a result: the sheet, and the place in it, all from 0.
    pub bare_formula: Option<(usize, Place)>,
}

impl Scan {
    /// Says what the sheets are called.
    pub(super) fn name(&mut self, sheets: &[calamine::Sheet]) {
        self.by_name = sheets.iter().map(|sheet| sheet.name.clone()).zip(self.exact.drain(..)).collect();
    }
}

/// The numbers of a sheet while it is read: each whose digits no double holds is found, or the file fails.
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

/// Unpacks every member, to know that no more comes out than may, and what the sheets among them hold.
pub(super) fn measure(file: &File, kind: Kind, limits: Limits) -> Result<Scan, FormatError> {
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
