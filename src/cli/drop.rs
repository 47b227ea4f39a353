//! `app drop TABLE`: drops a table with all that belongs to it. It cannot be undone, so it asks.

use std::io::Write;

use super::confirm::confirm;
use super::{End, table};
use crate::daemon::{self, Usage};
use crate::ops::drop::{DropError, Dropped, drop_table};
use crate::ops::reported::Reported;
use crate::settings::Settings;
use crate::text::counted;

/// The arguments of the command.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Wanted {
    /// The table or view, such as staging.orders, datawarehouse.fact_orders, or a question's view
    table: String,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Only show what would be dropped
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    let Wanted { table, yes, dry_run, json } = wanted;
    if !yes {
        let would = drop_table(&app, &table, false).await.map_err(said)?;
        if dry_run {
            print(&would, json, true)?;
            return Ok(End::Done);
        }
        if !confirm("drop", &words(&would, true), "Drop it?", &format!("app drop {table} --dry-run"))? {
            return Ok(End::Failed);
        }
    }
    let done = drop_table(&app, &table, true).await.map_err(said)?;
    print(&done, json, false)?;
    Ok(End::Done)
}

/// Turns errors of the command line into usage errors, with exit code 2.
fn said(error: DropError) -> anyhow::Error {
    match error {
        DropError::Unknown { .. } | DropError::Ambiguous(..) | DropError::Foreign(_) => Usage(error.to_string()).into(),
        other => other.into(),
    }
}

fn print(done: &Dropped, json: bool, dry_run: bool) -> anyhow::Result<()> {
    if json {
        return table::print_json(&Reported { done, dry_run });
    }
    Ok(writeln!(crate::text::shown::stdout(), "{}", words(done, dry_run))?)
}

fn words(done: &Dropped, dry_run: bool) -> String {
    let Dropped { table, kind, rows, loads, beside, views, exports, read_by, made_by } = done;
    let be = |count: usize| match count {
        _ if dry_run => "would be",
        1 => "is",
        _ => "are",
    };
    let is_dropped = be(1 + usize::from(rows.is_some()));
    let rows = rows.map(|rows| format!(" and its {}", counted(rows, "row"))).unwrap_or_default();
    let mut lines = vec![format!("{table} ({kind}){rows} {is_dropped} dropped")];
    if !loads.is_empty() {
        let count = counted(loads.len() as u64, "load");
        let numbers: Vec<_> = loads.iter().take(10).map(i64::to_string).collect();
        let more = if loads.len() > 10 { ", …" } else { "" };
        lines.push(format!(
            "{count} ({}{more}) {} retracted: {} can be loaded again, and the next app --pipeline takes the rows out of the star",
            numbers.join(", "),
            be(loads.len()),
            if loads.len() == 1 { "its file" } else { "their files" }
        ));
    }
    for (what, some) in
        [("with it, kept beside it", beside), ("with it, views that read it", views), ("with it, files", exports)]
    {
        if !some.is_empty() {
            lines.push(format!("{what}: {}", some.join(", ")));
        }
    }
    if !read_by.is_empty() {
        lines.push(format!("read by {}: they fail until it is there again", read_by.join(", ")));
    }
    if let Some(file) = made_by {
        let run = if kind == "question" { "app --analysis" } else { "app --pipeline" };
        lines.push(format!("{file} still stands: the next {run} makes it again"));
    }
    lines.join("\n")
}
