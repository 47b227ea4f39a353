//! Properties that hold for every table, tried on many.

use proptest::prelude::*;

use super::Reader;
use crate::format::{Dialect, Escape, ReadOptions};
use crate::schema::{Column, Fits, Inference, Selection, Type, column_names, conform, shape};

type Cells = Vec<Vec<Option<String>>>;

/// Tables of two to five columns, with every letter but NUL.
fn tables() -> impl Strategy<Value = Cells> {
    (2usize..6).prop_flat_map(|width| {
        let cell = proptest::option::of("[^\0]{0,12}");
        proptest::collection::vec(proptest::collection::vec(cell, width), 0..12)
    })
}

/// The table as text: every cell that is not NULL in quotes.
fn written(table: &Cells, width: usize, delimiter: char, escape: Escape, line_end: &str) -> String {
    let quoted = |text: &str| match escape {
        Escape::Doubled => format!("\"{}\"", text.replace('"', "\"\"")),
        Escape::Backslash => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    };
    let line = |cells: Vec<String>| cells.join(&delimiter.to_string()) + line_end;
    let header = line((0..width).map(|place| format!("column {place}")).collect());
    let rows =
        table.iter().map(|row| line(row.iter().map(|cell| cell.as_deref().map(quoted).unwrap_or_default()).collect()));
    header + &rows.collect::<String>()
}

fn read(text: &str, stated: &ReadOptions) -> (Cells, usize) {
    let mut reader = Reader::open(text.as_bytes(), stated).unwrap();
    let (mut table, mut rejects) = (Vec::new(), 0);
    while let Some(chunk) = reader.next_chunk().unwrap() {
        let records = &chunk.records;
        rejects += chunk.rejects.len();
        for row in 0..records.len() {
            table.push((0..records.width()).map(|place| records.cell(row, place).map(str::to_owned)).collect());
        }
    }
    (table, rejects)
}

