//! Commas within the cells that another delimiter separates, and other delimiters within the cells between commas.

use super::alike::is_amount;
use super::header::is_value;
use crate::format::csv::split::Sampled;

/// True if each comma of a line belongs to one of the cells that this delimiter ends: a blank follows it, it stands in a
/// number or between two with decimals, or within quotes.
pub(super) fn has_own_commas(line: &[u8], delimiter: u8) -> bool {
    let (mut start, mut quoted) = (0, false);
    for (at, byte) in line.iter().enumerate() {
        match *byte {
            b'"' if quoted || at == start => quoted = !quoted,
            byte if byte == delimiter && !quoted => start = at + 1,
            b',' if !quoted && line.get(at + 1) != Some(&b' ') => {
                let end = memchr::memchr(delimiter, &line[at..]).map_or(line.len(), |length| at + length);
                let cell = std::str::from_utf8(&line[start..end]).unwrap_or_default().trim().trim_end_matches('-');
                let is_decimal = |part: &str| part.contains('.') && is_value(part);
                if !is_amount(cell) && !cell.split(',').all(is_decimal) {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

/// The column in which alone the byte stands: between things of one kind, or beside two columns and more.
pub(super) fn list_between<'r, 's: 'r>(records: impl Iterator<Item = &'r Sampled<'s>>, byte: u8) -> Option<usize> {
    let (mut places, mut is_of_kind, mut width) = (Vec::new(), true, 0);
    for record in records {
        width = width.max(record.cells.len());
        for (place, cell) in record.cells.iter().enumerate().filter(|(_, cell)| cell.as_bytes().contains(&byte)) {
            let mut kinds = cell.split(char::from(byte)).map(is_value);
            let first = kinds.next();
            is_of_kind &= kinds.all(|kind| Some(kind) == first);
            places.push(place);
        }
    }
    places.sort_unstable();
    places.dedup();
    match places.as_slice() {
        [place] if width > 2 || is_of_kind => Some(*place),
        _ => None,
    }
}
