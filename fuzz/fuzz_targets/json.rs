//! Any bytes, read as JSON: they are read or refused, whole, the same way every time, never by a panic, and every byte is accounted for.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use sluice::format::{Footer, Format, FormatError, Input, Layout, Stated, each_chunk, survey};

fuzz_target!(|bytes: &[u8]| {
    check(bytes, &Stated::default());
    check(bytes, &Stated { beside_columns: true, ..Stated::default() });
});

/// The way of a load: what the survey counts is what is read then, and the books of its bytes balance.
fn check(bytes: &[u8], stated: &Stated) {
    let input = || Input::Bytes(Box::new(Cursor::new(bytes.to_vec())));
    let found = match survey(Format::Json, || Ok(input()), stated) {
        Ok(found) => found,
        Err(error @ FormatError::Unaccounted { .. }) => panic!("{error}"),
        Err(_) => return,
    };
    assert_eq!(found.digest.bytes, bytes.len() as u64);
    assert!(matches!(found.layout, Layout::Json(_)));
    let (mut rows, mut records, mut rejects, mut line) = (0, 0, 0, 0);
    let names = found.columns.iter().map(|(name, _)| name.clone());
    let read = each_chunk(input(), &found.layout, names, &Footer::None, |chunk| {
        rows += chunk.rows();
        assert_eq!(chunk.records.width(), found.columns.len());
        for row in 0..chunk.records.len() {
            let text = chunk.records.raw(row);
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "{text}");
            assert!(chunk.records.line(row) >= line);
            line = chunk.records.line(row);
            for place in 0..chunk.records.width() {
                let _ = chunk.records.cell(row, place);
            }
        }
        records += chunk.records.raw_bytes();
        rejects += chunk.rejects.iter().map(|reject| reject.text.len() as u64).sum::<u64>();
        true
    });
    let (digest, spans) = read.expect("what the survey has read can be read");
    let spans = spans.expect("all of it was read");
    assert_eq!((digest, rows), (found.digest, found.rows));
    assert_eq!((spans.records, spans.rejects), (records, rejects));
}
