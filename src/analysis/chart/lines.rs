//! Lines and areas along time, numbers or names.

use maud::{Markup, html};

use super::super::number::{full, short};
use super::plot::{Axis, Plot};
use super::scale::{self, Scale};
use super::{legend, n, text};
use crate::project::ChartKind;

/// The number of points up to which each has a dot.
const DOTS: usize = 40;
/// The number of points from which a line is thin.
const DENSE: usize = 200;

pub(super) fn draw(plot: &Plot, width: f64) -> (f64, Markup) {
    let (above, names) = legend(plot, width, 0.0);
    let (top, bottom) = (above + 12.0, above + 282.0);
    let is_area = plot.kind == ChartKind::Area;
    let (low, high) = plot.bounds();
    let stacks = is_area && plot.series.len() > 1 && low >= 0.0;
    let bases = bases(plot, stacks);
    let highest =
        bases.last().map_or(high, |sums| if stacks { sums.iter().copied().fold(0.0, f64::max) } else { high });
    let (low, high) = scale::with_zero(low, highest, is_area);
    let (y, left, grid) = value_axis(low, high, bottom, top, width);
    let (x, ticks) = along(plot, left, width);
    let places: Vec<f64> = match &plot.axis {
        Axis::Time(places) | Axis::Numbers(places) => places.iter().map(|place| x.at(*place)).collect(),
        Axis::Names(count) => (0..*count).map(|at| x.at(at as f64)).collect(),
    };
    let floor = y.at(y.low.max(0.0_f64.min(y.high)));
    let dots = if places.len() <= DOTS { 3.0 } else { 0.0 };
    let drawing = html! {
        (names)
        (grid)
        @for (place, label) in &ticks {
            text class="tick" x=(n(*place)) y=(n(bottom + 22.0)) text-anchor="middle" { (label) }
        }
        @for (one, series) in plot.series.iter().enumerate().rev() {
            @for run in runs(plot, one, stacks) {
                @let line: Vec<_> = run.iter().map(|at| {
                    let value = series.value(*at).unwrap_or(0.0);
                    (places[*at], y.at(value + if stacks { bases[one][*at] } else { 0.0 }))
                }).collect();
                @if is_area {
                    @let below = run.iter().rev().map(|at| (places[*at], if stacks { y.at(bases[one][*at]) } else { floor }));
                    polygon class=(format!("fill s{one}{}", if stacks { " stacked" } else { "" }))
                        points=(points(line.iter().copied().chain(below))) {}
                }
                polyline class=(format!("line l{one}{}", if places.len() > DENSE { " dense" } else { "" }))
                    points=(points(line.iter().copied())) {}
                @for (at, (x, y)) in run.iter().zip(&line) {
                    @let value = series.value(*at).unwrap_or(0.0);
                    g class="mark" {
                        title { (plot.labels[*at]) @if plot.series.len() > 1 { ", " (series.name) } ": " (full(value)) }
                        // A single point has no line that would show it.
                        @let radius = if run.len() == 1 { 4.0 } else { dots };
                        @if radius > 0.0 { circle class=(format!("s{one}")) cx=(n(*x)) cy=(n(*y)) r=(n(radius)) {} }
                        circle class="touch" cx=(n(*x)) cy=(n(*y)) r="9" {}
                    }
                }
            }
        }
        @if y.low <= 0.0 {
            line class="zero" x1=(n(left)) x2=(n(width)) y1=(n(y.at(0.0))) y2=(n(y.at(0.0))) {}
        }
    };
    (bottom + 32.0, drawing)
}

/// Returns the base of each series, and at the end the sum of all.
fn bases(plot: &Plot, stacks: bool) -> Vec<Vec<f64>> {
    let mut sums = vec![vec![0.0; plot.axis.len()]];
    for series in plot.series.iter().filter(|_| stacks) {
        let below = &sums[sums.len() - 1];
        let next = below.iter().enumerate().map(|(at, sum)| sum + series.value(at).unwrap_or(0.0)).collect();
        sums.push(next);
    }
    sums
}

/// Returns the runs of a series without a NULL; positions without a row are skipped. A stack has no gaps.
fn runs(plot: &Plot, one: usize, stacks: bool) -> Vec<Vec<usize>> {
    if stacks {
        return vec![(0..plot.axis.len()).collect()];
    }
    let mut runs = vec![Vec::new()];
    for (at, value) in plot.series[one].values.iter().enumerate() {
        match value {
            Some(Some(_)) => runs.last_mut().into_iter().for_each(|run| run.push(at)),
            Some(None) => runs.push(Vec::new()),
            None => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn points(all: impl Iterator<Item = (f64, f64)>) -> String {
    all.map(|(x, y)| format!("{},{}", n(x), n(y))).collect::<Vec<_>>().join(" ")
}

/// Returns the axis along the bottom, with the places and labels of its ticks.
fn along(plot: &Plot, left: f64, width: f64) -> (Scale, Vec<(f64, String)>) {
    let inset = 14.0;
    let within = |low: f64, high: f64| Scale { low, high, from: left + inset, to: width - inset };
    let ends = |places: &[f64]| (places[0], places[places.len() - 1]);
    let (scale, ticks) = match &plot.axis {
        Axis::Time(places) => {
            let (low, high) = ends(places);
            let most = ((width - left) / 66.0) as usize;
            let ticks = scale::time_ticks(low, high, most, places.iter().all(|place| place % 86_400.0 == 0.0));
            (within(low, high), ticks)
        }
        Axis::Numbers(places) => {
            let (low, high) = ends(places);
            let is_years = low >= 1900.0 && high < 2100.0;
            let most = ((width - left) / 66.0) as usize;
            let ticks = if low == high { vec![low] } else { scale::ticks(low, high, most) };
            let ticks = ticks.into_iter().filter(|tick| (low..=high).contains(tick));
            let words = |tick: f64| if is_years { tick.to_string() } else { short(tick) };
            (within(low, high), ticks.map(|tick| (tick, words(tick))).collect())
        }
        Axis::Names(count) => {
            let scale = within(0.0, *count as f64 - 1.0);
            let room = (width - left) / *count as f64;
            let every = (90.0 / room).ceil().max(1.0) as usize;
            let ticks = (0..*count)
                .step_by(every)
                .map(|at| (at as f64, text::cut(&plot.labels[at], room * every as f64 - 8.0)));
            (scale, ticks.collect())
        }
    };
    // Labels at the ends stay within the drawing, and none overlaps the one before.
    let mut free = 0.0;
    let mut shown = Vec::new();
    for (value, words) in ticks {
        let half = text::width(&words) / 2.0;
        let place = scale.at(value).min(width - half).max(half);
        if shown.is_empty() || place - half > free + 8.0 {
            free = place + half;
            shown.push((place, words));
        }
    }
    (scale, shown)
}

/// Returns the axis of the values: its scale, the left edge of the drawing beside it, and its lines.
pub(super) fn value_axis(low: f64, high: f64, bottom: f64, top: f64, width: f64) -> (Scale, f64, Markup) {
    let ticks = scale::ticks(low, high, 5);
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    let scale = Scale { low, high, from: bottom, to: top };
    let left = ticks.iter().map(|tick| text::width(&short(*tick))).fold(0.0, f64::max) + 10.0;
    let grid = html! {
        @for tick in &ticks {
            @let y = scale.at(*tick);
            line class="grid" x1=(n(left)) x2=(n(width)) y1=(n(y)) y2=(n(y)) {}
            text class="tick" x=(n(left - 10.0)) y=(n(y + 4.0)) text-anchor="end" { (short(*tick)) }
        }
    };
    (scale, left, grid)
}
