//! Headers that mean one column: a later file's header is matched with a table's columns by all of it, whatever its
//! name in the database leaves out.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use super::name::{asked_name, is_cut_alike};
use super::{Column, EXTRA_COLUMN};

/// Rule by which a file's column is known in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// The header.
    Header {
        /// Other headers of the same column.
        others: Vec<String>,
        /// True if it is the column of its name while none of the headers is known.
        or_name: bool,
    },
    /// The name, which a plugin gives it.
    Name,
}

impl KnownBy {
    /// The header and nothing else.
    pub const HEADER: KnownBy = KnownBy::Header { others: Vec::new(), or_name: false };
}

/// Signs that only separate words.
const SEPARATORS: &str = "_-.,:;/\\|()[]{}\"'`‐‑‒–—―‘’‚‛“”„‟«»‹›·•…、。・「」『』【】（）［］，．：；／＿－";

/// Separators that are a sign of their own beside no letter: of feet and inches, of numbers.
const OF_NUMBERS: &str = "-.,:;/'\"’”";

/// The place in the table of each of the file's columns, `None` for a new one. The header itself comes first, then one
/// that is written like it, if it is the only one. A column not named after its header is known by its name.
pub fn known_places(table: &[Column], file: &[Column], by: &[KnownBy]) -> Vec<Option<usize>> {
    if table.is_empty() {
        return vec![None; file.len()];
    }
    if let Some(places) = same_places(table, file, by) {
        return places;
    }
    let known = Known::of(table);
    let asked: Vec<_> = file.iter().map(|one| asked_name(&one.header, &one.name)).collect();
    let is_named = |at: usize| by[at] == KnownBy::Name || file[at].name == EXTRA_COLUMN;
    let named = |at: usize| known.names.get(file[at].name.as_str()).copied();
    let of_header = |at: usize, header: &str| -> Vec<usize> {
        let found = known.headers.get(header).into_iter().flatten().copied();
        found.filter(|place| asked[at].is_some() && known.asked[*place] == asked[at]).collect()
    };
    let (mut taken, mut places) = (vec![false; table.len()], vec![None; file.len()]);
    // Each column without a place gets the first free one that a rule gives for it.
    let mut take = |by_names: bool, rule: &dyn Fn(usize) -> Vec<usize>| {
        for at in (0..file.len()).filter(|at| is_named(*at) == by_names) {
            if places[at].is_none() {
                places[at] = rule(at).into_iter().find(|place| !taken[*place]);
                places[at].iter().for_each(|place| taken[*place] = true);
            }
        }
    };
    take(true, &|at| named(at).into_iter().collect());
    take(false, &|at| named(at).filter(|place| table[*place].header == file[at].header).into_iter().collect());
    take(false, &|at| of_header(at, &file[at].header));
    take(false, &|at| match &by[at] {
        KnownBy::Header { others, .. } => others.iter().flat_map(|header| of_header(at, header)).collect(),
        KnownBy::Name => Vec::new(),
    });
    take(false, &|at| {
        let Some(asked) = &asked[at] else { return Vec::new() };
        let alike = known.alike.get(&(asked.clone(), key(&file[at].header))).cloned().unwrap_or_default();
        // Several alike are ambiguous: none is taken.
        let is_one = alike.iter().all(|place| table[*place].header == table[alike[0]].header);
        if is_one { alike } else { Vec::new() }
    });
    take(false, &|at| {
        let or_name = matches!(&by[at], KnownBy::Header { or_name: true, .. });
        let is_it = |place: &usize| or_name || asked[at].is_none() || known.asked[*place].is_none();
        named(at).filter(is_it).into_iter().collect()
    });
    places
}

/// The places of a file's columns in a table that has them all by name, each under its own header unless it is known by
/// its name: the common case of [`known_places`], without a comparison of meanings.
fn same_places(table: &[Column], file: &[Column], by: &[KnownBy]) -> Option<Vec<Option<usize>>> {
    let names: HashMap<_, _> = table.iter().enumerate().map(|(place, one)| (one.name.as_str(), place)).collect();
    let mut taken = vec![false; table.len()];
    let place = |(one, by): (&Column, &KnownBy)| {
        let place = *names.get(one.name.as_str())?;
        let is_it = *by == KnownBy::Name || one.name == EXTRA_COLUMN || table[place].header == one.header;
        (is_it && !std::mem::replace(&mut taken[place], true)).then_some(Some(place))
    };
    file.iter().zip(by).map(place).collect()
}

/// The column of the table whose header asks for the same name as a new column's, and is another header.
pub(super) fn namesake(table: &[Column], new: &Column) -> Option<usize> {
    let asked = asked_name(&new.header, &new.name)?;
    let is_it = |one: &Column| {
        let other = asked_name(&one.header, &one.name);
        one.header != new.header && other.is_some_and(|other| is_cut_alike(&other, &asked))
    };
    table.iter().position(is_it)
}

/// A table's columns by name, by header, and by the header's meaning.
struct Known<'a> {
    names: HashMap<&'a str, usize>,
    /// The name that each column's header asks for; `None` if the column has another name.
    asked: Vec<Option<String>>,
    headers: HashMap<&'a str, Vec<usize>>,
    /// Columns by the name asked for and the header's key.
    alike: HashMap<(String, String), Vec<usize>>,
}

impl Known<'_> {
    fn of(table: &[Column]) -> Known<'_> {
        let asked: Vec<_> = table.iter().map(|one| asked_name(&one.header, &one.name)).collect();
        let (mut headers, mut alike) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        // The surplus column is Sluice's own, and known by its name alone.
        for (place, one) in table.iter().enumerate().filter(|(_, one)| one.name != EXTRA_COLUMN) {
            headers.entry(one.header.as_str()).or_default().push(place);
            if let Some(asked) = &asked[place] {
                alike.entry((asked.clone(), key(&one.header))).or_default().push(place);
            }
        }
        let names = table.iter().enumerate().map(|(place, one)| (one.name.as_str(), place)).collect();
        Known { names, asked, headers, alike }
    }
}

/// Key of a header: letters small and composed (NFC), separators of words as one blank, and every other sign.
fn key(header: &str) -> String {
    let letters: Vec<char> = header.nfc().collect();
    let mut key = String::with_capacity(header.len());
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        if is_separator(before, *letter, letters.get(at + 1).copied()) {
            if !key.ends_with(' ') {
                key.push(' ');
            }
        } else {
            key.extend(letter.to_lowercase());
        }
    }
    key
}

/// True if a sign only separates words, by the signs before and behind it.
fn is_separator(before: Option<char>, sign: char, after: Option<char>) -> bool {
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphabetic);
    let is_digit = |letter: Option<char>| letter.is_some_and(char::is_numeric);
    if sign.is_whitespace() || sign.is_control() || is_invisible(sign) {
        return true;
    }
    if !SEPARATORS.contains(sign) {
        return false;
    }
    let is_of_numbers = match sign {
        '\'' | '"' | '’' | '”' => !is_letter(before) && !is_letter(after),
        _ => is_digit(after) && !is_letter(before),
    };
    !(is_of_numbers && OF_NUMBERS.contains(sign))
}

/// True if a sign is shown nowhere.
fn is_invisible(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
