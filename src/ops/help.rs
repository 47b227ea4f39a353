//! The settings, the words of a plugin and those of the files of `sql/`, as tables.

use serde::Serialize;

use crate::dataset::plugin;
use crate::project;
use crate::settings::KNOWN;
use crate::text::yaml_fault::{Level, Vocabulary, Word};

/// The tables of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Every setting.
    Settings,
    /// Every key of a `plugin.yaml`.
    Plugin,
    /// Every word of a header in `sql/pipeline/` and `sql/analysis/`.
    Star,
}

/// All that is known of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The heading.
    pub title: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// The tables, in the order in which they are read.
    pub tables: Vec<ReferenceTable>,
}

/// A table of a reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReferenceTable {
    /// Its heading; empty where it is the only one.
    pub title: String,
    /// The names of its columns.
    pub columns: Vec<&'static str>,
    /// A cell for each column.
    pub rows: Vec<Vec<String>>,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 3] = [Topic::Settings, Topic::Plugin, Topic::Star];

    /// As it is asked for.
    pub fn word(self) -> &'static str {
        match self {
            Topic::Settings => "settings",
            Topic::Plugin => "plugin",
            Topic::Star => "star",
        }
    }

    /// All that is known of it.
    pub fn reference(self) -> Reference {
        match self {
            Topic::Settings => Reference {
                title: "Settings",
                about: "A setting is a variable of the environment or a line of .env; NAME_FILE names a file that holds the value.",
                tables: vec![settings()],
            },
            Topic::Plugin => Reference {
                title: "Keys of a plugin",
                about: "A plugin is a file plugins/NAME/plugin.yaml; what it does not say is found out.",
                tables: plugin_tables(),
            },
            Topic::Star => Reference {
                title: "Words of the headers in sql/",
                about: "A file of sql/ begins with a comment /* ... */ that holds these words in YAML.",
                tables: header_tables(),
            },
        }
    }
}

impl Reference {
    /// The page in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", self.title, self.about);
        for ReferenceTable { title, columns, rows } in &self.tables {
            if !title.is_empty() {
                text += &format!("\n## {title}\n");
            }
            text += &format!("\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
            let is_code: Vec<_> = columns.iter().map(|column| CODE.contains(column)).collect();
            for row in rows {
                let cells = row.iter().zip(&is_code).map(|(cell, is_code)| match cell.replace('|', "\\|") {
                    cell if *is_code && !cell.is_empty() => format!("`{cell}`"),
                    cell => cell.replace('<', "&lt;").replace('*', "\\*"),
                });
                text += &format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
            }
        }
        text
    }
}

/// The columns whose cells are written as they stand there.
const CODE: [&str; 4] = ["setting", "key", "word", "example"];

fn settings() -> ReferenceTable {
    let row = |known: &crate::settings::Known| [known.name, known.default, known.values, known.about];
    ReferenceTable {
        title: String::new(),
        columns: vec!["setting", "default", "values", "what it is for"],
        rows: KNOWN.iter().map(|known| row(known).map(str::to_owned).to_vec()).collect(),
    }
}

fn plugin_tables() -> Vec<ReferenceTable> {
    let row = |word: &Word| [word.name, word.takes, word.default, word.example, word.about].map(str::to_owned).to_vec();
    let table = |title: String, level: &Level| ReferenceTable {
        title,
        columns: vec!["key", "takes", "default", "example", "what it says"],
        rows: level.words.iter().map(row).collect(),
    };
    let of_today = plugin::VOCABULARY.levels.iter().map(|level| match level.above {
        "" => table("Of the files".to_owned(), level),
        above => table(format!("Of {above}"), level),
    });
    let older = plugin::OLDER.levels.iter().map(|level| match level.above {
        "" => table("Of the older form".to_owned(), level),
        above => table(format!("Of the older form, {above}"), level),
    });
    of_today.chain(older).collect()
}

fn header_tables() -> Vec<ReferenceTable> {
    let outermost = |word: &Word| {
        if word.name == "kind" {
            return "every file (must)".to_owned();
        }
        let kinds = project::kinds_with(word.name).into_iter();
        kinds
            .map(|(kind, must)| if must { format!("{kind} (must)") } else { kind.to_owned() })
            .collect::<Vec<_>>()
            .join(", ")
    };
    [
        of_headers("sql/pipeline/", &project::VOCABULARY, &outermost),
        of_headers("sql/analysis/", &project::QUESTION_VOCABULARY, &|_| "a question".to_owned()),
    ]
    .into()
}

fn of_headers(folder: &str, words: &Vocabulary, outermost: &dyn Fn(&Word) -> String) -> ReferenceTable {
    let rows = words.levels.iter().flat_map(|level| {
        level.words.iter().map(|word| {
            let place = if level.above.is_empty() { outermost(word) } else { format!("beneath {}", level.above) };
            let cells = [word.name, &place, word.takes, word.default, word.example, word.about];
            cells.map(str::to_owned).to_vec()
        })
    });
    ReferenceTable {
        title: format!("Files of {folder}"),
        columns: vec!["word", "where", "takes", "default", "example", "what it says"],
        rows: rows.collect(),
    }
}
