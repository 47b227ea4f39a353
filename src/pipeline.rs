//! Runs the star: every file of `sql/pipeline/` in the order they need each other, in one transaction. Tables are changed
//! by what differs, never swapped, so that views and readers stand.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use tracing::{info, warn};

use crate::app::App;
use crate::star::{
    DIFFERENCE, DimensionSql, DimensionUse, FactSql, Header, KEYED, Model, ModelError, NEW, RowsSql, in_order,
    key_column, nearest,
};
use crate::warehouse::{
    Alteration, Names, Schema, Scope, Select, Table, TableColumn, Transaction, WarehouseError, create_table, described,
    quote,
};

/// What a run did to one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableChange {
    /// The table.
    pub table: String,
    /// dimension, fact or table.
    pub kind: &'static str,
    /// Rows it has now, the unknown member not counted.
    pub rows: u64,
    /// Rows that are new.
    pub inserted: u64,
    /// Members of which attributes were overwritten.
    pub updated: u64,
    /// Rows that went.
    pub deleted: u64,
    /// For each key of a fact, if any: the number of rows that have no member.
    pub unknown: BTreeMap<String, u64>,
}

/// Why a run of the pipeline or of the analysis did not come to its end. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// There is nothing to run.
    #[error("{0}")]
    Nothing(String),
    /// The database, apart from any file.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// A result cannot be written; the views are there.
    #[error("{path}: {error}")]
    Export {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
}

/// Builds the star and commits it whole.
///
/// # Errors
/// When a file cannot be read, a key or grain is not unique, or the database refuses: the star stays as it was.
pub async fn run(app: &App) -> Result<Vec<TableChange>, RunError> {
    let (started, started_at) = (Instant::now(), chrono::Utc::now());
    let result = build(app, started_at).await;
    match &result {
        Ok(changes) => {
            let changed: u64 = changes.iter().map(|one| one.inserted + one.updated + one.deleted).sum();
            info!(
                tables = changes.len(),
                changes = changed,
                took_ms = started.elapsed().as_millis() as u64,
                "pipeline done"
            );
        }
        Err(error) => {
            // The run's own error is what matters; a database that is away cannot keep it.
            let _ = app.ledger.run_failed("pipeline", started_at, error.to_string()).await;
        }
    }
    result
}

async fn build(app: &App, started_at: chrono::DateTime<chrono::Utc>) -> Result<Vec<TableChange>, RunError> {
    let names = app.warehouse.names();
    let models = in_order(read_models(&app.sql.join("pipeline"))?, names)?;
    let natural_keys: BTreeMap<String, String> = models
        .iter()
        .filter_map(|model| match &model.header {
            Header::Dimension { key } => Some((model.name.clone(), key.first()?.clone())),
            _ => None,
        })
        .collect();
    let mut transaction = app.warehouse.begin(Scope::Star).await?;
    let own_views = app.own_views();
    let mut changes = Vec::with_capacity(models.len());
    for model in &models {
        let mut build = Build { names, model, transaction: &mut *transaction, own_views: &own_views };
        changes.push(build.run(&natural_keys).await?);
    }
    let text = serde_json::to_string(&changes).unwrap_or_default();
    app.ledger.run_done(&mut *transaction, "pipeline", started_at, text).await?;
    transaction.commit().await?;
    Ok(changes)
}

fn read_models(folder: &Path) -> Result<Vec<Model>, RunError> {
    let files = sql_files(folder).map_err(RunError::Nothing)?;
    files.iter().map(|(path, text)| Ok(Model::parse(path, text)?)).collect()
}

/// The `.sql` files of a folder with their texts, by name.
///
/// # Errors
/// In words, when there are none or one cannot be read.
pub(crate) fn sql_files(folder: &Path) -> Result<Vec<(std::path::PathBuf, String)>, String> {
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(say)? {
        let path = entry.map_err(say)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|ending| ending == "sql") && !hidden {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            files.push((path, text));
        }
    }
    if files.is_empty() {
        return Err(format!("{}: there is no .sql file in it", folder.display()));
    }
    files.sort();
    Ok(files)
}

/// The columns of every table that a select reads.
///
/// # Errors
/// In words, where a table of staging is not there; whatever else is missing the database names itself.
pub(crate) async fn columns_read(
    transaction: &mut dyn Transaction,
    names: &Names,
    select: &Select,
) -> Result<HashMap<Table, Vec<TableColumn>>, String> {
    let mut found = HashMap::new();
    for table in select.tables(names) {
        let columns = transaction.columns(&table).await.map_err(|error| error.to_string())?;
        if columns.is_empty() && table.schema == Schema::Staging {
            let datasets = names.table(&Table { schema: Schema::Catalog, name: "dataset".to_owned() });
            let known = transaction.query(&format!("select name from {datasets}"), &[]).await.unwrap_or_default();
            let known: Vec<String> = known.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
            let hint = nearest(&table.name, known.iter().map(String::as_str));
            return Err(format!("there is no table {}: no file has been loaded into it{hint}", names.shown(&table)));
        }
        found.insert(table, columns);
    }
    Ok(found)
}

