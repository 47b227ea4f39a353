//! A project folder of one case, and loading in it without a daemon.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluice::app::App;
use sluice::load::{FileOutcome, LoadReport, load_file};
use sluice::source::Folder;

use super::TestDatabase;

pub struct Workdir {
    folder: tempfile::TempDir,
}

impl Workdir {
    pub fn new() -> anyhow::Result<Workdir> {
        let folder = tempfile::tempdir()?;
        for name in ["imports", "exports", "sql/pipeline", "sql/analysis"] {
            fs::create_dir_all(folder.path().join(name))?;
        }
        Ok(Workdir { folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    pub fn read(&self, name: &str) -> anyhow::Result<String> {
        anyhow::Context::with_context(fs::read_to_string(self.path(name)), || name.to_owned())
    }

    /// Writes a plugin.
    pub fn plugin(&self, name: &str, yaml: &str) -> anyhow::Result<()> {
        fs::create_dir_all(self.path("plugins").join(name))?;
        self.write(&format!("plugins/{name}/plugin.yaml"), yaml)?;
        Ok(())
    }

    /// Names in a folder, sorted, hidden ones left out.
    pub fn list(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(name)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }

    /// How many programs have a place in imports/, or left one.
    pub fn claims(&self) -> usize {
        let places = fs::read_dir(self.path("imports/.sluice")).into_iter().flatten().flatten();
        places.filter(|place| place.path().is_dir()).count()
    }

    pub fn app(&self, database: &TestDatabase) -> App {
        let plugins = sluice::dataset::plugin::Plugins::read(&self.path("plugins"), &|_| Ok(None));
        let folders = [("IMPORTS_DIR", "imports"), ("EXPORTS_DIR", "exports"), ("SQL_DIR", "sql")];
        let folders = folders.map(|(name, folder)| (name.to_owned(), self.path(folder).display().to_string()));
        let settings = sluice::settings::Settings::from_pairs(folders, []).expect("the folders are right");
        // The tests' program decodes no standard input: what it reads is decoded within.
        App::builder(&settings)
            .limits(sluice::format::Limits::default())
            .plugins(plugins.expect("the case's plugins are right"))
            .build(Arc::clone(&database.warehouse))
    }

    /// Drops a file and has it loaded.
    pub async fn drop_file(
        &self,
        database: &TestDatabase,
        name: &str,
        text: impl AsRef<[u8]>,
    ) -> anyhow::Result<FileOutcome> {
        let folder = Folder::open(&self.path("imports"))?;
        fs::write(folder.path().join(name), text)?;
        let app = self.app(database);
        Ok(load_file(&app.loader, &app.plugins.get(), folder.claim(OsStr::new(name))?, false, app.loader.order.join())
            .await)
    }

    /// Drops a file that must load.
    pub async fn load(
        &self,
        database: &TestDatabase,
        name: &str,
        text: impl AsRef<[u8]>,
    ) -> anyhow::Result<LoadReport> {
        match self.drop_file(database, name, text).await? {
            FileOutcome::Loaded(reports) if reports.len() == 1 => Ok(reports[0].clone()),
            other => {
                let failed = self.list("imports/failed");
                let errors: Vec<_> = failed.iter().filter(|name| name.ends_with(".error.json")).collect();
                let texts: Vec<_> = errors.iter().map(|name| self.read(&format!("imports/failed/{name}"))).collect();
                anyhow::bail!("{name}: {other:?} {texts:?}")
            }
        }
    }

    /// Copies the example's SQL files.
    pub fn copy_example_sql(&self) -> anyhow::Result<()> {
        for folder in ["sql/pipeline", "sql/analysis"] {
            for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))? {
                let entry = entry?;
                fs::copy(entry.path(), self.path(folder).join(entry.file_name()))?;
            }
        }
        Ok(())
    }
}
