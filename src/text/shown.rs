//! Foreign text, as people read it on a terminal or in a line of the log: signs that would move the cursor, turn the
//! direction of writing, begin a line or be seen by nobody are written out, as `\n` or `\u{1b}`. Values for programs,
//! such as JSON, are never changed.

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{self, Write};
use std::path::Path;

use crate::text::heard::{self, Heard};
use crate::text::secrets::hidden;

/// A foreign name or value on one line.
///
/// ```
/// assert_eq!(sluice::text::shown::shown("Umsätze 2026.csv"), "Umsätze 2026.csv");
/// assert_eq!(sluice::text::shown::shown("a\nb\u{1b}[2J\u{202e}.csv"), r"a\nb\u{1b}[2J\u{202e}.csv");
/// ```
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, misleads)
}

/// A path on one line.
pub fn path(path: &Path) -> String {
    shown(&path.to_string_lossy()).into_owned()
}

/// A text that may have several lines: only line ends stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter != '\n' && misleads(letter))
}

/// A text in JSON whose values stay the same: a sign that [`shown`] writes out is `\u202e` in it, which readers of JSON
/// take for the sign.
pub fn json(text: &str) -> Cow<'_, str> {
    // Line ends stand between values only, and other controls of ASCII cannot stand in JSON.
    let is_one = |letter: char| letter > '\u{7e}' && misleads(letter);
    if !text.contains(is_one) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_one(letter) {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04x}"));
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

fn escaped(text: &str, is_one: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_one) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_one(letter) {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    Cow::Owned(line)
}

/// Controls, line ends, marks that turn the direction of writing, and signs without a width.
fn misleads(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Standard output for people.
pub fn stdout() -> ForPeople<Heard<io::Stdout>> {
    ForPeople(heard::stdout())
}

/// Standard error for people.
pub fn stderr() -> ForPeople<Heard<io::Stderr>> {
    ForPeople(heard::stderr())
}

/// Writes text of several lines as [`lines`] shows it, without secrets.
pub struct ForPeople<W>(W);

impl<W: Write> Write for ForPeople<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.write_all(lines(&hidden(&String::from_utf8_lossy(text))).as_bytes())?;
        Ok(text.len())
    }

    fn write_fmt(&mut self, text: Arguments<'_>) -> io::Result<()> {
        self.write(text.to_string().as_bytes()).map(|_| ())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["orders.csv", "Umsätze – März.xlsx", "売上.csv", "مبيعات.csv", "a'b\"c\\d $(x).csv", "🚚.csv", ""]
        {
            assert_eq!(shown(name), name);
            assert!(matches!(shown(name), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn nothing_that_misleads_is_left() {
        let signs = (0..0x20u32).chain(0x7f..0xa0).chain([0xad, 0x61c, 0x180e]).chain(0x200b..0x2010);
        let signs = signs.chain(0x2028..0x202f).chain(0x2060..0x2070).chain([0xfeff, 0xfff9, 0xe0041]);
        for sign in signs.filter_map(char::from_u32) {
            let name = format!("a{sign}b");
            let shown = shown(&name);
            assert!(shown.starts_with("a\\") && shown.ends_with('b') && !shown.contains(sign), "{shown}");
            assert_eq!(lines(&name).contains(sign), sign == '\n');
        }
    }

    #[test]
    fn json_says_the_same_without_a_sign_that_misleads() {
        let signs = (0..0x20u32).chain(0x7f..0xa0).chain([0xad, 0x61c, 0x180e]).chain(0x200b..0x2010);
        let signs = signs.chain(0x2028..0x202f).chain(0x2060..0x2070).chain([0xfeff, 0xfff9, 0xe0041]);
        for sign in signs.filter_map(char::from_u32) {
            let value = serde_json::json!({ "näme": format!("a{sign}\"b😀") });
            let text = format!("{value:#}");
            let written = json(&text);
            assert!(!written.contains(|letter| letter != '\n' && misleads(letter)), "{written:?}");
            assert!(written.contains("näme") && written.contains('😀'));
            assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
        }
    }

    #[test]
    fn what_is_written_keeps_its_lines_only() {
        let mut out = ForPeople(Vec::new());
        writeln!(out, "a\u{1b}b: {}", 1).unwrap();
        assert_eq!(String::from_utf8(out.0).unwrap(), "a\\u{1b}b: 1\n");
    }
}
