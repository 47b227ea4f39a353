//! The text beside the records of an input, kept with its load.

use models::beside;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, Insert, QueryFilter, QueryOrder, QueryTrait,
};

use super::number;
use crate::catalog::Catalog;
use crate::record::Beside;
use crate::warehouse::{Transaction, WarehouseError};

pub use models::beside::Model as BesideLine;

impl Catalog {
    /// Writes the text beside the records of a load, in the order of the input.
    ///
    /// # Errors
    /// The database's error.
    pub async fn keep_beside(
        &self,
        transaction: &mut dyn Transaction,
        load_id: i64,
        beside: &[Beside],
    ) -> Result<(), WarehouseError> {
        for some in beside.chunks(500) {
            let lines = some.iter().map(|one| beside::ActiveModel {
                id: NotSet,
                load_id: Set(load_id),
                kind: Set(one.kind.word().to_owned()),
                line: Set(one.line.map(number)),
                name: Set(one.name.as_ref().map(|name| storable(name))),
                text: Set(storable(&one.text)),
            });
            self.run(transaction, self.build(&Insert::many(lines).into_query())).await?;
        }
        Ok(())
    }

    /// The text beside the records of these loads, in the order of each input.
    ///
    /// # Errors
    /// The database's error.
    pub async fn beside_of(&self, loads: &[i64]) -> Result<Vec<BesideLine>, WarehouseError> {
        let query = beside::Entity::find()
            .filter(beside::Column::LoadId.is_in(loads.iter().copied()))
            .order_by_asc(beside::Column::LoadId)
            .order_by_asc(beside::Column::Id);
        self.read(query.into_query()).await
    }
}

/// Replaces NUL, which PostgreSQL cannot store.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}
