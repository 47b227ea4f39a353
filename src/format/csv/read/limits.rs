//! No text makes the reader hold more than in proportion to what it reads at a time.

use super::super::split::MAX_CELLS;
use super::{MAX_RECORD, Reader, STRETCH};
use crate::format::limits::MAX_HEADER;
use crate::format::{FormatError, ReadOptions};
use crate::record::{Chunk, Reason, Reject, Width};
use crate::schema::MAX_TABLE_COLUMNS;

fn chunks(text: &[u8]) -> Result<Vec<Chunk>, FormatError> {
    let mut reader = Reader::open(text, &ReadOptions::default())?;
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        chunks.push(chunk);
    }
    assert!(reader.spans().is_some());
    assert_eq!(reader.digest().hash, blake3::hash(text).to_hex().to_string());
    Ok(chunks)
}

fn header(columns: usize) -> String {
    (0..columns).map(|place| format!("c{place}")).collect::<Vec<_>>().join(",") + "\n"
}

#[test]
fn short_records_of_a_wide_table_come_a_few_at_a_time() {
    let (many, width) = (20_000, MAX_TABLE_COLUMNS);
    let text = header(width) + &"1\n".repeat(many) + "\0\n" + &"2\n".repeat(many);
    let (mut rows, mut rejects) = (0, 0);
    for chunk in chunks(text.as_bytes()).unwrap() {
        assert!(chunk.records.len() * width < STRETCH + width);
        for row in 0..chunk.records.len() {
            let expected = if rows < many { "1" } else { "2" };
            assert_eq!((chunk.records.cell(row, 0), chunk.records.cell(row, width - 1)), (Some(expected), None));
            assert_eq!(chunk.records.line(row), (rows + 2 + usize::from(rows >= many)) as u64);
            rows += 1;
        }
        rejects += chunk.rejects.len();
    }
    assert_eq!((rows, rejects), (2 * many, 1));
}

#[test]
fn what_follows_a_long_record_is_not_parsed_at_once() {
    let (width, many) = (100, 200_000);
    let long = "x".repeat(3 * STRETCH);
    let text = header(width) + &format!("1\n\"{long}\"\n") + &"1\n".repeat(many) + &format!("\"{long}\n\"\n2\n");
    let chunks = chunks(text.as_bytes()).unwrap();
    assert!(chunks.iter().all(|chunk| chunk.records.len() * width <= STRETCH + width));
    let cells = chunks.iter().flat_map(|chunk| (0..chunk.records.len()).map(|row| chunk.records.cell(row, 0).unwrap()));
    let lengths: Vec<_> = cells.map(str::len).filter(|length| *length != 1).collect();
    assert_eq!(lengths, [long.len(), long.len() + 1]);
    let rows = chunks.iter().map(|chunk| chunk.records.len()).sum::<usize>();
    assert_eq!(rows, many + 4);
    let last = &chunks.last().unwrap().records;
    assert_eq!((last.cell(last.len() - 1, 0), last.line(last.len() - 1)), (Some("2"), many as u64 + 6));
}

#[test]
fn a_record_has_so_many_cells_and_no_more() {
    for (count, is_loaded) in [(5_000, true), (MAX_CELLS, true), (MAX_CELLS + 1, false), (30 * MAX_CELLS, false)] {
        for cell in ["1", "\"1\""] {
            let text = format!("a,b\n1,2\n{cell}{}\n3,4\n", format!(",{cell}").repeat(count - 1));
            let chunks = chunks(text.as_bytes()).unwrap();
            let records = || chunks.iter().map(|chunk| &chunk.records);
            let widths = records().flat_map(|all| (0..all.len()).map(|row| all.width_of(row)));
            let rejects: Vec<&Reject> = chunks.iter().flat_map(|chunk| &chunk.rejects).collect();
            if is_loaded {
                assert!(rejects.is_empty() && widths.eq([Width::Even, Width::Long, Width::Even]));
            } else {
                assert_eq!((widths.count(), rejects.len(), rejects[0].line), (2, 1, 3));
                assert_eq!((rejects[0].reason, rejects[0].text.len()), (Reason::TooLong, count * (cell.len() + 1) - 1));
                assert!(
                    rejects[0].detail.ends_with(" cells, and a record has 100000 at most"),
                    "{}",
                    rejects[0].detail
                );
            }
        }
    }
}

#[test]
fn a_header_is_limited_in_length_and_in_cells() {
    let stated = ReadOptions {
        delimiter: Some(b','),
        quote: Some(Some(b'"')),
        skip_lines: Some(0),
        header_rows: Some(1),
        ..ReadOptions::default()
    };
    let error = |text: String| Reader::open(text.as_bytes(), &stated).err().map(|error| error.to_string()).unwrap();
    let cells = error(header(MAX_CELLS + 1) + "1,2\n");
    assert!(cells.starts_with("line 1: the header has ") && cells.ends_with("a table has 1598 at most"), "{cells}");
    for text in ["c".repeat(MAX_HEADER + 1) + ",b\n1,2\n", "a,\"".to_owned() + &"b".repeat(MAX_HEADER + 1) + "\n1,2\n"]
    {
        let long = error(text);
        assert!(long.contains("line 1: longer than 4194304 bytes, which is more than a header may have"), "{long}");
    }
}

#[test]
fn a_line_beyond_the_limit_is_an_error_wherever_it_stands() {
    let long = vec![b'x'; MAX_RECORD + STRETCH];
    let error = |text: &[u8], skip_lines| {
        let mut reader = Reader::open(text, &ReadOptions { skip_lines, ..ReadOptions::default() })?;
        while reader.next_chunk()?.is_some() {}
        Ok::<_, FormatError>(())
    };
    let text = [b"a,b\n1,2\n", long.as_slice(), b"\n3,4\n"].concat();
    assert!(matches!(error(&text, None), Err(FormatError::TooLong { line: 3, .. })));
    assert!(matches!(error(&text, Some(3)), Err(FormatError::TooLong { line: 3, .. })));
}
