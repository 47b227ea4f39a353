//! Drops a table and all that belongs to it: a staging table with the ledger's claim to its rows, a table of the star,
//! or a question's view. One transaction drops all of it or, with the reason, nothing.

use std::io;
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;
use tracing::{info, warn};

use crate::analysis::delete_exports;
use crate::app::App;
use crate::catalog::History;
use crate::catalog::QuestionView;
use crate::export::Format;
use crate::pipeline::RunError;
use crate::project::Model;
use crate::project::{sql_file, sql_paths};
use crate::sql::{Names, Schema, Table};
use crate::star::TableState;
use crate::text::nearest;
use crate::warehouse::relying::{definition_of, relying_on};
use crate::warehouse::{Scope, Transaction, WarehouseError};

/// The wait for other sessions' locks on the table.
const PATIENCE: Duration = Duration::from_secs(10);

/// The objects that were dropped, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The table or view, with its schema.
    pub table: String,
    /// `staging`, `dimension`, `fact`, `bridge`, `calendar`, `table` or `view` of the star, or `question`.
    pub kind: String,
    /// The number of rows; `None` for a view.
    pub rows: Option<u64>,
    /// The loads that brought the rows: their files count as new again.
    pub loads: Vec<i64>,
    /// Auxiliary tables of the program.
    pub beside: Vec<String>,
    /// Views of this program that read the table.
    pub views: Vec<String>,
    /// Files in `exports/`.
    pub exports: Vec<String>,
    /// Files of `sql/` that read the table or refer to it.
    pub read_by: Vec<String>,
    /// The file of `sql/` that makes the table again.
    pub made_by: Option<String>,
}

/// The reasons why a table stays.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// There is no such table.
    #[error("there is no table or view {name}{hint}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The nearest existing name.
        hint: String,
    },
    /// The name fits two tables.
    #[error("there are {0} and {1}: say which")]
    Ambiguous(String, String),
    /// The table is foreign: this program did not make it.
    #[error("{0} was not made by Sluice: drop it in the database")]
    Foreign(String),
    /// Other objects rest on the table.
    #[error("{table} stays, because these rest on it: {relying}; drop them first")]
    ReliedOn {
        /// The table.
        table: String,
        /// The objects that rest on it.
        relying: String,
    },
    /// An export cannot be deleted.
    #[error("{path}: {error}; nothing was dropped")]
    Export {
        /// The file.
        path: String,
        /// The system's error.
        error: io::Error,
    },
    /// The database's error.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

/// A table that is to be dropped, and the facts about it.
enum What {
    Staging,
    Star(TableState),
    Question,
}

