//! A select out of an SQL file: which tables it reads, and how it is written on an engine.
//! The files say `staging.titles` and `datawarehouse.dim_title` whatever the engine and whatever the schemas are called.

mod rows;

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query, Statement, TableAlias, TableFactor, Visit, VisitMut, Visitor,
    VisitorMut,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::names::NUMERIC_TEXT;
use super::{Engine, Names, Schema, Table, TableColumn, quote};

/// Why a text is no select.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// It cannot be read; the parser's words, with line and column.
    #[error("{0}")]
    Syntax(String),
    /// It is something else, or more than one statement.
    #[error("expected one select, found {0}")]
    NotASelect(String),
}

/// One select, read.
#[derive(Clone, Debug)]
pub struct Select(Box<Query>);

impl Select {
    /// Reads a text that holds one select, comments and a semicolon at the end allowed.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Select, SqlError> {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, text)
            .map_err(|error| SqlError::Syntax(error.to_string().replace("sql parser error: ", "")))?;
        let count = statements.len();
        match statements.into_iter().next() {
            Some(Statement::Query(query)) if count == 1 => Ok(Select(query)),
            Some(_) if count > 1 => Err(SqlError::NotASelect(format!("{count} statements"))),
            Some(other) => {
                let text = other.to_string();
                Err(SqlError::NotASelect(text.split_whitespace().take(2).collect::<Vec<_>>().join(" ").to_lowercase()))
            }
            None => Err(SqlError::NotASelect("nothing".to_owned())),
        }
    }

    /// The tables of our schemas that it reads.
    pub fn tables(&self, names: &Names) -> BTreeSet<Table> {
        let mut found = Tables { names, tables: BTreeSet::new() };
        let _: ControlFlow<()> = self.0.visit(&mut found);
        found.tables
    }

    /// The select as the engine takes it. `columns` are those of the tables it reads, as far as they are there.
    pub fn sql(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> String {
        let mut query = self.0.clone();
        let _: ControlFlow<()> = VisitMut::visit(&mut query, &mut Rewriter { names, columns });
        query.to_string()
    }
}

/// The table that a name of two parts means, `None` where it is none of ours.
fn table_of(names: &Names, name: &ObjectName) -> Option<Table> {
    let [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(table)] = name.0.as_slice() else {
        return None;
    };
    Some(Table { schema: names.schema_named(&folded(schema))?, name: folded(table) })
}

/// An identifier as PostgreSQL understands it: lower case unless quoted.
fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

struct Tables<'a> {
    names: &'a Names,
    tables: BTreeSet<Table>,
}

impl Visitor for Tables<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.tables.extend(table_of(self.names, relation));
        ControlFlow::Continue(())
    }
}

