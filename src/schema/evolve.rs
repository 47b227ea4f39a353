//! Evolution of a staging table: a later file may bring new columns and wider values. Nothing is cut, nothing refused.

use super::Column;
use super::header::namesake;
use super::name::{asked_name, numbered_name};
use super::types::Fits;

/// The table after a file, and the changes that lead to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evolution {
    /// The table's columns afterwards: those it had, in their order, then the new ones.
    pub columns: Vec<Column>,
    /// The place in `columns` of each of the file's columns.
    pub places: Vec<usize>,
    /// Places of the columns that are new.
    pub added: Vec<usize>,
    /// Places of new columns, with those of columns whose headers ask for the same name and are others.
    pub apart: Vec<(usize, usize)>,
    /// Places of the columns that fewer types fit now, with those that fitted before.
    pub narrowed: Vec<(usize, Fits)>,
}

impl Evolution {
    /// Columns that get another type, because fewer types fit.
    pub fn widened(&self) -> impl Iterator<Item = (usize, Fits)> + '_ {
        let kind = |place: usize| self.columns[place].kind();
        self.narrowed.iter().copied().filter(move |(place, before)| before.narrowest() != kind(*place))
    }
}

/// Merges a file's columns into a table's; `known` has the place of each in the table, as `known_places` gives it.
pub fn evolve(table: &[Column], file: &[Column], known: &[Option<usize>]) -> Evolution {
    let mut evolution = Evolution { columns: table.to_vec(), ..Evolution::default() };
    let Evolution { columns, places, added, apart, narrowed } = &mut evolution;
    for (column, known) in file.iter().zip(known) {
        let place = known.unwrap_or(columns.len());
        places.push(place);
        if known.is_none() {
            let name = unused(column, columns, file);
            columns.push(Column { name, ..column.clone() });
            added.push(place);
            apart.extend(namesake(table, column).map(|other| (place, other)));
            continue;
        }
        let before = columns[place].fits;
        let after = before.and(column.fits);
        columns[place].fits = after;
        if before != after {
            narrowed.push((place, before));
        }
    }
    evolution
}

/// The name, or with the next number if the table has a column of it, whose header is another one.
fn unused(column: &Column, table: &[Column], file: &[Column]) -> String {
    let is_used = |name: &str| table.iter().any(|one| one.name == name);
    if !is_used(&column.name) {
        return column.name.clone();
    }
    let asked = asked_name(&column.header, &column.name).unwrap_or_else(|| column.name.clone());
    numbered_name(&asked, |name| is_used(name) || file.iter().any(|one| one.name == name))
}

#[cfg(test)]
mod tests {
    use super::super::{KnownBy, Type, known_places};
    use super::*;

    fn evolve(table: &[Column], file: &[Column]) -> Evolution {
        super::evolve(table, file, &known_places(table, file, &vec![KnownBy::HEADER; file.len()]))
    }

    fn column(name: &str, types: &[Type]) -> Column {
        Column { name: name.to_owned(), header: name.to_owned(), fits: Fits::of(types) }
    }

    #[test]
    fn new_columns_come_last_and_types_only_widen() {
        let table = [column("id", &[Type::Bigint, Type::Numeric]), column("name", &[])];
        let file = [column("price", &[Type::Numeric]), column("id", &[Type::Numeric])];
        let evolution = evolve(&table, &file);
        let names: Vec<_> = evolution.columns.iter().map(|one| (one.name.as_str(), one.kind())).collect();
        assert_eq!(names, [("id", Type::Numeric), ("name", Type::Text), ("price", Type::Numeric)]);
        assert_eq!(evolution.places, [2, 0]);
        assert_eq!(evolution.added, [2]);
        assert_eq!(evolution.widened().collect::<Vec<_>>(), [(0, table[0].fits)]);
    }

    #[test]
    fn a_header_keeps_the_column_that_it_got_first() {
        let headed = |name: &str, header: &str| Column { header: header.to_owned(), ..column(name, &[]) };
        let table = [headed("id", "id"), headed("price_", "price €"), headed("price__2", "price $")];
        let places = |file: &[Column]| evolve(&table, file).places;
        assert_eq!(
            places(&[headed("id", "id"), headed("price_", "price $"), headed("price__2", "price €")]),
            [0, 2, 1]
        );
        assert_eq!(places(&[headed("price_", "price $")]), [2]);
        // Another header of the name is its column's, unless that column has a header of its own in the file.
        assert_eq!(places(&[headed("price_", "Price €")]), [1]);
        let evolution = evolve(
            &table,
            &[headed("price_", "price £"), headed("price__2", "price €"), headed("price__3", "price $")],
        );
        assert_eq!(evolution.places, [3, 1, 2]);
        let name = &evolution.columns[3].name;
        assert!(!table.iter().any(|one| one.name == *name), "{name}");
        let numbers = [headed("field_0", "Field: 0"), headed("field_0_2", "Field 0")];
        let file = [headed("field_0", "Field 0"), headed("field_0_2", "Field: 0")];
        assert_eq!(evolve(&numbers, &file).places, [1, 0]);
        // Headers that a plugin has renamed are matched by their names.
        assert_eq!(places(&[headed("cost", "price €"), headed("id", "price $")]), [3, 0]);
    }

    #[test]
    fn a_narrower_file_changes_nothing() {
        let table = [column("code", &[])];
        let evolution = evolve(&table, &[column("code", &[Type::Bigint])]);
        assert_eq!((evolution.added.len(), evolution.narrowed.len()), (0, 0));
        assert_eq!(evolution.columns[0].kind(), Type::Text);
    }

    #[test]
    fn a_column_that_was_empty_takes_the_type_of_its_first_values() {
        let table = [Column { name: "n".into(), header: "n".into(), fits: Fits::ALL }];
        let evolution = evolve(&table, &[column("n", &[Type::Bigint, Type::Numeric])]);
        assert_eq!(evolution.columns[0].kind(), Type::Bigint);
        assert_eq!(evolution.widened().count(), 1);
    }
}
