//! The tables and the pairs of words between the blank lines of a sample.

use super::above::is_run_of_pairs;
use crate::format::csv::sampled::Sampled;

/// A table within a sample: records of one width, with blank lines around them.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) width: usize,
    pub(super) records: usize,
}

/// The records between blank lines, without the titles above them.
fn blocks<'r, 's>(records: &'r [Sampled<'s>]) -> impl Iterator<Item = &'r [Sampled<'s>]> {
    records.chunk_by(|_, next| !next.after_blank).map(|block| {
        let titles = block.iter().take_while(|record| record.cells.len() == 1).count();
        &block[titles..]
    })
}

/// The number of words and their values that stand one below the other.
pub(super) fn pairs(records: &[Sampled<'_>]) -> usize {
    let is_pair = |record: &&Sampled<'_>| record.cells.len() > 1;
    blocks(records).filter(|block| is_run_of_pairs(block)).flatten().filter(is_pair).count()
}

/// The tables among the records, one for each width: blocks between blank lines of more than one record, all of one
/// width.
pub(super) fn tables(records: &[Sampled<'_>]) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    for block in blocks(records) {
        let width = block.first().map_or(1, |record| record.cells.len());
        let filled = |record: &Sampled<'_>| record.cells.iter().filter(|cell| !cell.is_empty()).count() > 1;
        let even = block.len() > 1
            && block.iter().all(|record| record.cells.len() == width && filled(record))
            && !is_run_of_pairs(block);
        match found.iter_mut().find(|known| known.width == width) {
            Some(known) if even => known.records += block.len(),
            None if even => found.push(Block { width, records: block.len() }),
            _ => {}
        }
    }
    found
}
