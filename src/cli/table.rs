//! Tables for people: on a terminal no wider than it, by columns that wrap, and that go where they matter least; in a pipe plain text
//! as wide as what is in it.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::screen::{self, Tone, coloured, wrapped};
use crate::text::heard;
use crate::text::secrets::{hidden, hide_in};
use crate::text::shown::shown;

/// Data longer than this is cut: a table is to be read, the whole value is in the export or the catalog.
const LETTERS: usize = 60;

/// Columns of the terminal that a column of text keeps, where it has so many, and as long as others can go instead.
const READABLE: usize = 16;

/// Columns of the terminal up to which a text is not broken, as long as others can go instead: a moment is one.
const SHORT: usize = 20;

/// Columns of the terminal below which a column of text is not read any more.
const LEAST: usize = 4;

/// A header, and how soon its column goes where a terminal is too narrow for all: 0 stays, the highest goes first.
pub(super) type Column<'a> = (&'a str, usize);

/// Prints rows under these headers; columns of nothing but numbers to the right.
pub(super) fn print(columns: &[Column], rows: &[Vec<String>]) -> io::Result<()> {
    print_toned(columns, rows, |_, _| None)
}

/// Prints rows, of which some cells have a tone, by their header and text.
pub(super) fn print_toned(
    columns: &[Column],
    rows: &[Vec<String>],
    tone: impl Fn(&str, &str) -> Option<Tone>,
) -> io::Result<()> {
    let clean = |text: &String| shown(&hidden(text)).into_owned();
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(clean).collect()).collect();
    let headers: Vec<_> = columns.iter().map(|(name, _)| shown(&hidden(name)).into_owned()).collect();
    let ranks: Vec<_> = columns.iter().map(|(_, rank)| *rank).collect();
    let needs: Vec<_> = (0..columns.len()).map(|at| Need::of(&headers[at], ranks[at], &rows, at)).collect();
    let mut out = heard::stdout();
    let Some(width) = screen::width() else { return write!(out, "{}", plain(&headers, &rows, &needs)) };
    let widths = fitted(&needs, width);
    let frame = Frame { needs: &needs, widths: &widths };
    let line = |left, fill: &str, cross, right| frame.line(left, fill, cross, right);
    writeln!(out, "{}", line("┌", "─", "┬", "┐"))?;
    write!(out, "{}", frame.row(&headers, |_| None))?;
    writeln!(out, "{}", line("╞", "═", "╪", "╡"))?;
    for row in &rows {
        write!(out, "{}", frame.row(row, |at| tone(&headers[at], &row[at])))?;
    }
    writeln!(out, "{}", line("└", "─", "┴", "┘"))?;
    let left = (0..columns.len()).filter(|at| widths[*at].is_none() && !needs[*at].is_empty);
    let left: Vec<_> = left.map(|at| headers[at].as_str()).collect();
    if !left.is_empty() {
        let left = left.join(", ");
        writeln!(screen::toned(Tone::Aside), "no room at {width} columns for: {left}")?;
    }
    Ok(())
}

/// The room that a column needs.
#[derive(Debug, PartialEq)]
struct Need {
    /// Columns of the terminal for its widest text.
    natural: usize,
    /// Columns of the terminal that it is to have where it is shown.
    least: usize,
    /// See [`Column`].
    rank: usize,
    is_number: bool,
    /// All its cells are empty or 0.
    is_empty: bool,
}

impl Need {
    fn of(header: &str, rank: usize, rows: &[Vec<String>], at: usize) -> Need {
        let cells = || rows.iter().filter_map(|row| row.get(at)).map(String::as_str);
        let is_number = !rows.is_empty() && cells().all(|text| text.is_empty() || text.parse::<f64>().is_ok());
        let texts = || cells().chain([header]);
        let natural = texts().map(UnicodeWidthStr::width).max().unwrap_or_default();
        let word = texts().flat_map(|text| text.split(' ')).map(UnicodeWidthStr::width).max().unwrap_or_default();
        let least = if is_number || natural <= SHORT { natural } else { word.min(READABLE) };
        Need { natural, least, rank, is_number, is_empty: cells().all(|text| matches!(text, "" | "0")) }
    }
}

/// The width that each column gets, so that all of them and their borders are at most as wide as the terminal; none where it has no room.
fn fitted(needs: &[Need], width: usize) -> Vec<Option<usize>> {
    let mut kept: Vec<_> = (0..needs.len()).collect();
    let total =
        |kept: &[usize], need: fn(&Need) -> usize| 1 + kept.iter().map(|at| need(&needs[*at]) + 3).sum::<usize>();
    let go = |kept: &mut Vec<usize>, may: &dyn Fn(&Need) -> bool| {
        let last = (0..kept.len()).filter(|at| may(&needs[kept[*at]])).max_by_key(|at| needs[kept[*at]].rank);
        last.map(|at| kept.remove(at)).is_some()
    };
    // A column that says nothing goes before any text is broken.
    while total(&kept, |need| need.natural) > width && go(&mut kept, &|need| need.rank > 0 && need.is_empty) {}
    while total(&kept, |need| need.least) > width && go(&mut kept, &|need| need.rank > 0) {}
    // Numbers are never broken.
    let floor = |need: &Need| if need.is_number { need.least } else { need.least.min(LEAST) };
    while total(&kept, floor) > width && kept.len() > 1 {
        kept.pop();
    }
    let mut widths = vec![None; needs.len()];
    let least = total(&kept, |need| need.least) <= width;
    kept.iter().for_each(|at| widths[*at] = Some(if least { needs[*at].least } else { floor(&needs[*at]) }));
    let used = 1 + widths.iter().flatten().map(|one| one + 3).sum::<usize>();
    if used > width {
        return widths.into_iter().map(|one| one.map(|_| width.saturating_sub(4).max(1))).collect();
    }
    // The rest goes to those first that want the least of it.
    let mut spare = width - used;
    kept.sort_by_key(|at| needs[*at].natural - widths[*at].unwrap_or_default());
    for (place, at) in kept.iter().enumerate() {
        let has = widths[*at].unwrap_or_default();
        let more = (needs[*at].natural - has).min(spare / (kept.len() - place));
        widths[*at] = Some(has + more);
        spare -= more;
    }
    widths
}

