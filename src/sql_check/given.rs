//! The columns of a select, by the database. Stand-ins replace tables that do not exist, or have other columns than
//! their files give.

use std::collections::{BTreeSet, HashMap};

use std::path::Path;

use crate::project::ModelError;
use crate::sql::{
    Names, Output, Place, Select, SqlError, Table, TableColumn, TableDef, nearest_function, place_in,
};
use crate::text::nearest;
use crate::warehouse::{Transaction, WarehouseError};

/// The beginning of the problem with two columns of one name.
pub(super) const TWO: &str = "the select gives two columns the name";

/// The tables that a select reads, as far as they are known.
pub(super) type Known = HashMap<Table, Vec<TableColumn>>;

/// A problem of a select.
pub(super) struct Wrong {
    /// The position, if it is told.
    pub(super) place: Option<Place>,
    /// A word that locates it.
    pub(super) word: Option<String>,
    pub(super) why: String,
}

/// The sources of an error about a select: this program or the database.
enum Said {
    Ours(SqlError),
    Theirs(String, Option<Place>),
}

/// Returns the columns of a select, `None` if problems prevent it, and the problems. `stands_in` are the tables that
/// are read as `known` has them, whatever the database has.
///
/// # Errors
/// The database's error that is not the select's fault.
pub(super) async fn given(
    transaction: &mut dyn Transaction,
    names: &Names,
    (path, text): (&Path, &str),
    select: &Select,
    known: &Known,
    stands_in: &BTreeSet<Table>,
) -> Result<(Option<Vec<TableColumn>>, Vec<Wrong>), WarehouseError> {
    let said = match describe(transaction, names, (text, select), known, stands_in).await? {
        Ok(columns) => return Ok((Some(columns), Vec::new())),
        Err(said) => said,
    };
    let ours = |error: &SqlError| Wrong { place: error.place(), word: None, why: ModelError::of_sql(path, error).why };
    let mut faults = select.faults(names, known);
    if let Said::Ours(error) = &said
        && faults.is_empty()
    {
        faults.push(error.clone());
    }
    let wrong = match said {
        Said::Theirs(error, place) if faults.is_empty() => vec![Wrong { place, ..theirs(error, known) }],
        _ => faults.iter().map(ours).collect(),
    };
    Ok((None, wrong))
}

/// Turns the database's error into this program's words, where they are known.
fn theirs(error: String, known: &Known) -> Wrong {
    let (word, why) = if let Some(name) = repeated_column(&error) {
        (Some(name.clone()), format!("{TWO} {name}"))
    } else if let Some((name, call)) = missing_function(&error) {
        (Some(name.clone()), format!("there is no function {call}{}", nearest_function(&name)))
    } else if let Some(column) = missing_column(&error) {
        let name = column.rsplit('.').next().unwrap_or(&column);
        let all: BTreeSet<_> = known.values().flatten().map(|column| column.name.as_str()).collect();
        (Some(name.to_owned()), format!("there is no column {column}{}", nearest(name, all.into_iter())))
    } else {
        (None, error)
    };
    Wrong { place: None, word, why }
}

/// Asks the database, and leaves it as it was.
async fn describe(
    transaction: &mut dyn Transaction,
    names: &Names,
    (text, select): (&str, &Select),
    known: &Known,
    stands_in: &BTreeSet<Table>,
) -> Result<Result<Vec<TableColumn>, Said>, WarehouseError> {
    transaction.execute("savepoint sluice_check", &[]).await?;
    let (mut other, mut columns) = (select.clone(), known.clone());
    for (place, table) in stands_in.iter().enumerate() {
        let Some(own) = known.get(table) else { continue };
        let instead = Table::temporary(&format!("sluice_in_{place}"));
        let def = TableDef::new(instead.clone(), own.as_slice());
        transaction.execute(&names.create_table(&def), &[]).await?;
        other = other.reading(names, table, &instead);
        columns.insert(instead, own.clone());
    }
    let given = match other.sql(names, &columns) {
        Ok(sql) => match transaction.describe(&sql).await {
            Ok(given) => Ok(typed(given, other.outputs(names, &columns))),
            Err(error) if error.is_transient() => return Err(error),
            Err(WarehouseError::RefusedAt(why, offset)) => Err(Said::Theirs(why, place_in(text, &sql, offset))),
            Err(error) => Err(Said::Theirs(error.to_string(), None)),
        },
        Err(error) => Err(Said::Ours(error)),
    };
    transaction.execute("rollback to savepoint sluice_check", &[]).await?;
    transaction.execute("release savepoint sluice_check", &[]).await?;
    Ok(given)
}

/// Returns the columns with the types that the select means: to SQLite, a day that is cast to text is still a day.
fn typed(columns: Vec<TableColumn>, outputs: Vec<Output>) -> Vec<TableColumn> {
    let mut declared: HashMap<String, &str> =
        outputs.into_iter().filter_map(|output| Some((output.name, output.declared?))).collect();
    let typed = |column: TableColumn| match declared.remove(&column.name) {
        Some(declared) => TableColumn { declared: declared.to_owned(), ..column },
        None => column,
    };
    columns.into_iter().map(typed).collect()
}

/// Returns the column that is missing according to an error.
fn missing_column(error: &str) -> Option<String> {
    let plain = |name: &str| name.replace('"', "");
    if let Some((_, rest)) = error.split_once("no such column: ") {
        // SQLite adds a hint at single quotes.
        let end = rest.find(" - ").unwrap_or(rest.len());
        return Some(plain(rest[..end].split([' ', ')', ';']).next()?));
    }
    let (before, _) = error.split_once(" does not exist")?;
    let (_, name) = before.rsplit_once("column ")?;
    Some(plain(name))
}

/// Returns the column that a select gives twice, according to PostgreSQL.
fn repeated_column(error: &str) -> Option<String> {
    let (before, _) = error.split_once("\" specified more than once")?;
    Some(before.rsplit_once("column \"")?.1.to_owned())
}

/// Returns the function that is missing according to PostgreSQL, and the call in its words.
fn missing_function(error: &str) -> Option<(String, &str)> {
    let (call, _) = error.split_once("function ")?.1.split_once(" does not exist")?;
    Some((call.split('(').next()?.to_owned(), call))
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
            ("syntax error", None),
        ] {
            assert_eq!(missing_column(error).as_deref(), column, "{error}");
        }
        assert_eq!(repeated_column("column \"a b\" specified more than once").as_deref(), Some("a b"));
    }
}
