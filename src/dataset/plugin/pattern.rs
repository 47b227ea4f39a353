//! Patterns of file names: a letter and its mark, two signs in macOS's file names, are the composed letter (NFC).

use globset::{ErrorKind, Glob, GlobMatcher};

use crate::schema::composed;

/// A pattern of file names, such as `orders_*.csv`.
#[derive(Clone, Debug)]
pub(super) struct FilePattern {
    glob: GlobMatcher,
    /// Text of the pattern.
    text: String,
}

impl FilePattern {
    /// # Errors
    /// A text that is no glob, in words.
    pub(super) fn new(text: &str) -> Result<FilePattern, String> {
        let glob = Glob::new(&composed(text)).map_err(|error| in_words(text, error.kind()))?.compile_matcher();
        Ok(FilePattern { glob, text: text.to_owned() })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_match(&self, name: &str) -> bool {
        self.glob.is_match(&*composed(name))
    }

    /// True if both are the same pattern.
    pub(super) fn is(&self, other: &FilePattern) -> bool {
        self.glob.glob() == other.glob.glob()
    }
}

fn in_words(text: &str, kind: &ErrorKind) -> String {
    let why = match kind {
        ErrorKind::UnclosedClass => "a [ is never closed; for the sign itself write [[]",
        ErrorKind::UnclosedAlternates => "a { is never closed; for the sign itself write [{]",
        ErrorKind::UnopenedAlternates => "a } closes no {; for the sign itself write [}]",
        ErrorKind::InvalidRange(..) => "a range within [ ] ends before it begins",
        ErrorKind::DanglingEscape => "nothing follows its last \\",
        _ => "it is no pattern of names, such as orders_*.csv",
    };
    format!("{text:?}: {why}")
}
