//! Types of columns, and the sets of them that are kept while they are decided.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Type of a column, narrowest first: the first of several that fit is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// A whole number in 64 bits.
    Bigint,
    /// Decimal digits, kept exactly with their scale.
    Numeric,
    /// A binary floating-point number in 64 bits.
    Double,
    /// `true` and `false`.
    Boolean,
    /// A day, 0001-01-01 to 9999-12-31.
    Date,
    /// A day and a time without an offset, to the microsecond.
    Timestamp,
    /// An instant, to the microsecond.
    Timestamptz,
    /// Anything, as it stands.
    Text,
}

impl Type {
    /// Every type, narrowest first.
    pub const ALL: [Type; 8] = [
        Type::Bigint,
        Type::Numeric,
        Type::Double,
        Type::Boolean,
        Type::Date,
        Type::Timestamp,
        Type::Timestamptz,
        Type::Text,
    ];

    /// The word for it in the catalog and in listings, the same on both engines.
    pub fn word(self) -> &'static str {
        match self {
            Type::Bigint => "bigint",
            Type::Numeric => "numeric",
            Type::Double => "double",
            Type::Boolean => "boolean",
            Type::Date => "date",
            Type::Timestamp => "timestamp",
            Type::Timestamptz => "timestamptz",
            Type::Text => "text",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Spelling of true and false in a file. A boolean column has one spelling only, so that it can be written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `true`, `false`
    Lower,
    /// `True`, `False`
    Title,
    /// `TRUE`, `FALSE`
    Upper,
}

impl Spelling {
    const ALL: [Spelling; 3] = [Spelling::Lower, Spelling::Title, Spelling::Upper];

    /// The words for true and for false.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Spelling::Lower => ("true", "false"),
            Spelling::Title => ("True", "False"),
            Spelling::Upper => ("TRUE", "FALSE"),
        }
    }

    const fn bit(self) -> u32 {
        1 << (8 + self as u32)
    }
}

/// Form of moments and doubles in a file, one trait each. A column keeps the forms that all its values share, so that
/// they can be written back as they were; without them its type is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A blank between day and time.
    Blank,
    /// A `T` between them.
    T,
    /// Hours and minutes only.
    Minutes,
    /// Seconds without a fraction.
    Seconds,
    /// A fraction of so many digits, 1 to 6.
    Fraction(u8),
    /// No zero at the end of a fraction, and no fraction of zero.
    Shortest,
    /// `Z` at the end.
    Z,
    /// `+00:00` at the end.
    Colon,
    /// `+0000` at the end.
    Digits,
    /// `+00` at the end.
    Hours,
    /// A time of day.
    Clock,
    /// No midnight, or a day alone: days among moments without an offset are midnights.
    Day,
    /// A double as Python prints it: `0.0`, `3.25e-08`, an exponent below 1e-4 and from 1e16 on.
    Point,
    /// A double of six digits at most, an exponent of three digits below 1e-4 and from 1e6 on: `2.03e+006`.
    LongExponent,
}

impl Form {
    const ALL: [(Form, &'static str); 19] = [
        (Form::Blank, "blank"),
        (Form::T, "T"),
        (Form::Minutes, "minutes"),
        (Form::Seconds, "seconds"),
        (Form::Fraction(1), "fraction1"),
        (Form::Fraction(2), "fraction2"),
        (Form::Fraction(3), "fraction3"),
        (Form::Fraction(4), "fraction4"),
        (Form::Fraction(5), "fraction5"),
        (Form::Fraction(6), "fraction6"),
        (Form::Shortest, "shortest"),
        (Form::Z, "Z"),
        (Form::Colon, "+00:00"),
        (Form::Digits, "+0000"),
        (Form::Hours, "+00"),
        (Form::Clock, "clock"),
        (Form::Day, "day"),
        (Form::Point, "point"),
        (Form::LongExponent, "exponent3"),
    ];

    /// The bits of the forms of doubles.
    const DOUBLES: u32 = Form::Point.bit() | Form::LongExponent.bit();

    const fn bit(self) -> u32 {
        let place = match self {
            Form::Blank => 0,
            Form::T => 1,
            Form::Minutes => 2,
            Form::Seconds => 3,
            Form::Fraction(digits) => 3 + digits as u32,
            Form::Shortest => 10,
            Form::Z => 11,
            Form::Colon => 12,
            Form::Digits => 13,
            Form::Hours => 14,
            Form::Clock => 15,
            Form::Day => 16,
            Form::Point => 17,
            Form::LongExponent => 18,
        };
        1 << (11 + place)
    }
}

/// The bits of all forms.
const FORMS: u32 = ((1 << Form::ALL.len()) - 1) << 11;

/// The forms that a day can stand among.
const AMONG_DAYS: u32 = FORMS
    & !(Form::Z.bit() | Form::Colon.bit() | Form::Digits.bit() | Form::Hours.bit() | Form::Clock.bit() | Form::DOUBLES);

/// Forms of which a moment without an offset has one: else a day would be midnight among others that are written with
/// their time.
const TOLD: u32 = Form::Clock.bit() | Form::Day.bit();

/// A set of types: those that every value so far reads back from unchanged.
///
/// Sets only shrink, and the order in which values are seen does not matter, neither in a file nor across files.
/// Text always fits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fits(u32);

impl Fits {
    /// The set of a column without a value: everything.
    pub const ALL: Fits = Fits(Fits::of(&Type::ALL).0 | FORMS);
    /// Text alone.
    pub const TEXT: Fits = Fits(bits(Type::Text));
    /// The set of a day: midnight, too, if others of its column have a time.
    pub const DAY: Fits = Fits(bits(Type::Text) | bits(Type::Date) | 1 << Type::Timestamp as u32 | AMONG_DAYS);

