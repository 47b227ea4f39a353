//! The columns of staging tables, and the changes that loads made to them.

use models::load::Status;
use models::{column, column_history, load};
use sea_orm::sea_query::LikeExpr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, EntityTrait, Insert, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use crate::catalog::{Catalog, column_names};
use crate::schema::{Column, Evolution, Fits, Type};
use crate::warehouse::{Row, Transaction, WarehouseError};

impl Catalog {
    /// The columns of a staging table, in their order.
    ///
    /// # Errors
    /// The database's error.
    pub async fn columns(&self, transaction: &mut dyn Transaction, table: &str) -> Result<Vec<Column>, WarehouseError> {
        let query = column::Entity::find()
            .select_only()
            .columns([column::Column::Name, column::Column::Header, column::Column::Fits])
            .filter(column::Column::Dataset.eq(table))
            .order_by_asc(column::Column::Position);
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        let column = |row: &Row| {
            let fits: String = row.get(2)?;
            Ok(Column { name: row.get(0)?, header: row.get(1)?, fits: Fits::from_words(&fits) })
        };
        rows.iter().map(column).collect()
    }

    /// As [`Catalog::columns`], as they were committed last: waits for no load.
    ///
    /// # Errors
    /// The database's error.
    pub async fn committed_columns(&self, table: &str) -> Result<Vec<Column>, WarehouseError> {
        let query =
            column::Entity::find().filter(column::Column::Dataset.eq(table)).order_by_asc(column::Column::Position);
        let lines: Vec<column::Model> = self.read(query.into_query()).await?;
        let column =
            |line: column::Model| Column { name: line.name, header: line.header, fits: Fits::from_words(&line.fits) };
        Ok(lines.into_iter().map(column).collect())
    }

    /// The columns of a staging table that only later loads brought.
    ///
    /// # Errors
    /// The database's error.
    pub(super) async fn columns_after(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        load_id: i64,
    ) -> Result<Vec<String>, WarehouseError> {
        let query = column::Entity::find()
            .select_only()
            .column(column::Column::Name)
            .filter(column::Column::Dataset.eq(table))
            .filter(column::Column::FirstLoadId.gt(load_id));
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The columns of a staging table that are whole numbers or decimals, or were.
    ///
    /// # Errors
    /// The database's error.
    pub async fn numbers(&self, transaction: &mut dyn Transaction, table: &str) -> Result<Vec<String>, WarehouseError> {
        let query = column_history::Entity::find()
            .select_only()
            .column(column_history::Column::Name)
            .distinct()
            .filter(column_history::Column::Dataset.eq(table))
            .filter(column_history::Column::Type.is_in([Type::Bigint, Type::Numeric].map(Type::word)));
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The loads with rows in a table whose files lacked one of some columns at least, with the columns that they had.
    ///
    /// # Errors
    /// The database's error.
    pub async fn loads_lacking(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        columns: &[&str],
    ) -> Result<Vec<(i64, Vec<String>)>, WarehouseError> {
        let mut found = Vec::new();
        // The list of a load's columns is long, and few loads lack any.
        for some in columns.chunks(100) {
            let mut lacks = Condition::any();
            for column in some {
                let name = serde_json::to_string(column).unwrap_or_default();
                let name = name.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                lacks =
                    lacks.add(load::Column::Columns.not_like(LikeExpr::new(format!("%\"name\":{name}%")).escape('\\')));
            }
            let query = load::Entity::find()
                .select_only()
                .columns([load::Column::Id, load::Column::Columns])
                .filter(load::Column::Dataset.eq(table))
                .filter(load::Column::Status.eq(Status::Loaded))
                .filter(lacks)
                .order_by_asc(load::Column::Id);
            for row in self.rows(transaction, self.build(&query.into_query())).await? {
                found.push((row.get(0)?, column_names(row.text(1))));
            }
        }
        Ok(found)
    }

    /// Records that the table has a hand-dropped column again, with values of this load and later ones.
    ///
    /// # Errors
    /// The database's error.
    pub async fn column_again(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        name: &str,
        load_id: i64,
    ) -> Result<(), WarehouseError> {
        let update = column::Entity::update_many()
            .set(column::ActiveModel { first_load_id: Set(load_id), ..Default::default() })
            .filter(column::Column::Dataset.eq(table))
            .filter(column::Column::Name.eq(name));
        self.run(transaction, self.build(&update.into_query())).await
    }

    /// Writes the changes of a load to a table's columns.
    ///
    /// # Errors
    /// The database's error.
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
}