struct Rewriter<'a> {
    names: &'a Names,
    columns: &'a HashMap<Table, Vec<TableColumn>>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = ();

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, .. } = factor else { return ControlFlow::Continue(()) };
        let Some(table) = table_of(self.names, name) else { return ControlFlow::Continue(()) };
        match self.names.engine {
            Engine::Postgres => {
                let schema = Ident::with_quote('"', self.names.schema(table.schema));
                *name = ObjectName(vec![
                    ObjectNamePart::Identifier(schema),
                    ObjectNamePart::Identifier(Ident::with_quote('"', &table.name)),
                ]);
            }
            Engine::Sqlite => {
                // `titles.title` and `staging.titles.title` go on meaning the table's column.
                let alias = alias.take().unwrap_or_else(|| alias_for(&table.name));
                let digits = self.columns.get(&table).map(Vec::as_slice).unwrap_or_default();
                if digits.iter().any(|column| column.declared == NUMERIC_TEXT) {
                    *factor = as_numbers(self.names, &table, digits, alias);
                } else {
                    *name = match table.schema {
                        Schema::Temporary => {
                            ObjectName::from(vec![Ident::new("temp"), Ident::with_quote('"', &table.name)])
                        }
                        _ => ObjectName::from(vec![Ident::with_quote('"', self.names.flat(&table))]),
                    };
                    if let TableFactor::Table { alias: place, .. } = factor {
                        *place = Some(alias);
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [schema, _, _] = parts.as_mut_slice()
            && let Some(known) = self.names.schema_named(&folded(schema))
        {
            match self.names.engine {
                Engine::Postgres => *schema = Ident::with_quote('"', self.names.schema(known)),
                Engine::Sqlite => drop(parts.remove(0)),
            }
        }
        ControlFlow::Continue(())
    }
}

fn alias_for(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: Ident::with_quote('"', name), columns: Vec::new(), at: None }
}

/// `(select a, cast(b as real) as b from t) as alias`: SQLite keeps the digits of a decimal as text, and as text
/// 9 is more than 10.
fn as_numbers(names: &Names, table: &Table, columns: &[TableColumn], alias: TableAlias) -> TableFactor {
    let list: Vec<_> = columns
        .iter()
        .map(|column| {
            let name = quote(&column.name);
            if column.declared == NUMERIC_TEXT { format!("cast({name} as real) as {name}") } else { name }
        })
        .collect();
    let text = format!("select {} from {}", list.join(", "), names.table(table));
    match Select::parse(&text) {
        Ok(Select(subquery)) => TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None },
        Err(error) => unreachable!("the text was written here: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(engine: Engine) -> Names {
        Names { engine, staging: "raw".into(), datawarehouse: "datawarehouse".into() }
    }

    fn sql(engine: Engine, text: &str) -> String {
        let column = |name: &str, declared: &str| TableColumn { name: name.into(), declared: declared.into() };
        let columns =
            HashMap::from([(Table::staging("orders"), vec![column("id", "bigint"), column("price", NUMERIC_TEXT)])]);
        Select::parse(text).unwrap().sql(&names(engine), &columns)
    }

    #[test]
    fn names_are_the_engines() {
        let text = "/* h */ select t.a, staging.\"2019\".b from staging.T as t, staging.\"2019\" where exists (select 1 from datawarehouse.dim_x); -- end";
        assert_eq!(
            sql(Engine::Sqlite, text),
            "SELECT t.a, \"2019\".b FROM \"raw__t\" AS t, \"raw__2019\" AS \"2019\" WHERE EXISTS (SELECT 1 FROM \"datawarehouse__dim_x\" AS \"dim_x\")"
        );
        assert_eq!(
            sql(Engine::Postgres, text),
            "SELECT t.a, \"raw\".\"2019\".b FROM \"raw\".\"t\" AS t, \"raw\".\"2019\" WHERE EXISTS (SELECT 1 FROM \"datawarehouse\".\"dim_x\")"
        );
    }

    #[test]
    fn decimals_are_numbers_where_they_are_read() {
        assert_eq!(
            sql(Engine::Sqlite, "select max(price) from staging.orders o"),
            "SELECT max(price) FROM (SELECT \"id\", CAST(\"price\" AS REAL) AS \"price\" FROM \"raw__orders\") AS o"
                .replace(" AS o", " o")
        );
    }

    #[test]
    fn the_tables_it_reads() {
        let select =
            Select::parse("with c as (select 1 as x from staging.a) select * from c join datawarehouse.b on true")
                .unwrap();
        let tables = select.tables(&names(Engine::Sqlite));
        assert_eq!(tables.into_iter().collect::<Vec<_>>(), [Table::staging("a"), Table::datawarehouse("b")]);
    }

    #[test]
    fn only_one_select_is_a_select() {
        assert!(Select::parse("drop table x").unwrap_err().to_string().contains("found drop table"));
        assert!(Select::parse("select 1; select 2").unwrap_err().to_string().contains("2 statements"));
        assert!(Select::parse("select 1 +").unwrap_err().to_string().contains("Expected"));
        assert!(Select::parse("-- nothing").unwrap_err().to_string().contains("nothing"));
    }
}
