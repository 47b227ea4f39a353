//! JSON: objects one after the other (JSON Lines), in an array, or in an array under one key of an object. Records are cut out
//! of the text one by one, so that each has its line and its raw text, and memory does not grow with the file.
//!
//! Objects within a record become columns `a__b`, arrays stay JSON text, numbers keep their digits, `null` is NULL.

mod collect;
mod cut;
mod flatten;

use std::io::Read;

use serde::{Deserialize, Serialize};

pub(super) use collect::Columns;
pub use cut::Place;
pub use flatten::JOINT;

use super::encoding::{Digest, Text};
use super::{Chunk, FormatError, Reason, Reject, SpanBytes};
use collect::Builder;
use cut::{array_under, end_of_value, place};
use flatten::flatten;

/// What is read at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// Text of the records of one chunk, in bytes, and their number, at most (one record may be longer).
const CHUNK: usize = 512 * 1024;

/// The longest record, in bytes.
const MAX_RECORD: usize = 64 * 1024 * 1024;

/// How a JSON file holds its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonLayout {
    /// The encoding's name by the WHATWG.
    pub encoding: String,
    /// Where the records are.
    pub records: Place,
}

/// One record's raw text.
pub(super) struct Found {
    pub(super) line: u64,
    pub(super) text: Vec<u8>,
}

/// Cuts records out of a text.
pub(super) struct JsonReader<R> {
    input: Text<R>,
    layout: JsonLayout,
    pending: Vec<u8>,
    /// Bytes of `pending` that are done with.
    at: usize,
    line: u64,
    ended: bool,
    /// Whether the records' array is closed.
    closed: bool,
}

impl<R: Read> JsonReader<R> {
    /// Finds the records.
    ///
    /// # Errors
    /// When there are none, or reading fails.
    pub(super) fn open(input: R) -> Result<Self, FormatError> {
        let input = Text::open(input, None)?;
        let layout = JsonLayout { encoding: input.encoding().name().to_owned(), records: Place::Lines };
        let mut reader = JsonReader { input, layout, pending: Vec::new(), at: 0, line: 1, ended: false, closed: false };
        reader.fill(PIECE)?;
        reader.layout.records = place(&reader.pending);
        reader.enter()?;
        Ok(reader)
    }

    /// How the file holds its records.
    pub(super) fn layout(&self) -> &JsonLayout {
        &self.layout
    }

    /// What was read, once [`JsonReader::next_record`] has said `None`.
    pub(super) fn digest(&self) -> Digest {
        self.input.digest()
    }

    /// What the bytes are, once all were read and every one of them is accounted for.
    pub(super) fn spans(&self) -> Option<SpanBytes> {
        None
    }

    fn fill(&mut self, more: usize) -> Result<(), FormatError> {
        if self.at > 0 {
            self.pending.drain(..self.at);
            self.at = 0;
        }
        let got = self.input.by_ref().take(more as u64).read_to_end(&mut self.pending)?;
        self.ended = got < more;
        Ok(())
    }

    /// Goes to the first record.
    fn enter(&mut self) -> Result<(), FormatError> {
        match self.layout.records.clone() {
            Place::Lines => {}
            Place::Array => {
                self.skip_blanks(b"")?;
                self.at += 1;
            }
            Place::Key(key) => {
                let Some(start) = array_under(&self.pending, &key) else {
                    return Err(FormatError::NoRecords("the array of records does not begin".to_owned()));
                };
                self.advance(start);
            }
        }
        Ok(())
    }

    fn advance(&mut self, to: usize) {
        self.line += memchr::memchr_iter(b'\n', &self.pending[self.at..to]).count() as u64;
        self.at = to;
    }

    /// The next byte that is neither blank nor one of `also`; `None` at the end.
    fn skip_blanks(&mut self, also: &[u8]) -> Result<Option<u8>, FormatError> {
        loop {
            let rest = &self.pending[self.at..];
            let found = rest.iter().position(|byte| !byte.is_ascii_whitespace() && !also.contains(byte));
            self.advance(self.at + found.unwrap_or(rest.len()));
            match found {
                Some(_) => return Ok(Some(self.pending[self.at])),
                None if self.ended => return Ok(None),
                None => self.fill(PIECE)?,
            }
        }
    }

