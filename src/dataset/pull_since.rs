//! Values by which only newer records are asked for: their order, and how they are written.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Utc};

use super::pull_source::{Lag, Since, SinceFormat};

/// Billionths of a unit.
const SCALE: i128 = 1_000_000_000;

impl SinceFormat {
    /// Its word in a plugin.
    pub fn word(self) -> &'static str {
        match self {
            SinceFormat::Iso => "iso",
            SinceFormat::Epoch => "epoch",
            SinceFormat::EpochMillis => "epoch_ms",
            SinceFormat::Number => "number",
        }
    }
}

impl Since {
    /// Column and format, which give its values their order.
    pub fn by(&self) -> String {
        format!("{} as {}", self.column, self.format.word())
    }

    /// Place of a value among others: nanoseconds since 1970, or billionths of a number. `None` for a text that is no value.
    pub fn value(&self, text: &str) -> Option<i128> {
        let text = text.trim();
        match self.format {
            SinceFormat::Iso => nanos(text),
            SinceFormat::Epoch | SinceFormat::Number => billionths(text),
            SinceFormat::EpochMillis => billionths(text).map(|value| value / 1000),
        }
    }

    /// The value of a moment; `None` if the values are no times.
    pub fn moment(&self, moment: DateTime<Utc>) -> Option<i128> {
        let is_time = self.format != SinceFormat::Number;
        is_time.then(|| i128::from(moment.timestamp_micros()) * 1000)
    }

    /// The text that a run asks by: the value without its lag, written as the value is.
    pub fn asked(&self, text: &str) -> Option<String> {
        let value = self.value(text)?;
        match self.lag {
            Lag::None => Some(text.to_owned()),
            Lag::Time(lag) => self.written(value - lag_nanos(lag), text),
            Lag::Number(lag) => self.written(value - i128::from(lag) * SCALE, text),
        }
    }

    /// A value as the text of another one is written.
    pub fn written(&self, value: i128, like: &str) -> Option<String> {
        match self.format {
            SinceFormat::Iso => {
                let (seconds, nanos) = (value.div_euclid(SCALE), value.rem_euclid(SCALE));
                let moment = DateTime::from_timestamp(i64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?)?;
                let like = like.trim();
                Some(if NaiveDate::parse_from_str(like, "%Y-%m-%d").is_ok() {
                    moment.format("%Y-%m-%d").to_string()
                } else if DateTime::parse_from_rfc3339(&like.replacen(' ', "T", 1)).is_ok() {
                    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
                } else {
                    moment.naive_utc().format("%Y-%m-%dT%H:%M:%S%.f").to_string()
                })
            }
            SinceFormat::Epoch | SinceFormat::Number => Some(decimal(value)),
            SinceFormat::EpochMillis => Some(decimal(value * 1000)),
        }
    }
}

fn lag_nanos(lag: TimeDelta) -> i128 {
    i128::from(lag.num_milliseconds()) * 1_000_000
}

fn nanos(text: &str) -> Option<i128> {
    let moment =
        |moment: DateTime<Utc>| i128::from(moment.timestamp()) * SCALE + i128::from(moment.timestamp_subsec_nanos());
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(moment(day.and_hms_opt(0, 0, 0)?.and_utc()));
    }
    let text = text.replacen(' ', "T", 1);
    if let Ok(offset) = DateTime::parse_from_rfc3339(&text) {
        return Some(moment(offset.to_utc()));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok().map(|naive| moment(naive.and_utc())))
}

fn billionths(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 25 || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let part: String = part.chars().chain("000000000".chars()).take(9).collect();
    Some(sign * (whole.parse::<i128>().ok()? * SCALE + part.parse::<i128>().ok()?))
}

fn decimal(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, part) = (value.abs() / SCALE, value.abs() % SCALE);
    let part = format!("{part:09}");
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pull_source::Send;
    use super::*;

    fn since(format: SinceFormat, lag: Lag) -> Since {
        let column = "at".to_owned();
        Since { column, send: Send::Filter, format, initial: None, lag, inclusive: true, ordered: false }
    }

    #[test]
    fn times_of_any_offset_are_compared_as_moments() {
        let since = since(SinceFormat::Iso, Lag::None);
        let same = ["2024-08-02T09:43:39.193+02:00", "2024-08-02T07:43:39.193Z", "2024-08-02 07:43:39.193"];
        let values: Vec<_> = same.iter().map(|text| since.value(text).unwrap()).collect();
        assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "{values:?}");
        assert!(since.value("2024-08-02T09:43:39+02:00") < since.value("2024-08-02T09:43:39.19+02:00"));
        assert_eq!(since.value("yesterday"), None);
    }

    #[test]
    fn a_lag_goes_back_and_is_written_alike() {
        let time = since(SinceFormat::Iso, Lag::Time(TimeDelta::minutes(10)));
        assert_eq!(time.asked("2024-03-01").as_deref(), Some("2024-02-29"));
        assert_eq!(time.asked("2024-03-01T00:05:00+01:00").as_deref(), Some("2024-02-29T22:55:00Z"));
        assert_eq!(time.asked("2024-03-01T00:05:00").as_deref(), Some("2024-02-29T23:55:00"));
        assert_eq!(since(SinceFormat::Number, Lag::Number(5)).asked("12").as_deref(), Some("7"));
        assert_eq!(
            since(SinceFormat::EpochMillis, Lag::Time(TimeDelta::seconds(2))).asked("5000").as_deref(),
            Some("3000")
        );
        assert_eq!(since(SinceFormat::Epoch, Lag::Time(TimeDelta::seconds(2))).asked("5.5").as_deref(), Some("3.5"));
    }
}
