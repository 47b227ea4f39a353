//! Axes: positions of values, and the values of ticks.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, TimeDelta, Timelike};

/// A range of values on a stretch of the drawing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Scale {
    pub(super) fn at(&self, value: f64) -> f64 {
        if self.high == self.low {
            return (self.from + self.to) / 2.0;
        }
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }
}

/// Returns about as many round values that span the range: steps of 1, 2, 2.5 or 5 times a power of ten.
pub(super) fn ticks(low: f64, high: f64, about: usize) -> Vec<f64> {
    let (low, high) = match (low, high) {
        (low, high) if low == high && low == 0.0 => (0.0, 1.0),
        (low, high) if low == high => (low.min(low * 2.0).min(0.0), high.max(0.0)),
        both => both,
    };
    let rough = (high - low) / about.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|one| one * power).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
    (0..=(last - first).min(100.0) as usize).map(|at| (first + at as f64) * step).collect()
}

/// Returns the range with zero, for bars and areas, and for lines that are near it.
pub(super) fn with_zero(low: f64, high: f64, always: bool) -> (f64, f64) {
    let near = low >= 0.0 && low <= 0.6 * high || high <= 0.0 && high >= 0.6 * low;
    if always || near { (low.min(0.0), high.max(0.0)) } else { (low, high) }
}

/// Returns the seconds since 1970.
pub(super) fn seconds(at: NaiveDateTime) -> f64 {
    at.and_utc().timestamp_micros() as f64 / 1e6
}

fn moment(seconds: f64) -> NaiveDateTime {
    DateTime::from_timestamp_micros((seconds * 1e6) as i64).unwrap_or_default().naive_utc()
}

/// A step of a time axis.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Seconds(i64),
    Months(u32),
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const STEPS: [Step; 22] = [
    Step::Seconds(1),
    Step::Seconds(5),
    Step::Seconds(15),
    Step::Seconds(30),
    Step::Seconds(MINUTE),
    Step::Seconds(5 * MINUTE),
    Step::Seconds(15 * MINUTE),
    Step::Seconds(30 * MINUTE),
    Step::Seconds(HOUR),
    Step::Seconds(3 * HOUR),
    Step::Seconds(6 * HOUR),
    Step::Seconds(12 * HOUR),
    Step::Seconds(DAY),
    Step::Seconds(2 * DAY),
    Step::Seconds(7 * DAY),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
];

impl Step {
    fn length(self) -> f64 {
        match self {
            Step::Seconds(seconds) => seconds as f64,
            Step::Months(months) => f64::from(months) * 30.44 * DAY as f64,
        }
    }
}

/// Returns at most so many moments from `low` to `high` that are round in the calendar, with their labels; for days,
/// only days.
pub(super) fn time_ticks(low: f64, high: f64, most: usize, days: bool) -> Vec<(f64, String)> {
    let rough = (high - low) / most.max(1) as f64;
    let step = STEPS
        .into_iter()
        .find(|step| step.length() >= rough && (!days || step.length() >= DAY as f64))
        .unwrap_or_else(|| {
            let decades = (rough / Step::Months(120).length()).ceil() as u32;
            Step::Months(120 * decades.max(1))
        });
    let mut at = first_tick(moment(low), step);
    let mut ticks: Vec<(f64, String)> = Vec::new();
    let mut before: Option<NaiveDateTime> = None;
    while seconds(at) <= high && ticks.len() <= most + 1 {
        if seconds(at) >= low {
            ticks.push((seconds(at), tick_words(at, step, before)));
            before = Some(at);
        }
        let next = match step {
            Step::Seconds(seconds) => at.checked_add_signed(TimeDelta::seconds(seconds)),
            Step::Months(months) => at.checked_add_months(Months::new(months)),
        };
        let Some(next) = next else { break };
        at = next;
    }
    if ticks.is_empty() {
        ticks.push((low, words(moment(low))));
    }
    ticks
}

fn first_tick(low: NaiveDateTime, step: Step) -> NaiveDateTime {
    match step {
        Step::Seconds(step) => {
            // Weeks begin on Monday, such as 1970-01-05.
            let offset = if step == 7 * DAY { 4 * DAY } else { 0 };
            let at = (low.and_utc().timestamp() - offset).div_euclid(step) * step + offset;
            moment(at as f64)
        }
        Step::Months(step) => {
            let months = low.year() * 12 + low.month0() as i32;
            let months = months.div_euclid(step as i32) * step as i32;
            let day = NaiveDate::from_ymd_opt(months.div_euclid(12), months.rem_euclid(12) as u32 + 1, 1);
            day.unwrap_or_default().and_time(chrono::NaiveTime::MIN)
        }
    }
}

