//! Inferred members, and those among them that no fact needs any more.

use super::super::UNKNOWN;
use crate::project::Missing;
use crate::project::key_column;
use crate::sql::{Names, Table, TableColumn, TableDef, quote};

/// The temporary table with dimension and key of needed members.
pub const NEEDED: &str = "sluice_needed";

/// The reference of a fact to a dimension.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The fact.
    pub fact: String,
    /// The fact's column with the key.
    pub key: String,
    /// The dimension.
    pub dimension: String,
    /// The treatment of a value that the dimension does not know.
    pub missing: Missing,
}

/// The SQL that tells the members of a dimension that facts need.
pub struct NeededSql<'a> {
    names: &'a Names,
    /// All references of facts to dimensions with inferred members.
    references: &'a [Reference],
}

impl<'a> NeededSql<'a> {
    /// Prepares these references.
    pub fn new(names: &'a Names, references: &'a [Reference]) -> Self {
        NeededSql { names, references }
    }

    /// Creates the table of needed members.
    pub fn create(&self) -> String {
        // Members are looked up by this key.
        let columns = [TableColumn::new("dimension", "text"), TableColumn::new("id", "bigint")];
        let def = TableDef::new(Table::temporary(NEEDED), columns).with_key(&["dimension", "id"]);
        self.names.create_table(&def)
    }

    /// Notes needed members that are not noted yet. A row needs the members that are made for it; if it would be
    /// rejected without a member, it counts only once that one is needed. To be repeated until it finds none.
    pub fn note(&self, reference: &Reference) -> Option<String> {
        let Reference { fact, key, dimension, .. } = reference;
        let only_if: String = self
            .references
            .iter()
            .filter(|other| other.fact == *fact && other.missing == Missing::Reject)
            .map(|other| {
                format!(
                    " and not exists (select 1 from {} as o where o.{} = f.{} and o.is_inferred and {})",
                    self.table(&other.dimension),
                    quote(&key_column(&other.dimension)),
                    quote(&other.key),
                    is_not_needed(&other.dimension, "o")
                )
            })
            .collect();
        (reference.missing == Missing::Infer).then(|| {
            format!(
                "insert into {NEEDED} select '{dimension}', d.{id} from {} as d where d.is_inferred and d.{id} <> {UNKNOWN} and {} \
                 and exists (select 1 from {} as f where f.{} = d.{id}{only_if})",
                self.table(dimension),
                is_not_needed(dimension, "d"),
                self.table(fact),
                quote(key),
                id = quote(&key_column(dimension)),
            )
        })
    }

    /// Counts the unneeded members of a dimension.
    pub fn count_forgotten(&self, dimension: &str) -> String {
        format!("select count(*) from {} as d where {}", self.table(dimension), is_forgotten(dimension))
    }

    /// Notes in `touched` the unneeded members of a dimension: references to them are looked up again.
    pub fn note_forgotten(&self, dimension: &str, touched: &str) -> String {
        let id = quote(&key_column(dimension));
        format!(
            "insert into {touched} select d.{id} from {} as d where {}",
            self.table(dimension),
            is_forgotten(dimension)
        )
    }

    /// Deletes them, and keeps their keys for their return; the last statement counts. `key` names members; `valid` is
    /// true if they have versions.
    pub fn forget(&self, dimension: &str, key: &str, valid: bool) -> [String; 2] {
        let (table, id, key) = (self.table(dimension), quote(&key_column(dimension)), quote(key));
        let retired = self.names.table(&Table::catalog(&format!("{dimension}_retired")));
        let (columns, values) = match valid {
            true => (format!("{id}, {key}, valid_from"), format!("d.{id}, d.{key}, d.valid_from")),
            false => (format!("{id}, {key}"), format!("d.{id}, d.{key}")),
        };
        let gone = is_forgotten(dimension);
        [
            format!(
                "insert into {retired} ({columns}) select {values} from {table} as d where {gone} \
                 and not exists (select 1 from {retired} as r where r.{id} = d.{id})"
            ),
            format!("delete from {table} as d where {gone}"),
        ]
    }

    /// Counts the unneeded members that rows of a fact point to.
    pub fn count_pointed_to(&self, reference: &Reference) -> String {
        let Reference { fact, key, dimension, .. } = reference;
        format!(
            "select count(*) from {} as d where {} and exists (select 1 from {} as f where f.{} = d.{})",
            self.table(dimension),
            is_forgotten(dimension),
            self.table(fact),
            quote(key),
            quote(&key_column(dimension))
        )
    }

    fn table(&self, name: &str) -> String {
        self.names.table(&Table::datawarehouse(name))
    }
}

fn is_forgotten(dimension: &str) -> String {
    format!("d.is_inferred and d.{} <> {UNKNOWN} and {}", quote(&key_column(dimension)), is_not_needed(dimension, "d"))
}

fn is_not_needed(dimension: &str, row: &str) -> String {
    format!(
        "not exists (select 1 from {NEEDED} as needed where needed.dimension = '{dimension}' and needed.id = {row}.{})",
        quote(&key_column(dimension))
    )
}
