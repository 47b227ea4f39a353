//! Brings a fact or a bridge up to date.

use super::reshape::Columns;
use super::rows::Rows;
use super::table::Run;
use super::work::{Loads, Work, among};
use super::{RunError, TableChange};
use crate::project::{Fact, Kind, Missing, Model, ModelError};
use crate::sql::{Table, TableColumn};
use crate::star::{AGAIN, FactSql, KEYED};
use crate::warehouse::Row;

impl Run<'_> {
    pub(super) async fn fact(
        &mut self,
        model: &Model,
        header: &Fact,
        rows: &Rows,
        work: &Work,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        let columns = rows.source.columns();
        let used: Vec<_> = header.dimensions.keys().collect();
        for (word, names) in
            [("grain", header.grain.iter().collect()), ("dimensions", used), ("at", header.at.iter().collect())]
        {
            Run::must_give(model, columns, word, &names)?;
        }
        if let Kind::Bridge(_, Some(weight)) = &model.header.kind {
            let names: Vec<_> = weight.group.iter().chain([&weight.column]).collect();
            Run::must_give(model, columns, "weight", &names)?;
        }
        header.fits(columns).map_err(|why| model.error_of_word(why))?;
        self.must_have_targets(model, header, columns)?;
        let lineage = rows.source.has_lineage();
        let sql = FactSql::new(self.plan.names, &model.name, header, &self.targets, columns, lineage)
            .with_long_keys(self.plan.long_keys);
        Run::must_differ(model, sql.columns(), None)?;
        match work {
            Work::First => self.first(model, header, rows, &sql, change).await?,
            Work::Loads(loads) if sql.has_plain_grain() => {
                self.bring_in(model, header, rows, &sql, loads, change).await?;
                if change.inferred > 0 && sql.finds_inferred() {
                    change.how.push_str(", compared whole: it names members that it made");
                    self.whole(model, header, rows, &sql, change).await?;
                }
            }
            _ => self.whole(model, header, rows, &sql, change).await?,
        }
        if let Work::Loads(_) = work
            && !sql.has_plain_grain()
        {
            change.how.push_str(", compared whole: its grain is made of members");
        }
        change.how.push_str(&self.undated(header, work));
        change.rejected = self.count_some(model, sql.count_rejected()).await?;
        self.count_unknown(model, &sql, change).await
    }

    /// Fails if a dimension is missing, or its key and the fact's column cannot be compared.
    fn must_have_targets(&self, model: &Model, header: &Fact, columns: &[TableColumn]) -> Result<(), RunError> {
        for (column, used) in &header.dimensions {
            let name = used.dimension();
            let Some(target) = self.targets.get(name) else {
                return Err(model
                    .error_of_word(format!(
                        "dimensions: {column}: {name} has not been built yet: leave --select out, or say +{}",
                        model.name
                    ))
                    .into());
            };
            let Some(given) = columns.iter().find(|one| one.name == *column) else { continue };
            let infers = used.missing() == Missing::Infer;
            if infers && !target.infers {
                return Err(model
                    .error_of_word(format!(
                        "dimensions: {column}: {name} was built without members that facts make: leave --select out, or say +{}",
                        model.name
                    ))
                    .into());
            }
            if !target.is_comparable(given) || (infers && !target.takes(given)) {
                return Err(model
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
    async fn first(
        &mut self,
        model: &Model,
        header: &Fact,
        rows: &Rows,
        sql: &FactSql,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        self.look_over(model, header, rows, sql, change).await?;
        change.inserted = self.fill(model, header, sql, &rows.all, true).await?;
        change.rows = change.inserted;
        self.books(model, rows, sql, true, change).await
    }

    /// Prepares the lookups: makes members, notes rejects, and checks in the select a grain of members' columns, which
    /// the fact does not have as such.
    async fn look_over(
        &mut self,
        model: &Model,
        header: &Fact,
        rows: &Rows,
        sql: &FactSql,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        self.lookups(model, header, sql, &rows.all, change).await?;
        if !sql.has_plain_grain() {
            self.must_have_grain(model, header, sql, &format!("({}) as n", rows.all)).await?;
        }
        Ok(())
    }

    /// Compares all rows.
    async fn whole(
        &mut self,
        model: &Model,
        header: &Fact,
        rows: &Rows,
        sql: &FactSql,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        self.execute(model, &sql.forget_rejects(false)).await?;
        self.look_over(model, header, rows, sql, change).await?;
        self.keyed(model, sql, &rows.all).await?;
        if sql.has_plain_grain() {
            self.must_have_grain(model, header, sql, KEYED).await?;
        }
        let stands = self.standing(model, sql).await?;
        let is_other = self.has_other_grain(model, sql, &stands).await?;
        if is_other {
            self.all(model, sql.drop_grain()).await?;
        }
        let columns = Columns { all: sql.columns(), references: sql.references(), ..Columns::default() };
        let reshaped = self.reshape(model, &Table::datawarehouse(&model.name), &stands, &columns).await?;
        if sql.has_plain_grain() && !is_other {
            change.deleted += self.execute(model, &sql.delete(false)).await?;
            self.upsert(model, sql, change).await?;
        } else {
            self.replace_rows(model, KEYED, sql.columns(), change).await?;
        }
        if reshaped || is_other {
            self.all(model, sql.finish_again(&stands, is_other)).await?;
        }
        self.execute(model, &format!("drop table {KEYED}")).await?;
        change.rows = self.count(model, &format!("select count(*) from {}", self.shown(model))).await?;
        self.books(model, rows, sql, false, change).await
    }

    /// Adds the rows of new loads, deletes those of retracted loads, and looks up again those whose members moved.
    async fn bring_in(
        &mut self,
        model: &Model,
        header: &Fact,
        rows: &Rows,
        sql: &FactSql,
        loads: &Loads,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        if !loads.gone.is_empty() {
            change.deleted += self.execute(model, &sql.delete_loads(&loads.gone_list())).await?;
            self.execute(model, &sql.forget_rejects_of(&among("load_id", &loads.gone))).await?;
        }
        let again = sql.note_again(&self.touched);
        match again {
            Some(again) => self.look_up_again(model, header, rows, sql, loads, &again, change).await?,
            None if loads.new.is_empty() => {}
            None => {
                let part = self.part(model, rows, loads, false).await?;
                let before = self.count_some(model, sql.count_rejected()).await?;
                self.lookups(model, header, sql, &part, change).await?;
                change.inserted = self.fill(model, header, sql, &part, false).await?;
                let rejected = self.count_some(model, sql.count_rejected()).await?.saturating_sub(before);
                let given = self.count(model, &format!("select count(*) from ({part}) as n")).await?;
                must_balance(model, given, change.inserted, rejected)?;
                self.drop_part(model).await?;
            }
        }
        change.rows = (change.rows + change.inserted).saturating_sub(change.deleted);
        Ok(())
    }

    /// Adds the rows of new loads together with those whose members moved.
    #[allow(clippy::too_many_arguments)]
    async fn look_up_again(
        &mut self,
        model: &Model,
        header: &Fact,
        rows: &Rows,
        sql: &FactSql,
        loads: &Loads,
        again: &str,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        self.execute(model, again).await?;
        self.analyze(model, AGAIN).await?;
        let part = self.part(model, rows, loads, true).await?;
        self.execute(model, &sql.forget_rejects(true)).await?;
        self.lookups(model, header, sql, &part, change).await?;
        self.keyed(model, sql, &part).await?;
        self.must_have_grain(model, header, sql, KEYED).await?;
        self.must_be_unique(model, "grain", &sql.repeated_beside(KEYED)).await?;
        change.deleted += self.execute(model, &sql.delete(true)).await?;
        self.upsert(model, sql, change).await?;
        for table in [KEYED, AGAIN] {
            self.execute(model, &format!("drop table {table}")).await?;
        }
        self.drop_part(model).await
    }

    /// Adds rows to an empty table. The database finds a repeated grain fastest; only then is it looked up which one it
    /// was.
    async fn fill(
        &mut self,
        model: &Model,
        header: &Fact,
        sql: &FactSql,
        source: &str,
        finish: bool,
    ) -> Result<u64, RunError> {
        self.execute(model, "savepoint sluice_fill").await?;
        let keyed = sql.keyed(source);
        let mut done = match finish {
            true => self.all(model, sql.create_filled(&keyed)).await,
            false => self.add(model, sql, &keyed).await,
        };
        if let (Ok(inserted), true) = (&done, finish) {
            done = self.all(model, sql.finish()).await.map(|_| *inserted);
        }
        if let Err(error) = done {
            self.execute(model, "rollback to savepoint sluice_fill").await?;
            let rows = format!("({source}) as n");
            self.must_have_grain(model, header, sql, &rows).await?;
            if sql.has_plain_grain() && !finish {
                self.must_be_unique(model, "grain", &sql.repeated_beside(&rows)).await?;
            }
            return Err(error);
        }
        self.execute(model, "release savepoint sluice_fill").await?;
        if let (true, Some(rows)) = (done.is_ok(), sql.long_rows()) {
            self.must_be_unique(model, "grain", &sql.repeated(&rows)).await?;
        }
        done
    }

    /// Writes the rows with keys into a temporary table.
    async fn keyed(&mut self, model: &Model, sql: &FactSql, source: &str) -> Result<(), RunError> {
        self.execute(model, &sql.create_keyed()).await?;
        self.execute(model, &format!("insert into {KEYED} {}", sql.keyed(source))).await?;
        if self.plan.names.engine.needs_temporary_indexes() && sql.has_plain_grain() {
            self.execute(model, &sql.index_keyed()).await?;
        }
        self.analyze(model, KEYED).await
    }

    async fn upsert(&mut self, model: &Model, sql: &FactSql, change: &mut TableChange) -> Result<(), RunError> {
        change.repointed = self.count_some(model, sql.count_moved()).await?;
        if let Some(update) = sql.update() {
            change.updated += self.execute(model, &update).await?;
        }
        change.inserted += self.execute(model, &sql.insert()).await?;
        Ok(())
    }

    /// Fails if two rows have the same grain or, where it tells rows apart in the fact, one lacks it.
    async fn must_have_grain(
        &mut self,
        model: &Model,
        header: &Fact,
        sql: &FactSql,
        rows: &str,
    ) -> Result<(), RunError> {
        let nameless = self.count_some(model, sql.count_nameless(rows)).await?;
        self.must_be_given(model, "grain", &header.grain, nameless, sql.first_nameless(rows)).await?;
        self.must_be_unique(model, "grain", &sql.repeated(rows)).await
    }

    /// Returns the table's current columns; one that now refers to another table has no type, so that it is made anew.
    pub(super) async fn standing(&mut self, model: &Model, sql: &FactSql) -> Result<Vec<TableColumn>, RunError> {
        let mut stands = self.existing(model).await?;
        let Some(query) = sql.standing_references() else { return Ok(stands) };
        let right: Vec<_> = self.query(model, &query).await?.into_iter().flatten().flatten().collect();
        let roles: Vec<_> = sql.keys().map(|(key, _)| key).collect();
        let is_wrong = |column: &TableColumn| roles.contains(&column.name.as_str()) && !right.contains(&column.name);
        stands.iter_mut().filter(|column| is_wrong(column)).for_each(|column| column.declared.clear());
        Ok(stands)
    }

    /// Returns true if the table's rows have another grain than the header's.
    pub(super) async fn has_other_grain(
        &mut self,
        model: &Model,
        sql: &FactSql,
        stands: &[TableColumn],
    ) -> Result<bool, RunError> {
        let unique = self.query(model, &sql.unique_columns()).await?;
        let unique: Vec<_> = unique.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
        let mut grain = if sql.has_plain_grain() { sql.grain_columns() } else { Vec::new() };
        let mut stood = unique;
        grain.sort();
        stood.sort();
        let retyped = |column: &TableColumn| {
            sql.columns().iter().any(|new| new.name == column.name && new.declared != column.declared)
        };
        Ok(grain != stood || stands.iter().any(|column| grain.contains(&column.name) && retyped(column)))
    }

    /// Checks that rows staged = facts + rejected + filtered, and that sums agree on both sides.
    async fn books(
        &mut self,
        model: &Model,
        rows: &Rows,
        sql: &FactSql,
        first: bool,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        let rejected = self.count_some(model, sql.count_rejected()).await?;
        if first {
            // The database has written its input into the table in one statement.
            let given = self.count(model, &format!("select count(*) from ({}) as n", rows.all)).await?;
            return self.balance(model, rows, given, rejected, change.rows, change).await;
        }
        let left = sql.has_rejects();
        let source = self.query(model, &sql.sums(&format!("({}) as n", rows.all))).await?;
        let fact = self.query(model, &sql.sums(&self.shown(model))).await?;
        let first = |rows: &[Row]| rows.first().cloned().unwrap_or_default();
        let (source, fact) = (first(&source), first(&fact));
        let (given, stands) = (source.get::<u64>(0)?, fact.get::<u64>(0)?);
        let near = |one: &Option<String>, other: &Option<String>| {
            let number = |cell: &Option<String>| cell.as_deref().unwrap_or("0").parse::<f64>().unwrap_or_default();
            one == other || (number(one) - number(other)).abs() <= 1e-9 * number(one).abs().max(1.0)
        };
        if !left && let Some(place) = (1..source.len()).find(|place| !near(&source[*place], &fact[*place])) {
            let column = sql.measures().nth(place - 1).unwrap_or_default();
            let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".to_owned());
            return Err(model
                .error(format!(
                    "the books do not balance: the sum of {column} is {} in the select and {} \
             in the table; nothing was changed",
                    text(&source[place]),
                    text(&fact[place])
                ))
                .into());
        }
        self.balance(model, rows, given, rejected, stands, change).await
    }

    /// Checks that rows staged = facts + rejected + filtered.
    async fn balance(
        &mut self,
        model: &Model,
        rows: &Rows,
        given: u64,
        rejected: u64,
        stands: u64,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        must_balance(model, given, stands, rejected)?;
        if let (Some(of), true) = (&rows.of, rows.source.is_plain()) {
            let staged = self.count(model, &format!("select count(*) from {}", self.plan.names.table(of))).await?;
            change.filtered = staged.checked_sub(given);
        }
        Ok(())
    }

    async fn count_unknown(&mut self, model: &Model, sql: &FactSql, change: &mut TableChange) -> Result<(), RunError> {
        let Some(query) = sql.count_unknown() else { return Ok(()) };
        let counts = self.query(model, &query).await?.into_iter().next().unwrap_or_default();
        for (at, (key, _)) in sql.keys().enumerate() {
            let count = counts.get::<Option<u64>>(at)?.unwrap_or(0);
            if count > 0 {
                change.unknown.insert(key.to_owned(), count);
            }
        }
        Ok(())
    }
}

/// Fails unless each row of the select is in the table or rejected.
fn must_balance(model: &Model, given: u64, stands: u64, rejected: u64) -> Result<(), ModelError> {
    if given == stands + rejected {
        return Ok(());
    }
    Err(model.error(format!(
        "the books do not balance: the select gives {given} rows, {stands} are in the table, {rejected} are rejected; nothing was changed"
    )))
}
