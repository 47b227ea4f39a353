//! Any bytes, read as delimited text: they are read or refused, whole, the same way every time, and never by a panic.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use sluice::format::csv::Reader;
use sluice::format::{Dialect, Format, FormatError, Input, Layout, ReadOptions};
use sluice::record::{Chunk, Reject, Width};
use sluice::schema::{Column, Fits, Inference, Selection, Type, column_names, conform, shape};
use sluice_fuzz::check_load;

fuzz_target!(|bytes: &[u8]| {
    check_reader(bytes, &ReadOptions::default());
    check_reader(bytes, &ReadOptions { widths: vec![1, 3, 8], ..ReadOptions::default() });
    check_profile(bytes);
});

/// What a reader gave, put down so that it can be compared.
#[derive(Debug, PartialEq)]
struct Read {
    header: Vec<String>,
    /// Line, text, width and cells of each record.
    records: Vec<(u64, String, Width, Vec<Option<String>>)>,
    rejects: Vec<Reject>,
}

fn check_reader(bytes: &[u8], stated: &ReadOptions) {
    let mut reader = match Reader::open(bytes, stated) {
        Ok(reader) => reader,
        Err(error) => {
            assert_eq!(matches!(error, FormatError::Empty), without_mark(bytes).is_empty(), "{error}");
            return;
        }
    };
    let dialect = reader.dialect().clone();
    let read = read_all(&mut reader, bytes);
    for surplus in [false, true] {
        let dialect = Dialect { surplus, ..dialect.clone() };
        let mut again = Reader::reopen(bytes, &dialect).expect("what was opened can be opened again");
        let again = read_all(&mut again, bytes);
        assert_eq!((&again.header, &again.rejects), (&read.header, &read.rejects));
        assert_eq!(again.records.len(), read.records.len());
        for (one, before) in again.records.iter().zip(&read.records) {
            let (cells, extra) = one.3.split_at(read.header.len());
            assert_eq!((one.0, &one.1, one.2, cells), (before.0, &before.1, before.2, before.3.as_slice()));
            if surplus {
                assert_eq!(extra.len(), 1);
                assert_eq!(extra[0].is_some(), one.2 == Width::Long);
            }
        }
    }
}

/// Every chunk of the reader, with what is true of each.
fn read_all(reader: &mut Reader<&[u8]>, bytes: &[u8]) -> Read {
    let mut read = Read { header: reader.header().to_vec(), records: Vec::new(), rejects: Vec::new() };
    let width = read.header.len() + usize::from(reader.dialect().surplus);
    let names = column_names(reader.header(), None);
    let _ = reader.header_text();
    while let Some(chunk) = reader.next_chunk().expect("bytes in memory can be read") {
        assert!(chunk.rows() > 0);
        check_lines(&chunk);
        let records = &chunk.records;
        assert!(records.is_empty() || records.width() == width);
        for row in 0..records.len() {
            let cells: Vec<_> = (0..width).map(|place| records.cell(row, place).map(str::to_owned)).collect();
            read.records.push((records.line(row), records.raw(row).into_owned(), records.width_of(row), cells));
        }
        if width == names.len() && width > 0 {
            check_columns(&chunk, &names);
        }
        read.rejects.extend(chunk.rejects);
    }
    assert_eq!(reader.digest().bytes, bytes.len() as u64);
    read
}

fn check_lines(chunk: &Chunk) {
    let lines: Vec<_> = (0..chunk.records.len()).map(|row| chunk.records.line(row)).collect();
    assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "{lines:?}");
    assert!(chunk.rejects.windows(2).all(|pair| pair[0].line <= pair[1].line));
    assert!(chunk.rejects.iter().all(|reject| reject.line > 0 && !lines.contains(&reject.line)));
}

/// The types that the values show take every one of them, other types take or refuse each record.
fn check_columns(chunk: &Chunk, names: &[String]) {
    let records = &chunk.records;
    let mut seen = vec![Inference::default(); names.len()];
    for row in 0..records.len() {
        for (place, one) in seen.iter_mut().enumerate() {
            records.cell(row, place).into_iter().for_each(|value| one.see(value));
        }
    }
    let column = |place: usize, fits: Fits| Column { name: names[place].clone(), header: String::new(), fits };
    let inferred: Vec<_> = seen.iter().enumerate().map(|(place, one)| column(place, one.fits())).collect();
    let conformed = conform(records, &shape(&inferred, &Selection::default(), None).expect("there are columns"), 1)
        .expect("columns");
    assert_eq!((conformed.rejects.len(), conformed.batch.num_rows()), (0, records.len()));
    for kind in Type::ALL {
        let forced: Vec<_> = (0..names.len()).map(|place| column(place, Fits::of(&[kind]))).collect();
        let conformed = conform(records, &shape(&forced, &Selection::default(), None).expect("there are columns"), 1)
            .expect("columns");
        let rows = conformed.batch.num_rows() + conformed.rejects.len() + conformed.filtered as usize;
        assert_eq!(rows, records.len());
    }
}

fn check_profile(bytes: &[u8]) {
    let input = || Ok(Input::Bytes(Box::new(Cursor::new(bytes.to_vec()))));
    let Some((found, _)) = check_load(Format::Csv, input, &ReadOptions::default()) else { return };
    assert_eq!(found.digest.bytes, bytes.len() as u64);
    assert!(matches!(found.layout, Layout::Csv(_)));
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    let marks: [&[u8]; 3] = [b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"];
    marks.iter().find_map(|mark| bytes.strip_prefix(*mark)).unwrap_or(bytes)
}
