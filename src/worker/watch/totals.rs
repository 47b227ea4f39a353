//! The counts of one run, over all its files.

use serde::Serialize;

use crate::load::LoadReport;

/// The outcomes of the files of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Files whose rows are in staging.
    pub loaded: u64,
    /// Files whose content had been loaded before.
    pub duplicates: u64,
    /// Files in `failed/`.
    pub failed: u64,
    /// Files that wait to be tried again.
    pub waiting: u64,
    /// Records read, including those of duplicates.
    pub rows_read: u64,
    /// Rows in staging.
    pub rows_loaded: u64,
    /// Records rejected.
    pub rows_rejected: u64,
    /// Records of contents that were loaded before.
    pub rows_duplicate: u64,
    /// Records that a plugin's filter leaves out.
    pub rows_filtered: u64,
    /// Loads that the database has lost and nobody has said to know of.
    #[serde(skip)]
    pub lost: u64,
}

impl Totals {
    pub(super) fn count(&mut self, report: &LoadReport) {
        match report.duplicate_of {
            Some(_) => self.duplicates += 1,
            None => self.loaded += 1,
        }
        self.rows_read += report.books.read;
        self.rows_loaded += report.books.loaded;
        self.rows_rejected += report.books.rejected;
        self.rows_duplicate += report.books.duplicate;
        self.rows_filtered += report.books.filtered;
    }
}
