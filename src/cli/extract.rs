//! `app extract NAME`: fetches what the source of a plugin has, and leaves it in imports/ for the next load.

use std::io::Write;

use clap::Args;
use tracing::error;

use super::pull::{folder_of, usage};
use super::{End, table};
use crate::daemon;
use crate::dataset::plugin::Plugins;
use crate::ops::extract::{Extracted, extract};
use crate::ops::pull::{WrongPull, all_of};
use crate::pull::Client;
use crate::settings::Settings;
use crate::text::counted;
use crate::text::shown::path;

/// The arguments of `app extract`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  app extract orders     fetches it now\n  app --once             loads it, and moves the checkpoint"
)]
pub(super) struct Wanted {
    /// The plugin
    name: String,
    /// Begin at the beginning, not where the last pull ended
    #[arg(long)]
    restart: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, asked: Wanted) -> anyhow::Result<End> {
    let Wanted { name, restart, json } = asked;
    let plugins = Plugins::read_right(&settings.folders.plugins_dir, &|name| settings.variable(name));
    let names = all_of(&plugins, &name).map_err(usage)?;
    let app = daemon::connect(settings).await?;
    app.plugins.set(plugins);
    let folder = folder_of(settings)?;
    let client = Client::new(&app.loader.clock)?;
    let stop = daemon::stop_signal()?;
    let mut out = crate::text::shown::stdout();
    let mut end = End::Done;
    for name in &names {
        let done = tokio::select! {
            done = extract(&app, &folder, &client, name, restart) => done,
            () = stop() => {
                writeln!(out, "{name}: stopped; nothing of it is left, and the checkpoint has not moved")?;
                end = End::Failed;
                break;
            }
        };
        match done {
            Ok(extracted) if json => table::print_json(&extracted)?,
            Ok(extracted) => say(&mut out, &extracted)?,
            Err(error) => {
                let error = match error.downcast::<WrongPull>() {
                    Ok(wrong) => usage(wrong),
                    Err(error) => error.context(format!("{name}: nothing was landed")),
                };
                // The others are fetched all the same.
                if names.len() > 1 {
                    error!("{}", crate::text::chain(&error));
                    end = End::Failed;
                    continue;
                }
                folder.leave();
                return Err(error);
            }
        }
    }
    folder.leave();
    app.workspace.warehouse.close().await;
    Ok(end)
}

fn say(out: &mut impl Write, extracted: &Extracted) -> std::io::Result<()> {
    let Extracted { plugin, table, tally, file, replaced, waiting, .. } = extracted;
    let (records, pages) = (counted(tally.records, "record"), counted(tally.pages, "page"));
    let Some(file) = file else {
        writeln!(out, "{plugin}: {records} of {pages}; nothing new")?;
        if *waiting > 0 {
            writeln!(out, "What was extracted before waits still. Next: app --once")?;
        }
        return Ok(());
    };
    let mut line = format!("{plugin}: {records} of {pages}");
    for (count, what) in [(tally.known, "known"), (tally.older, "older than asked")] {
        if count > 0 {
            line.push_str(&format!(", {count} {what}"));
        }
    }
    let whole = match tally.said {
        Some(said) => format!("the server says {said}"),
        None => tally.end.clone(),
    };
    writeln!(out, "{line}; whole: {whole}")?;
    writeln!(out, "  in {}, for staging.{table}", path(file))?;
    if *replaced > 0 {
        writeln!(out, "  in place of what was extracted before and not loaded")?;
    }
    writeln!(out, "Nothing is loaded yet. Next: app --once, or wait a minute for the daemon")
}
