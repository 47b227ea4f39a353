//! Limits of a server, a role or a pooler, which would end a long load or run.

use sqlx::{Executor, PgConnection, PgPool};

use super::{WarehouseError, safe};

/// Limits that a role or a database sets for others. They would end a long load or run each time, and it would be tried
/// for ever. The server knows those of its version.
const LIMITS: [&str; 4] =
    ["statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout"];

/// Lifts the limits for the transaction, behind a pooler; the third is from version 17 on.
pub(super) const UNLIMITED: &str =
    "; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0";
pub(super) const UNLIMITED_17: &str = "; set local transaction_timeout = 0";

/// Query for the limits that still hold.
const LIMITED: &str = "select name, setting || coalesce(unit, '') from pg_settings where name = any ($1) and setting <> '0' order by name";

/// Lifts the limits for a session, as far as the server lets it.
pub(super) async fn lift_limits(connection: &mut PgConnection) {
    // The first limit may be too short for a look at those that hold.
    for name in LIMITS {
        // A setting unknown to an older server is no limit of its, and a refused one is told at the start.
        let _ = connection.execute(safe(format!("set {name} = 0"))).await;
    }
}

/// The settings of a server that endanger what is loaded: no synced commits, and limits that the server, or a pooler
/// before it, keeps.
pub(super) async fn dangers(pool: &PgPool) -> Result<Vec<String>, WarehouseError> {
    let held: Vec<(String, String)> = sqlx::query_as(LIMITED).bind(LIMITS.as_slice()).fetch_all(pool).await?;
    let of_limit = |(name, value): (String, String)| {
        format!(
            "the server, or a pooler before it, keeps {name} = {value}, and ends what takes longer: alter role ... set {name} = 0"
        )
    };
    let fsync: String = sqlx::query_scalar("select current_setting('fsync')").fetch_one(pool).await?;
    let unsynced =
        "the server runs with fsync = off: a power cut may take what it has confirmed, and files are deleted by then";
    let unsynced = (fsync != "on").then(|| unsynced.to_owned());
    Ok(unsynced.into_iter().chain(held.into_iter().map(of_limit)).collect())
}
