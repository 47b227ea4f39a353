//! A transaction on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Column, Executor, Postgres, Row as _, Statement, TypeInfo};

use super::super::error::of_select;
use super::super::text::as_files_wrote;
use super::super::{Alteration, Altered, Batches, DroppedView, Row, Transaction, Value, WarehouseError};
use super::lookout::Lookout;
use super::views::SavedView;
use super::{copy, exclusive_lock, notice, safe, text, views};
use crate::schema::{Fits, Form, Type};
use crate::sql::{Engine, Names, Table, TableColumn, quote};

pub(super) struct PostgresTransaction {
    transaction: sqlx::Transaction<'static, Postgres>,
    names: Names,
    /// True if the role may ask for the server's identity.
    tells_server: bool,
    /// True if the server took no writes when the program began, and may make no view to be described.
    only_reads: bool,
    lookout: Lookout,
}

/// Query for the cluster's identity, the database, and the timeline, which a standby changes when it is promoted: the
/// first eight digits of its log's name.
const SERVER: &str = "select system_identifier || '/' || current_database() || '/' || \
 left(pg_walfile_name(pg_current_wal_lsn()), 8) from pg_control_system()";

/// Query for a transaction that takes no writes.
const ONLY_READS: &str = "select current_setting('transaction_read_only')::bool";

/// Name of a view that is made to be described.
const DESCRIBED: &str = "pg_temp.sluice_describe";

impl PostgresTransaction {
    pub(super) fn new(
        transaction: sqlx::Transaction<'static, Postgres>,
        names: Names,
        (tells_server, only_reads): (bool, bool),
        lookout: Lookout,
    ) -> Self {
        PostgresTransaction { transaction, names, tells_server, only_reads, lookout }
    }

    /// The columns of a select as the server prepares it: without the digits and lengths of their types.
    async fn prepared(&mut self, select: &str) -> Result<Vec<TableColumn>, WarehouseError> {
        let statement = (&mut *self.transaction).prepare(safe(select)).await.map_err(|error| of_select(error, 0))?;
        let oids: Vec<_> = statement.columns().iter().filter_map(|column| column.type_info().oid()).collect();
        let names: Vec<_> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let kinds: Vec<String> = sqlx::query_scalar(
            "select format_type(o.oid, null) from unnest($1::oid[]) with ordinality as o(oid, place) order by o.place",
        )
        .bind(oids)
        .fetch_all(&mut *self.transaction)
        .await?;
        Ok(names.into_iter().zip(kinds).map(|(name, declared)| TableColumn { name, declared }).collect())
    }

    /// The columns of a relation (quoted); none if there is no such relation.
    async fn attributes(&mut self, relation: &str) -> Result<Vec<TableColumn>, WarehouseError> {
        let columns: Vec<(String, String)> = sqlx::query_as(
            "select attname::text, format_type(atttypid, atttypmod) from pg_attribute
             where attrelid = to_regclass($1) and attnum > 0 and not attisdropped order by attnum",
        )
        .bind(relation)
        .fetch_all(&mut *self.transaction)
        .await?;
        Ok(columns.into_iter().map(|(name, declared)| TableColumn { name, declared }).collect())
    }

    /// Makes the views again; returns the own ones that cannot be made.
    async fn put_back(&mut self, saved: &[SavedView], own: &[&Table]) -> Result<Vec<DroppedView>, WarehouseError> {
        let own: Vec<_> = own.iter().map(|view| (self.names.table(view), *view)).collect();
        let is_own = |name: &str| own.iter().any(|(own, _)| own == name);
        let dropped = views::put_back(&mut self.transaction, saved, is_own).await?;
        let one = |(name, extras): (String, Vec<String>)| {
            let (_, view) = own.iter().find(|(own, _)| *own == name)?;
            Some(DroppedView { view: (*view).clone(), extras })
        };
        Ok(dropped.into_iter().filter_map(one).collect())
    }

