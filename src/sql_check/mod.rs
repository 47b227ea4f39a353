//! Looks at the files of `sql/` without running them: what their headers say, what their selects read and give, and whether that goes together.
//! Tables that are not built yet are stood in for by empty ones with the columns that their files would give them; nothing is kept.

mod columns;
mod files;
mod given;

use std::path::PathBuf;

use serde::Serialize;

use crate::app::App;
use crate::warehouse::{Names, Scope, WarehouseError};
use columns::Star;
pub use files::Files;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where it is one's.
    pub line: Option<u64>,
    /// What is wrong, and what was perhaps meant.
    pub why: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}: {}", self.file.display(), self.line.unwrap_or(1), self.why)
    }
}

/// Everything that is wrong with the files, by file and line; what the database has to be asked for is asked of `app`, where there is one.
///
/// # Errors
/// What the database says that is no file's fault.
pub async fn check(files: &Files, names: &Names, app: Option<&App>) -> Result<Vec<Problem>, WarehouseError> {
    let mut problems = files.problems.clone();
    let ordered = files.in_order(names, &mut problems);
    if let Some(app) = app {
        // Dropped at the end, and with it every table that stood in for another.
        let mut transaction = app.warehouse.begin(Scope::Load).await?;
        let mut star = Star::new(files, names, &mut *transaction, &mut problems);
        for one in ordered {
            star.look_at(one).await?;
        }
    }
    problems.sort();
    problems.dedup();
    Ok(problems)
}
