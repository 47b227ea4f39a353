//! The YAML comment at the beginning of a file of `sql/analysis/`: title, text, chart and exports of its question. A
//! comment whose first line does not begin with a word and a colon is an ordinary one.

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::export::Format;
use crate::project::{HeaderError, Lines};
use crate::text::nearest;
use crate::text::yaml_fault::{Level, Vocabulary, word};

/// The header of a question's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionHeader {
    /// The title; by default, the file's name in words.
    pub title: String,
    /// The text below the title; blank lines separate paragraphs.
    pub description: Option<String>,
    /// The chart of the result.
    pub chart: Option<Chart>,
    /// The formats in which the result is written: at least one.
    pub exports: Vec<Format>,
}

/// The chart of a result.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// The kind of the chart.
    #[serde(rename = "type")]
    pub kind: ChartKind,
    /// The column along the axis; by default, the first one.
    #[serde(default)]
    pub x: Option<String>,
    /// The columns with the numbers; by default, all numbers.
    #[serde(default, deserialize_with = "one_or_more")]
    pub y: Vec<String>,
    /// The column whose values tell the series apart.
    #[serde(default)]
    pub series: Option<String>,
}

/// The kinds of charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChartKind {
    /// Bars.
    Bar,
    /// Lines.
    Line,
    /// Lines above filled areas; several are stacked.
    Area,
    /// Parts of a whole.
    Pie,
    /// No chart: the table alone.
    Table,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Yaml {
    title: Option<String>,
    description: Option<String>,
    #[serde(default, deserialize_with = "kind_or_chart")]
    chart: Option<Chart>,
    exports: Option<Vec<Format>>,
}

const CHART: &str = "bar, line, area, pie, table or {type: bar, x: COLUMN, y: COLUMN}";

/// The words of a header of `sql/analysis/`.
pub(crate) const VOCABULARY: Vocabulary = Vocabulary {
    levels: &[
        Level {
            above: "",
            words: &[
                word(["title", "a text", "the file's name in words", "title: Sales by month", "the title on the page"]),
                word(["description", "a text", "", "description: Without returns.", "the text below the title"]),
                word([
                    "chart",
                    CHART,
                    "the table alone",
                    "chart: {type: line, x: month, y: sales}",
                    "how the result is drawn",
                ]),
                word([
                    "exports",
                    "a list of formats, such as [csv, xlsx]",
                    "[csv]",
                    "exports: [csv, xlsx]",
                    "csv, json, parquet, xlsx",
                ]),
            ],
        },
        Level {
            above: "chart",
            words: &[
                word(["type", "one of bar, line, area, pie, table", "", "type: line", "how it is drawn"]),
                word(["x", "the name of a column", "the first column", "x: month", "the column along the axis"]),
                word([
                    "y",
                    "a column or a list of them, such as [a, b]",
                    "all numbers",
                    "y: [sales, returns]",
                    "the columns with the numbers",
                ]),
                word([
                    "series",
                    "the name of a column",
                    "",
                    "series: city",
                    "the column whose values tell the lines apart; goes with one y",
                ]),
            ],
        },
    ],
    example: "title: Sales by month, chart: {type: line, x: month, y: sales}, exports: [csv, xlsx]",
};

