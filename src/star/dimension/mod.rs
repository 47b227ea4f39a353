//! A dimension: members keep their keys for ever. Without history, changed attributes are overwritten. With history, a
//! change opens a new version of the member; its versions follow from all its rows, in the order of their times.

mod lacking;
mod merge;
mod renamed;
mod seen;
mod versions;
mod whole;

pub use lacking::Lacking;
pub use renamed::{RENAMED, Widened, widened};
pub(super) use renamed::{note_texts, take_texts};
pub use seen::REPLACED;

use super::UNKNOWN;
use super::class::must_be_time;
use super::literal::Literal;
use super::long_keys::only_short;
use crate::project::Dimension;
use crate::project::key_column;
use crate::schema::{LOAD_COLUMN, Type};
use crate::sql::{Engine, Names, Table, TableColumn, TableDef, quote, type_of};

/// The temporary table with the versions of the select's rows.
const VERSIONS: &str = "sluice_versions";
/// The temporary table with the natural keys of members with new rows.
pub const AFFECTED: &str = "sluice_affected";
/// The temporary table with the natural keys of members whose keys or times change.
const MOVED: &str = "sluice_moved";
/// The column with the time from which a row holds.
const AT: &str = "sluice_at";
/// The column that marks a member that is no longer named.
pub const GONE: &str = "sluice_gone";

/// The column with the first load of whole truth that does not say the row any more.
const UNTIL: &str = "sluice_until";

/// The time from which a row holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// None: there is one row for each member.
    Nothing,
    /// The value of this column.
    Column(TableColumn),
    /// The time of its load.
    Loaded,
}

/// The names of a dimension's own columns.
pub const OWN: [&str; 4] = ["valid_from", "valid_to", "is_current", "is_inferred"];

impl Dimension {
    /// Checks that the select's columns agree with the header and can be a dimension's: its own names are reserved.
    ///
    /// # Errors
    /// In words, if they do not.
    pub fn fits(&self, columns: &[TableColumn]) -> Result<(), String> {
        must_be_time(self.at.as_deref(), columns)?;
        let is_given = |(_, old): &(&String, &String)| columns.iter().any(|column| column.name == **old);
        if let Some((new, old)) = self.was.iter().find(is_given) {
            return Err(format!("was: the select gives {old} as well as {new}, so {old} has not become {new}"));
        }
        for TableColumn { name, declared } in columns {
            if OWN.contains(&name.as_str()) {
                return Err(format!(
                    "{name} is a name of the dimension's own columns: give it another one in the select"
                ));
            }
            if let Some(value) = self.unknown.get(name) {
                Literal::read_for(declared, value).map_err(|why| format!("unknown: {name}: {why}"))?;
            }
        }
        Ok(())
    }
}

/// The SQL of one dimension.
pub struct DimensionSql {
    names: Names,
    engine: Engine,
    table: String,
    /// The table that keeps the keys of deleted versions.
    retired: String,
    /// The table that keeps rows which staging has lost.
    seen: String,
    loads: String,
    name: String,
    /// The surrogate key, quoted.
    id: String,
    key: Vec<TableColumn>,
    history: Vec<String>,
    /// The table's columns out of the select, in its order.
    columns: Vec<TableColumn>,
    at: At,
    lineage: bool,
    /// The newest load behind the select, for rows without lineage.
    newest: Option<i64>,
    /// True if facts may make members before their rows arrive.
    infers: bool,
    /// True if the select gives the surrogate keys.
    has_ids: bool,
    /// True if keys may be too long for an index.
    long_keys: bool,
}

