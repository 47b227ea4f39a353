//! The settings of each concern, and how their words are read.

use std::path::PathBuf;

use serde::Deserialize;

use crate::archive::{OnSuccess, Place};
use crate::format::{Decoder, Limits};
use crate::text::words;

/// Where rows go.
#[derive(Clone, Debug, Deserialize)]
pub struct Database {
    /// The address, with its password.
    pub database_url: String,
    /// The password, where the address has none; may be empty.
    pub database_password: String,
    /// The staging schema.
    pub staging_schema: String,
    /// The star's schema.
    pub dw_schema: String,
    /// Make what is missing.
    #[serde(deserialize_with = "boolean")]
    pub init_db: bool,
    /// Drop everything first.
    #[serde(deserialize_with = "boolean")]
    pub dev: bool,
}

/// Where files are.
#[derive(Clone, Debug, Deserialize)]
pub struct Folders {
    /// What is watched.
    pub imports_dir: PathBuf,
    /// What goes out.
    pub exports_dir: PathBuf,
    /// Logs.
    pub logs_dir: PathBuf,
    /// The SQL files.
    pub sql_dir: PathBuf,
    /// The plugins.
    pub plugins_dir: PathBuf,
}

/// When a file is taken.
#[derive(Clone, Debug, Deserialize)]
pub struct Watching {
    /// Seconds that a written file must be quiet.
    pub settle_seconds: f64,
    /// Look instead of waiting for events.
    #[serde(deserialize_with = "boolean")]
    pub poll: bool,
}

/// When the star is brought up to date.
#[derive(Clone, Debug, Deserialize)]
pub struct Building {
    /// By whom.
    #[serde(deserialize_with = "pipeline")]
    pub pipeline: Build,
}

/// Who brings the star up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// `app --pipeline`.
    Manual,
    /// The daemon, after loads.
    OnLoad,
}

/// What is unpacked.
#[derive(Clone, Debug, Deserialize)]
pub struct Archives {
    /// Members of an archive.
    pub archive_max_members: usize,
    /// Bytes out of one part.
    pub archive_max_bytes: u64,
    /// Bytes out for one in.
    pub archive_max_ratio: u64,
    /// Bytes of memory of a decoder.
    pub decoder_memory: u64,
    /// Seconds of processor time of a decoder.
    pub decoder_seconds: u64,
}

impl Archives {
    /// As the reader takes them.
    pub fn limits(&self) -> Limits {
        Limits {
            members: self.archive_max_members,
            bytes: self.archive_max_bytes,
            ratio: self.archive_max_ratio,
            decoder: Some(Decoder { memory: self.decoder_memory, seconds: self.decoder_seconds }),
        }
    }
}

/// What becomes of loaded files.
#[derive(Clone, Debug, Deserialize)]
pub struct Keeping {
    /// Of those of which no plugin says it.
    #[serde(deserialize_with = "on_success")]
    pub on_success: OnSuccess,
    /// Where they are kept.
    #[serde(deserialize_with = "place")]
    pub archive: Place,
}

/// What is logged.
#[derive(Clone, Debug, Deserialize)]
pub struct Logging {
    /// Days whose files are kept.
    pub log_keep_days: u32,
    /// Bytes after which a file is full.
    #[serde(deserialize_with = "words::read_size")]
    pub log_max_bytes: u64,
    /// More.
    #[serde(deserialize_with = "boolean")]
    pub debug_logs: bool,
    /// Statements.
    #[serde(deserialize_with = "boolean")]
    pub echo_sql: bool,
}

/// What a word says that is to be true or false.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

fn pipeline<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Build, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.trim().to_ascii_lowercase().as_str() {
        "manual" => Ok(Build::Manual),
        "on_load" => Ok(Build::OnLoad),
        _ => Err(serde::de::Error::custom(format!("PIPELINE: {text:?} is neither manual nor on_load"))),
    }
}

fn on_success<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<OnSuccess, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|why| serde::de::Error::custom(format!("ON_SUCCESS: {why}")))
}

fn place<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|why| serde::de::Error::custom(format!("ARCHIVE: {why}")))
}

fn boolean<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = String::deserialize(deserializer)?;
    truth(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not true or false")))
}
