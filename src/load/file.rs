//! The load of a claimed file: each of its parts goes the path by itself, into the dataset of its plugin, and then the
//! file goes where it belongs.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Instant;

use tracing::field::Empty;
use tracing::{Span, info, instrument};

use super::Loader;
use super::error::Consequence;
use super::order::Place;
use super::outcome::{delete, dispose, record_failure, say, staged};
use super::sheets::name_sheets;
use super::staging::leave_out;
use super::{LoadError, LoadReport, load_in};
use crate::archive::OnSuccess;
use crate::dataset::Dataset;
use crate::dataset::plugin::Plugins;
use crate::format::FormatError;
use crate::source::{ClaimedFile, Input, SourceError, Stamp};
use crate::telemetry::named;
use crate::telemetry::progress::{FileStep, Stage};
use crate::text::rights::explain;

/// Number of programs that may end while they load a file before it is held to be the cause; and the same for a file
/// with loaded parts.
const TRIES: u32 = 3;
const TRIES_IN_PART: u32 = 10;

/// Outcome of a file.
#[derive(Debug)]
pub enum FileOutcome {
    /// Loaded: its rows are in the warehouse, and it is gone.
    Loaded(Vec<LoadReport>),
    /// Failed: it is in `failed/`; these of its parts were loaded.
    Failed(Vec<LoadReport>),
    /// Waiting where it landed, to be tried again.
    Waits(LoadError),
    /// Kept claimed, to be tried again as unfinished: some of it may be loaded, and the ledger knows which part.
    Kept(ClaimedFile, LoadError),
    /// Gone before it could be loaded.
    Gone,
}

/// Loads one claimed file, each of its parts by itself and by one version of the plugins from the beginning to the end,
/// and then lets it go where it belongs. `unfinished` means that its load was begun before, and may have been
/// committed; `place` decides the files that get their numbers before it.
#[instrument(name = "file", skip_all, fields(file.path = file.name(), claim = file.claim(), load.id = Empty))]
pub async fn load_file(
    loader: &Loader,
    plugins: &Plugins,
    file: ClaimedFile,
    unfinished: bool,
    place: Place,
) -> FileOutcome {
    fail::fail_point!("claimed");
    let name = file.name();
    let mut reports = Vec::new();
    let partly = file.partly();
    let earlier = partly.as_ref().map_or_else(Vec::new, |partly| partly.claims.clone());
    place.called(&name);
    let opening = Stage::new(&name, FileStep::Opening);
    let opened = open(loader, &file, &name, plugins, (&place, &opening)).await;
    drop(opening);
    let (opened, parts) = match opened {
        Ok(opened) => opened,
        Err(Refused { dataset, part, error }) => {
            let failed = record_failure(loader, &file, &dataset, &part, None, error).await;
            return dispose(file, failed, reports, unfinished, earlier);
        }
    };
    let loaded = opened.metadata().ok().as_ref().and_then(Stamp::from_metadata);
    let (mut failed, mut on_success) = (None, OnSuccess::Delete);
    let (mut deletion, Parts { taken, passed, is_alone }) = (Vec::new(), parts);
    if !is_alone {
        place.expect_parts();
    }
    let may_double = taken.iter().any(|(_, dataset)| dataset.adds_repeats());
    let claims = |reports: &[LoadReport]| {
        let mut claims = earlier.clone();
        let is_loaded = unfinished || reports.iter().any(|report| report.duplicate_of.is_none());
        claims.extend(file.claim().filter(|claim| may_double && is_loaded && !earlier.contains(claim)));
        claims
    };
    for (mut source, dataset) in taken {
        let started = Instant::now();
        source.with_options(&dataset.stated);
        source.loaded_before(unfinished, &earlier);
        on_success = on_success.max(loader.archive.asked(dataset.on_success.as_ref()));
        if is_alone {
            place.expect(&dataset.table);
        }
        if loader.tries.begin(source.name()) {
            let sentence = format!("loading {} into {}", named(source.name()), staged(loader, &dataset.table));
            info!(sentence, file.path = source.name(), table = dataset.table, "loading");
        }
        match load_in(&place, loader, &dataset, &mut source).await {
            Ok(report) => {
                loader.tries.end(source.name());
                let begun_before = unfinished && !file.is_fresh();
                say(source.name(), &staged(loader, &dataset.table), &report, begun_before, started.elapsed());
                // What a source gives again behind the checkpoint is not lost with a database.
                if source.window().is_none() {
                    deletion.push(report.deletion(&dataset, &source));
                }
                reports.push(report);
            }
            Err(error) => {
                let profile = source.sample().await.ok();
                let error = record_failure(loader, &file, &dataset, source.name(), profile.as_ref(), error).await;
                // An error that may pass goes before one for a person: the loaded parts stay loaded.
                if error.consequence != Consequence::Fail {
                    let claims = claims(&reports);
                    return dispose(file, error, reports, unfinished, claims);
                }
                failed.get_or_insert(error);
            }
        }
    }
    if reports.is_empty() && failed.is_none() && !passed.is_empty() {
        let sheets: Vec<_> = passed.iter().filter_map(Input::sheet).collect();
        let why = format!("it has no sheet that its plugin names; it has {}", sheets.join(", "));
        failed =
            Some(record_failure(loader, &file, &Dataset::of_file(&name), &name, None, LoadError::Shape(why)).await);
    }
    let claims = claims(&reports);
    if let Some(error) = failed {
        return dispose(file, error, reports, unfinished, claims);
    }
    if let [report] = &reports[..] {
        Span::current().record("load.id", report.load_id);
    }
    // An addition to a claimed file, which nobody should make, was not read.
    let gone = match file.stamp() {
        Some(now) if loaded.is_some_and(|loaded| now != loaded) => Ok(false),
        _ => delete(loader, &file, loaded, &on_success, deletion).await,
    };
    match gone {
        Ok(true) => {
            partly.iter().for_each(|partly| file.forget_partly(partly));
            FileOutcome::Loaded(reports)
        }
        Ok(false) => {
            let failed = record_failure(loader, &file, &Dataset::of_file(&name), &name, None, LoadError::Touched).await;
            dispose(file, failed, reports, unfinished, claims)
        }
        Err(error) => FileOutcome::Kept(file, error),
    }
}

