//! Guesses from a table's rows: its key, its dimensions, its days.

use std::collections::BTreeMap;

use crate::project::KindWord;
use crate::schema::Type;
use crate::sql::{Names, Table, TableColumn, quote, type_of};
use crate::star::Class;
use crate::warehouse::{Transaction, WarehouseError};

/// The number of columns that are tried in pairs.
const PAIRED: usize = 8;

/// The facts about a table's rows.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) rows: u64,
    /// The columns that name a row; for a dimension out of other tables' rows, a member.
    pub(super) key: Vec<String>,
    /// True if no two rows have the same key.
    pub(super) unique: bool,
    /// True if some rows have no key.
    pub(super) nulls: bool,
    /// The columns with one value for each key.
    pub(super) follow: Vec<String>,
    /// The dimension by the column that names its members.
    pub(super) dimensions: BTreeMap<String, String>,
    /// Those of its dimensions that have a history.
    pub(super) historic: Vec<String>,
    /// The range of its days.
    pub(super) days: Option<Days>,
}

/// The range of days in a table, without those outside `FIRST_DAY` to `LAST_DAY`.
#[derive(Debug)]
pub(super) struct Days {
    pub(super) first: String,
    pub(super) last: String,
    /// True if there are days outside of it.
    pub(super) others: bool,
}

/// Placeholders such as 9999-12-31 would make a calendar of millions of days.
const FIRST_DAY: &str = "1900-01-01";
const LAST_DAY: &str = "2100-12-31";

impl Days {
    /// Returns the range in words: `2023-05-01 to 2024-03-01`.
    pub(super) fn words(&self) -> String {
        let others = if self.others {
            format!(" (those before {FIRST_DAY} or after {LAST_DAY} left out)")
        } else {
            String::new()
        };
        format!("{} to {}{others}", self.first, self.last)
    }
}

/// A dimension that has a file.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    /// The key of its members; a calendar has none.
    pub(super) key: Option<Key>,
    /// True if its members have versions.
    pub(super) is_historic: bool,
}

/// A dimension's key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) column: String,
    /// The type, where it is known.
    pub(super) declared: Option<&'static str>,
}

impl Key {
    /// Returns true if a column's values can be members' names.
    fn is_named_by(&self, column: &TableColumn) -> bool {
        self.column == column.name
            && self.declared.is_none_or(|declared| Class::of(declared) == Class::of(&column.declared))
    }
}

/// The counts of one column.
struct Counts {
    values: u64,
    distinct: u64,
}

pub(super) async fn look(
    transaction: &mut dyn Transaction,
    names: &Names,
    kind: KindWord,
    name: &str,
    table: &Table,
    columns: &[TableColumn],
    dimensions: &[Known],
) -> Result<Facts, WarehouseError> {
    let shown = names.table(table);
    let mut facts = Facts { dimensions: of_dimensions(columns, dimensions), ..Facts::default() };
    let is_used = |known: &&Known| facts.dimensions.values().any(|name| *name == known.name);
    let historic = dimensions.iter().filter(is_used).filter(|known| known.is_historic);
    facts.historic = historic.map(|known| known.name.clone()).collect();
    if kind == KindWord::Calendar {
        facts.days = days(transaction, &shown, columns).await?;
        return Ok(facts);
    }
    if columns.is_empty() || matches!(kind, KindWord::Table | KindWord::View | KindWord::Bridge) {
        return Ok(facts);
    }
    let (rows, counts) = count(transaction, &shown, columns).await?;
    facts.rows = rows;
    let mut candidates: Vec<_> = columns.iter().zip(&counts).filter(|(column, _)| can_name(column)).collect();
    // A column that is named like a key comes before others.
    let prefix = prefix(columns);
    let rank = |column: &TableColumn| rank(&column.name, prefix, name);
    candidates.sort_by_key(|(column, _)| std::cmp::Reverse(rank(column)));
    let unique = |(_, counts): &&(&TableColumn, &Counts)| rows > 0 && counts.distinct == rows && counts.values == rows;
    let named = |(column, _): &&(&TableColumn, &Counts)| rank(column) == RANK_OF_NAME;
    let found = candidates.iter().find(unique);
    let found = match kind {
        // For dim_city out of the orders, its cities instead of their numbers.
        KindWord::Dimension => candidates.iter().find(named).or(found),
        _ => found,
    };
    // If a column is named like a key but is not unique, two together may be: among a few rows, any number is unique by
    // chance.
    let is_called_key = candidates.first().is_some_and(|(column, _)| rank(column) > 0);
    let by_chance = kind == KindWord::Fact && is_called_key && found.is_some_and(|(column, _)| rank(column) == 0);
    let together = match by_chance {
        true => pair(transaction, &shown, rows, columns, &candidates).await?,
        false => Vec::new(),
    };
    if !together.is_empty() {
        (facts.key, facts.unique) = (together, true);
    } else if let Some((column, counts)) = found {
        facts.key = vec![column.name.clone()];
        facts.unique = counts.distinct == rows && counts.values == rows;
        facts.nulls = counts.values < rows;
    } else if kind == KindWord::Fact {
        facts.key = pair(transaction, &shown, rows, columns, &candidates).await?;
        facts.unique = !facts.key.is_empty();
    }
    if facts.key.is_empty() {
        let first = candidates.first().map(|(column, _)| column.name.clone());
        facts.key = vec![first.unwrap_or_else(|| columns[0].name.clone())];
        facts.nulls =
            counts.iter().zip(columns).any(|(counts, column)| column.name == facts.key[0] && counts.values < rows);
    }
    if kind == KindWord::Dimension && !facts.unique {
        for column in columns.iter().filter(|column| column.name != facts.key[0]) {
            if follows(transaction, &shown, &facts.key[0], &column.name).await? {
                facts.follow.push(column.name.clone());
            }
        }
    }
    Ok(facts)
}

