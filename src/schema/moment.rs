//! Days and moments in ISO 8601: read from text, and written back as a column's files wrote them.

use arrow_schema::TimeUnit;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::types::{Fits, Form, Type};

/// Numbers of the days 0001-01-01 and 9999-12-31, counted from 1970-01-01.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;

const MICROS_A_DAY: i64 = 86_400_000_000;

/// True if a table holds the day of this number, counted from 1970-01-01.
pub fn is_day(days: i32) -> bool {
    (FIRST_DAY..=LAST_DAY).contains(&days)
}

/// Microseconds from 1970-01-01 to a moment in another unit; `None` if it is finer, or beyond a table's range.
pub fn exact_micros(value: i64, unit: TimeUnit) -> Option<i64> {
    let micros = match unit {
        TimeUnit::Second => value.checked_mul(1_000_000)?,
        TimeUnit::Millisecond => value.checked_mul(1_000)?,
        TimeUnit::Microsecond => value,
        TimeUnit::Nanosecond if value % 1_000 == 0 => value / 1_000,
        TimeUnit::Nanosecond => return None,
    };
    let day = i32::try_from(micros.div_euclid(MICROS_A_DAY)).ok()?;
    is_day(day).then_some(micros)
}

/// The types of days and moments that a value fits.
pub(super) fn moment(value: &str) -> Fits {
    if value.len() < 10 || value.as_bytes()[4] != b'-' {
        return Fits::TEXT;
    }
    if day_number(value).is_some() {
        Fits::DAY
    } else if read_timestamp(value).is_some() {
        let mut forms = forms(value);
        forms.extend((!is_midnight(value)).then_some(Form::Day));
        Fits::moment(Type::Timestamp, &forms)
    } else if read_timestamptz(value).is_some() {
        Fits::moment(Type::Timestamptz, &forms(value))
    } else {
        Fits::TEXT
    }
}

/// True if a moment's time is zero.
fn is_midnight(moment: &str) -> bool {
    moment.get(11..).is_some_and(|time| time.bytes().all(|byte| matches!(byte, b'0' | b':' | b'.')))
}

/// The forms in which a moment is written.
fn forms(value: &str) -> Vec<Form> {
    let mut forms = vec![if value.as_bytes()[10] == b'T' { Form::T } else { Form::Blank }];
    let time = &value[11..];
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    forms.extend(match &time[zone..] {
        "Z" => Some(Form::Z),
        "+00:00" => Some(Form::Colon),
        "+0000" => Some(Form::Digits),
        "+00" => Some(Form::Hours),
        _ => None,
    });
    match time[..zone].split_once('.') {
        None if zone == 5 => forms.push(Form::Minutes),
        None => forms.extend([Form::Seconds, Form::Shortest]),
        Some((_, fraction)) => {
            forms.push(Form::Fraction(fraction.len() as u8));
            forms.extend((!fraction.ends_with('0')).then_some(Form::Shortest));
        }
    }
    forms
}

/// Writes a moment of the database, `2020-01-31 10:00:00.5` and `+00` or `+00:00` behind it if it is an instant, as the
/// files wrote it.
pub fn as_written(moment: &str, fits: Fits) -> String {
    if fits.is_written(Form::Day) && is_midnight(moment) {
        return moment[..moment.len().min(10)].to_owned();
    }
    let time = moment.get(11..).unwrap_or_default();
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, fraction) = time[..zone].split_once('.').unwrap_or((&time[..zone], ""));
    let exact = (1..=6).find(|digits| fits.is_written(Form::Fraction(*digits)));
    let is_instant = fits.has(Type::Timestamptz);
    let between = if fits.is_written(Form::T) { 'T' } else { ' ' };
    let mut written = format!("{}{between}", &moment[..moment.len().min(10)]);
    match exact {
        _ if fits.is_written(Form::Minutes) && fraction.is_empty() => written += clock.get(..5).unwrap_or(clock),
        Some(digits) => written += &format!("{clock}.{fraction:0<width$}", width = usize::from(digits)),
        None if fraction.is_empty() => written += clock,
        None => written += &format!("{clock}.{fraction}"),
    }
    written += match () {
        () if !is_instant => "",
        () if fits.is_written(Form::Z) => "Z",
        () if fits.is_written(Form::Digits) => "+0000",
        () if fits.is_written(Form::Hours) => "+00",
        () => "+00:00",
    };
    written
}

/// Writes the moment at `micros` microseconds after 1970-01-01 00:00 as both engines do: `2020-01-31 10:00:00.5`.
pub fn timestamp_text(micros: i64) -> String {
    let Some(moment) = DateTime::from_timestamp_micros(micros) else { return micros.to_string() };
    let seconds = moment.format("%Y-%m-%d %H:%M:%S").to_string();
    match moment.timestamp_subsec_micros() {
        0 => seconds,
        micros => format!("{seconds}.{}", format!("{micros:06}").trim_end_matches('0')),
    }
}

