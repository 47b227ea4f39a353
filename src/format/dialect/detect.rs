//! Finds a dialect: cuts a sample in every likely way, and takes the way that gives the evenest records.

use csv_nose::{SampleSize, Sniffer};

use super::above::{first_record, records_above, records_above_statement};
use super::amounts::is_column_of_amounts;
use super::backslashes::escape_bare_cells;
use super::commas::have_commas_in_values;
use super::fit::Fit;
use super::frame::{frame, rows_of_header};
use super::header::is_value;
use super::notes::Note;
use super::quotes::are_quotes;
use super::row_names::{ShortHeader, has_name_too_many, short_header};
use super::{Dialect, Escape, LineEnd, NO_DELIMITER, ReadOptions};
use crate::format::csv::sampled::Sampled;
use crate::format::csv::split::{blanks, line_cells};

/// The delimiters of nearly all files; the first of equals is taken, because commas stand in texts and numbers too.
pub(super) const USUAL: [u8; 4] = [b'\t', b';', b'|', b','];

/// The delimiters of other files: only tried if nothing usual separates.
const UNUSUAL: [u8; 6] = [b'^', b'~', b'\x1F', b'\x01', b':', b' '];

/// Signs of texts and days, which separate nothing unless stated.
const OF_TEXT: [u8; 2] = [b'/', b'&'];

