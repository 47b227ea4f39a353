//! Reads delimited text in stretches of bounded size, and hashes exactly the bytes it parsed.

use std::io::{self, Read};

use memchr::memchr;

use super::split::{self, Cut};
use super::stretch::{Parsed, Stretch, rebase};
use crate::format::dialect::BOM;
use crate::format::records::Cell;
use crate::format::{Chunk, Dialect, FormatError};

/// What is read and parsed at a time, in bytes; more only where one record is longer.
const STRETCH: usize = 512 * 1024;

/// The longest record, in bytes. Offsets within a stretch fit 32 bits because of it.
const MAX_RECORD: usize = 64 * 1024 * 1024;

/// Identity and size of the bytes that were parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// BLAKE3, 64 hexadecimal digits.
    pub hash: String,
    /// Number of bytes.
    pub bytes: u64,
}

/// Reads one delimited text, from its header to its end.
pub struct Reader<R> {
    input: R,
    dialect: Dialect,
    header: Vec<String>,
    header_text: Vec<u8>,
    hasher: blake3::Hasher,
    bytes: u64,
    /// Bytes that were read and not yet parsed.
    pending: Vec<u8>,
    /// Line of the first pending byte, from 1.
    line: u64,
    complete: bool,
}

impl<R: Read> Reader<R> {
    /// Finds the dialect and reads the header.
    ///
    /// # Errors
    /// When the input is empty, no text, has no header, or cannot be read.
    pub fn open(input: R) -> Result<Self, FormatError> {
        let mut reader = Reader {
            input,
            dialect: Dialect { delimiter: b',', bom: false },
            header: Vec::new(),
            header_text: Vec::new(),
            hasher: blake3::Hasher::new(),
            bytes: 0,
            pending: Vec::new(),
            line: 1,
            complete: false,
        };
        reader.fill(STRETCH)?;
        if reader.pending.is_empty() {
            return Err(FormatError::Empty);
        }
        reader.dialect = Dialect::detect(&reader.pending, reader.complete);
        if reader.dialect.bom {
            reader.pending.drain(..BOM.len());
        }
        reader.read_header()?;
        Ok(reader)
    }

    /// How the text is written.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The cells of the header, as they stand in the file.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The header's bytes, without the line end.
    pub fn header_text(&self) -> &[u8] {
        &self.header_text
    }

