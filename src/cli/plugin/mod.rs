//! `app plugin list | show | check | enable | disable | new | add | remove`: the plugins of the project.

mod add;
mod check;
mod list;
mod new;
mod remove;
mod switch;

use std::io::Write;

use clap::{Args, Subcommand};

use super::End;
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
    /// Writes plugins/NAME/plugin.yaml for files of one table, or for the first page of an address, with every column typed
    #[command(after_help = "Example:\n  app plugin new orders --from orders_2026-01.csv orders_2026-02.csv\n  \
                            app plugin new posts --url https://jsonplaceholder.typicode.com/posts")]
    New(new::Wanted),
    /// Adds a plugin from a folder or an archive, which may be an address: shows what it would do, and asks
    #[command(
        after_help = "Example:\n  app plugin add orders.zip\n  app plugin add https://example.org/orders.tar.gz --sha256 9f86…"
    )]
    Add(add::Wanted),
    /// Takes a plugin's folder away; its table and its checkpoint stay
    Remove(remove::Wanted),
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    match wanted.what {
        What::New(wanted) => new::run(settings, wanted).await,
        What::Add(wanted) => add::run(settings, wanted).await,
        What::Remove(wanted) => remove::run(settings, wanted),
        What::List { json } => list::run(settings, json).await,
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
