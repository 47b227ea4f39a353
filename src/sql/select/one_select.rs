//! One select: its columns with their names, its grouping and order, `distinct`, `distinct on`.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, NamedWindowExpr, OrderByExpr, OrderBySort, Select, SelectItem,
    SelectItemQualifiedWildcardKind,
};

use super::super::quote;
use super::from::relation_named;
use super::kind::Kind;
use super::query::{Translated, list_and_keys, place};
use super::scope::{Column, Found, Scope, Shape};
use super::titles::title;
use super::translate::{Bare, Translator, refused, wrong};
use super::typed::Typed;
use super::{SqlError, cast, folded};
use crate::text::counted;

/// A column of the select's list.
struct Item {
    name: String,
    typed: Typed,
}

impl Translator<'_> {
    /// Translates a select with its order.
    pub(super) fn select(
        &mut self,
        select: &Select,
        order_by: &[OrderByExpr],
        outer: Option<&Scope>,
        targets: Option<&[Kind]>,
    ) -> Result<Translated, SqlError> {
        // The state below is that of one select.
        let around = (
            std::mem::take(&mut self.windows),
            std::mem::take(&mut self.aggregates),
            std::mem::take(&mut self.in_aggregate),
            std::mem::take(&mut self.keys),
            std::mem::take(&mut self.bare),
        );
        let done = self.one_select(select, order_by, outer, targets);
        let left = std::mem::replace(&mut self.bare, around.4);
        (self.windows, self.aggregates, self.in_aggregate, self.keys) = (around.0, around.1, around.2, around.3);
        // A subquery's columns of the tables around it are bare there too.
        for bare in left {
            if bare.depth > 0 && !self.in_aggregate && !self.keys.contains(&bare.key) {
                self.bare.push(Bare { depth: bare.depth - 1, ..bare });
            }
        }
        done
    }

    fn one_select(
        &mut self,
        select: &Select,
        order_by: &[OrderByExpr],
        outer: Option<&Scope>,
        targets: Option<&[Kind]>,
    ) -> Result<Translated, SqlError> {
        if !self.lenient {
            refuse_odd(select)?;
        }
        let mut scope = Scope { outer, ..Scope::default() };
        let from = self.from(&select.from, &mut scope)?;
        let scope = scope;
        let filter = match &select.selection {
            Some(condition) => format!(" where {}", self.condition(condition, &scope)?.sql),
            None => String::new(),
        };
        if let Some(condition) = select.selection.as_ref().filter(|_| self.aggregates > 0 && !self.lenient) {
            return Err(wrong("an aggregate in where: what must hold of a group stands behind having", condition));
        }
        let windows = if self.lenient { String::new() } else { self.named_windows(select, &scope)? };
        self.forget_bare();
        let items = self.items(select, &scope)?;
        let keys = if self.lenient { Vec::new() } else { self.group_keys(select, &items, &scope)? };
        self.keys.clone_from(&keys);
        let (mut having, mut grouped) = (String::new(), !keys.is_empty());
        if let Some(condition) = &select.having {
            (having, grouped) = (format!(" having {}", self.condition(condition, &scope)?.sql), true);
        }
        if (grouped || self.aggregates > 0) && !self.lenient {
            // The second pass knows the group keys.
            self.forget_bare();
            self.items(select, &scope)?;
            self.check_bare()?;
        }
        let terms = order_by.iter().map(|term| self.term(term, &items, &scope)).collect::<Result<Vec<_>, _>>()?;
        if (grouped || self.aggregates > 0) && !self.lenient {
            self.check_bare()?;
        }
        let items = into_targets(items, targets, select, self.lenient)?;
        if !self.lenient && items.iter().any(|item| item.typed.kind == Kind::Interval) {
            return Err(refused("an interval as a value: write extract(epoch from …)", select));
        }
        let columns = items.iter().map(|item| Column {
            name: item.name.clone(),
            kind: item.typed.kind,
            sources: item.typed.sources.clone(),
        });
        let star = scope.is_open() && select.projection.iter().any(is_star);
        let shape = Shape { columns: columns.collect(), open: star };
        let list: Vec<_> =
            items.iter().map(|item| format!("{} as {}", item.typed.at_rest(), quote(&item.name))).collect();
        let list = if star { open_list(select, &scope, &list) } else { list.join(", ") };
        let group = if keys.is_empty() { String::new() } else { format!(" group by {}", keys.join(", ")) };
        let rest = format!("{from}{filter}{group}{having}{windows}");
        let decimals = shape.columns.iter().any(|column| column.kind == Kind::Numeric);
        let sql = match &select.distinct {
            Some(Distinct::On(on)) if !self.lenient => {
                self.distinct_on(on, &list, &rest, &shape, &terms, order_by, &scope)?
            }
            Some(Distinct::Distinct) if decimals => {
                let (names, keys) = list_and_keys(&shape);
                let order = order_of_distinct(&items, &terms, order_by)?;
                format!("select {names} from (select {list}{rest}) group by {keys}{order}")
            }
            distinct => {
                let word = if matches!(distinct, Some(Distinct::Distinct)) { "distinct " } else { "" };
                let keys: Vec<_> = terms.iter().map(|term| sort_key(term, star)).collect();
                format!("select {word}{list}{rest}{}", order_clause(&keys, order_by)?)
            }
        };
        Ok(Translated { sql, shape })
    }

    /// Columns of FROM and WHERE are not grouped yet.
    fn forget_bare(&mut self) {
        self.bare.retain(|bare| bare.depth > 0);
    }

    fn check_bare(&mut self) -> Result<(), SqlError> {
        match self.bare.iter().position(|bare| bare.depth == 0) {
            Some(place) => Err(self.bare.remove(place).why),
            None => Ok(()),
        }
    }

    fn items(&mut self, select: &Select, scope: &Scope) -> Result<Vec<Item>, SqlError> {
        let mut items = Vec::new();
        let note = |translator: &mut Self, typed: &Typed, item: &SelectItem| {
            if !translator.keys.contains(&typed.key()) {
                let why = ungrouped(&typed.sql, item);
                translator.bare.push(Bare { depth: 0, key: typed.key(), why });
            }
        };
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    items.push(Item { name: title(expr), typed: self.expr(expr, scope)? });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    items.push(Item { name: folded(alias), typed: self.expr(expr, scope)? });
                }
                SelectItem::Wildcard(_) => {
                    for (name, typed) in scope.all() {
                        note(self, &typed, item);
                        items.push(Item { name, typed });
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let Some(relation) = relation_named(scope, name) else {
                        return Err(wrong(format!("there is no table {name} here"), item));
                    };
                    for (name, typed) in relation.all() {
                        note(self, &typed, item);
                        items.push(Item { name, typed });
                    }
                }
                _ => return Err(refused("this form of a column", item)),
            }
        }
        Ok(items)
    }

    fn group_keys(&mut self, select: &Select, items: &[Item], scope: &Scope) -> Result<Vec<String>, SqlError> {
        let GroupByExpr::Expressions(exprs, modifiers) = &select.group_by else {
            return Err(refused("group by all", select));
        };
        if !modifiers.is_empty() {
            return Err(refused("what follows group by", select));
        }
        let mut keys = Vec::new();
        for expr in exprs {
            let named = match expr {
                Expr::Value(value) => place(&value.value).and_then(|place| items.get(place)),
                Expr::Identifier(ident) if !matches!(scope.column(ident), Found::Column(_, 0)) => {
                    items.iter().find(|item| item.name == folded(ident))
                }
                _ => None,
            };
            let key = match named {
                Some(item) => item.typed.key(),
                None => self.expr(expr, scope)?.key(),
            };
            // A plain number would be a column's place.
            let is_number = key.bytes().all(|byte| byte.is_ascii_digit());
            keys.push(if is_number { format!("+{key}") } else { key });
        }
        Ok(keys)
    }

    /// Key of a term of `order by`, and its place in the list if it is one of the list's columns.
    fn term(&mut self, term: &OrderByExpr, items: &[Item], scope: &Scope) -> Result<(Typed, Option<usize>), SqlError> {
        let found = match &term.expr {
            Expr::Value(value) => place(&value.value).filter(|place| *place < items.len()),
            Expr::Identifier(ident) => items.iter().position(|item| item.name == folded(ident)),
            _ => None,
        };
        if let Some(place) = found {
            return Ok((items[place].typed.clone(), Some(place)));
        }
        let typed = self.expr(&term.expr, scope)?;
        let place = items.iter().position(|item| item.typed.sql == typed.sql);
        Ok((typed, place))
    }

    fn named_windows(&mut self, select: &Select, scope: &Scope) -> Result<String, SqlError> {
        let mut list = Vec::new();
        for window in &select.named_window {
            let NamedWindowExpr::WindowSpec(spec) = &window.1 else {
                return Err(refused("a window that is another one's name", select));
            };
            let name = folded(&window.0);
            list.push(format!("{} as {}", quote(&name), self.window(spec, scope)?));
            self.windows.push(name);
        }
        Ok(if list.is_empty() { String::new() } else { format!(" window {}", list.join(", ")) })
    }

    /// Translates `distinct on`: the first row of each.
    #[expect(clippy::too_many_arguments, reason = "the pieces of one select")]
    fn distinct_on(
        &mut self,
        on: &[Expr],
        list: &str,
        rest: &str,
        shape: &Shape,
        terms: &[(Typed, Option<usize>)],
        order_by: &[OrderByExpr],
        scope: &Scope,
    ) -> Result<String, SqlError> {
        if on.len() > order_by.len() {
            let why = "distinct on without an order by of the same columns and more: which row is first is not said";
            return Err(refused(why, &on[0]));
        }
        let keys = on.iter().map(|expr| Ok(self.expr(expr, scope)?.key())).collect::<Result<Vec<_>, SqlError>>()?;
        let sorted: Vec<_> = terms.iter().map(|(typed, _)| typed.key()).collect();
        let order = order_clause(&sorted, order_by)?;
        let hidden: Vec<_> =
            sorted.iter().enumerate().map(|(at, key)| format!("{key} as \"sluice order {at}\"")).collect();
        let again: Vec<_> = (0..sorted.len()).map(|at| format!("\"sluice order {at}\"")).collect();
        let (names, _) = list_and_keys(shape);
        Ok(format!(
            "select {names} from (select {list}, {}, row_number() over (partition by {}{order}) as \"sluice row\"{rest}) \
             where \"sluice row\" = 1{}",
            hidden.join(", "),
            keys.join(", "),
            order_clause(&again, order_by)?
        ))
    }
}

