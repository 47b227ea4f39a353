//! `app export TABLE`: a table or view as a file.

use std::io::Write;
use std::path::PathBuf;

use super::End;
use crate::counted::counted;
use crate::daemon::{self, Usage};
use crate::export::table;
use crate::settings::Settings;

/// What a table is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// With commas and a header
    Csv,
    /// One object a line
    Json,
}

pub(super) async fn run(
    settings: &Settings,
    name: &str,
    format: Format,
    output: Option<PathBuf>,
) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    let Some(found) = table(&app, name).await? else {
        let known = app.ledger.datasets().await?;
        let hint = crate::star::nearest(name.rsplit('.').next().unwrap_or(name), known.iter().map(String::as_str));
        return Err(Usage(format!("there is no table or view {name}{hint}")).into());
    };
    let json = format == Format::Json;
    let ending = if json { "jsonl" } else { "csv" };
    let path = output.unwrap_or_else(|| app.exports.join(format!("{}.{ending}", found.table.name)));
    let export = found.write(&*app.warehouse, json, &path).await?;
    writeln!(
        std::io::stdout(),
        "{} of {} in {}",
        counted(export.rows, "row"),
        app.warehouse.names().shown(&found.table),
        path.display()
    )?;
    Ok(End::Done)
}
