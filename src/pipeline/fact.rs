//! Brings a fact or a bridge up to date.

use tracing::warn;

use super::RunError;
use super::books::must_balance;
use super::build::Build;
use super::reshape::Columns;
use super::rows::Rows;
use super::work::{Loads, Work, among};
use crate::project::{Fact, Kind, Missing};
use crate::sql::{Table, TableColumn};
use crate::star::{AGAIN, FactSql, KEYED, OfGrain};

/// The decisions about a fact, before anything is written.
pub(super) struct FactPlan<'b> {
    pub(super) header: &'b Fact,
    pub(super) rows: &'b Rows,
    pub(super) sql: FactSql,
}

impl Build<'_> {
    /// Brings a fact or a bridge up to date.
    pub(super) async fn fact(&mut self, header: &Fact, rows: &Rows, work: &Work) -> Result<(), RunError> {
        let fact = self.plan_fact(header, rows)?;
        match work {
            Work::First => self.first(&fact).await?,
            Work::Loads(loads) => {
                let mut why = self.why_whole(&fact.sql).await?;
                if why.is_none() {
                    self.bring_in(&fact, loads).await?;
                    let finds_inferred = self.change.inferred > 0 && fact.sql.finds_inferred();
                    why = finds_inferred.then_some("it names members that it made");
                }
                if let Some(why) = why {
                    self.change.how.push_str(&format!(", compared whole: {why}"));
                    self.whole(&fact).await?;
                }
            }
            _ => self.whole(&fact).await?,
        }
        let undated = self.undated(header, work);
        self.change.how.push_str(&undated);
        self.change.rejected = self.count_some(fact.sql.count_rejected()).await?;
        self.count_unknown(rows, &fact.sql).await
    }

    /// Returns the reason why rows of new loads cannot be brought in alone, if so.
    async fn why_whole(&mut self, sql: &FactSql) -> Result<Option<&'static str>, RunError> {
        if sql.has_plain_grain() {
            return Ok(None);
        }
        if let Some(why) = sql.hides_grain() {
            return Ok(Some(why));
        }
        if self.key_columns(sql).await?.is_empty() {
            self.execute(&sql.index_grain()).await?;
        }
        let stands = self.existing().await?;
        Ok(self.has_other_grain(sql, &stands).await?.then_some("its index is that of another grain"))
    }

    /// Checks the header against the rows and the dimensions.
    fn plan_fact<'b>(&self, header: &'b Fact, rows: &'b Rows) -> Result<FactPlan<'b>, RunError> {
        let columns = rows.source.columns();
        let used: Vec<_> = header.dimensions.keys().collect();
        for (word, names) in
            [("grain", header.grain.iter().collect()), ("dimensions", used), ("at", header.at.iter().collect())]
        {
            self.must_give(columns, word, &names)?;
        }
        if let Kind::Bridge(_, Some(weight)) = &self.model.header.kind {
            let names: Vec<_> = weight.group.iter().chain([&weight.column]).collect();
            self.must_give(columns, "weight", &names)?;
            weight.fits(columns).map_err(|why| self.model.error_of_word(why))?;
        }
        header.fits(columns).map_err(|why| self.model.error_of_word(why))?;
        self.must_have_targets(header, columns)?;
        let sql = self.fact_sql(header, rows).with_long_keys(self.plan.long_keys);
        self.must_differ(sql.columns(), None)?;
        Ok(FactPlan { header, rows, sql })
    }

    /// Fails if a dimension is missing, or its key and the fact's column cannot be compared.
    fn must_have_targets(&self, header: &Fact, columns: &[TableColumn]) -> Result<(), RunError> {
        for (column, used) in &header.dimensions {
            let name = used.dimension();
            let Some(target) = self.tables.target(name) else {
                return Err(self
                    .model
                    .error_of_word(format!(
                        "dimensions: {column}: {name} has not been built yet: leave --select out, or say +{}",
                        self.model.name
                    ))
                    .into());
            };
            let Some(given) = columns.iter().find(|one| one.name == *column) else { continue };
            let infers = used.missing() == Missing::Infer;
            if infers && !target.infers {
                return Err(self.model
                    .error_of_word(format!(
                        "dimensions: {column}: {name} was built without members that facts make: leave --select out, or say +{}",
                        self.model.name
                    ))
                    .into());
            }
            if !target.is_comparable(given) {
                return Err(self.model
                    .error_of_word(format!(
                        "dimensions: {column} is {}, and {name} knows its members by {}, which is {}: cast one of them in its select",
                        given.declared, target.key.name, target.key.declared
                    ))
                    .into());
            }
        }
        Ok(())
    }

    /// Creates the table and fills it at once.
    async fn first(&mut self, fact: &FactPlan<'_>) -> Result<(), RunError> {
        self.look_over(fact).await?;
        self.change.inserted = self.fill(fact, &fact.rows.all, true).await?;
        self.change.rows = self.change.inserted;
        self.books(fact, true).await
    }

    /// Prepares the lookups: makes members, notes rejects, and checks in the select a grain of members' columns, which
    /// the fact does not have as such.
    async fn look_over(&mut self, fact: &FactPlan<'_>) -> Result<(), RunError> {
        let sql = &fact.sql;
        let widened = |name: &str| {
            let widened = &self.tables.get(name)?.widened;
            (!widened.is_empty()).then(|| widened.clone())
        };
        let named = sql.name_inferred(&fact.rows.all, widened);
        self.all(named).await?;
        self.lookups(fact, &fact.rows.all).await?;
        if !sql.has_plain_grain() {
            self.must_have_grain(fact, &format!("({}) as n", sql.let_in(&fact.rows.all))).await?;
        }
        Ok(())
    }

    /// Compares all rows.
    async fn whole(&mut self, fact: &FactPlan<'_>) -> Result<(), RunError> {
        let sql = &fact.sql;
        self.execute(&sql.forget_rejects(false)).await?;
        self.look_over(fact).await?;
        self.keyed(sql, &fact.rows.all).await?;
        if sql.has_plain_grain() {
            self.must_have_grain(fact, KEYED).await?;
        }
        let stands = self.standing(sql).await?;
        let is_other = self.has_other_grain(sql, &stands).await?;
        // PostgreSQL keeps readers out of a table whose key it drops, also where there is none.
        if is_other && !self.key_columns(sql).await?.is_empty() {
            self.all(sql.drop_grain()).await?;
        }
        let grain = sql.grain_columns();
        let columns = Columns { all: sql.columns(), references: sql.references(), grain: &grain, ..Columns::default() };
        let reshaped = self.reshape(&stands, &columns).await?;
        if sql.has_plain_grain() && !is_other {
            self.change.deleted += self.execute(&sql.delete(false)).await?;
            self.upsert(sql).await?;
        } else {
            let of_grain = self.rows_of_grain(sql).await?;
            self.replace_rows(KEYED, sql.columns(), Some(&of_grain)).await?;
        }
        if reshaped || is_other {
            self.all(sql.finish_again(&stands, is_other)).await?;
        }
        self.drop_temporary(KEYED).await?;
        self.change.rows = self.count_rows().await?;
        self.books(fact, false).await
    }

    /// Adds the rows of new loads, deletes those of retracted loads, and looks up again those whose members moved.
    async fn bring_in(&mut self, fact: &FactPlan<'_>, loads: &Loads) -> Result<(), RunError> {
        let sql = &fact.sql;
        if !loads.gone.is_empty() {
            self.change.deleted += self.execute(&sql.delete_loads(&loads.gone_list())).await?;
            self.execute(&sql.forget_rejects_of(&among("load_id", &loads.gone))).await?;
        }
        let again = self.note_again(sql).await?;
        match again {
            false if loads.new.is_empty() => {}
            _ if !sql.has_plain_grain() => self.enter(fact, loads, again).await?,
            true => self.look_up_again(fact, loads).await?,
            false => {
                let part = self.part(fact.rows, loads, false).await?;
                let before = self.count_some(sql.count_rejected()).await?;
                self.lookups(fact, &part).await?;
                self.change.inserted = self.fill(fact, &part, false).await?;
                let rejected = self.count_some(sql.count_rejected()).await?.saturating_sub(before);
                let given = self.count(&format!("select count(*) from ({part}) as n")).await?;
                must_balance(self.model, given, self.change.inserted, rejected)?;
                self.drop_part().await?;
            }
        }
        if again {
            self.drop_temporary(AGAIN).await?;
        }
        self.change.rows = (self.change.rows + self.change.inserted).saturating_sub(self.change.deleted);
        Ok(())
    }

    /// Notes in [`AGAIN`] the rows whose members moved; returns false if there are none.
    async fn note_again(&mut self, sql: &FactSql) -> Result<bool, RunError> {
        let Some(again) = sql.note_again(&self.tables.touched()) else { return Ok(false) };
        self.execute(&again).await?;
        if self.count(&format!("select count(*) from {AGAIN}")).await? == 0 {
            self.drop_temporary(AGAIN).await?;
            return Ok(false);
        }
        self.analyze(AGAIN).await?;
        Ok(true)
    }

    /// Adds the rows of new loads together with those whose members moved.
    async fn look_up_again(&mut self, fact: &FactPlan<'_>, loads: &Loads) -> Result<(), RunError> {
        let sql = &fact.sql;
        let part = self.part(fact.rows, loads, true).await?;
        self.execute(&sql.forget_rejects(true)).await?;
        self.lookups(fact, &part).await?;
        self.keyed(sql, &part).await?;
        self.must_have_grain(fact, KEYED).await?;
        self.must_be_unique("grain", &sql.repeated_beside(KEYED)).await?;
        self.change.deleted += self.execute(&sql.delete(true)).await?;
        self.upsert(sql).await?;
        self.drop_temporary(KEYED).await?;
        self.drop_part().await
    }

    /// Adds rows to an empty table. The database finds a repeated grain fastest; only then is it looked up which one it
    /// was.
    async fn fill(&mut self, fact: &FactPlan<'_>, source: &str, finish: bool) -> Result<u64, RunError> {
        let sql = &fact.sql;
        self.execute("savepoint sluice_fill").await?;
        let keyed = sql.keyed(source);
        let mut done = match finish {
            true => self.all(sql.create_filled(&keyed)).await,
            false => self.add(sql, &keyed).await,
        };
        if let (Ok(inserted), true) = (&done, finish) {
            done = self.all(sql.finish()).await.map(|_| *inserted);
        }
        if let Err(error) = done {
            if self.execute("rollback to savepoint sluice_fill").await.is_err() {
                // SQLite ends a transaction for which the disk has no room; the first error says so.
                return Err(error);
            }
            let rows = format!("({source}) as n");
            self.must_have_grain(fact, &rows).await?;
            if sql.has_plain_grain() && !finish {
                self.must_be_unique("grain", &sql.repeated_beside(&rows)).await?;
            }
            return Err(error);
        }
        self.execute("release savepoint sluice_fill").await?;
        if let (true, Some(rows)) = (done.is_ok(), sql.long_rows()) {
            self.must_be_unique("grain", &sql.repeated(&rows)).await?;
        }
        done
    }

    /// Writes the rows with keys into a temporary table.
    async fn keyed(&mut self, sql: &FactSql, source: &str) -> Result<(), RunError> {
        self.execute(&sql.create_keyed(KEYED)).await?;
        self.execute(&format!("insert into {KEYED} {}", sql.keyed(source))).await?;
        if self.plan.names.engine.needs_temporary_indexes() && sql.has_plain_grain() {
            self.execute(&sql.index_keyed()).await?;
        }
        self.analyze(KEYED).await
    }

    /// Returns what tells the rows of a comparison apart, where they have no key of their own.
    pub(super) async fn rows_of_grain(&mut self, sql: &FactSql) -> Result<OfGrain, RunError> {
        let mut retired = Vec::new();
        for dimension in sql.dimensions_of_grain() {
            let table = Table::catalog(&format!("{dimension}_retired"));
            if !self.session.transaction.columns(&table).await?.is_empty() {
                retired.push(dimension);
            }
        }
        Ok(sql.of_grain(&retired))
    }

    async fn upsert(&mut self, sql: &FactSql) -> Result<(), RunError> {
        self.change.repointed = self.count_some(sql.count_moved()).await?;
        let is_widened = |name: &&str| self.tables.get(name).is_some_and(|table| !table.widened.is_empty());
        let widened: Vec<_> = sql.keys().map(|(_, dimension)| dimension).filter(is_widened).collect();
        if self.change.repointed > 0 && !widened.is_empty() {
            warn!(
                table = self.model.name,
                rows = self.change.repointed,
                "rows point to other members than before: the key of {} became a text, and other texts, such as 2.5 and 2.50, \
                 are other members; write them alike in both selects",
                widened.join(", ")
            );
        }
        if let Some(update) = sql.update() {
            self.change.updated += self.execute(&update).await?;
        }
        self.change.inserted += self.execute(&sql.insert()).await?;
        Ok(())
    }

    /// Fails if two rows have the same grain or, where it tells rows apart in the fact, one lacks it.
    pub(super) async fn must_have_grain(&mut self, fact: &FactPlan<'_>, rows: &str) -> Result<(), RunError> {
        let sql = &fact.sql;
        let nameless = self.count_some(sql.count_nameless(rows)).await?;
        self.must_be_given("grain", &fact.header.grain, nameless, sql.first_nameless(rows)).await?;
        self.must_be_unique("grain", &sql.repeated(rows)).await
    }

    /// Returns the table's current columns; one that now refers to another table has no type, so that it is made anew.
    pub(super) async fn standing(&mut self, sql: &FactSql) -> Result<Vec<TableColumn>, RunError> {
        let mut stands = self.existing().await?;
        let Some(query) = sql.standing_references() else { return Ok(stands) };
        let right: Vec<_> = self.query(&query).await?.into_iter().flatten().flatten().collect();
        let roles: Vec<_> = sql.keys().map(|(key, _)| key).collect();
        let is_wrong = |column: &TableColumn| roles.contains(&column.name.as_str()) && !right.contains(&column.name);
        stands.iter_mut().filter(|column| is_wrong(column)).for_each(|column| column.declared.clear());
        Ok(stands)
    }

    /// Returns true if the table's rows have another grain than the header's.
    pub(super) async fn has_other_grain(&mut self, sql: &FactSql, stands: &[TableColumn]) -> Result<bool, RunError> {
        let (mut grain, mut stood) = (sql.stored_grain(), self.key_columns(sql).await?);
        grain.sort();
        stood.sort();
        let retyped = |column: &TableColumn| {
            sql.columns().iter().any(|new| new.name == column.name && new.declared != column.declared)
        };
        Ok(grain != stood || stands.iter().any(|column| grain.contains(&column.name) && retyped(column)))
    }

    /// Returns the columns of the index over the table's grain; none if it has no such index.
    async fn key_columns(&mut self, sql: &FactSql) -> Result<Vec<String>, RunError> {
        let columns = self.query(&sql.key_columns()).await?;
        Ok(columns.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }
}
