//! `app check sql/`: checks the files of the star and of the analysis against each other. Runs none of them, changes
//! nothing.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{End, table};
use crate::daemon::{self, Usage};
use crate::project::Problem;
use crate::settings::Settings;
use crate::sql_check::{Files, check};
use crate::text::{chain, counted};

/// Returns true if a path is the SQL folder, or in it.
pub(super) fn is_sql(settings: &Settings, path: &Path) -> bool {
    match (path.canonicalize(), settings.folders.sql_dir.canonicalize()) {
        (Ok(path), Ok(sql)) => path.starts_with(sql),
        // In a project without one, the answer is its first file.
        (Err(_), Err(_)) => path.starts_with(&settings.folders.sql_dir),
        _ => false,
    }
}

pub(super) async fn run(settings: &Settings, path: &Path, json: bool) -> anyhow::Result<End> {
    let sql = &settings.folders.sql_dir;
    let names = settings.names();
    let files = Files::read(sql, names.engine).map_err(Usage)?;
    let wanted = path.canonicalize()?;
    let is_wanted = |file: &Path| file.canonicalize().is_ok_and(|file| file.starts_with(&wanted));
    let count = files.paths().filter(|file| is_wanted(file)).count();
    if count == 0 {
        let why = "a file of the star lies in pipeline/, one of the analysis in analysis/, and ends in .sql";
        return Err(Usage(format!("{}: there is nothing to check in it: {why}", path.display())).into());
    }
    let (app, why) = match daemon::look(settings).await {
        Ok(app) => (Some(app), None),
        Err(error) => (None, Some(error)),
    };
    let mut problems = check(&files, &names, app.as_ref().map(|app| &*app.workspace.warehouse)).await?;
    problems.retain(|problem| is_wanted(&problem.file));
    if let Some(why) = why {
        if problems.is_empty() {
            return Err(
                why.context("headers and the words of selects are right, tables and columns could not be looked at")
            );
        }
        let why = chain(&why.context("tables and columns could not be looked at"));
        writeln!(crate::text::shown::stderr(), "{why}")?;
    }
    print(&problems, count, json)?;
    Ok(if problems.is_empty() { End::Done } else { End::Failed })
}

fn print(problems: &[Problem], count: usize, json: bool) -> anyhow::Result<()> {
    if json {
        return problems.iter().try_for_each(table::print_json);
    }
    let mut out = crate::text::shown::stdout();
    for problem in problems {
        writeln!(out, "{problem}")?;
    }
    let mut files: Vec<&PathBuf> = problems.iter().map(|problem| &problem.file).collect();
    files.dedup();
    let all = counted(count as u64, "file");
    match problems.len() as u64 {
        0 => writeln!(out, "{all}: nothing wrong in the headers, selects and columns. Next: app plan")?,
        many => writeln!(out, "{all}: {} in {} of them", counted(many, "error"), files.len())?,
    }
    Ok(())
}
