//! Looks at the files of `sql/` without running them: what their headers say, what their selects read and give, and whether that goes together.
//! Tables that are not built yet are stood in for by empty ones with the columns that their files would give them; nothing is kept.

mod columns;
mod files;
mod given;

use std::path::Path;

use crate::project::Problem;
use crate::sql::Names;
use crate::warehouse::{Scope, Warehouse, WarehouseError};
use columns::Star;
pub use files::Files;

/// Everything that is wrong with the files, by file and line; what the database has to be asked for is asked of `warehouse`, where there is one.
///
/// # Errors
/// What the database says that is no file's fault.
pub async fn check(
    files: &Files,
    names: &Names,
    warehouse: Option<&dyn Warehouse>,
) -> Result<Vec<Problem>, WarehouseError> {
    let mut problems = files.problems.clone();
    let ordered = files.in_order(names, &mut problems);
    if let Some(warehouse) = warehouse {
        // Dropped at the end, and with it every table that stood in for another.
        let mut transaction = warehouse.begin(Scope::Load).await?;
        let mut star = Star::new(files, &ordered, names, &mut *transaction, &mut problems);
        for one in ordered {
            star.look_at(one).await?;
        }
        for (path, select) in &files.headless {
            star.select(path, select).await?;
        }
    }
    problems.retain(|problem| !files.skipped.contains(&problem.file));
    problems.sort();
    problems.dedup();
    Ok(problems)
}

/// Everything that is wrong with the files in the folder `sql` but those that `skip` names.
///
/// # Errors
/// What the database says that is no file's fault.
pub(crate) async fn problems(
    warehouse: &dyn Warehouse,
    sql: &Path,
    skip: impl Fn(&Path) -> bool,
) -> Result<Vec<Problem>, WarehouseError> {
    let names = warehouse.names();
    let Ok(files) = Files::read(sql, names.engine) else { return Ok(Vec::new()) };
    check(&files.without(skip), names, Some(warehouse)).await
}
