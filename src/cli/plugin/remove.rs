//! `app plugin remove NAME`: takes a plugin's folder away. Its table and its checkpoint stay.

use std::io::Write;

use clap::Args;

use crate::cli::confirm::agree;
use crate::cli::{End, table};
use crate::ops::plugins::{Removal, removal};
use crate::settings::Settings;
use crate::text::shown::{path, shown};

/// The arguments of `app plugin remove`.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// The plugin
    name: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    let Wanted { name, yes, json } = wanted;
    let removal = removal(&super::find(settings, &name)?)?;
    let Removal { table, folder, files, .. } = &removal;
    if !yes {
        let would = format!("{} would go, with {}", path(folder), shown(&files.join(", ")));
        let refusal = format!("{would}; nobody can be asked here: say app plugin remove {name} --yes");
        if !agree(refusal, &format!("{would}\nTake it away? It cannot be undone."))? {
            return Ok(End::Failed);
        }
    }
    removal.remove()?;
    if json {
        table::print_json(&removal)?;
        return Ok(End::Done);
    }
    let mut out = crate::text::shown::stdout();
    writeln!(out, "took {} away", path(folder))?;
    let (table, drop) = match table {
        Some(table) => (format!("staging.{table}"), format!("app drop staging.{table}")),
        None => ("its table".to_owned(), "app drop TABLE".to_owned()),
    };
    writeln!(out, "What it loaded stays in {table}, and so does its checkpoint: {drop} takes both away")?;
    Ok(End::Done)
}
