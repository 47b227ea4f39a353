//! What the rows of a table tell of its columns.

use std::collections::BTreeMap;

use crate::star::KindWord;
use crate::warehouse::{Names, Table, TableColumn, Transaction, WarehouseError, quote};

/// Columns of which every two are tried together.
const PAIRED: usize = 8;

/// What is known of a table's rows.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) rows: u64,
    /// The columns that name a row, or of a dimension that is drawn out of others' rows, a member.
    pub(super) key: Vec<String>,
    /// Whether no two rows have the same key.
    pub(super) unique: bool,
    /// Whether the key is missing in some.
    pub(super) nulls: bool,
    /// The columns that have one value for each key.
    pub(super) follow: Vec<String>,
    /// For each column that names a member of a dimension, the dimension.
    pub(super) dimensions: BTreeMap<String, String>,
    /// The first and the last year in its days.
    pub(super) years: Option<(i32, i32)>,
}

/// Of one column.
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
    dimensions: &[(Option<String>, String)],
) -> Result<Facts, WarehouseError> {
    let shown = names.table(table);
    let mut facts = Facts { dimensions: of_dimensions(columns, dimensions), ..Facts::default() };
    if kind == KindWord::Calendar {
        facts.years = years(transaction, &shown, columns).await?;
        return Ok(facts);
    }
    if columns.is_empty() || matches!(kind, KindWord::Table | KindWord::View | KindWord::Bridge) {
        return Ok(facts);
    }
    let (rows, counts) = count(transaction, &shown, columns).await?;
    facts.rows = rows;
    let mut candidates: Vec<_> = columns.iter().zip(&counts).filter(|(column, _)| can_name(column)).collect();
    // A column that is called like a key is one before others.
    candidates.sort_by_key(|(column, _)| std::cmp::Reverse(rank(&column.name, name)));
    let unique = |(_, counts): &&(&TableColumn, &Counts)| rows > 0 && counts.distinct == rows && counts.values == rows;
    let named = |(column, _): &&(&TableColumn, &Counts)| rank(&column.name, name) == RANK_OF_NAME;
    let found = candidates.iter().find(unique);
    let found = match kind {
        // dim_city out of the orders: its cities, and not their numbers.
        KindWord::Dimension => candidates.iter().find(named).or(found),
        _ => found,
    };
    if let Some((column, counts)) = found {
        facts.key = vec![column.name.clone()];
        facts.unique = counts.distinct == rows && counts.values == rows;
        facts.nulls = counts.values < rows;
    } else if kind == KindWord::Fact {
        facts.key = pair(transaction, &shown, rows, &candidates).await?;
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

/// How much a column's name looks like that of a key of this table.
fn rank(column: &str, table: &str) -> u8 {
    let thing = table.split_once('_').map_or(table, |(_, thing)| thing);
    let of = |ending: &str| column == format!("{thing}{ending}");
    if ["", "_id", "_no", "_nr", "_number", "_code", "_key"].iter().any(|ending| of(ending)) {
        return RANK_OF_NAME;
    }
    let last = column.rsplit('_').next().unwrap_or(column);
    match last {
        "id" | "key" => 2,
        "no" | "nr" | "number" | "code" | "sku" => 1,
        _ => 0,
    }
}

/// Whether a column's values can be names: measures and truths are none.
fn can_name(column: &TableColumn) -> bool {
    let declared = column.declared.as_str();
    !["bool", "double", "real", "numeric"].iter().any(|word| declared.starts_with(word))
}

fn is_day(column: &TableColumn) -> bool {
    column.declared.starts_with("date") || column.declared.starts_with("timestamp")
}

fn of_dimensions(columns: &[TableColumn], dimensions: &[(Option<String>, String)]) -> BTreeMap<String, String> {
    let mut calendars = dimensions.iter().filter(|(key, _)| key.is_none()).map(|(_, name)| name);
    let calendar = calendars.next().filter(|_| calendars.next().is_none());
    let of = |column: &TableColumn| {
        let mut named = dimensions.iter().filter(|(key, _)| key.as_ref() == Some(&column.name)).map(|(_, name)| name);
        let dimension = named.next().or_else(|| calendar.filter(|_| is_day(column)))?;
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
    // SQLite gives at most 2,000 columns.
    for some in columns.chunks(500) {
        let list: Vec<_> = some
            .iter()
            .map(|column| quote(&column.name))
            .map(|name| format!("count({name}), count(distinct {name})"))
            .collect();
        let found = transaction.query(&format!("select count(*), {} from {table}", list.join(", ")), &[]).await?;
        let row = found.into_iter().next().unwrap_or_default();
        let mut numbers = row.iter().map(|cell| cell.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0));
        rows = numbers.next().unwrap_or(0);
        while let (Some(values), Some(distinct)) = (numbers.next(), numbers.next()) {
            counts.push(Counts { values, distinct });
        }
    }
    Ok((rows, counts))
}

/// Two columns that name a row together.
async fn pair(
    transaction: &mut dyn Transaction,
    table: &str,
    rows: u64,
    candidates: &[(&TableColumn, &Counts)],
) -> Result<Vec<String>, WarehouseError> {
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
                return Ok(vec![one.name.clone(), other.name.clone()]);
            }
        }
    }
    Ok(Vec::new())
}

/// Whether a column has one value for each of a key's.
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

async fn years(
    transaction: &mut dyn Transaction,
    table: &str,
    columns: &[TableColumn],
) -> Result<Option<(i32, i32)>, WarehouseError> {
    let (mut first, mut last) = (None, None);
    for column in columns.iter().filter(|column| is_day(column)) {
        let name = quote(&column.name);
        let found = transaction.query(&format!("select min({name}), max({name}) from {table}"), &[]).await?;
        let year = |place: usize| found.first()?.get(place)?.as_deref()?.split('-').next()?.parse::<i32>().ok();
        first = [first, year(0)].into_iter().flatten().min();
        last = last.max(year(1));
    }
    Ok(first.zip(last))
}

async fn number(transaction: &mut dyn Transaction, sql: &str) -> Result<u64, WarehouseError> {
    let rows = transaction.query(sql, &[]).await?;
    Ok(rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys() {
        assert_eq!(rank("customer_id", "dim_customer"), 3);
        assert_eq!(rank("city", "dim_city"), 3);
        assert_eq!(rank("order_id", "dim_customer"), 2);
        assert_eq!(rank("sku", "fact_sale"), 1);
        assert_eq!(rank("paid", "fact_sale"), 0);
    }
}
