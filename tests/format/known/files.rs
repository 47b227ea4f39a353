//! The kinds of files that are made.

use fastrand::Rng;

use super::tables::{Content, Style, Table, one};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Headed,
    List,
    /// Two columns without a header, one with a comma in each value.
    Pairs,
    Statement,
    Crosstab,
    Pivot,
    Several,
    /// A header alone, with a remark that there are no records, or records below a ruler.
    Noted,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Headed,
        Kind::List,
        Kind::Pairs,
        Kind::Statement,
        Kind::Crosstab,
        Kind::Pivot,
        Kind::Several,
        Kind::Noted,
    ];
}

/// A text, and the tables in it.
pub struct File {
    pub text: String,
    pub tables: Vec<Table>,
}

impl File {
    pub fn of(kind: Kind, dice: &mut Rng) -> File {
        match kind {
            Kind::Headed => headed(dice),
            Kind::List => list(dice),
            Kind::Pairs => pairs(dice),
            Kind::Statement => statement(dice),
            Kind::Crosstab => crosstab(dice),
            Kind::Pivot => pivot(dice),
            Kind::Several => several(dice),
            Kind::Noted => noted(dice),
        }
    }
}

/// Columns, one of values among them; none that a delimiter cuts.
fn columns(style: Style, count: usize, dice: &mut Rng) -> Vec<Content> {
    let fits = |content: &Content| style.delimiter != ',' || style.quotes_all || *content != Content::DecimalComma;
    let any: Vec<Content> = Content::ANY.into_iter().filter(fits).collect();
    let values: Vec<Content> = Content::OF_VALUES.into_iter().filter(fits).collect();
    let mut columns: Vec<Content> = (1..count).map(|_| *one(dice, &any)).collect();
    columns.insert(dice.usize(..=columns.len()), *one(dice, &values));
    columns
}

fn headed(dice: &mut Rng) -> File {
    let style = Style::any(dice);
    let count = dice.usize(2..7);
    let mut contents = columns(style, count, dice);
    if count > 2 && dice.bool() {
        contents.push(Content::WordsComma);
    }
    let rows = dice.usize(1..25);
    written(style, &[], Table::of(&contents, rows, dice), dice)
}

fn list(dice: &mut Rng) -> File {
    let style = Style::any(dice);
    let count = dice.usize(3..6);
    let (mut contents, rows) = (columns(style, count, dice), dice.usize(3..25));
    contents.retain(|content| *content != Content::Note);
    contents.insert(0, *one(dice, &[Content::Number, Content::Day, Content::Clock]));
    let table = Table { names: None, ..Table::of(&contents, rows, dice) };
    written(style, &[], table, dice)
}

fn pairs(dice: &mut Rng) -> File {
    let style = Style { delimiter: *one(dice, &[';', '\t', '|']), quotes_all: false, ..Style::any(dice) };
    let own = *one(dice, &[Content::DayInWords, Content::Place]);
    let other = *one(
        dice,
        &[Content::Word, Content::Words, Content::Number, Content::Day, Content::Code, Content::DecimalComma],
    );
    let (contents, rows) = (if dice.bool() { [own, other] } else { [other, own] }, dice.usize(3..15));
    let table = Table { names: None, ..Table::of(&contents, rows, dice) };
    written(style, &[], table, dice)
}

const STATEMENTS: [&[(&str, Content)]; 4] = [
    &[
        ("Buchungstag", Content::DayGerman),
        ("Valuta", Content::DayGerman),
        ("Text", Content::Words),
        ("Empfänger", Content::Word),
        ("Betrag", Content::DecimalComma),
        ("Währung", Content::Word),
    ],
    &[
        ("Datum", Content::DayGerman),
        ("Text", Content::Words),
        ("Soll", Content::DecimalComma),
        ("Haben", Content::DecimalComma),
        ("Saldo", Content::DecimalComma),
    ],
    &[
        ("Date", Content::Day),
        ("Description", Content::Note),
        ("Amount", Content::Decimal),
        ("Balance", Content::Decimal),
    ],
    &[
        ("IBAN", Content::Code),
        ("Booking date", Content::Day),
        ("Payee", Content::WordsComma),
        ("Amount", Content::Decimal),
        ("Note", Content::Note),
    ],
];

