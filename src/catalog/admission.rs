//! Admission of an input: the check, before it is loaded, that its content is new to its table.

use models::load::Status;
use models::{dataset, load};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveEnum, ActiveValue::Set, ColumnTrait, EntityTrait, Insert, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde_json::Value as Json;

use super::{column_names, first_of, number};
use crate::catalog::Catalog;
use crate::catalog::staged;
use crate::catalog::{History, KEPT};
use crate::source::{Identity, Profile, Window};
use crate::sql::Table;
use crate::warehouse::{Row, Transaction, WarehouseError};

/// Statuses of loads whose rows are in their table, or were.
pub(super) const ONCE_LOADED: [Status; 4] = [Status::Loaded, Status::Replaced, Status::Retracted, Status::Lost];

/// The ledger's answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// A new load; the dataset is locked for it until the transaction ends.
    New {
        /// Its number.
        load: i64,
        /// True if the same content had come into the table before.
        repeats: bool,
    },
    /// As [`Admission::New`]: the same content was loaded before, and its rows are gone.
    Again(i64, Missing),
    /// The same content was loaded before, and is in the table in part: another load would double those rows.
    InPart(Missing),
    /// The same content was loaded into the same table before, as this load.
    Duplicate(i64),
    /// This very claim was loaded, by a program that ended before it could let the input go; or this very window was.
    Finished(i64),
    /// The checkpoint of the window's stream is not where the window goes on from: it stands here; `null` is the beginning.
    Passed(Json),
}

/// A load with rows or columns missing that the ledger holds to be in their table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Number of the load.
    pub load: i64,
    /// Rows that the load brought.
    pub loaded: u64,
    /// Rows of the load that are in the table now.
    pub there: u64,
    /// Columns that went with their values while all rows are there: dropped by hand, or renamed.
    pub columns: Vec<String>,
}

impl Missing {
    fn is_whole(&self) -> bool {
        self.there >= self.loaded && self.columns.is_empty()
    }

    /// True if a part of the load is there.
    fn is_in_part(&self) -> bool {
        self.there > 0 || !self.columns.is_empty()
    }
}

/// Rule for a content that its table has had before: when it is loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// Never.
    Never,
    /// If another load has come between.
    AfterOthers,
    /// Always, but for another part of the same file: its rows are there.
    InAnotherFile,
    /// Always.
    Always,
}

/// Claim on an input, put to the ledger before it is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The staging table.
    pub table: &'a str,
    /// Name of the input.
    pub source: &'a str,
    /// Identity of the input.
    pub identity: Identity<'a>,
    /// The input's path while it is loaded.
    pub claim: Option<&'a str>,
    /// True if a program that has ended had claimed it.
    pub unfinished: bool,
    /// Rule for a content that was loaded before.
    pub repeats: Repeats,
    /// True if its rows replace others, so that a second load doubles none.
    pub replaces: bool,
    /// Claims of the file's parts that were loaded: never loaded again, even if their content otherwise would be.
    pub earlier_claims: &'a [String],
}

/// A load of the same content, with its row counts.
struct Before {
    load: i64,
    status: Option<Status>,
    source: String,
    claim: String,
    /// Rows that it brought.
    loaded: u64,
    /// Rows of it that were there already as it brought them; they belong to other loads.
    duplicate: u64,
    /// Columns that it brought.
    columns: Vec<String>,
}

impl Before {
    fn of(row: &Row) -> Result<Before, WarehouseError> {
        let status: Option<String> = row.get(1)?;
        Ok(Before {
            load: row.get(0)?,
            status: status.and_then(|word| Status::try_from_value(&word).ok()),
            source: row.get::<Option<String>>(2)?.unwrap_or_default(),
            claim: row.get::<Option<String>>(3)?.unwrap_or_default(),
            loaded: row.get(4)?,
            duplicate: row.get(5)?,
            columns: column_names(row.text(6)),
        })
    }

    fn is_loaded(&self) -> bool {
        self.status == Some(Status::Loaded)
    }
}

/// True if it is the load of this very part of a file that was not loaded as a whole, and has come back.
fn is_this_part(request: &Request<'_>, before: &Before) -> bool {
    let part = |source: &str| source.split_once('/').map(|(_, part)| part.to_owned());
    request.earlier_claims.contains(&before.claim) && part(request.source) == part(&before.source)
}

/// State of a content in a table that may have it.
enum Repeat {
    /// All of it is there, as this load brought it.
    Of(i64),
    /// A part of it is there.
    InPart(Missing),
    /// Its rows are to be loaded; a load that had brought them has lost them.
    New(Option<Missing>),
}

