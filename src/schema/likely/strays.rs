//! The few values that alone make a text of a column of numbers or days: told to people, never applied.

use super::super::infer;
use super::super::types::{Fits, Type};
use super::{Inference, NULLS};

/// Values that may be strays, whatever their share.
const FEW: u64 = 3;

/// Values, at least, of the type that a column would have.
const LEAST: u64 = 9;

/// Beginnings of words that stand before a total.
const TOTALS: [&str; 12] = [
    "total",
    "subtotal",
    "grand total",
    "sum",
    "zwischensumme",
    "gesamt",
    "insgesamt",
    "somme",
    "saldo",
    "average",
    "mean",
    "durchschnitt",
];

const NUMBERS: [Type; 3] = [Type::Bigint, Type::Numeric, Type::Double];
const DAYS: [Type; 3] = [Type::Date, Type::Timestamp, Type::Timestamptz];

/// The values of a column of texts, by what they are.
#[derive(Clone, Debug, Default)]
pub struct Strays {
    numbers: Kin,
    days: Kin,
    words: Kin,
    null: Option<String>,
    /// True if a word is rather a code among whole numbers: `12a`, `X`.
    is_code: bool,
    /// True if a word is rather a code among fractions: `1.2.3`.
    is_version: bool,
    is_total: bool,
}

/// Values of one kind, and the first of them with its line.
#[derive(Clone, Debug, Default)]
struct Kin {
    count: u64,
    types: Inference,
    first: Option<(u64, String)>,
}

impl Kin {
    fn see(&mut self, line: u64, value: &str) {
        self.count += 1;
        self.types.see(value);
        self.first.get_or_insert_with(|| (line, value.to_owned()));
    }
}

impl Strays {
    /// The values of a column of these types so far.
    pub fn after(fits: Fits, count: u64) -> Strays {
        let mut strays = Strays::default();
        if count > 0 && !fits.is_undecided() {
            let is_any = |kinds: &[Type]| kinds.iter().any(|kind| fits.has(*kind));
            let kin = match () {
                () if is_any(&NUMBERS) => &mut strays.numbers,
                () if is_any(&DAYS) => &mut strays.days,
                () => &mut strays.words,
            };
            *kin = Kin { count, types: Inference::within(fits), first: None };
        }
        strays
    }

    /// True if more values can tell more.
    pub fn is_alive(&self) -> bool {
        self.odd() <= FEW.max(self.count() / 100)
    }

