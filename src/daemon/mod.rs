//! The daemon, from settings to a watched folder: makes missing parts, starts the worker, waits for the signal, drains.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tracing::{debug, error, info, warn};

use crate::alert::{Alerts, Kind};
use crate::app::App;
use crate::archive::{Archive, OnSuccess};
use crate::dataset::plugin::{PluginFolder, Plugins};
use crate::export::sweep;
use crate::load::error::passes;
use crate::ops::connect::{connected, prepare, usage};
use crate::ops::schedule::runner;
use crate::ops::status::moment;
use crate::settings::{Build, Settings};
use crate::source::{Folder, open_to_others, places};
use crate::text::rights::explain_folder;
use crate::text::{chain, counted};
use crate::warehouse::{self, Scope, Warehouse, WarehouseError};
use crate::worker::{Backoff, Scheduler, State, TROUBLE, Totals, Watch, build, read_state};

pub use crate::ops::connect::{Usage, connect, look};

/// The end of the daemon's loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until the folder is empty.
    Empty,
    /// Until the signal to stop.
    Signal,
}

/// The longest wait for connections to close.
const CLOSING: Duration = Duration::from_secs(5);

/// The longest wait for the runs of schedules to end, when the loads in hand have ended.
const HALTING: Duration = Duration::from_secs(2);

/// The longest wait for alerts after that.
const TELLING: Duration = Duration::from_secs(3);

