//! From settings to a watched folder: makes what is missing, starts the worker, waits for the signal, drains.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tracing::{debug, error, info, warn};

use crate::alert::{Alerts, Kind};
use crate::app::App;
use crate::archive::{Archive, OnSuccess};
use crate::dataset::plugin::{PluginFolder, Plugins};
use crate::load::error::passes;
use crate::ops::status::moment;
use crate::settings::{Build, Settings};
use crate::source::{Folder, open_to_others, places};
use crate::text::chain;
use crate::text::rights::explain_folder;
use crate::warehouse::{self, Scope, Warehouse, WarehouseError};
use crate::worker::{Backoff, State, TROUBLE, Totals, Watch, build, read_state};

/// A wrong setting or usage: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// How long the daemon loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until the folder is empty.
    Empty,
    /// Until the signal to stop.
    Signal,
}

/// How long connections may take to close.
const CLOSING: Duration = Duration::from_secs(5);

/// How long alerts may take then.
const TELLING: Duration = Duration::from_secs(3);

/// Connects and makes what is missing, or, with `INIT_DB=false`, says what is.
///
/// # Errors
/// [`Usage`] where a setting is of no use or something is missing, else what the database says.
pub async fn connect(settings: &Settings) -> anyhow::Result<App> {
    Ok(App::builder(settings).build(connected(settings).await?))
}

async fn connected(settings: &Settings) -> anyhow::Result<Arc<dyn Warehouse>> {
    let warehouse = warehouse::connect(&settings.address()).await.map_err(usage)?;
    if settings.database.init_db {
        prepare(&*warehouse).await?;
    } else {
        let missing = warehouse.missing().await?;
        if !missing.is_empty() {
            let list = missing.join(", ");
            return Err(Usage(format!(
                "INIT_DB is false, and missing in {}: {list}; start once with INIT_DB=true",
                warehouse.address()
            ))
            .into());
        }
    }
    Ok(warehouse)
}