proptest! {
    #[test]
    fn any_table_comes_back_equal(
        table in tables(),
        delimiter in proptest::sample::select(vec![',', ';', '\t', '|']),
        escape in proptest::sample::select(vec![Escape::Doubled, Escape::Backslash]),
        line_end in proptest::sample::select(vec!["\n", "\r\n"]),
    ) {
        // A record of delimiters only holds nothing.
        let table: Cells = table.into_iter().filter(|row| row.iter().any(Option::is_some)).collect();
        let width = table.first().map_or(2, Vec::len);
        let stated = ReadOptions {
            delimiter: Some(delimiter as u8),
            quote: Some(Some(b'"')),
            escape: Some(escape),
            skip_lines: Some(0),
            header_rows: Some(1),
            ..ReadOptions::default()
        };
        let (read, rejects) = read(&written(&table, width, delimiter, escape, line_end), &stated);
        prop_assert_eq!(rejects, 0);
        prop_assert_eq!(read, table);
    }

    /// Blanks in any cells: none in the header and the first records, and then around every cell.
    #[test]
    fn blanks_around_quotes_are_none_of_the_cells(
        table in tables(),
        delimiter in proptest::sample::select(vec![',', ';', '\t', '|']),
        (before, after) in (proptest::sample::select(vec!["", " ", "   "]), proptest::sample::select(vec!["", " ", "  "])),
        line_end in proptest::sample::select(vec!["\n", "\r\n"]),
        plain in 0usize..3,
    ) {
        let table: Cells = table.into_iter().filter(|row| row.iter().any(Option::is_some)).collect();
        let width = table.first().map_or(2, Vec::len);
        let row = |row: &Vec<Option<String>>| {
            let quoted = |text: &String| format!("{before}\"{}\"{after}", text.replace('"', "\"\""));
            let cells: Vec<_> = row.iter().map(|cell| cell.as_ref().map(quoted).unwrap_or_default()).collect();
            cells.join(&delimiter.to_string()) + line_end
        };
        let filler: Cells = vec![vec![Some("x".to_owned()); width]; plain];
        let text = written(&filler, width, delimiter, Escape::Doubled, line_end) + &table.iter().map(row).collect::<String>();
        let stated = ReadOptions { delimiter: Some(delimiter as u8), skip_lines: Some(0), header_rows: Some(1), ..ReadOptions::default() };
        let (read, rejects) = read(&text, &stated);
        prop_assert_eq!(rejects, 0, "{:?}", text);
        prop_assert_eq!(read, [filler, table].concat(), "{:?}", text);
    }

    /// A table written by the crate `csv`, and read with its style stated, is the same as its own reader gives.
    #[test]
    fn what_another_writer_wrote_is_read_as_its_reader_does(
        table in tables(),
        delimiter in proptest::sample::select(vec![b',', b';', b'\t', b'|', b'^']),
        quote in proptest::sample::select(vec![b'"', b'\'']),
        style in proptest::sample::select(vec![csv::QuoteStyle::Necessary, csv::QuoteStyle::Always, csv::QuoteStyle::NonNumeric]),
        crlf in any::<bool>(),
    ) {
        // A byte order mark at the start of a record begins another text there.
        let bare = |cell: Option<String>| cell.map(|text| text.replace('\u{FEFF}', ""));
        let table: Cells = table.into_iter().map(|row| row.into_iter().map(bare).collect()).collect();
        // A row with nothing but its first cell is taken for a line of text.
        let is_record = |row: &Vec<Option<String>>| row[1..].iter().any(|cell| cell.as_ref().is_some_and(|cell| !cell.is_empty()));
        let table: Cells = table.into_iter().filter(is_record).collect();
        let width = table.first().map_or(2, Vec::len);
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .quote(quote)
            .quote_style(style)
            .terminator(end)
            .from_writer(Vec::new());
        writer.write_record((0..width).map(|place| format!("column {place}"))).unwrap();
        for row in &table {
            writer.write_record(row.iter().map(|cell| cell.as_deref().unwrap_or_default())).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let mut other = csv::ReaderBuilder::new().delimiter(delimiter).quote(quote).from_reader(text.as_bytes());
        let expected: Vec<Vec<String>> =
            other.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
        let stated = ReadOptions {
            delimiter: Some(delimiter),
            quote: Some(Some(quote)),
            escape: Some(Escape::Doubled),
            skip_lines: Some(0),
            header_rows: Some(1),
            ..ReadOptions::default()
        };
        let (read, rejects) = read(&text, &stated);
        let read: Vec<Vec<String>> =
            read.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect();
        prop_assert_eq!(rejects, 0, "{:?}", text);
        prop_assert_eq!(read, expected, "{:?}", text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(mut reader) = Reader::open(bytes.as_slice(), &ReadOptions::default()) {
            while let Ok(Some(chunk)) = reader.next_chunk() {
                prop_assert!(chunk.rows() > 0 || !chunk.beside.is_empty());
            }
            prop_assert_eq!(reader.digest().bytes, bytes.len() as u64);
        }
        let _ = Dialect::detect(&bytes, true, &ReadOptions::default());
    }

    #[test]
    fn values_conform_to_the_types_they_fit_and_to_others_never_panic(table in tables(), kind in 0usize..8) {
        let width = table.first().map_or(2, Vec::len);
        let text = written(&table, width, ',', Escape::Doubled, "\n");
        let stated = ReadOptions { delimiter: Some(b','), header_rows: Some(1), skip_lines: Some(0), ..ReadOptions::default() };
        let mut reader = Reader::open(text.as_bytes(), &stated).unwrap();
        while let Some(chunk) = reader.next_chunk().unwrap() {
            let names = column_names(reader.header(), None);
            let column = |place: usize, fits: Fits| Column { name: names[place].clone(), header: String::new(), fits };
            let mut seen = vec![Inference::default(); width];
            for row in 0..chunk.records.len() {
                for (place, one) in seen.iter_mut().enumerate() {
                    chunk.records.cell(row, place).into_iter().for_each(|value| one.see(value));
                }
            }
            let inferred: Vec<_> = seen.iter().enumerate().map(|(place, one)| column(place, one.fits())).collect();
            let conformed = conform(&chunk.records, &shape(&inferred, &Selection::default(), None).unwrap(), 1).unwrap();
            prop_assert_eq!((conformed.rejects.len(), conformed.batch.num_rows()), (0, chunk.records.len()));
            let forced: Vec<_> = (0..width).map(|place| column(place, Fits::of(&[Type::ALL[kind]]))).collect();
            let conformed = conform(&chunk.records, &shape(&forced, &Selection::default(), None).unwrap(), 1).unwrap();
            prop_assert_eq!(conformed.rejects.len() + conformed.batch.num_rows(), chunk.records.len());
        }
    }
}
