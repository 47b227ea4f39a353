//! The files of `sql/` in their folders.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{ModelError, SqlFile};
use crate::sql::{Engine, Table, overruled_by, overrules};

/// Returns the `.sql` files of a folder with their texts, by name; each with the one that overrules it on an engine.
///
/// # Errors
/// When there are none, or one cannot be read.
pub(crate) fn sql_files(folder: &Path, engine: Engine) -> Result<Vec<SqlFile>, ModelError> {
    sql_paths(folder, engine)?.into_iter().map(|path| sql_file(path, engine)).collect()
}

/// Returns the `.sql` files of a folder by name, without those that overrule others.
///
/// # Errors
/// When there are none, or one overrules none.
pub(crate) fn sql_paths(folder: &Path, engine: Engine) -> Result<Vec<PathBuf>, ModelError> {
    let say = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => ModelError::of(folder, format!("there is no such folder: {}", first_step(folder))),
        _ => ModelError::of(folder, error.to_string()),
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(say)? {
        let path = entry.map_err(say)?.path();
        if is_sql(&path) {
            paths.push(path);
        }
    }
    let (own, mut both): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| overrules(path).is_some());
    let is_overruled =
        |path: &PathBuf| both.iter().any(|both| overruled_by(both, overrules(path).unwrap_or(engine)) == *path);
    if let Some(alone) = own.iter().find(|path| !is_overruled(path)) {
        return Err(ModelError::of(alone, "there is no file for both engines beside it, with the header"));
    }
    if both.is_empty() {
        return Err(ModelError::of(folder, format!("there is no .sql file in it: {}", first_step(folder))));
    }
    both.sort();
    Ok(both)
}

/// Returns true if a folder has `.sql` files, or cannot be read and so may have them.
pub(crate) fn has_sql(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().any(|entry| is_sql(&entry.path())),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Returns true for `.sql` files that are not hidden.
fn is_sql(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    path.extension().is_some_and(|ending| ending == "sql") && !hidden
}

/// Returns the first step to SQL files in a folder, in words.
pub(crate) fn first_step(folder: &Path) -> String {
    let shown = folder.display();
    if folder.file_name().is_some_and(|name| name == "pipeline") {
        let new = "app new dimension dim_NAME --from staging.TABLE";
        format!("{new} writes a first file into it; then run app --pipeline")
    } else {
        format!("write a select into {shown}/NAME.sql (mkdir -p {shown}) and run app --analysis")
    }
}

/// Returns a file, with the one that overrules it on an engine.
///
/// # Errors
/// When one of them cannot be read.
pub(crate) fn sql_file(path: PathBuf, engine: Engine) -> Result<SqlFile, ModelError> {
    let own = overruled_by(&path, engine);
    let own = if own.is_file() { Some((own.clone(), read_text(&own)?)) } else { None };
    Ok(SqlFile { text: read_text(&path)?, path, own })
}

/// Returns a file's text, without the byte order mark of editors on Windows.
fn read_text(path: &Path) -> Result<String, ModelError> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => ModelError::of(path, "it is not in UTF-8: save it so"),
        _ => ModelError::of(path, error.to_string()),
    })?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// Returns the views that `app --analysis` makes of the files in the folder `sql`: they can be made again.
pub(crate) fn own_views(sql: &Path) -> Vec<Table> {
    let files = fs::read_dir(sql.join("analysis")).into_iter().flatten().flatten();
    let sql = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ending| ending == "sql"));
    sql.filter_map(|path| Some(Table::datawarehouse(path.file_stem()?.to_str()?))).collect()
}
