//! `app config`: every setting.

use super::{End, table};
use crate::ops::config::config;
use crate::settings::Settings;

pub(super) fn run(settings: &Settings, json: bool) -> anyhow::Result<End> {
    let listing = settings.listing();
    if json {
        config(settings).iter().try_for_each(table::print_json)?;
        return Ok(End::Done);
    }
    let rows: Vec<_> = listing
        .into_iter()
        .map(|(known, value, origin)| vec![known.name.to_owned(), value, origin.to_string(), known.about.to_owned()])
        .collect();
    table::print(&[("setting", 0), ("value", 0), ("from", 1), ("what it is for", 2)], &rows)?;
    Ok(End::Done)
}
