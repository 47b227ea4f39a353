//! The tables of the star as a run has left them so far. Builds read them; the run alone changes them, by what each
//! build returns.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Plan;
use crate::sql::{Output, Table};
use crate::sql_check::WithoutValues;
use crate::star::{TableState, Target, Widened};

/// A table as those after it find it.
#[derive(Clone, Default)]
pub(super) struct Standing {
    /// Its last build, of this run or an earlier one.
    pub(super) state: Option<TableState>,
    /// The key for the lookups of facts, if it is a dimension that exists.
    pub(super) target: Option<Target>,
    /// The outputs, if it is a view: SQLite does not know the types of computed columns.
    pub(super) outputs: Option<Vec<Output>>,
    /// The temporary table with the keys that facts look up again, if it is a dimension whose members have changed.
    pub(super) touched: Option<String>,
    /// True if it is a dimension that gave up versions: facts are compared whole, wherever they point.
    pub(super) is_unversioned: bool,
    /// The open members before the run, and those that it took out, if it is a dimension with a guard.
    pub(super) taken: Option<(u64, u64)>,
    /// The columns of its natural key that became texts in this run.
    pub(super) widened: Widened,
    /// The columns that are columns of staging without a value.
    pub(super) without_values: BTreeSet<String>,
    /// True if its checks are to be made.
    pub(super) is_looked_at: bool,
}

impl Standing {
    /// Returns the number of rows, without the unknown member.
    pub(super) fn rows(&self) -> u64 {
        self.state.as_ref().map(|state| state.rows).unwrap_or_default()
    }

    /// Returns the highest surrogate key that was ever given.
    pub(super) fn highest_key(&self) -> i64 {
        self.state.as_ref().map(|state| state.highest_key).unwrap_or_default()
    }
}

/// The tables by their names.
pub(super) struct Tables(BTreeMap<String, Standing>);

impl Tables {
    /// Takes the states before the run.
    pub(super) fn new(states: &BTreeMap<String, TableState>) -> Tables {
        let standing = |state: &TableState| Standing { state: Some(state.clone()), ..Standing::default() };
        Tables(states.iter().map(|(name, state)| (name.clone(), standing(state))).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Standing> {
        self.0.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> &mut Standing {
        self.0.entry(name.to_owned()).or_default()
    }

    pub(super) fn set(&mut self, name: &str, standing: Standing) {
        self.0.insert(name.to_owned(), standing);
    }

    pub(super) fn state(&self, name: &str) -> Option<&TableState> {
        self.get(name)?.state.as_ref()
    }

    pub(super) fn target(&self, name: &str) -> Option<&Target> {
        self.get(name)?.target.as_ref()
    }

    pub(super) fn is_looked_at(&self, name: &str) -> bool {
        self.get(name).is_some_and(|table| table.is_looked_at)
    }

    /// Returns the dimensions for the lookups of facts, as far as they exist.
    pub(super) fn targets(&self) -> BTreeMap<String, Target> {
        self.each(|table| table.target.clone())
    }

    /// Returns the temporary table with the keys to look up again, for each changed dimension.
    pub(super) fn touched(&self) -> BTreeMap<String, String> {
        self.each(|table| table.touched.clone())
    }

    /// Returns the columns without a value, of staging and of these tables.
    pub(super) fn without_values(&self, plan: &Plan<'_>) -> WithoutValues {
        let of_star = self.0.iter().filter(|(_, table)| !table.without_values.is_empty());
        let of_star = of_star.map(|(name, table)| (Table::datawarehouse(name), table.without_values.clone()));
        plan.without_values.clone().into_iter().chain(of_star).collect()
    }

    /// Returns the outputs of the views.
    pub(super) fn outputs(&self) -> BTreeMap<String, Vec<Output>> {
        self.each(|table| table.outputs.clone())
    }

    fn each<T>(&self, of: impl Fn(&Standing) -> Option<T>) -> BTreeMap<String, T> {
        self.0.iter().filter_map(|(name, table)| Some((name.clone(), of(table)?))).collect()
    }
}
