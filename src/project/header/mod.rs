//! The YAML comment at the beginning of a file of the star: it declares the table, not the way of its update.

mod guard;
mod kinds;
mod vocabulary;
mod words;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use clap::ValueEnum;

use super::Lines;
use crate::text::nearest;
use crate::text::yaml_fault::Fault;
pub use guard::Guard;
use kinds::{bridge, calendar, dimension, fact};
use vocabulary::EXAMPLES;
pub(crate) use vocabulary::VOCABULARY;
use words::Words;
pub(crate) use words::is_plain_name;
pub use words::{Checks, DimensionUse, Explode, Gone, KindWord, Missing, Scalar, Severity, Unpivot};

/// The header of a file of the star.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The kind of the table.
    pub kind: Kind,
    /// Columns that become rows before all else.
    pub unpivot: Option<Unpivot>,
    /// A JSON array that becomes rows before all else.
    pub explode: Option<Explode>,
    /// True if equal rows count once.
    pub distinct: bool,
    /// The checks of the table, in groups.
    pub checks: Vec<Checks>,
    /// What a run may take out of the table.
    pub guard: Guard,
}

/// The kinds of tables of the star.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Members with a stable surrogate key.
    Dimension(Dimension),
    /// Events, with keys of dimensions.
    Fact(Fact),
    /// Links between members, many to many.
    Bridge(Fact, Option<Weight>),
    /// Days: a dimension without a select.
    Calendar(Calendar),
    /// Rows as the select returns them.
    Table,
    /// The select itself.
    View,
}

/// The header of a dimension.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dimension {
    /// The columns of the natural key, which name a member.
    pub key: Vec<String>,
    /// Columns whose change opens a new version of the member.
    pub history: Vec<String>,
    /// The column with the time from which a row holds.
    pub at: Option<String>,
    /// Attributes of the unknown member.
    pub unknown: BTreeMap<String, Scalar>,
    /// The treatment of a member that is no longer named.
    pub gone: Gone,
    /// The earlier name of each column that was renamed.
    pub was: BTreeMap<String, String>,
}

/// The header of a fact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fact {
    /// The columns whose values together are unique.
    pub grain: Vec<String>,
    /// The column whose time selects the version of a dimension.
    pub at: Option<String>,
    /// The dimension by the column that names its members.
    pub dimensions: BTreeMap<String, DimensionUse>,
}

/// The weights of a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    /// The column with the weights.
    pub column: String,
    /// The columns within whose values the weights sum to 1.
    pub group: Vec<String>,
}

/// The header of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// The first month of the fiscal year, from 1.
    pub fiscal_year_starts: u32,
}

impl Kind {
    /// Returns the word in the header.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Dimension(_) => "dimension",
            Kind::Fact(_) => "fact",
            Kind::Bridge(..) => "bridge",
            Kind::Calendar(_) => "calendar",
            Kind::Table => "table",
            Kind::View => "view",
        }
    }

    /// Returns the required words of a header of this kind, and the optional ones.
    fn takes(word: KindWord) -> (&'static [&'static str], &'static [&'static str]) {
        match word {
            KindWord::Dimension => (
                &["key"],
                &["history", "at", "unknown", "gone", "unpivot", "explode", "distinct", "checks", "guard", "was"],
            ),
            KindWord::Fact => (&["grain"], &["at", "dimensions", "unpivot", "explode", "distinct", "checks", "guard"]),
            KindWord::Bridge => (
                &["dimensions"],
                &["grain", "at", "group", "weight", "unpivot", "explode", "distinct", "checks", "guard"],
            ),
            KindWord::Calendar => (&["from", "to"], &["fiscal_year_starts"]),
            KindWord::Table => (&[], &["unpivot", "explode", "distinct", "checks", "guard"]),
            KindWord::View => (&[], &[]),
        }
    }
}

/// The kinds of tables whose header may have a word of the first level besides `kind`, and whether it must.
pub(crate) fn kinds_with(word: &str) -> Vec<(&'static str, bool)> {
    let of = |kind: &KindWord| {
        let (needed, allowed) = Kind::takes(*kind);
        let is_needed = needed.contains(&word);
        (is_needed || allowed.contains(&word)).then_some((kind.word(), is_needed))
    };
    KindWord::value_variants().iter().filter_map(of).collect()
}

/// An error in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderError {
    /// The line of the file, from 1, where it is known.
    pub line: Option<u64>,
    /// The reason, in words.
    pub why: String,
    /// True if the rest of the header can be read without that line.
    pub is_alone: bool,
}

