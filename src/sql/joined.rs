//! Long conditions. SQLite limits the depth of expressions to a thousand, and `a or b or c` is as deep as it is long: many
//! parts are joined by halves.

/// The number of parts that are joined without brackets.
const SIDE_BY_SIDE: usize = 100;

/// Returns a condition that is true if any part is.
pub fn any_of(parts: &[String]) -> String {
    joined(parts, " or ", "1 = 0")
}

/// Returns a condition that is true if all parts are.
pub fn all_of(parts: &[String]) -> String {
    joined(parts, " and ", "1 = 1")
}

fn joined(parts: &[String], word: &str, none: &str) -> String {
    match parts {
        [] => none.to_owned(),
        few if few.len() <= SIDE_BY_SIDE => format!("({})", few.join(word)),
        many => {
            let (one, other) = many.split_at(many.len() / 2);
            format!("({}{word}{})", joined(one, word, none), joined(other, word, none))
        }
    }
}
