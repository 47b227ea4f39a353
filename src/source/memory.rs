//! Bytes in memory as a source: an input for tests, and the proof that the trait is small.

use std::collections::VecDeque;

use async_trait::async_trait;

use super::{Profile, Source, SourceError};
use crate::format::{Format, Input, ReadOptions, each_chunk, profile};
use crate::record::Chunk;

/// The bytes of a CSV.
pub struct MemorySource {
    name: String,
    bytes: Vec<u8>,
    chunks: Option<VecDeque<Chunk>>,
}

impl MemorySource {
    /// Source of bytes, called `name` in the ledger.
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        MemorySource { name: name.to_owned(), bytes: bytes.into(), chunks: None }
    }

    fn input(&self) -> Input {
        Input::Bytes(Box::new(std::io::Cursor::new(self.bytes.clone())))
    }
}

#[async_trait]
impl Source for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn profile(&mut self) -> Result<Profile, SourceError> {
        Ok(profile(Format::Csv, || Ok(self.input()), &ReadOptions::default())?.into())
    }

    async fn next_batch(&mut self) -> Result<Option<Chunk>, SourceError> {
        if self.chunks.is_none() {
            let layout = self.profile().await?.layout;
            let mut chunks = VecDeque::new();
            each_chunk(self.input(), &layout, [], |chunk| {
                chunks.push_back(chunk);
                true
            })?;
            self.chunks = Some(chunks);
        }
        Ok(self.chunks.as_mut().and_then(VecDeque::pop_front))
    }

    async fn ack(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
