//! JSON: objects one after the other (JSON Lines), in an array, or in an array under one key of an object. Records are cut out
//! of the text one by one, so that each has its line and its raw text, and memory does not grow with the file.
//!
//! Objects within a record become columns `a__b`, arrays stay JSON text, numbers keep their digits, `null` is NULL.

use std::collections::HashMap;
use std::io::Read;

use serde::Serialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::encoding::{Digest, Text};
use super::records::{Cell, Row};
use super::{Chunk, FormatError, Records, Reject};

/// What is read at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// Text of the records of one chunk, in bytes, and their number, at most (one record may be longer).
const CHUNK: usize = 512 * 1024;

/// The longest record, in bytes.
const MAX_RECORD: usize = 64 * 1024 * 1024;

/// What joins the names of nested objects.
pub(super) const JOINT: &str = "__";

/// The column of records that are no objects.
const VALUE: &str = "value";

/// How a JSON file holds its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JsonLayout {
    /// The encoding's name by the WHATWG.
    pub encoding: String,
    /// Where the records are.
    pub records: Place,
}

/// Where the records of a JSON file are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// One after the other.
    Lines,
    /// In an array.
    Array,
    /// In the array under this key of the one object.
    Key(String),
}

/// Keys under which services put a page's records, also when there are none.
const PAGES: [&str; 6] = ["value", "data", "items", "results", "records", "rows"];

/// One record's raw text.
struct Found {
    line: u64,
    text: Vec<u8>,
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
            (None, _) => return Ok(Some(Err(self.refuse_rest("the file ends before the array of records does")))),
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
            return Ok(Some(Err(self.refuse_rest("the record does not end"))));
        }
        // Where records are lines, what does not end costs its line.
        let rest = &self.pending[self.at..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let text = rest[..end.min(CHUNK)].to_vec();
        self.advance(self.at + end);
        Ok(Some(Err(Reject { line, column: None, reason: "the record does not end".to_owned(), text })))
    }

    /// What stands behind the array of records: the end of the file, another array, the rest of the object. Anything else
    /// is refused.
    fn after_array(&mut self) -> Result<Option<Result<Found, Reject>>, FormatError> {
        self.at += 1;
        if let Place::Key(_) = self.layout.records {
            loop {
                match self.skip_blanks(b",:")? {
                    None => {
                        return Ok(Some(
                            Err(self.refuse_rest("the file ends before the object with the records does")),
                        ));
                    }
                    Some(b'}') => break,
                    Some(_) => match self.value_length()? {
                        Some(length) => self.advance(self.at + length),
                        None => {
                            return Ok(Some(Err(
                                self.refuse_rest("the file ends before the object with the records does")
                            )));
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
            _ => Ok(Some(Err(self.refuse_rest("it follows the records")))),
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
    fn refuse_rest(&mut self, reason: &str) -> Reject {
        self.closed = true;
        let (line, rest) = (self.line, &self.pending[self.at..]);
        let text = rest[..rest.len().min(CHUNK)].to_vec();
        Reject { line, column: None, reason: reason.to_owned(), text }
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
                    builder.rejects.push(Reject { line: found.line, column: None, reason, text: found.text });
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

/// Names of columns and their places.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub names: Vec<String>,
    places: HashMap<String, usize>,
    /// Whether new names are taken in.
    open: bool,
}

impl Columns {
    /// Takes in every name.
    pub(super) fn growing() -> Self {
        Columns { open: true, ..Columns::default() }
    }

    /// Knows these names.
    pub(super) fn of(names: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<_> = names.into_iter().collect();
        let places = names.iter().enumerate().map(|(place, name)| (name.clone(), place)).collect();
        Columns { names, places, open: false }
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if !self.open {
            return None;
        }
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), self.names.len() - 1);
        Some(self.names.len() - 1)
    }
}

/// The records of one chunk while they are collected. While the columns still grow, records have the width they have at the end of the
/// chunk.
struct Builder {
    text: String,
    values: Vec<Vec<(usize, Cell)>>,
    rows: Vec<Row>,
    rejects: Vec<Reject>,
    width: usize,
}

impl Builder {
    fn new(width: usize) -> Self {
        Builder { text: String::new(), values: Vec::new(), rows: Vec::new(), rejects: Vec::new(), width }
    }

    fn add(&mut self, found: Found, cells: Vec<(String, Option<String>)>, columns: &mut Columns) {
        let Found { line, text } = found;
        let mut places: Vec<(usize, &Option<String>)> = Vec::with_capacity(cells.len());
        for (name, value) in &cells {
            let Some(place) = columns.place(name) else { continue };
            if places.iter().any(|(one, _)| *one == place) {
                let reason = format!("the key {name:?} stands in it twice");
                self.rejects.push(Reject { line, column: Some(name.clone()), reason, text });
                return;
            }
            places.push((place, value));
        }
        if cells.iter().any(|(_, value)| value.as_ref().is_some_and(|value| value.contains('\0'))) {
            self.rejects.push(Reject { line, column: None, reason: "holds a NUL character".to_owned(), text });
            return;
        }
        let start = self.text.len() as u32;
        self.text.push_str(&String::from_utf8_lossy(&text));
        self.rows.push(Row { line, start, end: self.text.len() as u32 });
        let mut values = Vec::with_capacity(places.len());
        for (place, value) in places {
            let Some(value) = value else { continue };
            let start = self.text.len() as u32;
            self.text.push_str(value);
            values.push((place, Cell { start, end: self.text.len() as u32, null: false }));
        }
        self.values.push(values);
        self.width = columns.names.len();
    }

    fn finish(self) -> Chunk {
        let null = Cell { start: 0, end: 0, null: true };
        let mut cells = vec![null; self.rows.len() * self.width];
        for (row, values) in self.values.into_iter().enumerate() {
            for (place, cell) in values {
                cells[row * self.width + place] = cell;
            }
        }
        Chunk { records: Records::new(self.text, cells, self.rows, self.width), rejects: self.rejects }
    }
}

/// The names and values of a record; values of `null` are `None`.
fn flatten(text: &[u8], cells: &mut Vec<(String, Option<String>)>) -> Result<(), String> {
    let value: &RawValue = serde_json::from_slice(text).map_err(|error| format!("no JSON: {error}"))?;
    if value.get().starts_with('{') { object("", value, cells, 0) } else { leaf(VALUE.to_owned(), value, cells) }
}

fn object(
    prefix: &str,
    value: &RawValue,
    cells: &mut Vec<(String, Option<String>)>,
    depth: usize,
) -> Result<(), String> {
    if depth > 64 {
        return Err("objects are nested more than 64 deep".to_owned());
    }
    let Pairs(pairs) = serde_json::from_str(value.get()).map_err(|error| format!("no JSON: {error}"))?;
    for (key, value) in pairs {
        let name = if prefix.is_empty() { key } else { format!("{prefix}{JOINT}{key}") };
        if value.get().starts_with('{') && value.get() != "{}" {
            object(&name, value, cells, depth + 1)?;
        } else {
            leaf(name, value, cells)?;
        }
    }
    Ok(())
}

fn leaf(name: String, value: &RawValue, cells: &mut Vec<(String, Option<String>)>) -> Result<(), String> {
    let text = match value.get() {
        "null" => None,
        text if text.starts_with('"') => {
            Some(serde_json::from_str::<String>(text).map_err(|error| format!("no JSON: {error}"))?)
        }
        text => Some(text.to_owned()),
    };
    cells.push((name, text));
    Ok(())
}

/// An object's keys in their order, with repeated ones.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Collect<'a> {
            type Value = Pairs<'a>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'a>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect(std::marker::PhantomData))
    }
}

/// Number of bytes of the value that the text begins with; `None` when it does not end within it. `complete` says that no more
/// comes. Only brackets and quotes are looked at: whether it is JSON shows when it is read.
fn end_of_value(text: &[u8], complete: bool) -> Option<usize> {
    let (mut depth, mut at) = (0usize, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(text, at)?;
                if depth == 0 {
                    return Some(at);
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at.max(1)),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => return Some(at.max(1)),
            _ => {}
        }
        at += 1;
    }
    // A number or a word may end with the file.
    (complete && depth == 0 && at > 0).then_some(at)
}

