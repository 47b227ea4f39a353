//! Values that are never shown: those of variables that a plugin takes by `!env NAME`, and what may be a password in an address. Whatever people
//! read of this process's doings goes by [`hidden`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// A value that is shorter says little, and stands in too many other words.
const SHORTEST: usize = 4;

/// The values, with what is shown in their place. The process's, as its log is.
static KNOWN: RwLock<BTreeMap<String, String>> = RwLock::new(BTreeMap::new());

/// From now on `shown` stands wherever the value would.
pub fn keep(value: &str, shown: &str) {
    if value.chars().count() >= SHORTEST {
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms(value) {
            known.insert(form, shown.to_owned());
        }
    }
}

/// A text without the values that are kept secret.
pub fn hidden(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    without(text, known.iter().map(|(value, shown)| (value.as_str(), shown.as_str())))
}

/// Every text in a JSON value without them.
pub fn hide_in(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            if let Cow::Owned(without) = hidden(text) {
                *text = without;
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(hide_in),
        serde_json::Value::Object(object) => object.values_mut().for_each(hide_in),
        _ => {}
    }
}

/// A text without these values; a value is found where it is no part of a longer word.
pub fn without<'v>(text: &str, values: impl Iterator<Item = (&'v str, &'v str)>) -> Cow<'_, str> {
    let mut values: Vec<_> = values.filter(|(value, _)| !value.is_empty() && text.contains(value)).collect();
    if values.is_empty() {
        return Cow::Borrowed(text);
    }
    // One that is within another one is found after it.
    values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    let (mut left, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(next) = rest.chars().next() {
        let before = left.chars().next_back();
        let found = values.iter().find(|(value, _)| {
            rest.strip_prefix(value).is_some_and(|after| {
                let (first, last) = (value.chars().next(), value.chars().next_back());
                !(goes_on(before) && goes_on(first) || goes_on(last) && goes_on(after.chars().next()))
            })
        });
        match found {
            Some((value, shown)) => {
                left.push_str(shown);
                rest = &rest[value.len()..];
            }
            None => {
                left.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    Cow::Owned(left)
}

fn goes_on(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
}

/// A value as it is, and as it is written by others: without blanks around it, in quotes, in small letters, each of its lines.
pub fn forms(value: &str) -> Vec<String> {
    let quoted = format!("{value:?}");
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut forms = vec![value.to_owned(), value.to_lowercase(), value.trim().to_owned()];
    forms.extend([quoted, json].iter().map(|text| text[1..text.len().max(2) - 1].to_owned()));
    forms.push(crate::shown::shown(value).into_owned());
    forms.push(crate::shown::lines(value).into_owned());
    // As the reader of YAML repeats a word that turns the direction of writing.
    let turns = |letter: char| matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let embeds = |letter: char| turns(letter) && !matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}');
    forms.extend(
        [value.replace(turns, "\u{FFFD}"), value.replace(embeds, "\u{FFFD}")]
            .iter()
            .map(|text| crate::shown::shown(text).into_owned()),
    );
    forms.sort();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_hidden_in_every_form_and_never_within_a_word() {
        let one = |text: &str, value: &str| {
            let forms = forms(value);
            without(text, forms.iter().map(|form| (form.as_str(), "!env S"))).into_owned()
        };
        assert_eq!(one("x: hunter2, \"hunter2\"", "hunter2"), "x: !env S, \"!env S\"");
        assert_eq!(one("hunter2", "Hunter2"), "!env S");
        assert_eq!(one("hunter22 hunter2_x xhunter2", "hunter2"), "hunter22 hunter2_x xhunter2");
        assert_eq!(one(r#"no "a \"b\" c" here"#, "a \"b\" c"), "no \"!env S\" here");
        assert_eq!(one("of a\\nb", "a\nb"), "of !env S");
        assert_eq!(one("-> $a$ <-", "$a$"), "-> !env S <-");
        assert_eq!(one("päss wort", "päss wort"), "!env S");
    }

    #[test]
    fn short_values_are_let_be() {
        keep("yes", "***");
        keep("a value kept by this test", "!env KEPT");
        assert_eq!(hidden("yes, a value kept by this test"), "yes, !env KEPT");
        let mut json = serde_json::json!({"a": ["a value kept by this test", 1]});
        hide_in(&mut json);
        assert_eq!(json, serde_json::json!({"a": ["!env KEPT", 1]}));
    }
}
