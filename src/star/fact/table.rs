//! A fact's table: its columns, its grain and its references.

use std::collections::BTreeMap;

use super::super::KEYED;
use super::super::long_keys::only_short;
use super::{FactSql, Role};
use crate::project::key_column;
use crate::sql::{ForeignKey, Names, Table, TableColumn, TableDef, quote};

impl FactSql {
    /// Returns `create table`, with the references to the dimensions.
    pub fn create(&self) -> String {
        let declared = |column: &TableColumn| match self.roles.iter().any(|role| role.key == column.name) {
            true => TableColumn::new(column.name.as_str(), "bigint"),
            false => column.clone(),
        };
        let columns: Vec<_> = self.columns.iter().map(declared).collect();
        let mut def = TableDef::new(Table::datawarehouse(&self.name), columns);
        def.required = self.roles.iter().map(|role| role.key.clone()).collect();
        if self.has_plain_grain() {
            def.required.extend(self.grain.iter().map(|column| column.name.clone()));
        }
        if !self.engine.adds_constraints() {
            let refers = |role: &Role| ForeignKey {
                column: role.key.clone(),
                table: Table::datawarehouse(&role.dimension),
                key: key_column(&role.dimension),
            };
            def.references = self.roles.iter().map(refers).collect();
        }
        self.names.create_table(&def)
    }

    /// Creates the table with its rows, out of the [rows](FactSql::keyed); the last statement counts.
    pub fn create_filled(&self, keyed: &str) -> Vec<String> {
        match self.engine.makes_tables_of_selects() {
            true => vec![format!("create table {} as {keyed}", self.table)],
            false => vec![self.create(), self.fill(keyed)],
        }
    }

    /// Adds the grain's key, indexes and references after the rows of a new table, so that no row is checked by itself.
    pub fn finish(&self) -> Vec<String> {
        let mut statements = vec![self.index_grain()];
        if self.engine.adds_constraints() && !self.roles.is_empty() {
            let keys: Vec<_> =
                self.roles.iter().map(|role| format!("alter column {} set not null", quote(&role.key))).collect();
            statements.push(format!("alter table {} {}", self.table, keys.join(", ")));
        }
        statements.extend(self.roles.iter().flat_map(|role| self.refer(role)));
        statements.extend(self.engine.analyze(&self.table));
        statements
    }

    /// Creates a temporary table for rows with keys, such as [`KEYED`].
    pub fn create_keyed(&self, name: &str) -> String {
        self.names.create_table(&TableDef::new(Table::temporary(name), self.columns.as_slice()))
    }

    /// Returns true if `rowid` is SQLite's row number, and no column of the fact.
    pub fn has_row_numbers(&self) -> bool {
        !self.columns.iter().any(|column| column.name.eq_ignore_ascii_case("rowid"))
    }