impl HeaderError {
    /// Makes the error of a header as a whole, or of a word that does not go with others.
    pub(crate) fn at(line: Option<u64>, why: String) -> HeaderError {
        HeaderError { line, why, is_alone: false }
    }

    /// Makes the error out of the YAML reader's.
    pub(crate) fn of(Fault { line, why, is_alone }: Fault) -> HeaderError {
        HeaderError { line, why: format!("header: {why}"), is_alone }
    }
}

impl Header {
    /// Reads the comment at the beginning of a text.
    ///
    /// # Errors
    /// In words, with the line of the file where the YAML is wrong.
    pub fn parse(text: &str) -> Result<Header, HeaderError> {
        let body = text.trim_start();
        let before = text.len() - body.len();
        let first = text[..before].matches('\n').count() as u64 + 1;
        let comment = body.strip_prefix("/*").map(|rest| rest.split_once("*/"));
        let Some(Some((comment, _))) = comment else {
            return Err(HeaderError::at(Some(first), without_comment(body, comment.is_some())));
        };
        // As many lines precede the YAML as in the file, so that errors name the file's lines.
        let yaml = format!("{}  {comment}", "\n".repeat(text[..before].matches('\n').count()));
        // YAML 1.2: a column called n, no or on is none of YAML 1.1's booleans.
        let options = serde_saphyr::options! { strict_booleans: true };
        let words: Words = serde_saphyr::from_str_with_options(&yaml, options)
            .map_err(|error| HeaderError::of(VOCABULARY.fault(&error, &yaml)))
            .map_err(|error| HeaderError { line: error.line.or(Some(first)), ..error })?;
        Header::of(words)
            .map_err(|(word, why)| HeaderError::at(Lines::of(text).of_header(word, ""), format!("header: {why}")))
    }

    /// Makes a header out of its words; an error names the word at fault.
    fn of(words: Words) -> Result<Header, (&'static str, String)> {
        let word = words.kind;
        let (needed, allowed) = Kind::takes(word);
        let said = words.said();
        let kind_word = word.word();
        if let Some(missing) = needed.iter().find(|one| !said.contains(one)) {
            return Err(("kind", format!("kind: {kind_word} needs {missing}; such as {EXAMPLES}")));
        }
        if let Some(extra) = said.iter().find(|one| !needed.contains(one) && !allowed.contains(one)) {
            let known: Vec<_> = needed.iter().chain(allowed).copied().collect();
            let hint = nearest(extra, known.iter().copied());
            let known = if known.is_empty() { "no other word".to_owned() } else { known.join(", ") };
            return Err((extra, format!("kind: {kind_word} takes no {extra}; it takes {known}{hint}")));
        }
        for (name, columns) in
            [("key", &words.key), ("grain", &words.grain), ("history", &words.history), ("group", &words.group)]
        {
            if columns.as_ref().is_some_and(Vec::is_empty) {
                return Err((name, format!("{name}: names no column")));
            }
        }
        let kind = match word {
            KindWord::Dimension => Kind::Dimension(dimension(&words)?),
            KindWord::Fact => Kind::Fact(fact(&words)),
            KindWord::Bridge => bridge(&words)?,
            KindWord::Calendar => Kind::Calendar(calendar(&words)?),
            KindWord::Table => Kind::Table,
            KindWord::View => Kind::View,
        };
        if words.unpivot.is_some() && words.explode.is_some() {
            return Err(("explode", "unpivot and explode together: use one of them".to_owned()));
        }
        Ok(Header {
            kind,
            unpivot: words.unpivot,
            explode: words.explode,
            distinct: words.distinct.unwrap_or_default(),
            checks: words.checks.unwrap_or_default(),
            guard: words.guard.unwrap_or_default(),
        })
    }
}

