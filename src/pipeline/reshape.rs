//! Alters a table to the columns of its file, in place: its views stand.

use std::collections::BTreeMap;

use tracing::warn;

use super::rows::Rows;
use super::table::Run;
use super::{RunError, TableChange};
use crate::project::{Kind, Model};
use crate::sql::{Table, TableColumn};
use crate::star::{DimensionSql, FactSql};
use crate::warehouse::Alteration;

/// The columns of a file.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) all: &'a [TableColumn],
    /// The columns of a dimension's natural key.
    pub(super) key: &'a [String],
    /// The dimension and its key, by the column that refers to it.
    pub(super) references: BTreeMap<String, String>,
}

impl Run<'_> {
    /// Returns true if the file has other columns than its table, another grain, or another view.
    pub(super) async fn is_to_be_altered(
        &mut self,
        model: &Model,
        rows: Option<&Rows>,
        definition: &str,
    ) -> Result<bool, RunError> {
        let (Some(rows), Some(state)) = (rows, self.states.get(&model.name)) else { return Ok(false) };
        if state.definition == definition {
            return Ok(false);
        }
        let stands = self.existing(model).await?;
        if stands.is_empty() {
            return Ok(false);
        }
        let (given, lineage) = (rows.source.columns(), rows.source.has_lineage());
        let says = match &model.header.kind {
            Kind::View => return Ok(true),
            Kind::Table => given.to_vec(),
            Kind::Calendar(_) => return Ok(false),
            Kind::Dimension(header) => {
                let sql =
                    DimensionSql::new(self.plan.names, &model.name, header, given, lineage, self.plan.infers(model));
                sql.table_columns()
            }
            Kind::Fact(header) | Kind::Bridge(header, _) => {
                let sql = FactSql::new(self.plan.names, &model.name, header, &self.targets, given, lineage);
                let standing = self.standing(model, &sql).await?;
                if standing != stands || self.has_other_grain(model, &sql, &stands).await? {
                    return Ok(true);
                }
                sql.columns().to_vec()
            }
        };
        let id = matches!(model.header.kind, Kind::Dimension(_)).then(|| Run::id(model));
        let stands: Vec<_> = stands.into_iter().filter(|column| id.as_ref() != Some(&column.name)).collect();
        Ok(says.len() != stands.len() || !says.iter().all(|column| stands.contains(column)))
    }

    /// Returns the same before the table's turn, as far as it can be told while the tables that it needs lack their
    /// columns.
    pub(super) async fn will_alter(&mut self, model: &Model) -> Result<bool, RunError> {
        let Some(select) = &model.select else { return Ok(false) };
        self.transaction.execute("savepoint sluice_look", &[]).await?;
        let told = match self.rows(model, select).await {
            Ok(rows) => {
                let definition = self.plan.definition(model, Some(&rows));
                self.is_to_be_altered(model, Some(&rows), &definition).await
            }
            Err(error) => Err(error),
        };
        self.transaction.execute("rollback to savepoint sluice_look", &[]).await?;
        self.transaction.execute("release savepoint sluice_look", &[]).await?;
        // Faults are reported at the table's turn.
        Ok(told.unwrap_or(false))
    }

    /// Alters a table to these columns. New ones are added, obsolete ones are dropped where that is allowed. A changed
    /// type means both, because values are computed anew; only a dimension's `key` and times are cast.
    pub(super) async fn reshape(
        &mut self,
        model: &Model,
        table: &Table,
        stands: &[TableColumn],
        says: &Columns<'_>,
    ) -> Result<bool, RunError> {
        let (columns, key) = (says.all, says.key);
        let is_time = |name: &String| !key.is_empty() && ["valid_from", "valid_to"].contains(&name.as_str());
        let is_cast = |name: &String| key.contains(name) || is_time(name);
        let mut alterations = Vec::new();
        for old in stands {
            match columns.iter().find(|new| new.name == old.name) {
                Some(new) if new.declared == old.declared => {}
                Some(new) if is_cast(&new.name) => alterations.push(Alteration::Cast(new.clone())),
                Some(_) => alterations.push(Alteration::Drop { name: old.name.clone() }),
                None => {
                    let column = format!("the column {} of {}", old.name, self.plan.names.shown(table));
                    match model.dimensions().and_then(|dimensions| dimensions.get(&old.name)) {
                        Some(used) if !self.plan.options.allow_drop => {
                            let (key, dimension) = (used.key_column(&old.name), used.dimension());
                            return Err(model
                                .error(format!(
                                    "{column} becomes {key}, the key of its member of {dimension}: app --pipeline \
                                     --allow-drop makes it so; a value without a member gets the key that missing says"
                                ))
                                .into());
                        }
                        _ => self.plan.must_drop(model, &format!("{column} is not given any more"))?,
                    }
                    alterations.push(Alteration::Drop { name: old.name.clone() });
                }
            }
        }
        for new in columns {
            let same = |old: &TableColumn| old.name == new.name && (old.declared == new.declared || is_cast(&new.name));
            if !stands.iter().any(same) {
                if key.contains(&new.name) {
                    return Err(model
                        .error(format!(
                            "the key has a new column, {}, so the members there are have no name: drop the table {} to give new keys",
                            new.name,
                            self.plan.names.shown(table)
                        ))
                        .into());
                }
                alterations.push(match says.references.get(&new.name) {
                    Some(to) => Alteration::Refer { column: new.clone(), to: to.clone() },
                    None => Alteration::Add(new.clone()),
                });
            }
        }
        if alterations.is_empty() {
            return Ok(false);
        }
        self.sql.push(format!("alter table {}: {alterations:?}", self.plan.names.table(table)));
        let done = self.transaction.alter(table, &alterations, &self.plan.own_views).await;
        for view in done.map_err(|error| model.error(error.to_string()))? {
            warn!(
                view = self.plan.names.shown(&view),
                "the view reads what is no longer there and was dropped; app --analysis makes it again"
            );
        }
        Ok(true)
    }

    /// Alters a table of the catalog to these columns and keeps its values.
    pub(super) async fn follow(
        &mut self,
        model: &Model,
        table: &Table,
        columns: &[TableColumn],
    ) -> Result<(), RunError> {
        let stands = self.transaction.columns(table).await?;
        let mut alterations = Vec::new();
        for new in columns {
            match stands.iter().find(|old| old.name == new.name) {
                Some(old) if old.declared == new.declared => {}
                Some(_) => alterations.push(Alteration::Cast(new.clone())),
                None => alterations.push(Alteration::Add(new.clone())),
            }
        }
        if alterations.is_empty() {
            return Ok(());
        }
        self.sql.push(format!("alter table {}: {alterations:?}", self.plan.names.table(table)));
        self.transaction.alter(table, &alterations, &[]).await.map_err(|error| model.error(error.to_string()))?;
        Ok(())
    }

    /// Drops a column whose values are kept elsewhere.
    pub(super) async fn let_go(&mut self, model: &Model, table: &Table, column: &str) -> Result<(), RunError> {
        let drop = [Alteration::Drop { name: column.to_owned() }];
        self.transaction
            .alter(table, &drop, &self.plan.own_views)
            .await
            .map_err(|error| model.error(error.to_string()))?;
        Ok(())
    }

    /// Drops the tables without a file, where that is allowed.
    pub(super) async fn drop_undeclared(&mut self, models: &[Model]) -> Result<(), RunError> {
        let is_declared = |name: &String| models.iter().any(|model| model.name == *name);
        let mut others: Vec<_> = self.plan.states.values().filter(|state| !is_declared(&state.name)).cloned().collect();
        if others.is_empty() {
            return Ok(());
        }
        if !self.plan.options.allow_drop {
            let tables: Vec<_> =
                others.iter().map(|state| self.plan.names.shown(&Table::datawarehouse(&state.name))).collect();
            warn!(
                tables = tables.join(", "),
                "sql/pipeline has no file for them any more: they stay as they are; app --pipeline --allow-drop drops them"
            );
            return Ok(());
        }
        // Dropping a fact drops its references, which locks the dimensions.
        let tables = others.iter().map(|state| &state.name).chain(self.targets.keys());
        let tables: Vec<_> = tables.map(|name| Table::datawarehouse(name)).collect();
        self.transaction.lock_alone(&tables).await?;
        // Readers come before the tables that they read, and facts before their dimensions.
        others.sort_by_key(|state| match state.kind.as_str() {
            "view" => 0,
            "dimension" | "calendar" => 2,
            _ => 1,
        });
        for state in &others {
            let table = Table::datawarehouse(&state.name);
            let what = if state.kind == "view" { "view" } else { "table" };
            let sql = format!("drop {what} if exists {}", self.plan.names.table(&table));
            self.sql.push(sql.clone());
            self.transaction.execute(&sql, &[]).await?;
            self.changes.push(TableChange {
                table: state.name.clone(),
                kind: kind_word(&state.kind),
                how: "dropped: sql/pipeline has no file for it any more".to_owned(),
                deleted: state.rows,
                ..TableChange::default()
            });
            self.plan.workspace.catalog.forget_star(&mut *self.transaction, &state.name).await?;
        }
        Ok(())
    }
}

/// Returns the word for a recorded kind.
fn kind_word(word: &str) -> &'static str {
    ["dimension", "fact", "bridge", "calendar", "table", "view"]
        .into_iter()
        .find(|known| *known == word)
        .unwrap_or("table")
}
