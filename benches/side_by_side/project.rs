//! A project folder with a database, both new, both gone with it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::child::{self, Ran};
pub use crate::engine::Engine;
use crate::{Bench, sql};

pub struct Project<'a> {
    bench: &'a Bench,
    folder: tempfile::TempDir,
    pub engine: Engine,
    pub url: String,
}

impl<'a> Project<'a> {
    pub fn new(bench: &'a Bench, engine: Engine) -> anyhow::Result<Project<'a>> {
        let work = bench.folder.join("work");
        std::fs::create_dir_all(&work)?;
        let folder = tempfile::tempdir_in(work)?;
        let url = match (engine, &bench.cluster) {
            (Engine::Sqlite, _) => format!("sqlite://{}", folder.path().join("warehouse.db").display()),
            (Engine::Postgres, cluster) => cluster.as_ref().context("there is no PostgreSQL")?.new_database()?,
        };
        std::fs::create_dir(folder.path().join("imports"))?;
        Ok(Project { bench, folder, engine, url })
    }

    pub fn path(&self, of: &str) -> std::path::PathBuf {
        self.folder.path().join(of)
    }

    /// Copies a file into the folder that is watched.
    pub fn put(&self, file: &Path, name: &str) -> anyhow::Result<()> {
        std::fs::copy(file, self.path("imports").join(name)).with_context(|| file.display().to_string())?;
        Ok(())
    }

    /// The program in this folder, with nothing set but the database.
    pub fn app(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bench.app);
        command.current_dir(self.folder.path()).args(arguments).env_clear().env("DATABASE_URL", &self.url);
        command
    }

    /// Loads what lies there and sees that every row was loaded or, in an upsert, was there already.
    pub fn once(&self, rows: u64) -> anyhow::Result<Ran> {
        let ran = child::run(&mut self.app(&["--once", "--json"]))?;
        let totals: Value = serde_json::from_str(ran.stdout.trim())?;
        let count = |name: &str| totals[name].as_u64().unwrap_or_default();
        ensure!(
            count("rows_loaded") + count("rows_duplicate") == rows && count("failed") + count("waiting") == 0,
            "not every row was loaded: {totals}"
        );
        let left = std::fs::read_dir(self.path("imports"))?.flatten().filter(|entry| entry.path().is_file()).count();
        ensure!(left == 0, "{left} files were not deleted");
        Ok(ran)
    }

    /// Sees that a select gives a number.
    pub fn expect(&self, sql: &str, number: u64) -> anyhow::Result<()> {
        let is = sql::number(&self.url, sql)?;
        ensure!(is == number as i64, "{sql}: {is}, not {number}");
        Ok(())
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        if let (Engine::Postgres, Some(cluster)) = (self.engine, &self.bench.cluster)
            && let Err(error) = cluster.drop_database(&self.url)
        {
            eprintln!("cannot drop the database: {error}");
        }
        // The disk is left in peace before the next run.
        std::thread::sleep(Duration::from_millis(200));
    }
}
