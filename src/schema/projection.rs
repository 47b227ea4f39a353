//! Projection of an input's columns to those that are loaded: taken, named, typed, emptied, filtered.

use super::types::Fits;
use super::{Column, EXTRA_COLUMN, Filter, KnownBy, Notation, Type, column_names, is_same_text};
use crate::record::JOINT;

/// Rule for one column, stated before the input is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnRule {
    /// Headers of the column, or the names that they give it: a file has the one or the other.
    pub headers: Vec<String>,
    /// Place of the column, from 0.
    pub place: Option<usize>,
    /// Name in the table; that of its header if absent.
    pub name: Option<String>,
    /// Type of the column; inferred from its values if absent.
    pub kind: Option<Type>,
    /// Format of its days or times (chrono's `%d.%m.%Y`).
    pub format: Option<String>,
    /// Notation of its values.
    pub notation: Notation,
    /// True if an input without it fails, and a row with NULL in it is refused.
    pub required: bool,
}

/// An input's columns, each with its header and the name that the header gives it.
pub trait Named<'a>: Iterator<Item = (&'a str, &'a str)> + Clone {}

impl<'a, T: Iterator<Item = (&'a str, &'a str)> + Clone> Named<'a> for T {}

impl ColumnRule {
    /// Finds the place of the rule's column among an input's columns. A header goes before a name.
    ///
    /// # Errors
    /// In words, if several columns have the header, or several of the headers are there.
    pub fn place_in<'a>(&self, columns: impl Named<'a>) -> Result<Option<usize>, String> {
        if self.headers.is_empty() {
            return Ok(self.place.filter(|place| *place < columns.count()));
        }
        let mut found: Option<(usize, &String)> = None;
        for wanted in &self.headers {
            let with = |is: &dyn Fn(&str) -> bool| -> Vec<_> {
                columns.clone().enumerate().filter(|(_, (header, _))| is(header)).collect()
            };
            let headed = match with(&|header| header == wanted) {
                none if none.is_empty() => with(&|header| is_same_text(header, wanted)),
                exact => exact,
            };
            let is_named = |(_, (_, name)): &(usize, (&str, &str))| is_same_text(name, wanted);
            let named = || columns.clone().enumerate().find(is_named).map(|(place, _)| place);
            let place = match headed.as_slice() {
                [] => named(),
                [(place, _)] => Some(*place),
                several => {
                    let places: Vec<_> = several.iter().map(|(place, _)| (place + 1).to_string()).collect();
                    return Err(format!(
                        "several columns are headed {wanted:?}: say from: {}",
                        places.join(" or from: ")
                    ));
                }
            };
            match (found, place) {
                (Some((one, header)), Some(other)) if one != other => {
                    return Err(format!(
                        "the file has both {header:?} and {wanted:?}, which its plugin takes for one column"
                    ));
                }
                (None, Some(place)) => found = Some((place, wanted)),
                _ => {}
            }
        }
        Ok(found.map(|(place, _)| place))
    }

    /// Name of the column in the table if no file shows its header.
    pub fn table_name(&self) -> String {
        match (&self.name, self.headers.first(), self.place) {
            (Some(name), ..) => name.clone(),
            (None, Some(header), _) => column_names(&[header], None).swap_remove(0),
            (None, None, place) => format!("column_{}", place.unwrap_or(0) + 1),
        }
    }

    /// Rule by which its column is known in the table, found under this header or absent. A name in the place of a
    /// header is the column's of that name.
    fn known_by(&self, header: Option<&str>) -> KnownBy {
        if self.name.is_some() {
            return KnownBy::Name;
        }
        let is_named = header.is_none_or(|header| !self.headers.is_empty() && !self.is_headed(header));
        KnownBy::Header { others: self.headers.clone(), or_name: is_named }
    }

    /// True if one of its headers is this one.
    pub fn is_headed(&self, header: &str) -> bool {
        self.headers.iter().any(|one| is_same_text(one, header))
    }

    fn shown(&self) -> String {
        match self.headers.as_slice() {
            [] => format!("number {}", self.place.unwrap_or(0) + 1),
            headers => headers.iter().map(|header| format!("{header:?}")).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// The columns that are taken, and the notation of their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Rules for single columns.
    pub rules: Vec<ColumnRule>,
    /// True if the other columns are left out.
    pub drops_others: bool,
    /// True if an input without one of the rules' columns fails.
    pub needs_all: bool,
    /// Notation of the other columns.
    pub notation: Notation,
}

impl Selection {
    /// The notation of each of an input's columns. A faulty rule is reported when the columns are shaped.
    pub fn notations<'a>(&self, columns: impl Named<'a>) -> Vec<Notation> {
        let mut notations = vec![self.notation.clone(); columns.clone().count()];
        for rule in &self.rules {
            if let Ok(Some(place)) = rule.place_in(columns.clone()) {
                notations[place] = rule.notation.clone();
            }
        }
        notations
    }
}

