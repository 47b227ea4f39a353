//! The word `null` in a plugin, which is a key and a word of lists there and no value in YAML.

/// The text with `null` in quotes as a key or a word of a list: YAML takes it for no value. Within `source` it is none: what is sent
/// there is JSON or OData.
pub(super) fn with_quoted_null(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut is_sent = false;
    for line in text.split_inclusive('\n') {
        if !line.starts_with([' ', '\t', '#', '\n', '\r']) {
            is_sent = line.trim_start_matches(['"', '\'']).starts_with("source");
        }
        if is_sent {
            whole += line;
            continue;
        }
        let (mut quote, mut from) = (None, 0);
        for (at, letter) in line.char_indices() {
            match (quote, letter) {
                (Some(open), letter) if open == letter => quote = None,
                (None, '"' | '\'') => quote = Some(letter),
                (None, '#') if at == 0 || line[..at].ends_with([' ', '\t']) => break,
                (None, 'n' | 'N' | '~') => {
                    if let Some(word) = null_at(line, at) {
                        whole += &format!("{}\"{word}\"", &line[from..at]);
                        from = at + word.len();
                    }
                }
                _ => {}
            }
        }
        whole += &line[from..];
    }
    whole
}

/// The word at this place of a line, if YAML takes it for no value and it stands as a key or a word of a list.
fn null_at(line: &str, at: usize) -> Option<&str> {
    let (before, rest) = (line[..at].trim_end(), &line[at..]);
    let begins = before.is_empty() || before.ends_with(['[', ',', '{']) || before.trim_start() == "-";
    let length = rest.find(|letter: char| letter.is_whitespace() || ",]}:".contains(letter)).unwrap_or(rest.len());
    let (word, behind) = rest.split_at(length);
    let ends = matches!(behind.trim_start().chars().next(), None | Some(',' | ']' | ':'));
    let is_word = before.ends_with("null:") || before.ends_with("null\":");
    ((begins && ends) || is_word).then_some(word).filter(|word| matches!(*word, "null" | "Null" | "NULL" | "~"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_a_word_like_others() {
        for (text, expected) in [
            ("null: [NA, NULL, ~]\n", "\"null\": [NA, \"NULL\", \"~\"]\n"),
            ("  - {from: a, null: null}\n", "  - {from: a, \"null\": \"null\"}\n"),
            ("  null:\n    - NULL\n    - x\n", "  \"null\":\n    - \"NULL\"\n    - x\n"),
            ("\"null\": [null]\n", "\"null\": [\"null\"]\n"),
            ("table: null\n", "table: null\n"),
            (
                "source:\n  body: {a: [null]}\n\n# more\n  params: [~]\nnull: [~]\n",
                "source:\n  body: {a: [null]}\n\n# more\n  params: [~]\n\"null\": [\"~\"]\n",
            ),
            ("filter: \"a = 'x, null: y'\"\n", "filter: \"a = 'x, null: y'\"\n"),
            ("filter: a is null\n# null: x\n", "filter: a is null\n# null: x\n"),
            ("key: [nullable, annull]\n", "key: [nullable, annull]\n"),
        ] {
            assert_eq!(with_quoted_null(text), expected);
        }
    }
}