    /// The next stretch of records; `None` after the last.
    ///
    /// # Errors
    /// When reading fails. Bad records are rejects, not errors.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, FormatError> {
        let mut want = STRETCH;
        loop {
            self.fill(want)?;
            if self.pending.is_empty() {
                return Ok(None);
            }
            let mut stretch = Stretch::default();
            let (delimiter, longest) = (self.dialect.delimiter, want >= MAX_RECORD);
            match stretch.parse(&self.pending, delimiter, &self.header, &mut self.line, self.complete, longest) {
                Parsed::Upto(0) => want = (want * 2).min(MAX_RECORD),
                Parsed::Upto(parsed) => {
                    let rest = self.pending.split_off(parsed);
                    let text = std::mem::replace(&mut self.pending, rest);
                    let chunk = stretch.finish(text, self.header.len());
                    if chunk.rows() > 0 {
                        return Ok(Some(chunk));
                    }
                }
                Parsed::TooLong => {
                    self.skip_line()?;
                    return Ok(Some(stretch.finish(Vec::new(), self.header.len())));
                }
            }
        }
    }

    /// What was read, once [`Reader::next_chunk`] has said `None`.
    pub fn digest(&self) -> Digest {
        Digest { hash: self.hasher.finalize().to_hex().to_string(), bytes: self.bytes }
    }

    /// Reads until `want` bytes are pending or the input has ended.
    fn fill(&mut self, want: usize) -> io::Result<()> {
        while !self.complete && self.pending.len() < want {
            let had = self.pending.len();
            let got = self.input.by_ref().take((want - had) as u64).read_to_end(&mut self.pending)?;
            self.complete = got < want - had;
            self.hasher.update(&self.pending[had..]);
            self.bytes += got as u64;
        }
        Ok(())
    }

    fn read_header(&mut self) -> Result<(), FormatError> {
        let mut want = STRETCH;
        loop {
            let (mut cells, mut side) = (Vec::new(), Vec::new());
            match split::record(&self.pending, 0, self.dialect.delimiter, self.complete, &mut cells, &mut side) {
                Cut::Record { end, next, lines, .. } => {
                    let rest = self.pending.split_off(next);
                    let mut text = std::mem::replace(&mut self.pending, rest);
                    self.line += lines;
                    if end == 0 {
                        if self.pending.is_empty() && self.complete {
                            return Err(FormatError::NoHeader("every line is blank".to_owned()));
                        }
                        self.fill(want)?;
                        continue;
                    }
                    self.header_text = text[..end].to_vec();
                    rebase(&mut cells, text.len() + self.pending.len(), text.len());
                    text.extend_from_slice(&side);
                    self.header = header(&text, &cells)?;
                    return Ok(());
                }
                Cut::Unclosed => {
                    return Err(FormatError::NoHeader(format!(
                        "line {}: a quote is opened and never closed",
                        self.line
                    )));
                }
                Cut::More if want >= MAX_RECORD => {
                    return Err(FormatError::TooLong { line: self.line, limit: MAX_RECORD });
                }
                Cut::More => {
                    want *= 2;
                    self.fill(want)?;
                }
            }
        }
    }

    /// Passes over the rest of a line that is too long to be kept.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(end) = memchr(b'\n', &self.pending) {
                self.pending.drain(..=end);
                return Ok(());
            }
            self.pending.clear();
            self.fill(STRETCH)?;
            if self.pending.is_empty() {
                return Ok(());
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
    let header: Vec<_> = cells.iter().map(|cell| text[cell.start as usize..cell.end as usize].to_owned()).collect();
    if header.iter().all(String::is_empty) {
        return Err(FormatError::NoHeader("every cell of the first row is empty".to_owned()));
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Cells = Vec<Option<String>>;

    fn read(text: &[u8]) -> (Vec<Cells>, Vec<u64>, Vec<(u64, String)>) {
        let mut reader = Reader::open(text).unwrap();
        let (mut rows, mut lines, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(chunk) = reader.next_chunk().unwrap() {
            let records = &chunk.records;
            for row in 0..records.len() {
                rows.push((0..records.width()).map(|place| records.cell(row, place).map(str::to_owned)).collect());
                lines.push(records.line(row));
            }
            rejects.extend(chunk.rejects.into_iter().map(|reject| (reject.line, reject.reason)));
        }
        assert_eq!(reader.digest().bytes, text.len() as u64);
        assert_eq!(reader.digest().hash, blake3::hash(text).to_hex().to_string());
        (rows, lines, rejects)
    }

    fn some(cells: &[&str]) -> Cells {
        cells.iter().map(|cell| Some((*cell).to_owned())).collect()
    }

    #[test]
    fn quotes_line_ends_and_nulls() {
        let (rows, lines, rejects) =
            read(b"\xEF\xBB\xBFa,b\r\n\"x \"\"y\"\"\",\"1\n2\"\r\n\r\n,\"\"\n a , b\nlast,\"\"\"\"");
        assert_eq!(rows[0], some(&["x \"y\"", "1\n2"]));
        assert_eq!(rows[1], [None, Some(String::new())]);
        assert_eq!(rows[2], some(&[" a ", " b"]));
        assert_eq!(rows[3], some(&["last", "\""]));
        assert_eq!(lines, [2, 5, 6, 7]);
        assert!(rejects.is_empty());
    }

    #[test]
    fn a_header_may_be_quoted_too() {
        let reader = Reader::open(b"\"a \"\"b\"\"\",\"c\nd\"\n1,2\n".as_slice()).unwrap();
        assert_eq!(reader.header(), ["a \"b\"", "c\nd"]);
        assert_eq!(reader.header_text(), b"\"a \"\"b\"\"\",\"c\nd\"");
    }

    #[test]
    fn bad_records_are_rejects_and_the_others_load() {
        let (rows, lines, rejects) = read(b"a,b\n1\n1,2,3\n1,2\n\"x\"y,2\n\xFF,2\nz\x00,2\nok,2\n");
        assert_eq!(rows, [some(&["1", "2"]), some(&["ok", "2"])]);
        assert_eq!(lines, [4, 8]);
        let expected = [
            (2, "1 fields, the header has 2"),
            (3, "3 fields, the header has 2"),
            (5, "text follows the closing quote"),
            (6, "byte 0xFF is not UTF-8"),
            (7, "holds a NUL byte"),
        ];
        assert_eq!(rejects, expected.map(|(line, reason)| (line, reason.to_owned())));
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_one_line() {
        let (rows, lines, rejects) = read(b"a,b\n1,2\n\"3,4\n5,6\n7,8");
        assert_eq!(rows, [some(&["1", "2"]), some(&["5", "6"]), some(&["7", "8"])]);
        assert_eq!(lines, [2, 4, 5]);
        assert_eq!(rejects, [(3, "a quote is opened and never closed".to_owned())]);
    }

    #[test]
    fn records_are_whole_wherever_a_stretch_ends() {
        let mut text = b"a,b\n".to_vec();
        let mut expected = Vec::new();
        let long = "y\n".repeat(STRETCH);
        for n in 0..40_000 {
            let cell = match n {
                20_000 => long.clone(),
                n if n % 7 == 0 => format!("{n} \"quoted\"\n,"),
                n => format!("{n}äöü"),
            };
            text.extend_from_slice(format!("{n},\"{}\"\n", cell.replace('"', "\"\"")).as_bytes());
            expected.push(some(&[&n.to_string(), &cell]));
        }
        let (rows, _, rejects) = read(&text);
        assert!(rejects.is_empty());
        assert!(rows == expected);
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        let error = |text: &[u8]| Reader::open(text).err().unwrap().to_string();
        assert_eq!(error(b""), "the file is empty");
        assert!(error(b"\n\r\n\n").starts_with("the file has no header"));
        assert!(error(b",,,\n1,2,3,4\n").starts_with("the file has no header"));
        assert!(error(b"\x89PNG\r\n\x1a\n").starts_with("the file is not UTF-8 text: byte 0x89"));
        assert!(error(b"a\0b\0\n\0").starts_with("the file is not UTF-8 text"));
    }

    #[test]
    fn a_line_beyond_the_limit_is_one_reject() {
        let mut text = b"a,b\n1,2\n".to_vec();
        text.resize(text.len() + MAX_RECORD + STRETCH, b'x');
        text.extend_from_slice(b"\n3,4\n");
        let (rows, lines, rejects) = read(&text);
        assert_eq!((rows, lines), (vec![some(&["1", "2"]), some(&["3", "4"])], vec![2, 4]));
        assert_eq!(rejects.len(), 1);
        assert!(rejects[0].1.starts_with("longer than"));
    }
}
