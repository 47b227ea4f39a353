//! Likely types of a column of texts without a stated notation: told to people, never applied.

mod strays;
mod words;

pub use self::strays::Strays;
use super::by_format::{date_by, timestamp_by};
use super::types::{Fits, Type};
use super::{Grouping, Inference, Notation, NumberNotation, Percent, Separator, TruthWords};

/// The likely type of a column of texts, and the notation that would make it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Likely {
    /// The likely type.
    pub kind: Type,
    /// Notation of the values.
    pub notation: Notation,
    /// Format of the days or times, in chrono's words.
    pub format: Option<&'static str>,
    /// A value in this notation.
    pub sample: String,
}

/// Evidence of a column's notation, gathered from its values.
#[derive(Clone, Debug)]
pub struct Clue {
    /// Types of the values other than NULL words, without blanks around.
    plain: Inference,
    /// Notations of numbers that every value goes with: a bit each of [`NUMBERS`].
    numbers: u8,
    /// Types of the numbers with decimal commas, and with points.
    read: [Inference; 2],
    /// True if any value has a comma or a point.
    has_mark: bool,
    /// True if any value, and true if each of them has a percent sign.
    percent: (bool, bool),
    currency: Option<&'static str>,
    /// Formats of days that every value goes with: a bit each of [`DAYS`].
    days: u32,
    /// Words of truth that every value goes with: a bit each of [`TRUTHS`], and those that were seen.
    truths: u16,
    words: Vec<String>,
    null: Vec<String>,
    is_padded: bool,
    sample: Option<String>,
}

/// Decimal signs with their groupings.
const NUMBERS: [(char, Grouping); 8] = [
    (',', Grouping::None),
    (',', Grouping::By(Separator::Point)),
    (',', Grouping::By(Separator::Blank)),
    (',', Grouping::By(Separator::Apostrophe)),
    ('.', Grouping::None),
    ('.', Grouping::By(Separator::Comma)),
    ('.', Grouping::By(Separator::Blank)),
    ('.', Grouping::By(Separator::Apostrophe)),
];
const COMMAS: u8 = 0b0000_1111;
const POINTS: u8 = 0b1111_0000;
/// Notations in which a point and three digits are a group.
const GROUPED_BY_POINT: u8 = 0b0000_0010;

const CURRENCIES: [&str; 14] = ["€", "$", "£", "¥", "₹", "EUR", "USD", "GBP", "CHF", "Fr.", "SFr.", "kr", "zł", "Kč"];

/// Formats of days and moments. Two that both go with all values are no clue: `01/02/2020` could be two days.
const DAYS: [(Type, &str); 20] = [
    (Type::Date, "%d.%m.%Y"),
    (Type::Date, "%d.%m.%y"),
    (Type::Date, "%d/%m/%Y"),
    (Type::Date, "%m/%d/%Y"),
    (Type::Date, "%d-%m-%Y"),
    (Type::Date, "%m-%d-%Y"),
    (Type::Date, "%Y/%m/%d"),
    (Type::Date, "%Y.%m.%d"),
    (Type::Date, "%d-%b-%Y"),
    (Type::Date, "%d %b %Y"),
    (Type::Timestamp, "%d.%m.%Y %H:%M"),
    (Type::Timestamp, "%d.%m.%Y %H:%M:%S"),
    (Type::Timestamp, "%d/%m/%Y %H:%M"),
    (Type::Timestamp, "%d/%m/%Y %H:%M:%S"),
    (Type::Timestamp, "%m/%d/%Y %H:%M"),
    (Type::Timestamp, "%m/%d/%Y %H:%M:%S"),
    (Type::Timestamp, "%Y/%m/%d %H:%M"),
    (Type::Timestamp, "%Y/%m/%d %H:%M:%S"),
    (Type::Timestamp, "%d.%m.%y %H:%M"),
    (Type::Timestamp, "%d.%m.%y %H:%M:%S"),
];

const TRUTHS: [(&str, &str); 11] = [
    ("ja", "nein"),
    ("j", "n"),
    ("yes", "no"),
    ("y", "n"),
    ("oui", "non"),
    ("si", "no"),
    ("sí", "no"),
    ("wahr", "falsch"),
    ("vrai", "faux"),
    ("t", "f"),
    ("on", "off"),
];

