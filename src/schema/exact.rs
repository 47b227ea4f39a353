//! Values that their column's type would give back as others, such as `007` as 7: they are refused, never altered.

use super::infer;
use super::{ProjectedColumn, Type};
use crate::record::{Records, Width};
use crate::text::double_text;

/// True if a number has a plus sign, a leading zero or is `-0`: no type gives it back so, and it is a code as often.
pub(super) fn is_code(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    match digits.as_bytes() {
        [b'+', ..] | [b'0', b'0'..=b'9', ..] => true,
        [b'0'] => digits.len() < number.len(),
        _ => false,
    }
}

/// True if a value may stand in its column, as far as its record is concerned: if the record does not decide the
/// column's types, the value has to be of each of them. A declared type takes every text that it reads.
pub(super) fn goes_with_types(text: &str, records: &Records, row: usize, shaped: &ProjectedColumn) -> bool {
    shaped.declared || records.is_even(row) || shaped.column.fits.takes(shaped.notation.fits(text, shaped.native))
}

/// The words for a record of another width than the header's, to follow other words.
pub(super) fn other_width(records: &Records, row: usize) -> &'static str {
    match records.width_of(row) {
        Width::Even => "",
        Width::Short => ", and the record has fewer cells than the header",
        Width::Long => ", and the record has more cells than the header",
    }
}

/// The reason why a value is none of its column's type, in words that follow the value.
pub(super) fn refusal(text: &str, shaped: &ProjectedColumn) -> String {
    let kind = shaped.column.kind();
    let written = shaped.notation.words(kind);
    let plain = shaped.notation.plain_number(text, shaped.native);
    let instead = plain.and_then(|plain| given_back(&plain, shaped).filter(|instead| *instead != plain));
    let is_of_type = shaped.column.fits.and(shaped.notation.fits(text, shaped.native)).narrowest() == kind;
    match instead {
        Some(instead) => format!("is no {kind}{written}: it would come back as {instead}"),
        None if is_of_type && !shaped.declared => format!("is no {kind} like the others of its column"),
        None => format!("is no {kind}{written}"),
    }
}

/// The text that a value's column would give back.
fn given_back(plain: &str, shaped: &ProjectedColumn) -> Option<String> {
    match shaped.column.kind() {
        Type::Bigint => plain.parse().ok().map(|number: i64| number.to_string()),
        // -0 becomes 0.
        Type::Double => {
            plain.parse().ok().filter(|number: &f64| number.is_finite()).map(|number| double_text(number + 0.0))
        }
        Type::Numeric => {
            let digits = plain.trim_start_matches(['+', '-']);
            let digits = digits.trim_start_matches('0');
            let whole = if digits.starts_with(|first: char| first.is_ascii_digit()) { "" } else { "0" };
            let sign =
                if plain.starts_with('-') && digits.contains(|digit| matches!(digit, '1'..='9')) { "-" } else { "" };
            Some(format!("{sign}{whole}{digits}")).filter(|number| infer::is_decimal(number))
        }
        Type::Boolean if shaped.notation.truth.is_none() => {
            let (yes, no) = shaped.column.fits.spelling().words();
            infer::read_boolean(plain).map(|truth| if truth { yes } else { no }.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_told_from_a_number() {
        for code in ["007", "00", "-0", "-00", "+1", "+0.5", "-007", "00.5", "-01e5"] {
            assert!(is_code(code), "{code}");
        }
        for number in ["0", "-1", "10", "0.5", "-0.0", "-0.5", "0e9", "1e+05", "", "-", ".5", "x"] {
            assert!(!is_code(number), "{number}");
        }
    }
}
