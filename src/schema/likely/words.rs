//! Words for a likely notation: a hint in one line, and the keys of a plugin.

use super::Likely;
use crate::schema::{Grouping, Notation, NumberNotation, Percent, Type};

impl Likely {
    /// One line that hints at the notation of a column.
    pub fn hint(&self, column: &str) -> String {
        let Likely { kind, notation, format, sample } = self;
        let what = match (&notation.number, format, &notation.truth) {
            (Some(number), ..) => match number {
                NumberNotation { percent: Percent::Each, .. } => "percent".to_owned(),
                NumberNotation { currency, .. } if !currency.is_empty() => format!("amounts in {}", currency[0]),
                NumberNotation { decimal: ',', .. } => "decimal commas".to_owned(),
                NumberNotation { grouping: Grouping::By(_), .. } => "grouped digits".to_owned(),
                _ => "numbers with signs as people write them".to_owned(),
            },
            (_, Some(_), _) if *kind == Type::Date => "days".to_owned(),
            (_, Some(_), _) => "days with times".to_owned(),
            (_, _, Some(_)) => "words of truth".to_owned(),
            _ if notation.null.is_empty() => format!("{kind} with blanks around"),
            _ => format!("{kind} with words for NULL"),
        };
        let sample: String = sample.chars().take(40).collect();
        let shown = if sample.is_empty() { String::new() } else { format!(" ({sample})") };
        let mut keys = self.keys();
        if notation.number.as_ref().is_some_and(|number| number.decimal == ',') {
            // With the decimal sign stated, the separator of groups need not be.
            keys.retain(|(key, _)| *key != "thousands");
        }
        let keys: Vec<_> = keys.into_iter().map(|(key, value)| format!("{key}: {}", value.replace('"', "'"))).collect();
        format!("{column} looks like {what}{shown}: \"{}\" would make it {kind}", keys.join(", "))
    }

    /// The keys of a plugin that state it, without the type of numbers and truths; values as JSON writes them.
    pub fn keys(&self) -> Vec<(&'static str, String)> {
        let mut keys = Vec::new();
        if let Some(format) = self.format {
            keys.push(("type", self.kind.word().to_owned()));
            keys.push(("format", quoted(format)));
        }
        keys.extend(self.notation.keys());
        keys
    }
}

impl Notation {
    /// The keys of a plugin that state it, with their values as JSON writes them.
    pub fn keys(&self) -> Vec<(&'static str, String)> {
        let mut keys = Vec::new();
        let list =
            |words: &[String]| format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "));
        if let Some(number) = &self.number {
            let is_plain =
                number.grouping == Grouping::None && number.percent == Percent::No && number.currency.is_empty();
            if number.decimal != '.' || is_plain || number.grouping == Grouping::Any {
                keys.push(("decimal", quoted(&number.decimal.to_string())));
            }
            if let Grouping::By(separator) = number.grouping {
                keys.push(("thousands", quoted(&separator.letter().to_string())));
            }
            if number.percent == Percent::Each {
                keys.push(("percent", "true".to_owned()));
            }
            match number.currency.as_slice() {
                [] => {}
                [sign] => keys.push(("currency", quoted(sign))),
                signs => keys.push(("currency", list(signs))),
            }
        }
        if let Some(words) = &self.truth {
            keys.push(("true", list(&words.yes)));
            keys.push(("false", list(&words.no)));
        }
        if !self.null.is_empty() {
            keys.push(("null", list(&self.null)));
        }
        if self.trim {
            keys.push(("trim", "true".to_owned()));
        }
        keys
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
