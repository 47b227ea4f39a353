//! Headings over several columns each, whose names below repeat: `Sales;;Costs;` over `Qty;Price;Qty;Price`.

use std::borrow::Cow;

use super::alike::is_amount;
use super::header::{is_stated, is_value, nearly_all};
use super::null_words::is_null_word;

/// True if the row has two headings or more, each over the empty cell to its right too, and the next row names all
/// columns, one of them under two headings and some over values.
pub(super) fn is_row_of_headings(row: &[Cow<'_, str>], below: &[&[Cow<'_, str>]], width: usize) -> bool {
    let Some((names, records)) = below.split_first() else { return false };
    let is_word = |cell: &str| !cell.trim().is_empty() && !is_value(cell) && !is_null_word(cell) && !is_stated(cell);
    let heads: Vec<usize> = (0..row.len()).filter(|place| !row[*place].is_empty()).collect();
    let is_over_two = |place: &usize| {
        is_word(&row[*place]) && place + 1 < width && row.get(place + 1).is_none_or(|next| next.is_empty())
    };
    if heads.len() < 2
        || !heads.iter().all(is_over_two)
        || names.len() != width
        || !names.iter().all(|cell| is_word(cell))
    {
        return false;
    }
    let ends = heads.iter().skip(1).copied().chain([width]);
    let groups: Vec<&[Cow<'_, str>]> = heads.iter().zip(ends).map(|(from, to)| &names[*from..to]).collect();
    let repeats = groups[1..].iter().any(|group| group.iter().any(|name| groups[0].contains(name)));
    let is_of_values = |place: usize| {
        let cells = records.iter().take(50).filter_map(|record| record.get(place)).map(|cell| &**cell);
        let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty() && !is_null_word(cell)).collect();
        !cells.is_empty() && nearly_all(&cells, |cell| is_value(cell) || is_amount(cell))
    };
    repeats && (heads[0]..width).any(is_of_values)
}