/// Drops the table or view called `name` (`staging.x`, `datawarehouse.y`, or without a schema). Unless `really`, only
/// finds out what would be dropped.
///
/// # Errors
/// When there is no such table, or others rest on it: nothing is dropped then.
pub async fn drop_table(app: &App, name: &str, really: bool) -> Result<Dropped, DropError> {
    let names = app.workspace.warehouse.names();
    let table = find(app, name).await?;
    // The ledger's line waits for a load's lock; a snapshot of an earlier moment could not take it.
    let mut transaction = match table.schema {
        Schema::Staging => app.workspace.warehouse.begin(Scope::Load).await?,
        _ => app.workspace.catalog.begin_run().await?,
    };
    transaction.wait_at_most(PATIENCE).await?;
    if table.schema == Schema::Staging {
        app.workspace.catalog.lock(&mut *transaction, &table.name).await?;
    }
    let questions = app.workspace.catalog.questions(&mut *transaction).await?;
    let states = app.workspace.catalog.star(&mut *transaction).await?;
    let what = match (table.schema, states.iter().find(|state| state.name == table.name)) {
        (Schema::Staging, _) => What::Staging,
        (_, Some(state)) => What::Star(state.clone()),
        (_, None) => What::Question,
    };
    let own = own_views(&mut *transaction, names, &questions, &states).await?;
    let relying = relying_on(&mut *transaction, names, &table).await?;
    let is_own = |of_star: &Option<Table>| of_star.as_ref().is_some_and(|table| own.contains(table));
    let others: Vec<_> = relying.iter().filter(|one| !(one.is_view && is_own(&one.of_star))).collect();
    if !others.is_empty() {
        let relying: Vec<_> = others.iter().map(|one| one.shown.clone()).collect();
        return Err(DropError::ReliedOn { table: names.shown(&table), relying: relying.join(", ") });
    }
    let views: Vec<_> = relying.into_iter().filter_map(|one| one.of_star).collect();
    let mut done = Dropped { table: names.shown(&table), ..files_of(app, &table) };
    done.kind = match &what {
        What::Staging => "staging".to_owned(),
        What::Star(state) => state.kind.clone(),
        What::Question => "question".to_owned(),
    };
    let mut all = views.clone();
    all.push(table.clone());
    transaction.lock_alone(&all).await?;
    for one in &all {
        take(app, &mut *transaction, one, &mut done).await?;
    }
    done.views = views.iter().map(|view| names.shown(view)).collect();
    let endings: Vec<_> = Format::value_variants().iter().map(|format| format.ending().to_owned()).collect();
    let lies = |path: &std::path::PathBuf| path.symlink_metadata().is_ok();
    let paths = all
        .iter()
        .flat_map(|one| endings.iter().map(|ending| app.workspace.exports.join(format!("{}.{ending}", one.name))));
    done.exports = paths.filter(lies).map(|path| path.display().to_string()).collect();
    if !really {
        return Ok(done);
    }
    for one in &all {
        delete_exports(&app.workspace.exports, &one.name, &endings).map_err(|error| match error {
            RunError::Export { path, error } => DropError::Export { path, error },
            other => {
                DropError::Export { path: app.workspace.exports.display().to_string(), error: io::Error::other(other) }
            }
        })?;
    }
    transaction.commit().await?;
    if let What::Staging = what
        && let Err(why) = note(app, &table.name).await
    {
        warn!(
            "the drop cannot be noted: {why}; should an older state be restored, files that were kept of its loads come back"
        );
    }
    info!(table = done.table, rows = done.rows, loads = done.loads.len(), "dropped");
    Ok(done)
}

/// Notes beside the folder's deletes that a staging table was dropped: its loads are lost with no database.
async fn note(app: &App, table: &str) -> anyhow::Result<()> {
    let catalog = app.workspace.catalog.identity().await?;
    app.loader.deletions.note_drop(table, catalog)?;
    Ok(())
}

/// Drops one table or view, and its rows in the catalog.
async fn take(
    app: &App,
    transaction: &mut dyn Transaction,
    table: &Table,
    done: &mut Dropped,
) -> Result<(), DropError> {
    let (names, quoted) = (app.workspace.warehouse.names(), app.workspace.warehouse.names().table(table));
    let is_view = definition_of(transaction, names, table).await?.is_some();
    let is_there = !transaction.columns(table).await?.is_empty();
    if is_there && !is_view {
        let count = transaction.query(&format!("select count(*) from {quoted}"), &[]).await?;
        done.rows = count.first().map(|row| row.get(0)).transpose()?;
    }
    let mut beside = Vec::new();
    if table.schema == Schema::Staging {
        beside.push(History::of(names, table).kept().clone());
        done.loads = app.workspace.catalog.drop_dataset(transaction, &table.name).await?;
    } else {
        let kept = ["seen", "retired"].map(|what| format!("{}_{what}", table.name));
        beside.extend(kept.map(|name| Table { schema: Schema::Catalog, name }));
        app.workspace.catalog.forget_star(transaction, &table.name).await?;
        app.workspace.catalog.forget_remembered(transaction, &table.name, None).await?;
        app.workspace.catalog.forget_question(transaction, &table.name).await?;
    }
    if is_there {
        let word = if is_view { "view" } else { "table" };
        transaction.execute(&format!("drop {word} {quoted}"), &[]).await?;
    }
    for one in beside {
        if !transaction.columns(&one).await?.is_empty() {
            transaction.execute(&format!("drop table {}", names.table(&one)), &[]).await?;
            done.beside.push(names.shown(&one));
        }
    }
    Ok(())
}

