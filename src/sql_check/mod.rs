//! Checks the files of `sql/` without running them: their headers, the inputs and outputs of their selects, and the
//! agreement of these. Empty tables with the columns of their files stand in for tables that are not built yet; nothing
//! is kept.

mod checks;
mod columns;
mod empty;
mod files;
mod given;

use std::path::Path;

use crate::project::Problem;
use crate::sql::Names;
use crate::warehouse::{Scope, Warehouse, WarehouseError};
use columns::Star;
pub(crate) use empty::{WithoutValues, gives_empty, reading_empty, without_values};
pub use files::Files;

/// Returns all problems of the files, by file and line; `warehouse`, if there is one, describes the selects.
///
/// # Errors
/// The database's error that is no file's fault.
pub async fn check(
    files: &Files,
    names: &Names,
    warehouse: Option<&dyn Warehouse>,
) -> Result<Vec<Problem>, WarehouseError> {
    let mut problems = files.problems.clone();
    let ordered = files.in_order(names, &mut problems);
    if let Some(warehouse) = warehouse {
        // The transaction ends with a rollback, and with it every stand-in.
        let mut transaction = warehouse.begin(Scope::Load).await?;
        let without_values = without_values(&mut *transaction, names).await?;
        let mut star = Star::new(files, &ordered, names, &mut *transaction, &mut problems, without_values);
        for one in ordered {
            star.look_at(one).await?;
        }
        for (path, select) in &files.headless {
            star.select(path, select, None).await?;
        }
    }
    problems.retain(|problem| !files.skipped.contains(&problem.file));
    problems.sort();
    problems.dedup();
    Ok(problems)
}

/// Returns all problems of the files in the folder `sql`, except those that `skip` names.
///
/// # Errors
/// The database's error that is no file's fault.
pub(crate) async fn problems(
    warehouse: &dyn Warehouse,
    sql: &Path,
    skip: impl Fn(&Path) -> bool,
) -> Result<Vec<Problem>, WarehouseError> {
    let names = warehouse.names();
    let Ok(files) = Files::read(sql, names.engine) else { return Ok(Vec::new()) };
    check(&files.without(skip), names, Some(warehouse)).await
}
