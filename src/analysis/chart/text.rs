//! The room that a text takes, approximately: there is no font to measure.

/// The size of a chart's letters, with a reserve for wide fonts.
const SIZE: f64 = 12.9;

/// Returns the width of a text, rather too wide than too narrow.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(letter).sum::<f64>() * SIZE
}

/// Returns the text, cut to a width, with `…` for the rest.
pub(super) fn cut(text: &str, room: f64) -> String {
    // Line breaks become blanks.
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if width(&text) <= room {
        return text;
    }
    let (mut taken, mut short) = (letter('…') * SIZE, String::new());
    for each in text.chars() {
        taken += letter(each) * SIZE;
        if taken > room {
            break;
        }
        short.push(each);
    }
    short.trim_end().to_owned() + "…"
}

fn letter(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.3,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' | ' ' => 0.38,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.92,
        'A'..='Z' => 0.7,
        '\u{300}'..='\u{36f}' => 0.0,
        // East Asian letters and emoji are as wide as they are high.
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'.. => 1.0,
        _ => 0.58,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_cut() {
        assert_eq!(cut("harbour clerk", 200.0), "harbour clerk");
        let short = cut("vice president of business development", 100.0);
        assert!(short.ends_with('…') && width(&short) <= 100.0, "{short}");
        assert_eq!(cut("a\nb", 200.0), "a b");
        assert!(width("東京") > width("ab"));
    }
}
