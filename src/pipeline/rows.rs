//! The rows of a model's select, and their sources.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::RunError;
use super::build::Build;
use crate::catalog::{History, Workspace, columns_read, describe_views};
use crate::project::{Dimension, Kind, Model, ModelError};
use crate::schema::{OWN_COLUMNS, Type};
use crate::sql::{Names, Output, Schema, Select, Table, TableColumn, described, type_of};
use crate::sql_check::{gives_empty, reading_empty};
use crate::star::{Source, wanted_types};
use crate::warehouse::{Transaction, WarehouseError};

/// The queries for a model's rows.
pub(super) struct Rows {
    pub(super) source: Source,
    /// The select, with lineage where its rows have it.
    pub(super) select: Select,
    /// The query for all rows.
    pub(super) all: String,
    /// The staging table, if the rows are its rows one by one.
    pub(super) of: Option<Table>,
    /// The columns of that table behind each column, where there are no others.
    pub(super) behind: BTreeMap<String, BTreeSet<String>>,
    /// True if later loads replace earlier ones in a staging table of the select.
    pub(super) replaced: bool,
    /// The newest load with rows in such a table.
    pub(super) replaced_by: Option<i64>,
    /// The newest load, if each load gives all rows anew, so that what one of them said can be told from the others.
    pub(super) whole: Option<i64>,
    /// True if that is so, whether there is such a load or not.
    pub(super) is_whole: bool,
    /// True if rows are overwritten there.
    pub(super) upserted: bool,
    /// True if every staging table behind the model only grows, also behind other tables of the star.
    pub(super) grows: bool,
    /// The newest load of those tables.
    pub(super) newest: Option<i64>,
}

impl Build<'_> {
    /// Returns the rows of the select and the queries for them; `None` for a calendar, which has no select.
    pub(super) async fn rows(&mut self) -> Result<Option<Rows>, RunError> {
        let (model, names, transaction) = (self.model, self.plan.names, &mut *self.session.transaction);
        let Some(select) = &model.select else { return Ok(None) };
        let wrong = |why: String| model.error(why);
        let mut columns = columns_read(transaction, names, select).await.map_err(wrong)?;
        describe_views(&mut columns, &self.tables.outputs());
        // A view would read values that come later by these types.
        let select = &match model.header.kind {
            Kind::View => select.clone(),
            _ => {
                let targets = self.tables.targets();
                let wanted = |given: &[TableColumn]| wanted_types(&model.header, &targets, given);
                let (tables, empty) = ((&columns, &BTreeSet::new()), self.tables.without_values(self.plan));
                let read = reading_empty(transaction, names, select, tables, &empty, wanted).await?;
                self.own.without_values = gives_empty(names, &read, &columns, &empty);
                read
            }
        };
        let text = written(model, select, names, &columns)?;
        let given = transaction.describe(&text).await.map_err(|error| model.error(error.to_string()))?;
        let outputs = select.outputs(names, &columns);
        let given = select.retyped(described(given, &outputs), names, &columns);
        let of = select.row_wise(names);
        let behind = of.as_ref().map(|of| columns_behind(of, &outputs)).unwrap_or_default();
        let source = Source::new(&model.header, names.engine, &given, of.is_some()).map_err(wrong)?;
        if model.header.kind == Kind::View {
            self.own.outputs = Some(outputs);
        }
        let select = if source.has_lineage() { select.with_lineage(&given) } else { select.clone() };
        let all = source.sql(&written(model, &select, names, &columns)?);
        let mut rows = Rows {
            source,
            select,
            all,
            of,
            behind,
            replaced: false,
            replaced_by: None,
            whole: None,
            is_whole: false,
            upserted: false,
            grows: true,
            newest: None,
        };
        let reads = self.plan.reads(model);
        for table in self.plan.made_of(model) {
            let Staged { newest, replaced, upserted } = self.plan.staged(table);
            rows.newest = rows.newest.max(newest);
            rows.grows &= !replaced && !upserted;
            if reads.contains(table) {
                rows.replaced |= replaced;
                rows.replaced_by = rows.replaced_by.max(newest.filter(|_| replaced));
                rows.upserted |= upserted;
            }
        }
        let mut behind = self.plan.made_of(model);
        let one = match rows.source.has_lineage() {
            true => rows.of.as_ref(),
            false => behind.next().filter(|table| behind.next().is_none() && reads.contains(table)),
        };
        if let Some(Staged { newest, replaced: true, .. }) = one.map(|table| self.plan.staged(table)) {
            (rows.is_whole, rows.whole) = (true, newest);
        }
        if let Kind::Dimension(header) = &model.header.kind {
            let kept = self.kept_types(header, &rows).await?;
            if !kept.is_empty() {
                rows.source.give_types(&kept);
                rows.all = rows.source.sql(&written(model, &rows.select, names, &columns)?);
            }
        }
        Ok(Some(rows))
    }
}

