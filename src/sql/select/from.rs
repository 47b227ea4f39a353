//! FROM clauses: tables, joins, derived tables, series.

use sqlparser::ast::{
    FunctionArg, FunctionArgExpr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, TableAlias,
    TableFactor, TableWithJoins,
};

use super::super::quote;
use super::kind::Kind;
use super::query::rename;
use super::scope::{Column, Found, Relation, Scope, Shape};
use super::translate::{Translator, refused, wrong};
use super::{SqlError, folded, interval, moment, table_of};
use crate::text::nearest;

impl Translator<'_> {
    /// The whole FROM: its tables go into the scope.
    pub(super) fn from<'s>(&mut self, from: &[TableWithJoins], scope: &mut Scope<'s>) -> Result<String, SqlError> {
        let mut parts = Vec::new();
        for part in from {
            parts.push(self.joined(part, scope)?);
        }
        Ok(if parts.is_empty() { String::new() } else { format!(" from {}", parts.join(", ")) })
    }

    fn joined<'s>(&mut self, part: &TableWithJoins, scope: &mut Scope<'s>) -> Result<String, SqlError> {
        let mut sql = self.factor(&part.relation, scope)?;
        for join in &part.joins {
            let (word, constraint) = match &join.join_operator {
                JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => ("join", constraint),
                JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => ("left join", constraint),
                JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => ("right join", constraint),
                JoinOperator::FullOuter(constraint) => ("full join", constraint),
                JoinOperator::CrossJoin(constraint) => ("cross join", constraint),
                _ => return Err(refused("this kind of join", &join.relation)),
            };
            let before = scope.relations.len();
            let right = self.factor(&join.relation, scope)?;
            let on = match constraint {
                JoinConstraint::None => String::new(),
                JoinConstraint::On(expr) => format!(" on {}", self.condition(expr, scope)?.sql),
                JoinConstraint::Using(names) => {
                    let names =
                        names.iter().map(|name| self.merge(name, scope, before)).collect::<Result<Vec<_>, _>>()?;
                    format!(" using ({})", names.join(", "))
                }
                JoinConstraint::Natural => {
                    return Err(refused("natural join: name the columns with using", &join.relation));
                }
            };
            sql = format!("{sql} {word} {right}{on}");
        }
        Ok(sql)
    }

    /// `using (x)`: one column of two. `before` is the number of tables on the left side.
    fn merge(&mut self, using: &ObjectName, scope: &mut Scope, before: usize) -> Result<String, SqlError> {
        let [ObjectNamePart::Identifier(ident)] = using.0.as_slice() else {
            return Err(refused("using with more than a column's name", using));
        };
        let name = folded(ident);
        let part =
            |relations: &[Relation]| Scope { relations: relations.to_vec(), merged: scope.merged.clone(), outer: None };
        let right = Scope { merged: Vec::new(), ..part(&scope.relations[before..]) };
        let left = part(&scope.relations[..before]);
        let (one, other) = match (left.column(ident), right.column(ident)) {
            (Found::Column(one, _), Found::Column(other, _)) => (one, other),
            (Found::Column(..), found) => return Err(wrong(not_one(&name, "right", &right, &found), using)),
            (found, _) => return Err(wrong(not_one(&name, "left", &left, &found), using)),
        };
        if one.kind != other.kind || one.kind == Kind::Numeric {
            return Err(refused("using over decimals, or over columns of two types: write on a.x = b.x", using));
        }
        let sources = one.sources.into_iter().chain(other.sources).collect();
        scope.merged.retain(|column| column.name != name);
        scope.merged.push(Column { name: name.clone(), kind: one.kind, sources });
        scope.relations.iter_mut().for_each(|relation| relation.merged.push(name.clone()));
        Ok(quote(&name))
    }

    fn factor<'s>(&mut self, factor: &TableFactor, scope: &mut Scope<'s>) -> Result<String, SqlError> {
        let (sql, alias, shape) = match factor {
            TableFactor::Table {
                name, alias, args, with_hints, version, with_ordinality, partitions, sample, ..
            } => {
                let odd = !with_hints.is_empty() || version.is_some() || *with_ordinality;
                let odd = odd || !partitions.is_empty() || sample.is_some();
                if odd && !self.lenient {
                    return Err(refused("what follows the table's name", name));
                }
                match args {
                    Some(args) => self.series(name, &args.args, alias.as_ref(), scope)?,
                    None => self.table(name, alias.as_ref())?,
                }
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                if (*lateral || sample.is_some()) && !self.lenient {
                    return Err(refused("lateral", &**subquery));
                }
                let done = match lateral {
                    true => self.query(subquery, Some(&scope.clone()), None)?,
                    false => self.query(subquery, scope.outer, None)?,
                };
                let alias = alias.as_ref().map_or_else(String::new, |alias| folded(&alias.name));
                (format!("({})", done.sql), alias, done.shape)
            }
            TableFactor::Function { name, args, alias, .. } => self.series(name, args, alias.as_ref(), scope)?,
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                return Ok(format!("({})", self.joined(table_with_joins, scope)?));
            }
            other if self.lenient => {
                let alias = alias_of(other).map_or_else(String::new, |alias| folded(&alias.name));
                (String::new(), alias, Shape { columns: Vec::new(), open: true })
            }
            other => {
                let text = other.to_string();
                let word = text.split([' ', '(']).next().unwrap_or_default().to_lowercase();
                return Err(refused(format!("{word} in from"), other));
            }
        };
        let names: Vec<_> = alias_of(factor)
            .map(|alias| alias.columns.iter().map(|column| folded(&column.name)).collect())
            .unwrap_or_default();
        let (sql, shape) = renamed(sql, shape, &names);
        // PostgreSQL 16 lets a derived table go without a name; its columns need one here.
        let alias = if alias.is_empty() { format!("sluice {}", scope.relations.len()) } else { alias };
        let sql = format!("{sql} as {}", quote(&alias));
        scope.relations.push(Relation { alias, shape, merged: Vec::new() });
        Ok(sql)
    }

    fn table(&mut self, name: &ObjectName, alias: Option<&TableAlias>) -> Result<(String, String, Shape), SqlError> {
        let called = |own: &str| alias.map_or_else(|| own.to_owned(), |alias| folded(&alias.name));
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() {
            let own = folded(ident);
            if let Some((_, shape)) = self.ctes.iter().rev().find(|(name, _)| *name == own) {
                return Ok((quote(&own), called(&own), shape.clone()));
            }
        }
        if let Some(table) = table_of(self.names, name) {
            let engine = self.names.engine;
            let known = self.columns.get(&table).map(Vec::as_slice).unwrap_or_default();
            let columns = known.iter().map(|column| Column {
                name: column.name.clone(),
                kind: Kind::of_declared(engine, &column.declared),
                sources: [(table.clone(), column.name.clone())].into(),
            });
            let shape = Shape { columns: columns.collect(), open: known.is_empty() };
            return Ok((self.names.table(&table), called(&table.name), shape));
        }
        if self.lenient {
            let own = name.0.last().and_then(ObjectNamePart::as_ident).map(folded).unwrap_or_default();
            return Ok((String::new(), called(&own), Shape { columns: Vec::new(), open: true }));
        }
        Err(wrong(self.no_table(name), name))
    }

    /// The reason why a name is no table's.
    fn no_table(&self, name: &ObjectName) -> String {
        let parts: Vec<_> = name.0.iter().filter_map(ObjectNamePart::as_ident).map(folded).collect();
        match parts.as_slice() {
            [_] => format!("there is no table {name}: write staging.{name} or datawarehouse.{name}"),
            [schema, ..] => {
                let hint = nearest(schema, ["staging", "datawarehouse"].into_iter());
                format!("there is no table {name}: tables stand in staging and datawarehouse{hint}")
            }
            [] => format!("there is no table {name}"),
        }
    }

    /// Translates `generate_series(from, to[, step])` of whole numbers and moments.
    fn series(
        &mut self,
        name: &ObjectName,
        args: &[FunctionArg],
        alias: Option<&TableAlias>,
        scope: &Scope,
    ) -> Result<(String, String, Shape), SqlError> {
        let own = name.to_string().to_lowercase();
        let called = alias.map_or_else(|| own.clone(), |alias| folded(&alias.name));
        let shape = |kind| {
            let column = Column { name: called.clone(), kind, sources: Default::default() };
            Shape { columns: vec![column], open: false }
        };
        if own != "generate_series" {
            if self.lenient {
                return Ok((String::new(), called.clone(), Shape { columns: Vec::new(), open: true }));
            }
            return Err(refused(format!("{own}() in from"), name));
        }
        let inner = Scope { outer: scope.outer, ..Scope::default() };
        let mut given = Vec::new();
        for arg in args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg else {
                return Err(refused("generate_series with named arguments", name));
            };
            given.push((expr, interval::written(expr)));
        }
        let ([(from, _), (to, _)] | [(from, _), (to, _), _]) = given.as_slice() else {
            return Err(refused("generate_series with other than two or three arguments", name));
        };
        let (from, to) = (self.expr(from, &inner)?, self.expr(to, &inner)?);
        let (kind, next, down) = match given.get(2) {
            None if from.kind.is_integer() && to.kind.is_integer() => {
                (from.kind.meeting(to.kind), "v + 1".to_owned(), false)
            }
            Some((step, None)) if from.kind.is_integer() && to.kind.is_integer() => {
                let step = self.expr(step, &inner)?;
                let number: i64 = step.sql.trim_matches(['(', ')']).replace(' ', "").parse().unwrap_or(0);
                if number == 0 {
                    return Err(refused("generate_series with a step that is not written as a number", name));
                }
                (from.kind.meeting(to.kind), format!("v + {number}"), number < 0)
            }
            Some((_, Some(step))) if from.kind.is_moment() && to.kind.is_moment() => {
                let step = step.clone().map_err(|what| refused(what, name))?;
                let kind = match from.kind.meeting(to.kind) {
                    Some(Kind::Timestamp) => Kind::Timestamp,
                    _ => Kind::Timestamptz,
                };
                (Some(kind), moment::shift("v", &step, false), step.is_negative())
            }
            _ => {
                return Err(refused(
                    "generate_series over other than whole numbers, or moments with an interval",
                    name,
                ));
            }
        };
        let kind = kind.unwrap_or(Kind::Bigint);
        let bound = |typed| super::cast::coerce(typed, kind).map(|typed| typed.sql).map_err(|what| refused(what, name));
        let (from, to, sign) = (bound(&from)?, bound(&to)?, if down { ">=" } else { "<=" });
        let column = quote(&called);
        let sql = format!(
            "(with recursive series(v) as (select {from} where {from} {sign} {to} union all select {next} from series \
             where {next} {sign} {to}) \
             select v as {column} from series)"
        );
        Ok((sql, called.clone(), shape(kind)))
    }
}

