//! Stretches of a table whose rows follow each other by a number: of row numbers on SQLite, of blocks on PostgreSQL.

use crate::sql::Engine;

impl Engine {
    /// The first row number of a row whose `column` is `number` or above, found by halves, so that the rows before need
    /// not be read; `None` if rows have no numbers.
    pub fn first_row(self, table: &str, column: &str, number: i64) -> Option<String> {
        let is_before =
            format!("(select {column} from {table} where rowid >= (low + high) / 2 order by rowid limit 1) < {number}");
        (self == Engine::Sqlite).then(|| {
            format!(
                "with recursive place(low, high) as (select min(rowid), max(rowid) from {table} union all \
                 select case when {is_before} then (low + high) / 2 + 1 else low end, \
                 case when {is_before} then high else (low + high) / 2 end \
                 from place where low < high) select max(low) from place where low >= high"
            )
        })
    }

    /// The condition for the rows whose `column` is `number`; `None` if rows have no numbers.
    pub fn between_rows(self, table: &str, column: &str, number: i64) -> Option<String> {
        let (first, last) = (self.first_row(table, column, number)?, self.first_row(table, column, number + 1)?);
        Some(format!("rowid between ({first}) and ({last})"))
    }

    /// The number of blocks of a table whose name is bound, to be searched by halves; 0 for a view, or a server (before
    /// 14) that cannot begin at a block.
    pub fn count_blocks() -> &'static str {
        "select case when c.relkind = 'r' and current_setting('server_version_num')::int >= 140000 \
         then pg_relation_size(c.oid) / current_setting('block_size')::bigint else 0 end \
         from pg_class as c where c.oid = to_regclass($1)"
    }

    /// The value of `column` in the first row from a block of PostgreSQL on.
    pub fn first_from_block(table: &str, column: &str, block: i64) -> String {
        format!("select {column} from {table} where ctid >= '({block},0)' limit 1")
    }

    /// The condition for the rows from one block of PostgreSQL up to another one, without that.
    pub fn between_blocks(first: i64, end: i64) -> String {
        format!("ctid >= '({first},0)' and ctid < '({end},0)'")
    }
}
