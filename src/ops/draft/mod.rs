//! Writes a first file for a table of the star from a staging table: the column that names a row, the columns that name
//! members of existing dimensions. The file marks its guesses.

mod guess;
mod text;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::catalog::columns_read;
use crate::project::sql_files;
use crate::project::{Dimension, Kind, KindWord, Model, SqlFile};
use crate::schema::{EXTRA_COLUMN, LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Names, Schema, Table, TableColumn};
use crate::text::nearest;
use crate::warehouse::{Scope, Transaction, WarehouseError};

/// A file that was written.
#[derive(Debug)]
pub struct Draft {
    /// The path.
    pub path: PathBuf,
    /// The guesses, in words.
    pub guesses: Vec<String>,
}

/// The reasons why no file was written.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The request cannot be met: the reason and the alternatives, in words.
    #[error("{0}")]
    Asked(String),
    /// The file cannot be written.
    #[error("{path}: {error}")]
    File {
        /// The path.
        path: String,
        /// The system's error.
        error: std::io::Error,
    },
    /// The database's error.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

/// The facts that a file is written from.
#[derive(Debug)]
struct Known {
    /// The table's name, as files write it.
    from: String,
    columns: Vec<TableColumn>,
    facts: guess::Facts,
}

/// Writes `sql/pipeline/NAME.sql` for a table whose rows come from another one; a calendar needs none.
///
/// # Errors
/// When the name is no table's or taken, the other table is not there, or the file cannot be written.
pub async fn write(app: &App, kind: KindWord, name: &str, from: Option<&str>) -> Result<Draft, DraftError> {
    let path = free_path(&app.workspace.sql, name)?;
    let known = match from {
        Some(from) => Some(look(app, kind, name, from).await?),
        None if kind == KindWord::Calendar => None,
        None => {
            let tables = app.workspace.catalog.datasets().await?;
            let such = tables.first().map_or(String::new(), |table| format!(", such as --from staging.{table}"));
            return Err(DraftError::Asked(format!("--from is needed: the table that its rows come from{such}")));
        }
    };
    let (text, guesses) = text::of(kind, name, known.as_ref()).map_err(DraftError::Asked)?;
    let failed = |error: std::io::Error| DraftError::File { path: path.display().to_string(), error };
    // The next file of a project is a question.
    for folder in ["pipeline", "analysis"] {
        std::fs::create_dir_all(app.workspace.sql.join(folder)).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(Draft { path, guesses })
}

/// Returns the path of a file that does not exist yet.
fn free_path(sql: &Path, name: &str) -> Result<PathBuf, DraftError> {
    let path = sql.join("pipeline").join(format!("{name}.sql"));
    // A path's last component would pass: the name must not contain a separator.
    let plain = name.replace('/', " ");
    let file = SqlFile { path: format!("{plain}.sql").into(), text: "select 1 as a".to_owned(), own: None };
    if let Err(error) = file.read() {
        return Err(DraftError::Asked(format!("{name:?} cannot be: {}", error.why.replace("; rename the file", ""))));
    }
    for path in [&path, &sql.join("analysis").join(format!("{name}.sql"))] {
        if path.exists() {
            return Err(DraftError::Asked(format!("{} is there already: take another name", path.display())));
        }
    }
    Ok(path)
}

async fn look(app: &App, kind: KindWord, name: &str, from: &str) -> Result<Known, DraftError> {
    let names = app.workspace.warehouse.names();
    let mut transaction = app.workspace.warehouse.begin(Scope::Load).await?;
    let (table, columns) = find(app, names, &mut *transaction, from).await?;
    let is_own = |column: &TableColumn| [LOAD_COLUMN, LINE_COLUMN, EXTRA_COLUMN].contains(&column.name.as_str());
    let columns: Vec<_> = columns.into_iter().filter(|column| !is_own(column)).collect();
    if table == Table::datawarehouse(name) {
        return Err(DraftError::Asked(format!(
            "--from {from}: a table cannot be made out of itself; name the one that its rows come from"
        )));
    }
    let dimensions = dimensions(&app.workspace.sql, names, &mut *transaction).await;
    let facts = guess::look(&mut *transaction, names, kind, name, &table, &columns, &dimensions).await?;
    let schema = if table.schema == Schema::Staging { "staging" } else { "datawarehouse" };
    Ok(Known { from: format!("{schema}.{}", text::identifier(&table.name)), columns, facts })
}

async fn find(
    app: &App,
    names: &Names,
    transaction: &mut dyn Transaction,
    from: &str,
) -> Result<(Table, Vec<TableColumn>), DraftError> {
    let candidates = match from.split_once('.') {
        Some((schema, name)) => match names.schema_named(schema) {
            Some(schema @ (Schema::Staging | Schema::Datawarehouse)) => vec![Table { schema, name: name.to_owned() }],
            _ => Vec::new(),
        },
        None => vec![Table::staging(from), Table::datawarehouse(from)],
    };
    for table in candidates {
        let columns = transaction.columns(&table).await?;
        if !columns.is_empty() {
            return Ok((table, columns));
        }
    }
    let mut known = app.workspace.catalog.datasets_in(transaction).await?;
    known.extend(app.workspace.catalog.star(transaction).await?.into_iter().map(|state| state.name));
    let hint = nearest(from.rsplit('.').next().unwrap_or(from), known.iter().map(String::as_str));
    Err(DraftError::Asked(format!(
        "--from {from}: there is no such table: no file has been loaded into it, and no app --pipeline has made it{hint}"
    )))
}

/// Returns the dimensions that have files, with the keys of their members.
async fn dimensions(sql: &Path, names: &Names, transaction: &mut dyn Transaction) -> Vec<guess::Known> {
    let files = sql_files(&sql.join("pipeline"), names.engine).unwrap_or_default();
    let mut found = Vec::new();
    for model in files.iter().filter_map(|file| Model::parse(file).ok()) {
        let key = match &model.header.kind {
            Kind::Calendar(_) => None,
            Kind::Dimension(Dimension { key, .. }) if key.len() == 1 => {
                let declared = declared(transaction, names, &model, &key[0]).await;
                Some(guess::Key { column: key[0].clone(), declared })
            }
            _ => continue,
        };
        let is_historic =
            matches!(&model.header.kind, Kind::Dimension(Dimension { history, .. }) if !history.is_empty());
        found.push(guess::Known { name: model.name, key, is_historic });
    }
    found
}

/// Returns the type of a column that a model's select gives, where it can be told.
async fn declared(
    transaction: &mut dyn Transaction,
    names: &Names,
    model: &Model,
    column: &str,
) -> Option<&'static str> {
    let select = model.select.as_ref()?;
    let columns = columns_read(transaction, names, select).await.ok()?;
    let outputs = select.outputs(names, &columns);
    outputs.into_iter().find(|output| output.name == column)?.declared
}