impl QuestionHeader {
    /// Reads the comment at the beginning of a text, if it is a header.
    ///
    /// # Errors
    /// In words, with the line of the file.
    pub fn parse(name: &str, text: &str) -> Result<QuestionHeader, HeaderError> {
        let yaml = match comment(text) {
            None => Yaml::default(),
            Some((lines, comment)) => {
                // As many lines precede the YAML as in the file, so that errors name the file's lines.
                let yaml = format!("{}  {comment}", "\n".repeat(lines));
                // YAML 1.2: a column called n, no or on is none of YAML 1.1's booleans.
                let options = serde_saphyr::options! { strict_booleans: true };
                serde_saphyr::from_str_with_options(&yaml, options)
                    .map_err(|error| HeaderError::of(VOCABULARY.fault(&error, &yaml)))?
            }
        };
        let exports = yaml.exports.unwrap_or_else(|| vec![Format::Csv]);
        let wrong =
            |word: &str, why: &str| Err(HeaderError::at(Lines::of(text).of_header(word, ""), format!("header: {why}")));
        if exports.is_empty() {
            return wrong("exports", "exports: names no format; leave it out for csv");
        }
        if exports.iter().enumerate().any(|(at, one)| exports[..at].contains(one)) {
            return wrong("exports", "exports: names a format twice");
        }
        if yaml.chart.as_ref().is_some_and(|chart| chart.series.is_some() && chart.y.len() > 1) {
            return wrong("chart", "chart: series goes with one y");
        }
        let is_pie = |chart: &Chart| chart.kind == ChartKind::Pie && (chart.series.is_some() || chart.y.len() > 1);
        if yaml.chart.as_ref().is_some_and(is_pie) {
            return wrong("chart", "chart: a pie has one y and no series");
        }
        Ok(QuestionHeader {
            title: yaml
                .title
                .map(|title| title.trim().to_owned())
                .filter(|title| !title.is_empty())
                .unwrap_or_else(|| in_plain(name)),
            description: yaml.description,
            chart: yaml.chart,
            exports,
        })
    }

    /// Checks that the chart's columns are in the result.
    ///
    /// # Errors
    /// In words, with the line of the file's text and the nearest name.
    pub fn check(&self, columns: &[&str], text: &str) -> Result<(), HeaderError> {
        let Some(chart) = &self.chart else { return Ok(()) };
        let named = chart.x.iter().map(|name| ("x", name));
        let named = named.chain(chart.y.iter().map(|name| ("y", name)));
        for (word, name) in named.chain(chart.series.iter().map(|name| ("series", name))) {
            if !columns.contains(&name.as_str()) {
                let hint = nearest(name, columns.iter().copied());
                let line = Lines::of(text).of_header("chart", name);
                let why = format!("header: chart: {word}: the select gives no column {name}{hint}");
                return Err(HeaderError::at(line, why));
            }
        }
        Ok(())
    }
}

/// Returns the comment that is a header, with the number of lines before it.
fn comment(text: &str) -> Option<(usize, &str)> {
    let body = text.trim_start_matches('\u{feff}').trim_start();
    let before = text[..text.len() - body.len()].matches('\n').count();
    let (comment, _) = body.strip_prefix("/*")?.split_once("*/")?;
    let first = comment.trim_start();
    let word = first.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_');
    let is_header = word.len() < first.len() && word.trim_start_matches([' ', '\t']).starts_with(':');
    is_header.then_some((before, comment))
}

/// Returns a name such as `top_related_titles` in words.
pub(crate) fn in_plain(name: &str) -> String {
    let words = name.replace('_', " ");
    let words = words.trim();
    let first = words.chars().next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + words.get(1..).unwrap_or_default()
}

/// Reads a chart: `bar` is short for `{type: bar}`.
fn kind_or_chart<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Chart>, D::Error> {
    struct KindOrChart;
    impl<'de> Visitor<'de> for KindOrChart {
        type Value = Chart;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bar, line, area, pie, table or {type: bar, x: COLUMN, y: COLUMN}")
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<Chart, E> {
            let kind = ChartKind::deserialize(serde::de::value::StrDeserializer::new(word))?;
            Ok(Chart { kind, x: None, y: Vec::new(), series: None })
        }

        fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Chart, M::Error> {
            Chart::deserialize(MapAccessDeserializer::new(map))
        }
    }
    deserializer.deserialize_any(KindOrChart).map(Some)
}

