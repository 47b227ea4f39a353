//! Lines at the end of a text that a plugin puts outside the table: held back until the end is known, then kept beside
//! the records.

use std::collections::VecDeque;

use regex::Regex;

use super::FormatError;
use crate::record::{Beside, BesideKind, Chunk, Width};

/// The lines at the end that are not of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Footer {
    /// No lines.
    #[default]
    None,
    /// This many lines that are not blank.
    Lines(usize),
    /// All lines from the first that the regular expression finds, unless a record of the table's width that it does
    /// not find stands below.
    From(String),
}

/// Stretches that are held back, at most, while lines are found that may be of the footer.
const MOST_HELD: usize = 4;

/// Stretches of records that may hold lines of the footer.
pub(super) struct HeldBack {
    rule: Rule,
    held: VecDeque<Chunk>,
}

enum Rule {
    None,
    Lines(usize),
    From(Regex),
}

/// Bytes that the reader took for records and rejects, and that stand beside the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) records: u64,
    pub(super) rejects: u64,
}

/// A line of a stretch.
#[derive(Clone, Copy)]
struct Line {
    number: u64,
    chunk: usize,
    at: usize,
    is_record: bool,
}

impl HeldBack {
    /// # Errors
    /// When the regular expression is invalid.
    pub(super) fn new(footer: &Footer) -> Result<HeldBack, FormatError> {
        let rule = match footer {
            Footer::None => Rule::None,
            Footer::Lines(lines) => Rule::Lines(*lines),
            Footer::From(pattern) => {
                let pattern = Regex::new(pattern).map_err(|error| FormatError::Refused(format!("footer: {error}")))?;
                Rule::From(pattern)
            }
        };
        Ok(HeldBack { rule, held: VecDeque::new() })
    }

    /// Takes the next stretch, and gives those before the lines that may be of the footer.
    pub(super) fn pass(&mut self, chunk: Chunk) -> Vec<Chunk> {
        let mut free = Vec::new();
        match &self.rule {
            Rule::None => return vec![chunk],
            Rule::Lines(lines) => {
                self.held.push_back(chunk);
                let mut behind: u64 = self.held.iter().skip(1).map(Chunk::rows).sum();
                while self.held.len() > 1 && behind >= *lines as u64 {
                    free.extend(self.held.pop_front());
                    behind -= self.held.front().map_or(0, Chunk::rows);
                }
            }
            Rule::From(pattern) => {
                if (0..chunk.records.len()).any(|row| is_of_table(&chunk, row, pattern)) {
                    free.extend(self.held.drain(..));
                }
                self.held.push_back(chunk);
                if self.held.len() > MOST_HELD {
                    free.extend(self.held.pop_front());
                }
            }
        }
        free
    }

    /// The stretches that were held back, once everything has passed, with the lines of the footer beside their
    /// records.
    pub(super) fn finish(self) -> (Vec<Chunk>, Moved) {
        let mut chunks = Vec::from(self.held);
        let lines: Vec<Line> = chunks.iter().enumerate().flat_map(|(at, chunk)| lines(at, chunk)).collect();
        let start = match &self.rule {
            Rule::None => lines.len(),
            Rule::Lines(count) => lines.len().saturating_sub(*count),
            Rule::From(pattern) => {
                let ends = |line: &Line| line.is_record && is_of_table(&chunks[line.chunk], line.at, pattern);
                let tail = lines.iter().rposition(ends).map_or(0, |last| last + 1);
                let found = lines[tail..].iter().position(|line| is_found(&chunks[line.chunk], line, pattern));
                found.map_or(lines.len(), |found| tail + found)
            }
        };
        let mut moved = Moved::default();
        for line in &lines[start..] {
            let chunk = &mut chunks[line.chunk];
            let text = if line.is_record {
                let text = chunk.records.raw(line.at).into_owned();
                moved.records += text.len() as u64;
                text
            } else {
                // A line that is no text stays a reject.
                let Ok(text) = std::str::from_utf8(&chunk.rejects[line.at].text) else { continue };
                let text = text.to_owned();
                moved.rejects += text.len() as u64;
                text
            };
            chunk.beside.push(Beside::line(BesideKind::Below, line.number, text));
        }
        for line in lines[start..].iter().rev() {
            let chunk = &mut chunks[line.chunk];
            if line.is_record {
                chunk.records.truncate(line.at);
            } else if std::str::from_utf8(&chunk.rejects[line.at].text).is_ok() {
                chunk.rejects.remove(line.at);
            }
        }
        (chunks, moved)
    }
}

