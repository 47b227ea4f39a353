//! Numbers as people write them, read and written back.

use proptest::prelude::*;

use super::*;

fn comma(grouping: Grouping) -> NumberNotation {
    NumberNotation { decimal: ',', grouping, ..NumberNotation::plain() }
}

fn point(separator: Separator) -> NumberNotation {
    NumberNotation { grouping: Grouping::By(separator), ..NumberNotation::plain() }
}

#[test]
fn numbers_are_read_as_they_are_written() {
    let german = comma(Grouping::By(Separator::Point));
    let swiss = point(Separator::Apostrophe);
    let french = comma(Grouping::By(Separator::Blank));
    let indian = point(Separator::Comma);
    let percent = NumberNotation { percent: Percent::Each, ..comma(Grouping::None) };
    let euro = NumberNotation { currency: vec!["€".into(), "EUR".into()], ..german.clone() };
    let guarded = NumberNotation { guarded: true, ..comma(Grouping::Any) };
    let dollar = NumberNotation { currency: vec!["$".into()], ..indian.clone() };
    for (notation, text, expected) in [
        (&german, "1.234,50", Some("1234.50")),
        (&german, "1.234.567", Some("1234567")),
        (&german, "1234,5", Some("1234.5")),
        (&german, "-0,05", Some("-0.05")),
        (&german, ",50", Some("0.50")),
        (&german, "1.234,50-", Some("-1234.50")),
        (&german, "(1.234,50)", Some("-1234.50")),
        (&german, "\u{2212}5", Some("-5")),
        (&german, "+5,00", Some("5.00")),
        (&german, "1.5", None),
        (&german, "12.34,5", None),
        (&german, "1.234.5", None),
        (&german, ".123", None),
        (&german, "0.123", None),
        (&german, "1,234,5", None),
        (&german, "1,", None),
        (&german, "007", None),
        (&german, "--5", None),
        (&german, "(-5)", None),
        (&german, "-0,00", None),
        (&german, "1.234,50 CR", None),
        (&german, "", None),
        (&german, "-", None),
        (&german, " 5", None),
        (&german, "1 234,5", None),
        (&swiss, "1'234.50", Some("1234.50")),
        (&swiss, "1\u{2019}234\u{2019}567.5", Some("1234567.5")),
        (&swiss, "1,234.5", None),
        (&french, "1 234,50", Some("1234.50")),
        (&french, "1\u{202F}234\u{A0}567,5", Some("1234567.5")),
        (&french, "12 34,5", None),
        (&indian, "1,23,456.78", Some("123456.78")),
        (&indian, "12,34,56,789", Some("123456789")),
        (&indian, "123,456.78", Some("123456.78")),
        (&indian, "1,2,345", None),
        (&indian, "123,45,678", None),
        (&percent, "12,5 %", Some("0.125")),
        (&percent, "100%", Some("1.00")),
        (&percent, "-5\u{A0}%", Some("-0.05")),
        (&percent, "0,5%", Some("0.005")),
        (&percent, "12,5", None),
        (&euro, "1.234,50 €", Some("1234.50")),
        (&euro, "€ -1.234,50", Some("-1234.50")),
        (&euro, "-€1.234,50", Some("-1234.50")),
        (&euro, "1.234,50- EUR", Some("-1234.50")),
        (&euro, "(€ 5)", Some("-5")),
        (&euro, "€ (5)", Some("-5")),
        (&euro, "7", Some("7")),
        (&euro, "7 $", None),
        (&euro, "€7€", None),
        (&euro, "€", None),
        (&dollar, "$1,234.50", Some("1234.50")),
        (&dollar, "($1,234.50)", Some("-1234.50")),
        (&comma(Grouping::Any), "1'234,5", Some("1234.5")),
        (&comma(Grouping::Any), "1.234", Some("1234")),
        (&guarded, "1.234", None),
        (&guarded, "1.234,5", Some("1234.5")),
        (&guarded, "(5)", None),
        (&guarded, "+5", None),
        (&guarded, "5-", None),
        (&guarded, "-5", Some("-5")),
        (&guarded, "(5,0)", Some("-5.0")),
        (&comma(Grouping::None), "1.234,5", None),
    ] {
        assert_eq!(notation.read(text).as_deref(), expected, "{text:?} {notation:?}");
    }
}

#[test]
fn more_digits_than_a_number_has_are_none() {
    assert_eq!(comma(Grouping::None).read(&"1".repeat(39)), None);
    assert!(comma(Grouping::None).read(&format!("{},{}", "1".repeat(30), "2".repeat(8))).is_some());
}

