//! The rights that the role lacks on tables, after the server refused a statement. The server does not tell which right it
//! was about but in words.

use std::collections::HashSet;

use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Row as _};

use super::super::{Lacking, WarehouseError};
use crate::sql::{Names, Schema, Table, quote};

/// Query for the standing of the role with one table, which may be absent, as may its schema. A name is looked up in the
/// server's own catalog, because a name in a schema without the right to use it is an error.
const STANDING: &str = "
    select current_user::text as role, quote_ident(current_database()) as database,
        n.oid is not null as has_schema,
        coalesce(has_schema_privilege(n.oid, 'usage'), false) as uses,
        coalesce(has_schema_privilege(n.oid, 'create'), false) as creates,
        c.oid is not null as exists,
        coalesce(pg_has_role(c.relowner, 'usage'), true) as owns,
        array(select r from unnest($3::text[]) as r where not has_table_privilege(c.oid, r)) as lacks,
        array(select format('%I.%I', m.nspname, s.relname)
            from pg_attrdef as a
            join pg_depend as d on d.classid = 'pg_attrdef'::regclass and d.objid = a.oid
            join pg_class as s on d.refclassid = 'pg_class'::regclass and d.refobjid = s.oid
            join pg_namespace as m on m.oid = s.relnamespace
            where a.adrelid = c.oid
                -- Only of a sequence may this be asked, in whatever order the conditions are taken.
                and case when s.relkind = 'S' then not has_sequence_privilege(s.oid, 'usage, update') else false end) as sequences
    from (select $1::text as schema, $2::text as name) as t
    left join pg_namespace as n on n.nspname = t.schema
    left join pg_class as c on c.relnamespace = n.oid and c.relname = t.name";

struct Standing {
    role: String,
    database: String,
    has_schema: bool,
    uses: bool,
    creates: bool,
    exists: bool,
    owns: bool,
    lacks: Vec<String>,
    sequences: Vec<String>,
}

impl FromRow<'_, PgRow> for Standing {
    fn from_row(row: &PgRow) -> Result<Standing, sqlx::Error> {
        Ok(Standing {
            role: row.try_get("role")?,
            database: row.try_get("database")?,
            has_schema: row.try_get("has_schema")?,
            uses: row.try_get("uses")?,
            creates: row.try_get("creates")?,
            exists: row.try_get("exists")?,
            owns: row.try_get("owns")?,
            lacks: row.try_get("lacks")?,
            sequences: row.try_get("sequences")?,
        })
    }
}

/// The rights out of `rights` that the role lacks on these tables.
pub(super) async fn lacking(
    pool: &PgPool,
    names: &Names,
    tables: &[Table],
    rights: &[&str],
) -> Result<Lacking, WarehouseError> {
    let mut lacking = Lacking::default();
    for table in tables {
        let standing: Standing = sqlx::query_as(STANDING)
            .bind(names.schema(table.schema))
            .bind(&table.name)
            .bind(rights.iter().map(|right| (*right).to_owned()).collect::<Vec<_>>())
            .fetch_one(pool)
            .await?;
        standing.grant(names, table, &mut lacking);
    }
    for statements in [&mut lacking.of_all, &mut lacking.of_tables] {
        let mut seen = HashSet::new();
        statements.retain(|one| seen.insert(one.clone()));
    }
    Ok(lacking)
}

impl Standing {
    /// Adds the statements that grant what is lacking.
    fn grant(&self, names: &Names, table: &Table, lacking: &mut Lacking) {
        let (role, schema) = (quote(&self.role), quote(names.schema(table.schema)));
        let table_name = names.table(table);
        let (all, of_tables) = (&mut lacking.of_all, &mut lacking.of_tables);
        if !self.has_schema {
            all.push(format!("grant create on database {} to {role}", self.database));
        } else if !self.uses {
            all.push(format!("grant usage, create on schema {schema} to {role}"));
        } else if !self.creates && (!self.exists || table.schema == Schema::Catalog) {
            of_tables.push(format!("grant create on schema {schema} to {role}"));
        }
        if !self.lacks.is_empty() {
            of_tables.push(format!("grant {} on {table_name} to {role}", self.lacks.join(", ")));
        }
        of_tables.extend(self.sequences.iter().map(|name| format!("grant usage on sequence {name} to {role}")));
        if !self.owns {
            // Another right is enough for rows; columns are changed and indexes made by the owner.
            let or = if of_tables.is_empty() { "" } else { "or, as new columns need it, " };
            of_tables.push(format!("{or}alter table {table_name} owner to {role}"));
        }
    }
}
