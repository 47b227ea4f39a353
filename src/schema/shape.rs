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
    /// The place of the column that it speaks of among an input's columns, each with its header and the name that the header gives it. A
    /// header goes before a name.
    ///
    /// # Errors
    /// In words, where several columns have the header.
    pub fn place_in<'a>(
        &self,
        columns: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Result<Option<usize>, String> {
        let Some(wanted) = &self.header else {
            return Ok(self.place.filter(|place| *place < columns.count()));
        };
        let headed: Vec<_> = columns.clone().enumerate().filter(|(_, (header, _))| header == wanted).collect();
        match headed.as_slice() {
            [] => Ok(columns.enumerate().find(|(_, (_, name))| name == wanted).map(|(place, _)| place)),
            [(place, _)] => Ok(Some(*place)),
            several => {
                let places: Vec<_> = several.iter().map(|(place, _)| (place + 1).to_string()).collect();
                Err(format!("several columns are headed {wanted:?}: say from: {}", places.join(" or from: ")))
            }
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
    /// Whether days and times may be written in ISO 8601 besides the format: as they are where a sheet has real ones.
    pub iso: bool,
    /// Whether its doubles come from doubles, so that the words `NaN`, `Infinity` and `-Infinity` are values of theirs.
    pub real: bool,
    /// Whether a row with NULL in it is refused.
    pub required: bool,
    /// Whether its type is stated, whatever its values are.
    pub declared: bool,
}

/// The columns that are loaded, and which rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The columns, in the table's words.
    pub columns: Vec<Shaped>,
    /// The filter with the columns it looks at, as the input has them.
    pub filter: Option<(Filter, Vec<Shaped>)>,
    /// Columns that the rules name and the input does not have.
    pub absent: Vec<String>,
}

/// Shapes an input's columns by the rules; all of them, as they are, where there is no rule.
///
/// # Errors
/// In words: a required column that is not there, or a filter over one that is not.
pub fn shape(input: &[Column], rules: &[ColumnRule], filter: Option<&Filter>) -> Result<Shape, String> {
    let (mut columns, mut absent) = (Vec::new(), Vec::new());
    let plain = |place: usize| Shaped {
        column: input[place].clone(),
        place,
        null: Vec::new(),
        format: None,
        iso: false,
        real: false,
        required: false,
        declared: false,
    };
    if rules.is_empty() {
        columns.extend((0..input.len()).map(plain));
    }
    // What a record has beyond its header is kept whatever the rules take.
    let surplus = input.iter().position(|column| column.name == EXTRA_COLUMN).filter(|_| !rules.is_empty());
    for rule in rules {
        let Some(place) = rule.place_in(input.iter().map(|column| (column.header.as_str(), column.name.as_str())))?
        else {
            if rule.required {
                return Err(format!("the required column {} is not in the file", rule.shown()));
            }
            absent.push(rule.shown());
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
            iso: false,
            real: false,
            required: rule.required,
            declared: rule.kind.is_some(),
        });
    }
    if columns.is_empty() && rules.is_empty() {
        return Err("the file has no columns".to_owned());
    }
    if columns.is_empty() {
        return Err("none of the plugin's columns is in the file".to_owned());
    }
    columns.extend(surplus.map(plain));
    let filter = match filter {
        None => None,
        Some(filter) => {
            let found = |name: &str| {
                let shaped = columns.iter().find(|one: &&Shaped| one.column.name == name).cloned();
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
    Ok(Shape { columns, filter, absent })
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
