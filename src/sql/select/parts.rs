//! A select as its text has it: the expression of each column that it gives, and all the rest.

use std::collections::BTreeMap;

use sqlparser::ast::{SelectItem, SetExpr};

use super::titles::title;
use super::{Select, folded};

/// The parts of a select's text.
pub struct Parts {
    /// The select without the columns that it names: the tables, joins and conditions that give its rows.
    pub rows: String,
    /// The expression of each named column; none of a select that joins others by `union` and the like.
    pub columns: BTreeMap<String, String>,
}

impl Select {
    /// Returns the parts of its text, whatever the types of the columns are that it reads.
    pub fn parts(&self) -> Parts {
        let (mut query, mut columns) = (self.query.clone(), BTreeMap::new());
        if let SetExpr::Select(select) = &mut *query.body {
            select.projection.retain(|item| {
                let (name, expression) = match item {
                    SelectItem::UnnamedExpr(expression) => (title(expression), expression),
                    SelectItem::ExprWithAlias { expr, alias } => (folded(alias), expr),
                    _ => return true,
                };
                columns.insert(name, expression.to_string());
                false
            });
        }
        Parts { rows: query.to_string(), columns }
    }
}
