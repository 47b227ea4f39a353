//! How a delimited text is written, and how that is found out from its beginning.

use csv_nose::{Quote, SampleSize, Sniffer};
use serde::Serialize;

use super::csv::split::{Sampled, sampled};
use crate::schema::{ColumnRule, Inference, Type};

/// How a delimited text is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dialect {
    /// The encoding's name by the WHATWG.
    pub encoding: String,
    /// The byte between cells.
    #[serde(serialize_with = "as_char")]
    pub delimiter: u8,
    /// The byte around cells that hold a delimiter or a line end.
    #[serde(serialize_with = "as_chars")]
    pub quote: Option<u8>,
    /// How a quote is written inside quotes.
    pub escape: Escape,
    /// What a line ends with.
    pub line_end: LineEnd,
    /// Whether blanks stand around quotes: `a, "b, c" , d`. Blanks of cells without quotes are part of them.
    pub padded: bool,
    /// Lines above the header.
    pub skip_lines: u64,
    /// Rows of the header; 0 where there is none.
    pub header_rows: usize,
    /// Whether a delimiter stands at the end of each record too.
    pub ends_delimited: bool,
    /// Cells of a record.
    pub width: usize,
}

/// How a quote is written inside quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Escape {
    /// `""`
    Doubled,
    /// `\"`
    Backslash,
}

/// What a line ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEnd {
    /// LF or CRLF.
    Lf,
    /// CR alone.
    Cr,
}

impl LineEnd {
    /// The byte after which the next line starts.
    pub(super) fn byte(self) -> u8 {
        match self {
            LineEnd::Lf => b'\n',
            LineEnd::Cr => b'\r',
        }
    }
}

fn as_char<S: serde::Serializer>(byte: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_char(char::from(*byte))
}

fn as_chars<S: serde::Serializer>(byte: &Option<u8>, serializer: S) -> Result<S::Ok, S::Error> {
    byte.map(char::from).serialize(serializer)
}

/// What is known before the bytes are looked at; `None` is to be found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// The encoding's name.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// The byte between cells.
    pub delimiter: Option<u8>,
    /// The byte around cells, `Some(None)` where there is none.
    pub quote: Option<Option<u8>>,
    /// How a quote is written inside quotes.
    pub escape: Option<Escape>,
    /// Lines above the header.
    pub skip_lines: Option<u64>,
    /// Rows of the header.
    pub header_rows: Option<usize>,
    /// The columns that are taken, in their order; every column where none is named.
    pub rules: Vec<ColumnRule>,
}

/// What separates cells nearly everywhere; of equals the first, because commas stand in texts and numbers too.
const USUAL: [u8; 4] = [b'\t', b';', b'|', b','];

/// What separates cells elsewhere: only where nothing usual does.
const UNUSUAL: [u8; 6] = [b'^', b'~', b'\x1F', b'\x01', b':', b' '];

/// A dialect is taken for the right one if this share of the records has the same width; half of it if the first record has.
const EVEN: f64 = 0.6;

/// Records of a sample that are looked at.
const RECORDS: usize = 2_000;

/// Title rows of the table's own width at most.
const MAX_TITLES: usize = 10;

/// Header rows that are joined at most.
const MAX_HEADER_ROWS: usize = 3;

