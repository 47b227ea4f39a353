//! A Parquet file whose rows are decoded, in a process of its own if there is one: the decoder sends the columns as
//! JSON or the rows as a stream of Arrow's.

use std::fs::File;
use std::io::{self, Read};

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_schema::ArrowError;

use super::container::reopen;
use super::decoder::{Ask, Decoding, What};
use super::limits::{Limits, Meter};
use super::parquet::{ParquetRows, ParquetTable, narrowed};
use super::{Digest, FormatError};
use crate::record::Columns;
use crate::record::{Chunk, Records};

/// A Parquet file, unpacked.
pub struct Rows {
    file: File,
    limits: Limits,
    /// The meter of decoded bytes.
    meter: Meter,
}

impl Rows {
    pub(super) fn new(file: File, limits: Limits, meter: Meter) -> Rows {
        Rows { file, limits, meter }
    }

    /// The identity of the file's bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn digest(&self) -> io::Result<Digest> {
        Digest::of(reopen(&self.file)?)
    }

    /// The columns, each with the types that all its values fit. Damage in the file is seen here only if `whole` lets
    /// everything be decoded.
    ///
    /// # Errors
    /// When the file is no Parquet, is damaged or holds a type that is not read.
    pub fn table(&self, whole: bool) -> Result<ParquetTable, FormatError> {
        let Some(decoder) = self.limits.decoder else {
            return narrowed(reopen(&self.file)?, self.limits.ratio, whole);
        };
        let what = What::Parquet(Ask::Table { whole });
        let mut decoding = Decoding::start(what, reopen(&self.file)?, decoder, self.limits)?;
        let table = decoding.next_head()?.unwrap_or_default();
        let table = serde_json::from_slice(&table).map_err(io::Error::from)?;
        decoding.next_head()?;
        Ok(table)
    }

    /// Decodes all rows, until `sink` says stop.
    ///
    /// # Errors
    /// As [`Rows::table`]; and when more comes out than allowed.
    pub fn each_chunk(&self, mut sink: impl FnMut(Chunk) -> bool) -> Result<(), FormatError> {
        let (mut number, size) = (1, self.file.metadata()?.len() as usize);
        let mut given = |batch: RecordBatch| {
            let rows = batch.num_rows();
            // The rows of a file take about as many bytes each; their number is not known here.
            let columns = Columns::new(batch, number, size.min(rows * 64))
                .map_err(|kind| FormatError::Refused(format!("a column of {kind} is not read")))?;
            number += rows as u64;
            Ok::<_, FormatError>(sink(Chunk { records: Records::of_columns(columns), ..Chunk::default() }))
        };
        let Some(decoder) = self.limits.decoder else {
            let (mut rows, _) = ParquetRows::open(reopen(&self.file)?, self.limits.ratio)?;
            while let Some(batch) = rows.next_batch()? {
                if !given(batch)? {
                    break;
                }
            }
            return Ok(());
        };
        let decoding = Decoding::start(What::Parquet(Ask::Rows), reopen(&self.file)?, decoder, self.limits)?;
        let mut reader = StreamReader::try_new(self.meter.read(decoding), None).map_err(broken)?;
        for batch in &mut reader {
            if !given(batch.map_err(broken)?)? {
                return Ok(());
            }
        }
        // A decoder that ended badly has more to say.
        io::copy(&mut reader.get_mut().by_ref(), &mut io::sink())?;
        Ok(())
    }
}

/// The decoder's error, or the reason why it could not be heard.
fn broken(error: ArrowError) -> FormatError {
    match error {
        ArrowError::IoError(_, error) => error.into(),
        other => FormatError::Archive(format!("the Parquet file is damaged or not read: {other}")),
    }
}
