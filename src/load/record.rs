//! The end of a load: what it brought is recorded, committed and told.

use tracing::{info, warn};

use super::copy::Copied;
use super::outcome::{say_array, say_beside, say_columns};
use super::ready::Ready;
use super::reject_file::RejectFile;
use super::staging::{
    TableChange, columns_apart, columns_lacking, columns_left_out, header_change, hints, tell_series,
};
use super::verify::Seen;
use super::{LoadError, LoadReport, Loader, Work};
use crate::alert::Kind;
use crate::catalog::staged::is_empty;
use crate::catalog::{Brings, RowCounts};
use crate::dataset::{Dataset, Mode};
use crate::format::Layout;
use crate::pull::State;
use crate::record::{Beside, BesideKind};
use crate::source::{Input, Profile, Window};
use crate::sql::Table;
use crate::text::counted;

/// A load that is recorded, with what is to be told once it is committed.
pub(super) struct Recorded {
    books: RowCounts,
    /// Records of a window whose key came again in it.
    repeated: u64,
    hash: String,
    layout: Layout,
    beside: Vec<Beside>,
    hints: Vec<String>,
    /// The columns in which the header differs from the one before; true if it lacks one.
    changed: Option<(String, bool)>,
    /// Stated types that the table's overrule.
    overruled: Option<String>,
    /// Headers that give one name.
    apart: Option<String>,
    /// The changes of the table.
    changes: Vec<TableChange>,
    /// True if it made the last of the table's lost loads good.
    all_good: bool,
    /// Files that look like a series.
    series: Option<String>,
    rejected: RejectFile,
}

/// Records a load in its transaction: columns, counts, texts beside the table. Nobody may have touched the input.
pub(super) async fn record(
    work: &mut Work<'_>,
    input: &Input,
    ready: Ready<'_>,
    copied: Copied,
    seen: Seen,
    (books, repeated): (RowCounts, u64),
) -> Result<Recorded, LoadError> {
    let Work { loader, dataset, load_id, .. } = *work;
    let transaction = &mut *work.transaction;
    let (Ready { table, known, replaced, mut changes, .. }, Copied { mut beside, mut rejected, .. }) = (ready, copied);
    if replaced > 0 && books.loaded == 0 && is_empty(transaction, loader.warehouse.names(), &table).await? {
        changes.push(TableChange::Emptied { shown: loader.warehouse.names().shown(&table), rows: replaced });
    }
    let Seen { profile, plan } = seen;
    loader.catalog.write_columns(transaction, &dataset.table, &plan.evolution, load_id).await?;
    beside.splice(0..0, input.beside().iter().cloned().chain(columns_left_out(&profile, &plan.shape)));
    // A plugin that drops the others misses none of them.
    if !dataset.stated.selection.drops_others {
        beside.extend(columns_lacking(&known, &plan));
    }
    if repeated > 0 {
        let key = dataset.key.join(", ");
        let why = format!("{} came again in the pull, the last one of each {key} counts", counted(repeated, "record"));
        beside.push(Beside::named(BesideKind::Repeated, key, why));
    }
    let hints = hints(dataset, &profile, &plan.shape);
    let overruled = plan.overruled(dataset, &loader.warehouse.names().shown(&table));
    let (changed, apart) = (header_change(&known, &plan), columns_apart(&known, &plan.evolution));
    let columns: Vec<_> = plan.shape.columns.into_iter().map(|one| one.column).collect();
    loader.catalog.finish(transaction, load_id, books, &columns).await?;
    if let Some(window) = input.window()
        && !loader.catalog.move_checkpoint(transaction, window, load_id, &books).await?
    {
        // Another program loaded the stream meanwhile, into another table.
        return Err(LoadError::Passed {
            stream: window.position.stream.to_string(),
            at: "elsewhere by now".to_owned(),
        });
    }
    loader.catalog.keep_beside(transaction, load_id, &beside).await?;
    let all_good = match brings(work.repeats, dataset, input, &profile.hash, &books) {
        Some(brings) => loader.catalog.make_good(transaction, &dataset.table, load_id, brings).await?,
        None => false,
    };
    let series = match known.is_empty() {
        true => tell_series(loader, transaction, dataset, input.table_hint(), &columns).await?,
        false => None,
    };
    rejected.sync().map_err(LoadError::Rejects)?;
    input.verify_unchanged()?;
    let (hash, layout) = (profile.hash, profile.layout);
    Ok(Recorded {
        books,
        repeated,
        hash,
        layout,
        beside,
        hints,
        changed,
        overruled,
        apart,
        changes,
        all_good,
        series,
        rejected,
    })
}

/// Content by which a load makes lost loads of its table good; `repeats` is true if the same content had come before.
fn brings<'a>(
    repeats: bool,
    dataset: &Dataset,
    input: &'a Input,
    hash: &'a str,
    books: &RowCounts,
) -> Option<Brings<'a>> {
    match (dataset.mode, input.window()) {
        // An empty file that takes the place of nothing is no proof.
        (Mode::Replace, _) => (books.loaded > 0).then_some(Brings::Table),
        (_, Some(Window { position, .. })) => {
            State::asks_for_all(position.from.as_ref(), &position.to).then_some(Brings::Stream(&position.stream))
        }
        _ if !repeats => None,
        _ if dataset.adds_repeats() => Some(Brings::OneContent(hash)),
        _ => Some(Brings::Content(hash)),
    }
}

/// Commits a load, tells what it brought, and publishes its rejects.
pub(super) async fn commit(work: Work<'_>, input: &Input, recorded: Recorded) -> Result<LoadReport, LoadError> {
    let Work { loader, transaction, server, load_id, dataset, .. } = work;
    fail::fail_point!("finished");
    transaction.commit().await?;
    fail::fail_point!("committed");
    let Recorded {
        books,
        repeated,
        hash,
        layout,
        beside,
        hints,
        changed,
        overruled,
        apart,
        changes,
        all_good,
        series,
        rejected,
    } = recorded;
    let name = input.name();
    changes.iter().for_each(|change| change.say(&dataset.table, load_id, &loader.alerts));
    if all_good {
        let shown = loader.warehouse.names().shown(&Table::staging(&dataset.table));
        loader.alerts.recover(Kind::Lost, &shown, "the rows that were lost are there again");
    }
    say_array(name, load_id, &layout);
    say_beside(name, load_id, &beside);
    if let Some(overruled) = overruled {
        warn!(file.path = name, load.id = load_id, "{overruled}");
    }
    say_columns(name, load_id, &hints, changed);
    if let Some(apart) = apart {
        info!(file.path = name, load.id = load_id, "{apart}");
    }
    if let Some(series) = series {
        info!(table = dataset.table, "{series}");
    }
    publish(rejected, load_id);
    Ok(LoadReport { load_id, duplicate_of: None, books, repeated, hash, server })
}

pub(super) fn reject_file(loader: &Loader, input: &Input, profile: &Profile) -> RejectFile {
    let (table_hint, ending) = (input.table_hint(), profile.layout.rejects_ending(input.table_hint()));
    RejectFile::new(&loader.exports, input.name(), table_hint, ending, &profile.hash, &profile.header_text)
}

pub(super) fn publish(rejected: RejectFile, load_id: i64) {
    if let Err(error) = rejected.publish() {
        warn!(load.id = load_id, %error, "the rejects are not in exports/rejects/; app rejects {load_id} shows them");
    }
}
