//! State of the star's tables: the loads that they were built from, and the loads that are new to them.

use chrono::{DateTime, Utc};
use models::{load, star, star_load, star_reject};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, Insert, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use super::{LoadStatus, number};
use crate::catalog::Catalog;
use crate::star::{LoadSet, TableState};
use crate::warehouse::{Cell, Row, Transaction, WarehouseError};

/// A load whose rows come into a table of the star, or leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedLoad {
    /// Number of the load.
    pub id: i64,
    /// The staging table.
    pub dataset: String,
}

impl Catalog {
    /// The state of every table of the star.
    ///
    /// # Errors
    /// The database's error.
    pub async fn star(&self, transaction: &mut dyn Transaction) -> Result<Vec<TableState>, WarehouseError> {
        let query = star::Entity::find().select_only().columns([
            star::Column::Name,
            star::Column::Kind,
            star::Column::Definition,
            star::Column::Seen,
            star::Column::Upstream,
        ]);
        let query = query.columns([star::Column::Version, star::Column::HighestKey, star::Column::Rows]);
        let rows = self.rows(transaction, self.build(&query.order_by_asc(star::Column::Name).into_query())).await?;
        rows.iter().map(state).collect()
    }

    /// Writes the state of a table.
    ///
    /// # Errors
    /// The database's error.
    pub async fn write_star(
        &self,
        transaction: &mut dyn Transaction,
        state: &TableState,
        at: DateTime<Utc>,
    ) -> Result<(), WarehouseError> {
        let line = star::ActiveModel {
            name: Set(state.name.clone()),
            kind: Set(state.kind.clone()),
            definition: Set(state.definition.clone()),
            seen: Set(state.seen.to_string()),
            upstream: Set(serde_json::to_string(&state.upstream).unwrap_or_default()),
            version: Set(state.version),
            highest_key: Set(state.highest_key),
            rows: Set(number(state.rows)),
            built_at: Set(at),
        };
        let others = [
            star::Column::Kind,
            star::Column::Definition,
            star::Column::Seen,
            star::Column::Upstream,
            star::Column::Version,
            star::Column::HighestKey,
            star::Column::Rows,
            star::Column::BuiltAt,
        ];
        let mut insert = Insert::one(line).into_query();
        insert.on_conflict(OnConflict::column(star::Column::Name).update_columns(others).to_owned());
        self.run(transaction, self.build(&insert)).await
    }

    /// Forgets a table that is dropped.
    ///
    /// # Errors
    /// The database's error.
    pub async fn forget_star(&self, transaction: &mut dyn Transaction, name: &str) -> Result<(), WarehouseError> {
        let delete = star::Entity::delete_many().filter(star::Column::Name.eq(name));
        self.run(transaction, self.build(&delete.into_query())).await?;
        self.forget_view(transaction, name).await?;
        let rejects = star_reject::Entity::delete_many().filter(star_reject::Column::Fact.eq(name));
        self.run(transaction, self.build(&rejects.into_query())).await
    }