/// Reads `YYYY-MM-DD`, a day of the calendar from the year 1.
pub fn read_date(value: &str) -> Option<NaiveDate> {
    let (year, month, day) = year_month_day(value)?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// Number of the day `YYYY-MM-DD`, counted from 1970-01-01.
pub(super) fn day_number(value: &str) -> Option<i32> {
    let (year, month, day) = year_month_day(value)?;
    // Days before a month in a year that begins with March, and years by their leap days
    // (Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html>).
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(days as i32 - 719_468)
}

/// Parts of a day of the calendar.
fn year_month_day(value: &str) -> Option<(u32, u32, u32)> {
    let bytes: &[u8; 10] = value.as_bytes().try_into().ok()?;
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (decimal(&bytes[..4])?, decimal(&bytes[5..7])?, decimal(&bytes[8..])?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        1..=12 => 31,
        _ => return None,
    };
    (year > 0 && (1..=days).contains(&day)).then_some((year, month, day))
}

/// Reads `YYYY-MM-DD HH:MM[:SS[.f]]` with a blank or a `T` between, and at most six digits of a second.
pub fn read_timestamp(value: &str) -> Option<NaiveDateTime> {
    let date = read_date(value.get(..10)?)?;
    let rest = value.as_bytes();
    if !matches!(rest.get(10), Some(b' ' | b'T')) {
        return None;
    }
    Some(date.and_time(read_time(&rest[11..])?))
}

/// Like [`read_timestamp`], with `Z` or an offset (`+02`, `+0200`, `+02:00`) at the end.
pub fn read_timestamptz(value: &str) -> Option<DateTime<Utc>> {
    let (local, minutes) = if let Some(local) = value.strip_suffix('Z') {
        (local, 0)
    } else {
        let at = value.rfind(['+', '-']).filter(|at| *at > 10)?;
        (&value[..at], read_offset(&value.as_bytes()[at..])?)
    };
    let local = read_timestamp(local)?;
    let instant = local.checked_sub_signed(chrono::TimeDelta::minutes(minutes))?.and_utc();
    use chrono::Datelike;
    (1..=9999).contains(&instant.year()).then_some(instant)
}

fn read_time(bytes: &[u8]) -> Option<NaiveTime> {
    let hour_minute = bytes.get(..5).filter(|part| part[2] == b':')?;
    let (hour, minute) = (decimal(&hour_minute[..2])?, decimal(&hour_minute[3..])?);
    let (second, micros) = match &bytes[5..] {
        [] => (0, 0),
        [b':', seconds @ ..] if seconds.len() >= 2 => {
            let fraction = &seconds[2..];
            let micros = match fraction {
                [] => 0,
                [b'.', digits @ ..] if (1..=6).contains(&digits.len()) => {
                    decimal(digits)? * 10u32.pow(6 - u32::try_from(digits.len()).ok()?)
                }
                _ => return None,
            };
            (decimal(&seconds[..2])?, micros)
        }
        _ => return None,
    };
    // A leap second (`:60`) would come back as another instant, so it is none.
    NaiveTime::from_hms_micro_opt(hour, minute, second, micros)
}

fn read_offset(bytes: &[u8]) -> Option<i64> {
    let sign = if bytes[0] == b'-' { -1 } else { 1 };
    let (hours, minutes) = match bytes.len() {
        3 => (decimal(&bytes[1..])?, 0),
        5 => (decimal(&bytes[1..3])?, decimal(&bytes[3..])?),
        6 if bytes[3] == b':' => (decimal(&bytes[1..3])?, decimal(&bytes[4..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 60 + minutes))
}

fn decimal(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |sum, byte| {
        byte.is_ascii_digit().then(|| sum.checked_mul(10)?.checked_add(u32::from(byte - b'0')))?
    })
}

#[cfg(test)]
mod tests {
    use super::super::Inference;
    use super::*;

    #[test]
    fn a_moment_is_written_as_all_values_were() {
        let fits = |values: &[&str]| {
            let mut inference = Inference::default();
            values.iter().for_each(|value| inference.see(value));
            inference.fits()
        };
        for (values, stored) in [
            (vec!["2020-01-01T10:00:00Z", "2020-01-02T10:30:00Z"], "2020-01-02 10:30:00+00"),
            (vec!["2020-01-01 10:00", "2020-01-02 10:30"], "2020-01-02 10:30:00"),
            (vec!["2020-01-01 10:00:00.000", "2020-01-02 10:30:00.120"], "2020-01-02 10:30:00.12"),
            (vec!["2020-01-01 10:00:00", "2020-01-02 10:30:00.12"], "2020-01-02 10:30:00.12"),
            (vec!["2020-01-01T10:00:00.5+0000", "2020-01-02T10:30:00.0+0000"], "2020-01-02 10:30:00+00:00"),
        ] {
            assert_eq!(as_written(stored, fits(&values)), values[1]);
        }
        let days = fits(&["2020-01-01T10:00", "2020-01-02"]);
        assert_eq!(as_written("2020-01-02 00:00:00", days), "2020-01-02");
        assert_eq!(as_written("2020-01-01 10:00:00", days), "2020-01-01T10:00");
        // Values that differ get one form.
        let mixed = fits(&["2020-01-01T10:00Z", "2020-01-02 10:30:00+02:00"]);
        assert_eq!(as_written("2020-01-02 08:30:00+00", mixed), "2020-01-02 08:30:00+00:00");
    }

    #[test]
    fn days_are_counted_as_the_calendar_has_them() {
        for number in (-719_162..2_932_896).step_by(17).chain([-719_162, 2_932_896, 11_016, 11_017]) {
            let day = NaiveDate::default() + chrono::TimeDelta::days(i64::from(number));
            assert_eq!(day_number(&day.to_string()), Some(number), "{day}");
        }
        for wrong in ["2023-02-29", "1900-02-29", "2020-13-01", "2020-00-01", "2020-04-31", "2020-01-00", "0000-01-01"]
        {
            assert_eq!((day_number(wrong), read_date(wrong)), (None, None), "{wrong}");
        }
    }

    #[test]
    fn an_offset_keeps_the_instant() {
        assert_eq!(read_timestamptz("2020-01-01 01:30:00+02:00"), read_timestamptz("2019-12-31T23:30:00Z"));
    }
}
