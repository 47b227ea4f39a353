//! The order in which files are taken: those that were begun before, then whole ones, up to the limit of loads.

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::super::backoff::Backoff;
use super::super::look::may_go_on;
use super::super::settle::{Arrival, Candidate};
use super::{LOADS, LOADS_OF_ONE_WRITER, RESCAN, RESCAN_POLLING, Watch};
use crate::alert::Kind;
use crate::load::load_file;
use crate::load::order::Sheets;
use crate::source::{CLAIMS, ClaimedFile, Stamp, Writer, writer};
use crate::text::rights::unwritable;

impl Watch {
    /// Claims whole files and starts their loads, up to the limit; returns the time of the next look.
    pub(super) fn take_ready(&mut self) -> Instant {
        let (now, next) = (Instant::now(), self.take_what_is_ready());
        let kept = self.kept.iter().map(|file| self.paused_until(&file.os_name(), now).max(now + RESCAN_POLLING));
        kept.fold(next, Instant::min)
    }

    fn take_what_is_ready(&mut self) -> Instant {
        let now = Instant::now();
        let far = now + RESCAN;
        if let Some(pause) = self.away.as_ref().or(self.trouble.as_ref()).filter(|pause| now < pause.until()) {
            return pause.until();
        }
        self.ask_database();
        let places = match self.app.workspace.warehouse.names().engine.has_one_writer() {
            _ if self.trouble.is_some() => 1,
            true => LOADS_OF_ONE_WRITER,
            false => LOADS,
        };
        let mut next = far;
        if !self.once {
            next = now + RESCAN_POLLING; // The plugins are looked at again.
            if let Some(until) = self.look_at_plugins(now) {
                return next.min(until);
            }
        }
        self.stand_in_line();
        for file in std::mem::take(&mut self.kept) {
            let until = self.paused_until(&file.os_name(), now);
            if until <= now
                && !self.is_behind(&file)
                && self.running.len() < places
                && !self.is_in_hand(&file.os_name())
            {
                self.start_again(file);
            } else {
                self.kept.push(file);
            }
        }
        while self.running.len() < places
            && let Some(at) = self.leftovers.iter().position(|file| !self.is_behind(file))
            && let Some(file) = self.leftovers.get(at)
        {
            // If the program ends over one of these, too, it is known which one it was.
            if !self.running.is_empty() && (file.is_orphan() || self.in_hand.values().any(|file| file.ends() > 0)) {
                return next;
            }
            if let Some(file) = self.leftovers.remove(at) {
                self.start_again(file);
            }
        }
        let mut after = Bound::Unbounded;
        // One name at a time: with thousands waiting, the first few take every place.
        while let Some(name) = self.candidates.range((after, Bound::Unbounded)).next().map(|(name, _)| name.clone()) {
            after = Bound::Excluded(name.clone());
            if self.is_in_hand(&name) || self.candidates.get(&name).is_some_and(Candidate::is_behind) {
                continue;
            }
            if self.running.len() >= places {
                let is_free = self.running.len() == places && places > 1;
                return if is_free { self.take_short(now).into_iter().fold(next, Instant::min) } else { next };
            }
            match self.ready_at(&name, now) {
                None => {
                    self.candidates.remove(&name);
                    next = now; // Nothing waits behind it any more.
                }
                Some(ready) if ready > now => next = next.min(ready),
                Some(_) if self.is_held_by_plugin(&name) => {}
                Some(_) => {
                    self.claim(&name);
                    let is_left = self.is_in_hand(&name) || self.candidates.contains_key(&name);
                    next = if is_left { next.min(self.paused_until(&name, far)) } else { now };
                }
            }
        }
        next
    }

    /// Returns the time at which a file may be taken; `None` if it is gone.
    pub(super) fn ready_at(&mut self, name: &OsStr, now: Instant) -> Option<Instant> {
        let paused = self.paused_until(name, now);
        let path = self.path.join(name);
        let stamp = Stamp::of(&path)?;
        let candidate = self.candidates.get_mut(name)?;
        candidate.update(stamp, Arrival::Seen, now);
        let mut ready = candidate.soon_at(self.settle, Writer::None, now);
        if self.once || ready <= now {
            let writer = writer(&path);
            ready = match writer {
                // A single run takes every file that is not being written,
                Writer::None if self.once => now,
                // and waits only until that is known.
                Writer::Unknown if self.once => ready,
                _ if candidate.soon_at(self.settle, writer, now) <= now && !may_go_on(&path) => now,
                _ => candidate.ready_at(self.settle, writer, now),
            };
            if self.once && writer == Writer::Open && self.named.comes(name, now).is_some() {
                info!(file.path = &*name.to_string_lossy(), "waiting: somebody is writing it");
            }
        }
        Some(ready.max(paused))
    }

