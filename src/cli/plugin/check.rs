//! `app plugin check NAME`: the first page of a source, and how it is read. Needs no database.

use std::io::Write;

use serde::Serialize;

use crate::cli::{End, check, screen, table};
use crate::clock::Clock;
use crate::daemon::Usage;
use crate::dataset::plugin::Plugins;
use crate::ops::check::{Checked, check_bytes};
use crate::ops::pull::{all_of, first_page, wanted};
use crate::pull::Client;
use crate::settings::Settings;

/// Records of the first page that are shown.
const SHOWN: usize = 3;

#[derive(Serialize)]
struct Page {
    plugin: String,
    destination: Option<String>,
    records: usize,
    said: Option<u64>,
    path: Option<String>,
    paginate: String,
    has_next: bool,
    is_unstable: bool,
    parts: Vec<Checked>,
}

pub(super) async fn run(settings: &Settings, name: &str, json: bool) -> anyhow::Result<End> {
    let plugins = super::read(settings);
    let names = all_of(&plugins, name).map_err(|wrong| Usage(wrong.0))?;
    let mut end = End::Done;
    for name in &names {
        end = match (end, one(settings, &plugins, name, json).await?) {
            (End::Done, of_one) | (End::Rejects, of_one @ End::Failed) => of_one,
            (before, _) => before,
        };
    }
    Ok(end)
}

async fn one(settings: &Settings, plugins: &Plugins, name: &str, json: bool) -> anyhow::Result<End> {
    let (dataset, source) = wanted(plugins, name).map_err(|wrong| Usage(wrong.0))?;
    let destination = dataset.destination.as_ref().map(ToString::to_string);
    let page = first_page(&Client::new(&Clock::default())?, source).await?;
    let body = page.records.join("\n");
    let parts = match page.records.is_empty() {
        true => Vec::new(),
        false => {
            check_bytes(body.as_bytes(), &format!("{name}.{}", page.ending), dataset, settings.archives.limits())
                .await?
        }
    };
    let end = match () {
        () if parts.iter().any(|part| part.refused.is_some()) => End::Failed,
        () if parts.iter().any(|part| part.rows_rejected > 0) => End::Rejects,
        () => End::Done,
    };
    let is_json = page.ending == "jsonl";
    if json {
        let records = if is_json { page.records.len() } else { 0 };
        let (said, path, paginate) = (page.said, page.path, page.way);
        let (has_next, is_unstable) = (page.has_next, page.is_unstable);
        table::print_json(&Page {
            plugin: name.to_owned(),
            destination,
            records,
            said,
            path,
            paginate,
            has_next,
            is_unstable,
            parts,
        })?;
        return Ok(end);
    }
    let mut out = screen::stdout();
    let said = page.said.map_or_else(String::new, |said| format!(" of {said} that the server says"));
    if is_json {
        writeln!(out, "first page: {} records{said}", page.records.len())?;
        if let Some(path) = &page.path {
            writeln!(out, "records: {path}")?;
        }
    } else {
        writeln!(out, "first page: a file of {}", page.ending)?;
    }
    writeln!(out, "paginate: {{{}}}", page.way)?;
    if source.paginate.is_none() && page.is_unpaged {
        writeln!(
            out,
            "no way to a next page is found: if it is all, say paginate: {{by: none}}, else how the next one is asked for"
        )?;
    } else if page.has_next {
        writeln!(out, "another page follows")?;
    } else {
        writeln!(out, "it is the last page: {}", page.end)?;
    }
    if page.is_unstable {
        writeln!(
            out,
            "its pages go by $skip, which is not stable while the source changes: say order: [a key] to go by key"
        )?;
    }
    for record in page.records.iter().take(SHOWN).filter(|_| is_json) {
        writeln!(out, "  {}", table::shortened(record))?;
    }
    for part in parts {
        check::print(&mut out, part)?;
    }
    if let Some(destination) = destination {
        writeln!(out, "rows go to staging.{} of {destination}", dataset.table)?;
    }
    writeln!(out, "Nothing was loaded. Next: app pull {name}")?;
    Ok(end)
}
