//! THE path: how an input becomes rows, once.
//!
//! Rows, rejects and the ledger's line are committed in one transaction; only then the input goes. Killed at any
//! step, the next start ends in the same state: before the commit nothing happened, after it the ledger knows the content.
//! Where it is not known whether the commit happened, the input stays claimed until the ledger has been asked.

use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::field::Empty;
use tracing::{Span, info, instrument, warn};

use crate::app::App;
use crate::archive::OnSuccess;
use crate::dataset::{Dataset, Duplicates, Mode};
use crate::feed::Feed;
use crate::format::FormatError;
use crate::journal::Goodbye;
use crate::ledger::{Books, Claim, Missing, Repeats, Request};
use crate::load_error::Consequence;
pub use crate::load_error::LoadError;
use crate::order::Place;
use crate::outcome::{delete, let_go, record_failure, say, say_beside};
use crate::plugin::Plugins;
use crate::reject_file::RejectFile;
use crate::rights::explain;
use crate::schema::Type;
use crate::source::{Claimed, FileSource, Source, SourceError, Stamp, Survey};
use crate::staging::{Plan, columns_left_out, is_headed, leave_out, ready_table};
use crate::upsert::Upsert;
use crate::warehouse::{Scope, Table};

/// Inputs up to this size are committed together where that is faster, in bytes.
const SHORT: u64 = 1024 * 1024;

/// How long a load waits for its dataset, which only another program or a person's session can hold, and then for a lock of others
/// on its table.
const SHORTLY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);

/// How many programs may end while they load a file before it is held to be the cause; and one of which parts are loaded.
const TRIES: u32 = 3;
const TRIES_IN_PART: u32 = 10;

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadReport {
    /// The load's number in the ledger.
    pub load_id: i64,
    /// The load that had brought the same content into the same table before.
    pub duplicate_of: Option<i64>,
    /// Its rows.
    pub books: Books,
    /// BLAKE3 of its bytes.
    pub hash: String,
    /// The server that confirmed its commit, where it tells which it is.
    pub server: Option<String>,
}

impl LoadReport {
    fn goodbye(&self, table: &str, source: &str) -> Option<Goodbye> {
        let (hash, table, source) = (self.hash.clone(), table.to_owned(), source.to_owned());
        Some(Goodbye {
            load: self.load_id,
            hash,
            source,
            table,
            server: self.server.clone()?,
            catalog: None,
            kept: None,
        })
    }
}

/// What became of a file.
#[derive(Debug)]
pub enum FileOutcome {
    /// Its rows are in the warehouse, and it is gone.
    Loaded(Vec<LoadReport>),
    /// It lies in `failed/`; these of its parts were loaded.
    Failed(Vec<LoadReport>),
    /// It lies where it landed, to be tried again.
    Waits(LoadError),
    /// It stays claimed, to be tried again as unfinished: some of it may be loaded, and the ledger knows what.
    Kept(Claimed, LoadError),
    /// It was not there any more.
    Gone,
}

/// Loads one claimed file, each of its parts by itself, and lets it go where it belongs then. `unfinished` says that its load was begun before,
/// and may have been committed, `place` which files get their numbers before it.
pub async fn load_file(app: &App, file: Claimed, unfinished: bool, place: Place) -> FileOutcome {
    load_file_by(app, &app.plugins.get(), file, unfinished, place).await
}

