//! Operators: comparison, arithmetic, joining texts, patterns.

use sqlparser::ast::{BinaryOperator, UnaryOperator};

use super::cast::{coerce, text};
use super::kind::Kind;
use super::texts;
use super::typed::{Scale, Typed, fails, quoted};

/// Compares by value: `a = b` and its like.
pub(super) fn compare(left: &Typed, word: &str, right: &Typed) -> Result<Typed, String> {
    let not_comparable = || format!("{} {word} {}", left.kind.word(), right.kind.word());
    let kind = left.kind.meeting(right.kind).ok_or_else(not_comparable)?;
    if kind == Kind::Interval {
        return Err("a comparison of intervals".to_owned());
    }
    if kind == Kind::Unknown {
        return Err("a comparison of a column of which the type is not known".to_owned());
    }
    let (one, other) = (coerce(left, kind)?, coerce(right, kind)?);
    let sql = format!("({} {word} {})", one.key(), other.key());
    Ok(Typed::new(sql, Kind::Boolean).from([one.sources, other.sources]))
}

/// Applies an operator to two values.
pub(super) fn arithmetic(left: &Typed, op: &BinaryOperator, right: &Typed) -> Result<Typed, String> {
    let word = op.to_string();
    match op {
        BinaryOperator::And | BinaryOperator::Or => {
            let (one, other) = (coerce(left, Kind::Boolean)?, coerce(right, Kind::Boolean)?);
            let sql = format!("({} {} {})", one.sql, word.to_lowercase(), other.sql);
            Ok(Typed::new(sql, Kind::Boolean).from([one.sources, other.sources]))
        }
        BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq => compare(left, &word, right),
        BinaryOperator::StringConcat => {
            let is_text = |typed: &Typed| matches!(typed.kind, Kind::Text | Kind::Literal);
            if !is_text(left) && !is_text(right) {
                return Err(format!("{} || {}", left.kind.word(), right.kind.word()));
            }
            let (one, other) = (text(left)?, text(right)?);
            let sql = format!("({} || {})", one.sql, other.sql);
            Ok(Typed::new(sql, Kind::Text).from([one.sources, other.sources]))
        }
        BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo => numbers(left, op, right),
        BinaryOperator::PGLikeMatch => like(left, right, None, false, false),
        BinaryOperator::PGILikeMatch => like(left, right, None, false, true),
        BinaryOperator::PGNotLikeMatch => like(left, right, None, true, false),
        BinaryOperator::PGNotILikeMatch => like(left, right, None, true, true),
        BinaryOperator::PGRegexMatch
        | BinaryOperator::PGRegexIMatch
        | BinaryOperator::PGRegexNotMatch
        | BinaryOperator::PGRegexNotIMatch => Err(format!("the regular expression operator {word}")),
        _ => Err(format!("the operator {word}")),
    }
}

fn numbers(left: &Typed, op: &BinaryOperator, right: &Typed) -> Result<Typed, String> {
    let unknown = || format!("{} {op} {}", left.kind.word(), right.kind.word());
    let kind = left.kind.meeting(right.kind).filter(|kind| kind.is_number()).ok_or_else(unknown)?;
    let (one, other) = (coerce(left, kind)?, coerce(right, kind)?);
    let sources = [one.sources.clone(), other.sources.clone()];
    let sql = |sign: &str| format!("({} {sign} {})", one.sql, other.sql);
    let typed = match (op, kind) {
        (BinaryOperator::Plus | BinaryOperator::Minus, Kind::Numeric) => {
            Typed::computed(sql(&op.to_string()), one.scale.larger(&other.scale))
        }
        (BinaryOperator::Multiply, Kind::Numeric) => Typed::computed(sql("*"), one.scale.added(&other.scale)),
        (BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply, kind) => {
            Typed::new(sql(&op.to_string()), kind)
        }
        (BinaryOperator::Divide, Kind::Whole | Kind::Numeric) => {
            Typed::computed(format!("(cast({} as real) / {})", one.sql, divisor(&other)), Scale::Free)
        }
        (BinaryOperator::Divide, kind) => Typed::new(format!("({} / {})", one.sql, divisor(&other)), kind),
        (BinaryOperator::Modulo, Kind::Integer | Kind::Bigint | Kind::Whole) => {
            Typed::new(format!("({} % {})", one.sql, divisor(&other)), kind)
        }
        _ => return Err(format!("the rest of a division (%) of {}", kind.word())),
    };
    Ok(typed.from(sources))
}