/// A table that has its widths.
struct Frame<'a> {
    needs: &'a [Need],
    widths: &'a [Option<usize>],
}

impl Frame<'_> {
    fn line(&self, left: &str, fill: &str, cross: &str, right: &str) -> String {
        let cells: Vec<_> = self.widths.iter().flatten().map(|width| fill.repeat(width + 2)).collect();
        format!("{left}{}{right}", cells.join(cross))
    }

    /// A row, on as many lines as its cells need.
    fn row(&self, cells: &[String], tone: impl Fn(usize) -> Option<Tone>) -> String {
        let shown = || self.widths.iter().enumerate().filter_map(|(at, width)| Some((at, (*width)?)));
        let cells: Vec<_> = shown()
            .map(|(at, width)| (at, width, wrapped(cells.get(at).map_or("", String::as_str), width, 0)))
            .collect();
        let height = cells.iter().map(|(.., lines)| lines.len()).max().unwrap_or_default();
        let mut out = String::new();
        for line in 0..height {
            let cells: Vec<_> = cells
                .iter()
                .map(|(at, width, lines)| {
                    let text = lines.get(line).map_or("", String::as_str);
                    padded(text, &coloured(text, tone(*at)), *width, self.needs[*at].is_number)
                })
                .collect();
            out += &format!("│ {} │\n", cells.join(" ┆ "));
        }
        out
    }
}

/// The table as wide as its texts are.
fn plain(headers: &[String], rows: &[Vec<String>], needs: &[Need]) -> String {
    let line = |cells: &[String]| {
        let cell = |(text, need): (&String, &Need)| padded(text, text, need.natural, need.is_number);
        let cells: Vec<_> = cells.iter().zip(needs).map(cell).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Vec<_> = needs.iter().map(|need| "-".repeat(need.natural + 2)).collect();
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("{}|{}|\n{rows}", line(headers), rule.join("|"))
}

/// A text as it is `drawn`, with blanks up to the width, before it where it is a number.
fn padded(text: &str, drawn: &str, width: usize, is_number: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.width()));
    if is_number { blanks + drawn } else { drawn.to_owned() + &blanks }
}

/// Prints one JSON value on a line, as a terminal may get it, without secrets.
pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string(value)?;
    if hidden(&text) != text {
        let mut value = serde_json::to_value(value)?;
        hide_in(&mut value);
        text = value.to_string();
    }
    Ok(writeln!(heard::stdout(), "{}", crate::text::shown::json(&text))?)
}

/// A reject's reason with what is to be said besides.
pub(super) fn reason(words: &str, detail: Option<&str>) -> String {
    match detail.filter(|detail| !detail.is_empty()) {
        Some(detail) => format!("{words}: {}", shortened(detail)),
        None => words.to_owned(),
    }
}

/// Text out of the data: on one line, and cut with `…` at its end where it is long.
pub(super) fn shortened(text: &str) -> String {
    let mut line: String = text.chars().take(LETTERS).collect();
    if text.chars().nth(LETTERS).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(natural: usize, rank: usize) -> Need {
        Need { natural, least: natural.min(READABLE), rank, is_number: false, is_empty: false }
    }

    fn number(natural: usize, rank: usize) -> Need {
        Need { natural, least: natural, rank, is_number: true, is_empty: false }
    }

    #[test]
    fn what_fits_is_as_wide_as_it_is() {
        assert_eq!(fitted(&[number(4, 0), text(20, 0)], 80), [Some(4), Some(20)]);
        assert_eq!(fitted(&[], 80), []);
    }

    #[test]
    fn the_widest_text_gives_room_first() {
        assert_eq!(fitted(&[number(4, 0), text(20, 0), text(90, 0)], 80), [Some(4), Some(20), Some(46)]);
    }

    #[test]
    fn what_says_nothing_goes_first_and_what_matters_least_next() {
        let empty = Need { is_empty: true, ..number(9, 1) };
        assert_eq!(fitted(&[text(20, 0), text(10, 5), empty], 40), [Some(20), Some(10), None]);
        let needs = [text(30, 0), number(9, 1), number(9, 3), number(9, 2)];
        assert_eq!(fitted(&needs, 45), [Some(17), Some(9), None, Some(9)]);
        assert_eq!(fitted(&needs, 43), [Some(27), Some(9), None, None]);
    }

    #[test]
    fn a_number_is_never_broken() {
        assert_eq!(fitted(&[number(18, 0), number(18, 0)], 30), [Some(18), None]);
        assert_eq!(fitted(&[number(8, 0), text(50, 0), text(50, 0)], 40), [Some(8), Some(11), Some(11)]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 20..200 {
            for count in 1..30 {
                let needs: Vec<_> = (0..count)
                    .map(|at| if at % 3 == 0 { number(at % 12, at % 4) } else { text(7 * at, at % 5) })
                    .collect();
                let widths = fitted(&needs, width);
                let all = 1 + widths.iter().flatten().map(|one| one + 3).sum::<usize>();
                assert!(all <= width && widths.iter().flatten().count() > 0, "{width} {count} {widths:?}");
            }
        }
    }
}
