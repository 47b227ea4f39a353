//! Views over a relation that has to change are taken down and put back as they were, within the same transaction: no
//! session sees them missing. That holds for views of others too.

use sqlx::postgres::PgRow;
use sqlx::{Executor, PgConnection, Row};

use super::super::WarehouseError;
use super::safe;
use crate::sql::quote;

/// A view, as it stood.
pub(super) struct SavedView {
    name: String,
    definition: String,
    /// Options, owner, grants and comment, as statements.
    extras: Vec<String>,
}

/// Query for the views that depend on the relation, however far, those that others depend on last; with `itself`, the
/// relation as the last of them, without its definition.
const DEPENDENTS: &str = "
    with recursive dependent(oid, depth) as (
        select $1::regclass::oid, 0
        union
        select r.ev_class, dependent.depth + 1
        from dependent
        join pg_depend d on d.refobjid = dependent.oid and d.refclassid = 'pg_class'::regclass
            and d.classid = 'pg_rewrite'::regclass
        join pg_rewrite r on r.oid = d.objid and r.ev_class <> dependent.oid
    )
    select n.nspname::text, c.relname::text, c.relkind::text, pg_get_viewdef(c.oid),
        array_to_string(c.reloptions, ', '), pg_get_userbyid(c.relowner)::text,
        obj_description(c.oid, 'pg_class'), c.oid = $1::regclass::oid,
        (select string_agg(format('grant %s on %I.%I to %s%s', a.privilege_type, n.nspname, c.relname,
                case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
                case when a.is_grantable then ' with grant option' else '' end), '; ')
            from aclexplode(c.relacl) a where a.grantee <> c.relowner)
    from (select oid, max(depth) as depth from dependent group by oid) as dependent
    join pg_class c on c.oid = dependent.oid join pg_namespace n on n.oid = c.relnamespace
    where dependent.depth > 0 or $2
    order by dependent.depth desc, 2";

/// A view that depends on a relation.
pub(super) struct Dependent {
    /// Name, quoted.
    pub(super) name: String,
    /// Kind as in `pg_class.relkind`: `v` for a plain view.
    pub(super) kind: String,
    /// Owner, quoted.
    pub(super) owner: String,
    shown: String,
    saved: SavedView,
}

/// The views that depend on `relation` (quoted), however far, those that others depend on last; with `itself` also the
/// relation, as the last.
pub(super) async fn dependents(
    connection: &mut PgConnection,
    relation: &str,
    itself: bool,
) -> Result<Vec<Dependent>, WarehouseError> {
    let rows = sqlx::query(DEPENDENTS).bind(relation).bind(itself).fetch_all(&mut *connection).await?;
    let dependent = |row: &PgRow| {
        let (schema, view, kind): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let name = format!("{}.{}", quote(&schema), quote(&view));
        let owner = quote(&row.try_get::<String, _>(5)?);
        let mut extras = Vec::new();
        if let Some(options) = row.try_get::<Option<String>, _>(4)? {
            extras.push(format!("alter view {name} set ({options})"));
        }
        if let Some(comment) = row.try_get::<Option<String>, _>(6)? {
            extras.push(format!("comment on view {name} is '{}'", comment.replace('\'', "''")));
        }
        if let Some(grants) = row.try_get::<Option<String>, _>(8)? {
            extras.push(grants);
        }
        extras.push(format!("alter view {name} owner to {owner}"));
        let is_itself: bool = row.try_get(7)?;
        let definition =
            if is_itself { String::new() } else { row.try_get::<Option<String>, _>(3)?.unwrap_or_default() };
        let saved = SavedView { name: name.clone(), definition, extras };
        Ok(Dependent { shown: format!("{schema}.{view}"), name, kind, owner, saved })
    };
    rows.iter().map(dependent).collect()
}

/// Drops the views over `relation` (quoted), with `itself` also the relation, which is a view then. Returns the input
/// of [`put_back`].
pub(super) async fn take_down(
    connection: &mut PgConnection,
    relation: &str,
    itself: bool,
) -> Result<Vec<SavedView>, WarehouseError> {
    let mut saved = Vec::new();
    for Dependent { name, kind, shown, saved: view, .. } in dependents(connection, relation, itself).await? {
        if kind != "v" {
            return Err(WarehouseError::Refused(format!(
                "{shown} depends on columns of {relation} that have to change, and is no plain view: drop it, and make it again afterwards"
            )));
        }
        connection.execute(safe(format!("drop view {name}"))).await?;
        saved.push(view);
    }
    Ok(saved)
}

/// Makes the views again. A view that cannot be made any more is left out if it `may_go`; returns those left out, each
/// with its extras.
pub(super) async fn put_back(
    connection: &mut PgConnection,
    saved: &[SavedView],
    may_go: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Vec<String>)>, WarehouseError> {
    let mut dropped = Vec::new();
    for view in saved.iter().rev() {
        if !view.definition.is_empty() {
            connection.execute("savepoint put_back").await?;
            let create = format!("create view {} as {}", view.name, view.definition);
            match connection.execute(safe(create)).await {
                Ok(_) => {
                    connection.execute("release savepoint put_back").await?;
                }
                Err(_) if may_go(&view.name) => {
                    connection.execute("rollback to savepoint put_back").await?;
                    dropped.push((view.name.clone(), view.extras.clone()));
                    continue;
                }
                Err(error) => {
                    return Err(WarehouseError::from(error).while_doing(&format!(
                        "the view {} reads columns that are to go; change or drop it first",
                        view.name
                    )));
                }
            }
        }
        for statement in &view.extras {
            sqlx::raw_sql(safe(statement.clone())).execute(&mut *connection).await?;
        }
    }
    Ok(dropped)
}
