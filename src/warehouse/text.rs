//! Values as text, the way PostgreSQL writes them, so that both engines give the same.

use crate::schema::{Fits, Form, Type};

pub(super) use crate::schema::timestamp_text as timestamp;
pub(super) use crate::text::double_text as double;

/// Writes the day at `days` after 1970-01-01, in ASCII: `2020-01-31`.
pub(super) fn date(days: i32) -> [u8; 10] {
    // Years that begin with March, in eras of 400 of them (Howard Hinnant,
    // <https://howardhinnant.github.io/date_algorithms.html>). A column's days lie in the years 1 to 9999.
    let (era, day) = ((days + 719_468).div_euclid(146_097), (days + 719_468).rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = (era * 400 + year + next).unsigned_abs();
    let digit = |number: u32| b'0' + (number % 10) as u8;
    let (month, day) = (month.unsigned_abs(), day.unsigned_abs());
    let (century, year) = (year / 100, year % 100);
    [
        digit(century / 10),
        digit(century),
        digit(year / 10),
        digit(year),
        b'-',
        digit(month / 10),
        digit(month),
        b'-',
        digit(day / 10),
        digit(day),
    ]
}

/// Writes a moment like [`timestamp`], with the offset that SQLite's own functions understand.
pub(super) fn timestamptz(micros: i64) -> String {
    timestamp(micros) + "+00:00"
}

/// Expression in SQL of both engines for a moment's text as its column's files wrote it; `plain` is its text by
/// [`timestamp`] in UTC. `None` if they did not write all moments in one form.
pub(super) fn as_files_wrote(plain: &str, fits: Fits) -> Option<String> {
    if !fits.has_form() {
        return None;
    }
    let between = if fits.is_written(Form::T) { 'T' } else { ' ' };
    let digits = (1..=6).find(|digits| fits.is_written(Form::Fraction(*digits)));
    let clock = match digits {
        _ if fits.is_written(Form::Minutes) => format!("substr({plain}, 12, 5)"),
        Some(digits) => {
            format!("substr({plain}, 12, 8) || '.' || substr(substr({plain}, 21) || '000000', 1, {digits})")
        }
        None => format!("substr({plain}, 12)"),
    };
    let zone = match [Form::Z, Form::Colon, Form::Digits, Form::Hours].into_iter().find(|form| fits.is_written(*form)) {
        _ if !fits.has(Type::Timestamptz) => "",
        Some(Form::Z) => "Z",
        Some(Form::Digits) => "+0000",
        Some(Form::Hours) => "+00",
        _ => "+00:00",
    };
    Some(format!("substr({plain}, 1, 10) || '{between}' || {clock} || '{zone}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_postgresql_writes_them() {
        for days in (-719_162..2_932_896).step_by(17).chain([-719_162, 2_932_896, 11_016, 11_017]) {
            let day = chrono::NaiveDate::default() + chrono::TimeDelta::days(i64::from(days));
            assert_eq!(date(days), day.to_string().as_bytes());
        }
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