impl Dialect {
    pub(super) fn plain(delimiter: u8) -> Dialect {
        Dialect {
            encoding: "UTF-8".to_owned(),
            delimiter,
            quote: Some(b'"'),
            escape: Escape::Doubled,
            line_end: LineEnd::Lf,
            padded: false,
            skip_lines: 0,
            header_rows: 1,
            ends_delimited: false,
            width: 1,
        }
    }

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
            return dialect;
        }
        let mut best: Option<(Fit, Dialect)> = None;
        let mut consider = |dialect: Dialect| {
            let fit = Fit::of(sample, complete, &dialect);
            if best.as_ref().is_none_or(|(known, _)| fit.is_better_than(known)) {
                best = Some((fit, dialect));
            }
        };
        for delimiter in delimiters(sample, stated) {
            for dialect in spellings(sample, delimiter, stated) {
                consider(dialect);
            }
        }
        let (fit, mut dialect) = match best {
            Some(best) if best.0.is_even() || stated.delimiter.is_some() => best,
            // Nothing separates: one column.
            _ => {
                let dialect = spellings(sample, b',', stated).swap_remove(0);
                (Fit::single(sample, complete, &dialect), dialect)
            }
        };
        dialect.find_table(&fit, stated);
        dialect
    }

    /// Where the table begins, and whether it has a header.
    fn find_table(&mut self, fit: &Fit, stated: &Stated) {
        let start = match stated.skip_lines {
            Some(lines) => fit.records.iter().position(|record| record.line >= lines).unwrap_or(0),
            None => fit.first + titles(fit),
        };
        self.skip_lines = stated.skip_lines.unwrap_or_else(|| fit.records.get(start).map_or(0, |record| record.line));
        let table: Vec<_> = fit.records[start.min(fit.records.len())..].iter().map(|record| &record.cells).collect();
        self.header_rows = stated.header_rows.unwrap_or_else(|| header_rows(&table, fit.width));
        let header = table.first().map_or(0, |cells| cells.len());
        self.width = header.max(fit.width);
        // `a,b,` over `1,2,`: the last delimiter ends the record.
        let trailing = |cells: &&&Vec<String>| cells.len() == self.width && cells.last().is_some_and(String::is_empty);
        if self.width > 2 && table.len() > 1 && table.iter().all(|cells| trailing(&cells) || cells.len() < self.width) {
            let filled = |cells: &&&Vec<String>| cells.len() > 1 && cells[cells.len() - 2].is_empty();
            if !table.first().is_some_and(|cells| filled(&cells)) {
                self.width -= 1;
                self.ends_delimited = true;
            }
        }
    }
}

/// The delimiter that the first line names, and the line's length.
fn excel_line(sample: &[u8]) -> Option<(u8, usize)> {
    let end = memchr::memchr(b'\n', sample)?;
    let line = sample[..end].strip_suffix(b"\r").unwrap_or(&sample[..end]);
    let line = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(line);
    match line.get(..4)?.eq_ignore_ascii_case(b"sep=").then_some(&line[4..])? {
        [delimiter] => Some((*delimiter, end + 1)),
        _ => None,
    }
}

/// What can separate the cells of this sample, likelier first.
fn delimiters(sample: &[u8], stated: &Stated) -> Vec<u8> {
    if let Some(delimiter) = stated.delimiter {
        return vec![delimiter];
    }
    let mut found: Vec<u8> = USUAL.into_iter().filter(|byte| sample.contains(byte)).collect();
    if let Some((delimiter, _)) = sniffed(sample)
        && !found.contains(&delimiter)
    {
        found.push(delimiter);
    }
    found.extend(UNUSUAL.into_iter().filter(|byte| sample.contains(byte)));
    found
}

/// What the table uniformity method finds (<https://doi.org/10.3233/DS-240062>).
fn sniffed(sample: &[u8]) -> Option<(u8, Option<u8>)> {
    let mut sniffer = Sniffer::new();
    sniffer.sample_size(SampleSize::All);
    let part = &sample[..sample.len().min(32 * 1024)];
    let found = sniffer.sniff_bytes(part).ok()?.dialect;
    let quote = match found.quote {
        Quote::None => None,
        other => other.char(),
    };
    Some((found.delimiter, quote))
}

/// The ways in which quotes can be written with this delimiter.
fn spellings(sample: &[u8], delimiter: u8, stated: &Stated) -> Vec<Dialect> {
    let has = |words: &[u8]| memchr::memmem::find(sample, words).is_some();
    let line_end = if !sample.contains(&b'\n') && sample.contains(&b'\r') { LineEnd::Cr } else { LineEnd::Lf };
    let quotes: Vec<Option<u8>> = match stated.quote {
        Some(stated) => vec![stated],
        None if has(&[delimiter, b'\'']) || has(b"\n'") || sample.starts_with(b"'") => vec![Some(b'"'), Some(b'\'')],
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
        let padded =
            quote.is_some() && (has(&[delimiter, b' ', mark]) || has(&[mark, b' ', delimiter])) && delimiter != b' ';
        for escape in escapes {
            let dialect = Dialect { quote, escape: *escape, line_end, ..Dialect::plain(delimiter) };
            if padded {
                all.push(Dialect { padded, ..dialect.clone() });
            }
            all.push(dialect);
        }
    }
    all
}

