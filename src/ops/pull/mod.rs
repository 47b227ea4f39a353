//! A pull by hand: what a plugin's source has, window by window, through the one path of loads.

mod windows;

use serde::Serialize;
use tracing::{info, warn};

use self::windows::{close, finish_leftovers, windows};
use crate::app::App;
use crate::catalog::{Checkpoint, Standing};
use crate::dataset::plugin::Plugins;
use crate::dataset::pull_source::PullSource;
use crate::dataset::{Dataset, Mode};
use crate::load::{LoadReport, Loader};
use crate::ops::destination;
use crate::pull::{Client, FirstPage, Pull, PullError, State, Tally};
use crate::schema::is_same_text;
use crate::source::{Folder, Stream};
use crate::text::{counted, nearest};

/// A pull and its end.
#[derive(Clone, Debug, Serialize)]
pub struct Pulled {
    /// The plugin.
    pub plugin: String,
    /// Its table in staging.
    pub table: String,
    /// The other database that it is in; none for the project's own.
    pub destination: Option<String>,
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
    /// Records whose key came again in a window.
    pub rows_repeated: u64,
    /// What may be wrong with a pull that is whole.
    pub warning: Option<String>,
    /// The error that ended it.
    pub error: Option<String>,
}

impl Pulled {
    /// The table as people write it, with its database if that is not the project's own.
    pub fn place(&self) -> String {
        let of = self.destination.as_ref().map_or_else(String::new, |destination| format!(" of {destination}"));
        format!("staging.{}{of}", self.table)
    }

    /// Counts what a window brought.
    fn add(&mut self, reports: &[LoadReport]) {
        for report in reports {
            self.loads.push(report.load_id);
            self.rows_loaded += report.books.loaded;
            self.rows_rejected += report.books.rejected;
            self.rows_repeated += report.repeated;
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
pub fn wanted<'a>(plugins: &'a Plugins, name: &str) -> Result<(&'a Dataset, &'a PullSource), WrongPull> {
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
    if let Some((group, key)) = name.rsplit_once('.')
        && let runs @ [_, ..] = &plugins.of_group(group)[..]
    {
        return Err(WrongPull(format!("run of {group} does not name {key}: it runs {}", runs.join(", "))));
    }
    let names: Vec<_> = plugins.sources().map(|(own, ..)| own).collect();
    let hint = match nearest(name, names.iter().copied()) {
        hint if hint.is_empty() && names.is_empty() => "; no plugin has a source".to_owned(),
        hint if hint.is_empty() => format!("; those with a source are {}", names.join(", ")),
        hint => hint,
    };
    let wrong = plugins.errors().next().map_or_else(String::new, |wrong| format!("; a plugin is wrong: {wrong}"));
    Err(WrongPull(format!("there is no plugin {name}{hint}{wrong}")))
}

/// The plugins that a name stands for: those of a file of the older form, or the one of this name.
///
/// # Errors
/// As [`wanted`].
pub fn all_of(plugins: &Plugins, name: &str) -> Result<Vec<String>, WrongPull> {
    let several = plugins.of_group(name);
    if several.is_empty() {
        return wanted(plugins, name).map(|_| vec![name.to_owned()]);
    }
    Ok(several.into_iter().map(str::to_owned).collect())
}

/// Pulls what the source of a plugin has. `restart` begins at the beginning.
///
/// # Errors
/// [`WrongPull`] before anything is asked for; what ends a pull later is in [`Pulled::error`].
pub async fn pull(app: &App, folder: &Folder, client: &Client, name: &str, restart: bool) -> anyhow::Result<Pulled> {
    let plugins = app.plugins.get();
    let (dataset, source) = wanted(&plugins, name)?;
    finish_leftovers(app, folder).await?;
    let other = destination::loader(app, folder.path(), dataset.destination.as_ref()).await?;
    let loader = other.as_deref().unwrap_or(&app.loader);
    let stream = Stream { plugin: name.to_owned(), stream: source.stream.clone(), partition: String::new() };
    let of_destination = |error| destination::named(error, loader.destination.as_deref());
    let (checkpoint, restart) = begins(loader, dataset, source, &stream, restart).await.map_err(of_destination)?;
    if let Some(known) = checkpoint.as_ref().filter(|_| !restart)
        && let Some(tally) = State::untold(&known.position)?
    {
        // It was killed while its last window was loaded, which somebody has finished since.
        close(loader, &stream, (known.position.clone(), known.generation, known.cursor.clone())).await?;
        let (plugin, table, destination) = (name.to_owned(), dataset.table.clone(), loader.destination.clone());
        let (loads, error) = (Vec::new(), None);
        return Ok(Pulled {
            plugin,
            table,
            destination,
            resumed: true,
            whole: true,
            tally,
            loads,
            rows_loaded: 0,
            rows_rejected: 0,
            rows_repeated: 0,
            warning: None,
            error,
        });
    }
    let mut pull = pull_of(dataset, source, client, checkpoint.as_ref(), restart)?;
    let mut pulled = Pulled {
        plugin: name.to_owned(),
        table: dataset.table.clone(),
        destination: loader.destination.clone(),
        resumed: pull.is_resumed(),
        whole: false,
        tally: Tally::default(),
        loads: Vec::new(),
        rows_loaded: 0,
        rows_rejected: 0,
        rows_repeated: 0,
        warning: None,
        error: None,
    };
    if pulled.resumed {
        info!(plugin = name, "goes on with the unfinished pull, behind {} pages", pull.tally().pages);
    }
    let done = windows(loader, &plugins, folder, dataset, (stream, checkpoint), (&mut pull, &mut pulled)).await;
    pulled.tally = pull.tally().clone();
    if pull.is_by_place() && pulled.rows_repeated > 0 {
        let warning = may_lack(&pulled);
        warn!(plugin = name, "{warning}");
        pulled.warning = Some(warning);
    }
    pulled.whole = done.is_ok();
    pulled.error = done.err().map(|error| crate::text::chain(&of_destination(error)));
    Ok(pulled)
}

/// The warning where keys came again on pages by number.
fn may_lack(pulled: &Pulled) -> String {
    let (again, said) = (counted(pulled.rows_repeated, "record"), pulled.tally.said);
    let said = said.map_or_else(String::new, |said| format!(" of {said} that the source says"));
    format!(
        "{again}{said} came again by key: records moved between pages that go by number, and as many others may be missing; they come \
         with a pull while nothing moves: ask for an order by a column that does not change, or by cursors"
    )
}

/// The checkpoint that a run goes on from; and true if the run begins at the beginning, as it is asked to or because its source was
/// changed.
///
/// # Errors
/// [`WrongPull`] if its rows would have a hole, or come twice.
pub(super) async fn begins(
    loader: &Loader,
    dataset: &Dataset,
    source: &PullSource,
    stream: &Stream,
    restart: bool,
) -> anyhow::Result<(Option<Checkpoint>, bool)> {
    let checkpoint = loader.catalog.checkpoint(stream).await?;
    let changed = match &checkpoint {
        Some(known) => is_out_of_order(known, source)?,
        None => loader.catalog.other_stream(stream).await?.filter(|_| source.since.is_some()),
    };
    let restart = match changed.filter(|_| !restart) {
        Some(before) => {
            must_begin_anew(loader, dataset, &before).await?;
            true
        }
        None => restart,
    };
    if let Some(checkpoint) = &checkpoint {
        must_go_on(loader, dataset, checkpoint, restart).await?;
    }
    Ok((checkpoint, restart))
}

/// The run of a source from a checkpoint.
///
/// # Errors
/// [`WrongPull`] if the source does not go with it.
pub(super) fn pull_of<'a>(
    dataset: &Dataset,
    source: &'a PullSource,
    client: &'a Client,
    checkpoint: Option<&Checkpoint>,
    restart: bool,
) -> anyhow::Result<Pull<'a>> {
    let known = checkpoint.map(|known| (&known.position, known.cursor.clone()));
    let pull = Pull::new(source, client, known, restart).map_err(|error| match error {
        PullError::Usage(why) => anyhow::Error::from(WrongPull(format!("{}: {why}", dataset.plugin))),
        other => other.into(),
    })?;
    Ok(if dataset.mode == Mode::Upsert { pull.keyed() } else { pull })
}

