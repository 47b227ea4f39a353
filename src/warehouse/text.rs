//! Values as text, the way PostgreSQL writes them, so that both engines give the same.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};

pub(super) use crate::schema::double_text as double;

/// The day that lies `days` after 1970-01-01: `2020-01-31`.
pub(super) fn date(days: i32) -> String {
    let day = NaiveDate::default() + TimeDelta::days(i64::from(days));
    let mut text = String::with_capacity(10);
    digits(&mut text, day.year().unsigned_abs(), 4);
    text.push('-');
    digits(&mut text, day.month(), 2);
    text.push('-');
    digits(&mut text, day.day(), 2);
    text
}

/// So many digits of a number, zeros before it.
fn digits(text: &mut String, number: u32, count: u32) {
    for place in (0..count).rev() {
        text.push(char::from(b'0' + (number / 10u32.pow(place) % 10) as u8));
    }
}

/// The moment `micros` microseconds after 1970-01-01 00:00: `2020-01-31 10:00:00.5`.
pub(super) fn timestamp(micros: i64) -> String {
    let Some(moment) = DateTime::from_timestamp_micros(micros) else { return micros.to_string() };
    let seconds = moment.format("%Y-%m-%d %H:%M:%S").to_string();
    match moment.timestamp_subsec_micros() {
        0 => seconds,
        micros => format!("{seconds}.{}", format!("{micros:06}").trim_end_matches('0')),
    }
}

/// Like [`timestamp`], with the offset that SQLite's own functions understand.
pub(super) fn timestamptz(micros: i64) -> String {
    timestamp(micros) + "+00:00"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_postgresql_writes_them() {
        assert_eq!(date(-719_162), "0001-01-01");
        assert_eq!(timestamp(0), "1970-01-01 00:00:00");
        assert_eq!(timestamp(-500_000), "1969-12-31 23:59:59.5");
        assert_eq!(timestamptz(1_577_872_800_000_010), "2020-01-01 10:00:00.00001+00:00");
        for (value, text) in [
            (0.0, "0"),
            (1091452.0, "1091452"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-7, "1e-07"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (123456789012345.0, "123456789012345"),
            (1e15, "1e+15"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(double(value), text);
        }
    }
}
