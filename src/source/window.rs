//! A window of a stream: its records between two positions, which are loaded together.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A stream of records, or a partition of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The plugin that names the source.
    pub plugin: String,
    /// The stream of the source: a resource, a topic.
    pub stream: String,
    /// The partition of the stream; empty if it has none.
    pub partition: String,
}

/// Identity of a window. Two windows with equal bytes are two inputs, and one position is loaded once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The stream.
    #[serde(flatten)]
    pub stream: Stream,
    /// Position behind the last record before the window; none in front of the first.
    pub from: Option<Value>,
    /// Position behind the window's last record.
    pub to: Value,
}

impl std::fmt::Display for Stream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.plugin, self.stream)?;
        if self.partition.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.partition) }
    }
}

impl Position {
    /// BLAKE3 of the identity, 64 hexadecimal digits: no other input has it, whatever its bytes are.
    pub fn hash(&self) -> String {
        blake3::hash(self.text().as_bytes()).to_hex().to_string()
    }

    /// The identity as JSON, as the catalog keeps it.
    pub fn text(&self) -> String {
        serde_json::json!({
            "plugin": self.stream.plugin, "stream": self.stream.stream, "partition": self.stream.partition,
            "from": self.from, "to": self.to
        })
        .to_string()
    }
}

/// The value by which the records behind a window are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The value, as the source writes it.
    pub value: String,
    /// Its format.
    pub format: Option<String>,
}

/// Manifest of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its identity.
    #[serde(flatten)]
    pub position: Position,
    /// Generation of the checkpoint that it goes on from; 0 if there was none.
    pub generation: i64,
    /// Number of its records, if the source said it.
    pub count: Option<u64>,
    /// Cursor behind it, if the source has one.
    pub cursor: Option<Cursor>,
    /// Other database that its rows go to; `None` for the project's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// Identity of an input, by which it is known again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Identity<'a> {
    /// That of a file: its bytes.
    Content {
        /// BLAKE3 of them, 64 hexadecimal digits.
        hash: &'a str,
    },
    /// That of a window of a stream: its place.
    Position(&'a Window),
}