#[test]
fn where_a_file_has_numbers_of_its_own_what_could_be_two_is_none() {
    let notation = Notation { number: Some(comma(Grouping::By(Separator::Point))), ..Notation::default() };
    let read = |text, native| notation.plain_number(text, native).map(Cow::into_owned);
    assert_eq!(read("1.5", true).as_deref(), Some("1.5"));
    assert_eq!(read("1.5", false), None);
    assert_eq!(read("1.234", true), None);
    assert_eq!(read("1.234", false).as_deref(), Some("1234"));
    assert_eq!(read("1.234,5", true).as_deref(), Some("1234.5"));
}

#[test]
fn words_of_truth_are_those_that_were_said() {
    let words = TruthWords { yes: vec!["ja".into(), "x".into()], no: vec!["nein".into(), String::new()] };
    let notation = Notation { truth: Some(words), trim: true, ..Notation::default() };
    assert_eq!(notation.read_truth("ja", false), Some(true));
    assert_eq!(notation.read_truth("", false), Some(false));
    assert_eq!(notation.read_truth("true", false), None);
    assert_eq!(notation.read_truth("true", true), Some(true));
    assert_eq!(notation.value(Some(" x ")), Some("x"));
    assert_eq!(notation.value(Some("  ")), Some(""));
    assert_eq!(notation.fits("true", false), Fits::TEXT);
    assert!(notation.fits("nein", false).has(Type::Boolean));
}

/// A number of so many digits in groups of three, or the last of three and the others of two.
fn grouped(whole: &str, by: &str, is_indian: bool) -> String {
    let most = |place: usize| if is_indian && place > 0 { 2 } else { 3 };
    let (mut rest, mut groups) = (whole, Vec::new());
    while rest.len() > most(groups.len()) {
        let (start, group) = rest.split_at(rest.len() - most(groups.len()));
        groups.insert(0, group);
        rest = start;
    }
    groups.insert(0, rest);
    groups.join(by)
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        whole in "(0|[1-9][0-9]{0,20})",
        fraction in "[0-9]{0,10}",
        sign in 0usize..5,
        separator in 0usize..6,
        decimal_comma in any::<bool>(),
        money in 0usize..4,
    ) {
        let decimal = if decimal_comma { ',' } else { '.' };
        let by = [".", ",", " ", "\u{202F}", "'", "\u{2019}"][separator];
        let separator = Separator::parse(by).unwrap();
        prop_assume!(separator.letter() != decimal);
        let notation = NumberNotation {
            decimal,
            grouping: Grouping::By(separator),
            percent: Percent::No,
            currency: vec!["€".into()],
            guarded: false,
        };
        let is_negative = sign > 1 && format!("{whole}{fraction}").contains(|digit| digit != '0');
        let plain = joined(&whole, &fraction);
        let plain = if is_negative { format!("-{plain}") } else { plain };
        for is_indian in [false, separator == Separator::Comma] {
            let digits = grouped(&whole, by, is_indian);
            let digits = if fraction.is_empty() { digits } else { format!("{digits}{decimal}{fraction}") };
            let signed = match sign {
                _ if !is_negative => if sign == 1 { format!("+{digits}") } else { digits },
                2 => format!("-{digits}"),
                3 => format!("({digits})"),
                _ => format!("{digits}\u{2212}"),
            };
            let text = [signed.clone(), format!("{signed} €"), format!("€{signed}"), format!("€\u{A0}{signed}")];
            prop_assert_eq!(notation.read(&text[money]), Some(plain.clone()), "{}", &text[money]);
        }
    }

    #[test]
    fn what_is_read_has_the_digits_that_were_written(text in "[-+(]?[0-9.,' €%]{0,12}[-)]?") {
        let notations = [
            comma(Grouping::Any),
            NumberNotation { guarded: true, ..comma(Grouping::Any) },
            point(Separator::Comma),
            point(Separator::Apostrophe),
            NumberNotation { percent: Percent::Some, currency: vec!["€".into()], ..comma(Grouping::Any) },
        ];
        let digits = |text: &str| {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            digits.trim_start_matches('0').to_owned()
        };
        for notation in notations {
            if let Some(read) = notation.read(&text) {
                prop_assert!(infer::is_decimal(&read));
                prop_assert_eq!(digits(&read), digits(&text));
                // One decimal sign at most, and the fraction behind it is kept to the last digit.
                let fraction = text.split_once(notation.decimal).map_or("", |(_, fraction)| fraction);
                let fraction: String = fraction.chars().filter(char::is_ascii_digit).collect();
                prop_assert!(read.ends_with(&fraction));
            }
        }
    }
}
