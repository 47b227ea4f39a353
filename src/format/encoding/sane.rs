//! Decoded text that no person has written: signs between letters, a great letter behind a small one, scripts that
//! change within a word. It shows that the bytes are in another encoding.

use encoding_rs::WINDOWS_1252;

use super::Charset;
use super::fit::{fit_of, fit_of_old};

/// The degree to which a text looks like none written by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strangeness {
    None,
    /// Seldom written: a code, a word of two scripts.
    Soft,
    /// Never written.
    Hard,
}

impl Strangeness {
    pub(super) fn is_hard(self) -> bool {
        self == Strangeness::Hard
    }
}

/// True if nothing is strange in a text.
pub(super) fn is_sane(text: &str) -> bool {
    strangeness(text) == Strangeness::None
}

/// The greatest strangeness in a text.
pub(super) fn strangeness(text: &str) -> Strangeness {
    let letters: Vec<char> = text.chars().collect();
    let not_ascii = (0..letters.len()).filter(|at| !letters[*at].is_ascii());
    not_ascii.map(|at| strangeness_at(&letters, at)).max().unwrap_or(Strangeness::None)
}

/// The strangeness of the letter at a place among those around it.
pub(super) fn strangeness_at(letters: &[char], at: usize) -> Strangeness {
    let is_unit = matches!(letters[at], '£' | '€' | '¥')
        && letters.get(at + 1).is_some_and(|unit| matches!(unit, 'm' | 'k' | 'M' | 'K' | 'b'))
        && letters.get(at + 2).is_none_or(|next| !next.is_alphanumeric())
        && (at == 0 || !letters[at - 1].is_alphanumeric());
    if is_unit { Strangeness::None } else { Around::of(letters, at).strangeness() }
}

/// True if no encoding of DOS or old Macintoshes fits better than this one, or equally well without a proof for this
/// one.
pub(super) fn is_certain(line: &[u8], text: &str, encoding: Charset) -> bool {
    if encoding != WINDOWS_1252.into() {
        return true;
    }
    // Half of a surrogate pair in CESU-8.
    if line.windows(3).any(|three| matches!(three, [0xED, 0xA0..=0xBF, 0x80..=0xBF])) {
        return false;
    }
    let (own, old) = (fit_of(text), fit_of_old(line, text));
    own > old || (own == old && shows(text))
}

/// True if a sane text in Windows-1252 holds a proof of it: letters from `À` on, a French `œ`, an English or French
/// apostrophe, quotes in pairs, a sum of euros.
pub(super) fn shows(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let paired = |open: char, close: char| text.find(open).is_some_and(|at| text[at..].contains(close));
    let apostrophe = |at: usize| letters[at] == '’' && is_apostrophe(&letters, at);
    let is_sum = |at: usize| {
        let before = letters[..at].iter().rev().find(|letter| !letter.is_whitespace());
        let after = letters[at + 1..].iter().find(|letter| !letter.is_whitespace());
        letters[at] == '€' && before.into_iter().chain(after).any(char::is_ascii_digit)
    };
    let is_micro = |at: usize| {
        let unit: String = letters[at + 1..].iter().take_while(|letter| letter.is_alphabetic()).collect();
        letters[at] == 'µ'
            && ["m", "g", "l", "L", "s", "A", "V", "F", "W", "H", "M", "mol", "Sv"].contains(&unit.as_str())
    };
    paired('“', '”')
        || (0..letters.len()).any(is_micro)
        || paired('‘', '’')
        || paired('„', '“')
        || paired('‹', '›')
        || (0..letters.len()).any(is_sum)
        || text.chars().any(|letter| matches!(letter, 'À'..='ÿ') && letter.is_alphabetic())
        || ["œu", "Œu", "œil"].iter().any(|french| text.contains(french))
        || (0..letters.len()).any(apostrophe)
}

/// True if a sane text is likely Windows-1252 unless something else in the file is against it: its letters beyond ASCII
/// are signs of Latin-1, a mark of trade, or great ones that begin a word.
pub(super) fn may_show(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let begins = |at: usize| {
        letters.get(at + 1).is_some_and(|letter| letter.is_lowercase())
            && (at == 0 || !letters[at - 1].is_alphanumeric())
    };
    (0..letters.len()).filter(|at| !letters[*at].is_ascii()).all(|at| match letters[at] {
        'Š' | 'Ž' | 'Œ' => begins(at),
        'š' | 'ž' => letters[..at].iter().any(|letter| matches!(letter, 'Š' | 'Ž')),
        letter => matches!(letter, '\u{A0}'..='ÿ' | '™' | '•' | '…' | '†' | '‡'),
    })
}

/// Letters behind an apostrophe in English, and before one in French and Italian.
const BEHIND: [&str; 7] = ["s", "t", "d", "m", "ll", "re", "ve"];
const BEFORE: [&str; 16] =
    ["l", "d", "j", "n", "s", "t", "c", "m", "o", "qu", "un", "all", "dell", "nell", "dall", "sull"];

pub(super) fn is_apostrophe(letters: &[char], at: usize) -> bool {
    let word = |letter: &&char| letter.is_alphabetic();
    let behind: String = letters[at + 1..].iter().take_while(word).collect();
    let mut before: Vec<char> = letters[..at].iter().rev().take_while(word).copied().collect();
    before.reverse();
    let before: String = before.into_iter().collect();
    let is_one = |of: &[&str], word: &str| of.iter().any(|one| one.eq_ignore_ascii_case(word));
    let is_plural = behind.is_empty() && before.to_ascii_lowercase().ends_with('s');
    !before.is_empty() && (is_one(&BEHIND, &behind) || (!behind.is_empty() && is_one(&BEFORE, &before)) || is_plural)
}

