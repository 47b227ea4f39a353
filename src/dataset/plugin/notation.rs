//! Keys of a plugin for the notation of values: `decimal`, `thousands`, `percent`, `currency`, `true`, `false`, `null`,
//! `trim`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::schema::{Grouping, Inference, Notation, NumberNotation, Percent, Separator, TruthWords, Type};

/// One word or several.
#[derive(Clone, Debug)]
pub(super) struct Words(Vec<String>);

impl Words {
    fn list(&self) -> &[String] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

/// Takes words as they stand, whatever they are in YAML: `1`, `true`, `null`.
struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word or a list of words, such as [ja, x]")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Words, E> {
        Ok(Words(vec![word.to_owned()]))
    }

    fn visit_bool<E: Error>(self, word: bool) -> Result<Words, E> {
        Ok(Words(vec![word.to_string()]))
    }

    fn visit_i64<E: Error>(self, word: i64) -> Result<Words, E> {
        Ok(Words(vec![word.to_string()]))
    }

    fn visit_u64<E: Error>(self, word: u64) -> Result<Words, E> {
        Ok(Words(vec![word.to_string()]))
    }

    fn visit_unit<E: Error>(self) -> Result<Words, E> {
        Ok(Words(vec!["null".to_owned()]))
    }

    fn visit_none<E: Error>(self) -> Result<Words, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Words, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Words, A::Error> {
        let mut list = Vec::new();
        while let Some(word) = words.next_element::<Option<String>>()? {
            list.push(word.unwrap_or_else(|| "null".to_owned()));
        }
        Ok(Words(list))
    }
}

/// Stated notation of values, of a column or of the whole file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) decimal: Option<&'a str>,
    pub(super) thousands: Option<&'a str>,
    pub(super) percent: Option<bool>,
    pub(super) currency: Option<&'a Words>,
    pub(super) yes: Option<&'a Words>,
    pub(super) no: Option<&'a Words>,
    pub(super) null: Option<&'a Words>,
    pub(super) trim: Option<bool>,
}

impl Said<'_> {
    fn of_numbers(&self) -> bool {
        self.decimal.is_some() || self.thousands.is_some() || self.percent == Some(true) || self.currency.is_some()
    }

    fn of_truth(&self) -> bool {
        self.yes.is_some() || self.no.is_some()
    }
}

const NUMBERS: [Type; 3] = [Type::Bigint, Type::Numeric, Type::Double];

/// The notation of columns without one of their own.
///
/// # Errors
/// In words that begin with the key at fault.
pub(super) fn of_file(said: Said<'_>) -> Result<Notation, String> {
    for word in [said.yes, said.no].into_iter().flatten().flat_map(Words::list) {
        let mut inference = Inference::default();
        inference.see(word);
        if inference.fits().has(Type::Numeric) || inference.fits().has(Type::Double) {
            let key = if said.yes.is_some_and(|words| words.list().contains(word)) { "true" } else { "false" };
            return Err(format!("{key}: {word:?} is a number in other columns: say it at the column"));
        }
    }
    let number = if said.of_numbers() { Some(number(said, said.percent == Some(true), true)?) } else { None };
    Ok(Notation {
        number: number.map(|number| NumberNotation {
            percent: if number.percent == Percent::Each { Percent::Some } else { number.percent },
            ..number
        }),
        truth: truth(said)?,
        null: said.null.map(Words::list).unwrap_or_default().to_vec(),
        trim: said.trim.unwrap_or(false),
    })
}