/// As [`load_file`], by one version of the plugins from the beginning to the end.
#[instrument(name = "file", skip_all, fields(file.path = file.name(), claim = file.claim(), load.id = Empty))]
pub(crate) async fn load_file_by(
    app: &App,
    plugins: &Plugins,
    file: Claimed,
    unfinished: bool,
    place: Place,
) -> FileOutcome {
    fail::fail_point!("claimed");
    let name = file.name();
    if let Err(error) = may_be_tried(app, &file, &name).await {
        let failed = record_failure(app, &Dataset::of_file(&name), &name, None, error).await;
        return let_go(file, failed, Vec::new(), unfinished);
    }
    let (opened, parts) = match file.open() {
        // As long as it is open, every look at it is at the very file that was opened here, whatever is put in its place.
        Ok(opened) => {
            let path = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
            (Some(opened), FileSource::parts(&path, &name, Some(&file), app.limits).await)
        }
        Err(error) => (None, Err(FormatError::from(explain(error, &file.place())).into())),
    };
    let loaded = opened.as_ref().and_then(|opened| Stamp::from_metadata(&opened.metadata().ok()?));
    let sources = match parts {
        Ok(sources) => sources,
        Err(error) => {
            let failed = record_failure(app, &Dataset::of_file(&name), &name, None, error.into()).await;
            return let_go(file, failed, Vec::new(), unfinished);
        }
    };
    for left_out in sources.iter().flat_map(|source| source.beside()) {
        let what = format!("{name}/{}", left_out.name.as_deref().unwrap_or_default());
        info!(file.path = what, "left out: {}", left_out.text.escape_debug());
    }
    let (mut reports, mut failed, mut on_success) = (Vec::with_capacity(sources.len()), None, OnSuccess::Delete);
    let is_alone = sources.len() == 1;
    let (mut passed, mut goodbye, mut taken) = (Vec::new(), Vec::new(), Vec::with_capacity(sources.len()));
    for source in sources {
        if let Some(error) = plugins.held(&name, source.own_name()) {
            let error = LoadError::Plugin(error.to_string());
            let failed = record_failure(app, &Dataset::of_file(&name), source.name(), None, error).await;
            return let_go(file, failed, reports, unfinished);
        }
        match plugins.dataset(&name, source.own_name(), source.sheet()) {
            Ok(Some(dataset)) => taken.push((source, dataset)),
            // Plugins claim the file, but none of them this sheet.
            Ok(None) => {
                info!(file.path = source.name(), "left out: the plugin takes another sheet");
                passed.push(source);
            }
            Err(why) => {
                let dataset = Dataset::of_file(source.own_name());
                let failed = record_failure(app, &dataset, source.name(), None, LoadError::Shape(why)).await;
                return let_go(file, failed, reports, unfinished);
            }
        }
    }
    if let Some((first, _)) = taken.first_mut() {
        leave_out(first, &passed);
    }
    for (mut source, dataset) in taken {
        let started = Instant::now();
        source.state(&dataset.stated);
        on_success = on_success.max(app.archive.asked(dataset.on_success.as_ref()));
        if is_alone {
            place.expect(&dataset.table);
        }
        if app.tries.begin(source.name()) {
            info!(file.path = source.name(), table = dataset.table, "loading");
        }
        match load_in(&place, app, &dataset, &mut source, unfinished).await {
            Ok(report) => {
                app.tries.end(source.name());
                say(source.name(), &report, unfinished, started.elapsed());
                goodbye.extend(report.goodbye(&dataset.table, source.name()));
                reports.push(report);
            }
            Err(error) => {
                let survey = source.glimpse().await.ok();
                let error = record_failure(app, &dataset, source.name(), survey.as_ref(), error).await;
                // What may go well later goes before what a person has to mend: the parts that were loaded stay loaded.
                if error.consequence != Consequence::Fail {
                    return let_go(file, error, reports, unfinished);
                }
                failed.get_or_insert(error);
            }
        }
    }
    if reports.is_empty() && failed.is_none() && !passed.is_empty() {
        let sheets: Vec<_> = passed.iter().filter_map(FileSource::sheet).collect();
        let why = format!("it has no sheet that its plugin names; it has {}", sheets.join(", "));
        failed = Some(record_failure(app, &Dataset::of_file(&name), &name, None, LoadError::Shape(why)).await);
    }
    if let Some(error) = failed {
        return let_go(file, error, reports, unfinished);
    }
    if let [report] = &reports[..] {
        Span::current().record("load.id", report.load_id);
    }
    // Nobody should have: what was added where it is claimed was not read.
    let gone = match file.stamp() {
        Some(now) if loaded.is_some_and(|loaded| now != loaded) => Ok(false),
        _ => delete(app, &file, loaded, &on_success, goodbye).await,
    };
    match gone {
        Ok(true) => FileOutcome::Loaded(reports),
        Ok(false) => {
            let failed = record_failure(app, &Dataset::of_file(&name), &name, None, LoadError::Touched).await;
            let_go(file, failed, reports, unfinished)
        }
        Err(error) => FileOutcome::Kept(file, LoadError::Undeleted(error)),
    }
}

