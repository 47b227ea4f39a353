//! Files whose rows replace others form a line. A file is not taken while an earlier one, by name, that was there when
//! it was whole waits in the folder for whatever reason, or while another one of its table is in hand. Files that came
//! back stand before all others, in the order in which they came.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tracing::{info, warn};

use super::super::settle::Hindered;
use super::Watch;
use super::ahead::{Ahead, Earlier, Stands, touch};
use crate::dataset::plugin::{Plugins, Reach};
use crate::source::{ClaimedFile, FAILED, OWN_FAILED};

/// The number of files of which `app status` says that they wait for one in hand.
const QUEUED: usize = 100;

/// Returns the key that tells a file that was begun before from others of its name.
fn claim_of(file: &ClaimedFile) -> OsString {
    file.place().into_os_string()
}

impl Watch {
    /// Returns true if a file that was begun before waits for an earlier one.
    pub(super) fn is_behind(&self, file: &ClaimedFile) -> bool {
        !self.behind.is_empty() && self.behind.contains(&claim_of(file))
    }

    /// Finds the waits among files. Without replacement there are none.
    pub(super) fn stand_in_line(&mut self) {
        let plugins = self.app.plugins.get();
        if !plugins.replace_any() {
            self.overlooks = false;
            self.behind.clear();
            self.candidates.values_mut().for_each(|candidate| candidate.behind = false);
            self.say_held(&BTreeMap::new(), BTreeMap::new());
            return;
        }
        let mut ahead = Ahead::default();
        for (id, file) in &self.in_hand {
            self.reaches.get(id).into_iter().for_each(|reach| ahead.add(&file.os_name(), reach, Stands::InHand, None));
        }
        let (mut line, reach) = (BTreeMap::new(), |name: &OsStr| reach(&plugins, name));
        for name in &self.stuck {
            line.insert((name.clone(), OsString::new()), (reach(name), Stands::Waits));
        }
        for (name, reach) in &self.given_up {
            line.insert((name.clone(), OsString::new()), (reach.clone(), Stands::GivenUp));
        }
        let begun = || self.kept.iter().chain(&self.leftovers);
        for file in begun().filter(|file| !file.is_given()) {
            line.insert((file.os_name(), claim_of(file)), (reach(&file.os_name()), Stands::Waits));
        }
        let (mut held, mut queued, mut given_up) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        self.behind.clear();
        self.overlooks = false;
        let given = begun().filter(|file| file.is_given()).map(|file| (claim_of(file), file.os_name()));
        for (claim, name) in given.collect::<BTreeMap<_, _>>() {
            let reach = reach(&name);
            stand(&mut ahead, &name, &claim, &reach, Stands::Waits, &mut self.behind, &mut held, &mut given_up);
        }
        let mut begun = line.into_iter().peekable();
        let (now, stale_after) = (Instant::now(), self.app.loader.alerts.stale_after());
        for (name, candidate) in &mut self.candidates {
            while let Some(((begun, claim), (reach, stands))) = begun.next_if(|((begun, _), _)| begun <= name) {
                stand(&mut ahead, &begun, &claim, &reach, stands, &mut self.behind, &mut held, &mut given_up);
            }
            let reach = Arc::clone(candidate.reach.get_or_insert_with(|| Arc::new(reach(name))));
            let (came, whole) = (Some(candidate.came()), candidate.whole_since(self.settle, now));
            let earlier = ahead.of(&reach, whole).cloned();
            candidate.behind = earlier.is_some();
            self.overlooks |= earlier.is_none() && ahead.of(&reach, None).is_some();
            match earlier {
                Some(Earlier { name: first, stands: Stands::Waits, .. }) => {
                    // A file that is not whole waits in any case.
                    if self.held.contains_key(name) || whole.is_some() {
                        held.insert(name.clone(), waits_for(&first));
                    }
                    ahead.add(name, &reach, Stands::Waits, came);
                }
                Some(Earlier { name: first, stands: Stands::GivenUp, .. }) => {
                    held.insert(name.clone(), waits_for(&first));
                    given_up.push((name.clone(), None));
                    ahead.add(name, &reach, Stands::GivenUp, came);
                }
                Some(Earlier { name: first, stands: Stands::InHand, .. }) => {
                    if queued.len() < QUEUED {
                        queued.insert(name.clone(), format!("waits for {}, which is in hand", first.to_string_lossy()));
                    }
                    ahead.add(name, &reach, Stands::Waits, came);
                }
                None => match candidate.is_endless(self.settle, stale_after, &self.path.join(name), now) {
                    // Its place in the order is that of its end, which is unknown.
                    Some(why) => drop(held.insert(name.clone(), endless(why, &self.path.join(name)))),
                    None => ahead.add(name, &reach, Stands::Waits, came),
                },
            }
        }
        for ((begun, claim), (reach, stands)) in begun {
            stand(&mut ahead, &begun, &claim, &reach, stands, &mut self.behind, &mut held, &mut given_up);
        }
        self.say_held(&held, queued);
        if self.once {
            for (name, claim) in given_up {
                match claim {
                    Some(claim) => self.leftovers.retain(|file| claim_of(file) != claim),
                    None => drop(self.candidates.remove(&name)),
                }
                self.give_up(&name);
            }
        }
    }

