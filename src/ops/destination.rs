//! The other databases that plugins send their rows to: connected when a pull needs one, and kept by the program.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use anyhow::Context;
use tracing::warn;
use url::Url;

use super::connect::{complete, usage};
use crate::app::App;
use crate::dataset::destination::Destination;
use crate::dataset::plugin::Plugins;
use crate::load::{LoadError, Loader};
use crate::settings::{Settings, database_file, real};
use crate::text::chain;
use crate::warehouse::{self, Address, WarehouseError};

/// The loader into a plugin's destination, connected at the first call; `None` if that is the project's own database. Its windows pass
/// through the folder `imports`.
///
/// # Errors
/// The database's error, which names the destination, or a file of SQLite in the watched folder.
pub async fn loader(
    app: &App,
    imports: &Path,
    destination: Option<&Destination>,
) -> anyhow::Result<Option<Arc<Loader>>> {
    let Some(destination) = destination else { return Ok(None) };
    let of = identity(destination.url());
    if of == identity(&app.address.url) {
        return Ok(None);
    }
    if database_file(destination.url()).is_some_and(|file| real(&file).starts_with(real(imports))) {
        anyhow::bail!(
            "destination: {destination} lies in IMPORTS_DIR, where files are loaded and deleted: choose a place outside of it"
        );
    }
    // Whoever waits for one that is silent holds up nobody who needs another one.
    let cell = {
        let mut known = app.destinations.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(of).or_default())
    };
    let connect = async || {
        let address = Address { url: destination.url().to_owned(), password: None, ..app.address.clone() };
        let warehouse = match warehouse::connect(&address).await {
            Err(WarehouseError::Address(why)) => anyhow::bail!("{why}"),
            done => done.map_err(usage)?,
        };
        complete(&*warehouse, address.create).await?;
        for danger in warehouse.dangers().await.unwrap_or_default() {
            warn!(database = warehouse.address(), "{danger}");
        }
        Ok(Arc::new(app.loader.beside(warehouse, imports, destination.to_string())))
    };
    let loader = cell.get_or_try_init(connect).await.with_context(|| format!("its destination {destination}"))?;
    Ok(Some(Arc::clone(loader)))
}

/// An error of a pull, with the destination whose database has refused something.
pub fn named(error: anyhow::Error, destination: Option<&str>) -> anyhow::Error {
    let Some(destination) = destination else { return error };
    let is_of_database = error.chain().any(|cause| {
        cause.is::<WarehouseError>()
            || matches!(cause.downcast_ref(), Some(LoadError::Warehouse(_) | LoadError::Denied { .. }))
    });
    if is_of_database && !chain(&error).contains(destination) {
        return error.context(format!("its destination {destination}"));
    }
    error
}

/// The destinations of these plugins, each once, with their names; those that are the project's own database are none.
pub fn all<'p>(plugins: &'p Plugins, own: &str) -> Vec<(&'p Destination, Vec<&'p str>)> {
    let mut all: Vec<(&Destination, Vec<&str>)> = Vec::new();
    for (name, dataset, _) in plugins.sources() {
        let Some(destination) = &dataset.destination else { continue };
        let of = identity(destination.url());
        if of == identity(own) {
            continue;
        }
        match all.iter_mut().find(|(known, _)| identity(known.url()) == of) {
            Some((_, names)) => names.push(name),
            None => all.push((destination, vec![name])),
        }
    }
    all
}

/// A look at a destination, which makes nothing there.
///
/// # Errors
/// The database's error.
pub async fn look(settings: &Settings, destination: &Destination) -> Result<App, WarehouseError> {
    let own = settings.address();
    let address = Address { url: destination.url().to_owned(), password: None, create: false, reads: true, ..own };
    warehouse::connect(&address).await.map(|warehouse| App::builder(settings).build(warehouse))
}

/// What two addresses of one database, as one role, have in common.
fn identity(address: &str) -> String {
    if let Some(file) = database_file(address) {
        return format!("sqlite://{}", real(&file).display());
    }
    let user = Url::parse(address).ok().map(|url| {
        let word = url.query_pairs().find(|(name, _)| name == "user").map(|(_, value)| value.into_owned());
        word.unwrap_or_else(|| url.username().to_owned())
    });
    let shown = Destination::parse(address).map_or_else(|_| address.to_owned(), |one| one.to_string());
    format!("{} {}", shown.replace(":5432/", "/"), user.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::identity;

    #[test]
    fn one_database_has_one_identity_for_a_role() {
        let of = |one: &str, other: &str| identity(one) == identity(other);
        assert!(of("postgres://u:p@h/x", "postgresql://u@H:5432/x?sslmode=require"));
        assert!(of("sqlite://data/x.db", "sqlite:./data/../data/x.db?mode=rwc"));
        assert!(!of("postgres://u@h/x", "postgres://v@h/x"));
        assert!(!of("postgres://u@h/x", "postgres://u@h:5433/x"));
        assert!(!of("sqlite://data/x.db", "sqlite://data/y.db"));
    }
}
