//! The way of a load without a database, which every target goes: what is asked of it holds for any bytes.

use sluice::format::{Format, FormatError, FormatProfile, Input, ReadOptions, SpanBytes, each_chunk, profile};
use sluice::record::Width;
use sluice::schema::{Column, Selection, column_names, conform, shape};

/// Surveys an input and reads it as a load does; gives what was found, or `None` where it is refused.
///
/// # Panics
/// When the second reading is not the first one, a record is neither loaded nor refused, or a byte is of nothing.
pub fn check_load(
    format: Format,
    open: impl Fn() -> Result<Input, FormatError>,
    stated: &ReadOptions,
) -> Option<(FormatProfile, Option<SpanBytes>)> {
    let found = match profile(format, &open, stated) {
        Ok(found) => found,
        Err(error @ FormatError::Unaccounted { .. }) => panic!("{error}"),
        Err(_) => return None,
    };
    let headers: Vec<_> = found.columns.iter().map(|(header, _)| header.clone()).collect();
    let own = headers.len() - usize::from(found.layout.has_surplus());
    let mut names = column_names(&headers[..own], found.layout.joint());
    names.extend_from_slice(&headers[own..]);
    let columns: Vec<_> = std::iter::zip(&found.columns, names)
        .map(|((header, seen), name)| Column { name, header: header.clone(), fits: seen.fits() })
        .collect();
    let shape = shape(&columns, &Selection::default(), None).expect("there are columns");
    let (mut rows, mut extended, mut line, mut given) = (0, 0, 0, (0, 0));
    let input = open().expect("what was opened can be opened again");
    let read = each_chunk(input, &found.layout, headers, |chunk| {
        let records = &chunk.records;
        assert!(records.is_empty() || records.width() == found.columns.len());
        for row in 0..records.len() {
            assert!(records.line(row) >= line);
            line = records.line(row);
            extended += usize::from(records.width_of(row) == Width::Long);
        }
        assert!(chunk.rejects.iter().all(|reject| reject.line > 0));
        let conformed = conform(records, &shape, 1).expect("columns");
        let (loaded, refused) = (conformed.batch.num_rows() as u64, conformed.rejects.len() as u64);
        assert_eq!(loaded + refused + conformed.filtered, records.len() as u64);
        rows += chunk.rows();
        given.0 += records.raw_bytes();
        given.1 += chunk.rejects.iter().map(|reject| reject.text.len() as u64).sum::<u64>();
        true
    });
    let (digest, spans) = read.expect("what was read can be read again");
    assert_eq!((&digest, rows), (&found.digest, found.rows));
    assert_eq!(extended > 0, found.layout.has_surplus());
    if let Some(spans) = spans {
        assert_eq!((spans.records, spans.rejects), given);
    }
    Some((found, spans))
}
