//! The selection of tables for a run: `fact_orders`, `+fact_orders`, `fact_orders+`.

use std::collections::BTreeSet;

use crate::project::Model;
use crate::sql::Names;
use crate::text::nearest;

/// Returns the names of the selected models; all for an empty selection.
///
/// # Errors
/// In words, where a name is no model's.
pub(super) fn selected(models: &[Model], names: &Names, wanted: &[String]) -> Result<BTreeSet<String>, String> {
    if wanted.is_empty() {
        return Ok(models.iter().map(|model| model.name.clone()).collect());
    }
    let mut found = BTreeSet::new();
    for one in wanted.iter().flat_map(|list| list.split([',', ' '])).filter(|one| !one.is_empty()) {
        let name = one.trim_start_matches('+').trim_end_matches('+');
        let name = name.rsplit('.').next().unwrap_or(name);
        if !models.iter().any(|model| model.name == name) {
            let hint = nearest(name, models.iter().map(|model| model.name.as_str()));
            return Err(format!("--select {one}: sql/pipeline has no table {name}{hint}"));
        }
        found.insert(name.to_owned());
        if one.starts_with('+') {
            let mut way = vec![name.to_owned()];
            while let Some(name) = way.pop() {
                let needs = models.iter().filter(|model| model.name == name).flat_map(|model| model.needs(names));
                way.extend(
                    needs.filter(|need| models.iter().any(|model| model.name == *need) && found.insert(need.clone())),
                );
            }
        }
        if one.ends_with('+') {
            // The models are in the order of their needs, so one pass finds all.
            let mut after = BTreeSet::from([name.to_owned()]);
            for model in models {
                if model.needs(names).iter().any(|need| after.contains(need)) {
                    after.insert(model.name.clone());
                }
            }
            found.extend(after);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{SqlFile, in_order};
    use crate::sql::Engine;

    #[test]
    fn with_what_it_needs_and_what_needs_it() {
        let names = Names {
            engine: Engine::of_url("sqlite:"),
            staging: "staging".into(),
            datawarehouse: "datawarehouse".into(),
        };
        let files = [
            ("dim_a.sql", "/*\nkind: dimension\nkey: [a]\n*/ select a from staging.x"),
            ("dim_b.sql", "/*\nkind: dimension\nkey: [b]\n*/ select b from staging.x"),
            ("fact_f.sql", "/*\nkind: fact\ngrain: [i]\ndimensions: {a: dim_a}\n*/ select i, a from staging.x"),
            ("top.sql", "/* kind: table */ select count(*) as n from datawarehouse.fact_f"),
        ];
        let models = files
            .iter()
            .map(|(name, text)| {
                Model::parse(&SqlFile { path: name.into(), text: (*text).to_owned(), own: None }).unwrap()
            })
            .collect();
        let models = in_order(models, &names).unwrap();
        let of = |wanted: &str| {
            selected(&models, &names, &[wanted.to_owned()]).map(|set| set.into_iter().collect::<Vec<_>>().join(" "))
        };
        assert_eq!(of("fact_f").unwrap(), "fact_f");
        assert_eq!(of("+fact_f").unwrap(), "dim_a fact_f");
        assert_eq!(of("dim_a+").unwrap(), "dim_a fact_f top");
        assert_eq!(of("+top, dim_b").unwrap(), "dim_a dim_b fact_f top");
        assert!(of("fact_ff").unwrap_err().contains("did you mean fact_f?"));
    }
}
