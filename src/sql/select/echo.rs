//! Places in a file for a database's findings in the select that was written anew from it.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::Place;

/// The place in `text` of the word at `offset` signs into `sql`, which was written out of it: the same word, counted
/// from the beginning.
pub(crate) fn place_in(text: &str, sql: &str, offset: usize) -> Option<Place> {
    let written = tokens(sql)?;
    // A select that was written anew is on one line.
    let at = written.iter().position(|token| {
        let (start, end) = (token.span.start, token.span.end);
        start.line == 1 && (start.column..end.column).contains(&(offset as u64 + 1))
    })?;
    let word = spelled(&written[at].token);
    let before = written[..at].iter().filter(|token| spelled(&token.token) == word).count();
    let found = tokens(text)?.into_iter().filter(|token| spelled(&token.token) == word).nth(before)?;
    Some(Place { line: found.span.start.line, column: found.span.start.column })
}

fn tokens(text: &str) -> Option<Vec<TokenWithSpan>> {
    let mut tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().ok()?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    Some(tokens)
}

/// A word without its quotes, in small letters.
fn spelled(token: &Token) -> String {
    match token {
        Token::Word(word) => word.value.to_lowercase(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_in_the_one_stands_in_the_other() {
        let text = "/* a + b */\nselect a + b,\n  x +\n y -- +\nfrom staging.t";
        let sql = "SELECT a + b, x + y FROM \"staging\".\"t\"";
        let place = |word: &str| place_in(text, sql, sql.find(word).unwrap()).map(|place| (place.line, place.column));
        assert_eq!(place("+ b"), Some((2, 10)));
        assert_eq!(place("+ y"), Some((3, 5)));
        assert_eq!(place("\"t\""), Some((5, 14)));
        assert_eq!(place_in(text, sql, 100).map(|place| place.line), None);
    }
}
