//! The parts of a project, each with what was found of it, or how to fix it. Changes nothing.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::destination;
use super::status::{Need, closed, rows_gone, rows_lost, silent};
use crate::alert::{Alert, Channel};
use crate::app::App;
use crate::archive::{OnSuccess, Place};
use crate::catalog::{Catalog, Extent};
use crate::dataset::destination::Destination;
use crate::dataset::plugin::Plugins;
use crate::project::{first_step, has_sql, sql_files};
use crate::settings::{Settings, database_file};
use crate::source::{CLAIMS, FAILED, Foreign, foreign_claims, foreign_failed, open_to_others, places};
use crate::sql::{Engine, Table, TableColumn, TableDef};
use crate::text::counted;
use crate::text::rights::explain_folder;
use crate::warehouse::{Address, Scope, WarehouseError, with_grants};
use crate::worker::{absent, read_state};

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The part that was looked at.
    pub check: String,
    /// True if it is as it should be.
    pub ok: bool,
    /// The findings, or how to fix it.
    pub text: String,
}

impl Check {
    fn new(check: impl Into<String>, result: Result<String, String>) -> Check {
        let (ok, text) = (result.is_ok(), result.unwrap_or_else(|why| why));
        Check { check: check.into(), ok, text }
    }
}

/// Checks every part of a project; `watched` asks for its health, so that it also fails if no program watches the folder,
/// and `alert_test` sends a test message.
///
/// # Errors
/// In words, if the settings of the alerts are wrong.
pub async fn doctor(settings: &Settings, watched: bool, alert_test: bool) -> Result<Vec<Check>, String> {
    let mut checks = database(settings, !watched).await;
    let folders = &settings.folders;
    // While its folder is gone a daemon waits for it, and says so elsewhere.
    let absent = absent(&folders.exports_dir, &folders.imports_dir);
    let gone = absent.first().filter(|_| !folders.imports_dir.is_dir()).map(|state| {
        format!("it is gone, and the daemon (pid {}) waits for it: make it, mount it or move it back", state.pid)
    });
    let mut written = vec![&folders.imports_dir, &folders.exports_dir, &folders.logs_dir];
    // An archive in which nothing was kept yet is made when something is.
    if let Place::Folder(archive) = &settings.keeping.archive
        && (archive.exists() || settings.keeping.on_success != OnSuccess::Delete)
    {
        written.push(archive);
    }
    for path in written {
        let result = match &gone {
            Some(gone) if *path == folders.imports_dir => Err(gone.clone()),
            _ if !path.exists() && matches!(&settings.keeping.archive, Place::Folder(archive) if archive == path) => {
                writable_above(path)
            }
            // Pulls without rejects need none, and what comes out is written by whoever has something.
            _ if !watched && *path == folders.exports_dir && !path.exists() && settings.database.init_db => {
                writable_above(path)
            }
            // Loading goes on without it, and its health is what is asked for.
            _ if watched && *path == folders.logs_dir => {
                writable(path).or_else(|why| Ok(format!("warning: {why}; loading goes on without the log")))
            }
            _ => writable(path),
        };
        checks.push(Check::new(format!("folder {}", path.display()), result));
    }
    // No fault of the program's, and it loads: whoever runs it decides.
    if let Ok(Some(warning)) = open_to_others(&folders.imports_dir) {
        let what = format!("who may write in {}", folders.imports_dir.display());
        checks.push(Check::new(what, Ok(format!("warning: {warning}"))));
    }
    for (name, found) in
        [(FAILED, foreign_failed(&folders.imports_dir)), (CLAIMS, foreign_claims(&folders.imports_dir))]
    {
        if let Ok(Some(Foreign { what: fault, fix })) = found {
            let what = format!("folder {}", folders.imports_dir.join(name).display());
            checks.push(Check::new(what, Err(format!("{fault}; {fix}"))));
        }
    }
    let plugins = Plugins::read_right(&folders.plugins_dir, &|name| settings.variable(name));
    let wrong: Vec<_> = plugins.errors().map(ToString::to_string).collect();
    let result = if wrong.is_empty() {
        Ok(counted(plugins.count() as u64, "plugin"))
    } else {
        Err(format!("{}; files that they claim are held back until that is fixed", wrong.join("; ")))
    };
    checks.push(Check::new(format!("folder {}", folders.plugins_dir.display()), result));
    for (destination, names) in destination::all(&plugins, &settings.database.database_url) {
        let what = format!("destination {destination} of {}", names.join(", "));
        checks.push(Check::new(what, reached(settings, destination).await));
    }
    let engine = Engine::of_url(&settings.database.database_url);
    for name in ["pipeline", "analysis"] {
        let path = folders.sql_dir.join(name);
        // A project that only loads needs none.
        let result = if has_sql(&path) {
            sql_files(&path, engine).map(|files| counted(files.len() as u64, "file")).map_err(|error| error.to_string())
        } else {
            Ok(format!("none, which is all right where files are only loaded; to begin, {}", first_step(&path)))
        };
        checks.push(Check::new(format!("folder {}", path.display()), result));
    }
    let result = match watchers(&folders.imports_dir) {
        Ok((true, needs)) if needs.is_empty() => Ok("yes".to_owned()),
        Ok((true, needs)) => {
            let needs: Vec<_> = needs.into_iter().map(|Need { what, fix }| format!("{what}; {fix}")).collect();
            Err(format!("yes, but {}", needs.join("; ")))
        }
        _ if gone.is_some() => Err("not now: the daemon waits for the folder".to_owned()),
        Ok(_) if watched => Err("no: start app".to_owned()),
        Ok(_) => Ok("no: app is not running".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    checks.push(Check::new(format!("{} is watched", folders.imports_dir.display()), result));
    checks.extend(alerts(settings, alert_test).await?);
    Ok(checks)
}

/// Tells whether a program has a place in the folder, and what keeps such programs from their work, as `app status` tells it:
/// they say nothing of themselves, or cannot write a folder.
fn watchers(folder: &Path) -> std::io::Result<(bool, Vec<Need>)> {
    let living: Vec<_> = places(folder)?.into_iter().filter(|place| place.watches).collect();
    let states: Vec<_> = living.iter().filter_map(read_state).collect();
    let states: Vec<_> = states.iter().collect();
    let needs = silent(&states, folder, Utc::now()).into_iter().chain(closed(&states));
    Ok((!living.is_empty(), needs.collect()))
}

/// Asks the database for an answer, for its schemas and, where that is `tried`, for a place for rows.
async fn database(settings: &Settings, tried: bool) -> Vec<Check> {
    let mut settings = settings.clone();
    // A look must not make a database.
    settings.database.init_db = false;
    let address = Address { reads: true, ..settings.address() };
    let url = address.url.clone();
    let what = format!("database {}", crate::settings::without_password(&url));
    let app = match crate::warehouse::connect(&address).await {
        Ok(warehouse) => App::builder(&settings).build(warehouse),
        Err(WarehouseError::Missing(path)) => {
            return vec![Check::new(what, Err(format!("there is no file {path} yet; start app, or app --once")))];
        }
        Err(error) => return vec![Check::new(what, Err(format!("{error}; is DATABASE_URL right?")))],
    };
    let schemas = match app.workspace.warehouse.missing().await {
        Ok(missing) => match missing.refuse_taken() {
            Ok(()) if missing.to_make.is_empty() => Ok("staging, datawarehouse and catalog are there".to_owned()),
            Ok(()) => Err(format!("missing: {}; start app once with INIT_DB=true", missing.to_make.join(", "))),
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error.to_string()),
    };
    // It is all right within a network that is one's own, and so no fault.
    let mut answers = "answers".to_owned();
    if crate::settings::may_send_in_clear(&url) {
        answers += "; warning: a server, or somebody between, can ask for the password in clear: add sslmode=require \
                    or verify-full to DATABASE_URL";
    }
    for danger in app.workspace.warehouse.dangers().await.unwrap_or_default() {
        answers += &format!("; warning: {danger}");
    }
    let rights = if schemas.is_ok() { rights(&app).await } else { None };
    let rows = if tried && schemas.is_ok() { Some(rows(&app).await) } else { None };
    let dropped = if schemas.is_ok() { dropped(&app).await } else { None };
    let written = if tried && schemas.is_ok() { Some(takes_rows(&app, &url).await) } else { None };
    let mut checks = vec![Check::new(what, Ok(answers)), Check::new("schemas", schemas)];
    checks.extend(rights.map(|result| Check::new("rights of its user", result)));
    checks.extend(rows.map(|result| Check::new("rows of staging", result)));
    checks.extend(dropped.map(|warning| Check::new("dropped tables", Ok(warning))));
    checks.extend(written.map(|result| Check::new("the database takes rows", result)));
    checks
}

/// Asks a destination for an answer, for its schemas and rights.
async fn reached(settings: &Settings, destination: &Destination) -> Result<String, String> {
    let app = match destination::look(settings, destination).await {
        Ok(app) => app,
        Err(WarehouseError::Missing(path)) if settings.database.init_db => {
            return Ok(format!("there is no file {path} yet: the first pull makes it"));
        }
        Err(error) => return Err(format!("{error}; is the destination of the plugin right?")),
    };
    let found = async {
        let missing = app.workspace.warehouse.missing().await.map_err(|error| error.to_string())?;
        missing.refuse_taken().map_err(|error| error.to_string())?;
        match missing.to_make.is_empty() {
            true => {
                rights(&app).await.unwrap_or(Ok(String::new())).map(|_| "answers, with all that pulls need".to_owned())
            }
            false if settings.database.init_db => Ok("answers; the first pull makes what it needs".to_owned()),
            false => Err(format!("missing: {}; pull once with INIT_DB=true", missing.to_make.join(", "))),
        }
    };
    let found = found.await;
    app.workspace.warehouse.close().await;
    found
}

/// Compares the rows of each table of staging with the ledger's.
async fn rows(app: &App) -> Result<String, String> {
    let gone = app.workspace.catalog.gone(Extent::Count).await.map_err(|error| error.to_string())?;
    let lost = app.workspace.catalog.lost().await.map_err(|error| error.to_string())?;
    if gone.is_empty() && lost.is_empty() {
        return Ok("each table has the rows that its loads brought".to_owned());
    }
    let needs = gone.iter().map(rows_gone).chain(rows_lost(&lost));
    let needs: Vec<_> = needs.map(|Need { what, fix }| format!("{what}; {fix}")).collect();
    Err(needs.join("; "))
}

/// The tables that were dropped on purpose and came back with an older state of the database, in words. No fault: whoever
/// restored it may want them.
async fn dropped(app: &App) -> Option<String> {
    let tables = app.loader.deletions.dropped_again(&app.workspace.catalog).await.ok()?;
    let shown: Vec<_> = tables.iter().map(|table| format!("staging.{table}")).collect();
    let again: Vec<_> = shown.iter().map(|table| format!("app drop {table}")).collect();
    (!tables.is_empty()).then(|| {
        format!(
            "warning: app drop had dropped {}, and an older state of the database brought back what it dropped; to drop it again: {}",
            shown.join(", "),
            again.join("; ")
        )
    })
}

/// The rights that its user lacks for loads, each with the statement that grants it; `None` if the engine has no rights.
async fn rights(app: &App) -> Option<Result<String, String>> {
    let warehouse = &app.workspace.warehouse;
    let lacking = async |tables: &[Table], rights: &[&str]| {
        let lacking = warehouse.lacking(tables, rights).await.map_err(|error| error.to_string())?;
        // An owner's rights are needed for some changes of a table alone: its files wait then, and say so.
        let all = lacking.of_all.iter().chain(&lacking.of_tables).filter_map(|one| one.split("; or").next());
        let missing: Vec<_> = all.filter(|one| one.starts_with("grant ")).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("lacks some: {}", missing.join("; "))) }
    };
    let all = async {
        lacking(&Catalog::tables(), &["select", "insert", "update", "delete"]).await?;
        let mut transaction = warehouse.begin(Scope::Load).await.map_err(|error| error.to_string())?;
        let tables = app.workspace.catalog.datasets_in(&mut *transaction).await.map_err(|error| error.to_string())?;
        drop(transaction);
        let tables: Vec<_> = tables.iter().map(|name| Table::staging(name)).collect();
        lacking(&tables, &["select", "insert"]).await?;
        Ok(format!("it may read and write the catalog and {} of staging", counted(tables.len() as u64, "table")))
    };
    if !warehouse.names().engine.has_schemas() {
        return None;
    }
    Some(all.await)
}