    /// The loads whose rows are in staging.
    ///
    /// # Errors
    /// The database's error.
    pub async fn loaded(&self, transaction: &mut dyn Transaction) -> Result<LoadSet, WarehouseError> {
        // Numbers that follow each other have the same distance to their place: one row for each stretch.
        let loaded = load::Entity::find()
            .select_only()
            .column(load::Column::Id)
            .expr_as(Expr::cust("id - row_number() over (order by id)"), "stretch")
            .filter(load::Column::Status.eq(LoadStatus::Loaded))
            .into_query();
        let mut statement = self.build(&loaded);
        statement.sql =
            format!("select min(id), max(id) from ({}) as loaded group by stretch order by 1", statement.sql);
        let rows = self.rows(transaction, statement).await?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    /// The staging tables of these loads.
    ///
    /// # Errors
    /// The database's error.
    pub async fn datasets_of(
        &self,
        transaction: &mut dyn Transaction,
        loads: &LoadSet,
    ) -> Result<Vec<StagedLoad>, WarehouseError> {
        let mut found = Vec::new();
        for (first, last) in loads.stretches() {
            let query = load::Entity::find()
                .select_only()
                .columns([load::Column::Id, load::Column::Dataset])
                .filter(load::Column::Id.between(first, last))
                .order_by_asc(load::Column::Id);
            for row in self.rows(transaction, self.build(&query.into_query())).await? {
                found.push(StagedLoad { id: row.get(0)?, dataset: row.get(1)? });
            }
        }
        Ok(found)
    }

    /// The input of a load.
    ///
    /// # Errors
    /// The database's error.
    pub async fn source_of(
        &self,
        transaction: &mut dyn Transaction,
        id: i64,
    ) -> Result<Option<String>, WarehouseError> {
        let query = load::Entity::find().select_only().column(load::Column::Source).filter(load::Column::Id.eq(id));
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        rows.first().map(|row| row.get(0)).transpose()
    }

    /// Rows that these loads have brought into staging.
    ///
    /// # Errors
    /// The database's error.
    pub async fn rows_loaded(&self, transaction: &mut dyn Transaction, loads: &[i64]) -> Result<u64, WarehouseError> {
        let mut rows = 0;
        for some in loads.chunks(10_000) {
            let query = load::Entity::find()
                .select_only()
                .column(load::Column::RowsLoaded)
                .filter(load::Column::Id.is_in(some.iter().copied()));
            let found = self.rows(transaction, self.build(&query.into_query())).await?;
            for row in &found {
                rows += row.get::<u64>(0)?;
            }
        }
        Ok(rows)
    }

    /// The newest load whose rows are in a staging table.
    ///
    /// # Errors
    /// The database's error.
    pub async fn newest_load(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
    ) -> Result<Option<i64>, WarehouseError> {
        Ok(self.newest(transaction, &[table.to_owned()], &[LoadStatus::Loaded], i64::MAX, 1).await?.first().copied())
    }

    /// The two newest loads into these tables, up to one, with rows in staging or replaced there; the newest first.
    ///
    /// # Errors
    /// The database's error.
    pub async fn newest_not_retracted(
        &self,
        transaction: &mut dyn Transaction,
        tables: &[String],
        last: i64,
    ) -> Result<Vec<i64>, WarehouseError> {
        self.newest(transaction, tables, &[LoadStatus::Loaded, LoadStatus::Replaced], last, 2).await
    }

    /// The newest loads into these tables, up to one, with one of these statuses.
    async fn newest(
        &self,
        transaction: &mut dyn Transaction,
        tables: &[String],
        statuses: &[LoadStatus],
        last: i64,
        limit: u64,
    ) -> Result<Vec<i64>, WarehouseError> {
        let query = load::Entity::find()
            .select_only()
            .column(load::Column::Id)
            .filter(load::Column::Dataset.is_in(tables))
            .filter(load::Column::Status.is_in(statuses.iter().copied()))
            .filter(load::Column::Id.lte(last))
            .order_by_desc(load::Column::Id)
            .limit(limit);
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Loads into these tables that were replaced as a whole before a table of the star was built from them: their files
    /// and numbers. They came after `last`, and after that table's last build: of that, `last` tells less where later
    /// loads were retracted.
    ///
    /// # Errors
    /// The database's error.
    pub async fn replaced_unseen(
        &self,
        transaction: &mut dyn Transaction,
        tables: &[String],
        last: i64,
        star: &str,
    ) -> Result<Vec<String>, WarehouseError> {
        let built =
            star::Entity::find().select_only().column(star::Column::Name).filter(star::Column::Name.eq(star)).filter(
                Expr::col((star::Entity, star::Column::BuiltAt))
                    .gte(Expr::col((load::Entity, load::Column::FinishedAt))),
            );
        let query = load::Entity::find()
            .select_only()
            .columns([load::Column::Source, load::Column::Id])
            .filter(load::Column::Dataset.is_in(tables))
            .filter(load::Column::Status.eq(LoadStatus::Replaced))
            .filter(load::Column::Id.gt(last))
            .filter(Expr::exists(built.into_query()).not())
            .order_by_asc(load::Column::Id);
        let found = self.rows(transaction, self.build(&query.into_query())).await?;
        let words = |row: &Row| Ok(format!("{}, load {}", row.get::<String>(0)?, row.get::<i64>(1)?));
        found.iter().map(words).collect()
    }

    /// True if later loads have ever replaced earlier ones as a whole, also if those were retracted since.
    ///
    /// # Errors
    /// The database's error.
    pub async fn was_replaced(&self, transaction: &mut dyn Transaction, table: &str) -> Result<bool, WarehouseError> {
        let remembered = star_load::Entity::find().select_only().column(star_load::Column::LoadId);
        let query = load::Entity::find()
            .select_only()
            .column(load::Column::Id)
            .filter(load::Column::Dataset.eq(table))
            .filter(
                Condition::any()
                    .add(load::Column::Status.eq(LoadStatus::Replaced))
                    .add(load::Column::Id.in_subquery(remembered.into_query())),
            )
            .limit(1);
        Ok(!self.rows(transaction, self.build(&query.into_query())).await?.is_empty())
    }
}

fn state(row: &Row) -> Result<TableState, WarehouseError> {
    Ok(TableState {
        name: row.get(0)?,
        kind: row.get(1)?,
        definition: row.get(2)?,
        seen: row.get(3)?,
        upstream: row.json(4)?,
        version: row.get(5)?,
        highest_key: row.get(6)?,
        rows: row.get(7)?,
    })
}

impl Cell for LoadSet {
    const EXPECTED: &'static str = "stretches of loads";

    fn read(cell: Option<&str>) -> Option<Self> {
        cell?.parse().ok()
    }
}
