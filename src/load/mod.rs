//! THE path: an input becomes rows, once.
//!
//! Rows, rejects and the ledger's line are committed in one transaction; only then the input goes. Killed at any step,
//! the next start ends in the same state: before the commit nothing happened, after it the ledger knows the content. If
//! it is not known whether the commit happened, the input stays claimed until the ledger has been asked.

mod admit;
mod copy;
pub mod deletion_log;
pub(crate) mod error;
mod feed;
mod file;
mod loader;
pub mod order;
mod outcome;
mod probe;
mod ready;
mod record;
mod reject_file;
pub mod retract;
mod rights;
mod sheets;
pub(crate) mod staging;
pub mod tries;
mod upsert;
mod verify;

use tracing::field::Empty;
use tracing::{info, instrument};

use self::admit::{Admitted, admit, begin};
use self::copy::copy;
use self::deletion_log::DeletionRecord;
use self::order::Place;
use self::ready::ready;
use self::record::{commit, record};
use self::rights::denied;
use self::verify::{balance, verify};
use crate::catalog::RowCounts;
use crate::dataset::{Dataset, Duplicates, Mode};
use crate::source::{Input, Profile, random};
use crate::telemetry::progress::{FileStep, Stage, held_by};
use crate::warehouse::{Transaction, WarehouseError, telling_locks};

pub use self::error::LoadError;
pub use self::file::{FileOutcome, load_file};
pub use self::loader::Loader;
pub(crate) use self::outcome::fix_of;
pub use self::probe::takes_writes;

/// Report of a loaded input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadReport {
    /// Number of the load in the ledger.
    pub load_id: i64,
    /// Load that had brought the same content into the same table before.
    pub duplicate_of: Option<i64>,
    /// Row counts of the load.
    pub books: RowCounts,
    /// Records of a window whose key came again in it.
    pub repeated: u64,
    /// BLAKE3 of its bytes.
    pub hash: String,
    /// Server that confirmed the commit, if it tells its identity.
    pub server: Option<String>,
}

impl LoadReport {
    fn deletion(&self, dataset: &Dataset, input: &Input) -> DeletionRecord {
        DeletionRecord {
            load: self.load_id,
            hash: self.hash.clone(),
            source: input.name().to_owned(),
            claim: input.claim().map(str::to_owned),
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

/// Loads one input: claims it, writes its rows, rejects and ledger line, and commits. Then the input may go.
///
/// # Errors
/// An error of the load, after which nothing of it is in the database. Bad records are no error: they are rejects.
pub async fn load(loader: &Loader, dataset: &Dataset, input: &mut Input) -> Result<LoadReport, LoadError> {
    load_in(&loader.order.join(), loader, dataset, input).await
}

/// End of one reading of an input.
enum Reading {
    /// It was loaded.
    Loaded(LoadReport),
    /// What comes later is not like the beginning, which had decided the types, cells, keys or encoding.
    Misled,
}

#[instrument(name = "load", skip_all, fields(file.path = input.name(), load.id = Empty))]
async fn load_in(
    place: &Place,
    loader: &Loader,
    dataset: &Dataset,
    input: &mut Input,
) -> Result<LoadReport, LoadError> {
    let stage = Stage::new(input.name(), FileStep::FirstPass);
    loop {
        match load_in_turn(place, &stage, loader, dataset, input).await {
            Ok(Reading::Loaded(report)) => return Ok(report),
            Ok(Reading::Misled) => info!(
                file.path = input.name(),
                "what comes later is not like the beginning (types, cells, keys or encoding): reading all of it before it is loaded"
            ),
            // A column may appear only later.
            Err(LoadError::Shape(_)) if input.sample().await.is_ok_and(|seen| !seen.whole) => {}
            Err(error) => return Err(error),
        }
        stage.at(FileStep::FirstPass);
        input.profile().await?;
    }
}

/// Loads in turn: while another session has the table locked, or the role lacks a right on it, this load and those behind
/// it wait in the folder, and those of other tables go on.
async fn load_in_turn(
    place: &Place,
    stage: &Stage,
    loader: &Loader,
    dataset: &Dataset,
    input: &mut Input,
) -> Result<Reading, LoadError> {
    loader.tries.may_load(&dataset.table)?;
    // Decoders share their memory: a load with a share must not wait for a file that may need one. Others can be read.
    let is_decoded = input.is_decoded();
    let wait = async || place.turn(&dataset.table, |before| stage.waits_for(before)).await;
    if is_decoded {
        wait().await;
    }
    stage.at(FileStep::FirstPass);
    let profile = input.sample().await?;
    if !is_decoded {
        wait().await;
    }
    stage.at(FileStep::Waiting);
    let turn = loader.tries.turn(loader.warehouse.names().engine, &dataset.table).await?;
    stage.at(FileStep::Database);
    let name = input.name().to_owned();
    let tell = Box::new(move |holders: Option<&str>| held_by(&name, holders));
    // Boxed: the future is large, and would be held twice.
    let mut done = telling_locks(tell, Box::pin(read(place, loader, dataset, input, &profile))).await;
    if let Err(LoadError::Warehouse(WarehouseError::Denied(why))) = done {
        done = Err(denied(loader, dataset, why).await);
    }
    turn.end(&done);
    done
}

/// The path, in one transaction, which ends without a trace if a step does not get through.
async fn read(
    place: &Place,
    loader: &Loader,
    dataset: &Dataset,
    input: &mut Input,
    profile: &Profile,
) -> Result<Reading, LoadError> {
    fail::fail_point!("profiled");
    let begun = begin(loader, dataset, input, profile).await?;
    let mut work = match admit(begun, input, profile).await? {
        Admitted::New(work) => work,
        Admitted::Known(report) => return Ok(Reading::Loaded(report)),
    };
    if profile.whole {
        place.numbered();
    }
    let ready = ready(&mut work, input, profile).await?;
    let Some(copied) = copy(&mut work, input, profile, &ready).await? else { return Ok(Reading::Misled) };
    let Some(seen) = verify(dataset, input, &ready, &copied).await? else { return Ok(Reading::Misled) };
    // It will not be read again for types that its beginning lacked.
    place.numbered();
    let books = balance(&mut work, input, &ready, &copied, &seen).await?;
    let recorded = record(&mut work, input, ready, copied, seen, books).await?;
    commit(work, input, recorded).await.map(Reading::Loaded)
}

/// A load in its transaction.
struct Work<'a> {
    loader: &'a Loader,
    dataset: &'a Dataset,
    transaction: Box<dyn Transaction>,
    /// Server that runs the transaction, if it tells its identity.
    server: Option<String>,
    /// Number of the load in the ledger; 0 before it is admitted.
    load_id: i64,
    /// True if the same content had come into the table before.
    repeats: bool,
}
