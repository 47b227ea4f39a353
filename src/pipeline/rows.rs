//! The rows of a model's select, and their sources.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::table::Run;
use super::{RunError, columns_read, describe_views};
use crate::catalog::History;
use crate::project::{Kind, Model, ModelError};
use crate::sql::{Names, Schema, Select, Table, TableColumn, described};
use crate::star::Source;

/// The queries for a model's rows.
pub(super) struct Rows {
    pub(super) source: Source,
    /// The select, with lineage where its rows have it.
    pub(super) select: Select,
    /// The query for all rows.
    pub(super) all: String,
    /// The staging table, if the rows are its rows one by one.
    pub(super) of: Option<Table>,
    /// True if later loads replace earlier ones in a staging table of the select.
    pub(super) replaced: bool,
    /// The newest load with rows in such a table.
    pub(super) replaced_by: Option<i64>,
    /// True if rows are overwritten there.
    pub(super) upserted: bool,
    /// True if every staging table behind the model only grows, also behind other tables of the star.
    pub(super) grows: bool,
    /// The newest load of those tables.
    pub(super) newest: Option<i64>,
}

impl Run<'_> {
    /// Returns the rows of the select and the queries for them.
    pub(super) async fn rows(&mut self, model: &Model, select: &Select) -> Result<Rows, RunError> {
        let wrong = |why: String| model.error(why);
        let mut columns = columns_read(&mut *self.transaction, self.names, select).await.map_err(wrong)?;
        describe_views(&mut columns, &self.views);
        let text = written(model, select, self.names, &columns)?;
        let given = self.transaction.describe(&text).await.map_err(|error| model.error(error.to_string()))?;
        let given = described(given, &select.outputs(self.names, &columns));
        let of = select.row_wise(self.names);
        let source = Source::new(&model.header, self.names.engine, &given, of.is_some()).map_err(wrong)?;
        if model.header.kind == Kind::View {
            self.views.insert(model.name.clone(), select.outputs(self.names, &columns));
        }
        let select = if source.has_lineage() { select.with_lineage(&given) } else { select.clone() };
        let all = source.sql(&written(model, &select, self.names, &columns)?);
        let mut rows = Rows {
            source,
            select,
            all,
            of,
            replaced: false,
            replaced_by: None,
            upserted: false,
            grows: true,
            newest: None,
        };
        let reads = self.beneath.reads(model, self.names);
        for table in self.made_of(model) {
            let newest = self.workspace.catalog.newest_load(&mut *self.transaction, &table.name).await?;
            let replaced = self.workspace.catalog.was_replaced(&mut *self.transaction, &table.name).await?;
            let upserted = History::of(self.names, &table).exists(&mut *self.transaction).await?;
            rows.newest = rows.newest.max(newest);
            rows.grows &= !replaced && !upserted;
            if reads.contains(&table) {
                rows.replaced |= replaced;
                rows.replaced_by = rows.replaced_by.max(newest.filter(|_| replaced));
                rows.upserted |= upserted;
            }
        }
        Ok(rows)
    }

    /// Returns the staging tables behind the model.
    pub(super) fn made_of(&self, model: &Model) -> BTreeSet<Table> {
        self.made_of.get(&model.name).cloned().unwrap_or_default()
    }
}

/// Returns the staging tables behind each table. The models are in the order of their needs.
pub(super) fn made_of(models: &[Model], names: &Names) -> BTreeMap<String, BTreeSet<Table>> {
    let mut made: BTreeMap<String, BTreeSet<Table>> = BTreeMap::new();
    for model in models {
        let (staging, others): (BTreeSet<_>, BTreeSet<_>) =
            model.reads(names).into_iter().partition(|table| table.schema == Schema::Staging);
        let below = others.iter().filter_map(|table| made.get(&table.name)).flatten().cloned();
        let all = staging.into_iter().chain(below).collect();
        made.insert(model.name.clone(), all);
    }
    made
}

/// Returns a select in the engine's dialect.
pub(super) fn written(
    model: &Model,
    select: &Select,
    names: &Names,
    columns: &HashMap<Table, Vec<TableColumn>>,
) -> Result<String, ModelError> {
    select.sql(names, columns).map_err(|error| ModelError::of_sql(&model.path, &error))
}
