//! Scopes of names: the tables of a FROM, those around it, and their columns.

use sqlparser::ast::Ident;

use super::super::quote;
use super::folded;
use super::kind::Kind;
use super::typed::{Sources, Typed};

/// A column of a select or a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
    pub sources: Sources,
}

/// The columns of a select, a table or a list of values.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub columns: Vec<Column>,
    /// True if there may be more columns than are known.
    pub open: bool,
}

/// A table in a FROM.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub alias: String,
    pub shape: Shape,
    /// Columns that `using` merged with those of a table before: not part of `*`.
    pub merged: Vec<String>,
}

/// The tables of one select, and those of the selects around it.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'a> {
    pub relations: Vec<Relation>,
    /// Columns that stand for those of two tables.
    pub merged: Vec<Column>,
    pub outer: Option<&'a Scope<'a>>,
}

/// Outcome of the search for a name.
pub(super) enum Found {
    /// A column, and the number of selects from here out to its table.
    Column(Typed, usize),
    /// No column, while all columns are known.
    Nothing,
    /// Perhaps a column of this table, whose columns are not all known.
    Perhaps(String),
    Several,
}

impl Scope<'_> {
    /// Finds a column without its table.
    pub(super) fn column(&self, ident: &Ident) -> Found {
        let name = folded(ident);
        if let Some(merged) = self.merged.iter().find(|column| column.name == name) {
            let typed = Typed { sources: merged.sources.clone(), ..Typed::stored(quote(&name), merged.kind) };
            return Found::Column(typed, 0);
        }
        let mut found = self.relations.iter().filter_map(|relation| Some((relation, relation.column(&name)?)));
        let open = self.relations.iter().find(|relation| relation.shape.open);
        match (found.next(), found.next()) {
            (Some((relation, column)), None) => Found::Column(relation.typed(column), 0),
            (Some(_), Some(_)) => Found::Several,
            (None, _) => match open {
                Some(relation) => Found::Perhaps(relation.alias.clone()),
                None => self.outer.map_or(Found::Nothing, |outer| outer.column(ident).outside()),
            },
        }
    }

    /// Finds a column of a table.
    pub(super) fn qualified(&self, table: &Ident, column: &Ident) -> Found {
        let (table, name) = (folded(table), folded(column));
        let Some(relation) = self.relations.iter().find(|relation| relation.alias == table) else {
            let outside = self.outer.map(|outer| outer.qualified(&Ident::with_quote('"', &table), column));
            return outside.map_or(Found::Nothing, Found::outside);
        };
        match relation.column(&name) {
            Some(column) => Found::Column(relation.typed(column), 0),
            None if relation.shape.open => Found::Perhaps(relation.alias.clone()),
            None => Found::Nothing,
        }
    }

    /// The columns of `*`.
    pub(super) fn all(&self) -> Vec<(String, Typed)> {
        let merged = self.merged.iter().map(|column| {
            let typed = Typed { sources: column.sources.clone(), ..Typed::stored(quote(&column.name), column.kind) };
            (column.name.clone(), typed)
        });
        let rest = self
            .relations
            .iter()
            .flat_map(|relation| relation.all().into_iter().filter(|(name, _)| !relation.merged.contains(name)));
        merged.chain(rest).collect()
    }

    /// The visible tables.
    pub(super) fn tables(&self) -> Vec<&str> {
        let outside = self.outer.map(Scope::tables).unwrap_or_default();
        self.relations.iter().map(|relation| relation.alias.as_str()).chain(outside).collect()
    }

    pub(super) fn has_table(&self, name: &str) -> bool {
        self.tables().contains(&name)
    }

    /// The visible columns, of one table or of all.
    pub(super) fn names(&self, table: Option<&str>) -> Vec<&str> {
        let of_one = self.relations.iter().filter(|relation| table.is_none_or(|table| relation.alias == table));
        let own = of_one.flat_map(|relation| relation.shape.columns.iter().map(|column| column.name.as_str()));
        own.chain(self.outer.map(|outer| outer.names(table)).unwrap_or_default()).collect()
    }

    pub(super) fn is_open(&self) -> bool {
        self.relations.iter().any(|relation| relation.shape.open)
    }
}

impl Relation {
    fn column(&self, name: &str) -> Option<&Column> {
        self.shape.columns.iter().find(|column| column.name == name)
    }

    fn typed(&self, column: &Column) -> Typed {
        let sql = format!("{}.{}", quote(&self.alias), quote(&column.name));
        Typed { sources: column.sources.clone(), ..Typed::stored(sql, column.kind) }
    }

    /// The columns of `t.*`.
    pub(super) fn all(&self) -> Vec<(String, Typed)> {
        self.shape.columns.iter().map(|column| (column.name.clone(), self.typed(column))).collect()
    }
}

impl Found {
    fn outside(self) -> Found {
        match self {
            Found::Column(typed, depth) => Found::Column(typed, depth + 1),
            other => other,
        }
    }
}
