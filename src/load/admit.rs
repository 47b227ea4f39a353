//! The beginning of a load: its transaction, and the ledger's answer if the content is new.

use std::time::Duration;

use tracing::{Span, warn};

use super::error::missing_of;
use super::record::{publish, reject_file};
use super::{LoadError, LoadReport, Loader, Work};
use crate::catalog::{Admission, Missing, Repeats, Request, RowCounts};
use crate::dataset::{Dataset, Duplicates, Mode};
use crate::pull::State;
use crate::source::{Input, Profile};
use crate::sql::Table;
use crate::warehouse::Scope;

/// Length in bytes up to which inputs are committed together if that is faster.
const SHORT: u64 = 1024 * 1024;

/// Wait of a load for its dataset, which only another program or a person's session can hold, and then for a lock of
/// others on its table.
const SHORTLY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);

/// The ledger's answer.
pub(super) enum Admitted<'a> {
    /// A new load, with its number.
    New(Work<'a>),
    /// A content that is loaded already; that is committed, and the input may go.
    Known(LoadReport),
}

/// Begins the transaction of a load.
pub(super) async fn begin<'a>(
    loader: &'a Loader,
    dataset: &'a Dataset,
    input: &Input,
    profile: &Profile,
) -> Result<Work<'a>, LoadError> {
    if request(dataset, input, profile).repeats != Repeats::Never {
        input.make_claim_durable().await?;
    }
    let scope = if profile.bytes <= SHORT { Scope::Short } else { Scope::Load };
    let mut transaction = loader.warehouse.begin(scope).await?;
    if scope != Scope::Short {
        transaction.wait_at_most(SHORTLY).await?;
    }
    // A load that needs no table which is gone would go on, beside others that cannot.
    loader.catalog.is_whole(&mut *transaction).await?;
    let server = transaction.server().await?;
    // What was deleted was loaded into the project's own database.
    if loader.destination.is_none() {
        loader.deletions.reconcile(&loader.catalog, &loader.alerts, server.as_deref()).await?;
    }
    Ok(Work { loader, dataset, transaction, server, load_id: 0, repeats: false })
}

/// Asks the ledger if the content is new to its table.
pub(super) async fn admit<'a>(
    mut work: Work<'a>,
    input: &mut Input,
    profile: &Profile,
) -> Result<Admitted<'a>, LoadError> {
    let Work { loader, dataset, .. } = work;
    let claim = loader.catalog.claim(&mut *work.transaction, &request(dataset, input, profile), profile).await?;
    work.load_id = match claim {
        Admission::New { load, repeats } => {
            work.repeats = repeats;
            load
        }
        Admission::Again(load_id, missing) => {
            work.repeats = true;
            say_missing(loader, dataset, input.name(), load_id, missing);
            load_id
        }
        Admission::InPart(missing) => {
            let table = loader.warehouse.names().shown(&Table::staging(&dataset.table));
            return Err(LoadError::InPart { table, missing });
        }
        Admission::Passed(at) => {
            let stream = input.window().map(|window| window.position.stream.to_string()).unwrap_or_default();
            return Err(LoadError::Passed { stream, at: State::words(&at) });
        }
        // A program ended between its commit and its delete: this is that load, not a second one.
        Admission::Finished(load_id) => {
            // The other program's commit can be seen before it is on stable storage. A commit of our own comes after it.
            let server = work.server;
            work.transaction.commit().await?;
            loader.warehouse.barrier().await?;
            publish(reject_file(loader, input, profile), load_id);
            let books = loader.catalog.load(load_id).await?.map(|line| RowCounts::from(&line)).unwrap_or_default();
            let hash = profile.hash.clone();
            return Ok(Admitted::Known(LoadReport { load_id, duplicate_of: None, books, repeated: 0, hash, server }));
        }
        Admission::Duplicate(of) => {
            let profile = input.profile().await?;
            input.verify_unchanged()?;
            let (catalog, table, server) = (&loader.catalog, &dataset.table, work.server);
            let what = (input.name(), input.claim().map(str::to_owned));
            let load_id = catalog.duplicate(&mut *work.transaction, table, what, &profile, of).await?;
            work.transaction.commit().await?;
            let books = RowCounts { read: profile.rows, duplicate: profile.rows, ..RowCounts::default() };
            let hash = profile.hash;
            return Ok(Admitted::Known(LoadReport {
                load_id,
                duplicate_of: Some(of),
                books,
                repeated: 0,
                hash,
                server,
            }));
        }
    };
    work.transaction.wait_at_most(PATIENCE).await?;
    Span::current().record("load.id", work.load_id);
    Ok(Admitted::New(work))
}

/// The claim to put to the ledger. A state that a later file has changed is no duplicate when it comes again.
fn request<'a>(dataset: &'a Dataset, input: &'a Input, profile: &'a Profile) -> Request<'a> {
    let repeats = match (dataset.duplicates, dataset.mode) {
        (Duplicates::Load, _) => Repeats::Always,
        // Rows that another part of the file replaces would be gone if this part were not loaded again.
        (Duplicates::Skip, Mode::Replace) if input.is_part() => Repeats::InAnotherFile,
        (Duplicates::Skip, Mode::Upsert) => Repeats::AfterOthers,
        (Duplicates::Skip, Mode::Append | Mode::Replace) => Repeats::Never,
    };
    let replaces = dataset.mode != Mode::Append;
    let earlier_claims = if dataset.adds_repeats() { input.earlier_claims() } else { &[] };
    let (table, claim) = (&dataset.table, input.claim());
    Request {
        table,
        source: input.name(),
        identity: input.identity(profile),
        claim,
        unfinished: input.was_begun(),
        repeats,
        replaces,
        earlier_claims,
    }
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
