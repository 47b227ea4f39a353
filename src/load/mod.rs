//! THE path: an input becomes rows, once.
//!
//! Rows, rejects and the ledger's line are committed in one transaction; only then the input goes. Killed at any step,
//! the next start ends in the same state: before the commit nothing happened, after it the ledger knows the content. If
//! it is not known whether the commit happened, the input stays claimed until the ledger has been asked.

pub mod deletion_log;
pub(crate) mod error;
mod feed;
mod file;
mod loader;
pub mod order;
mod outcome;
mod probe;
mod reject_file;
pub mod retract;
mod sheets;
pub(crate) mod staging;
pub mod tries;
mod upsert;

use std::time::Duration;

use tracing::field::Empty;
use tracing::{Span, info, instrument, warn};

use self::deletion_log::DeletionRecord;
use self::error::missing_of;
use self::feed::Feed;
use self::order::Place;
use self::outcome::{say_array, say_beside, say_columns};
use self::reject_file::RejectFile;
use self::staging::{Plan, columns_apart, columns_left_out, header_change, hints, is_headed, ready_table, tell_series};
use self::upsert::{Upsert, keeps_its_key};
use crate::catalog::{Admission, Missing, Repeats, Request, RowCounts};
use crate::dataset::{Dataset, Duplicates, Mode};
use crate::schema::Type;
use crate::source::{Profile, Source, SourceError, random};
use crate::sql::Table;
use crate::telemetry::progress::{FileStep, Stage};
use crate::warehouse::Scope;

pub use self::error::LoadError;
pub use self::file::{FileOutcome, load_file};
pub use self::loader::Loader;
pub use self::probe::takes_writes;

/// Length in bytes up to which inputs are committed together if that is faster.
const SHORT: u64 = 1024 * 1024;

/// Wait of a load for its dataset, which only another program or a person's session can hold, and then for a lock of
/// others on its table.
const SHORTLY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);

/// Report of a loaded input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadReport {
    /// Number of the load in the ledger.
    pub load_id: i64,
    /// Load that had brought the same content into the same table before.
    pub duplicate_of: Option<i64>,
    /// Row counts of the load.
    pub books: RowCounts,
    /// BLAKE3 of its bytes.
    pub hash: String,
    /// Server that confirmed the commit, if it tells its identity.
    pub server: Option<String>,
}

impl LoadReport {
    fn deletion(&self, dataset: &Dataset, source: &str) -> DeletionRecord {
        DeletionRecord {
            load: self.load_id,
            hash: self.hash.clone(),
            source: source.to_owned(),
            table: dataset.table.clone(),
            server: self.server.clone().unwrap_or_default(),
            note: random(),
            // The rows that a content has brought can be replaced, and then brought by it once more.
            repeats: self.duplicate_of.is_none()
                && (dataset.duplicates, dataset.mode) != (Duplicates::Skip, Mode::Append),
            ..DeletionRecord::default()
        }
    }
}

/// Loads one input: claims it, writes its rows, rejects and ledger line, commits, and then acknowledges it.
///
/// # Errors
/// An error of the load, after which nothing of it is in the database. Bad records are no error: they are rejects.
pub async fn load(
    loader: &Loader,
    dataset: &Dataset,
    source: &mut dyn Source,
    unfinished: bool,
) -> Result<LoadReport, LoadError> {
    load_in(&loader.order.join(), loader, dataset, source, unfinished).await
}

#[instrument(name = "load", skip_all, fields(file.path = source.name(), load.id = Empty))]
async fn load_in(
    place: &Place,
    loader: &Loader,
    dataset: &Dataset,
    source: &mut dyn Source,
    unfinished: bool,
) -> Result<LoadReport, LoadError> {
    let stage = Stage::new(source.name(), FileStep::FirstPass);
    let report = match load_in_turn(place, &stage, loader, dataset, source, unfinished).await {
        Err(error) if is_of_the_beginning(&error, source).await => {
            if matches!(error, LoadError::Source(_)) {
                info!(
                    file.path = source.name(),
                    "what comes later is not like the beginning (types, cells, keys or encoding): reading all of it before it is loaded"
                );
            }
            stage.at(FileStep::FirstPass);
            source.profile().await?;
            load_in_turn(place, &stage, loader, dataset, source, unfinished).await?
        }
        done => done?,
    };
    source.ack().await?;
    Ok(report)
}

