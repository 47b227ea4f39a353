//! Columns, cells and the ways in which a table of them is written.

use fastrand::Rng;

/// A column's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Number,
    Day,
    DayGerman,
    Clock,
    Decimal,
    /// `-1.234,50`
    DecimalComma,
    Code,
    Mail,
    Word,
    Words,
    /// Two words with a comma, which stands in quotes between commas.
    WordsComma,
    /// A word or nothing.
    Note,
    /// `May 5, 2026`
    DayInWords,
    /// `48.1371,-11.5754`
    Place,
}

const CITIES: [&str; 10] = ["Bonn", "Köln", "Ulm", "Oslo", "Rome", "Paris", "Berlin", "Graz", "Linz", "Basel"];
const PEOPLE: [&str; 8] = ["Anna", "Bob", "Eva", "Uli", "Ida", "Jan", "Léa", "Tom"];
const MONTHS: [&str; 4] = ["January", "May", "June", "October"];

pub fn one<'a, T>(dice: &mut Rng, all: &'a [T]) -> &'a T {
    &all[dice.usize(..all.len())]
}

impl Content {
    /// Values that no name looks like, and their columns' names.
    pub const OF_VALUES: [Content; 5] =
        [Content::Number, Content::Day, Content::Decimal, Content::Clock, Content::DecimalComma];
    pub const ANY: [Content; 11] = [
        Content::Number,
        Content::Day,
        Content::DayGerman,
        Content::Clock,
        Content::Decimal,
        Content::DecimalComma,
        Content::Code,
        Content::Mail,
        Content::Word,
        Content::Words,
        Content::Note,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Content::Number => "qty",
            Content::Day | Content::DayGerman | Content::DayInWords => "day",
            Content::Clock => "time",
            Content::Decimal => "price",
            Content::DecimalComma => "Betrag",
            Content::Code => "code",
            Content::Mail => "email",
            Content::Word => "city",
            Content::Words | Content::WordsComma => "customer",
            Content::Note => "remark",
            Content::Place => "position",
        }
    }

    pub fn cell(self, dice: &mut Rng) -> String {
        let (day, month) = (dice.u8(1..29), dice.u8(1..13));
        let city = *one(dice, &CITIES);
        let person = *one(dice, &PEOPLE);
        match self {
            Content::Number => dice.u32(..5000).to_string(),
            Content::Day => format!("2026-{month:02}-{day:02}"),
            Content::DayGerman => format!("{day:02}.{month:02}.2026"),
            Content::Clock => format!("{:02}:{:02}:{:02}", dice.u8(..24), dice.u8(..60), dice.u8(..60)),
            Content::Decimal => format!("{}.{:02}", dice.i32(-999..9999), dice.u8(..100)),
            Content::DecimalComma if dice.bool() => {
                format!("{}.{:03},{:02}", dice.u8(1..9), dice.u16(..1000), dice.u8(..100))
            }
            Content::DecimalComma => {
                format!("{}{},{:02}", if dice.bool() { "-" } else { "" }, dice.u16(..1000), dice.u8(..100))
            }
            Content::Code => format!("A-{}", dice.u16(100..1000)),
            Content::Mail => format!("{}{}@example.org", person.to_lowercase().replace('é', "e"), dice.u8(..)),
            Content::Word => city.to_owned(),
            Content::Words => format!("{person} from {city}"),
            Content::WordsComma => format!("{city}, {person}"),
            Content::Note => {
                if dice.bool() {
                    city.to_owned()
                } else {
                    String::new()
                }
            }
            Content::DayInWords => format!("{} {day}, 2026", one(dice, &MONTHS)),
            Content::Place => format!(
                "{}.{:04},{}.{:04}",
                dice.i8(-89..90),
                dice.u16(1..9999),
                dice.i16(-179..180),
                dice.u16(1..9999)
            ),
        }
    }
}

/// A table as it is made: its names, if it has a header, and its records.
#[derive(Clone, Debug)]
pub struct Table {
    pub names: Option<Vec<String>>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn of(contents: &[Content], rows: usize, dice: &mut Rng) -> Table {
        let mut names: Vec<String> = Vec::new();
        for content in contents {
            let again = names.iter().filter(|name| name.starts_with(content.name())).count();
            names.push(if again == 0 {
                content.name().to_owned()
            } else {
                format!("{}{}", content.name(), ["", "_too", "_again", "_more", "_last", "_x"][again.min(5)])
            });
        }
        let row = |dice: &mut Rng| contents.iter().map(|content| content.cell(dice)).collect();
        Table { names: Some(names), rows: (0..rows).map(|_| row(dice)).collect() }
    }

    pub fn width(&self) -> usize {
        self.rows.first().map_or_else(|| self.names.as_ref().map_or(0, Vec::len), Vec::len)
    }
}

/// The way in which a text is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub delimiter: char,
    pub quotes_all: bool,
    pub line_end: &'static str,
}

impl Style {
    pub fn any(dice: &mut Rng) -> Style {
        Style {
            delimiter: *one(dice, &[',', ';', '\t', '|']),
            quotes_all: dice.u8(..3) == 0,
            line_end: if dice.bool() { "\n" } else { "\r\n" },
        }
    }

    pub fn line<T: AsRef<str>>(self, cells: &[T]) -> String {
        let cell = |cell: &T| {
            let cell = cell.as_ref();
            if self.quotes_all || cell.contains(self.delimiter) { format!("\"{cell}\"") } else { cell.to_owned() }
        };
        cells.iter().map(cell).collect::<Vec<_>>().join(&self.delimiter.to_string())
    }

    /// The text of lines; the last one ends, or not.
    pub fn text(self, lines: &[String], dice: &mut Rng) -> String {
        let end = if dice.u8(..4) == 0 { "" } else { self.line_end };
        lines.join(self.line_end) + end
    }
}
