//! Adds new rows to a fact. The time goes into its indexes: rows arrive in one order, and go to scattered places in
//! each index.

use super::RunError;
use super::build::Build;
use crate::sql::quote;
use crate::star::{FactSql, KEYED};

/// The temporary table with the keys of one role, in order, and their rows.
const PLACES: &str = "sluice_places";

/// The page cache on SQLite, in KiB, while new rows go into indexes at scattered places, and otherwise.
const WITH_MORE_PAGES: &str = "pragma cache_size = -9216";
const WITH_FEW_PAGES: &str = "pragma cache_size = -2000";

/// The number of rows whose keys are written at once: neighbours in the index, whose pages fit the memory.
const AT_ONCE: u64 = 2000;

/// The number of members below which a dimension's part of the index stays in memory anyway.
const FEW_MEMBERS: u64 = 100;

impl Build<'_> {
    /// Adds the rows of `keyed`, whose keys were looked up in this transaction.
    pub(super) async fn add(&mut self, sql: &FactSql, keyed: &str) -> Result<u64, RunError> {
        let large = self.large_keys(sql);
        let order = large.first().map_or_else(String::new, |key| format!(" order by {}", quote(key)));
        let ordered = format!("{keyed}{order}");
        match self.plan.names.engine.fills_by_row_number() {
            false => self.add_unchecked(&sql.fill(&ordered)).await,
            true => {
                self.execute(WITH_MORE_PAGES).await?;
                let added = self.add_by_index(sql, &ordered, large.get(1..).unwrap_or_default()).await;
                self.execute(WITH_FEW_PAGES).await?;
                added
            }
        }
    }

    /// Returns the fact's keys of dimensions with many members, the largest first.
    fn large_keys(&self, sql: &FactSql) -> Vec<String> {
        let members = |dimension: &str| self.state(dimension).map(|state| state.rows).unwrap_or_default();
        let mut keys: Vec<_> = sql.keys().map(|(key, dimension)| (members(dimension), key.to_owned())).collect();
        keys.sort_by(|one, other| other.cmp(one));
        keys.into_iter().filter(|(members, _)| *members >= FEW_MEMBERS).map(|(_, key)| key).collect()
    }

    /// Adds rows without the server's check of each key, where it allows that: for a superuser, and where no foreign
    /// triggers wait for the rows.
    async fn add_unchecked(&mut self, statement: &str) -> Result<u64, RunError> {
        let table = self.shown().replace('\'', "''");
        let may = format!(
            "select count(*) from pg_roles where rolname = current_user and rolsuper \
             and not exists (select 1 from pg_trigger where tgrelid = to_regclass('{table}') and not tgisinternal)"
        );
        if self.count(&may).await? == 0 {
            return self.execute(statement).await;
        }
        self.execute("set local session_replication_role = replica").await?;
        let added = self.execute(statement).await?;
        self.execute("set local session_replication_role = origin").await?;
        Ok(added)
    }

    /// Writes one index after the other in its own order. Rows arrive with the highest of their keys in `later`, which
    /// is one place in the index, and then get their own keys, neighbours together. Each page is so written once,
    /// instead of once for each row (SQLite keeps few pages in memory).
    async fn add_by_index(&mut self, sql: &FactSql, ordered: &str, later: &[String]) -> Result<u64, RunError> {
        if !sql.has_row_numbers() {
            return self.execute(&sql.fill(ordered)).await;
        }
        self.execute(&sql.create_keyed(KEYED)).await?;
        let rows = self.execute(&format!("insert into {KEYED} {ordered}")).await?;
        let later = if rows > AT_ONCE { later } else { &[] };
        let highest = self.count(&format!("select coalesce(max(rowid), 0) from {}", self.shown())).await?;
        let added = self.execute(&sql.fill_rows(highest, later)).await?;
        for key in later {
            let key = quote(key);
            let places = format!(
                "create temp table {PLACES} as select {highest} + rowid as place, {key} as id from {KEYED} order by {key}"
            );
            self.execute(&places).await?;
            let update = |from: u64| {
                format!(
                    "update {} as f set {key} = p.id from {PLACES} as p where p.rowid > {from} and p.rowid <= {} and f.rowid = p.place",
                    self.shown(),
                    from + AT_ONCE
                )
            };
            let updates: Vec<_> = (0..rows).step_by(AT_ONCE as usize).map(update).collect();
            self.all(updates).await?;
            self.drop_temporary(PLACES).await?;
        }
        self.drop_temporary(KEYED).await?;
        Ok(added)
    }
}
