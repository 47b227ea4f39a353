//! A fact: rows whose columns that name members become the members' keys.

use std::collections::BTreeMap;

use super::dimension::moment_literal;
use super::header::{Fact, Missing};
use super::{KEYED, NEW, UNKNOWN, key_column};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::warehouse::{Engine, Names, Schema, Table, TableColumn, quote};

/// The temporary table with load and line of rows that are to be looked up again.
pub const AGAIN: &str = "sluice_again";

/// The condition for a row called `of` that its staged row is to be looked up again.
pub fn is_again(of: &str) -> String {
    let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
    format!("({of}.{load}, {of}.{line}) in (select {load}, {line} from {AGAIN})")
}

/// What a fact has to know of a dimension.
#[derive(Clone, Debug)]
pub struct Target {
    /// The column that names a member.
    pub key: TableColumn,
    /// The type of the time from which versions hold, where it has versions.
    pub valid: Option<String>,
    /// Whether it is a calendar: its members are named by the day of a time.
    pub is_calendar: bool,
    /// Whether members can be made before their rows arrive.
    pub infers: bool,
}

/// A column that names a member.
struct Role {
    /// The select's column.
    column: TableColumn,
    /// The fact's.
    key: String,
    dimension: String,
    target: Target,
    missing: Missing,
}

/// The SQL of one fact.
pub struct FactSql {
    engine: Engine,
    name: String,
    table: String,
    rejects: String,
    roles: Vec<Role>,
    /// The fact's columns.
    columns: Vec<TableColumn>,
    /// The select's columns that no two rows share the values of.
    grain: Vec<TableColumn>,
    at: Option<String>,
    lineage: bool,
    names: Names,
}

impl FactSql {
    /// For the fact called `name` over a select with these columns. `targets` has each dimension. `lineage`: whether rows say of which
    /// staged row they are.
    pub fn new(
        names: &Names,
        name: &str,
        header: &Fact,
        targets: &BTreeMap<String, Target>,
        columns: &[TableColumn],
        lineage: bool,
    ) -> Self {
        let (mut roles, mut after) = (Vec::new(), Vec::new());
        for column in columns {
            let role =
                header.dimensions.get(&column.name).and_then(|used| Some((used, targets.get(used.dimension())?)));
            let Some((used, target)) = role else {
                after.push(column.clone());
                continue;
            };
            let key = used.key_column(&column.name);
            after.push(TableColumn { name: key.clone(), declared: "bigint".to_owned() });
            let (dimension, missing) = (used.dimension().to_owned(), used.missing());
            roles.push(Role { column: column.clone(), key, dimension, target: target.clone(), missing });
        }
        if lineage {
            let bigint = |name: &str| TableColumn { name: name.to_owned(), declared: "bigint".to_owned() };
            after.extend([bigint(LOAD_COLUMN), bigint(LINE_COLUMN)]);
        }
        FactSql {
            engine: names.engine,
            name: name.to_owned(),
            table: names.table(&Table::datawarehouse(name)),
            rejects: names.table(&Table { schema: Schema::Catalog, name: "star_reject".to_owned() }),
            roles,
            columns: after,
            grain: columns.iter().filter(|column| header.grain.contains(&column.name)).cloned().collect(),
            at: header.at.as_ref().map(|at| quote(at)),
            lineage,
            names: names.clone(),
        }
    }

