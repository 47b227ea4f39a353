//! Merges versions into a dimension's table: changed rows are overwritten, new ones get a key, and deleted ones leave
//! theirs behind.

use super::super::{NEW, UNKNOWN};
use super::{AFFECTED, DimensionSql, MOVED, VERSIONS, in_order, same};
use crate::sql::{any_of, quote};

impl DimensionSql {
    /// Gives members that were inferred, or had no versions before, the time of one of their versions, so that it finds
    /// their key: of the version with this key, or else of the first one without a key, or else of the first one.
    pub fn adopt(&self) -> Vec<String> {
        if !self.is_historic() {
            return Vec::new();
        }
        let (table, id, retired, keys) = (&self.table, &self.id, &self.retired, self.keys());
        let inferred = if self.infers { "d.is_inferred or " } else { "" };
        let mut statements = vec![format!(
            "update {table} as d set valid_from = f.begins from (select d.{id}, v.valid_from as begins, row_number() \
             over (partition by d.{id} \
             order by case when r.{id} = d.{id} then 0 when r.{id} is null then 1 else 2 end, v.valid_from) as place \
             from {table} as d join {VERSIONS} as v on {} left join {retired} as r on {} where d.{id} <> {UNKNOWN} and \
              ({inferred}d.valid_from is null)) as f \
             where f.{id} = d.{id} and f.place = 1",
            same(&keys, "v", "d"),
            self.same_version("r", "v"),
        )];
        if self.infers {
            // Versions with another key are known by the member's key from now on.
            statements.push(format!(
                "update {retired} as r set valid_from = {} from {table} as d where {} and d.is_inferred and d.{id} <> r.{id} \
                 and exists (select 1 from {VERSIONS} as v where {})",
                self.earliest(),
                self.same_version("d", "r"),
                self.same_version("v", "d"),
            ));
            // Members without a row yet, or without versions before.
            statements.push(format!(
                "update {table} set valid_from = {}, valid_to = {}, is_current = true where is_inferred and valid_from is null",
                self.earliest(),
                self.latest()
            ));
        }
        statements
    }