/// Loads files out of the folder; `built` is given the program, once the database has answered,
/// and what is true when it is to end.
///
/// # Errors
/// As [`connect`], and when a folder cannot be made or read.
pub async fn run(
    settings: &Settings,
    folder: &Path,
    until: Until,
    built: impl FnOnce(&Arc<App>, watch::Receiver<bool>),
) -> anyhow::Result<Totals> {
    settings.may_watch(folder).map_err(|error| Usage(error.to_string()))?;
    for path in [folder, &settings.folders.exports_dir] {
        if path.is_dir() {
            continue;
        }
        // The name of a folder that is asked for may be mistyped, and nobody would drop files into that one.
        if path == folder && path != settings.folders.imports_dir {
            return Err(Usage(format!("there is no folder {}: make it, or name the right one", path.display())).into());
        }
        if !settings.database.init_db {
            return Err(Usage(format!("INIT_DB is false, and there is no folder {}: make it", path.display())).into());
        }
        std::fs::create_dir_all(path).map_err(|error| {
            Usage(format!("cannot make the folder {}: {}", path.display(), explain_folder(error, path)))
        })?;
        info!(folder = %path.display(), "made the folder");
    }
    sweep(&settings.folders.exports_dir);
    // A request that cannot be met ends before anything is done.
    if until == Until::Empty {
        Plugins::read(&settings.folders.plugins_dir, &|name| settings.variable(name))
            .map_err(|error| Usage(error.to_string()))?;
    }
    let (stop, alerts) = (stop_signal()?, Alerts::start(&settings.alerting)?);
    let Some(warehouse) = patiently(until, &stop, &alerts, async || open(settings).await).await? else {
        return Ok(Totals::default());
    };
    let archive = Arc::new(settings.archive());
    archive.check(None).map_err(|why| Usage(format!("ON_SUCCESS, ARCHIVE: {why}")))?;
    let mut plugins = plugin_folder(settings, Arc::clone(&archive));
    let read = plugins.read(&Plugins::default());
    if let (Until::Empty, Some(error)) = (until, read.errors().next()) {
        return Err(Usage(error.to_string()).into());
    }
    read.announce();
    // The watch of a folder logs faulty plugins.
    let builder = App::builder(settings).imports(folder).plugins(read).alerts(alerts).archive(archive);
    let app = builder.build(warehouse);
    if settings.database.dev && settings.database.init_db {
        app.loader.deletions.forget();
    }
    let address = app.workspace.warehouse.address();
    info!(sentence = format!("connected to {address}"), database = address, "connected");
    for danger in app.workspace.warehouse.dangers().await.unwrap_or_default() {
        warn!(database = address, "{danger}");
    }
    if settings.keeping.on_success == OnSuccess::Delete && app.workspace.catalog.loads(1).await?.is_empty() {
        info!(folder = %folder.display(), "files are deleted after they were loaded: copy them in (cp), do not move \
         them, to keep them elsewhere");
    }

    let settle = Duration::from_secs_f64(settings.watching.settle_seconds);
    let app = Arc::new(app);
    let (halt, halted) = watch::channel(false);
    built(&app, halted.clone());
    let archive = Arc::clone(&app.loader.archive);
    let place = async || {
        Folder::open(folder).map_err(|error| {
            let what = format!("cannot use the folder {}", folder.display());
            if passes(&error) {
                return anyhow::Error::from(error).context(what);
            }
            Usage(format!("{what}: {}", explain_folder(error, folder))).into()
        })
    };
    name_others(folder);
    if let Ok(Some(warning)) = open_to_others(folder) {
        warn!("{warning}");
    }
    let Some(place) = patiently(until, &stop, &app.loader.alerts, place).await? else {
        return Ok(Totals::default());
    };
    let watch = Watch::new(Arc::clone(&app), place, plugins, settle, settings.watching.poll);
    let totals = match until {
        Until::Empty => {
            meet_server(&app).await;
            let totals = watch.once(stop).await?;
            archive.purge(&app.loader.clock).await;
            let lost = app.workspace.catalog.lost().await.unwrap_or_else(|why| {
                warn!("cannot ask for lost loads: {why}");
                Vec::new()
            });
            Totals { lost: (app.loader.deletions.lost().len() + lost.len()) as u64, ..totals }
        }
        Until::Signal => {
            let clock = app.loader.clock.clone();
            let purging = tokio::spawn(async move { archive.purge_for_ever(&clock).await });
            // Another program may hold the database for long; files are looked at meanwhile.
            let met = Arc::clone(&app);
            let meeting = tokio::spawn(async move { meet_server(&met).await });
            let building = (settings.building.pipeline == Build::OnLoad).then(|| tokio::spawn(build(Arc::clone(&app))));
            let fixed = settings.schedules().map_err(|error| Usage(error.to_string()))?;
            let scheduler = Scheduler::new(Arc::clone(&app), fixed, runner(&app, folder)?, halted);
            let mut scheduling = tokio::spawn(scheduler.forever());
            let halting = async || {
                stop().await;
                // Runs end while loads in hand commit.
                let _ = halt.send(true);
            };
            let totals = watch.forever(halting).await;
            if tokio::time::timeout(HALTING, &mut scheduling).await.is_err() {
                scheduling.abort();
                warn!("a run of a schedule did not end in time: the next start goes on with it");
            }
            meeting.abort();
            purging.abort();
            // A run that is cut short changes nothing.
            building.inspect(JoinHandle::abort);
            let Totals {
                loaded, waiting, rows_read, rows_loaded, rows_rejected, rows_duplicate, rows_filtered, ..
            } = totals;
            info!(
                sentence = stopped(&totals),
                files = loaded,
                rows = rows_loaded,
                read = rows_read,
                rejected = rows_rejected,
                duplicate = rows_duplicate,
                filtered = rows_filtered,
                rolled_back = waiting,
                "stopped"
            );
            totals
        }
    };
    // A load that does not end in time has rolled back, or copies the log at the next start.
    let closing = tokio::time::timeout(CLOSING, app.close());
    let _ = tokio::join!(closing, app.loader.alerts.finish(TELLING));
    Ok(totals)
}

/// The end of a daemon's work in words: the counts of all files and rows.
fn stopped(totals: &Totals) -> String {
    let Totals { loaded, waiting, rows_read, rows_loaded, rows_rejected, rows_duplicate, rows_filtered, .. } = *totals;
    let files = counted(loaded, "file");
    let back = if waiting > 0 { format!("; {} rolled back", counted(waiting, "file")) } else { String::new() };
    format!(
        "stopped: {files} loaded; rows: {rows_read} read = {rows_loaded} loaded + {rows_rejected} rejected + {rows_duplicate} duplicate + \
         {rows_filtered} filtered{back}"
    )
}

