//! A pull by hand: what a plugin's source has, window by window, through the one path of loads.

use std::ffi::OsString;
use std::time::Duration;

use serde::Serialize;
use tracing::{info, warn};

use crate::app::App;
use crate::catalog::{Checkpoint, Standing};
use crate::dataset::pull_source::PullSource;
use crate::dataset::{Dataset, Mode};
use crate::load::{FileOutcome, LoadReport, load_file};
use crate::pull::{Client, FirstPage, Pull, PullError, Spooled, State, Tally};
use crate::schema::is_same_text;
use crate::source::{Bounds, ClaimedFile, Cursor, Folder, Position, Spool, Stream, Window};
use crate::text::nearest;

/// Bounds of a window: what is committed at once.
const WINDOW: Bounds = Bounds { rows: 100_000, bytes: 32 << 20, time: Duration::from_secs(60) };

/// Tries of a window that the database does not take.
const TRIES: u32 = 5;

/// Pause between two of them.
const PAUSE: Duration = Duration::from_secs(2);

/// A pull and its end.
#[derive(Clone, Debug, Serialize)]
pub struct Pulled {
    /// The plugin.
    pub plugin: String,
    /// Its table in staging.
    pub table: String,
    /// True if it went on with an unfinished pull.
    pub resumed: bool,
    /// True if all is there: the pages ended by a rule, and the counts agree.
    pub whole: bool,
    /// Counts of the pages and records, those of a resumed pull included.
    #[serde(flatten)]
    pub tally: Tally,
    /// Numbers of the loads.
    pub loads: Vec<i64>,
    /// Rows that were loaded.
    pub rows_loaded: u64,
    /// Records that are rejects.
    pub rows_rejected: u64,
    /// The error that ended it.
    pub error: Option<String>,
}

impl Pulled {
    /// Counts what a window brought.
    fn add(&mut self, reports: &[LoadReport]) {
        for report in reports {
            self.loads.push(report.load_id);
            self.rows_loaded += report.books.loaded;
            self.rows_rejected += report.books.rejected;
        }
    }
}

/// A wrong name or state, which needs another command.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongPull(pub String);

/// The plugin of this name and its source.
///
/// # Errors
/// [`WrongPull`] if there is none, it is not enabled, or it has no source.
pub fn wanted<'a>(
    plugins: &'a crate::dataset::plugin::Plugins,
    name: &str,
) -> Result<(&'a Dataset, &'a PullSource), WrongPull> {
    if let Some((_, dataset, source)) = plugins.sources().find(|(own, ..)| *own == name) {
        return Ok((dataset, source));
    }
    if plugins.is_disabled(name) {
        return Err(WrongPull(format!("the plugin {name} is not enabled: app plugin enable {name}")));
    }
    if let Some(error) = plugins.errors().find(|error| error.path.parent().is_some_and(|folder| folder.ends_with(name)))
    {
        return Err(WrongPull(error.to_string()));
    }
    if plugins.datasets().any(|dataset| is_same_text(&dataset.plugin, name)) {
        return Err(WrongPull(format!("the plugin {name} has no source: it reads files")));
    }
    let names: Vec<_> = plugins.sources().map(|(own, ..)| own).collect();
    let hint = match nearest(name, names.iter().copied()) {
        hint if hint.is_empty() && names.is_empty() => "; no plugin has a source".to_owned(),
        hint if hint.is_empty() => format!("; those with a source are {}", names.join(", ")),
        hint => hint,
    };
    Err(WrongPull(format!("there is no plugin {name}{hint}")))
}

