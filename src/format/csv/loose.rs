//! Lines with quotes that are not doubled, cut once more. Works on a buffer, keeps nothing.

use memchr::{memchr, memchr_iter};

use super::split::{blanks, offset, texts};
use crate::format::dialect::{Dialect, NO_DELIMITER};
use crate::record::Cell;

/// Cuts the line that ends before `end` once more, if a quote in it is not doubled: a quote opens a cell at its start
/// and closes it only before a delimiter or the line's end; the cell may hold quotes, but none right behind a
/// delimiter. Gives the number of cells that begin with a quote which is only a letter. There are two ways to read `""`
/// before a delimiter: the one that gives `width` cells is taken; `None` if neither does, or both.
pub(super) fn loosely(
    buffer: &[u8],
    start: usize,
    end: usize,
    dialect: &Dialect,
    width: usize,
    cells: &mut Vec<Cell>,
    side: &mut Vec<u8>,
) -> Option<usize> {
    let quote = dialect.quote?;
    if !dialect.widths.is_empty() || dialect.delimiter == NO_DELIMITER {
        return None;
    }
    let ways = [true, false].map(|closes| {
        let (mut cells, mut side) = (Vec::new(), Vec::new());
        let letters = loose_cells(&buffer[..end], start, buffer.len(), dialect, quote, closes, &mut cells, &mut side);
        (cells, side, letters)
    });
    let fits = |(cells, _, _): &(Vec<Cell>, Vec<u8>, usize)| match cells.get(width..) {
        Some([last]) => dialect.ends_delimited && last.null,
        beyond => beyond.is_some_and(<[_]>::is_empty),
    };
    let texts = |way: &(Vec<Cell>, Vec<u8>, usize)| -> Vec<Vec<u8>> {
        let text = |cell: &Cell| match (cell.start as usize).checked_sub(buffer.len()) {
            Some(from) if cell.start != cell.end => way.1[from..cell.end as usize - buffer.len()].to_vec(),
            _ => buffer[cell.start as usize..cell.end as usize].to_vec(),
        };
        way.0.iter().map(text).collect()
    };
    let [one, other] = &ways;
    let way = match (fits(one), fits(other)) {
        (true, true) if texts(one) != texts(other) => return None,
        (true, _) => one,
        (false, true) => other,
        (false, false) => return None,
    };
    let shift = offset(side.len());
    for cell in &way.0 {
        let at_side = cell.start as usize >= buffer.len() && cell.start != cell.end;
        let shift = if at_side { shift } else { 0 };
        cells.push(Cell { start: cell.start + shift, end: cell.end + shift, null: cell.null });
    }
    side.extend_from_slice(&way.1);
    Some(way.2)
}

/// Cuts the cells of one line; `base` is the start of the side. `closes` says that the last of two quotes before a
/// delimiter closes the cell.
#[expect(clippy::too_many_arguments, reason = "what `loosely` tries twice")]
fn loose_cells(
    line: &[u8],
    start: usize,
    base: usize,
    dialect: &Dialect,
    quote: u8,
    closes: bool,
    cells: &mut Vec<Cell>,
    side: &mut Vec<u8>,
) -> usize {
    let delimiter = dialect.delimiter;
    let (mut at, mut letters) = (start, 0);
    let blanks = |place: usize| if dialect.padded { blanks(&line[place..], delimiter) } else { 0 };
    let ends = |place: usize| line.get(place + blanks(place)).is_none_or(|byte| *byte == delimiter);
    // A quote behind a blank is text if nothing closes it: but not the first of two that stand in different cells.
    let mut dangling = false;
    loop {
        if dialect.spaced && at > start && line.get(at) == Some(&b' ') {
            at += 1;
        }
        let mut stop = None;
        let open = at + blanks(at);
        if line.get(open) == Some(&quote) {
            let run = |place: usize| line[open + 1..=place].iter().rev().take_while(|byte| **byte == quote).count();
            let closing = |place: &usize| line[*place] == quote && ends(place + 1) && (closes || run(*place) % 2 == 1);
            // A quote that opens another cell behind a delimiter ends the search: only that very one may close this cell.
            for place in open + 1..line.len() {
                #[cfg(test)]
                tests::visit();
                if closing(&place) {
                    stop = Some(place);
                    break;
                }
                let behind = place + 1 + if line[place] == delimiter { blanks(place + 1) } else { 0 };
                if line[place] == delimiter && line.get(behind) == Some(&quote) {
                    stop = Some(behind).filter(closing);
                    break;
                }
            }
            letters += usize::from(stop.is_none() && open == at);
        }
        let next = match stop {
            Some(stop) => {
                let (from, to) = (open + 1, stop);
                let text = &line[from..to];
                if text.windows(2).any(|pair| pair == [quote, quote]) {
                    let begin = side.len();
                    let mut rest = text.iter().copied().peekable();
                    while let Some(byte) = rest.next() {
                        side.push(byte);
                        if byte == quote && rest.peek() == Some(&quote) {
                            rest.next();
                        }
                    }
                    cells.push(Cell { start: offset(base + begin), end: offset(base + side.len()), null: false });
                } else {
                    cells.push(Cell { start: offset(from), end: offset(to), null: false });
                }
                stop + 1 + blanks(stop + 1)
            }
            None => {
                let next = memchr(delimiter, &line[at..]).map_or(line.len(), |length| at + length);
                let quotes = memchr_iter(quote, &line[at..next]).count();
                letters += usize::from(dangling && quotes > 0);
                dangling |= open > at && line.get(open) == Some(&quote) && quotes % 2 == 1;
                cells.push(Cell { start: offset(at), end: offset(next), null: at == next });
                next
            }
        };
        if next >= line.len() {
            return letters;
        }
        at = next + 1;
    }
}

/// The cells of one line that has a quote too many, if there are `width` of them ([`loosely`]).
pub(in crate::format) fn loose_line(line: &[u8], dialect: &Dialect, width: usize) -> Option<Vec<String>> {
    let (mut cells, mut side) = (Vec::new(), Vec::new());
    loosely(line, 0, line.len(), dialect, width, &mut cells, &mut side)?;
    Some(texts(line, &side, &cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static VISITED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    /// Counts a byte that the search for a closing quote looks at.
    pub(super) fn visit() {
        VISITED.set(VISITED.get() + 1);
    }

    #[test]
    fn no_byte_of_a_line_is_searched_for_each_quote_anew() {
        const SIGNS: [u8; 4] = *b"\",x ";
        // All words of one to five signs, each repeated into a line.
        let mut words = vec![Vec::new()];
        for length in 0..5 {
            let longer: Vec<_> = words.iter().filter(|word: &&Vec<u8>| word.len() == length).cloned().collect();
            words.extend(longer.iter().flat_map(|word| SIGNS.map(|sign| [word.as_slice(), &[sign]].concat())));
        }
        for padded in [false, true] {
            let dialect = Dialect { padded, ..Dialect::plain(b',') };
            for word in words.iter().filter(|word| !word.is_empty()) {
                let line = word.repeat(400 / word.len());
                VISITED.set(0);
                loose_line(&line, &dialect, usize::MAX);
                // Both ways of reading it look at each byte once.
                let (visited, word) = (VISITED.get(), word.escape_ascii());
                assert!(visited <= 2 * line.len(), "{word} repeated: {visited} looks at {} bytes", line.len());
            }
        }
    }
}
