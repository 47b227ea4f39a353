//! The content of a chart: points in series along one axis, as many as can be told apart, and notes about the rest.

use std::collections::HashMap;

use super::super::kept::{Kept, Places, Point};
use super::super::number::full;
use super::scale;
use crate::export::{Field, Kind};
use crate::project::ChartKind;
use crate::schema::{read_date, read_timestamp, read_timestamptz};

/// The number of series with a colour each.
const MAX_SERIES: usize = 8;
/// The number of bars with a name, counting one for each series.
const MAX_NAMED: usize = 24;
/// The number of bars along time or numbers.
const MAX_COLUMNS: usize = 200;
/// The number of a pie's parts.
const MAX_PARTS: usize = 8;
/// The number of a line's points; the others lie within its width.
const MAX_POINTS: usize = 1_000;

/// The words for a name that is NULL, and for an empty one.
const NO_NAME: &str = "(none)";
const EMPTY: &str = "(empty)";

/// A chart, ready to be drawn.
#[derive(Clone, Debug)]
pub(in super::super) struct Plot {
    pub(super) kind: ChartKind,
    pub(super) axis: Axis,
    /// The label for each position of the axis.
    pub(super) labels: Vec<String>,
    pub(super) series: Vec<Series>,
    /// The notes below the chart.
    pub(in super::super) notes: Vec<String>,
    /// The name of the axis.
    x_name: String,
}

/// The positions along the axis, in its order.
#[derive(Clone, Debug)]
pub(super) enum Axis {
    /// Seconds since 1970.
    Time(Vec<f64>),
    Numbers(Vec<f64>),
    Names(usize),
}

impl Axis {
    pub(super) fn len(&self) -> usize {
        match self {
            Axis::Time(places) | Axis::Numbers(places) => places.len(),
            Axis::Names(count) => *count,
        }
    }
}

/// Values of one kind along the axis.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    /// The values by position on the axis: no row, or a row with its value.
    pub(super) values: Vec<Option<Option<f64>>>,
}

impl Series {
    pub(super) fn value(&self, at: usize) -> Option<f64> {
        self.values.get(at).copied().flatten().flatten()
    }

    fn size(&self) -> f64 {
        self.values.iter().flatten().flatten().map(|value| value.abs()).sum()
    }
}

impl Plot {
    /// Returns the chart of the kept points.
    ///
    /// # Errors
    /// In words for the page's readers, if there is nothing to draw.
    pub(in super::super) fn of(places: &Places, fields: &[Field], kept: &Kept) -> Result<Plot, String> {
        let y: Vec<usize> = (0..places.y.len())
            .filter(|at| fields.get(places.y[*at]).is_some_and(|field| field.kind.is_number()))
            .collect();
        if kept.points.is_empty() {
            return Err("There are no rows to draw.".to_owned());
        }
        if let Some(place) = places.y.iter().enumerate().find(|(at, _)| places.named && !y.contains(at)) {
            return Err(format!("No chart: {} has no numbers.", fields[*place.1].name));
        }
        if y.is_empty() {
            return Err("No chart: no column has numbers.".to_owned());
        }
        let mut builder = Builder {
            axis: HashMap::new(),
            keys: Vec::new(),
            series: Vec::new(),
            names: HashMap::new(),
            added: false,
            nameless: 0,
        };
        // With a series column, each of its values is a series; without, each column of numbers.
        let y = if places.series.is_some() { &y[..1] } else { &y[..] };
        let x = &fields[places.x];
        for point in &kept.points {
            for at in y {
                let name = point.series.clone().unwrap_or_else(|| fields[places.y[*at]].name.clone());
                builder.add(places.kind, x, point, name, point.y[*at]);
            }
        }
        let mut plot = builder.plot(places.kind, x)?;
        if kept.thinned {
            plot.notes.insert(0, "Drawn from a part of the rows: those with the outermost values.".to_owned());
        }
        plot.fit();
        if plot.series.iter().all(|series| series.values.iter().flatten().flatten().next().is_none()) {
            return Err("There are no values to draw.".to_owned());
        }
        Ok(plot)
    }