/// Pulls what the source of a plugin has. `restart` begins at the beginning.
///
/// # Errors
/// [`WrongPull`] before anything is asked for; what ends a pull later is in [`Pulled::error`].
pub async fn pull(app: &App, folder: &Folder, client: &Client, name: &str, restart: bool) -> anyhow::Result<Pulled> {
    let plugins = app.plugins.get();
    let (dataset, source) = wanted(&plugins, name)?;
    finish_leftovers(app, folder).await?;
    let stream = Stream { plugin: name.to_owned(), stream: source.stream.clone(), partition: String::new() };
    let checkpoint = app.loader.catalog.checkpoint(&stream).await?;
    let changed = match &checkpoint {
        Some(known) => is_out_of_order(known, source)?,
        None => app.loader.catalog.other_stream(&stream).await?.filter(|_| source.since.is_some()),
    };
    let restart = match changed.filter(|_| !restart) {
        Some(before) => {
            must_begin_anew(app, dataset, &before).await?;
            true
        }
        None => restart,
    };
    if let Some(checkpoint) = &checkpoint {
        must_go_on(app, dataset, checkpoint, restart).await?;
    }
    if let Some(known) = checkpoint.as_ref().filter(|_| !restart)
        && let Some(tally) = State::untold(&known.position)?
    {
        // It was killed while its last window was loaded, which somebody has finished since.
        close(app, &stream, (known.position.clone(), known.generation, known.cursor.clone())).await?;
        let (plugin, table) = (name.to_owned(), dataset.table.clone());
        let (loads, error) = (Vec::new(), None);
        return Ok(Pulled {
            plugin,
            table,
            resumed: true,
            whole: true,
            tally,
            loads,
            rows_loaded: 0,
            rows_rejected: 0,
            error,
        });
    }
    let known = checkpoint.as_ref().map(|known| (&known.position, known.cursor.clone()));
    let mut pull = Pull::new(source, client, known, restart).map_err(|error| match error {
        PullError::Usage(why) => anyhow::Error::from(WrongPull(format!("{name}: {why}"))),
        other => other.into(),
    })?;
    if dataset.mode == Mode::Upsert {
        pull = pull.keyed();
    }
    let mut pulled = Pulled {
        plugin: name.to_owned(),
        table: dataset.table.clone(),
        resumed: pull.is_resumed(),
        whole: false,
        tally: Tally::default(),
        loads: Vec::new(),
        rows_loaded: 0,
        rows_rejected: 0,
        error: None,
    };
    if pulled.resumed {
        info!(plugin = name, "goes on with the unfinished pull, behind {} pages", pull.tally().pages);
    }
    let done = windows(app, folder, dataset, (stream, checkpoint), &mut pull, &mut pulled).await;
    pulled.tally = pull.tally().clone();
    pulled.whole = done.is_ok();
    pulled.error = done.err().map(|error| crate::text::chain(&error));
    Ok(pulled)
}

/// Fetches the first page of a source, and loads nothing.
///
/// # Errors
/// The error of the request or of the page.
pub async fn first_page(client: &Client, source: &PullSource) -> Result<FirstPage, PullError> {
    Pull::new(source, client, None, true)?.first_page().await
}

