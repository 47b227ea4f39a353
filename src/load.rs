//! THE path: how an input becomes rows, once.
//!
//! Rows, rejects and the ledger's line are committed in one transaction; only then the input goes. Killed at any
//! step, the next start ends in the same state: before the commit nothing happened, after it the ledger knows the content.

use std::path::Path;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::app::App;
use crate::dataset::Dataset;
use crate::ledger::{Books, Claim};
use crate::reject_file::RejectFile;
use crate::schema::{Column, LINE_COLUMN, LOAD_COLUMN, Type, conform, evolve};
use crate::source::{Claimed, Failure, FileSource, Source, SourceError, Survey};
use crate::warehouse::{Alteration, Scope, Table, TableColumn, Transaction, WarehouseError, create_table};

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadReport {
    /// The load's number in the ledger.
    pub load_id: i64,
    /// The load that had brought the same content into the same table before.
    pub duplicate_of: Option<i64>,
    /// Its rows.
    pub books: Books,
}

/// Why a load did not happen. Nothing of it is in the database, and the input is where it was.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The input.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The database.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// Arrow's own limits.
    #[error("cannot make columns: {0}")]
    Columns(#[from] arrow_schema::ArrowError),
    /// What is true of every load was not true of this one.
    #[error(
        "{read} rows were read, but {loaded} loaded + {rejected} rejected: nothing was committed; please report this"
    )]
    Unbalanced {
        /// Records read.
        read: u64,
        /// Rows written.
        loaded: u64,
        /// Records refused.
        rejected: u64,
    },
    /// A folder of ours.
    #[error("{0}")]
    Folder(#[from] std::io::Error),
}

/// What to do with an input whose load did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consequence {
    /// The same may go well later.
    TryAgain,
    /// A person has to look at it.
    Fail,
    /// There is nothing left to do.
    Forget,
}

impl LoadError {
    fn consequence(&self) -> Consequence {
        match self {
            LoadError::Source(SourceError::Gone) => Consequence::Forget,
            LoadError::Source(SourceError::Changed) | LoadError::Folder(_) => Consequence::TryAgain,
            LoadError::Warehouse(error) if error.is_transient() => Consequence::TryAgain,
            _ => Consequence::Fail,
        }
    }

    fn mend(&self) -> &'static str {
        match self {
            LoadError::Source(SourceError::Unreadable(_)) => "mend the file and drop it into imports/ again",
            LoadError::Source(SourceError::Io(_)) => {
                "give the user that Sluice runs as the right to read it, and move it back into imports/"
            }
            _ => "see the message of the database; move the file back into imports/ when it is mended",
        }
    }
}

/// What became of a file.
#[derive(Debug)]
pub enum FileOutcome {
    /// Its rows are in the warehouse, and it is gone.
    Loaded(LoadReport),
    /// It lies in `failed/`.
    Failed,
    /// It lies where it landed, to be tried again.
    Waits(LoadError),
    /// It was not there any more.
    Gone,
}

/// Loads one claimed file and lets it go where it belongs then. `unfinished` says that a program which does not live any
/// more had claimed it.
///
/// # Errors
/// When a file that was loaded cannot be deleted, or one that was not cannot be moved. It stays claimed.
pub async fn load_file(app: &App, file: Claimed, unfinished: bool) -> std::io::Result<FileOutcome> {
    fail::fail_point!("claimed");
    let (name, started) = (file.name(), Instant::now());
    let dataset = Dataset::of_file(&name);
    info!(file.path = name, table = dataset.table, "loading");
    let mut source = FileSource::new(file.path().to_owned(), name.clone());
    match load(app, &dataset, &mut source, unfinished).await {
        Ok(report) => {
            source.ack().await?;
            fail::fail_point!("deleted");
            file.release();
            say(&name, &report, unfinished, started.elapsed());
            Ok(FileOutcome::Loaded(report))
        }
        Err(error) => let_go(app, &dataset, &mut source, file, error).await,
    }
}

/// Loads one input: claims it, writes its rows, rejects and ledger line, and commits. The caller acknowledges.
///
/// # Errors
/// When the load did not happen. Bad records are no error: they are rejects.
pub async fn load(
    app: &App,
    dataset: &Dataset,
    source: &mut dyn Source,
    unfinished: bool,
) -> Result<LoadReport, LoadError> {
    let survey = source.survey().await?;
    fail::fail_point!("surveyed");
    let mut transaction = app.warehouse.begin(Scope::Load).await?;
    let load_id = match app.ledger.claim(&mut *transaction, &dataset.table, source.name(), &survey).await? {
        Claim::New(load_id) => load_id,
        // A program that was ended between its commit and its delete: this is that load, not a second one.
        Claim::Duplicate(of) if unfinished => return finished_before(app, of, &survey).await,
        Claim::Duplicate(of) => return duplicate(app, transaction, &dataset.table, source.name(), &survey, of).await,
    };

    let (table, columns) = ready_table(app, &mut *transaction, dataset, &survey, load_id).await?;
    let types: Vec<_> = columns.iter().map(Column::kind).chain([Type::Bigint, Type::Bigint]).collect();
    let mut rejected = RejectFile::new(&app.exports, source.name(), &survey.header_text);
    let mut books = Books::default();
    while let Some(batch) = source.next_batch().await? {
        let conformed = conform(&batch.records, &columns, load_id)?;
        let mut rejects = batch.rejects;
        books.read += (batch.records.len() + rejects.len()) as u64;
        rejects.extend(conformed.rejects);
        if conformed.batch.num_rows() > 0 {
            books.loaded += transaction.copy_in(&table, &types, &conformed.batch).await?;
        }
        app.ledger.reject(&mut *transaction, load_id, &rejects).await?;
        rejected.write(&rejects)?;
        books.rejected += rejects.len() as u64;
        fail::fail_point!("copied");
    }

    balance(&books, &survey)?;
    app.ledger.finish(&mut *transaction, load_id, books, &columns).await?;
    fail::fail_point!("finished");
    transaction.commit().await?;
    fail::fail_point!("committed");
    if let Err(error) = rejected.publish() {
        warn!(load.id = load_id, %error, "the rejects are not in exports/rejects/; app rejects {load_id} shows them");
    }
    Ok(LoadReport { load_id, duplicate_of: None, books })
}

