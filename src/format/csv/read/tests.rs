//! Readings of small texts: their rows, lines and rejects.

use super::*;
use crate::record::{Reason, Width};

type Cells = Vec<Option<String>>;

fn read(text: &[u8]) -> (Vec<Cells>, Vec<u64>, Vec<(u64, Reason)>) {
    let mut reader = Reader::open(text, &ReadOptions::default()).unwrap();
    let (mut rows, mut lines, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(chunk) = reader.next_chunk().unwrap() {
        let records = &chunk.records;
        for row in 0..records.len() {
            rows.push((0..records.width()).map(|place| records.cell(row, place).map(str::to_owned)).collect());
            lines.push(records.line(row));
        }
        rejects.extend(chunk.rejects.into_iter().map(|reject| (reject.line, reject.reason)));
    }
    assert_eq!(reader.digest().bytes, text.len() as u64);
    assert_eq!(reader.digest().hash, blake3::hash(text).to_hex().to_string());
    (rows, lines, rejects)
}

fn some(cells: &[&str]) -> Cells {
    cells.iter().map(|cell| Some((*cell).to_owned())).collect()
}

#[test]
fn quotes_line_ends_and_nulls() {
    let (rows, lines, rejects) =
        read(b"\xEF\xBB\xBFa,b\r\n\"x \"\"y\"\"\",\"1\n2\"\r\n\r\n,\"\"\n a , b\nlast,\"\"\"\"");
    assert_eq!(rows[0], some(&["x \"y\"", "1\n2"]));
    assert_eq!(rows[1], [None, Some(String::new())]);
    assert_eq!(rows[2], some(&[" a ", " b"]));
    assert_eq!(rows[3], some(&["last", "\""]));
    assert_eq!(lines, [2, 5, 6, 7]);
    assert!(rejects.is_empty());
}

#[test]
fn lines_of_blanks_hold_nothing_and_a_closing_byte_is_no_record() {
    let (rows, lines, rejects) = read(b"a,b\r\r\n\"x\",y\r\r\n \t\r\r\nz,w\r\r\n\x1A");
    assert_eq!((rows, lines), (vec![some(&["x", "y"]), some(&["z", "w"])], vec![2, 4]));
    assert!(rejects.is_empty());
}

#[test]
fn a_header_may_be_quoted_too() {
    let reader = Reader::open(b"\"a \"\"b\"\"\",\"c\nd\"\n1,2\n".as_slice(), &ReadOptions::default()).unwrap();
    assert_eq!(reader.header(), ["a \"b\"", "c\nd"]);
    assert_eq!(reader.header_text(), *b"\"a \"\"b\"\"\",\"c\nd\"");
}

#[test]
fn a_quote_too_many_in_the_header_costs_no_name_and_no_record() {
    let open = |text: &'static str| Reader::open(text.as_bytes(), &ReadOptions::default());
    let names = |text| open(text).unwrap().header().to_vec();
    assert_eq!(names("\"id\";\"Size 5\" screen\";\"txt\"\n1;2;x\n2;3;y\n"), ["id", "Size 5\" screen", "txt"]);
    assert_eq!(names("id,\"Preis \"EUR\" netto\",txt\n1,2,x\n2,3,y\n"), ["id", "Preis \"EUR\" netto", "txt"]);
    for text in [
        "\"id\",\"nm\n\"1001\",\"a1x\"\n\"1002\",\"a2x\"\n\"1003\",\"a3x\"\n",
        "id,\"nm\n1001,\"a1x\"\n1002,\"a2x\"\n",
        "\"id\",\"nm\"x\"\r\"1001\",\"a1x\"\r\"1002\",\"a2x\"\r",
    ] {
        let kept = match open(text) {
            Err(_) => true,
            Ok(mut reader) => {
                let chunk = reader.next_chunk().unwrap().unwrap_or_default();
                reader.header().len() == 2 && chunk.rows() >= 2
            }
        };
        assert!(kept, "{text:?}");
    }
}

#[test]
fn bad_records_are_rejects_and_the_others_load() {
    let (rows, lines, rejects) = read(b"a,b\n1,2\na,b\n\n\"x\"y,2\n\xFF,2\nz\x00,2\nok,2\n");
    assert_eq!(rows, [some(&["1", "2"]), some(&["ok", "2"])]);
    assert_eq!(lines, [2, 8]);
    let expected = [(3, Reason::HeaderAgain), (5, Reason::TextAfterQuote), (6, Reason::WrongByte), (7, Reason::Nul)];
    assert_eq!(rejects, expected);
}

#[test]
fn records_of_another_width_are_brought_to_the_headers() {
    let widths = |text: &str, surplus: bool| {
        let dialect = Reader::open(text.as_bytes(), &ReadOptions::default()).unwrap().dialect().clone();
        let mut reader = Reader::reopen(text.as_bytes(), &Dialect { surplus, ..dialect }).unwrap();
        let records = reader.next_chunk().unwrap().unwrap().records;
        let row = |row: usize| {
            let cells = (0..records.width()).map(|place| records.cell(row, place).map(str::to_owned)).collect();
            (records.width_of(row), cells)
        };
        (0..records.len()).map(row).collect::<Vec<(Width, Cells)>>()
    };
    let text = "a,b\n1\n2,x,y,,\"q \"\"z\"\"\"\n3,x,,\n\"t \"\"u\"\"\",x\n";
    let cells = |cells: [Option<&str>; 2]| cells.map(|cell| cell.map(str::to_owned)).to_vec();
    assert_eq!(
        widths(text, false),
        [
            (Width::Short, cells([Some("1"), None])),
            (Width::Long, cells([Some("2"), Some("x")])),
            (Width::Even, cells([Some("3"), Some("x")])),
            (Width::Even, cells([Some("t \"u\""), Some("x")])),
        ]
    );
    let with_surplus = widths(text, true);
    assert_eq!(with_surplus[1].1[2].as_deref(), Some(r#"["y",null,"q \"z\""]"#));
    assert_eq!(with_surplus[3].1, [Some("t \"u\"".to_owned()), Some("x".to_owned()), None]);
}

#[test]
fn another_table_is_refused() {
    let (rows, _, rejects) = read(b"id,name,price\n1,x,2.5\n2,y,3.5\n\nk,v\na,1\n\n3,z,4.5\n");
    assert_eq!((rows.len(), rejects.iter().map(|one| one.0).collect::<Vec<_>>()), (3, vec![5, 6]));
    let (rows, lines, rejects) = read(b"k,v\na,1\nb,2\n\nid,name,price\n1,x,2.5\n2,y,3.5\n");
    assert_eq!((rows.len(), lines, rejects.len()), (2, vec![6, 7], 3));
}

#[test]
fn without_a_header_the_first_row_is_a_record() {
    let reader = Reader::open(b"1,x,2.5\n2,y,3.5\n".as_slice(), &ReadOptions::default()).unwrap();
    assert_eq!(reader.header(), ["", "", ""]);
    let (rows, lines, _) = read(b"1,x,2.5\n2,y,3.5\n");
    assert_eq!((rows.len(), lines[0]), (2, 1));
}

#[test]
fn a_quote_that_is_never_closed_costs_one_line() {
    let (rows, lines, rejects) = read(b"a,b\n1,2\n\"3,4\n5,6\n7,8");
    assert_eq!(rows, [some(&["1", "2"]), some(&["5", "6"]), some(&["7", "8"])]);
    assert_eq!(lines, [2, 4, 5]);
    assert_eq!(rejects, [(3, Reason::UnclosedQuote)]);
}

#[test]
fn a_quote_that_meets_a_later_one_costs_one_line_too() {
    let mut text = "a,b,c\n1,x,y\n2,\"oops,b\n".to_owned();
    (3..100).for_each(|n| text += &format!("{n},x,y\n"));
    let (rows, lines, rejects) = read((text + "100,\"ok\",z\n101,\"two\nlines\",y\n").as_bytes());
    assert_eq!(rejects, [(3, Reason::UnclosedQuote)]);
    assert_eq!((rows.len(), lines[1], lines[98]), (100, 4, 101));
    // Text after a closing quote that stands two lines below its opening one is the fault of that record alone.
    let (rows, _, rejects) = read(b"a,b\n1,\"two\nlines\" x\n2,y\n");
    assert_eq!((rows.len(), rejects.len()), (1, 1));
}

#[test]
fn other_dialects() {
    let (rows, _, _) = read(b"a,b\r1,x\r2,y\r");
    assert_eq!(rows, [some(&["1", "x"]), some(&["2", "y"])]);
    let (rows, lines, _) = read(b"Report\n\nid;name\n1;'a;b'\n2;'c'\n3;d\n");
    assert_eq!((rows[0].clone(), lines[0]), (some(&["1", "a;b"]), 4));
    let (rows, _, _) = read(b"id, \"name\" , x\n1, \"a, \\\"b\" , z\n2, \"c\" , z\n");
    assert_eq!(rows[0], some(&["1", "a, \"b", "z"]));
    // A delimiter at the end of each record is no column, unless one has something after it.
    let (rows, _, rejects) = read(b"a,b,\n1,2,\n3,4,\n");
    assert_eq!((rows.len(), rows[0].len(), rejects.len()), (2, 2, 0));
    let (rows, _, rejects) = read(b"a,b,\n1,2,\n5,6,7\n");
    assert_eq!((rows.len(), rows[0].len(), rejects.len()), (2, 3, 0));
}

#[test]
fn records_are_whole_wherever_a_stretch_ends() {
    let mut text = b"a,b\n".to_vec();
    let mut expected = Vec::new();
    let long = "y\n".repeat(STRETCH);
    for n in 0..40_000 {
        let cell = match n {
            20_000 => long.clone(),
            n if n % 7 == 0 => format!("{n} \"quoted\"\n,"),
            n => format!("{n}äöü"),
        };
        text.extend_from_slice(format!("{n},\"{}\"\n", cell.replace('"', "\"\"")).as_bytes());
        expected.push(some(&[&n.to_string(), &cell]));
    }
    let (rows, _, rejects) = read(&text);
    assert!(rejects.is_empty());
    assert!(rows == expected);
}

#[test]
fn no_more_lines_are_skipped_than_there_are() {
    let stated = ReadOptions { skip_lines: Some(u64::MAX), ..ReadOptions::default() };
    assert!(matches!(Reader::open(b"a,b\n1,2\n".as_slice(), &stated), Err(FormatError::NoHeader(_))));
}

#[test]
fn a_letter_of_several_bytes_is_never_cut() {
    let (rows, _, rejects) = read("'§' \n'§'".as_bytes());
    assert_eq!((rows, rejects.len()), (vec![some(&["'§'"])], 0));
}

#[test]
fn what_is_no_table_is_an_error() {
    let error = |text: &[u8]| Reader::open(text, &ReadOptions::default()).err().unwrap().to_string();
    assert_eq!(error(b""), "the file is empty");
    assert!(error(b"\n\r\n\n").starts_with("the file has no header"));
    assert!(error(b",,,\n,,\n").starts_with("the file has no header"));
    assert!(error(b"\"\",\"\",\"\"\n1,2,3\n").starts_with("the file has no header"));
    assert!(error(b"\x89PNG\r\n\x1a\n").starts_with("the file is not UTF-8 text: byte 0x89"));
    assert!(error(b"a,b\0c\n1,2\n").starts_with("the file is not UTF-8 text"));
}
