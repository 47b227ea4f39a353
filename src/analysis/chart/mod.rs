//! Charts as SVG: values in, markup out, no I/O. Colours are the page's variables `--c0` to `--c7`, so that a chart is
//! readable in light and in dark. Each is drawn for a wide and for a narrow page, because its text must not shrink with
//! it.

mod bars;
mod columns;
mod lines;
mod pie;
mod plot;
mod scale;
mod text;

use maud::{Markup, html};

pub(super) use plot::Plot;

use crate::project::ChartKind;
use plot::Axis;

/// The widths of a drawing in its own units, which are the page's pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Wide,
    Narrow,
}

impl Width {
    fn units(self) -> f64 {
        match self {
            Width::Wide => 880.0,
            Width::Narrow => 360.0,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Width::Wide => "wide",
            Width::Narrow => "narrow",
        }
    }
}

/// Returns the plot as one `svg`. `id` is unique on the page; screen readers read `title`.
pub(super) fn svg(plot: &Plot, width: Width, id: &str, title: &str) -> Markup {
    let (height, drawing) = match (plot.kind, &plot.axis) {
        (ChartKind::Pie, _) => pie::draw(plot, width.units()),
        (ChartKind::Bar, Axis::Names(_)) => bars::draw(plot, width.units()),
        (ChartKind::Bar, _) => columns::draw(plot, width.units()),
        _ => lines::draw(plot, width.units()),
    };
    let id = format!("{id}-{}", width.word());
    html! {
        svg class=(format!("chart {}", width.word())) viewBox=(format!("0 0 {} {}", n(width.units()), n(height)))
            role="img" aria-labelledby=(format!("{id}-t {id}-d")) xmlns="http://www.w3.org/2000/svg" {
            title id=(format!("{id}-t")) { (title) }
            desc id=(format!("{id}-d")) { (plot.in_words()) }
            (drawing)
        }
    }
}

/// The top of the legend.
const TOP: f64 = 4.0;

/// Returns the names of several series with their colours, in as many lines as they need, or the name of the only one;
/// and the height.
fn legend(plot: &Plot, width: f64, left: f64) -> (f64, Markup) {
    if let [only] = plot.series.as_slice() {
        let name = html! { text class="faint" x=(n(left)) y=(n(TOP + 10.0)) { title { (only.name) }
        (text::cut(&only.name, width - left)) } };
        return (22.0, name);
    }
    let (mut x, mut y, mut places) = (left, TOP + 6.0, Vec::new());
    for series in &plot.series {
        let name = text::cut(&series.name, (width - 24.0).min(220.0));
        let room = text::width(&name) + 34.0;
        if x > left && x + room > width {
            (x, y) = (left, y + 20.0);
        }
        places.push((x, y, name));
        x += room;
    }
    let drawing = html! {
        @for (at, ((x, y, name), series)) in places.iter().zip(&plot.series).enumerate() {
            g {
                title { (series.name) }
                rect class=(format!("s{at}")) x=(n(*x)) y=(n(y - 5.0)) width="12" height="12" rx="3" {}
                text x=(n(x + 18.0)) y=(n(y + 5.0)) { (name) }
            }
        }
    };
    (y - TOP + 22.0, drawing)
}

/// Formats a coordinate, short.
fn n(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;
