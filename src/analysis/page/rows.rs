//! A result as a table, and one row's numbers as figures.

use maud::{Markup, html};

use super::Question;
use crate::analysis::number::Style;
use crate::export::{Field, Kind};
use crate::schema::{read_timestamp, read_timestamptz};
use crate::warehouse::Row;

/// The number of rows from which a table can be searched.
const SEARCHED: usize = 10;
/// The number of figures for a result of one row.
const MAX_FIGURES: usize = 4;

/// Returns a result of one row: its numbers, large.
pub(super) fn figures(question: &Question) -> Markup {
    let numbers = || question.fields.iter().enumerate().filter(|(_, field)| field.kind.is_number());
    let ([row], 1..=MAX_FIGURES) = (question.first.as_slice(), numbers().count()) else { return html! {} };
    html! {
        div.figures {
            @for (at, field) in numbers() {
                @if let Some(text) = row.text(at) {
                    div {
                        b { (style(field, at, &question.first).shown(text).0) }
                        span { (field.name.replace('_', " ")) }
                    }
                }
            }
        }
    }
}

/// Returns the rows, to be sorted by a click where scripts run.
pub(super) fn table(question: &Question) -> Markup {
    let styles: Vec<_> =
        question.fields.iter().enumerate().map(|(at, field)| style(field, at, &question.first)).collect();
    html! {
        div.scroll tabindex="0" role="region" aria-label=(format!("Table: {}", question.title)) {
            table.data data-search[question.first.len() > SEARCHED] {
                thead { tr { @for field in &question.fields { th scope="col" class=(class(field.kind))
                    data-kind=(class(field.kind)) { (field.name) } } } }
                tbody {
                    @for row in &question.first {
                        tr { @for ((cell, field), style) in row.iter().zip(&question.fields).zip(&styles) {
                            (self::cell(cell.as_deref(), field.kind, *style)) } }
                    }
                }
            }
        }
    }
}

fn style(field: &Field, at: usize, rows: &[Row]) -> Style {
    let values = rows.iter().filter_map(|row| row.text(at));
    Style::of(&field.name, values.take_while(|_| field.kind.is_number()))
}

/// Returns the class of a column, for the style and the script.
fn class(kind: Kind) -> &'static str {
    match kind {
        kind if kind.is_number() => "num",
        kind if kind.is_moment() => "time",
        _ => "txt",
    }
}

fn cell(text: Option<&str>, kind: Kind, style: Style) -> Markup {
    let Some(text) = text else {
        return html! { td.none.num[kind.is_number()] title="no value" { "–" } };
    };
    if kind.is_number() {
        let (shown, exact) = style.shown(text);
        let whole = (!exact).then_some(text);
        return html! { td.num title=[whole] data-value=[whole] { (shown) } };
    }
    // Moments of both engines are written alike.
    let moment = match kind {
        Kind::Timestamp => read_timestamp(text).map(|at| at.format("%Y-%m-%d %H:%M:%S%.f").to_string()),
        Kind::Timestamptz => read_timestamptz(text).map(|at| at.format("%Y-%m-%d %H:%M:%S%.f UTC").to_string()),
        _ => None,
    };
    html! { td class=[kind.is_moment().then_some("time")] { (moment.as_deref().unwrap_or(text)) } }
}