/// True if an input may be loadable once all of it is known: its later records differ from its beginning, or a column
/// appears only later.
async fn is_of_the_beginning(error: &LoadError, source: &mut dyn Source) -> bool {
    match error {
        LoadError::Source(SourceError::TypesContradicted) => true,
        LoadError::Shape(_) => source.sample().await.is_ok_and(|seen| !seen.whole),
        _ => false,
    }
}

/// Loads in turn: while another session has the table locked, this load and those behind it wait in the folder, and
/// those of other tables go on.
async fn load_in_turn(
    place: &Place,
    stage: &Stage,
    loader: &Loader,
    dataset: &Dataset,
    source: &mut dyn Source,
    unfinished: bool,
) -> Result<LoadReport, LoadError> {
    loader.tries.may_load(&dataset.table)?;
    // Decoders share their memory: a load with a share must not wait for a file that may need one. Others can be read.
    let is_decoded = source.is_decoded();
    let wait = async || place.turn(&dataset.table, |before| stage.waits_for(before)).await;
    if is_decoded {
        wait().await;
    }
    stage.at(FileStep::FirstPass);
    let profile = source.sample().await?;
    if !is_decoded {
        wait().await;
    }
    stage.at(FileStep::Waiting);
    let turn = loader.tries.turn(loader.warehouse.names().engine, &dataset.table).await?;
    stage.at(FileStep::Database);
    let done = commit_load(place, loader, dataset, source, profile, unfinished).await;
    turn.end(&done);
    done
}

