//! One record's text as names and values.

use std::borrow::Cow;

use serde::de::{Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::record::JOINT;
use crate::schema::MAX_TABLE_COLUMNS;

/// The column for records that are no objects.
const VALUE: &str = "value";

/// A name with those of the objects around it, in bytes, at most.
pub(super) const MAX_NAME: usize = 64 * 1024;

/// All names of one record, in bytes, at most.
const MAX_NAMES: usize = 1024 * 1024;

/// Objects within one another, lists aside, at most.
const MAX_NESTED: usize = 64;

/// Keys that an object usually has, at most.
const USUAL_KEYS: usize = 16;

/// A name and its value, `None` for `null`; both are parts of the record's text unless they are escaped there.
pub(super) type Leaf<'a> = (Cow<'a, str>, Option<Cow<'a, str>>);

/// Names and values, up to the limits of a table.
pub(super) struct Leaves<'a> {
    pub(super) cells: Vec<Leaf<'a>>,
    /// Bytes of the names.
    names: usize,
    arrays: bool,
}

impl<'a> Leaves<'a> {
    /// Leaves with room for this many.
    pub(super) fn with_capacity(cells: usize) -> Self {
        Leaves { cells: Vec::with_capacity(cells), names: 0, arrays: true }
    }

    /// Leaves without arrays.
    pub(super) fn without_arrays() -> Self {
        Leaves { arrays: false, ..Leaves::with_capacity(0) }
    }

    /// Adds the names and values of a record.
    pub(super) fn record(&mut self, text: &'a [u8]) -> Result<(), String> {
        // Each level reads what is in it once more.
        if is_too_deep(text) {
            return Err(too_deep());
        }
        match std::str::from_utf8(text) {
            Ok(text) if text.starts_with('{') => return self.object("", text, 0),
            _ => {}
        }
        let value: &RawValue = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if value.get().starts_with('{') {
            self.object("", value.get(), 0)
        } else {
            self.leaf(Cow::Borrowed(VALUE), value)
        }
    }

    /// Adds the names and values of one key's value.
    pub(super) fn member(&mut self, key: &'a str, text: &'a [u8]) -> Result<(), String> {
        let value: &RawValue = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        self.value(Cow::Borrowed(key), value, 0)
    }

    fn value(&mut self, name: Cow<'a, str>, value: &'a RawValue, depth: usize) -> Result<(), String> {
        if value.get().starts_with('{') && value.get() != "{}" {
            self.object(&name, value.get(), depth + 1)
        } else if value.get().starts_with('[') && !self.arrays {
            Ok(())
        } else {
            self.leaf(name, value)
        }
    }

    fn object(&mut self, prefix: &str, text: &'a str, depth: usize) -> Result<(), String> {
        if depth > MAX_NESTED {
            return Err(too_deep());
        }
        let Pairs(pairs) = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (Key(key), value) in pairs {
            if prefix.len() + JOINT.len() + key.len() > MAX_NAME {
                return Err(format!("a key, with those around it, is longer than {MAX_NAME} bytes"));
            }
            let name = if prefix.is_empty() { key } else { Cow::Owned(format!("{prefix}{JOINT}{key}")) };
            self.value(name, value, depth)?;
        }
        Ok(())
    }

    fn leaf(&mut self, name: Cow<'a, str>, value: &'a RawValue) -> Result<(), String> {
        self.names += name.len();
        if self.cells.len() == MAX_TABLE_COLUMNS {
            return Err(too_many_keys());
        }
        if self.names > MAX_NAMES {
            return Err(format!("its keys, each with those around it, are longer than {MAX_NAMES} bytes together"));
        }
        let text = match value.get() {
            "null" => None,
            text if text.starts_with('"') => Some(match text.get(1..text.len() - 1) {
                Some(inner) if memchr::memchr(b'\\', inner.as_bytes()).is_none() => Cow::Borrowed(inner),
                _ => Cow::Owned(serde_json::from_str::<String>(text).map_err(|error| error.to_string())?),
            }),
            text => Some(Cow::Borrowed(text)),
        };
        self.cells.push((name, text));
        Ok(())
    }
}

fn too_deep() -> String {
    format!("objects are nested more than {MAX_NESTED} deep")
}

/// True if objects stand within one another too deep, lists aside: told in one look at each byte.
fn is_too_deep(text: &[u8]) -> bool {
    if memchr::memchr_iter(b'{', text).nth(MAX_NESTED + 1).is_none() {
        return false;
    }
    let (mut objects, mut lists, mut quoted, mut escaped) = (0_usize, 0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' => lists += 1,
            b']' => lists = lists.saturating_sub(1),
            b'{' if lists == 0 => objects += 1,
            b'}' if lists == 0 => objects = objects.saturating_sub(1),
            _ => {}
        }
        // An empty object is a value.
        if objects > MAX_NESTED + 1 && text.get(at + 1) != Some(&b'}') {
            return true;
        }
    }
    false
}

fn too_many_keys() -> String {
    format!("it has more than {MAX_TABLE_COLUMNS} keys, as many columns as a table has at most")
}

/// A key, borrowed from the text if nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object's keys in their order, with repeated ones; no more than a table has columns.
struct Pairs<'a>(Vec<(Key<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Collect<'a> {
            type Value = Pairs<'a>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'a>, A::Error> {
                let mut pairs = Vec::with_capacity(USUAL_KEYS);
                while let Some(pair) = map.next_entry()? {
                    if pairs.len() == MAX_TABLE_COLUMNS {
                        return Err(A::Error::custom(too_many_keys()));
                    }
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_that_is_told_at_once_is_the_one_that_is_read() {
        let nested = |objects: usize, inner: &str| {
            let open = "{\"a{[\\\"\":".repeat(objects);
            format!("{open}{inner}{}", "}".repeat(objects))
        };
        let lists = format!("{{\"a\":[{}]}}", "{},".repeat(99) + "[{\"b\":{}}]");
        for (text, expected) in [
            (nested(MAX_NESTED + 1, "1"), false),
            (nested(MAX_NESTED + 1, "{}"), false),
            (nested(MAX_NESTED + 2, "1"), true),
            (nested(120, "[{}]"), true),
            (lists, false),
        ] {
            assert_eq!(is_too_deep(text.as_bytes()), expected, "{text}");
            let object = Leaves::with_capacity(0).object("", &text, 0);
            assert_eq!(object.is_err(), expected, "{text} {object:?}");
        }
    }
}
