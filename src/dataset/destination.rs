//! Another database that the rows of a plugin go to, with their ledger and checkpoints.

use url::Url;

use crate::text::secrets::{keep, keep_password, passwords_of, without_password};

/// Another database that the rows of a plugin go to.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    url: String,
    shown: String,
}

impl Destination {
    /// The database at an address as `DATABASE_URL` has it. Its password is hidden in all later output.
    ///
    /// # Errors
    /// In words, without any of the address: a password may stand anywhere in one that is not understood.
    pub fn parse(url: &str) -> Result<Destination, String> {
        passwords_of(url).for_each(|password| keep_password(&password));
        let shown = shown(url)?;
        if without_password(url) != url {
            keep(url, &shown);
        }
        Ok(Destination { url: url.to_owned(), shown })
    }

    /// The address, with its password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// True if the address has a password.
    pub fn has_password(&self) -> bool {
        !self.url.starts_with("sqlite:") && without_password(&self.url) != self.url
    }
}

/// Server and database, or the file: no user, no password.
impl std::fmt::Display for Destination {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Destination({})", self.shown)
    }
}

fn shown(address: &str) -> Result<String, String> {
    let wrong = || {
        "is no address of a database, such as postgres://user:password@host:5432/database or sqlite://path/to/file.db"
            .to_owned()
    };
    if let Some(path) = address.strip_prefix("sqlite:") {
        if path.split_once('@').is_some_and(|(user, _)| user.contains(':')) {
            return Err("an SQLite file has no user and no password: sqlite://path/to/file.db is expected".to_owned());
        }
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or(path);
        return if path.is_empty() { Err(wrong()) } else { Ok(format!("sqlite://{path}")) };
    }
    if !(address.starts_with("postgres://") || address.starts_with("postgresql://")) {
        return Err(wrong());
    }
    if without_password(address).ends_with("://***") {
        return Err(
            "cannot be read for sure: signs such as / ? # @ : in its user or password are written %2F %3F %23 %40 %3A"
                .to_owned(),
        );
    }
    let url = Url::parse(address).map_err(|_| wrong())?;
    let word = |names: &[&str]| {
        let found = url.query_pairs().find(|(name, _)| names.contains(&&**name));
        found.map(|(_, value)| value.into_owned())
    };
    let host = word(&["host", "hostaddr"]).or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
    let port = word(&["port"]).or_else(|| url.port().map(|port| port.to_string()));
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let name = word(&["dbname"]).unwrap_or_else(|| url.path().trim_start_matches('/').to_owned());
    Ok(format!("postgres://{}{port}/{name}", host.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_without_user_and_password() {
        for (address, expected) in [
            (
                "postgres://u:hunter2-x@DB.example.org:5433/reports?sslmode=require",
                "postgres://db.example.org:5433/reports",
            ),
            ("postgresql://u@db/reports", "postgres://db/reports"),
            ("postgres:///x?host=/run/pg&port=5439&dbname=y&user=u", "postgres:///run/pg:5439/y"),
            ("sqlite://data/second.db?mode=rwc", "sqlite://data/second.db"),
            ("sqlite:second.db", "sqlite://second.db"),
        ] {
            let destination = Destination::parse(address).unwrap();
            assert_eq!((destination.to_string(), destination.url()), (expected.to_owned(), address));
            assert!(!format!("{destination:?}").contains("hunter2"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_shown() {
        for address in [
            "hunter2",
            "",
            "sqlite://",
            "mysql://u:hunter2@h/x",
            "host=h password=hunter2",
            "sqlite://u:hunter2@h/x",
            "postgres://u:12/hunter2@h/x",
            "postgres://u:12#hunter2@h/x",
            "postgres://u:hunter2@h:port/x",
        ] {
            let why = Destination::parse(address).unwrap_err();
            assert!(!why.contains("hunter2"), "{address}: {why}");
        }
    }
}
