//! The sources below a question: the files that its rows came from, and the times of their loads.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::{Question, time};
use crate::analysis::number::full;
use crate::catalog::{Freshness, LoadLine};

/// A staging table that a question reads.
#[derive(Debug)]
pub(in crate::analysis) struct Source {
    /// The name as people write it.
    pub(in crate::analysis) table: String,
    /// The loads.
    pub(in crate::analysis) loads: Freshness,
    /// True if it is read directly, not through the last build of the star.
    pub(in crate::analysis) direct: bool,
}

pub(super) fn sources(question: &Question, now: DateTime<Utc>, built: Option<DateTime<Utc>>) -> Markup {
    if question.sources.is_empty() && question.others.is_empty() {
        return html! {};
    }
    html! {
        div.sources {
            h3 { "Sources" }
            @if !question.sources.is_empty() {
                div.scroll {
                    table {
                        thead { tr { th scope="col" { "Table" } th scope="col" { "Newest file" } th scope="col" {
                            "Loaded" } th.num scope="col" { "Its rows" } th.num scope="col" { "All files" } } }
                        tbody { @for source in &question.sources { (line(source, now, built)) } }
                    }
                }
            }
            @if !question.others.is_empty() {
                p.note { "It also reads " (question.others.join(", ")) ", which no file of the project makes." }
            }
        }
    }
}

fn line(source: &Source, now: DateTime<Utc>, built: Option<DateTime<Utc>>) -> Markup {
    let Some((newest, earlier)) = source.loads.newest.split_first() else {
        return html! { tr { td { (source.table) } td colspan="4" { "No file is loaded." } } };
    };
    let is_newer = !source.direct && built.is_none_or(|built| at(newest) > built);
    let left = source.loads.loads.saturating_sub(source.loads.newest.len() as u64);
    html! {
        tr {
            td { (source.table) }
            td {
                (newest.source)
                @if is_newer { " " span.badge title="app --pipeline brings it into the star" { "not in the star yet" } }
                @if !earlier.is_empty() {
                    details {
                        summary { "earlier files" }
                        ul {
                            @for load in earlier { li { (load.source) ", " (time::moment(at(load))) ", "
                                (full(load.rows_loaded as f64)) " rows" } }
                            @if left > 0 { li { "and " (full(left as f64)) " before them" } }
                        }
                    }
                }
            }
            td { (time::with_words(at(newest), now)) }
            td.num data-label="Its rows" { (full(newest.rows_loaded as f64)) }
            td.num data-label="All files" { (full(source.loads.loads as f64)) }
        }
    }
}

fn at(load: &LoadLine) -> DateTime<Utc> {
    load.finished_at.unwrap_or(load.started_at)
}
