//! The columns of a select, by the database. Stand-ins replace tables that do not exist, or have other columns than
//! their files give.

use std::collections::{BTreeSet, HashMap};

use std::path::Path;

use crate::project::ModelError;
use crate::sql::{
    Names, Output, Place, Select, SqlError, Table, TableColumn, TableDef, name_at, nearest_function, place_in,
};
use crate::text::nearest;
use crate::warehouse::{SelectFault, Transaction, WarehouseError};

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
    /// The database's words, and what it told besides them.
    Theirs(String, Option<Fault>, Option<Place>),
}

/// A fault of a select that can be told in this program's words.
enum Fault {
    /// A column that is not there, as the select has it.
    NoColumn(String),
    /// A function that is not there.
    NoFunction(String),
    /// Two columns of one name.
    TwoColumns(String),
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
        Said::Theirs(error, fault, place) if faults.is_empty() => vec![Wrong { place, ..theirs(error, fault, known) }],
        _ => faults.iter().map(ours).collect(),
    };
    Ok((None, wrong))
}

/// Turns the database's error into this program's words, where they are known.
fn theirs(error: String, fault: Option<Fault>, known: &Known) -> Wrong {
    let (word, why) = match fault {
        Some(Fault::TwoColumns(name)) => (Some(name.clone()), format!("{TWO} {name}")),
        Some(Fault::NoFunction(name)) => {
            let why = format!("there is no function {}{}", call_of(&name, &error), nearest_function(&name));
            (Some(name), why)
        }
        Some(Fault::NoColumn(column)) => {
            let name = column.rsplit('.').next().unwrap_or(&column);
            let all: BTreeSet<_> = known.values().flatten().map(|column| column.name.as_str()).collect();
            (Some(name.to_owned()), format!("there is no column {column}{}", nearest(name, all.into_iter())))
        }
        None => (None, error),
    };
    Wrong { place: None, word, why }
}

/// The fault by the database's code, and by the names that stand in the select.
fn fault(fault: SelectFault, name: Option<String>, outputs: &[Output]) -> Option<Fault> {
    match fault {
        SelectFault::NoColumn => name.map(Fault::NoColumn),
        SelectFault::NoFunction => name.map(Fault::NoFunction),
        SelectFault::TwoColumns => {
            let mut names = outputs.iter().map(|output| &output.name).enumerate();
            let twice = names.find(|(at, name)| outputs[..*at].iter().any(|other| other.name == **name));
            twice.map(|(_, name)| Fault::TwoColumns(name.clone()))
        }
        SelectFault::Other => None,
    }
}

/// A call of a function with the types of its values, if the database's words have it, in whichever language.
fn call_of<'a>(name: &'a str, error: &'a str) -> &'a str {
    let start = error.find(&format!("{name}("));
    let call = start.and_then(|start| Some(&error[start..=start + error[start..].find(')')?]));
    call.unwrap_or(name)
}

/// Returns the place of the fault of a select, as far as it is told; `None` if it has none.
///
/// # Errors
/// The database's error that is not the select's fault.
pub(super) async fn fault_of(
    transaction: &mut dyn Transaction,
    names: &Names,
    select: (&str, &Select),
    known: &Known,
    stands_in: &BTreeSet<Table>,
) -> Result<Option<Option<Place>>, WarehouseError> {
    Ok(match describe(transaction, names, select, known, stands_in).await? {
        Ok(_) => None,
        Err(Said::Ours(error)) => Some(error.place()),
        Err(Said::Theirs(_, _, place)) => Some(place),
    })
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
            Err(WarehouseError::RefusedSelect { why, fault: of_code, at }) => {
                let name = at.and_then(|at| name_at(&sql, at));
                let fault = fault(of_code, name, &other.outputs(names, &columns));
                Err(Said::Theirs(why, fault, at.and_then(|at| place_in(text, &sql, at))))
            }
            Err(error) => {
                let error = error.to_string();
                Err(Said::Theirs(error.clone(), missing_column(&error).map(Fault::NoColumn), None))
            }
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

/// Returns the column that is missing according to SQLite, which has one language, and one code for most errors.
fn missing_column(error: &str) -> Option<String> {
    let (_, rest) = error.split_once("no such column: ")?;
    // It adds a hint at single quotes.
    let end = rest.find(" - ").unwrap_or(rest.len());
    Some(rest[..end].split([' ', ')', ';']).next()?.replace('"', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_in_errors() {
        for (error, column) in [
            ("(code: 1) no such column: o.pric", Some("o.pric")),
            ("no such column: \"pric\" - should this be a string literal in single-quotes?", Some("pric")),
            ("syntax error", None),
        ] {
            assert_eq!(missing_column(error).as_deref(), column, "{error}");
        }
    }

    #[test]
    fn calls_in_errors_of_any_language() {
        assert_eq!(call_of("lenght", "function lenght(text, integer) does not exist (hint)"), "lenght(text, integer)");
        assert_eq!(call_of("lenght", "Funktion lenght(text) existiert nicht"), "lenght(text)");
        assert_eq!(call_of("lenght", "there is none"), "lenght");
    }
}