/// Loads files out of the folder.
///
/// # Errors
/// As [`connect`], and when a folder cannot be made or read.
pub async fn run(settings: &Settings, folder: &Path, until: Until) -> anyhow::Result<Totals> {
    settings.may_watch(folder).map_err(|error| Usage(error.to_string()))?;
    for path in [folder, &settings.folders.exports_dir] {
        if path.is_dir() {
            continue;
        }
        if !settings.database.init_db {
            return Err(Usage(format!("INIT_DB is false, and there is no folder {}: make it", path.display())).into());
        }
        std::fs::create_dir_all(path).map_err(|error| {
            Usage(format!("cannot make the folder {}: {}", path.display(), explain_folder(error, path)))
        })?;
        info!(folder = %path.display(), "made the folder");
    }
    // Nothing else is done where what is asked for cannot be.
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
    let mut plugins = plugin_folder(settings, archive.clone());
    let read = plugins.read(&Plugins::default());
    if let (Until::Empty, Some(error)) = (until, read.errors().next()) {
        return Err(Usage(error.to_string()).into());
    }
    read.announce();
    // The watch of a folder says what is wrong with plugins.
    let builder = App::builder(settings).imports(folder).plugins(read).alerts(alerts).archive(archive);
    let app = builder.build(warehouse);
    if settings.database.dev && settings.database.init_db {
        app.loader.deletions.forget();
    }
    info!(database = app.workspace.warehouse.address(), "connected");
    if settings.keeping.on_success == OnSuccess::Delete && app.workspace.catalog.loads(1).await?.is_empty() {
        info!(folder = %folder.display(), "files are deleted after they were loaded: copy them in (cp), do not move them, to keep them elsewhere");
    }

    let settle = Duration::from_secs_f64(settings.watching.settle_seconds);
    let app = Arc::new(app);
    let archive = app.loader.archive.clone();
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
    let watch = Watch::new(app.clone(), place, plugins, settle, settings.watching.poll);
    let totals = match until {
        Until::Empty => {
            meet_server(&app).await;
            let totals = watch.once(stop).await?;
            archive.purge().await;
            totals
        }
        Until::Signal => {
            let purging = tokio::spawn(async move { archive.purge_for_ever().await });
            // Another program may be writing into the database for long; files are looked at meanwhile.
            let met = app.clone();
            let meeting = tokio::spawn(async move { meet_server(&met).await });
            let building = (settings.building.pipeline == Build::OnLoad).then(|| tokio::spawn(build(app.clone())));
            let totals = watch.forever(stop).await;
            meeting.abort();
            purging.abort();
            // A run that is cut short changes nothing.
            building.inspect(JoinHandle::abort);
            let Totals {
                loaded, waiting, rows_read, rows_loaded, rows_rejected, rows_duplicate, rows_filtered, ..
            } = totals;
            info!(
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
    // Who does not end in time has rolled back, or copies the log at the next start.
    let closing = tokio::time::timeout(CLOSING, app.workspace.warehouse.close());
    let _ = tokio::join!(closing, app.loader.alerts.finish(TELLING));
    Ok(totals)
}

/// Compares what was deleted with the ledger, which may be that of another server, or an older state of it. Where it cannot, the first
/// load does it.
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

/// The folder of the plugins, to be read again and again.
fn plugin_folder(settings: &Settings, archive: Arc<Archive>) -> PluginFolder {
    let given = settings.clone();
    let variable = Box::new(move |name: &str| given.variable(name));
    PluginFolder::new(&settings.folders.plugins_dir, variable, Box::new(move |asked| archive.check(Some(asked))))
}

/// Connects; with `DEV=true` to an empty warehouse.
async fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Warehouse>> {
    if !(settings.database.dev && settings.database.init_db) {
        return connected(settings).await;
    }
    let warehouse = warehouse::connect(&settings.address()).await.map_err(usage)?;
    warn!(database = warehouse.address(), "DEV=true: dropping staging, datawarehouse and catalog");
    warehouse.drop_all().await?;
    prepare(&*warehouse).await?;
    Ok(warehouse)
}

/// Makes the daemon wait for what it cannot begin without, with pauses that grow; `None` where it was asked to stop meanwhile. Who asks for
/// what is there now is told at once.
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

/// Whether the same may go well later.
fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<WarehouseError>().is_some_and(WarehouseError::is_transient)
        || error.downcast_ref::<std::io::Error>().is_some_and(passes)
}

async fn prepare(warehouse: &dyn Warehouse) -> anyhow::Result<()> {
    warehouse.prepare().await.map_err(|error| {
        let refused = error.to_string().contains("permission denied for database");
        let hint = if refused { "; grant create on the database to the user, or make the schemas for it" } else { "" };
        let what = format!("cannot make the schemas in {}", warehouse.address());
        match error {
            error if refused => Usage(format!("{what}: {error}{hint}")).into(),
            WarehouseError::Newer(..) => error.into(),
            error => anyhow::Error::from(error).context(what),
        }
    })
}

/// Connects to a warehouse that is there already, and makes nothing.
///
/// # Errors
/// [`Usage`] where there is none yet, else what the database says.
pub async fn look(settings: &Settings) -> anyhow::Result<App> {
    let mut settings = settings.clone();
    settings.database.init_db = false;
    let nothing = |address: &str| Usage(format!("there is no warehouse in {address} yet: start app, or app --once"));
    let warehouse = match warehouse::connect(&settings.address()).await {
        Err(WarehouseError::Missing(_)) => return Err(nothing(&settings.database.database_url).into()),
        done => done.map_err(usage)?,
    };
    if !warehouse.missing().await?.is_empty() {
        return Err(nothing(warehouse.address()).into());
    }
    Ok(App::builder(&settings).build(warehouse))
}

fn usage(error: WarehouseError) -> anyhow::Error {
    match error {
        WarehouseError::Address(_) => Usage(error.to_string()).into(),
        WarehouseError::Missing(path) => {
            Usage(format!("there is no file {path}, and INIT_DB=false makes none: start once with INIT_DB=true")).into()
        }
        other => other.into(),
    }
}

/// Says which programs load out of the folder already. A place in it is locked as long as its program lives, so what stands in a locked
/// one is that program's own, whatever numbers the system has given to others since.
fn name_others(folder: &Path) {
    for place in places(folder).unwrap_or_default() {
        if !place.lives {
            continue;
        }
        let who = read_state(&place).map_or_else(String::new, |State { pid, host, started, .. }| {
            format!(" (pid {pid} on {host} since {})", moment(started))
        });
        info!(folder = %folder.display(), "another one watches this folder too{who}: both may, each file is loaded once");
    }
}

/// Ends each time the program is asked to stop.
fn stop_signal() -> std::io::Result<impl AsyncFn()> {
    let signals = Mutex::new((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?));
    Ok(async move || {
        let (terminate, interrupt) = &mut *signals.lock().await;
        tokio::select! {
            _ = terminate.recv() => info!("asked to stop (SIGTERM)"),
            _ = interrupt.recv() => info!("asked to stop (Ctrl-C)"),
        }
    })
}