    /// The set of these types, and text.
    pub const fn of(types: &[Type]) -> Fits {
        let mut set = bits(Type::Text);
        let mut at = 0;
        while at < types.len() {
            set |= bits(types[at]);
            at += 1;
        }
        Fits(set)
    }

    /// The set of a column whose type is stated: a whole number is a numeric too, and a day a midnight.
    pub fn stated(one: Type) -> Fits {
        match one {
            Type::Bigint => Fits::of(&[Type::Bigint, Type::Numeric]),
            Type::Date => Fits::DAY,
            other => Fits::of(&[other]),
        }
    }

    /// Boolean in this spelling, and text.
    pub const fn boolean(spelling: Spelling) -> Fits {
        Fits(Self::TEXT.0 | spelling.bit())
    }

    /// A moment written in this form, and text.
    pub(super) fn moment(kind: Type, forms: &[Form]) -> Fits {
        Fits(forms.iter().fold(Fits::of(&[kind]).0, |set, form| set | form.bit()))
    }

    /// The set with these forms of doubles: [`Form::Point`], [`Form::LongExponent`].
    pub(super) const fn with_double_forms(self, point: bool, long_exponent: bool) -> Fits {
        let point = if point { Form::Point.bit() } else { 0 };
        Fits(self.0 | point | if long_exponent { Form::LongExponent.bit() } else { 0 })
    }

    /// The set without the forms of doubles, unless the column is one of doubles: no other value has these forms.
    pub(super) const fn settled(self) -> Fits {
        let is_double = self.has(Type::Double) && !self.has(Type::Numeric);
        if is_double || self.is_undecided() { self } else { Fits(self.0 & !Form::DOUBLES) }
    }

    /// The set without these types.
    pub(super) fn without(self, types: &[Type]) -> Fits {
        Fits(types.iter().filter(|one| **one != Type::Text).fold(self.0, |set, one| set & !bits(*one)))
    }

    /// True if every value has this form.
    pub fn is_written(self, form: Form) -> bool {
        self.0 & form.bit() != 0
    }

    /// True if all moments are in one form, so that each can be written again as it was.
    pub fn has_form(self) -> bool {
        let any = |forms: &[Form]| forms.iter().any(|form| self.is_written(*form));
        let fractions = (1..=6).any(|digits| self.is_written(Form::Fraction(digits)));
        let is_clock = fractions || any(&[Form::Minutes, Form::Shortest]);
        let is_zone = !self.has(Type::Timestamptz) || any(&[Form::Z, Form::Colon, Form::Digits, Form::Hours]);
        !self.is_undecided() && any(&[Form::Blank, Form::T]) && is_clock && is_zone
    }

    /// True if the type is in the set.
    pub const fn has(self, one: Type) -> bool {
        match one {
            Type::Timestamp => self.0 & 1 << one as u32 != 0 && self.0 & TOLD != 0,
            _ => self.0 & bits(one) != 0,
        }
    }

    /// The types in both sets.
    #[must_use]
    pub const fn and(self, other: Fits) -> Fits {
        let both = self.0 & other.0;
        Fits(if both & TOLD == 0 { both & !(1 << Type::Timestamp as u32) } else { both })
    }

    /// True if a value of these types leaves the types of a column of this set as they are.
    pub fn takes(self, value: Fits) -> bool {
        let both = self.and(value);
        Type::ALL.into_iter().all(|one| self.has(one) == both.has(one))
    }

    /// True if no value has been seen.
    pub const fn is_undecided(self) -> bool {
        self.0 == Self::ALL.0
    }