/// Makes the table, or grows it to what the input needs; gives the input's columns with the table's types.
async fn ready_table(
    app: &App,
    transaction: &mut dyn Transaction,
    dataset: &Dataset,
    survey: &Survey,
    load_id: i64,
) -> Result<(Table, Vec<Column>), WarehouseError> {
    let table = Table::staging(&dataset.table);
    let names = app.warehouse.names();
    let known = app.ledger.columns(transaction, &dataset.table).await?;
    let evolution = evolve(&known, &survey.columns);
    let column = |place: usize| TableColumn {
        name: evolution.columns[place].name.clone(),
        declared: names.declared(evolution.columns[place].kind()).to_owned(),
    };
    if transaction.columns(&table).await?.is_empty() {
        let columns: Vec<_> = (0..evolution.columns.len()).map(column).collect();
        let sql = create_table(names, &table, &columns, &[LOAD_COLUMN, LINE_COLUMN]);
        transaction.execute(&sql, &[]).await?;
    } else {
        let add = evolution.added.iter().map(|place| Alteration::Add(column(*place)));
        let widen = evolution.widened().map(|(place, from)| {
            let Column { name, fits, .. } = &evolution.columns[place];
            Alteration::Widen { name: name.clone(), from, to: fits.narrowest() }
        });
        let alterations: Vec<_> = add.chain(widen).collect();
        if !alterations.is_empty() {
            transaction.alter(&table, &alterations).await?;
        }
    }
    app.ledger.write_columns(transaction, &dataset.table, &evolution, load_id).await?;
    Ok((table, evolution.places.iter().map(|place| evolution.columns[*place].clone()).collect()))
}

/// rows read = loaded + rejected, and as many as the survey counted.
fn balance(books: &Books, survey: &Survey) -> Result<(), LoadError> {
    if books.read != survey.rows || books.read != books.loaded + books.rejected {
        return Err(LoadError::Unbalanced { read: survey.rows, loaded: books.loaded, rejected: books.rejected });
    }
    Ok(())
}

async fn duplicate(
    app: &App,
    mut transaction: Box<dyn Transaction>,
    table: &str,
    source: &str,
    survey: &Survey,
    of: i64,
) -> Result<LoadReport, LoadError> {
    let load_id = app.ledger.duplicate(&mut *transaction, table, source, survey, of).await?;
    transaction.commit().await?;
    let books = Books { read: survey.rows, duplicate: survey.rows, ..Books::default() };
    Ok(LoadReport { load_id, duplicate_of: Some(of), books })
}

async fn finished_before(app: &App, load_id: i64, survey: &Survey) -> Result<LoadReport, LoadError> {
    let line = app.ledger.load(load_id).await?;
    let rejected = line.map_or(0, |line| line.rows_rejected.unsigned_abs());
    let books = Books { read: survey.rows, loaded: survey.rows.saturating_sub(rejected), rejected, duplicate: 0 };
    Ok(LoadReport { load_id, duplicate_of: None, books })
}

fn say(name: &str, report: &LoadReport, unfinished: bool, took: Duration) {
    let (load_id, books, took_ms) = (report.load_id, report.books, took.as_millis() as u64);
    match report.duplicate_of {
        Some(of) => info!(
            file.path = name,
            rows = 0,
            duplicate = books.duplicate,
            took_ms,
            load.id = load_id,
            "duplicate of load {of}: the same content is in the table already; the file was deleted"
        ),
        None if unfinished => info!(
            file.path = name,
            rows = books.loaded,
            rejected = books.rejected,
            took_ms,
            load.id = load_id,
            "loaded what had been claimed before the last stop"
        ),
        None => info!(
            file.path = name,
            rows = books.loaded,
            rejected = books.rejected,
            took_ms,
            load.id = load_id,
            "loaded"
        ),
    }
}

/// A file whose load did not happen goes back, or to `failed/` with the reason.
async fn let_go(
    app: &App,
    dataset: &Dataset,
    source: &mut FileSource,
    file: Claimed,
    error: LoadError,
) -> std::io::Result<FileOutcome> {
    let (name, why) = (file.name(), error.to_string());
    match error.consequence() {
        Consequence::Forget => {
            file.release();
            warn!(file.path = name, "the file is gone: somebody else took it");
            Ok(FileOutcome::Gone)
        }
        Consequence::TryAgain => {
            file.put_back()?;
            Ok(FileOutcome::Waits(error))
        }
        Consequence::Fail => {
            // What is known of it goes into the ledger; without the database it is in the log and beside the file.
            let survey = source.survey().await.ok();
            let load = app.ledger.failed(&dataset.table, &name, survey.as_ref(), &why).await.ok();
            let at = chrono::Utc::now().to_rfc3339();
            let failure = Failure { file: &name, load, error: &why, mend: error.mend(), at };
            let place = file.fail(&failure)?;
            let moved_to: &Path = &place;
            warn!(load.id = load, file.path = name, moved_to = %moved_to.display(), "not loaded: {why}; {}", error.mend());
            Ok(FileOutcome::Failed)
        }
    }
}
