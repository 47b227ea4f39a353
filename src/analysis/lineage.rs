//! The staging tables behind a question: through other questions and through the tables of the star.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::{Schema, Table};

/// The tables that each table or view of the star is made from.
pub(super) type Definitions = BTreeMap<String, BTreeSet<Table>>;

/// The origin of a question's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lineage {
    /// The staging tables, each with true if it is read directly rather than through the last build of the star.
    pub(super) datasets: BTreeMap<String, bool>,
    /// Tables that no file of the project defines.
    pub(super) others: BTreeSet<Table>,
}

/// Returns the lineage of tables that a question reads. `views` are evaluated at each read, `models` at each build of
/// the star.
pub(super) fn of(reads: &BTreeSet<Table>, views: &Definitions, models: &Definitions) -> Lineage {
    let mut lineage = Lineage::default();
    let mut seen = BTreeSet::new();
    let mut left: Vec<(&Table, bool)> = reads.iter().map(|table| (table, true)).collect();
    while let Some((table, direct)) = left.pop() {
        if !seen.insert((table, direct)) {
            continue;
        }
        match (table.schema, views.get(&table.name), models.get(&table.name)) {
            (Schema::Staging, ..) => *lineage.datasets.entry(table.name.clone()).or_default() |= direct,
            (Schema::Datawarehouse, Some(reads), _) => left.extend(reads.iter().map(|table| (table, direct))),
            (Schema::Datawarehouse, None, Some(reads)) => left.extend(reads.iter().map(|table| (table, false))),
            _ => drop(lineage.others.insert(table.clone())),
        }
    }
    lineage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_reads_what_its_tables_were_made_from() {
        let set = |tables: &[Table]| tables.iter().cloned().collect::<BTreeSet<_>>();
        let views = Definitions::from([("v".into(), set(&[Table::datawarehouse("fact"), Table::staging("direct")]))]);
        let models = Definitions::from([
            (
                "fact".into(),
                set(&[Table::staging("orders"), Table::datawarehouse("dim"), Table::datawarehouse("fact")]),
            ),
            ("dim".into(), set(&[Table::staging("direct"), Table::datawarehouse("by_hand")])),
        ]);
        let lineage = of(&set(&[Table::datawarehouse("v")]), &views, &models);
        assert_eq!(lineage.datasets, BTreeMap::from([("direct".to_owned(), true), ("orders".to_owned(), false)]));
        assert_eq!(lineage.others, set(&[Table::datawarehouse("by_hand")]));
    }
}
