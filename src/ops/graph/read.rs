//! Reads the material of a graph: the SQL files, the plugins, and the catalog's files and columns.

use std::collections::BTreeMap;

use super::Parts;
use super::columns::add;
use crate::app::App;
use crate::dataset::plugin::Plugins;
use crate::project::{Model, ModelError, SqlFile, in_order, names_in_order};
use crate::project::{has_sql, sql_files};
use crate::sql::{Names, Schema, Select, Table};
use crate::warehouse::{Scope, WarehouseError};

/// The reasons why there is no graph.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A folder cannot be read.
    #[error("{0}")]
    Folder(String),
    /// A file of the folder is at fault.
    #[error("{0}; app check sql/ tells all that is wrong")]
    Model(#[from] ModelError),
    /// The database's error.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

/// Reads all of it; without a catalog, its part is left out.
///
/// # Errors
/// When a file cannot be read, files need each other in a circle, or the database does not answer.
pub async fn read(
    sql: &std::path::Path,
    plugins: &Plugins,
    names: &Names,
    app: Option<&App>,
    columns: bool,
) -> Result<Parts, ReadError> {
    let texts = |folder: &str| {
        let folder = sql.join(folder);
        if has_sql(&folder) {
            sql_files(&folder, names.engine).map_err(|error| error.to_string())
        } else {
            Ok(Vec::new())
        }
    };
    let models = texts("pipeline").map_err(ReadError::Folder)?;
    let models = models.iter().map(Model::parse).collect::<Result<Vec<_>, _>>()?;
    let files = texts("analysis").map_err(ReadError::Folder)?;
    let questions = files.iter().map(SqlFile::read).collect::<Result<BTreeMap<_, _>, _>>()?;
    let mut parts =
        Parts { models: in_order(models, names)?, questions: ordered(questions, names)?, ..Parts::default() };
    for dataset in plugins.datasets().filter(|dataset| !dataset.table.is_empty() && dataset.destination.is_none()) {
        add_files(&mut parts.files, &dataset.table, &dataset.files.join(", "));
    }
    let Some(app) = app else {
        if columns {
            add(&mut parts, names);
        }
        return Ok(parts);
    };
    let mut transaction = app.workspace.warehouse.begin(Scope::Load).await?;
    for known in app.workspace.catalog.files(&mut *transaction).await? {
        // A part's name begins with the name of its file.
        let file = known.last.split('/').next().unwrap_or(&known.last);
        let claimed =
            plugins.dataset(file, &known.last, None).ok().flatten().filter(|dataset| !dataset.files.is_empty());
        let shown = match (claimed, known.loads) {
            (Some(dataset), _) => dataset.files.join(", "),
            (None, 1) => known.last,
            (None, loads) => format!("{} and {} more", known.last, loads - 1),
        };
        if !parts.files.contains_key(&known.dataset) {
            add_files(&mut parts.files, &known.dataset, &shown);
        }
    }
    if columns {
        let own = parts.models.iter().map(|model| Table::datawarehouse(&model.name));
        let views = parts.questions.iter().map(|(name, _)| Table::datawarehouse(name));
        let read = parts.models.iter().flat_map(|model| model.reads(names));
        let staged = parts.files.keys().map(|name| Table::staging(name));
        let all: std::collections::BTreeSet<_> = own.chain(views).chain(read).chain(staged).collect();
        for table in all {
            let found = transaction.columns(&table).await?;
            parts.columns.insert(table, found);
        }
        add(&mut parts, names);
    }
    Ok(parts)
}

fn add_files(files: &mut BTreeMap<String, String>, table: &str, shown: &str) {
    let known = files.entry(table.to_owned()).or_default();
    if !known.is_empty() {
        known.push_str(", ");
    }
    known.push_str(shown);
}

/// Returns the questions, each after those that it reads.
fn ordered(mut questions: BTreeMap<String, Select>, names: &Names) -> Result<Vec<(String, Select)>, ReadError> {
    let reads = |select: &Select| {
        let tables = select.tables(names).into_iter();
        tables.filter(|table| table.schema == Schema::Datawarehouse).map(|table| table.name).collect()
    };
    let needs = questions.iter().map(|(name, select)| (name.clone(), reads(select))).collect();
    let order = names_in_order(needs).map_err(|circle| {
        ReadError::Folder(format!("the views need each other in a circle: {}", circle.join(" -> ")))
    })?;
    Ok(order.into_iter().filter_map(|name| questions.remove_entry(&name)).collect())
}
