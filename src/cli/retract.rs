//! `app retract LOAD`: takes a load's rows back. It cannot be undone, so it asks.

use std::io::Write;

use super::confirm::confirm;
use super::{End, table};
use crate::daemon::{self, Usage};
use crate::load::retract::{RetractError, Retraction, retract};
use crate::ops::reported::Reported;
use crate::settings::Settings;
use crate::text::counted;

/// The arguments of the command.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Retract {
    /// The load's number: see app loads
    load: i64,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Only show what would happen
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, wanted: Retract) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    let Retract { load, yes, dry_run, json } = wanted;
    if !yes {
        let would = retract(&app.loader, load, false).await.map_err(said)?;
        if dry_run || would.already {
            print(&would, json, dry_run)?;
            return Ok(End::Done);
        }
        if !confirm("retract", &words(&would, true), "Take them back?", &format!("app retract {load} --dry-run"))? {
            return Ok(End::Failed);
        }
    }
    let done = retract(&app.loader, load, true).await.map_err(said)?;
    print(&done, json, false)?;
    Ok(End::Done)
}

/// Turns errors of the command line into usage errors, with exit code 2.
fn said(error: RetractError) -> anyhow::Error {
    match error {
        RetractError::Unknown(_) | RetractError::NoRows { .. } => Usage(error.to_string()).into(),
        other => other.into(),
    }
}

fn print(done: &Retraction, json: bool, dry_run: bool) -> anyhow::Result<()> {
    if json {
        return table::print_json(&Reported { done, dry_run });
    }
    writeln!(crate::text::shown::stdout(), "{}", words(done, dry_run))?;
    if !dry_run && !done.already {
        let again = match &done.pulled_by {
            None => "The same file can be loaded again.".to_owned(),
            Some(plugin) => format!(
                "The checkpoint of {plugin} stays: what is asked for by it alone does not come again, but by app pull {plugin} --restart."
            ),
        };
        writeln!(crate::text::shown::stdout(), "{again} Next: app --pipeline takes its rows out of the star")?;
    }
    Ok(())
}

fn words(done: &Retraction, dry_run: bool) -> String {
    let Retraction { load, source, table, rows_removed, rows_restored, .. } = done;
    if done.already {
        return format!("load {load} ({source}) was taken back before: nothing to do");
    }
    if done.was_lost {
        let is = if dry_run { "would be" } else { "is" };
        return format!(
            "load {load} ({source}): its rows are not in staging.{table}, they were lost; it {is} retracted"
        );
    }
    if let Some(dimensions) = &done.remembered_by {
        let leaves = if dry_run { "would leave" } else { "leaves" };
        let whose = if dimensions.is_empty() { "the star".to_owned() } else { dimensions.join(", ") };
        return format!(
            "load {load} ({source}): a later load has replaced its rows; what {whose} remembers of it {leaves} with the next run"
        );
    }
    let (leave, are, is) = if dry_run { ("would leave", "would be", "would be") } else { ("left", "are", "is") };
    let mut text = format!("load {load} ({source}): {} {leave} staging.{table}", counted(*rows_removed, "row"));
    if *rows_restored > 0 {
        text += &format!(", {rows_restored} {are} again what they were before");
    }
    if let (true, Some(before)) = (done.table_is_empty, done.had_replaced) {
        text += &format!(
            "\nThe table {is} empty: the rows of load {before}, which it replaced, were deleted and do not come back; drop their \
             file in again"
        );
    } else if done.table_is_empty {
        text += &format!("\nThe table {is} empty");
    }
    text
}
