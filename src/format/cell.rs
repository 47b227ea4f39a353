//! The cells of workbooks as text: numbers with the fewest digits that give them back, days as `2024-02-29`, times in
//! ISO 8601.

use calamine::{DataRef, ExcelDateTime, ExcelDateTimeType};

use crate::text::double_text;

/// The limit of whole numbers that are doubles of their own (2^53).
const MAX_WHOLE_DOUBLE: f64 = (1u64 << 53) as f64;

/// The first day after 9999-12-31, counted from 1900 and from 1904.
const END_1900: f64 = 2_958_466.0;
const END_1904: f64 = END_1900 - 1_462.0;

/// Milliseconds in a day.
const DAY: i64 = 86_400_000;

/// A cell's value.
pub(super) enum Value {
    Text(String),
    Moment(ExcelDateTime),
    /// A day or moment in ISO 8601.
    Iso(String),
}

/// The kinds of a column's days and moments, which decide how each of them is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    /// True if some have a time of day: a day alone is then one at midnight.
    timed: bool,
    /// True if some have a day: a time alone is then one of the first day, if days are counted from 1904.
    dated: bool,
}

impl Moments {
    /// Looks at one more value of the column.
    pub(super) fn see(&mut self, value: &Value) {
        match value {
            Value::Moment(moment) if is_moment(moment) => {
                let number = moment.as_f64();
                self.dated |= number >= 1.0;
                self.timed |= number.fract() != 0.0 && (number >= 1.0 || is_of_1904(moment));
            }
            Value::Iso(text) => self.timed |= text.split_once('T').is_some_and(|(_, time)| !is_midnight(time)),
            Value::Text(_) | Value::Moment(_) => {}
        }
    }

    /// The text of one of the column's values.
    pub(super) fn text(self, value: Value) -> String {
        match value {
            Value::Text(text) => text,
            Value::Moment(moment) => self.moment_text(&moment),
            Value::Iso(text) => self.iso_text(&text),
        }
    }

    fn moment_text(self, moment: &ExcelDateTime) -> String {
        let number = moment.as_f64();
        if moment.is_duration() {
            return time_text((number * DAY as f64).round() as i64);
        }
        if !is_moment(moment) {
            return number_text(number);
        }
        if number < 1.0 && !(self.dated && is_of_1904(moment)) {
            // A time of day that would round up to the next day is the last of its own.
            return time_text(((number * DAY as f64).round() as i64).min(DAY - 1));
        }
        let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
        let date = format!("{year:04}-{month:02}-{day:02}");
        if number.fract() == 0.0 && !self.timed {
            return date;
        }
        format!("{date} {hour:02}:{minute:02}:{second:02}{}", fraction(u64::from(milli)))
    }

    fn iso_text(self, text: &str) -> String {
        match text.split_once('T') {
            None if self.timed && text.len() == 10 => format!("{text}T00:00:00"),
            Some((day, time)) if is_midnight(time) && !self.timed => day.to_owned(),
            // Programs write nine digits of a second, and mean no more than six.
            Some((day, time)) => match time.split_once('.') {
                Some((clock, digits)) if digits.len() > 6 && digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                    let digits = digits.trim_end_matches('0');
                    let point = if digits.is_empty() { "" } else { "." };
                    format!("{day}T{clock}{point}{digits}")
                }
                _ => text.to_owned(),
            },
            None => text.to_owned(),
        }
    }
}

/// The value of a cell; `None` if it is empty.
pub(super) fn value(data: &DataRef<'_>) -> Option<Value> {
    Some(match data {
        DataRef::Empty => return None,
        DataRef::Int(number) => Value::Text(number.to_string()),
        DataRef::Float(number) => Value::Text(number_text(*number)),
        // An empty text in a cell cannot be told from an empty cell.
        DataRef::String(text) if text.is_empty() => return None,
        DataRef::SharedString("") => return None,
        DataRef::String(text) => Value::Text(text.clone()),
        DataRef::SharedString(text) => Value::Text((*text).to_owned()),
        DataRef::Bool(truth) => Value::Text(if *truth { "TRUE" } else { "FALSE" }.to_owned()),
        DataRef::DateTime(moment) => Value::Moment(*moment),
        DataRef::DateTimeIso(text) => Value::Iso(text.clone()),
        DataRef::DurationIso(text) => Value::Text(duration(text).unwrap_or_else(|| text.clone())),
        DataRef::Error(error) => Value::Text(error.to_string()),
    })
}

