//! Vertical bars, along time or numbers.

use maud::{Markup, html};

use super::super::number::{full, short};
use super::lines::value_axis;
use super::plot::{Axis, Plot};
use super::{legend, n, text};

/// The number of bars up to which values stand above them, where they fit.
const WITH_VALUES: usize = 16;

pub(super) fn draw(plot: &Plot, width: f64) -> (f64, Markup) {
    let (above, names) = legend(plot, width, 0.0);
    let (top, bottom) = (above + 18.0, above + 288.0);
    let (low, high) = plot.bounds();
    let (scale, left, grid) = value_axis(low.min(0.0), high.max(0.0), bottom, top, width);
    let count = plot.axis.len();
    let band = (width - left) / count as f64;
    let gap = (band * 0.24).min(24.0);
    // A single bar has a limited width.
    let thick = ((band - gap) / plot.series.len() as f64).min(90.0);
    let group = thick * plot.series.len() as f64;
    let labels = labels(plot);
    let widest = labels.iter().map(|label| text::width(label)).fold(0.0, f64::max) + 10.0;
    let every = (widest / band).ceil().max(1.0) as usize;
    let zero = scale.at(0.0);
    let with_values = count * plot.series.len() <= WITH_VALUES;
    let drawing = html! {
        (names)
        (grid)
        @for (at, label) in labels.iter().enumerate() {
            @let middle = left + band * (at as f64 + 0.5);
            @for (one, series) in plot.series.iter().enumerate() {
                @if let Some(value) = series.value(at) {
                    @let x = middle - group / 2.0 + thick * one as f64;
                    @let (high, low) = (zero.min(scale.at(value)), zero.max(scale.at(value)));
                    @let shown = if text::width(&full(value)) < band - 4.0 { full(value) } else { short(value) };
                    g class="mark" {
                        title { (label) @if plot.series.len() > 1 { ", " (series.name) } ": " (full(value)) }
                        rect class=(format!("s{one}")) x=(n(x)) y=(n(high)) width=(n((thick - if thick > 4.0 { 1.0 }
                            else { 0.0 }).max(0.5)))
                            height=(n((low - high).max(1.0))) rx=(if thick > 6.0 { "2" } else { "0" }) {}
                        @if with_values && text::width(&shown) < thick.max(band / plot.series.len() as f64) {
                            text class="value" x=(n(x + thick / 2.0)) text-anchor="middle"
                                y=(n(if value < 0.0 { low + 14.0 } else { high - 5.0 })) { (shown) }
                        }
                    }
                }
            }
            @if at % every == 0 {
                text class="tick" x=(n(middle.clamp(left + text::width(label) / 2.0 - 10.0, width - text::width(label)
                    / 2.0))) y=(n(bottom + 22.0)) text-anchor="middle" { (label) }
            }
        }
        line class="zero" x1=(n(left)) x2=(n(width)) y1=(n(zero)) y2=(n(zero)) {}
    };
    (bottom + 32.0, drawing)
}

/// Returns the labels: years have no thousands separator.
fn labels(plot: &Plot) -> Vec<String> {
    match &plot.axis {
        Axis::Numbers(places) if places.iter().any(|place| !(1900.0..2100.0).contains(place)) => {
            places.iter().map(|place| full(*place)).collect()
        }
        _ => plot.labels.clone(),
    }
}
