//! The staged rows that bring a table up to date: those of new loads, and those to be looked up again.

use super::RunError;
use super::build::Build;
use super::rows::{Rows, written};
use super::work::{Loads, among};
use crate::catalog::History;
use crate::catalog::columns_read;
use crate::catalog::staged::first_place;
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Schema, Table, TableDef, quote};
use crate::star::{BESIDE, is_again};

/// The temporary table with these rows.
const PART: &str = "sluice_part";

impl Build<'_> {
    /// Returns the rows out of some staged ones, which fill [`PART`]: those of new loads, and those to be looked up
    /// again.
    pub(super) async fn part(&mut self, rows: &Rows, loads: &Loads, again: bool) -> Result<String, RunError> {
        let Some(of) = &rows.of else { return Ok(rows.all.clone()) };
        let part = Table { schema: Schema::Temporary, name: PART.to_owned() };
        let columns = self.session.transaction.columns(of).await?;
        let mut condition = among(&format!("s.{}", quote(LOAD_COLUMN)), &loads.new);
        if again {
            condition.push_str(&format!(" or {}", is_again("s")));
        }
        let list: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
        let some = format!("select {} from {} as s where {condition}", list.join(", "), self.plan.names.table(of));
        match self.plan.names.engine.makes_tables_of_selects() {
            true => self.execute(&format!("create temp table {PART} as {some}")).await?,
            false => {
                self.execute(&self.plan.names.create_table(&TableDef::new(part.clone(), columns))).await?;
                let (into, newest) = (self.plan.names.table(&part), loads.new.first().filter(|_| !again));
                let mut found = false;
                let of_table = self.plan.names.table(of);
                let place = newest.and_then(|first| first_place(self.plan.names.engine, &of_table, *first));
                if let Some(place) = place {
                    let last = format!(" and s.rowid >= ({place})");
                    let rows = self.execute(&format!("insert into {into} {some}{last}")).await?;
                    found = rows
                        == self.plan.workspace.catalog.rows_loaded(&mut *self.session.transaction, &loads.new).await?;
                    if !found {
                        self.execute(&format!("delete from {into}")).await?;
                    }
                }
                if !found {
                    self.execute(&format!("insert into {into} {some}")).await?;
                }
                0
            }
        };
        self.of_part(rows, of).await
    }

    /// Returns the rows out of staged ones that were replaced, as far as they are kept for retractions; these fill
    /// [`PART`].
    pub(super) async fn part_replaced(&mut self, rows: &Rows) -> Result<Option<String>, RunError> {
        let Some(of) = rows.of.as_ref().filter(|_| rows.source.has_lineage()) else { return Ok(None) };
        let history = History::of(self.plan.names, of);
        if !history.exists(&mut *self.session.transaction).await? {
            return Ok(None);
        }
        let columns = self.session.transaction.columns(of).await?;
        let list: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
        let list = list.join(", ");
        let part = Table { schema: Schema::Temporary, name: PART.to_owned() };
        self.execute(&self.plan.names.create_table(&TableDef::new(part.clone(), columns))).await?;
        let replaced = format!(
            "insert into {} ({list}) select {list} from {}",
            self.plan.names.table(&part),
            self.plan.names.table(history.kept())
        );
        self.execute(&replaced).await?;
        self.of_part(rows, of).await.map(Some)
    }

    /// Adds to [`PART`] the staged rows whose load and line [`BESIDE`] has.
    pub(super) async fn add_beside(&mut self, rows: &Rows) -> Result<(), RunError> {
        let Some(of) = &rows.of else { return Ok(()) };
        let columns = self.session.transaction.columns(of).await?;
        let list: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
        let (list, lineage) = (list.join(", "), [LOAD_COLUMN, LINE_COLUMN].map(quote).join(", "));
        let add = format!(
            "insert into {PART} ({list}) select {list} from {} where ({lineage}) in (select {lineage} from {BESIDE})",
            self.plan.names.table(of)
        );
        self.execute(&add).await.map(drop)
    }

    /// Returns the rows out of [`PART`], which takes the place of a staging table.
    async fn of_part(&mut self, rows: &Rows, of: &Table) -> Result<String, RunError> {
        let part = Table { schema: Schema::Temporary, name: PART.to_owned() };
        let select = rows.select.reading(self.plan.names, of, &part);
        let wrong = |why: String| self.model.error(why);
        let columns = columns_read(&mut *self.session.transaction, self.plan.names, &select).await.map_err(wrong)?;
        Ok(rows.source.sql(&written(self.model, &select, self.plan.names, &columns)?))
    }

    pub(super) async fn drop_part(&mut self) -> Result<(), RunError> {
        self.drop_temporary(PART).await
    }
}