/// The parts of a file.
struct Parts {
    /// Parts to load, each with its dataset.
    taken: Vec<(Input, Dataset)>,
    /// Sheets that no plugin takes, if plugins claim the file.
    passed: Vec<Input>,
    /// True if there is but one part.
    is_alone: bool,
}

/// Reason why nothing of a file is loaded, and the name under which it is recorded.
struct Refused {
    dataset: Dataset,
    part: String,
    error: LoadError,
}

/// Opens a file, and finds out its parts and their datasets.
async fn open(
    loader: &Loader,
    file: &ClaimedFile,
    name: &str,
    plugins: &Plugins,
    (place, stage): (&Place, &Stage),
) -> Result<(File, Parts), Refused> {
    let refuse = |part: &str, dataset: &str, error: LoadError| Refused {
        dataset: Dataset::of_file(dataset),
        part: part.to_owned(),
        error,
    };
    let window = file.window().map_err(|error| refuse(name, name, LoadError::Folder(error)))?;
    if let Some(destination) = window.as_ref().map(|window| &window.destination)
        && *destination != loader.destination
    {
        let place = destination.as_deref().unwrap_or("the project's own database");
        return Err(refuse(name, name, LoadError::Elsewhere(place.to_owned())));
    }
    may_be_tried(loader, file, name).await.map_err(|error| refuse(name, name, error))?;
    let opened = file.open().map_err(|error| {
        let error = FormatError::from(explain(error, &file.place()));
        refuse(name, name, SourceError::from(error).into())
    })?;
    // While it is open, every look is at the very file that was opened here, whatever is put in its place.
    let path = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
    let parts = Input::parts(&path, name, Some(file), loader.limits).await;
    let mut parts = parts.map_err(|error| refuse(name, name, error.into()))?;
    let mut pulled = None;
    if let Some(window) = window {
        let plugin = &window.position.stream.plugin;
        let Some(dataset) = plugins.pulled(plugin) else {
            return Err(refuse(name, name, unpulled(plugins, plugin)));
        };
        pulled = Some(dataset.clone());
        parts.iter_mut().for_each(|part| part.is_window(window.clone()));
    }
    if let (Some(dataset), [_]) = (pulled, &parts[..]) {
        let taken = parts.into_iter().map(|part| (part, dataset.clone())).collect();
        return Ok((opened, Parts { taken, passed: Vec::new(), is_alone: true }));
    }
    name_sheets(&loader.catalog, (place, stage), name, plugins, &mut parts)
        .await
        .map_err(|error| refuse(name, name, error.into()))?;
    let is_untold = |part: &Input| plugins.is_untold(name, part.table_hint(), part.sheet());
    let sources = Input::each_table(parts, is_untold).await;
    let sources = sources.map_err(|error| refuse(name, name, error.into()))?;
    for left_out in sources.iter().flat_map(|source| source.beside()) {
        let what = format!("{name}/{}", left_out.name.as_deref().unwrap_or_default());
        info!(file.path = what, "left out: {}", left_out.text.escape_debug());
    }
    let is_alone = sources.len() == 1;
    let (mut taken, mut passed) = (Vec::with_capacity(sources.len()), Vec::new());
    for source in sources {
        if let Some(error) = plugins.held(name, source.table_hint()) {
            return Err(refuse(source.name(), name, LoadError::Plugin(error.to_string())));
        }
        match plugins.dataset(name, source.table_hint(), source.sheet()) {
            Ok(Some(dataset)) => taken.push((source, dataset)),
            // Plugins claim the file, but none takes this sheet.
            Ok(None) => {
                info!(file.path = source.name(), "left out: the plugin takes another sheet");
                passed.push(source);
            }
            Err(why) => return Err(refuse(source.name(), source.table_hint(), LoadError::Shape(why))),
        }
    }
    if let Some((first, _)) = taken.first_mut() {
        leave_out(first, &passed);
    }
    Ok((opened, Parts { taken, passed, is_alone }))
}

/// The error of a window whose plugin pulls nothing now: by other rules than its own it would be another table.
fn unpulled(plugins: &Plugins, plugin: &str) -> LoadError {
    if plugins.is_disabled(plugin) {
        return LoadError::Plugin(format!("the plugin {plugin} is not enabled: app plugin enable {plugin}"));
    }
    match plugins.errors().next() {
        Some(error) => LoadError::Plugin(error.to_string()),
        None => LoadError::Unclaimed(plugin.to_owned()),
    }
}

/// Decides if a file over which programs ended is loaded once more. One whose rows are committed has only to go.
async fn may_be_tried(loader: &Loader, file: &ClaimedFile, name: &str) -> Result<(), LoadError> {
    if file.ends() < TRIES {
        return Ok(());
    }
    let loaded = loader.catalog.loaded_of(&file.claim().unwrap_or_default()).await?;
    let is_whole = loaded.iter().any(|source| source == name);
    if is_whole || (!loaded.is_empty() && file.ends() < TRIES_IN_PART) {
        return Ok(());
    }
    Err(LoadError::Ended(file.ends()))
}