/// The longest wait of the trial for others who write.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tries to write into a table of its own, and takes that back. A server's disk answers by itself; that of a file is tried too, for what is
/// not committed need not reach it.
async fn takes_rows(app: &App, url: &str) -> Result<String, String> {
    let names = app.workspace.warehouse.names();
    let table = Table::staging(&format!("doctor_{}", std::process::id()));
    let def = TableDef::new(table, [TableColumn::new("n", "bigint")]);
    let write = async {
        let mut transaction = app.workspace.warehouse.begin(Scope::Load).await?;
        transaction.execute(&names.create_table(&def), &[]).await?;
        let rows = "with recursive n(n) as (select 1 union all select n + 1 from n where n < 20000) select n from n";
        transaction.execute(&format!("insert into {} {rows}", names.table(&def.table)), &[]).await.map(drop)
    };
    match tokio::time::timeout(PATIENCE, write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            return Err(match with_grants(&*app.workspace.warehouse, &[def.table], error).await {
                WarehouseError::ReadOnly(why) => format!("cannot be written: {why}"),
                WarehouseError::Full(why) => format!("cannot be written: {why}; make room on its disk"),
                other => format!("cannot be written: {other}; {}", other.fix_of_answer().unwrap_or("fix that")),
            });
        }
        Err(_) => {
            return Ok(format!(
                "warning: not tried: others write, or the server was silent, for {} s",
                PATIENCE.as_secs()
            ));
        }
    }
    let Some(file) = database_file(url) else { return Ok("rows were written and taken back".to_owned()) };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    has_room(folder, ROOM).map(|free| format!("rows were written and taken back; {free} MiB are free"))
}

