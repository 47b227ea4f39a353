//! The ledger: loads, rejects, the columns of staging tables, runs. The only user of the catalog's entities.
//!
//! A load's lines are written in the load's own transaction, so that rows and ledger line are there together or not at
//! all. sea-orm hides its transaction's connection, so sea-orm builds the statements and the warehouse runs them.

mod admission;
mod beside;
mod checkpoints;
mod columns;
mod freshness;
mod gone;
mod history;
mod key;
mod lineage;
mod look;
mod lost;
mod questions;
mod remembered;
mod retract;
mod runs;
mod schedules;
pub(crate) mod staged;
mod star;
mod status;
mod views;
mod workspace;

use std::sync::Arc;

use models::load::Status;
use models::{load, reject};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, FromQueryResult, Insert, QueryFilter, QuerySelect, QueryTrait, Statement,
};

use crate::clock::Clock;
use crate::record::Reject;
use crate::schema::Column;
use crate::source::Profile;
use crate::sql::{Schema, Table};
use crate::text::secrets::hidden;
use crate::warehouse::{Cell, Reading, Row, Scope, Transaction, Value, Warehouse, WarehouseError};

pub use admission::{Admission, Missing, Repeats, Request};
pub use beside::BesideLine;
pub use checkpoints::{Checkpoint, StreamLine};
pub use freshness::Freshness;
pub use gone::{Extent, Gone};
pub(crate) use history::{History, KEPT};
pub(crate) use key::{Key, KeyNames};
pub use lineage::{Files, StarReject};
pub use look::{Came, LoadFilter};
pub use lost::Brings;
pub use models::load::{Model as LoadLine, Status as LoadStatus};
pub use models::reject::Model as RejectLine;
pub use models::schedule::Model as ScheduleLine;
pub use models::schedule_run::Model as RunLine;
pub use questions::QuestionView;
pub use remembered::RememberedLoad;
pub use retract::{LaterLoad, column_names};
pub(crate) use runs::PART;
pub use schedules::{ANALYSIS, PIPELINE, RunEnd, Skipped};
pub use staged::Standing;
pub use star::StagedLoad;
pub use status::{Emptied, Failure, LastRun, LeftOut, Period, Total, Warning};
pub(crate) use views::{ChangedView, ViewsOver, columns_read, describe_views};
pub use workspace::Workspace;

/// Row counts of one load. `read = loaded + rejected + duplicate + filtered`, or nothing is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Records read, the header not counted.
    pub read: u64,
    /// Rows in staging.
    pub loaded: u64,
    /// Records in the catalog's `reject`.
    pub rejected: u64,
    /// Records of a content that was loaded before.
    pub duplicate: u64,
    /// Records that the plugin's filter does not keep.
    pub filtered: u64,
    /// Rows in staging whose records had fewer cells than the header.
    pub padded: u64,
    /// Rows in staging whose records had more cells than the header.
    pub extended: u64,
}

impl From<&LoadLine> for RowCounts {
    fn from(line: &LoadLine) -> Self {
        RowCounts {
            read: line.rows_read.unsigned_abs(),
            loaded: line.rows_loaded.unsigned_abs(),
            rejected: line.rows_rejected.unsigned_abs(),
            duplicate: line.rows_duplicate.unsigned_abs(),
            filtered: line.rows_filtered.unsigned_abs(),
            padded: line.rows_padded.unsigned_abs(),
            extended: line.rows_extended.unsigned_abs(),
        }
    }
}

/// The catalog's reader and writer.
#[derive(Clone)]
pub struct Catalog {
    warehouse: Arc<dyn Warehouse>,
    clock: Clock,
}

impl Catalog {
    /// Catalog of a warehouse.
    pub fn new(warehouse: Arc<dyn Warehouse>) -> Self {
        Catalog { warehouse, clock: Clock::default() }
    }

    /// The catalog with another clock.
    #[must_use]
    pub fn by(self, clock: Clock) -> Self {
        Catalog { clock, ..self }
    }

    /// The clock by which it writes times.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The tables of the catalog.
    pub fn tables() -> Vec<Table> {
        models::tables().into_iter().map(|name| Table { schema: Schema::Catalog, name: name.to_owned() }).collect()
    }

    /// Sees that no table of the catalog was taken away since the program began.
    ///
    /// # Errors
    /// [`WarehouseError::Incomplete`] with those that are not there, or the database's error.
    pub(crate) async fn is_whole(&self, transaction: &mut dyn Transaction) -> Result<(), WarehouseError> {
        let (query, prefix) = models::tables_missing(self.warehouse.catalog().get_database_backend());
        let gone = transaction.query(&query, &[Value::Text(Some(prefix))]).await?;
        let missing: Vec<_> =
            gone.iter().filter_map(|row| row.text(0)).map(|name| format!("the catalog's table {name}")).collect();
        if missing.is_empty() { Ok(()) } else { Err(WarehouseError::Incomplete(missing.join(", "))) }
    }

