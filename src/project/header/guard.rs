//! How much a run may take out of a table before a person is asked.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::Scalar;

/// How much a run may take out of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// The least number of open members of a dimension, or rows of another table.
    #[serde(default, deserialize_with = "least")]
    pub at_least: Option<u64>,
    /// How many of them may go in one run.
    #[serde(default, deserialize_with = "share")]
    pub gone_at_most: Option<Share>,
}

/// A number of rows, as it is or of those there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Share {
    /// So many rows.
    Rows(u64),
    /// So many of a hundred rows.
    Percent(f64),
}

impl Share {
    /// Returns true if it is exceeded by `some` of `all`.
    pub fn is_exceeded(self, some: u64, all: u64) -> bool {
        match self {
            Share::Rows(most) => some > most,
            #[allow(clippy::cast_precision_loss)]
            Share::Percent(most) => some as f64 * 100.0 > most * all as f64,
        }
    }

    /// Reads `20`, `20 members`, `20 rows` or `5 %`.
    fn parse(text: &str) -> Option<Share> {
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.trim_end().parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
            return percent.map(Share::Percent);
        }
        let number = ["rows", "members"].iter().find_map(|word| text.strip_suffix(word)).unwrap_or(text);
        number.trim_end().parse().ok().map(Share::Rows)
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Share::Rows(rows) => write!(out, "{rows}"),
            Share::Percent(percent) => write!(out, "{percent} %"),
        }
    }
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Share>, D::Error> {
    let Scalar(text) = Scalar::deserialize(deserializer)?;
    Share::parse(&text).map(Some).ok_or_else(|| D::Error::custom("no number of rows"))
}

fn least<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match share(deserializer)? {
        Some(Share::Rows(rows)) => Ok(Some(rows)),
        _ => Err(D::Error::custom("no number of rows")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_shares() {
        for (text, share) in [
            ("20", Some(Share::Rows(20))),
            ("1000 rows", Some(Share::Rows(1000))),
            ("20 members", Some(Share::Rows(20))),
            ("5 %", Some(Share::Percent(5.0))),
            ("0.5%", Some(Share::Percent(0.5))),
            ("101 %", None),
            ("-1", None),
            ("few", None),
        ] {
            assert_eq!(Share::parse(text), share, "{text}");
        }
        assert!(Share::Percent(5.0).is_exceeded(6, 100) && !Share::Percent(5.0).is_exceeded(5, 100));
        assert!(Share::Rows(0).is_exceeded(1, 100) && !Share::Rows(1).is_exceeded(1, 100));
    }
}