/// The place after the string that starts at `at`.
fn end_of_string(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Where the records are, by the beginning of the text.
fn place(head: &[u8]) -> Place {
    let first = head.iter().position(|byte| !byte.is_ascii_whitespace());
    let Some(first) = first else { return Place::Lines };
    if head[first] == b'[' {
        return Place::Array;
    }
    let rest = &head[first..];
    let alone = match end_of_value(rest, false) {
        Some(length) => rest[length..].iter().all(u8::is_ascii_whitespace),
        None => true,
    };
    match arrays_of_objects(rest).as_slice() {
        [key] if alone => Place::Key(key.clone()),
        _ => Place::Lines,
    }
}

/// The keys of the first object under which arrays of objects stand.
fn arrays_of_objects(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for_each_key(text, |key, value| {
        let mut rest = value.iter().filter(|byte| !byte.is_ascii_whitespace());
        let array = rest.next() == Some(&b'[');
        let first = rest.next();
        // A page without records is one all the same.
        if array && (first == Some(&b'{') || (first == Some(&b']') && PAGES.contains(&key))) {
            found.push(key.to_owned());
        }
        true
    });
    found
}

/// Where the elements of the array under the key begin.
fn array_under(text: &[u8], wanted: &str) -> Option<usize> {
    let mut start = None;
    for_each_key(text, |key, value| {
        if key == wanted {
            let open = value.iter().position(|byte| *byte == b'[').unwrap_or(0);
            start = Some(text.len() - value.len() + open + 1);
        }
        start.is_none()
    });
    start
}

/// Calls with each key of the first object, as far as the text goes, and the text from its value on.
fn for_each_key(text: &[u8], mut call: impl FnMut(&str, &[u8]) -> bool) {
    let blank =
        |at: usize| at + text[at.min(text.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let mut at = blank(0);
    if text.get(at) != Some(&b'{') {
        return;
    }
    at = blank(at + 1);
    while text.get(at) == Some(&b'"') {
        let Some(end) = end_of_string(text, at) else { return };
        let key: String = serde_json::from_slice(&text[at..end]).unwrap_or_default();
        at = blank(end);
        if text.get(at) != Some(&b':') {
            return;
        }
        at = blank(at + 1);
        if !call(&key, &text[at.min(text.len())..]) {
            return;
        }
        let Some(length) = text.get(at..).and_then(|rest| end_of_value(rest, false)) else { return };
        at = blank(at + length);
        if text.get(at) == Some(&b',') {
            at = blank(at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read_ = (Vec<String>, Vec<Vec<Option<String>>>, Vec<u64>, Vec<(u64, String)>);

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
}
