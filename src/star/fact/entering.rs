//! Rows that enter a fact whose grain is made of members. The fact does not have the values that tell its rows apart:
//! rows with one grain are found by their keys, and told apart by what the select gives for them.

use super::{FactSql, is_again};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{TableColumn, any_of, quote};

/// The temporary table with rows with keys, of new loads and of those that are looked up again.
pub const ENTERING: &str = "sluice_entering";
/// The temporary table with the fact's rows that are looked up again, and their places.
pub const STANDING: &str = "sluice_standing";
/// The temporary table with load and line of other rows of the fact that may have a grain of those that enter.
pub const BESIDE: &str = "sluice_beside";

/// The column of [`STANDING`] with a row's place in the fact.
pub(in crate::star) const PLACE: &str = "\"sluice place\"";

impl FactSql {
    /// Returns the reason why a row that enters cannot be looked for in the fact by the keys of its grain, if so.
    pub fn hides_grain(&self) -> Option<&'static str> {
        if !self.has_row_numbers() {
            return Some("it has a column rowid");
        }
        self.known_grain().is_empty().then_some("at chooses the versions in its grain, and is not in it")
    }

    /// Writes the fact's rows in [`AGAIN`](super::AGAIN) into [`STANDING`].
    pub fn note_standing(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|column| format!("f.{}", quote(&column.name))).collect();
        format!(
            "create temp table {STANDING} as select f.{} as {PLACE}, {} from {} as f where {}",
            self.engine.place(),
            columns.join(", "),
            self.table,
            is_again("f")
        )
    }

    /// Writes into [`BESIDE`] which other rows of the fact have the keys of rows of `entering`. Where `again`, those in
    /// [`AGAIN`](super::AGAIN) are no others.
    pub fn note_beside(&self, entering: &str, again: bool) -> String {
        let (grain, lineage) = (names(self.known_grain().into_iter()), lineage("f"));
        let others = if again { format!(" and not {}", is_again("f")) } else { String::new() };
        format!(
            "create temp table {BESIDE} as select {lineage} from {} as f where ({}) in (select {} from {entering} as k){others}",
            self.table,
            prefixed("f", &grain),
            prefixed("k", &grain)
        )
    }

    /// Counts rows of `entering` with NULL in their grain, which [`note_beside`](FactSql::note_beside) does not find.
    pub fn count_entering_nulls(&self, entering: &str) -> Option<String> {
        let null = self.is_null_in_grain()?;
        Some(format!("select count(*) from {entering} as k where {null}"))
    }

    /// Adds to [`BESIDE`] the fact's rows beside these.
    pub fn note_beside_nulls(&self, entering: &str, again: bool) -> Option<String> {
        let (null, known) = (self.is_null_in_grain()?, self.known_grain());
        let same = |column: &&TableColumn| match self.is_key(column) {
            true => format!("f.{0} = k.{0}", quote(&column.name)),
            false => self.engine.equal(column, "f", "k"),
        };
        let same: Vec<_> = known.iter().map(same).collect();
        let others = if again { format!(" and not {}", is_again("f")) } else { String::new() };
        Some(format!(
            "insert into {BESIDE} select {} from (select distinct {} from {entering} as k where {null}) as k join {} as f on {}{others}",
            lineage("f"),
            prefixed("k", &names(known.into_iter())),
            self.table,
            same.join(" and ")
        ))
    }

    /// Returns the columns of the grain that have one value in all rows of a grain. A member's key is not one if rows
    /// of one grain may see it at several times.
    fn known_grain(&self) -> Vec<&TableColumn> {
        let at_is_told = self.at.as_ref().is_none_or(|at| self.grain.iter().any(|column| column.name == at.name));
        let is_told = |column: &&TableColumn| {
            at_is_told || !self.roles.iter().any(|role| role.key == column.name && role.target.valid.is_some())
        };
        self.stored_grain.iter().filter(is_told).collect()
    }

    fn is_key(&self, column: &TableColumn) -> bool {
        self.roles.iter().any(|role| role.key == column.name)
    }

    /// Returns the condition for a row `k` with NULL in the columns by which it is looked for; `None` if all are keys.
    fn is_null_in_grain(&self) -> Option<String> {
        let plain = self.known_grain().into_iter().filter(|column| !self.is_key(column));
        let null: Vec<_> = plain.map(|column| format!("k.{} is null", quote(&column.name))).collect();
        (!null.is_empty()).then(|| any_of(&null))
    }
}

fn names<'a>(columns: impl Iterator<Item = &'a TableColumn>) -> Vec<String> {
    columns.map(|column| quote(&column.name)).collect()
}

fn prefixed(row: &str, names: &[String]) -> String {
    names.iter().map(|name| format!("{row}.{name}")).collect::<Vec<_>>().join(", ")
}

fn lineage(row: &str) -> String {
    prefixed(row, &[quote(LOAD_COLUMN), quote(LINE_COLUMN)])
}
