//! A page: the records in a body of JSON, as they are written, and the values beside them that lead on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value as Json};

use super::client::{message, shortened};
use crate::dataset::pull_source::{JsonPath, is_guid, literal, moment};

/// The kinds of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One JSON value, or objects after each other.
    Json,
    /// JSON values after each other, as the server says.
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
    /// True if its records are values after each other, in no list.
    pub(super) is_lines: bool,
}

/// What a page is at its top, read in one go.
enum Root<'a> {
    Object(Members<'a>),
    List(Vec<&'a RawValue>),
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
            Some(b'{' | b'[') => Kind::Json,
            // A page that says it is none.
            Some(b'<') => Kind::Json,
            _ if said.contains("csv") || said.contains("tab-separated") || is_named => Kind::Table("csv"),
            _ => Kind::Json,
        }
    }
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
        let mut reader = Deserializer::from_str(&text);
        let root = match text.trim_start().as_bytes().first() {
            Some(b'<') => return Err(no_page(&html(&text))),
            _ if kind == Kind::JsonLines => return Page::of_lines(text),
            Some(b'[') => Root::List(Vec::deserialize(&mut reader).map_err(fault)?),
            Some(b'{') => Root::Object(Members::deserialize(&mut reader).map_err(fault)?),
            _ => {
                <&RawValue>::deserialize(&mut reader).map_err(fault)?;
                return Err(no_page("its body is neither an object nor an array"));
            }
        };
        match (reader.end(), &root) {
            (Ok(()), _) => {}
            (Err(error), Root::List(_)) => return Err(fault(error)),
            (Err(_), Root::Object(_)) => {
                drop(root);
                return Page::of_lines(text);
            }
        }
        if let Some(why) = root.error(&text) {
            return Err(Fault::NoPage(why));
        }
        let path = path.map_or_else(|| root.find(), |path| Ok(path.clone()))?;
        let no_list =
            |value: &str| Err(no_page(&format!("records: {path} is no list of records, but {}", shortened(value, 40))));
        let ranges = |list: &[&RawValue]| list.iter().map(|record| range(&text, record.get())).collect();
        let records: Vec<_> = match (&root, root.at(&path.0)) {
            (Root::List(list), None) if path.0.is_empty() => ranges(list),
            (Root::Object(_), None) if path.0.is_empty() && may_be_one => vec![range(&text, text.trim())],
            (Root::Object(_), None) if path.0.is_empty() => return no_list(text.trim()),
            (_, None) => return Err(no_page(&format!("it has no {path}; {}", root.names()))),
            (_, Some(value)) => match value.get().as_bytes().first() {
                Some(b'[') => ranges(&serde_json::from_str::<Vec<&RawValue>>(value.get()).map_err(fault)?),
                Some(b'{') if may_be_one => ranges(&[value]),
                _ => return no_list(value.get()),
            },
        };
        if let Some(other) = records.iter().map(|range| &text[range.clone()]).find(|record| !record.starts_with('{')) {
            let short = shortened(other, 40);
            return Err(no_page(&format!("{path} holds records that are no objects, such as {short}")));
        }
        let members = match &root {
            Root::Object(members) => {
                members.iter().map(|(name, value)| (name.to_string(), range(&text, value.get()))).collect()
            }
            Root::List(_) => HashMap::new(),
        };
        Ok((Page { text, records, members, is_lines: false }, path))
    }
    /// A page of values after each other.
    fn of_lines(text: String) -> Result<(Page, JsonPath), Fault> {
        let mut records = Vec::new();
        for value in Deserializer::from_str(&text).into_iter::<&RawValue>() {
            records.push(range(&text, value.map_err(fault)?.get()));
        }
        Ok((Page { text, records, members: HashMap::new(), is_lines: true }, JsonPath::default()))
    }

    /// A page without records.
    pub(super) fn empty() -> Page {
        Page { text: "[]".to_owned(), records: Vec::new(), members: HashMap::new(), is_lines: false }
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

/// A value of a record as OData writes it in an address, days, moments and GUIDs without quotes; `None` if it has none.
pub(super) fn literal_of(record: &str, name: &str) -> Option<String> {
    let members: Members<'_> = serde_json::from_str(record).ok()?;
    let json = members.get(name)?.get();
    let guid = || serde_json::from_str(json).ok().filter(|text: &String| is_guid(text));
    moment(json).or_else(guid).or_else(|| literal(json)).filter(|text| text != "null")
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

/// Place of a part of a text in it.
fn range(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
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

impl<'a> Root<'a> {
    /// The value at a path; `None` for the whole.
    fn at(&self, path: &[String]) -> Option<&'a RawValue> {
        let (first, rest) = path.split_first()?;
        let value = match self {
            Root::Object(members) => members.get(first.as_str())?,
            Root::List(list) => list.get(first.parse::<usize>().ok()?)?,
        };
        at(value, rest)
    }

    /// Finds the records: the whole if it is a list, else the one list in it, or one level beneath.
    fn find(&self) -> Result<JsonPath, Fault> {
        let Root::Object(top) = self else { return Ok(JsonPath::default()) };
        let is_list = |value: &RawValue| value.get().starts_with('[');
        let mut lists: Vec<_> =
            top.iter().filter(|(_, value)| is_list(value)).map(|(name, _)| vec![name.to_string()]).collect();
        if lists.is_empty() {
            for (name, value) in top.iter().filter(|(_, value)| value.get().starts_with('{')) {
                let inner = members(value).unwrap_or_default();
                let inner = inner.into_iter().filter(|(_, value)| is_list(value));
                lists.extend(inner.map(|(inner, _)| vec![name.to_string(), inner.into_owned()]));
            }
        }
        let usual = |path: &Vec<String>| USUAL.iter().position(|usual| path.last().is_some_and(|last| last == usual));
        lists.sort_by_cached_key(|path| (usual(path).unwrap_or(USUAL.len()), path.clone()));
        let is_clear = match &lists[..] {
            [_] => true,
            [first, second, ..] => usual(first).is_some() && usual(first) != usual(second),
            [] => false,
        };
        if is_clear {
            return Ok(JsonPath(lists.swap_remove(0)));
        }
        if lists.is_empty() {
            return Err(no_page(&format!("it has no array of records; {}: say records: PATH", self.names())));
        }
        let some: Vec<_> = lists.into_iter().map(|path| JsonPath(path).to_string()).collect();
        Err(no_page(&format!(
            "it has several arrays, {}: say which holds the records, such as records: {}",
            some.join(", "),
            some[0]
        )))
    }

    /// The error that a body with status 200 tells; `text` is the body.
    fn error(&self, text: &str) -> Option<String> {
        let Root::Object(top) = self else { return None };
        let is_error = ["error", "errors", "fault"].iter().any(|key| {
            top.get(*key).is_some_and(|value| !matches!(value.get(), "null" | "false" | "[]" | "\"\"" | "{}" | "0"))
        });
        let json: Json = if is_error { serde_json::from_str(text).ok()? } else { return None };
        Some(format!("it answers with an error: {}", message(&json).unwrap_or_else(|| "without a message".to_owned())))
    }

    /// The names of a body's members, in words.
    fn names(&self) -> String {
        let Root::Object(top) = self else { return "it is no object".to_owned() };
        let mut names: Vec<_> = top.keys().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names.truncate(20);
        if names.is_empty() { "it is an empty object".to_owned() } else { format!("it has {}", names.join(", ")) }
    }
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
        assert!(why(r#"[{"a": 1}] {"a": 2}"#, None).starts_with("its body is no JSON: trailing characters"));
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