/// Returns the reason why a text has no header: there is no comment, or it `is_open` at the end.
fn without_comment(body: &str, is_open: bool) -> String {
    let what = if is_open {
        "the comment that begins here with /* has no */"
    } else if body.is_empty() {
        "nothing stands in the file: it begins with a comment that says what it is"
    } else if body.starts_with("--") {
        "what the file is stands first in it, between /* and */ and not behind --"
    } else {
        "the file must begin with a comment that says what it is"
    };
    format!("{what}, such as /* kind: table */")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Header {
        Header::parse(text).unwrap()
    }

    #[test]
    fn the_kinds() {
        let Kind::Dimension(title) = parse("/*\nkind: dimension\nkey: [title]\n*/ select 1").kind else { panic!() };
        assert_eq!(title, Dimension { key: vec!["title".into()], ..Dimension::default() });
        let text = "\n/*\nkind: fact\ngrain: [title, skill]\nat: day\ndimensions:\n  title: dim_title\n  skill: \
         {dimension: dim_skill, role: ability, missing: infer}\n*/";
        let Kind::Fact(fact) = parse(text).kind else { panic!() };
        assert_eq!(fact.dimensions["title"].key_column("title"), "title_key");
        assert_eq!(fact.dimensions["skill"].key_column("skill"), "ability_key");
        assert_eq!(
            (fact.dimensions["skill"].dimension(), fact.dimensions["skill"].missing()),
            ("dim_skill", Missing::Infer)
        );
        let text = "/*\nkind: bridge\ndimensions: {a: dim_a, b: dim_b}\nweight: share\ngroup: [a]\n*/ select 1";
        let Kind::Bridge(fact, Some(weight)) = parse(text).kind else { panic!() };
        assert_eq!((fact.grain, weight.column.as_str()), (vec!["a".to_owned(), "b".to_owned()], "share"));
        let text = "/*\nkind: calendar\nfrom: 2020-01-01\nto: 2020-12-31\nfiscal_year_starts: 7\n*/";
        let Kind::Calendar(calendar) = parse(text).kind else { panic!() };
        assert_eq!((calendar.to - calendar.from).num_days(), 365);
        assert_eq!(parse("/* kind: table */ select 1").kind, Kind::Table);
        assert_eq!(parse("/* kind: view */ select 1").kind, Kind::View);
        let Kind::Dimension(one) = parse("/*\nkind: dimension\nkey: title\n*/ select 1").kind else { panic!() };
        assert_eq!(one.key, ["title"]);
    }

    #[test]
    fn checks_and_values() {
        let text = "/*\nkind: table\nchecks:\n  not_null: [a]\n  accepted: {b: [x, 01, 1.10, true, NA, '5', 2024-01-01]}\n  range: {c: \
         [1, 5.5]}\n  sql: select 1 from this\n  severity: warn\n*/ select 1";
        let [checks] = &parse(text).checks[..] else { panic!() };
        assert_eq!(
            checks.accepted["b"].iter().map(|value| &value.0).collect::<Vec<_>>(),
            ["x", "01", "1.10", "true", "NA", "5", "2024-01-01"]
        );
        assert_eq!(
            (checks.range["c"].1.0.clone(), checks.sql.texts().len(), checks.severity),
            ("5.5".to_owned(), 1, Severity::Warn)
        );
    }

    #[test]
    fn groups_of_checks() {
        for text in [
            "/* {kind: table, checks: [{not_null: [a]}, {range: {b: [1, 5]}, severity: warn}]} */",
            "/*\nkind: table\nchecks:\n  - not_null: [a]\n  - range: {b: [1, 5]}\n    severity: warn\n*/",
        ] {
            let [one, other] = &parse(text).checks[..] else { panic!() };
            assert_eq!((one.not_null.as_slice(), one.severity), (&["a".to_owned()][..], Severity::Error));
            assert_eq!((other.range.len(), other.not_null.len(), other.severity), (1, 0, Severity::Warn));
        }
        assert!(parse("/* kind: table */").checks.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, expected) in [
            ("select 1", Some(1), "must begin with a comment"),
            ("/* kind: cube */", Some(1), "kind: cube is none of dimension, fact"),
            ("/*\nkind: dimension\nkey: {a: b}\n*/", Some(3), "key takes a column or a list of them"),
            ("/*\nkind: fact\ngrian: [a]\n*/", Some(3), "unknown word grian; did you mean grain?"),
            ("/*\nkind: dimension\n*/", Some(2), "kind: dimension needs key"),
            ("\n/*\nkind: dimension\nkey: []\n*/", Some(4), "key: names no column"),
            ("/*\nkind: dimension\nkey: [a]\ngrain: [a]\n*/", Some(4), "kind: dimension takes no grain"),
            ("/*\nkind: dimension\nkey: [a]\nhistory: [a]\n*/", Some(4), "a is part of the key"),
            ("/*\nkind: calendar\nfrom: 2020-01-01\nto: 2019-01-01\n*/", Some(4), "is before"),
            ("/*\nkind: bridge\ndimensions: {a: b, c: d}\nweight: w\n*/", Some(4), "weight needs group"),
            (
                "/*\nkind: fact\ngrain: [a]\ndimensions:\n  a: {dimension: x, mising: infer}\n*/",
                Some(5),
                "did you mean missing?",
            ),
        ] {
            let error = Header::parse(text).unwrap_err();
            assert!(error.why.contains(expected), "{text}: {error:?}");
            assert_eq!(error.line, line, "{text}: {error:?}");
        }
    }
}
