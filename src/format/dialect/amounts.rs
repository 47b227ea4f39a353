//! Lists of amounts, one a line, with commas before their decimals or between their thousands.

use super::null_words::is_null_word;
use crate::format::csv::sampled::Sampled;

/// Lines above the amounts, at most: titles, and the name of their column.
const MAX_LINES: usize = 3;

/// Amounts without a name above them, at least.
const UNNAMED: usize = 3;

/// True if the lines are one column of amounts, some with a comma, below a name without one. Without a name, each has
/// two decimals or several groups of digits; what stands before the commas does not count up, and not all are pairs of
/// numbers of two digits.
pub(super) fn is_column_of_amounts(lines: &[Sampled<'_>]) -> bool {
    if lines.iter().any(|line| line.stray) {
        return false;
    }
    let texts: Vec<&str> = lines.iter().filter_map(|line| line.cells.first()).map(|cell| cell.trim()).collect();
    let is_title = |text: &&&str| !text.contains(',') && Amount::of(text).is_none() && !is_null_word(text);
    let above = texts.iter().take(MAX_LINES).take_while(is_title).count();
    let texts = &texts[above..];
    let amounts: Vec<Amount> = texts.iter().map_while(|text| Amount::of(text)).collect();
    if amounts.len() < texts.len() || !texts.iter().any(|text| text.contains(',')) {
        return false;
    }
    let counts = || {
        let before = |text: &&str| text.split(',').next().and_then(|before| before.parse::<i64>().ok());
        let numbers: Option<Vec<i64>> = texts.iter().map(before).collect();
        let is_even = |three: &[i64]| three[1] - three[0] == three[2] - three[1];
        numbers.is_some_and(|numbers| numbers.windows(3).all(is_even))
    };
    let is_sure = |amount: &Amount| amount.decimals == 2 || (amount.decimals == 0 && amount.groups > 2);
    // Two numbers of two digits each may as well be two columns, but not `05`.
    let is_pair = |text: &&str| {
        let digits = |part: &str| part.len() == 2 && !part.starts_with('0') && part.parse::<u8>().is_ok();
        text.split_once(',').is_some_and(|(one, other)| digits(one) && digits(other))
    };
    let is_told = || !texts.iter().all(is_pair) && !counts();
    above > 0 || (amounts.len() >= UNNAMED && amounts.iter().all(is_sure) && is_told())
}

/// An amount as people write it.
struct Amount {
    /// Digits behind the decimal sign.
    decimals: usize,
    /// Groups of digits before it.
    groups: usize,
}

impl Amount {
    /// The amount that a text is: `12,5`, `1.234,50`, `1,234.50 €`, `-3`.
    fn of(text: &str) -> Option<Amount> {
        let signs = ['+', '-', '−', '$', '€', '£', '%', ' '];
        let bare = text.trim_matches(signs);
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let groups = |whole: &str, sign: char| -> Option<usize> {
            let parts: Vec<&str> = whole.split(sign).collect();
            let is_group = |part: &&str| part.len() == 3;
            let is_even = parts.len() == 1 || (parts[0].len() <= 3 && parts[1..].iter().all(is_group));
            (is_even && parts.iter().all(|part| is_digits(part))).then_some(parts.len())
        };
        let written = |decimal: char, thousands: char| {
            let (whole, fraction) = bare.rsplit_once(decimal).unwrap_or((bare, ""));
            let groups = groups(whole, thousands)?;
            (fraction.is_empty() || is_digits(fraction)).then_some(Amount { decimals: fraction.len(), groups })
        };
        written(',', '.').or_else(|| written('.', ','))
    }
}
