//! The weights of a bridge: within a group of the select's rows they sum to 1, to a millionth for each row.

use super::super::class::Class;
use super::super::dimension::as_named;
use super::FactSql;
use crate::project::{Missing, Weight};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN, Type};
use crate::sql::{TableColumn, quote, type_of};

/// The column with a row's weight, beside those of its group.
const SHARE: &str = "sluice_share";
/// The columns with the first place of a group.
const PLACE: [&str; 2] = ["sluice_load", "sluice_line"];

/// The largest difference of a sum from 1, in billionths for each row: thirds are written with some digits only.
const TOLERANCE: u32 = 1_000;

impl Weight {
    /// Checks that a bridge's weights are numbers.
    ///
    /// # Errors
    /// In words, if they are not.
    pub fn fits(&self, columns: &[TableColumn]) -> Result<(), String> {
        match columns.iter().find(|column| column.name == self.column) {
            Some(TableColumn { name, declared }) if !Class::of(declared).can_be_number() => {
                Err(format!("weight: {name} is {declared}, and a weight is a number: cast it in the select"))
            }
            _ => Ok(()),
        }
    }
}

impl FactSql {
    /// Returns the select for the groups whose weights do not sum to 1 or lack one: the columns of the group, and the sum
    /// as `weight`, NULL where a weight is. Groups are told apart by the select's values, whether or not a member has them.
    /// With `places` each has load and line of its first row, if rows have them.
    pub fn unbalanced(&self, source: &str, weight: &Weight, places: bool) -> String {
        let group: Vec<_> = self.group(weight).map(|column| quote(&column.name)).collect();
        let group = group.join(", ");
        let (mut rows, mut first) = (self.weighed(source, weight), String::new());
        if places && self.lineage {
            let [load, line] = PLACE;
            let window = format!("over (partition by {group} order by {load}, {line})");
            rows = format!(
                "select {group}, {SHARE}, first_value({load}) {window} as {load}, first_value({line}) {window} as {line} from \
                 ({rows}) as r"
            );
            first = format!(", min({load}) as {}, min({line}) as {}", quote(LOAD_COLUMN), quote(LINE_COLUMN));
        }
        let (sum, lacks) = (self.engine.sum(SHARE), format!("count({SHARE}) < count(*)"));
        let billionths = self.engine.billionths(SHARE);
        format!(
            "select {group}, case when {lacks} then null else {sum} end as weight{first} from ({rows}) as w group by {group} \
             having {lacks} or count({billionths}) < count(*) or abs(sum({billionths}) - 1000000000) > {TOLERANCE} * count(*)"
        )
    }

    /// Returns the rows that are no rejects: the columns of their groups, and their weights.
    fn weighed(&self, source: &str, weight: &Weight) -> String {
        let grouped = |column: &TableColumn| format!("{} as {}", self.grouped(column), quote(&column.name));
        let mut list: Vec<_> = self.group(weight).map(grouped).collect();
        list.push(format!("n.{} as {SHARE}", quote(&weight.column)));
        if self.lineage {
            let lineage = [LOAD_COLUMN, LINE_COLUMN].into_iter().zip(PLACE);
            list.extend(lineage.map(|(column, name)| format!("n.{} as {name}", quote(column))));
        }
        let only = self.only_let_in();
        let joins = self.joins(|role| role.missing == Missing::Reject);
        format!("select {} from ({source}) as n{joins}{only}", list.join(", "))
    }

    /// Returns the columns of the group, each once.
    fn group(&self, weight: &Weight) -> impl Iterator<Item = &TableColumn> {
        self.given.iter().filter(|column| weight.group.contains(&column.name))
    }

    /// Returns the value of a column by which rows are of one group: equal values are one, as they are for members.
    fn grouped(&self, column: &TableColumn) -> String {
        match self.roles.iter().position(|role| role.column.name == column.name) {
            // Decimals that name members of whole numbers are compared by value, too, and a text that names no number is one.
            Some(place)
                if type_of(&column.declared) != Some(Type::Numeric) && !self.roles[place].target.is_spelled(column) =>
            {
                self.value(place)
            }
            _ => as_named(self.engine, &column.declared, &format!("n.{}", quote(&column.name))),
        }
    }
}
