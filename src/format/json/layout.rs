//! The place of the records in a JSON file. It is decided by everything that bears on it, however long that is: only
//! keys are held.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;

use serde::{Deserialize, Serialize};

use super::flatten::{Leaves, MAX_NAME};
use super::window::{Extent, Window};
use crate::format::FormatError;
use crate::format::audit::Span;

/// The place of the records in a JSON file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Records one after the other.
    Lines,
    /// Records in an array, or in several one after the other.
    Array,
    /// Records in the array under this key of the one object.
    Key(String),
}

/// The numbers by which the rows of a JSON file are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counting {
    /// The lines on which records start: each has one of its own.
    #[default]
    Lines,
    /// The records' numbers, from 1, because several start on one line: on this one, or on several.
    Records(Option<u64>),
}

/// The layout of a JSON file's records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonLayout {
    /// The encoding's name by the WHATWG.
    pub encoding: String,
    /// The place of the records.
    pub records: Place,
    /// The contents beside the array of records that become a column of each, with their values; empty unless asked
    /// for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<(String, Option<String>)>,
    /// The numbers by which the rows are told apart.
    #[serde(default)]
    pub counting: Counting,
    /// The keys of the arrays of objects in the one object of the file, which is a record, if there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
}

/// Keys under which services put a page's records, also when there are none.
const PAGES: [&str; 6] = ["value", "data", "items", "results", "records", "rows"];

/// Keys of arrays that are kept for a message.
const LISTS: usize = 10;

/// A value that is made a column of each record, in bytes, at most.
const MAX_COLUMN: usize = 64 * 1024;

/// True if a file's name ends like JSON.
pub(in crate::format) fn is_called_json(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["json", "jsonl", "ndjson"].iter().any(|json| ending.eq_ignore_ascii_case(json))
}

/// True if a file's name ends like JSON with a record on each line.
pub(in crate::format) fn is_called_lines(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["jsonl", "ndjson"].iter().any(|lines| ending.eq_ignore_ascii_case(lines))
}

/// Reads as far as needed to tell the place of the records; with `columns` also the contents beside them. With `lines`
/// an object is a record, whatever it holds.
///
/// # Errors
/// When the file is no JSON but something else, or reading fails.
pub(in crate::format) fn layout(input: impl Read, columns: bool, lines: bool) -> Result<JsonLayout, FormatError> {
    let mut window = Window::open(input)?;
    let counting = Counting::Lines;
    let layout =
        |records, columns| JsonLayout { encoding: String::new(), records, columns, counting, lists: Vec::new() };
    let found = match window.skip_blanks(b"")? {
        None => layout(Place::Lines, Vec::new()),
        Some(b'[') => layout(Place::Array, Vec::new()),
        Some(b'{') if lines && !columns => layout(Place::Lines, Vec::new()),
        Some(b'{') => {
            let mut object = Object { columns: columns.then(Vec::new), ..Object::default() };
            let records = object.place(&mut window)?;
            let columns = match records {
                Place::Key(_) => object.checked_columns()?,
                _ => Vec::new(),
            };
            JsonLayout { lists: object.lists, ..layout(records, columns) }
        }
        Some(_) => {
            plain_values(&mut window)?;
            layout(Place::Lines, Vec::new())
        }
    };
    Ok(JsonLayout { encoding: window.encoding().to_owned(), ..found })
}

/// The end of the first object.
enum End {
    Closed,
    /// The text ends first.
    Unended,
    /// A byte in it cannot stand there.
    Broken,
}

/// The first object, as far as it was read.
#[derive(Default)]
struct Object {
    /// Arrays of objects in it, with the key of the first one.
    arrays: usize,
    key: String,
    /// The keys of several, if it is the one object of the file.
    lists: Vec<String>,
    /// True if all of it was read.
    whole: bool,
    columns: Option<Vec<(String, Option<String>)>>,
}

impl Object {
    fn place<R: Read>(&mut self, window: &mut Window<R>) -> Result<Place, FormatError> {
        let first_line = window.line();
        window.take(1, Span::Record)?;
        let end = self.members(window)?;
        self.whole = matches!(end, End::Closed);
        let alone = match end {
            End::Closed => !matches!(window.skip_blanks(b"")?, Some(b'{' | b'[' | b',')),
            End::Unended => true,
            End::Broken => !are_lines(window, first_line)?,
        };
        if !alone || self.arrays < 2 {
            self.lists.clear();
        }
        Ok(if alone && self.arrays == 1 { Place::Key(std::mem::take(&mut self.key)) } else { Place::Lines })
    }

