//! `app plugin list | show | check | enable | disable | new`: the plugins of the project.

mod check;
mod new;
mod switch;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{End, screen, table};
use crate::daemon::Usage;
use crate::dataset::plugin::{Listed, Plugins};
use crate::settings::Settings;
use crate::text::nearest;
use crate::text::shown::path;

/// The arguments of `app plugin`.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists the plugins: enabled, disabled, faulty
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Prints the file of a plugin
    Show {
        /// The plugin
        name: String,
    },
    /// Fetches the first page of a plugin's source, and shows how it is read; loads nothing
    #[command(after_help = "Example:\n  app plugin check orders")]
    Check {
        /// The plugin
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Enables a plugin: enabled: true
    Enable {
        /// The plugin
        name: String,
    },
    /// Disables a plugin: it claims no files, and nothing pulls it
    Disable {
        /// The plugin
        name: String,
    },
    /// Writes plugins/NAME/plugin.yaml, which reads these files with every column typed
    #[command(after_help = "Example:\n  app plugin new orders --from orders_2026-01.csv orders_2026-02.csv")]
    New {
        /// The plugin's name: small letters, digits and _
        name: String,
        /// Files of its table
        #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
        from: Vec<PathBuf>,
        /// Print the plugin instead of writing it
        #[arg(long)]
        print: bool,
    },
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    match wanted.what {
        What::New { name, from, print } => new::run(settings, &name, &from, print).await,
        What::List { json } => list(settings, json),
        What::Show { name } => show(settings, &name),
        What::Check { name, json } => check::run(settings, &name, json).await,
        What::Enable { name } => switch::run(&find(settings, &name)?, &name, true),
        What::Disable { name } => switch::run(&find(settings, &name)?, &name, false),
    }
}

fn read(settings: &Settings) -> Plugins {
    Plugins::read_right(&settings.folders.plugins_dir, &|name| settings.variable(name))
}

fn find(settings: &Settings, name: &str) -> anyhow::Result<Listed> {
    let all = read(settings).list();
    let names: Vec<_> =
        all.iter().flat_map(|plugin| [Some(plugin.name.clone()), plugin.group.clone()]).flatten().collect();
    let found = all.into_iter().find(|plugin| plugin.name == name || plugin.group.as_deref() == Some(name));
    let hint = nearest(name, names.iter().map(String::as_str));
    let none = || Usage(format!("there is no plugin {name} in {}{hint}", path(&settings.folders.plugins_dir)));
    Ok(found.ok_or_else(none)?)
}

/// Prints the file, and what it does not say itself: where rows go.
fn show(settings: &Settings, name: &str) -> anyhow::Result<End> {
    let found = find(settings, name)?;
    let mut out = crate::text::shown::stdout();
    let text = std::fs::read_to_string(&found.path)?;
    write!(out, "{text}{}", if text.ends_with('\n') { "" } else { "\n" })?;
    for plugin in read(settings).list().into_iter().filter(|plugin| plugin.path == found.path) {
        if let Some(destination) = plugin.destination {
            writeln!(out, "# the rows of {} go to {destination}", plugin.name)?;
        }
    }
    Ok(End::Done)
}

fn list(settings: &Settings, json: bool) -> anyhow::Result<End> {
    let all = read(settings).list();
    let end = if all.iter().any(|plugin| plugin.error.is_some()) { End::Failed } else { End::Done };
    if json {
        all.iter().try_for_each(table::print_json)?;
        return Ok(end);
    }
    if all.is_empty() {
        writeln!(screen::stdout(), "no plugin is in {}", path(&settings.folders.plugins_dir))?;
        return Ok(end);
    }
    let rows: Vec<_> = all
        .into_iter()
        .map(|plugin| {
            let to = plugin.destination.map_or_else(String::new, |to| format!(" -> {to}"));
            let from = plugin.source.map_or_else(|| plugin.files.join(" "), |source| source + &to);
            let table = plugin.table.map_or_else(String::new, |table| format!("staging.{table}"));
            vec![plugin.name, plugin.state.to_owned(), table, plugin.error.unwrap_or(from)]
        })
        .collect();
    table::print(&[("plugin", 0), ("state", 0), ("table", 0), ("files or source", 1)], &rows)?;
    Ok(end)
}