/// The notation of a column and its type, if stated or implied by the notation.
///
/// # Errors
/// As [`of_file`].
pub(super) fn of_column(
    said: Said<'_>,
    file: Said<'_>,
    kind: Option<Type>,
) -> Result<(Notation, Option<Type>), String> {
    let kind = match kind {
        None if said.of_numbers() => Some(Type::Numeric),
        None if said.of_truth() => Some(Type::Boolean),
        said => said,
    };
    let keys = [
        ("decimal", said.decimal.is_some()),
        ("thousands", said.thousands.is_some()),
        ("percent", said.percent == Some(true)),
        ("currency", said.currency.is_some()),
    ];
    if let Some((key, _)) = keys.into_iter().find(|(_, is_said)| *is_said)
        && !kind.is_some_and(|kind| NUMBERS.contains(&kind))
    {
        return Err(format!("{key}: goes with type: numeric, bigint or double"));
    }
    if said.of_truth() && kind != Some(Type::Boolean) {
        let key = if said.yes.is_some() { "true" } else { "false" };
        return Err(format!("{key}: goes with type: boolean, and not with what is said of numbers"));
    }
    let is_number = kind.is_none_or(|kind| NUMBERS.contains(&kind));
    let merged = Said {
        decimal: said.decimal.or(file.decimal),
        thousands: said.thousands.or(file.thousands),
        percent: said.percent.or(file.percent),
        currency: said.currency.or(file.currency),
        yes: if said.of_truth() { said.yes } else { file.yes },
        no: if said.of_truth() { said.no } else { file.no },
        null: None,
        trim: said.trim.or(file.trim),
    };
    let number = match merged.of_numbers() && is_number {
        false => None,
        true => {
            let number = number(merged, said.percent == Some(true), kind.is_none())?;
            let is_some = merged.percent == Some(true) && number.percent == Percent::No;
            Some(NumberNotation { percent: if is_some { Percent::Some } else { number.percent }, ..number })
        }
    };
    let truth = if kind.is_none_or(|kind| kind == Type::Boolean) { truth(merged)? } else { None };
    let null: Vec<_> = [said.null, file.null].into_iter().flatten().flat_map(Words::list).cloned().collect();
    if let Some(words) = &truth
        && let Some(word) = null.iter().find(|word| words.yes.contains(word) || words.no.contains(word))
    {
        return Err(format!("null: {word:?} stands for true or false, too"));
    }
    Ok((Notation { number, truth, null, trim: merged.trim.unwrap_or(false) }, kind))
}

fn number(said: Said<'_>, is_percent: bool, guarded: bool) -> Result<NumberNotation, String> {
    let thousands = match said.thousands {
        None => None,
        Some(text) => Some(Separator::parse(text).ok_or_else(|| {
            format!("thousands: {text:?} is none of \".\", \",\", \"'\", a blank, blank and apostrophe")
        })?),
    };
    let decimal = match said.decimal {
        Some(",") => ',',
        Some(".") => '.',
        Some(other) => return Err(format!("decimal: {other:?} is neither \",\" nor \".\"")),
        None if thousands == Some(Separator::Point) => ',',
        None => '.',
    };
    if thousands.is_some_and(|separator| separator.letter() == decimal) {
        return Err(format!("thousands: {decimal:?} is the decimal sign, too"));
    }
    let currency = said.currency.map(Words::list).unwrap_or_default().to_vec();
    let is_none = |sign: &&String| {
        sign.trim().is_empty()
            || **sign != sign.trim()
            || sign.contains(|letter: char| letter.is_ascii_digit() || "+-%()\u{2212}".contains(letter))
            || matches!(sign.as_str(), "." | "," | "'" | "\u{2019}")
    };
    if let Some(sign) = currency.iter().find(is_none) {
        return Err(format!("currency: {sign:?} is no sign of a currency, such as €, $ or CHF"));
    }
    let grouping = match (thousands, said.decimal) {
        (Some(separator), _) => Grouping::By(separator),
        // The other signs can only be separators of groups.
        (None, Some(_)) => Grouping::Any,
        (None, None) => Grouping::None,
    };
    let percent = if is_percent { Percent::Each } else { Percent::No };
    Ok(NumberNotation { decimal, grouping, percent, currency, guarded })
}

fn truth(said: Said<'_>) -> Result<Option<TruthWords>, String> {
    if !said.of_truth() {
        return Ok(None);
    }
    let list = |words: Option<&Words>| words.map(Words::list).unwrap_or_default().to_vec();
    let words = TruthWords { yes: list(said.yes), no: list(said.no) };
    if words.yes.is_empty() && words.no.is_empty() {
        return Err("true: names no word, such as [ja, x]".to_owned());
    }
    match words.yes.iter().find(|word| words.no.contains(word)) {
        Some(word) => Err(format!("true: {word:?} stands for false, too")),
        None => Ok(Some(words)),
    }
}
