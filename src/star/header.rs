//! The comment in YAML with which a file of the star begins.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a table of the star is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Header {
    /// Members with a surrogate key that stays the same.
    Dimension {
        /// The columns that name a member: its natural key.
        key: Vec<String>,
    },
    /// Events, with keys of dimensions.
    Fact {
        /// The columns that no two rows share the values of.
        grain: Vec<String>,
        /// For each column that names a member: of which dimension.
        #[serde(default)]
        dimensions: BTreeMap<String, DimensionUse>,
    },
    /// Rows as the select gives them.
    Table {},
}

/// How a fact refers to a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a dimension or {dimension: NAME, role: NAME}")]
pub enum DimensionUse {
    /// The dimension; the role is the column's name.
    Name(String),
    /// The dimension under a role of its own.
    Role {
        /// The dimension.
        dimension: String,
        /// The key's column is `<role>_key`.
        role: Option<String>,
    },
}

impl DimensionUse {
    /// The dimension's name.
    pub fn dimension(&self) -> &str {
        match self {
            DimensionUse::Name(dimension) | DimensionUse::Role { dimension, .. } => dimension,
        }
    }

    /// The fact's column that holds the key, for the select's `column`.
    pub fn key_column(&self, column: &str) -> String {
        let role = match self {
            DimensionUse::Role { role: Some(role), .. } => role,
            _ => column,
        };
        super::key_column(role)
    }
}

/// The kinds, for messages and listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// See [`Header::Dimension`].
    Dimension,
    /// See [`Header::Fact`].
    Fact,
    /// See [`Header::Table`].
    Table,
}

impl Kind {
    /// The word in the header.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Dimension => "dimension",
            Kind::Fact => "fact",
            Kind::Table => "table",
        }
    }
}

/// What a header looks like, for errors.
const EXAMPLES: &str =
    "kind: dimension with key: [id], kind: fact with grain: [id] and dimensions: {city: dim_city}, or kind: table";

impl Header {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Header::Dimension { .. } => Kind::Dimension,
            Header::Fact { .. } => Kind::Fact,
            Header::Table {} => Kind::Table,
        }
    }

    /// Reads the comment that a text begins with.
    ///
    /// # Errors
    /// In words, with the line of the file where the YAML is wrong.
    pub fn parse(text: &str) -> Result<Header, String> {
        let body = text.trim_start();
        let before = text.len() - body.len();
        let comment = body.strip_prefix("/*").and_then(|rest| rest.split_once("*/")).map(|(comment, _)| comment);
        let Some(comment) = comment else {
            return Err("the file must begin with a comment that says what it is, such as /* kind: table */".to_owned());
        };
        // As many lines before the YAML as there are in the file, so that its errors name the file's lines.
        let lines = "\n".repeat(text[..before].matches('\n').count());
        // YAML 1.2: a column called n, no or on is none of YAML 1.1's booleans.
        let options = serde_saphyr::options! { strict_booleans: true };
        let header: Header =
            serde_saphyr::from_str_with_options(&format!("{lines}  {comment}"), options).map_err(|error| {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                let first = first.trim_end_matches("expected one of ").trim_end_matches([' ', ',']);
                format!("header: {first}; such as {EXAMPLES}")
            })?;
        let empty = match &header {
            Header::Dimension { key } if key.is_empty() => "key: names no column",
            Header::Fact { grain, .. } if grain.is_empty() => "grain: names no column",
            _ => return Ok(header),
        };
        Err(format!("header: {empty}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds() {
        assert_eq!(
            Header::parse("/*\nkind: dimension\nkey: [title]\n*/ select 1").unwrap(),
            Header::Dimension { key: vec!["title".into()] }
        );
        let fact = Header::parse(
            "\n/*\nkind: fact\ngrain: [title, skill]\ndimensions:\n  title: dim_title\n  skill: {dimension: dim_skill, role: ability}\n*/",
        )
        .unwrap();
        let Header::Fact { dimensions, .. } = fact else { panic!("{fact:?}") };
        assert_eq!(dimensions["title"].key_column("title"), "title_key");
        assert_eq!(dimensions["skill"].key_column("skill"), "ability_key");
        assert_eq!(dimensions["skill"].dimension(), "dim_skill");
        assert_eq!(Header::parse("/* kind: table */ select 1").unwrap(), Header::Table {});
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("select 1", "must begin with a comment"),
            ("/* kind: cube */", "cube"),
            ("/*\nkind: fact\ngrian: [a]\n*/", "grian"),
            ("/*\nkind: dimension\n*/", "key"),
            ("/*\nkind: dimension\nkey: []\n*/", "key: names no column"),
        ] {
            let error = Header::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