/// Whether a file over which programs ended is loaded once more. One whose rows are committed has only to go.
async fn may_be_tried(app: &App, file: &Claimed, name: &str) -> Result<(), LoadError> {
    if file.ends() < TRIES {
        return Ok(());
    }
    let loaded = app.ledger.loaded_of(&file.claim().unwrap_or_default()).await?;
    let is_whole = loaded.iter().any(|source| source == name);
    if is_whole || (!loaded.is_empty() && file.ends() < TRIES_IN_PART) {
        return Ok(());
    }
    Err(LoadError::Ended(file.ends()))
}

/// Loads one input: claims it, writes its rows, rejects and ledger line, commits, and then acknowledges it.
///
/// # Errors
/// When the load did not happen. Bad records are no error: they are rejects.
pub async fn load(
    app: &App,
    dataset: &Dataset,
    source: &mut dyn Source,
    unfinished: bool,
) -> Result<LoadReport, LoadError> {
    load_in(&app.order.join(), app, dataset, source, unfinished).await
}

#[instrument(name = "load", skip_all, fields(file.path = source.name(), load.id = Empty))]
async fn load_in(
    place: &Place,
    app: &App,
    dataset: &Dataset,
    source: &mut dyn Source,
    unfinished: bool,
) -> Result<LoadReport, LoadError> {
    let report = match load_in_turn(place, app, dataset, source, unfinished).await {
        Err(LoadError::Source(SourceError::Mistaken)) => {
            info!(
                file.path = source.name(),
                "what comes later is not like the beginning (types, cells or encoding): reading all of it before it is loaded"
            );
            source.survey().await?;
            load_in_turn(place, app, dataset, source, unfinished).await?
        }
        done => done?,
    };
    source.ack().await?;
    Ok(report)
}

/// Where somebody else holds a lock on the table, this and the loads behind it wait in the folder, and those of other tables go on.
async fn load_in_turn(
    place: &Place,
    app: &App,
    dataset: &Dataset,
    source: &mut dyn Source,
    unfinished: bool,
) -> Result<LoadReport, LoadError> {
    app.tries.may_load(&dataset.table)?;
    // What can be read before is.
    source.glimpse().await?;
    place.turn(&dataset.table).await;
    let turn = app.tries.turn(app.warehouse.names().engine, &dataset.table).await?;
    let done = commit_load(place, app, dataset, source, unfinished).await;
    turn.end(&done);
    done
}

