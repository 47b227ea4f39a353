//! Finds a dialect: cuts a sample in every likely way, and takes the one that gives the evenest records.

use csv_nose::{SampleSize, Sniffer};

use super::above::{first_record, grown, is_text, records_above, stacked};
use super::header::{header_rows, is_value, names, titles};
use super::{Dialect, Escape, LineEnd, NO_DELIMITER, Stated};
use crate::format::csv::split::{Sampled, sampled};

/// What separates cells nearly everywhere; of equals the first, because commas stand in texts and numbers too.
const USUAL: [u8; 4] = [b'\t', b';', b'|', b','];

/// What separates cells elsewhere: only where nothing usual does.
const UNUSUAL: [u8; 6] = [b'^', b'~', b'\x1F', b'\x01', b':', b' '];

/// What stands in texts and days, and separates nothing unless it is stated.
const OF_TEXT: [u8; 2] = [b'/', b'&'];

/// A dialect is taken for the right one if this share of the records has the same width; half of it if the first record has.
const EVEN: f64 = 0.6;

/// Records of a sample that are looked at.
const RECORDS: usize = 2_000;

impl Dialect {
    /// Finds the dialect out of the first bytes of a text in UTF-8; `complete` says that there are no more.
    /// What is `stated` is not guessed.
    pub fn detect(sample: &[u8], complete: bool, stated: &Stated) -> Dialect {
        if let Some((delimiter, line)) = excel_line(sample)
            && stated.delimiter.is_none()
        {
            // Excel's own line: `sep=;`.
            let stated = Stated { delimiter: Some(delimiter), ..stated.clone() };
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
        let mut best: Option<(Fit, Dialect)> = None;
        let mut consider = |delimiters: &[u8]| {
            for dialect in delimiters.iter().flat_map(|delimiter| spellings(sample, *delimiter, stated)) {
                let fit = Fit::of(sample, complete, &dialect);
                if best.as_ref().is_none_or(|(known, _)| fit.is_better_than(known)) {
                    best = Some((fit, dialect));
                }
            }
            best.as_ref().is_some_and(|(fit, _)| fit.is_even())
        };
        match stated.delimiter {
            Some(delimiter) => consider(&[delimiter]),
            // Where something usual separates, nothing else does.
            None => consider(&usual(sample)) || consider(&unusual(sample)),
        };
        let (fit, mut dialect) = match best {
            Some(best) if best.0.is_even() || stated.delimiter.is_some() => best,
            // Nothing separates: one column.
            _ => {
                let comma = spellings(sample, b',', stated).swap_remove(0);
                let fit = Fit::single(sample, complete, &comma);
                if fit.width > 1 {
                    (fit, comma)
                } else {
                    let dialect = Dialect { delimiter: NO_DELIMITER, padded: false, ..comma };
                    (Fit::single(sample, complete, &dialect), dialect)
                }
            }
        };
        if stated.quote.is_none() && memchr::memchr(b'"', sample).is_none() && fit.is_single_quoted() {
            // Single quotes around cells that hold nothing to be quoted for.
            let stated = Stated { quote: Some(Some(b'\'')), delimiter: Some(dialect.delimiter), ..stated.clone() };
            return Dialect::detect(sample, complete, &stated);
        }
        dialect.find_table(&fit, stated);
        dialect
    }

    /// Where the table begins, and whether it has a header.
    fn find_table(&mut self, fit: &Fit, stated: &Stated) {
        let mut start = match stated.skip_lines {
            Some(lines) => fit.records.iter().position(|record| record.line >= lines).unwrap_or(0),
            None => fit.first + titles(fit),
        };
        let of_table = fit.records.iter().filter(|record| record.cells.len() == fit.width && fit.width > 1);
        let usual = self.delimiter != b' ' && fit.records.iter().any(|record| record.spaced);
        self.spaced = stated.spaced || (usual && of_table.into_iter().all(|record| record.spaced));
        let table = |start: usize| fit.records[start.min(fit.records.len())..].iter().map(|record| &record.cells);
        self.header_rows =
            stated.header_rows.unwrap_or_else(|| header_rows(&table(start).collect::<Vec<_>>(), fit.width));
        if stated.skip_lines.is_none() {
            if self.header_rows == 0 {
                start = first_record(&fit.records, start);
            }
            self.records_above = records_above(&fit.records, start, self.header_rows == 0);
            self.table_above = !self.records_above.is_empty();
        }
        self.skip_lines = stated.skip_lines.unwrap_or_else(|| fit.records.get(start).map_or(0, |record| record.line));
        let table: Vec<_> = table(start).collect();
        // A record says nothing of the table's width, a header does.
        let header = if self.header_rows == 0 { 0 } else { table.first().map_or(0, |cells| cells.len()) };
        self.width = header.max(fit.width);
        // `a,b,` over `1,2,`: the last delimiter ends the record.
        let records = &fit.records[start.min(fit.records.len())..];
        let trailing = |record: &Sampled| record.ends_delimited || record.cells.len() < self.width;
        if self.width > 2 && table.len() > 1 && records.iter().all(trailing) {
            let filled = |cells: &&&Vec<String>| cells.len() > 1 && cells[cells.len() - 2].is_empty();
            if !table.first().is_some_and(|cells| filled(&cells)) {
                self.width -= 1;
                self.ends_delimited = true;
            }
        }
    }
}

/// A table within a sample: records of one width, with blank lines around them.
#[derive(Clone, Copy)]
pub(super) struct Block {
    width: usize,
    records: usize,
}

/// The tables among the records, one for each width: blocks between blank lines of more than one record, all of one width.
pub(super) fn tables(records: &[Sampled]) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    for block in records.chunk_by(|_, next| !next.after_blank) {
        let width = block[0].cells.len();
        let filled = |record: &Sampled| record.cells.iter().filter(|cell| !cell.is_empty()).count() > 1;
        let even = block.len() > 1 && block.iter().all(|record| record.cells.len() == width && filled(record));
        match found.iter_mut().find(|known| known.width == width) {
            Some(known) if even => known.records += block.len(),
            None if even => found.push(Block { width, records: block.len() }),
            _ => {}
        }
    }
    found
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

/// What usually separates cells and is in this sample, likelier first.
fn usual(sample: &[u8]) -> Vec<u8> {
    USUAL.into_iter().filter(|byte| sample.contains(byte)).collect()
}

/// What else can separate the cells of this sample.
fn unusual(sample: &[u8]) -> Vec<u8> {
    // A byte of a letter such as `§` separates nothing: cells are cut between letters.
    let likely = |delimiter: &u8| delimiter.is_ascii() && !OF_TEXT.contains(delimiter) && !USUAL.contains(delimiter);
    let found = sniffed(sample).filter(likely);
    let others = UNUSUAL.into_iter().filter(|byte| sample.contains(byte) && found != Some(*byte));
    found.into_iter().chain(others).collect()
}

/// What the table uniformity method finds (<https://doi.org/10.3233/DS-240062>).
fn sniffed(sample: &[u8]) -> Option<u8> {
    let mut sniffer = Sniffer::new();
    sniffer.sample_size(SampleSize::All);
    let part = &sample[..sample.len().min(32 * 1024)];
    Some(sniffer.sniff_bytes(part).ok()?.dialect.delimiter)
}

/// The ways in which quotes can be written with this delimiter.
fn spellings(sample: &[u8], delimiter: u8, stated: &Stated) -> Vec<Dialect> {
    let has = |words: &[u8]| memchr::memmem::find(sample, words).is_some();
    let quotes: Vec<Option<u8>> = match stated.quote {
        Some(stated) => vec![stated],
        None if has(&[delimiter, b'\''])
            || has(&[delimiter, b' ', b'\''])
            || has(b"\n'")
            || sample.starts_with(b"'") =>
        {
            vec![Some(b'"'), Some(b'\'')]
        }
        None => vec![Some(b'"')],
    };
    let mut all = Vec::new();
    for quote in quotes {
        let mark = quote.unwrap_or(b'"');
        let escapes: &[Escape] = match &stated.escape {
            Some(stated) => std::slice::from_ref(stated),
            None if has(&[b'\\', mark]) => &[Escape::Doubled, Escape::Backslash],
            None => &[Escape::Doubled],
        };
        let around = [[delimiter, b' ', mark], [mark, b' ', delimiter], [mark, b' ', b'\n'], [b'\n', b' ', mark]];
        let padded = quote.is_some() && delimiter != b' ' && around.iter().any(|bytes| has(bytes));
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
    all
}

/// What lines can end with, by the line ends that stand outside of quotes; several where both kinds do.
fn line_ends(sample: &[u8], quote: Option<u8>) -> Vec<LineEnd> {
    let is_lone = |at: usize| !matches!(sample.get(at + 1), Some(b'\n' | b'\r'));
    if !memchr::memchr_iter(b'\r', sample).any(is_lone) {
        return vec![LineEnd::Lf];
    }
    let (mut feed, mut lone, mut open) = (false, false, false);
    for (at, byte) in sample.iter().enumerate() {
        match byte {
            byte if Some(*byte) == quote => open = !open,
            b'\n' if !open => feed = true,
            // CRLF, also where it was written as a line end once more, is none.
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

/// How well a sample is cut by a dialect.
pub(super) struct Fit {
    pub(super) records: Vec<Sampled>,
    /// The width of the table: that which most records have, of those with more than one cell.
    pub(super) width: usize,
    /// Share of the records that have it, those with text after a closing quote not counted.
    share: f64,
    /// Share of the table's cells that are numbers, days, truths, or empty.
    typed: f64,
    /// The record with which the table begins.
    pub(super) first: usize,
    /// Whether what stands above the table and in it looks like words: `Last, First` below a name for them.
    words: bool,
    unusual: bool,
    /// What ends cells and lines.
    lines: (u8, LineEnd),
}

impl Fit {
    fn of(sample: &[u8], complete: bool, dialect: &Dialect) -> Fit {
        let records: Vec<_> = sampled(sample, dialect, complete).take(RECORDS).collect();
        let mut widths = std::collections::BTreeMap::new();
        for record in records.iter().filter(|record| record.cells.len() > 1 && !record.stray) {
            *widths.entry(record.cells.len()).or_insert(0usize) += 1;
        }
        // The widest of those that are nearly as frequent as the most frequent.
        let most = widths.values().copied().max().unwrap_or(0);
        let frequent = widths.into_iter().rev().find(|(_, count)| count * 10 >= most * 9).unwrap_or((1, 0));
        let tables = tables(&records);
        let widest = tables.iter().copied().max_by_key(|table| table.width).filter(|_| tables.len() > 1);
        let (width, count) = widest.map_or(frequent, |table| (table.width, table.records));
        let first = records.iter().position(|record| record.cells.len() == width).unwrap_or(0);
        let stacked = stacked(&records).filter(|_| widest.is_none());
        let grown = grown(&records, first).filter(|_| widest.is_none());
        let (width, count, first) = match (stacked, grown) {
            (Some((first, width, count)), _) => (width, count, first),
            (None, Some((width, before))) => (width, count + before, 0),
            (None, None) => (width, count, first),
        };
        let of_table = |record: &&Sampled| record.cells.len() == width;
        // What belongs to other tables says nothing of this one's evenness.
        let others: usize = if widest.is_some() { tables.iter().map(|table| table.records).sum::<usize>() } else { 0 };
        let text = records[..first].iter().filter(|record| is_text(record)).count();
        let before = match () {
            () if widest.is_some() => 0,
            () if stacked.is_some() => first,
            () => text,
        };
        let after = records.len() - before - others.saturating_sub(count);
        let cells: Vec<_> =
            records.iter().filter(of_table).skip(1).take(200).flat_map(|record| &record.cells).collect();
        let decimal = |cell: &str| dialect.delimiter != b',' && is_value(&cell.replacen(',', ".", 1));
        let typed = cells.iter().filter(|cell| cell.is_empty() || is_value(cell) || decimal(cell)).count();
        let spaced = |record: &Sampled| record.cells[1..].iter().all(|cell| cell.starts_with(' '));
        let words = first > 0 && (count < 2 || records.iter().filter(of_table).all(spaced));
        // A header with fewer names than the records have cells belongs to the table.
        let short = |record: &Sampled| record.cells.len() > 1 && record.cells.len() + 1 == width;
        let below = records.get(1).is_some_and(|record| record.cells.iter().any(|cell| is_value(cell)));
        // And so does one with more names, where the last cells of most records are left out.
        let wide = |record: &Sampled| {
            let full = || records[1..].iter().any(|other| other.cells.len() == record.cells.len());
            record.cells.len() > width && names(&record.cells) && (below || full())
        };
        let heads = first == 1 && below && records.first().is_some_and(short) || records.first().is_some_and(wide);
        let first = if widest.is_none() && heads { 0 } else { first };
        Fit {
            width,
            share: if after == 0 { 0.0 } else { count as f64 / after.max(1) as f64 },
            typed: if cells.is_empty() { 0.0 } else { typed as f64 / cells.len() as f64 },
            first,
            words,
            unusual: !USUAL.contains(&dialect.delimiter),
            lines: (dialect.delimiter, dialect.line_end),
            records,
        }
    }

    fn single(sample: &[u8], complete: bool, dialect: &Dialect) -> Fit {
        let records: Vec<_> = sampled(sample, dialect, complete).take(RECORDS).collect();
        let width = records.first().map_or(1, |record| record.cells.len());
        let lines = (dialect.delimiter, dialect.line_end);
        Fit { width, share: 1.0, typed: 0.0, first: 0, words: false, unusual: false, lines, records }
    }

    /// Whether there is a column whose cells all stand between single quotes, and no cell that only begins with one.
    fn is_single_quoted(&self) -> bool {
        let quoted = |cell: &str| cell.len() > 1 && cell.starts_with('\'') && cell.ends_with('\'');
        let opened = |record: &Sampled| record.cells.iter().any(|cell| cell.starts_with('\'') && !quoted(cell));
        let below = self.records.get(self.first + 1..).unwrap_or_default();
        let column = |place: usize| {
            let mut cells = below.iter().filter_map(|record| record.cells.get(place)).filter(|cell| !cell.is_empty());
            cells.clone().count() > 1 && cells.all(|cell| quoted(cell))
        };
        !self.records.iter().any(opened) && (0..self.width).any(column)
    }

    fn is_even(&self) -> bool {
        // A header that is cut into cells makes up for records that are not even.
        let enough = match (self.unusual, self.first) {
            (true, _) => 0.95,
            (false, 0) => EVEN / 2.0,
            (false, _) => EVEN,
        };
        self.width > 1 && self.share >= enough && !self.words && !(self.unusual && self.first > 0)
    }

    fn score(&self) -> (bool, bool, f64) {
        // A table that begins with the first line is likelier than one below a title, and one whose header is as wide as it is.
        let above = if self.first > 0 { 0.15 + 0.01 * self.first.min(10) as f64 } else { 0.0 };
        let headed = self.records.get(self.first).is_none_or(|record| record.cells.len() == self.width);
        let evenness = self.share - above - if headed { 0.0 } else { 0.05 };
        (self.is_even(), !self.unusual, evenness * (0.7 + 0.3 * self.typed))
    }

    fn is_better_than(&self, other: &Fit) -> bool {
        if self.lines.0 == other.lines.0 && self.lines.1 != other.lines.1 {
            return self.is_even() && self.share > other.share;
        }
        let (mine, theirs) = (self.score(), other.score());
        if (mine.0, mine.1) != (theirs.0, theirs.1) {
            return (mine.0, mine.1) > (theirs.0, theirs.1);
        }
        if (mine.2 - theirs.2).abs() > 0.02 { mine.2 > theirs.2 } else { self.width > other.width }
    }
}
