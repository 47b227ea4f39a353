//! Several tables in a text or on a sheet, each a part of its own.

use std::fs::File;
use std::path::Path;

use super::{Part, first_bytes};
use crate::format::dialect::table_starts;
use crate::format::{Format, FormatError, ReadOptions};

/// Bytes of a text that are searched for several tables.
const TABLES: u64 = 512 * 1024;

/// The bytes of a table among others in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct TablePlace {
    pub(super) start: u64,
    /// The length in bytes; `None` for the last table, which goes to the end of the text.
    pub(super) length: Option<u64>,
    /// Lines before it.
    line: u64,
    /// The byte between cells.
    delimiter: u8,
}

impl Part {
    /// The tables of a text or a sheet, each a part: the first is named after the text, the others after the text and
    /// their number, or after workbook, sheet and number. One that does not show several is one part, as is one that
    /// cannot be read: that error comes when it is loaded.
    ///
    /// # Errors
    /// When there are more tables than a file may have parts.
    pub fn tables(self, path: &Path) -> Result<Vec<Part>, FormatError> {
        if !matches!(self.format, Format::Csv | Format::Workbook) || self.problem.is_some() || self.foreign.is_some() {
            return Ok(vec![self]);
        }
        let read = || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            first_bytes(self.unpack(file)?, TABLES, size)
        };
        // In UTF-16 a line ends with more than one byte.
        let Some(sample) = read().ok().filter(|sample| memchr::memchr(0, sample).is_none()) else {
            return Ok(vec![self]);
        };
        let options =
            if self.format == Format::Workbook { ReadOptions::default().with_sheet() } else { ReadOptions::default() };
        let starts = table_starts(&sample, (sample.len() as u64) < TABLES, &options);
        let hint = match (&self.workbook, &self.sheet) {
            (Some(workbook), Some(sheet)) => workbook.hint_of(sheet),
            _ => self.table_hint.clone(),
        };
        let (stem, ending) = hint.split_once('.').unwrap_or((&hint, ""));
        let mut parts = Vec::with_capacity(starts.len());
        for (place, start) in starts.iter().enumerate() {
            if place > 0 {
                self.budget.part()?;
            }
            let number = place + 1;
            let length = starts.get(number).map(|next| (next.at - start.at) as u64);
            parts.push(Part {
                name: format!("{}/{number}", self.name),
                table_hint: if place == 0 { self.table_hint.clone() } else { format!("{stem}_{number}.{ending}") },
                table: Some(TablePlace {
                    start: start.at as u64,
                    length,
                    line: start.line,
                    delimiter: start.delimiter,
                }),
                beside: if place == 0 { self.beside.clone() } else { Vec::new() },
                ..self.clone()
            });
        }
        Ok(if parts.is_empty() { vec![self] } else { parts })
    }

    /// Lines of the file before the part.
    pub fn first_line(&self) -> u64 {
        self.table.map_or(0, |table| table.line)
    }

    /// The byte between cells, if the part is one of several tables of a text.
    pub fn delimiter(&self) -> Option<u8> {
        self.table.map(|table| table.delimiter)
    }
}
