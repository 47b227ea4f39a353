//! The lines of the log, and what they say together of each input that was deleted.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

/// A line of the log.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    Gone(DeletionRecord),
    /// Records whose files were brought back into the folder, to be loaded again.
    Back {
        back: Vec<String>,
    },
    /// The log was cut: records of this database's loads up to a number are not there any more.
    Cut {
        cut: i64,
        of: Option<String>,
    },
    /// The tables were dropped on purpose, if there is no list: nothing is expected of the records before. A list is of
    /// an older version, which compared no further back.
    Met {
        #[serde(rename = "met")]
        _server: String,
        lost: Option<Vec<i64>>,
    },
}

/// Record of an input that is deleted.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct DeletionRecord {
    /// Load that brought its rows.
    pub load: i64,
    /// BLAKE3 of its bytes.
    pub hash: String,
    /// Name of the input.
    pub source: String,
    /// The staging table.
    pub table: String,
    /// Server that confirmed the commit.
    pub server: String,
    /// Identity of its catalog; in records of older versions the second of its creation, a number.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word_or_number")]
    pub catalog: Option<String>,
    /// Path in the archive, if it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
    /// Random name of the record; empty in those of older versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// True if the same content in the same table may be another load.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// Names of records whose loads had been lost, and which this load brought again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<String>,
    /// Of a loss: true if the load went into another database than the one that lacks it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
}

impl DeletionRecord {
    /// Name of the record, also of one without a random name.
    pub(super) fn name(&self) -> String {
        match self.note.as_str() {
            "" => format!("{}/{}", self.load, self.hash),
            note => note.to_owned(),
        }
    }

    /// The record of all loads up to this one, which the log has no more.
    pub(super) fn of_cut(load: i64, catalog: Option<String>) -> DeletionRecord {
        let note = format!("cut/{}/{load}", catalog.as_deref().unwrap_or_default());
        let source = format!("load {load} and others before it, whose names are not kept,");
        DeletionRecord { load, source, table: "their tables".to_owned(), catalog, note, ..DeletionRecord::default() }
    }

    /// True if it stands for loads whose records the log has no more.
    pub(super) fn is_cut(&self) -> bool {
        self.hash.is_empty()
    }
}

/// A record, and the loads of the same content that it came after.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) line: DeletionRecord,
    /// Catalog and number of each load.
    pub(super) before: Vec<(Option<String>, i64)>,
}

/// The log as a whole.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// One entry for each input, oldest first.
    pub(super) entries: Vec<Entry>,
    /// Names of the records whose files were brought back.
    pub(super) back: HashSet<String>,
    /// Names of the records whose contents were loaded again.
    pub(super) again: HashSet<String>,
    /// The reason why a part of the log cannot be read.
    pub(super) unread: Option<String>,
}

impl Noted {
    /// Puts the lines together.
    pub(super) fn of(lines: Vec<Line>, unread: Option<String>) -> Noted {
        let mut noted = Noted { unread, ..Noted::default() };
        let (mut entries, mut at): (Vec<Option<Entry>>, HashMap<_, usize>) = (Vec::new(), HashMap::new());
        let mut named: HashMap<String, usize> = HashMap::new();
        let mut cuts: HashMap<Option<String>, i64> = HashMap::new();
        for line in lines {
            match line {
                Line::Met { lost: None, .. } => {
                    let unread = noted.unread.take();
                    (entries, at, named, cuts) = Default::default();
                    noted = Noted { unread, ..Noted::default() };
                }
                Line::Met { .. } => {}
                Line::Back { back } => noted.back.extend(back),
                Line::Cut { cut, of } => {
                    let known = cuts.entry(of).or_default();
                    *known = cut.max(*known);
                }
                Line::Gone(mut line) => {
                    let key = (line.catalog.clone(), line.load, line.hash.clone(), line.table.clone());
                    let mut before = vec![(line.catalog.clone(), line.load)];
                    // The same load, deleted after all, or loaded again under its number.
                    if let Some(older) = at.get(&key).and_then(|at| entries[*at].take()) {
                        line.kept = line.kept.take().or(older.line.kept);
                        before.extend(older.before);
                    }
                    for name in &line.again {
                        if let Some(older) = named.get(name).and_then(|at| entries[*at].take()) {
                            before.extend(older.before);
                        }
                    }
                    noted.again.extend(line.again.iter().cloned());
                    named.insert(line.name(), entries.len());
                    at.insert(key, entries.len());
                    entries.push(Some(Entry { line, before }));
                }
            }
        }
        let cuts =
            cuts.into_iter().map(|(of, cut)| Entry { line: DeletionRecord::of_cut(cut, of), before: Vec::new() });
        noted.entries = cuts.chain(entries.into_iter().flatten()).collect();
        noted
    }

    /// The lines that say of these records, which go, that there were some.
    pub(super) fn cut(&self) -> Vec<Line> {
        let mut cuts: HashMap<&Option<String>, i64> = HashMap::new();
        for Entry { line, .. } in &self.entries {
            let known = cuts.entry(&line.catalog).or_default();
            *known = line.load.max(*known);
        }
        cuts.into_iter().map(|(of, cut)| Line::Cut { cut, of: of.clone() }).collect()
    }
}

/// A word, or the number that older versions wrote.
fn word_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Word(String),
        Number(i64),
    }
    Ok(Option::<Either>::deserialize(from)?.map(|either| match either {
        Either::Word(word) => word,
        Either::Number(number) => number.to_string(),
    }))
}