impl Catalog {
    /// Locks the dataset and checks that the content is new to it; if so, opens a line.
    ///
    /// # Errors
    /// The database's error.
    pub async fn claim(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request<'_>,
        profile: &Profile,
    ) -> Result<Admission, WarehouseError> {
        let Request { table, source, claim, unfinished, .. } = *request;
        let mut lock =
            Insert::one(dataset::ActiveModel { name: Set(table.to_owned()), last_started_at: Set(self.clock.utc()) })
                .into_query();
        lock.on_conflict(
            OnConflict::column(dataset::Column::Name).update_column(dataset::Column::LastStartedAt).to_owned(),
        );
        self.run(transaction, self.build(&lock)).await?;
        let hash = match request.identity {
            Identity::Content { hash } => hash,
            Identity::Position(window) => return self.claim_window(transaction, request, profile, window).await,
        };
        let same = load::Entity::find()
            .select_only()
            .columns([load::Column::Id, load::Column::Status, load::Column::Source, load::Column::Claim])
            .columns([load::Column::RowsLoaded, load::Column::RowsDuplicate, load::Column::Columns])
            .filter(load::Column::Dataset.eq(table))
            .filter(load::Column::Hash.eq(hash))
            .filter(load::Column::Status.is_in(ONCE_LOADED))
            .order_by_desc(load::Column::Id);
        // Loads whose rows are in the table, or were, the newest first.
        let ever = self.rows(transaction, self.build(&same.into_query())).await?;
        let ever = ever.iter().map(Before::of).collect::<Result<Vec<_>, _>>()?;
        let mut missing = None;
        if let (true, Some(claim)) = (unfinished, claim)
            && let Some(this) = ever.iter().find(|one| one.source == source && one.claim == claim)
        {
            match self.missing_of_finished(transaction, request, this).await? {
                None => return Ok(Admission::Finished(this.load)),
                Some(some) if some.is_in_part() => return Ok(Admission::InPart(some)),
                Some(none) => missing = Some(none),
            }
        }
        if missing.is_none() {
            match self.repeated(transaction, request, &ever).await? {
                Repeat::Of(load) => return Ok(Admission::Duplicate(load)),
                Repeat::InPart(some) => return Ok(Admission::InPart(some)),
                Repeat::New(found) => missing = found,
            }
        }
        let line = load::ActiveModel {
            claim: Set(claim.map(str::to_owned)),
            repeat: Set(number(ever.len() as u64)),
            ..self.line(table, source, Some(profile), Status::Claimed)
        };
        let load_id = self.open(transaction, line).await?;
        let Some(missing) = missing else { return Ok(Admission::New { load: load_id, repeats: !ever.is_empty() }) };
        if !missing.is_in_part() {
            let why = format!("its rows were not in the table any more when load {load_id} brought the same content");
            self.lose(transaction, &[missing.load], &why).await?;
        }
        Ok(Admission::Again(load_id, missing))
    }

    /// Checks that a window goes on from where its stream stands; if so, opens a line. What the bytes are says nothing.
    async fn claim_window(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request<'_>,
        profile: &Profile,
        window: &Window,
    ) -> Result<Admission, WarehouseError> {
        let Request { table, source, claim, .. } = *request;
        let Window { position, generation, .. } = window;
        let recorded = load::Entity::find()
            .select_only()
            .column(load::Column::Id)
            .filter(load::Column::Dataset.eq(table))
            .filter(load::Column::Hash.eq(position.hash()))
            .filter(load::Column::Status.is_in(ONCE_LOADED))
            .order_by_desc(load::Column::Id);
        let recorded = self.rows(transaction, self.build(&recorded.into_query())).await?;
        let stands_at = self.stands_at(transaction, &position.stream).await?;
        if stands_at == (*generation, position.from.clone()) {
            let line = load::ActiveModel {
                claim: Set(claim.map(str::to_owned)),
                hash: Set(Some(position.hash())),
                position: Set(Some(position.text())),
                repeat: Set(number(recorded.len() as u64)),
                ..self.line(table, source, Some(profile), Status::Claimed)
            };
            return Ok(Admission::New { load: self.open(transaction, line).await?, repeats: false });
        }
        Ok(match first_of(&recorded)? {
            Some(load) => Admission::Finished(load),
            None => Admission::Passed(stands_at.1.unwrap_or_default()),
        })
    }