impl Rows {
    /// Returns true if a dimension remembers rows that staging has lost: they still count for the past. So do rows of a
    /// select that dates them by the newest load.
    pub(super) fn remembers(&self, header: &Dimension) -> bool {
        let is_summed_up = !self.source.has_lineage() && (header.at.is_none() || !self.grows);
        match header.history.is_empty() {
            true => self.is_whole,
            false => self.replaced || self.upserted || is_summed_up,
        }
    }

    /// Returns true if members without a row stay in a dimension.
    pub(super) fn keeps(&self, header: &Dimension) -> bool {
        header.history.is_empty() && self.replaced && !self.is_whole
    }

    /// Returns true if decimals tell the rows of a fact apart: they were once kept with all their digits.
    pub(super) fn has_decimal_grain(&self, model: &Model) -> bool {
        let (Kind::Fact(header) | Kind::Bridge(header, _)) = &model.header.kind else { return false };
        let is_decimal = |column: &&TableColumn| type_of(&column.declared) == Some(Type::Numeric);
        self.source.columns().iter().filter(is_decimal).any(|column| header.grain.contains(&column.name))
    }
}

/// A staging table, as the catalog has it.
#[derive(Clone, Copy, Default)]
pub(super) struct Staged {
    /// The newest load with rows in it.
    pub(super) newest: Option<i64>,
    /// True if later loads replace earlier ones.
    pub(super) replaced: bool,
    /// True if rows are overwritten.
    pub(super) upserted: bool,
}

/// Asks the catalog for these staging tables.
pub(super) async fn staged<'t>(
    workspace: &Workspace,
    tables: impl Iterator<Item = &'t Table>,
    transaction: &mut dyn Transaction,
) -> Result<BTreeMap<Table, Staged>, WarehouseError> {
    let mut found = BTreeMap::new();
    for table in BTreeSet::from_iter(tables) {
        let newest = workspace.catalog.newest_load(transaction, &table.name).await?;
        let replaced = workspace.catalog.was_replaced(transaction, &table.name).await?;
        let upserted = History::of(workspace.warehouse.names(), table).exists(transaction).await?;
        found.insert(table.clone(), Staged { newest, replaced, upserted });
    }
    Ok(found)
}

/// Returns the columns of a table behind each output that has values of no other table.
fn columns_behind(of: &Table, outputs: &[Output]) -> BTreeMap<String, BTreeSet<String>> {
    let is_of = |output: &&Output| {
        let is_of = |(table, column): &(Table, String)| table == of && !OWN_COLUMNS.contains(&column.as_str());
        !output.sources.is_empty() && output.sources.iter().all(is_of)
    };
    let columns = |output: &Output| output.sources.iter().map(|(_, column)| column.clone()).collect();
    outputs.iter().filter(is_of).map(|output| (output.name.clone(), columns(output))).collect()
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