    /// The type of a column with these values: the narrowest that fits, text if no value has been seen.
    pub fn narrowest(self) -> Type {
        if self.is_undecided() {
            return Type::Text;
        }
        Type::ALL.into_iter().find(|one| self.has(*one)).unwrap_or(Type::Text)
    }

    /// Spelling of the column's booleans in its files.
    pub fn spelling(self) -> Spelling {
        Spelling::ALL.into_iter().find(|one| self.0 & one.bit() != 0).unwrap_or(Spelling::Lower)
    }

    /// The words of the set's types, narrowest first, separated by commas, a boolean's with its spelling, then the
    /// forms of its moments. The catalog keeps them.
    pub fn words(self) -> String {
        if self == Fits::DAY {
            return "date,text,day".to_owned();
        }
        let mut words = Vec::new();
        for one in Type::ALL.into_iter().filter(|one| self.has(*one)) {
            if one == Type::Boolean {
                words.extend(Spelling::ALL.iter().filter(|each| self.0 & each.bit() != 0).map(|each| each.words().0));
            } else {
                words.push(one.word());
            }
        }
        // A moment has its time, unless days are said to be among them.
        let is_plain = self.has(Type::Timestamp) && !self.is_written(Form::Day);
        let is_said = |form: Form| self.is_written(form) && !(is_plain && form == Form::Clock);
        words.extend(Form::ALL.into_iter().filter(|(form, _)| is_said(*form)).map(|(_, word)| word));
        words.join(",")
    }

    /// The set that [`Fits::words`] wrote; words that are no type are passed over.
    pub fn from_words(words: &str) -> Fits {
        if words == Fits::DAY.words() {
            return Fits::DAY;
        }
        let mut set = Self::TEXT.0;
        for word in words.split(',') {
            for one in Type::ALL.into_iter().filter(|one| one.word() == word) {
                set |= bits(one) & !Form::Clock.bit();
            }
            for spelling in Spelling::ALL.into_iter().filter(|spelling| spelling.words().0 == word) {
                set |= spelling.bit();
            }
            for (form, _) in Form::ALL.into_iter().filter(|(_, form)| *form == word) {
                set |= form.bit();
            }
        }
        // The words from before days could stand among moments, and doubles had forms.
        let new = TOLD | Form::DOUBLES;
        if set & new == 0 && set | new == Fits::ALL.0 {
            return Fits::ALL;
        }
        if set & TOLD == 0 && set & (1 << Type::Timestamp as u32) != 0 {
            set |= Form::Clock.bit();
        }
        Fits(set)
    }
}

/// A boolean has a bit for each spelling, any other type its own; a moment has a time.
const fn bits(one: Type) -> u32 {
    match one {
        Type::Boolean => Spelling::Lower.bit() | Spelling::Title.bit() | Spelling::Upper.bit(),
        Type::Timestamp => 1 << one as u32 | Form::Clock.bit(),
        _ => 1 << one as u32,
    }
}

impl fmt::Debug for Fits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fits({})", self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_gives_back_the_set() {
        for one in 0..30 {
            for other in 0..30 {
                for fits in [Fits(1 << one | 1 << other | Fits::TEXT.0), Fits(!(1 << one | 1 << other) & Fits::ALL.0)] {
                    let fits = Fits((fits.0 & Fits::ALL.0) | Fits::TEXT.0).and(Fits::ALL);
                    // A day is in all forms that are possible among days.
                    let fits = if fits.words() == Fits::DAY.words() { Fits::DAY } else { fits };
                    assert_eq!(Fits::from_words(&fits.words()), fits);
                }
            }
        }
    }

    #[test]
    fn a_catalog_that_knew_no_days_among_moments_is_read() {
        let fits = Fits::from_words("timestamp,text,T,seconds,shortest");
        assert!(fits.has(Type::Timestamp) && !fits.is_written(Form::Day));
        assert_eq!(fits.and(Fits::DAY).narrowest(), Type::Text);
        let all = Fits::ALL.words().replace(",clock,day,point,exponent3", "");
        assert!(Fits::from_words(&all).is_undecided());
        assert_eq!(Fits::from_words("date,text"), Fits::of(&[Type::Date]));
        assert_eq!(Fits::from_words(&Fits::DAY.words()), Fits::DAY);
    }

    #[test]
    fn the_narrowest_type_is_taken_and_an_empty_column_is_text() {
        assert_eq!(Fits::of(&[Type::Numeric, Type::Bigint]).narrowest(), Type::Bigint);
        assert_eq!(Fits::of(&[Type::Numeric]).narrowest(), Type::Numeric);
        assert_eq!(Fits::TEXT.narrowest(), Type::Text);
        assert_eq!(Fits::ALL.narrowest(), Type::Text);
    }
}