const TITLES: [&[&[&str]]; 6] = [
    &[&["Kontoauszug Januar 2026"]],
    &[&["Konto", "DE12 3456 7890"], &["Zeitraum", "01.01.2026 - 31.01.2026"]],
    &[&["IBAN:", "DE12 3456"], &["Kontostand:", "1.234.56", "EUR"]],
    &[&["Umsätze Girokonto", "", "Zeitraum: 30 Tage"], &["Neuer Kontostand", "1234.56 EUR"]],
    &[
        &["IBAN", "DE12 3456 7890"],
        &["Kontoname", "Girokonto"],
        &["Bank", "ING"],
        &["Kunde", "Max Muster"],
        &["Zeitraum", "01.12.2025 - 05.01.2026"],
    ],
    &[&["Contract number", "123"], &["Opening balance", "1000.00"], &["Closing balance", "900.00"]],
];

fn statement(dice: &mut Rng) -> File {
    let style = Style { delimiter: *one(dice, &[';', '\t']), ..Style::any(dice) };
    let (names, contents): (Vec<&str>, Vec<Content>) = one(dice, &STATEMENTS).iter().copied().unzip();
    let rows = dice.usize(1..12);
    let made = Table::of(&contents, rows, dice);
    let table = Table { names: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..made };
    let is_filled_up = dice.bool();
    let width = if is_filled_up { names.len() } else { 0 };
    let line = |cells: &[&str]| {
        let blank = std::iter::repeat_n("", width.saturating_sub(cells.len()));
        Style { quotes_all: false, ..style }.line(&cells.iter().copied().chain(blank).collect::<Vec<_>>())
    };
    let mut above: Vec<String> = one(dice, &TITLES).iter().map(|cells| line(cells)).collect();
    if dice.bool() {
        above.push(line(&[]));
    }
    written(style, &above, table, dice)
}

fn crosstab(dice: &mut Rng) -> File {
    const HEADINGS: [&[&str]; 4] =
        [&["Umsatz", "Kosten"], &["Sales", "Costs", "Margin"], &["2022", "2023"], &["31.12.2022", "31.12.2023"]];
    const BELOW: [&[&str]; 5] = [
        &["2023", "2024"],
        &["Jan", "Feb", "Mar"],
        &["Q1 2024", "Q2 2024"],
        &["m", "w"],
        &["Anzahl", "Prozent", "Rang"],
    ];
    let style = Style { quotes_all: false, ..Style::any(dice) };
    let headings = *one(dice, &HEADINGS);
    let is_of_days = headings[0].starts_with(|letter: char| letter.is_ascii_digit());
    let below = *one(dice, if is_of_days { &BELOW[3..] } else { &BELOW });
    let repeats = dice.bool();
    let label_above = dice.bool();
    let mut rows: [Vec<&str>; 2] =
        [vec![if label_above { "Region" } else { "" }], vec![if label_above { "" } else { "Region" }]];
    for heading in headings {
        for (at, name) in below.iter().enumerate() {
            rows[0].push(if at == 0 || repeats { heading } else { "" });
            rows[1].push(name);
        }
    }
    let joined = headings.iter().flat_map(|heading| below.iter().map(move |name| format!("{heading} {name}")));
    let names: Vec<String> = std::iter::once("Region".to_owned()).chain(joined).collect();
    let record = |(at, dice): (usize, &mut Rng)| {
        let values: Vec<String> = (1..names.len()).map(|_| dice.u32(1..900).to_string()).collect();
        std::iter::once(["Nord", "Süd", "Ost", "West", "Mitte", "Rand"][at].to_owned()).chain(values).collect()
    };
    let count = dice.usize(2..7);
    let records: Vec<Vec<String>> = (0..count).map(|at| record((at, &mut *dice))).collect();
    let mut lines: Vec<String> = rows.iter().map(|row| style.line(row)).collect();
    lines.extend(records.iter().map(|row| style.line(row)));
    File { text: style.text(&lines, dice), tables: vec![Table { names: Some(names), rows: records }] }
}

