//! `app doctor`: every check of a project; those that fail say how to fix them. Changes nothing.

use super::screen::Tone;
use super::{End, table};
use crate::daemon::Usage;
use crate::ops::doctor::{Check, doctor};
use crate::settings::Settings;

pub(super) async fn run(settings: &Settings, watched: bool, alert_test: bool, json: bool) -> anyhow::Result<End> {
    let checks = doctor(settings, watched, alert_test).await.map_err(Usage)?;
    let end = if checks.iter().all(|check| check.ok) { End::Done } else { End::Failed };
    if json {
        checks.iter().try_for_each(table::print_json)?;
        return Ok(end);
    }
    let word = |ok| if ok { "ok" } else { "NOT OK" }.to_owned();
    let rows: Vec<_> = checks.into_iter().map(|Check { check, ok, text }| vec![check, word(ok), text]).collect();
    table::print_toned(&[("check", 0), ("", 0), ("what was found, or how to fix it", 0)], &rows, tone)?;
    Ok(end)
}

fn tone(header: &str, cell: &str) -> Option<Tone> {
    match (header, cell) {
        ("", "ok") => Some(Tone::Good),
        ("", _) => Some(Tone::Bad),
        _ if cell.contains("warning: ") => Some(Tone::Doubt),
        _ => None,
    }
}
