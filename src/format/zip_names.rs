//! Names of a zip's members without the flag for UTF-8: by the format they are in code page 437, in truth in that of
//! the system that packed them. One code page is guessed for all of them; each gives different bytes different letters,
//! so none are mixed up.

use super::directory::Member;

/// The upper half of code page 437.
pub(super) const CP437: &str = "\
ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}";

/// The upper half of code page 850.
pub(super) const CP850: &str = "\
ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{AD}±‗¾¶§÷¸°¨·¹³²■\u{A0}";

/// The names of the members, in their order, each true if it was guessed.
pub(super) fn names(members: &[Member]) -> Vec<(String, bool)> {
    let unknown: Vec<&[u8]> =
        members.iter().filter(|member| member.unicode.is_none()).map(|member| member.name.as_slice()).collect();
    let decode = guess(&unknown);
    // A NUL stands in no name given by a person, and PostgreSQL stores none.
    let name = |member: &Member| match &member.unicode {
        Some(name) => (name.replace('\0', "\u{FFFD}"), false),
        None => (decode(&member.name).replace('\0', "\u{FFFD}"), true),
    };
    members.iter().map(name).collect()
}

/// A name with `%20` and the like decoded; any other text stays.
pub(super) fn percent_decoded(name: &str) -> String {
    let (mut decoded, mut rest) = (Vec::with_capacity(name.len()), name.as_bytes());
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|digits| *byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(code.unwrap_or(*byte));
        rest = &behind[if code.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

type Decode = fn(&[u8]) -> String;

/// The decoding that fits all the names.
fn guess(names: &[&[u8]]) -> Decode {
    let all = |fits: fn(&[u8]) -> bool| names.iter().all(|name| fits(name));
    if all(|name| std::str::from_utf8(name).is_ok()) {
        return |name| String::from_utf8_lossy(name).into_owned();
    }
    if all(is_russian) {
        return russian;
    }
    if all(is_japanese) {
        return japanese;
    }
    let strange = |table: &str| names.iter().map(|name| strange(&latin(name, table))).sum::<usize>();
    if strange(CP850) < strange(CP437) { |name| latin(name, CP850) } else { |name| latin(name, CP437) }
}

pub(super) fn latin(name: &[u8], table: &str) -> String {
    let upper: Vec<char> = table.chars().collect();
    let letter = |byte: &u8| match byte.checked_sub(0x80) {
        None => char::from(*byte),
        // Both tables have 128 letters.
        Some(place) => upper.get(usize::from(place)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    name.iter().map(letter).collect()
}

fn russian(name: &[u8]) -> String {
    encoding_rs::IBM866.decode_without_bom_handling(name).0.into_owned()
}

fn japanese(name: &[u8]) -> String {
    encoding_rs::SHIFT_JIS.decode_without_bom_handling(name).0.into_owned()
}

/// Number of signs that stand in no name: frames, sums, letters of formulas.
fn strange(name: &str) -> usize {
    name.chars()
        .filter(|letter| !letter.is_ascii() && (!letter.is_alphabetic() || "ΓΣΦΘΩαπστδφεªºƒ".contains(*letter)))
        .count()
}

/// The words of a name, without those in ASCII alone.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|letter: char| letter.is_ascii() && !letter.is_ascii_alphabetic()).filter(|word| !word.is_ascii())
}

/// True for words of Cyrillic letters alone, small, great, or great at their beginning.
fn is_russian(name: &[u8]) -> bool {
    let cyrillic = |word: &str| word.chars().all(|letter| matches!(letter, 'А'..='я' | 'Ё' | 'ё' | '№'));
    let cased = |word: &str| {
        let rest = word.chars().skip(1);
        rest.clone().all(|letter| !letter.is_uppercase()) || word.chars().all(|letter| !letter.is_lowercase())
    };
    words(&russian(name)).all(|word| cyrillic(word) && cased(word))
}

/// True for words of kana and Chinese characters alone.
fn is_japanese(name: &[u8]) -> bool {
    let letter = |letter: char| matches!(letter, '\u{3001}'..='\u{30FF}' | '\u{4E00}'..='\u{9FFF}');
    words(&japanese(name)).all(|word| word.chars().count() > 1 && word.chars().all(letter))
}

#[cfg(test)]
mod tests {
    use super::guess;

    #[test]
    fn names_are_read_in_the_code_page_that_they_are_in() {
        let cases: [(&[&[u8]], &[&str]); 6] = [
            (
                &[b"\xAE\xE1\xE2\xA0\xE2\xAA\xA8.csv", b"\x8A\xAB\xA8\xA5\xAD\xE2\xEB 2024.csv"],
                &["остатки.csv", "Клиенты 2024.csv"],
            ),
            (&[b"Ums\x84tze.csv", b"orders.csv"], &["Umsätze.csv", "orders.csv"]),
            (&[b"caf\x82.csv", b"S\xC6o.csv"], &["café.csv", "São.csv"]),
            (&[b"\x94\x84\x8F\xE3_2024.csv"], &["売上_2024.csv"]),
            (&["остатки.csv".as_bytes()], &["остатки.csv"]),
            (&[b"\xE1.csv", b"\xFF\xFE.csv"], &["ß.csv", "\u{A0}■.csv"]),
        ];
        for (names, expected) in cases {
            let decode = guess(names);
            assert_eq!(names.iter().map(|name| decode(name)).collect::<Vec<_>>(), expected);
        }
    }
}
