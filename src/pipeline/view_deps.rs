//! The tables that a model reads through the views of the star: a view has no rows of its own, so the tables beneath it
//! count.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::{Kind, Model};
use crate::sql::{Names, Schema, Table};

/// The tables that each view of the star reads.
#[derive(Debug, Default)]
pub(super) struct ViewDeps(BTreeMap<String, BTreeSet<Table>>);

impl ViewDeps {
    /// Collects the views among these models.
    pub(super) fn of(models: &[Model], names: &Names) -> ViewDeps {
        let views = models.iter().filter(|model| model.header.kind == Kind::View);
        ViewDeps(views.map(|view| (view.name.clone(), view.reads(names))).collect())
    }

    /// Returns the tables that a model's select reads, and those beneath the views among them.
    pub(super) fn reads(&self, model: &Model, names: &Names) -> BTreeSet<Table> {
        let mut found = BTreeSet::new();
        let mut left = Vec::from_iter(model.reads(names));
        while let Some(table) = left.pop() {
            let view = self.0.get(&table.name).filter(|_| table.schema == Schema::Datawarehouse);
            if found.insert(table) {
                left.extend(view.into_iter().flatten().cloned());
            }
        }
        found
    }

    /// Returns the tables of the star that a model needs, and those beneath the views among them.
    pub(super) fn needs(&self, model: &Model, names: &Names) -> BTreeSet<String> {
        let read = self.reads(model, names).into_iter();
        let mut needs: BTreeSet<_> =
            read.filter(|table| table.schema == Schema::Datawarehouse).map(|table| table.name).collect();
        needs.extend(model.needs(names));
        needs.remove(&model.name);
        needs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::SqlFile;
    use crate::sql::Engine;

    #[test]
    fn what_views_read_is_read() {
        let names = Names {
            engine: Engine::of_url("sqlite:"),
            staging: "staging".into(),
            datawarehouse: "datawarehouse".into(),
        };
        let model = |name: &str, text: &str| {
            Model::parse(&SqlFile { path: name.into(), text: text.to_owned(), own: None }).unwrap()
        };
        let models = [
            model("v.sql", "/* kind: view */ select a from staging.x join datawarehouse.dim_d on true"),
            model("w.sql", "/* kind: view */ select a from datawarehouse.v"),
            model("t.sql", "/* kind: table */ select a from datawarehouse.w"),
        ];
        let beneath = ViewDeps::of(&models, &names);
        let star = |name: &str| Table::datawarehouse(name);
        let reads = [star("w"), star("v"), star("dim_d"), Table::staging("x")];
        assert_eq!(beneath.reads(&models[2], &names), reads.into());
        assert_eq!(beneath.needs(&models[2], &names), ["w", "v", "dim_d"].map(str::to_owned).into());
    }
}
