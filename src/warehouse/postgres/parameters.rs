//! Parameters of an address, after its `?`.

use tracing::warn;
use url::Url;

/// Parameters that sqlx knows, `PgConnectOptions` in its documentation; `options[...]` too.
const KNOWN: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// True if the address holds a password.
pub(super) fn has_password(address: &str) -> bool {
    let is_said = |url: Url| url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password");
    Url::parse(address).is_ok_and(is_said)
}

/// Warns of unknown parameters by their names. sqlx does too, but with their values, which may be secret, so the log
/// leaves that out.
pub(super) fn warn_of_unknown(address: &str) {
    let Ok(url) = Url::parse(address) else { return };
    for (name, _) in url.query_pairs() {
        if !KNOWN.contains(&&*name) && !name.starts_with("options[") {
            warn!("DATABASE_URL: {name} is no word that is known, and does nothing");
        }
    }
}