/// Words that stand for NULL rather than for themselves, if every other value is a number, a day or a truth.
const NULLS: [&str; 18] = [
    "NA", "N/A", "n/a", "na", "n.a.", "#N/A", "#NV", "NULL", "null", "Null", "\\N", "None", "NaN", "nan", "nil", "-",
    "--", "k.A.",
];

impl Default for Clue {
    fn default() -> Self {
        Clue {
            plain: Inference::default(),
            numbers: COMMAS | POINTS,
            read: [Inference::default(); 2],
            has_mark: false,
            percent: (false, true),
            currency: None,
            days: (1 << DAYS.len()) - 1,
            truths: (1 << TRUTHS.len()) - 1,
            words: Vec::new(),
            null: Vec::new(),
            is_padded: false,
            sample: None,
        }
    }
}

impl Clue {
    /// Clue of values of these types; `grouped` says that every point in them could stand between groups.
    pub fn after(fits: Fits, grouped: bool) -> Clue {
        let fresh = Clue::default();
        if fits.is_undecided() {
            return fresh;
        }
        let is_whole = fits.has(Type::Bigint);
        let whole = Inference::within(Fits::of(&[Type::Bigint, Type::Numeric, Type::Double]));
        let numbers = match (is_whole, fits.has(Type::Numeric)) {
            (true, _) => COMMAS | POINTS,
            (false, true) if grouped => POINTS | GROUPED_BY_POINT,
            (false, true) => POINTS,
            (false, false) => 0,
        };
        let plain = Inference::within(fits);
        Clue {
            plain,
            numbers,
            read: [if is_whole { plain } else { whole }, plain],
            has_mark: !is_whole,
            percent: (false, false),
            days: 0,
            truths: 0,
            ..fresh
        }
    }

    /// True if more values can tell more.
    pub fn is_alive(&self) -> bool {
        self.plain.fits() != Fits::TEXT || self.numbers != 0 || self.days != 0 || self.truths != 0
    }

    /// Adds one more value that is not NULL and not empty.
    pub fn see(&mut self, value: &str) {
        let text = value.trim();
        self.is_padded |= text.len() < value.len();
        if text.is_empty() {
            return;
        }
        if NULLS.contains(&text) {
            if !self.null.iter().any(|word| word == text) {
                self.null.push(text.to_owned());
            }
            return;
        }
        self.plain.see(text);
        self.see_number(text);
        self.see_day(text);
        self.see_truth(text);
        let mut alone = Inference::default();
        alone.see(text);
        if self.sample.is_none() && alone.fits() == Fits::TEXT {
            self.sample = Some(text.to_owned());
        }
    }

    fn see_number(&mut self, text: &str) {
        if self.numbers == 0 {
            return;
        }
        let is_sign = |sign: &&&str| text.starts_with(**sign) || text.ends_with(**sign) || text.contains(**sign);
        let currency = CURRENCIES.iter().filter(is_sign).max_by_key(|sign| sign.len()).copied();
        let is_percent = text.ends_with('%');
        if currency.is_some() && self.currency.is_some() && currency != self.currency {
            self.numbers = 0;
            return;
        }
        self.currency = self.currency.or(currency);
        self.percent = (self.percent.0 || is_percent, self.percent.1 && is_percent);
        self.has_mark |= text.contains(['.', ',']);
        for (at, (decimal, grouping)) in NUMBERS.into_iter().enumerate() {
            if self.numbers & 1 << at == 0 {
                continue;
            }
            let notation = NumberNotation {
                decimal,
                grouping,
                percent: if is_percent { Percent::Each } else { Percent::No },
                currency: currency.map(str::to_owned).into_iter().collect(),
                guarded: true,
            };
            match notation.read(text) {
                Some(read) => self.read[usize::from(decimal == '.')].see(&read),
                None => self.numbers &= !(1 << at),
            }
        }
    }

    fn see_day(&mut self, text: &str) {
        if self.days == 0 {
            return;
        }
        let is_day = text.len() >= 8 && text.len() <= 20 && text.starts_with(|letter: char| letter.is_ascii_digit());
        for (at, (kind, format)) in DAYS.into_iter().enumerate() {
            if self.days & 1 << at == 0 {
                continue;
            }
            let reads = match kind {
                _ if !is_day => false,
                Type::Date => date_by(text, format).is_some(),
                _ => timestamp_by(text, format).is_some(),
            };
            if !reads {
                self.days &= !(1 << at);
            }
        }
    }