    /// The fact's columns.
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// The fact's columns that hold keys, each with its dimension.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.roles.iter().map(|role| (role.key.as_str(), role.dimension.as_str()))
    }

    /// Whether a row's grain stands in the fact as it is, so that rows can be told from each other there.
    pub fn has_plain_grain(&self) -> bool {
        !self.grain.iter().any(|column| self.roles.iter().any(|role| role.column.name == column.name))
    }

    /// `create table`, with what refers to the dimensions.
    pub fn create(&self) -> String {
        let plain = self.has_plain_grain();
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|column| {
                let (name, declared) = (quote(&column.name), &column.declared);
                match (self.roles.iter().find(|role| role.key == column.name), self.engine) {
                    (Some(role), Engine::Sqlite) => {
                        format!("{name} bigint not null references {}", self.reference(&role.dimension))
                    }
                    (Some(_), Engine::Postgres) => format!("{name} bigint not null"),
                    (None, _) if plain && self.grain.iter().any(|one| one.name == column.name) => {
                        format!("{name} {declared} not null")
                    }
                    (None, _) => format!("{name} {declared}"),
                }
            })
            .collect();
        format!("create table {} ({})", self.table, columns.join(", "))
    }

    /// Makes the table with its rows, out of the [rows](FactSql::keyed); the last statement counts.
    pub fn create_filled(&self, keyed: &str) -> Vec<String> {
        match self.engine {
            // It works on several cores for a table that it makes, not for one that is there.
            Engine::Postgres => vec![format!("create table {} as {keyed}", self.table)],
            Engine::Sqlite => vec![self.create(), self.fill(keyed)],
        }
    }

    /// What a new table gets after its rows, so that none is checked by itself: the key, the indexes, the references.
    pub fn finish(&self) -> Vec<String> {
        let mut statements: Vec<_> = self.has_plain_grain().then(|| self.unique_grain()).into_iter().collect();
        if let (Engine::Postgres, false) = (self.engine, self.roles.is_empty()) {
            let keys: Vec<_> =
                self.roles.iter().map(|role| format!("alter column {} set not null", quote(&role.key))).collect();
            statements.push(format!("alter table {} {}", self.table, keys.join(", ")));
        }
        statements.extend(self.roles.iter().flat_map(|role| self.refer(role)));
        if self.engine == Engine::Postgres {
            statements.push(format!("analyze {}", self.table));
        }
        statements
    }

    fn unique_grain(&self) -> String {
        let grain = self.grain_names().join(", ");
        match self.engine {
            Engine::Postgres => format!("alter table {} add primary key ({grain})", self.table),
            Engine::Sqlite => format!("create unique index {} on {} ({grain})", self.index("grain"), self.table),
        }
    }

    fn refer(&self, role: &Role) -> Vec<String> {
        let key = quote(&role.key);
        let mut statements = vec![format!("create index {} on {} ({key})", self.index(&role.key), self.table)];
        if self.engine == Engine::Postgres {
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
        let name = format!("{}_{of}", self.name);
        if name.len() <= 60 {
            return quote(&name);
        }
        quote(&format!("{}_{}", self.name, &blake3::hash(of.as_bytes()).to_hex()[..8]))
    }

    /// The fact's rows out of the select's, those left out that a dimension does not know and the header rejects.
    pub fn keyed(&self, source: &str) -> String {
        let mut list = Vec::new();
        for column in &self.columns {
            let name = quote(&column.name);
            match self.roles.iter().position(|role| role.key == column.name) {
                Some(place) => {
                    let id = quote(&key_column(&self.roles[place].dimension));
                    list.push(format!("coalesce(d{place}.{id}, {UNKNOWN}) as {name}"));
                }
                None => list.push(format!("n.{name}")),
            }
        }
        let rejected: Vec<_> = self.rejected().map(|(place, _)| self.is_missing(place)).collect();
        let only = if rejected.is_empty() { String::new() } else { format!(" where not ({})", rejected.join(" or ")) };
        format!("select {} from ({source}) as n{}{only}", list.join(", "), self.joins())
    }

    /// Writes the rows that are left out, each once: with the first column that names no member.
    pub fn write_rejects(&self, source: &str) -> Vec<String> {
        let (load, line) = (format!("n.{}", quote(LOAD_COLUMN)), format!("n.{}", quote(LINE_COLUMN)));
        let (load, line) = if self.lineage { (load, line) } else { ("null".to_owned(), "null".to_owned()) };
        let missing: Vec<_> = self.rejected().map(|(place, _)| self.is_missing(place)).collect();
        self.rejected()
            .enumerate()
            .map(|(turn, (_, role))| {
                let before = missing[..turn].iter().map(|missing| format!(" and not {missing}"));
                let is_first = missing[turn].clone() + &before.collect::<String>();
                let column = role.column.name.replace('\'', "''");
                format!(
                    "insert into {} (fact, load_id, line, \"column\", value, reason) \
                     select '{}', {load}, {line}, '{column}', cast(n.{} as text), 'is no member of {}' from ({source}) as n{} where {}",
                    self.rejects,
                    self.name,
                    quote(&role.column.name),
                    role.dimension,
                    self.joins(),
                    is_first
                )
            })
            .collect()
    }

    /// Forgets the rows that were left out: all of them, or those of the staged rows in a temporary table.
    pub fn forget_rejects(&self, again: bool) -> String {
        let among = if again {
            format!(" and (load_id, line) in (select {}, {} from {AGAIN})", quote(LOAD_COLUMN), quote(LINE_COLUMN))
        } else {
            String::new()
        };
        format!("delete from {} where fact = '{}'{among}", self.rejects, self.name)
    }

    /// Counts the rows that are left out.
    pub fn count_rejected(&self) -> Option<String> {
        self.has_rejects().then(|| format!("select count(*) from {} where fact = '{}'", self.rejects, self.name))
    }

    /// Makes members of the values that a dimension does not know, where the header says so; one that was there before gets the first
    /// key that it had. For each such dimension the statement, with `highest`, its highest key that was ever given, filled in.
    pub fn infer(&self, source: &str, highest: impl Fn(&str) -> i64) -> Vec<(String, String)> {
        let inferred = self.roles.iter().enumerate().filter(|(_, role)| role.missing == Missing::Infer);
        inferred
            .map(|(place, role)| {
                let Role { dimension, target, .. } = role;
                let (table, id) = (self.names.table(&Table::datawarehouse(dimension)), quote(&key_column(dimension)));
                let key = quote(&target.key.name);
                let retired =
                    self.names.table(&Table { schema: Schema::Catalog, name: format!("{dimension}_retired") });
                let (mut columns, mut values) = (format!("{id}, {key}, is_inferred"), String::new());
                if let Some(valid) = &target.valid {
                    columns.push_str(", valid_from, valid_to, is_current");
                    let literal = |day: &str| moment_literal(self.engine, valid, day);
                    values = format!(", {}, {}, true", literal("0001-01-01"), literal("9999-12-31"));
                }
                let text = ["text", "char"].iter().any(|word| target.key.declared.contains(word));
                let collate = if text && self.engine == Engine::Postgres { " collate \"C\"" } else { "" };
                let value = self.value(place);
                let statement = format!(
                    "insert into {table} ({columns}) select coalesce(m.given, h.highest + row_number() over (partition by m.given is null order by m.value{collate})), \
                     m.value, true{values} from (select u.value, (select min(r.{id}) from {retired} as r where r.{key} = u.value) as given \
                     from (select distinct {value} as value from ({source}) as n where {value} is not null \
                     and not exists (select 1 from {table} as d where d.{key} = {value} and d.{id} <> {UNKNOWN})) as u) as m \
                     cross join (select max(id) as highest from (select {} as id union all select max({id}) from {table} \
                     union all select max({id}) from {retired}) as given) as h",
                    highest(dimension)
                );
                (dimension.clone(), statement)
            })
            .collect()
    }

    /// Whether a member that this fact makes for one of its columns can be what another one names, which makes none.
    pub fn finds_inferred(&self) -> bool {
        let infers = |dimension: &str| {
            self.roles.iter().any(|role| role.dimension == dimension && role.missing == Missing::Infer)
        };
        self.roles.iter().any(|role| role.missing != Missing::Infer && infers(&role.dimension))
    }

    /// Takes members out that were made for facts that are gone, and keeps their keys for the case that they come back; the last
    /// statement counts. `valid`: whether members have versions.
    pub fn forget_inferred(
        dimension: &str,
        key: &str,
        valid: bool,
        names: &Names,
        facts: &[(String, String)],
    ) -> Vec<String> {
        let (table, id) = (names.table(&Table::datawarehouse(dimension)), quote(&key_column(dimension)));
        let retired = names.table(&Table { schema: Schema::Catalog, name: format!("{dimension}_retired") });
        let key = quote(key);
        let (columns, values) = match valid {
            true => (format!("{id}, {key}, valid_from"), format!("d.{id}, d.{key}, d.valid_from")),
            false => (format!("{id}, {key}"), format!("d.{id}, d.{key}")),
        };
        let used: Vec<_> = facts
            .iter()
            .map(|(fact, key)| {
                let fact = names.table(&Table::datawarehouse(fact));
                format!(" and not exists (select 1 from {fact} as f where f.{} = d.{id})", quote(key))
            })
            .collect();
        let gone = format!("d.is_inferred and d.{id} <> {UNKNOWN}{}", used.concat());
        vec![
            format!(
                "insert into {retired} ({columns}) select {values} from {table} as d where {gone} \
                 and not exists (select 1 from {retired} as r where r.{id} = d.{id})"
            ),
            format!("delete from {table} as d where {gone}"),
        ]
    }

    /// Puts load and line of rows into [`AGAIN`] that point to a member that moved; `touched` has a temporary table for each dimension
    /// that changed. Rows that were left out are among them.
    pub fn note_again(&self, touched: &BTreeMap<String, String>) -> Option<String> {
        let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
        let mut found: Vec<_> = self
            .roles
            .iter()
            .filter_map(|role| {
                let ids = touched.get(&role.dimension)?;
                Some(format!(
                    "select {load}, {line} from {} where {} in (select id from {ids})",
                    self.table,
                    quote(&role.key)
                ))
            })
            .collect();
        if found.is_empty() {
            return None;
        }
        if self.rejected().next().is_some() {
            found.push(format!("select load_id, line from {} where fact = '{}'", self.rejects, self.name));
        }
        Some(format!("create temp table {AGAIN} as {}", found.join(" union ")))
    }

    /// A few values of the grain of `rows` that rows of the fact have, too, which stay as they are: those of [`KEYED`] are compared with
    /// all that are not in [`AGAIN`], others with all.
    pub fn repeated_beside(&self, rows: &str) -> String {
        let grain = self.grain_names();
        let same: Vec<_> = grain.iter().map(|column| format!("f.{column} = k.{column}")).collect();
        let list: Vec<_> = grain.iter().map(|column| format!("k.{column}")).collect();
        let stays = if rows == KEYED { format!(" where not {}", is_again("f")) } else { String::new() };
        format!(
            "select {}, 2 from (select * from {rows}) as k join {} as f on {}{stays} limit 5",
            list.join(", "),
            self.table,
            same.join(" and ")
        )
    }

    /// Takes rows out that are not in [`KEYED`]: all of them, or those in [`AGAIN`].
    pub fn delete(&self, again: bool) -> String {
        let among = if again { format!("{} and ", is_again("f")) } else { String::new() };
        format!(
            "delete from {} as f where {among}not exists (select 1 from {KEYED} as k where {})",
            self.table,
            self.same_grain("k", "f")
        )
    }

    /// Takes the rows of loads out that are gone.
    pub fn delete_loads(&self, loads: &str) -> String {
        format!("delete from {} where {} in ({loads})", self.table, quote(LOAD_COLUMN))
    }

    /// Overwrites the rows that are not as in [`KEYED`]. `keys` alone: only those that point to other members.
    pub fn update(&self) -> Option<String> {
        let is_grain = |column: &&TableColumn| self.grain.iter().any(|one| one.name == column.name);
        let others: Vec<_> = self.columns.iter().filter(|one| !is_grain(one)).map(|one| quote(&one.name)).collect();
        if others.is_empty() {
            return None;
        }
        let set: Vec<_> = others.iter().map(|one| format!("{one} = k.{one}")).collect();
        let differs: Vec<_> = others.iter().map(|one| format!("f.{one} is distinct from k.{one}")).collect();
        Some(format!(
            "update {} as f set {} from {KEYED} as k where {} and ({})",
            self.table,
            set.join(", "),
            self.same_grain("k", "f"),
            differs.join(" or ")
        ))
    }

    /// Counts the rows that will point to other members.
    pub fn count_moved(&self) -> Option<String> {
        let differs: Vec<_> = self.roles.iter().map(|role| format!("f.{0} <> k.{0}", quote(&role.key))).collect();
        (!differs.is_empty()).then(|| {
            format!(
                "select count(*) from {} as f join {KEYED} as k on {} where {}",
                self.table,
                self.same_grain("k", "f"),
                differs.join(" or ")
            )
        })
    }

    /// Adds the rows of [`KEYED`] that are new.
    pub fn insert(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|column| quote(&column.name)).collect();
        let columns = columns.join(", ");
        format!(
            "insert into {0} ({columns}) select {columns} from {KEYED} as k where not exists (select 1 from {0} as f where {1})",
            self.table,
            self.same_grain("f", "k")
        )
    }

    /// Adds the [rows](FactSql::keyed).
    pub fn fill(&self, keyed: &str) -> String {
        let columns: Vec<_> = self.columns.iter().map(|column| quote(&column.name)).collect();
        format!("insert into {} ({}) {keyed}", self.table, columns.join(", "))
    }

    /// Adds the rows in the order of the keys of one dimension, so that one index more is not written at random places.
    pub fn add(&self, keyed: &str, dimension: Option<&str>) -> String {
        let key = self.roles.iter().find(|role| Some(role.dimension.as_str()) == dimension);
        let order = key.map_or_else(String::new, |role| format!(" order by {}", quote(&role.key)));
        self.fill(keyed) + &order
    }

    /// A few values of the grain that several rows of `rows` have, with the number of rows.
    pub fn repeated(&self, rows: &str) -> String {
        let list = self.grain_names().join(", ");
        format!(
            "select {list}, count(*) from {rows} group by {list} having count(*) > 1 order by count(*) desc, {list} limit 5"
        )
    }

    /// Counts rows of `rows` whose grain is NULL in part, where it stands in the fact as it is.
    pub fn count_nameless(&self, rows: &str) -> Option<String> {
        let null: Vec<_> = self.grain_names().iter().map(|column| format!("{column} is null")).collect();
        self.has_plain_grain().then(|| format!("select count(*) from {rows} where {}", null.join(" or ")))
    }

    /// The columns of the grain, quoted.
    fn grain_names(&self) -> Vec<String> {
        self.grain.iter().map(|column| quote(&column.name)).collect()
    }

    /// For each dimension the number of rows without a member, in one row; `None` for a fact without dimensions.
    pub fn count_unknown(&self) -> Option<String> {
        let counts: Vec<_> = self
            .roles
            .iter()
            .map(|role| format!("(select count(*) from {} where {} = {UNKNOWN})", self.table, quote(&role.key)))
            .collect();
        (!counts.is_empty()).then(|| format!("select {}", counts.join(", ")))
    }

    /// The select's rows, kept for several questions.
    pub fn keep(source: &str) -> String {
        format!("create temp table {NEW} as {source}")
    }

    /// The names of the grain's columns.
    pub fn grain_columns(&self) -> Vec<String> {
        self.grain.iter().map(|column| column.name.clone()).collect()
    }

    /// An index over the grain of [`KEYED`].
    pub fn index_keyed(&self) -> String {
        format!("create index sluice_keyed_grain on {KEYED} ({})", self.grain_names().join(", "))
    }

    /// The columns by which the table's rows are told apart, as they stand.
    pub fn unique_columns(&self) -> String {
        match self.engine {
            Engine::Postgres => format!(
                "select a.attname::text from pg_index as i join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) \
                 where i.indisprimary and i.indrelid = to_regclass('{}')",
                self.table.replace('\'', "''")
            ),
            Engine::Sqlite => {
                format!(
                    "select name from pragma_index_info('{}')",
                    self.index("grain").trim_matches('"').replace('\'', "''")
                )
            }
        }
    }

    /// Takes away what tells rows apart, so that others can.
    pub fn drop_grain(&self) -> Vec<String> {
        match self.engine {
            Engine::Postgres => {
                vec![format!(
                    "alter table {} drop constraint if exists {}",
                    self.table,
                    quote(&format!("{}_pkey", self.name))
                )]
            }
            Engine::Sqlite => vec![format!("drop index if exists {}", self.index("grain"))],
        }
    }

    /// What a table gets after its columns were changed: see [`FactSql::finish`]. `stood` are the columns that were there.
    pub fn finish_again(&self, stood: &[TableColumn], other_grain: bool) -> Vec<String> {
        let is_new = |role: &&Role| !stood.iter().any(|column| column.name == role.key);
        let (roles, stood): (Vec<_>, Vec<_>) = self.roles.iter().partition(is_new);
        let mut statements = Vec::new();
        // PostgreSQL changes no table whose references are still to be checked.
        let schema = self.table.split('.').next().unwrap_or_default();
        for role in stood.iter().filter(|_| self.engine == Engine::Postgres) {
            let name = self.index(&format!("{}_fkey", role.key));
            statements.extend(["immediate", "deferred"].map(|when| format!("set constraints {schema}.{name} {when}")));
        }
        if other_grain && self.has_plain_grain() {
            statements.push(self.unique_grain());
        }
        statements.extend(roles.into_iter().flat_map(|role| self.refer(role)));
        statements
    }

    /// Counts rows that refer to members that are not there; on PostgreSQL the commit looks.
    pub fn count_dangling(names: &Names, fact: &str) -> Option<String> {
        (names.engine == Engine::Sqlite).then(|| {
            format!("select count(*) from pragma_foreign_key_check('{}')", names.flat(&Table::datawarehouse(fact)))
        })
    }

    /// Whether rows can be left out.
    pub fn has_rejects(&self) -> bool {
        self.rejected().next().is_some()
    }

    /// Forgets the rows that were left out under a condition.
    pub fn forget_rejects_of(&self, condition: &str) -> String {
        format!("delete from {} where fact = '{}' and {condition}", self.rejects, self.name)
    }

    /// The columns that can be summed up.
    pub fn measures(&self) -> impl Iterator<Item = &str> {
        let is_number = |column: &&TableColumn| {
            let declared = column.declared.as_str();
            ["bigint", "integer", "smallint", "numeric", "real", "double"].iter().any(|word| declared.starts_with(word))
        };
        let is_own = |column: &&TableColumn| {
            let key = self.grain.iter().any(|grain| grain.name == column.name)
                || self.roles.iter().any(|role| role.key == column.name);
            !key && column.name != LOAD_COLUMN && column.name != LINE_COLUMN
        };
        self.columns.iter().filter(is_own).filter(is_number).map(|column| column.name.as_str())
    }

    /// Counts rows and sums up the measures, in one row.
    pub fn sums(&self, rows: &str) -> String {
        let sums: Vec<_> = self
            .measures()
            .map(|name| match self.engine {
                Engine::Postgres => format!(", sum(cast({} as numeric))", quote(name)),
                Engine::Sqlite => format!(", sum(cast({} as real))", quote(name)),
            })
            .collect();
        format!("select count(*){} from {rows}", sums.concat())
    }

    fn rejected(&self) -> impl Iterator<Item = (usize, &Role)> {
        self.roles.iter().enumerate().filter(|(_, role)| role.missing == Missing::Reject)
    }

    fn is_missing(&self, place: usize) -> String {
        let role = &self.roles[place];
        format!(
            "(n.{} is not null and d{place}.{} is null)",
            quote(&role.column.name),
            quote(&key_column(&role.dimension))
        )
    }

    /// The value that names a member, as the dimension has it.
    fn value(&self, place: usize) -> String {
        let Role { column, target, .. } = &self.roles[place];
        let name = format!("n.{}", quote(&column.name));
        match (target.is_calendar && column.declared != "date", self.engine) {
            (true, Engine::Postgres) => format!("cast({name} as date)"),
            (true, Engine::Sqlite) => format!("substr({name}, 1, 10)"),
            (false, _) => name,
        }
    }

    fn joins(&self) -> String {
        let joins = self.roles.iter().enumerate().map(|(place, role)| {
            let Role { dimension, target, .. } = role;
            let (table, id) = (self.names.table(&Table::datawarehouse(dimension)), quote(&key_column(dimension)));
            let (key, value) = (quote(&target.key.name), self.value(place));
            match (&target.valid, &self.at) {
                (None, _) => format!(" left join {table} as d{place} on d{place}.{key} = {value} and d{place}.{id} <> {UNKNOWN}"),
                (Some(_), None) => format!(
                    " left join {table} as d{place} on d{place}.{key} = {value} and d{place}.{id} <> {UNKNOWN} and d{place}.is_current"
                ),
                // What happened before a member's first version sees that one.
                (Some(valid), Some(at)) => format!(
                    " left join (select {key}, {id}, valid_to, is_current, case when lag({id}) over (partition by {key} order by valid_from) is null \
                     then {} else valid_from end as valid_from from {table} where {id} <> {UNKNOWN}) as d{place} on d{place}.{key} = {value} \
                     and (n.{at} >= d{place}.valid_from and n.{at} < d{place}.valid_to or n.{at} is null and d{place}.is_current)",
                    moment_literal(self.engine, valid, "0001-01-01")
                ),
            }
        });
        joins.collect()
    }

    fn same_grain(&self, one: &str, other: &str) -> String {
        let same: Vec<_> =
            self.grain_names().iter().map(|column| format!("{one}.{column} = {other}.{column}")).collect();
        same.join(" and ")
    }
}