    pub(super) fn claim(&mut self, name: &OsStr) {
        match self.folder.claim(name) {
            Ok(file) => {
                let candidate = self.candidates.remove(name);
                if candidate.as_ref().is_some_and(Candidate::is_unclaimable) {
                    self.state.done(&name.to_string_lossy());
                }
                let came = candidate.map(|candidate| candidate.came());
                self.came.extend(came.map(|came| (name.to_owned(), came)));
                self.start(file, false);
                if self.overlooks {
                    self.stand_in_line();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => drop(self.candidates.remove(name)),
            Err(error) => {
                self.cannot_claim(name, &error.to_string());
                if let Some(candidate) = self.candidates.get_mut(name) {
                    candidate.cannot_be_claimed();
                }
                if self.once {
                    self.candidates.remove(name);
                    self.give_up(name);
                }
            }
        }
    }

    pub(super) fn is_in_hand(&self, name: &OsStr) -> bool {
        self.in_hand.values().any(|file| file.os_name() == name)
    }

    pub(super) fn paused_until(&self, name: &OsStr, now: Instant) -> Instant {
        self.pauses.get(name).map_or(now, Backoff::until)
    }

    /// Logs once that a file cannot be claimed.
    pub(super) fn cannot_claim(&mut self, name: &OsStr, why: &str) {
        let fix = unwritable(&self.path.join(CLAIMS)).map_or_else(
            || {
                format!(
                    "give the user that Sluice runs as the right to move it, and to write in {}",
                    self.path.display()
                )
            },
            |(_, fix)| fix,
        );
        let why = format!("cannot claim the file: {why}");
        self.state.put_back(&name.to_string_lossy(), &why, Some(&fix));
        if self.pause(name, &why) {
            let name = name.to_string_lossy();
            error!(file.path = &*name, "{why}; {fix}");
            self.app.loader.alerts.raise(Kind::Stuck, &name, &why, &fix, None);
        }
    }

    /// Notes the files of dead programs that cannot be taken over now, each with the reason.
    pub(super) fn cannot_take_over(&mut self, stuck: Vec<(OsString, String)>) {
        let names = stuck.iter().map(|(name, _)| name.clone()).collect();
        for name in std::mem::replace(&mut self.stuck, names).difference(&self.stuck) {
            self.state.done(&name.to_string_lossy());
        }
        self.state.elsewhere(self.stuck.iter().map(|name| name.to_string_lossy().into_owned()).collect());
        for (name, why) in stuck {
            self.cannot_claim(&name, &why);
        }
    }

    /// Lets the files of a name wait, longer each time; returns true if the reason is new.
    pub(super) fn pause(&mut self, name: &OsStr, why: &str) -> bool {
        self.pause_at_most(name, why, RESCAN)
    }

    /// Does the same as [`Watch::pause`], with pauses of at most `longest`.
    pub(super) fn pause_at_most(&mut self, name: &OsStr, why: &str, longest: Duration) -> bool {
        let mut pause = self.pauses.remove(name);
        let is_new = Backoff::at_most(&mut pause, why, longest);
        self.pauses.extend(pause.map(|pause| (name.to_owned(), pause)));
        is_new
    }

    /// Continues a file that was begun before.
    fn start_again(&mut self, mut file: ClaimedFile) {
        match file.begin_again() {
            Ok(()) => self.start(file, true),
            Err(error) => self.keep(file, &format!("cannot go on with it: {error}"), "see to the folder"),
        }
    }

    pub(super) fn start(&mut self, file: ClaimedFile, unfinished: bool) {
        self.state.begun(&file);
        let (app, claimed, place) = (Arc::clone(&self.app), file.clone(), self.app.loader.order.join());
        let plugins = self.app.plugins.get();
        let reach = plugins.reach(&file.name());
        match reach.tables.as_deref() {
            Some([table]) => place.expect(table),
            _ => match plugins.sheets(&file.name()) {
                Some((own, others)) => place.expect_sheets(Sheets { own, others }),
                None => place.expect_any(),
            },
        }
        if !file.is_given() {
            self.tell_order(&file.os_name(), &reach);
        }
        // Boxed at once: the future is large, and would be moved a few times.
        let load = Box::pin(async move { load_file(&app.loader, &plugins, claimed, unfinished, place).await });
        let task = self.running.spawn(load);
        self.reaches.insert(task.id(), reach);
        self.in_hand.insert(task.id(), file);
    }
}
