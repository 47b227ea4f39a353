//! Which input goes into which table, and how it is read and shaped on the way.

pub mod plugin;

use serde::Deserialize;

use crate::archive::OnSuccess;
use crate::format::{Footer, Layout, ReadOptions};
use crate::schema::{Filter, Fits, Projection, shape, table_name};
use crate::source::Profile;

/// One staging table and what feeds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dataset {
    /// The staging table, without its schema.
    pub table: String,
    /// What is known of how its files are written, and which columns are taken.
    pub stated: ReadOptions,
    /// Which rows are kept.
    pub filter: Option<Filter>,
    /// What happens to the rows of earlier loads.
    pub mode: Mode,
    /// The columns that tell a row from another, where later rows take the place of earlier ones.
    pub key: Vec<String>,
    /// What becomes of a content that the table has already.
    pub duplicates: Duplicates,
    /// How many rejects a load may have.
    pub max_rejects: Option<Limit>,
    /// What becomes of a file whose rows are committed, where somebody says so.
    pub on_success: Option<OnSuccess>,
    /// The plugin that says so, and the files that it claims; empty where nobody says anything.
    pub plugin: String,
    /// The globs of the files that the plugin claims.
    pub files: Vec<String>,
}

/// What happens to the rows of earlier loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They stay.
    #[default]
    Append,
    /// They go: a file is the whole truth.
    Replace,
    /// Those whose key comes again make way for the new ones.
    Upsert,
}

/// What becomes of a content that the table has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// It is not loaded again. Where later rows take the place of earlier ones, it is if another file came between.
    #[default]
    Skip,
    /// It is.
    Load,
}

/// How many rejects a load may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// This many.
    Count(u64),
    /// This share of the rows read, in percent.
    Percent(f64),
}

impl Limit {
    /// Whether so many rejects are too many.
    pub fn is_exceeded(self, rejected: u64, read: u64) -> bool {
        match self {
            Limit::Count(most) => rejected > most,
            Limit::Percent(share) => rejected as f64 > read as f64 * share / 100.0,
        }
    }
}

impl Dataset {
    /// The dataset of a file that nobody has said anything about: a table named after it.
    pub fn of_file(name: &str) -> Dataset {
        Dataset { table: table_name(name), ..Dataset::default() }
    }

    /// Whether a content that comes again adds its rows once more.
    pub(crate) fn adds_repeats(&self) -> bool {
        self.duplicates == Duplicates::Load && self.mode == Mode::Append
    }

    /// The columns that are loaded of an input, and which of its rows.
    ///
    /// # Errors
    /// In words: a required column or one of the key that is not there, or a filter over one that is not.
    pub fn shape(&self, profile: &Profile) -> Result<Projection, String> {
        let mut shape = self.shape_without_key(profile)?;
        self.require_key(&mut shape)?;
        Ok(shape)
    }

    /// As [`Dataset::shape`], before it is known which columns are those of the key.
    ///
    /// # Errors
    /// As [`Dataset::shape`].
    pub(crate) fn shape_without_key(&self, profile: &Profile) -> Result<Projection, String> {
        let is_delimited = matches!(profile.layout, Layout::Csv(_) | Layout::Excel(_));
        if self.stated.footer != Footer::None && !is_delimited {
            return Err("footer: only delimited text and sheets have lines below their records".to_owned());
        }
        let mut shape = shape(&profile.columns, &self.stated.selection, self.filter.as_ref())?;
        // Sheets and Parquet have real days and moments, whatever a plugin says of how they are written; they and JSON have real numbers.
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

    /// A row without its key could be any row.
    ///
    /// # Errors
    /// In words, where a column of the key is not there.
    pub(crate) fn require_key(&self, shape: &mut Projection) -> Result<(), String> {
        for key in &self.key {
            let Some(column) = shape.columns.iter_mut().find(|one| one.column.name == *key) else {
                return Err(format!("key: the file has no column {key}"));
            };
            column.required = true;
        }
        Ok(())
    }
}
