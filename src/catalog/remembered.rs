//! The loads that dimensions remember, so that what a replaced load said can leave them.

use std::collections::{BTreeMap, BTreeSet};

use models::{load, star_load};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, Insert, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::LoadStatus;
use crate::catalog::Catalog;
use crate::schema::LOAD_COLUMN;
use crate::sql::{Table, quote};
use crate::warehouse::{Transaction, WarehouseError};

/// A load that a dimension remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RememberedLoad {
    /// Number of the load.
    pub load: i64,
    /// The newest load of the same whole.
    pub whole: i64,
    /// True if it was retracted since.
    pub is_retracted: bool,
}

impl Catalog {
    /// The loads that each dimension remembers, in their order.
    ///
    /// # Errors
    /// The database's error.
    pub async fn remembered(
        &self,
        transaction: &mut dyn Transaction,
    ) -> Result<BTreeMap<String, Vec<RememberedLoad>>, WarehouseError> {
        let query = star_load::Entity::find().select_only().columns([
            star_load::Column::Star,
            star_load::Column::LoadId,
            star_load::Column::Whole,
        ]);
        let lines =
            self.rows(transaction, self.build(&query.order_by_asc(star_load::Column::LoadId).into_query())).await?;
        let query = load::Entity::find()
            .select_only()
            .column(load::Column::Id)
            .filter(load::Column::Status.eq(LoadStatus::Retracted));
        let gone = self.rows(transaction, self.build(&query.into_query())).await?;
        let gone = gone.iter().map(|row| row.get(0)).collect::<Result<BTreeSet<i64>, _>>()?;
        let mut found: BTreeMap<String, Vec<RememberedLoad>> = BTreeMap::new();
        for line in &lines {
            let (load, whole) = (line.get(1)?, line.get(2)?);
            let is_retracted = gone.contains(&load);
            found.entry(line.get(0)?).or_default().push(RememberedLoad { load, whole, is_retracted });
        }
        Ok(found)
    }

    /// Notes that a dimension remembers these loads, which are one whole.
    ///
    /// # Errors
    /// The database's error.
    pub async fn note_remembered(
        &self,
        transaction: &mut dyn Transaction,
        star: &str,
        loads: &[i64],
        whole: i64,
    ) -> Result<(), WarehouseError> {
        for some in loads.chunks(1_000) {
            let lines = some.iter().map(|load| star_load::ActiveModel {
                star: Set(star.to_owned()),
                load_id: Set(*load),
                whole: Set(whole),
            });
            let mut insert = Insert::many(lines).into_query();
            let key = [star_load::Column::Star, star_load::Column::LoadId];
            insert.on_conflict(OnConflict::columns(key).do_nothing().to_owned());
            self.run(transaction, self.build(&insert)).await?;
        }
        Ok(())
    }

    /// Forgets that a dimension remembers these loads, or all of them.
    ///
    /// # Errors
    /// The database's error.
    pub async fn forget_remembered(
        &self,
        transaction: &mut dyn Transaction,
        star: &str,
        loads: Option<&[i64]>,
    ) -> Result<(), WarehouseError> {
        let mut delete = star_load::Entity::delete_many().filter(star_load::Column::Star.eq(star));
        if let Some(loads) = loads {
            delete = delete.filter(star_load::Column::LoadId.is_in(loads.iter().copied()));
        }
        self.run(transaction, self.build(&delete.into_query())).await
    }

    /// The dimensions that remember a load, by their notes or by the rows that they keep of it; `None` if there is
    /// nothing of it in the star.
    ///
    /// # Errors
    /// The database's error.
    pub async fn remembering(
        &self,
        transaction: &mut dyn Transaction,
        load: i64,
    ) -> Result<Option<Vec<String>>, WarehouseError> {
        let noted = self.remembered(transaction).await?;
        let (mut found, mut rests) = (Vec::new(), false);
        for state in self.star(transaction).await?.into_iter().filter(|state| state.kind == "dimension") {
            let is_noted = noted.get(&state.name).is_some_and(|loads| loads.iter().any(|one| one.load == load));
            // A dimension that was not built since then rests on it, and would remember it with its next run.
            rests |= state.seen.stretches().any(|(first, last)| (first..=last).contains(&load));
            let seen = Table::catalog(&format!("{}_seen", state.name));
            if is_noted || self.keeps_rows_of(transaction, &seen, load).await? {
                found.push(state.name);
            }
        }
        Ok((rests || !found.is_empty()).then_some(found))
    }

    async fn keeps_rows_of(
        &self,
        transaction: &mut dyn Transaction,
        seen: &Table,
        load: i64,
    ) -> Result<bool, WarehouseError> {
        if transaction.columns(seen).await?.is_empty() {
            return Ok(false);
        }
        let table = self.warehouse.names().table(seen);
        let some = format!("select {0} from {table} where {0} = $1 limit 1", quote(LOAD_COLUMN));
        Ok(!transaction.query(&some, &[load.into()]).await?.is_empty())
    }
}