    /// Leaves out points that cannot be told apart.
    fn fit(&mut self) {
        let count = self.series.len();
        if self.kind == ChartKind::Pie {
            return self.fit_pie();
        }
        if count > MAX_SERIES {
            let mut sizes: Vec<f64> = self.series.iter().map(Series::size).collect();
            sizes.sort_by(|one, other| other.total_cmp(one));
            let least = sizes[MAX_SERIES - 1];
            self.series.retain(|series| series.size() >= least);
            self.series.truncate(MAX_SERIES);
            self.notes.push(format!("The {MAX_SERIES} largest of {} series.", full(count as f64)));
        }
        let places = self.axis.len();
        match (&self.axis, self.kind) {
            (Axis::Names(_), ChartKind::Bar) => {
                let most = (MAX_NAMED / self.series.len().max(1)).max(4);
                if places > most {
                    self.keep(&self.largest(most));
                    self.notes.push(format!("The {most} largest of {}.", full(places as f64)));
                }
            }
            (_, ChartKind::Bar) if places > MAX_COLUMNS => {
                self.keep(&(places - MAX_COLUMNS..places).collect::<Vec<_>>());
                self.notes.push(format!("The last {MAX_COLUMNS} of {}.", full(places as f64)));
            }
            _ if places > MAX_POINTS => {
                let kept = self.outline();
                self.keep(&kept);
                self.notes.push(format!(
                    "{} of {} points, the outermost ones.",
                    full(kept.len() as f64),
                    full(places as f64)
                ));
            }
            _ => {}
        }
    }

    fn fit_pie(&mut self) {
        self.series.truncate(1);
        let Some(series) = self.series.first() else { return };
        let places = self.axis.len();
        if places > MAX_PARTS {
            let largest = self.largest(MAX_PARTS - 1);
            let rest: f64 = (0..places).filter(|at| !largest.contains(at)).filter_map(|at| series.value(at)).sum();
            self.keep(&largest);
            let others = places - largest.len();
            self.labels.push(format!("{} others", full(others as f64)));
            self.axis = Axis::Names(self.labels.len());
            if let Some(series) = self.series.first_mut() {
                series.values.push(Some(Some(rest)));
            }
        }
    }

    /// Returns the positions with the largest values, in the axis's order.
    fn largest(&self, most: usize) -> Vec<usize> {
        let size = |at: &usize| self.series.iter().filter_map(|one| one.value(*at)).map(f64::abs).sum::<f64>();
        let mut places: Vec<usize> = (0..self.axis.len()).collect();
        places.sort_by(|one, other| size(other).total_cmp(&size(one)));
        places.truncate(most);
        places.sort_unstable();
        places
    }

    /// Returns the positions of the lowest and the highest value of each series, for each stretch of the axis.
    fn outline(&self) -> Vec<usize> {
        let (places, series) = (self.axis.len(), self.series.len().max(1));
        let stretch = places.div_ceil((MAX_POINTS / 2 / series).max(10));
        let mut kept = vec![0, places - 1];
        for from in (0..places).step_by(stretch) {
            for one in &self.series {
                let known = || (from..(from + stretch).min(places)).filter_map(|at| Some((at, one.value(at)?)));
                kept.extend(known().min_by(|one, other| one.1.total_cmp(&other.1)).map(|(at, _)| at));
                kept.extend(known().max_by(|one, other| one.1.total_cmp(&other.1)).map(|(at, _)| at));
            }
        }
        kept.sort_unstable();
        kept.dedup();
        kept
    }

    fn keep(&mut self, places: &[usize]) {
        let pick = |all: &[f64]| places.iter().map(|at| all[*at]).collect();
        self.axis = match &self.axis {
            Axis::Time(all) => Axis::Time(pick(all)),
            Axis::Numbers(all) => Axis::Numbers(pick(all)),
            Axis::Names(_) => Axis::Names(places.len()),
        };
        self.labels = places.iter().map(|at| self.labels[*at].clone()).collect();
        for series in &mut self.series {
            series.values = places.iter().map(|at| series.values[*at]).collect();
        }
    }

    /// Returns the lowest and the highest value.
    pub(super) fn bounds(&self) -> (f64, f64) {
        let values = || self.series.iter().flat_map(|series| series.values.iter().flatten().flatten().copied());
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    }

