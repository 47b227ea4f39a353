//! What stands before the records: lines above the table, and the rows that name its columns.

use std::io::{self, Read};

use memchr::memchr;

use super::{MAX_RECORD, Reader, STRETCH};
use crate::format::csv::split::{self, Cut};
use crate::format::csv::stretch::rebase;
use crate::format::dialect::joined;
use crate::format::records::Cell;
use crate::format::{FormatError, Reason, Reject};

impl<R: Read> Reader<R> {
    pub(super) fn read_header(&mut self) -> Result<(), FormatError> {
        let mut above = Vec::new();
        for _ in 0..self.dialect.skip_lines {
            if self.pending.is_empty() {
                break;
            }
            let text = self.skip_line()?;
            if !self.dialect.table_above {
                above.extend_from_slice(&text);
                above.push(b'\n');
            } else if !text.is_empty() {
                let reject = Reject::new(self.position.line, Reason::OtherTable, text);
                self.above.push(reject.detail("above the one that is loaded"));
            }
            self.position.line += 1;
        }
        let (mut rows, mut text) = (Vec::new(), Vec::new());
        while rows.len() < self.dialect.header_rows {
            let (line, cells) = self.read_header_row()?;
            if !text.is_empty() {
                text.push(b'\n');
            }
            text.extend_from_slice(&line);
            rows.push(cells);
        }
        let width = self.dialect.width.max(if rows.is_empty() { 1 } else { 0 });
        let widest = rows.iter().map(Vec::len).max().unwrap_or(width).max(width);
        self.header = joined(&rows, widest);
        // The dialect knows of a delimiter at the end of each record.
        while self.header.len() > width && self.header.last().is_some_and(String::is_empty) {
            self.header.pop();
        }
        if !rows.is_empty() && self.header.iter().all(String::is_empty) {
            return Err(FormatError::NoHeader("every cell of the first row is empty".to_owned()));
        }
        self.header_text = text;
        self.above_text = above;
        Ok(())
    }

    /// The next row that is not blank: its bytes and its cells.
    fn read_header_row(&mut self) -> Result<(Vec<u8>, Vec<String>), FormatError> {
        let mut want = STRETCH;
        loop {
            let (mut cells, mut side) = (Vec::new(), Vec::new());
            match split::record(&self.pending, 0, &self.dialect, self.complete, &mut cells, &mut side) {
                Cut::Record { end, next, lines, .. } => {
                    let rest = self.pending.split_off(next);
                    let mut text = std::mem::replace(&mut self.pending, rest);
                    self.position.line += if self.dialect.by_record { 1 } else { lines };
                    if end == 0 {
                        self.fill(want)?;
                        if self.pending.is_empty() {
                            return Err(FormatError::NoHeader("every line is blank".to_owned()));
                        }
                        continue;
                    }
                    let line = text[..end].to_vec();
                    rebase(&mut cells, text.len() + self.pending.len(), text.len());
                    text.extend_from_slice(&side);
                    return Ok((line, header(&text, &cells)?));
                }
                Cut::Unclosed => {
                    let line = self.position.line;
                    return Err(FormatError::NoHeader(format!("line {line}: a quote is opened and never closed")));
                }
                Cut::More if want >= MAX_RECORD => {
                    return Err(FormatError::TooLong { line: self.position.line, limit: MAX_RECORD });
                }
                Cut::More => {
                    want *= 2;
                    self.fill(want)?;
                }
            }
        }
    }

    /// Passes over the rest of a line; gives its text, of a very long one the beginning.
    pub(super) fn skip_line(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let end = memchr(self.dialect.line_end.byte(), &self.pending);
            let part = &self.pending[..end.unwrap_or(self.pending.len())];
            text.extend_from_slice(&part[..part.len().min(STRETCH.saturating_sub(text.len()))]);
            self.pending.drain(..end.map_or(self.pending.len(), |end| end + 1));
            self.fill(STRETCH)?;
            if end.is_some() || self.pending.is_empty() {
                text.truncate(text.strip_suffix(b"\r").unwrap_or(&text).len());
                return Ok(text);
            }
        }
    }
}

fn header(text: &[u8], cells: &[Cell]) -> Result<Vec<String>, FormatError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let at = error.valid_up_to();
        FormatError::NotText(format!("byte 0x{:02X} at position {} of the header", text[at], at + 1))
    })?;
    if text.contains('\0') {
        return Err(FormatError::NotText("the header holds a NUL byte".to_owned()));
    }
    Ok(cells.iter().map(|cell| text[cell.start as usize..cell.end as usize].to_owned()).collect())
}
