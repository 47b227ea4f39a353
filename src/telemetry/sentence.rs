//! A line of the log as people read it: its sentence where it has one, else its message between the file that it tells of and the rest.

use std::borrow::Cow;
use std::fmt::Debug;

use tracing::field::{Field, Visit};

/// The field whose text is the whole line for people, instead of message and fields. Programs get those, and not this one.
pub(super) const SENTENCE: &str = "sentence";

/// A name or value within a sentence: in quotes where it might be taken for more than one word of it.
///
/// ```
/// assert_eq!(sluice::telemetry::named("stock.csv"), "stock.csv");
/// assert_eq!(sluice::telemetry::named("our stock.csv"), "\"our stock.csv\"");
/// ```
pub fn named(name: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "._-/+@#%~*:".contains(letter);
    if !name.is_empty() && name.chars().all(is_plain) { name.into() } else { format!("{name:?}").into() }
}

/// A time in milliseconds: `3 ms`, `12.3 s`.
pub fn took(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", milliseconds as f64 / 1000.0),
    }
}

/// The parts of an event.
#[derive(Default)]
pub(super) struct Said {
    sentence: Option<String>,
    message: String,
    file: Option<String>,
    rest: Vec<String>,
    load: Option<String>,
    took: Option<String>,
}

impl Said {
    /// On one line: `stock.csv: a new column (table stock, column size, load 16)`.
    pub(super) fn line(self) -> String {
        if let Some(sentence) = self.sentence {
            return sentence;
        }
        let mut line = self.file.map(|file| format!("{file}: ")).unwrap_or_default() + &self.message;
        let rest: Vec<_> = self.rest.into_iter().chain(self.load).chain(self.took).collect();
        if !rest.is_empty() {
            line += &format!(" ({})", rest.join(", "));
        }
        line
    }

    fn take(&mut self, name: &str, value: String) {
        match name {
            SENTENCE => self.sentence = Some(value),
            "message" => self.message = value,
            "file.path" => self.file = Some(value),
            "load.id" => self.load = Some(format!("load {value}")),
            "took_ms" => self.took = Some(value.parse().map_or(value, took)),
            // The place in the code, of lines that come by the crate log.
            _ if name.starts_with("log.") => {}
            _ => self.rest.push(format!("{} {value}", name.trim_start_matches("r#").replace('_', " "))),
        }
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_text = matches!(field.name(), SENTENCE | "message");
        self.take(field.name(), if is_text { value.to_owned() } else { named(value).into_owned() });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_more_is_in_quotes() {
        for plain in ["stock.csv", "bundle.zip/Umsätze_2026-11.csv", "postgres://host/db", "売上.csv", "p*.csv"] {
            assert_eq!(named(plain), plain);
        }
        assert_eq!(named("x.csv: 3 rows"), r#""x.csv: 3 rows""#);
        assert_eq!(named("a\"b\n"), r#""a\"b\n""#);
        assert_eq!(named(""), r#""""#);
    }

    #[test]
    fn fields_stand_behind_the_message() {
        let mut said = Said::default();
        for (name, value) in [("took_ms", "12345"), ("load.id", "16"), ("moved_to", "x"), ("file.path", "n.csv")] {
            said.take(name, value.to_owned());
        }
        said.take("message", "moved".to_owned());
        assert_eq!(said.line(), "n.csv: moved (moved to x, load 16, 12.3 s)");
        assert_eq!(Said { message: "well".to_owned(), ..Said::default() }.line(), "well");
    }
}
