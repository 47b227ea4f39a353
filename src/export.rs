//! What goes out: a result as a file that appears when it is whole.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::app::App;
use crate::format::csv::write_record;
use crate::schema::{Column, Fits, Type, as_written};
use crate::warehouse::{Row, Schema, Scope, Table, TableColumn, Warehouse, WarehouseError, quote};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The columns.
    pub columns: Vec<String>,
    /// Number of rows.
    pub rows: u64,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The query.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// The file.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// What a file is written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// CSV with commas; an empty text is `""`, NULL is nothing.
    Csv,
    /// One object a line. For each column what its values are.
    Json(Vec<JsonKind>),
}

/// What a column's values are in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// A number with its digits as they are.
    Number,
    /// true or false.
    Boolean,
    /// A string.
    Text,
}

/// Writes a query's result to `path`, and shows each row to `look` before. The columns are called `names`, or what the query calls them.
///
/// # Errors
/// When the query or the file fails; a file that was there before is untouched then.
pub async fn write(
    warehouse: &dyn Warehouse,
    sql: &str,
    names: Option<Vec<String>>,
    target: &Target,
    path: &Path,
    mut look: impl FnMut(&mut Row) + Send,
) -> Result<Export, ExportError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = tempfile::Builder::new().prefix(".export-").tempfile_in(folder)?;
    let mut file = BufWriter::new(temporary.reopen()?);
    let (mut columns, mut rows, mut failed) = (None::<Vec<String>>, 0, None);
    let mut each = |mut row: Row| {
        let written = match (&columns, target) {
            (None, _) => {
                let found =
                    names.clone().unwrap_or_else(|| row.iter().map(|name| name.clone().unwrap_or_default()).collect());
                let header = found.iter().map(|name| Some(name.as_str()).filter(|name| !name.is_empty()));
                let written = if *target == Target::Csv { write_record(&mut file, header) } else { Ok(()) };
                columns = Some(found);
                written
            }
            (Some(_), Target::Csv) => {
                rows += 1;
                look(&mut row);
                write_record(&mut file, row.iter().map(Option::as_deref))
            }
            (Some(names), Target::Json(kinds)) => {
                rows += 1;
                look(&mut row);
                write_object(&mut file, names, kinds, row)
            }
        };
        if let Err(error) = written {
            failed.get_or_insert(error);
        }
    };
    warehouse.copy_out(sql, &mut each).await?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    file.flush()?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    temporary.as_file().set_permissions(readable)?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(Export { columns: columns.unwrap_or_default(), rows })
}

fn write_object(file: &mut impl Write, names: &[String], kinds: &[JsonKind], row: Row) -> io::Result<()> {
    file.write_all(b"{")?;
    for (place, ((name, kind), cell)) in names.iter().zip(kinds).zip(row).enumerate() {
        if place > 0 {
            file.write_all(b", ")?;
        }
        serde_json::to_writer(&mut *file, name)?;
        file.write_all(b": ")?;
        match (cell, kind) {
            (None, _) => file.write_all(b"null")?,
            // What is no number in JSON (NaN, Infinity) is a string.
            (Some(text), JsonKind::Number) if serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok() => {
                file.write_all(text.as_bytes())?;
            }
            (Some(text), JsonKind::Boolean) => file.write_all(text.to_lowercase().as_bytes())?,
            (Some(text), _) => serde_json::to_writer(&mut *file, &text)?,
        }
    }
    file.write_all(b"}\n")
}

/// What a table is exported by: the query, the columns' names, and what they are in JSON.
#[derive(Clone, Debug)]
pub struct TableExport {
    /// The table.
    pub table: Table,
    sql: String,
    names: Vec<String>,
    kinds: Vec<JsonKind>,
    /// The places of moments, with how the files write them.
    moments: Vec<(usize, Fits)>,
}