fn pivot(dice: &mut Rng) -> File {
    let style = Style { quotes_all: false, ..Style::any(dice) };
    let columns = *one(
        dice,
        &[&["Row Labels", "North", "South", "Grand Total"][..], &["Produkt", "Bonn", "Köln", "Ulm", "Summe"]],
    );
    let title = *one(dice, &[["Sum of Amount", "Column Labels"], ["Umsatz", "Region"]]);
    let names = columns.iter().map(|name| (*name).to_owned()).collect();
    let count = dice.usize(2..6);
    let record = |at: usize, dice: &mut Rng| {
        let label = ["Mug", "Pen", "Bag", "Cup", "Total"][at].to_owned();
        std::iter::once(label).chain((1..columns.len()).map(|_| dice.u32(..900).to_string())).collect()
    };
    let rows: Vec<Vec<String>> = (0..count).map(|at| record(at, dice)).collect();
    let blank = vec![""; columns.len() - 2];
    let above = style.line(&title.iter().copied().chain(blank).collect::<Vec<_>>());
    written(style, &[above], Table { names: Some(names), rows }, dice)
}

fn several(dice: &mut Rng) -> File {
    let style = Style { quotes_all: false, ..Style::any(dice) };
    let (mut lines, mut tables) = (Vec::new(), Vec::new());
    for count in [3, 5, 2].into_iter().take(dice.usize(2..4)) {
        let is_first = lines.is_empty();
        if !is_first {
            lines.push(String::new());
        }
        if dice.bool() {
            lines.push(["Sales", "Costs", "Staff"][tables.len()].to_owned());
        }
        // Every table has a width of its own, so that it needs no title.
        let mut contents = columns(style, count, dice);
        contents.iter_mut().filter(|content| **content == Content::Note).for_each(|content| *content = Content::Word);
        contents.insert(0, Content::Number);
        let rows = dice.usize(2..8);
        let table = Table::of(&contents, rows, dice);
        lines.extend(table.names.iter().map(|names| style.line(names)));
        lines.extend(table.rows.iter().map(|row| style.line(row)));
        tables.push(table);
    }
    File { text: style.text(&lines, dice), tables }
}

fn noted(dice: &mut Rng) -> File {
    let style = Style { quotes_all: false, ..Style::any(dice) };
    let count = dice.usize(3..6);
    let contents = columns(style, count, dice);
    let rows = dice.usize(2..8);
    let has_remark = dice.bool();
    let table = Table::of(&contents, if has_remark { 0 } else { rows }, dice);
    let names = table.names.clone().unwrap_or_default();
    let mut lines = vec![style.line(&names)];
    if has_remark {
        let blank = style.delimiter.to_string().repeat(if dice.bool() { names.len() - 1 } else { 0 });
        lines.push(format!("{}{blank}", one(dice, &["no data", "(keine Umsätze)", "No transactions in this period"])));
    } else {
        let sign = *one(dice, &["-", "="]);
        lines.push(style.line(&names.iter().map(|name| sign.repeat(name.len().max(3))).collect::<Vec<_>>()));
    }
    lines.extend(table.rows.iter().map(|row| style.line(row)));
    File { text: style.text(&lines, dice), tables: vec![table] }
}

/// The text of a table below the lines above it.
fn written(style: Style, above: &[String], table: Table, dice: &mut Rng) -> File {
    let mut lines = above.to_vec();
    lines.extend(table.names.iter().map(|names| style.line(names)));
    lines.extend(table.rows.iter().map(|row| style.line(row)));
    File { text: style.text(&lines, dice), tables: vec![table] }
}