    /// Notes in `touched` the keys of members that get another version or time or go, and 0 for a member that is new or
    /// was closed for a while: facts that point to them are looked up again.
    pub fn note_moved(&self, touched: &str, restricted: bool, keeps: bool) -> Vec<String> {
        let DimensionSql { table, id, .. } = self;
        let keys = self.keys();
        let of = |prefix: &str| keys.iter().map(|key| format!("{prefix}.{key}")).collect::<Vec<_>>().join(", ");
        let shifted = if self.is_historic() { " or d.valid_to is distinct from v.valid_to" } else { "" };
        let gap = if self.is_historic() {
            format!(
                " or exists (select 1 from {table} as d where {} and d.{id} <> {UNKNOWN} and d.valid_to <> {} \
                 and not exists (select 1 from {table} as w where {} and w.valid_from = d.valid_to))",
                same(&keys, "d", "v"),
                self.latest(),
                same(&keys, "w", "d")
            )
        } else {
            String::new()
        };
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
                 and (not exists (select 1 from {table} as d where {} and d.{id} <> {UNKNOWN}){gap}) group by 1",
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

    /// Counts the open members that rows of the select gave, without the unknown one.
    pub fn count_open(&self) -> String {
        format!("select count(*) from {} as d where {}", self.table, self.is_open())
    }

    /// Counts those that are not open any more.
    pub fn count_taken(&self, restricted: bool) -> String {
        let keys = self.keys();
        let is_current = if self.is_historic() { " and v.is_current" } else { "" };
        let among = if restricted {
            format!(" and exists (select 1 from {AFFECTED} as a where {})", same(&keys, "a", "d"))
        } else {
            String::new()
        };
        format!(
            "{}{among} and not exists (select 1 from {VERSIONS} as v where {}{is_current})",
            self.count_open(),
            same(&keys, "v", "d")
        )
    }

    fn is_open(&self) -> String {
        let current = if self.is_historic() { " and d.is_current" } else { "" };
        let inferred = if self.infers { " and d.is_inferred is not true" } else { "" };
        format!("d.{} <> {UNKNOWN}{current}{inferred}", self.id)
    }

    /// Counts the versions that remaining members lose.
    pub fn count_fewer(&self) -> Option<String> {
        self.is_historic().then(|| {
            let keys = self.keys();
            let counts = |from: &str, only: String| {
                format!("(select {0}, count(*) as number from {from}{only} group by {0})", keys.join(", "))
            };
            format!(
                "select coalesce(sum(d.number - v.number), 0) from {} as d join {} as v on {} where v.number < d.number",
                counts(&self.table, format!(" where {} <> {UNKNOWN}", self.id)),
                counts(VERSIONS, String::new()),
                same(&keys, "d", "v")
            )
        })
    }

    /// Counts the new versions of existing members.
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

    /// Overwrites changed rows.
    pub fn update(&self) -> Option<String> {
        let others = self.columns.iter().filter(|one| !self.key.contains(one));
        let mut differs: Vec<_> = others.clone().map(|one| self.engine.differs(one, "d", "v")).collect();
        let mut set: Vec<_> = others.map(|one| quote(&one.name)).collect();
        if self.is_historic() {
            let own = ["valid_to", "is_current"];
            differs.extend(own.map(|one| format!("d.{one} is distinct from v.{one}")));
            set.extend(own.map(str::to_owned));
        }
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
                any_of(&differs)
            )
        })
    }

    /// Adds new members and versions. Keys continue from the highest that was ever given, in the order of the natural
    /// key's bytes, so that they are the same on both engines, whatever a server's collation; a version that comes back
    /// gets its key back.
    pub fn insert(&self, highest: i64) -> String {
        let DimensionSql { table, id, retired, .. } = self;
        let mut order: Vec<_> = self
            .key
            .iter()
            .map(|column| in_order(self.engine, column, &format!("v.{}", quote(&column.name))))
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
            "insert into {table} ({id}, {}) select {key}, {} from {VERSIONS} as v left join (select {given}, \
             min(g.{id}) as {id} from {retired} as g \
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

    /// Deletes rows that the select does not return any more, and keeps their keys for their return; the last statement
    /// counts.
    pub fn retire(&self, restricted: bool) -> Vec<String> {
        let DimensionSql { table, id, retired, .. } = self;
        let mut columns = self.keys();
        columns.extend(self.is_historic().then(|| "valid_from".to_owned()));
        let of_dimension: Vec<_> = columns.iter().map(|one| format!("d.{one}")).collect();
        let gone = self.is_gone(restricted);
        vec![
            format!("delete from {retired} where {id} in (select d.{id} from {table} as d where {gone})"),
            format!(
                "insert into {retired} ({id}, {}) select d.{id}, {} from {table} as d where {gone}",
                columns.join(", "),
                of_dimension.join(", ")
            ),
            format!("delete from {table} as d where {gone}"),
        ]
    }

    /// Counts the rows of a fact (quoted) whose `key` is that of a row which [`retire`](DimensionSql::retire) deletes, with
    /// the lowest value of a column as an example.
    pub fn facts_of_gone(&self, fact: &str, key: &str, column: &str) -> String {
        format!(
            "select count(*), min(d.{}) from {fact} as f join {} as d on d.{} = f.{key} where {}",
            quote(column),
            self.table,
            self.id,
            self.is_gone(false)
        )
    }

    /// Drops the temporary tables.
    pub fn clear(&self, restricted: bool) -> Vec<String> {
        let mut statements = vec![format!("drop table {NEW}"), format!("drop table {VERSIONS}")];
        statements.extend(restricted.then(|| format!("drop table {AFFECTED}")));
        statements
    }

    /// Returns the condition for a row `d` of the table that is no version any more.
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
}
