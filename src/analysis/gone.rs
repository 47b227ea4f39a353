//! A question without its file loses its view and its exports. A view that another program made stays.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use tracing::{info, warn};

use crate::catalog::QuestionView;
use crate::catalog::Workspace;
use crate::pipeline::RunError;
use crate::sql::Table;
use crate::warehouse::Transaction;
use crate::warehouse::relying::{definition_of, relying_on};

/// Drops the views whose files are gone from `sql/analysis/`, and deletes their exports. If the folder is missing or
/// cannot be read, they stay.
///
/// # Errors
/// The database's error, or an export that cannot be deleted: all is left as it was then.
pub(super) async fn forget(workspace: &Workspace) -> Result<(), RunError> {
    let Ok(files) = std::fs::read_dir(workspace.sql.join("analysis")) else { return Ok(()) };
    let Ok(files) = files.collect::<Result<Vec<_>, _>>() else { return Ok(()) };
    let stem = |file: &std::fs::DirEntry| {
        let path = file.path();
        path.extension().filter(|ending| *ending == "sql")?;
        Some(path.file_stem()?.to_string_lossy().into_owned())
    };
    let files: BTreeSet<_> = files.iter().filter_map(stem).collect();
    let mut transaction = workspace.catalog.begin_run().await?;
    let made = workspace.catalog.questions(&mut *transaction).await?;
    let mut left: Vec<_> = made.into_iter().filter(|view| !files.contains(&view.name)).collect();
    if left.is_empty() {
        return Ok(());
    }
    // A reader goes before the view that it reads.
    loop {
        let before = left.len();
        for view in std::mem::take(&mut left) {
            if !drop_one(workspace, &mut *transaction, &view).await? {
                left.push(view);
            }
        }
        if left.is_empty() || left.len() == before {
            break;
        }
    }
    for view in &left {
        let table = Table::datawarehouse(&view.name);
        let relying = relying_on(&mut *transaction, workspace.warehouse.names(), &table).await?;
        let relying: Vec<_> = relying.into_iter().map(|one| one.shown).collect();
        let (file, relying) = (&view.name, relying.join(", "));
        warn!(
            view = workspace.warehouse.names().shown(&table),
            "its file sql/analysis/{file}.sql is gone; the view stays, because {relying} reads it"
        );
    }
    transaction.commit().await?;
    Ok(())
}

/// Drops a view and deletes its exports, unless others rest on it.
async fn drop_one(
    workspace: &Workspace,
    transaction: &mut dyn Transaction,
    view: &QuestionView,
) -> Result<bool, RunError> {
    let (names, table) = (workspace.warehouse.names(), Table::datawarehouse(&view.name));
    let definition = definition_of(transaction, names, &table).await?;
    let is_ours = definition.as_ref() == Some(&view.definition);
    if is_ours && !relying_on(transaction, names, &table).await?.is_empty() {
        return Ok(false);
    }
    if is_ours {
        transaction.execute(&format!("drop view {}", names.table(&table)), &[]).await?;
    }
    workspace.catalog.forget_question(transaction, &view.name).await?;
    let exports = delete_exports(&workspace.exports, &view.name, &view.exports)?;
    let (file, shown, exports) = (&view.name, names.shown(&table), exports.join(", "));
    match (definition, is_ours) {
        (Some(_), false) => warn!(
            view = shown,
            exports,
            "its file sql/analysis/{file}.sql is gone; the view stays, because somebody has made it anew since"
        ),
        _ => info!(
            view = shown,
            exports, "its file sql/analysis/{file}.sql is gone: the view is dropped, its exports are deleted"
        ),
    }
    Ok(true)
}

/// Deletes the exports of a table; returns those that existed.
///
/// # Errors
/// When one cannot be deleted.
pub(crate) fn delete_exports(folder: &Path, name: &str, endings: &[String]) -> Result<Vec<String>, RunError> {
    let mut deleted = Vec::new();
    for ending in endings {
        let path = folder.join(format!("{name}.{ending}"));
        match std::fs::remove_file(&path) {
            Ok(()) => deleted.push(path.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(RunError::Export { path: path.display().to_string(), error }),
        }
    }
    Ok(deleted)
}
