//! Doubles as programs print them.

use super::types::{Fits, Form};

/// A double as Python prints it.
pub(super) fn python_text(value: f64) -> String {
    let (mantissa, power) = scientific(value);
    match power {
        -4..16 if value.fract() == 0.0 => format!("{value}.0"),
        -4..16 => value.to_string(),
        power => format!("{mantissa}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs()),
    }
}

/// A double as C's `%g` prints it with exponents of three digits.
pub(super) fn long_exponent_text(value: f64) -> String {
    let (mantissa, power) = scientific(value);
    match power {
        -4..6 => value.to_string(),
        power => format!("{mantissa}e{}{:03}", if power < 0 { '-' } else { '+' }, power.abs()),
    }
}

/// The shortest digits that give the double back, as `d.ddd`, and their power of ten.
fn scientific(value: f64) -> (String, i32) {
    let text = format!("{value:e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), power.parse().unwrap_or(0))
}

/// Writes a double of the database as the files wrote it.
pub fn double_as_written(text: &str, fits: Fits) -> String {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && fits.is_written(Form::Point) => python_text(value),
        Ok(value) if value.is_finite() && fits.is_written(Form::LongExponent) => long_exponent_text(value),
        _ => text.to_owned(),
    }
}
