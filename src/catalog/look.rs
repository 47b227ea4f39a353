//! Queries for people: loads, and rejects.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use models::load::Status;
use models::{dataset, load, reject};
use sea_orm::sea_query::LikeExpr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::Period;
use super::{LoadLine, RejectLine};
use crate::catalog::Catalog;
use crate::format::Layout;
use crate::warehouse::WarehouseError;

/// Input and time of a load.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Came {
    /// Number of the load.
    pub id: i64,
    /// Name of its input.
    pub source: String,
    /// Time of its begin, in UTC.
    pub started_at: DateTime<Utc>,
}

impl Came {
    /// Name of the file that it is, or is a part of.
    pub fn file(&self) -> &str {
        self.source.split('/').next().unwrap_or_default()
    }
}

/// Conditions that loads meet together; each one that is empty lets all pass.
#[derive(Clone, Debug, Default)]
pub struct LoadFilter {
    /// When they began.
    pub period: Period,
    /// How they ended: one of these.
    pub statuses: Vec<Status>,
    /// Table in staging.
    pub table: Option<String>,
    /// Part of the input's name.
    pub text: Option<String>,
    /// A number that theirs are less than: the pages of a listing.
    pub before: Option<i64>,
}

impl LoadFilter {
    fn condition(&self) -> Condition {
        let LoadFilter { period, statuses, table, text, before } = self;
        let one_of = (!statuses.is_empty()).then(|| load::Column::Status.is_in(statuses.iter().copied()));
        let part = text.as_ref().map(|text| {
            let plain = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            load::Column::Source.like(LikeExpr::new(format!("%{plain}%")).escape('\\'))
        });
        period
            .condition()
            .add_option(one_of)
            .add_option(table.as_ref().map(|table| load::Column::Dataset.eq(table)))
            .add_option(part)
            .add_option(before.map(|before| load::Column::Id.lt(before)))
    }
}

#[derive(FromQueryResult)]
struct Hash {
    id: i64,
    hash: Option<String>,
}

#[derive(FromQueryResult)]
struct Content {
    dataset: String,
    hash: Option<String>,
}

impl Catalog {
    /// Identity of the catalog: a copy of it, wherever it is restored, has the same.
    ///
    /// # Errors
    /// The database's error.
    pub async fn identity(&self) -> Result<Option<String>, WarehouseError> {
        self.over(models::identity(self.warehouse.catalog())).await
    }

    /// The newest loads, newest first.
    ///
    /// # Errors
    /// The database's error.
    pub async fn loads(&self, limit: u64) -> Result<Vec<LoadLine>, WarehouseError> {
        let query = load::Entity::find().order_by_desc(load::Column::Id).limit(limit);
        self.read(query.into_query()).await
    }

    /// The loads that a filter lets pass, newest first; at most `limit` of them, if there is one.
    ///
    /// # Errors
    /// The database's error.
    pub async fn loads_where(&self, filter: &LoadFilter, limit: Option<u64>) -> Result<Vec<LoadLine>, WarehouseError> {
        let query = load::Entity::find().filter(filter.condition()).order_by_desc(load::Column::Id).limit(limit);
        self.read(query.into_query()).await
    }

    /// The loads of a claim, oldest first: those of a file, or of its parts.
    ///
    /// # Errors
    /// The database's error.
    pub async fn loads_of_claim(&self, claim: &str) -> Result<Vec<LoadLine>, WarehouseError> {
        let query = load::Entity::find().filter(load::Column::Claim.eq(claim)).order_by_asc(load::Column::Id);
        self.read(query.into_query()).await
    }

