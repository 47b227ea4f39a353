//! Settings by concern, and the parsing of their words.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::archive::{OnSuccess, Place};
use crate::clock::{Schedule, Zone};
use crate::format::{Decoder, Limits};
use crate::text::words;

/// Settings of the database.
#[derive(Clone, Debug, Deserialize)]
pub struct Database {
    /// Address, with its password.
    pub database_url: String,
    /// Password for an address without one; may be empty.
    pub database_password: String,
    /// Connections to PostgreSQL at once, at most.
    pub database_connections: u32,
    /// Name of the staging schema.
    pub staging_schema: String,
    /// Name of the star's schema.
    pub dw_schema: String,
    /// True to create missing schemas.
    #[serde(deserialize_with = "boolean")]
    pub init_db: bool,
    /// True to drop everything first.
    #[serde(deserialize_with = "boolean")]
    pub dev: bool,
}

/// Folders of the project.
#[derive(Clone, Debug, Deserialize)]
pub struct Folders {
    /// Folder that is watched.
    pub imports_dir: PathBuf,
    /// Folder of results.
    pub exports_dir: PathBuf,
    /// Folder of logs.
    pub logs_dir: PathBuf,
    /// Folder of the SQL files.
    pub sql_dir: PathBuf,
    /// Folder of the plugins.
    pub plugins_dir: PathBuf,
}

/// Settings of the watch.
#[derive(Clone, Debug, Deserialize)]
pub struct Watching {
    /// Seconds that a written file must be quiet.
    pub settle_seconds: f64,
    /// True to poll instead of waiting for events.
    #[serde(deserialize_with = "boolean")]
    pub poll: bool,
}

/// Settings of the star's builds.
#[derive(Clone, Debug, Deserialize)]
pub struct Building {
    /// Trigger of a build.
    #[serde(deserialize_with = "pipeline")]
    pub pipeline: Build,
    /// Schedule of the pipeline, as text; may be empty.
    pub schedule_pipeline: String,
    /// Schedule of the analysis, as text; may be empty.
    pub schedule_analysis: String,
}

impl Building {
    /// The schedules of the pipeline and the analysis; `zone` gives that of a text without one.
    pub(super) fn schedules(
        &self,
        zone: &dyn Fn() -> Result<Zone, String>,
    ) -> Result<Vec<(&'static str, Schedule)>, String> {
        let said = [
            ("pipeline", "SCHEDULE_PIPELINE", &self.schedule_pipeline),
            ("analysis", "SCHEDULE_ANALYSIS", &self.schedule_analysis),
        ];
        let said = said.into_iter().filter(|(.., text)| !text.trim().is_empty());
        let parse = |(name, setting, text): (_, _, &String)| {
            let schedule = Schedule::parse(text, zone).map_err(|why| format!("{setting}: {why}"))?;
            Ok((name, schedule))
        };
        said.map(parse).collect()
    }
}

/// Trigger of a build of the star.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// The command `app --pipeline`.
    Manual,
    /// The daemon, after loads.
    OnLoad,
}

/// Limits for archives and decoders.
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
    /// The limits in the reader's form.
    pub fn limits(&self) -> Limits {
        Limits {
            members: self.archive_max_members,
            bytes: self.archive_max_bytes,
            ratio: self.archive_max_ratio,
            decoder: Some(Decoder { memory: self.decoder_memory, seconds: self.decoder_seconds }),
        }
    }
}

/// Settings of the HTTP API.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    /// Address and port to listen on; off where empty.
    #[serde(rename = "http_addr", deserialize_with = "socket")]
    pub address: Option<SocketAddr>,
    /// Names that it answers to besides those of this machine, separated by commas.
    #[serde(rename = "http_hosts")]
    pub hosts: String,
    /// Bytes of one upload at most.
    #[serde(rename = "http_max_upload", deserialize_with = "words::read_size")]
    pub max_upload: u64,
    /// Tokens: name:scope:sha256, separated by commas.
    #[serde(rename = "api_tokens")]
    pub tokens: String,
}

/// Settings of the archive.
#[derive(Clone, Debug, Deserialize)]
pub struct Keeping {
    /// Rule for files without one of a plugin.
    #[serde(deserialize_with = "on_success")]
    pub on_success: OnSuccess,
    /// Place of kept files.
    #[serde(deserialize_with = "place")]
    pub archive: Place,
}

/// Settings of the logs.
#[derive(Clone, Debug, Deserialize)]
pub struct Logging {
    /// Days for which files are kept.
    pub log_keep_days: u32,
    /// Bytes after which a file is full.
    #[serde(deserialize_with = "words::read_size")]
    pub log_max_bytes: u64,
    /// True for more detail.
    #[serde(deserialize_with = "boolean")]
    pub debug_logs: bool,
    /// True to log statements.
    #[serde(deserialize_with = "boolean")]
    pub echo_sql: bool,
}

/// Reads a truth; `None` for another word.
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

fn socket<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let why = || {
        serde::de::Error::custom(format!(
            "HTTP_ADDR: {text:?} is no address with a port, such as 127.0.0.1:5000 or [::1]:5000"
        ))
    };
    text.parse().map(Some).map_err(|_| why())
}
