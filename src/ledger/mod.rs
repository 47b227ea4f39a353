//! What happened: loads, rejects, the columns of staging tables, runs. The only user of the catalog's entities.
//!
//! What belongs to a load is written in the load's own transaction, so that rows and ledger line are there together or
//! not at all. sea-orm hides its transaction's connection, so the statements are built by it and run by the warehouse.

mod freshness;
mod look;
mod retract;
mod status;

use std::sync::Arc;

use chrono::Utc;
use models::load::Status;
use models::{column, column_history, dataset, load, reject, run};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, FromQueryResult, Insert, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Statement,
};

use crate::format::Reject;
use crate::schema::{Column, Evolution, Fits};
use crate::source::Survey;
use crate::warehouse::{Engine, Row, Scope, Transaction, Value, Warehouse, WarehouseError};

pub use freshness::Freshness;
pub use models::load::{Model as LoadLine, Status as LoadStatus};
pub use models::reject::Model as RejectLine;
pub use retract::{LaterLoad, column_names};
pub use status::{Failure, LastRun, Total};

/// Rows of one load. `read = loaded + rejected + duplicate + filtered`, or nothing is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
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
    /// Of the rows in staging, those whose records had fewer cells than the header.
    pub padded: u64,
    /// Of the rows in staging, those whose records had more.
    pub extended: u64,
}

impl From<&LoadLine> for Books {
    fn from(line: &LoadLine) -> Self {
        Books {
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

/// What the ledger answers to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The load has this number, and the dataset is locked for it until the transaction ends.
    New(i64),
    /// The same content was loaded into the same table before, as this load.
    Duplicate(i64),
    /// This very claim was loaded, by a program that was ended before it could let the input go.
    Finished(i64),
}

/// When a content that its table has had before is loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// Never.
    Never,
    /// Where another load has come between.
    AfterOthers,
    /// Always.
    Always,
}

/// What is asked of the ledger before an input is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The staging table.
    pub table: &'a str,
    /// The input's name.
    pub source: &'a str,
    /// The place in which it lies while it is loaded.
    pub claim: Option<&'a str>,
    /// Whether a program that does not live any more had claimed it.
    pub unfinished: bool,
    /// When its content is loaded again.
    pub repeats: Repeats,
}

/// The catalog's reader and writer.
#[derive(Clone)]
pub struct Ledger {
    warehouse: Arc<dyn Warehouse>,
}

impl Ledger {
    /// Over a warehouse's catalog.
    pub fn new(warehouse: Arc<dyn Warehouse>) -> Self {
        Ledger { warehouse }
    }

    /// Takes the dataset's lock and looks whether the content is new to it; if it is, opens a line.
    ///
    /// # Errors
    /// What the database says.
    pub async fn claim(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request<'_>,
        survey: &Survey,
    ) -> Result<Claim, WarehouseError> {
        let Request { table, source, claim, unfinished, repeats } = *request;
        let mut lock =
            Insert::one(dataset::ActiveModel { name: Set(table.to_owned()), last_started_at: Set(Utc::now()) })
                .into_query();
        lock.on_conflict(
            OnConflict::column(dataset::Column::Name).update_column(dataset::Column::LastStartedAt).to_owned(),
        );
        self.run(transaction, self.build(&lock)).await?;

        let of_table = || load::Entity::find().select_only().filter(load::Column::Dataset.eq(table));
        let same = of_table()
            .columns([load::Column::Id, load::Column::Status, load::Column::Source, load::Column::Claim])
            .filter(load::Column::Hash.eq(&survey.hash))
            .order_by_desc(load::Column::Id);
        // Those whose rows are in the table, or were until others took their place or they were taken back, the newest first.
        let mut ever = self.rows(transaction, self.build(&same.into_query())).await?;
        let is = |row: &Row, place: usize, word: &str| row.get(place).and_then(Option::as_deref) == Some(word);
        ever.retain(|row| {
            [Status::Loaded, Status::Replaced, Status::Retracted].iter().any(|one| is(row, 1, &one.word()))
        });
        if let (true, Some(claim)) = (unfinished, claim)
            && let Some(this) = ever.iter().find(|row| is(row, 2, source) && is(row, 3, claim))
            && let Some(id) = one_number(std::slice::from_ref(this))
        {
            return Ok(Claim::Finished(id));
        }
        let before = ever.iter().find(|row| is(row, 1, &Status::Loaded.word()));
        if let Some(id) = before.and_then(|row| one_number(std::slice::from_ref(row))) {
            let newest = of_table().column(load::Column::Id).filter(load::Column::Status.eq(Status::Loaded));
            let newest = newest.order_by_desc(load::Column::Id).limit(1).into_query();
            let is_newest = match repeats {
                Repeats::Never => true,
                Repeats::Always => false,
                Repeats::AfterOthers => one_number(&self.rows(transaction, self.build(&newest)).await?) == Some(id),
            };
            if is_newest {
                return Ok(Claim::Duplicate(id));
            }
        }
        let line = load::ActiveModel {
            claim: Set(claim.map(str::to_owned)),
            repeat: Set(number(ever.len() as u64)),
            ..self.line(table, source, Some(survey), Status::Claimed)
        };
        Ok(Claim::New(self.open(transaction, line).await?))
    }