/// Writes `x desc nulls first`: without NULLS in the term, NULLs go where PostgreSQL has them.
pub(super) fn order_term(key: &str, term: &OrderByExpr) -> Result<String, SqlError> {
    let descending = match &term.options.sort {
        None | Some(OrderBySort::Asc) => false,
        Some(OrderBySort::Desc) => true,
        Some(OrderBySort::Using(_)) => return Err(refused("order by using", &term.expr)),
    };
    let nulls_first = term.options.nulls_first.unwrap_or(descending);
    Ok(format!("{key}{} nulls {}", if descending { " desc" } else { "" }, if nulls_first { "first" } else { "last" }))
}

fn order_clause(keys: &[String], order_by: &[OrderByExpr]) -> Result<String, SqlError> {
    let terms = keys.iter().zip(order_by).map(|(key, term)| order_term(key, term)).collect::<Result<Vec<_>, _>>()?;
    Ok(if terms.is_empty() { String::new() } else { format!(" order by {}", terms.join(", ")) })
}

/// Key to sort by: a column's place, so that it is computed once; a decimal's number.
fn sort_key((typed, place): &(Typed, Option<usize>), star: bool) -> String {
    match place {
        Some(place) if typed.kind != Kind::Numeric && !star => (place + 1).to_string(),
        _ => typed.key(),
    }
}