impl DimensionSql {
    /// Prepares the dimension called `name` over a select with these columns. `lineage` is true if its rows have load
    /// and line, `infers` if facts make members of it.
    pub fn new(
        names: &Names,
        name: &str,
        header: &Dimension,
        columns: &[TableColumn],
        lineage: bool,
        infers: bool,
    ) -> Self {
        let historic = !header.history.is_empty();
        let at = match &header.at {
            Some(at) if at == LOAD_COLUMN && lineage => At::Loaded,
            Some(at) => columns.iter().find(|column| column.name == *at).cloned().map_or(At::Nothing, At::Column),
            None if historic => At::Loaded,
            None => At::Nothing,
        };
        let is_at = |column: &TableColumn| historic && at == At::Column(column.clone());
        let catalog = |ending: &str| names.table(&Table::catalog(&format!("{name}_{ending}")));
        DimensionSql {
            names: names.clone(),
            engine: names.engine,
            table: names.table(&Table::datawarehouse(name)),
            retired: catalog("retired"),
            seen: catalog("seen"),
            loads: names.table(&Table::catalog("load")),
            name: name.to_owned(),
            id: quote(&key_column(name)),
            key: columns.iter().filter(|column| header.key.contains(&column.name)).cloned().collect(),
            history: header.history.iter().map(|column| quote(column)).collect(),
            columns: columns.iter().filter(|column| !is_at(column)).cloned().collect(),
            at,
            lineage,
            newest: None,
            infers,
            has_ids: false,
            long_keys: false,
        }
    }

    /// Takes the surrogate keys from the select.
    #[must_use]
    pub fn with_ids(mut self) -> Self {
        self.has_ids = true;
        self
    }

    /// Leaves keys that are too long for an index out of the indexes.
    #[must_use]
    pub fn with_long_keys(mut self, long_keys: bool) -> Self {
        self.long_keys = long_keys;
        self
    }

    /// Makes the indexes over the natural key anew, for keys that are too long for one.
    pub fn index_anew(&self) -> Vec<String> {
        vec![self.drop_index(), self.create_index(), self.drop_index_of_seen()]
    }

    /// The condition for the rows in an index over the natural key.
    fn indexed(&self) -> String {
        if self.long_keys { only_short(&self.key) } else { String::new() }
    }

    /// Dates rows without lineage by this load.
    #[must_use]
    pub fn with_newest(mut self, newest: Option<i64>) -> Self {
        self.newest = newest;
        self
    }

    /// Returns true if rows begin to hold when they were loaded.
    pub fn is_dated_by_load(&self) -> bool {
        self.at == At::Loaded
    }

    pub(in crate::star) fn engine(&self) -> Engine {
        self.engine
    }

    /// Returns true if members have versions.
    pub fn is_historic(&self) -> bool {
        !self.history.is_empty()
    }

    /// Returns the columns of its table, without the surrogate key.
    pub fn table_columns(&self) -> Vec<TableColumn> {
        let own = |name: &str, declared: &str| TableColumn { name: name.to_owned(), declared: declared.to_owned() };
        let mut all = self.columns.clone();
        if self.is_historic() {
            let valid = self.valid();
            all.extend([own("valid_from", &valid), own("valid_to", &valid), own("is_current", "boolean")]);
        }
        if self.infers {
            all.push(own("is_inferred", "boolean"));
        }
        all
    }

    /// Returns the columns of the natural key.
    pub fn key_columns(&self) -> &[TableColumn] {
        &self.key
    }

    /// Returns the type of the time from which a version holds.
    pub fn valid(&self) -> String {
        match &self.at {
            At::Column(column) => column.declared.clone(),
            _ => self.engine.instant().to_owned(),
        }
    }

    /// Creates the table with its unknown member, and the one for keys that must not be given again.
    pub fn create(&self) -> Vec<String> {
        let DimensionSql { table, id, .. } = self;
        let def = self.keyed(Table::datawarehouse(&self.name), self.engine.key_type(), self.table_columns());
        let mut statements = vec![self.names.create_table(&def)];
        statements.extend(self.create_retired());
        statements.push(format!("insert into {table} ({id}) values ({UNKNOWN})"));
        statements.push(self.create_index());
        statements
    }

    /// Returns the columns of the table for keys that must not be given again, without the surrogate key.
    pub fn retired_columns(&self) -> Vec<TableColumn> {
        let mut columns = self.key.clone();
        if self.is_historic() {
            columns.push(TableColumn { name: "valid_from".to_owned(), declared: self.valid() });
        }
        columns
    }

    /// Creates the table for keys that must not be given again, unless it exists.
    pub fn create_retired(&self) -> Vec<String> {
        let retired = Table::catalog(&format!("{}_retired", self.name));
        vec![self.names.create_table_if_missing(&self.keyed(retired, "bigint", self.retired_columns()))]
    }

