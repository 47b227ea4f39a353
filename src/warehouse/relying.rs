//! Views and tables that rest on another one, by the database's own records, also those of others.

use crate::sql::{Engine, Names, Table, quote};
use crate::warehouse::{Row, Transaction, Value, WarehouseError};

/// A view over a table, or a table that refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relying {
    /// Name as people write it.
    pub(crate) shown: String,
    /// The same, if it is a table of the star.
    pub(crate) of_star: Option<Table>,
    /// True for a view, false for a table that refers to the other.
    pub(crate) is_view: bool,
}

/// Views over a table or view, however far, and tables that refer to it; those others rest on last. In a savepoint.
pub(crate) async fn relying_on(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &Table,
) -> Result<Vec<Relying>, WarehouseError> {
    if transaction.columns(table).await?.is_empty() {
        return Ok(Vec::new());
    }
    match names.engine {
        Engine::Postgres => on_postgres(transaction, names, table).await,
        Engine::Sqlite => on_sqlite(transaction, names, table).await,
    }
}

/// The definition of a view of the star in the database's words; `None` if there is no such view.
pub(crate) async fn definition_of(
    transaction: &mut dyn Transaction,
    names: &Names,
    view: &Table,
) -> Result<Option<String>, WarehouseError> {
    let (sql, name) = match names.engine {
        Engine::Postgres => (
            "select pg_get_viewdef(c.oid) from pg_class as c where c.oid = to_regclass($1) and c.relkind = 'v'",
            names.table(view),
        ),
        Engine::Sqlite => ("select sql from sqlite_schema where type = 'view' and name = $1", names.flat(view)),
    };
    let rows = transaction.query(sql, &[Value::from(name.as_str())]).await?;
    Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
}

async fn on_postgres(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &Table,
) -> Result<Vec<Relying>, WarehouseError> {
    let sql = "
        with recursive dependent(oid, depth) as (
            select to_regclass($1)::oid, 0
            union
            select r.ev_class, dependent.depth + 1
            from dependent
            join pg_depend as d on d.refobjid = dependent.oid and d.refclassid = 'pg_class'::regclass
                and d.classid = 'pg_rewrite'::regclass
            join pg_rewrite as r on r.oid = d.objid and r.ev_class <> dependent.oid
        ), found(oid, depth, kind) as (
            select oid, max(depth), 'view' from dependent where depth > 0 group by oid
            union
            select conrelid, 0, 'table' from pg_constraint
            where contype = 'f' and confrelid = to_regclass($1) and conrelid <> confrelid
        )
        select n.nspname::text, c.relname::text, found.kind
        from found join pg_class as c on c.oid = found.oid join pg_namespace as n on n.oid = c.relnamespace
        order by found.depth desc, 1, 2";
    let rows = transaction.query(sql, &[Value::from(names.table(table).as_str())]).await?;
    let relying = |row: &Row| {
        let [schema, name, kind]: [String; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        let of_star = (schema == names.datawarehouse).then(|| Table::datawarehouse(&name));
        Ok(Relying { shown: format!("{schema}.{name}"), of_star, is_view: kind == "view" })
    };
    rows.iter().map(relying).collect()
}

/// Finds the views that cannot be read without the table, as SQLite keeps no record of a view's sources.
async fn on_sqlite(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &Table,
) -> Result<Vec<Relying>, WarehouseError> {
    let flat = names.flat(table);
    let is_view = definition_of(transaction, names, table).await?.is_some();
    let refer = "select distinct m.name from sqlite_schema as m, pragma_foreign_key_list(m.name) as f \
                 where m.type = 'table' and f.\"table\" = $1 and m.name <> $1 order by 1";
    let refer = texts(transaction.query(refer, &[Value::from(flat.as_str())]).await?);
    let views = "select name from sqlite_schema where type = 'view' order by rowid desc";
    let views: Vec<_> = texts(transaction.query(views, &[]).await?).into_iter().filter(|view| *view != flat).collect();
    let before = unreadable(transaction, &views).await?;
    transaction.execute("savepoint sluice_relying", &[]).await?;
    // A rename would take the views along; a table that others refer to cannot be dropped, but can lose its name.
    transaction.execute("pragma legacy_alter_table = on", &[]).await?;
    let hide = match is_view {
        true => format!("drop view {}", quote(&flat)),
        false => format!("alter table {} rename to sluice_hidden", quote(&flat)),
    };
    let hidden = transaction.execute(&hide, &[]).await;
    let after = match hidden {
        Ok(_) => unreadable(transaction, &views).await,
        Err(error) => Err(error),
    };
    transaction.execute("rollback to savepoint sluice_relying", &[]).await?;
    transaction.execute("release savepoint sluice_relying", &[]).await?;
    transaction.execute("pragma legacy_alter_table = off", &[]).await?;
    let star = format!("{}__", names.datawarehouse);
    let relying = |name: String, is_view: bool| {
        let of_star = name.strip_prefix(&star).map(Table::datawarehouse);
        let shown = of_star.as_ref().map_or_else(|| name.clone(), |table| names.shown(table));
        Relying { shown, of_star, is_view }
    };
    let views = after?.into_iter().filter(|view| !before.contains(view)).map(|view| relying(view, true));
    Ok(views.chain(refer.into_iter().map(|name| relying(name, false))).collect())
}

/// The views among these that cannot be read.
async fn unreadable(transaction: &mut dyn Transaction, views: &[String]) -> Result<Vec<String>, WarehouseError> {
    let mut found = Vec::new();
    for view in views {
        let read = format!("select * from {} limit 0", quote(view));
        if transaction.query(&read, &[]).await.is_err() {
            found.push(view.clone());
        }
    }
    Ok(found)
}

fn texts(rows: Vec<Row>) -> Vec<String> {
    rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}
