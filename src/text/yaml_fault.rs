//! Faults of a text in YAML, in words for its author: the reader's own are for programmers.

use serde_saphyr::Error;

use crate::text::nearest;

/// The words that a text may have: what its reader takes, what is said of a fault, and what the reference shows.
pub(crate) struct Vocabulary {
    /// The outermost first.
    pub(crate) levels: &'static [Level],
    /// An example of a text.
    pub(crate) example: &'static str,
}

/// Words that stand beneath the same one.
pub(crate) struct Level {
    /// The word that they stand beneath, as it is said; empty for the outermost.
    pub(crate) above: &'static str,
    /// In the order of the reference.
    pub(crate) words: &'static [Word],
}

/// One word.
pub(crate) struct Word {
    /// As it is written.
    pub(crate) name: &'static str,
    /// Its value, as it is said behind "takes".
    pub(crate) takes: &'static str,
    /// The value where nothing is said; empty where that is none.
    pub(crate) default: &'static str,
    /// A line with it.
    pub(crate) example: &'static str,
    /// Its meaning, in one line.
    pub(crate) about: &'static str,
}

/// A word as a row of a table: name, what it takes, default, example, meaning.
pub(crate) const fn word(row: [&'static str; 5]) -> Word {
    let [name, takes, default, example, about] = row;
    Word { name, takes, default, example, about }
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
                let word = word.map_or_else(String::new, |word| format!("{}: ", word.name));
                alone(format!("{word}{variant} is none of {}{hint}", expected.join(", ")))
            }
            Error::SerdeMissingField { field, .. } => match word.filter(|_| !self.is_outermost(field)) {
                Some(Word { name, takes, .. }) => alone(format!("{name} lacks {field}: it takes {takes}")),
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
                None if yaml.matches('"').count() % 2 == 1 => whole("a \" is opened and never closed".to_owned()),
                None => {
                    let msg = msg.replace("scalar", "text").replace("mapping values", "words with values");
                    whole(format!(
                        "this is no YAML: {}",
                        msg.replace("sequence", "list").replace("mapping", "words with values")
                    ))
                }
            },
            _ => match word {
                Some(Word { name, takes, .. }) => alone(format!("{name} takes {takes}")),
                None => whole(format!("words with values are expected; such as {}", self.example)),
            },
        }
    }

    fn unknown(&self, field: &str, expected: &[&str]) -> String {
        let has = |level: &&Level| level.words.iter().any(|word| word.name == field);
        let above: Vec<_> = self.levels.iter().skip(1).filter(has).map(|level| level.above).collect();
        let is_outside = expected.first().is_some_and(|first| self.is_outermost(first));
        let is_near = expected.iter().any(|one| strsim::osa_distance(field, one) == 1);
        let hint = match above.is_empty() {
            false if is_outside && !is_near => format!("; it stands beneath {}", above.join(" or ")),
            true if !is_outside && self.is_outermost(field) => {
                "; it stands at the beginning of a line of its own, beneath nothing".to_owned()
            }
            _ => match nearest(field, expected.iter().copied()) {
                none if none.is_empty() => format!("; the words here are {}", expected.join(", ")),
                hint => hint,
            },
        };
        format!("unknown word {field}{hint}")
    }

    fn is_outermost(&self, name: &str) -> bool {
        self.levels.first().is_some_and(|level| level.words.iter().any(|word| word.name == name))
    }

    /// The word that a line begins with: where the line is indented, rather that of a level beneath.
    fn begins(&self, line: &str) -> Option<&'static Word> {
        let inner = line.trim_start();
        let mut found = self.words().filter(|word| begins_with(inner, word.name));
        if inner.len() < line.len() { found.last() } else { found.next() }
    }

    /// The word whose value stands at a place: the last one before it on the line, or else that of a line above which is indented less.
    fn word_at(&self, yaml: &str, line: usize, column: usize) -> Option<&'static Word> {
        let lines: Vec<_> = yaml.lines().take(line).collect();
        let (last, above) = lines.split_last()?;
        let before: String = last.chars().take(column).collect();
        let on_line = self.words().filter_map(|word| Some((place_of(&before, word.name)?, word)));
        // The last of several at the same place is the innermost.
        match on_line.max_by_key(|(place, _)| *place) {
            Some((0, _)) => return self.begins(last),
            Some((_, word)) => return Some(word),
            None => {}
        }
        let mut indent = indent_of(last);
        if let Some(word) = self.begins(last) {
            return Some(word);
        }
        for line in above.iter().rev().filter(|line| !line.trim().is_empty()) {
            if indent_of(line) < indent || line.trim_start().starts_with('-') {
                indent = indent_of(line);
                if let Some(word) = self.begins(line) {
                    return Some(word);
                }
            }
        }
        None
    }

    fn words(&self) -> impl Iterator<Item = &'static Word> + use<> {
        self.levels.iter().flat_map(|level| level.words)
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
    line.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with(':'))
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The first line that is indented with a tab.
fn tab(yaml: &str) -> Option<u64> {
    let is = |line: &str| line[..indent_of(line)].contains('\t');
    yaml.lines().position(is).map(|place| place as u64 + 1)
}

/// Asserts that a level has the words that the reader of `T` takes, and no other.
#[cfg(test)]
pub(crate) fn same_words<T: serde::de::DeserializeOwned + std::fmt::Debug>(level: &Level) {
    let error = serde_saphyr::from_str::<T>("no such word: 1").unwrap_err();
    let Error::SerdeUnknownField { expected, .. } = error.without_snippet() else { panic!("{error:?}") };
    let mut taken = expected.to_vec();
    let mut listed: Vec<_> = level.words.iter().map(|word| word.name).collect();
    taken.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, taken);
}
