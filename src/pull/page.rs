//! A page: the records in a body of JSON, as they are written, and the values beside them that lead on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, NaiveDate};
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value as Json};

use super::client::{message, shortened};
use crate::dataset::pull_source::{JsonPath, literal};

/// The kinds of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One JSON value.
    Json,
    /// JSON values after each other.
    JsonLines,
    /// Another table, which is loaded as a file is.
    Table(&'static str),
}

/// A page of JSON.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    /// Places of the records in the text.
    records: Vec<Range<usize>>,
    /// Places of the members of the whole, so that a look at one does not read all records again.
    members: HashMap<String, Range<usize>>,
}

/// Fault of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It breaks off: another try may bring all of it.
    BrokenOff(String),
    /// It is no page.
    NoPage(String),
}

type Members<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// Names of the member with the records, where several are arrays.
const USUAL: [&str; 8] = ["value", "data", "items", "results", "records", "rows", "entries", "content"];

impl Kind {
    /// The kind of a body that came from an address with this path.
    pub(super) fn of(body: &[u8], content_type: Option<&str>, path: &str) -> Kind {
        let start = body.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(body.len());
        let start = if body.starts_with("\u{feff}".as_bytes()) { 3.max(start) } else { start };
        let said = content_type.unwrap_or_default();
        let path = path.to_ascii_lowercase();
        let is_named = [".csv", ".tsv", ".txt", ".csv.gz"].iter().any(|ending| path.ends_with(ending));
        if ["ndjson", "jsonl", "json-lines"].iter().any(|word| said.contains(word)) {
            return Kind::JsonLines;
        }
        match body.get(start) {
            _ if body.starts_with(b"PAR1") => Kind::Table("parquet"),
            _ if body.starts_with(b"PK\x03\x04") => Kind::Table("xlsx"),
            Some(b'{') if is_lines(&body[start..]) => Kind::JsonLines,
            Some(b'{' | b'[') => Kind::Json,
            // A page that says it is none.
            Some(b'<') => Kind::Json,
            _ if said.contains("csv") || said.contains("tab-separated") || is_named => Kind::Table("csv"),
            _ => Kind::Json,
        }
    }
}

/// True if another JSON value follows the first one.
fn is_lines(body: &[u8]) -> bool {
    let mut values = Deserializer::from_slice(body).into_iter::<serde::de::IgnoredAny>();
    matches!(values.next(), Some(Ok(_))) && body[values.byte_offset()..].iter().any(|byte| !byte.is_ascii_whitespace())
}