const RANK_OF_NAME: u8 = 3;

/// Returns how much a column's name resembles a key of this table; `prefix` is common to all columns' names.
fn rank(column: &str, prefix: &str, table: &str) -> u8 {
    let column = column.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(column);
    let thing = table.split_once('_').map_or(table, |(_, thing)| thing);
    let ending = ["id", "key", "no", "nr", "number", "code"].iter().find(|ending| column.ends_with(*ending));
    let stem = ending.map_or(column, |ending| column[..column.len() - ending.len()].trim_end_matches('_'));
    // custkey belongs to customer.
    if stem == thing || column == thing || (ending.is_some() && stem.len() >= 4 && thing.starts_with(stem)) {
        return RANK_OF_NAME;
    }
    let last = column.rsplit('_').next().unwrap_or(column);
    match last {
        "id" => 2,
        _ if last.ends_with("key") => 2,
        "no" | "nr" | "code" | "sku" => 1,
        _ if last.ends_with("number") => 1,
        _ => 0,
    }
}

/// Returns the common prefix of all names, up to a `_`: `o_` of `o_orderkey` and `o_custkey`.
fn prefix(columns: &[TableColumn]) -> &str {
    let Some(first) = columns.first().filter(|_| columns.len() > 1) else { return "" };
    let Some(end) = first.name.find('_') else { return "" };
    let prefix = &first.name[..=end];
    if columns.iter().all(|column| column.name.starts_with(prefix)) { prefix } else { "" }
}

/// Returns true if a column's values can be names: measures and booleans cannot.
fn can_name(column: &TableColumn) -> bool {
    !matches!(type_of(&column.declared), Some(Type::Boolean | Type::Double | Type::Numeric))
}

fn is_day(column: &TableColumn) -> bool {
    matches!(type_of(&column.declared), Some(Type::Date | Type::Timestamp | Type::Timestamptz))
}

fn of_dimensions(columns: &[TableColumn], dimensions: &[Known]) -> BTreeMap<String, String> {
    let mut calendars = dimensions.iter().filter(|known| known.key.is_none()).map(|known| &known.name);
    let calendar = calendars.next().filter(|_| calendars.next().is_none());
    let of = |column: &TableColumn| {
        let key = format!("{}_key", column.name);
        if columns.iter().any(|other| other.name == key) {
            return None;
        }
        let is_member = |known: &&Known| known.key.as_ref().is_some_and(|key| key.is_named_by(column));
        let named = dimensions.iter().find(is_member).map(|known| &known.name);
        let dimension = named.or_else(|| calendar.filter(|_| is_day(column)))?;
        Some((column.name.clone(), dimension.clone()))
    };
    columns.iter().filter_map(of).collect()
}

async fn count(
    transaction: &mut dyn Transaction,
    table: &str,
    columns: &[TableColumn],
) -> Result<(u64, Vec<Counts>), WarehouseError> {
    let mut counts = Vec::new();
    let mut rows = 0;
    // SQLite returns at most 2,000 columns.
    for some in columns.chunks(500) {
        let list: Vec<_> = some
            .iter()
            .map(|column| quote(&column.name))
            .map(|name| format!("count({name}), count(distinct {name})"))
            .collect();
        let found = transaction.query(&format!("select count(*), {} from {table}", list.join(", ")), &[]).await?;
        let row = found.into_iter().next().unwrap_or_default();
        rows = row.get(0)?;
        for at in (1..row.len()).step_by(2) {
            counts.push(Counts { values: row.get(at)?, distinct: row.get(at + 1)? });
        }
    }
    Ok((rows, counts))
}

