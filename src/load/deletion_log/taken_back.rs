//! The loads that were taken out of a database on purpose: a restored one is not to have them back unasked, and one that
//! it has again is told.

use std::io;

use super::record::Line;
use super::{DeletionLog, DeletionRecord};
use crate::catalog::Catalog;
use crate::source::random;
use crate::warehouse::WarehouseError;

/// A retraction in the log, which is void if it does not happen.
#[derive(Debug)]
pub struct Noted(String);

impl DeletionLog {
    /// Notes that a load is about to be retracted; `None` where the folder has no notes at all.
    ///
    /// # Errors
    /// Notes that cannot be written: after a restore the load would come back.
    pub fn note_retraction(&self, load: DeletionRecord) -> io::Result<Option<Noted>> {
        let retracted = DeletionRecord { note: random(), ..load };
        let noted = Noted(retracted.name());
        Ok(self.note(Line::Retracted { retracted })?.then_some(noted))
    }

    /// Notes that a retraction did not happen.
    ///
    /// # Errors
    /// Notes that cannot be written: the load is told to be there again.
    pub fn void(&self, noted: Noted) -> io::Result<()> {
        self.append(&[Line::Stays { stays: vec![noted.0] }])
    }

    /// Removes a load that was retracted once more from the list of losses.
    ///
    /// # Errors
    /// A list that cannot be written.
    pub fn retracted_again(&self, load: &DeletionRecord) -> io::Result<()> {
        let Some(mut left) = self.listed() else { return Ok(()) };
        let before = left.len();
        left.retain(|one| !(one.retracted && one.is_same_load(load)));
        if left.len() == before { Ok(()) } else { self.list(&left) }
    }

    /// Notes that a staging table was dropped in the database of this identity; false where the folder has no notes.
    ///
    /// # Errors
    /// Notes that cannot be written: after a restore the files of its loads come back that were kept.
    pub fn note_drop(&self, table: &str, catalog: Option<String>) -> io::Result<bool> {
        self.note(Line::Dropped { dropped: table.to_owned(), of: catalog })
    }

    /// The staging tables of the catalog's database that were dropped, and whose loads are there again: an older state of it
    /// was restored.
    ///
    /// # Errors
    /// A ledger that cannot be asked.
    pub async fn dropped_again(&self, catalog: &Catalog) -> Result<Vec<String>, WarehouseError> {
        let here = catalog.identity().await?;
        let dropped = self.read().dropped.into_iter().filter(|(_, of)| here.is_some() && *of == here);
        let mut there = Vec::new();
        for (table, _) in dropped {
            if catalog.has_loads(&table).await? {
                there.push(table);
            }
        }
        there.sort();
        Ok(there)
    }

    fn note(&self, line: Line) -> io::Result<bool> {
        match self.open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
            Ok(_) => self.append(&[line]).map(|()| true),
        }
    }
}
