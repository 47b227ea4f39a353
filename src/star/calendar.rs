//! The days of a calendar: the natural key is the date, the surrogate key its digits (20240131).

use chrono::{Datelike, NaiveDate};

use crate::project::Calendar;
use crate::sql::{Engine, TableColumn};

/// Returns a calendar's columns, without the surrogate key.
pub fn columns(engine: Engine) -> Vec<TableColumn> {
    let boolean = "boolean";
    let number = engine.small_number();
    let column = |name: &str, declared: &str| TableColumn { name: name.to_owned(), declared: declared.to_owned() };
    vec![
        column("date", "date"),
        column("year", number),
        column("quarter", number),
        column("month", number),
        column("month_name", "text"),
        column("year_month", "text"),
        column("day", number),
        column("day_of_year", number),
        column("weekday", number),
        column("weekday_name", "text"),
        column("is_weekend", boolean),
        column("iso_year", number),
        column("iso_week", number),
        column("fiscal_year", number),
        column("fiscal_quarter", number),
        column("fiscal_month", number),
        column("first_of_month", "date"),
        column("last_of_month", "date"),
    ]
}

/// Returns the days as rows of `values`, the surrogate key first, in the order of [`columns`].
///
/// Weeks are those of ISO 8601; a weekday is 1 (Monday) to 7. A fiscal year has the number of the calendar year in
/// which it ends.
pub fn values(calendar: Calendar) -> impl Iterator<Item = String> {
    calendar
        .from
        .iter_days()
        .take_while(move |day| *day <= calendar.to)
        .map(move |day| value(day, calendar.fiscal_year_starts))
}

fn value(day: NaiveDate, fiscal_year_starts: u32) -> String {
    let week = day.iso_week();
    let weekday = day.weekday().number_from_monday();
    let fiscal_month = (day.month() + 12 - fiscal_year_starts) % 12 + 1;
    let begins_before = fiscal_year_starts > 1 && day.month() >= fiscal_year_starts;
    let fiscal_year = day.year() + i32::from(begins_before);
    let first = day.with_day(1).unwrap_or(day);
    let last = first.checked_add_months(chrono::Months::new(1)).and_then(|next| next.pred_opt()).unwrap_or(day);
    format!(
        "({}, '{day}', {}, {}, {}, '{}', '{}', {}, {}, {weekday}, '{}', {}, {}, {}, {fiscal_year}, {}, {fiscal_month}, \
         '{first}', '{last}')",
        day.format("%Y%m%d"),
        day.year(),
        day.month0() / 3 + 1,
        day.month(),
        day.format("%B"),
        day.format("%Y-%m"),
        day.day(),
        day.ordinal(),
        day.format("%A"),
        weekday > 5,
        week.year(),
        week.week(),
        (fiscal_month - 1) / 3 + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str, fiscal_year_starts: u32) -> String {
        value(text.parse().unwrap(), fiscal_year_starts)
    }

    #[test]
    fn days_and_their_years() {
        assert_eq!(
            day("2024-12-30", 1),
            "(20241230, '2024-12-30', 2024, 4, 12, 'December', '2024-12', 30, 365, 1, 'Monday', false, 2025, 1, 2024, \
             4, 12, '2024-12-01', '2024-12-31')"
        );
        assert!(day("2024-06-30", 7).ends_with("2024, 4, 12, '2024-06-01', '2024-06-30')"));
        assert!(day("2024-07-01", 7).ends_with("2025, 1, 1, '2024-07-01', '2024-07-31')"));
        assert!(day("2021-01-03", 1).contains("7, 'Sunday', true, 2020, 53"));
    }

    #[test]
    fn from_its_first_day_to_its_last() {
        let calendar = |from: &str, to: &str| Calendar {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            fiscal_year_starts: 1,
        };
        assert_eq!(values(calendar("2024-01-01", "2024-12-31")).count(), 366);
        assert_eq!(columns(Engine::of_url("sqlite:")).len() + 1, day("2024-01-01", 1).split(", ").count());
    }
}