/// Fetches the first page of a source, and loads nothing.
///
/// # Errors
/// The error of the request or of the page.
pub async fn first_page(client: &Client, source: &PullSource) -> Result<FirstPage, PullError> {
    Pull::new(source, client, None, true)?.first_page().await
}

/// Asserts that a source without records takes no row's place.
///
/// # Errors
/// With `mode: replace`, if the table has rows.
pub(super) async fn may_be_empty(loader: &Loader, dataset: &Dataset) -> anyhow::Result<()> {
    let table = &dataset.table;
    if dataset.mode == Mode::Replace && loader.catalog.standing(table).await? == Standing::Filled {
        let drop = drop_of(loader, table);
        anyhow::bail!(
            "the source has no records, and staging.{table} keeps those that it has: if that is right, {drop}"
        );
    }
    Ok(())
}

/// What a checkpoint asked by, if the source asks by something else now: its value has no place in that order.
fn is_out_of_order(known: &Checkpoint, source: &PullSource) -> Result<Option<String>, PullError> {
    let is_in_order =
        known.cursor.is_none() || source.since.is_none() || State::is_in_order_of(&known.position, source)?;
    Ok((!is_in_order).then(|| "since of another column or format".to_owned()))
}

/// The command that drops a table.
fn drop_of(loader: &Loader, table: &str) -> String {
    let of = loader.destination.as_ref();
    let of = of.map_or_else(String::new, |destination| format!(" with DATABASE_URL set to {destination}"));
    format!("app drop staging.{table}{of}")
}

/// Asserts that the rows of a source that was changed may come once more.
async fn must_begin_anew(loader: &Loader, dataset: &Dataset, before: &str) -> anyhow::Result<()> {
    let Dataset { table, plugin, .. } = dataset;
    if dataset.mode == Mode::Append && loader.catalog.standing(table).await? == Standing::Filled {
        return Err(WrongPull(format!(
            "{plugin}: its source was changed: staging.{table} has what {before} gave, and all of it would come once more; put it back, \
             say mode: upsert with a key, or {} first",
            drop_of(loader, table)
        ))
        .into());
    }
    warn!(plugin, "its source was changed (until now: {before}): everything is asked for again");
    Ok(())
}

/// Asserts that the rows behind a checkpoint are there, so that going on leaves no hole.
async fn must_go_on(loader: &Loader, dataset: &Dataset, known: &Checkpoint, restart: bool) -> anyhow::Result<()> {
    let Dataset { table, plugin, .. } = dataset;
    let standing = loader.catalog.standing(table).await?;
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
            "{plugin}: --restart would add the rows of staging.{table} once more: {} first, or say mode: upsert with a key",
            drop_of(loader, table)
        ))
        .into());
    }
    Ok(())
}
