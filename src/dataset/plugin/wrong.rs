//! Faulty plugins: the files that one may claim are held back until it is right, or gone.

use serde::Deserialize;

use super::pattern::FilePattern;
use super::{PluginError, Plugins, Variable, yaml};
use crate::dataset::Dataset;
use crate::schema::table_name;

/// A faulty plugin.
#[derive(Clone, Debug)]
pub(super) struct WrongPlugin {
    pub(super) error: PluginError,
    /// Patterns of its last version without an error, in this process.
    known: Vec<FilePattern>,
    /// Patterns that can be read in spite of the error.
    readable: Vec<FilePattern>,
    /// Table that it is held to be of if no files are known: its folder's name.
    table: Option<String>,
    /// True if it may claim everything, because not even its folder is known.
    all: bool,
}

/// The only key that is read from a faulty text.
#[derive(Deserialize)]
struct Files {
    files: Vec<String>,
}

impl WrongPlugin {
    /// Reads what it can of the plugin with this text.
    pub(super) fn new(error: PluginError, text: &str, variable: &Variable<'_>, before: &Plugins) -> WrongPlugin {
        let right = before.right.iter().find(|plugin| plugin.path == error.path).map(|plugin| &plugin.files);
        let wrong = before.wrong.iter().find(|plugin| plugin.error.path == error.path).map(|plugin| &plugin.known);
        let known = right.or(wrong).cloned().unwrap_or_default();
        let readable = readable(text, variable);
        let folder = error.path.parent().and_then(|folder| folder.file_name());
        let table = folder.filter(|_| known.is_empty() && readable.is_empty());
        let table = table.map(|name| table_name(&name.to_string_lossy()));
        WrongPlugin { error, known, readable, table, all: false }
    }

    /// The faulty plugin of a folder that cannot be read.
    pub(super) fn of_folder(error: PluginError) -> WrongPlugin {
        WrongPlugin { error, known: Vec::new(), readable: Vec::new(), table: None, all: true }
    }

    /// True if it may claim a file, or a part of one, of this name.
    pub(super) fn claims(&self, name: &str) -> bool {
        self.all
            || self.known.iter().chain(&self.readable).any(|glob| glob.is_match(name))
            || self.table.as_ref().is_some_and(|table| Dataset::of_file(name).table == *table)
    }
}

/// The globs in a text that is faulty elsewhere: as YAML, or else by the lines of `files` alone.
fn readable(text: &str, variable: &Variable<'_>) -> Vec<FilePattern> {
    let filled = yaml::filled(text, variable).unwrap_or_else(|_| text.to_owned());
    let of = |text: &str| serde_saphyr::from_str::<Files>(text).ok();
    let found = of(&filled).or_else(|| of(&lines_of_files(&filled)));
    let globs = found.into_iter().flat_map(|found| found.files);
    globs.filter_map(|glob| FilePattern::new(&glob).ok()).collect()
}

/// The line `files:` and those below it that belong to it.
fn lines_of_files(text: &str) -> String {
    let is_key = |line: &str| line.starts_with(|letter: char| letter.is_alphabetic());
    let mut lines = text.lines().skip_while(|line| !line.starts_with("files"));
    let first = lines.next().unwrap_or_default();
    let rest = lines.take_while(|line| !is_key(line));
    [first].into_iter().chain(rest).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(text: &str) -> Vec<String> {
        readable(text, &|_| Ok(None)).iter().map(|pattern| pattern.text().to_owned()).collect()
    }

    #[test]
    fn files_are_read_in_spite_of_what_is_wrong_elsewhere() {
        for text in [
            "name: x\nfiles: [\"a*.csv\", b]\nmode: upsrt\n",
            "name: x\nfiles:\n  - \"a*.csv\"\n  - b\nmodee: 1\n",
            "name: x\nfiles: [\"a*.csv\", b]\nkey: [id\n",
            "name: \"x\nfiles:\n- \"a*.csv\"\n- b\ntable: {\n",
            "files: [\"a*.csv\", b]\ntable: !env NOT_SET\n",
        ] {
            assert_eq!(globs(text), ["a*.csv", "b"], "{text}");
        }
        assert!(globs("name: x\nfiles: [\"a*\n").is_empty());
        assert!(globs("nothing").is_empty());
    }
}
