//! `app check FILE`: a dry run of a load. Loads nothing, needs no database.

use std::io::Write;
use std::path::Path;

use anyhow::Context;

use super::{End, beside, screen, table};
use crate::daemon::{self, Usage};
use crate::dataset::plugin::Plugins;
use crate::format::SpanBytes;
use crate::ops::check::{Checked, CheckedFile, check, words};
use crate::settings::Settings;
use crate::text::chain;
use crate::text::shown::shown;
use crate::worker::left;

pub(super) async fn run(settings: &Settings, path: &Path, json: bool) -> anyhow::Result<End> {
    if !path.is_file() {
        let shown = crate::text::shown::path(path);
        return Err(Usage(match path.is_dir() {
            true => format!(
                "{shown} is a folder: app check reads one file, or the SQL files of {}",
                settings.folders.sql_dir.display()
            ),
            false => format!("there is no file {shown}"),
        })
        .into());
    }
    let plugins = Plugins::read(&settings.folders.plugins_dir, &|name| settings.variable(name))
        .map_err(|error| Usage(error.to_string()))?;
    let left = left(path, &|name| plugins.claims(name));
    if let (Some(why), false) = (left, json) {
        writeln!(screen::stdout(), "lying in imports/ as it lies here it would be left there, not loaded: {why}")?;
    }
    let parts = check(path, &plugins, settings.archives.limits()).await;
    let mut parts = parts.with_context(|| crate::text::shown::path(path))?;
    compare(settings, &mut parts).await.with_context(|| crate::text::shown::path(path))?;
    let end = match () {
        () if parts.iter().any(|part| part.refused.is_some()) => End::Failed,
        () if parts.iter().any(|part| part.rows_rejected > 0) => End::Rejects,
        () => End::Done,
    };
    if json {
        parts.into_iter().try_for_each(|part| table::print_json(&CheckedFile { part, left }))?;
        return Ok(end);
    }
    let mut out = screen::stdout();
    for part in parts {
        let (plugin, table) = (part.plugin.clone(), part.table.clone());
        print(&mut out, part)?;
        writeln!(out, "\nTo read files like it in just this way, plugins/{table}/plugin.yaml:\n")?;
        // To be copied as it is.
        writeln!(crate::text::shown::stdout(), "{plugin}")?;
    }
    Ok(end)
}

/// Prints a part: its columns, counts and rejects.
pub(super) fn print(out: &mut impl Write, part: Checked) -> anyhow::Result<()> {
    writeln!(out, "{} -> staging.{}", shown(&part.source), part.table)?;
    writeln!(out, "{}", shown(&words(&part.layout)))?;
    if let Some(names) = &part.likely_header {
        writeln!(out, "taken for the header: {}; every column is text, so nothing proves it", shown(names))?;
    }
    let columns: Vec<_> = part
        .columns
        .into_iter()
        .map(|one| {
            let samples: Vec<_> = one.samples.iter().map(|text| table::shortened(text)).collect();
            vec![one.name, one.header, one.r#type.to_owned(), samples.join(" | ")]
        })
        .collect();
    table::print(&[("column", 0), ("header", 1), ("type", 0), ("first values", 2)], &columns)?;
    for hint in &part.hints {
        writeln!(out, "{}", shown(hint))?;
    }
    writeln!(
        out,
        "rows: {} read = {} to load + {} rejected + {} filtered",
        part.rows_read, part.rows_loaded, part.rows_rejected, part.rows_filtered
    )?;
    if let Some(refused) = &part.refused {
        writeln!(out, "{refused}")?;
    }
    if part.rows_padded + part.rows_extended > 0 {
        let (padded, extended) = (part.rows_padded, part.rows_extended);
        writeln!(out, "of those to load {padded} have fewer cells than the header, {extended} have more (in _extra)")?;
    }
    if let Some(loose) = part.rows_loose.filter(|loose| *loose > 0) {
        writeln!(out, "of those read {loose} have quotes that are not doubled")?;
    }
    if let Some(SpanBytes { header, beside, records, rejects, blank }) = part.bytes {
        let all = header + beside + records + rejects + blank;
        writeln!(
            out,
            "bytes: {all} of text = {header} header + {beside} kept beside + {records} records + {rejects} of what \
             cannot be read as records + {blank} line ends, blank lines and empty records"
        )?;
    }
    let kept = part.beside.iter().map(|one| (one.kind, one.line, one.name.as_deref(), one.text.as_str()));
    beside::print("beside the records, to be kept with the load:", &kept.collect::<Vec<_>>())?;
    if !part.rejects.is_empty() {
        let rejects: Vec<_> = part
            .rejects
            .into_iter()
            .map(|one| {
                let reason = table::reason(one.reason, Some(&one.detail));
                vec![one.line.to_string(), one.column.unwrap_or_default(), reason, table::shortened(&one.text)]
            })
            .collect();
        table::print(&[("line", 0), ("column", 2), ("reason", 0), ("text", 1)], &rejects)?;
    }
    Ok(())
}

/// Compares stated types with those of the tables that stand, where there is a warehouse. One that cannot be asked is
/// named.
async fn compare(settings: &Settings, parts: &mut [Checked]) -> anyhow::Result<()> {
    if !parts.iter().any(Checked::states_types) {
        return Ok(());
    }
    let app = match daemon::look(settings).await {
        Ok(app) => app,
        // There is none yet, and so no table.
        Err(error) if error.is::<Usage>() => return Ok(()),
        Err(error) => {
            let why = chain(&error.context("the types of the columns that the table has could not be looked at"));
            return Ok(writeln!(crate::text::shown::stderr(), "{why}")?);
        }
    };
    for part in parts {
        part.compare(&app.workspace).await?;
    }
    Ok(())
}