/// A table under other column names: SQLite takes such names for a `with` query only.
fn renamed(sql: String, shape: Shape, names: &[String]) -> (String, Shape) {
    if names.is_empty() || shape.open {
        return (sql, shape);
    }
    let before: Vec<_> = shape.columns.iter().map(|column| quote(&column.name)).collect();
    let shape = rename(shape, names);
    let list: Vec<_> =
        before.iter().zip(&shape.columns).map(|(old, column)| format!("{old} as {}", quote(&column.name))).collect();
    (format!("(select {} from {sql})", list.join(", ")), shape)
}

fn alias_of(factor: &TableFactor) -> Option<&TableAlias> {
    match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::JsonTable { alias, .. }
        | TableFactor::XmlTable { alias, .. }
        | TableFactor::NestedJoin { alias, .. } => alias.as_ref(),
        _ => None,
    }
}

/// The relation with the columns of a qualified `*`.
pub(super) fn relation_named<'s>(scope: &'s Scope, name: &ObjectName) -> Option<&'s Relation> {
    let ident: &Ident = name.0.last()?.as_ident()?;
    scope.relations.iter().find(|relation| relation.alias == folded(ident))
}

/// The reason why `using` has not exactly one column on a side, with the fix: a fact has keys in place of columns.
fn not_one(name: &str, word: &str, side: &Scope, found: &Found) -> String {
    let on = format!("write on a.{name} = b.{name}");
    match found {
        Found::Several => return format!("using: several tables on the {word} side have a column {name}: {on}"),
        Found::Perhaps(table) => return format!("using: the columns of {table} are not all known: {on}"),
        _ => {}
    }
    let key = format!("{name}_key");
    let names = side.names(None);
    let hint = match names.contains(&key.as_str()) {
        true => format!(": it has {key}, the member's key: write on {key} = DIMENSION_key, with the dimension's name"),
        false => nearest(name, names.into_iter()),
    };
    format!("using: there is no column {name} on the {word} side{hint}")
}