/// One table of a run.
struct Build<'a> {
    names: &'a Names,
    model: &'a Model,
    transaction: &'a mut dyn Transaction,
    own_views: &'a [Table],
}

impl Build<'_> {
    async fn run(&mut self, natural_keys: &BTreeMap<String, String>) -> Result<TableChange, ModelError> {
        let read = columns_read(self.transaction, self.names, &self.model.select).await;
        let read = read.map_err(|why| self.model.error(why))?;
        let select = self.model.select.sql(self.names, &read);
        let select = select.map_err(|error| self.model.error(error.in_file(&self.model.path)))?;
        let columns = self.transaction.describe(&select).await;
        let columns = columns.map_err(|error| self.model.error(error.to_string()))?;
        let columns = described(columns, &self.model.select.outputs(self.names, &read));
        self.check_columns(&columns)?;
        let list: Vec<_> =
            columns.iter().map(|column| format!("{} {}", quote(&column.name), column.declared)).collect();
        self.execute(&format!("create temp table {NEW} ({})", list.join(", "))).await?;
        self.execute(&format!("insert into {NEW} {select}")).await?;
        let change = match &self.model.header {
            Header::Dimension { key } => self.dimension(key, &columns).await?,
            Header::Fact { grain, dimensions } => self.fact(grain, dimensions, natural_keys, &columns).await?,
            Header::Table {} => self.rows(NEW, &columns).await?,
        };
        self.execute(&format!("drop table {NEW}")).await?;
        Ok(change)
    }

    async fn dimension(&mut self, key: &[String], columns: &[TableColumn]) -> Result<TableChange, ModelError> {
        let sql = DimensionSql::new(self.names, &self.model.name, key, columns);
        let nameless = self.count(&sql.count_nameless()).await?;
        if nameless > 0 {
            return Err(self.model.error(format!(
                "{nameless} rows of the select have NULL in the key ({}): leave them out, or give them a name",
                key.join(", ")
            )));
        }
        self.check_unique("key", key, &sql.repeated()).await?;
        let id = key_column(&self.model.name);
        let stands = self.existing().await?;
        if stands.is_empty() {
            for statement in sql.create() {
                self.execute(&statement).await?;
            }
        } else {
            let stands: Vec<_> = stands.into_iter().filter(|column| column.name != id).collect();
            self.reshape(&stands, columns, key).await?;
        }
        let updated = match sql.update() {
            Some(statement) => self.execute(&statement).await?,
            None => 0,
        };
        let inserted = self.execute(&sql.insert()).await?;
        let rows = self.count(&format!("select count(*) - 1 from {}", self.table())).await?;
        Ok(TableChange { rows, inserted, updated, ..self.unchanged() })
    }

    async fn fact(
        &mut self,
        grain: &[String],
        dimensions: &BTreeMap<String, DimensionUse>,
        natural_keys: &BTreeMap<String, String>,
        columns: &[TableColumn],
    ) -> Result<TableChange, ModelError> {
        let sql = FactSql::new(self.names, grain, dimensions, natural_keys, columns);
        self.check_unique("grain", grain, &sql.repeated()).await?;
        self.execute(&sql.look_up()).await?;
        let mut change = self.rows(KEYED, sql.columns()).await?;
        if let Some(query) = sql.count_unknown() {
            let counts = self.query(&query).await?.into_iter().next().unwrap_or_default();
            let keys = columns.iter().filter_map(|one| Some(dimensions.get(&one.name)?.key_column(&one.name)));
            let counts = counts.into_iter().map(|count| count.and_then(|count| count.parse().ok()).unwrap_or(0));
            change.unknown = keys.zip(counts).filter(|(_, count)| *count > 0).collect();
        }
        self.execute(&format!("drop table {KEYED}")).await?;
        Ok(change)
    }

    /// Makes the table hold the rows of a temporary one.
    async fn rows(&mut self, source: &'static str, columns: &[TableColumn]) -> Result<TableChange, ModelError> {
        let sql = RowsSql::new(self.names, &self.model.name, source, columns);
        let stands = self.existing().await?;
        let (inserted, deleted);
        if stands.is_empty() {
            let table = Table::datawarehouse(&self.model.name);
            self.execute(&create_table(self.names, &table, columns, &[])).await?;
            (inserted, deleted) = (self.execute(&sql.fill()).await?, 0);
        } else {
            self.reshape(&stands, columns, &[]).await?;
            self.execute(&sql.compare()).await?;
            deleted = self.execute(&sql.delete()).await?;
            inserted = self.execute(&sql.insert()).await?;
            self.execute(&format!("drop table {DIFFERENCE}")).await?;
        }
        let rows = self.count(&format!("select count(*) from {}", self.table())).await?;
        Ok(TableChange { rows, inserted, deleted, ..self.unchanged() })
    }

    /// Gives the table the select's columns: those that went are dropped, new ones added, and one with another type
    /// is both, because its values are computed anew, unless it is part of the natural key, whose values are cast.
    async fn reshape(
        &mut self,
        stands: &[TableColumn],
        columns: &[TableColumn],
        key: &[String],
    ) -> Result<(), ModelError> {
        let mut alterations = Vec::new();
        for old in stands {
            match columns.iter().find(|new| new.name == old.name) {
                Some(new) if new.declared == old.declared => {}
                Some(new) if key.contains(&new.name) => alterations.push(Alteration::Cast(new.clone())),
                _ => alterations.push(Alteration::Drop { name: old.name.clone() }),
            }
        }
        for new in columns {
            let same =
                |old: &TableColumn| old.name == new.name && (old.declared == new.declared || key.contains(&new.name));
            if !stands.iter().any(same) {
                if key.contains(&new.name) {
                    return Err(self.model.error(format!(
                        "the key has a new column, {}, so the members there are have no name: drop the table {} to give new keys",
                        new.name,
                        self.names.shown(&Table::datawarehouse(&self.model.name))
                    )));
                }
                alterations.push(Alteration::Add(new.clone()));
            }
        }
        if alterations.is_empty() {
            return Ok(());
        }
        let table = Table::datawarehouse(&self.model.name);
        let done = self.transaction.alter(&table, &alterations, self.own_views).await;
        for view in done.map_err(|error| self.model.error(error.to_string()))? {
            warn!(
                view = self.names.shown(&view),
                "the view reads what is no longer there and was dropped; app --analysis makes it again"
            );
        }
        Ok(())
    }

    /// The header's words must be the select's.
    fn check_columns(&self, columns: &[TableColumn]) -> Result<(), ModelError> {
        for (at, column) in columns.iter().enumerate() {
            if columns[..at].iter().any(|other| other.name == column.name) {
                return Err(self.model.error(format!("the select gives two columns the name {}", column.name)));
            }
        }
        let (word, named): (_, Vec<&String>) = match &self.model.header {
            Header::Dimension { key } => ("key", key.iter().collect()),
            Header::Fact { grain, dimensions } => {
                ("grain or dimensions", grain.iter().chain(dimensions.keys()).collect())
            }
            Header::Table {} => ("", Vec::new()),
        };
        for name in named {
            if !columns.iter().any(|column| column.name == *name) {
                let hint = nearest(name, columns.iter().map(|column| column.name.as_str()));
                return Err(self.model.error(format!("{word}: the select gives no column {name}{hint}")));
            }
        }
        let mut taken: Vec<String> = Vec::new();
        for column in columns {
            let name = match &self.model.header {
                Header::Fact { dimensions, .. } => match dimensions.get(&column.name) {
                    Some(used) => used.key_column(&column.name),
                    None => column.name.clone(),
                },
                _ => column.name.clone(),
            };
            let own = matches!(self.model.header, Header::Dimension { .. }) && name == key_column(&self.model.name);
            if own || taken.contains(&name) {
                return Err(self
                    .model
                    .error(format!("two columns would be called {name}: rename one, or give a role")));
            }
            taken.push(name);
        }
        Ok(())
    }

    async fn check_unique(&mut self, word: &str, columns: &[String], query: &str) -> Result<(), ModelError> {
        let repeated = self.query(query).await?;
        if repeated.is_empty() {
            return Ok(());
        }
        let samples: Vec<_> = repeated
            .iter()
            .map(|row| {
                let (count, values) =
                    row.split_last().map_or((None, &[][..]), |(count, values)| (count.as_deref(), values));
                let pairs: Vec<_> = columns
                    .iter()
                    .zip(values)
                    .map(|(column, value)| {
                        format!("{column} = {}", value.as_deref().map_or("NULL".to_owned(), |text| format!("{text:?}")))
                    })
                    .collect();
                format!("{} ({} rows)", pairs.join(", "), count.unwrap_or("several"))
            })
            .collect();
        Err(self.model.error(format!(
            "{word}: several rows of the select have the same {}: {}",
            columns.join(", "),
            samples.join("; ")
        )))
    }

    fn table(&self) -> String {
        self.names.table(&Table::datawarehouse(&self.model.name))
    }

    fn unchanged(&self) -> TableChange {
        TableChange {
            table: self.model.name.clone(),
            kind: self.model.header.kind().word(),
            rows: 0,
            inserted: 0,
            updated: 0,
            deleted: 0,
            unknown: BTreeMap::new(),
        }
    }

    async fn existing(&mut self) -> Result<Vec<TableColumn>, ModelError> {
        let columns = self.transaction.columns(&Table::datawarehouse(&self.model.name)).await;
        columns.map_err(|error| self.model.error(error.to_string()))
    }

    async fn execute(&mut self, sql: &str) -> Result<u64, ModelError> {
        self.transaction.execute(sql, &[]).await.map_err(|error| self.model.error(error.to_string()))
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, ModelError> {
        self.transaction.query(sql, &[]).await.map_err(|error| self.model.error(error.to_string()))
    }

    async fn count(&mut self, sql: &str) -> Result<u64, ModelError> {
        let rows = self.query(sql).await?;
        Ok(rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok()).unwrap_or(0))
    }
}