async fn commit_load(
    place: &Place,
    app: &App,
    dataset: &Dataset,
    source: &mut dyn Source,
    unfinished: bool,
) -> Result<LoadReport, LoadError> {
    let survey = source.glimpse().await?;
    fail::fail_point!("surveyed");
    let scope = if survey.bytes <= SHORT { Scope::Short } else { Scope::Load };
    let request = request(dataset, source, unfinished);
    if request.repeats != Repeats::Never {
        source.anchor().await?;
    }
    let mut transaction = app.warehouse.begin(scope).await?;
    if scope != Scope::Short {
        transaction.wait_at_most(SHORTLY).await?;
    }
    let server = transaction.server().await?;
    app.journal.meet(app, server.as_deref()).await?;
    let claim = app.ledger.claim(&mut *transaction, &request, &survey).await?;
    let load_id = match claim {
        Claim::New(load_id) => load_id,
        Claim::Again(load_id, missing) => {
            say_missing(app, dataset, source.name(), load_id, missing);
            load_id
        }
        Claim::InPart(missing) => {
            return Err(LoadError::InPart {
                table: app.warehouse.names().shown(&Table::staging(&dataset.table)),
                missing,
            });
        }
        // A program that was ended between its commit and its delete: this is that load, not a second one.
        Claim::Finished(load_id) => {
            // What it committed can be seen before it is on stable storage. A commit of our own comes after it.
            transaction.commit().await?;
            app.warehouse.barrier().await?;
            publish(reject_file(app, source, &survey), load_id);
            let books = app.ledger.load(load_id).await?.map(|line| Books::from(&line)).unwrap_or_default();
            return Ok(LoadReport { load_id, duplicate_of: None, books, hash: survey.hash, server });
        }
        Claim::Duplicate(of) => {
            let survey = source.survey().await?;
            source.look_again()?;
            let load_id = app.ledger.duplicate(&mut *transaction, &dataset.table, source.name(), &survey, of).await?;
            transaction.commit().await?;
            let books = Books { read: survey.rows, duplicate: survey.rows, ..Books::default() };
            return Ok(LoadReport { load_id, duplicate_of: Some(of), books, hash: survey.hash, server });
        }
    };
    if survey.whole {
        place.numbered();
    }
    transaction.wait_at_most(PATIENCE).await?;

    Span::current().record("load.id", load_id);
    let known = app.ledger.columns(&mut *transaction, &dataset.table).await?;
    let plan = Plan::of(dataset, &survey, &known)?;
    let (table, is_new) = ready_table(app, &mut *transaction, dataset, &plan, load_id, source.claim()).await?;
    if is_new
        && dataset.stated.header_rows.is_none()
        && let Some(names) = survey.likely_header()
    {
        info!(
            file.path = source.name(),
            "taken for the header: {}; every column is text, so nothing proves it",
            names.escape_debug()
        );
    }
    source.hold(plan.held());
    let shape = plan.shape.clone();
    let kinds = shape.columns.iter().map(|one| one.column.kind());
    let types: Vec<_> = kinds.chain([Type::Bigint, Type::Bigint]).collect();
    let upsert = match dataset.mode {
        Mode::Upsert => Some(Upsert::new(app.warehouse.names(), &table, &shape, &dataset.key, is_new, load_id)),
        Mode::Append | Mode::Replace => None,
    };
    if let Some(upsert) = &upsert {
        upsert.begin(&mut *transaction).await?;
    }
    let into = upsert.as_ref().map_or(&table, Upsert::into);
    let mut rejected = reject_file(app, source, &survey);
    for column in &shape.absent {
        warn!(file.path = source.name(), load.id = load_id, "the file has no column {column}, which its plugin names");
    }
    let mut feed = Feed::new(source, shape, load_id, survey.bytes);
    let mut loaded = 0;
    while !feed.is_done() {
        loaded += transaction.copy_in(into, &types, &mut feed).await?;
        let rejects = feed.rejects()?;
        app.ledger.reject(&mut *transaction, load_id, &rejects).await?;
        rejected.write(&rejects)?;
        fail::fail_point!("copied");
    }

    let (mut books, first_reject) = (Books { loaded, ..feed.books }, feed.first_reject);
    let (given, mut beside) = (feed.bytes, feed.beside);
    if source.spans().is_some_and(|spans| (spans.records, spans.rejects) != given) {
        return Err(LoadError::Unbalanced { read: books.read, books });
    }
    // What all of it showed, where only its beginning was looked at before.
    let survey = source.survey().await?;
    let decided = Plan::of(dataset, &survey, &known)?;
    if !decided.is_like(&plan) {
        return Err(SourceError::Mistaken.into());
    }
    if survey.rows == 0 {
        is_headed(dataset, &survey, &known)?;
    }
    // It will not be read again for types that its beginning did not show.
    place.numbered();
    if let Some(upsert) = &upsert {
        let touched = upsert.merge(&mut *transaction, books.loaded).await?;
        books.duplicate = books.loaded - touched;
        books.loaded = touched;
    }
    balance(&books, &survey, dataset, first_reject)?;
    app.ledger.write_columns(&mut *transaction, &dataset.table, &decided.evolution, load_id).await?;
    beside.splice(0..0, source.beside().iter().cloned().chain(columns_left_out(&survey, &decided.shape)));
    let columns: Vec<_> = decided.shape.columns.into_iter().map(|one| one.column).collect();
    app.ledger.finish(&mut *transaction, load_id, books, &columns).await?;
    app.ledger.keep_beside(&mut *transaction, load_id, &beside).await?;
    rejected.sync()?;
    source.look_again()?;
    fail::fail_point!("finished");
    transaction.commit().await?;
    fail::fail_point!("committed");
    say_beside(source.name(), load_id, &beside);
    publish(rejected, load_id);
    Ok(LoadReport { load_id, duplicate_of: None, books, hash: survey.hash, server })
}

