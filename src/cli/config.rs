//! `app config`: every setting.

use serde_json::json;

use super::{End, table};
use crate::settings::Settings;

pub(super) fn run(settings: &Settings, json: bool) -> anyhow::Result<End> {
    let listing = settings.listing();
    if json {
        for (known, value, origin) in listing {
            table::print_json(&json!({
                "name": known.name, "value": value, "from": origin.to_string(), "default": known.default, "about": known.about,
            }))?;
        }
        return Ok(End::Done);
    }
    let rows: Vec<_> = listing
        .into_iter()
        .map(|(known, value, origin)| vec![known.name.to_owned(), value, origin.to_string(), known.about.to_owned()])
        .collect();
    table::print(&[("setting", 0), ("value", 0), ("from", 1), ("what it is for", 2)], &rows)?;
    Ok(End::Done)
}
