//! Notations of people: decimal commas, grouped digits, percent, words of truth and for NULL. Pure: a number's digits
//! are moved, never calculated with, and a text in another notation is no value.

use std::borrow::Cow;

use super::infer;
use super::types::{Fits, Type};

/// Notation of the values of a column, or of every column of a file, as far as it is stated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notation {
    /// Notation of numbers; that of programs if absent.
    pub number: Option<NumberNotation>,
    /// Words of truth; `true` and `false` if absent.
    pub truth: Option<TruthWords>,
    /// Words that stand for NULL.
    pub null: Vec<String>,
    /// True if blanks around a value are none of it, and a cell of blanks is NULL.
    pub trim: bool,
}

/// The words that stand for true and for false, as they stand in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TruthWords {
    /// Words for true.
    pub yes: Vec<String>,
    /// Words for false.
    pub no: Vec<String>,
}

/// Notation of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberNotation {
    /// Sign before the fraction: `.` or `,`.
    pub decimal: char,
    /// Separators that may stand between groups of digits.
    pub grouping: Grouping,
    /// Percent sign behind the number: `5 %` is 0.05.
    pub percent: Percent,
    /// Signs of one currency, which may stand before or behind.
    pub currency: Vec<String>,
    /// True if the column is not declared to have numbers: `1.234`, `(5)`, `5-` and `+5` are codes as often then,
    /// unless a fraction tells.
    pub guarded: bool,
}

/// Separators that may stand between groups of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// No separator.
    None,
    /// This separator.
    By(Separator),
    /// Any separator other than the decimal sign.
    Any,
}

/// Separator of groups of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// `1.234`
    Point,
    /// `1,234`, and `1,23,456` as in India.
    Comma,
    /// `1 234`, also with a blank that does not break the line, or a narrow one.
    Blank,
    /// `1'234`, also with `’`.
    Apostrophe,
}

/// Percent sign behind a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Percent {
    /// No percent sign behind any number.
    No,
    /// A percent sign behind some numbers.
    Some,
    /// A percent sign behind each number.
    Each,
}

impl Separator {
    fn of(letter: char) -> Option<Separator> {
        match letter {
            '.' => Some(Separator::Point),
            ',' => Some(Separator::Comma),
            '\'' | '\u{2019}' => Some(Separator::Apostrophe),
            letter if is_blank(letter) => Some(Separator::Blank),
            _ => None,
        }
    }

    /// The separator that a plugin names: the letter itself, `blank` or `apostrophe`.
    pub fn parse(text: &str) -> Option<Separator> {
        let mut letters = text.chars();
        match (text, letters.next(), letters.next()) {
            ("blank", ..) => Some(Separator::Blank),
            ("apostrophe", ..) => Some(Separator::Apostrophe),
            (_, Some(letter), None) => Separator::of(letter),
            _ => None,
        }
    }

    /// The letter that stands for it in a plugin.
    pub fn letter(self) -> char {
        match self {
            Separator::Point => '.',
            Separator::Comma => ',',
            Separator::Blank => ' ',
            Separator::Apostrophe => '\'',
        }
    }
}

/// A blank, one that does not break the line, a narrow one of it, a thin one, one as wide as a digit.
fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\u{A0}' | '\u{202F}' | '\u{2009}' | '\u{2007}')
}

impl Notation {
    /// True if nothing is stated.
    pub fn is_plain(&self) -> bool {
        self.number.is_none() && self.truth.is_none() && self.null.is_empty() && !self.trim
    }

    /// A cell's value; `None` for NULL and for the words that stand for it.
    pub fn value<'a>(&self, cell: Option<&'a str>) -> Option<&'a str> {
        let mut text = cell?;
        if self.trim {
            text = text.trim();
        }
        let is_word = || self.truth.as_ref().is_some_and(|words| words.has(""));
        let is_null = (self.trim && text.is_empty() && !is_word()) || self.null.iter().any(|word| word == text);
        (!is_null).then_some(text)
    }

    /// True if a cell without a text is a value: an empty box that was not ticked.
    pub(super) fn reads_empty(&self) -> bool {
        self.truth.as_ref().is_some_and(|words| words.has(""))
    }

    /// The types that a value can be of. `native` says that the file has numbers and truths of its own besides texts.
    pub(super) fn fits(&self, text: &str, native: bool) -> Fits {
        let fits = match (&self.truth, &self.number) {
            (Some(words), _) if words.has(text) => return Fits::of(&[Type::Boolean]),
            (_, Some(_)) => match self.plain_number(text, native) {
                Some(plain) => infer::number(&plain),
                None => infer::fits(text).without(&[Type::Bigint, Type::Numeric, Type::Double]),
            },
            _ => infer::fits(text),
        };
        if self.truth.is_some() && !native { fits.without(&[Type::Boolean]) } else { fits }
    }

    /// The number as programs write it; `None` if it is in another notation, or could be two numbers.
    pub(super) fn plain_number<'a>(&self, text: &'a str, native: bool) -> Option<Cow<'a, str>> {
        let Some(number) = &self.number else { return Some(Cow::Borrowed(text)) };
        let is_plain = native && infer::number(text) != Fits::TEXT;
        match number.read(text) {
            Some(read) if is_plain && read != text => None,
            Some(read) => Some(Cow::Owned(read)),
            None => is_plain.then_some(Cow::Borrowed(text)),
        }
    }

    /// Reads a truth.
    pub(super) fn read_truth(&self, text: &str, native: bool) -> Option<bool> {
        match &self.truth {
            None => infer::read_boolean(text),
            Some(words) if words.yes.iter().any(|word| word == text) => Some(true),
            Some(words) if words.no.iter().any(|word| word == text) => Some(false),
            Some(_) => infer::read_boolean(text).filter(|_| native),
        }
    }

    /// The notation of values of this type, in words that follow the type: ` with decimal ","`; empty if none is
    /// stated.
    pub fn words(&self, kind: Type) -> String {
        match (kind, &self.number, &self.truth) {
            (Type::Bigint | Type::Numeric | Type::Double, Some(number), _) => number.words(),
            (Type::Boolean, _, Some(words)) => {
                let list =
                    |words: &[String]| words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
                format!(" (true: {}; false: {})", list(&words.yes), list(&words.no))
            }
            _ => String::new(),
        }
    }
}

