//! The outcome of a file that was taken, and the waits that follow from it.

use std::time::Duration;

use tokio::task::{Id, JoinError};
use tracing::{error, warn};

use super::super::look::Seen;
use super::super::settle::Arrival;
use super::Watch;
use crate::alert::Kind;
use crate::load::{FileOutcome, fix_of};
use crate::source::ClaimedFile;

/// The longest pause of a file whose table takes no rows, under another session's lock or for a right that is lacking:
/// asking again is cheap.
const SHUT: Duration = Duration::from_secs(15);

impl Watch {
    pub(super) fn done(&mut self, done: Result<(Id, FileOutcome), JoinError>) {
        let id = done.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(file) = self.in_hand.remove(&id) else { return };
        let reach = self.reaches.remove(&id);
        let name = file.os_name();
        if !matches!(&done, Ok((_, FileOutcome::Waits(_)))) {
            self.came.remove(&name);
        }
        match &done {
            Ok((_, FileOutcome::Waits(error))) => {
                self.state.put_back(&file.name(), &error.to_string(), error.needs_person().then(|| error.fix()));
            }
            Ok((_, FileOutcome::Kept(kept, error))) => {
                let fix = error.needs_person().then(|| fix_of(kept, error));
                self.state.put_back(&file.name(), &error.to_string(), fix.as_deref());
            }
            Ok(_) => self.state.done(&file.name()),
            Err(_) => self.state.put_back(&file.name(), "a fault of the program", Some("please report it")),
        }
        self.hurt.remove(&name);
        match done.map(|(_, outcome)| outcome) {
            Ok(FileOutcome::Loaded(reports)) => {
                self.well_again();
                self.pauses.remove(&name);
                self.app.loader.alerts.loaded(&file.name());
                self.app.loaded.notify_one();
                reports.iter().for_each(|report| self.totals.count(report));
            }
            Ok(FileOutcome::Failed(reports)) => {
                self.totals.failed += 1;
                self.pauses.remove(&name);
                self.failed.extend(reach.filter(|reach| reach.replaces).map(|reach| (name.clone(), reach)));
                self.app.loader.alerts.left(&file.name());
                reports.iter().for_each(|report| self.totals.count(report));
            }
            Ok(FileOutcome::Gone) => {
                self.pauses.remove(&name);
                self.app.loader.alerts.left(&file.name());
            }
            Ok(FileOutcome::Waits(error)) => {
                if error.is_of_database() {
                    self.hurt(&name, &error.to_string());
                } else if error.is_of_table() {
                    let why = error.to_string();
                    // One file of a table speaks for those that wait for the same.
                    let is_told = self.pauses.iter().any(|(other, pause)| *other != name && pause.why() == why);
                    if self.pause_at_most(&name, &why, SHUT) && !is_told {
                        warn!(file.path = file.name(), "not loaded yet: {error}; {}", error.fix());
                        // The holder of a lock is named once the file has waited for long.
                        if error.needs_person() {
                            self.app.loader.alerts.raise(Kind::Stuck, &file.name(), &why, error.fix(), None);
                        }
                    }
                } else if self.pause(&name, &error.to_string()) {
                    warn!(file.path = file.name(), "not loaded yet: {error}");
                    if !error.is_of_a_writer() {
                        self.app.loader.alerts.raise(Kind::Stuck, &file.name(), &error.to_string(), error.fix(), None);
                    }
                }
                if self.once {
                    self.give_up(&name);
                    return;
                }
                self.put_back.insert(name.clone());
                self.see(Seen { name: name.clone(), left: None }, Arrival::Seen);
                if let Some(candidate) = self.candidates.get_mut(&name) {
                    candidate.put_back(self.came.remove(&name), error.is_of_a_writer());
                }
            }
            Ok(FileOutcome::Kept(file, error)) => {
                if error.is_of_database() {
                    self.hurt(&name, &error.to_string());
                }
                let fix = fix_of(&file, &error).into_owned();
                self.keep(file, &error.to_string(), &fix);
            }
            Err(panic) => {
                self.keep(file.orphaned(), &format!("a fault of the program: {panic}"), "please report it");
            }
        }
    }

    /// Keeps a claimed file, to be tried again after a pause.
    pub(super) fn keep(&mut self, file: ClaimedFile, why: &str, fix: &str) {
        if self.pause(&file.os_name(), why) {
            error!(file.path = file.name(), "{why}; {fix}; trying again until it can be finished");
            self.app.loader.alerts.raise(Kind::Stuck, &file.name(), why, fix, None);
        }
        if self.once {
            self.give_up(&file.os_name());
        } else {
            self.kept.push(file);
        }
    }
}
