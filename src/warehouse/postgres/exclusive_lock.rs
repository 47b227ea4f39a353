//! Exclusive locks, taken so that readers do not wait for long and none of them fails.
//!
//! All later sessions wait behind a session that waits for such a lock, and a session that waits for a second one while
//! holding a first can stand in a circle with a reader, of whom the server ends one. So all are taken at once or none,
//! those of views before those of the tables that they read, as their readers take them; and each is waited for so
//! briefly that readers pass between the tries.

use std::time::{Duration, Instant};

use sqlx::{Executor, PgConnection, Row};
use tracing::info;

use super::super::WarehouseError;
use super::safe;
use super::views::dependents;

/// Wait for one lock; less than the server's `deadlock_timeout`, one second, so that it never looks for a circle.
const TRY: Duration = Duration::from_millis(100);
/// Pause between two tries, for readers to go first.
const PAUSE: Duration = Duration::from_millis(400);
/// Time of all tries, after which the run gives up.
const PATIENCE: Duration = Duration::from_secs(300);
/// Wait after which the log names the holders.
const SAID_AFTER: Duration = Duration::from_secs(5);

/// Query for the holders of locks on the relations.
const HOLDERS: &str = "
    select string_agg(distinct format('%s (process %s, user %s, since %s)', l.relation::regclass, a.pid, a.usename,
        to_char(a.xact_start at time zone 'UTC', 'HH24:MI:SS')), ', ')
    from pg_locks as l join pg_stat_activity as a using (pid)
    where l.granted and l.relation in (select to_regclass(r) from unnest($1::text[]) as r) and l.pid <> pg_backend_pid()";

/// Locks these relations (quoted; absent ones are passed over), and the views over them, for this transaction alone.
///
/// # Errors
/// [`WarehouseError::Locked`] with the names of the readers, after five minutes.
pub(super) async fn lock(connection: &mut PgConnection, relations: &[String]) -> Result<(), WarehouseError> {
    let mut statements: Vec<String> = Vec::new();
    let mut tables = Vec::new();
    for relation in relations {
        let kind: Option<String> = sqlx::query_scalar("select relkind::text from pg_class where oid = to_regclass($1)")
            .bind(relation)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(kind) = kind else { continue };
        for view in dependents(connection, relation, kind == "v").await?.iter().filter(|view| view.kind == "v") {
            // `lock table` would lock a view's tables with it; a change of owner to the same one locks the view alone.
            let statement = format!("alter view {} owner to {}", view.name, view.owner);
            if !statements.contains(&statement) {
                statements.push(statement);
            }
        }
        if kind != "v" {
            tables.push(format!("lock table only {relation} in access exclusive mode"));
        }
    }
    statements.extend(tables);
    let before: String =
        sqlx::query_scalar("select current_setting('lock_timeout')").fetch_one(&mut *connection).await?;
    let (started, mut is_said) = (Instant::now(), false);
    loop {
        connection.execute("savepoint alone").await?;
        let held = match all(connection, &statements).await {
            Ok(()) => {
                connection.execute(safe(format!("set local lock_timeout = '{before}'"))).await?;
                connection.execute("release savepoint alone").await?;
                return Ok(());
            }
            Err(error @ WarehouseError::Locked(_)) => error,
            Err(error) => return Err(error),
        };
        connection.execute("rollback to savepoint alone").await?;
        if started.elapsed() > SAID_AFTER && !is_said || started.elapsed() > PATIENCE {
            let holders = sqlx::query(HOLDERS).bind(relations).fetch_one(&mut *connection).await?;
            let holders = holders.try_get::<Option<String>, _>(0)?.unwrap_or_default();
            if started.elapsed() > PATIENCE {
                return Err(held.while_doing(&format!(
                    "its columns are to change and it is being read: {holders}; nothing was changed, run it again when that is done"
                )));
            }
            info!(readers = holders, "waiting until what is to change is not being read");
            is_said = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn all(connection: &mut PgConnection, statements: &[String]) -> Result<(), WarehouseError> {
    connection.execute(safe(format!("set local lock_timeout = {}", TRY.as_millis()))).await?;
    for statement in statements {
        connection.execute(safe(statement.clone())).await?;
    }
    Ok(())
}
