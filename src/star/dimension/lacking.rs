//! Attributes that a file does not have: they are no values, and the member keeps those that it had before.

use super::super::NEW;
use super::{AT, At, DimensionSql};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Table, TableDef, quote};

/// The temporary table with the rows as the select gives them.
const GIVEN: &str = "sluice_given";

/// An attribute that files of some loads do not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The attribute.
    pub column: String,
    /// The condition for the rows of these loads.
    pub of_loads: String,
}

impl DimensionSql {
    /// Gives rows of loads that lack an attribute the value of the member's row before: in the order of their times, or
    /// else of their loads.
    pub fn keep_lacking(&self, lacking: &[Lacking]) -> Vec<String> {
        let is_kept = |one: &&Lacking| {
            let is_it = |name: &String| *name == one.column;
            self.columns.iter().any(|column| is_it(&column.name)) && !self.key.iter().any(|column| is_it(&column.name))
        };
        let lacking: Vec<_> = lacking.iter().filter(is_kept).collect();
        if lacking.is_empty() || !self.lineage {
            return Vec::new();
        }
        let (load, line, keys) = (quote(LOAD_COLUMN), quote(LINE_COLUMN), self.keys().join(", "));
        let time = if self.at == At::Nothing { String::new() } else { format!("{AT}, ") };
        let order = format!("order by {time}{load}, {line}");
        let columns = self.observed_columns();
        let (mut runs, mut values) = (Vec::new(), Vec::new());
        for (place, one) in lacking.iter().enumerate() {
            let (name, of_loads) = (quote(&one.column), &one.of_loads);
            // Each value begins a run of rows that have it.
            runs.push(format!(
                ", count(case when {name} is null and {of_loads} then null else 1 end) \
                 over (partition by {keys} {order} rows unbounded preceding) as run_{place}"
            ));
        }
        for column in &columns {
            let name = quote(&column.name);
            values.push(match lacking.iter().position(|one| one.column == column.name) {
                Some(place) => format!("first_value({name}) over (partition by {keys}, run_{place} {order})"),
                None => name,
            });
        }
        let list = columns.iter().map(|column| quote(&column.name)).collect::<Vec<_>>().join(", ");
        vec![
            self.names.create_table(&TableDef::new(Table::temporary(GIVEN), columns)),
            format!("insert into {GIVEN} ({list}) select {list} from {NEW}"),
            format!("delete from {NEW}"),
            format!(
                "insert into {NEW} ({list}) select {} from (select *{} from {GIVEN}) as g",
                values.join(", "),
                runs.concat()
            ),
            format!("drop table {GIVEN}"),
        ]
    }
}
