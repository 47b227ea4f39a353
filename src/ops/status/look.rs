//! Finds all that a status is made of: in the folder, beside it, and in the database. Works without the database too.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use super::{DatabaseStatus, Found, Need, full};
use crate::app::App;
use crate::catalog::{Extent, Period};
use crate::dataset::plugin::Plugins;
use crate::load::deletion_log::{
    DeletionLog, DeletionRecord, by_dropped_table, fix_of_another, of_another, of_dropped, of_lost, of_retracted,
};
use crate::ops::connect::{self, Usage};
use crate::ops::schedule::{Scheduled, Schedules};
use crate::settings::{Settings, database_file, without_password};
use crate::source::{Foreign, Place, failed_files, foreign_claims, foreign_failed, manifest, places};
use crate::text::counted;
use crate::warehouse::WarehouseError;
use crate::worker::{Waiting, absent, read_state, waiting};

/// The longest wait for the database's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time after which the ledger's answer seems to wait for a lock.
const PROMPT: Duration = Duration::from_secs(2);

/// Failed loads that are shown.
const FAILURES: u64 = 5;

/// Finds all that a status is made of; the database is asked by the program `app`, or by a connection of its own.
pub async fn look(settings: &Settings, app: Option<&App>, now: DateTime<Utc>) -> Found {
    let folder = &settings.folders.imports_dir;
    let mut unreadable = Vec::new();
    let mut see = |what: &str, error: String, fix: &str| {
        let need = Need { what: format!("{what}: {error}"), fix: fix.to_owned() };
        // Each look at a folder that is shut finds the same.
        if !unreadable.contains(&need) {
            unreadable.push(need);
        }
    };
    let rights = "give the user who asks the right to read it";
    let plugins = Plugins::read_right(&settings.folders.plugins_dir, &|name| settings.variable(name));
    for error in plugins.errors() {
        let fix = "fix it: it is read again by itself, and the files that it claims are held back until then";
        see("a plugin is wrong", error.to_string(), fix);
    }
    let shown = folder.display().to_string();
    let is_there = folder.is_dir();
    let found = places(folder).map_err(|error| see(&shown, error.to_string(), rights)).unwrap_or_default();
    let (living, dead): (Vec<_>, Vec<_>) = found.into_iter().partition(|place| place.lives);
    let living = living.into_iter().filter(|place| place.watches);
    let living: Vec<_> = living.map(|place| read_state(&place)).collect();
    let mut absent = absent(&settings.folders.exports_dir, folder);
    // The state in the folder, where there is one, is newer.
    absent.retain(|one| !living.iter().flatten().any(|other| (other.pid, &other.host) == (one.pid, &one.host)));
    if !is_there && absent.is_empty() {
        see(&shown, "there is no such folder".to_owned(), "start app, which makes it, or set IMPORTS_DIR");
    }
    let files = if is_there { waiting(folder, &|name| plugins.claims(name)) } else { Ok(Vec::new()) };
    let mut files = files.map_err(|error| see(&shown, error.to_string(), rights)).unwrap_or_default();
    for file in files.iter_mut().filter(|file| file.is_ours) {
        if let Some(error) = plugins.held(&file.file, &file.file) {
            file.why = format!("held back: {error}");
        }
    }
    // A program cannot even say so where there is no room for its state.
    let file = database_file(&settings.database.database_url);
    let of_database = file.as_deref().and_then(Path::parent).map(Path::to_owned);
    let written = [folder.clone(), settings.folders.exports_dir.clone()].into_iter().chain(of_database);
    for full in full(&written.collect::<Vec<_>>()) {
        see(&full.display().to_string(), "its disk is full".to_owned(), "make room on it; loads go on by themselves");
    }
    for Foreign { what, fix } in [foreign_failed(folder), foreign_claims(folder)].into_iter().flatten().flatten() {
        see("a folder is in the way", what, &fix);
    }
    let orphans: Vec<_> = dead.iter().flat_map(|place| orphans(place, &plugins)).collect();
    for (file, plugin) in orphans.iter().filter_map(|(file, plugin)| Some((file, plugin.as_ref()?))) {
        let fix = format!(
            "app plugin enable {plugin} has it loaded; app plugin remove {plugin} lets it go: its source has it still"
        );
        see(&file.file, file.why.clone(), &fix);
    }
    let orphans = orphans.into_iter().map(|(file, _)| file).collect();
    let failed = failed_files(folder).map_err(|error| see(&shown, error.to_string(), rights)).unwrap_or_default();
    let schedules = match settings.schedules() {
        Ok(fixed) => Schedules::of(fixed, &plugins),
        Err(_) => Schedules::default(),
    };
    let (database, lost) = database(settings, app, &schedules, now).await;
    let log = DeletionLog::of(folder);
    let lost = match lost {
        Some((lost, unread)) => {
            // A folder that is shut is told already.
            if let Some(why) = unread.filter(|_| !is_there || std::fs::read_dir(folder).is_ok()) {
                let fix = format!(
                    "give the user who asks and the one that Sluice runs as the right to read and write {shown} and \
                     {shown}/.sluice; what stands there and is no file of Sluice is to be moved away"
                );
                see("the notes of deleted files cannot be read, so losses cannot be told", why, &fix);
            }
            lost
        }
        None => log.lost(),
    };
    if !database.exists && database.error.is_none() && log.loads() > 0 {
        see(
            &format!("there is no warehouse in {}", database.address),
            format!("{} went into one, whose files are not here any more", counted(log.loads() as u64, "load")),
            "see whether DATABASE_URL is right, put the database back, or start app: it makes a new one and names what that lacks",
        );
    }
    let (elsewhere, here): (Vec<_>, Vec<_>) = lost.into_iter().partition(|line| line.elsewhere);
    if !elsewhere.is_empty() {
        unreadable.push(Need { what: of_another(&elsewhere), fix: fix_of_another(folder) });
    }
    for (table, loads) in by_dropped_table(&here) {
        let (what, fix) = of_dropped(table, &loads, folder);
        unreadable.push(Need { what, fix });
    }
    for line in here.into_iter().filter(|line| !line.dropped) {
        let DeletionRecord { load, source, table, retracted, .. } = &line;
        let (what, fix) = if *retracted { of_retracted(&line, folder) } else { of_lost(&line, folder) };
        unreadable.push(Need { what: format!("load {load} ({source} into {table}): {what}"), fix });
    }
    Found {
        folder: folder.clone(),
        living,
        absent,
        folder_is_there: is_there,
        waiting: files,
        orphans,
        failed,
        database,
        unreadable,
        stale_after: settings.alerting.stale_after,
    }
}

