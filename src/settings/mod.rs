//! All settings: from the environment, then `.env`, then the default. Only `main` calls [`Settings::read`]; everything
//! else takes values.

mod concerns;
mod known;
mod places;
mod tokens;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use self::concerns::truth;
use crate::alert::Alerting;
use crate::archive::Archive;
use crate::clock::{Schedule, Zone};
use crate::sql::{Engine, Names};
use crate::text::secrets;
use crate::warehouse::Address;

pub use crate::text::secrets::without_password;
pub use concerns::{Archives, Build, Building, Database, Folders, Http, Keeping, Logging, Watching};
pub use known::{KNOWN, Known};
pub use places::may_send_in_clear;
pub(crate) use places::{database_file, real};
pub use tokens::{Scope, Token};

/// All settings, by concern.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Settings of the database.
    pub database: Database,
    /// Folders of the project.
    pub folders: Folders,
    /// Settings of the watch.
    pub watching: Watching,
    /// Settings of the star's builds.
    pub building: Building,
    /// Limits for archives and decoders.
    pub archives: Archives,
    /// Settings of alerts.
    pub alerting: Alerting,
    /// Settings of the archive.
    pub keeping: Keeping,
    /// Settings of the HTTP API.
    pub http: Http,
    /// Settings of the logs.
    pub logging: Logging,
    /// Value and origin of each setting, by name.
    origins: BTreeMap<&'static str, (String, Origin)>,
    /// All variables that are set, in capital letters.
    given: BTreeMap<String, (String, Origin)>,
}

/// Origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The environment.
    Environment,
    /// The `.env` file.
    DotEnv,
    /// A file named by `NAME_FILE`.
    File(PathBuf),
    /// The default.
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Environment => f.write_str("environment"),
            Origin::DotEnv => f.write_str(".env"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A setting that is of no use, in words that name it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl Settings {
    /// Reads the environment and the `.env` file of the folder the program runs in.
    ///
    /// # Errors
    /// A useless value, or a `.env` that cannot be read or holds a word that is almost a setting's name.
    pub fn read() -> Result<Settings, SettingsError> {
        let file = Path::new(".env");
        let dotenv = if file.exists() {
            dotenvy::from_path_iter(file)
                .and_then(|pairs| pairs.collect::<Result<Vec<_>, _>>())
                .map_err(|error| SettingsError(of_dotenv(&error, &std::fs::read_to_string(file).unwrap_or_default())))?
        } else {
            Vec::new()
        };
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Settings::from_pairs(environment, dotenv)
    }

    /// Reads settings from two lists of names (in any case of letters) and values; the first goes before the second.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub fn from_pairs(
        environment: impl IntoIterator<Item = (String, String)>,
        dotenv: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Settings, SettingsError> {
        let mut given: BTreeMap<String, (String, Origin)> = BTreeMap::new();
        for (name, value) in dotenv {
            let name = name.to_uppercase();
            look_at_name(&name)?;
            given.insert(name, (value, Origin::DotEnv));
        }
        for (name, value) in environment {
            given.insert(name.to_uppercase(), (value, Origin::Environment));
        }

        let mut origins = BTreeMap::new();
        for known in &KNOWN {
            let names: &[&str] = match known.name {
                "DATABASE_URL" => &["DATABASE_URL", "DB_STRING"],
                "DATABASE_PASSWORD" => &["DATABASE_PASSWORD", "PGPASSWORD"],
                name => &[name],
            };
            let mut found = None;
            for name in names {
                found = match found {
                    None => value_of(name, &given)?,
                    some => some,
                };
            }
            origins.insert(known.name, found.unwrap_or_else(|| (known.default.to_owned(), Origin::Default)));
        }
        let settings = Settings {
            database: concern(&origins)?,
            folders: concern(&origins)?,
            watching: concern(&origins)?,
            building: concern(&origins)?,
            archives: concern(&origins)?,
            alerting: concern(&origins)?,
            keeping: concern(&origins)?,
            http: concern(&origins)?,
            logging: concern(&origins)?,
            origins,
            given,
        };
        settings.check()?;
        Ok(settings)
    }

    /// A variable of the environment or of `.env`, in any case of letters, or the content of the file named by
    /// `NAME_FILE`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn variable(&self, name: &str) -> Result<Option<String>, String> {
        let found = value_of(&name.to_uppercase(), &self.given).map_err(|error| error.to_string())?;
        Ok(found.map(|(value, _)| value))
    }

    /// Hides the passwords of the settings in all later output.
    pub fn keep_secrets(&self) {
        let Settings { origins, given, .. } = self;
        let own = origins.iter().map(|(name, (value, _))| (*name, value.as_str()));
        let others = given.iter().map(|(name, (value, _))| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(others.filter(|(name, _)| name.starts_with("AWS_"))) {
            if matches!(name, "DATABASE_PASSWORD" | "ALERT_WEBHOOK" | "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN") {
                secrets::keep_password(value);
            }
            secrets::passwords_of(value).for_each(|password| secrets::keep_password(&password));
        }
    }

    /// Checks that a folder can be watched: it may neither hold another place of the settings, nor lie among results.
    ///
    /// # Errors
    /// In words that name the setting.
    pub fn may_watch(&self, folder: &Path) -> Result<(), SettingsError> {
        places::why_not_watched(self, folder).map_or(Ok(()), |why| Err(SettingsError(why)))
    }

    fn check(&self) -> Result<(), SettingsError> {
        let address = &self.database.database_url;
        let user = address.strip_prefix("sqlite:").and_then(|path| path.split_once('@')).map(|(user, _)| user);
        if user.is_some_and(|user| user.contains(':')) {
            // The value is not shown: taken for a path, it would be in every message that names the file.
            return Err(SettingsError(
                "DATABASE_URL: an SQLite file has no user and no password, and this address has both: sqlite://path/to/file.db or \
                 postgres://user:password@host:5432/database is expected"
                    .to_owned(),
            ));
        }
        let seconds = self.watching.settle_seconds;
        if self.archives.archive_max_ratio == 0 {
            return Err(SettingsError("ARCHIVE_MAX_RATIO: 0 would let nothing out; use 1 or more".to_owned()));
        }
        if self.logging.log_keep_days == 0 || self.logging.log_max_bytes == 0 {
            return Err(SettingsError(
                "LOG_KEEP_DAYS and LOG_MAX_BYTES: 0 would keep nothing; use 1 or more".to_owned(),
            ));
        }
        self.alerting.channels().map_err(SettingsError)?;
        self.schedules()?;
        self.tokens()?;
        if self.archives.decoder_memory < 64 << 20 || self.archives.decoder_seconds == 0 {
            return Err(SettingsError(
                "DECODER_MEMORY and DECODER_SECONDS: a reader needs 67108864 bytes and 1 second at least".to_owned(),
            ));
        }
        if self.database.database_connections < 6 {
            return Err(SettingsError(
                "DATABASE_CONNECTIONS: four loads, a run and what they ask need 6 connections at least".to_owned(),
            ));
        }
        self.may_watch(&self.folders.imports_dir)?;
        if !(0.0..=3600.0).contains(&seconds) {
            return Err(SettingsError(format!("SETTLE_SECONDS: {seconds} is not between 0 and 3600")));
        }
        let (staging, star) = (&self.database.staging_schema, &self.database.dw_schema);
        for (name, value) in [("STAGING_SCHEMA", staging), ("DW_SCHEMA", star)] {
            let plain = value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
            if value.is_empty() || value.len() > 40 || !plain || value.starts_with("pg_") {
                return Err(SettingsError(format!(
                    "{name}: {value:?} is no schema name here: use up to 40 small letters, digits and _"
                )));
            }
        }
        if staging == star || [staging, star].iter().any(|name| *name == "sluice") {
            return Err(SettingsError(
                "STAGING_SCHEMA and DW_SCHEMA must be two schemas, and not sluice, which is the catalog's".to_owned(),
            ));
        }
        Ok(())
    }

    /// Lists each setting with its value, secrets hidden, and its origin.
    pub fn listing(&self) -> Vec<(&'static Known, String, &Origin)> {
        KNOWN
            .iter()
            .map(|known| {
                let (value, origin) = &self.origins[known.name];
                let shown = match known.name {
                    "DATABASE_URL" => without_password(value),
                    "DATABASE_PASSWORD" | "ALERT_WEBHOOK" | "ALERT_SMTP_URL" | "API_TOKENS" if !value.is_empty() => {
                        "***".to_owned()
                    }
                    _ if value.contains("://") && value.contains(['@', '?']) => without_password(value),
                    _ => value.clone(),
                };
                (known, shown, origin)
            })
            .collect()
    }

    /// The archive, with the keys of object stores from the environment and `.env`.
    pub fn archive(&self) -> Archive {
        let keys = self.given.iter().filter(|(name, (value, _))| name.starts_with("AWS_") && !value.is_empty());
        let mut keys: Vec<_> = keys.map(|(name, (value, _))| (name.clone(), value.clone())).collect();
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            if let Ok(Some((value, Origin::File(_)))) = value_of(name, &self.given) {
                keys.push((name.to_owned(), value));
            }
        }
        Archive::new(self.keeping.on_success.clone(), self.keeping.archive.clone(), keys)
    }

    /// The schedules of the pipeline and the analysis, where they have one. A text without a zone is in `TZ`, or in UTC.
    ///
    /// # Errors
    /// In words that name the setting.
    pub fn schedules(&self) -> Result<Vec<(&'static str, Schedule)>, SettingsError> {
        let zone = || Zone::of_variable(self.variable("TZ")?.as_deref());
        self.building.schedules(&zone).map_err(SettingsError)
    }

    /// The tokens of the HTTP API.
    ///
    /// # Errors
    /// In words that name the setting and show no value.
    pub fn tokens(&self) -> Result<Vec<Token>, SettingsError> {
        Token::list(&self.http.tokens).map_err(|why| SettingsError(format!("API_TOKENS: {why}")))
    }

    /// The warehouse's address.
    pub fn address(&self) -> Address {
        Address {
            url: self.database.database_url.clone(),
            password: Some(self.database.database_password.clone()).filter(|password| !password.is_empty()),
            staging: self.database.staging_schema.clone(),
            datawarehouse: self.database.dw_schema.clone(),
            echo: self.logging.echo_sql,
            create: self.database.init_db,
            reads: false,
            connections: self.database.database_connections,
        }
    }

    /// Naming in the database, known before it is asked.
    pub fn names(&self) -> Names {
        Names {
            engine: Engine::of_url(&self.database.database_url),
            staging: self.database.staging_schema.clone(),
            datawarehouse: self.database.dw_schema.clone(),
        }
    }
}

