//! Days and moments in a format that somebody states, in chrono's words (`%d.%m.%Y`).

use chrono::format::{Parsed, StrftimeItems};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};

/// Reads a day in the format, with nothing besides.
pub(super) fn date_by(text: &str, format: &str) -> Option<NaiveDate> {
    let day = parsed(text, format).filter(|parts| !has_time(parts)).and_then(|parts| parts.to_naive_date().ok());
    day.filter(|day| is_year_whole(day.year(), text))
}

/// Reads a moment in the format, with no part that would be lost.
pub(super) fn timestamp_by(text: &str, format: &str) -> Option<NaiveDateTime> {
    let local =
        parsed(text, format).filter(|parts| !is_finer(parts) && parts.offset().is_none_or(|offset| offset == 0));
    let local = local.and_then(|parts| parts.to_naive_datetime_with_offset(0).ok());
    local.filter(|at| is_year_whole(at.year(), text))
}

/// Reads an instant in the format, with no part that would be lost.
pub(super) fn timestamptz_by(text: &str, format: &str) -> Option<DateTime<Utc>> {
    let at = parsed(text, format).filter(|parts| !is_finer(parts)).and_then(|parts| parts.to_datetime().ok());
    let at = at.filter(|at| is_year_whole(at.year(), text));
    at.map(|at| at.to_utc()).filter(|at| (1..=9999).contains(&at.year()))
}

/// The parts of a day or time that a format reads.
fn parsed(text: &str, format: &str) -> Option<Parsed> {
    let mut parts = Parsed::new();
    chrono::format::parse(&mut parts, text, StrftimeItems::new(format)).ok()?;
    // Two digits from 69 on are of the last century, as POSIX has them (`strptime`); chrono begins it with 70.
    let century = |year: i32| if year >= 69 { 19 } else { 20 };
    if let (None, None, Some(year)) = (parts.year(), parts.year_div_100(), parts.year_mod_100()) {
        parts.set_year_div_100(century(year)).ok()?;
    }
    if let (None, None, Some(year)) = (parts.isoyear(), parts.isoyear_div_100(), parts.isoyear_mod_100()) {
        parts.set_isoyear_div_100(century(year)).ok()?;
    }
    Some(parts)
}

/// True if there is a time of day or a zone, which a day does not keep; midnight is none.
fn has_time(parts: &Parsed) -> bool {
    let time = [parts.hour_div_12(), parts.hour_mod_12(), parts.minute(), parts.second(), parts.nanosecond()];
    time.into_iter().flatten().any(|part| part != 0) || parts.offset().is_some_and(|offset| offset != 0)
}

/// True if there is more than a microsecond tells, or a leap second, which would come back as another moment.
fn is_finer(parts: &Parsed) -> bool {
    parts.nanosecond().is_some_and(|nanos| nanos % 1000 != 0) || parts.second() == Some(60)
}

/// `%Y` reads the year 20 out of `01.02.20`.
fn is_year_whole(year: i32, text: &str) -> bool {
    (1000..=9999).contains(&year) || ((1..1000).contains(&year) && text.contains(&format!("{year:04}")))
}
