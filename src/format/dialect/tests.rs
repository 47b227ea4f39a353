//! Dialects of small texts.

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
            let expected = its.is_some() && mine.as_deref().unwrap_or(one.trim()) == its.as_deref().unwrap_or_default();
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
