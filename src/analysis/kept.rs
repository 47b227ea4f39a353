//! The page's part of a result, taken as its rows pass: the first rows for the table, and a limited number of points
//! for the chart.

use crate::project::{Chart, ChartKind};
use crate::warehouse::Row;

/// The most rows and cells of a result on the page; a wide result has some rows, too.
const PAGE_ROWS: usize = 1_000;
const PAGE_CELLS: usize = 30_000;
const WIDE_ROWS: usize = 20;
/// The most letters of a cell on the page; the files have them all.
const CELL_LETTERS: usize = 500;
/// The number of points that are kept for a chart; beyond it they are thinned.
const MAX_POINTS: usize = 20_000;

/// The kept part of a result.
#[derive(Debug)]
pub(super) struct Kept {
    /// The first rows.
    pub(super) first: Vec<Row>,
    /// The points of the chart, if there is one.
    pub(super) points: Vec<Point>,
    /// True if points were left out.
    pub(super) thinned: bool,
    places: Option<Places>,
    limit: usize,
}

/// A row of a result as a chart needs it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    /// The value along the axis.
    pub(super) x: Option<String>,
    /// The name of the series.
    pub(super) series: Option<String>,
    /// The numbers, by the columns of [`Places::y`].
    pub(super) y: Vec<Option<f64>>,
}

/// The columns that a chart reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) kind: ChartKind,
    pub(super) x: usize,
    pub(super) y: Vec<usize>,
    pub(super) series: Option<usize>,
    /// True if the header names `y`.
    pub(super) named: bool,
}

impl Places {
    /// Returns the positions of the chart's columns in the result; `None` without a chart.
    pub(super) fn of(chart: &Chart, columns: &[&str]) -> Option<Places> {
        let place = |name: &String| columns.iter().position(|column| column == name);
        if chart.kind == ChartKind::Table || columns.is_empty() {
            return None;
        }
        let x = chart.x.as_ref().map_or(Some(0), place)?;
        let series = chart.series.as_ref().and_then(place);
        let named = !chart.y.is_empty();
        let y = if named {
            chart.y.iter().filter_map(place).collect()
        } else {
            (0..columns.len()).filter(|column| *column != x && Some(*column) != series).collect()
        };
        Some(Places { kind: chart.kind, x, y, series, named })
    }
}

impl Kept {
    pub(super) fn new(places: Option<Places>) -> Kept {
        Kept { first: Vec::new(), points: Vec::new(), thinned: false, places, limit: MAX_POINTS }
    }

    /// Returns the columns that the chart reads.
    pub(super) fn places(&self) -> Option<&Places> {
        self.places.as_ref()
    }

    /// Takes in a row.
    pub(super) fn see(&mut self, row: &Row) {
        if self.first.len() < (PAGE_CELLS / row.len().max(1)).clamp(WIDE_ROWS, PAGE_ROWS) {
            self.first.push(row.iter().map(|cell| cell.as_deref().map(cut)).collect());
        }
        let Some(places) = &self.places else { return };
        let text = |column: usize| row.text(column).map(cut);
        let number = |column: &usize| row.text(*column)?.parse().ok().filter(|number: &f64| number.is_finite());
        self.points.push(Point {
            x: text(places.x),
            series: places.series.map(|column| text(column).unwrap_or_default()),
            y: places.y.iter().map(number).collect(),
        });
        if self.points.len() >= self.limit {
            self.thinned = true;
            self.points = match places.kind {
                ChartKind::Line | ChartKind::Area => peaks(std::mem::take(&mut self.points)),
                ChartKind::Bar | ChartKind::Pie | ChartKind::Table => largest(std::mem::take(&mut self.points)),
            };
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn size(point: &Point) -> f64 {
    point.y.iter().flatten().fold(0.0, |most, number| number.abs().max(most))
}

/// Returns the lowest and the highest of each four points of a series: half of them, with the same outline.
fn peaks(points: Vec<Point>) -> Vec<Point> {
    let mut groups: std::collections::HashMap<Option<String>, Vec<usize>> = std::collections::HashMap::new();
    let mut keep = vec![false; points.len()];
    let value = |at: &usize| points[*at].y.first().copied().flatten().unwrap_or(f64::NEG_INFINITY);
    let mut settle = |group: &mut Vec<usize>| {
        let low = group.iter().min_by(|one, other| value(one).total_cmp(&value(other)));
        let high = group.iter().max_by(|one, other| value(one).total_cmp(&value(other)));
        low.into_iter().chain(high).for_each(|at| keep[*at] = true);
        group.clear();
    };
    for (at, point) in points.iter().enumerate() {
        let group = groups.entry(point.series.clone()).or_default();
        group.push(at);
        if group.len() == 4 {
            settle(group);
        }
    }
    groups.values_mut().for_each(settle);
    points.into_iter().zip(keep).filter_map(|(point, kept)| kept.then_some(point)).collect()
}

/// Returns the half of the points with the largest numbers, in their order.
fn largest(points: Vec<Point>) -> Vec<Point> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|one, other| size(&points[*other]).total_cmp(&size(&points[*one])));
    let mut keep = vec![false; points.len()];
    order.iter().take(points.len() / 2).for_each(|at| keep[*at] = true);
    points.into_iter().zip(keep).filter_map(|(point, kept)| kept.then_some(point)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(kind: ChartKind, rows: usize) -> Kept {
        let chart = Chart { kind, x: None, y: Vec::new(), series: None };
        let mut kept = Kept { limit: 100, ..Kept::new(Places::of(&chart, &["x", "y"])) };
        for row in 0..rows {
            let y = if row == 123 { 1e6 } else { (row % 10) as f64 };
            kept.see(&vec![Some(row.to_string()), Some(y.to_string())].into());
        }
        kept
    }

    #[test]
    fn a_chart_keeps_a_bounded_number_of_points_and_its_peaks() {
        for kind in [ChartKind::Bar, ChartKind::Line] {
            let kept = kept(kind, 5000);
            assert!(kept.thinned && kept.points.len() < 100, "{}", kept.points.len());
            assert!(kept.points.iter().any(|point| point.y == [Some(1e6)] && point.x.as_deref() == Some("123")));
            assert_eq!(kept.first.len(), PAGE_ROWS);
        }
        assert!(!kept(ChartKind::Line, 50).thinned);
    }

    #[test]
    fn what_is_shown_is_bounded_however_wide_and_long_it_is() {
        let mut kept = Kept::new(None);
        let row = vec![Some("ä".repeat(100_000)); 300].into();
        (0..200).for_each(|_| kept.see(&row));
        assert_eq!(kept.first.len(), 100);
        let cell = kept.first[0][0].as_deref().unwrap();
        assert!(cell.ends_with("ä…") && cell.chars().count() == CELL_LETTERS + 1);
    }

    #[test]
    fn columns_that_are_not_named_are_the_first_and_the_others() {
        let chart = Chart { kind: ChartKind::Bar, x: None, y: Vec::new(), series: Some("s".into()) };
        let places = Places::of(&chart, &["x", "s", "n"]).unwrap();
        assert_eq!((places.x, places.y, places.series), (0, vec![2], Some(1)));
    }
}
