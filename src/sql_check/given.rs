//! What a select gives, asked of the database over tables that stand in for those that are not there, or have other columns than their files say.

use std::collections::{BTreeSet, HashMap};

use std::path::Path;

use crate::star::nearest;
use crate::warehouse::{Names, Output, Schema, Select, Table, TableColumn, Transaction, WarehouseError, create_table};

/// Columns that are not there and after which the next one is looked for.
const ROUNDS: usize = 50;

/// How the problem with two columns of one name begins.
pub(super) const TWO: &str = "the select gives two columns the name";

/// The tables that a select reads, as far as they are known.
pub(super) type Known = HashMap<Table, Vec<TableColumn>>;

/// What is wrong with a select: a word in it that says where, and why.
pub(super) type Wrong = (Option<String>, String);

/// The columns that a select gives; `None` where that cannot be told because something is wrong. `stands_in`: the tables that are read as
/// `known` has them, whatever the database has.
///
/// # Errors
/// What the database says that is not the select's fault.
pub(super) async fn given(
    transaction: &mut dyn Transaction,
    names: &Names,
    path: &Path,
    select: &Select,
    known: &Known,
    stands_in: &BTreeSet<Table>,
) -> Result<(Option<Vec<TableColumn>>, Vec<Wrong>), WarehouseError> {
    let (mut known, mut stands_in, mut wrong) = (known.clone(), stands_in.clone(), Vec::new());
    for _ in 0..ROUNDS {
        let error = match describe(transaction, names, path, select, &known, &stands_in).await? {
            Ok(columns) if wrong.is_empty() => return Ok((Some(columns), wrong)),
            Ok(_) => return Ok((None, wrong)),
            Err(error) => error,
        };
        if let Some(name) = repeated_column(&error) {
            wrong.push((Some(name.clone()), format!("{TWO} {name}")));
            return Ok((None, wrong));
        }
        let Some(column) = missing_column(&error) else {
            // What follows from a column that is not there is nobody's fault but its.
            if wrong.is_empty() {
                wrong.push((None, error));
            }
            return Ok((None, wrong));
        };
        let name = column.rsplit('.').next().unwrap_or(&column).to_owned();
        let all = known.values().flatten().map(|column| column.name.as_str());
        let hint = nearest(&name, all.collect::<BTreeSet<_>>().into_iter());
        let again = wrong.iter().any(|(word, _): &Wrong| word.as_deref() == Some(name.as_str()));
        let mut read: Vec<_> = known.keys().cloned().collect();
        read.sort();
        if again || read.is_empty() {
            if !again {
                wrong.push((Some(name.clone()), format!("no table that the select reads has a column {column}{hint}")));
            }
            return Ok((None, wrong));
        }
        wrong.push((Some(name.clone()), format!("no table that the select reads has a column {column}{hint}")));
        // From here on it is there, so that the next one is found: under a table's name in all, or else in one, to mean but one.
        let some = if column.contains('.') { read.len() } else { 1 };
        for table in read.into_iter().take(some) {
            let columns = known.entry(table.clone()).or_default();
            if !columns.iter().any(|column| column.name == name) {
                columns.push(TableColumn { name: name.clone(), declared: "text".to_owned() });
            }
            stands_in.insert(table);
        }
    }
    Ok((None, wrong))
}

/// Asks the database, and leaves it as it was. What it says of the select is in words.
async fn describe(
    transaction: &mut dyn Transaction,
    names: &Names,
    path: &Path,
    select: &Select,
    known: &Known,
    stands_in: &BTreeSet<Table>,
) -> Result<Result<Vec<TableColumn>, String>, WarehouseError> {
    transaction.execute("savepoint sluice_check", &[]).await?;
    let (mut select, mut columns) = (select.clone(), known.clone());
    for (place, table) in stands_in.iter().enumerate() {
        let Some(own) = known.get(table) else { continue };
        let instead = Table { schema: Schema::Temporary, name: format!("sluice_in_{place}") };
        transaction.execute(&create_table(names, &instead, own, &[]), &[]).await?;
        select = select.reading(names, table, &instead);
        columns.insert(instead, own.clone());
    }
    let given = match select.sql(names, &columns) {
        Ok(sql) => Ok(transaction.describe(&sql).await),
        Err(error) => Err(error.in_file(path)),
    };
    transaction.execute("rollback to savepoint sluice_check", &[]).await?;
    transaction.execute("release savepoint sluice_check", &[]).await?;
    match given {
        Err(refused) => Ok(Err(refused)),
        Ok(Ok(given)) => Ok(Ok(typed(given, select.outputs(names, &columns)))),
        Ok(Err(error)) if error.is_transient() => Err(error),
        Ok(Err(error)) => Ok(Err(error.to_string())),
    }
}

/// The columns with the types that the select means: SQLite takes a day that is cast to text for a day still.
fn typed(columns: Vec<TableColumn>, outputs: Vec<Output>) -> Vec<TableColumn> {
    let mut declared: HashMap<String, &str> =
        outputs.into_iter().filter_map(|output| Some((output.name, output.declared?))).collect();
    let typed = |column: TableColumn| match declared.remove(&column.name) {
        Some(declared) => TableColumn { declared: declared.to_owned(), ..column },
        None => column,
    };
    columns.into_iter().map(typed).collect()
}

/// The column that an error says there is none of.
fn missing_column(error: &str) -> Option<String> {
    let plain = |name: &str| name.replace('"', "");
    if let Some((_, rest)) = error.split_once("no such column: ") {
        // SQLite asks whether single quotes were meant.
        let end = rest.find(" - ").unwrap_or(rest.len());
        return Some(plain(rest[..end].split([' ', ')', ';']).next()?));
    }
    if let Some((_, name)) = error.split_once(": there is no column ") {
        return Some(plain(name));
    }
    let (before, _) = error.split_once(" does not exist")?;
    let (_, name) = before.rsplit_once("column ")?;
    Some(plain(name))
}

/// The column that PostgreSQL says a select gives twice.
fn repeated_column(error: &str) -> Option<String> {
    let (before, _) = error.split_once("\" specified more than once")?;
    Some(before.rsplit_once("column \"")?.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_in_errors() {
        for (error, column) in [
            ("column \"pric\" does not exist", Some("pric")),
            ("error returned from database: column o.pric does not exist", Some("o.pric")),
            ("(code: 1) no such column: o.pric", Some("o.pric")),
            ("no such column: \"pric\" - should this be a string literal in single-quotes?", Some("pric")),
            ("function foo(text) does not exist", None),
            ("line 3, column 8: there is no column o.pric", Some("o.pric")),
            ("syntax error", None),
        ] {
            assert_eq!(missing_column(error).as_deref(), column, "{error}");
        }
        assert_eq!(repeated_column("column \"a b\" specified more than once").as_deref(), Some("a b"));
    }
}
