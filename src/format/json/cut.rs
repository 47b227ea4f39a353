//! Where JSON's records are and where one ends, by brackets and quotes alone.

use serde::{Deserialize, Serialize};

/// Where the records of a JSON file are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Number of bytes of the value that the text begins with; `None` when it does not end within it. `complete` says that no more
/// comes. Only brackets and quotes are looked at: whether it is JSON shows when it is read.
pub(super) fn end_of_value(text: &[u8], complete: bool) -> Option<usize> {
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
pub(super) fn place(head: &[u8]) -> Place {
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
pub(super) fn array_under(text: &[u8], wanted: &str) -> Option<usize> {
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
