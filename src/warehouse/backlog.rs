//! Rows that wait for a slow reader, in the order in which they came: in unnamed temporary files, of which one is read
//! while the next one is written. Memory holds one batch at a time, and what was read takes no room.

use std::io;
use std::path::PathBuf;

use tokio::task::block_in_place;

use super::batch::Batch;
use super::spool::Spool;
use super::{Row, WarehouseError};

/// The rows behind those that were sent.
pub(super) struct Backlog {
    /// The folder of the files.
    folder: PathBuf,
    read: Option<Box<dyn Iterator<Item = io::Result<Row>> + Send>>,
    written: Option<Spool>,
}

impl Backlog {
    pub(super) fn new(folder: PathBuf) -> Backlog {
        Backlog { folder, read: None, written: None }
    }

    /// True if no row waits; one that says false may have none left all the same.
    pub(super) fn is_empty(&self) -> bool {
        self.read.is_none() && self.written.is_none()
    }

    /// Appends rows.
    ///
    /// # Errors
    /// [`WarehouseError::Unavailable`] if the file cannot be written.
    pub(super) fn put(&mut self, batch: Batch) -> Result<(), WarehouseError> {
        let kept = block_in_place(|| {
            let file = match &mut self.written {
                Some(file) => file,
                none => none.insert(Spool::create(&self.folder)?),
            };
            batch.into_iter().try_for_each(|row| file.put(&row))
        });
        kept.map_err(|error| self.no_file(&error))
    }

    /// Takes the first rows, a batch at most; none if no row is left.
    ///
    /// # Errors
    /// [`WarehouseError::Unavailable`] if the file cannot be read.
    pub(super) fn take(&mut self) -> Result<Batch, WarehouseError> {
        let mut batch = Batch::default();
        let taken = block_in_place(|| {
            while let Some(row) = self.next()? {
                if batch.push(&row) {
                    break;
                }
            }
            Ok(())
        });
        taken.map_err(|error| self.no_file(&error))?;
        Ok(batch)
    }

    fn next(&mut self) -> io::Result<Option<Row>> {
        loop {
            if let Some(row) = self.read.as_mut().and_then(Iterator::next) {
                return row.map(Some);
            }
            self.read = None;
            let Some(mut file) = self.written.take() else { return Ok(None) };
            self.read = Some(Box::new(file.rows()?));
        }
    }

    fn no_file(&self, error: &io::Error) -> WarehouseError {
        let folder = self.folder.display();
        WarehouseError::Unavailable(format!("the rest of a slow reader's result cannot be kept in {folder}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_their_order_whenever_they_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut backlog = Backlog::new(folder.path().join("new"));
        let rows = |numbers: std::ops::Range<u32>| -> Vec<Row> {
            numbers.map(|n| [Some(n.to_string())].into_iter().collect()).collect()
        };
        let batch = |rows: &[Row]| {
            let mut batch = Batch::default();
            for row in rows {
                batch.push(row);
            }
            batch
        };
        let (mut put, mut taken) = (rows(0..10_000), Vec::new());
        assert!(backlog.is_empty() && backlog.take().unwrap().rows() == 0);
        for (at, some) in put.chunks(700).enumerate() {
            backlog.put(batch(some)).unwrap();
            if at % 3 == 2 {
                taken.extend(backlog.take().unwrap());
            }
        }
        assert!(taken.len() > 1_000 && !backlog.is_empty());
        while !backlog.is_empty() {
            taken.extend(backlog.take().unwrap());
        }
        assert_eq!(taken, put);
        // Nothing is left behind, and more may come.
        put = rows(0..3);
        backlog.put(batch(&put)).unwrap();
        assert_eq!(backlog.take().unwrap(), batch(&put));
        assert!(backlog.is_empty());
    }
}