impl Page {
    /// Reads a body; `path` leads to its records. Returns the path that was found, if none was given. `may_be_one` allows a
    /// single record in place of a list.
    pub(super) fn read(
        body: Vec<u8>,
        kind: Kind,
        path: Option<&JsonPath>,
        may_be_one: bool,
    ) -> Result<(Page, JsonPath), Fault> {
        let text = String::from_utf8(body).map_err(|_| no_page("it is no text in UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        if text.trim_start().starts_with('<') {
            return Err(no_page(&html(&text)));
        }
        if kind == Kind::JsonLines {
            let mut records = Vec::new();
            for value in Deserializer::from_str(&text).into_iter::<&RawValue>() {
                records.push(range(&text, value.map_err(fault)?));
            }
            return Ok((Page { text, records, members: HashMap::new() }, JsonPath::default()));
        }
        let root: &RawValue = serde_json::from_str(&text).map_err(fault)?;
        if let Some(why) = error_in(root) {
            return Err(Fault::NoPage(why));
        }
        let (path, found) = match path {
            Some(path) => (path.clone(), at(root, &path.0)),
            None => find(root)?,
        };
        let records = match found {
            None => {
                return Err(no_page(&format!("it has no {path}; {}", names(root))));
            }
            Some(value) => match value.get().as_bytes().first() {
                Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(value.get()).map_err(fault)?,
                Some(b'{') if may_be_one => vec![value],
                _ => {
                    let short = shortened(value.get(), 40);
                    return Err(no_page(&format!("records: {path} is no list of records, but {short}")));
                }
            },
        };
        if let Some(other) = records.iter().find(|record| !record.get().starts_with('{')) {
            let short = shortened(other.get(), 40);
            return Err(no_page(&format!("{path} holds records that are no objects, such as {short}")));
        }
        let records = records.into_iter().map(|record| range(&text, record)).collect();
        let members = members(root).unwrap_or_default().into_iter();
        let members = members.map(|(name, value)| (name.into_owned(), range(&text, value))).collect();
        Ok((Page { text, records, members }, path))
    }

    /// A page without records.
    pub(super) fn empty() -> Page {
        Page { text: "[]".to_owned(), records: Vec::new(), members: HashMap::new() }
    }

    /// Number of its bytes.
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    /// The records, as they are written.
    pub(super) fn records(&self) -> impl ExactSizeIterator<Item = &str> {
        self.records.iter().map(|range| &self.text[range.clone()])
    }

    /// A value of the page; `None` if it has none there, or null.
    pub(super) fn value(&self, path: &JsonPath) -> Option<Json> {
        serde_json::from_str(self.at(path)?.get()).ok().filter(|value: &Json| !value.is_null())
    }

    fn at(&self, path: &JsonPath) -> Option<&RawValue> {
        let (first, rest) = path.0.split_first()?;
        let member: &RawValue = serde_json::from_str(&self.text[self.members.get(first)?.clone()]).ok()?;
        at(member, rest)
    }

    /// True if the page is an object with this member.
    pub(super) fn has(&self, path: &JsonPath) -> bool {
        self.at(path).is_some()
    }

    /// BLAKE3 of the records.
    pub(super) fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for record in self.records() {
            hasher.update(record.as_bytes()).update(b"\n");
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

/// A plain value of a record, as text; `None` if it has none.
pub(super) fn field(record: &str, name: &str) -> Option<String> {
    let members: Members<'_> = serde_json::from_str(record).ok()?;
    let value: Json = serde_json::from_str(members.get(name)?.get()).ok()?;
    match value {
        Json::Null | Json::Array(_) | Json::Object(_) => None,
        Json::String(text) => Some(text),
        // Digits as they are written.
        _ => Some(members.get(name)?.get().to_owned()),
    }
}

/// A value of a record as OData writes it in an address, days and moments without quotes; `None` if it has none.
pub(super) fn literal_of(record: &str, name: &str) -> Option<String> {
    let members: Members<'_> = serde_json::from_str(record).ok()?;
    let json = members.get(name)?.get();
    let text: Option<&str> = serde_json::from_str(json).ok();
    let moment = text.filter(|text| {
        let is_day = text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
        is_day || (text.contains('T') && DateTime::parse_from_rfc3339(text).is_ok())
    });
    moment.map(str::to_owned).or_else(|| literal(json)).filter(|text| text != "null")
}

/// Hash of a record, whatever the order of its members is.
pub(super) fn record_hash(record: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    match serde_json::from_str::<Members<'_>>(record) {
        Ok(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            for (name, value) in members {
                hasher.update(name.as_bytes()).update(b"\0").update(value.get().as_bytes()).update(b"\0");
            }
        }
        Err(_) => {
            hasher.update(record.as_bytes());
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// A record on one line: between the values of JSON, a line end is a blank.
pub(super) fn one_line(record: &str) -> Cow<'_, str> {
    if record.contains(['\n', '\r']) { Cow::Owned(record.replace(['\n', '\r'], " ")) } else { Cow::Borrowed(record) }
}

fn range(text: &str, value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
    start..start + value.get().len()
}

fn no_page(why: &str) -> Fault {
    Fault::NoPage(why.to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn fault(error: serde_json::Error) -> Fault {
    if error.is_eof() {
        Fault::BrokenOff(format!("its body breaks off: {error}"))
    } else {
        Fault::NoPage(format!("its body is no JSON: {error}"))
    }
}

fn html(text: &str) -> String {
    let title = text.split_once("<title").and_then(|(_, rest)| rest.split_once('>'));
    let title = title.and_then(|(_, rest)| rest.split_once("</")).map(|(title, _)| title.trim());
    let title = title.filter(|title| !title.is_empty()).map_or_else(String::new, |title| format!(", {title:?}"));
    let what = if text.trim_start().starts_with("<?xml") { "XML" } else { "a page for people (HTML), perhaps a login" };
    format!("it is {what}{title}, and no JSON")
}

fn members(value: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(value.get()).ok()
}

/// The value at a path.
fn at<'a>(root: &'a RawValue, path: &[String]) -> Option<&'a RawValue> {
    let mut value = root;
    for word in path {
        value = match value.get().as_bytes().first()? {
            b'{' => members(value)?.get(word.as_str()).copied()?,
            b'[' => {
                serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(word.parse::<usize>().ok()?).copied()?
            }
            _ => return None,
        };
    }
    Some(value)
}

/// Finds the records: the value itself if it is an array, else the one array of objects in it, or one level beneath.
fn find(root: &RawValue) -> Result<(JsonPath, Option<&RawValue>), Fault> {
    if root.get().starts_with('[') {
        return Ok((JsonPath::default(), Some(root)));
    }
    let is_array = |value: &RawValue| value.get().starts_with('[');
    let top = members(root).ok_or_else(|| no_page("its body is neither an object nor an array"))?;
    let mut arrays: Vec<_> =
        top.iter().filter(|(_, value)| is_array(value)).map(|(name, value)| (vec![name.to_string()], *value)).collect();
    if arrays.is_empty() {
        for (name, value) in top.iter().filter(|(_, value)| value.get().starts_with('{')) {
            let inner = members(value).unwrap_or_default();
            let inner = inner.into_iter().filter(|(_, value)| is_array(value));
            arrays.extend(inner.map(|(inner, value)| (vec![name.to_string(), inner.to_string()], value)));
        }
    }
    let usual = |path: &Vec<String>| USUAL.iter().position(|usual| path.last().is_some_and(|last| last == usual));
    arrays.sort_by_cached_key(|(path, _)| (usual(path).unwrap_or(USUAL.len()), path.clone()));
    let is_clear = match &arrays[..] {
        [_] => true,
        [first, second, ..] => usual(&first.0).is_some() && usual(&first.0) != usual(&second.0),
        [] => false,
    };
    if is_clear {
        let (path, value) = arrays.swap_remove(0);
        return Ok((JsonPath(path), Some(value)));
    }
    if arrays.is_empty() {
        return Err(no_page(&format!("it has no array of records; {}: say records: PATH", names(root))));
    }
    let some: Vec<_> = arrays.into_iter().map(|(path, _)| JsonPath(path).to_string()).collect();
    Err(no_page(&format!(
        "it has several arrays, {}: say which holds the records, such as records: {}",
        some.join(", "),
        some[0]
    )))
}

/// The error that a body with status 200 tells.
fn error_in(root: &RawValue) -> Option<String> {
    let top = members(root)?;
    let is_error = ["error", "errors", "fault"].iter().any(|key| {
        top.get(*key).is_some_and(|value| !matches!(value.get(), "null" | "false" | "[]" | "\"\"" | "{}" | "0"))
    });
    let json: Json = if is_error { serde_json::from_str(root.get()).ok()? } else { return None };
    Some(format!("it answers with an error: {}", message(&json).unwrap_or_else(|| "without a message".to_owned())))
}

/// The names of a body's members, in words.
fn names(root: &RawValue) -> String {
    let Some(top) = members(root) else { return "it is no object".to_owned() };
    let mut names: Vec<_> = top.into_keys().collect();
    names.sort_unstable();
    names.truncate(20);
    if names.is_empty() { "it is an empty object".to_owned() } else { format!("it has {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, path: Option<&str>) -> Result<(Vec<String>, String), Fault> {
        let path = path.map(|path| JsonPath::parse(path).unwrap());
        let kind = Kind::of(body.as_bytes(), Some("application/json"), "/");
        let (page, path) = Page::read(body.as_bytes().to_vec(), kind, path.as_ref(), false)?;
        Ok((page.records().map(str::to_owned).collect(), path.to_string()))
    }

    #[test]
    fn records_are_found_and_keep_their_digits() {
        let one = vec![r#"{"a": 1.10}"#.to_owned()];
        for (body, path) in [
            (r#"[{"a": 1.10}]"#, "."),
            (r#"{"n": 1, "items": [{"a": 1.10}]}"#, "items"),
            (r#"{"tags": [], "data": [{"a": 1.10}]}"#, "data"),
            (r#"{"response": {"rows": [{"a": 1.10}]}, "n": 3}"#, "response.rows"),
        ] {
            assert_eq!(read(body, None).unwrap(), (one.clone(), path.to_owned()), "{body}");
        }
        assert_eq!(read("{\"a\": 1.10}\n{\"a\":2}\n", None).unwrap().0.len(), 2);
    }

    #[test]
    fn what_is_no_page_is_told() {
        let why = |body: &str, path| match read(body, path).unwrap_err() {
            Fault::NoPage(why) | Fault::BrokenOff(why) => why,
        };
        assert_eq!(
            why("<html><head><title>Sign in</title>", None),
            "it is a page for people (HTML), perhaps a login, \"Sign in\", and no JSON"
        );
        assert_eq!(why(r#"{"error": {"code": "E1", "message": "no"}}"#, None), "it answers with an error: E1: no");
        assert_eq!(why(r#"{"error": "no", "data": []}"#, None), "it answers with an error: no");
        assert_eq!(
            why(r#"{"a": [], "b": []}"#, None),
            "it has several arrays, a, b: say which holds the records, such as records: a"
        );
        assert_eq!(why(r#"{"b": 1, "a": 2}"#, Some("data")), "it has no data; it has a, b");
        assert!(matches!(read(r#"{"data": [{"a": 1}, {"a""#, None), Err(Fault::BrokenOff(_))));
        assert_eq!(why(r#"{"a": null}"#, Some("a")), "records: a is no list of records, but null");
        assert_eq!(
            why(r#"{"message": "no"}"#, Some(".")),
            "records: . is no list of records, but {\"message\": \"no\"}"
        );
        assert!(why(r#"{"data": [1, 2]}"#, None).contains("no objects, such as 1"));
    }

    #[test]
    fn the_order_of_members_is_no_part_of_a_record() {
        assert_eq!(record_hash(r#"{"a":1,"b":"x"}"#), record_hash(r#"{"b":"x", "a":1}"#));
        assert_ne!(record_hash(r#"{"a":1,"b":"x"}"#), record_hash(r#"{"a":1.0,"b":"x"}"#));
    }
}
