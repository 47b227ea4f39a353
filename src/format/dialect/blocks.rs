//! The tables and the pairs of words between the blank lines of a sample.

use super::above::{extent, filled, is_run_of_pairs, is_text};
use super::header::{has_digit, is_value, names, nearly_all};
use super::units::is_unit;
use crate::format::csv::sampled::Sampled;

/// Words and their values in a block, at most, if one of them has a unit.
const MAX_LINES: usize = 20;

/// Records of a table above its total, at least, its header among them.
const LEAST_ABOVE_TOTAL: usize = 2;

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
    blocks(records).filter(|block| is_run(block)).flatten().filter(is_pair).count()
}

/// True if a block is a few words and their values, some of them with a unit behind the value: `Balance, 1.50, EUR`.
pub(super) fn is_run(block: &[Sampled<'_>]) -> bool {
    let (text, others): (Vec<_>, Vec<_>) = block.iter().partition(|record| is_text(record));
    let is_alike = others.is_empty() || (block.len() <= MAX_LINES && others.len() < text.len());
    is_run_of_pairs(block) || (is_alike && !others.is_empty() && others.into_iter().all(is_pair_with_unit))
}

/// True for a word, its value and the unit of this.
fn is_pair_with_unit(record: &Sampled<'_>) -> bool {
    let is_currency = |cell: &str| cell.len() == 3 && cell.bytes().all(|byte| byte.is_ascii_uppercase());
    extent(record) == 3
        && filled(record) == 3
        && !is_value(&record.cells[0])
        && has_digit(&record.cells[1])
        && (is_unit(record.cells[2].trim()) || is_currency(record.cells[2].trim()))
}

/// True if the last block between blank lines is a header of three names or more over records of its width, below
/// blocks of text and of words and their values.
pub(super) fn is_below_pairs(records: &[Sampled<'_>]) -> bool {
    let all: Vec<_> = records.chunk_by(|_, next| !next.after_blank).collect();
    let Some(([head, rest @ ..], above)) = all.split_last() else { return false };
    let width = head.cells.len();
    let pairs: Vec<_> = above.iter().flat_map(|block| block.iter()).filter(|record| filled(record) > 1).collect();
    let values: Vec<&str> = pairs.iter().map(|pair| &*pair.cells[1]).collect();
    width > 2
        && names(&head.cells)
        && !rest.is_empty()
        && rest.iter().all(|record| record.cells.len() == width)
        && pairs.len() > 1
        && above.iter().all(|block| is_run(block))
        && !nearly_all(&values, is_value)
}

/// The tables among the records, one for each width: blocks between blank lines of more than one record, all of one
/// width.
pub(super) fn tables(records: &[Sampled<'_>]) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    for block in blocks(records) {
        let width = block.first().map_or(1, |record| record.cells.len());
        let filled = |record: &Sampled<'_>| record.cells.iter().filter(|cell| !cell.is_empty()).count() > 1;
        // The last record may be a total, alone in its column.
        let is_total = |at: usize, record: &Sampled<'_>| {
            at > LEAST_ABOVE_TOTAL && at + 1 == block.len() && record.cells[0].is_empty()
        };
        let is_even = |(at, record): (usize, &Sampled<'_>)| {
            record.cells.len() == width && (filled(record) || is_total(at, record))
        };
        let even = block.len() > 1 && block.iter().enumerate().all(is_even) && !is_run(block);
        match found.iter_mut().find(|known| known.width == width) {
            Some(known) if even => known.records += block.len(),
            None if even => found.push(Block { width, records: block.len() }),
            _ => {}
        }
    }
    found
}