    fn see_truth(&mut self, text: &str) {
        if self.truths == 0 {
            return;
        }
        let lower = text.to_lowercase();
        for (at, (yes, no)) in TRUTHS.into_iter().enumerate() {
            if lower != yes && lower != no {
                self.truths &= !(1 << at);
            }
        }
        if self.truths != 0 && !self.words.iter().any(|word| word == text) {
            self.words.push(text.to_owned());
        }
    }

    /// Merges the evidence of another part of the column.
    pub fn and(&mut self, other: &Clue) {
        self.plain.narrow(other.plain.fits());
        self.numbers &= other.numbers;
        for (one, other) in self.read.iter_mut().zip(other.read) {
            one.narrow(other.fits());
        }
        self.has_mark |= other.has_mark;
        self.percent = (self.percent.0 || other.percent.0, self.percent.1 && other.percent.1);
        if self.currency.is_some() && other.currency.is_some() && self.currency != other.currency {
            self.numbers = 0;
        }
        self.currency = self.currency.or(other.currency);
        self.days &= other.days;
        self.truths &= other.truths;
        for (all, more) in [(&mut self.words, &other.words), (&mut self.null, &other.null)] {
            let new: Vec<_> = more.iter().filter(|word| !all.contains(word)).cloned().collect();
            all.extend(new);
        }
        self.is_padded |= other.is_padded;
        self.sample = self.sample.take().or_else(|| other.sample.clone());
    }

    /// The likely notation; `None` if the values say nothing, could be two things, or have a type as they stand.
    pub fn likely(&self) -> Option<Likely> {
        let notation = Notation { null: self.null.clone(), trim: self.is_padded, ..Notation::default() };
        let sample = self.sample.clone().unwrap_or_default();
        let plain = self.plain.fits();
        if plain.is_undecided() || (plain != Fits::TEXT && self.null.is_empty() && !self.is_padded) {
            return None;
        }
        if plain != Fits::TEXT {
            let sample = self.null.first().cloned().unwrap_or_default();
            return Some(Likely { kind: plain.narrowest(), notation, format: None, sample });
        }
        if let Some((kind, number)) = self.number() {
            let notation = Notation { number: Some(number), ..notation };
            return Some(Likely { kind, notation, format: None, sample });
        }
        if self.days.count_ones() == 1 {
            let (kind, format) = DAYS[self.days.trailing_zeros() as usize];
            return Some(Likely { kind, notation, format: Some(format), sample });
        }
        let (yes, no) = *TRUTHS.get(self.truths.trailing_zeros() as usize)?;
        let of = |word: &str| self.words.iter().filter(|one| one.to_lowercase() == word).cloned().collect::<Vec<_>>();
        let words = TruthWords { yes: of(yes), no: of(no) };
        let are_both = !words.yes.is_empty() && !words.no.is_empty();
        let notation = Notation { truth: Some(words), ..notation };
        are_both.then_some(Likely { kind: Type::Boolean, notation, format: None, sample })
    }

    fn number(&self) -> Option<(Type, NumberNotation)> {
        let (commas, points) = (self.numbers & COMMAS, self.numbers & POINTS);
        let is_mixed = self.percent.0 && !self.percent.1;
        if self.numbers == 0 || is_mixed || (commas != 0 && points != 0 && self.has_mark) {
            return None;
        }
        let alive = if points == 0 { commas } else { points };
        let (decimal, grouping) = NUMBERS[alive.trailing_zeros() as usize];
        let kind = self.read[usize::from(decimal == '.')].fits().narrowest();
        let number = NumberNotation {
            decimal,
            grouping,
            percent: if self.percent.0 { Percent::Each } else { Percent::No },
            currency: self.currency.map(str::to_owned).into_iter().collect(),
            guarded: false,
        };
        matches!(kind, Type::Bigint | Type::Numeric).then_some((kind, number))
    }
}

/// True if the point of a plain number could stand between groups.
pub(crate) fn is_point_grouping(value: &str) -> bool {
    let notation = NumberNotation { decimal: ',', grouping: Grouping::By(Separator::Point), ..NumberNotation::plain() };
    !value.contains('.') || notation.read(value).is_some()
}

#[cfg(test)]
mod tests;