/// The files that a dead program had claimed, and what was extracted: the next start loads them. What is for a plugin that is not enabled
/// is not ours to load, and comes with that plugin's name.
fn orphans(place: &Place, plugins: &Plugins) -> Vec<(Waiting, Option<String>)> {
    let mut files = Vec::new();
    for claim in place.dir.folders().unwrap_or_default() {
        let Ok(claim) = place.dir.dir(claim) else { continue };
        let mut names = claim.names().unwrap_or_default();
        names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
        let plugin = manifest(&claim, &place.owners).map(|window| window.position.stream.plugin);
        let disabled = plugin.clone().filter(|plugin| plugins.is_disabled(plugin));
        let why = match (&plugin, &disabled) {
            (_, Some(plugin)) => format!("fetched for the plugin {plugin}, which is not enabled"),
            (Some(plugin), None) => format!("fetched for the plugin {plugin}; the next start loads it"),
            (None, None) => "claimed by a program that ended; the next start loads it".to_owned(),
        };
        files.extend(names.into_iter().map(|name| {
            let waiting = Waiting {
                since: claim.look(&name).and_then(|meta| meta.modified()).map_or_else(|_| Utc::now(), DateTime::from),
                file: name.to_string_lossy().into_owned(),
                why: why.clone(),
                is_ours: disabled.is_none(),
                counts: false,
            };
            (waiting, disabled.clone())
        }));
    }
    files
}

/// The loads that a database lacks, and the reason if they cannot all be known.
type Lost = (Vec<DeletionRecord>, Option<String>);

/// Asks the database, also for the loads that it lacks.
async fn database(
    settings: &Settings,
    app: Option<&App>,
    schedules: &Schedules,
    now: DateTime<Utc>,
) -> (DatabaseStatus, Option<Lost>) {
    let address = without_password(&settings.address().url);
    let asked = tokio::time::timeout(PATIENCE, async {
        let own;
        let app = match app {
            Some(app) => app,
            None => {
                own = connect::look(settings).await?;
                &own
            }
        };
        let answer = async {
            anyhow::Ok((ask(app, schedules, now).await?, app.loader.deletions.lost_in(&app.workspace.catalog).await?))
        };
        tokio::pin!(answer);
        if let Ok(status) = tokio::time::timeout(PROMPT, &mut answer).await {
            return status;
        }
        let holders = match app.workspace.warehouse.lookout() {
            Some(lookout) => lookout.holders().await,
            None => None,
        };
        match holders {
            Some(holders) => Err(WarehouseError::Locked(holders).into()),
            None => answer.await,
        }
    });
    let status = match asked.await {
        Ok(Ok((status, lost))) => return (DatabaseStatus { address, exists: true, ..status }, Some(lost)),
        // There is none yet: nothing was loaded so far, and nothing is wrong with that.
        Ok(Err(error)) if error.is::<Usage>() => DatabaseStatus { address, ..Default::default() },
        Ok(Err(error)) => {
            let fix = error.downcast_ref().and_then(WarehouseError::fix_of_answer);
            DatabaseStatus { address, error: Some(crate::text::chain(&error)), fix, ..Default::default() }
        }
        Err(_) => {
            let error = Some(format!("no answer within {} s", PATIENCE.as_secs()));
            DatabaseStatus { address, error, ..Default::default() }
        }
    };
    (status, None)
}

async fn ask(app: &App, schedules: &Schedules, now: DateTime<Utc>) -> anyhow::Result<DatabaseStatus> {
    let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    let since = |moment| Period { since: Some(moment), until: None };
    Ok(DatabaseStatus {
        today: app.workspace.catalog.total(since(midnight)).await?,
        last_hour: app.workspace.catalog.total(since(now - TimeDelta::hours(1))).await?,
        failures: app.workspace.catalog.failures(FAILURES).await?,
        pipeline: app.workspace.catalog.last_pipeline().await?,
        schedules: schedules
            .look(&app.workspace.catalog, now)
            .await?
            .into_iter()
            .filter(Scheduled::is_remarkable)
            .collect(),
        emptied: app.workspace.catalog.emptied().await?,
        gone: app.workspace.catalog.gone(Extent::Glance).await?,
        lost: app.workspace.catalog.lost().await?,
        ..Default::default()
    })
}
