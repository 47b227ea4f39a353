//! The words of a header as they are written, before their combinations are checked.

use std::collections::BTreeMap;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Guard;

/// A value in YAML, as it is written, without quotes: its column's type says what it means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Scalar(pub String);

/// The kinds of tables of the star, as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum KindWord {
    /// Members with a key that stays the same
    Dimension,
    /// Events, with keys of dimensions
    Fact,
    /// Links between members, many to many
    Bridge,
    /// Days
    Calendar,
    /// Rows as the select gives them
    Table,
    /// The select itself
    View,
}

impl KindWord {
    /// As a header has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            KindWord::Dimension => "dimension",
            KindWord::Fact => "fact",
            KindWord::Bridge => "bridge",
            KindWord::Calendar => "calendar",
            KindWord::Table => "table",
            KindWord::View => "view",
        }
    }
}

/// The reference of a fact to a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimensionUse {
    /// The dimension; the role is the column's name.
    Name(String),
    /// The dimension and further words.
    Detailed(Detailed),
}

/// The reference of a fact to a dimension, in full.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detailed {
    /// The dimension.
    dimension: String,
    /// The role: the key's column is `<role>_key`.
    #[serde(default, deserialize_with = "role")]
    role: Option<String>,
    /// The treatment of a value that is no member.
    #[serde(default)]
    missing: Missing,
}

/// The treatments of a fact's row whose value is not in the dimension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// The row points to the unknown member.
    #[default]
    Unknown,
    /// A member is inferred, and completed when its row arrives.
    Infer,
    /// The row is left out, and kept as a reject.
    Reject,
}

impl<'de> Deserialize<'de> for DimensionUse {
    // The error of an untagged enum would not name the wrong word.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Use;
        impl<'de> Visitor<'de> for Use {
            type Value = DimensionUse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a dimension or words about one")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<DimensionUse, E> {
                Ok(DimensionUse::Name(name.to_owned()))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<DimensionUse, M::Error> {
                Detailed::deserialize(MapAccessDeserializer::new(map)).map(DimensionUse::Detailed)
            }
        }
        deserializer.deserialize_any(Use)
    }
}

impl DimensionUse {
    /// Returns the dimension's name.
    pub fn dimension(&self) -> &str {
        match self {
            DimensionUse::Name(dimension) => dimension,
            DimensionUse::Detailed(detailed) => &detailed.dimension,
        }
    }

    /// Returns the treatment of a value that is no member.
    pub fn missing(&self) -> Missing {
        match self {
            DimensionUse::Name(_) => Missing::Unknown,
            DimensionUse::Detailed(detailed) => detailed.missing,
        }
    }

    /// Returns the fact's column that holds the key, for the select's `column`.
    pub fn key_column(&self, column: &str) -> String {
        let role = match self {
            DimensionUse::Detailed(Detailed { role: Some(role), .. }) => role,
            _ => column,
        };
        crate::project::key_column(role)
    }
}

/// The treatments of a member that a full file does not name any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gone {
    /// The last version ends.
    #[default]
    Close,
    /// The member stays as it was.
    Keep,
}

/// Turns columns that form a list into rows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpivot {
    /// The column that receives their values.
    pub into: String,
    /// The columns; `a..c` stands for those from a to c in the select's order.
    #[serde(deserialize_with = "list")]
    pub columns: Vec<String>,
}

/// Turns a column that holds a JSON array into rows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explode {
    /// The column that receives the elements, as text.
    pub into: String,
    /// The column with the array.
    pub column: String,
}

/// The effects of a failed check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The run fails, and the star stays as it was.
    #[default]
    Error,
    /// The rows at fault are counted and reported.
    Warn,
}

/// One group of checks on a table as the run would leave it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Columns without NULL.
    #[serde(default, deserialize_with = "list")]
    pub not_null: Vec<String>,
    /// Columns without repeated values.
    #[serde(default, deserialize_with = "list")]
    pub unique: Vec<String>,
    /// The accepted values, by column.
    #[serde(default)]
    pub accepted: BTreeMap<String, Vec<Scalar>>,
    /// The lowest and the highest accepted value, by column.
    #[serde(default)]
    pub range: BTreeMap<String, (Scalar, Scalar)>,
    /// Selects over `this` that must return no row.
    #[serde(default)]
    pub sql: OneOrMore,
    /// The effect of a failed check of the group.
    #[serde(default)]
    pub severity: Severity,
}