impl TruthWords {
    fn has(&self, text: &str) -> bool {
        self.yes.iter().chain(&self.no).any(|word| word == text)
    }
}

impl NumberNotation {
    /// Numbers as programs write them.
    pub fn plain() -> NumberNotation {
        NumberNotation {
            decimal: '.',
            grouping: Grouping::None,
            percent: Percent::No,
            currency: Vec::new(),
            guarded: false,
        }
    }

    /// The number as programs write it, digit for digit: `1234.50` out of `1.234,50`. A sign may stand before or
    /// behind, a negative number in brackets.
    pub fn read(&self, text: &str) -> Option<String> {
        if text.starts_with(is_blank) || text.ends_with(is_blank) {
            return None;
        }
        let (mut rest, mut negative, mut is_percent, mut has_currency) = (text, None, false, false);
        let mut is_plain = true;
        loop {
            rest = rest.trim_matches(is_blank);
            let before = rest;
            if negative.is_none() {
                let enclosed = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
                let minus: &[char] = &['-', '\u{2212}'];
                if let Some(other) = rest.strip_prefix(minus) {
                    (rest, negative) = (other, Some(true));
                } else if let Some(other) = enclosed.or_else(|| rest.strip_suffix(minus)) {
                    (rest, negative, is_plain) = (other, Some(true), false);
                } else if let Some(other) = rest.strip_prefix('+').or_else(|| rest.strip_suffix('+')) {
                    (rest, negative, is_plain) = (other, Some(false), false);
                }
            }
            if !has_currency {
                let without =
                    |sign: &String| rest.strip_prefix(sign.as_str()).or_else(|| rest.strip_suffix(sign.as_str()));
                if let Some(other) = self.currency.iter().find_map(without) {
                    (rest, has_currency) = (other, true);
                }
            }
            if self.percent != Percent::No
                && !is_percent
                && let Some(other) = rest.strip_suffix('%')
            {
                (rest, is_percent) = (other, true);
            }
            if rest == before {
                break;
            }
        }
        if self.percent == Percent::Each && !is_percent {
            return None;
        }
        let (whole, fraction) = match rest.split_once(self.decimal) {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (rest, ""),
        };
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || (self.guarded && !is_plain && fraction.is_empty()) {
            return None;
        }
        let whole = match whole {
            "" if fraction.is_empty() => return None,
            "" => "0".to_owned(),
            whole => self.ungrouped(whole, !fraction.is_empty())?,
        };
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        let plain = if is_percent { hundredth(&whole, fraction) } else { joined(&whole, fraction) };
        let plain = if negative == Some(true) { format!("-{plain}") } else { plain };
        infer::is_decimal(&plain).then_some(plain)
    }

    /// The digits before the fraction, if they stand in proper groups.
    fn ungrouped(&self, whole: &str, has_fraction: bool) -> Option<String> {
        let Some(letter) = whole.chars().find(|letter| !letter.is_ascii_digit()) else { return Some(whole.to_owned()) };
        let separator = Separator::of(letter).filter(|one| one.letter() != self.decimal)?;
        let is_allowed = match self.grouping {
            Grouping::None => false,
            Grouping::By(one) => one == separator,
            Grouping::Any => has_fraction || !self.guarded,
        };
        let groups: Vec<&str> = whole.split(|letter| Separator::of(letter) == Some(separator)).collect();
        let are_digits = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_digit()));
        let [first, middle @ .., last] = groups.as_slice() else { return None };
        let by = |most: usize| (1..=most).contains(&first.len()) && middle.iter().all(|group| group.len() == most);
        let is_proper = last.len() == 3 && (by(3) || (separator == Separator::Comma && by(2)));
        (is_allowed && are_digits && is_proper).then(|| groups.concat())
    }

    fn words(&self) -> String {
        let mut words = vec![format!("decimal {:?}", self.decimal.to_string())];
        if let Grouping::By(separator) = self.grouping {
            words.push(format!("thousands {:?}", separator.letter().to_string()));
        }
        if self.percent == Percent::Each {
            words.push("a percent sign".to_owned());
        }
        if !self.currency.is_empty() {
            words.push(format!("currency {:?}", self.currency.join(" ")));
        }
        format!(" with {}", words.join(", "))
    }
}

fn joined(whole: &str, fraction: &str) -> String {
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// The number with its point two digits to the left.
fn hundredth(whole: &str, fraction: &str) -> String {
    let padded = format!("{whole:0>3}");
    let (whole, moved) = padded.split_at(padded.len() - 2);
    let whole = whole.trim_start_matches('0');
    format!("{}.{moved}{fraction}", if whole.is_empty() { "0" } else { whole })
}

#[cfg(test)]
mod tests;