async fn commit_load(
    place: &Place,
    loader: &Loader,
    dataset: &Dataset,
    source: &mut dyn Source,
    profile: Profile,
    unfinished: bool,
) -> Result<LoadReport, LoadError> {
    fail::fail_point!("profiled");
    let scope = if profile.bytes <= SHORT { Scope::Short } else { Scope::Load };
    let request = request(dataset, source, unfinished);
    if request.repeats != Repeats::Never {
        source.make_claim_durable().await?;
    }
    let mut transaction = loader.warehouse.begin(scope).await?;
    if scope != Scope::Short {
        transaction.wait_at_most(SHORTLY).await?;
    }
    let server = transaction.server().await?;
    loader.deletions.reconcile(&loader.catalog, &loader.alerts, server.as_deref()).await?;
    let claim = loader.catalog.claim(&mut *transaction, &request, &profile).await?;
    let load_id = match claim {
        Admission::New(load_id) => load_id,
        Admission::Again(load_id, missing) => {
            say_missing(loader, dataset, source.name(), load_id, missing);
            load_id
        }
        Admission::InPart(missing) => {
            return Err(LoadError::InPart {
                table: loader.warehouse.names().shown(&Table::staging(&dataset.table)),
                missing,
            });
        }
        // A program ended between its commit and its delete: this is that load, not a second one.
        Admission::Finished(load_id) => {
            // The other program's commit can be seen before it is on stable storage. A commit of our own comes after it.
            transaction.commit().await?;
            loader.warehouse.barrier().await?;
            publish(reject_file(loader, source, &profile), load_id);
            let books = loader.catalog.load(load_id).await?.map(|line| RowCounts::from(&line)).unwrap_or_default();
            return Ok(LoadReport { load_id, duplicate_of: None, books, hash: profile.hash, server });
        }
        Admission::Duplicate(of) => {
            let profile = source.profile().await?;
            source.verify_unchanged()?;
            let load_id =
                loader.catalog.duplicate(&mut *transaction, &dataset.table, source.name(), &profile, of).await?;
            transaction.commit().await?;
            let books = RowCounts { read: profile.rows, duplicate: profile.rows, ..RowCounts::default() };
            return Ok(LoadReport { load_id, duplicate_of: Some(of), books, hash: profile.hash, server });
        }
    };
    if profile.whole {
        place.numbered();
    }
    transaction.wait_at_most(PATIENCE).await?;

    Span::current().record("load.id", load_id);
    let known = loader.catalog.columns(&mut *transaction, &dataset.table).await?;
    let plan = Plan::of(dataset, &profile, &known)?;
    keeps_its_key(&dataset.key, &plan.evolution).map_err(LoadError::Shape)?;
    let (table, is_new) = ready_table(loader, &mut *transaction, dataset, &plan, load_id, source.claim()).await?;
    if is_new
        && dataset.stated.header_rows.is_none()
        && let Some(names) = profile.likely_header()
    {
        info!(
            file.path = source.name(),
            "taken for the header: {}; every column is text, so nothing proves it",
            names.escape_debug()
        );
    }
    if dataset.stated.header_rows.is_none()
        && let Some(names) = profile.doubtful_names()
    {
        warn!(file.path = source.name(), load.id = load_id, "{names}");
    }
    source.expect_types(plan.held());
    let shape = plan.shape.clone();
    let kinds = shape.columns.iter().map(|one| one.column.kind());
    let types: Vec<_> = kinds.chain([Type::Bigint, Type::Bigint]).collect();
    let upsert = match dataset.mode {
        Mode::Upsert => {
            let (names, known) = (loader.warehouse.names(), transaction.columns(&table).await?);
            Some(Upsert::new(names, &table, &shape, &known, &dataset.key, is_new, load_id))
        }
        Mode::Append | Mode::Replace => None,
    };
    if let Some(upsert) = &upsert {
        upsert.begin(&mut *transaction).await?;
    }
    let into = upsert.as_ref().map_or(&table, Upsert::into);
    let mut rejected = reject_file(loader, source, &profile);
    for column in &shape.absent {
        let shown = &column.shown;
        warn!(file.path = source.name(), load.id = load_id, "the file has no column {shown}, which its plugin names");
    }
    let mut feed = Feed::new(source, shape, load_id, profile.bytes);
    let mut loaded = 0;
    while !feed.is_done() {
        loaded += transaction.copy_in(into, &types, &mut feed).await?;
        let rejects = feed.rejects()?;
        loader.catalog.reject(&mut *transaction, load_id, &rejects).await?;
        rejected.write(&rejects)?;
        fail::fail_point!("copied");
    }

    let (mut books, first_reject) = (RowCounts { loaded, ..feed.books }, feed.first_reject);
    let (given, mut beside) = (feed.bytes, feed.beside);
    if source.spans().is_some_and(|spans| (spans.records, spans.rejects) != given) {
        return Err(LoadError::Unbalanced { read: books.read, books });
    }
    // The profile of the whole input, if only its beginning was read before.
    let profile = source.profile().await?;
    let decided = Plan::of(dataset, &profile, &known)?;
    if !decided.is_like(&plan) {
        return Err(SourceError::TypesContradicted.into());
    }
    if profile.rows == 0 {
        is_headed(dataset, &profile, &known)?;
    }
    // It will not be read again for types that its beginning lacked.
    place.numbered();
    if let Some(upsert) = &upsert {
        let touched = upsert.merge(&mut *transaction, books.loaded).await?;
        books.duplicate = books.loaded - touched;
        books.loaded = touched;
    }
    balance(&books, &profile, dataset, first_reject)?;
    loader.catalog.write_columns(&mut *transaction, &dataset.table, &decided.evolution, load_id).await?;
    beside.splice(0..0, source.beside().iter().cloned().chain(columns_left_out(&profile, &decided.shape)));
    let hints = hints(dataset, &profile, &decided.shape);
    let overruled = decided.overruled(dataset, &loader.warehouse.names().shown(&table));
    let (changed, apart) = (header_change(&known, &decided), columns_apart(&known, &decided.evolution));
    let columns: Vec<_> = decided.shape.columns.into_iter().map(|one| one.column).collect();
    loader.catalog.finish(&mut *transaction, load_id, books, &columns).await?;
    loader.catalog.keep_beside(&mut *transaction, load_id, &beside).await?;
    let series = if known.is_empty() {
        tell_series(loader, &mut *transaction, dataset, source.table_hint(), &columns).await?
    } else {
        None
    };
    rejected.sync()?;
    source.verify_unchanged()?;
    fail::fail_point!("finished");
    transaction.commit().await?;
    fail::fail_point!("committed");
    say_array(source.name(), load_id, &profile.layout);
    say_beside(source.name(), load_id, &beside);
    if let Some(overruled) = overruled {
        warn!(file.path = source.name(), load.id = load_id, "{overruled}");
    }
    say_columns(source.name(), load_id, &hints, changed);
    if let Some(apart) = apart {
        info!(file.path = source.name(), load.id = load_id, "{apart}");
    }
    if let Some(series) = series {
        info!(table = dataset.table, "{series}");
    }
    publish(rejected, load_id);
    Ok(LoadReport { load_id, duplicate_of: None, books, hash: profile.hash, server })
}

