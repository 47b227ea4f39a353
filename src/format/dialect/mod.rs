//! The dialect of a delimited text, and its detection from the text's beginning.

mod above;
mod alike;
mod amounts;
mod commas;
mod detect;
mod fit;
mod frame;
mod header;
mod headings;
mod lines;
mod pairs;
mod prose;
mod tables;
mod units;
mod words;

pub(super) use header::{is_null_word, is_value, joined};
pub(super) use tables::table_starts;

use serde::{Deserialize, Serialize};

use super::{Charset, Footer, Format, Guess};
use crate::schema::Selection;

/// The way in which a delimited text is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// The encoding's name, by the WHATWG but for code pages of DOS.
    pub encoding: String,
    /// The degree to which the encoding is a guess; `None` if it is UTF-8, stated, or marked. A guess of UTF-8 has
    /// lines in CESU-8 among it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guessed: Option<Guess>,
    /// The byte between cells; [`NO_DELIMITER`] if every line is one cell.
    #[serde(serialize_with = "as_char", deserialize_with = "from_char")]
    pub delimiter: u8,
    /// The byte around cells that hold a delimiter or a line end.
    #[serde(serialize_with = "as_chars", deserialize_with = "from_chars")]
    pub quote: Option<u8>,
    /// The way in which a quote is written inside quotes.
    pub escape: Escape,
    /// The ends of lines.
    pub line_end: LineEnd,
    /// True if blanks may stand around quotes: `a, "b, c" , d`. Blanks of cells without quotes are part of them.
    pub padded: bool,
    /// True if a blank follows each delimiter, and belongs to it: `a, b, c`.
    pub spaced: bool,
    /// Lines of the file before the table's first byte, for a table that is not the first of a file.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub first_line: u64,
    /// Lines above the header.
    pub skip_lines: u64,
    /// Rows of the header; 0 if there is none.
    pub header_rows: usize,
    /// True if a delimiter stands at the end of each record too.
    pub ends_delimited: bool,
    /// True if each record counts as one line, whatever line ends it holds: the rows of a sheet.
    pub by_record: bool,
    /// True if every record is filled up to the table's width, as the rows of a sheet are.
    #[serde(default)]
    pub filled_up: bool,
    /// Cells of a record.
    pub width: usize,
    /// Characters of each column, if lines are cut by them and not by a delimiter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub widths: Vec<usize>,
    /// True if there are records among the lines above the table.
    pub table_above: bool,
    /// The ranges of lines above the table that are records, and refused; counted from 0, the end excluded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records_above: Vec<(u64, u64)>,
    /// True if records have cells beyond the width, which go into one more column.
    pub surplus: bool,
    /// True if the first cell of each record is the row's name, over which the header has none, as R writes it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub row_names: bool,
    /// The byte between the names of the header, if it is another one than between the records' cells.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_chars",
        deserialize_with = "from_chars"
    )]
    pub header_delimiter: Option<u8>,
    /// True if a quote too many stands in the header, which is cut by its line alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub loose_header: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(truth: &bool) -> bool {
    !*truth
}

/// The delimiter of texts without one: no text in UTF-8 holds this byte.
pub const NO_DELIMITER: u8 = 0xFF;

/// The way in which a quote is written inside quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escape {
    /// A quote doubled: `""`.
    Doubled,
    /// A quote behind a backslash: `\"`.
    Backslash,
}

/// The ends of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEnd {
    /// LF or CRLF.
    Lf,
    /// CR alone; among such lines also CRLF or LF.
    Cr,
}

impl LineEnd {
    /// The place of the first line end, in bytes; for CRLF, in a text of lines that end with LF, the place of its LF.
    pub(super) fn find(self, text: &[u8]) -> Option<usize> {
        match self {
            LineEnd::Lf => memchr::memchr(b'\n', text),
            LineEnd::Cr => memchr::memchr2(b'\r', b'\n', text),
        }
    }

    /// The length of the line end with which `text` begins, in bytes.
    pub(super) fn length(self, text: &[u8]) -> usize {
        if self == LineEnd::Cr && text.starts_with(b"\r\n") { 2 } else { 1 }
    }

    /// The number of line ends.
    pub(super) fn count(self, text: &[u8]) -> u64 {
        let feeds = memchr::memchr_iter(b'\n', text).count();
        let returns = || memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n')).count();
        (feeds + if self == LineEnd::Cr { returns() } else { 0 }) as u64
    }
}