/// One text or several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected one text or a list of them, such as [a, b]")]
pub enum OneOrMore {
    /// None.
    #[default]
    #[serde(skip)]
    None,
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

impl OneOrMore {
    /// Returns the texts.
    pub fn texts(&self) -> &[String] {
        match self {
            OneOrMore::None => &[],
            OneOrMore::One(one) => std::slice::from_ref(one),
            OneOrMore::More(more) => more,
        }
    }
}

fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(OneOrMore::deserialize(deserializer)?.texts().to_vec())
}

fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    list(deserializer).map(Some)
}

/// Reads a name in the form of tables' names.
fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let role = String::deserialize(deserializer)?;
    if is_plain_name(&role) { Ok(Some(role)) } else { Err(D::Error::custom("no plain name")) }
}

/// Returns true if a name consists of up to 50 lowercase letters, digits and `_`.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    !name.is_empty() && name.len() <= 50 && name.bytes().all(is_plain)
}

/// Reads one group of checks, or a list of them.
fn groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Checks>>, D::Error> {
    // As for [`DimensionUse`], the error has to name the wrong word.
    struct Groups;
    impl<'de> Visitor<'de> for Groups {
        type Value = Vec<Checks>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("checks or a list of groups of them")
        }

        fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Vec<Checks>, M::Error> {
            Checks::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<S: SeqAccess<'de>>(self, list: S) -> Result<Vec<Checks>, S::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }

        fn visit_unit<E: Error>(self) -> Result<Vec<Checks>, E> {
            Ok(Vec::new())
        }
    }
    deserializer.deserialize_any(Groups).map(Some)
}

/// The earlier names of columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a name, or columns with their earlier names, such as {customer_no: id}")]
pub(super) enum Was {
    /// That of the key's only column.
    Key(String),
    /// Those of some columns.
    Columns(BTreeMap<String, String>),
}

/// The words of a header.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) kind: KindWord,
    #[serde(default, deserialize_with = "some")]
    pub(super) key: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some")]
    pub(super) history: Option<Vec<String>>,
    pub(super) at: Option<String>,
    pub(super) unknown: Option<BTreeMap<String, Scalar>>,
    pub(super) gone: Option<Gone>,
    pub(super) was: Option<Was>,
    #[serde(default, deserialize_with = "some")]
    pub(super) grain: Option<Vec<String>>,
    pub(super) dimensions: Option<BTreeMap<String, DimensionUse>>,
    #[serde(default, deserialize_with = "some")]
    pub(super) group: Option<Vec<String>>,
    pub(super) weight: Option<String>,
    pub(super) from: Option<chrono::NaiveDate>,
    pub(super) to: Option<chrono::NaiveDate>,
    pub(super) fiscal_year_starts: Option<u32>,
    pub(super) unpivot: Option<Unpivot>,
    pub(super) explode: Option<Explode>,
    pub(super) distinct: Option<bool>,
    #[serde(default, deserialize_with = "groups")]
    pub(super) checks: Option<Vec<Checks>>,
    pub(super) guard: Option<Guard>,
}

impl Words {
    /// Returns the given words, without `kind`.
    pub(super) fn said(&self) -> Vec<&'static str> {
        let said = [
            ("key", self.key.is_some()),
            ("history", self.history.is_some()),
            ("at", self.at.is_some()),
            ("unknown", self.unknown.is_some()),
            ("gone", self.gone.is_some()),
            ("was", self.was.is_some()),
            ("grain", self.grain.is_some()),
            ("dimensions", self.dimensions.is_some()),
            ("group", self.group.is_some()),
            ("weight", self.weight.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            ("fiscal_year_starts", self.fiscal_year_starts.is_some()),
            ("unpivot", self.unpivot.is_some()),
            ("explode", self.explode.is_some()),
            ("distinct", self.distinct.is_some()),
            ("checks", self.checks.is_some()),
            ("guard", self.guard.is_some()),
        ];
        said.into_iter().filter(|(_, is)| *is).map(|(word, _)| word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Guard;
    use super::super::VOCABULARY;
    use super::{Checks, Detailed, Explode, Unpivot, Words};
    use crate::text::yaml_fault::same_words;

    #[test]
    fn the_reference_has_the_words_of_the_reader() {
        let [words, detailed, unpivot, explode, checks, guard] = VOCABULARY.levels else { panic!("six levels") };
        same_words::<Words>(words);
        same_words::<Detailed>(detailed);
        same_words::<Unpivot>(unpivot);
        same_words::<Explode>(explode);
        same_words::<Checks>(checks);
        same_words::<Guard>(guard);
    }
}
