//! Rows as text, and the reading of their cells by type.

use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::WarehouseError;

/// A row as text, as both engines write it: `true`, `2020-01-31 10:00:00+00`, a double's shortest digits; NULL is
/// `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Row(Vec<Option<String>>);

impl Row {
    /// The cell at a place, counted from 0, as a value of this type: `Option` for one that may be NULL.
    ///
    /// # Errors
    /// [`WarehouseError::Unreadable`], if there is no such cell, or another value in it.
    pub fn get<T: Cell>(&self, at: usize) -> Result<T, WarehouseError> {
        let cell = self.0.get(at).ok_or_else(|| self.unreadable(at, "a cell"))?;
        T::read(cell.as_deref()).ok_or_else(|| self.unreadable(at, T::EXPECTED))
    }

    /// The text of the cell at a place; `None` for NULL, and where there is no such cell.
    pub fn text(&self, at: usize) -> Option<&str> {
        self.0.get(at)?.as_deref()
    }

    /// The cell at a place, read as JSON.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn json<T: DeserializeOwned>(&self, at: usize) -> Result<T, WarehouseError> {
        let text: String = self.get(at)?;
        serde_json::from_str(&text).map_err(|_| self.unreadable(at, "JSON of another form"))
    }

    fn unreadable(&self, at: usize, expected: &str) -> WarehouseError {
        let found = self.0.get(at).map_or("nothing", |cell| cell.as_deref().unwrap_or("NULL"));
        WarehouseError::Unreadable(format!("cell {} holds {found:.100}, where {expected} is expected", at + 1))
    }
}

/// A value that a cell can be read as.
pub trait Cell: Sized {
    /// The value in words, for errors.
    const EXPECTED: &'static str;

    /// The value; `None` if the cell holds another one.
    fn read(cell: Option<&str>) -> Option<Self>;
}

impl Cell for String {
    const EXPECTED: &'static str = "a text";

    fn read(cell: Option<&str>) -> Option<Self> {
        cell.map(str::to_owned)
    }
}

impl Cell for i64 {
    const EXPECTED: &'static str = "a whole number";

    fn read(cell: Option<&str>) -> Option<Self> {
        cell?.parse().ok()
    }
}

impl Cell for u64 {
    const EXPECTED: &'static str = "a count";

    fn read(cell: Option<&str>) -> Option<Self> {
        cell?.parse().ok()
    }
}

impl<T: Cell> Cell for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read(cell: Option<&str>) -> Option<Self> {
        match cell {
            None => Some(None),
            some => T::read(some).map(Some),
        }
    }
}

impl From<Vec<Option<String>>> for Row {
    fn from(cells: Vec<Option<String>>) -> Self {
        Row(cells)
    }
}

impl PartialEq<Vec<Option<String>>> for Row {
    fn eq(&self, other: &Vec<Option<String>>) -> bool {
        self.0 == *other
    }
}

impl<const N: usize> TryFrom<Row> for [Option<String>; N] {
    type Error = Vec<Option<String>>;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        row.0.try_into()
    }
}

impl FromIterator<Option<String>> for Row {
    fn from_iter<I: IntoIterator<Item = Option<String>>>(cells: I) -> Self {
        Row(cells.into_iter().collect())
    }
}

impl IntoIterator for Row {
    type Item = Option<String>;
    type IntoIter = std::vec::IntoIter<Option<String>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Row {
    type Item = &'a Option<String>;
    type IntoIter = std::slice::Iter<'a, Option<String>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Deref for Row {
    type Target = Vec<Option<String>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Row {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        [Some("7"), Some("x"), None, Some("[\"a\"]")].into_iter().map(|cell| cell.map(str::to_owned)).collect()
    }

    #[test]
    fn cells_are_read_by_their_types() {
        let row = row();
        assert_eq!(row.get::<i64>(0).unwrap(), 7);
        assert_eq!(row.get::<String>(1).unwrap(), "x");
        assert_eq!(row.get::<Option<u64>>(2).unwrap(), None);
        assert_eq!(row.get::<Option<u64>>(0).unwrap(), Some(7));
        assert_eq!(row.json::<Vec<String>>(3).unwrap(), ["a"]);
    }

    #[test]
    fn another_value_is_an_error_and_no_default() {
        let row = row();
        let said = |error: WarehouseError| {
            assert!(error.is_transient());
            error.to_string()
        };
        assert!(said(row.get::<i64>(1).unwrap_err()).contains("cell 2 holds x, where a whole number is expected"));
        assert!(said(row.get::<i64>(2).unwrap_err()).contains("cell 3 holds NULL"));
        assert!(said(row.get::<Option<u64>>(1).unwrap_err()).contains("cell 2 holds x"));
        assert!(said(row.get::<String>(4).unwrap_err()).contains("cell 5 holds nothing"));
        assert!(said(row.json::<Vec<i64>>(3).unwrap_err()).contains("cell 4 holds [\"a\"]"));
    }
}
