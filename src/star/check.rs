//! The checks of a table, as queries that find the rows at fault.

use super::class::Class;
use super::literal::Literal;
use crate::project::{Checks, Severity};
use crate::sql::{Engine, TableColumn, quote};
use crate::text::nearest;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The name in messages: `not_null: name`.
    pub name: String,
    /// The select that returns the rows at fault.
    pub rows: String,
    /// The select for a few of them, if that tells more.
    pub shown: Option<String>,
    /// The effect of a row at fault.
    pub severity: Severity,
}

/// Returns the checks of a group for a table (quoted) with these columns; `sql` are its own selects in the engine's
/// dialect. `except_unknown` is the column of a dimension's
/// surrogate key; if it has `versions`, only the current ones have to be unique.
///
/// # Errors
/// In words, if a check names a column that the table lacks.
pub fn checks(
    checks: &Checks,
    engine: Engine,
    table: &str,
    columns: &[TableColumn],
    except_unknown: Option<&str>,
    versions: bool,
    sql: &[(String, String)],
) -> Result<Vec<Check>, String> {
    let known = |word: &str, name: &str| match columns.iter().find(|column| column.name == name) {
        Some(column) => Ok(column),
        None => {
            let hint = nearest(name, columns.iter().map(|column| column.name.as_str()));
            Err(format!("checks: {word}: the table has no column {name}{hint}"))
        }
    };
    let value = |column: &TableColumn| engine.number_in(column);
    let but_unknown = except_unknown.map_or_else(String::new, |id| format!("{} <> {} and ", quote(id), super::UNKNOWN));
    // A member's versions share what did not change, and another member may have what this one gave up.
    let but_old = if versions { "is_current and " } else { "" };
    let mut all = Vec::new();
    let mut add = |name: String, condition: String| {
        let rows = format!("select * from {table} where {but_unknown}{condition}");
        all.push(Check { name, rows, shown: None, severity: checks.severity });
    };
    for name in &checks.not_null {
        known("not_null", name)?;
        add(format!("not_null: {name}"), format!("{} is null", quote(name)));
    }
    for (name, accepted) in &checks.accepted {
        let column = known("accepted", name)?;
        let literal = |value| Ok(Literal::read(&column.declared, value)?.sql(engine, &column.declared));
        let list = accepted.iter().map(literal).collect::<Result<Vec<_>, String>>();
        let list = list.map_err(|why| format!("checks: accepted: {name}: {why}"))?;
        add(format!("accepted: {name}"), format!("{} not in ({})", value(column), list.join(", ")));
    }
    for (name, (lowest, highest)) in &checks.range {
        let column = known("range", name)?;
        let literal =
            |value| Literal::read(&column.declared, value).map_err(|why| format!("checks: range: {name}: {why}"));
        let (lowest, highest) = (literal(lowest)?, literal(highest)?);
        if Class::of(&column.declared) == Class::Bool {
            return Err(format!("checks: range: {name} is true or false"));
        }
        if lowest.is_above(&highest) {
            return Err(format!("checks: range: {name}: {lowest} is above {highest}: the lowest value comes first"));
        }
        add(
            format!("range: {name}: {lowest} to {highest}"),
            format!(
                "not ({} between {} and {})",
                value(column),
                lowest.sql(engine, &column.declared),
                highest.sql(engine, &column.declared)
            ),
        );
    }
    for name in &checks.unique {
        let column = known("unique", name)?;
        let value = engine.by_value(&column.declared, &quote(name));
        add(
            format!("unique: {name}"),
            format!(
                "{but_old}{value} in (select {value} from {table} where {but_unknown}{but_old}{value} is not null group by {value} \
                 having count(*) > 1)"
            ),
        );
    }
    for (text, sql) in sql {
        let name = format!("sql: {text}");
        all.push(Check { name, rows: sql.clone(), shown: None, severity: checks.severity });
    }
    Ok(all)
}