/// Compares the deletion log with the ledger, which may be another server's, or an older state of it. If that fails,
/// the first load does it.
async fn meet_server(app: &App) {
    if !app.loader.deletions.has_notes() {
        return;
    }
    let meeting = async {
        let mut transaction = app.workspace.warehouse.begin(Scope::Short).await?;
        let server = transaction.server().await?;
        drop(transaction);
        app.loader.deletions.reconcile(&app.workspace.catalog, &app.loader.alerts, server.as_deref()).await
    };
    if let Err(error) = meeting.await {
        debug!(%error, "cannot compare what was deleted with the ledger");
    }
}

/// Returns the folder of the plugins, to be read again and again.
fn plugin_folder(settings: &Settings, archive: Arc<Archive>) -> PluginFolder {
    let given = settings.clone();
    let variable = Box::new(move |name: &str| given.variable(name));
    PluginFolder::new(&settings.folders.plugins_dir, variable, Box::new(move |asked| archive.check(Some(asked))))
}

/// Connects; with `DEV=true`, to an empty warehouse.
async fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Warehouse>> {
    if !(settings.database.dev && settings.database.init_db) {
        return connected(&settings.address()).await;
    }
    let warehouse = warehouse::connect(&settings.address()).await.map_err(usage)?;
    warn!(database = warehouse.address(), "DEV=true: dropping staging, datawarehouse and catalog");
    warehouse.drop_all().await?;
    prepare(&*warehouse).await?;
    Ok(warehouse)
}

/// Makes the daemon wait for its prerequisites, with growing pauses; `None` if it is asked to stop meanwhile. A single
/// run fails at once.
async fn patiently<T>(
    until: Until,
    stop: &impl AsyncFn(),
    alerts: &Alerts,
    attempt: impl AsyncFn() -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let mut pause = None;
    loop {
        match attempt().await {
            Err(error) if until == Until::Signal && is_passing(&error) => {
                let why = chain(&error);
                if Backoff::of(&mut pause, &why) {
                    error!("{why}; waiting until that is fixed");
                    alerts.raise(Kind::Trouble, TROUBLE, &why, "fix that; files wait until then", None);
                }
            }
            done => {
                if pause.is_some() && done.is_ok() {
                    info!("all is well again");
                    alerts.recover(Kind::Trouble, TROUBLE, "the program has begun to load");
                }
                return done.map(Some);
            }
        }
        let over = pause.as_ref().map_or_else(Instant::now, Backoff::until);
        tokio::select! {
            () = stop() => return Ok(None),
            () = tokio::time::sleep_until(over.into()) => {}
        }
    }
}

/// Returns true if a later attempt may succeed.
fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<WarehouseError>().is_some_and(WarehouseError::is_transient)
        || error.downcast_ref::<std::io::Error>().is_some_and(passes)
}

/// Logs the programs that load out of the folder already. A place is locked as long as its program lives, so the
/// content of a locked one is that program's own, even if its process number has been reused since.
fn name_others(folder: &Path) {
    for place in places(folder).unwrap_or_default() {
        if !place.watches {
            continue;
        }
        let who = read_state(&place).map_or_else(String::new, |State { pid, host, started, .. }| {
            format!(" (pid {pid} on {host} since {})", moment(started))
        });
        info!(folder = %folder.display(), "another one watches this folder too{who}: both may, each file is loaded once");
    }
}

/// Returns a function that ends each time the program is asked to stop.
///
/// # Errors
/// Signals that cannot be waited for.
pub fn stop_signal() -> std::io::Result<impl AsyncFn()> {
    let signals = Mutex::new((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?));
    Ok(async move || {
        let (terminate, interrupt) = &mut *signals.lock().await;
        tokio::select! {
            _ = terminate.recv() => info!("asked to stop (SIGTERM)"),
            _ = interrupt.recv() => info!("asked to stop (Ctrl-C)"),
        }
    })
}
