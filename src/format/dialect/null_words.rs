//! Words that stand where a value is missing.

/// True for words that stand for a missing value.
pub(in crate::format) fn is_null_word(cell: &str) -> bool {
    let cell = cell.trim();
    // By their bytes: most cells are soon told to be none of them.
    let words: &[&str] = match cell.len() {
        1 => &["-", "?", "*"],
        2 => &["na", "--", "\\n", ".."],
        3 => &["n/a", "nan", "nil", "–", "—", "...", "inf", "#nv", "n/v"],
        4 => &["#n/a", "n.a.", "n.d.", "k.a.", "n.v.", "null", "none", "-inf", "leer"],
        5 => &["n. a.", "n. d.", "k. a.", "blank", "empty"],
        6 => &["(null)", "<null>"],
        7 => &["unknown", "missing"],
        _ => return false,
    };
    words.iter().any(|word| word.eq_ignore_ascii_case(cell))
}

/// True for words for a value that is still to come, which may be names as well.
pub(super) fn is_pending(cell: &str) -> bool {
    is_one_of(cell, &["pending", "offen", "ausstehend", "tbd", "tba", "tbc", "folgt", "fehlt"])
}

/// True if a word for nothing may as well be the name of an unknown category.
pub(super) fn is_category(cell: &str) -> bool {
    is_one_of(cell, &["unknown", "missing", "none", "inf", "-inf"])
}

/// True if a cell is one of these words, in capitals or small letters.
fn is_one_of(cell: &str, words: &[&str]) -> bool {
    let cell = cell.trim();
    words.iter().any(|word| word.len() == cell.len() && word.eq_ignore_ascii_case(cell))
}
