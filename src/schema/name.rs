//! Names in the database, made from names in files. They can hold any letter, so SQL always has them quoted.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use crate::record::JOINT;

/// PostgreSQL cuts identifiers at this many bytes (`NAMEDATALEN` - 1).
const MAX_BYTES: usize = 63;

/// Columns that every table of PostgreSQL has already; SQLite leaves them out too, so that the same files give the same
/// tables. <https://www.postgresql.org/docs/current/ddl-system-columns.html>
pub const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Number of a row on SQLite, which tells rows apart.
const ROW_NUMBER: &str = "rowid";

/// The staging table of a file: its name up to the first dot, lower case, each run of other characters than letters and
/// digits one `_`.
///
/// ```
/// assert_eq!(sluice::schema::table_name("2019_free title-data.v2.csv"), "2019_free_title_data");
/// ```
pub fn table_name(file_name: &str) -> String {
    let stem = file_name.split('.').next().unwrap_or_default();
    let name = words(stem);
    if name.len() <= MAX_BYTES {
        return if name.is_empty() { "_".to_owned() } else { name };
    }
    // A cut name stays unique: two files whose names differ at their ends only feed two tables.
    let sum = blake3::hash(name.as_bytes()).to_hex();
    format!("{}_{}", cut(&name, MAX_BYTES - 9), &sum[..8])
}

/// The columns' names of a header: like [`table_name`], an empty one `column_N` (from 1), a repeated one `_2`, `_3`.
/// Names stay unique after they were cut, and never are one of Sluice's own (`_load_id`, `_line`, `_extra`) or of
/// PostgreSQL's own (`xmin`). A header with the `joint` in it is made of parts, and the joint stays as it is.
pub fn column_names<S: AsRef<str>>(headers: &[S], joint: Option<&str>) -> Vec<String> {
    let mut used: HashSet<String> =
        super::OWN_COLUMNS.into_iter().chain(SYSTEM_COLUMNS).chain([ROW_NUMBER]).map(str::to_owned).collect();
    // Count of each name so far: thousands of equal headers would else try thousands of suffixes each.
    let mut wants: HashMap<String, u64> = HashMap::new();
    headers
        .iter()
        .enumerate()
        .map(|(at, header)| {
            let header = header.as_ref();
            let mut wanted = match joint {
                Some(joint) => joined(header, joint),
                None => words(header),
            };
            if wanted.is_empty() {
                wanted = format!("column_{}", at + 1);
            }
            let name = unused(&wanted, &used, wants.entry(cut(&wanted, MAX_BYTES).to_owned()).or_insert(1));
            used.insert(name.clone());
            name
        })
        .collect()
}

/// The name that a header asks for, before it is cut and numbered; `None` if the column has another name: from a
/// plugin, by hand, or by its place.
pub(super) fn asked_name(header: &str, name: &str) -> Option<String> {
    let is_it = |asked: &String| {
        let is_numbered = |(stem, number): (&str, &str)| {
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_number && stem == cut(asked, MAX_BYTES - number.len() - 1)
        };
        !asked.is_empty() && (cut(asked, MAX_BYTES) == name || name.rsplit_once('_').is_some_and(is_numbered))
    };
    [words, |header: &str| joined(header, JOINT)].into_iter().map(|asked| asked(header)).find(is_it)
}

/// The name with the first number from 2 that makes it unused.
pub(super) fn numbered_name(asked: &str, is_used: impl Fn(&str) -> bool) -> String {
    let mut numbers = (2u64..).map(|number| numbered(asked, number));
    numbers.find(|name| !is_used(name)).unwrap_or_default()
}

fn numbered(asked: &str, number: u64) -> String {
    let suffix = format!("_{number}");
    format!("{}{suffix}", cut(asked, MAX_BYTES - suffix.len()))
}

fn joined(header: &str, joint: &str) -> String {
    header.split(joint).map(words).collect::<Vec<_>>().join(joint)
}

fn unused(wanted: &str, used: &HashSet<String>, n: &mut u64) -> String {
    let plain = cut(wanted, MAX_BYTES);
    if !used.contains(plain) {
        return plain.to_owned();
    }
    loop {
        *n += 1;
        let name = numbered(wanted, *n);
        if !used.contains(&name) {
            return name;
        }
    }
}

