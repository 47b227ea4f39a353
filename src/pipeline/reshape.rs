//! Alters a table to the columns of its file, in place: its views stand.

use std::collections::BTreeMap;

use tracing::{info, warn};

use super::RunError;
use super::build::Build;
use super::rows::Rows;
use crate::catalog::{ChangedView, ViewsOver};
use crate::project::{Kind, ModelError};
use crate::schema::Type;
use crate::sql::{Output, Schema, Table, TableColumn, type_of};
use crate::warehouse::{Alteration, Altered, DroppedView};

/// The columns of a file.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) all: &'a [TableColumn],
    /// The columns of a dimension's natural key.
    pub(super) key: &'a [String],
    /// The dimension and its key, by the column that refers to it.
    pub(super) references: BTreeMap<String, String>,
    /// The columns of a fact's grain, whose rows go on under the same values in a wider type.
    pub(super) grain: &'a [String],
    /// True if rows may stay that the select does not give any more, with their attributes.
    pub(super) keeps: bool,
}

/// Returns true if each value of a column has one of the other's type that means the same.
pub(super) fn widens(from: &TableColumn, to: &TableColumn) -> bool {
    matches!(
        (type_of(&from.declared), type_of(&to.declared)),
        (Some(_), Some(Type::Text))
            | (Some(Type::Bigint), Some(Type::Numeric | Type::Double))
            | (Some(Type::Date), Some(Type::Timestamp))
    )
}

/// Returns an alteration of a table of the star in words; `None` for one of staging.
fn in_words(alteration: &Alteration) -> Option<String> {
    match alteration {
        Alteration::Add(column) | Alteration::Refer { column, .. } => Some(format!("column {} added", column.name)),
        Alteration::Cast(TableColumn { name, declared }) | Alteration::Retype(TableColumn { name, declared }) => {
            let word = type_of(declared).map_or(declared.as_str(), |kind| kind.word());
            Some(format!("column {name} is {word}"))
        }
        Alteration::Rename { from, to } => Some(format!("column {from} is called {to}")),
        Alteration::Drop { name } => Some(format!("column {name} dropped")),
        Alteration::Widen { .. } => None,
    }
}

