//! Horizontal bars, each between its name and its value: long names stay readable.

use maud::{Markup, html};

use super::super::number::full;
use super::plot::Plot;
use super::scale::Scale;
use super::{legend, n, text};

/// The largest share of the width for names.
const NAMES: f64 = 0.36;
/// The width up to which long names stand above their bars.
const NARROW: f64 = 400.0;
/// The height of a name above its bars.
const ABOVE: f64 = 17.0;

pub(super) fn draw(plot: &Plot, width: f64) -> (f64, Markup) {
    let widest = plot.labels.iter().map(|label| text::width(label)).fold(0.0, f64::max);
    let is_above = width <= NARROW && widest > width * NAMES;
    let (room, left) =
        if is_above { (width, 0.0) } else { (widest.min(width * NAMES), widest.min(width * NAMES) + 12.0) };
    let before_bars = if is_above { ABOVE } else { 0.0 };
    let (above, names) = legend(plot, width, if plot.series.len() > 1 { 0.0 } else { left });
    let count = plot.series.len() as f64;
    let thick = if count > 1.0 { 14.0 } else { 20.0 };
    let step = before_bars + thick * count + if count > 1.0 { 14.0 } else { 9.0 };
    let (low, high) = plot.bounds();
    let (low, high) = (low.min(0.0), high.max(0.0));
    let label = |value: f64| text::width(&full(value)) + 10.0;
    let values = || plot.series.iter().flat_map(|series| series.values.iter().flatten().flatten().copied());
    let behind = values().filter(|value| *value >= 0.0).map(label).fold(8.0, f64::max);
    let before = values().filter(|value| *value < 0.0).map(label).fold(0.0, f64::max);
    let scale = Scale { low, high: if low == high { 1.0 } else { high }, from: left + before, to: width - behind };
    let zero = scale.at(0.0);
    let height = above + step * plot.labels.len() as f64 + 8.0;
    let drawing = html! {
        (names)
        @for (at, name) in plot.labels.iter().enumerate() {
            @let top = above + 4.0 + step * at as f64;
            g {
                @if is_above {
                    text class="name" x="6" y=(n(top + ABOVE - 5.0)) { title { (name) } (text::cut(name, room)) }
                } @else {
                    text class="name" x=(n(left - 10.0)) y=(n(top + thick * count / 2.0 + 4.0)) text-anchor="end" {
                        title { (name) }
                        (text::cut(name, room))
                    }
                }
            }
            @for (one, series) in plot.series.iter().enumerate() {
                @let y = top + before_bars + thick * one as f64;
                @match series.value(at) {
                    Some(value) => {
                        @let (from, to) = (zero.min(scale.at(value)), zero.max(scale.at(value)));
                        g class="mark" {
                            title { (name) @if count > 1.0 { ", " (series.name) } ": " (full(value)) }
                            rect class=(format!("s{one}")) x=(n(from)) y=(n(y)) width=(n((to - from).max(1.0)))
                                height=(n(thick - if count > 1.0 { 2.0 } else { 0.0 })) rx="2" {}
                            @if value < 0.0 {
                                text class="value" x=(n(from - 6.0)) y=(n(y + thick / 2.0 + 4.0)) text-anchor="end" { (full(value)) }
                            } @else {
                                text class="value" x=(n(to + 6.0)) y=(n(y + thick / 2.0 + 4.0)) { (full(value)) }
                            }
                        }
                    }
                    None => text class="faint" x=(n(zero + 6.0)) y=(n(y + thick / 2.0 + 4.0)) { "–" }
                }
            }
        }
        line class="zero" x1=(n(zero)) x2=(n(zero)) y1=(n(above)) y2=(n(height - 6.0)) {}
    };
    (height, drawing)
}
