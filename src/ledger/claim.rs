//! Whether an input is new to its table: what is asked before it is loaded.

use chrono::Utc;
use models::load::Status;
use models::{dataset, load};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, Insert, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::{Ledger, number, one_number};
use crate::source::Survey;
use crate::warehouse::{Row, Transaction, WarehouseError};

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

impl Ledger {
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
}
