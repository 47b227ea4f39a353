//! `app rejects FACT`: the rows of a fact's select that are left out of it, because a dimension does not know a value.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use super::{End, table};
use crate::daemon::{self, Usage};
use crate::settings::Settings;
use crate::text::nearest;
use crate::warehouse::Scope;

pub(super) async fn run(settings: &Settings, name: &str, limit: u64, json: bool) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    let fact = name.rsplit('.').next().unwrap_or(name);
    let rejects = app.workspace.catalog.star_rejects(fact, limit).await?;
    if rejects.is_empty() {
        let known = app.workspace.catalog.star(&mut *app.workspace.warehouse.begin(Scope::Load).await?).await?;
        if !known.iter().any(|state| state.name == fact) {
            let hint = nearest(fact, known.iter().map(|state| state.name.as_str()));
            let what = "expected the number of a load (app loads), or a fact that was built";
            return Err(Usage(format!("{what}: there is no {name}{hint}")).into());
        }
    }
    let mut files = HashMap::new();
    for load in rejects.iter().filter_map(|one| one.load_id).collect::<BTreeSet<_>>() {
        files.insert(load, app.workspace.catalog.load(load).await?.map(|load| load.source).unwrap_or_default());
    }
    let file = |load: Option<i64>| load.and_then(|load| files.get(&load)).cloned();
    if json {
        for one in rejects {
            table::print_json(&json!({
                "fact": one.fact, "load": one.load_id, "file": file(one.load_id), "line": one.line, "column": one.column,
                "value": one.value, "reason": one.reason,
            }))?;
        }
        return Ok(End::Done);
    }
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let rows: Vec<_> = rejects
        .into_iter()
        .map(|one| {
            let value = one.value.as_deref().map_or("NULL".to_owned(), table::shortened);
            vec![
                number(one.load_id),
                file(one.load_id).unwrap_or_default(),
                number(one.line),
                one.column,
                value,
                one.reason,
            ]
        })
        .collect();
    let columns = [("load", 2), ("file", 1), ("line", 0), ("column", 0), ("value", 0), ("reason", 3)];
    table::print(&columns, &rows)?;
    Ok(End::Done)
}
