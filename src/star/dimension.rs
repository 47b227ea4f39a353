//! A dimension: members keep their keys for ever. Without history its attributes are overwritten when they change; with history a
//! change opens a new version of the member, and the versions are those that all its rows, ordered by when they hold, give.

use super::header::{Dimension, Scalar};
use super::{NEW, UNKNOWN, key_column};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::warehouse::{Engine, Names, Schema, Table, TableColumn, quote};

/// The temporary table with the versions that the select's rows make.
const VERSIONS: &str = "sluice_versions";
/// The temporary table with the natural keys of members that new rows are of.
pub const AFFECTED: &str = "sluice_affected";
/// The temporary table with the natural keys of members whose keys or times change.
const MOVED: &str = "sluice_moved";
/// The column that says from when on a row holds.
const AT: &str = "sluice_at";
/// The column that says that a member is not named any more.
const GONE: &str = "sluice_gone";

/// From when on a row holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// It does not say: there is one row for each member.
    Nothing,
    /// This column says it.
    Column(TableColumn),
    /// When its file was loaded.
    Loaded,
}

/// The SQL of one dimension.
pub struct DimensionSql {
    engine: Engine,
    table: String,
    /// Where keys are kept of versions that are gone.
    retired: String,
    /// Where rows are kept that staging does not have any more.
    seen: String,
    loads: String,
    name: String,
    /// The surrogate key, quoted.
    id: String,
    key: Vec<TableColumn>,
    history: Vec<String>,
    /// Every column of the table that the select gives, in its order.
    columns: Vec<TableColumn>,
    at: At,
    lineage: bool,
    /// Whether facts may make members before their rows arrive.
    infers: bool,
    /// Whether the select says which key a member has.
    has_ids: bool,
}

