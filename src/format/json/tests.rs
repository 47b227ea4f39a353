//! JSON as a load reads it: its records, its rejects, and a place in one of them for every byte.

use super::*;

use crate::record::Beside;

/// The content of a text, as a load reads it.
#[derive(Debug, Default)]
struct Found_ {
    names: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    /// Line and text of each record.
    records: Vec<(u64, String)>,
    rejects: Vec<(u64, Reason, String)>,
    beside: Vec<Beside>,
    scanned: u64,
}

fn try_read(text: &[u8]) -> Result<Found_, FormatError> {
    let layout = json_layout(text, false, false)?;
    let mut names = Columns::growing();
    let mut first = JsonReader::open(text, &layout)?;
    first.each_chunk(&mut names, |_| true)?;
    assert_eq!(first.digest().bytes, text.len() as u64);
    let mut columns = Columns::of(names.names.clone());
    let mut found = Found_ { names: names.names, scanned: first.cutter.window.scanned(), ..Found_::default() };
    let mut second = JsonReader::open(text, &layout)?;
    second.each_chunk(&mut columns, |chunk| {
        for row in 0..chunk.records.len() {
            let cell = |place| chunk.records.cell(row, place).map(str::to_owned);
            found.rows.push((0..chunk.records.width()).map(cell).collect());
            found.records.push((chunk.records.line(row), chunk.records.raw(row).into_owned()));
        }
        let shown = |reject: Reject| (reject.line, reject.reason, String::from_utf8_lossy(&reject.text).into_owned());
        found.rejects.extend(chunk.rejects.into_iter().map(shown));
        found.beside.extend(chunk.beside);
        true
    })?;
    let (spans, again) = (first.spans(), second.spans());
    assert_eq!(spans, again);
    let spans = spans.unwrap();
    assert_eq!(spans.records, found.records.iter().map(|(_, text)| text.len() as u64).sum::<u64>());
    if let Ok(text) = std::str::from_utf8(text) {
        assert_eq!(spans.rejects, found.rejects.iter().map(|reject| reject.2.len() as u64).sum::<u64>());
        let mark = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
        let all = spans.header + spans.beside + spans.records + spans.rejects + spans.blank;
        assert_eq!(all + mark, text.len() as u64);
    }
    Ok(found)
}

