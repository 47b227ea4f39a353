//! Names of several levels, each written out over every column, as programs that group their columns write them.

use super::alike::is_amount;
use super::header::{is_stated, is_step, is_value, nearly_all};
use super::null_words::is_null_word;
use crate::format::csv::sampled::Sampled;

/// Records that are looked at below the names.
const LOOKED_AT: usize = 200;

/// The rows of a header in which a name, a year or a day stands over two neighbouring columns and the row below it tells
/// them apart by words, all of these over values; the first or a third row may name the first columns alone. `None` for
/// any other header.
pub(super) fn levels(table: &[Sampled<'_>], width: usize) -> Option<usize> {
    let [groups, names, below @ ..] = table else { return None };
    let is_word = |cell: &str| !cell.trim().is_empty() && !is_value(cell) && !is_null_word(cell) && !is_stated(cell);
    if groups.cells.len() != width || names.cells.len() != width {
        return None;
    }
    let is_group = |cell: &str| {
        !cell.trim().is_empty()
            && !is_null_word(cell)
            && (is_step(cell) || (!is_value(cell) && cell.contains(char::is_alphabetic)))
    };
    let from = names.cells.iter().take_while(|cell| cell.is_empty()).count();
    if !groups.cells[..from].iter().all(|cell| cell.is_empty() || is_word(cell)) {
        return None;
    }
    let columns = from..width;
    let pairs: Vec<_> = columns.clone().map(|place| (&*groups.cells[place], &*names.cells[place])).collect();
    let is_repeated = pairs.windows(2).any(|two| two[0].0 == two[1].0);
    let are_apart = (1..pairs.len()).all(|at| !pairs[..at].contains(&pairs[at]));
    if !pairs.iter().all(|(group, name)| is_group(group) && is_word(name)) || !is_repeated || !are_apart {
        return None;
    }
    let is_index = |row: &Sampled<'_>| {
        let (index, rest) = row.cells.split_at(from.min(row.cells.len()));
        from > 0 && index.iter().all(|cell| is_word(cell)) && rest.iter().all(|cell| cell.is_empty())
    };
    let rows = if below.first().is_some_and(is_index) { 3 } else { 2 };
    let records = table.get(rows..)?;
    let is_of_values = |place: usize| {
        let cells = records.iter().take(LOOKED_AT).filter_map(|record| record.cells.get(place)).map(|cell| &**cell);
        let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty() && !is_null_word(cell)).collect();
        !cells.is_empty() && nearly_all(&cells, |cell| is_value(cell) || is_amount(cell))
    };
    columns.into_iter().all(is_of_values).then_some(rows)
}
