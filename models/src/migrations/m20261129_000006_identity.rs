//! An identity of the catalog. One that holds loads already has had the second of its creation for an identity, and
//! keeps it: a backup that is older than this table becomes the same database again.

use std::hash::{BuildHasher, Hasher, RandomState};

use sea_orm::Statement;
use sea_orm_migration::prelude::*;

use super::{made_at, table};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A half-made table could not be made again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (backend, connection) = (manager.get_database_backend(), manager.get_connection());
        let identity = Table::create()
            .table(table(backend, "identity"))
            .col(ColumnDef::new("id").text().not_null().primary_key())
            .to_owned();
        manager.create_table(identity).await?;
        let any = Query::select().column("id").from(table(backend, "load")).limit(1).to_owned();
        let id = match connection.query_one(&any).await? {
            Some(_) => made_at(connection).await?.unwrap_or_default().to_string(),
            None => random(),
        };
        let insert = format!("insert into {} (id) values ($1)", super::written(backend, "identity"));
        connection.execute_raw(Statement::from_sql_and_values(backend, insert, [id.into()])).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let identity = table(manager.get_database_backend(), "identity");
        manager.drop_table(Table::drop().table(identity).to_owned()).await
    }
}

/// 128 bits of the system's, as hexadecimal digits.
fn random() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number())
}
