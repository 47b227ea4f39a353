//! Parts of a whole: a ring, and beside it the name of each part.

use std::f64::consts::TAU;

use maud::{Markup, html};

use super::super::number::{full, short};
use super::plot::Plot;
use super::{n, text};

const RADIUS: f64 = 110.0;
const HOLE: f64 = 66.0;
const LINE: f64 = 26.0;

pub(super) fn draw(plot: &Plot, width: f64) -> (f64, Markup) {
    let Some(series) = plot.series.first() else { return (0.0, html! {}) };
    let values: Vec<f64> = (0..plot.labels.len()).map(|at| series.value(at).unwrap_or(0.0)).collect();
    let total: f64 = values.iter().sum();
    if values.iter().any(|value| *value < 0.0) || total <= 0.0 {
        let why = if total <= 0.0 { "There is no whole to take parts of." } else { "A pie has no negative parts." };
        return (40.0, html! { text class="faint" x="0" y="24" { (why) } });
    }
    let beside = width > 600.0;
    let (middle_x, middle_y) = if beside { (RADIUS + 20.0, RADIUS + 12.0) } else { (width / 2.0, RADIUS + 12.0) };
    let (list_x, list_y) = if beside {
        (2.0 * RADIUS + 80.0, (middle_y - LINE * values.len() as f64 / 2.0).max(12.0))
    } else {
        (0.0, 2.0 * RADIUS + 34.0)
    };
    let list_width = (width - list_x).min(440.0);
    let mut from = 0.0;
    let parts: Vec<_> = values
        .iter()
        .map(|value| {
            let part = (from, from + value / total);
            from = part.1;
            part
        })
        .collect();
    let height = (list_y + LINE * values.len() as f64).max(2.0 * RADIUS + 24.0) + 6.0;
    let drawing = html! {
        @for (at, ((value, part), name)) in values.iter().zip(&parts).zip(&plot.labels).enumerate() {
            @if *value > 0.0 {
                g class="mark" {
                    title { (name) ": " (full(*value)) ", " (percent(value / total)) }
                    path class=(format!("part s{at}")) fill-rule="evenodd" d=(ring(middle_x, middle_y, part.0, part.1)) {}
                }
            }
            @let y = list_y + LINE * at as f64;
            @let said = percent(value / total);
            @let number = full(*value);
            rect class=(format!("s{at}")) x=(n(list_x)) y=(n(y + 4.0)) width="12" height="12" rx="3" {}
            text x=(n(list_x + 20.0)) y=(n(y + 14.0)) {
                title { (name) }
                (text::cut(name, list_width - 100.0 - text::width(&number)))
            }
            text class="faint" x=(n(list_x + list_width - 62.0)) y=(n(y + 14.0)) text-anchor="end" { (number) }
            text class="value" x=(n(list_x + list_width)) y=(n(y + 14.0)) text-anchor="end" { (said) }
        }
        text class="total" x=(n(middle_x)) y=(n(middle_y + 2.0)) text-anchor="middle" { (if text::width(&full(total))
            * 1.7 < 2.0 * HOLE { full(total) } else { short(total) }) }
        text class="faint" x=(n(middle_x)) y=(n(middle_y + 20.0)) text-anchor="middle" { (text::cut(&series.name, 2.0 * HOLE - 16.0)) }
    };
    (height, drawing)
}

fn percent(part: f64) -> String {
    let percent = part * 100.0;
    if percent > 0.0 && percent < 0.1 { "< 0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

/// Returns a part of the ring; `from` and `to` are fractions of the whole turn.
fn ring(x: f64, y: f64, from: f64, to: f64) -> String {
    // An arc that ends at its start is invisible.
    let to = to.min(from + 0.9999);
    let point = |turn: f64, radius: f64| {
        let (sin, cos) = ((turn - 0.25) * TAU).sin_cos();
        format!("{:.2} {:.2}", x + radius * cos, y + radius * sin)
    };
    let large = u8::from(to - from > 0.5);
    format!(
        "M{} A{RADIUS} {RADIUS} 0 {large} 1 {} L{} A{HOLE} {HOLE} 0 {large} 0 {} Z",
        point(from, RADIUS),
        point(to, RADIUS),
        point(to, HOLE),
        point(from, HOLE)
    )
}