fn order_of_distinct(
    items: &[Item],
    terms: &[(Typed, Option<usize>)],
    order_by: &[OrderByExpr],
) -> Result<String, SqlError> {
    let mut keys = Vec::new();
    for ((_, place), term) in terms.iter().zip(order_by) {
        let place =
            place.ok_or_else(|| wrong("select distinct: order by takes the result's columns only", &term.expr))?;
        let item = &items[place];
        keys.push(Typed::stored(quote(&item.name), item.typed.kind).key());
    }
    order_clause(&keys, order_by)
}

fn into_targets(
    items: Vec<Item>,
    targets: Option<&[Kind]>,
    select: &Select,
    lenient: bool,
) -> Result<Vec<Item>, SqlError> {
    let Some(targets) = targets else { return Ok(items) };
    if targets.len() != items.len() && !lenient {
        return Err(wrong(
            format!("{} where the others give {}", counted(items.len() as u64, "column"), targets.len()),
            select,
        ));
    }
    let into = |(item, kind): (Item, &Kind)| match cast::coerce(&item.typed, *kind) {
        Ok(typed) => Ok(Item { typed, ..item }),
        Err(_) if lenient => Ok(item),
        Err(what) => Err(refused(what, select)),
    };
    items.into_iter().zip(targets).map(into).collect()
}

fn is_star(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// The list with its stars, for tables whose columns are not all known: the database reports missing ones.
fn open_list(select: &Select, scope: &Scope, list: &[String]) -> String {
    let single = select.projection.len() == 1 && scope.all().is_empty();
    if single { "*".to_owned() } else { list.join(", ") }
}

fn ungrouped(sql: &str, at: &impl sqlparser::ast::Spanned) -> SqlError {
    wrong(format!("{sql} is neither in group by nor in an aggregate"), at)
}

fn refuse_odd(select: &Select) -> Result<(), SqlError> {
    let odd = select.top.is_some()
        || select.into.is_some()
        || select.exclude.is_some()
        || select.prewhere.is_some()
        || select.qualify.is_some()
        || select.value_table_mode.is_some()
        || select.select_modifiers.is_some()
        || !select.lateral_views.is_empty()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty();
    if odd { Err(refused("a clause that SQLite has not (into, top, qualify and the like)", select)) } else { Ok(()) }
}