fn as_char<S: serde::Serializer>(byte: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    (*byte != NO_DELIMITER).then_some(char::from(*byte)).serialize(serializer)
}

fn as_chars<S: serde::Serializer>(byte: &Option<u8>, serializer: S) -> Result<S::Ok, S::Error> {
    byte.map(char::from).serialize(serializer)
}

fn from_char<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    from_chars(deserializer).map(|byte| byte.unwrap_or(NO_DELIMITER))
}

fn from_chars<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let letter: Option<char> = Option::deserialize(deserializer)?;
    letter.map(u8::try_from).transpose().map_err(serde::de::Error::custom)
}

/// The stated options of a text; `None` is to be found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The format, if the content does not tell it.
    pub format: Option<Format>,
    /// The one sheet of a workbook that is read.
    pub sheet: Option<String>,
    /// Characters of each column, if lines are cut by them and not by a delimiter.
    pub widths: Vec<usize>,
    /// Lines of the file before the text's first byte.
    pub first_line: u64,
    /// True for a sheet: each record counts as one line, and is filled up to the table's width.
    pub is_sheet: bool,
    /// True for JSON with a record on each line, whatever its first object holds.
    pub is_lines: bool,
    /// The encoding of the text.
    pub encoding: Option<Charset>,
    /// The encoding that a first reading has guessed, if none is stated.
    pub guessed: Option<(Charset, Guess)>,
    /// The byte between cells.
    pub delimiter: Option<u8>,
    /// True if a blank follows each delimiter.
    pub spaced: bool,
    /// The byte around cells, `Some(None)` if there is none.
    pub quote: Option<Option<u8>>,
    /// The way in which a quote is written inside quotes.
    pub escape: Option<Escape>,
    /// Lines above the header.
    pub skip_lines: Option<u64>,
    /// Rows of the header.
    pub header_rows: Option<usize>,
    /// True if contents beside an array of records become a column of each.
    pub beside_columns: bool,
    /// The columns that are taken, in their order; every column if none is named.
    pub selection: Selection,
    /// The lines at the end that are not of the table.
    pub footer: Footer,
}

impl ReadOptions {
    /// The options with those in which every sheet is written.
    pub(super) fn with_sheet(self) -> ReadOptions {
        ReadOptions {
            encoding: Some(encoding_rs::UTF_8.into()),
            delimiter: Some(b','),
            quote: Some(Some(b'"')),
            escape: Some(Escape::Doubled),
            is_sheet: true,
            ..self
        }
    }
}

impl Dialect {
    /// True if a backslash takes the meaning of a delimiter or a line end away, and there are no quotes, as databases
    /// write text.
    pub(super) fn is_escaped(&self) -> bool {
        self.quote.is_none() && self.escape == Escape::Backslash
    }

    /// True for lines of a text or filled-up rows of a sheet: an empty one then holds nothing. Parquet has rows without
    /// a value.
    pub(super) fn is_of_lines(&self) -> bool {
        !self.by_record || self.filled_up
    }

