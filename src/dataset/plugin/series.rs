//! Series of file names: the pattern that claims them, and the table that they feed.

use crate::schema::table_name;

/// A series of files that feed one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Glob that claims them: `orders_*.csv`.
    pub files: String,
    /// Table of the series: `orders`.
    pub table: String,
}

/// Number of digits by which one name looks like one of a series: a day, a month or a number of some length.
const DIGITS_OF_ONE: usize = 4;

impl Series {
    /// The series of these names; `None` if they do not look like one.
    pub fn of(names: &[&str]) -> Option<Series> {
        let least = if names.len() > 1 { 1 } else { DIGITS_OF_ONE };
        let by_number: Vec<_> = names.iter().map(|name| numbered(name, least)).collect();
        let (first, others) = by_number.split_first()?;
        match first {
            Some(series) if others.iter().all(|other| other.as_ref() == Some(series)) => Some(series.clone()),
            _ if names.len() > 1 => by_word(names),
            _ => None,
        }
    }

    fn new(before: &str, behind: &str) -> Option<Series> {
        let table = table_name(&format!("{before}{}", stem(behind).0));
        let table = table.trim_matches('_');
        let is_named = table.chars().any(char::is_alphabetic);
        let files = format!("{}*{}", globset::escape(before), globset::escape(behind));
        is_named.then(|| Series { files, table: table.to_owned() })
    }
}

/// Splits a name before its extensions: `a.2024` and `.csv.gz`.
fn stem(name: &str) -> (&str, &str) {
    let is_ending = |text: &str| !text.is_empty() && text.len() <= 7 && text.chars().any(char::is_alphabetic);
    let mut at = name.len();
    while let Some(dot) = name[..at].rfind('.').filter(|dot| is_ending(&name[dot + 1..at])) {
        at = dot;
    }
    name.split_at(at)
}

/// The series of a name that differs from others in its longest run of digits, with what joins them.
fn numbered(name: &str, least: usize) -> Option<Series> {
    let stem = stem(name).0;
    let mut best: Option<(usize, usize, usize)> = None;
    let mut at = 0;
    while let Some(found) = stem[at..].find(|letter: char| letter.is_ascii_digit()) {
        let start = at + found;
        let is_joined = |letter: char| letter.is_ascii_digit() || "-_. T".contains(letter);
        let rest = &stem[start..];
        let run = &rest[..rest.find(|letter| !is_joined(letter)).unwrap_or(rest.len())];
        let end = start + run.rfind(|letter: char| letter.is_ascii_digit()).map_or(0, |last| last + 1);
        let digits = stem[start..end].bytes().filter(u8::is_ascii_digit).count();
        if best.is_none_or(|(_, _, most)| digits >= most) {
            best = Some((start, end, digits));
        }
        at = end;
    }
    let (start, end, digits) = best?;
    if digits < least { None } else { Series::new(&name[..start], &name[end..]) }
}

/// The series of names that begin and end alike, up to whole words.
fn by_word(names: &[&str]) -> Option<Series> {
    let (first, others) = names.split_first()?;
    let is_joint = |letter: char| "-_. ".contains(letter);
    let same_start = |other: &&str| first.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let start = others.iter().map(same_start).min()?;
    let start = first[..first.floor_char_boundary(start)].rfind(is_joint).map_or(0, |last| last + 1);
    let ends = |name: &str| name[start..].bytes().rev().collect::<Vec<_>>();
    let of_first = ends(first);
    let same_end = |other: &&str| of_first.iter().zip(ends(other)).take_while(|(one, other)| **one == *other).count();
    let end = first.len() - others.iter().map(same_end).min()?;
    let end = first.ceil_char_boundary(end);
    let end = first[end..].find(is_joint).map(|found| end + found)?;
    Series::new(&first[..start], &first[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_series_give_its_pattern_and_its_table() {
        for (names, files, table) in [
            (vec!["orders_2026-01.csv"], "orders_*.csv", "orders"),
            (vec!["orders_2026-01.csv", "orders_2026-02.csv"], "orders_*.csv", "orders"),
            (vec!["Orders 20260131.csv.gz"], "Orders *.csv.gz", "orders"),
            (vec!["2026-01-31_orders.csv"], "*_orders.csv", "orders"),
            (vec!["2026-01_orders_v2.csv", "2026-02_orders_v2.csv"], "*_orders_v2.csv", "orders_v2"),
            (vec!["part1.csv", "part2.csv"], "part*.csv", "part"),
            (vec!["umsätze_2026.01.xlsx"], "umsätze_*.xlsx", "umsätze"),
            (vec!["orders_jan.csv", "orders_feb.csv"], "orders_*.csv", "orders"),
            (vec!["north-orders.csv", "south-orders.csv"], "*-orders.csv", "orders"),
            (vec!["x[1]_2024.csv"], "x[[]1[]]_*.csv", "x_1"),
        ] {
            let expected = Series { files: files.to_owned(), table: table.to_owned() };
            assert_eq!(Series::of(&names), Some(expected), "{names:?}");
            let glob = globset::Glob::new(files).unwrap().compile_matcher();
            assert!(names.iter().all(|name| glob.is_match(name)), "{files}");
        }
        for names in [vec!["orders.csv"], vec!["orders.csv", "people.csv"], vec!["2024.csv"], vec!["v2.csv"], vec![]] {
            assert_eq!(Series::of(&names), None, "{names:?}");
        }
    }
}
