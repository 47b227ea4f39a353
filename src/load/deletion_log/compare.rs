//! The comparison of the log with a database's ledger. Reads only: `app status` does it beside a daemon.
//!
//! A load is lost until it is in the database that is open, its file was brought back, or somebody has removed it from
//! the list of losses. That is said of one database; another one, and the same one after it had the load again, have
//! losses of their own.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::record::{Brought, Entry, Noted};
use super::{DeletionLog, DeletionRecord, LONG, lost::LOST_NAME, own};
use crate::catalog::{Catalog, LoadStatus};
use crate::warehouse::WarehouseError;

/// The losses that were told, by database.
const TOLD: &str = "told.json";
const TOLD_NEW: &str = "told.json.new";

/// Greatest number of databases whose losses are remembered as told.
const DATABASES: usize = 16;

/// Losses that were told.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Told {
    /// Identity of the database that the list of losses is of.
    pub(super) database: String,
    /// Its server, as in [`crate::warehouse::Transaction::server`].
    pub(super) server: String,
    /// Names of the records that were told to be lost in the database of the list, and to be known as lost in others.
    told: BTreeMap<String, HashSet<String>>,
}

impl Told {
    /// Goes over to a database with these losses in all; those of the last one stay known, as far as they are.
    pub(super) fn move_to(&mut self, found: &Comparison, server: &str) {
        self.told.insert(self.database.clone(), found.known_before.clone());
        let names = found.lost.iter().map(DeletionRecord::name).chain(found.known.iter().cloned()).collect();
        while self.told.len() >= DATABASES
            && let Some(one) = self.told.keys().find(|one| **one != found.database).cloned()
        {
            self.told.remove(&one);
        }
        self.told.insert(found.database.clone(), names);
        (self.database, self.server) = (found.database.clone(), server.to_owned());
    }
}

/// The losses of a database.
#[derive(Debug)]
pub(super) struct Comparison {
    /// Identity of the database.
    pub(super) database: String,
    /// The losses that nobody has said to know of, oldest first.
    pub(super) lost: Vec<DeletionRecord>,
    /// Names of those among them that are told already.
    pub(super) told: HashSet<String>,
    /// Names of the losses that somebody knows of.
    pub(super) known: HashSet<String>,
    /// Names of the retractions whose loads are there again, and somebody knows of that.
    pub(super) stays: Vec<String>,
    /// The same of the database that the list of losses is of.
    known_before: HashSet<String>,
    /// Names of the losses whose files were to be brought back before.
    pub(super) back: HashSet<String>,
    /// Records whose files were brought back, and are not loaded again yet.
    pub(super) coming: Vec<DeletionRecord>,
    /// Server that confirmed the newest load of the log.
    pub(super) server: Option<String>,
    /// The newest load that is there, with its hash.
    pub(super) newest: Option<(i64, String)>,
    /// The reason why a part of the log cannot be read.
    pub(super) unread: Option<String>,
}

