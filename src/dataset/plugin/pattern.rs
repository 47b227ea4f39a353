//! Patterns of file names: letters that were written as a letter and its mark, as macOS does, are the composed letter (NFC).

use globset::{Glob, GlobMatcher};

use crate::schema::composed;

/// A pattern of file names, such as `orders_*.csv`.
#[derive(Clone, Debug)]
pub(super) struct FilePattern {
    glob: GlobMatcher,
    /// As it is written.
    text: String,
}

impl FilePattern {
    /// # Errors
    /// When it is no glob.
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

    /// Whether it is the same pattern as another one.
    pub(super) fn is(&self, other: &FilePattern) -> bool {
        self.glob.glob() == other.glob.glob()
    }
}