fn read(text: &str) -> Found_ {
    try_read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The records' own numbers, and the texts that are refused.
fn ids(text: &str) -> (Vec<String>, Vec<String>) {
    let found = read(text);
    let place = found.names.iter().position(|name| name == "id").unwrap_or(0);
    let ids = found.rows.iter().map(|row| row[place].clone().unwrap_or_default()).collect();
    (ids, found.rejects.into_iter().map(|reject| reject.2).collect())
}

fn some(cells: &[&str]) -> Vec<Option<String>> {
    cells.iter().map(|cell| (*cell != "∅").then(|| (*cell).to_owned())).collect()
}

#[test]
fn the_three_places_give_the_same_records() {
    let one = r#"{"a": 1.10, "b": {"c": "x, \"y\"]", "d": [1, {"e": 2}]}, "f": null}"#;
    let two = r#"{"b": {"c": "ü\n"}, "a": 12345678901234567890, "g": true}"#;
    for text in [
        format!("{one}\n{two}\n"),
        format!("[\n{one},\n{two}]"),
        format!("{{\"@context\": \"u\", \"value\": [\n{one}, {two}\n], \"next\": null}}"),
    ] {
        let found = read(&text);
        assert_eq!(found.names, ["a", "b__c", "b__d", "f", "g"], "{text}");
        assert_eq!(found.rows[0], some(&["1.10", "x, \"y\"]", "[1, {\"e\": 2}]", "∅", "∅"]));
        assert_eq!(found.rows[1], some(&["12345678901234567890", "ü\n", "∅", "∅", "true"]));
        assert!(found.rejects.is_empty());
    }
}

#[test]
fn a_record_knows_its_line_and_a_bad_one_is_refused() {
    let found = read("{\"a\":1}\n\n{\"a\":}\n{\"a\":1,\"a\":2}\n{\"a\":\n3}\n{\"a\":\"x");
    let lines: Vec<_> = found.records.iter().map(|record| record.0).collect();
    assert_eq!((found.rows.len(), lines), (2, vec![1, 5]));
    assert_eq!(found.rejects.iter().map(|reject| reject.0).collect::<Vec<_>>(), [3, 4, 7]);
    for (text, rows, refused) in [
        ("[{\"a\":1},\n{\"a\":2}", 2, 1),
        ("[{\"a\":1}]\n[{\"a\":2}]\n[{\"a\":3}]\n", 3, 0),
        ("[{\"a\":1}]\ngarbage", 1, 1),
        ("[{\"a\":1}] garbage", 1, 1),
        ("[{\"a\":1}];", 1, 1),
        ("[{\"a\":1}] {\"b\":2}", 2, 0),
        ("{\"value\":[{\"a\":1},{\"a\":2}],", 2, 1),
        ("{\"value\":[{\"a\":1}],\"next\":{\"x\":[1,\"]}\"]}}\n", 1, 0),
        ("{\"value\":[{\"a\":1}]} x", 1, 1),
        ("{\"value\":[{\"a\":1}],{\"a\":2}]}", 2, 0),
    ] {
        let found = read(text);
        assert_eq!((found.rows.len(), found.rejects.len()), (rows, refused), "{text}: {found:?}");
    }
    let found = read("[1, \"x\", [2]]");
    assert_eq!((found.names, found.rows.len()), (vec!["value".to_owned()], 3));
    assert_eq!(read("{\"id\": 1, \"tags\": [1, 2]}").rows, [some(&["1", "[1, 2]"])]);
    let found = read("1\n2 x\n\"y\"\n");
    assert_eq!((found.rows.len(), found.rejects.len()), (2, 1));
}

#[test]
fn a_key_that_only_a_refused_record_has_is_no_column_and_is_refused_again() {
    let found = read("{\"a\":1}\n{\"x\":1,\"x\":2}\n{\"a\":2,\"x\":1,\"y\":1,\"x\":2}\n");
    assert_eq!((found.names, found.rows.len(), found.rejects.len()), (vec!["a".to_owned()], 1, 2));
}

#[test]
fn what_stands_beside_the_array_is_kept() {
    let found = read("{\"base\":\"EUR\",\n\"date\": \"2024-05-01\", \"rates\":[{\"id\":1}],\n \"next\": {\"n\": [1]}}");
    let kept: Vec<_> =
        found.beside.iter().map(|one| (one.line, one.name.as_deref().unwrap(), one.text.as_str())).collect();
    assert_eq!(
        kept,
        [(Some(1), "base", "\"EUR\""), (Some(2), "date", "\"2024-05-01\""), (Some(3), "next", "{\"n\": [1]}")]
    );
    let long = format!("\"{}\"", "n".repeat(2_000_000));
    let found = read(&format!("{{\"rates\":[{{\"id\":1}}],\"note\":{long},\"x\":1}}"));
    assert_eq!((found.rows.len(), found.beside.len(), found.rejects.len()), (1, 1, 1));
    assert!(found.rejects[0].2.ends_with(&long));
}

/// Damages to a record, each giving the damaged text.
const DAMAGES: [fn(&str) -> String; 14] = [
    |record| record.replacen("\"name\":\"", "\"name\":\"5\" ", 1),
    |record| record.replacen("\"name\":\"", "\"name\":\"abc\\\",\"more\":\"", 1),
    |record| record.replacen("\"name\":\"", "\"name\":", 1),
    |record| record.replacen(',', "", 1),
    |record| record.replacen(',', ",,", 1),
    |record| record.replacen('}', ",}", 1),
    |record| record.replace('"', "'"),
    |record| record.replacen("\"name\":\"", "\"name\":NaN,\"more\":\"", 1),
    |record| record.replacen("\"name\":\"", "\"name\":-Infinity,\"more\":\"", 1),
    |record| record.replacen('{', "{/* a comment */", 1),
    |record| record.replacen("\"name\":\"", "\"name\":\"\u{1}", 1),
    |record| record.replacen("\"name\":\"", "\"name\":\"\n", 1),
    |record| record.replacen("\"name\"", "name", 1),
    |record| record.replacen(':', "", 1),
];

#[test]
fn one_broken_record_costs_one_record() {
    let record =
        |id: usize| format!("{{\"id\":{id},\"name\":\"item {id}\",\"tags\":[{{\"id\":9{id}}},{{\"id\":8{id}}}]}}");
    let pretty = |record: String| record.replace(",\"", ",\n    \"").replace('{', "{\n    ");
    for (at, damage) in DAMAGES.iter().enumerate() {
        for broken in [0, 1, 4, 5] {
            let records: Vec<_> =
                (0..6).map(|id| if id == broken { damage(&record(id)) } else { record(id) }).collect();
            let indented: Vec<_> =
                (0..6).map(|id| if id == broken { damage(&pretty(record(id))) } else { pretty(record(id)) }).collect();
            for (form, text) in [
                ("lines", records.join("\n")),
                ("an array on lines", format!("[\n{}\n]\n", records.join(",\n"))),
                ("an array that begins on its line", format!("[{}]", records.join(",\n"))),
                ("an array on one line", format!("[{}]", records.join(","))),
                ("a page", format!("{{\"n\":6,\"value\":[\n{}\n],\"next\":null}}", records.join(",\n"))),
                ("a page on one line", format!("{{\"n\":6,\"value\":[{}],\"next\":null}}", records.join(","))),
                ("an indented array", format!("[\n  {}\n]\n", indented.join(",\n  "))),
                ("indented records", indented.join("\n")),
            ] {
                let (ids, rejects) = ids(&text);
                let others: Vec<_> = (0..6).filter(|id| *id != broken).map(|id| id.to_string()).collect();
                // A record spread over lines of its own is refused line by line there, and more of it.
                let is_split = rejects.len() > 1 && form == "lines" && damage("\"name\":\"").contains('\n');
                assert!(ids == others, "damage {at} of {broken} in {form}: {ids:?} {rejects:?}\n{text}");
                assert!(rejects.len() == 1 || is_split, "damage {at} of {broken} in {form}: {rejects:?}");
            }
        }
    }
}

#[test]
fn what_is_lost_between_records_costs_no_other_record() {
    let record = |id: usize| format!("{{\"id\":{id},\"name\":\"item {id}\"}}");
    let lines = |from: usize, to: usize| (from..to).map(record).collect::<Vec<_>>().join("\n");
    let array = |from: usize, to: usize| format!("[{}]", (from..to).map(record).collect::<Vec<_>>().join(",\n"));
    for text in [
        format!("{}\n{}", array(0, 2), lines(2, 6)),
        format!("{}{}", array(0, 2), array(2, 6)),
        format!("{},\n{}", array(0, 2), array(2, 6)),
        format!("{}\n\u{FEFF}{}", array(0, 2), array(2, 6)),
        format!("{}\n\u{FEFF}{}", lines(0, 2), lines(2, 6)),
        format!("\x1E{}\n\x1E{}\n", record(0), lines(1, 6)),
        lines(0, 6).replace('\n', ""),
        lines(0, 6).replace('\n', ",\n") + ",",
        array(0, 6).replace(",\n", "\n"),
        array(0, 6).replace(",\n", ",,\n").replace(']', ",]"),
        array(0, 6).replacen(",\n", "],\n", 1),
    ] {
        let (ids, rejects) = ids(&text);
        assert_eq!(ids, ["0", "1", "2", "3", "4", "5"], "{text}: {rejects:?}");
        assert!(rejects.iter().all(|reject| reject == "]"), "{rejects:?}");
    }
    let (found, rejects) = ids(&format!("{}\n{}", lines(0, 3).replace("{\"id\":1,", "{\"x\":{\"id\":1,"), lines(3, 6)));
    assert_eq!((found, rejects.len()), (["0", "2", "3", "4", "5"].map(str::to_owned).to_vec(), 1));
}

#[test]
fn half_of_a_broken_record_is_never_taken_for_one() {
    let tail = ",\"items\":[{\"id\":7},{\"id\":8}]}";
    for broken in [
        format!("{{\"id\":1}}{tail}"),
        format!("{{\"id\":1,\"name\":\"say \"a\"}} b\"{tail}"),
        format!("{{\"id\":1 x{tail}"),
        format!("{{\"id\":1,\"name\":\"}} {{\" x{tail}"),
        format!("{{\"id\":1]{tail}"),
        format!("{{\"id\":1 x{}", tail.replace("{\"id\"", "\n{\"id\"")),
        format!("{{\"id\":1 x{}", tail.replace("[{\"id\"", "{\"id\"")),
        format!("{{\n\"id\":1 x{}", tail.replace(",\"", ",\n\"").replace('[', "[\n").replace("},", "},\n")),
        format!("{{\"id\":1 x,\"o\":\n{{\"id\":7}}\n{tail}"),
        format!("{{\"id\":1 x,\"o\":\n{{\"id\":7}},\n\"p\":2{tail}"),
    ] {
        let next = |ids: &[u64]| ids.iter().map(|id| format!("{{\"id\":{id}}}")).collect::<Vec<_>>();
        for text in [
            format!("[{broken},{}]", next(&[2, 3]).join(",")),
            format!("[{},{broken},{}]", next(&[0]).join(","), next(&[2, 3]).join(",")),
            format!("[\n{},\n{broken},\n{}\n]", next(&[0]).join(","), next(&[2, 3]).join(",\n")),
            format!("{{\"value\":[\n{broken},\n{}\n]}}", next(&[2, 3]).join(",\n")),
            format!("{broken}\n{}\n", next(&[2, 3]).join("\n")),
            format!("{}\n{broken}\n{}\n", next(&[0]).join("\n"), next(&[2, 3]).join("\n")),
        ] {
            let Ok(found) = try_read(text.as_bytes()) else { continue };
            let whole = ["{\"id\":0}", "{\"id\":2}", "{\"id\":3}"];
            let is_whole = |record: &(u64, String)| whole.contains(&record.1.as_str());
            assert!(found.records.iter().all(is_whole), "{text}\n{found:?}");
            assert!(!found.rejects.is_empty(), "{text}");
        }
    }
}

#[test]
fn records_are_whole_wherever_a_piece_ends() {
    let records: Vec<_> =
        (0..20_000).map(|n| format!("{{\"n\": {n}, \"t\": \"{}\"}}", "ä\\\"".repeat(n % 50))).collect();
    let found = read(&format!("[{}]", records.join(",\n")));
    assert!(found.rejects.is_empty());
    assert_eq!(found.rows.len(), 20_000);
    assert!(found.rows.iter().enumerate().all(|(n, row)| row[0].as_deref() == Some(n.to_string().as_str())));
}

/// The texts are made to cost more than their length.
#[test]
fn no_text_is_looked_at_more_often_than_in_proportion_to_its_length() {
    let keys = |many: usize| (0..many).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",");
    let lines = |line: &str| format!("{line}\n").repeat(2_000_000 / (line.len() + 1));
    let long = "A".repeat(1_000_000);
    for (what, text) in [
        ("many keys, then few", format!("{{{}}}\n{}", keys(50_000), lines("{\"k1\":1}"))),
        ("many keys under a long one", format!("{{\"{long}\":{{{}}}}}", keys(20_000))),
        ("a record of many keys", format!("{{{}}}", keys(200_000))),
        ("unended lines", lines("{\"a\":{\"b\":1}")),
        ("unended arrays", lines("{\"a\":[")),
        ("unended arrays of numbers", lines("{\"a\":[1,")),
        ("unended texts", lines("{\"a\":\"b")),
        ("unended lines of an array", format!("[{}", lines("{\"a\":{\"b\":1},"))),
        ("unended arrays of an array", format!("[{}", lines("{\"a\":["))),
        ("an unended page", format!("{{\"value\":[{}", lines("{\"a\":[{"))),
        ("opened objects", "{\"a\":".repeat(300_000)),
        ("opened arrays", "[".repeat(2_000_000)),
        ("closed arrays", format!("[{}", "]".repeat(2_000_000))),
        ("opened braces", format!("[{}", "{".repeat(2_000_000))),
        ("nearly records", format!("[{{x{}", "},{\"a\":1".repeat(250_000))),
        ("records that do not go on", format!("[{{x {}", "},{\"a\":[1]}]}".repeat(150_000))),
        ("a few that are open to the end", format!("{}{}", "{\"a\":[\n".repeat(60), "1,".repeat(1_000_000))),
        ("a number", format!("[{{\"a\":{}}}]", "1".repeat(1_000_000))),
        ("blanks", format!("[{{\"a\":1}}{}", " ".repeat(4_000_000))),
        ("blanks in between", format!("[{}", lines(&format!("{{\"a\":1}}{}", " ".repeat(90))))),
        ("marks", "\u{FEFF}".repeat(500_000)),
        ("good and bad by turns", format!("[{}", lines("{\"a\":1},\n{\"a\":1 x},"))),
        ("texts in an array", format!("[{}", "\"a\",".repeat(500_000))),
        ("commas", format!("[{{\"a\":1}}{}", ",".repeat(2_000_000))),
    ] {
        match try_read(text.as_bytes()) {
            Ok(found) => {
                let times = found.scanned / text.len() as u64;
                assert!(times < 24, "{what}: looked at {times} times");
                let kept: usize = found.records.iter().map(|record| record.1.len()).sum();
                let refused: usize = found.rejects.iter().map(|reject| reject.2.len()).sum();
                assert!(kept + refused <= text.len());
            }
            Err(FormatError::TooWide(..)) => {}
            Err(error) => panic!("{what}: {error}"),
        }
    }
    let wide = (0..3).map(|n| format!("{{{}}}\n", keys(900).replace("\"k", &format!("\"r{n}_")))).collect::<String>();
    assert!(matches!(try_read(wide.as_bytes()), Err(FormatError::TooWide(..))));
}

