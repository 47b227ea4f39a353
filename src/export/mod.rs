//! Exports: a result as files that appear when they are whole. The query runs once for all formats. CSV is written as
//! the rows come; the other formats follow out of a temporary file, once all values have decided the columns' kinds.

mod json;
mod kind;
mod parquet;
mod whole;
mod xlsx;

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::record::write_record;
use crate::schema::{Fits, Type, as_written, double_as_written};
use crate::sql::{Names, Output, Table, TableColumn, as_written as as_written_out, quote};
use crate::warehouse::{Reading, Row, Spool, Warehouse, WarehouseError};

use kind::Observed;

pub use kind::{Field, Kind};
pub use whole::{STDOUT, sweep, write_whole};

/// The formats of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// With commas and a header; an empty text is `""`, NULL is nothing
    Csv,
    /// One object a line
    Json,
    /// Typed columns
    Parquet,
    /// A workbook for Excel
    Xlsx,
}

impl Format {
    /// Returns the extension of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "jsonl",
            Format::Parquet => "parquet",
            Format::Xlsx => "xlsx",
        }
    }

    /// Returns the format of files with this extension.
    pub(crate) fn of_ending(ending: &str) -> Option<Format> {
        match ending.to_lowercase().as_str() {
            "csv" => Some(Format::Csv),
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            "parquet" => Some(Format::Parquet),
            "xlsx" => Some(Format::Xlsx),
            _ => None,
        }
    }
}

/// The summary of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The columns, with the kinds of all their values.
    pub fields: Vec<Field>,
    /// The number of rows.
    pub rows: u64,
}

/// The errors of an export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The query failed.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// The file cannot be written.
    #[error("{path}: {error}")]
    File {
        /// The path.
        path: String,
        /// The system's error.
        error: io::Error,
    },
}

/// A query and the known facts about its columns.
#[derive(Clone, Debug)]
pub struct Query {
    sql: String,
    columns: Vec<QueryColumn>,
}

/// A column of a query.
#[derive(Clone, Debug)]
pub(crate) struct QueryColumn {
    /// The name in the files.
    pub(crate) name: String,
    /// The type; `None` for a computed column of SQLite.
    pub(crate) declared: Option<Type>,
    /// The spelling of booleans and moments in its files.
    pub(crate) spelling: Option<Fits>,
}

impl Query {
    /// Selects all rows of a table or view with these columns. `outputs` are those of a view's select, where they are
    /// known.
    pub fn of(names: &Names, table: &Table, columns: &[TableColumn], outputs: &[Output]) -> Query {
        let columns = columns.iter().map(|column| {
            let declared = kind::declared(names.engine, &column.declared);
            (column.name.clone(), QueryColumn { name: column.name.clone(), declared, spelling: None })
        });
        let relation = match outputs {
            [] => names.table(table),
            outputs => format!("({}) as w", as_written_out(names, &names.table(table), outputs)),
        };
        Query::over(names, &relation, columns.collect(), "")
    }

    /// Selects the columns by their names in the table.
    pub(crate) fn over(names: &Names, relation: &str, columns: Vec<(String, QueryColumn)>, order: &str) -> Query {
        let mut list: Vec<_> = columns.iter().map(|(name, _)| quote(name)).collect();
        // SQLite's storage class tells a number from a text that looks like one.
        let unknown = columns.iter().filter(|(_, column)| column.declared.is_none());
        list.extend(unknown.filter_map(|(name, _)| names.engine.kind_of(name)));
        let sql = format!("select {} from {relation}{order}", list.join(", "));
        Query { sql, columns: columns.into_iter().map(|(_, column)| column).collect() }
    }

    /// Takes in a row, and cuts off its storage classes.
    fn observe(&self, row: &mut Row, observed: &mut [Observed]) {
        let own = self.columns.len().min(row.len());
        let mut storage = row.split_off(own).into_iter();
        for ((cell, column), observed) in row.iter().zip(&self.columns).zip(observed) {
            let storage = if column.declared.is_none() { storage.next().flatten() } else { None };
            if let Some(text) = cell {
                observed.see(text, storage.as_deref());
            }
        }
    }