impl Build<'_> {
    /// Returns true if the file has other columns than its table, another grain, or another view.
    pub(super) async fn is_to_be_altered(&mut self, rows: Option<&Rows>) -> Result<bool, RunError> {
        let Some(rows) = rows.filter(|_| self.is_redefined()) else { return Ok(false) };
        let stands = self.existing().await?;
        if stands.is_empty() {
            return Ok(false);
        }
        let says = match &self.model.header.kind {
            Kind::View => return Ok(true),
            Kind::Table => rows.source.columns().to_vec(),
            Kind::Calendar(_) => return Ok(false),
            Kind::Dimension(header) => self.dimension_sql(header, rows).table_columns(),
            Kind::Fact(header) | Kind::Bridge(header, _) => {
                let sql = self.fact_sql(header, rows);
                let standing = self.standing(&sql).await?;
                if standing != stands || self.has_other_grain(&sql, &stands).await? {
                    return Ok(true);
                }
                sql.columns().to_vec()
            }
        };
        let id = matches!(self.model.header.kind, Kind::Dimension(_)).then(|| self.id());
        let stands: Vec<_> = stands.into_iter().filter(|column| id.as_ref() != Some(&column.name)).collect();
        Ok(says.len() != stands.len() || !says.iter().all(|column| stands.contains(column)))
    }

    /// Returns the same before the table's turn, as far as it can be told while the tables that it needs lack their
    /// columns.
    pub(super) async fn will_alter(&mut self) -> Result<bool, RunError> {
        if self.model.select.is_none() {
            return Ok(false);
        }
        self.session.transaction.execute("savepoint sluice_look", &[]).await?;
        let told = match self.rows().await {
            Ok(rows) => {
                self.definition = self.plan.definition(self.model, rows.as_ref());
                self.is_to_be_altered(rows.as_ref()).await
            }
            Err(error) => Err(error),
        };
        self.session.transaction.execute("rollback to savepoint sluice_look", &[]).await?;
        self.session.transaction.execute("release savepoint sluice_look", &[]).await?;
        // Faults are reported at the table's turn.
        Ok(told.unwrap_or(false))
    }

    /// Alters the table to these columns. New ones are added, obsolete ones are dropped where that is allowed. The values
    /// of a changed type go, because they are computed anew; only those that tell rows apart are cast: a dimension's
    /// `key` and times, and a fact's grain; and all of a table that keeps rows.
    pub(super) async fn reshape(&mut self, stands: &[TableColumn], says: &Columns<'_>) -> Result<bool, RunError> {
        let is_time = |name: &String| !says.key.is_empty() && ["valid_from", "valid_to"].contains(&name.as_str());
        let is_cast = |old: &TableColumn, new: &TableColumn| {
            let is_known = type_of(&old.declared).is_some() && type_of(&new.declared).is_some();
            (says.keeps && is_known)
                || says.key.contains(&new.name)
                || is_time(&new.name)
                || (says.grain.contains(&new.name) && widens(old, new))
        };
        let mut alterations = Vec::new();
        for old in stands {
            match says.all.iter().find(|new| new.name == old.name) {
                Some(new) if new.declared == old.declared => {}
                Some(new) if is_cast(old, new) => alterations.push(Alteration::Cast(new.clone())),
                Some(new) if says.references.contains_key(&new.name) => {
                    alterations.push(Alteration::Drop { name: old.name.clone() });
                }
                Some(new) => alterations.push(Alteration::Retype(new.clone())),
                None => {
                    self.must_drop_column(&old.name)?;
                    alterations.push(Alteration::Drop { name: old.name.clone() });
                }
            }
        }
        for new in says.all {
            let is_dropped =
                |old: &TableColumn| old.declared != new.declared && says.references.contains_key(&new.name);
            if stands.iter().any(|old| old.name == new.name && !is_dropped(old)) {
                continue;
            }
            if says.key.contains(&new.name) {
                return Err(self.no_name(&new.name).into());
            }
            alterations.push(match says.references.get(&new.name) {
                Some(to) => Alteration::Refer { column: new.clone(), to: to.clone() },
                None => Alteration::Add(new.clone()),
            });
        }
        if alterations.is_empty() {
            return Ok(false);
        }
        let table = Table::datawarehouse(&self.model.name);
        self.alter(&table, &alterations).await?;
        Ok(true)
    }

    /// Refuses to drop a column that the file does not give any more, unless it is allowed.
    fn must_drop_column(&self, name: &str) -> Result<(), ModelError> {
        let (plan, model) = (self.plan, self.model);
        let column = format!("the column {name} of {}", plan.names.shown(&Table::datawarehouse(&model.name)));
        match model.dimensions().and_then(|dimensions| dimensions.get(name)) {
            Some(used) if !plan.options.allow_drop => {
                let (key, dimension) = (used.key_column(name), used.dimension());
                Err(model.error(format!(
                    "{column} becomes {key}, the key of its member of {dimension}: app --pipeline --allow-drop makes it \
                     so; a value without a member gets the key that missing says"
                )))
            }
            _ => plan.must_drop(model, &format!("{column} is not given any more")),
        }
    }

    /// Returns the error for a new column of a dimension's key.
    fn no_name(&self, column: &str) -> ModelError {
        let table = self.plan.names.shown(&Table::datawarehouse(&self.model.name));
        self.model.error(format!(
            "the key has a new column, {column}, so the members there are have no name: drop the table {table} to give new \
             keys"
        ))
    }

    /// Alters a table of the catalog to these columns and keeps its values.
    pub(super) async fn follow(&mut self, table: &Table, columns: &[TableColumn]) -> Result<(), RunError> {
        let stands = self.session.transaction.columns(table).await?;
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
        self.alter(table, &alterations).await
    }

    /// Drops a column whose values are kept elsewhere.
    pub(super) async fn let_go(&mut self, column: &str) -> Result<(), RunError> {
        let (table, gone) = (Table::datawarehouse(&self.model.name), [Alteration::Drop { name: column.to_owned() }]);
        self.alter(&table, &gone).await
    }

    /// Alters a table and notes the statements. The views over it are translated for its columns of now.
    pub(super) async fn alter(&mut self, table: &Table, alterations: &[Alteration]) -> Result<(), RunError> {
        let (plan, transaction) = (self.plan, &mut *self.session.transaction);
        let adds_only = alterations.iter().all(|one| matches!(one, Alteration::Add(_) | Alteration::Refer { .. }));
        let views = match adds_only {
            true => ViewsOver::default(),
            false => plan.workspace.catalog.views_over(transaction, std::slice::from_ref(table)).await?,
        };
        if table.schema == Schema::Datawarehouse {
            self.change.altered.extend(alterations.iter().filter_map(in_words));
        }
        let own_views: Vec<_> = plan.own_views.iter().cloned().chain(views.tables()).collect();
        let done = transaction.alter(table, alterations, &own_views).await;
        let Altered { dropped, statements } = done.map_err(|error| self.model.error(error.to_string()))?;
        self.session.sql.extend(statements);
        self.translate(&views, dropped, BTreeMap::new()).await
    }

    /// Translates views over a table that has changed. One of the star that has its own turn is made there.
    pub(super) async fn translate(
        &mut self,
        views: &ViewsOver,
        dropped: Vec<DroppedView>,
        given: BTreeMap<String, Vec<Output>>,
    ) -> Result<(), RunError> {
        let (plan, transaction) = (self.plan, &mut *self.session.transaction);
        for ChangedView { view, dropped } in
            plan.workspace.catalog.translate_views(transaction, views, dropped, given).await?
        {
            let has_turn = plan.selected.iter().any(|model| model.name == view.name);
            let view = plan.names.shown(&view);
            match dropped {
                _ if has_turn => {}
                // A dry run leaves them as they are.
                None if plan.options.dry => {}
                Some(why) if plan.options.dry => {
                    warn!(view, "the view could not be read any more and would be dropped: {why}; fix its file");
                }
                None => info!(view, "the view is translated anew, because what it reads has other columns"),
                Some(why) => warn!(
                    view,
                    "the view cannot be read any more and was dropped: {why}; fix its file, and app --pipeline or app --analysis makes \
                     it again"
                ),
            }
        }
        Ok(())
    }
}
