//! Bytes in memory as a source: what tests load, and the proof that the trait is small.

use async_trait::async_trait;

use super::{Source, SourceError, Survey};
use crate::format::csv::Reader;
use crate::format::{Chunk, Format, Stated, survey};

/// The bytes of a CSV.
pub struct MemorySource {
    name: String,
    bytes: Vec<u8>,
    reader: Option<Reader<std::io::Cursor<Vec<u8>>>>,
}

impl MemorySource {
    /// Bytes called `name` in the ledger.
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        MemorySource { name: name.to_owned(), bytes: bytes.into(), reader: None }
    }
}

#[async_trait]
impl Source for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn survey(&mut self) -> Result<Survey, SourceError> {
        Ok(survey(Format::Csv, || Ok(self.bytes.as_slice()), &Stated::default())?.into())
    }

    async fn next_batch(&mut self) -> Result<Option<Chunk>, SourceError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::open(std::io::Cursor::new(self.bytes.clone()), &Stated::default())?,
        };
        Ok(self.reader.insert(reader).next_chunk()?)
    }

    async fn ack(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
