//! Datasets: the table of an input, and the options by which it is read and shaped.

pub mod destination;
pub mod plugin;
pub mod pull_since;
pub mod pull_source;

use serde::Deserialize;

use self::destination::Destination;
use crate::archive::OnSuccess;
use crate::format::{Footer, Layout, ReadOptions};
use crate::schema::{Filter, Fits, Projection, shape, table_name};
use crate::source::Profile;

/// One staging table with the options of its inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dataset {
    /// Staging table, without its schema.
    pub table: String,
    /// Stated options of its files' format, and the columns that are taken.
    pub stated: ReadOptions,
    /// Filter of the rows.
    pub filter: Option<Filter>,
    /// Mode of loading: the fate of earlier loads' rows.
    pub mode: Mode,
    /// Key columns, by which later rows replace earlier ones.
    pub key: Vec<String>,
    /// Columns of the key in which NULL is a value like others: what is pulled says null on purpose.
    pub optional_key: Vec<String>,
    /// Rule for a content that the table has already.
    pub duplicates: Duplicates,
    /// Limit of rejects of a load.
    pub max_rejects: Option<Limit>,
    /// Rule for a file whose rows are committed, if stated.
    pub on_success: Option<OnSuccess>,
    /// Plugin that states all this; empty if none does.
    pub plugin: String,
    /// Globs of the files that the plugin claims.
    pub files: Vec<String>,
    /// Other database that the rows go to; `None` for the project's own.
    pub destination: Option<Destination>,
}

/// Mode of loading: the fate of earlier loads' rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Earlier rows stay.
    #[default]
    Append,
    /// Earlier rows are deleted: a file is the whole truth.
    Replace,
    /// Earlier rows are replaced by new ones with the same key.
    Upsert,
}

/// Rule for a content that the table has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// Skip it. With [`Mode::Upsert`] it is loaded again if another file came between.
    #[default]
    Skip,
    /// Load it again.
    Load,
}

/// Limit of rejects of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// A count.
    Count(u64),
    /// A share of the rows read, in percent.
    Percent(f64),
}

impl Limit {
    /// True if so many rejects are too many.
    pub fn is_exceeded(self, rejected: u64, read: u64) -> bool {
        match self {
            Limit::Count(most) => rejected > most,
            Limit::Percent(share) => rejected as f64 > read as f64 * share / 100.0,
        }
    }
}

impl Dataset {
    /// Dataset of a file without a plugin: a table named after it.
    pub fn of_file(name: &str) -> Dataset {
        Dataset { table: table_name(name), ..Dataset::default() }
    }

    /// True if a content that comes again adds its rows once more.
    pub(crate) fn adds_repeats(&self) -> bool {
        self.duplicates == Duplicates::Load && self.mode == Mode::Append
    }

    /// Shapes an input: the columns that are loaded, and the filter of its rows.
    ///
    /// # Errors
    /// In words: a required column or one of the key that is not there, or a filter over one that is not.
    pub fn shape(&self, profile: &Profile) -> Result<Projection, String> {
        let mut shape = self.shape_without_key(profile)?;
        self.require_key(&mut shape)?;
        Ok(shape)
    }

    /// As [`Dataset::shape`], before the columns of the key are known.
    ///
    /// # Errors
    /// As [`Dataset::shape`].
    pub(crate) fn shape_without_key(&self, profile: &Profile) -> Result<Projection, String> {
        let is_delimited = matches!(profile.layout, Layout::Csv(_) | Layout::Excel(_));
        if self.stated.footer != Footer::None && !is_delimited {
            return Err("footer: only delimited text and sheets have lines below their records".to_owned());
        }
        let mut shape = shape(&profile.columns, &self.stated.selection, self.filter.as_ref())?;
        // Sheets and Parquet have real days and moments, whatever a plugin states; they and JSON have real numbers.
        let iso = matches!(profile.layout, Layout::Excel(_) | Layout::Parquet);
        let (native, real) = (iso || matches!(profile.layout, Layout::Json(_)), profile.layout == Layout::Parquet);
        let filtered = shape.filter.iter_mut().flat_map(|(_, columns)| columns);
        for column in shape.columns.iter_mut().chain(filtered) {
            (column.iso, column.native, column.real, column.delimited) = (iso, native, real, is_delimited);
            let is_typed = profile.columns.get(column.place).is_some_and(|found| found.fits != Fits::TEXT);
            if real && is_typed {
                (column.notation.number, column.notation.truth) = (None, None);
            }
        }
        Ok(shape)
    }

    /// Requires the key's columns: a row without its key could be any row.
    ///
    /// # Errors
    /// In words, if a column of the key is missing.
    pub(crate) fn require_key(&self, shape: &mut Projection) -> Result<(), String> {
        for key in &self.key {
            let Some(column) = shape.columns.iter_mut().find(|one| one.column.name == *key) else {
                return Err(format!("key: the file has no column {key}"));
            };
            column.required |= !self.optional_key.contains(key);
            column.key = self.mode == Mode::Upsert;
        }
        Ok(())
    }
}
