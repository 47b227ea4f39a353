//! How an input's columns go into those of its table: which is which, and of which type they are afterwards.

use super::super::LoadError;
use crate::dataset::Dataset;
use crate::format::ExpectedTypes;
use crate::schema::{Column, Evolution, KnownBy, ProjectedColumn, Projection, Type, evolve, known_places};
use crate::source::Profile;

/// How an input's columns go into the table.
pub(crate) struct Plan {
    /// What is loaded, the columns in the table's types.
    pub(crate) shape: Projection,
    /// What becomes of the table's columns.
    pub(crate) evolution: Evolution,
}

impl Plan {
    /// By what is known of the input and of the table's columns.
    pub(crate) fn of(dataset: &Dataset, profile: &Profile, known: &[Column]) -> Result<Plan, LoadError> {
        let mut shape = dataset.shape_without_key(profile).map_err(LoadError::Shape)?;
        let (columns, by) = columns_of(&shape);
        let places = known_places(known, &columns, &by);
        for (one, place) in shape.columns.iter_mut().zip(&places) {
            place.iter().for_each(|place| keep_notated(one, &known[*place]));
        }
        let mut evolution = evolve(known, &columns_of(&shape).0, &places);
        evolution.places.truncate(shape.columns.len());
        let names: Vec<_> = evolution.places.iter().map(|place| evolution.columns[*place].name.as_str()).collect();
        filter_by_names(&mut shape, &names).map_err(LoadError::Shape)?;
        for (one, place) in shape.columns.iter_mut().zip(&evolution.places) {
            one.column = evolution.columns[*place].clone();
        }
        dataset.require_key(&mut shape).map_err(LoadError::Shape)?;
        Ok(Plan { shape, evolution })
    }

    /// What the values decide, of the columns and of those that the filter looks at.
    pub(crate) fn held(&self) -> Vec<ExpectedTypes> {
        let filtered = self.shape.filter.iter().flat_map(|(_, columns)| columns);
        let by_values = self.shape.columns.iter().chain(filtered).filter(|one| !one.declared && !one.kept);
        by_values.map(|one| (one.place, one.column.fits)).collect()
    }

    /// Whether rows that were brought into the one's columns are as the other's have them.
    pub(crate) fn is_like(&self, other: &Plan) -> bool {
        let kinds = |plan: &Plan| -> Vec<_> {
            let table = plan.evolution.columns.iter().map(Column::kind);
            let filtered = plan.shape.filter.iter().flat_map(|(_, columns)| columns);
            table.chain(filtered.map(|one| one.column.kind())).collect()
        };
        self.evolution.places == other.evolution.places && kinds(self) == kinds(other)
    }
}

/// The columns that the file has and those that its plugin names beside them, and how they are known in the table.
fn columns_of(shape: &Projection) -> (Vec<Column>, Vec<KnownBy>) {
    let absent = shape.absent.iter().map(|one| (one.column.clone(), one.known_by.clone()));
    let present = shape.columns.iter().map(|one| (one.column.clone(), one.known_by.clone()));
    present.chain(absent).unzip()
}

/// A filter looks at the columns that have its names in the table: those of the shape's are `names` there.
fn filter_by_names(shape: &mut Projection, names: &[&str]) -> Result<(), String> {
    let Projection { columns, filter: Some((filter, seen)), .. } = shape else { return Ok(()) };
    for one in seen.iter_mut() {
        match names.iter().position(|name| *name == one.column.name) {
            Some(at) if columns[at].place == one.place => {}
            Some(at) => {
                let name = std::mem::take(&mut one.column.name);
                *one = columns[at].clone();
                one.column.name = name;
            }
            None if columns.iter().any(|column| column.place == one.place && column.column.name == one.column.name) => {
                let Column { name, header, .. } = &one.column;
                return Err(format!(
                    "filter: the file has no column {name}: {header:?} is another one than the table's"
                ));
            }
            None => {}
        }
    }
    let kind = |name: &str| seen.iter().find(|one| one.column.name == name).map_or(Type::Text, |one| one.column.kind());
    filter.check(&kind)
}

/// Numbers and truths that are written as a plugin says for the whole file stay what they are: what is not written so is refused. Text of
/// both would be of two kinds.
fn keep_notated(shaped: &mut ProjectedColumn, before: &Column) {
    let is_any = |kinds: &[Type]| kinds.iter().any(|kind| shaped.column.fits.has(*kind));
    let numbers = [Type::Bigint, Type::Numeric, Type::Double];
    let contradicts = match before.kind() {
        kind if numbers.contains(&kind) => shaped.notation.number.is_some() && !is_any(&numbers),
        Type::Boolean => shaped.notation.truth.is_some() && !is_any(&[Type::Boolean]),
        _ => false,
    };
    if contradicts && !shaped.declared {
        shaped.column.fits = before.fits;
        shaped.kept = true;
    }
}
