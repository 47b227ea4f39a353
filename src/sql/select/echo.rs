//! Places in a file for a database's findings in the select that was written anew from it.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::Place;

/// The place in `text` of the word at `offset` signs into `sql`, which was written out of it: the same word, counted
/// from the beginning.
pub(crate) fn place_in(text: &str, sql: &str, offset: usize) -> Option<Place> {
    let written = tokens(sql)?;
    let at = token_at(&written, offset)?;
    let word = spelled(&written[at].token);
    let before = written[..at].iter().filter(|token| spelled(&token.token) == word).count();
    let found = tokens(text)?.into_iter().filter(|token| spelled(&token.token) == word).nth(before)?;
    Some(Place { line: found.span.start.line, column: found.span.start.column })
}

/// The name that begins at `offset` signs into a select that was written anew, as PostgreSQL reads it: `t.column`
/// without quotes, in small letters where it has none.
pub(crate) fn name_at(sql: &str, offset: usize) -> Option<String> {
    let written = tokens(sql)?;
    let mut name = String::new();
    for token in &written[token_at(&written, offset)?..] {
        match &token.token {
            Token::Word(word) if name.is_empty() || name.ends_with('.') => match word.quote_style {
                Some(_) => name.push_str(&word.value),
                None => name.push_str(&word.value.to_lowercase()),
            },
            Token::Period if !name.is_empty() && !name.ends_with('.') => name.push('.'),
            _ => break,
        }
    }
    (!name.is_empty()).then_some(name)
}

/// The token at `offset` signs into a select that was written anew, which is on one line.
fn token_at(written: &[TokenWithSpan], offset: usize) -> Option<usize> {
    written.iter().position(|token| {
        let (start, end) = (token.span.start, token.span.end);
        start.line == 1 && (start.column..end.column).contains(&(offset as u64 + 1))
    })
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

    #[test]
    fn names_are_read_without_their_quotes() {
        let sql = "SELECT S.\"Pric\" + Lenght(a) FROM t AS s";
        let name = |word: &str| name_at(sql, sql.find(word).unwrap());
        assert_eq!(name("S.\"").as_deref(), Some("s.Pric"));
        assert_eq!(name("Lenght").as_deref(), Some("lenght"));
        assert_eq!(name("+"), None);
        assert_eq!(name_at(sql, 1000), None);
    }
}
