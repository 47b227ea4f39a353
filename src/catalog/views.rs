//! The views that Sluice made, of the star and of questions, with their selects. An engine keeps a view as it was
//! translated for the types of that time, so a change of a column's type translates the views over it anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use models::view;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, Insert, QueryFilter, QuerySelect, QueryTrait};

use crate::catalog::{Catalog, QuestionView};
use crate::project::names_in_order;
use crate::sql::{Names, Output, Schema, Select, Table, TableColumn, described};
use crate::text::nearest;
use crate::warehouse::relying::definition_of;
use crate::warehouse::{DroppedView, Transaction, WarehouseError};

/// The views of Sluice over tables, before those change.
#[derive(Default)]
pub(crate) struct ViewsOver {
    /// All views that stand, each after those that it reads.
    selects: Vec<(String, Select)>,
    /// Those over the tables, however far, as they stand.
    over: BTreeMap<String, Before>,
}

struct Before {
    definition: String,
    columns: Vec<TableColumn>,
    is_question: bool,
}

/// A view over a changed table that is another one now.
#[derive(Debug)]
pub(crate) struct ChangedView {
    /// The view.
    pub(crate) view: Table,
    /// The reason why it was dropped; `None` if it was translated anew.
    pub(crate) dropped: Option<String>,
}

impl ViewsOver {
    /// The views, which can be made again.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Table> + '_ {
        self.over.keys().map(|name| Table::datawarehouse(name))
    }

    /// Leaves out those that are made anew by their files.
    pub(crate) fn leave_out(&mut self, is_made: impl Fn(&str) -> bool) {
        self.over.retain(|name, _| !is_made(name));
    }
}

impl Catalog {
    /// Keeps the select of a view.
    ///
    /// # Errors
    /// The database's error.
    pub(crate) async fn keep_view(
        &self,
        transaction: &mut dyn Transaction,
        name: &str,
        select: &Select,
    ) -> Result<(), WarehouseError> {
        let (text, is_own) = (select.text(), i64::from(select.is_own()));
        let query = view::Entity::find().select_only().columns([view::Column::Text, view::Column::IsOwn]);
        let query = query.filter(view::Column::Name.eq(name)).into_query();
        let kept = self.rows(transaction, self.build(&query)).await?;
        if kept.iter().any(|row| row.text(0) == Some(text.as_str()) && row.get(1).ok() == Some(is_own)) {
            return Ok(());
        }
        let line = view::ActiveModel { name: Set(name.to_owned()), text: Set(text), is_own: Set(is_own) };
        let mut insert = Insert::one(line).into_query();
        let others = [view::Column::Text, view::Column::IsOwn];
        insert.on_conflict(OnConflict::column(view::Column::Name).update_columns(others).to_owned());
        self.run(transaction, self.build(&insert)).await
    }

    /// Forgets the select of a view that is dropped.
    ///
    /// # Errors
    /// The database's error.
    pub(super) async fn forget_view(
        &self,
        transaction: &mut dyn Transaction,
        name: &str,
    ) -> Result<(), WarehouseError> {
        let delete = view::Entity::delete_many().filter(view::Column::Name.eq(name));
        self.run(transaction, self.build(&delete.into_query())).await
    }

    /// The views over these tables. One that somebody has made anew since is none of ours.
    ///
    /// # Errors
    /// The database's error.
    pub(crate) async fn views_over(
        &self,
        transaction: &mut dyn Transaction,
        tables: &[Table],
    ) -> Result<ViewsOver, WarehouseError> {
        let names = self.warehouse.names();
        let query = view::Entity::find().select_only();
        let query = query.columns([view::Column::Name, view::Column::Text, view::Column::IsOwn]).into_query();
        let questions = self.questions(transaction).await?;
        let (mut selects, mut stands) = (BTreeMap::new(), BTreeMap::new());
        for row in self.rows(transaction, self.build(&query)).await? {
            let name: String = row.get(0)?;
            let Ok(select) = Select::parse(&row.get::<String>(1)?) else { continue };
            let select = if row.get::<i64>(2)? == 1 { select.for_its_engine() } else { select };
            let Some(definition) = definition_of(transaction, names, &Table::datawarehouse(&name)).await? else {
                continue;
            };
            let question = questions.iter().find(|question| question.name == name);
            if question.is_none_or(|question| question.definition == definition) {
                stands.insert(name.clone(), (definition, question.is_some()));
                selects.insert(name, select);
            }
        }
        let needs = |select: &Select| select.tables(names).into_iter().map(|table| table.name).collect();
        let needs = selects.iter().map(|(name, select)| (name.clone(), needs(select))).collect();
        let mut found = ViewsOver::default();
        let mut changed = BTreeSet::from_iter(tables.iter().cloned());
        // Views that stand are in no circle.
        for name in names_in_order(needs).unwrap_or_default() {
            let Some((select, (definition, is_question))) = selects.remove(&name).zip(stands.remove(&name)) else {
                continue;
            };
            if !select.tables(names).is_disjoint(&changed) {
                let view = Table::datawarehouse(&name);
                // SQLite tells none of a view over a table that was dropped.
                let columns = transaction.columns(&view).await.unwrap_or_default();
                found.over.insert(name.clone(), Before { definition, columns, is_question });
                changed.insert(view);
            }
            found.selects.push((name, select));
        }
        Ok(found)
    }

