//! The text before the records: lines above the table, and the rows that name its columns.

use std::io::Read;

use super::{MAX_RECORD, Reader, STRETCH};
use crate::format::audit::Span;
use crate::format::csv::loose::loose_line;
use crate::format::csv::split::{self, Cut, MAX_CELLS, line};
use crate::format::csv::stretch::{is_armed, rebase};
use crate::format::dialect::joined;
use crate::format::limits::MAX_HEADER;
use crate::format::{Dialect, Escape, FormatError, NO_DELIMITER};
use crate::record::Cell;
use crate::record::{Beside, BesideKind, Reason, Reject};
use crate::schema::MAX_TABLE_COLUMNS;
use crate::text::counted;

/// Text above the table that is kept beside the records, in bytes.
const MOST_ABOVE: usize = 1024 * 1024;

impl<R: Read> Reader<R> {
    pub(super) fn read_header(&mut self) -> Result<(), FormatError> {
        self.position.line += self.dialect.first_line;
        if self.dialect.delimiter != NO_DELIMITER {
            self.input.audit().separators(&[self.dialect.delimiter]);
        }
        let mut above = Vec::new();
        for line in 0..self.dialect.skip_lines {
            if self.pending.is_empty() {
                break;
            }
            self.read_line_above(line, &mut above)?;
        }
        let (mut rows, mut text) = (Vec::new(), Vec::new());
        while rows.len() < self.dialect.header_rows {
            let (line, cells) = self.read_header_row()?;
            if !text.is_empty() {
                text.push(b'\n');
            }
            if self.dialect.row_names {
                // An empty name stands over the rows' names, so that the text names the columns of one record too.
                text.push(self.dialect.header_delimiter.unwrap_or(self.dialect.delimiter));
            }
            text.extend_from_slice(&line);
            rows.push(cells);
        }
        for _ in 0..self.dialect.lines_below {
            // It stands above the records, and is none of the lines by which a file is known.
            self.read_line_above(u64::MAX, &mut Vec::new())?;
        }
        let width = self.dialect.width.max(if rows.is_empty() { 1 } else { 0 });
        self.header_rows = rows.clone();
        if let [names] = &mut rows[..]
            && names.len() > width
            && names.iter().filter(|name| !name.is_empty()).count() == width
        {
            // A delimiter too many makes no column.
            names.retain(|name| !name.is_empty());
        }
        if self.dialect.row_names {
            rows.iter_mut().for_each(|names| names.insert(0, String::new()));
        }
        let widest = rows.iter().map(Vec::len).max().unwrap_or(width).max(width);
        self.header = joined(&rows, widest);
        // The dialect may have a delimiter at the end of each record.
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

    /// Takes the line `number` (from 0) above the table: a record is refused, any other line that is not blank is kept
    /// beside the records. A kept line is appended to `above` too.
    fn read_line_above(&mut self, number: u64, above: &mut Vec<u8>) -> Result<(), FormatError> {
        let (end, next) = self.whole_line()?;
        let start = split::behind_marks(&self.pending[..end], 0, &self.dialect);
        let text = self.pending[start..end].to_vec();
        self.pending.drain(..next);
        let is_record = self.dialect.records_above.iter().any(|(from, to)| (*from..*to).contains(&number));
        let refused = match () {
            () if is_record => Some((Reason::OtherTable, "above the one that is loaded")),
            () if std::str::from_utf8(&text).is_err() => Some((Reason::WrongByte, "above the table")),
            () if text.contains(&0) => Some((Reason::Nul, "above the table")),
            () if above.len() + text.len() > MOST_ABOVE => {
                Some((Reason::OtherTable, "more text above it than is kept"))
            }
            () => None,
        };
        let delimiter = self.dialect.delimiter;
        let is_empty = !text.is_empty() && delimiter != NO_DELIMITER && text.iter().all(|byte| *byte == delimiter);
        let span = match refused {
            _ if is_empty || split::is_blank(&text, &self.dialect, false) => Span::Blank,
            Some(_) => Span::Reject,
            None => Span::Beside,
        };
        let spans = (span != Span::Blank && !is_armed("csv_above")).then_some((start, text.as_slice(), span));
        self.input.audit().claim_all(next, spans.into_iter())?;
        match refused {
            Some((reason, detail)) if span == Span::Reject => {
                self.above.push(Reject::new(self.position.line, reason, text).detail(detail));
            }
            _ => {
                above.extend_from_slice(&text);
                if span == Span::Beside {
                    let line = self.position.line;
                    self.beside.push(Beside::line(BesideKind::Above, line, String::from_utf8_lossy(&text)));
                }
                if !self.dialect.table_above {
                    above.push(b'\n');
                }
            }
        }
        self.position.line += 1;
        Ok(())
    }

    /// Reads the pending line to its end; gives the end of its text, and the place of the next one.
    fn whole_line(&mut self) -> Result<(usize, usize), FormatError> {
        let mut want = STRETCH;
        loop {
            self.fill(want)?;
            let (end, next) = line(&self.pending, 0, &self.dialect);
            if next < self.pending.len() || self.complete {
                return Ok((end, next));
            }
            if want >= MAX_RECORD {
                return Err(FormatError::TooLong { line: self.position.line, limit: MAX_RECORD });
            }
            want *= 2;
        }
    }

    /// The cells of the first line as a header with a quote too many: cut by that line alone, if there are as many as
    /// the table has, and else as text, if there are `count` of them; a quote that encloses a cell is not part of its
    /// name.
    fn as_text(&self, count: usize) -> Result<(usize, usize, Vec<String>), FormatError> {
        let (end, next) = line(&self.pending, 0, &self.dialect);
        let text = &self.pending[..end];
        if !text.contains(&b'\r')
            && let Some(cells) = loose_line(text, &self.dialect, self.dialect.width)
        {
            return Ok((end, next, cells));
        }
        let quote = self.dialect.quote.map(char::from);
        let cells = split::line_cells(text, &Dialect { quote: None, escape: Escape::Doubled, ..self.dialect.clone() });
        if cells.len() != count || text.contains(&b'\r') {
            let line = self.position.line;
            let why = "text follows a closing quote in the header: a quote too many or too few";
            return Err(FormatError::NoHeader(format!("line {line}: {why}")));
        }
        let bare = |cell: String| match quote.and_then(|quote| cell.strip_prefix(quote)?.strip_suffix(quote)) {
            Some(inner) => inner.to_owned(),
            None => cell,
        };
        Ok((end, next, cells.into_iter().map(bare).collect()))
    }

    /// Reads the next row that is not blank: its bytes and its cells.
    fn read_header_row(&mut self) -> Result<(Vec<u8>, Vec<String>), FormatError> {
        let mut want = STRETCH;
        loop {
            let start = split::behind_marks(&self.pending, 0, &self.dialect);
            if start > 0 {
                self.pending.drain(..start);
                self.input.audit().claim(start, Span::Blank)?;
            }
            let (mut cells, mut side) = (Vec::new(), Vec::new());
            let delimiter = self.dialect.header_delimiter;
            let dialect = match delimiter {
                Some(delimiter) => &Dialect { delimiter, spaced: false, ..self.dialect.clone() },
                None => &self.dialect,
            };
            let cut = split::record(&self.pending, 0, dialect, self.complete, &mut cells, &mut side);
            let is_loose = match cut {
                Cut::Record { stray, .. } => {
                    stray > 0 || (self.dialect.loose_header && cells.len() != self.dialect.width)
                }
                Cut::Unclosed | Cut::More => self.dialect.loose_header,
            };
            match cut {
                Cut::Record { dropped, .. } if dropped + cells.len() > MAX_CELLS => {
                    let count = counted((dropped + cells.len()) as u64, "cell");
                    let what = format!("line {}: the header has {count}", self.position.line);
                    return Err(FormatError::TooWide(what, MAX_TABLE_COLUMNS));
                }
                Cut::Record { end, .. } if end > MAX_HEADER => return Err(self.header_too_long()),
                _ if is_loose && delimiter.is_none() => {
                    if self.whole_line()?.0 > MAX_HEADER {
                        return Err(self.header_too_long());
                    }
                    let (end, next, names) = self.as_text(cells.len())?;
                    let text = self.pending[..end].to_vec();
                    is_text(&text)?;
                    self.pending.drain(..next);
                    self.position.line += 1;
                    self.input.audit().claim_all(next, [(0, text.as_slice(), Span::Header)].into_iter())?;
                    return Ok((text, names));
                }
                Cut::Record { end, next, lines, .. } => {
                    let is_empty = split::is_empty(&cells);
                    let rest = self.pending.split_off(next);
                    let mut text = std::mem::replace(&mut self.pending, rest);
                    self.position.line += if self.dialect.by_record { 1 } else { lines };
                    let row = (end > 0 && !is_empty).then_some((0, &text[..end], Span::Header));
                    self.input.audit().claim_all(next, row.into_iter())?;
                    if end == 0 || is_empty {
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
                Cut::More if want >= MAX_HEADER => return Err(self.header_too_long()),
                Cut::More => {
                    want *= 2;
                    self.fill(want)?;
                }
            }
        }
    }

    fn header_too_long(&self) -> FormatError {
        let line = self.position.line;
        let why = "which is more than a header may have: is a quote opened in it and never closed?";
        FormatError::NoHeader(format!("line {line}: longer than {MAX_HEADER} bytes, {why}"))
    }
}

fn header(text: &[u8], cells: &[Cell]) -> Result<Vec<String>, FormatError> {
    let text = is_text(text)?;
    Ok(cells.iter().map(|cell| text[cell.start as usize..cell.end as usize].to_owned()).collect())
}

/// The bytes of a header as text.
fn is_text(text: &[u8]) -> Result<&str, FormatError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let at = error.valid_up_to();
        FormatError::NotText(format!("byte 0x{:02X} at position {} of the header", text[at], at + 1))
    })?;
    if text.contains('\0') {
        return Err(FormatError::NotText("the header holds a NUL byte".to_owned()));
    }
    Ok(text)
}