impl DimensionSql {
    /// For the dimension called `name` over a select with these columns. `lineage`: whether its rows say of which staged row they are;
    /// `infers`: whether facts make members of it.
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
        let catalog = |ending: &str| names.table(&Table { schema: Schema::Catalog, name: format!("{name}_{ending}") });
        DimensionSql {
            engine: names.engine,
            table: names.table(&Table::datawarehouse(name)),
            retired: catalog("retired"),
            seen: catalog("seen"),
            loads: names.table(&Table { schema: Schema::Catalog, name: "load".to_owned() }),
            name: name.to_owned(),
            id: quote(&key_column(name)),
            key: columns.iter().filter(|column| header.key.contains(&column.name)).cloned().collect(),
            history: header.history.iter().map(|column| quote(column)).collect(),
            columns: columns.iter().filter(|column| !is_at(column)).cloned().collect(),
            at,
            lineage,
            infers,
            has_ids: false,
        }
    }

    /// For one whose select gives the surrogate key, too.
    #[must_use]
    pub fn with_ids(mut self) -> Self {
        self.has_ids = true;
        self
    }

    /// Whether members have versions.
    pub fn is_historic(&self) -> bool {
        !self.history.is_empty()
    }

    /// The columns of its table, the surrogate key left out.
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

    /// The type of the time from which on a version holds.
    pub fn valid(&self) -> String {
        match (&self.at, self.engine) {
            (At::Column(column), _) => column.declared.clone(),
            (_, Engine::Postgres) => "timestamp with time zone".to_owned(),
            (_, Engine::Sqlite) => "timestamptz".to_owned(),
        }
    }

    /// Makes the table with its unknown member, and the one for keys that are not to be given again.
    pub fn create(&self) -> Vec<String> {
        let DimensionSql { table, id, .. } = self;
        let integer = match self.engine {
            Engine::Postgres => "bigint",
            Engine::Sqlite => "integer",
        };
        let columns: Vec<_> =
            self.table_columns().iter().map(|one| format!("{} {}", quote(&one.name), one.declared)).collect();
        let mut statements = vec![format!("create table {table} ({id} {integer} primary key, {})", columns.join(", "))];
        statements.extend(self.create_retired());
        statements.push(format!("insert into {table} ({id}) values ({UNKNOWN})"));
        statements.push(self.create_index());
        statements
    }

    /// The columns of the table for keys that are not to be given again, the surrogate key left out.
    pub fn retired_columns(&self) -> Vec<TableColumn> {
        let mut columns = self.key.clone();
        if self.is_historic() {
            columns.push(TableColumn { name: "valid_from".to_owned(), declared: self.valid() });
        }
        columns
    }

    /// Makes the table for keys that are not to be given again, where there is none.
    pub fn create_retired(&self) -> Vec<String> {
        let columns: Vec<_> =
            self.retired_columns().iter().map(|one| format!("{} {}", quote(&one.name), one.declared)).collect();
        vec![format!(
            "create table if not exists {} ({} bigint primary key, {})",
            self.retired,
            self.id,
            columns.join(", ")
        )]
    }

    /// Drops the index over the natural key.
    pub fn drop_index(&self) -> String {
        let name = format!("{}_natural_key", self.name);
        match self.engine {
            Engine::Postgres => format!("drop index if exists {}", self.index_of(&name)),
            Engine::Sqlite => format!("drop index if exists {}", quote(&name)),
        }
    }

    fn index_of(&self, name: &str) -> String {
        let schema = self.table.rsplit_once('.').map_or("", |(schema, _)| schema);
        format!("{schema}.{}", quote(name))
    }

    /// Makes the index over the natural key.
    pub fn create_index(&self) -> String {
        let index = quote(&format!("{}_natural_key", self.name));
        let mut columns = self.keys();
        columns.extend(self.is_historic().then(|| "valid_from".to_owned()));
        format!("create unique index {index} on {} ({})", self.table, columns.join(", "))
    }

    /// Gives the unknown member its attributes.
    pub fn name_unknown(&self, header: &Dimension) -> String {
        let mut set: Vec<_> = self
            .columns
            .iter()
            .map(|column| {
                let value = header.unknown.get(&column.name).map_or("null".to_owned(), Scalar::sql);
                format!("{} = {value}", quote(&column.name))
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

    /// Puts the select's rows into [`NEW`], each with the time from which on it holds.
    pub fn observe(&self, source: &str) -> Vec<String> {
        let mut declared: Vec<_> =
            self.columns.iter().map(|one| format!("{} {}", quote(&one.name), one.declared)).collect();
        let mut values: Vec<_> = self.columns.iter().map(|one| format!("n.{}", quote(&one.name))).collect();
        if self.has_ids {
            declared.insert(0, format!("{} bigint", self.id));
            values.insert(0, format!("n.{}", self.id));
        }
        if self.lineage {
            for column in [LOAD_COLUMN, LINE_COLUMN] {
                declared.push(format!("{} bigint", quote(column)));
                values.push(format!("n.{}", quote(column)));
            }
        }
        if let Some(at) = self.at_value() {
            declared.push(format!("{AT} {}", self.valid()));
            values.push(at);
        }
        vec![
            format!("create temp table {NEW} ({})", declared.join(", ")),
            format!("insert into {NEW} select {} from ({source}) as n", values.join(", ")),
        ]
    }

    fn at_value(&self) -> Option<String> {
        match &self.at {
            At::Nothing => None,
            At::Column(column) => Some(format!("n.{}", quote(&column.name))),
            At::Loaded => {
                let of = if self.lineage {
                    format!("l.id = n.{}", quote(LOAD_COLUMN))
                } else {
                    "l.status = 'loaded'".to_owned()
                };
                Some(format!("(select {} from {} as l where {of})", self.moment("max(l.finished_at)"), self.loads))
            }
        }
    }

    /// An instant of the catalog as [`DimensionSql::valid`] has it.
    fn moment(&self, instant: &str) -> String {
        match self.engine {
            Engine::Postgres => format!("cast({instant} as {})", self.valid()),
            // The catalog has RFC 3339 with the offset +00:00; tables have a blank for its T.
            Engine::Sqlite => match self.valid().as_str() {
                "date" => format!("substr({instant}, 1, 10)"),
                "timestamp" => format!("replace(substr({instant}, 1, length({instant}) - 6), 'T', ' ')"),
                _ => format!("replace({instant}, 'T', ' ')"),
            },
        }
    }

    /// Counts rows without a name: the natural key holds NULL.
    pub fn count_nameless(&self) -> String {
        let null: Vec<_> = self.keys().iter().map(|key| format!("{key} is null")).collect();
        format!("select count(*) from {NEW} where {}", null.join(" or "))
    }

    /// Counts rows that do not say from when on they hold; `None` where they need not.
    pub fn count_timeless(&self) -> Option<String> {
        (self.at != At::Nothing).then(|| format!("select count(*) from {NEW} where {AT} is null"))
    }

    /// A few natural keys (with times) of which several rows differ, with the number of rows; where load and line do not order them.
    pub fn repeated(&self) -> Option<String> {
        if self.at != At::Nothing && self.lineage {
            return None;
        }
        let mut keys = self.keys();
        if self.at != At::Nothing {
            keys.push(AT.to_owned());
        }
        let all: Vec<_> = self
            .columns
            .iter()
            .map(|one| quote(&one.name))
            .chain((self.at != At::Nothing).then(|| AT.to_owned()))
            .collect();
        let (keys, from) = (keys.join(", "), format!("(select distinct {} from {NEW}) as n", all.join(", ")));
        Some(format!(
            "select {keys}, count(*) from {from} group by {keys} having count(*) > 1 order by count(*) desc, {keys} limit 5"
        ))
    }

    /// Tells, in less time, whether [`DimensionSql::repeated`] can find anything.
    pub fn has_repeats(&self) -> String {
        let mut keys = self.keys();
        keys.extend((self.at != At::Nothing).then(|| AT.to_owned()));
        format!(
            "select count(*) from (select 1 from {NEW} group by {} having count(*) > 1 limit 1) as r",
            keys.join(", ")
        )
    }

    /// The columns of the table with rows that staging does not have any more.
    pub fn seen_columns(&self) -> Vec<TableColumn> {
        let own = |name: &str, declared: &str| TableColumn { name: name.to_owned(), declared: declared.to_owned() };
        let mut columns = self.columns.clone();
        columns.extend([own(LOAD_COLUMN, "bigint"), own(LINE_COLUMN, "bigint")]);
        columns.extend([own(AT, &self.valid()), own(GONE, "boolean")]);
        columns
    }

    /// Their names: a table whose columns were added later has them in another order.
    fn seen_list(&self) -> String {
        self.seen_columns().iter().map(|one| quote(&one.name)).collect::<Vec<_>>().join(", ")
    }

    /// Makes the table with rows that staging does not have any more, with the versions that there are.
    pub fn create_seen(&self) -> Vec<String> {
        let declared: Vec<_> =
            self.seen_columns().iter().map(|one| format!("{} {}", quote(&one.name), one.declared)).collect();
        let all: Vec<_> = self.columns.iter().map(|one| quote(&one.name)).collect();
        let inferred = if self.infers { " and is_inferred is not true" } else { "" };
        vec![
            format!("create table {} ({})", self.seen, declared.join(", ")),
            format!(
                "create index {} on {} ({}, {AT})",
                quote(&format!("{}_seen_key", self.name)),
                self.seen,
                self.keys().join(", ")
            ),
            format!(
                "insert into {} ({}) select {}, null, null, valid_from, false from {} where {} <> {UNKNOWN} and valid_from is not null{inferred}",
                self.seen,
                self.seen_list(),
                all.join(", "),
                self.table,
                self.id
            ),
        ]
    }

    /// Keeps the select's rows beside those that staging does not have any more, whose loads were not retracted; `replaced_by` is the
    /// newest load of a dataset whose files are each the whole truth: members that it does not name are gone.
    pub fn remember(&self, replaced_by: Option<i64>) -> Vec<String> {
        let DimensionSql { seen, loads, .. } = self;
        let all: Vec<_> = self.columns.iter().map(|one| quote(&one.name)).collect();
        let into = self.seen_list();
        let keys = self.keys();
        let same_key = |one: &str, other: &str| same(&keys, one, other);
        let same_row: Vec<_> = all.iter().map(|name| format!("s.{name} is not distinct from n.{name}")).collect();
        let lineage = if self.lineage {
            format!("n.{}, n.{}", quote(LOAD_COLUMN), quote(LINE_COLUMN))
        } else {
            "null, null".to_owned()
        };
        let list = |prefix: &str| all.iter().map(|name| format!("{prefix}.{name}")).collect::<Vec<_>>().join(", ");
        let mut statements = vec![
            format!(
                "delete from {seen} where {} in (select id from {loads} where status = 'retracted')",
                quote(LOAD_COLUMN)
            ),
            format!(
                "delete from {seen} as s where exists (select 1 from {NEW} as n where {} and s.{AT} = n.{AT} and (s.{GONE} or not ({})))",
                same_key("n", "s"),
                same_row.join(" and ")
            ),
            format!(
                "insert into {seen} ({into}) select {}, {lineage}, n.{AT}, false from {NEW} as n where not exists (\
                 select 1 from {seen} as s where {} and s.{AT} <= n.{AT} and not s.{GONE} and {} and not exists (\
                 select 1 from {seen} as l where {} and l.{AT} <= n.{AT} and l.{AT} > s.{AT}))",
                list("n"),
                same_key("s", "n"),
                same_row.join(" and "),
                same_key("l", "n")
            ),
        ];
        if let Some(load) = replaced_by {
            let at = format!("(select {} from {loads} as l where l.id = {load})", self.moment("max(l.finished_at)"));
            statements.push(format!(
                "insert into {seen} ({into}) select {}, {load}, null, {at}, true from {seen} as s where not s.{GONE} and s.{AT} < {at} \
                 and not exists (select 1 from {seen} as l where {} and l.{AT} > s.{AT}) \
                 and not exists (select 1 from {NEW} as n where {})",
                list("s"),
                same_key("l", "s"),
                same_key("n", "s")
            ));
        }
        statements
    }

    /// Puts the versions into a temporary table: of the rows in [`NEW`], or of all that are [kept](DimensionSql::remember).
    pub fn make_versions(&self, kept: bool) -> Vec<String> {
        let mut statements = Vec::new();
        let all: Vec<_> = self.columns.iter().map(|one| quote(&one.name)).collect();
        let (all, keys) = (all.join(", "), self.keys().join(", "));
        let latest = if self.lineage || kept {
            format!(", {} desc, {} desc", quote(LOAD_COLUMN), quote(LINE_COLUMN))
        } else {
            String::new()
        };
        let rows = if kept { self.seen.as_str() } else { NEW };
        let select = match (self.is_historic(), &self.at) {
            (false, At::Nothing) if self.has_ids => format!("select {}, {all} from {NEW}", self.id),
            (false, At::Nothing) => format!("select distinct {all} from {NEW}"),
            (false, _) => format!(
                "select {all} from (select {all}, row_number() over (partition by {keys} order by {AT} desc{latest}) as pick from {NEW}) as n where pick = 1"
            ),
            (true, _) => {
                let gone = if kept { GONE } else { "false" };
                let is_history =
                    |column: &&TableColumn| self.history.contains(&quote(&column.name)) || self.key.contains(column);
                let of_version: Vec<_> = self.columns.iter().filter(is_history).map(|one| quote(&one.name)).collect();
                let others: Vec<_> =
                    self.columns.iter().filter(|one| !is_history(one)).map(|one| quote(&one.name)).collect();
                let newest: Vec<_> =
                    others.iter().map(|one| format!(", first_value({one}) over latest as {one}")).collect();
                let same: Vec<_> = self
                    .history
                    .iter()
                    .map(|one| format!("{one} is not distinct from lag({one}) over by_time"))
                    .collect();
                let window_latest = if others.is_empty() {
                    String::new()
                } else {
                    format!(", latest as (partition by {keys} order by {AT} desc)")
                };
                format!(
                    "with picked as (select {all}, {AT}, {gone} as {GONE}, row_number() over (partition by {keys}, {AT} order by {gone}{latest}) as pick from {rows}), \
                     marked as (select {}{}, {AT}, {GONE}, case when row_number() over by_time > 1 and {} and {GONE} = lag({GONE}) over by_time then 0 else 1 end as starts \
                     from picked where pick = 1 window by_time as (partition by {keys} order by {AT}){window_latest}), \
                     begun as (select {all}, {GONE}, {AT} as valid_from, lead({AT}) over (partition by {keys} order by {AT}) as valid_to from marked where starts = 1) \
                     select {all}, valid_from, coalesce(valid_to, {}) as valid_to, valid_to is null as is_current from begun where not {GONE}",
                    of_version.join(", "),
                    newest.concat(),
                    same.join(" and "),
                    self.latest(),
                )
            }
        };
        statements.push(format!("create temp table {VERSIONS} as {select}"));
        let index = if self.is_historic() { ", valid_from" } else { "" };
        statements.push(format!("create index {VERSIONS}_key on {VERSIONS} ({keys}{index})"));
        if self.engine == Engine::Postgres {
            statements.push(format!("analyze {VERSIONS}"));
        }
        statements
    }

    /// Gives members that were inferred, or had no versions before, the time of their first row, so that it finds their key.
    pub fn adopt(&self) -> Vec<String> {
        if !self.is_historic() {
            return Vec::new();
        }
        let (table, id, keys) = (&self.table, &self.id, self.keys());
        let inferred = if self.infers { "d.is_inferred or " } else { "" };
        let mut statements = vec![format!(
            "update {table} as d set valid_from = f.first from (select {0}, min(valid_from) as first from {VERSIONS} group by {0}) as f \
             where {1} and d.{id} <> {UNKNOWN} and ({inferred}d.valid_from is null)",
            keys.join(", "),
            same(&keys, "f", "d"),
        )];
        // Members without a row yet, where there were no versions before.
        statements.extend(self.infers.then(|| {
            format!(
                "update {table} set valid_from = {}, valid_to = {}, is_current = true where is_inferred and valid_from is null",
                self.earliest(),
                self.latest()
            )
        }));
        statements
    }

    /// Notes in `touched` the keys of members that get another version or time or go, and 0 where a member is new: facts that point
    /// to them are to be looked up again.
    pub fn note_moved(&self, touched: &str, restricted: bool, keeps: bool) -> Vec<String> {
        let DimensionSql { table, id, .. } = self;
        let keys = self.keys();
        let of = |prefix: &str| keys.iter().map(|key| format!("{prefix}.{key}")).collect::<Vec<_>>().join(", ");
        let shifted = if self.is_historic() { " or d.valid_to is distinct from v.valid_to" } else { "" };
        let mut moved = vec![format!(
            "select {} from {VERSIONS} as v left join {table} as d on {} and d.{id} <> {UNKNOWN} where d.{id} is null{shifted}",
            of("v"),
            self.same_version("d", "v")
        )];
        if !keeps {
            moved.push(format!("select {} from {table} as d where {}", of("d"), self.is_gone(restricted)));
        }
        vec![
            format!("create temp table {MOVED} as {}", moved.join(" union ")),
            format!(
                "create temp table {touched} as select d.{id} as id from {table} as d join {MOVED} as m on {} where d.{id} <> {UNKNOWN} \
                 union all select {UNKNOWN} from {VERSIONS} as v where exists (select 1 from {MOVED} as m where {}) \
                 and not exists (select 1 from {table} as d where {} and d.{id} <> {UNKNOWN}) group by 1",
                same(&keys, "d", "m"),
                same(&keys, "m", "v"),
                same(&keys, "d", "v"),
            ),
            format!("drop table {MOVED}"),
        ]
    }

    /// Counts members whose last version ends without another one.
    pub fn count_closed(&self) -> Option<String> {
        self.is_historic().then(|| {
            format!(
                "select count(*) from {} as d join {VERSIONS} as v on {} where d.is_current and not v.is_current \
                 and not exists (select 1 from {VERSIONS} as w where {} and w.valid_from = v.valid_to)",
                self.table,
                self.same_version("d", "v"),
                same(&self.keys(), "w", "v")
            )
        })
    }

    /// Counts versions that are new of members that are not.
    pub fn count_new_versions(&self) -> Option<String> {
        self.is_historic().then(|| {
            let DimensionSql { table, id, .. } = self;
            format!(
                "select count(*) from {VERSIONS} as v where not exists (select 1 from {table} as d where {} and d.{id} <> {UNKNOWN}) \
                 and exists (select 1 from {table} as d where {} and d.{id} <> {UNKNOWN})",
                self.same_version("d", "v"),
                same(&self.keys(), "d", "v")
            )
        })
    }

    /// Overwrites what changed.
    pub fn update(&self) -> Option<String> {
        let mut set: Vec<_> =
            self.columns.iter().filter(|one| !self.key.contains(one)).map(|one| quote(&one.name)).collect();
        if self.is_historic() {
            set.extend(["valid_to", "is_current"].map(str::to_owned));
        }
        let mut differs: Vec<_> = set.iter().map(|one| format!("d.{one} is distinct from v.{one}")).collect();
        let mut set: Vec<_> = set.iter().map(|one| format!("{one} = v.{one}")).collect();
        if self.infers {
            set.push("is_inferred = false".to_owned());
            differs.push("d.is_inferred is distinct from false".to_owned());
        }
        (!set.is_empty()).then(|| {
            format!(
                "update {} as d set {} from {VERSIONS} as v where {} and d.{} <> {UNKNOWN} and ({})",
                self.table,
                set.join(", "),
                self.same_version("d", "v"),
                self.id,
                differs.join(" or ")
            )
        })
    }

    /// Adds new members and versions. Keys go on from the highest that was ever given, in the order of the natural key's bytes, so that
    /// they are the same on both engines, whatever a server's collation; a version that comes back gets its key back.
    pub fn insert(&self, highest: i64) -> String {
        let DimensionSql { table, id, retired, .. } = self;
        let mut order: Vec<_> = self
            .key
            .iter()
            .map(|column| {
                let text = ["text", "char"].iter().any(|word| column.declared.contains(word));
                let collate = if text && self.engine == Engine::Postgres { " collate \"C\"" } else { "" };
                format!("v.{}{collate}", quote(&column.name))
            })
            .collect();
        let mut columns: Vec<_> = self.columns.iter().map(|one| quote(&one.name)).collect();
        if self.is_historic() {
            order.push("v.valid_from".to_owned());
            columns.extend(["valid_from", "valid_to", "is_current"].map(str::to_owned));
        }
        let mut values: Vec<_> = columns.iter().map(|one| format!("v.{one}")).collect();
        if self.infers {
            columns.push("is_inferred".to_owned());
            values.push("false".to_owned());
        }
        let mut given = self.keys();
        given.extend(self.is_historic().then(|| "valid_from".to_owned()));
        let given = given.iter().map(|name| format!("g.{name}")).collect::<Vec<_>>().join(", ");
        let key = if self.has_ids {
            format!("v.{id}")
        } else {
            format!(
                "coalesce(r.{id}, h.highest + row_number() over (partition by r.{id} is null order by {}))",
                order.join(", ")
            )
        };
        format!(
            "insert into {table} ({id}, {}) select {key}, {} from {VERSIONS} as v left join (select {given}, min(g.{id}) as {id} from {retired} as g \
             where not exists (select 1 from {table} as d where d.{id} = g.{id}) group by {given}) as r on {} \
             cross join (select max(id) as highest from (select {highest} as id union all select max({id}) from {table} \
             union all select max({id}) from {retired}) as given) as h \
             where not exists (select 1 from {table} as d where {} and d.{id} <> {UNKNOWN})",
            columns.join(", "),
            values.join(", "),
            self.same_version("r", "v"),
            self.same_version("d", "v")
        )
    }

    /// Takes out what the select does not give any more, and keeps its key for the case that it comes back; the last statement counts.
    pub fn retire(&self, restricted: bool) -> Vec<String> {
        let DimensionSql { table, id, retired, .. } = self;
        let mut columns = self.keys();
        columns.extend(self.is_historic().then(|| "valid_from".to_owned()));
        let of_dimension: Vec<_> = columns.iter().map(|one| format!("d.{one}")).collect();
        let gone = self.is_gone(restricted);
        vec![
            format!(
                "insert into {retired} ({id}, {}) select d.{id}, {} from {table} as d where {gone} \
                 and not exists (select 1 from {retired} as r where r.{id} = d.{id})",
                columns.join(", "),
                of_dimension.join(", ")
            ),
            format!("delete from {table} as d where {gone}"),
        ]
    }

    /// Notes the natural keys of the rows in [`NEW`], and empties it: all rows of these members come into it then.
    pub fn note_affected(&self) -> Vec<String> {
        let keys = self.keys().join(", ");
        vec![format!("create temp table {AFFECTED} as select distinct {keys} from {NEW}"), format!("drop table {NEW}")]
    }

    /// Those of a select's rows that are of [affected](AFFECTED) members.
    pub fn of_affected(&self, source: &str) -> String {
        let keys = self.keys();
        format!(
            "select s.* from ({source}) as s where exists (select 1 from {AFFECTED} as a where {})",
            same(&keys, "a", "s")
        )
    }

    /// Drops the temporary tables.
    pub fn clear(&self, restricted: bool) -> Vec<String> {
        let mut statements = vec![format!("drop table {NEW}"), format!("drop table {VERSIONS}")];
        statements.extend(restricted.then(|| format!("drop table {AFFECTED}")));
        statements
    }

    /// The condition for a row `d` of the table that no version is any more.
    fn is_gone(&self, restricted: bool) -> String {
        let inferred = if self.infers { " and d.is_inferred is not true" } else { "" };
        let among = if restricted {
            format!(" and exists (select 1 from {AFFECTED} as a where {})", same(&self.keys(), "a", "d"))
        } else {
            String::new()
        };
        format!(
            "d.{} <> {UNKNOWN}{inferred}{among} and not exists (select 1 from {VERSIONS} as v where {})",
            self.id,
            self.same_version("v", "d")
        )
    }

    fn same_version(&self, one: &str, other: &str) -> String {
        let time =
            if self.is_historic() { format!(" and {one}.valid_from = {other}.valid_from") } else { String::new() };
        same(&self.keys(), one, other) + &time
    }

    fn keys(&self) -> Vec<String> {
        self.key.iter().map(|column| quote(&column.name)).collect()
    }

    fn earliest(&self) -> String {
        moment_literal(self.engine, &self.valid(), "0001-01-01")
    }

    fn latest(&self) -> String {
        moment_literal(self.engine, &self.valid(), "9999-12-31")
    }
}

fn same(columns: &[String], one: &str, other: &str) -> String {
    columns.iter().map(|column| format!("{one}.{column} = {other}.{column}")).collect::<Vec<_>>().join(" and ")
}

/// A day as a value of a date or time.
pub(super) fn moment_literal(engine: Engine, declared: &str, day: &str) -> String {
    match (engine, declared) {
        (Engine::Postgres, _) => format!("cast('{day}' as {declared})"),
        (Engine::Sqlite, "date" | "text") => format!("'{day}'"),
        (Engine::Sqlite, "timestamp") => format!("'{day} 00:00:00'"),
        (Engine::Sqlite, _) => format!("'{day} 00:00:00+00:00'"),
    }
}