    fn members<R: Read>(&mut self, window: &mut Window<R>) -> Result<End, FormatError> {
        loop {
            match window.skip_blanks(b",")? {
                None => return Ok(End::Unended),
                Some(b'}') => {
                    window.take(1, Span::Record)?;
                    return Ok(End::Closed);
                }
                Some(b'"') => {}
                Some(_) => return Ok(End::Broken),
            }
            let key = match window.pass(MAX_NAME)? {
                (Extent::Whole(_), key) => serde_json::from_slice::<String>(&key).ok(),
                (Extent::Unended, _) => return Ok(End::Unended),
                _ => return Ok(End::Broken),
            };
            match window.skip_blanks(b"")? {
                None => return Ok(End::Unended),
                Some(b':') => window.take(1, Span::Record)?,
                Some(_) => return Ok(End::Broken),
            }
            let first = window.skip_blanks(b"")?;
            if first == Some(b'[') {
                let place = window.after_blanks(1, b"")?;
                let is_page = || key.as_deref().is_some_and(|key| PAGES.contains(&key));
                match window.get(place)? {
                    Some(b'{') => self.array(key.as_deref()),
                    Some(b']') if is_page() => self.array(key.as_deref()),
                    _ => {}
                }
            }
            let keep = if self.columns.is_some() && first != Some(b'[') { MAX_COLUMN } else { 0 };
            match (window.pass(keep)?, key) {
                ((Extent::Whole(length), value), Some(key)) if length == value.len() => self.column(&key, &value)?,
                ((Extent::Whole(_), _), _) => {}
                ((Extent::Unended, _), _) => return Ok(End::Unended),
                _ => return Ok(End::Broken),
            }
        }
    }

    /// Counts an array of objects under a key; one whose key is too long to be told counts as two.
    fn array(&mut self, key: Option<&str>) {
        self.arrays += if key.is_some() { 1 } else { 2 };
        if self.arrays == 1 {
            self.key = key.unwrap_or_default().to_owned();
        }
        if self.lists.len() < LISTS {
            self.lists.extend(key.map(str::to_owned));
        }
    }

    fn column(&mut self, key: &str, value: &[u8]) -> Result<(), FormatError> {
        let Some(columns) = &mut self.columns else { return Ok(()) };
        let mut leaves = Leaves::without_arrays();
        let read = leaves.member(key, value);
        read.map_err(|why| FormatError::Refused(format!("beside: columns: the key {key:?}: {why}")))?;
        let owned = leaves.cells.into_iter().map(|(name, value)| (name.into_owned(), value.map(Cow::into_owned)));
        columns.extend(owned);
        Ok(())
    }

    fn checked_columns(&mut self) -> Result<Vec<(String, Option<String>)>, FormatError> {
        let Some(columns) = self.columns.take() else { return Ok(Vec::new()) };
        if !self.whole {
            return Err(FormatError::Refused(
                "beside: columns: the object that holds the records is broken, so it is not known what stands behind them".to_owned(),
            ));
        }
        let mut names = HashSet::new();
        if let Some((name, _)) = columns.iter().find(|(name, _)| !names.insert(name)) {
            return Err(FormatError::Refused(format!("beside: columns: {name:?} stands beside the records twice")));
        }
        Ok(columns)
    }
}

/// True if the lines behind a broken first one are records, and not elements of an array in it.
fn are_lines<R: Read>(window: &mut Window<R>, first_line: u64) -> Result<bool, FormatError> {
    let mut begins = window.line() > first_line && window.get(0)? == Some(b'{');
    loop {
        if !begins {
            if !next_line(window)? {
                return Ok(false);
            }
            begins = window.skip_blanks(b"")? == Some(b'{');
            if !begins {
                continue;
            }
        }
        match window.pass(0)? {
            (Extent::Whole(_), _) => {
                let next = window.skip_blanks(b"")?;
                return Ok(!matches!(next, Some(b',' | b']' | b'}' | b':')));
            }
            (Extent::Unended, _) => return Ok(false),
            // A line may begin at the place at which the previous one breaks off.
            _ => begins = window.indent().is_some() && window.get(0)? == Some(b'{'),
        }
    }
}

/// Goes behind the next line end; `false` if there is none.
fn next_line<R: Read>(window: &mut Window<R>) -> Result<bool, FormatError> {
    loop {
        let end = memchr::memchr(b'\n', window.rest());
        window.take(end.map_or(window.rest().len(), |end| end + 1), Span::Record)?;
        if end.is_some() {
            return Ok(true);
        }
        if !window.fill()? {
            return Ok(false);
        }
    }
}

/// Checks for values that are no objects, one a line: at least the first line is one.
fn plain_values<R: Read>(window: &mut Window<R>) -> Result<(), FormatError> {
    window.get(MAX_COLUMN)?;
    let begins = &window.rest()[..window.rest().len().min(MAX_COLUMN)];
    if begins.trim_ascii() == b"null" {
        return Err(FormatError::NoRecords("it is null, a document without any".to_owned()));
    }
    let line = begins.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() || (line.len() == MAX_COLUMN && line[0] == b'"') {
        return Ok(());
    }
    let text = String::from_utf8_lossy(begins);
    let shown: String = text.lines().next().unwrap_or_default().chars().take(40).collect();
    Err(FormatError::Refused(match what_else(&text) {
        Some(what) => format!("it is {what}, not JSON: it begins with {shown:?}"),
        None => format!("it is no JSON: it begins with {shown:?}, which is neither an object nor an array nor a value"),
    }))
}