/// How well a sample is cut by a dialect.
struct Fit {
    records: Vec<Sampled>,
    /// The width of the table: that which most records have, of those with more than one cell.
    width: usize,
    /// Share of the records that have it, those with text after a closing quote not counted.
    share: f64,
    /// Share of the table's cells that are numbers, days, truths, or empty.
    typed: f64,
    /// The record with which the table begins.
    first: usize,
    /// Whether what stands above the table and in it looks like words: `Last, First` below a name for them.
    words: bool,
    unusual: bool,
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
        let (width, count) = widths.into_iter().rev().find(|(_, count)| count * 10 >= most * 9).unwrap_or((1, 0));
        let of_table = |record: &&Sampled| record.cells.len() == width;
        let first = records.iter().position(|record| of_table(&record)).unwrap_or(0);
        let after = records.len() - first;
        let cells: Vec<_> =
            records.iter().filter(of_table).skip(1).take(200).flat_map(|record| &record.cells).collect();
        let decimal = |cell: &str| dialect.delimiter != b',' && is_value(&cell.replacen(',', ".", 1));
        let typed = cells.iter().filter(|cell| cell.is_empty() || is_value(cell) || decimal(cell)).count();
        let spaced = |record: &Sampled| record.cells[1..].iter().all(|cell| cell.starts_with(' '));
        let words = first > 0 && (count < 2 || records.iter().filter(of_table).all(spaced));
        // A header with fewer names than the records have cells belongs to the table.
        let short = |record: &Sampled| record.cells.len() > 1 && record.cells.len() + 1 == width;
        let below = records.get(1).is_some_and(|record| record.cells.iter().any(|cell| is_value(cell)));
        let first = if first == 1 && records.first().is_some_and(short) && below { 0 } else { first };
        Fit {
            width,
            share: if after == 0 { 0.0 } else { count as f64 / after.max(1) as f64 },
            typed: if cells.is_empty() { 0.0 } else { typed as f64 / cells.len() as f64 },
            first,
            words,
            unusual: !USUAL.contains(&dialect.delimiter),
            records,
        }
    }

    fn single(sample: &[u8], complete: bool, dialect: &Dialect) -> Fit {
        let records: Vec<_> = sampled(sample, dialect, complete).take(RECORDS).collect();
        let width = records.first().map_or(1, |record| record.cells.len());
        Fit { width, share: 1.0, typed: 0.0, first: 0, words: false, unusual: false, records }
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
        // A table that begins with the first line is likelier than one below a title.
        let above = if self.first > 0 { 0.15 + 0.01 * self.first.min(10) as f64 } else { 0.0 };
        let evenness = self.share - above;
        (self.is_even(), !self.unusual, evenness * (0.7 + 0.3 * self.typed))
    }

    fn is_better_than(&self, other: &Fit) -> bool {
        let (mine, theirs) = (self.score(), other.score());
        if (mine.0, mine.1) != (theirs.0, theirs.1) {
            return (mine.0, mine.1) > (theirs.0, theirs.1);
        }
        if (mine.2 - theirs.2).abs() > 0.02 { mine.2 > theirs.2 } else { self.width > other.width }
    }
}

/// Whether a cell is of another type than text.
fn is_value(cell: &str) -> bool {
    let mut inference = Inference::default();
    inference.see(cell.trim());
    inference.fits().narrowest() != Type::Text
}

