//! Reads delimited text in stretches of bounded size.

#[cfg(test)]
mod books;
mod header;
#[cfg(test)]
mod limits;

use std::io::{self, Read};

use super::stretch::{Frame, Parsed, Position, Stretch};
use crate::format::dialect::{Dialect, ReadOptions};
use crate::format::encoding::{Charset, Digest, Text};
use crate::format::long::{LONG, LongRecord};
use crate::format::{FormatError, SpanBytes};
use crate::record::Records;
use crate::record::{Beside, BesideKind, Chunk, Reject};

/// Bytes that are read and parsed at a time; more only if one record is longer.
pub(super) const STRETCH: usize = 512 * 1024;

/// The longest record, in bytes. Offsets within a stretch fit 32 bits because of it.
const MAX_RECORD: usize = 64 * 1024 * 1024;

/// Reads one delimited text, from its header to its end.
pub struct Reader<R> {
    input: Text<R>,
    dialect: Dialect,
    header: Vec<String>,
    /// The cells of each row of the header, as they were cut.
    header_rows: Vec<Vec<String>>,
    header_text: Vec<u8>,
    above_text: Vec<u8>,
    /// Text that was read and not yet parsed.
    pending: Vec<u8>,
    /// Text that was read beyond `pending`, on the way to the end of a long record.
    ahead: io::Cursor<Vec<u8>>,
    position: Position,
    /// The records above the table, then the other lines above it, until they are given away.
    above: Vec<Reject>,
    beside: Vec<Beside>,
    complete: bool,
    spans: Option<SpanBytes>,
    /// Cells and records of the previous stretch.
    usual: (usize, usize),
    /// The place for a long record, held while one is read.
    long: Option<LongRecord>,
}

impl<R: Read> Reader<R> {
    /// Finds the dialect, as far as it is not `stated`, and reads the header.
    ///
    /// # Errors
    /// When the input is empty, no text, has no header, or cannot be read.
    pub fn open(input: R, stated: &ReadOptions) -> Result<Self, FormatError> {
        let mut reader = Reader::start(match stated.guessed {
            Some((encoding, guess)) => Text::guessed(input, encoding, guess)?,
            None => Text::open(input, stated.encoding)?,
        })?;
        if reader.pending.is_empty() {
            return Err(FormatError::Empty);
        }
        reader.dialect = Dialect {
            encoding: reader.input.encoding().name().to_owned(),
            first_line: stated.first_line,
            guessed: reader.input.guess(),
            by_record: stated.is_sheet,
            filled_up: stated.is_sheet,
            ..Dialect::detect(&reader.pending, reader.complete, stated)
        };
        reader.read_header()?;
        Ok(reader)
    }

