//! One record's text as names and values.

use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// What joins the names of nested objects.
pub const JOINT: &str = "__";

/// The column of records that are no objects.
const VALUE: &str = "value";

/// The names and values of a record; values of `null` are `None`.
pub(super) fn flatten(text: &[u8], cells: &mut Vec<(String, Option<String>)>) -> Result<(), String> {
    let value: &RawValue = serde_json::from_slice(text).map_err(|error| error.to_string())?;
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
    let Pairs(pairs) = serde_json::from_str(value.get()).map_err(|error| error.to_string())?;
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
        text if text.starts_with('"') => Some(serde_json::from_str::<String>(text).map_err(|error| error.to_string())?),
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