    /// A table of the surrogate key and these columns.
    fn keyed(&self, table: Table, declared: &str, columns: Vec<TableColumn>) -> TableDef {
        let id = key_column(&self.name);
        let mut all = vec![TableColumn::new(id.as_str(), declared)];
        all.extend(columns);
        TableDef::new(table, all).with_key(&[&id])
    }

    /// Drops the index over the natural key.
    pub fn drop_index(&self) -> String {
        self.engine.drop_index(&self.table, &format!("{}_natural_key", self.name))
    }

    /// Returns the condition for versions that begin on the same day as another one of the member, except the first of
    /// each day.
    pub fn at_once(&self) -> String {
        let DimensionSql { table, id, .. } = self;
        let day = self.engine.day_of("valid_from");
        let keys = self.keys().join(", ");
        let is_day = if type_of(&self.valid()) == Some(Type::Date) { "" } else { " and 1 = 0" };
        format!(
            "{id} in (select {id} from (select {id}, row_number() over (partition by {keys}, {day} order by {id}) as place from {table} \
             where {id} <> {UNKNOWN}) as t where place > 1){is_day}"
        )
    }

    /// Creates the index over the natural key.
    pub fn create_index(&self) -> String {
        let index = quote(&format!("{}_natural_key", self.name));
        let mut columns = self.keys();
        columns.extend(self.is_historic().then(|| "valid_from".to_owned()));
        format!("create unique index {index} on {} ({}){}", self.table, columns.join(", "), self.indexed())
    }

    /// Sets the unknown member's attributes.
    pub fn name_unknown(&self, header: &Dimension) -> String {
        let mut set: Vec<_> = self
            .columns
            .iter()
            .map(|column| {
                let TableColumn { name, declared } = column;
                let value = header.unknown.get(name).and_then(|value| Literal::read_for(declared, value).ok());
                let value = value.map_or("null".to_owned(), |value| value.kept(self.engine, declared));
                format!("{} = {value}", quote(name))
            })
            .collect();
        if self.is_historic() {
            set.extend([
                format!("valid_from = {}", self.earliest()),
                format!("valid_to = {}", self.latest()),
                "is_current = true".to_owned(),
            ]);
        }
        if self.infers {
            set.push("is_inferred = false".to_owned());
        }
        format!("update {} set {} where {} = {UNKNOWN}", self.table, set.join(", "), self.id)
    }

    /// Takes the texts from the unknown member that columns of another type would not take, out of a table with these.
    pub fn forget_unknown(&self, stands: &[TableColumn]) -> Option<String> {
        let is_text = |column: &TableColumn| type_of(&column.declared) == Some(Type::Text);
        let was_text = |column: &&TableColumn| stands.iter().any(|old| old.name == column.name && is_text(old));
        let set: Vec<_> = self.columns.iter().filter(|column| !is_text(column)).filter(was_text).collect();
        let set: Vec<_> = set.iter().map(|column| format!("{} = null", quote(&column.name))).collect();
        (!set.is_empty()).then(|| format!("update {} set {} where {} = {UNKNOWN}", self.table, set.join(", "), self.id))
    }

    fn keys(&self) -> Vec<String> {
        self.key.iter().map(|column| quote(&column.name)).collect()
    }

    fn earliest(&self) -> String {
        self.engine.midnight("0001-01-01", &self.valid())
    }

    fn latest(&self) -> String {
        self.engine.midnight("9999-12-31", &self.valid())
    }
}

fn same(columns: &[String], one: &str, other: &str) -> String {
    columns.iter().map(|column| format!("{one}.{column} = {other}.{column}")).collect::<Vec<_>>().join(" and ")
}

/// Returns a member's name as a key's column of a type has it: 1.50 names the member 1.5, whichever values an engine
/// takes for equal.
pub(super) fn as_named(engine: Engine, declared: &str, value: &str) -> String {
    if type_of(declared) == Some(Type::Numeric) { engine.shortest_decimal(value) } else { value.to_owned() }
}

/// Returns a natural key for sorting by the bytes of texts and decimals: the same on both engines, whatever a server's
/// collation.
pub(super) fn in_order(engine: Engine, column: &TableColumn, value: &str) -> String {
    let collate = engine.by_bytes();
    match type_of(&column.declared) {
        Some(Type::Text) => format!("{value}{collate}"),
        Some(Type::Numeric) => format!("cast({value} as text){collate}"),
        _ => value.to_owned(),
    }
}