    /// Rows of a load in its staging table now, none if there is no such table; reads beside any writer.
    ///
    /// # Errors
    /// The database's error.
    pub async fn rows_of(&self, table: &str, load: i64) -> Result<u64, WarehouseError> {
        let table = self.warehouse.names().table(&Table::staging(table));
        let sql = format!("select count(*) from {table} where _load_id = {load}");
        let rows = async { self.warehouse.read(&sql, Reading::default()).await?.all().await };
        match rows.await {
            Ok(rows) => rows.last().map_or(Ok(0), |row| row.get(0)),
            // The table does not exist.
            Err(WarehouseError::Refused(_)) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Closes a load's line, to be committed with its rows.
    ///
    /// # Errors
    /// The database's error.
    pub async fn finish(
        &self,
        transaction: &mut dyn Transaction,
        load_id: i64,
        books: RowCounts,
        columns: &[Column],
    ) -> Result<(), WarehouseError> {
        let update = load::Entity::update_many()
            .set(load::ActiveModel {
                status: Set(Status::Loaded),
                rows_read: Set(number(books.read)),
                rows_loaded: Set(number(books.loaded)),
                rows_rejected: Set(number(books.rejected)),
                rows_duplicate: Set(number(books.duplicate)),
                rows_filtered: Set(number(books.filtered)),
                rows_padded: Set(number(books.padded)),
                rows_extended: Set(number(books.extended)),
                columns: Set(serde_json::to_string(columns).ok()),
                finished_at: Set(Some(self.clock.utc())),
                ..Default::default()
            })
            .filter(load::Column::Id.eq(load_id));
        self.run(transaction, self.build(&update.into_query())).await
    }

    /// Records that the rows of `load_id` replace those of a table's earlier loads: the same content is new again.
    /// Returns the loads whose rows stay: this one and those of the same claim, which are other parts of the same file.
    ///
    /// # Errors
    /// The database's error.
    pub async fn replace(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        load_id: i64,
        claim: Option<&str>,
    ) -> Result<Vec<i64>, WarehouseError> {
        let mut kept = vec![load_id];
        if let Some(claim) = claim {
            let parts = load::Entity::find()
                .select_only()
                .column(load::Column::Id)
                .filter(load::Column::Dataset.eq(table))
                .filter(load::Column::Claim.eq(claim))
                .filter(load::Column::Status.eq(Status::Loaded));
            let parts = self.rows(transaction, self.build(&parts.into_query())).await?;
            kept.extend(parts.iter().filter_map(|row| row.first()?.as_deref()?.parse::<i64>().ok()));
        }
        let update = load::Entity::update_many()
            .set(load::ActiveModel { status: Set(Status::Replaced), ..Default::default() })
            .filter(load::Column::Dataset.eq(table))
            .filter(load::Column::Status.eq(Status::Loaded))
            .filter(load::Column::Id.is_not_in(kept.iter().copied()));
        self.run(transaction, self.build(&update.into_query())).await?;
        Ok(kept)
    }

    /// Writes the line of an input that could not be loaded; returns the line's number.
    ///
    /// # Errors
    /// The database's error.
    pub async fn failed(
        &self,
        table: &str,
        source: &str,
        claim: Option<String>,
        profile: Option<&Profile>,
        error: &str,
    ) -> Result<i64, WarehouseError> {
        let line = load::ActiveModel {
            error: Set(Some(hidden(error).replace('\0', "\u{FFFD}"))),
            finished_at: Set(Some(self.clock.utc())),
            claim: Set(claim),
            ..self.line(table, source, profile, Status::Failed)
        };
        let mut transaction = self.warehouse.begin(Scope::Short).await?;
        let id = self.open(&mut *transaction, line).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Writes rejects of a load.
    ///
    /// # Errors
    /// The database's error.
    pub async fn reject(
        &self,
        transaction: &mut dyn Transaction,
        load_id: i64,
        rejects: &[Reject],
    ) -> Result<(), WarehouseError> {
        for some in rejects.chunks(500) {
            let lines = some.iter().map(|one| reject::ActiveModel {
                id: NotSet,
                load_id: Set(load_id),
                line: Set(number(one.line)),
                column: Set(one.column.as_ref().map(|column| column.replace('\0', "\u{FFFD}"))),
                reason: Set(one.reason.words().to_owned()),
                detail: Set(Some(one.detail.replace('\0', "\u{FFFD}")).filter(|detail| !detail.is_empty())),
                text: Set(String::from_utf8_lossy(&one.text).replace('\0', "\u{FFFD}")),
            });
            self.run(transaction, self.build(&Insert::many(lines).into_query())).await?;
        }
        Ok(())
    }

    fn line(&self, table: &str, source: &str, profile: Option<&Profile>, status: Status) -> load::ActiveModel {
        load::ActiveModel {
            id: NotSet,
            source: Set(source.to_owned()),
            dataset: Set(table.to_owned()),
            hash: Set(profile.map(|profile| profile.hash.clone())),
            bytes: Set(profile.map(|profile| number(profile.bytes))),
            rows_read: Set(0),
            rows_loaded: Set(0),
            rows_rejected: Set(0),
            rows_duplicate: Set(0),
            rows_filtered: Set(0),
            rows_padded: Set(0),
            rows_extended: Set(0),
            status: Set(status),
            repeat: Set(0),
            claim: Set(None),
            position: Set(None),
            duplicate_of: Set(None),
            made_good_by: Set(None),
            dialect: Set(profile.and_then(|profile| serde_json::to_string(&profile.layout).ok())),
            columns: Set(None),
            started_at: Set(self.clock.utc()),
            finished_at: Set(None),
            error: Set(None),
        }
    }

    async fn open(&self, transaction: &mut dyn Transaction, line: load::ActiveModel) -> Result<i64, WarehouseError> {
        let rows = self.rows(transaction, self.build(&returning_id(line))).await?;
        first_of(&rows)?.ok_or_else(|| WarehouseError::Refused("the ledger gave a load no number".to_owned()))
    }

    /// Builds the statement for this engine. On SQLite the catalog's tables have the schema's name before their own.
    fn build(&self, query: &impl sea_orm::StatementBuilder) -> Statement {
        let mut statement = self.warehouse.catalog().get_database_backend().build(query);
        if !self.warehouse.names().engine.has_schemas() {
            statement.sql = without_schemas(&statement.sql);
        }
        statement
    }

    async fn run(&self, transaction: &mut dyn Transaction, statement: Statement) -> Result<(), WarehouseError> {
        transaction.execute(&statement.sql, &values(&statement)?).await.map(drop).map_err(|error| self.of_all(error))
    }

    async fn rows(&self, transaction: &mut dyn Transaction, statement: Statement) -> Result<Vec<Row>, WarehouseError> {
        transaction.query(&statement.sql, &values(&statement)?).await.map_err(|error| self.of_all(error))
    }

    async fn read<M: FromQueryResult>(
        &self,
        query: sea_orm::sea_query::SelectStatement,
    ) -> Result<Vec<M>, WarehouseError> {
        let found = M::find_by_statement(self.build(&query)).all(self.warehouse.catalog());
        self.over(found).await
    }

    /// Awaits a reading outside of transactions; its error names the holder of the lock that it waited for.
    async fn over<T>(&self, reading: impl Future<Output = Result<T, sea_orm::DbErr>>) -> Result<T, WarehouseError> {
        let found = match self.warehouse.lookout() {
            Some(lookout) => lookout.over(reading).await,
            None => reading.await.map_err(WarehouseError::from),
        };
        found.map_err(|error| self.of_all(error))
    }

    /// A right that is lacking on the catalog is lacking for every load.
    fn of_all(&self, error: WarehouseError) -> WarehouseError {
        let schema = self.warehouse.names().schema(Schema::Catalog);
        match error {
            WarehouseError::Denied(why) => WarehouseError::Barred(format!(
                "{why}: grant all on schema {schema} to ROLE; grant all on all tables in schema {schema} to ROLE; grant all on all \
                 sequences in schema {schema} to ROLE (the user in DATABASE_URL)"
            )),
            error => error,
        }
    }
}

/// A statement of the catalog without schemas: `"sluice"."load"` becomes `"sluice__load" AS "load"`.
fn without_schemas(sql: &str) -> String {
    let mut parts = sql.split("\"sluice\".\"");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (table, rest) = part.split_once('"').unwrap_or((part, ""));
        all += &format!("\"sluice__{table}\" AS \"{table}\"{rest}");
    }
    all
}

fn returning_id(line: load::ActiveModel) -> sea_orm::sea_query::InsertStatement {
    let mut insert = Insert::one(line).into_query();
    insert.returning_col(load::Column::Id);
    insert
}

fn values(statement: &Statement) -> Result<Vec<Value>, WarehouseError> {
    let Some(values) = &statement.values else { return Ok(Vec::new()) };
    values
        .iter()
        .map(|value| {
            Ok(match value {
                sea_orm::Value::BigInt(number) => Value::Int(*number),
                sea_orm::Value::Int(number) => Value::Int(number.map(i64::from)),
                sea_orm::Value::BigUnsigned(count) => Value::Int(count.map(number)),
                sea_orm::Value::String(text) => Value::Text(text.clone()),
                sea_orm::Value::ChronoDateTimeUtc(time) => Value::Time(*time),
                other => return Err(WarehouseError::Refused(format!("the catalog has no such value: {other:?}"))),
            })
        })
        .collect()
}

/// The first cell of the first row, if there is a row.
fn first_of<T: Cell>(rows: &[Row]) -> Result<Option<T>, WarehouseError> {
    rows.first().map(|row| row.get(0)).transpose()
}

/// Converts a count or size to the catalog's bigint, which is wide enough by far.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
