//! An extraction: all that a plugin's source has, fetched now and loaded later. It lies in the folder as one window, whose load moves
//! the checkpoint with its rows. Loads nothing.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::pull::{WrongPull, begins, may_be_empty, pull_of, wanted};
use crate::app::App;
use crate::pull::{Client, State, Tally};
use crate::source::{Bounds, Folder, Position, Stream, Window, waiting_windows};

/// The window has all of the run, so nothing bounds it.
const ALL: Bounds = Bounds { rows: u64::MAX, bytes: u64::MAX, time: Duration::MAX };

/// An extraction and where it lies.
#[derive(Clone, Debug, Serialize)]
pub struct Extracted {
    /// The plugin.
    pub plugin: String,
    /// The table in staging that its load goes into.
    pub table: String,
    /// True if it went on with an unfinished pull.
    pub resumed: bool,
    /// Counts of the pages and records, those of a resumed pull included.
    #[serde(flatten)]
    pub tally: Tally,
    /// The file; `None` if the source has nothing new.
    pub file: Option<PathBuf>,
    /// Number of earlier extractions that were not loaded, and that this one takes the place of.
    pub replaced: usize,
    /// Number of earlier extractions that wait to be loaded still.
    pub waiting: usize,
}

/// Fetches what the source of a plugin has, and leaves it in the folder for the next program that loads. One that was left there before
/// and is not loaded goes: it begins at the same checkpoint. `restart` begins at the beginning.
///
/// # Errors
/// [`WrongPull`] before anything is asked for; else the error that ended it, after which nothing of it is left.
pub async fn extract(
    app: &App,
    folder: &Folder,
    client: &Client,
    name: &str,
    restart: bool,
) -> anyhow::Result<Extracted> {
    let plugins = app.plugins.get();
    let (dataset, source) = wanted(&plugins, name)?;
    if let Some(destination) = &dataset.destination {
        let why = format!(
            "{name}: its rows go to {destination}, and app --once loads into the project's own database: app pull {name}"
        );
        return Err(WrongPull(why).into());
    }
    let before = waiting_windows(folder.path(), name)?;
    if before.iter().any(|window| window.is_in_hand) {
        let why = format!("{name}: a program has what was fetched before in hand: app status tells when it is done");
        return Err(WrongPull(why).into());
    }
    let stream = Stream { plugin: name.to_owned(), stream: source.stream.clone(), partition: String::new() };
    let (checkpoint, restart) = begins(&app.loader, dataset, source, &stream, restart).await?;
    let mut pull = pull_of(dataset, source, client, checkpoint.as_ref(), restart)?;
    let (from, generation) = checkpoint.map_or((None, 0), |known| (Some(known.position), known.generation));
    let mut extracted = Extracted {
        plugin: name.to_owned(),
        table: dataset.table.clone(),
        resumed: pull.is_resumed(),
        tally: Tally::default(),
        file: None,
        replaced: 0,
        waiting: before.len(),
    };
    let mut spool = folder.spool(ALL, &app.loader.clock)?;
    let spooled = pull.window(&mut spool, true).await?;
    pull.tally().clone_into(&mut extracted.tally);
    let Some(spooled) = spooled else {
        may_be_empty(&app.loader, dataset).await?;
        return Ok(extracted);
    };
    // The end of the run is told here, and not by the load.
    let position = Position { stream, from, to: State::closed(&spooled.to)? };
    let window = Window { position, generation, count: spooled.count, cursor: spooled.cursor, destination: None };
    if spooled.count == Some(0) {
        if !app.loader.catalog.end_run(&window).await? {
            anyhow::bail!("another program has pulled it meanwhile");
        }
        return Ok(extracted);
    }
    let file = spool.finish(&OsString::from(format!("{name}.{}", spooled.ending)), &window)?;
    extracted.file = Some(file.place());
    extracted.replaced = folder.discard_windows(name)?;
    extracted.waiting = 0;
    Ok(extracted)
}