    /// The next record's text; `None` after the last.
    fn next_record(&mut self) -> Result<Option<Result<Found, Reject>>, FormatError> {
        if self.closed {
            return Ok(None);
        }
        let next = self.skip_blanks(b",")?;
        match (next, &self.layout.records) {
            (None, Place::Lines) => {
                self.closed = true;
                return Ok(None);
            }
            (None, _) => {
                return Ok(Some(Err(
                    self.refuse_rest(Reason::Unended, "the file ends before the array of records does")
                )));
            }
            (Some(b']'), Place::Array | Place::Key(_)) => return self.after_array(),
            _ => {}
        }
        let line = self.line;
        if let Some(length) = self.value_length()? {
            let text = self.pending[self.at..self.at + length].to_vec();
            self.advance(self.at + length);
            return Ok(Some(Ok(Found { line, text })));
        }
        if self.layout.records != Place::Lines {
            return Ok(Some(Err(self.refuse_rest(Reason::Unended, ""))));
        }
        // Where records are lines, what does not end costs its line.
        let rest = &self.pending[self.at..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let text = rest[..end.min(CHUNK)].to_vec();
        self.advance(self.at + end);
        Ok(Some(Err(Reject::new(line, Reason::Unended, text))))
    }

    /// What stands behind the array of records: the end of the file, another array, the rest of the object. Anything else
    /// is refused.
    fn after_array(&mut self) -> Result<Option<Result<Found, Reject>>, FormatError> {
        self.at += 1;
        if let Place::Key(_) = self.layout.records {
            loop {
                match self.skip_blanks(b",:")? {
                    None => {
                        return Ok(Some(Err(
                            self.refuse_rest(Reason::Unended, "the file ends before the object with the records does")
                        )));
                    }
                    Some(b'}') => break,
                    Some(_) => match self.value_length()? {
                        Some(length) => self.advance(self.at + length),
                        None => {
                            return Ok(Some(Err(self.refuse_rest(
                                Reason::Unended,
                                "the file ends before the object with the records does",
                            ))));
                        }
                    },
                }
            }
            self.at += 1;
        }
        match (self.skip_blanks(b",")?, &self.layout.records) {
            (None, _) => {
                self.closed = true;
                Ok(None)
            }
            (Some(b'['), Place::Array) => {
                self.at += 1;
                self.next_record()
            }
            _ => Ok(Some(Err(self.refuse_rest(Reason::AfterRecords, "")))),
        }
    }

    /// Number of bytes of the value that comes next; `None` when it does not end, or is longer than a record may be.
    fn value_length(&mut self) -> Result<Option<usize>, FormatError> {
        loop {
            match end_of_value(&self.pending[self.at..], self.ended) {
                Some(length) => return Ok(Some(length)),
                None if !self.ended && self.pending.len() - self.at < MAX_RECORD => {
                    self.fill(self.pending.len().max(PIECE))?;
                }
                None => return Ok(None),
            }
        }
    }

    /// Refuses everything that is left.
    fn refuse_rest(&mut self, reason: Reason, detail: &str) -> Reject {
        self.closed = true;
        let (line, rest) = (self.line, &self.pending[self.at..]);
        let text = rest[..rest.len().min(CHUNK)].to_vec();
        Reject::new(line, reason, text).detail(detail)
    }

    /// Reads what is left, which belongs to the file's identity.
    fn finish(&mut self) -> Result<(), FormatError> {
        while !self.ended {
            self.at = self.pending.len();
            self.fill(PIECE)?;
        }
        Ok(())
    }

    /// Reads every record; `columns` takes the names that come up, in their order. Gives chunks of records that are as wide as
    /// `columns` was before, until `sink` says stop.
    ///
    /// # Errors
    /// When reading fails. What is no record is a reject.
    pub(super) fn each_chunk(
        &mut self,
        columns: &mut Columns,
        mut sink: impl FnMut(Chunk) -> bool,
    ) -> Result<(), FormatError> {
        let mut builder = Builder::new(columns.names.len());
        while let Some(found) = self.next_record()? {
            let found = match found {
                Ok(found) => found,
                Err(reject) => {
                    builder.rejects.push(reject);
                    continue;
                }
            };
            let mut cells = Vec::new();
            match flatten(&found.text, &mut cells) {
                Ok(()) => builder.add(found, cells, columns),
                Err(reason) => {
                    builder.rejects.push(Reject::new(found.line, Reason::NotJson, found.text).detail(reason));
                }
            }
            if builder.text.len() > CHUNK {
                let full = std::mem::replace(&mut builder, Builder::new(columns.names.len()));
                if !sink(full.finish()) {
                    return Ok(());
                }
            }
        }
        self.finish()?;
        if !builder.rows.is_empty() || !builder.rejects.is_empty() {
            sink(builder.finish());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read_ = (Vec<String>, Vec<Vec<Option<String>>>, Vec<u64>, Vec<(u64, Reason)>);

    fn read(text: &str) -> Read_ {
        let mut names = Columns::growing();
        let mut first = JsonReader::open(text.as_bytes()).unwrap();
        first.each_chunk(&mut names, |_| true).unwrap();
        assert_eq!(first.digest().bytes, text.len() as u64);
        let mut columns = Columns::of(names.names.clone());
        let (mut rows, mut lines, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
        JsonReader::open(text.as_bytes())
            .unwrap()
            .each_chunk(&mut columns, |chunk| {
                for row in 0..chunk.records.len() {
                    let cell = |place| chunk.records.cell(row, place).map(str::to_owned);
                    rows.push((0..chunk.records.width()).map(cell).collect());
                    lines.push(chunk.records.line(row));
                }
                rejects.extend(chunk.rejects.into_iter().map(|reject| (reject.line, reject.reason)));
                true
            })
            .unwrap();
        (names.names, rows, lines, rejects)
    }

    fn some(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|cell| (*cell != "∅").then(|| (*cell).to_owned())).collect()
    }

    #[test]
    fn the_three_places_give_the_same_records() {
        let one = r#"{"a": 1.10, "b": {"c": "x, \"y\"]", "d": [1, {"e": 2}]}, "f": null}"#;
        let two = r#"{"b": {"c": "ü\n"}, "a": 12345678901234567890, "g": true}"#;
        for text in [
            format!("{one}\n{two}\n"),
            format!("[\n{one},\n{two}]"),
            format!("{{\"@context\": \"u\", \"value\": [\n{one}, {two}\n], \"next\": null}}"),
        ] {
            let (names, rows, _, rejects) = read(&text);
            assert_eq!(names, ["a", "b__c", "b__d", "f", "g"], "{text}");
            assert_eq!(rows[0], some(&["1.10", "x, \"y\"]", "[1, {\"e\": 2}]", "∅", "∅"]));
            assert_eq!(rows[1], some(&["12345678901234567890", "ü\n", "∅", "∅", "true"]));
            assert!(rejects.is_empty());
        }
    }

    #[test]
    fn a_record_knows_its_line_and_a_bad_one_is_refused() {
        let (_, rows, lines, rejects) = read("{\"a\":1}\n\n{\"a\":}\n{\"a\":1,\"a\":2}\n{\"a\":\n3}\n{\"a\":\"x");
        assert_eq!((rows.len(), lines), (2, vec![1, 5]));
        assert_eq!(rejects.iter().map(|reject| reject.0).collect::<Vec<_>>(), [3, 4, 7]);
        for (text, rows_read, refused) in [
            ("[{\"a\":1},\n{\"a\":2}", 2, 1),
            ("[{\"a\":1}]\n[{\"a\":2}]\n[{\"a\":3}]\n", 3, 0),
            ("[{\"a\":1}]\ngarbage", 1, 1),
            ("[{\"a\":1}] {\"b\":2}", 1, 1),
            ("{\"value\":[{\"a\":1},{\"a\":2}],", 2, 1),
            ("{\"value\":[{\"a\":1}],\"next\":{\"x\":[1,\"]}\"]}}\n", 1, 0),
            ("{\"value\":[{\"a\":1}]} x", 0, 1),
        ] {
            let (_, rows, _, rejects) = read(text);
            assert!(rows.len() >= rows_read && rejects.len() == refused, "{text}: {} {rejects:?}", rows.len());
        }
        assert_eq!(place(b"{\"value\": []}"), Place::Key("value".to_owned()));
        let (names, rows, _, _) = read("[1, \"x\", [2]]");
        assert_eq!((names, rows.len()), (vec!["value".to_owned()], 3));
        let (_, rows, _, _) = read("{\"id\": 1, \"tags\": [1, 2]}");
        assert_eq!(rows, [some(&["1", "[1, 2]"])]);
    }

    #[test]
    fn records_are_whole_wherever_a_piece_ends() {
        let records: Vec<_> =
            (0..20_000).map(|n| format!("{{\"n\": {n}, \"t\": \"{}\"}}", "ä\\\"".repeat(n % 50))).collect();
        let (_, rows, _, rejects) = read(&format!("[{}]", records.join(",\n")));
        assert!(rejects.is_empty());
        assert_eq!(rows.len(), 20_000);
        assert!(rows.iter().enumerate().all(|(n, row)| row[0].as_deref() == Some(n.to_string().as_str())));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r#"[\[\]{}",:\\ \n0-9a-z]{0,60}"#) {
            for text in [text.clone(), format!("[{text}"), format!("{{\"value\": [{text}")] {
                let mut reader = JsonReader::open(text.as_bytes()).unwrap();
                reader.each_chunk(&mut Columns::growing(), |_| true).unwrap();
                proptest::prop_assert_eq!(reader.digest().bytes, text.len() as u64);
            }
        }
    }
}