    /// The loads of a file by its name, or by the beginning of its hash, oldest first.
    ///
    /// # Errors
    /// The database's error.
    pub async fn loads_of(&self, what: &str) -> Result<Vec<LoadLine>, WarehouseError> {
        let mut wanted = Condition::any()
            .add(load::Column::Source.eq(what))
            .add(load::Column::Source.starts_with(format!("{what}/")));
        if what.len() >= 6 && what.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            wanted = wanted.add(load::Column::Hash.starts_with(what.to_ascii_lowercase()));
        }
        self.read(load::Entity::find().filter(wanted).order_by_asc(load::Column::Id).into_query()).await
    }

    /// Names of the staging tables that loads have gone into.
    ///
    /// # Errors
    /// The database's error.
    pub async fn datasets(&self) -> Result<Vec<String>, WarehouseError> {
        let lines: Vec<dataset::Model> = self.read(dataset::Entity::find().into_query()).await?;
        Ok(lines.into_iter().map(|line| line.name).collect())
    }

    /// These of the staging tables, as far as loads have gone into them.
    ///
    /// # Errors
    /// The database's error.
    pub async fn datasets_among(&self, tables: &[String]) -> Result<Vec<String>, WarehouseError> {
        let query = dataset::Entity::find().filter(dataset::Column::Name.is_in(tables));
        let lines: Vec<dataset::Model> = self.read(query.into_query()).await?;
        Ok(lines.into_iter().map(|line| line.name).collect())
    }

    /// The last load of a workbook's sheet whose rows went into the table, of those whose rows are `gone` too.
    ///
    /// # Errors
    /// The database's error.
    pub async fn last_sheet(&self, table: &str, gone: bool) -> Result<Option<LoadLine>, WarehouseError> {
        let there = [Status::Loaded, Status::Replaced];
        let statuses = if gone { &super::admission::ONCE_LOADED[..] } else { &there[..] };
        let query = load::Entity::find()
            .filter(load::Column::Dataset.eq(table))
            .filter(load::Column::Status.is_in(statuses.iter().copied()))
            .filter(load::Column::Dialect.starts_with(Layout::SHEET))
            .order_by_desc(load::Column::Id)
            .limit(1);
        Ok(self.read(query.into_query()).await?.pop())
    }

    /// The line of a load, by its number.
    ///
    /// # Errors
    /// The database's error.
    pub async fn load(&self, id: i64) -> Result<Option<LoadLine>, WarehouseError> {
        let query = load::Entity::find().filter(load::Column::Id.eq(id));
        Ok(self.read(query.into_query()).await?.pop())
    }

    /// Names of the inputs that were loaded out of a claim: the file, or its parts.
    ///
    /// # Errors
    /// The database's error.
    pub async fn loaded_of(&self, claim: &str) -> Result<Vec<String>, WarehouseError> {
        let loaded = super::admission::ONCE_LOADED;
        let query =
            load::Entity::find().filter(load::Column::Claim.eq(claim)).filter(load::Column::Status.is_in(loaded));
        let lines: Vec<LoadLine> = self.read(query.into_query()).await?;
        Ok(lines.into_iter().map(|line| line.source).collect())
    }

    /// The last load by its file's name, among the loads that count with rows in these tables, or in any table for
    /// `None`.
    ///
    /// # Errors
    /// The database's error.
    pub async fn last_by_name(
        &self,
        tables: Option<&[String]>,
        counts: &(dyn Fn(&Came) -> bool + Sync),
    ) -> Result<Option<Came>, WarehouseError> {
        let query = load::Entity::find()
            .select_only()
            .columns([load::Column::Id, load::Column::Source, load::Column::StartedAt])
            .filter(load::Column::Status.is_in([Status::Loaded, Status::Duplicate]))
            .apply_if(tables, |query, tables| query.filter(load::Column::Dataset.is_in(tables)));
        let came: Vec<Came> = self.read(query.into_query()).await?;
        Ok(came.into_iter().filter(counts).max_by(|one, other| (one.file(), one.id).cmp(&(other.file(), other.id))))
    }

    /// Hashes of the loads with these numbers, as far as there are such loads.
    ///
    /// # Errors
    /// The database's error.
    pub async fn hashes(&self, ids: &[i64]) -> Result<HashMap<i64, String>, WarehouseError> {
        let mut hashes = HashMap::new();
        // A PostgreSQL statement takes 65,535 values.
        for some in ids.chunks(10_000) {
            let query = load::Entity::find().select_only().columns([load::Column::Id, load::Column::Hash]);
            let query = query.filter(load::Column::Id.is_in(some.iter().copied()));
            let lines: Vec<Hash> = self.read(query.into_query()).await?;
            hashes.extend(lines.into_iter().filter_map(|line| Some((line.id, line.hash?))));
        }
        Ok(hashes)
    }

    /// The loads of a status among these, each with its hash and its claim.
    ///
    /// # Errors
    /// The database's error.
    pub async fn claims_of(
        &self,
        ids: &[i64],
        status: Status,
    ) -> Result<HashMap<i64, (String, Option<String>)>, WarehouseError> {
        let mut loaded = HashMap::new();
        for some in ids.chunks(10_000) {
            let query = load::Entity::find()
                .filter(load::Column::Id.is_in(some.iter().copied()))
                .filter(load::Column::Status.eq(status));
            let lines: Vec<LoadLine> = self.read(query.into_query()).await?;
            loaded.extend(lines.into_iter().filter_map(|line| Some((line.id, (line.hash?, line.claim)))));
        }
        Ok(loaded)
    }

    /// The contents among these, each a table and a hash, that loads have brought into their tables, and that were not
    /// taken back since.
    ///
    /// # Errors
    /// The database's error.
    pub async fn contents(&self, wanted: &[(&str, &str)]) -> Result<HashSet<(String, String)>, WarehouseError> {
        let mut contents = HashSet::new();
        for some in wanted.chunks(10_000) {
            let tables: HashSet<_> = some.iter().map(|(table, _)| *table).collect();
            let query = load::Entity::find().select_only().columns([load::Column::Dataset, load::Column::Hash]);
            let query = query
                .filter(load::Column::Dataset.is_in(tables))
                .filter(load::Column::Hash.is_in(some.iter().map(|(_, hash)| *hash)))
                .filter(load::Column::Status.is_in([Status::Loaded, Status::Replaced, Status::Lost]));
            let lines: Vec<Content> = self.read(query.into_query()).await?;
            contents.extend(lines.into_iter().filter_map(|line| Some((line.dataset, line.hash?))));
        }
        Ok(contents)
    }

    /// Rejects, of one load or of all, the newest load first.
    ///
    /// # Errors
    /// The database's error.
    pub async fn rejects(&self, load_id: Option<i64>, limit: u64) -> Result<Vec<RejectLine>, WarehouseError> {
        let mut query = reject::Entity::find()
            .order_by_desc(reject::Column::LoadId)
            .order_by_asc(reject::Column::Line)
            .order_by_asc(reject::Column::Id)
            .limit(limit);
        if let Some(load_id) = load_id {
            query = query.filter(reject::Column::LoadId.eq(load_id));
        }
        self.read(query.into_query()).await
    }

    /// True if a run of the pipeline failed, and the whole of it was not done since.
    ///
    /// # Errors
    /// The database's error.
    pub async fn pipeline_failed_last(&self) -> Result<bool, WarehouseError> {
        Ok(self.standing_run().await?.is_some_and(|run| run.status == "failed"))
    }
}