/// What the ledger is asked. A state that a later file has changed is no duplicate when it comes again.
fn request<'a>(dataset: &'a Dataset, source: &'a dyn Source, unfinished: bool) -> Request<'a> {
    let repeats = match (dataset.duplicates, dataset.mode) {
        (Duplicates::Load, _) => Repeats::Always,
        // What another part of the file replaces would be gone where this one were not loaded again.
        (Duplicates::Skip, Mode::Replace) if source.is_part() => Repeats::Always,
        (Duplicates::Skip, Mode::Upsert) => Repeats::AfterOthers,
        (Duplicates::Skip, Mode::Append | Mode::Replace) => Repeats::Never,
    };
    let replaces = dataset.mode != Mode::Append;
    Request { table: &dataset.table, source: source.name(), claim: source.claim(), unfinished, repeats, replaces }
}

/// Says why a content is loaded that was loaded before.
fn say_missing(app: &App, dataset: &Dataset, name: &str, load_id: i64, missing: Missing) {
    let table = app.warehouse.names().shown(&Table::staging(&dataset.table));
    let Missing { load, loaded, there } = missing;
    match there {
        0 => warn!(
            file.path = name,
            load.id = load_id,
            "the rows of load {load} are not in {table} any more: loading it again"
        ),
        _ => warn!(
            file.path = name,
            load.id = load_id,
            "of the {loaded} rows of load {load} {there} are in {table}: loading it again"
        ),
    }
}

/// rows read = loaded + rejected + duplicate + filtered, as many as the survey counted, and not too many rejects among them.
fn balance(books: &Books, survey: &Survey, dataset: &Dataset, first: Option<String>) -> Result<(), LoadError> {
    let Books { read, loaded, rejected, duplicate, filtered, .. } = *books;
    if read != survey.rows || read != loaded + rejected + duplicate + filtered {
        return Err(LoadError::Unbalanced { read: survey.rows, books: *books });
    }
    match dataset.max_rejects {
        Some(limit) if limit.is_exceeded(rejected, read) => {
            Err(LoadError::TooManyRejects { rejected, read, first: first.unwrap_or_default() })
        }
        _ => Ok(()),
    }
}

fn reject_file(app: &App, source: &dyn Source, survey: &Survey) -> RejectFile {
    let (own_name, ending) = (source.own_name(), survey.layout.rejects_ending(source.own_name()));
    RejectFile::new(&app.exports, source.name(), own_name, ending, &survey.hash, &survey.header_text)
}

fn publish(rejected: RejectFile, load_id: i64) {
    if let Err(error) = rejected.publish() {
        warn!(load.id = load_id, %error, "the rejects are not in exports/rejects/; app rejects {load_id} shows them");
    }
}