    /// Adds one more value that is not NULL and not empty.
    pub fn see(&mut self, line: u64, value: &str) {
        let text = value.trim();
        if text.is_empty() || NULLS.contains(&text) {
            self.null = self.null.take().or_else(|| Some(value.to_owned()));
            return;
        }
        let fits = infer::fits(value);
        let is_any = |kinds: &[Type]| kinds.iter().any(|kind| fits.has(*kind));
        if is_any(&NUMBERS) {
            return self.numbers.see(line, value);
        }
        if is_any(&DAYS) {
            return self.days.see(line, value);
        }
        let has_digit = text.contains(|letter: char| letter.is_ascii_digit());
        let is_error = text.starts_with('#') && text.ends_with(['!', '?']);
        let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
        let is_joined = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '/' | '_');
        self.is_code |= !is_error && (has_digit || (1..=3).contains(&letters));
        self.is_version |= !is_error && has_digit && text.chars().all(is_joined);
        let lower = text.to_lowercase();
        self.is_total |= TOTALS.iter().any(|word| lower.starts_with(word));
        self.words.see(line, value);
    }

    fn count(&self) -> u64 {
        self.numbers.count + self.days.count + self.words.count
    }

    fn odd(&self) -> u64 {
        self.count() - self.numbers.count.max(self.days.count)
    }

    /// A line that names the type that the `column` would have but for its strays, and the first of them; `None` if they
    /// are not few, or may be values of the column as good as the others.
    pub fn hint(&self, column: &str) -> Option<String> {
        let (all, odd) = (self.count(), self.odd());
        let is_number = self.numbers.count >= self.days.count;
        let (main, other) = if is_number { (&self.numbers, &self.days) } else { (&self.days, &self.numbers) };
        let is_few = odd == 1 || odd * 100 <= all;
        let kind = main.types.fits().narrowest();
        let is_odd = match kind {
            Type::Bigint => !self.is_code,
            _ if is_number => !self.is_version,
            _ => true,
        };
        if odd == 0 || !is_few || main.count < LEAST || kind == Type::Text || !is_odd || self.is_total {
            return None;
        }
        let (line, value) = [other, &self.words].into_iter().filter_map(|kin| kin.first.as_ref()).min()?;
        let shown: String = value.chars().take(40).collect();
        let (which, such) = match odd {
            1 => (format!("line {line} ({shown})"), "that line"),
            _ => (format!("{odd} values, the first in line {line} ({shown})"), "those lines"),
        };
        let null = self.null.as_ref().map_or_else(String::new, |word| format!(", null: ['{word}']"));
        Some(format!(
            "{column} looks like {kind} but for {which}: \"type: {kind}{null}\" would make it {kind} and reject {such}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hint to a column of `many` values that `of` gives, with others in some lines.
    fn hint(many: u64, of: impl Fn(u64) -> String, others: &[(u64, &str)]) -> Option<String> {
        let mut strays = Strays::default();
        for line in 2..many + 2 {
            match others.iter().find(|(at, _)| *at == line) {
                Some((_, other)) => strays.see(line, other),
                None => strays.see(line, &of(line)),
            }
        }
        strays.hint("n").filter(|_| strays.is_alive())
    }

    #[test]
    fn a_word_among_numbers_or_days_is_told() {
        let whole = |line: u64| (line * 7).to_string();
        let fraction = |line: u64| format!("{line}.5");
        let day = |line: u64| format!("2026-01-{:02}", line % 28 + 1);
        for line in [2, 3, 252, 501] {
            assert_eq!(
                hint(500, whole, &[(line, "sechs")]).unwrap(),
                format!(
                    "n looks like bigint but for line {line} (sechs): \"type: bigint\" would make it bigint and reject that line"
                )
            );
        }
        for (others, expected) in [
            (&[(4, "unbekannt"), (9, "offen")][..], "2 values, the first in line 4 (unbekannt)"),
            (&[(4, "?"), (9, "n/a")], "line 4 (?): \"type: bigint, null: ['n/a']\""),
            (&[(4, "#DIV/0!")], "line 4 (#DIV/0!)"),
            (&[(4, "2026-01-01")], "line 4 (2026-01-01)"),
        ] {
            assert!(hint(500, whole, others).unwrap().contains(expected), "{others:?}");
        }
        assert!(hint(20, fraction, &[(5, "<0.1")]).unwrap().contains("numeric but for line 5 (<0.1)"));
        for odd in ["2026-02-30", "unbekannt", "31.12.2026", "0000-00-00", "20260101"] {
            assert!(hint(30, day, &[(5, odd)]).unwrap().contains("looks like date but for line 5"), "{odd}");
        }
    }

    #[test]
    fn values_of_their_own_right_are_not() {
        let whole = |line: u64| (line * 7).to_string();
        for odd in ["12a", "A12", "X", "XL", "12-14", "007", "12/3", "Total", "Summe 2026", "Gesamt"] {
            assert_eq!(hint(500, whole, &[(300, odd)]), None, "{odd}");
        }
        assert_eq!(hint(500, |line| format!("{line}.1"), &[(300, "1.2.3")]), None);
        assert_eq!(hint(8, whole, &[(3, "sechs")]), None);
        assert_eq!(hint(50, whole, &[(3, "sechs"), (4, "sieben")]), None);
        assert_eq!(hint(500, whole, &(2..9).map(|line| (line, "word")).collect::<Vec<_>>()), None);
        assert_eq!(hint(500, |line| format!("name {line}"), &[(3, "7")]), None);
        assert_eq!(hint(500, |line| if line % 2 == 0 { "true" } else { "2026-01-01" }.to_owned(), &[]), None);
        assert_eq!(hint(500, whole, &[]), None);
    }
}