/// Reads a list of columns: `a` is short for `[a]`.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Columns;
    impl<'de> Visitor<'de> for Columns {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a column or a list of columns")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Vec<String>, E> {
            Ok(vec![name.to_owned()])
        }

        fn visit_u64<E: Error>(self, year: u64) -> Result<Vec<String>, E> {
            Ok(vec![year.to_string()])
        }

        fn visit_seq<S: SeqAccess<'de>>(self, names: S) -> Result<Vec<String>, S::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(names))
        }
    }
    deserializer.deserialize_any(Columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<QuestionHeader, HeaderError> {
        QuestionHeader::parse("top_related_titles", text)
    }

    #[test]
    fn a_header_says_what_it_says_and_the_rest_follows() {
        let header = parse(
            "\n/*\ntitle: Sales\ndescription: |\n  One.\n\n  Two.\nchart: {type: line, x: day, y: [a, \
         b]}\nexports: [parquet, xlsx]\n*/ select 1",
        )
        .unwrap();
        assert_eq!(header.title, "Sales");
        assert_eq!(header.description.as_deref(), Some("One.\n\nTwo.\n"));
        let y = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(header.chart, Some(Chart { kind: ChartKind::Line, x: Some("day".into()), y, series: None }));
        assert_eq!(header.exports, [Format::Parquet, Format::Xlsx]);
        let short = parse("/* chart: bar */ select 1").unwrap();
        assert_eq!((short.title.as_str(), short.exports), ("Top related titles", vec![Format::Csv]));
        assert_eq!(short.chart.map(|chart| (chart.kind, chart.y)), Some((ChartKind::Bar, vec![])));
        assert_eq!(parse("/* chart: {type: bar, y: n} */ select 1").unwrap().chart.unwrap().y, ["n"]);
    }

    #[test]
    fn the_reference_has_the_words_of_the_reader() {
        crate::text::yaml_fault::same_words::<Yaml>(&VOCABULARY.levels[0]);
        crate::text::yaml_fault::same_words::<Chart>(&VOCABULARY.levels[1]);
    }

    #[test]
    fn a_number_is_a_title_and_a_column_too() {
        let header =
            parse("/*\r\ntitle: 2024\r\nchart:\r\n  type: bar\r\n  x: 2023\r\n  y: [2024, n]\r\n*/ select 1").unwrap();
        let chart = header.chart.unwrap();
        assert_eq!((header.title.as_str(), chart.x.as_deref()), ("2024", Some("2023")));
        assert_eq!(chart.y, ["2024", "n"]);
        assert_eq!(parse("/* chart: {type: bar, y: 2024} */").unwrap().chart.unwrap().y, ["2024"]);
    }

    #[test]
    fn a_comment_that_is_no_header_is_a_comment() {
        for text in [
            "select 1",
            "/* What sells best, by month: see below. */ select 1",
            "-- title: x\nselect 1",
            "/**/ select 1",
            "/* (c) me: 2020 */ select 1",
        ] {
            let header = parse(text).unwrap();
            assert_eq!((header.title.as_str(), header.chart), ("Top related titles", None), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_the_nearest_word() {
        for (text, line, expected) in [
            ("/*\ntitel: x\n*/", 2, "header: unknown word titel; did you mean title?"),
            (
                "/*\ntitle: x\nchart: brr\n*/",
                3,
                "header: chart: brr is none of bar, line, area, pie, table; did you mean bar?",
            ),
            ("/*\ntitle: x\nchart: {typ: bar}\n*/", 3, "header: unknown word typ; did you mean type?"),
            ("/*\ntype: bar\n*/", 2, "header: unknown word type; it stands beneath chart"),
            ("/*\nexports: [csv, xls]\n*/", 2, "did you mean xlsx?"),
            ("/*\nexports: csv\n*/", 2, "header: exports takes a list of formats, such as [csv, xlsx]"),
            ("/*\nexports: []\n*/", 2, "exports: names no format"),
            ("/*\nexports: [csv, csv]\n*/", 2, "exports: names a format twice"),
            ("/*\nchart: {type: bar, y: [a, b], series: c}\n*/", 2, "series goes with one y"),
            ("/*\nchart: {type: pie, y: a, series: c}\n*/", 2, "chart: a pie has one y and no series"),
            ("/*\nchart: [bar]\n*/", 2, "header: chart takes bar, line, area, pie, table or {type: bar"),
            ("/*\nexports: [csv\n*/", 2, "header: this is no YAML: unclosed bracket"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.why.contains(expected), "{text}: {error:?}");
            assert_eq!(error.line, Some(line), "{text}: {error:?}");
        }
    }

    #[test]
    fn the_charts_columns_are_the_results() {
        let text = "/*\nchart:\n  type: bar\n  x: titel\n*/ select 1";
        let error = parse(text).unwrap().check(&["title", "n"], text).unwrap_err();
        assert_eq!(error.line, Some(4));
        assert_eq!(error.why, "header: chart: x: the select gives no column titel; did you mean title?");
        assert!(parse(text).unwrap().check(&["titel"], text).is_ok());
    }
}