/// Returns the table with this name.
async fn find(app: &App, name: &str) -> Result<Table, DropError> {
    let names = app.workspace.warehouse.names();
    let mut transaction = app.workspace.warehouse.begin(Scope::Load).await?;
    let datasets = app.workspace.catalog.datasets_in(&mut *transaction).await?;
    let states = app.workspace.catalog.star(&mut *transaction).await?;
    let questions = app.workspace.catalog.questions(&mut *transaction).await?;
    let own = crate::project::own_views(&app.workspace.sql);
    let of_star = |name: &String| {
        states.iter().any(|state| state.name == *name)
            || questions.iter().any(|view| view.name == *name)
            || own.iter().any(|view| view.name == *name)
    };
    let (schema, last) = match name.split_once('.') {
        Some((schema, last)) => (names.schema_named(schema), last.to_owned()),
        None => (None, name.to_owned()),
    };
    let wanted = |one: Schema| schema == Some(one) || !name.contains('.');
    let (mut ours, mut foreign) = (Vec::new(), Vec::new());
    for table in [Table::staging(&last), Table::datawarehouse(&last)] {
        if !wanted(table.schema) {
            continue;
        }
        let is_there = !transaction.columns(&table).await?.is_empty();
        let is_ours = match table.schema {
            Schema::Staging => datasets.contains(&table.name),
            _ => of_star(&table.name),
        };
        // A staging table that is gone may still have the ledger's claim to its rows.
        let is_claimed = table.schema == Schema::Staging && is_ours;
        match (is_there, is_ours) {
            (true, true) => ours.push(table),
            (true, false) => foreign.push(table),
            _ if is_claimed => ours.push(table),
            _ => {}
        }
    }
    match (&ours[..], &foreign[..]) {
        ([one], _) => Ok(one.clone()),
        ([one, other], _) => Err(DropError::Ambiguous(names.shown(one), names.shown(other))),
        (_, [foreign, ..]) => Err(DropError::Foreign(names.shown(foreign))),
        _ => {
            let known = datasets.into_iter().chain(states.into_iter().map(|state| state.name));
            let known: Vec<_> = known.chain(questions.into_iter().map(|view| view.name)).collect();
            let hint = nearest(&last, known.iter().map(String::as_str));
            Err(DropError::Unknown { name: name.to_owned(), hint })
        }
    }
}

/// Returns the views that this program made, as far as they are unchanged since.
async fn own_views(
    transaction: &mut dyn Transaction,
    names: &Names,
    questions: &[QuestionView],
    states: &[TableState],
) -> Result<Vec<Table>, WarehouseError> {
    let of_star = states.iter().filter(|state| state.kind == "view").map(|state| Table::datawarehouse(&state.name));
    let mut own: Vec<_> = of_star.collect();
    for view in questions {
        let table = Table::datawarehouse(&view.name);
        if definition_of(transaction, names, &table).await?.as_ref() == Some(&view.definition) {
            own.push(table);
        }
    }
    Ok(own)
}

/// Returns the files of `sql/` that concern a table. A file that cannot be read is left to the next run.
fn files_of(app: &App, table: &Table) -> Dropped {
    let names = app.workspace.warehouse.names();
    let mut found = Dropped::default();
    for folder in ["pipeline", "analysis"] {
        let paths = sql_paths(&app.workspace.sql.join(folder), names.engine).unwrap_or_default();
        for path in paths {
            let shown = format!("sql/{folder}/{}", file_name(&path));
            let Ok(file) = sql_file(path, names.engine) else { continue };
            let Ok((name, select)) = file.read() else { continue };
            let refers = || Model::parse(&file).is_ok_and(|model| model.needs(names).contains(&table.name));
            if table.schema == Schema::Datawarehouse && name == table.name {
                found.made_by = Some(shown);
            } else if select.tables(names).contains(table)
                || folder == "pipeline" && table.schema == Schema::Datawarehouse && refers()
            {
                found.read_by.push(shown);
            }
        }
    }
    found
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
