//! `app pull NAME`, `app pull --all`: fetches what the sources of plugins have, and loads it.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use tracing::error;

use super::{End, table};
use crate::app::App;
use crate::daemon::{self, Usage};
use crate::dataset::plugin::Plugins;
use crate::ops::pull::{Pulled, WrongPull, all_of, pull};
use crate::pull::Client;
use crate::settings::Settings;
use crate::source::Folder;
use crate::text::counted;

/// The arguments of `app pull`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  app plugin check orders     the first page, and how the next one is asked for\n  \
                        app pull orders             goes on where the last pull ended\n  \
                        app pull --all              every enabled plugin with a source")]
pub(super) struct Wanted {
    /// The plugin
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    name: Option<String>,
    /// Every enabled plugin with a source
    #[arg(long)]
    all: bool,
    /// Begin at the beginning, not where the last pull ended
    #[arg(long, conflicts_with = "all")]
    restart: bool,
    /// Print one JSON object a plugin
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, wanted_pull: Wanted) -> anyhow::Result<End> {
    let Wanted { name, all, restart, json } = wanted_pull;
    let variable = |name: &str| settings.variable(name);
    let plugins = Plugins::read_right(&settings.folders.plugins_dir, &variable);
    let names: Vec<String> = match &name {
        Some(name) => all_of(&plugins, name).map_err(usage)?,
        None => plugins.sources().map(|(name, ..)| name.to_owned()).collect(),
    };
    let mut end = End::Done;
    if all {
        for wrong in plugins.errors() {
            error!("{wrong}");
            end = End::Failed;
        }
        if names.is_empty() && end == End::Done {
            return Err(Usage("no enabled plugin has a source: see docs/pulls.md".to_owned()).into());
        }
    }
    let app = daemon::connect(settings).await?;
    app.plugins.set(plugins);
    let folder = folder_of(settings)?;
    let client = Client::new(&app.loader.clock)?;
    let stop = daemon::stop_signal()?;
    let mut out = crate::text::shown::stdout();
    for name in &names {
        let pulling = one(&app, &folder, &client, name, restart);
        let done = tokio::select! {
            done = pulling => done,
            () = stop() => {
                writeln!(out, "{name}: stopped; app pull {name} goes on behind what is loaded")?;
                end = End::Failed;
                break;
            }
        };
        let pulled = match done {
            Ok(pulled) => pulled,
            // The others are pulled all the same.
            Err(error) if all || names.len() > 1 => {
                error!("{name}: {}", crate::text::chain(&error));
                end = End::Failed;
                continue;
            }
            Err(error) => return Err(error),
        };
        end = match (end, &pulled) {
            (End::Failed, _) | (_, Pulled { whole: false, .. }) => End::Failed,
            (_, Pulled { rows_rejected: 1.., .. }) => End::Rejects,
            (end, _) => end,
        };
        if json {
            table::print_json(&pulled)?;
        } else {
            say(&mut out, &pulled)?;
        }
    }
    folder.leave();
    app.close().await;
    Ok(end)
}

async fn one(app: &App, folder: &Folder, client: &Client, name: &str, restart: bool) -> anyhow::Result<Pulled> {
    pull(app, folder, client, name, restart).await.map_err(|error| match error.downcast::<WrongPull>() {
        Ok(wrong) => usage(wrong),
        Err(error) => error,
    })
}

/// The folder of files, made where there is none, with a place for the windows of a pull.
pub(super) fn folder_of(settings: &Settings) -> anyhow::Result<Folder> {
    let imports = &settings.folders.imports_dir;
    std::fs::create_dir_all(imports).with_context(|| format!("cannot make the folder {}", imports.display()))?;
    Folder::open_to_pull(imports).with_context(|| format!("cannot use the folder {}", imports.display()))
}

pub(super) fn usage(wrong: WrongPull) -> anyhow::Error {
    Usage(wrong.0).into()
}

fn say(out: &mut impl Write, pulled: &Pulled) -> std::io::Result<()> {
    let Pulled { plugin, tally, rows_loaded, rows_rejected, .. } = pulled;
    let mut line = format!(
        "{plugin}: {} of {}; {rows_loaded} loaded into {}",
        counted(tally.records, "record"),
        counted(tally.pages, "page"),
        pulled.place()
    );
    for (count, what) in [(*rows_rejected, "rejected"), (tally.known, "known"), (tally.older, "older than asked")] {
        if count > 0 {
            line.push_str(&format!(", {count} {what}"));
        }
    }
    if let Some(warning) = &pulled.warning {
        line.push_str(&format!("; warning: {warning}"));
    }
    match (&pulled.error, tally.said) {
        (Some(error), _) => writeln!(out, "{line}; not whole: {error}"),
        (None, Some(said)) => writeln!(out, "{line}; whole: the server says {said}"),
        (None, None) if tally.end.is_empty() => writeln!(out, "{line}; nothing new"),
        (None, None) => writeln!(out, "{line}; whole: {}", tally.end),
    }
}
