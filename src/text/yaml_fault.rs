//! Faults of a text in YAML, in words for its author: the reader's own are for programmers.

use serde_saphyr::Error;

use crate::text::nearest;

/// The words that a text may have.
pub(crate) struct Vocabulary {
    /// The value that each word takes, as a message says it.
    pub(crate) takes: &'static [(&'static str, &'static str)],
    /// Words that stand beneath another one, with that one.
    pub(crate) beneath: &'static [(&'static [&'static str], &'static str)],
    /// An example of a text.
    pub(crate) example: &'static str,
}

/// A fault and its place.
pub(crate) struct Fault {
    /// The line, from 1; `None` if the fault is not one line's.
    pub(crate) line: Option<u64>,
    /// The fault in words.
    pub(crate) why: String,
    /// True if the rest can be read without that line.
    pub(crate) is_alone: bool,
}

impl Vocabulary {
    /// The reader's error on this text as a fault.
    pub(crate) fn fault(&self, error: &Error, yaml: &str) -> Fault {
        let error = error.without_snippet();
        let (line, column) = match error.location() {
            Some(place) => (Some(place.line()), place.column() as usize),
            None => (None, 0),
        };
        let alone = |why| Fault { line, why, is_alone: true };
        let whole = |why| Fault { line, why, is_alone: false };
        let word = line.and_then(|line| self.word_at(yaml, line as usize, column));
        match error {
            Error::SerdeUnknownField { field, expected, .. } => alone(self.unknown(field, expected)),
            Error::SerdeUnknownVariant { variant, expected, .. } if variant != "~" => {
                let hint = nearest(variant, expected.iter().copied());
                let word = word.map_or_else(String::new, |(word, _)| format!("{word}: "));
                alone(format!("{word}{variant} is none of {}{hint}", expected.join(", ")))
            }
            Error::SerdeMissingField { field, .. } => match word.filter(|_| !self.is_outermost(field)) {
                Some((word, takes)) => alone(format!("{word} lacks {field}: it takes {takes}")),
                None => whole(format!("{field} is missing; such as {}", self.example)),
            },
            Error::DuplicateMappingKey { key, .. } => {
                alone(format!("{} stands here twice", key.as_deref().unwrap_or("a word")))
            }
            Error::Eof { .. } => whole(format!("nothing stands in it; such as {}", self.example)),
            Error::MultipleDocuments { .. } => whole("--- begins another text in YAML: leave it out".to_owned()),
            Error::UnknownAnchor { .. } => {
                whole("* has a meaning of its own in YAML: put the value in quotes".to_owned())
            }
            Error::ExternalMessage { msg, .. } => match tab(yaml) {
                Some(line) => {
                    let why = "YAML is indented with blanks, and this line with a tab".to_owned();
                    Fault { line: Some(line), why, is_alone: false }
                }
                None => whole(format!("this is no YAML: {msg}")),
            },
            _ => match word {
                Some((word, takes)) => alone(format!("{word} takes {takes}")),
                None => whole(format!("words with values are expected; such as {}", self.example)),
            },
        }
    }

    fn unknown(&self, field: &str, expected: &[&str]) -> String {
        let home = self.beneath.iter().find(|(words, _)| words.contains(&field));
        let is_outside = expected.first().is_some_and(|first| self.is_outermost(first));
        let is_near = expected.iter().any(|one| strsim::osa_distance(field, one) == 1);
        let hint = match home {
            Some((_, above)) if is_outside && !is_near => format!("; it stands beneath {above}"),
            None if !is_outside && self.takes.iter().any(|(word, _)| *word == field) => {
                "; it stands at the beginning of a line of its own, beneath nothing".to_owned()
            }
            _ => match nearest(field, expected.iter().copied()) {
                none if none.is_empty() => format!("; the words here are {}", expected.join(", ")),
                hint => hint,
            },
        };
        format!("unknown word {field}{hint}")
    }

    fn is_outermost(&self, word: &str) -> bool {
        !self.beneath.iter().any(|(words, _)| words.contains(&word))
    }

    /// The word whose value stands at a place: the last one before it on the line, or else the word of a line above
    /// that is indented less.
    fn word_at(&self, yaml: &str, line: usize, column: usize) -> Option<(&'static str, &'static str)> {
        let lines: Vec<_> = yaml.lines().take(line).collect();
        let (last, above) = lines.split_last()?;
        let before: String = last.chars().take(column).collect();
        let on_line = self.takes.iter().filter_map(|found| Some((place_of(&before, found.0)?, found)));
        if let Some((_, found)) = on_line.max_by_key(|(place, _)| *place) {
            return Some(*found);
        }
        let mut indent = indent_of(last);
        let first = self.takes.iter().find(|(word, _)| begins_with(last, word));
        if first.is_some() {
            return first.copied();
        }
        for line in above.iter().rev().filter(|line| !line.trim().is_empty()) {
            if indent_of(line) < indent || line.trim_start().starts_with('-') {
                indent = indent_of(line);
                let found = self.takes.iter().find(|(word, _)| begins_with(line, word));
                if found.is_some() {
                    return found.copied();
                }
            }
        }
        None
    }
}

/// The last place of a word with its colon in a line.
fn place_of(line: &str, word: &str) -> Option<usize> {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let found = line.match_indices(word).filter(|(place, _)| {
        !line[..*place].ends_with(is_word) && line[place + word.len()..].trim_start().starts_with(':')
    });
    found.map(|(place, _)| place).last()
}

/// True if a line begins with a word and its colon.
fn begins_with(line: &str, word: &str) -> bool {
    line.trim_start().strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with(':'))
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The first line that is indented with a tab.
fn tab(yaml: &str) -> Option<u64> {
    let is = |line: &str| line[..indent_of(line)].contains('\t');
    yaml.lines().position(is).map(|place| place as u64 + 1)
}
