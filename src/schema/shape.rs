//! From the columns that an input has to those that are loaded: taken, named, typed, emptied, filtered.

use super::types::Fits;
use super::{Column, EXTRA_COLUMN, Filter, Type};

/// What is said of one column before the input is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnRule {
    /// Its header, or the name that the header gives it.
    pub header: Option<String>,
    /// Its place, from 0.
    pub place: Option<usize>,
    /// What it is called in the table; what its header says where this is absent.
    pub name: Option<String>,
    /// Its type; what its values say where this is absent.
    pub kind: Option<Type>,
    /// How its days or times are written (chrono's `%d.%m.%Y`).
    pub format: Option<String>,
    /// Words that stand for NULL.
    pub null: Vec<String>,
    /// Whether an input without it fails, and a row with NULL in it is refused.
    pub required: bool,
}

impl ColumnRule {
    /// Whether it speaks of the column with this header, which gets this name, at this place.
    pub fn is_of(&self, header: &str, name: &str, place: usize) -> bool {
        match &self.header {
            Some(wanted) => header == wanted || name == wanted,
            None => self.place == Some(place),
        }
    }

    fn shown(&self) -> String {
        match (&self.header, self.place) {
            (Some(header), _) => format!("{header:?}"),
            (None, place) => format!("number {}", place.unwrap_or(0) + 1),
        }
    }
}

/// A column that is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shaped {
    /// The column as the table gets it.
    pub column: Column,
    /// Where its cells stand in the records, from 0.
    pub place: usize,
    /// Words that stand for NULL.
    pub null: Vec<String>,
    /// How its days or times are written.
    pub format: Option<String>,
    /// Whether a row with NULL in it is refused.
    pub required: bool,
}

/// The columns that are loaded, and which rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The columns, in the table's words.
    pub columns: Vec<Shaped>,
    /// The filter with the places of the columns it looks at.
    pub filter: Option<(Filter, Vec<(String, usize)>)>,
}

/// Shapes an input's columns by the rules; all of them, as they are, where there is no rule.
///
/// # Errors
/// In words: a required column that is not there, or a filter over one that is not.
pub fn shape(input: &[Column], rules: &[ColumnRule], filter: Option<&Filter>) -> Result<Shape, String> {
    let mut columns = Vec::new();
    let plain =
        |place: usize| Shaped { column: input[place].clone(), place, null: Vec::new(), format: None, required: false };
    if rules.is_empty() {
        columns.extend((0..input.len()).map(plain));
    }
    // What a record has beyond its header is kept whatever the rules take.
    let surplus = input.iter().position(|column| column.name == EXTRA_COLUMN).filter(|_| !rules.is_empty());
    for rule in rules {
        let Some(place) = (0..input.len()).find(|place| rule.is_of(&input[*place].header, &input[*place].name, *place))
        else {
            if rule.required {
                return Err(format!("the required column {} is not in the file", rule.shown()));
            }
            continue;
        };
        let found = &input[place];
        columns.push(Shaped {
            column: Column {
                name: rule.name.clone().unwrap_or_else(|| found.name.clone()),
                header: found.header.clone(),
                fits: rule.kind.map_or(found.fits, |kind| Fits::of(&[kind])),
            },
            place,
            null: rule.null.clone(),
            format: rule.format.clone(),
            required: rule.required,
        });
    }
    if columns.is_empty() {
        return Err("none of the plugin's columns is in the file".to_owned());
    }
    columns.extend(surplus.map(plain));
    let filter = match filter {
        None => None,
        Some(filter) => {
            let place = |name: &str| {
                let shaped = columns.iter().find(|one: &&Shaped| one.column.name == name).map(|one| one.place);
                let raw = || input.iter().position(|column| column.name == name);
                let place = shaped.or_else(raw).ok_or_else(|| format!("filter: the file has no column {name}"))?;
                Ok::<_, String>((name.to_owned(), place))
            };
            let places = filter.columns().into_iter().map(place).collect::<Result<_, _>>()?;
            Some((filter.clone(), places))
        }
    };
    Ok(Shape { columns, filter })
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
        let by = |header: &str| ColumnRule { header: Some(header.into()), ..ColumnRule::default() };
        let third = ColumnRule {
            place: Some(2),
            name: Some("cost".into()),
            kind: Some(Type::Numeric),
            ..ColumnRule::default()
        };
        let shape = shape(&input(), &[third, by("First Name"), by("first_name"), by("absent")], None).unwrap();
        let taken: Vec<_> =
            shape.columns.iter().map(|one| (one.column.name.as_str(), one.place, one.column.kind())).collect();
        assert_eq!(taken, [("cost", 2, Type::Numeric), ("first_name", 1, Type::Text), ("first_name", 1, Type::Text)]);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let rule = ColumnRule { header: Some("absent".into()), required: true, ..ColumnRule::default() };
        assert!(shape(&input(), &[rule], None).unwrap_err().contains("\"absent\" is not in the file"));
        let filter = Filter::parse("nix > 1").unwrap();
        assert_eq!(shape(&input(), &[], Some(&filter)).unwrap_err(), "filter: the file has no column nix");
    }
}