/// A number with the fewest digits that give it back; a whole one without an exponent up to 2^53.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() <= MAX_WHOLE_DOUBLE {
        (number as i64).to_string()
    } else {
        double_text(number)
    }
}

/// True if a number that is formatted as a moment is one: spreadsheets show `####` for those before the first day and
/// after 9999.
fn is_moment(moment: &ExcelDateTime) -> bool {
    let end = if is_of_1904(moment) { END_1904 } else { END_1900 };
    let number = moment.as_f64();
    // A moment half a millisecond before the end would be rounded to it.
    !moment.is_duration() && number >= 0.0 && ((number - end) * DAY as f64).round() < 0.0
}

/// True if days are counted from 1904.
fn is_of_1904(moment: &ExcelDateTime) -> bool {
    [ExcelDateTimeType::DateTime, ExcelDateTimeType::TimeDelta]
        .into_iter()
        .any(|kind| *moment == ExcelDateTime::new(moment.as_f64(), kind, true))
}

fn is_midnight(time: &str) -> bool {
    time.strip_prefix("00:00:00").is_some_and(|rest| rest.bytes().all(|byte| matches!(byte, b'.' | b'0')))
}

fn time_text(millis: i64) -> String {
    let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
    format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(millis % 1000))
}

/// `PT03H04M05S` as `03:04:05`.
fn duration(text: &str) -> Option<String> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let seconds = rest.strip_suffix('S')?;
    Some(format!("{hours:0>2}:{minutes:0>2}:{seconds:0>2}"))
}

fn fraction(millis: u64) -> String {
    if millis == 0 { String::new() } else { format!(".{millis:03}").trim_end_matches('0').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: Vec<Value>) -> Vec<String> {
        let mut moments = Moments::default();
        values.iter().for_each(|value| moments.see(value));
        values.into_iter().map(|value| moments.text(value)).collect()
    }

    fn moments(numbers: &[f64], is_1904: bool) -> Vec<String> {
        let moment = |number: &f64| Value::Moment(ExcelDateTime::new(*number, ExcelDateTimeType::DateTime, is_1904));
        column(numbers.iter().map(moment).collect())
    }

    #[test]
    fn a_number_that_is_no_moment_stays_as_it_is() {
        assert_eq!(
            moments(&[45000.0, 20_260_101.0, 2_958_465.0, 2_958_466.0, -5.0], false),
            ["2023-03-15", "20260101", "9999-12-31", "2958466", "-5"]
        );
        assert_eq!(moments(&[2_958_465.999_999_999], false), ["2958465.999999999"]);
        assert_eq!(moments(&[2_958_465.999], false), ["9999-12-31 23:58:33.6"]);
        assert_eq!(moments(&[2_957_003.0, 2_957_004.0], true), ["9999-12-31", "2957004"]);
    }

    #[test]
    fn the_first_day_of_1904_is_one_among_days() {
        assert_eq!(
            moments(&[0.0, 0.25, 1.25], true),
            ["1904-01-01 00:00:00", "1904-01-01 06:00:00", "1904-01-02 06:00:00"]
        );
        assert_eq!(moments(&[0.25, 0.5], true), ["06:00:00", "12:00:00"]);
        assert_eq!(moments(&[0.25, 0.999_999_999_99], false), ["06:00:00", "23:59:59.999"]);
        assert_eq!(moments(&[45_000.999_999_999_99], false), ["2023-03-16 00:00:00"]);
    }

    #[test]
    fn a_day_among_moments_is_midnight_in_iso_too() {
        let iso = |texts: &[&str]| column(texts.iter().map(|text| Value::Iso((*text).to_owned())).collect());
        assert_eq!(
            iso(&["2024-02-28T23:30:00", "2024-02-29", "2024-03-01T00:00:00", "2024-03-01T10:00:00.500000000"]),
            ["2024-02-28T23:30:00", "2024-02-29T00:00:00", "2024-03-01T00:00:00", "2024-03-01T10:00:00.5"]
        );
        assert_eq!(iso(&["2024-02-28T00:00:00", "2024-02-29"]), ["2024-02-28", "2024-02-29"]);
        assert_eq!(iso(&["2024-02-28T10:00:00.000000000"]), ["2024-02-28T10:00:00"]);
    }

    #[test]
    fn whole_numbers_have_no_exponent_as_long_as_each_is_a_double() {
        for (number, text) in [
            (4_111_111_111_111_111.0, "4111111111111111"),
            (-9_007_199_254_740_992.0, "-9007199254740992"),
            (1e18, "1e+18"),
            (-0.0, "0"),
            (0.1, "0.1"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }
}
