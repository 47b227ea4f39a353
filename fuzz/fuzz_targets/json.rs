//! Any bytes, read as JSON: they are read or refused, whole, the same way every time, never by a panic, and every byte is accounted for.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use sluice::format::{Format, Input, Layout, ReadOptions, each_chunk};
use sluice_fuzz::check_load;

fuzz_target!(|bytes: &[u8]| {
    check(bytes, &ReadOptions::default());
    check(bytes, &ReadOptions { beside_columns: true, ..ReadOptions::default() });
});

fn check(bytes: &[u8], stated: &ReadOptions) {
    let input = || Ok(Input::Bytes(Box::new(Cursor::new(bytes.to_vec()))));
    let Some((found, spans)) = check_load(Format::Json, input, stated) else { return };
    assert_eq!(found.digest.bytes, bytes.len() as u64);
    assert!(matches!(found.layout, Layout::Json(_)));
    let spans = spans.expect("all of it was read");
    // What is no UTF-8 may be decoded first, and then has other lengths.
    if let Ok(text) = std::str::from_utf8(bytes)
        && !bytes.contains(&0)
    {
        let mark = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
        let all = spans.header + spans.beside + spans.records + spans.rejects + spans.blank;
        assert_eq!(all + mark, bytes.len() as u64);
    }
    let names = found.columns.iter().map(|(name, _)| name.clone());
    let read = each_chunk(input().expect("memory"), &found.layout, names, |chunk| {
        for row in 0..chunk.records.len() {
            let text = chunk.records.raw(row);
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{text}");
        }
        true
    });
    assert_eq!(read.expect("what was read can be read again").0, found.digest);
}