impl Dialect {
    /// Finds the dialect from the first bytes of a text in UTF-8; `complete` says that there are no more. Anything
    /// `stated` is not guessed.
    pub fn detect(sample: &[u8], complete: bool, stated: &ReadOptions) -> Dialect {
        if let Some((delimiter, line)) = excel_line(sample)
            && (stated.delimiter.is_none() || (stated.delimiter == Some(delimiter) && stated.skip_lines.is_none()))
        {
            // Excel's own line: `sep=;`.
            let stated = ReadOptions { delimiter: Some(delimiter), ..stated.clone() };
            let mut dialect = Dialect::detect(&sample[line..], complete, &stated);
            dialect.skip_lines += 1;
            dialect.records_above.iter_mut().for_each(|(from, to)| (*from, *to) = (*from + 1, *to + 1));
            return dialect;
        }
        if !stated.widths.is_empty() {
            let line_end = line_ends(sample, None)[0];
            return Dialect {
                quote: None,
                line_end,
                skip_lines: stated.skip_lines.unwrap_or(0),
                header_rows: stated.header_rows.unwrap_or(0),
                width: stated.widths.len(),
                widths: stated.widths.clone(),
                ..Dialect::plain(NO_DELIMITER)
            };
        }
        let mut usual = usual(sample);
        let has_own_commas = stated.delimiter.is_none() && usual.contains(&b',') && {
            let dialect = undelimited(sample, complete, stated);
            let lines = Fit::single(sample, complete, &dialect).records;
            (usual == [b','] && is_column_of_amounts(&lines)) || have_commas_in_values(&lines, sample)
        };
        usual.retain(|delimiter| *delimiter != b',' || !has_own_commas);
        let mut best: Option<(Fit<'_>, Dialect)> = None;
        let mut consider = |delimiters: &[u8]| {
            for dialect in delimiters.iter().flat_map(|delimiter| spellings(sample, complete, *delimiter, stated)) {
                let fit = Fit::of(sample, complete, &dialect);
                if best.as_ref().is_none_or(|(known, _)| fit.is_better_than(known)) {
                    best = Some((fit, dialect));
                }
            }
            best.as_ref().is_some_and(|(fit, _)| fit.is_even())
        };
        match stated.delimiter {
            Some(delimiter) => consider(&[delimiter]),
            // A usual delimiter that separates rules out the others.
            None if has_own_commas => consider(&usual),
            None => consider(&usual) || consider(&unusual(sample)),
        };
        let (fit, mut dialect) = match best {
            Some(best) if best.0.is_even() || stated.delimiter.is_some() => best,
            // The sample holds delimiters only.
            Some(best) if best.0.records.is_empty() => best,
            // Without a delimiter there is one column.
            _ => {
                let comma = spellings(sample, complete, b',', stated).swap_remove(0);
                let fit = Fit::single(sample, complete, &comma);
                if fit.width > 1 && !has_own_commas && !fit.begins_with_record() {
                    (fit, comma)
                } else {
                    let dialect = undelimited(sample, complete, stated);
                    (Fit::single(sample, complete, &dialect), dialect)
                }
            }
        };
        if stated.quote.is_none() && memchr::memchr(b'"', sample).is_none() && fit.is_single_quoted() {
            // Single quotes enclose cells that hold nothing to be quoted for.
            let stated = ReadOptions { quote: Some(Some(b'\'')), delimiter: Some(dialect.delimiter), ..stated.clone() };
            return Dialect::detect(sample, complete, &stated);
        }
        dialect.find_table(&fit, sample, stated);
        // Records further on follow the same rule whatever the sample holds: a quote behind a blank is text if nothing
        // closes it.
        dialect.padded = dialect.can_be_padded();
        dialect.escapes_bare = dialect.escape == Escape::Backslash && escape_bare_cells(sample, &dialect);
        dialect
    }

    fn can_be_padded(&self) -> bool {
        self.quote.is_some() && !matches!(self.delimiter, b' ' | NO_DELIMITER)
    }

    /// Finds the start of the table and the rows of its header.
    fn find_table(&mut self, fit: &Fit<'_>, sample: &[u8], stated: &ReadOptions) {
        let of_table = fit.records.iter().filter(|record| record.cells.len() == fit.width && fit.width > 1);
        let usual = self.delimiter != b' ' && fit.records.iter().any(|record| record.spaced);
        self.spaced = stated.spaced || (usual && of_table.into_iter().all(|record| record.spaced));
        self.loose_header = fit.loose;
        let (mut start, rows) = match stated.skip_lines {
            Some(lines) => {
                let start = fit.records.iter().position(|record| record.line >= lines).unwrap_or(0);
                (start, rows_of_header(&fit.records[start.min(fit.records.len())..], fit.width))
            }
            None => frame(fit),
        };
        self.header_rows = stated.header_rows.unwrap_or(rows);
        if self.header_rows == 0 && stated.header_rows.is_none() && start > 0 && stated.skip_lines.is_none() {
            self.header_delimiter = self.other_delimiter(fit, start, sample);
            if self.header_delimiter.is_some() {
                (start, self.header_rows) = (start - 1, 1);
            }
        }
        if stated.skip_lines.is_none() {
            if self.header_rows == 0 {
                start = first_record(&fit.records, start);
            }
            self.records_above = match fit.is_statement {
                true => records_above_statement(&fit.records, start),
                false => records_above(&fit.records, start, self.header_rows == 0),
            };
            self.table_above = !self.records_above.is_empty();
        }
        self.skip_lines = stated.skip_lines.unwrap_or_else(|| fit.records.get(start).map_or(0, |record| record.line));
        let table = &fit.records[start.min(fit.records.len())..];
        let names = match &table[..self.header_rows.min(table.len())] {
            // A header tells the table's width, a record does not.
            _ if self.header_delimiter.is_some() => fit.width,
            [head] if has_name_too_many(head, &table[1..], fit.width) => fit.width,
            [head, ..] => head.cells.len(),
            [] => 0,
        };
        self.width = names.max(fit.width);
        let (header, records) = table.split_at(self.header_rows.min(table.len()));
        let lines = |note: Note| header.last().map(|head| note.lines_below(head, records.first()));
        self.lines_below = fit.note.and_then(lines).unwrap_or(0);
        let short = short_header(table, self.header_rows, fit.width, sample, self);
        self.row_names = matches!(short, Some(ShortHeader::RowNames | ShortHeader::RatherRowNames));
        self.doubtful_names = matches!(short, Some(ShortHeader::RatherRowNames | ShortHeader::Commas));
        // `a,b,` over `1,2,`: the last delimiter ends the record.
        let trailing = |record: &Sampled<'_>| record.ends_delimited || record.cells.len() < self.width;
        if self.width > 2 && (table.len() > 1 || self.header_rows == 1) && table.iter().all(trailing) {
            let filled =
                |record: &Sampled<'_>| record.cells.len() > 1 && record.cells[record.cells.len() - 2].is_empty();
            if !table.first().is_some_and(filled) {
                self.width -= 1;
                self.ends_delimited = true;
            }
        }
    }

    /// The delimiter of the names in the line right above the records, if it is another than between the records'
    /// cells.
    fn other_delimiter(&self, fit: &Fit<'_>, start: usize, sample: &[u8]) -> Option<u8> {
        let touches = !fit.records.get(start)?.after_blank;
        let line = &sample[fit.records[start - 1].place.clone()];
        let names = |delimiter: &u8| {
            let cells = line_cells(line, &Dialect { delimiter: *delimiter, spaced: false, ..self.clone() });
            // Blanks separate the words of a comment and of text with commas too.
            let is_of_text = *delimiter == b' ' && (line.starts_with(b"#") || line.contains(&b','));
            !is_of_text && cells.len() == fit.width && !cells.iter().any(|cell| cell.is_empty() || is_value(cell))
        };
        let others = USUAL.into_iter().chain([b' ']).filter(|byte| *byte != self.delimiter);
        others.into_iter().find(names).filter(|_| touches && fit.width > 1)
    }
}

/// The delimiter that the first line names, and the line's length.
fn excel_line(sample: &[u8]) -> Option<(u8, usize)> {
    let end = memchr::memchr(b'\n', sample)?;
    let line = sample[..end].strip_suffix(b"\r").unwrap_or(&sample[..end]);
    let line = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(line);
    match line.get(..4)?.eq_ignore_ascii_case(b"sep=").then_some(&line[4..])? {
        [delimiter] if delimiter.is_ascii() => Some((*delimiter, end + 1)),
        _ => None,
    }
}

/// The usual delimiters that stand in this sample, likelier first.
fn usual(sample: &[u8]) -> Vec<u8> {
    USUAL.into_iter().filter(|byte| sample.contains(byte)).collect()
}

/// The unusual delimiters that may separate the cells of this sample.
fn unusual(sample: &[u8]) -> Vec<u8> {
    // A byte of a letter such as `§` separates nothing: cells are cut between letters.
    let likely = |delimiter: &u8| delimiter.is_ascii() && !OF_TEXT.contains(delimiter) && !USUAL.contains(delimiter);
    let found = sniffed(sample).filter(likely);
    let others = UNUSUAL.into_iter().filter(|byte| sample.contains(byte) && found != Some(*byte));
    found.into_iter().chain(others).collect()
}

/// The delimiter that the table uniformity method finds (<https://doi.org/10.3233/DS-240062>).
fn sniffed(sample: &[u8]) -> Option<u8> {
    let mut sniffer = Sniffer::new();
    sniffer.sample_size(SampleSize::All);
    let part = &sample[..sample.len().min(32 * 1024)];
    Some(sniffer.sniff_bytes(part).ok()?.dialect.delimiter)
}

/// The dialects with this delimiter, one for each way of writing quotes.
fn spellings(sample: &[u8], complete: bool, delimiter: u8, stated: &ReadOptions) -> Vec<Dialect> {
    let has = |words: &[u8]| memchr::memmem::find(sample, words).is_some();
    let has_apostrophe =
        || has(&[delimiter, b'\'']) || has(&[delimiter, b' ', b'\'']) || has(b"\n'") || sample.starts_with(b"'");
    let encloses = |escape: Escape| {
        let padded = is_padded(sample, delimiter, b'\'');
        let line_end = line_ends(sample, Some(b'\''))[0];
        let dialect = Dialect { quote: Some(b'\''), escape, line_end, padded, ..Dialect::plain(delimiter) };
        are_quotes(sample, complete, &dialect)
    };
    let quotes: Vec<Option<u8>> = match stated.quote {
        Some(stated) => vec![stated],
        None if !has_apostrophe() => vec![Some(b'"')],
        None if encloses(Escape::Doubled) || (has(b"\\'") && encloses(Escape::Backslash)) => vec![Some(b'\'')],
        None if is_lone_mark(sample, delimiter) => vec![Some(b'"')],
        None => vec![Some(b'"'), Some(b'\'')],
    };
    let mut all = Vec::new();
    for quote in quotes {
        let mark = quote.unwrap_or(b'"');
        let escapes: &[Escape] = match &stated.escape {
            Some(stated) => std::slice::from_ref(stated),
            None if has(&[b'\\', mark]) => &[Escape::Doubled, Escape::Backslash],
            None => &[Escape::Doubled],
        };
        let padded =
            Dialect { quote, ..Dialect::plain(delimiter) }.can_be_padded() && is_padded(sample, delimiter, mark);
        for escape in escapes {
            for line_end in line_ends(sample, quote) {
                let dialect = Dialect { quote, escape: *escape, line_end, ..Dialect::plain(delimiter) };
                if padded {
                    all.push(Dialect { padded, ..dialect.clone() });
                }
                all.push(dialect);
            }
        }
    }
    if stated.quote.is_none() && stated.escape.is_none() && (has(&[b'\\', delimiter]) || has(b"\\\n")) {
        let line_end = line_ends(sample, None)[0];
        all.push(Dialect { quote: None, escape: Escape::Backslash, line_end, ..Dialect::plain(delimiter) });
    }
    all
}

/// The dialect of a text in which every line is one cell.
fn undelimited(sample: &[u8], complete: bool, stated: &ReadOptions) -> Dialect {
    let comma = spellings(sample, complete, b',', stated).swap_remove(0);
    Dialect { delimiter: NO_DELIMITER, padded: false, ..comma }
}

/// True if blanks stand between a quote and the start or the end of its cell.
fn is_padded(sample: &[u8], delimiter: u8, quote: u8) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| *byte == delimiter || matches!(byte, b'\n' | b'\r'));
    memchr::memchr_iter(quote, sample).any(|at| {
        let (before, after) = (&sample[..at], &sample[at + 1..]);
        let (left, right) = (blanks(before.iter().rev(), delimiter), blanks(after.iter(), delimiter));
        (left > 0 && is_edge(before.iter().rev().nth(left))) || (right > 0 && is_edge(after.get(right)))
    })
}

