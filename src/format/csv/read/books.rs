//! The books in bytes: every byte of a text is in a record, a reject, the header or a line beside them, or is blank.
//! Tried on texts that were damaged.

use std::io::Read;

use encoding_rs::{SHIFT_JIS, UTF_8, WINDOWS_1252};
use proptest::prelude::*;

use super::Reader;
use crate::format::ReadOptions;
use crate::format::encoding::{Charset, MARK, Text};

/// The damage to a text: at a place, which is a share of its length in 1/1000.
#[derive(Clone, Debug)]
enum Damage {
    CutTo(usize),
    CutFrom(usize),
    Doubled,
    Swapped(usize, usize),
    Byte(usize, u8),
    Put(usize, &'static [u8]),
}

fn damages() -> impl Strategy<Value = Damage> {
    let place = || 0usize..1000;
    let put: Vec<&'static [u8]> = vec![
        b"\"",
        b"\n",
        b"\r",
        b"\r\n",
        b"\xEF\xBB\xBF",
        b"\0",
        b"\x1A",
        b",,",
        b"\n\n",
        b"'",
        b"\xD8\x00",
        b"sep=;\n",
        b"\\,",
        b"\\;",
        b"\\\n",
        b"\n,,,\n",
    ];
    prop_oneof![
        place().prop_map(Damage::CutTo),
        place().prop_map(Damage::CutFrom),
        Just(Damage::Doubled),
        (place(), place()).prop_map(|(one, other)| Damage::Swapped(one, other)),
        (place(), any::<u8>()).prop_map(|(place, byte)| Damage::Byte(place, byte)),
        (place(), proptest::sample::select(put)).prop_map(|(place, bytes)| Damage::Put(place, bytes)),
    ]
}

fn damaged(mut text: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let at = |place: usize| place * text.len() / 1000;
        match *damage {
            Damage::CutTo(place) => text.truncate(at(place).max(1)),
            Damage::CutFrom(place) => drop(text.drain(..at(place))),
            Damage::Doubled => text.extend_from_within(..),
            Damage::Swapped(one, other) => {
                let mut lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                if !lines.is_empty() {
                    let count = lines.len();
                    lines.swap(one % count, other % count);
                }
                text = lines.concat();
            }
            Damage::Byte(place, byte) => {
                let at = at(place);
                if let Some(old) = text.get_mut(at) {
                    *old = byte;
                }
            }
            Damage::Put(place, bytes) => {
                let at = at(place);
                text.splice(at..at, bytes.iter().copied());
            }
        }
    }
    text
}

/// Tables with a title, a few records of other widths, quotes, blank lines and another table, as programs write them.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![
        4 => "[0-9]{1,4}",
        4 => "[a-zäö ]{0,6}",
        2 => "\"[a-z,;\n]{0,6}\"",
        1 => "\"[a-z]{0,3}",
        1 => "[a-z]{0,2}\"\"[a-z]{0,2}",
    ];
    let delimiter = proptest::sample::select(vec![",", ";", "\t", "|"]);
    let end = proptest::sample::select(vec!["\n", "\r\n", "\r", "\r\r\n"]);
    let title =
        proptest::sample::select(vec!["", "Report\n\n", "Period,May\nUnit,kg\n", "a,b\n1,2\n3,4\n\n", "sep=;\n"]);
    let rows = proptest::collection::vec(proptest::collection::vec(cell, 1..6), 0..20);
    let encoding = proptest::sample::select(vec!["utf-8", "utf-16le", "utf-16be", "windows-1252", "marked"]);
    (title, rows, delimiter, end, any::<bool>(), encoding).prop_map(
        |(title, rows, delimiter, end, headed, encoding)| {
            let header = if headed { ["id", "name", "price"].join(delimiter) + "\n" } else { String::new() };
            let rows: String = rows.iter().map(|cells| cells.join(delimiter) + "\n").collect();
            let text = (title.to_owned() + &header + &rows).replace('\n', end);
            match encoding {
                "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                "windows-1252" => WINDOWS_1252.encode(&text).0.into_owned(),
                "marked" => [b"\xEF\xBB\xBF".as_slice(), text.as_bytes()].concat(),
                _ => text.into_bytes(),
            }
        },
    )
}

/// The text as it is parsed.
fn decoded(bytes: &[u8], encoding: Option<Charset>) -> Vec<u8> {
    let mut text = Vec::new();
    Text::open(bytes, encoding).unwrap().read_to_end(&mut text).unwrap();
    text
}

/// A text without the signs that may stand between records, delimiters included.
fn solid(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace(['\u{FEFF}', ' ', '\t', '\r', '\n', '\u{1A}', ',', ';', '|'], "")
}

/// Reads all of a readable text and puts it together again.
fn balances(bytes: &[u8], stated: &ReadOptions) -> Result<(), TestCaseError> {
    let Ok(mut reader) = Reader::open(bytes, stated) else { return Ok(()) };
    let header = solid(&reader.header_text);
    let mut is_above = !reader.above.is_empty() || !reader.beside.is_empty();
    let mut found = if is_above { String::new() } else { header.clone() };
    let (mut records, mut rejects) = (0, 0);
    while let Some(chunk) = reader.next_chunk().map_err(|error| TestCaseError::fail(error.to_string()))? {
        records += chunk.records.raw_bytes();
        rejects += chunk.rejects.iter().map(|reject| reject.text.len() as u64).sum::<u64>();
        let lines = chunk.beside.iter().filter_map(|one| Some((one.line?, solid(one.text.as_bytes()))));
        let refused = chunk.rejects.iter().map(|reject| (reject.line, solid(&reject.text)));
        let rows =
            (0..chunk.records.len()).map(|row| (chunk.records.line(row), solid(chunk.records.in_text(row).as_bytes())));
        let mut pieces: Vec<_> = lines.chain(rows).chain(refused).collect();
        pieces.sort_by_key(|(line, _)| *line);
        found.extend(pieces.into_iter().map(|(_, piece)| piece));
        if std::mem::take(&mut is_above) {
            found += &header;
        }
    }
    let spans = reader.spans().unwrap();
    prop_assert_eq!((spans.records, spans.rejects), (records, rejects));
    let text = decoded(bytes, stated.encoding);
    let all = spans.header + spans.beside + spans.records + spans.rejects + spans.blank;
    prop_assert_eq!(all, text.len() as u64);
    // If a text ends within a line, two records stand on it.
    let is_within = |at: usize| at > 0 && !matches!(text[at - 1], b'\n' | b'\r');
    if !memchr::memmem::find_iter(&text, MARK).any(is_within) {
        prop_assert_eq!(found, solid(&text));
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_books_of_damaged_texts_balance(
        text in texts(),
        damages in proptest::collection::vec(damages(), 0..6),
        encoding in proptest::sample::select(vec![None, None, Some(UTF_8.into()), Some(SHIFT_JIS.into()),
            Some(WINDOWS_1252.into()), Some(Charset::Cp850)]),
    ) {
        balances(&damaged(text, &damages), &ReadOptions { encoding, ..ReadOptions::default() })?;
    }
}