/// How many rows at the top of the table are titles: a text in the first cell and nothing else, above a row of names; or, where
/// other lines stand above it already, rows above the one that names columns of values.
fn titles(fit: &Fit) -> usize {
    let table: Vec<_> = fit.records[fit.first.min(fit.records.len())..].iter().map(|record| &record.cells).collect();
    let filled = |cells: &[String]| cells.iter().filter(|cell| !cell.is_empty()).count();
    let names = |cells: &[String]| {
        filled(cells) * 10 >= cells.len() * 8 && filled(cells) > 1 && !cells.iter().any(|cell| is_value(cell))
    };
    let title = |cells: &[String]| cells.len() > 1 && filled(cells) <= 1 && cells[1..].iter().all(String::is_empty);
    let above = table.iter().take(MAX_TITLES).take_while(|cells| title(cells)).count();
    if above > 0 && table.get(above).is_some_and(|cells| names(cells)) {
        return above;
    }
    if fit.first == 0 || table.len() < 4 {
        return 0;
    }
    let rest = &table[2..table.len().min(50)];
    let column_of_values = |place: usize| {
        let cells = || rest.iter().filter_map(|cells| cells.get(place)).filter(|cell| !cell.is_empty());
        cells().count() > 1 && cells().all(|cell| is_value(cell))
    };
    let values = (0..fit.width).any(column_of_values);
    usize::from(values && names(table[0]) && names(table[1]))
}

/// How many of the table's first rows name its columns.
fn header_rows(table: &[&Vec<String>], width: usize) -> usize {
    let Some((first, rest)) = table.split_first() else { return 1 };
    let rest: Vec<_> = rest.iter().filter(|cells| cells.len() == width).take(200).collect();
    let years = is_years(first);
    let values = first.iter().filter(|cell| is_value(cell)).count();
    let filled = first.iter().filter(|cell| !cell.is_empty()).count();
    if filled > 0 && values == filled && !years && (!rest.is_empty() || values > 0) {
        return 0;
    }
    // A value in a column of values: the row is one of them, unless the other columns say that it is not.
    let (mut says_row, mut says_header) = (0, 0);
    for (place, cell) in first.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        let others: Vec<_> =
            rest.iter().map(|cells| cells[place.min(width - 1)].as_str()).filter(|one| !one.is_empty()).collect();
        if others.is_empty() {
            continue;
        }
        let typed = others.iter().filter(|one| is_value(one)).count() * 10 >= others.len() * 9;
        match (is_value(cell), typed) {
            (true, true) if !years => says_row += 1,
            (false, true) => says_header += 1,
            _ => {}
        }
    }
    if says_row > says_header {
        return 0;
    }
    // Headings over several columns: the next row names the columns below those that the first left empty.
    let mut rows = 1;
    let gaps = first.iter().filter(|cell| cell.is_empty()).count();
    if gaps > 0 && gaps < first.len() {
        while rows < MAX_HEADER_ROWS && rows < table.len() {
            let row = table[rows];
            let names = row.iter().filter(|cell| !cell.is_empty()).count();
            let below = table.get(rows + 1).is_some_and(|next| next.iter().any(|cell| is_value(cell)));
            if row.iter().any(|cell| is_value(cell)) || names * 10 < row.len() * 9 || !below {
                break;
            }
            rows += 1;
            if names == row.len() {
                break;
            }
        }
    }
    rows
}

