//! The views that questions made, and the exports of their results.

use models::question;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, Insert, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::catalog::Catalog;
use crate::warehouse::{Row, Transaction, WarehouseError};

/// A question's view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionView {
    /// Name without its schema.
    pub name: String,
    /// Definition in the database's words, right after it was made.
    pub definition: String,
    /// Extensions of the files that its results were written to.
    pub exports: Vec<String>,
}

impl Catalog {
    /// The views that questions made and that were not dropped since, by name.
    ///
    /// # Errors
    /// The database's error.
    pub async fn questions(&self, transaction: &mut dyn Transaction) -> Result<Vec<QuestionView>, WarehouseError> {
        let query = question::Entity::find()
            .select_only()
            .columns([question::Column::Name, question::Column::Definition, question::Column::Exports])
            .order_by_asc(question::Column::Name);
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        let view = |row: &Row| Ok(QuestionView { name: row.get(0)?, definition: row.get(1)?, exports: row.json(2)? });
        rows.iter().map(view).collect()
    }

    /// Keeps the view of a question.
    ///
    /// # Errors
    /// The database's error.
    pub async fn keep_question(
        &self,
        transaction: &mut dyn Transaction,
        view: &QuestionView,
    ) -> Result<(), WarehouseError> {
        let line = question::ActiveModel {
            name: Set(view.name.clone()),
            definition: Set(view.definition.clone()),
            exports: Set(serde_json::to_string(&view.exports).unwrap_or_default()),
        };
        let mut insert = Insert::one(line).into_query();
        let others = [question::Column::Definition, question::Column::Exports];
        insert.on_conflict(OnConflict::column(question::Column::Name).update_columns(others).to_owned());
        self.run(transaction, self.build(&insert)).await
    }

    /// Forgets a question's view.
    ///
    /// # Errors
    /// The database's error.
    pub async fn forget_question(&self, transaction: &mut dyn Transaction, name: &str) -> Result<(), WarehouseError> {
        self.forget_view(transaction, name).await?;
        let delete = question::Entity::delete_many().filter(question::Column::Name.eq(name));
        self.run(transaction, self.build(&delete.into_query())).await
    }
}