    /// Translates the views over a table that has changed; drops those that cannot be translated any more. Returns the
    /// views that have changed. `dropped` are those that went with the table's columns, `given` the outputs of views that
    /// have another select since.
    ///
    /// # Errors
    /// The database's error, such as that a view of others stands over one that has to go.
    pub(crate) async fn translate_views(
        &self,
        transaction: &mut dyn Transaction,
        views: &ViewsOver,
        mut dropped: Vec<DroppedView>,
        mut given: BTreeMap<String, Vec<Output>>,
    ) -> Result<Vec<ChangedView>, WarehouseError> {
        let own: Vec<_> = views.tables().collect();
        let (mut gone, mut changed) = (BTreeMap::new(), Vec::new());
        for (name, select) in &views.selects {
            let text = self.view_text(transaction, name, select, &mut given, &gone).await;
            let Some(before) = views.over.get(name) else { continue };
            transaction.execute("savepoint sluice_view", &[]).await?;
            let view = Table::datawarehouse(name);
            let made = match text {
                Ok(text) => match transaction.replace_view(&view, &text, &own).await {
                    Ok(others) => {
                        dropped.extend(others);
                        Ok(())
                    }
                    Err(error) if error.is_transient() => return Err(error),
                    Err(error) => Err(error.to_string()),
                },
                Err(why) => Err(why),
            };
            if let Err(why) = made {
                transaction.execute("rollback to savepoint sluice_view", &[]).await?;
                gone.insert(name.clone(), why);
            } else {
                for statement in dropped.iter().filter(|one| one.view == view).flat_map(|one| &one.extras) {
                    transaction.execute(statement, &[]).await?;
                }
                if self.note_definition(transaction, name, before).await? {
                    changed.push(ChangedView { view, dropped: None });
                }
            }
            transaction.execute("release savepoint sluice_view", &[]).await?;
        }
        // A reader goes before the view that it reads.
        for (name, _) in views.selects.iter().rev() {
            let Some(why) = gone.remove(name) else { continue };
            let view = Table::datawarehouse(name);
            let drop = format!("drop view if exists {}", self.warehouse.names().table(&view));
            let done = transaction.execute(&drop, &[]).await;
            done.map_err(|error| error.while_doing(&format!("its select cannot be read any more ({why})")))?;
            changed.push(ChangedView { view, dropped: Some(why) });
        }
        let others = dropped.into_iter().filter(|one| !views.over.contains_key(&one.view.name));
        let why = || Some("it reads a column that is gone, or has another type".to_owned());
        changed.extend(others.map(|one| ChangedView { view: one.view, dropped: why() }));
        Ok(changed)
    }

    /// Writes the select of a view for the columns of now, and adds its outputs to those `given`.
    async fn view_text(
        &self,
        transaction: &mut dyn Transaction,
        name: &str,
        select: &Select,
        given: &mut BTreeMap<String, Vec<Output>>,
        gone: &BTreeMap<String, String>,
    ) -> Result<String, String> {
        let names = self.warehouse.names();
        let is_gone = |table: &Table| table.schema == Schema::Datawarehouse && gone.contains_key(&table.name);
        if let Some(table) = select.tables(names).into_iter().find(is_gone) {
            return Err(format!("it reads {}, which cannot be read any more", names.shown(&table)));
        }
        let mut columns = columns_read(transaction, names, select).await?;
        describe_views(&mut columns, given);
        given.entry(name.to_owned()).or_insert_with(|| select.outputs(names, &columns));
        select.sql(names, &columns).map_err(|error| error.to_string())
    }

    /// Notes the definition of a question's view; returns true if the view is another one than before.
    async fn note_definition(
        &self,
        transaction: &mut dyn Transaction,
        name: &str,
        before: &Before,
    ) -> Result<bool, WarehouseError> {
        let (names, view) = (self.warehouse.names(), Table::datawarehouse(name));
        let Some(definition) = definition_of(transaction, names, &view).await? else { return Ok(false) };
        let is_another = before.definition != definition;
        let question = self.questions(transaction).await?.into_iter().find(|question| question.name == name);
        if let Some(question) = question.filter(|_| before.is_question && is_another) {
            self.keep_question(transaction, &QuestionView { definition, ..question }).await?;
        }
        Ok(is_another || transaction.columns(&view).await? != before.columns)
    }
}

/// Adds the known types to the columns of views.
pub(crate) fn describe_views(columns: &mut HashMap<Table, Vec<TableColumn>>, views: &BTreeMap<String, Vec<Output>>) {
    for (table, columns) in columns.iter_mut().filter(|(table, _)| table.schema == Schema::Datawarehouse) {
        if let Some(outputs) = views.get(&table.name) {
            *columns = described(std::mem::take(columns), outputs);
        }
    }
}

/// Returns the columns of every table that a select reads.
///
/// # Errors
/// In words, if a staging table is missing; other missing objects are named by the database.
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
        if columns.is_empty() && table.schema == Schema::Datawarehouse {
            let shown = names.shown(&table);
            return Err(format!("there is no table {shown}: app --pipeline makes what sql/pipeline has a file for"));
        }
        found.insert(table, columns);
    }
    Ok(found)
}