/// Returns two columns that name a row together.
async fn pair(
    transaction: &mut dyn Transaction,
    table: &str,
    rows: u64,
    columns: &[TableColumn],
    candidates: &[(&TableColumn, &Counts)],
) -> Result<Vec<String>, WarehouseError> {
    if rows == 0 {
        return Ok(Vec::new());
    }
    let whole: Vec<_> = candidates.iter().filter(|(_, counts)| counts.values == rows).take(PAIRED).collect();
    for (place, (one, first)) in whole.iter().enumerate() {
        for (other, second) in &whole[place + 1..] {
            if first.distinct.saturating_mul(second.distinct) < rows {
                continue;
            }
            let names = [&one.name, &other.name].map(|name| quote(name)).join(", ");
            if number(transaction, &format!("select count(*) from (select distinct {names} from {table}) as p")).await?
                == rows
            {
                // In the order of the table.
                let mut both = [one, other];
                both.sort_by_key(|both| columns.iter().position(|column| column == **both));
                return Ok(both.map(|column| column.name.clone()).to_vec());
            }
        }
    }
    Ok(Vec::new())
}

/// Returns true if a column has one value for each value of a key.
async fn follows(
    transaction: &mut dyn Transaction,
    table: &str,
    key: &str,
    column: &str,
) -> Result<bool, WarehouseError> {
    let (key, column) = (quote(key), quote(column));
    let sql = format!(
        "select count(*) from (select {key} from (select distinct {key}, {column} from {table} where {key} is not null) as d \
         group by {key} having count(*) > 1 limit 1) as several"
    );
    Ok(number(transaction, &sql).await? == 0)
}

async fn days(
    transaction: &mut dyn Transaction,
    table: &str,
    columns: &[TableColumn],
) -> Result<Option<Days>, WarehouseError> {
    let mut days: Option<Days> = None;
    for column in columns.iter().filter(|column| is_day(column)) {
        let name = quote(&column.name);
        // The bound is the day after the last one, for the moments of the last one.
        let within = format!("{name} >= '{FIRST_DAY}' and {name} < '2101-01-01'");
        let sql = format!(
            "select min(case when {within} then {name} end), max(case when {within} then {name} end), \
             count({name}) - count(case when {within} then 1 end) from {table}"
        );
        let found = transaction.query(&sql, &[]).await?;
        let cell = |place: usize| found.first()?.text(place);
        let day = |place: usize| cell(place)?.get(..10).map(str::to_owned);
        if let (Some(first), Some(last)) = (day(0), day(1)) {
            let others = cell(2).is_some_and(|count| count != "0");
            days = Some(match days {
                Some(known) => {
                    Days { first: known.first.min(first), last: known.last.max(last), others: known.others || others }
                }
                None => Days { first, last, others },
            });
        }
    }
    Ok(days)
}

async fn number(transaction: &mut dyn Transaction, sql: &str) -> Result<u64, WarehouseError> {
    let rows = transaction.query(sql, &[]).await?;
    rows.first().map_or(Ok(0), |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys() {
        for (column, prefix, table, expected) in [
            ("customer_id", "", "dim_customer", 3),
            ("city", "", "dim_city", 3),
            ("o_custkey", "o_", "dim_customer", 3),
            ("o_orderkey", "o_", "dim_customer", 2),
            ("l_linenumber", "l_", "fact_sale", 1),
            ("order_id", "", "dim_customer", 2),
            ("sku", "", "fact_sale", 1),
            ("paid", "", "fact_sale", 0),
            ("id", "", "dim_customer", 2),
        ] {
            assert_eq!(rank(column, prefix, table), expected, "{column} {table}");
        }
    }

    #[test]
    fn what_names_begin_with() {
        let columns = |names: &[&str]| -> Vec<TableColumn> {
            names.iter().map(|name| TableColumn { name: (*name).to_owned(), declared: "text".to_owned() }).collect()
        };
        assert_eq!(prefix(&columns(&["o_orderkey", "o_custkey"])), "o_");
        assert_eq!(prefix(&columns(&["order_id", "city"])), "");
        assert_eq!(prefix(&columns(&["order_id"])), "");
    }
}