    /// Returns a row in the spelling of its files.
    fn as_in_files<'a>(&self, row: &'a Row) -> Vec<Option<std::borrow::Cow<'a, str>>> {
        let cell = |(cell, column): (&'a Option<String>, &QueryColumn)| {
            let text = cell.as_deref()?;
            Some(match (column.spelling, column.declared) {
                (Some(fits), Some(Type::Boolean)) => {
                    let (truth, lie) = fits.spelling().words();
                    if text == "true" { truth } else { lie }.into()
                }
                (Some(fits), Some(Type::Timestamp | Type::Timestamptz)) => as_written(text, fits).into(),
                (Some(fits), Some(Type::Double)) => double_as_written(text, fits).into(),
                _ => text.into(),
            })
        };
        row.iter().zip(&self.columns).map(cell).collect()
    }
}

/// Writes a query's result to each of the files, and shows each row to `look`.
///
/// # Errors
/// When the query or a file fails; files that were there before are untouched then.
pub async fn write(
    warehouse: &dyn Warehouse,
    query: &Query,
    files: &[(Format, PathBuf)],
    mut look: impl FnMut(&Row) + Send,
) -> Result<Export, ExportError> {
    let mut csv = Vec::new();
    for (_, path) in files.iter().filter(|(format, _)| *format == Format::Csv) {
        let mut file = whole::Whole::create(path).map_err(at(path))?;
        let header = query.columns.iter().map(|column| Some(&*column.name).filter(|name| !name.is_empty()));
        write_record(&mut file.writer, header).map_err(at(path))?;
        csv.push((path, file));
    }
    let others: Vec<_> = files.iter().filter(|(format, _)| *format != Format::Csv).collect();
    let mut spool = match others.first() {
        Some((_, path)) => Some((path, Spool::create(&whole::folder_of(path)).map_err(at(path))?)),
        None => None,
    };
    let mut observed: Vec<_> = query.columns.iter().map(|column| Observed::new(column.declared)).collect();
    let mut reading = Reading::default();
    if let Some((_, path)) = files.first() {
        reading.folder = whole::folder_of(path);
    }
    let mut rows = 0;
    let mut result = warehouse.read(&query.sql, reading).await?;
    while let Some(batch) = result.next().await? {
        for mut row in batch {
            rows += 1;
            query.observe(&mut row, &mut observed);
            look(&row);
            for (path, file) in &mut csv {
                let cells = query.as_in_files(&row);
                write_record(&mut file.writer, cells.iter().map(|cell| cell.as_deref())).map_err(at(path))?;
            }
            if let Some((path, spool)) = &mut spool {
                spool.put(&row).map_err(at(path))?;
            }
        }
    }
    let names = query.columns.iter().map(|column| column.name.clone());
    let fields: Vec<_> = names.zip(&observed).map(|(name, observed)| observed.field(name)).collect();
    let mut done = Vec::new();
    for (format, path) in others {
        let Some((_, spool)) = &mut spool else { continue };
        let mut file = whole::Whole::create(path).map_err(at(path))?;
        write_as(*format, query, &fields, spool, path, &mut file.writer).map_err(at(path))?;
        done.push((path, file));
    }
    // No file appears before all are written.
    for (path, file) in csv.into_iter().chain(done) {
        file.appear().map_err(at(path))?;
    }
    Ok(Export { fields, rows })
}

fn write_as(
    format: Format,
    query: &Query,
    fields: &[Field],
    spool: &mut Spool,
    path: &Path,
    file: &mut (impl Write + Send),
) -> io::Result<()> {
    let rows = spool.rows()?;
    match format {
        Format::Csv => Ok(()),
        Format::Json => json::write(query, fields, rows, file),
        Format::Parquet => parquet::write(fields, rows, BufWriter::new(file)),
        Format::Xlsx => {
            let title = path.file_stem().unwrap_or_default().to_string_lossy();
            xlsx::write(&title, fields, rows, &whole::folder_of(path), file)
        }
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> ExportError {
    let path = path.display().to_string();
    move |error| ExportError::File { path: path.clone(), error }
}
