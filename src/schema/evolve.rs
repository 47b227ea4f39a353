//! How a staging table grows: a later file may bring new columns and wider values. Nothing is cut, nothing refused.

use super::{Column, types::Fits};

/// The table after a file, and what has to change for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evolution {
    /// The table's columns afterwards: those it had, in their order, then the new ones.
    pub columns: Vec<Column>,
    /// For each of the file's columns its place in `columns`.
    pub places: Vec<usize>,
    /// Places of the columns that are new.
    pub added: Vec<usize>,
    /// Places of the columns that fewer types fit now, with those that fitted before.
    pub narrowed: Vec<(usize, Fits)>,
}

impl Evolution {
    /// Of the columns that fewer types fit, those that get another type.
    pub fn widened(&self) -> impl Iterator<Item = (usize, Fits)> + '_ {
        let kind = |place: usize| self.columns[place].kind();
        self.narrowed.iter().copied().filter(move |(place, before)| before.narrowest() != kind(*place))
    }
}

/// Brings a table's columns and a file's together, matched by name.
pub fn evolve(table: &[Column], file: &[Column]) -> Evolution {
    let mut columns = table.to_vec();
    let (mut places, mut added, mut narrowed) = (Vec::with_capacity(file.len()), Vec::new(), Vec::new());
    for column in file {
        let known = columns.iter().position(|one| one.name == column.name);
        let place = known.unwrap_or(columns.len());
        places.push(place);
        if known.is_none() {
            columns.push(column.clone());
            added.push(place);
            continue;
        }
        let before = columns[place].fits;
        let after = before.and(column.fits);
        columns[place].fits = after;
        if before != after {
            narrowed.push((place, before));
        }
    }
    Evolution { columns, places, added, narrowed }
}

#[cfg(test)]
mod tests {
    use super::super::Type;
    use super::*;

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