    /// Says once for which file another one waits, in the log and in `app status`; only there of those that are `queued`
    /// behind one in hand.
    fn say_held(&mut self, held: &BTreeMap<OsString, String>, queued: BTreeMap<OsString, String>) {
        let plugins = self.app.plugins.get();
        let by_plugin = |name: &OsStr| plugins.held(&name.to_string_lossy(), &name.to_string_lossy()).is_some();
        let before = self.held.len();
        let candidates = &self.candidates;
        self.held.retain(|name, _| held.contains_key(name) || (candidates.contains_key(name) && by_plugin(name)));
        let mut is_new = self.held.len() != before || self.queued != queued;
        self.queued = queued;
        for (name, why) in held {
            if self.held.get(name) != Some(why) {
                info!(file.path = &*name.to_string_lossy(), "{why}");
                self.held.insert(name.clone(), why.clone());
                is_new = true;
            }
        }
        if is_new {
            self.show_held();
        }
    }

    pub(super) fn show_held(&self) {
        let shown =
            self.queued.iter().chain(&self.held).map(|(name, why)| (name.to_string_lossy().into_owned(), why.clone()));
        self.state.held(shown.collect());
    }

    /// Gives up a file in this run, and with it all later ones that replace its rows.
    pub(super) fn give_up(&mut self, name: &OsStr) {
        self.totals.waiting += 1;
        let reach = reach(&self.app.plugins.get(), name);
        self.given_up.insert(name.to_owned(), reach);
    }

    /// Logs a replacing file that is taken out of the order of names: the files after which it comes too late, and
    /// those without which it is loaded.
    pub(super) fn tell_order(&mut self, name: &OsStr, reach: &Reach) {
        if !reach.replaces {
            return;
        }
        let shown = name.to_string_lossy();
        self.failed.remove(name);
        let is_before = |earlier: &OsString, other: &mut Reach| earlier.as_os_str() < name && touch(other, reach);
        let missing: Vec<_> = self.failed.extract_if(.., is_before).collect();
        let failed = [FAILED, OWN_FAILED].map(|failed| self.path.join(failed));
        let is_there = |earlier: &OsStr| failed.iter().any(|failed| failed.join(earlier).exists());
        for (earlier, _) in missing.iter().filter(|(earlier, _)| is_there(earlier)) {
            let earlier = earlier.to_string_lossy();
            warn!(
                file.path = &*shown,
                "loaded without {earlier}, which comes before it and lies in failed/: loaded later, that one would put \
                 older rows over newer ones"
            );
        }
        for table in reach.tables.iter().flatten() {
            match self.newest.get(table) {
                Some(newest) if newest.as_os_str() > name => {
                    let newest = newest.to_string_lossy();
                    warn!(file.path = &*shown, table, "loaded after a file that comes after it by name: {newest}");
                }
                _ => drop(self.newest.insert(table.clone(), name.to_owned())),
            }
        }
    }
}

fn waits_for(earlier: &OsStr) -> String {
    format!("waits for {}, which comes before it", earlier.to_string_lossy())
}

fn endless(why: Hindered, path: &Path) -> String {
    let owner =
        path.symlink_metadata().map_or_else(|_| String::new(), |file| format!(" (its owner is uid {})", file.uid()));
    let why = match why {
        Hindered::Written => "still being written",
        Hindered::Unclaimable => "it cannot be claimed",
    };
    format!("{why}, longer than STALE_AFTER{owner}: files that come after it do not wait for it any more")
}

pub(super) fn reach(plugins: &Plugins, name: &OsStr) -> Reach {
    plugins.reach(&name.to_string_lossy())
}

/// Places a file that was begun before.
#[expect(clippy::too_many_arguments, reason = "what is found out in one look")]
fn stand(
    ahead: &mut Ahead,
    name: &OsStr,
    claim: &OsStr,
    reach: &Reach,
    stands: Stands,
    behind: &mut std::collections::HashSet<OsString>,
    held: &mut BTreeMap<OsString, String>,
    given_up: &mut Vec<(OsString, Option<OsString>)>,
) {
    let earlier = ahead.of(reach, None).cloned();
    let mut stands = stands;
    if let (false, Some(earlier)) = (claim.is_empty(), earlier) {
        behind.insert(claim.to_owned());
        if earlier.stands == Stands::GivenUp {
            given_up.push((name.to_owned(), Some(claim.to_owned())));
            stands = Stands::GivenUp;
        }
        if earlier.stands != Stands::InHand {
            held.insert(name.to_owned(), waits_for(&earlier.name));
        }
    }
    ahead.add(name, reach, stands, None);
}