    pub(super) fn plain(delimiter: u8) -> Dialect {
        Dialect {
            encoding: "UTF-8".to_owned(),
            guessed: None,
            delimiter,
            quote: Some(b'"'),
            escape: Escape::Doubled,
            line_end: LineEnd::Lf,
            padded: false,
            spaced: false,
            first_line: 0,
            skip_lines: 0,
            header_rows: 1,
            ends_delimited: false,
            by_record: false,
            filled_up: false,
            width: 1,
            widths: Vec::new(),
            table_above: false,
            records_above: Vec::new(),
            surplus: false,
            row_names: false,
            header_delimiter: None,
            loose_header: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(sample: &str) -> Dialect {
        Dialect::detect(sample.as_bytes(), true, &ReadOptions::default())
    }

    fn delimiter(sample: &str) -> char {
        char::from(detect(sample).delimiter)
    }

    #[test]
    fn the_delimiter_is_the_one_that_gives_even_records() {
        assert_eq!(delimiter("a,b\n1,2\n"), ',');
        assert_eq!(delimiter("a;b\n1,5;2,5\n3,5;4\n"), ';');
        assert_eq!(delimiter("name\tnote\nx\ta, b, c\n"), '\t');
        assert_eq!(delimiter("a|b|c\n1|2|3\n"), '|');
        assert_eq!(delimiter("\"a,x\";b\n\"1,2\";2\n"), ';');
        assert_eq!(delimiter("a, b; c\n1, 2; 3\n4, 5; 6\n7, 8\n"), ',');
        assert_eq!(delimiter("a^b^c\n1^2^3\n4^5^6\n"), '^');
        assert_eq!(delimiter("id;name;price\n1;Käse;4.50\n2;Brot\n3;Wein;12.00\n"), ';');
        assert_eq!(delimiter("id;preis\n1;1,50\n2;2,50\n"), ';');
        assert_eq!(delimiter("artikel;preis;menge\nA;1,50;2,5\nB;2,50;1,0\n"), ';');
        assert_eq!(delimiter("a\tb\n1,5\t2\n2,5\t3\n"), '\t');
        assert_eq!(delimiter("id;preis, netto\n1;1,50\n2;2,50\n"), ';');
        assert_eq!(delimiter("Name;Ort, Land\nA;Bern, CH\nB;Wien, AT\n"), ';');
        assert_eq!(delimiter("a,b\nx;y,1\nz;w,2\n"), ',');
        assert_eq!(detect("at\n2020-01-01 10:00:00\n2020-01-02 10:00:00\n").width, 1);
    }

    #[test]
    fn a_cell_is_of_a_figure_if_its_own_is_the_same() {
        let cells = "| |1|12| 1.2 |9|99|a1|1a|03.05.2020|3.5.20|1..2|é1|\u{a0}12|-1|9-9|1 2";
        let cells: Vec<&str> = cells.split('|').collect();
        for one in &cells {
            for other in &cells {
                let (mine, its) = (header::figure(one), header::figure(other));
                let expected =
                    its.is_some() && mine.as_deref().unwrap_or(one.trim()) == its.as_deref().unwrap_or_default();
                assert_eq!(header::is_of_figure(one, its.as_deref()), expected, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn where_nothing_separates_a_line_is_one_cell() {
        for sample in ["name\nSmith, John\nDoe, Jane\n", "title\nx\n"] {
            assert_eq!((detect(sample).delimiter, detect(sample).width), (NO_DELIMITER, 1), "{sample}");
        }
    }

    #[test]
    fn excels_line_names_no_byte_of_a_longer_letter() {
        let found = Dialect::detect(b"sep=\xBB\na\xC2\xBBb\n", true, &ReadOptions::default());
        assert_eq!((found.delimiter, found.skip_lines), (NO_DELIMITER, 0));
    }

    #[test]
    fn of_several_tables_the_widest_is_taken() {
        let found = detect("k,v\na,1\nb,2\n\nid,name,price\n1,x,2.5\n2,y,3.5\n");
        assert_eq!((found.skip_lines, found.width, found.table_above), (4, 3, true));
        let found = detect("id,name,price\n1,x,2.5\n2,y,3.5\n\nk,v\na,1\nb,2\nc,3\nd,4\ne,5\n");
        assert_eq!((found.skip_lines, found.width, found.table_above), (0, 3, false));
    }

    #[test]
    fn quotes_escapes_and_padding() {
        assert_eq!(detect("a,b\n'x,y',1\n'z',2\n").quote, Some(b'\''));
        assert_eq!(detect("a,b\n\"x \\\" y, z\",1\n\"u\",2\n").escape, Escape::Backslash);
        assert_eq!(detect("a,b\n'x','y'\n'z','w'\n").quote, Some(b'\''));
        assert_eq!(detect("a,b\n'tis,1\n'x',2\n'y',3\n").quote, Some(b'"'));
        assert!(detect("a,b\n1,\"x\" \n2,\"y\" \n").padded);
        assert!(detect("a, \"b, c\" , d\n1, \"2, 3\" , 4\n").padded);
        // Records further on may be padded even if none at the beginning are.
        assert!(detect("a,b\n\"x\", y\n").padded && detect("a,b\n1, \"x\" y\n2, \"z\" w\n").padded);
        assert!(!detect("a b\n1 \"x\"\n2 \"y\"\n").padded);
        assert!(detect("a, b, c\n1, x, 2\n2, \"y, z\", \n").spaced);
        assert!(!detect("a, b, c\n1, x,2\n").spaced);
        // A header of its own width is likelier than one that lacks a name.
        assert_eq!(detect("a,b\n'x, y',1\n'z, w',2\n'v, u',3\n").quote, Some(b'\''));
        assert_eq!(detect("a,b\r1,2\r3,4\r").line_end, LineEnd::Cr);
    }

    #[test]
    fn a_heading_stands_over_the_names_below_it() {
        let rows = |rows: &[&[&str]]| -> Vec<Vec<String>> {
            rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
        };
        let found = joined(&rows(&[&["Region", "2023", "", "2024", ""], &["", "Q1", "Q2", "Q1", "Q2"]]), 5);
        assert_eq!(found, ["Region", "2023 Q1", "2023 Q2", "2024 Q1", "2024 Q2"]);
        assert_eq!(joined(&rows(&[&["", "x", ""], &["name", "a", ""]]), 3), ["name", "x a", ""]);
    }

    #[test]
    fn titles_and_headers() {
        let table = |sample: &str| {
            let found = detect(sample);
            (found.skip_lines, found.header_rows, found.width)
        };
        assert_eq!(table("a,b\n1,2\n"), (0, 1, 2));
        assert_eq!(table("Report, 2020\nmade by us\n\nid,name,price\n1,x,2\n2,y,3\n3,z,4\n"), (3, 1, 3));
        assert_eq!(table("sep=;\nid;name\n1;x\n"), (1, 1, 2));
        assert_eq!(table("Report 2024;;\nid;name;amount\n1;A;10\n2;B;20\n"), (1, 1, 3));
        assert_eq!(table("Report 2024;;\n;;\nid;name;amount\n1;A;10\n2;B;20\n"), (2, 1, 3));
        assert_eq!(table("Company X\nAddress, Street 5\nid,name\n1,A\n2,B\n3,C\n"), (2, 1, 2));
        assert_eq!(table("Stand: 2024, vorab\nid,name,amount\n1,A,10\n2,B,20\n"), (1, 1, 3));
        assert_eq!(table("name;value\na;1;x\nb;2;y\n"), (0, 1, 3));
        assert_eq!(table("id,price\na,n/a\nb,5\nc,6\n"), (0, 1, 2));
        assert_eq!(table("1,x,2.5\n2,y,3.5\n"), (0, 0, 3));
        assert_eq!(table("country,2019,2020\nCH,1.5,2.5\nDE,3,4\n"), (0, 1, 3));
        assert_eq!(table("name,city\nx,y\nz,w\n"), (0, 1, 2));
        assert_eq!(table(",2019,,2020,\nname,q1,q2,q3,q4\nx,1,2,3,4\ny,1,2,3,4\n"), (0, 2, 5));
        assert_eq!(table("Region,2023,,2024,\n,q1,q2,q1,q2\nx,1,2,3,4\ny,1,2,3,4\n"), (0, 2, 5));
        assert_eq!(table("a,b,\n1,2,\n3,4,\n"), (0, 1, 2));
        assert_eq!(table("a,,\n1,2,3\n4,5,6\n"), (0, 1, 3));
        assert_eq!(table("x\n1\n2\n"), (0, 1, 1));
        assert_eq!(table("a,b,c\n"), (0, 1, 3));
        assert_eq!(table("id,name,note,more,url\n1,x\n2,y\n3,z\n4,w,v\n"), (0, 1, 5));
        assert_eq!(table("a,b,c,d\nu,x,y\nz,w,v\nx,y,z,w\n"), (0, 1, 4));
        assert_eq!(table("a,b,\"\"\n1,2,\"\"\n3,4,\"\"\n"), (0, 1, 3));
        assert_eq!(table("\t \na,b\n1,2\n"), (1, 1, 2));
        assert_eq!(delimiter("at\n3/5/2020\n4/5/2020\n"), '\u{FF}');
    }

    #[test]
    fn a_first_row_like_the_others_is_no_header() {
        let header = |sample: &str| detect(sample).header_rows;
        assert_eq!(header("03.05.2020;Bern\n04.05.2020;Wien\n05.05.2020;Rom\n"), 0);
        assert_eq!(header("x;1,50\ny;12,50\nz;3,00\n"), 0);
        assert_eq!(header("08123,x\n80331,y\n01067,z\n"), 0);
        assert_eq!(header("tag;ort\n04.05.2020;Wien\n05.05.2020;Rom\n"), 1);
        assert_eq!(header("CH,2019\nDE,2020\nAT,2021\n"), 0);
        assert_eq!(header("land,2019\nDE,5\nAT,7\n"), 1);
        assert_eq!(header("1,x,2.5\n"), 0);
        assert_eq!(header("name,2019,2020\n"), 1);
        // Programs write such headers for columns without a name.
        assert_eq!(header(",0,1\n0,a,1.5\n1,b,2.5\n"), 1);
        assert_eq!(header("1,2,3\nx,y,z\nu,v,w\n"), 1);
        assert_eq!(header("1,2,3\n4,5,6\n"), 0);
    }
}