impl DeletionLog {
    /// Finds the losses of the catalog's database; `server` is known within a load.
    pub(super) async fn compare(&self, catalog: &Catalog, server: Option<&str>) -> Result<Comparison, WarehouseError> {
        let here = catalog.identity().await?;
        let (mut noted, listed, state) = (self.read(), self.listed(), self.told_so_far());
        let server_before = noted.entries.last().map(|one| one.line.server.clone());
        let known_before = known_before(&state, listed.as_deref());
        let database = here.clone().unwrap_or_default();
        let known_here = if state.database == database {
            known_before.clone()
        } else {
            state.told.get(&database).cloned().unwrap_or_default()
        };
        let listed = listed.unwrap_or_default();
        let in_list: HashSet<_> = listed.iter().map(DeletionRecord::name).collect();
        add_listed(&mut noted, listed);
        // One in the list was not brought back after all.
        let is_coming = |one: &mut Entry| noted.back.contains(&one.line.name()) && !in_list.contains(&one.line.name());
        let coming = noted.entries.extract_if(.., is_coming).map(|one| one.line).collect();
        let is_here = |of: &Option<String>, of_server: &str| match (of, &here) {
            (Some(of), Some(here)) => of == here,
            _ => server.is_none_or(|server| super::history_of(of_server).0 == super::history_of(server).0),
        };
        let is_alias = |one: &Entry, load: &Brought| is_here(&load.catalog, &one.line.server);
        let dropped: Vec<_> = noted.entries.iter().flat_map(|one| one.dropped(|load| is_alias(one, load))).collect();
        let is_unwanted = |one: &mut Entry| !one.is_wanted(|load| is_alias(one, load));
        let unwanted: Vec<_> = noted.entries.extract_if(.., is_unwanted).map(|one| one.line).collect();
        let of_here = |one: &Entry| {
            one.before.iter().filter(|load| is_alias(one, load) && !load.is_taken_back).cloned().collect()
        };
        let aliases: Vec<Vec<Brought>> = noted.entries.iter().map(of_here).collect();
        let is_once = |(one, loads): &(&Entry, &Vec<Brought>)| !one.line.repeats && !loads.is_empty();
        let wanted = noted.entries.iter().zip(&aliases).filter(is_once);
        let wanted: HashSet<_> = wanted.map(|(one, _)| (one.line.table.clone(), one.line.hash.clone())).collect();
        let numbers: Vec<_> = aliases.iter().flatten().map(|load| load.load).collect();
        let hashes = catalog.hashes(&numbers).await?;
        // A retracted load of the same number may be the one that was there before this one.
        let retracted = catalog.claims_of(&numbers, LoadStatus::Retracted).await?;
        let is_another = |load: &Brought| {
            retracted.get(&load.load).is_some_and(|(_, claim)| load.claim.is_some() && *claim != load.claim)
        };
        let last = catalog.loads(1).await?.first().map_or(0, |last| last.id);
        let mut missing = Vec::new();
        let mut newest = None;
        for (Entry { line, .. }, loads) in noted.entries.into_iter().zip(aliases) {
            let found = loads.iter().find(|load| hashes.get(&load.load) == Some(&line.hash) && !is_another(load));
            let is_there = match line.is_cut() {
                true => is_here(&line.catalog, &line.server) && last >= line.load && !in_list.contains(&line.name()),
                false => found.is_some(),
            };
            match found {
                Some(load) => newest = Some((load.load, line.hash)),
                None if is_there => {}
                None => missing.push(line),
            }
        }
        let taken_back: Vec<_> = noted.retracted.iter().chain(&dropped).collect();
        let (mut again, mut stays) = (again_there(catalog, &taken_back, here.as_ref()).await?, Vec::new());
        // The content was loaded once more since: the rows that are there stand for those.
        again.retain(|one| !wanted.contains(&(one.table.clone(), one.hash.clone())));
        let contents: Vec<_> = missing.iter().map(|line| (line.table.as_str(), line.hash.as_str())).collect();
        let contents = catalog.contents(&contents).await?;
        missing.retain(|line| line.repeats || !contents.contains(&(line.table.clone(), line.hash.clone())));
        let (mut lost, mut known) = (Vec::new(), HashSet::new());
        for mut line in missing {
            line.elsewhere = !is_here(&line.catalog, &line.server);
            let name = line.name();
            // Rows without a line in the ledger: the line was deleted by hand, and nothing is lost.
            let is_known = known_here.contains(&name)
                || (!line.elsewhere
                    && !line.is_cut()
                    && !in_list.contains(&name)
                    && !hashes.contains_key(&line.load)
                    && catalog.rows_of(&line.table, line.load).await? > 0);
            if is_known {
                known.insert(name);
            } else {
                line.beside = unwanted.iter().find(|one| is_of_file(one, &line)).map(|one| one.source.clone());
                lost.push(line);
            }
        }
        again.retain(|one| {
            let is_known = known_here.contains(&one.name());
            if is_known {
                stays.push(one.name());
            }
            !is_known
        });
        lost.extend(again);
        let told = if state.database == database { in_list } else { HashSet::new() };
        let (back, server, unread) = (noted.back, server_before, noted.unread);
        Ok(Comparison { database, lost, told, known, stays, known_before, back, coming, server, newest, unread })
    }