/// The records and rejects of a stretch, in the order of their lines.
fn lines(chunk_at: usize, chunk: &Chunk) -> Vec<Line> {
    let line = |number, at, is_record| Line { number, chunk: chunk_at, at, is_record };
    let records = (0..chunk.records.len()).map(|row| line(chunk.records.line(row), row, true));
    let rejects = chunk.rejects.iter().enumerate().map(|(at, reject)| line(reject.line, at, false));
    let mut lines: Vec<_> = records.chain(rejects).collect();
    lines.sort_by_key(|line| line.number);
    lines
}

/// True if a record has the table's width and is not found by the expression.
fn is_of_table(chunk: &Chunk, row: usize, pattern: &Regex) -> bool {
    chunk.records.width_of(row) == Width::Even && !is_record_found(chunk, row, pattern)
}

fn is_found(chunk: &Chunk, line: &Line, pattern: &Regex) -> bool {
    if line.is_record {
        is_record_found(chunk, line.at, pattern)
    } else {
        pattern.is_match(&String::from_utf8_lossy(&chunk.rejects[line.at].text))
    }
}

/// True if the expression is found in the line, or in its first cell that holds something.
fn is_record_found(chunk: &Chunk, row: usize, pattern: &Regex) -> bool {
    let records = &chunk.records;
    let first = || (0..records.width()).find_map(|place| records.cell(row, place));
    pattern.is_match(&records.raw(row)) || first().is_some_and(|text| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::ReadOptions;
    use crate::format::csv::Reader;

    /// The first cells of the records, the rejects' lines and those of the footer.
    type Read = (Vec<String>, Vec<u64>, Vec<(u64, String)>, Moved);

    fn read(text: &str, footer: &Footer) -> Read {
        let mut reader = Reader::open(text.as_bytes(), &ReadOptions::default()).unwrap();
        let mut held = HeldBack::new(footer).unwrap();
        let mut chunks = Vec::new();
        while let Some(chunk) = reader.next_chunk().unwrap() {
            chunks.extend(held.pass(chunk));
        }
        let (last, moved) = held.finish();
        chunks.extend(last);
        let (mut cells, mut rejects, mut below) = (Vec::new(), Vec::new(), Vec::new());
        for chunk in chunks {
            cells.extend((0..chunk.records.len()).map(|row| chunk.records.cell(row, 0).unwrap_or("").to_owned()));
            rejects.extend(chunk.rejects.iter().map(|reject| reject.line));
            below.extend(chunk.beside.into_iter().map(|one| (one.line.unwrap(), one.text)));
        }
        (cells, rejects, below, moved)
    }

    #[test]
    fn so_many_lines_at_the_end_are_below_the_table() {
        let text = "id;n\n1;2\n3;4\nSumme;6\n\nStand: heute\n";
        let (cells, rejects, below, moved) = read(text, &Footer::Lines(2));
        assert_eq!((cells, rejects), (vec!["1".to_owned(), "3".to_owned()], vec![]));
        assert_eq!(below, [(4, "Summe;6".to_owned()), (6, "Stand: heute".to_owned())]);
        assert_eq!(moved, Moved { records: 7, rejects: 12 });
        let (cells, _, below, _) = read(text, &Footer::Lines(99));
        assert_eq!((cells.len(), below.len()), (0, 4));
    }

    #[test]
    fn a_footer_begins_where_it_is_found_and_never_takes_a_record() {
        let found = Footer::From("^(Total|Summe)".to_owned());
        let (cells, _, below, _) = read("id;n\n1;2\n3;4\n\"Summe\";6\nStand: heute\n", &found);
        assert_eq!((cells.len(), below.len()), (2, 2));
        // The record below it shows that it is no footer.
        let (cells, _, below, _) = read("id;n\nTotal Energies;2\n3;4\n", &found);
        assert_eq!((cells.len(), below.len()), (2, 0));
        let (cells, _, below, _) = read("id;n\nSumme Januar;2\n3;4\nSumme Mai;2\nTotal;8\n", &found);
        assert_eq!((cells, below.len()), (vec!["Summe Januar".to_owned(), "3".to_owned()], 2));
    }

    #[test]
    fn lines_are_found_wherever_a_stretch_ends() {
        let mut text = "id;n\n".to_owned();
        (0..200_000).for_each(|n| text += &format!("{n};2\n"));
        text += &"Total;1\n".repeat(70_000);
        let (cells, _, below, moved) = read(&text, &Footer::From("^Total".to_owned()));
        assert_eq!((cells.len(), below.len(), moved.records), (200_000, 70_000, 490_000));
        let (cells, _, below, _) = read(&text, &Footer::Lines(3));
        assert_eq!((cells.len(), below.len()), (269_997, 3));
    }
}
