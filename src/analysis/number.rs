//! Numbers for people: with thousands separators, and as many decimals as help.

/// The most decimals that are shown; the exports have all.
const MAX_DECIMALS: usize = 4;

/// The format of the numbers of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// The number of decimals.
    decimals: usize,
    /// True for thousands separators: keys and years have none.
    grouped: bool,
}

impl Style {
    /// Returns the format for a column's name and values.
    pub(super) fn of<'a>(name: &str, values: impl Iterator<Item = &'a str> + Clone) -> Style {
        let name = name.to_lowercase();
        let is_key = ["id", "key", "year", "zip", "code", "no", "nr"]
            .iter()
            .any(|word| name == *word || name.strip_suffix(word).is_some_and(|before| before.ends_with(['_', ' '])));
        let mut numbers = values.clone().peekable();
        let are_years =
            numbers.peek().is_some() && numbers.all(|one| one.len() == 4 && ("1900".."2100").contains(&one));
        let decimals = values.map(decimals).max().unwrap_or(0);
        Style { decimals: decimals.min(MAX_DECIMALS), grouped: !is_key && !are_years }
    }

    /// Returns the number, and true if nothing of it is left out.
    pub(super) fn shown(self, text: &str) -> (String, bool) {
        if !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')) {
            return (text.to_owned(), true);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let says = fraction.trim_end_matches('0').len();
        let number = if says <= self.decimals {
            let point = if self.decimals > 0 { "." } else { "" };
            format!("{whole}{point}{:0<width$}", &fraction[..says], width = self.decimals)
        } else {
            match text.parse::<f64>() {
                Ok(number) if number != 0.0 && number.abs() < 0.001 => format!("{number:.2e}"),
                Ok(number) => format!("{number:.*}", self.decimals),
                Err(_) => text.to_owned(),
            }
        };
        let exact = says <= self.decimals;
        (if self.grouped { grouped(&number) } else { number }, exact)
    }
}

/// Returns the number of decimals as written, or of significant ones if they are many: `5.0000000000000000` is an
/// average, and `80516.390000000014` a sum of doubles, of which fifteen digits count.
fn decimals(text: &str) -> usize {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() <= MAX_DECIMALS {
        return fraction.len();
    }
    let whole = whole.trim_start_matches(['-', '0']).len();
    let rounded = format!("{:.*}", 15_usize.saturating_sub(whole).min(fraction.len()), text.parse().unwrap_or(0.0));
    rounded.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len())
}

/// Returns the number with commas between its thousands.
pub(super) fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = digits.split_at(digits.find(['.', 'e']).unwrap_or(digits.len()));
    let mut text = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

/// Formats a chart's number with all significant digits: `1,234.5`.
pub(super) fn full(number: f64) -> String {
    if number != 0.0 && !(1e-4..1e15).contains(&number.abs()) {
        return format!("{number:.3e}");
    }
    let whole_digits = if number.abs() < 1.0 { 1 } else { number.abs().log10() as usize + 1 };
    let text = format!("{number:.*}", 12_usize.saturating_sub(whole_digits).min(6));
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    grouped(if text == "-0" { "0" } else { text })
}

/// Formats a number for little room: `1.5M`.
pub(super) fn short(number: f64) -> String {
    let (unit, word) = match number.abs() {
        size if size >= 999_950_000_000.0 => (1e12, "T"),
        size if size >= 999_950_000.0 => (1e9, "B"),
        size if size >= 999_950.0 => (1e6, "M"),
        size if size >= 10_000.0 => (1e3, "k"),
        _ => return full(number),
    };
    let scaled = number / unit;
    let text = if scaled.abs() >= 100.0 { format!("{scaled:.0}") } else { format!("{scaled:.1}") };
    format!("{}{word}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_columns_numbers_are_shown_alike() {
        let style = Style::of("price", ["4.5", "12.25", "-1200"].into_iter());
        assert_eq!(style.shown("4.5"), ("4.50".into(), true));
        assert_eq!(style.shown("-1200"), ("-1,200.00".into(), true));
        let averages = Style::of("average", ["3.3333333333333333", "0.00001234567"].into_iter());
        assert_eq!(averages.shown("3.3333333333333333"), ("3.3333".into(), false));
        assert_eq!(averages.shown("0.00001234567"), ("1.23e-5".into(), false));
        assert_eq!(averages.shown("5.0000000000000000"), ("5.0000".into(), true));
        let whole = Style::of("average", ["5.0000000000000000"].into_iter());
        assert_eq!(whole.shown("5.0000000000000000"), ("5".into(), true));
        let sums = Style::of("sum", ["80516.390000000014", "96265.1"].into_iter());
        assert_eq!(sums.shown("80516.390000000014"), ("80,516.39".into(), false));
        assert_eq!(averages.shown("1e+300"), ("1e+300".into(), true));
        assert_eq!(Style::of("order_id", ["12345"].into_iter()).shown("12345").0, "12345");
        assert_eq!(Style::of("y", ["2019", "2024"].into_iter()).shown("2019").0, "2019");
        assert_eq!(Style::of("y", ["2019", "7"].into_iter()).shown("2019").0, "2,019");
        assert_eq!(Style::of("paid", ["7"].into_iter()).shown("12345678901234567890").0, "12,345,678,901,234,567,890");
    }

    #[test]
    fn numbers_of_charts() {
        assert_eq!(
            [0.0, -0.0, 1234.5, 16780096.0, 0.1 + 0.2, -2e20, 1e-9].map(full),
            ["0", "0", "1,234.5", "16,780,096", "0.3", "-2.000e20", "1.000e-9"]
        );
        assert_eq!(
            [950.0, 9999.0, 12_500.0, 999_960.0, 16_780_096.0, -2.5e9, 3e12].map(short),
            ["950", "9,999", "12.5k", "1M", "16.8M", "-2.5B", "3T"]
        );
    }
}