/// The claim to put to the ledger. A state that a later file has changed is no duplicate when it comes again.
fn request<'a>(dataset: &'a Dataset, source: &'a dyn Source, unfinished: bool) -> Request<'a> {
    let repeats = match (dataset.duplicates, dataset.mode) {
        (Duplicates::Load, _) => Repeats::Always,
        // Rows that another part of the file replaces would be gone if this part were not loaded again.
        (Duplicates::Skip, Mode::Replace) if source.is_part() => Repeats::Always,
        (Duplicates::Skip, Mode::Upsert) => Repeats::AfterOthers,
        (Duplicates::Skip, Mode::Append | Mode::Replace) => Repeats::Never,
    };
    let replaces = dataset.mode != Mode::Append;
    let earlier_claims = if dataset.adds_repeats() { source.earlier_claims() } else { &[] };
    let (table, claim) = (&dataset.table, source.claim());
    Request { table, source: source.name(), claim, unfinished, repeats, replaces, earlier_claims }
}

/// Logs why a content is loaded that was loaded before.
fn say_missing(loader: &Loader, dataset: &Dataset, name: &str, load_id: i64, missing: Missing) {
    let table = loader.warehouse.names().shown(&Table::staging(&dataset.table));
    let what = match &missing {
        Missing { there: 0, load, .. } => format!("the rows of load {load} are not in {table} any more"),
        _ => format!("it has the content of load {}, {}", missing.load, missing_of(&table, &missing)),
    };
    warn!(file.path = name, load.id = load_id, "{what}: loading it again");
}

/// Checks rows read = loaded + rejected + duplicate + filtered, the profile's count, and the limit of rejects.
fn balance(books: &RowCounts, profile: &Profile, dataset: &Dataset, first: Option<String>) -> Result<(), LoadError> {
    let RowCounts { read, loaded, rejected, duplicate, filtered, .. } = *books;
    if read != profile.rows || read != loaded + rejected + duplicate + filtered {
        return Err(LoadError::Unbalanced { read: profile.rows, books: *books });
    }
    match dataset.max_rejects {
        Some(limit) if limit.is_exceeded(rejected, read) => {
            Err(LoadError::TooManyRejects { rejected, read, first: first.unwrap_or_default() })
        }
        _ => Ok(()),
    }
}

fn reject_file(loader: &Loader, source: &dyn Source, profile: &Profile) -> RejectFile {
    let (table_hint, ending) = (source.table_hint(), profile.layout.rejects_ending(source.table_hint()));
    RejectFile::new(&loader.exports, source.name(), table_hint, ending, &profile.hash, &profile.header_text)
}

fn publish(rejected: RejectFile, load_id: i64) {
    if let Err(error) = rejected.publish() {
        warn!(load.id = load_id, %error, "the rejects are not in exports/rejects/; app rejects {load_id} shows them");
    }
}