    /// The list of losses; `None` if it is there and cannot be read, so that nobody can be said to have removed any.
    pub(super) fn listed(&self) -> Option<Vec<DeletionRecord>> {
        let read = || {
            let mut text = String::new();
            let file = own(self.open()?.1.file(LOST_NAME)?)?;
            file.take(16 * LONG + 1).read_to_string(&mut text)?;
            if text.len() as u64 > 16 * LONG {
                return Err(io::Error::other("it is too long"));
            }
            text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect::<io::Result<_>>()
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Vec::new()),
            read => read.ok(),
        }
    }

    /// The losses that were told. Without them all are told again.
    pub(super) fn told_so_far(&self) -> Told {
        let read = || {
            let mut text = String::new();
            own(self.open()?.1.file(TOLD)?)?.take(16 * LONG).read_to_string(&mut text)?;
            Ok::<_, io::Error>(serde_json::from_str(&text)?)
        };
        read().unwrap_or_default()
    }

    /// Forgets what was told: from here on, a program that ends before [`DeletionLog::keep_told`] leaves nothing that
    /// would be taken for known because it is in no list.
    pub(super) fn forget_told(&self) -> io::Result<()> {
        match self.open()?.1.remove(TOLD) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    pub(super) fn keep_told(&self, told: &Told) -> io::Result<()> {
        let (_, notes) = self.open()?;
        notes.write(TOLD_NEW, &serde_json::to_vec(told)?, 0o600)?;
        notes.replace(TOLD_NEW, &notes, TOLD)
    }
}

/// Names of the losses that were told, and are not in the list any more: somebody knows of them.
fn known_before(state: &Told, listed: Option<&[DeletionRecord]>) -> HashSet<String> {
    let (Some(listed), Some(told)) = (listed, state.told.get(&state.database)) else { return HashSet::new() };
    let listed: HashSet<_> = listed.iter().map(DeletionRecord::name).collect();
    told.difference(&listed).cloned().collect()
}

/// The loads of a database that were retracted, alone or with their table, and are there as they were before: an older
/// state of it was restored.
async fn again_there(
    catalog: &Catalog,
    taken_back: &[&DeletionRecord],
    here: Option<&String>,
) -> Result<Vec<DeletionRecord>, WarehouseError> {
    let of_here = || taken_back.iter().filter(|one| here.is_some() && one.catalog.as_ref() == here);
    let numbers: Vec<_> = of_here().map(|one| one.load).collect();
    let loaded = catalog.claims_of(&numbers, LoadStatus::Loaded).await?;
    let is_there = |one: &&&DeletionRecord| loaded.get(&one.load) == Some(&(one.hash.clone(), one.claim.clone()));
    Ok(of_here().filter(is_there).map(|one| DeletionRecord { retracted: true, ..(**one).clone() }).collect())
}

/// True if a record is of a part of the same kept file.
fn is_of_file(one: &DeletionRecord, line: &DeletionRecord) -> bool {
    one.kept.is_some() && one.kept == line.kept
}

/// Adds the losses of the list that the log has no more.
fn add_listed(noted: &mut Noted, mut listed: Vec<DeletionRecord>) {
    listed.retain(|line| !line.retracted);
    let names: HashSet<_> = noted.entries.iter().map(|one| one.line.name()).collect();
    let is_new = |line: &DeletionRecord| !names.contains(&line.name()) && !noted.again.contains(&line.name());
    let more = listed.into_iter().filter(is_new);
    let more: Vec<_> = more.map(Entry::of).collect();
    noted.entries.splice(0..0, more);
}