/// Checks that the records stand in the text in their order, and so do the rejects and the contents beside the records.
fn joins(text: &str, found: &Found_) -> Result<(), String> {
    let in_order = |pieces: Vec<&str>| {
        let mut rest = text;
        for piece in pieces {
            let Some(at) = rest.find(piece) else { return Err(format!("{piece:?} is not in {rest:?}")) };
            rest = &rest[at + piece.len()..];
        }
        Ok(())
    };
    in_order(found.records.iter().map(|(_, text)| text.as_str()).collect())?;
    in_order(found.rejects.iter().map(|(_, _, text)| text.as_str()).collect())?;
    in_order(found.beside.iter().map(|one| one.text.as_str()).collect())
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_read_or_refused(text in r#"[\[\]{}",:\\ \n0-9a-z]{0,60}"#) {
        for text in [text.clone(), format!("[{text}"), format!("{{\"value\": [{text}")] {
            match try_read(text.as_bytes()) {
                Ok(found) => joins(&text, &found).map_err(proptest::test_runner::TestCaseError::fail)?,
                Err(error) => proptest::prop_assert!(matches!(error, FormatError::Refused(_)), "{}", error),
            }
        }
    }

    #[test]
    fn what_is_cut_doubled_shuffled_and_damaged_is_accounted_for(
        form in 0usize..5,
        order in proptest::collection::vec(0usize..8, 1..12),
        damages in proptest::collection::vec((0usize..400, 0usize..12, r#"[\[\]{}",:\\ \n0-9a-z]{0,4}"#), 0..4),
        end in 0usize..500,
    ) {
        let records: Vec<_> = order
            .iter()
            .map(|n| format!("{{\"id\":{n},\"o\":{{\"x\":\"é {n}\"}},\"l\":[{{\"id\":1{n}}},{{\"id\":2{n}}}]}}"))
            .collect();
        let mut text = match form {
            0 => records.join("\n"),
            1 => format!("[{}]", records.join(",\n")),
            2 => format!("[{}]", records.join(",")),
            3 => format!("{{\"n\":1,\"value\":[{}],\"next\":\"x\"}}", records.join(",\n")),
            _ => format!("[\n  {}\n]", records.join(",\n  ").replace(",\"", ",\n    \"")),
        };
        for (at, length, with) in &damages {
            let letters: Vec<_> = text.chars().collect();
            let at = (*at).min(letters.len());
            let behind = (at + length).min(letters.len());
            text = letters[..at].iter().collect::<String>() + with + &letters[behind..].iter().collect::<String>();
        }
        let text: String = if end > 400 { text } else { text.chars().take(end).collect() };
        match try_read(text.as_bytes()) {
            Ok(found) => {
                joins(&text, &found).map_err(proptest::test_runner::TestCaseError::fail)?;
                for (_, record) in &found.records {
                    proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(record).is_ok());
                }
                let lines: Vec<_> = found.records.iter().map(|record| record.0).collect();
                proptest::prop_assert!(lines.windows(2).all(|pair| pair[0] <= pair[1]));
                // One object alone with one array of objects is a page of them.
                let is_page = form == 0 && order.len() == 1;
                if damages.is_empty() && end > 400 && !is_page {
                    proptest::prop_assert_eq!(found.records.len(), order.len());
                }
            }
            Err(error) => proptest::prop_assert!(matches!(error, FormatError::Refused(_)), "{}", error),
        }
    }
}