/// A column that is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectedColumn {
    /// The column as the table gets it.
    pub column: Column,
    /// Index of its cells in the records, from 0.
    pub place: usize,
    /// Notation of its values.
    pub notation: Notation,
    /// Format of its days or times.
    pub format: Option<String>,
    /// True if days and times may be in ISO 8601 besides the format: a sheet's real ones are.
    pub iso: bool,
    /// True if the file has numbers and truths of its own, besides texts in the notation.
    pub native: bool,
    /// True if its doubles come from doubles, so that the words `NaN`, `Infinity` and `-Infinity` are values of theirs.
    pub real: bool,
    /// True if an empty cell of a record that is not short is a cell nevertheless.
    pub delimited: bool,
    /// True if a row with NULL in it is refused.
    pub required: bool,
    /// True if it is of a key with an index, which takes [`KEY_BYTES`](super::KEY_BYTES) at most.
    pub key: bool,
    /// True if its type is stated, whatever its values are.
    pub declared: bool,
    /// Its stated type, where the table's column is of another one: a value that is not of both is refused.
    pub overruled: Option<Type>,
    /// True if it keeps the table's type, whatever its values are: a value that does not read back from it is refused.
    pub kept: bool,
    /// Rule by which it is known in the table.
    pub known_by: KnownBy,
}

impl ProjectedColumn {
    /// The column as its type is stated, if the table's is of another one.
    pub(super) fn as_stated(&self) -> Option<ProjectedColumn> {
        let fits = Fits::stated(self.overruled?);
        Some(ProjectedColumn { column: Column { fits, ..self.column.clone() }, overruled: None, ..self.clone() })
    }
}

/// A column that a rule names and the table has, but not the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbsentColumn {
    /// The column as the table gets it.
    pub column: Column,
    /// Its headers or its place, for messages.
    pub shown: String,
    /// Rule by which it is known in the table.
    pub known_by: KnownBy,
}

/// The columns that are loaded, and the filter of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// The columns, in the table's words.
    pub columns: Vec<ProjectedColumn>,
    /// The filter with its columns, as the input has them.
    pub filter: Option<(Filter, Vec<ProjectedColumn>)>,
    /// Columns that the rules name and the input does not have.
    pub absent: Vec<AbsentColumn>,
}

/// Shapes an input's columns by the selection: the named ones in their order, and then the others.
///
/// # Errors
/// In words: a required column that is not there, or a filter over one that is not.
pub fn shape(input: &[Column], selection: &Selection, filter: Option<&Filter>) -> Result<Projection, String> {
    let (mut columns, mut absent) = (Vec::new(), Vec::new());
    let Selection { rules, drops_others, needs_all, notation } = selection;
    let plain = |place: usize| ProjectedColumn {
        column: input[place].clone(),
        place,
        notation: if input[place].name == EXTRA_COLUMN { Notation::default() } else { notation.clone() },
        format: None,
        iso: false,
        native: false,
        real: false,
        delimited: false,
        required: false,
        key: false,
        declared: false,
        overruled: None,
        kept: false,
        known_by: KnownBy::HEADER,
    };
    for rule in rules {
        let Some(place) = rule.place_in(input.iter().map(|column| (column.header.as_str(), column.name.as_str())))?
        else {
            if rule.required {
                return Err(format!("the required column {} is not in the file", rule.shown()));
            }
            if *needs_all {
                let there: Vec<_> = input.iter().map(|column| column.header.as_str()).collect();
                return Err(format!("no column {} comes; those that come are {}", rule.shown(), there.join(", ")));
            }
            let fits = rule.kind.map_or(Fits::ALL, Fits::stated);
            let header = rule.headers.first().cloned().unwrap_or_default();
            let column = Column { name: rule.table_name(), header, fits };
            absent.push(AbsentColumn { column, shown: rule.shown(), known_by: rule.known_by(None) });
            continue;
        };
        let found = &input[place];
        columns.push(ProjectedColumn {
            column: Column {
                name: rule.name.clone().unwrap_or_else(|| found.name.clone()),
                header: found.header.clone(),
                fits: rule.kind.map_or(found.fits, Fits::stated),
            },
            notation: rule.notation.clone(),
            format: rule.format.clone(),
            required: rule.required,
            declared: rule.kind.is_some(),
            known_by: rule.known_by(Some(&found.header)),
            ..plain(place)
        });
    }
    if columns.is_empty() && rules.is_empty() && input.is_empty() {
        return Err("the file has no columns".to_owned());
    }
    if columns.is_empty() && !rules.is_empty() {
        return Err("none of the plugin's columns is in the file".to_owned());
    }
    let names: Vec<_> = columns.iter().map(|one: &ProjectedColumn| &one.column.name).collect();
    if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(format!("two of the plugin's columns are called {name} in this file"));
    }
    let taken: Vec<_> = columns.iter().map(|one| one.place).collect();
    let others = (0..input.len()).filter(|place| !taken.contains(place));
    let absents = absent.iter().map(|one: &AbsentColumn| one.column.name.clone());
    let mut used: Vec<String> = columns.iter().map(|one| one.column.name.clone()).chain(absents).collect();
    let named = used.len();
    // The cells beyond a record's header are kept, whatever is left out.
    for place in others.filter(|place| !drops_others || input[*place].name == EXTRA_COLUMN) {
        let mut other = plain(place);
        if used[..named].contains(&other.column.name) {
            used.extend(input.iter().map(|column| column.name.clone()));
            other.column.name = unused(other.column.name, &used);
            used.push(other.column.name.clone());
        }
        columns.push(other);
    }
    let filter = match filter {
        None => None,
        Some(filter) => {
            let found = |name: &str| {
                let shaped = columns.iter().find(|one: &&ProjectedColumn| one.column.name == name).cloned();
                let raw = || input.iter().position(|column| column.name == name).map(plain);
                shaped.or_else(raw).ok_or_else(|| format!("filter: the file has no column {name}"))
            };
            let seen = filter.columns().into_iter().map(found).collect::<Result<Vec<_>, _>>()?;
            let kind = |name: &str| {
                let column = seen.iter().find(|one| one.column.name == name);
                column.map_or(Type::Text, |one| one.column.kind())
            };
            filter.check(&kind)?;
            Some((filter.clone(), seen))
        }
    };
    Ok(Projection { columns, filter, absent })
}