fn concern<T: DeserializeOwned>(origins: &BTreeMap<&'static str, (String, Origin)>) -> Result<T, SettingsError> {
    // Each struct takes its own settings and passes over the rest.
    let pairs = origins.iter().map(|(name, (value, _))| ((*name).to_owned(), value.clone()));
    envy::from_iter(pairs).map_err(|error| match error {
        envy::Error::Custom(why) => SettingsError(name_the_setting(&why, origins)),
        envy::Error::MissingValue(name) => SettingsError(format!("{name} is missing")),
    })
}

type IsOne = fn(&str) -> bool;

/// Kinds of values, each told by a setting's default.
const KINDS: [(IsOne, &str); 4] = [
    (|text| text.trim().parse::<f64>().is_ok(), "a number"),
    (|text| truth(text).is_some(), "true, false, 1, 0, yes or no"),
    (|text| crate::text::words::span(text).is_some(), "a time such as 90s, 30m or 2h"),
    (|text| crate::text::words::size(text).is_some(), "a size such as 10MB or 1GB"),
];

/// Names the setting of an error: envy names the field of a number it cannot read, but in its own words; other errors
/// have the value only.
fn name_the_setting(why: &str, origins: &BTreeMap<&'static str, (String, Origin)>) -> String {
    let fault = |known: &Known| {
        let (value, origin) = &origins[known.name];
        let (is_one, wanted) = KINDS.iter().find(|(is_one, _)| is_one(known.default))?;
        (!is_one(value)).then(|| format!("{}: {value:?} (from {origin}) is not {wanted}", known.name))
    };
    KNOWN.iter().find_map(fault).unwrap_or_else(|| why.to_owned())
}

fn value_of(name: &str, given: &BTreeMap<String, (String, Origin)>) -> Result<Option<(String, Origin)>, SettingsError> {
    if let Some((value, origin)) = given.get(name).filter(|(value, _)| !value.is_empty()) {
        return Ok(Some((value.clone(), origin.clone())));
    }
    let in_file = format!("{name}_FILE");
    let Some((path, _)) = given.get(&in_file).filter(|(path, _)| !path.is_empty()) else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        // A secret written into it by mistake may look like a path too.
        SettingsError(format!(
            "{in_file}: {error}: it is the path of a file that holds the value; the value itself goes into {name}"
        ))
    })?;
    Ok(Some((text.trim_end_matches(['\r', '\n']).to_owned(), Origin::File(path.into()))))
}

/// Refuses a misspelt setting. `.env` is shared with docker-compose, so other unknown words are let be.
fn look_at_name(name: &str) -> Result<(), SettingsError> {
    let plain = name.strip_suffix("_FILE").unwrap_or(name);
    if plain == "DB_STRING" || KNOWN.iter().any(|known| known.name == plain) {
        return Ok(());
    }
    match KNOWN.iter().find(|known| plain.len() > 4 && strsim::damerau_levenshtein(known.name, plain) <= 2) {
        Some(near) => Err(SettingsError(format!(".env: {name} is no setting; did you mean {}?", near.name))),
        None => Ok(()),
    }
}

/// Error of `.env`, without any of its text: a malformed line may hold a password anywhere.
fn of_dotenv(error: &dotenvy::Error, text: &str) -> String {
    match error {
        dotenvy::Error::LineParse(line, _) => {
            let first = line.lines().next().unwrap_or_default().trim();
            let place = text.lines().position(|one| !first.is_empty() && one.contains(first));
            let place = place.map_or_else(String::new, |place| format!(":{}", place + 1));
            format!(".env{place}: this line cannot be read: a value with blanks or quotes needs quotes, NAME='a value'")
        }
        dotenvy::Error::Io(error) => format!(".env: {error}"),
        _ => ".env: it cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests;
