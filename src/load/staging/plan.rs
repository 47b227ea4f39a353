//! Plan of an input's columns in its table: the column of each, and its type afterwards.

use super::super::LoadError;
use crate::dataset::Dataset;
use crate::format::ExpectedTypes;
use crate::schema::{Column, Evolution, KnownBy, ProjectedColumn, Projection, Type, evolve, known_places};
use crate::source::Profile;

/// Plan of an input's columns in its table.
pub(crate) struct Plan {
    /// The loaded columns, in the table's types.
    pub(crate) shape: Projection,
    /// The changes of the table's columns.
    pub(crate) evolution: Evolution,
}

impl Plan {
    /// Plan by the input's profile and the table's known columns.
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
            let stated = one.column.kind();
            one.column = evolution.columns[*place].clone();
            one.overruled = Some(stated).filter(|stated| one.declared && *stated != one.column.kind());
        }
        dataset.require_key(&mut shape).map_err(LoadError::Shape)?;
        Ok(Plan { shape, evolution })
    }

    /// The types that the values decide, of the columns and of those in the filter.
    pub(crate) fn held(&self) -> Vec<ExpectedTypes> {
        let filtered = self.shape.filter.iter().flat_map(|(_, columns)| columns);
        let by_values = self.shape.columns.iter().chain(filtered).filter(|one| !one.declared && !one.kept);
        by_values.map(|one| (one.place, one.column.fits)).collect()
    }

    /// The columns whose stated types the table's overrule, in words: a line that says what to do.
    pub(crate) fn overruled(&self, dataset: &Dataset, shown: &str) -> Option<String> {
        let widened: Vec<_> = self.evolution.widened().map(|(place, _)| place).collect();
        let one = |(shaped, place): (&ProjectedColumn, &usize)| {
            let verb = if widened.contains(place) { "becomes" } else { "stays" };
            let Column { name, .. } = &shaped.column;
            Some(format!("{name} {verb} {}, not {}", shaped.column.kind(), shaped.overruled?))
        };
        let columns: Vec<_> = self.shape.columns.iter().zip(&self.evolution.places).filter_map(one).collect();
        let Dataset { plugin, table, .. } = dataset;
        (!columns.is_empty()).then(|| {
            format!(
                "{shown} has values from before the plugin {plugin} stated their types: {}. What is not of the \
                 stated type is rejected all the same. For the stated types: app drop {table}, then drop its files in again",
                columns.join("; ")
            )
        })
    }

    /// True if rows in the one's columns are as the other's have them.
    pub(crate) fn is_like(&self, other: &Plan) -> bool {
        let kinds = |plan: &Plan| -> Vec<_> {
            let table = plan.evolution.columns.iter().map(Column::kind);
            let filtered = plan.shape.filter.iter().flat_map(|(_, columns)| columns);
            table.chain(filtered.map(|one| one.column.kind())).collect()
        };
        self.evolution.places == other.evolution.places && kinds(self) == kinds(other)
    }
}

/// The file's columns and those that its plugin names beside them, with the rules by which they are known in the table.
fn columns_of(shape: &Projection) -> (Vec<Column>, Vec<KnownBy>) {
    let absent = shape.absent.iter().map(|one| (one.column.clone(), one.known_by.clone()));
    let present = shape.columns.iter().map(|one| (one.column.clone(), one.known_by.clone()));
    present.chain(absent).unzip()
}

/// Points the filter to the columns with its names in the table; `names` are the table's names of the shape's columns.
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

/// Keeps the type of numbers and truths in a notation that a plugin states for the whole file: values in another
/// notation are refused. A text column of both would be of two kinds.
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