/// Whether the values among the names are years one after the other, as in `country,2019,2020`.
fn is_years(cells: &[String]) -> bool {
    let years: Vec<i32> = cells.iter().filter(|cell| is_value(cell)).filter_map(|cell| cell.parse().ok()).collect();
    let values = cells.iter().filter(|cell| is_value(cell)).count();
    let step = |pair: &[i32]| {
        (pair[1] - pair[0]).abs() == 1 || (pair[1] - pair[0]).abs() == 5 || (pair[1] - pair[0]).abs() == 10
    };
    years.len() == values
        && !years.is_empty()
        && values < cells.len()
        && years.iter().all(|year| (1800..=2200).contains(year))
        && years.windows(2).all(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(sample: &str) -> Dialect {
        Dialect::detect(sample.as_bytes(), true, &Stated::default())
    }

    fn delimiter(sample: &str) -> char {
        char::from(detect(sample).delimiter)
    }

    #[test]
    fn the_delimiter_is_the_one_that_gives_even_records() {
        assert_eq!(delimiter("a,b\n1,2\n"), ',');
        assert_eq!(delimiter("a;b\n1,5;2,5\n3,5;4\n"), ';');
        assert_eq!(delimiter("name\tnote\nx\ta, b, c\n"), '\t');
        assert_eq!(delimiter("a|b|c\n1|2|3\n"), '|');
        assert_eq!(delimiter("\"a,x\";b\n\"1,2\";2\n"), ';');
        assert_eq!(delimiter("title\nx\n"), ',');
        assert_eq!(detect("name\nSmith, John\nDoe, Jane\n").width, 1);
        assert_eq!(delimiter("a, b; c\n1, 2; 3\n4, 5; 6\n7, 8\n"), ',');
        assert_eq!(delimiter("a^b^c\n1^2^3\n4^5^6\n"), '^');
        assert_eq!(delimiter("id;name;price\n1;Käse;4.50\n2;Brot\n3;Wein;12.00\n"), ';');
        assert_eq!(delimiter("id;preis\n1;1,50\n2;2,50\n"), ';');
        assert_eq!(delimiter("artikel;preis;menge\nA;1,50;2,5\nB;2,50;1,0\n"), ';');
        assert_eq!(delimiter("a\tb\n1,5\t2\n2,5\t3\n"), '\t');
        assert_eq!(delimiter("id;preis, netto\n1;1,50\n2;2,50\n"), ';');
        assert_eq!(delimiter("Name;Ort, Land\nA;Bern, CH\nB;Wien, AT\n"), ';');
        assert_eq!(delimiter("a,b\nx;y,1\nz;w,2\n"), ',');
        assert_eq!(delimiter("at\n2020-01-01 10:00:00\n2020-01-02 10:00:00\n"), ',');
    }

    #[test]
    fn quotes_escapes_and_padding() {
        assert_eq!(detect("a,b\n'x,y',1\n'z',2\n").quote, Some(b'\''));
        assert_eq!(detect("a,b\n\"x \\\" y, z\",1\n\"u\",2\n").escape, Escape::Backslash);
        assert!(detect("a, \"b, c\" , d\n1, \"2, 3\" , 4\n").padded);
        assert!(!detect("a,b\n\"x\", y\n").padded);
        assert_eq!(detect("a,b\r1,2\r3,4\r").line_end, LineEnd::Cr);
    }

    #[test]
    fn titles_and_headers() {
        let table = |sample: &str| {
            let found = detect(sample);
            (found.skip_lines, found.header_rows, found.width)
        };
        assert_eq!(table("a,b\n1,2\n"), (0, 1, 2));
        assert_eq!(table("Report, 2020\nmade by us\n\nid,name,price\n1,x,2\n2,y,3\n3,z,4\n"), (3, 1, 3));
        assert_eq!(table("sep=;\nid;name\n1;x\n"), (1, 1, 2));
        assert_eq!(table("Report 2024;;\nid;name;amount\n1;A;10\n2;B;20\n"), (1, 1, 3));
        assert_eq!(table("Report 2024;;\n;;\nid;name;amount\n1;A;10\n2;B;20\n"), (2, 1, 3));
        assert_eq!(table("Company X\nAddress, Street 5\nid,name\n1,A\n2,B\n3,C\n"), (2, 1, 2));
        assert_eq!(table("Stand: 2024, vorab\nid,name,amount\n1,A,10\n2,B,20\n"), (1, 1, 3));
        assert_eq!(table("name;value\na;1;x\nb;2;y\n"), (0, 1, 3));
        assert_eq!(table("id,price\na,n/a\nb,5\nc,6\n"), (0, 1, 2));
        assert_eq!(table("1,x,2.5\n2,y,3.5\n"), (0, 0, 3));
        assert_eq!(table("country,2019,2020\nCH,1.5,2.5\nDE,3,4\n"), (0, 1, 3));
        assert_eq!(table("name,city\nx,y\nz,w\n"), (0, 1, 2));
        assert_eq!(table(",2019,,2020,\nname,q1,q2,q3,q4\nx,1,2,3,4\ny,1,2,3,4\n"), (0, 2, 5));
        assert_eq!(table("a,b,\n1,2,\n3,4,\n"), (0, 1, 2));
        assert_eq!(table("a,,\n1,2,3\n4,5,6\n"), (0, 1, 3));
        assert_eq!(table("x\n1\n2\n"), (0, 1, 1));
        assert_eq!(table("a,b,c\n"), (0, 1, 3));
    }
}