async fn windows(
    app: &App,
    folder: &Folder,
    dataset: &Dataset,
    (stream, checkpoint): (Stream, Option<Checkpoint>),
    pull: &mut Pull<'_>,
    pulled: &mut Pulled,
) -> anyhow::Result<()> {
    // A later window would replace an earlier one.
    let is_whole = dataset.mode == Mode::Replace;
    let (mut from, mut generation) = checkpoint.map_or((None, 0), |known| (Some(known.position), known.generation));
    let mut next = spool_next(app, folder, pull, is_whole).await?;
    loop {
        let Some((spool, spooled)) = next else {
            if is_whole && app.loader.catalog.standing(&dataset.table).await? == Standing::Filled {
                anyhow::bail!(
                    "the source has no records, and staging.{0} keeps those that it has: if that is right, app drop staging.{0}",
                    dataset.table
                );
            }
            return Ok(());
        };
        let position = Position { stream: stream.clone(), from, to: spooled.to.clone() };
        let window = Window { position, generation, count: spooled.count, cursor: spooled.cursor.clone() };
        if spooled.count == Some(0) {
            // There is nothing to load, but that the run has ended must be known.
            if !app.loader.catalog.end_run(&window).await? {
                anyhow::bail!("another program has pulled it meanwhile");
            }
            return Ok(());
        }
        let name = OsString::from(format!("{}.{}", stream.plugin, spooled.ending));
        let mut loading = Box::pin(load(app, spool.finish(&name, &window)?, false));
        if spooled.is_last {
            pulled.add(&loading.await?);
            return close(app, &stream, (spooled.to, generation + 1, spooled.cursor)).await;
        }
        // The source answers while the window is loaded; what it has said since is dropped if that fails.
        let mut asking = Box::pin(spool_next(app, folder, pull, is_whole));
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
    app: &App,
    folder: &Folder,
    pull: &mut Pull<'_>,
    is_whole: bool,
) -> anyhow::Result<Option<(Spool, Spooled)>> {
    let mut spool = folder.spool(WINDOW, &app.loader.clock)?;
    Ok(pull.window(&mut spool, is_whole).await?.map(|spooled| (spool, spooled)))
}

/// Notes that the end of a run was told.
async fn close(
    app: &App,
    stream: &Stream,
    (from, generation, cursor): (serde_json::Value, i64, Option<Cursor>),
) -> anyhow::Result<()> {
    let to = State::closed(&from)?;
    let position = Position { stream: stream.clone(), from: Some(from), to };
    let window = Window { position, generation, count: Some(0), cursor };
    // Another program has moved it on, and tells of that.
    app.loader.catalog.end_run(&window).await.map(drop).map_err(Into::into)
}

/// Loads what a killed program has left, before the checkpoint is asked for.
async fn finish_leftovers(app: &App, folder: &Folder) -> anyhow::Result<()> {
    let mut stuck = |name: &std::ffi::OsStr, error: &std::io::Error| {
        warn!(file.path = %name.to_string_lossy(), "cannot take over what a killed program has left: {error}");
    };
    for mut file in folder.claim_leftovers(&mut stuck)? {
        let begun = file.is_orphan();
        file.begin_again()?;
        let name = file.name();
        if let Err(error) = load(app, file, begun).await {
            warn!(file.path = name, "what a killed program has left is not loaded: {}", crate::text::chain(&error));
        }
    }
    Ok(())
}

/// Loads a window, by as many tries as it takes. One that is not loaded goes: the source gives it again from the checkpoint.
async fn load(app: &App, file: ClaimedFile, begun: bool) -> anyhow::Result<Vec<LoadReport>> {
    let (plugins, order) = (app.plugins.get(), &app.loader.order);
    let (mut tried, mut begun) = (0, begun);
    let mut file = file;
    loop {
        tried += 1;
        match load_file(&app.loader, &plugins, file, begun, order.join()).await {
            FileOutcome::Loaded(reports) => return Ok(reports),
            FileOutcome::Kept(kept, error) if tried < TRIES && error.is_of_database() => {
                warn!(file.path = kept.name(), "not loaded yet: {error}; try {} of {TRIES}", tried + 1);
                (file, begun) = (kept, true);
                app.loader.clock.sleep(PAUSE).await;
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
            FileOutcome::Gone => {
                anyhow::bail!("another program has pulled it meanwhile: what it has not loaded, the next pull asks for")
            }
        }
    }
}

/// What a checkpoint asked by, if the source asks by something else now: its value has no place in that order.
fn is_out_of_order(known: &Checkpoint, source: &PullSource) -> Result<Option<String>, PullError> {
    let is_in_order =
        known.cursor.is_none() || source.since.is_none() || State::is_in_order_of(&known.position, source)?;
    Ok((!is_in_order).then(|| "since of another column or format".to_owned()))
}

/// Asserts that the rows of a source that was changed may come once more.
async fn must_begin_anew(app: &App, dataset: &Dataset, before: &str) -> anyhow::Result<()> {
    let Dataset { table, plugin, .. } = dataset;
    if dataset.mode == Mode::Append && app.loader.catalog.standing(table).await? == Standing::Filled {
        return Err(WrongPull(format!(
            "{plugin}: its source was changed: staging.{table} has what {before} gave, and all of it would come once more; put it back, \
             say mode: upsert with a key, or app drop staging.{table} first"
        ))
        .into());
    }
    warn!(plugin, "its source was changed (until now: {before}): everything is asked for again");
    Ok(())
}

/// Asserts that the rows behind a checkpoint are there, so that going on leaves no hole.
async fn must_go_on(app: &App, dataset: &Dataset, known: &Checkpoint, restart: bool) -> anyhow::Result<()> {
    let Dataset { table, plugin, .. } = dataset;
    let standing = app.loader.catalog.standing(table).await?;
    let how = match standing {
        Standing::Gone => "is gone",
        Standing::Empty => "is empty",
        Standing::Filled => "",
    };
    if standing != Standing::Filled && known.rows > 0 && !restart {
        return Err(WrongPull(format!(
            "{plugin}: its checkpoint stands behind {} rows of staging.{table}, which {how}: --restart pulls everything again",
            known.rows
        ))
        .into());
    }
    if restart && standing == Standing::Filled && dataset.mode == Mode::Append {
        return Err(WrongPull(format!(
            "{plugin}: --restart would add the rows of staging.{table} once more: app drop staging.{table} first, or say mode: upsert \
             with a key"
        ))
        .into());
    }
    Ok(())
}
