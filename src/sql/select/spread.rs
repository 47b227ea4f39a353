//! Spread of a select that groups, leaves out repeats or puts several together: selects that are row by row, with the
//! staged rows that its own rows are made of.

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, Query, SelectItem, SetExpr, SetOperator, SetQuantifier, TableFactor, TableWithJoins,
};

use super::Select;
use super::rows::combines_rows;
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::Names;

impl Select {
    /// The selects of the staged rows that the rows of this one are made of, each as often as it comes; one for each
    /// part of a union. Columns made of several rows are left out. `None` if a row of it is not made of whole staged
    /// rows that are known by their values, such as those of a `with` query.
    pub fn spread(&self, names: &Names) -> Option<Vec<Select>> {
        let mut parts = Vec::new();
        parts_of(&self.query, &mut parts)?;
        let titles: Option<Vec<_>> = match &parts[..] {
            [_] => None,
            parts => Some(parts.first()?.projection.iter().map(title).collect()),
        };
        // Words without a table come from no file.
        let read = parts.into_iter().filter(|part| !part.from.is_empty());
        let selects = read.map(|part| {
            let part = row_by_row(part, titles.as_deref())?;
            self.through(&part, names).or_else(|| {
                let select = self.with_body(part);
                select.row_wise(names).is_some().then(|| vec![select])
            })
        });
        let selects: Option<Vec<_>> = selects.collect();
        selects.map(|selects| selects.concat()).filter(|selects| !selects.is_empty())
    }

    /// The part over each of the selects of its derived table, the only one that it reads; with load and line.
    fn through(&self, part: &sqlparser::ast::Select, names: &Names) -> Option<Vec<Select>> {
        let [
            TableWithJoins {
                relation: TableFactor::Derived { subquery, alias: Some(alias), lateral: false, .. },
                joins,
            },
        ] = &part.from[..]
        else {
            return None;
        };
        if !joins.is_empty() || !alias.columns.is_empty() {
            return None;
        }
        let inner = Select { query: subquery.clone(), ..self.clone() }.spread(names)?;
        let over = |inner: Select| {
            let mut over = part.clone();
            if let TableFactor::Derived { subquery, .. } = &mut over.from[0].relation {
                *subquery = inner.with_lineage(&[]).query;
            }
            over.projection.extend([LOAD_COLUMN, LINE_COLUMN].map(|column| SelectItem::ExprWithAlias {
                expr: Expr::CompoundIdentifier(vec![alias.name.clone(), Ident::new(column)]),
                alias: Ident::new(column),
            }));
            self.with_body(over)
        };
        // Only a table's own rows have a load and a line.
        let all_row_wise = inner.iter().all(|select| select.row_wise(names).is_some());
        all_row_wise.then(|| inner.into_iter().map(over).collect())
    }

    fn with_body(&self, part: sqlparser::ast::Select) -> Select {
        let query = Query { body: Box::new(SetExpr::Select(Box::new(part))), order_by: None, ..*self.query.clone() };
        Select { query: Box::new(query), ..self.clone() }
    }
}

/// The selects of a union.
fn parts_of<'a>(query: &'a Query, parts: &mut Vec<&'a sqlparser::ast::Select>) -> Option<()> {
    if query.with.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
        return None;
    }
    parts_of_body(&query.body, parts)
}

fn parts_of_body<'a>(body: &'a SetExpr, parts: &mut Vec<&'a sqlparser::ast::Select>) -> Option<()> {
    match body {
        SetExpr::Select(select) => parts.push(select),
        SetExpr::Query(query) => parts_of(query, parts)?,
        SetExpr::SetOperation {
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::None | SetQuantifier::All | SetQuantifier::Distinct,
            left,
            right,
        } => {
            parts_of_body(left, parts)?;
            parts_of_body(right, parts)?;
        }
        _ => return None,
    }
    Some(())
}

/// A part with a row for each of the rows that it reads; `titles` are the names of the union's columns.
fn row_by_row(part: &sqlparser::ast::Select, titles: Option<&[Option<Ident>]>) -> Option<sqlparser::ast::Select> {
    let mut one = part.clone();
    (one.distinct, one.having) = (None, None);
    one.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    one.projection = match titles {
        None => part.projection.iter().filter(|item| !combines_rows(*item)).cloned().collect(),
        Some(titles) => {
            let mut items = Vec::new();
            for (item, title) in part.projection.iter().zip(titles) {
                let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
                    return None;
                };
                if let Some(alias) = title.clone().filter(|_| !combines_rows(item)) {
                    items.push(SelectItem::ExprWithAlias { expr: expr.clone(), alias });
                }
            }
            items
        }
    };
    Some(one)
}

/// The name of an item by itself.
fn title(item: &SelectItem) -> Option<Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Engine;

    fn spread(text: &str) -> Option<Vec<String>> {
        let names =
            Names { engine: Engine::Postgres, staging: "staging".into(), datawarehouse: "datawarehouse".into() };
        let selects = Select::parse(text).unwrap().spread(&names)?;
        Some(selects.into_iter().map(|select| select.query.to_string()).collect())
    }

    #[test]
    fn selects_are_taken_apart() {
        for (text, parts) in [
            ("select a, b from staging.x where b > 0", &["SELECT a, b FROM staging.x WHERE b > 0"][..]),
            ("/* h */ select distinct trim(a) as a from staging.x order by 1", &["SELECT TRIM(a) AS a FROM staging.x"]),
            ("select distinct on (a) a, b from staging.x order by a, c desc", &["SELECT a, b FROM staging.x"]),
            (
                "select a, count(*) as n from staging.x where b group by a having count(*) > 1",
                &["SELECT a FROM staging.x WHERE b"],
            ),
            (
                "(select x.a, 1 as n from staging.x) union all select upper(b), max(c) from staging.y group by b union select 'none', 0",
                &["SELECT x.a AS a, 1 AS n FROM staging.x", "SELECT upper(b) AS a FROM staging.y"],
            ),
        ] {
            assert_eq!(
                spread(text).as_deref(),
                Some(&parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
    }

    #[test]
    fn those_that_cannot() {
        for text in [
            "with s as (select a from staging.x) select a from s",
            "select a from staging.x limit 3",
            "select a from staging.x intersect select a from staging.y",
            "select a from staging.x union select a from datawarehouse.y",
            "select * from staging.x union select * from staging.y",
            "select s.a from (select a from staging.x limit 3) as s group by s.a",
            "select s.a from (select a from staging.x) as s join staging.y on true",
            "select 1 as a",
        ] {
            assert_eq!(spread(text), None, "{text}");
        }
    }
}