/// A letter beyond ASCII with those around it; `\0` if there is none.
struct Around {
    before: [char; 2],
    letter: char,
    after: char,
}

impl Around {
    fn of(letters: &[char], at: usize) -> Around {
        let get = |place: Option<usize>| place.and_then(|place| letters.get(place)).copied().unwrap_or('\0');
        Around {
            before: [get(at.checked_sub(2)), get(at.checked_sub(1))],
            letter: letters[at],
            after: get(at.checked_add(1)),
        }
    }

    fn strangeness(&self) -> Strangeness {
        let (before, letter, after) = (self.before[1], self.letter, self.after);
        match letter {
            '\u{80}'..='\u{9F}' | '\u{E000}'..='\u{F8FF}' | '\u{FFF0}'..='\u{FFFF}' | '\u{F0000}'.. => {
                Strangeness::Hard
            }
            '\u{2500}'..='\u{259F}' if before.is_alphanumeric() || after.is_alphanumeric() => Strangeness::Hard,
            _ if is_mark(letter) => soft(!is_letter(before) && !is_mark(before)),
            _ if is_letter(letter) => self.of_letter(),
            _ => self.of_sign(),
        }
    }

    fn of_letter(&self) -> Strangeness {
        let ([earlier, before], letter, after) = (self.before, self.letter, self.after);
        if is_east_asian(letter) {
            return soft(before.is_ascii_lowercase() && after.is_ascii_lowercase());
        }
        let mixed = |other: char| is_letter(other) && !is_east_asian(other) && script(other) != script(letter);
        // No word begins with these.
        if matches!(letter, 'ÿ' | 'ß') {
            return soft(!is_letter(before));
        }
        let rises = |one: char, other: char| one.is_lowercase() && other.is_uppercase();
        let falls = script(letter) == 0 && letter.is_lowercase() && before.is_uppercase() && earlier.is_uppercase();
        soft(mixed(before) || mixed(after) || rises(before, letter) || rises(letter, after) || falls)
    }

    fn of_sign(&self) -> Strangeness {
        let (before, letter, after) = (self.before[1], self.letter, self.after);
        let (behind, ahead) = (is_letter(before), is_letter(after));
        let east =
            |other: char| is_east_asian(other) || matches!(other, '\u{3000}'..='\u{303F}' | '\u{FF00}'..='\u{FFEF}');
        if east(letter) || east(before) || east(after) {
            return Strangeness::None;
        }
        let hard = match letter {
            '²' => ahead && !after.is_uppercase(),
            'ª' | 'º' | '³' | '¹' | 'ⁿ' => ahead,
            '„' | '‚' | '¿' | '¡' => before.is_alphanumeric(),
            '’' | '\u{AD}' | '\u{200C}' | '\u{200D}' => false,
            '·' => behind && ahead && !(before.eq_ignore_ascii_case(&'l') && after.eq_ignore_ascii_case(&'l')),
            '–' | '—' | '\u{A0}' => behind && ahead && !after.is_uppercase() && after.is_lowercase(),
            '‰' | '¬' | '±' | '¦' | '¯' | '´' | '¸' | 'ˆ' | '˜' | '¤' | '˙' | '˚' | '˛' | '˝' | 'ˇ' | '˘' => {
                behind || ahead
            }
            '£' | '¥' | '¢' | '€' | '¼' | '½' | '¾' => behind || ahead,
            _ => behind && ahead,
        };
        if hard { Strangeness::Hard } else { Strangeness::None }
    }
}

fn soft(is_strange: bool) -> Strangeness {
    if is_strange { Strangeness::Soft } else { Strangeness::None }
}

/// True for a letter of a word; signs that Unicode calls letters are none.
pub(super) fn is_letter(letter: char) -> bool {
    letter.is_alphabetic() && !is_mark(letter) && !matches!(letter, 'ª' | 'º' | 'µ' | 'ƒ' | 'ⁿ' | '\u{2B0}'..='\u{2FF}')
}

/// True for a mark over, under or beside the letter before it.
pub(super) fn is_mark(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5C7}' | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}'
        | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}' | '\u{FF9E}' | '\u{FF9F}')
}

/// True for letters of East Asia, which stand beside others without a blank.
pub(super) fn is_east_asian(letter: char) -> bool {
    matches!(letter, '\u{1100}'..='\u{11FF}' | '\u{2E80}'..='\u{2FFF}' | '\u{3005}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FF10}'..='\u{FFEF}' | '\u{20000}'..='\u{3FFFF}')
}

/// The script of a letter: 0 is Latin.
pub(super) fn script(letter: char) -> u32 {
    match letter {
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => 1,
        '\u{400}'..='\u{52F}' => 2,
        '\u{590}'..='\u{5FF}' => 3,
        '\u{600}'..='\u{6FF}' => 4,
        '\u{E00}'..='\u{E7F}' => 5,
        '\u{530}'..='\u{58F}' => 6,
        '\u{900}'..='\u{DFF}' => 7,
        _ => 0,
    }
}
