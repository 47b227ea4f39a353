//! Loads whose rows are lost: somebody dropped or emptied their table by hand. Each needs a person until a later load makes
//! it good, or it is retracted.

use models::load;
use models::load::Status;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::LoadLine;
use crate::catalog::Catalog;
use crate::source::{Position, Stream};
use crate::warehouse::{Row, Transaction, WarehouseError};

/// Content that a load brings, by which it makes lost loads good.
#[derive(Clone, Copy, Debug)]
pub enum Brings<'a> {
    /// A content, for all lost loads that had it.
    Content(&'a str),
    /// A content, for one of them: it adds its rows as often as it comes.
    OneContent(&'a str),
    /// All that its stream has.
    Stream(&'a Stream),
    /// All rows of its table.
    Table,
}

impl Catalog {
    /// The lost loads that no later load has made good, in their order.
    ///
    /// # Errors
    /// The database's error.
    pub async fn lost(&self) -> Result<Vec<LoadLine>, WarehouseError> {
        let query = load::Entity::find().filter(is_lost()).order_by_asc(load::Column::Id);
        self.read(query.into_query()).await
    }

    /// Records that the rows of loads are lost, so that the same content is new again, and the star takes them out.
    ///
    /// # Errors
    /// The database's error.
    pub async fn lose(
        &self,
        transaction: &mut dyn Transaction,
        loads: &[i64],
        why: &str,
    ) -> Result<(), WarehouseError> {
        for some in loads.chunks(10_000) {
            let update = load::Entity::update_many()
                .set(load::ActiveModel {
                    status: Set(Status::Lost),
                    error: Set(Some(why.to_owned())),
                    ..Default::default()
                })
                .filter(load::Column::Id.is_in(some.iter().copied()))
                .filter(load::Column::Status.eq(Status::Loaded));
            self.run(transaction, self.build(&update.into_query())).await?;
        }
        Ok(())
    }

    /// The loads with rows in a table, by the ledger.
    ///
    /// # Errors
    /// The database's error.
    pub async fn with_rows(&self, transaction: &mut dyn Transaction, table: &str) -> Result<Vec<i64>, WarehouseError> {
        let query = load::Entity::find()
            .select_only()
            .column(load::Column::Id)
            .filter(load::Column::Dataset.eq(table))
            .filter(load::Column::Status.eq(Status::Loaded))
            .filter(Condition::any().add(load::Column::RowsLoaded.gt(0)).add(load::Column::RowsDuplicate.gt(0)))
            .order_by_asc(load::Column::Id);
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Records that a load makes lost ones of its table good; true if it made some, and the table has no other.
    ///
    /// # Errors
    /// The database's error.
    pub async fn make_good(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        load_id: i64,
        brings: Brings<'_>,
    ) -> Result<bool, WarehouseError> {
        let query = load::Entity::find()
            .select_only()
            .columns([load::Column::Id, load::Column::Hash, load::Column::Position])
            .filter(load::Column::Dataset.eq(table))
            .filter(is_lost())
            .order_by_desc(load::Column::Id);
        let lost = self.rows(transaction, self.build(&query.into_query())).await?;
        let mut good: Vec<i64> = Vec::new();
        for row in lost.iter().filter(|row| is_brought(row, brings)) {
            good.push(row.get(0)?);
            if matches!(brings, Brings::OneContent(_)) {
                break;
            }
        }
        for some in good.chunks(10_000) {
            let update = load::Entity::update_many()
                .set(load::ActiveModel { made_good_by: Set(Some(load_id)), ..Default::default() })
                .filter(load::Column::Id.is_in(some.iter().copied()));
            self.run(transaction, self.build(&update.into_query())).await?;
        }
        Ok(!good.is_empty() && good.len() == lost.len())
    }

    /// Records that a lost load was taken back; true if it was lost until now, and no later load has made it good.
    ///
    /// # Errors
    /// The database's error.
    pub async fn retract_lost(&self, transaction: &mut dyn Transaction, load_id: i64) -> Result<bool, WarehouseError> {
        let mut update = load::Entity::update_many()
            .set(load::ActiveModel { status: Set(Status::Retracted), ..Default::default() })
            .filter(load::Column::Id.eq(load_id))
            .filter(is_lost())
            .into_query();
        update.returning_col(load::Column::Id);
        Ok(!self.rows(transaction, self.build(&update)).await?.is_empty())
    }
}

/// The condition that a load is lost, and that none has made it good.
fn is_lost() -> Condition {
    Condition::all().add(load::Column::Status.eq(Status::Lost)).add(load::Column::MadeGoodBy.is_null())
}

/// True if a lost load, with its hash and position, is brought again.
fn is_brought(lost: &Row, brings: Brings<'_>) -> bool {
    match brings {
        Brings::Content(hash) | Brings::OneContent(hash) => lost.text(1) == Some(hash),
        Brings::Stream(stream) => lost
            .text(2)
            .and_then(|position| serde_json::from_str::<Position>(position).ok())
            .is_some_and(|position| position.stream == *stream),
        Brings::Table => true,
    }
}