    /// Finds out if the content is in the table, as one of these loads brought it, and which load's rows are missing.
    async fn repeated(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request<'_>,
        ever: &[Before],
    ) -> Result<Repeat, WarehouseError> {
        let mut missing = None;
        for before in ever.iter().filter(|one| one.is_loaded()) {
            let counts = match request.repeats {
                Repeats::Never => true,
                Repeats::InAnotherFile if request.claim == Some(&before.claim) => true,
                Repeats::Always if is_this_part(request, before) => true,
                Repeats::Always | Repeats::InAnotherFile => continue,
                Repeats::AfterOthers => self.newest_load(transaction, request.table).await? == Some(before.load),
            };
            if !counts {
                break;
            }
            let found = self.missing(transaction, request.table, before).await?;
            // Rows that were there already are other loads' and cannot be counted: a second merge brings the missing.
            if found.there >= found.loaded && request.replaces && before.duplicate > 0 {
                break;
            }
            let is_emptied =
                found.is_whole() && before.duplicate > 0 && self.is_empty(transaction, request.table).await?;
            if found.is_whole() && !is_emptied {
                return Ok(Repeat::Of(before.load));
            }
            if found.is_in_part() && !request.replaces {
                return Ok(Repeat::InPart(found));
            }
            missing.get_or_insert(found);
            if request.replaces {
                break;
            }
        }
        Ok(Repeat::New(missing))
    }

    /// Missing rows or columns of a load that a program committed before it ended. Later loads may have replaced its
    /// rows, so only a table without a row tells.
    async fn missing_of_finished(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request<'_>,
        this: &Before,
    ) -> Result<Option<Missing>, WarehouseError> {
        if !this.is_loaded() || this.loaded + this.duplicate == 0 {
            return Ok(None);
        }
        let mut found = Missing { load: this.load, loaded: this.loaded, there: this.loaded, columns: Vec::new() };
        if !request.replaces {
            found = self.missing(transaction, request.table, this).await?;
        } else if self.is_empty(transaction, request.table).await? {
            return Ok(Some(Missing { there: 0, ..found }));
        } else {
            found.columns = self.columns_gone(transaction, request.table, this).await?;
        }
        Ok((!found.is_whole()).then_some(found))
    }

    /// Counts the rows and columns of a load that its table lacks.
    async fn missing(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        before: &Before,
    ) -> Result<Missing, WarehouseError> {
        let there = self.there(transaction, table, before).await?;
        let columns = match there {
            there if there >= before.loaded => self.columns_gone(transaction, table, before).await?,
            _ => Vec::new(),
        };
        Ok(Missing { load: before.load, loaded: before.loaded, there, columns })
    }

    /// Columns with values of a load that its table lacks now, or has again since without those values.
    async fn columns_gone(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        before: &Before,
    ) -> Result<Vec<String>, WarehouseError> {
        if before.loaded + before.duplicate == 0 {
            return Ok(Vec::new());
        }
        let there = transaction.columns(&Table::staging(table)).await?;
        if there.is_empty() {
            return Ok(Vec::new());
        }
        let later = self.columns_after(transaction, table, before.load).await?;
        let engine = self.warehouse.names().engine;
        let is_gone = |name: &&String| later.contains(name) || !engine.has_column(&there, name);
        Ok(before.columns.iter().filter(is_gone).cloned().collect())
    }

    /// Rows of a load in its table, at most as many as it brought; rows that later loads replaced count as there.
    async fn there(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        before: &Before,
    ) -> Result<u64, WarehouseError> {
        let (names, table) = (self.warehouse.names(), Table::staging(table));
        let there = staged::rows_of(transaction, names, &table, before.load, before.loaded).await?;
        let history = History::of(names, &table);
        if there == before.loaded || staged::is_empty(transaction, names, &table).await? {
            return Ok(there);
        }
        let kept = staged::rows_of(transaction, names, history.kept(), before.load, before.loaded - there).await?;
        // The rows replaced longest ago are not kept.
        let began = self.load(before.load).await?.map(|line| line.started_at);
        let is_old = began.is_some_and(|began| (self.clock.utc() - began).to_std().is_ok_and(|age| age > KEPT));
        if is_old && history.exists(transaction).await? {
            return Ok(before.loaded);
        }
        Ok(there + kept)
    }

    async fn is_empty(&self, transaction: &mut dyn Transaction, table: &str) -> Result<bool, WarehouseError> {
        staged::is_empty(transaction, self.warehouse.names(), &Table::staging(table)).await
    }

    /// Writes the line of a content that was loaded before as `of`; returns the line's number.
    ///
    /// # Errors
    /// The database's error.
    pub async fn duplicate(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        (source, claim): (&str, Option<String>),
        profile: &Profile,
        of: i64,
    ) -> Result<i64, WarehouseError> {
        let rows = number(profile.rows);
        let line = load::ActiveModel {
            rows_read: Set(rows),
            rows_duplicate: Set(rows),
            duplicate_of: Set(Some(of)),
            claim: Set(claim),
            finished_at: Set(Some(self.clock.utc())),
            ..self.line(table, source, Some(profile), Status::Duplicate)
        };
        self.open(transaction, line).await
    }
}