/// The name, or an unused one if another column was given it.
fn unused(name: String, used: &[String]) -> String {
    let mut all = used.to_vec();
    all.sort();
    all.dedup();
    all.push(name);
    column_names(&all, Some(JOINT)).pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> Vec<Column> {
        [("id", "Id"), ("first_name", "First Name"), ("price", "price")]
            .map(|(name, header)| Column { name: name.into(), header: header.into(), fits: Fits::TEXT })
            .into()
    }

    #[test]
    fn columns_are_taken_by_header_name_or_place() {
        let by = |header: &str| ColumnRule { headers: vec![header.into()], ..ColumnRule::default() };
        let named = ColumnRule { name: Some("first".into()), ..by("first_name") };
        let third = ColumnRule {
            place: Some(2),
            name: Some("cost".into()),
            kind: Some(Type::Numeric),
            ..ColumnRule::default()
        };
        let rules = vec![third, by("First Name"), named, by("absent")];
        let selection = Selection { rules, drops_others: true, ..Selection::default() };
        let found = shape(&input(), &selection, None).unwrap();
        let taken: Vec<_> =
            found.columns.iter().map(|one| (one.column.name.as_str(), one.place, one.column.kind())).collect();
        assert_eq!(taken, [("cost", 2, Type::Numeric), ("first_name", 1, Type::Text), ("first", 1, Type::Text)]);
        assert_eq!((found.absent.len(), found.absent[0].column.name.as_str()), (1, "absent"));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let rule = ColumnRule { headers: vec!["absent".into()], required: true, ..ColumnRule::default() };
        let selection = Selection { rules: vec![rule], ..Selection::default() };
        assert!(shape(&input(), &selection, None).unwrap_err().contains("\"absent\" is not in the file"));
        let filter = Filter::parse("nix > 1").unwrap();
        assert_eq!(
            shape(&input(), &Selection::default(), Some(&filter)).unwrap_err(),
            "filter: the file has no column nix"
        );
    }

    #[test]
    fn others_are_kept_under_names_of_their_own() {
        let rule = ColumnRule {
            headers: vec!["Key".into(), "price".into()],
            name: Some("id".into()),
            ..ColumnRule::default()
        };
        let selection = Selection { rules: vec![rule], ..Selection::default() };
        let found = shape(&input(), &selection, None).unwrap();
        let taken: Vec<_> = found.columns.iter().map(|one| (one.column.name.as_str(), one.place)).collect();
        assert_eq!(taken, [("id", 2), ("id_2", 0), ("first_name", 1)]);
    }

    #[test]
    fn a_file_with_two_headers_of_one_column_is_refused() {
        let rule = ColumnRule { headers: vec!["Id".into(), "price".into()], ..ColumnRule::default() };
        let selection = Selection { rules: vec![rule], ..Selection::default() };
        assert!(shape(&input(), &selection, None).unwrap_err().contains("both \"Id\" and \"price\""));
    }
}
