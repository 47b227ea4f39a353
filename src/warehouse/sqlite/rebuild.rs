//! Changes of a table's columns. SQLite can add a column and little else, so any other change makes the table again
//! under its name, by the steps of <https://www.sqlite.org/lang_altertable.html#otheralter>. Views refer to it by name
//! and stay.

use sqlx::{Executor, SqliteConnection};

use super::super::{Alteration, WarehouseError, text};
use super::{quote, safe};
use crate::schema::{Fits, Form, Type};
use crate::sql::Engine;

struct NewColumn {
    name: String,
    declared: String,
    /// Expression for its values, over the old table.
    value: String,
    /// Constraint behind its type.
    constraint: String,
}

/// Query for a table's columns with their constraints: primary key, not null, default, reference to another table.
const COLUMNS: &str = "select c.name, c.type, case when c.pk > 0 then ' primary key' else '' end
    || case when c.\"notnull\" then ' not null' else '' end || coalesce(' default ' || c.dflt_value, '')
    || coalesce(' references \"' || replace(f.\"table\", '\"', '\"\"') || '\" (\"' || replace(f.\"to\", '\"', '\"\"') || '\")', '')
    from pragma_table_info($1) as c left join pragma_foreign_key_list($1) as f on f.\"from\" = c.name order by c.cid";

impl NewColumn {
    fn definition(&self) -> String {
        format!("{} {}{}", quote(&self.name), self.declared, self.constraint)
    }
}

/// The column that an alteration adds.
fn added(alteration: &Alteration) -> Option<NewColumn> {
    let (column, value, constraint) = match alteration {
        Alteration::Add(column) => (column, "null", String::new()),
        Alteration::Refer { column, to } => (column, "0", format!(" not null default 0 references {to}")),
        _ => return None,
    };
    let (name, declared) = (column.name.clone(), column.declared.clone());
    Some(NewColumn { name, declared, value: value.to_owned(), constraint })
}

/// Changes the table called `flat` (not quoted); returns the statements that did it.
pub(super) async fn alter(
    connection: &mut SqliteConnection,
    flat: &str,
    alterations: &[Alteration],
) -> Result<Vec<String>, WarehouseError> {
    let table = quote(flat);
    let mut done = Vec::new();
    let added: Vec<_> = alterations.iter().filter_map(added).collect();
    if added.len() == alterations.len() {
        for column in added {
            let sql = format!("alter table {table} add column {}", column.definition());
            run(connection, sql, &mut done).await?;
        }
        return Ok(done);
    }

    let mut columns: Vec<_> = sqlx::query_as::<_, (String, String, String)>(COLUMNS)
        .bind(flat)
        .fetch_all(&mut *connection)
        .await?
        .into_iter()
        .map(|(name, declared, constraint)| NewColumn { value: quote(&name), name, declared, constraint })
        .collect();
    let mut doubles = Vec::new();
    for one in alterations {
        match one {
            Alteration::Add(_) | Alteration::Refer { .. } => columns.extend(self::added(one)),
            Alteration::Cast(new) => {
                for column in columns.iter_mut().filter(|column| column.name == new.name) {
                    if !new.declared.is_empty() {
                        column.value = Engine::Sqlite.converted(&column.declared, &new.declared, &quote(&new.name));
                    }
                    column.declared.clone_from(&new.declared);
                }
            }
            Alteration::Retype(new) => {
                for column in columns.iter_mut().filter(|column| column.name == new.name) {
                    column.value = "null".to_owned();
                    column.declared.clone_from(&new.declared);
                    column.constraint.clear();
                }
            }
            Alteration::Rename { from, to } => {
                for column in columns.iter_mut().filter(|column| column.name == *from) {
                    column.name.clone_from(to);
                }
            }
            Alteration::Drop { name } => columns.retain(|column| column.name != *name),
            Alteration::Widen { name, from, to } => {
                for column in columns.iter_mut().filter(|column| column.name == *name) {
                    column.value = widened(&quote(name), *from, *to);
                    column.declared = Engine::Sqlite.declared(*to).to_owned();
                    if column.value == "null" && from.narrowest() == Type::Double && *to == Type::Text {
                        doubles.push(name.clone());
                    }
                }
            }
        }
    }

    let attached: Vec<(String,)> = sqlx::query_as(
        "select sql from sqlite_schema where tbl_name = $1 and type in ('index', 'trigger') and sql is not null",
    )
    .bind(flat)
    .fetch_all(&mut *connection)
    .await?;
    let new = quote(&format!("{flat}__new"));
    let definitions: Vec<_> = columns.iter().map(NewColumn::definition).collect();
    let names: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
    let values: Vec<_> = columns.iter().map(|column| column.value.as_str()).collect();
    for sql in [
        // Without it the rename would look into every view, and fail on those over the dropped table.
        "pragma legacy_alter_table = on".to_owned(),
        format!("create table {new} ({})", definitions.join(", ")),
        format!("insert into {new} (rowid, {}) select rowid, {} from {table}", names.join(", "), values.join(", ")),
    ] {
        run(connection, sql, &mut done).await?;
    }
    for column in doubles {
        write_doubles(connection, &table, &new, &quote(&column)).await?;
    }
    for sql in [
        format!("drop table {table}"),
        format!("alter table {new} rename to {table}"),
        "pragma legacy_alter_table = off".to_owned(),
    ] {
        run(connection, sql, &mut done).await?;
    }
    for (sql,) in attached {
        match run(connection, sql, &mut done).await {
            // An index on a dropped column goes with it.
            Err(sqlx::Error::Database(error)) if error.message().contains("no such column") => {}
            attached => attached?,
        }
    }
    Ok(done)
}

/// Runs a statement and notes it.
async fn run(connection: &mut SqliteConnection, sql: String, done: &mut Vec<String>) -> Result<(), sqlx::Error> {
    connection.execute(safe(sql.clone())).await?;
    done.push(sql);
    Ok(())
}

/// Expression for the column's values in the wider type, as both engines write them.
fn widened(column: &str, from: Fits, to: Type) -> String {
    if from.is_undecided() {
        return "null".to_owned();
    }
    match (from.narrowest(), to) {
        (Type::Boolean, Type::Text) => {
            let (truth, lie) = from.spelling().words();
            format!("case {column} when 1 then '{truth}' when 0 then '{lie}' end")
        }
        // SQLite would write fifteen digits of a double: `write_doubles` writes all of them.
        (Type::Double, Type::Text) => "null".to_owned(),
        (_, Type::Double) => format!("cast({column} as real)"),
        (Type::Date, Type::Timestamp) => format!("{column} || ' 00:00:00'"),
        (Type::Timestamp, Type::Text) => {
            let moment = text::as_files_wrote(column, from).unwrap_or_else(|| column.to_owned());
            let day = format!("when substr({column}, 11) = ' 00:00:00' then substr({column}, 1, 10)");
            if from.is_written(Form::Day) { format!("case {day} else {moment} end") } else { moment }
        }
        (Type::Timestamptz, Type::Text) => {
            text::as_files_wrote(&format!("replace({column}, '+00:00', '')"), from).unwrap_or_else(|| column.to_owned())
        }
        _ => format!("cast({column} as text)"),
    }
}

async fn write_doubles(
    connection: &mut SqliteConnection,
    old: &str,
    new: &str,
    column: &str,
) -> Result<(), WarehouseError> {
    let select = format!(
        "select rowid, {column} from {old} where {column} is not null and rowid > $1 order by rowid limit 1000"
    );
    let update = format!("update {new} set {column} = $1 where rowid = $2");
    let mut last = i64::MIN;
    loop {
        let rows: Vec<(i64, f64)> = sqlx::query_as(safe(select.clone())).bind(last).fetch_all(&mut *connection).await?;
        let Some((rowid, _)) = rows.last() else { return Ok(()) };
        last = *rowid;
        for (rowid, value) in rows {
            sqlx::query(safe(update.clone())).bind(text::double(value)).bind(rowid).execute(&mut *connection).await?;
        }
    }
}
