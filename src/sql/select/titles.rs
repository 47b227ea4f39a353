//! PostgreSQL's titles of columns without a name (`FigureColname` in its parser).

use sqlparser::ast::{DataType, Expr, Query, SelectItem, SetExpr};

use super::folded;
use super::kind::target;

/// A column's name.
pub(super) fn title(expr: &Expr) -> String {
    named(expr).map_or_else(|| "?column?".to_owned(), |(name, _)| name)
}

/// The name, and true if it is the expression's own; else a cast's type says more.
fn named(expr: &Expr) -> Option<(String, bool)> {
    let own = |name: &str| Some((name.to_owned(), true));
    match expr {
        Expr::Identifier(ident) => own(&folded(ident)),
        Expr::CompoundIdentifier(parts) => own(&folded(parts.last()?)),
        Expr::Nested(inner) => named(inner),
        Expr::Collate { expr, .. } => named(expr),
        Expr::Function(function) => own(&folded(function.name.0.last()?.as_ident()?)),
        Expr::Cast { expr, data_type, .. } => match named(expr) {
            Some((name, true)) => own(&name),
            _ => Some((type_name(data_type), false)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type), false)),
        Expr::Interval(_) => Some(("interval".to_owned(), false)),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(named) {
            Some((name, true)) => own(&name),
            _ => Some(("case".to_owned(), false)),
        },
        Expr::Extract { .. } => own("extract"),
        Expr::Ceil { .. } => own("ceil"),
        Expr::Floor { .. } => own("floor"),
        Expr::Position { .. } => own("position"),
        Expr::Substring { .. } => own("substring"),
        Expr::Overlay { .. } => own("overlay"),
        Expr::Trim { trim_where, .. } => own(match trim_where.map(|side| side.to_string()).as_deref() {
            Some("LEADING") => "ltrim",
            Some("TRAILING") => "rtrim",
            _ => "btrim",
        }),
        Expr::AtTimeZone { .. } => own("timezone"),
        Expr::Exists { .. } => own("exists"),
        Expr::Array(_) => own("array"),
        Expr::Subquery(query) => own(&first_column(query)?),
        _ => None,
    }
}

fn first_column(query: &Query) -> Option<String> {
    let mut body = &*query.body;
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
    }
    match body {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::UnnamedExpr(expr) => Some(title(expr)),
            SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
            _ => None,
        },
        SetExpr::Query(query) => first_column(query),
        SetExpr::Values(_) => Some("column1".to_owned()),
        _ => None,
    }
}

fn type_name(of: &DataType) -> String {
    match target(of) {
        Some(target) => target.name.to_owned(),
        None => of.to_string().to_lowercase().split(['(', ' ', '[']).next().unwrap_or_default().to_owned(),
    }
}