/// How a table or view called `name` (`staging.x`, `datawarehouse.y`, or without a schema) is exported. A staging table gets back the headers
/// of its files and the spelling of their booleans and moments, in the order in which its rows were loaded; `None` where there is no such table.
///
/// # Errors
/// What the database says.
pub async fn table(app: &App, name: &str) -> Result<Option<TableExport>, WarehouseError> {
    let names = app.warehouse.names();
    let candidates = match name.split_once('.') {
        Some((schema, name)) => match names.schema_named(schema) {
            Some(schema) => vec![Table { schema, name: name.to_owned() }],
            None => Vec::new(),
        },
        None => vec![Table::datawarehouse(name), Table::staging(name)],
    };
    let mut transaction = app.warehouse.begin(Scope::Load).await?;
    for table in candidates {
        let found = transaction.columns(&table).await?;
        if found.is_empty() {
            continue;
        }
        let known = match table.schema {
            Schema::Staging => app.ledger.columns(&mut *transaction, &table.name).await?,
            _ => Vec::new(),
        };
        let (list, headers, kinds) = if known.is_empty() { plain(&found) } else { as_in_files(&known) };
        let order = if known.is_empty() { "" } else { " order by _load_id, _line" };
        let sql = format!("select {} from {}{order}", list.join(", "), names.table(&table));
        let is_moment = |column: &Column| matches!(column.kind(), Type::Timestamp | Type::Timestamptz);
        let moments = known.iter().enumerate().filter(|(_, column)| is_moment(column));
        let moments = moments.map(|(place, column)| (place, column.fits)).collect();
        return Ok(Some(TableExport { table, sql, names: headers, kinds, moments }));
    }
    Ok(None)
}

type Columns = (Vec<String>, Vec<String>, Vec<JsonKind>);

fn plain(columns: &[TableColumn]) -> Columns {
    let kind = |column: &TableColumn| {
        let declared = column.declared.as_str();
        if declared.contains("bool") {
            JsonKind::Boolean
        } else if ["int", "numeric", "real", "double", "num"].iter().any(|word| declared.starts_with(word))
            || declared == "bigint"
        {
            JsonKind::Number
        } else {
            JsonKind::Text
        }
    };
    (
        columns.iter().map(|column| quote(&column.name)).collect(),
        columns.iter().map(|column| column.name.clone()).collect(),
        columns.iter().map(kind).collect(),
    )
}

fn as_in_files(columns: &[Column]) -> Columns {
    let expression = |column: &Column| {
        let name = quote(&column.name);
        match column.kind() {
            Type::Boolean => {
                let (truth, lie) = column.fits.spelling().words();
                format!("case {name} when true then '{truth}' when false then '{lie}' end as {name}")
            }
            _ => name,
        }
    };
    // Files without a header have nothing to name their columns by.
    let named = columns.iter().any(|column| !column.header.is_empty());
    let header = |column: &Column| if named { column.header.clone() } else { column.name.clone() };
    let kind = |column: &Column| match column.kind() {
        Type::Bigint | Type::Numeric | Type::Double => JsonKind::Number,
        Type::Boolean => JsonKind::Boolean,
        _ => JsonKind::Text,
    };
    (columns.iter().map(expression).collect(), columns.iter().map(header).collect(), columns.iter().map(kind).collect())
}

impl TableExport {
    /// Writes the table.
    ///
    /// # Errors
    /// As [`write`].
    pub async fn write(&self, warehouse: &dyn Warehouse, json: bool, path: &Path) -> Result<Export, ExportError> {
        let target = if json { Target::Json(self.kinds.clone()) } else { Target::Csv };
        let as_in_files = |row: &mut Row| {
            for (place, fits) in &self.moments {
                if let Some(Some(moment)) = row.get_mut(*place) {
                    *moment = as_written(moment, *fits);
                }
            }
        };
        write(warehouse, &self.sql, Some(self.names.clone()), &target, path, as_in_files).await
    }
}
