//! The windows of a pull: one is loaded while the next is spooled, and each goes on where the one before was committed.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::Context;
use tracing::warn;

use super::{Pulled, may_be_empty};
use crate::app::App;
use crate::catalog::Checkpoint;
use crate::clock::Clock;
use crate::dataset::plugin::Plugins;
use crate::dataset::{Dataset, Mode};
use crate::load::{FileOutcome, LoadReport, Loader, load_file};
use crate::pull::{Pull, Spooled, State};
use crate::source::{Bounds, ClaimedFile, Cursor, Folder, Position, Spool, Stream, Window};

/// Bounds of a window: what is committed at once.
const WINDOW: Bounds = Bounds { rows: 100_000, bytes: 32 << 20, time: Duration::from_secs(60) };

/// Tries of a window that the database does not take.
const TRIES: u32 = 5;

/// Pause between two of them.
const PAUSE: Duration = Duration::from_secs(2);

/// Pulls window by window from a checkpoint to the end of the run.
pub(super) async fn windows(
    loader: &Loader,
    plugins: &Plugins,
    folder: &Folder,
    dataset: &Dataset,
    (stream, checkpoint): (Stream, Option<Checkpoint>),
    (pull, pulled): (&mut Pull<'_>, &mut Pulled),
) -> anyhow::Result<()> {
    // A later window would replace an earlier one.
    let is_whole = dataset.mode == Mode::Replace;
    let (mut from, mut generation) = checkpoint.map_or((None, 0), |known| (Some(known.position), known.generation));
    let mut next = spool_next(&loader.clock, folder, pull, is_whole).await?;
    loop {
        let Some((spool, spooled)) = next else {
            return may_be_empty(loader, dataset).await;
        };
        let position = Position { stream: stream.clone(), from, to: spooled.to.clone() };
        let (cursor, destination) = (spooled.cursor.clone(), loader.destination.clone());
        let window = Window { position, generation, count: spooled.count, cursor, destination };
        if spooled.count == Some(0) {
            // There is nothing to load, but that the run has ended must be known.
            if !loader.catalog.end_run(&window).await? {
                anyhow::bail!("another program has pulled it meanwhile");
            }
            return Ok(());
        }
        let name = OsString::from(format!("{}.{}", stream.plugin, spooled.ending).replace('/', "_"));
        let mut loading = Box::pin(load_window(loader, plugins, spool.finish(&name, &window)?));
        if spooled.is_last {
            pulled.add(&loading.await?);
            return close(loader, &stream, (spooled.to, generation + 1, spooled.cursor)).await;
        }
        // The source answers while the window is loaded; what it has said since is dropped if that fails.
        let mut asking = Box::pin(spool_next(&loader.clock, folder, pull, is_whole));
        let asked = tokio::select! {
            reports = &mut loading => {
                pulled.add(&reports?);
                asking.await
            }
            asked = &mut asking => {
                pulled.add(&loading.await?);
                asked
            }
        };
        next = asked?;
        (from, generation) = (Some(spooled.to), generation + 1);
    }
}

/// Spools the next window; `None` at the end of the run.
async fn spool_next(
    clock: &Clock,
    folder: &Folder,
    pull: &mut Pull<'_>,
    is_whole: bool,
) -> anyhow::Result<Option<(Spool, Spooled)>> {
    let mut spool = folder.spool(WINDOW, clock)?;
    Ok(pull.window(&mut spool, is_whole).await?.map(|spooled| (spool, spooled)))
}

/// Notes that the end of a run was told.
pub(super) async fn close(
    loader: &Loader,
    stream: &Stream,
    (from, generation, cursor): (serde_json::Value, i64, Option<Cursor>),
) -> anyhow::Result<()> {
    let to = State::closed(&from)?;
    let position = Position { stream: stream.clone(), from: Some(from), to };
    let window = Window { position, generation, count: Some(0), cursor, destination: loader.destination.clone() };
    // Another program has moved it on, and tells of that.
    loader.catalog.end_run(&window).await.map(drop).map_err(Into::into)
}

/// Loads what a killed program has left, before the checkpoint is asked for.
pub(super) async fn finish_leftovers(app: &App, folder: &Folder) -> anyhow::Result<()> {
    let mut stuck = |name: &std::ffi::OsStr, error: &std::io::Error| {
        warn!(file.path = %name.to_string_lossy(), "cannot take over what a killed program has left: {error}");
    };
    for mut file in folder.claim_leftovers(&mut stuck)? {
        let begun = file.is_orphan();
        file.begin_again()?;
        let name = file.name();
        if let Err(error) = load(&app.loader, &app.plugins.get(), file, begun).await {
            warn!(
                file.path = name,
                "what was extracted, or a killed program has left, is not loaded: {}",
                crate::text::chain(&error)
            );
        }
    }
    Ok(())
}

/// Loads a window of this pull.
async fn load_window(loader: &Loader, plugins: &Plugins, file: ClaimedFile) -> anyhow::Result<Vec<LoadReport>> {
    let reports = load(loader, plugins, file, false).await?;
    reports.context("another program has pulled it meanwhile: what it has not loaded, the next pull asks for")
}

/// Loads a window, by as many tries as it takes. One that is not loaded goes: the source gives it again from the checkpoint. `None` if
/// another program has brought what is in it, or has to.
async fn load(
    loader: &Loader,
    plugins: &Plugins,
    file: ClaimedFile,
    begun: bool,
) -> anyhow::Result<Option<Vec<LoadReport>>> {
    let (mut tried, mut begun) = (0, begun);
    let mut file = file;
    loop {
        tried += 1;
        match load_file(loader, plugins, file, begun, loader.order.join()).await {
            FileOutcome::Loaded(reports) => return Ok(Some(reports)),
            FileOutcome::Kept(kept, error) if tried < TRIES && error.is_of_database() => {
                let of =
                    loader.destination.as_ref().map_or_else(String::new, |destination| format!(" into {destination}"));
                warn!(file.path = kept.name(), "not loaded{of} yet: {error}; try {} of {TRIES}", tried + 1);
                (file, begun) = (kept, true);
                loader.clock.sleep(PAUSE).await;
            }
            FileOutcome::Kept(kept, error) => {
                if matches!(kept.window(), Ok(Some(_))) {
                    kept.delete(kept.stamp())?;
                    kept.release();
                }
                return Err(error.into());
            }
            FileOutcome::Waits(error) => return Err(error.into()),
            FileOutcome::Failed(_) => anyhow::bail!("it is in failed/, with the reason beside it"),
            FileOutcome::Gone => return Ok(None),
        }
    }
}