/// The divisor: zero is an error in PostgreSQL, and NULL in SQLite.
pub(super) fn divisor(typed: &Typed) -> String {
    let sql = &typed.sql;
    match sql.parse::<f64>() {
        Ok(number) if number != 0.0 => sql.clone(),
        _ => format!("case when {sql} = 0 then {} else {sql} end", fails("division by zero", sql)),
    }
}

pub(super) fn unary(op: UnaryOperator, typed: Typed) -> Result<Typed, String> {
    match op {
        UnaryOperator::Not => {
            let typed = coerce(&typed, Kind::Boolean)?;
            Ok(Typed::new(format!("(not {})", typed.sql), Kind::Boolean).from([typed.sources]))
        }
        UnaryOperator::Plus if typed.kind.is_number() => Ok(typed),
        UnaryOperator::Minus if typed.kind == Kind::Numeric => {
            let negative = typed.sql.parse::<f64>().is_ok_and(|number| number > 0.0);
            if negative && let Some(digits) = &typed.digits {
                return super::expression::decimal(&format!("-{}", digits.trim_matches('\'')));
            }
            let sql = format!("(- {})", typed.sql);
            Ok(Typed { sql, digits: None, ..typed })
        }
        UnaryOperator::Minus if typed.kind.is_number() => {
            Ok(Typed { sql: format!("(- {})", typed.sql), literal: None, ..typed })
        }
        _ => Err(format!("{op} before {}", typed.kind.word())),
    }
}

/// `like` and `ilike`: `glob` tells large and small letters apart as PostgreSQL does, SQLite's own `like` does not.
pub(super) fn like(
    value: &Typed,
    pattern: &Typed,
    escape: Option<&Typed>,
    negated: bool,
    any_case: bool,
) -> Result<Typed, String> {
    let texts_only = |typed: &Typed| match typed.kind {
        Kind::Text | Kind::Literal => Ok(typed.clone()),
        kind => Err(format!("like over {}", kind.word())),
    };
    let (mut value, pattern) = (texts_only(value)?, texts_only(pattern)?);
    let escape = match escape {
        None => Some('\\'),
        Some(typed) => match typed.literal.as_deref().map(|text| (text.chars().next(), text.chars().count())) {
            Some((letter, 0 | 1)) => letter,
            _ => return Err("escape with other than one letter".to_owned()),
        },
    };
    let glob = match &pattern.literal {
        Some(text) => quoted(&globbed(&if any_case { text.to_lowercase() } else { text.clone() }, escape)?),
        None => {
            let sql = if any_case { texts::lower(&pattern.sql) } else { pattern.sql.clone() };
            let plain = format!(
                "replace(replace(replace(replace(replace({sql}, '[', '[[]'), '*', '[*]'), '?', '[?]'), '%', '*'), '_', '?')"
            );
            match escape {
                None => plain,
                Some(letter) => {
                    let fails = fails("like: a pattern from a column may not escape", &sql);
                    let letter = quoted(&letter.to_string());
                    format!("case when instr({sql}, {letter}) > 0 then {fails} else {plain} end")
                }
            }
        }
    };
    if any_case {
        value.sql = texts::lower(&value.sql);
    }
    let sql = format!("({}({} glob {glob}))", if negated { "not " } else { "" }, value.sql);
    Ok(Typed::new(sql, Kind::Boolean).from([value.sources, pattern.sources]))
}

/// Converts a pattern of `like` to one of `glob`.
fn globbed(pattern: &str, escape: Option<char>) -> Result<String, String> {
    let mut glob = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let (letter, escaped) = match Some(letter) == escape {
            true => (letters.next().ok_or("a pattern that ends with its escape letter")?, true),
            false => (letter, false),
        };
        match letter {
            '%' if !escaped => glob.push('*'),
            '_' if !escaped => glob.push('?'),
            '*' | '?' | '[' => glob.extend(['[', letter, ']']),
            _ => glob.push(letter),
        }
    }
    Ok(glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_becomes_one_of_glob() {
        assert_eq!(globbed("a%_b*[x]", Some('\\')).unwrap(), "a*?b[*][[]x]");
        assert_eq!(globbed("100\\%", Some('\\')).unwrap(), "100%");
        assert_eq!(globbed("a#%", Some('#')).unwrap(), "a%");
        assert!(globbed("a\\", Some('\\')).is_err());
    }
}