/// Bytes that are tried beside a database that is a file.
const ROOM: usize = 1 << 20;

/// Writes so many bytes into a file without a name, which is gone then; gives the MiB that are free in the folder.
fn has_room(folder: &Path, bytes: usize) -> Result<u64, String> {
    let written = tempfile::tempfile_in(folder).and_then(|mut file| {
        file.write_all(&vec![b'.'; bytes])?;
        file.sync_data()
    });
    written.map_err(|error| {
        let is_full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        let fix = if is_full { "; make room on its disk" } else { "" };
        format!("cannot be written: {}{fix}", explain_folder(error, folder))
    })?;
    let free = rustix::fs::statvfs(folder).map_err(|error| error.to_string())?;
    Ok(free.f_bavail.saturating_mul(free.f_frsize) >> 20)
}

/// One line where nothing is sent, else one for each way.
async fn alerts(settings: &Settings, send: bool) -> Result<Vec<Check>, String> {
    let channels = settings.alerting.channels()?;
    if channels.is_empty() {
        let none = "none: set ALERT_WEBHOOK, or ALERT_SMTP_URL, ALERT_FROM and ALERT_TO".to_owned();
        let result = if send { Err(none) } else { Ok(none) };
        return Ok(vec![Check::new("alerts", result)]);
    }
    if !send {
        let names: Vec<_> = channels.iter().map(Channel::name).collect();
        let warning = match channels.iter().any(Channel::may_send_in_clear) {
            true => {
                "; warning: the mail server, or somebody between, can ask for the password in clear: use smtps:// or tls=required"
            }
            false => "",
        };
        let text = format!("{}; app doctor --alert-test sends a test{warning}", names.join(", "));
        return Ok(vec![Check::new("alerts", Ok(text))]);
    }
    let mut checks = Vec::new();
    for channel in channels {
        let what = format!("alerts by {}", channel.name());
        let hint = format!("is {} right?", channel.setting());
        let sent = spawn_blocking(move || channel.send(&Alert::test())).await;
        let sent = sent.unwrap_or_else(|error| Err(error.to_string()));
        let result = sent.map(|()| "a test was sent".to_owned()).map_err(|why| format!("not sent: {why}; {hint}"));
        checks.push(Check::new(what, result));
    }
    Ok(checks)
}

/// Looks for the right to make a folder that is not there.
fn writable_above(path: &Path) -> Result<String, String> {
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(&path);
    writable(there).map(|_| "is made when it is needed".to_owned())
}

fn writable(path: &Path) -> Result<String, String> {
    if !path.is_dir() {
        return Err("there is no such folder: make it, or start app with INIT_DB=true".to_owned());
    }
    has_room(path, 4096).map(|_| "can be written".to_owned())
}