    /// Adds the rows of [`KEYED`] under their numbers there plus `highest`; keys that are written `later` get the
    /// highest of all keys.
    pub fn fill_rows(&self, highest: u64, later: &[String]) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| quote(&column.name)).collect();
        let given = self.columns.iter().zip(&names).map(|(column, name)| match later.contains(&column.name) {
            true => format!("(select max({name}) from {KEYED})"),
            false => name.clone(),
        });
        let given: Vec<_> = given.collect();
        format!(
            "insert into {} (rowid, {}) select {highest} + rowid, {} from {KEYED} order by rowid",
            self.table,
            names.join(", "),
            given.join(", ")
        )
    }

    /// Makes the grain's key. A grain of members has an index alone: rows without a member share the unknown one.
    pub fn index_grain(&self) -> String {
        let grain: Vec<_> = self.stored_grain.iter().map(|column| quote(&column.name)).collect();
        let grain = grain.join(", ");
        let only_short = if self.long_keys { only_short(&self.stored_grain) } else { String::new() };
        if self.is_plain && self.engine.adds_constraints() && only_short.is_empty() {
            return format!("alter table {} add primary key ({grain})", self.table);
        }
        let unique = if self.is_plain { "unique " } else { "" };
        format!("create {unique}index {} on {} ({grain}){only_short}", self.index("grain"), self.table)
    }

    fn refer(&self, role: &Role) -> Vec<String> {
        let key = quote(&role.key);
        let mut statements =
            vec![format!("create index if not exists {} on {} ({key})", self.index(&role.key), self.table)];
        if self.engine.adds_constraints() {
            statements.push(format!(
                "alter table {} add constraint {} foreign key ({key}) references {} deferrable initially deferred",
                self.table,
                self.index(&format!("{}_fkey", role.key)),
                self.reference(&role.dimension)
            ));
        }
        statements
    }

    fn reference(&self, dimension: &str) -> String {
        format!("{} ({})", self.names.table(&Table::datawarehouse(dimension)), quote(&key_column(dimension)))
    }

    fn index(&self, of: &str) -> String {
        quote(&self.index_name(of))
    }

    fn index_name(&self, of: &str) -> String {
        let name = format!("{}_{of}", self.name);
        if name.len() <= 60 {
            return name;
        }
        format!("{}_{}", self.name, &blake3::hash(of.as_bytes()).to_hex()[..8])
    }

    /// Returns the columns of the table's present grain.
    pub fn key_columns(&self) -> String {
        self.engine.key_columns(&self.table, &self.index_name("grain"))
    }

    /// Drops the grain's key, so that another one can be added.
    pub fn drop_grain(&self) -> Vec<String> {
        let key = quote(&format!("{}_pkey", self.name));
        let constraint = format!("alter table {} drop constraint if exists {key}", self.table);
        let index = self.engine.drop_index(&self.table, &self.index_name("grain"));
        self.engine.adds_constraints().then_some(constraint).into_iter().chain([index]).collect()
    }

    /// Makes the grain's index anew, for values that are too long for one.
    pub fn index_anew(&self) -> Vec<String> {
        self.drop_grain().into_iter().chain([self.index_grain()]).collect()
    }

    /// Returns the dimension and its key, by the column that refers to it.
    pub fn references(&self) -> BTreeMap<String, String> {
        self.roles.iter().map(|role| (role.key.clone(), self.reference(&role.dimension))).collect()
    }

    /// Returns the columns whose references exist as declared.
    pub fn standing_references(&self) -> Option<String> {
        let fact = Table::datawarehouse(&self.name);
        let standing = self
            .roles
            .iter()
            .map(|role| self.names.standing_reference(&fact, &Table::datawarehouse(&role.dimension), &role.key));
        let standing: Vec<_> = standing.collect();
        (!standing.is_empty()).then(|| standing.join(" union all "))
    }

    /// Finishes a table after changes of its columns, as [`FactSql::finish`] does; `stood` are the earlier columns.
    pub fn finish_again(&self, stood: &[TableColumn], other_grain: bool) -> Vec<String> {
        let is_new = |role: &&Role| !stood.iter().any(|column| column.name == role.key && !column.declared.is_empty());
        let (roles, stood): (Vec<_>, Vec<_>) = self.roles.iter().partition(is_new);
        let mut statements = Vec::new();
        // PostgreSQL alters no table with pending reference checks.
        let schema = self.table.split('.').next().unwrap_or_default();
        for role in stood.iter().filter(|_| self.engine.adds_constraints()) {
            let name = self.index(&format!("{}_fkey", role.key));
            statements.extend(["immediate", "deferred"].map(|when| format!("set constraints {schema}.{name} {when}")));
        }
        if other_grain {
            statements.push(self.index_grain());
        }
        for role in roles {
            if self.engine.adds_constraints() {
                statements.push(format!("alter table {} alter column {} drop default", self.table, quote(&role.key)));
            }
            statements.extend(self.refer(role));
        }
        statements
    }

    /// Counts rows that refer to missing members; on PostgreSQL the commit checks this.
    pub fn count_dangling(names: &Names, fact: &str) -> Option<String> {
        names.count_dangling(&Table::datawarehouse(fact))
    }
}