    /// Reads with `dialect`, which was found before.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn reopen(input: R, dialect: &Dialect) -> Result<Self, FormatError> {
        let encoding = Charset::for_label(&dialect.encoding);
        let mut reader = Reader::start(match (encoding, dialect.guessed) {
            (Some(encoding), Some(guess)) => Text::guessed(input, encoding, guess)?,
            _ => Text::open(input, encoding)?,
        })?;
        reader.dialect = dialect.clone();
        reader.read_header()?;
        Ok(reader)
    }

    /// Reads records without a header, as [`write_record`](crate::record::write_record) writes them; a record is a line.
    ///
    /// # Errors
    /// When reading fails.
    pub fn of_rows(input: R, header: Vec<String>) -> Result<Self, FormatError> {
        let mut reader = Reader::start(Text::own(input)?)?;
        let width = header.len();
        reader.dialect = Dialect { header_rows: 0, by_record: true, width, ..Dialect::plain(b',') };
        reader.header = header;
        Ok(reader)
    }

    fn start(input: Text<R>) -> Result<Self, FormatError> {
        let mut reader = Reader {
            input,
            dialect: Dialect::plain(b','),
            header: Vec::new(),
            header_rows: Vec::new(),
            header_text: Vec::new(),
            above_text: Vec::new(),
            pending: Vec::new(),
            ahead: io::Cursor::default(),
            position: Position { line: 1, after_blank: false, apart: false, below_other: false, marked: false },
            above: Vec::new(),
            beside: Vec::new(),
            complete: false,
            spans: None,
            usual: (0, 0),
            long: None,
        };
        reader.fill(STRETCH)?;
        Ok(reader)
    }

    /// The dialect of the text.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The names of the columns, as they stand in the file; empty if there are none.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The bytes of the lines above the table and of the header, without the last line end. Titles above a table
    /// without a header are left out: above some of its records they would be taken for its names.
    pub fn header_text(&self) -> Vec<u8> {
        if self.dialect.header_rows == 0 && !self.above_text.to_ascii_lowercase().starts_with(b"sep=") {
            return Vec::new();
        }
        [self.above_text.as_slice(), &self.header_text].concat()
    }

    /// Reads the next stretch of records; `None` after the last.
    ///
    /// # Errors
    /// When reading fails. Bad records are rejects, not errors.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, FormatError> {
        let width = self.header.len() + usize::from(self.dialect.surplus);
        if !self.above.is_empty() || !self.beside.is_empty() {
            let (rejects, beside) = (std::mem::take(&mut self.above), std::mem::take(&mut self.beside));
            return Ok(Some(Chunk { records: Records::none(width), rejects, beside, ..Chunk::default() }));
        }
        let mut want = STRETCH;
        self.put_back();
        self.long = None;
        loop {
            self.fill(want)?;
            if self.pending.is_empty() {
                if let Some(told) = self.input.told().filter(|_| self.spans.is_none()) {
                    self.spans = Some(self.input.finish()?);
                    let beside = vec![Beside::named(BesideKind::Encoding, self.dialect.encoding.as_str(), told)];
                    return Ok(Some(Chunk { records: Records::none(width), beside, ..Chunk::default() }));
                }
                self.spans = Some(self.input.finish()?);
                return Ok(None);
            }
            let mut stretch = Stretch::with_capacity(self.usual);
            let longest = want >= MAX_RECORD;
            let frame = Frame { dialect: &self.dialect, header: &self.header, header_rows: &self.header_rows };
            match stretch.parse(&self.pending, &frame, &mut self.position, self.complete, longest) {
                Parsed::Upto(0) => {
                    want = (want * 2).min(MAX_RECORD);
                    if want > LONG {
                        self.long.get_or_insert_with(LongRecord::wait);
                    }
                }
                Parsed::Upto(parsed) => {
                    self.usual = stretch.size();
                    let rest = self.pending.split_off(parsed);
                    let text = std::mem::replace(&mut self.pending, rest);
                    let whole = stretch.finish(text, width, self.input.wrong_in());
                    self.input.audit().claim_all(parsed, whole.spans())?;
                    if whole.chunk.rows() > 0 {
                        return Ok(Some(whole.chunk));
                    }
                }
                Parsed::TooLong => {
                    return Err(FormatError::TooLong { line: self.position.line, limit: MAX_RECORD });
                }
            }
        }
    }

    /// Identity and size of the input, once [`Reader::next_chunk`] has given `None`.
    pub fn digest(&self) -> Digest {
        self.input.digest()
    }

    /// The bytes by kind of span, once all were read and every one of them is accounted for.
    pub fn spans(&self) -> Option<SpanBytes> {
        self.spans
    }

    /// Bytes of the input read so far.
    pub fn taken(&self) -> u64 {
        self.input.taken()
    }

    /// Reads until `want` bytes are pending or the input has ended.
    fn fill(&mut self, want: usize) -> io::Result<()> {
        while !self.complete && self.pending.len() < want {
            let missing = want - self.pending.len();
            // The room is a little larger, so that nothing grows only to see the end.
            let room = self.input.left().filter(|_| self.ahead.get_ref().is_empty()).unwrap_or(missing).min(missing);
            self.pending.reserve_exact(room + 32);
            let mut input = self.ahead.by_ref().chain(&mut self.input).take(missing as u64);
            let got = input.read_to_end(&mut self.pending)?;
            self.complete = got < missing;
        }
        Ok(())
    }

    /// Keeps no more than a stretch pending, so that the text behind a long record is not all parsed at once.
    fn put_back(&mut self) {
        if self.pending.len() > STRETCH {
            let mut ahead = self.pending.split_off(STRETCH);
            self.pending.shrink_to_fit();
            ahead.extend_from_slice(&self.ahead.get_ref()[self.ahead.position() as usize..]);
            self.ahead = io::Cursor::new(ahead);
            self.complete = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Reason, Width};

    type Cells = Vec<Option<String>>;

    fn read(text: &[u8]) -> (Vec<Cells>, Vec<u64>, Vec<(u64, Reason)>) {
        let mut reader = Reader::open(text, &ReadOptions::default()).unwrap();
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
    fn lines_of_blanks_hold_nothing_and_a_closing_byte_is_no_record() {
        let (rows, lines, rejects) = read(b"a,b\r\r\n\"x\",y\r\r\n \t\r\r\nz,w\r\r\n\x1A");
        assert_eq!((rows, lines), (vec![some(&["x", "y"]), some(&["z", "w"])], vec![2, 4]));
        assert!(rejects.is_empty());
    }

    #[test]
    fn a_header_may_be_quoted_too() {
        let reader = Reader::open(b"\"a \"\"b\"\"\",\"c\nd\"\n1,2\n".as_slice(), &ReadOptions::default()).unwrap();
        assert_eq!(reader.header(), ["a \"b\"", "c\nd"]);
        assert_eq!(reader.header_text(), *b"\"a \"\"b\"\"\",\"c\nd\"");
    }

    #[test]
    fn a_quote_too_many_in_the_header_costs_no_name_and_no_record() {
        let open = |text: &'static str| Reader::open(text.as_bytes(), &ReadOptions::default());
        let names = |text| open(text).unwrap().header().to_vec();
        assert_eq!(names("\"id\";\"Size 5\" screen\";\"txt\"\n1;2;x\n2;3;y\n"), ["id", "Size 5\" screen", "txt"]);
        assert_eq!(names("id,\"Preis \"EUR\" netto\",txt\n1,2,x\n2,3,y\n"), ["id", "Preis \"EUR\" netto", "txt"]);
        for text in [
            "\"id\",\"nm\n\"1001\",\"a1x\"\n\"1002\",\"a2x\"\n\"1003\",\"a3x\"\n",
            "id,\"nm\n1001,\"a1x\"\n1002,\"a2x\"\n",
            "\"id\",\"nm\"x\"\r\"1001\",\"a1x\"\r\"1002\",\"a2x\"\r",
        ] {
            let kept = match open(text) {
                Err(_) => true,
                Ok(mut reader) => {
                    let chunk = reader.next_chunk().unwrap().unwrap_or_default();
                    reader.header().len() == 2 && chunk.rows() >= 2
                }
            };
            assert!(kept, "{text:?}");
        }
    }

    #[test]
    fn bad_records_are_rejects_and_the_others_load() {
        let (rows, lines, rejects) = read(b"a,b\n1,2\na,b\n\n\"x\"y,2\n\xFF,2\nz\x00,2\nok,2\n");
        assert_eq!(rows, [some(&["1", "2"]), some(&["ok", "2"])]);
        assert_eq!(lines, [2, 8]);
        let expected =
            [(3, Reason::HeaderAgain), (5, Reason::TextAfterQuote), (6, Reason::WrongByte), (7, Reason::Nul)];
        assert_eq!(rejects, expected);
    }

    #[test]
    fn records_of_another_width_are_brought_to_the_headers() {
        let widths = |text: &str, surplus: bool| {
            let dialect = Reader::open(text.as_bytes(), &ReadOptions::default()).unwrap().dialect().clone();
            let mut reader = Reader::reopen(text.as_bytes(), &Dialect { surplus, ..dialect }).unwrap();
            let records = reader.next_chunk().unwrap().unwrap().records;
            let row = |row: usize| {
                let cells = (0..records.width()).map(|place| records.cell(row, place).map(str::to_owned)).collect();
                (records.width_of(row), cells)
            };
            (0..records.len()).map(row).collect::<Vec<(Width, Cells)>>()
        };
        let text = "a,b\n1\n2,x,y,,\"q \"\"z\"\"\"\n3,x,,\n\"t \"\"u\"\"\",x\n";
        let cells = |cells: [Option<&str>; 2]| cells.map(|cell| cell.map(str::to_owned)).to_vec();
        assert_eq!(
            widths(text, false),
            [
                (Width::Short, cells([Some("1"), None])),
                (Width::Long, cells([Some("2"), Some("x")])),
                (Width::Even, cells([Some("3"), Some("x")])),
                (Width::Even, cells([Some("t \"u\""), Some("x")])),
            ]
        );
        let with_surplus = widths(text, true);
        assert_eq!(with_surplus[1].1[2].as_deref(), Some(r#"["y",null,"q \"z\""]"#));
        assert_eq!(with_surplus[3].1, [Some("t \"u\"".to_owned()), Some("x".to_owned()), None]);
    }

    #[test]
    fn another_table_is_refused() {
        let (rows, _, rejects) = read(b"id,name,price\n1,x,2.5\n2,y,3.5\n\nk,v\na,1\n\n3,z,4.5\n");
        assert_eq!((rows.len(), rejects.iter().map(|one| one.0).collect::<Vec<_>>()), (3, vec![5, 6]));
        let (rows, lines, rejects) = read(b"k,v\na,1\nb,2\n\nid,name,price\n1,x,2.5\n2,y,3.5\n");
        assert_eq!((rows.len(), lines, rejects.len()), (2, vec![6, 7], 3));
    }

    #[test]
    fn without_a_header_the_first_row_is_a_record() {
        let reader = Reader::open(b"1,x,2.5\n2,y,3.5\n".as_slice(), &ReadOptions::default()).unwrap();
        assert_eq!(reader.header(), ["", "", ""]);
        let (rows, lines, _) = read(b"1,x,2.5\n2,y,3.5\n");
        assert_eq!((rows.len(), lines[0]), (2, 1));
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_one_line() {
        let (rows, lines, rejects) = read(b"a,b\n1,2\n\"3,4\n5,6\n7,8");
        assert_eq!(rows, [some(&["1", "2"]), some(&["5", "6"]), some(&["7", "8"])]);
        assert_eq!(lines, [2, 4, 5]);
        assert_eq!(rejects, [(3, Reason::UnclosedQuote)]);
    }

    #[test]
    fn a_quote_that_meets_a_later_one_costs_one_line_too() {
        let mut text = "a,b,c\n1,x,y\n2,\"oops,b\n".to_owned();
        (3..100).for_each(|n| text += &format!("{n},x,y\n"));
        let (rows, lines, rejects) = read((text + "100,\"ok\",z\n101,\"two\nlines\",y\n").as_bytes());
        assert_eq!(rejects, [(3, Reason::UnclosedQuote)]);
        assert_eq!((rows.len(), lines[1], lines[98]), (100, 4, 101));
        // Text after a closing quote that stands two lines below its opening one is the fault of that record alone.
        let (rows, _, rejects) = read(b"a,b\n1,\"two\nlines\" x\n2,y\n");
        assert_eq!((rows.len(), rejects.len()), (1, 1));
    }

    #[test]
    fn other_dialects() {
        let (rows, _, _) = read(b"a,b\r1,x\r2,y\r");
        assert_eq!(rows, [some(&["1", "x"]), some(&["2", "y"])]);
        let (rows, lines, _) = read(b"Report\n\nid;name\n1;'a;b'\n2;'c'\n3;d\n");
        assert_eq!((rows[0].clone(), lines[0]), (some(&["1", "a;b"]), 4));
        let (rows, _, _) = read(b"id, \"name\" , x\n1, \"a, \\\"b\" , z\n2, \"c\" , z\n");
        assert_eq!(rows[0], some(&["1", "a, \"b", "z"]));
        // A delimiter at the end of each record is no column, unless one has something after it.
        let (rows, _, rejects) = read(b"a,b,\n1,2,\n3,4,\n");
        assert_eq!((rows.len(), rows[0].len(), rejects.len()), (2, 2, 0));
        let (rows, _, rejects) = read(b"a,b,\n1,2,\n5,6,7\n");
        assert_eq!((rows.len(), rows[0].len(), rejects.len()), (2, 3, 0));
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
    fn no_more_lines_are_skipped_than_there_are() {
        let stated = ReadOptions { skip_lines: Some(u64::MAX), ..ReadOptions::default() };
        assert!(matches!(Reader::open(b"a,b\n1,2\n".as_slice(), &stated), Err(FormatError::NoHeader(_))));
    }

    #[test]
    fn a_letter_of_several_bytes_is_never_cut() {
        let (rows, _, rejects) = read("'§' \n'§'".as_bytes());
        assert_eq!((rows, rejects.len()), (vec![some(&["'§'"])], 0));
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        let error = |text: &[u8]| Reader::open(text, &ReadOptions::default()).err().unwrap().to_string();
        assert_eq!(error(b""), "the file is empty");
        assert!(error(b"\n\r\n\n").starts_with("the file has no header"));
        assert!(error(b",,,\n,,\n").starts_with("the file has no header"));
        assert!(error(b"\"\",\"\",\"\"\n1,2,3\n").starts_with("the file has no header"));
        assert!(error(b"\x89PNG\r\n\x1a\n").starts_with("the file is not UTF-8 text: byte 0x89"));
        assert!(error(b"a,b\0c\n1,2\n").starts_with("the file is not UTF-8 text"));
    }
}