/// The true kind of a text that is taken for JSON and is not; `None` if it does not show.
fn what_else(text: &str) -> Option<&'static str> {
    let text = text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{FEFF}');
    let guards = [")]}'", ")]}", "while(1)", "while (1)", "for(;;)", "for (;;)", "throw 1", "&&&START&&&", "{}&&"];
    if guards.iter().any(|guard| text.starts_with(guard)) {
        return Some("JSON behind a guard against being run as a script");
    }
    if text.starts_with('<') {
        return Some("a page or another text in HTML or XML");
    }
    if text.starts_with("//") || text.starts_with("/*") || text.starts_with('#') {
        let code = text.trim_start_matches(['/', '*', ' ']);
        // JSONP has this before its call.
        return Some(if code.starts_with(is_of_name) && text.starts_with("/**/") {
            JSONP
        } else {
            "a text with comments"
        });
    }
    let name = text.find(|letter| !is_of_name(letter) && letter != '.').map_or(text, |end| &text[..end]);
    let behind = text[name.len()..].trim_start();
    let words = ["var", "let", "const", "export", "import", "function", "return", "module.exports", "window", "self"];
    if words.contains(&name) || (!name.is_empty() && behind.starts_with('=')) {
        return Some("JavaScript");
    }
    (!name.is_empty() && behind.starts_with(['(', '['])).then_some(JSONP)
}

const JSONP: &str = "a call in JavaScript (JSONP)";

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        layout(text.as_bytes(), false, false).unwrap().records
    }

    #[test]
    fn where_the_records_are_does_not_depend_on_how_many_there_are() {
        for many in [2, 20_000] {
            let array = |key: &str| format!("\"{key}\": [{}]", vec!["{\"id\": 1, \"x\": \"y\"}"; many].join(",\n"));
            let key = |key: &str| Place::Key(key.to_owned());
            let (users, orders) = (array("users"), array("orders"));
            assert_eq!(place(&format!("{{{users}}}")), key("users"));
            assert_eq!(place(&format!("{{\"n\": 1, {users}, \"next\": [1]}} \n")), key("users"));
            assert_eq!(place(&format!("{{{users}, {orders}}}")), Place::Lines);
            assert_eq!(place(&format!("{{\"id\": 1, {users}}}\n{{\"id\": 2, {users}}}\n")), Place::Lines);
            assert_eq!(place(&format!("{{{users}}}{{{users}}}")), Place::Lines);
            // The text is cut off, or broken within a record.
            assert_eq!(place(&format!("{{\"n\": 1, {}", users.trim_end_matches(']'))), key("users"));
            assert_eq!(place(&format!("{{{}}}", users.replacen("\"y\"", "\"5\" y\"", 1))), key("users"));
            assert_eq!(place(&format!("{{{users}}}}} x")), key("users"));
            // The first line is broken, and others are not.
            let one_line = users.replace('\n', "");
            assert_eq!(place(&format!("{{\"id\": 1, {}\n{{\"id\": 2, {one_line}}}\n", &one_line[..40])), Place::Lines);
        }
        assert_eq!(place("{\"value\": []}"), Place::Key("value".to_owned()));
        let of_lines = |text: &str| layout(text.as_bytes(), false, true).unwrap().records;
        assert_eq!(of_lines("{\"id\": 1, \"orders\": [{\"o\": 1}]}"), Place::Lines);
        assert_eq!(of_lines("[{\"id\": 1}]"), Place::Array);
        assert_eq!(place("{\"tags\": []}"), Place::Lines);
        assert_eq!(place("\u{FEFF} [1]"), Place::Array);
        assert_eq!(place("1\n2\n"), Place::Lines);
    }

    #[test]
    fn what_is_no_json_is_named() {
        for (text, what) in [
            ("callback([{\"id\":1},{\"id\":2}]);", "JSONP"),
            ("/**/ jQuery123_4({\"a\": 1})", "JSONP"),
            ("cb && cb([1])", "no JSON"),
            (")]}',\n[{\"a\":1}]", "guard"),
            ("while(1);[{\"a\":1}]", "guard"),
            ("for (;;);{\"a\":1}", "guard"),
            ("var x = [{\"a\":1}];", "JavaScript"),
            ("window.data = {}", "JavaScript"),
            ("<!DOCTYPE html><p>503</p>", "HTML"),
            ("id,name\n1,x\n", "no JSON"),
            ("\"id\",\"name\"\n1,x\n", "no JSON"),
            ("// ours\n{\"a\":1}", "comments"),
        ] {
            let error = layout(text.as_bytes(), false, false).unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
        assert!(is_called_lines("a.x.JSONL") && is_called_lines("a.ndjson") && !is_called_lines("a.json"));
        assert!(is_called_json("a.JSON") && is_called_json("a.b.ndjson") && !is_called_json("json"));
    }
}
