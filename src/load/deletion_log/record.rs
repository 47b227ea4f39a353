//! The lines of the log, and what they say together of each input that was deleted.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

/// A line of the log.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    Gone(DeletionRecord),
    /// A load whose rows are taken back: it is not to come back with its file.
    Retracted {
        retracted: DeletionRecord,
    },
    /// Names of retractions that did not happen, or of which somebody wants the load all the same.
    Stays {
        stays: Vec<String>,
    },
    /// A staging table of this database that was dropped on purpose: nothing is expected of its records before.
    Dropped {
        dropped: String,
        of: Option<String>,
    },
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
    /// Place of the file during the load, which tells the load from another of its number in a restored database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
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
    /// Of a loss: name of a part of the same file whose load was retracted, so that the file is not brought back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// True if the load is no loss: it was retracted, and is there again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retracted: bool,
    /// True if it was retracted with its whole table, which was dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
}

impl DeletionRecord {
    /// Name of the record, also of one without a random name.
    pub(super) fn name(&self) -> String {
        match self.note.as_str() {
            "" => format!("{}/{}", self.load, self.hash),
            note => note.to_owned(),
        }
    }

    /// Name of the file that it was, or was in.
    pub(super) fn file(&self) -> &str {
        self.source.split('/').next().unwrap_or(&self.source)
    }

    /// The record of all loads up to this one, which the log has no more.
    pub(super) fn of_cut(load: i64, catalog: Option<String>) -> DeletionRecord {
        let note = format!("cut/{}/{load}", catalog.as_deref().unwrap_or_default());
        let source = format!("load {load} and others before it, whose names are not kept,");
        DeletionRecord { load, source, table: "their tables".to_owned(), catalog, note, ..DeletionRecord::default() }
    }

    /// True if it is the same load, and not another one of its number after a restore.
    pub(super) fn is_same_load(&self, other: &DeletionRecord) -> bool {
        let of = |line: &DeletionRecord| (line.catalog.clone(), line.load, line.hash.clone(), line.claim.clone());
        of(self) == of(other)
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
    /// Each load, the newest first.
    pub(super) before: Vec<Brought>,
}

/// A load that brought a record's content.
#[derive(Clone, Debug)]
pub(super) struct Brought {
    /// Identity of its catalog.
    pub(super) catalog: Option<String>,
    /// Its number.
    pub(super) load: i64,
    /// Place of the file during the load, if the record has it.
    pub(super) claim: Option<String>,
    /// True if its rows were taken back.
    pub(super) is_taken_back: bool,
    /// True if they went with their table, which was dropped.
    is_dropped: bool,
    /// Name of the retraction that took them back.
    by: Option<String>,
}

impl Brought {
    fn of(line: &DeletionRecord) -> Brought {
        let DeletionRecord { catalog, load, claim, .. } = line.clone();
        Brought { catalog, load, claim, is_taken_back: false, is_dropped: false, by: None }
    }
}

impl Entry {
    /// The entry of a record alone.
    pub(super) fn of(line: DeletionRecord) -> Entry {
        Entry { before: vec![Brought::of(&line)], line }
    }

    /// True if its rows belong into a database: those that its loads brought there, or those of any if none of them went
    /// there, were not all taken back.
    pub(super) fn is_wanted(&self, is_here: impl Fn(&Brought) -> bool) -> bool {
        let mut here = self.before.iter().filter(|one| is_here(one)).peekable();
        match here.peek() {
            Some(_) => here.any(|one| !one.is_taken_back),
            None => self.before.is_empty() || self.before.iter().any(|one| !one.is_taken_back),
        }
    }

    /// Name of the drop of its table, as far as it is about this record.
    fn name_of_drop(&self) -> String {
        format!("dropped/{}", self.line.name())
    }

    /// The loads of these that went with their table.
    pub(super) fn dropped(&self, is_here: impl Fn(&Brought) -> bool) -> impl Iterator<Item = DeletionRecord> {
        let there = self.before.iter().filter(move |one| one.is_dropped && is_here(one));
        there.map(|one| DeletionRecord {
            load: one.load,
            claim: one.claim.clone(),
            catalog: one.catalog.clone(),
            note: self.name_of_drop(),
            kept: None,
            dropped: true,
            ..self.line.clone()
        })
    }

    /// True if the load of a retraction brought this record's rows, or could do without them because its own were there.
    fn rests_on(&self, retracted: &DeletionRecord) -> bool {
        let DeletionRecord { catalog, load, hash, table, .. } = retracted;
        let is_same = (&self.line.hash, &self.line.table) == (hash, table);
        is_same && (!self.line.repeats || self.before.iter().any(|one| (&one.catalog, one.load) == (catalog, *load)))
    }
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
    /// Staging tables that were dropped, each with the identity of its database, and into which nothing was loaded since.
    pub(super) dropped: HashSet<(String, Option<String>)>,
    /// The newest retraction of each load.
    pub(super) retracted: Vec<DeletionRecord>,
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
                Line::Retracted { retracted } => {
                    for one in entries.iter_mut().flatten().filter(|one| one.rests_on(&retracted)) {
                        let of_catalog = one.before.iter_mut().filter(|one| one.catalog == retracted.catalog);
                        of_catalog.for_each(|one| one.by = Some(retracted.name()));
                    }
                    noted.retracted.retain(|one| !one.is_same_load(&retracted));
                    noted.retracted.push(retracted);
                }
                Line::Stays { stays } => {
                    noted.retracted.retain(|one| !stays.contains(&one.name()));
                    for one in entries.iter_mut().flatten().filter(|one| stays.contains(&one.name_of_drop())) {
                        one.before.iter_mut().for_each(|one| one.is_dropped = false);
                    }
                }
                Line::Dropped { dropped, of } => {
                    for one in entries.iter_mut().flatten().filter(|one| one.line.table == dropped) {
                        let of_catalog = one.before.iter_mut().filter(|one| one.catalog == of);
                        of_catalog.for_each(|one| one.is_dropped = true);
                    }
                    noted.dropped.insert((dropped, of));
                }
                Line::Gone(mut line) => {
                    noted.dropped.remove(&(line.table.clone(), line.catalog.clone()));
                    let key = (line.catalog.clone(), line.load, line.hash.clone(), line.table.clone());
                    let mut before = vec![Brought::of(&line)];
                    // The same load, deleted after all, or loaded again under its number.
                    if let Some(older) = at.get(&key).and_then(|at| entries[*at].take()) {
                        if line.claim.is_some() && line.claim == older.line.claim {
                            before.clear();
                        }
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
        let is_retracted = |name: &String| noted.retracted.iter().any(|one| one.name() == *name);
        for one in entries.iter_mut().flatten().flat_map(|one| &mut one.before) {
            one.is_taken_back = one.is_dropped || one.by.as_ref().is_some_and(is_retracted);
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
