//! `app export TABLE`: a table or view as a file.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::End;
use crate::daemon::{self, Usage};
use crate::export::{ExportError, Format, STDOUT};
use crate::ops::export::table;
use crate::settings::Settings;
use crate::text::counted;
use crate::warehouse::Scope;

pub(super) async fn run(
    settings: &Settings,
    name: &str,
    format: Option<Format>,
    output: Option<PathBuf>,
) -> anyhow::Result<End> {
    let format = match (format, output.as_deref().and_then(Path::extension)) {
        (Some(format), _) => format,
        (None, None) => Format::Csv,
        (None, Some(ending)) => Format::of_ending(&ending.to_string_lossy()).ok_or_else(|| {
            let ending = ending.display();
            Usage(format!(
                "nothing is written as .{ending}: say --format, or let PATH end in .csv, .jsonl, .parquet or .xlsx"
            ))
        })?,
    };
    // The name of a folder that is asked for may be mistyped.
    if let Some(folder) = output.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty())
        && !folder.is_dir()
    {
        return Err(Usage(format!("there is no folder {}: make it, or name the right one", folder.display())).into());
    }
    let app = daemon::look(settings).await?;
    let Some(found) = table(&app.workspace, name).await? else {
        let mut known = app.workspace.catalog.datasets().await?;
        known.extend(crate::project::own_views(&app.workspace.sql).into_iter().map(|view| view.name));
        let mut transaction = app.workspace.warehouse.begin(Scope::Load).await?;
        known.extend(app.workspace.catalog.star(&mut *transaction).await?.into_iter().map(|state| state.name));
        let hint = crate::text::nearest(name.rsplit('.').next().unwrap_or(name), known.iter().map(String::as_str));
        return Err(Usage(format!("there is no table or view {name}{hint}")).into());
    };
    let path =
        output.unwrap_or_else(|| app.workspace.exports.join(format!("{}.{}", found.table.name, format.ending())));
    // Their rows are all that is on it.
    let is_stdout = [STDOUT, "/dev/stdout"].iter().any(|stdout| path == Path::new(stdout));
    let path = if is_stdout { PathBuf::from(STDOUT) } else { path };
    let export = match found.write(&*app.workspace.warehouse, format, &path).await {
        // The reader of the rows has seen enough.
        Err(ExportError::File { error, .. }) if is_stdout && error.kind() == ErrorKind::BrokenPipe => {
            return Ok(End::Done);
        }
        export => export?,
    };
    let mut out: Box<dyn Write> =
        if is_stdout { Box::new(crate::text::shown::stderr()) } else { Box::new(crate::text::shown::stdout()) };
    writeln!(
        out,
        "{} of {} in {}",
        counted(export.rows, "row"),
        app.workspace.warehouse.names().shown(&found.table),
        path.display()
    )?;
    Ok(End::Done)
}
