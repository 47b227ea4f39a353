//! Memory of loads that did not happen, so that their repetition holds nothing else up: tables that another session has
//! locked or that the role may not load into, files whose load was begun before, readers that the system killed. Lost
//! when the program ends.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedMutexGuard;

use crate::clock::Clock;
use crate::load::LoadError;
use crate::sql::Engine;
use crate::warehouse::WarehouseError;

/// Pause of the files of a table that takes no rows, before one of them asks again.
const HELD: Duration = Duration::from_secs(2);

/// Wait of the others for that one's answer: longer than a load waits for a lock.
const ASKING: Duration = Duration::from_secs(15);

/// Number of readings of a file whose reader the system kills.
const KILLS: u32 = 3;

/// The memory of one program, empty by default.
#[derive(Debug, Default)]
pub struct Tries {
    clock: Clock,
    tables: Mutex<HashMap<String, Arc<TableTurn>>>,
    begun: Mutex<HashSet<String>>,
    killed: Mutex<HashMap<String, u32>>,
}

/// Turns of this program's loads into one table, before they ask the server, so that the holder of a lock there is
/// always another session.
#[derive(Debug, Default)]
struct TableTurn {
    turn: Arc<tokio::sync::Mutex<()>>,
    shut: Mutex<Option<Shut>>,
}

/// A table that takes no rows.
#[derive(Debug)]
struct Shut {
    why: Obstacle,
    until: Instant,
}

/// The obstacle to loads into one table.
#[derive(Clone, Debug)]
enum Obstacle {
    Locked(String),
    Denied { table: String, why: String, fix: String },
}

impl Obstacle {
    fn of(error: &LoadError) -> Option<Obstacle> {
        match error {
            LoadError::Warehouse(WarehouseError::Locked(why)) => Some(Obstacle::Locked(why.clone())),
            LoadError::Denied { table, why, fix } => {
                Some(Obstacle::Denied { table: table.clone(), why: why.clone(), fix: fix.clone() })
            }
            _ => None,
        }
    }

    fn error(&self) -> LoadError {
        match self.clone() {
            Obstacle::Locked(why) => WarehouseError::Locked(why).into(),
            Obstacle::Denied { table, why, fix } => LoadError::Denied { table, why, fix },
        }
    }
}

/// The turn to load into a table, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Option<(Arc<TableTurn>, OwnedMutexGuard<()>, Clock)>);

impl Tries {
    /// An empty memory, whose pauses go by this clock.
    pub fn new(clock: Clock) -> Tries {
        Tries { clock, ..Tries::default() }
    }

    /// Refuses at once while another session holds a lock on the table, so that no place is taken by waiting for it; and
    /// while the role lacks a right on it.
    ///
    /// # Errors
    /// [`WarehouseError::Locked`] or [`LoadError::Denied`] with the words of the load that found it.
    pub(crate) fn may_load(&self, table: &str) -> Result<(), LoadError> {
        let known = lock(&self.tables).get(table).cloned();
        known.map_or(Ok(()), |table| table.may_load(self.clock.now()))
    }

    /// Waits for the earlier loads of this program. SQLite has one writer, which needs no turn here.
    ///
    /// # Errors
    /// As [`Tries::may_load`].
    pub(crate) async fn turn(&self, engine: Engine, table: &str) -> Result<Turn, LoadError> {
        if engine.has_one_writer() {
            return Ok(Turn(None));
        }
        let table = Arc::clone(lock(&self.tables).entry(table.to_owned()).or_default());
        table.may_load(self.clock.now())?;
        let guard = Arc::clone(&table.turn).lock_owned().await;
        // The load before may have found it shut.
        table.may_load(self.clock.now())?;
        if let Some(shut) = &mut *lock(&table.shut) {
            shut.until = self.clock.now() + ASKING;
        }
        Ok(Turn(Some((table, guard, self.clock.clone()))))
    }

    /// True if a file's load begins for the first time.
    pub(crate) fn begin(&self, name: &str) -> bool {
        lock(&self.begun).insert(name.to_owned())
    }

    /// Forgets a file whose load will not be tried again.
    pub(crate) fn end(&self, name: &str) {
        lock(&self.begun).remove(name);
        lock(&self.killed).remove(name);
    }

    /// True if a file is read once more after the system killed its reader.
    pub(crate) fn once_more(&self, name: &str) -> bool {
        let mut killed = lock(&self.killed);
        let kills = killed.entry(name.to_owned()).or_default();
        *kills += 1;
        *kills < KILLS
    }
}

impl TableTurn {
    fn may_load(&self, now: Instant) -> Result<(), LoadError> {
        match &*lock(&self.shut) {
            Some(shut) if now < shut.until => Err(shut.why.error()),
            _ => Ok(()),
        }
    }
}

impl Turn {
    /// Remembers the outcome of the load.
    pub(crate) fn end<T>(self, done: &Result<T, LoadError>) {
        let Some((table, _guard, clock)) = self.0 else { return };
        let why = done.as_ref().err().and_then(Obstacle::of);
        *lock(&table.shut) = why.map(|why| Shut { why, until: clock.now() + HELD });
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres() -> Engine {
        Engine::of_url("postgres:")
    }

    #[tokio::test]
    async fn the_loads_behind_one_that_found_its_table_locked_do_not_wait() {
        let clock = Clock::default();
        let tries = Arc::new(Tries::new(clock.clone()));
        let first = tries.turn(postgres(), "t").await.unwrap();
        let behind = tokio::spawn({
            let tries = Arc::clone(&tries);
            async move { tries.turn(postgres(), "t").await.map(drop) }
        });
        // Other tables go on.
        tries.turn(postgres(), "u").await.unwrap().end(&Ok::<_, LoadError>(()));
        let locked = || LoadError::Warehouse(WarehouseError::Locked("psql".to_owned()));
        first.end(&Err::<(), _>(locked()));
        assert_eq!(behind.await.unwrap().unwrap_err().to_string(), "somebody else holds a lock: psql");
        assert!(tries.may_load("t").is_err());
        // It is time to ask again: one does, and the others do not wait for it.
        clock.advance(HELD);
        let asks = tries.turn(postgres(), "t").await.unwrap();
        assert!(tries.may_load("t").is_err());
        asks.end(&Ok::<_, LoadError>(()));
        assert!(tries.may_load("t").is_ok());
        assert!(tries.turn(Engine::of_url("sqlite:"), "t").await.is_ok());
    }

    #[test]
    fn a_file_begins_once_and_is_read_again_twice() {
        let tries = Tries::default();
        assert_eq!([tries.begin("x"), tries.begin("x"), tries.begin("y")], [true, false, true]);
        assert_eq!([tries.once_more("x"), tries.once_more("x"), tries.once_more("x")], [true, true, false]);
        tries.end("x");
        assert!(tries.begin("x") && tries.once_more("x"));
    }
}