    /// Returns the chart in words, for screen readers.
    pub(super) fn in_words(&self) -> String {
        let kind = match self.kind {
            ChartKind::Bar => "Bar chart",
            ChartKind::Line => "Line chart",
            ChartKind::Area => "Area chart",
            ChartKind::Pie => "Pie chart",
            ChartKind::Table => "Table",
        };
        let names: Vec<_> = self.series.iter().map(|series| series.name.as_str()).collect();
        let (low, high) = self.bounds();
        let range = match (self.labels.first(), self.labels.last()) {
            (Some(first), Some(last)) if first != last => format!(", from {first} to {last}"),
            (Some(only), _) => format!(", {only}"),
            _ => String::new(),
        };
        format!(
            "{kind} of {} by {}{range}; lowest value {}, highest {}.",
            names.join(", "),
            self.x_name,
            full(low),
            full(high)
        )
    }
}

/// Collects points into series along an axis.
struct Builder {
    axis: HashMap<String, usize>,
    /// The texts along the axis with their time or number.
    keys: Vec<(String, f64)>,
    series: Vec<Series>,
    names: HashMap<String, usize>,
    added: bool,
    nameless: usize,
}

impl Builder {
    fn add(&mut self, kind: ChartKind, x: &Field, point: &Point, name: String, value: Option<f64>) {
        let is_ordered = along(kind, x.kind);
        let (key, place) = match &point.x {
            None if is_ordered => {
                self.nameless += 1;
                return;
            }
            None => (NO_NAME.to_owned(), 0.0),
            Some(text) if is_ordered => match place_of(text, x.kind) {
                Some(place) => (text.clone(), place),
                None => return,
            },
            Some(text) => (text.clone(), 0.0),
        };
        let at = *self.axis.entry(key).or_insert_with_key(|key| {
            self.keys.push((key.clone(), place));
            self.keys.len() - 1
        });
        let shown = if name.is_empty() { NO_NAME.to_owned() } else { name };
        let series = *self.names.entry(shown).or_insert_with_key(|name| {
            self.series.push(Series { name: name.clone(), values: Vec::new() });
            self.series.len() - 1
        });
        let values = &mut self.series[series].values;
        if values.len() <= at {
            values.resize(at + 1, None);
        }
        values[at] = match (values[at].flatten(), value) {
            (Some(before), Some(value)) => {
                self.added = true;
                Some(Some(before + value))
            }
            (before, value) => Some(before.or(value)),
        };
    }

    fn plot(mut self, kind: ChartKind, x: &Field) -> Result<Plot, String> {
        if self.keys.is_empty() {
            return Err(format!("No chart: {} has no values.", x.name));
        }
        let mut order: Vec<usize> = (0..self.keys.len()).collect();
        let is_ordered = along(kind, x.kind);
        if is_ordered {
            order.sort_by(|one, other| self.keys[*one].1.total_cmp(&self.keys[*other].1));
        }
        for series in &mut self.series {
            series.values.resize(self.keys.len(), None);
            series.values = order.iter().map(|at| series.values[*at]).collect();
        }
        let places: Vec<f64> = order.iter().map(|at| self.keys[*at].1).collect();
        let shown = |text: &String| if text.is_empty() { EMPTY.to_owned() } else { text.clone() };
        let texts = order.iter().map(|at| shown(&self.keys[*at].0)).collect();
        let (axis, labels) = match () {
            () if is_ordered && x.kind.is_moment() => {
                let labels = scale::all_in_words(&places);
                (Axis::Time(places), labels)
            }
            () if is_ordered => (Axis::Numbers(places), texts),
            () => (Axis::Names(places.len()), texts),
        };
        let mut notes = Vec::new();
        if self.added {
            notes.push(format!("Several rows have the same {}: their values are added.", x.name));
        }
        if self.nameless > 0 {
            notes.push(format!("{} values without {} are left out.", full(self.nameless as f64), x.name));
        }
        Ok(Plot { kind, axis, labels, series: self.series, notes, x_name: x.name.clone() })
    }
}

/// Returns true if the axis has an order of its own, rather than that of the rows.
fn along(kind: ChartKind, x: Kind) -> bool {
    kind != ChartKind::Pie && (x.is_moment() || x.is_number())
}

fn place_of(text: &str, kind: Kind) -> Option<f64> {
    match kind {
        Kind::Date => read_date(text).map(|day| scale::seconds(day.into())),
        Kind::Timestamp => read_timestamp(text).map(scale::seconds),
        Kind::Timestamptz => read_timestamptz(text).map(|at| scale::seconds(at.naive_utc())),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}
