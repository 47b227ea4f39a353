//! Patterns of file names: a letter and its mark, two signs in macOS's file names, are the composed letter (NFC).

use globset::{Glob, GlobMatcher};

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
    /// A text that is no glob.
    pub(super) fn new(text: &str) -> Result<FilePattern, globset::Error> {
        let glob = Glob::new(&composed(text))?.compile_matcher();
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