    /// True if there is a view (quoted) with this select and its columns already.
    async fn is_view_of(&mut self, view: &str, select: &str) -> Result<bool, WarehouseError> {
        let stands = self.attributes(view).await?;
        if stands.is_empty() {
            return Ok(false);
        }
        self.transaction.execute(safe(format!("create temp view sluice_describe as {select}"))).await?;
        let same = "select pg_get_viewdef(to_regclass($1)) is not distinct from pg_get_viewdef(to_regclass($2))";
        let same: bool = sqlx::query_scalar(same).bind(view).bind(DESCRIBED).fetch_one(&mut *self.transaction).await?;
        let gives = self.attributes(DESCRIBED).await?;
        self.transaction.execute("drop view pg_temp.sluice_describe").await?;
        Ok(same && gives == stands)
    }
}

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, WarehouseError> {
        Ok(self.lookout.over(bound(sql, values).execute(&mut *self.transaction)).await?.rows_affected())
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, WarehouseError> {
        if values.is_empty() {
            let rows = self.lookout.over(sqlx::raw_sql(safe(sql)).fetch_all(&mut *self.transaction)).await?;
            return rows.iter().map(text).collect();
        }
        let rows = self.lookout.over(bound(sql, values).fetch_all(&mut *self.transaction)).await?;
        rows.iter().map(typed).collect()
    }

    async fn columns(&mut self, table: &Table) -> Result<Vec<TableColumn>, WarehouseError> {
        self.attributes(&self.names.table(table)).await
    }

    async fn describe(&mut self, select: &str) -> Result<Vec<TableColumn>, WarehouseError> {
        // A server that took no writes at first may take them by now.
        if self.only_reads && sqlx::query_scalar(ONLY_READS).fetch_one(&mut *self.transaction).await? {
            return self.prepared(select).await;
        }
        let before = "create temp view sluice_describe as ";
        let made = self.transaction.execute(safe(format!("{before}{select}"))).await;
        made.map_err(|error| of_select(error, before.len()))?;
        let columns = self.attributes(DESCRIBED).await?;
        self.transaction.execute("drop view pg_temp.sluice_describe").await?;
        Ok(columns)
    }

    async fn copy_in(
        &mut self,
        table: &Table,
        types: &[Type],
        batches: &mut dyn Batches,
    ) -> Result<u64, WarehouseError> {
        let Some(mut batch) = batches.next().await else { return Ok(0) };
        let schema = batch.schema();
        let columns: Vec<_> = schema.fields().iter().map(|field| quote(field.name())).collect();
        let sql = format!("copy {} ({}) from stdin (format binary)", self.names.table(table), columns.join(", "));
        // Between open and finish nothing fails but the network.
        let mut copy = self.lookout.over(self.transaction.copy_in_raw(&sql)).await?;
        let mut bytes = copy::HEADER.to_vec();
        loop {
            copy::encode(types, &batch, &mut bytes);
            let (sent, next) = tokio::join!(copy.send(std::mem::take(&mut bytes)), batches.next());
            sent?;
            match next {
                Some(next) => batch = next,
                None => break,
            }
        }
        copy.send(copy::TRAILER).await?;
        Ok(copy.finish().await?)
    }

    async fn alter(
        &mut self,
        table: &Table,
        alterations: &[Alteration],
        own_views: &[Table],
    ) -> Result<Altered, WarehouseError> {
        if alterations.is_empty() {
            return Ok(Altered::default());
        }
        let stands = self.columns(table).await?;
        let clauses: Vec<_> = alterations.iter().map(|one| clause(one, &stands)).collect();
        let sql = format!("alter table {} {}", self.names.table(table), clauses.join(", "));
        if alterations.iter().all(|one| matches!(one, Alteration::Add(_) | Alteration::Refer { .. })) {
            self.lookout.over(self.transaction.execute(safe(sql.clone()))).await?;
            return Ok(Altered { dropped: Vec::new(), statements: vec![sql] });
        }
        let relation = self.names.table(table);
        let saved = self.lookout.over(views::take_down(&mut self.transaction, &relation, false)).await?;
        self.lookout.over(self.transaction.execute(safe(sql.clone()))).await?;
        let dropped = self.put_back(&saved, &own_views.iter().collect::<Vec<_>>()).await?;
        Ok(Altered { dropped, statements: vec![sql] })
    }

    async fn lock_alone(&mut self, tables: &[Table]) -> Result<(), WarehouseError> {
        let relations: Vec<_> = tables.iter().map(|table| self.names.table(table)).collect();
        exclusive_lock::lock(&mut self.transaction, &relations).await
    }

    async fn replace_view(
        &mut self,
        view: &Table,
        select: &str,
        own_views: &[Table],
    ) -> Result<Vec<DroppedView>, WarehouseError> {
        let name = self.names.table(view);
        if self.is_view_of(&name, select).await? {
            return Ok(Vec::new());
        }
        exclusive_lock::lock(&mut self.transaction, std::slice::from_ref(&name)).await?;
        let replace = format!("create or replace view {name} as {select}");
        self.transaction.execute("savepoint replace_view").await?;
        match self.transaction.execute(safe(replace.clone())).await {
            Ok(_) => Ok(Vec::new()),
            Err(error) if is_other_columns(&error) => {
                self.transaction.execute("rollback to savepoint replace_view").await?;
                let saved = views::take_down(&mut self.transaction, &name, true).await?;
                self.transaction.execute(safe(replace)).await?;
                let others: Vec<_> = own_views.iter().filter(|own| *own != view).collect();
                self.put_back(&saved, &others).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn wait_at_most(&mut self, how_long: Duration) -> Result<(), WarehouseError> {
        let sql = format!("set local lock_timeout = {}", how_long.as_millis());
        self.transaction.execute(safe(sql)).await?;
        Ok(())
    }

    async fn server(&mut self) -> Result<Option<String>, WarehouseError> {
        if !self.tells_server {
            return Ok(None);
        }
        let found = sqlx::query_as(SERVER).fetch_one(&mut *self.transaction).await;
        let (server,) = found.map_err(|error| match error.into() {
            WarehouseError::Denied(why) => WarehouseError::Barred(why),
            error => error,
        })?;
        Ok(Some(server))
    }

    async fn commit(self: Box<Self>) -> Result<(), WarehouseError> {
        fail::fail_point!("commit_not_sent", |_| Err(WarehouseError::unknown("a fault of the test's")));
        let (done, warnings) = notice::listen(self.transaction.commit()).await;
        done.map_err(|error| match &error {
            // A broken reference or key, class 23, is found before anything is committed.
            sqlx::Error::Database(database) if database.code().is_some_and(|code| code.starts_with("23")) => {
                error.into()
            }
            _ => WarehouseError::unknown(error),
        })?;
        fail::fail_point!("commit_not_answered", |_| Err(WarehouseError::unknown("a fault of the test's")));
        match warnings.as_slice() {
            [] => Ok(()),
            some => Err(WarehouseError::unknown(format!("the server said at it: {}", some.join("; ")))),
        }
    }
}

/// The clause of a statement that alters a table with these columns.
fn clause(alteration: &Alteration, stands: &[TableColumn]) -> String {
    match alteration {
        Alteration::Add(column) => format!("add column {} {}", quote(&column.name), column.declared),
        Alteration::Refer { column, .. } => {
            format!("add column {} {} not null default 0", quote(&column.name), column.declared)
        }
        Alteration::Cast(column) => {
            let (name, declared) = (quote(&column.name), &column.declared);
            let from = stands.iter().find(|old| old.name == column.name).map_or("", |old| old.declared.as_str());
            let value = Engine::Postgres.converted(from, declared, &name);
            format!("alter column {name} type {declared} using {value}")
        }
        Alteration::Retype(column) => {
            let (name, declared) = (quote(&column.name), &column.declared);
            format!(
                "alter column {name} drop not null, alter column {name} drop default, \
                 alter column {name} type {declared} using null::{declared}"
            )
        }
        Alteration::Rename { from, to } => format!("rename column {} to {}", quote(from), quote(to)),
        Alteration::Drop { name } => format!("drop column {}", quote(name)),
        Alteration::Widen { name, from, to } => {
            let column = quote(name);
            let declared = Engine::Postgres.declared(*to);
            format!("alter column {column} type {declared} using {}", widened(&column, *from, *to, declared))
        }
    }
}

/// Expression for the column's values in the wider type, as both engines write them.
fn widened(column: &str, from: Fits, to: Type, declared: &str) -> String {
    if from.is_undecided() {
        return format!("null::{declared}");
    }
    if to != Type::Text {
        return format!("{column}::{declared}");
    }
    match from.narrowest() {
        Type::Boolean => {
            let (truth, lie) = from.spelling().words();
            format!("case {column} when true then '{truth}' when false then '{lie}' end")
        }
        Type::Timestamp => {
            let moment = as_files_wrote(&format!("{column}::text"), from).unwrap_or_else(|| format!("{column}::text"));
            match from.is_written(Form::Day) {
                true => format!("case when {column}::time = '00:00' then {column}::date::text else {moment} end"),
                false => moment,
            }
        }
        Type::Timestamptz => {
            let utc = format!("({column} at time zone 'UTC')::text");
            as_files_wrote(&utc, from).unwrap_or_else(|| format!("{utc} || '+00:00'"))
        }
        _ => format!("{column}::text"),
    }
}

/// True for SQLSTATE 42P16: `create or replace view` cannot drop, rename, reorder or retype columns.
fn is_other_columns(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("42P16"))
}

fn bound<'q>(sql: &str, values: &[Value]) -> Query<'q, Postgres, PgArguments> {
    let mut query = sqlx::query(safe(sql));
    for value in values {
        query = match value {
            Value::Int(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
            Value::Time(time) => query.bind(*time),
        };
    }
    query
}

fn typed(row: &PgRow) -> Result<Row, WarehouseError> {
    (0..row.len())
        .map(|at| match row.column(at).type_info().name() {
            "INT8" => Ok(row.try_get::<Option<i64>, _>(at)?.map(|number| number.to_string())),
            _ => Ok(row.try_get::<Option<String>, _>(at)?),
        })
        .collect()
}