/// Returns a tick's label: the year appears where it changes, and so does the day of a time.
fn tick_words(at: NaiveDateTime, step: Step, before: Option<NaiveDateTime>) -> String {
    let new_year = before.is_none_or(|before| before.year() != at.year());
    let new_day = before.is_none_or(|before| before.date() != at.date());
    let format = match step {
        Step::Months(months) if months >= 12 => "%Y",
        Step::Months(_) if new_year => "%b %Y",
        Step::Months(_) => "%b",
        Step::Seconds(step) if step >= DAY && new_year => "%-d %b %Y",
        Step::Seconds(step) if step >= DAY => "%-d %b",
        Step::Seconds(_) if new_day => "%-d %b %H:%M",
        Step::Seconds(step) if step < MINUTE => "%H:%M:%S",
        Step::Seconds(_) => "%H:%M",
    };
    at.format(format).to_string()
}

/// Returns a moment in words, as precise as it is.
pub(super) fn words(at: NaiveDateTime) -> String {
    let format = match (at.num_seconds_from_midnight(), at.second()) {
        (0, _) => "%-d %b %Y",
        (_, 0) => "%-d %b %Y %H:%M",
        _ => "%-d %b %Y %H:%M:%S",
    };
    at.format(format).to_string()
}

/// Returns moments in words, all alike: as years if all begin one, as months if all begin one.
pub(super) fn all_in_words(all: &[f64]) -> Vec<String> {
    let all: Vec<_> = all.iter().map(|seconds| moment(*seconds)).collect();
    let begin_a_day = all.iter().all(|at| at.num_seconds_from_midnight() == 0);
    let begin_a_month = begin_a_day && all.iter().all(|at| at.day() == 1);
    let begin_a_year = begin_a_month && all.len() > 1 && all.iter().all(|at| at.month() == 1);
    let format = match () {
        () if begin_a_year => "%Y",
        () if begin_a_month && all.len() > 1 => "%b %Y",
        () if begin_a_day => "%-d %b %Y",
        () => return all.into_iter().map(words).collect(),
    };
    all.iter().map(|at| at.format(format).to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_span_the_values() {
        assert_eq!(ticks(0.0, 97.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(-3.0, 4.0, 4), [-4.0, -2.0, 0.0, 2.0, 4.0]);
        assert_eq!(ticks(0.0, 0.0, 4), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(ticks(5.0, 5.0, 5), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(ticks(-5.0, -5.0, 5).first(), Some(&-10.0));
        let tiny = ticks(1e-7, 9e-7, 4);
        assert!(tiny[0] <= 1e-7 && tiny[tiny.len() - 1] >= 9e-7);
    }

    #[test]
    fn time_is_marked_where_the_calendar_is_round() {
        let at = |text: &str| seconds(crate::schema::read_timestamp(&format!("{text} 00:00")).unwrap());
        let words = |low, high, most| {
            time_ticks(at(low), at(high), most, false)
                .into_iter()
                .map(|(_, words)| words)
                .collect::<Vec<_>>()
                .join("; ")
        };
        assert_eq!(words("2023-11-03", "2024-03-20", 6), "Dec 2023; Jan 2024; Feb; Mar");
        assert_eq!(words("2015-01-01", "2024-01-01", 10), "2015; 2016; 2017; 2018; 2019; 2020; 2021; 2022; 2023; 2024");
        assert_eq!(words("2024-02-28", "2024-03-02", 4), "28 Feb 2024; 29 Feb; 1 Mar; 2 Mar");
        assert_eq!(words("2024-02-28", "2024-02-29", 4), "28 Feb 00:00; 06:00; 12:00; 18:00; 29 Feb 00:00");
        assert_eq!(words("2024-02-28", "2024-02-28", 4), "28 Feb 00:00");
        let days = time_ticks(at("2024-02-28"), at("2024-02-29"), 9, true);
        assert_eq!(days.into_iter().map(|(_, words)| words).collect::<Vec<_>>(), ["28 Feb 2024", "29 Feb"]);
    }

    #[test]
    fn moments_are_said_alike() {
        let at = |text: &str| seconds(crate::schema::read_timestamp(text).unwrap());
        assert_eq!(all_in_words(&[at("2024-01-01 00:00"), at("2024-02-01 00:00")]), ["Jan 2024", "Feb 2024"]);
        assert_eq!(all_in_words(&[at("2023-01-01 00:00"), at("2024-01-01 00:00")]), ["2023", "2024"]);
        assert_eq!(all_in_words(&[at("2024-01-01 10:30")]), ["1 Jan 2024 10:30"]);
    }
}