    /// Writes the line of a content that had been loaded before as `of`; gives the line's number.
    ///
    /// # Errors
    /// What the database says.
    pub async fn duplicate(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        source: &str,
        survey: &Survey,
        of: i64,
    ) -> Result<i64, WarehouseError> {
        let rows = number(survey.rows);
        let line = load::ActiveModel {
            rows_read: Set(rows),
            rows_duplicate: Set(rows),
            duplicate_of: Set(Some(of)),
            finished_at: Set(Some(Utc::now())),
            ..self.line(table, source, Some(survey), Status::Duplicate)
        };
        self.open(transaction, line).await
    }

    /// Closes a load's line: to be committed with its rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn finish(
        &self,
        transaction: &mut dyn Transaction,
        load_id: i64,
        books: Books,
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
                finished_at: Set(Some(Utc::now())),
                ..Default::default()
            })
            .filter(load::Column::Id.eq(load_id));
        self.run(transaction, self.build(&update.into_query())).await
    }

    /// Says of a table's earlier loads that their rows have made way for those of `load_id`: the same content is new again. Gives
    /// the loads whose rows stay: this one and those of the same claim, which are other parts of the same file.
    ///
    /// # Errors
    /// What the database says.
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

    /// Writes the line of an input that could not be loaded; gives the line's number.
    ///
    /// # Errors
    /// What the database says.
    pub async fn failed(
        &self,
        table: &str,
        source: &str,
        survey: Option<&Survey>,
        error: &str,
    ) -> Result<i64, WarehouseError> {
        let line = load::ActiveModel {
            error: Set(Some(error.to_owned())),
            finished_at: Set(Some(Utc::now())),
            ..self.line(table, source, survey, Status::Failed)
        };
        let mut transaction = self.warehouse.begin(Scope::Short).await?;
        let id = self.open(&mut *transaction, line).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Writes rejects of a load.
    ///
    /// # Errors
    /// What the database says.
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
                column: Set(one.column.clone()),
                reason: Set(one.reason.words().to_owned()),
                detail: Set(Some(one.detail.clone()).filter(|detail| !detail.is_empty())),
                text: Set(String::from_utf8_lossy(&one.text).replace('\0', "\u{FFFD}")),
            });
            self.run(transaction, self.build(&Insert::many(lines).into_query())).await?;
        }
        Ok(())
    }

    /// The columns of a staging table, in their order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn columns(&self, transaction: &mut dyn Transaction, table: &str) -> Result<Vec<Column>, WarehouseError> {
        let query = column::Entity::find()
            .select_only()
            .columns([column::Column::Name, column::Column::Header, column::Column::Fits])
            .filter(column::Column::Dataset.eq(table))
            .order_by_asc(column::Column::Position);
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let [name, header, fits] = <[_; 3]>::try_from(row).unwrap_or_default().map(Option::unwrap_or_default);
                Column { name, header, fits: Fits::from_words(&fits) }
            })
            .collect())
    }

    /// Writes what a load made of a table's columns.
    ///
    /// # Errors
    /// What the database says.
    pub async fn write_columns(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        evolution: &Evolution,
        load_id: i64,
    ) -> Result<(), WarehouseError> {
        let line = |place: usize| {
            let column = &evolution.columns[place];
            column::ActiveModel {
                dataset: Set(table.to_owned()),
                name: Set(column.name.clone()),
                position: Set(i32::try_from(place).unwrap_or(i32::MAX)),
                header: Set(column.header.clone()),
                r#type: Set(column.kind().word().to_owned()),
                fits: Set(column.fits.words()),
                first_load_id: Set(load_id),
                type_load_id: Set(load_id),
            }
        };
        // A PostgreSQL statement takes 65,535 values.
        for some in evolution.added.chunks(1000) {
            let insert = Insert::many(some.iter().map(|place| line(*place))).into_query();
            self.run(transaction, self.build(&insert)).await?;
        }
        let widened = evolution.widened().map(|(place, _)| place);
        let changed: Vec<_> = evolution.added.iter().copied().chain(widened).collect();
        for some in changed.chunks(1000) {
            let line = |place: &usize| {
                let column = &evolution.columns[*place];
                column_history::ActiveModel {
                    id: NotSet,
                    dataset: Set(table.to_owned()),
                    name: Set(column.name.clone()),
                    r#type: Set(column.kind().word().to_owned()),
                    load_id: Set(load_id),
                }
            };
            let insert = Insert::many(some.iter().map(line)).into_query();
            self.run(transaction, self.build(&insert)).await?;
        }
        for (place, before) in &evolution.narrowed {
            let fits = evolution.columns[*place].fits;
            let widened = fits.narrowest() != before.narrowest();
            let update = column::Entity::update_many()
                .set(column::ActiveModel {
                    r#type: Set(fits.narrowest().word().to_owned()),
                    fits: Set(fits.words()),
                    type_load_id: if widened { Set(load_id) } else { NotSet },
                    ..Default::default()
                })
                .filter(column::Column::Dataset.eq(table))
                .filter(column::Column::Name.eq(&evolution.columns[*place].name));
            self.run(transaction, self.build(&update.into_query())).await?;
        }
        Ok(())
    }

    /// Writes the line of a run that is done, in the run's own transaction.
    ///
    /// # Errors
    /// What the database says.
    pub async fn run_done(
        &self,
        transaction: &mut dyn Transaction,
        kind: &str,
        started_at: chrono::DateTime<Utc>,
        changes: String,
    ) -> Result<(), WarehouseError> {
        let line = run_line(kind, "done", started_at, Some(changes), None);
        self.run(transaction, self.build(&Insert::one(line).into_query())).await
    }

    /// Writes the line of a run that failed and was rolled back.
    ///
    /// # Errors
    /// What the database says.
    pub async fn run_failed(
        &self,
        kind: &str,
        started_at: chrono::DateTime<Utc>,
        error: String,
    ) -> Result<(), WarehouseError> {
        let mut transaction = self.warehouse.begin(Scope::Short).await?;
        let line = run_line(kind, "failed", started_at, None, Some(error));
        self.run(&mut *transaction, self.build(&Insert::one(line).into_query())).await?;
        transaction.commit().await
    }

    fn line(&self, table: &str, source: &str, survey: Option<&Survey>, status: Status) -> load::ActiveModel {
        load::ActiveModel {
            id: NotSet,
            source: Set(source.to_owned()),
            dataset: Set(table.to_owned()),
            hash: Set(survey.map(|survey| survey.hash.clone())),
            bytes: Set(survey.map(|survey| number(survey.bytes))),
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
            duplicate_of: Set(None),
            dialect: Set(survey.and_then(|survey| serde_json::to_string(&survey.layout).ok())),
            columns: Set(None),
            started_at: Set(Utc::now()),
            finished_at: Set(None),
            error: Set(None),
        }
    }

    async fn open(&self, transaction: &mut dyn Transaction, line: load::ActiveModel) -> Result<i64, WarehouseError> {
        let rows = self.rows(transaction, self.build(&returning_id(line))).await?;
        one_number(&rows).ok_or_else(|| WarehouseError::Refused("the ledger gave a load no number".to_owned()))
    }

    /// The statement for this engine. On SQLite the catalog's tables have the schema's name before their own.
    fn build(&self, query: &impl sea_orm::StatementBuilder) -> Statement {
        let mut statement = self.warehouse.catalog().get_database_backend().build(query);
        if self.warehouse.names().engine == Engine::Sqlite {
            for table in ["load", "reject", "dataset", "column_history", "column", "run"] {
                let name = format!("\"sluice\".\"{table}\"");
                statement.sql = statement.sql.replace(&name, &format!("\"sluice__{table}\" AS \"{table}\""));
            }
        }
        statement
    }

    async fn run(&self, transaction: &mut dyn Transaction, statement: Statement) -> Result<(), WarehouseError> {
        transaction.execute(&statement.sql, &values(&statement)?).await.map(drop)
    }

    async fn rows(&self, transaction: &mut dyn Transaction, statement: Statement) -> Result<Vec<Row>, WarehouseError> {
        transaction.query(&statement.sql, &values(&statement)?).await
    }

    async fn read<M: FromQueryResult>(
        &self,
        query: sea_orm::sea_query::SelectStatement,
    ) -> Result<Vec<M>, WarehouseError> {
        Ok(M::find_by_statement(self.build(&query)).all(self.warehouse.catalog()).await?)
    }
}

fn returning_id(line: load::ActiveModel) -> sea_orm::sea_query::InsertStatement {
    let mut insert = Insert::one(line).into_query();
    insert.returning_col(load::Column::Id);
    insert
}

fn run_line(
    kind: &str,
    status: &str,
    started_at: chrono::DateTime<Utc>,
    changes: Option<String>,
    error: Option<String>,
) -> run::ActiveModel {
    run::ActiveModel {
        id: NotSet,
        kind: Set(kind.to_owned()),
        status: Set(status.to_owned()),
        started_at: Set(started_at),
        finished_at: Set(Utc::now()),
        changes: Set(changes),
        error: Set(error),
    }
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

fn one_number(rows: &[Row]) -> Option<i64> {
    rows.first()?.first()?.as_deref()?.parse().ok()
}

/// Counts and sizes fit the catalog's bigint by far.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