/// A text with each letter and its mark, two signs in macOS's file names, as one letter (NFC).
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// True if two texts are the same, however their letters are composed.
pub fn is_same_text(one: &str, other: &str) -> bool {
    one == other || (!(one.is_ascii() && other.is_ascii()) && one.nfc().eq(other.nfc()))
}

/// The words of a name, with letters composed: names that look alike are alike.
fn words(text: &str) -> String {
    // ASCII, as most names are, has nothing to compose.
    if text.is_ascii() { words_of(text.chars()) } else { words_of(text.nfc()) }
}

fn words_of(letters: impl Iterator<Item = char>) -> String {
    let mut name = String::new();
    let mut gap = false;
    for letter in letters {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
            gap = false;
        } else if letter.is_alphanumeric() {
            name.extend(letter.to_lowercase());
            gap = false;
        } else if !gap {
            name.push('_');
            gap = true;
        }
    }
    name
}

/// True if two names are the same once the database has cut them.
pub(super) fn is_cut_alike(one: &str, other: &str) -> bool {
    cut(one, MAX_BYTES) == cut(other, MAX_BYTES)
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_after_its_file() {
        assert_eq!(table_name("2019_free_title_data.csv"), "2019_free_title_data");
        assert_eq!(table_name("Orders -- 2024'; drop table x.csv"), "orders_2024_drop_table_x");
        assert_eq!(table_name("Umsätze.CSV"), "umsätze");
        assert_eq!(table_name("---.csv"), "_");
        let long = |end: &str| table_name(&format!("{}{end}.csv", "ä".repeat(40)));
        assert!(long("1").len() <= MAX_BYTES);
        assert_ne!(long("1"), long("2"));
    }

    #[test]
    fn letters_with_marks_are_one_letter_however_they_are_written() {
        assert_eq!(table_name("Umsa\u{308}tze.csv"), "umsätze");
        assert_eq!(column_names(&["Gro\u{308}ße", "Größe", "e\u{301}te\u{301}"], None), ["größe", "größe_2", "été"]);
        assert!(
            is_same_text("Gro\u{308}ße", "Größe") && is_same_text("\u{212A}m", "Km") && !is_same_text("Große", "Größe")
        );
        // A mark that no letter takes is no part of a name.
        assert_eq!(table_name("q\u{308}y.csv"), "q_y");
    }

    #[test]
    fn empty_repeated_and_reserved_headers_get_names_of_their_own() {
        assert_eq!(
            column_names(&["title", "pdl count", "", "", "Title", "_line", "column_3"], None),
            ["title", "pdl_count", "column_3", "column_4", "title_2", "_line_2", "column_3_2"]
        );
    }

    #[test]
    fn columns_that_every_table_of_postgresql_has_get_names_of_their_own() {
        assert_eq!(
            column_names(
                &["xmin", "ymin", "XMAX", "ctid", "Ctid", "tableoid", "cmin", "cmax", "oid", "xmin_2", "RowId"],
                None
            ),
            [
                "xmin_2",
                "ymin",
                "xmax_2",
                "ctid_2",
                "ctid_3",
                "tableoid_2",
                "cmin_2",
                "cmax_2",
                "oid",
                "xmin_2_2",
                "rowid_2"
            ]
        );
    }

    #[test]
    fn a_joint_stays() {
        assert_eq!(column_names(&["who__First Name", "a b"], Some("__")), ["who__first_name", "a_b"]);
        assert_eq!(column_names(&["who__x"], None), ["who_x"]);
    }

    #[test]
    fn a_suffix_never_meets_a_name_that_is_there() {
        assert_eq!(column_names(&["a_2", "a", "a"], None), ["a_2", "a", "a_3"]);
        assert_eq!(column_names(&["a", "a", "a_2"], None), ["a", "a_2", "a_2_2"]);
    }

    #[test]
    fn cut_names_stay_unique() {
        let long = "x".repeat(100);
        let names = column_names(&vec![long.as_str(); 100_000], None);
        assert!(names.iter().all(|name| name.len() <= MAX_BYTES));
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }
}