/// True if cells show that the single quote encloses none: one is nothing but a quote, or one is `""""`.
fn is_lone_mark(sample: &[u8], delimiter: u8) -> bool {
    let ends = |byte: Option<&u8>| byte.is_none_or(|byte| *byte == delimiter || matches!(byte, b'\n' | b'\r'));
    let is_cell =
        |at: usize, length: usize| ends(at.checked_sub(1).map(|at| &sample[at])) && ends(sample.get(at + length));
    memchr::memchr_iter(b'\'', sample).any(|at| is_cell(at, 1))
        || memchr::memmem::find_iter(sample, b"\"\"\"\"").any(|at| is_cell(at, 4))
}

/// The possible line ends, by those that stand outside of quotes; several if both kinds do.
fn line_ends(sample: &[u8], quote: Option<u8>) -> Vec<LineEnd> {
    let is_lone = |at: usize| !matches!(sample.get(at + 1), Some(b'\n' | b'\r'));
    if !memchr::memchr_iter(b'\r', sample).any(is_lone) {
        return vec![LineEnd::Lf];
    }
    if !sample.contains(&b'\n') {
        return vec![LineEnd::Cr];
    }
    let (mut feed, mut lone, mut open) = (false, false, false);
    for (at, byte) in sample.iter().enumerate() {
        match byte {
            byte if Some(*byte) == quote => open = !open,
            b'\n' if !open => feed = true,
            // A CR of CRLF, also of one written as a line end once more, is no line end by itself.
            b'\r' if !open && is_lone(at) => lone = true,
            _ => {}
        }
    }
    match (feed, lone) {
        (true, true) => vec![LineEnd::Lf, LineEnd::Cr],
        (false, true) => vec![LineEnd::Cr],
        _ => vec![LineEnd::Lf],
    }
}
