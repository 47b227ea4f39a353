//! The end of a stretch: its records as text, and the rejects among them that are none.

use memchr::memchr;

use super::{Stretch, is_armed, rebase};
use crate::format::audit::Span;
use crate::format::encoding::unescaped;
use crate::record::{Chunk, Reason, Records, Reject};

/// The records of a stretch, with the starts of the rejects in it.
pub(in crate::format::csv) struct Whole {
    pub chunk: Chunk,
    refused: Vec<usize>,
}

impl Whole {
    /// The start of each record in the stretch, its text, and its kind, a record or a reject; in the order of the text.
    pub(in crate::format::csv) fn spans(&self) -> impl Iterator<Item = (usize, &[u8], Span)> {
        let records = &self.chunk.records;
        let (mut row, mut reject) = (0, 0);
        std::iter::from_fn(move || {
            let record = (row < records.len()).then(|| records.start(row));
            match (record, self.refused.get(reject)) {
                (Some(start), refused) if refused.is_none_or(|refused| start < *refused) => {
                    row += 1;
                    Some((start, records.in_text(row - 1).as_bytes(), Span::Record))
                }
                (_, Some(start)) => {
                    reject += 1;
                    Some((*start, self.chunk.rejects[reject - 1].text.as_slice(), Span::Reject))
                }
                _ => None,
            }
        })
    }
}

impl Stretch {
    /// Gives the records of the stretch; `text` holds the parsed bytes. Refuses records that are no text in the
    /// dialect's encoding.
    pub(in crate::format::csv) fn finish(mut self, mut text: Vec<u8>, width: usize, encoding: &str) -> Whole {
        rebase(&mut self.cells, self.base, text.len());
        let nul = memchr(0, &text).is_some();
        text.extend_from_slice(&self.side);
        let text = match String::from_utf8(text) {
            Ok(text) if !nul => text,
            Ok(text) => {
                self.refuse(text.as_bytes(), width, encoding);
                text
            }
            Err(error) => {
                let mut text = error.into_bytes();
                self.refuse(&text, width, encoding);
                blank_what_is_no_text(&mut text);
                // Only bytes outside the kept records were replaced.
                String::from_utf8(text).unwrap_or_default()
            }
        };
        if is_armed("csv_record") && self.rows.len() > 1 {
            self.rows.remove(1);
            self.cells.drain(width..2 * width);
        }
        if is_armed("csv_tail") {
            self.rows.pop();
            self.cells.truncate(self.rows.len() * width);
        }
        let (refused, rejects) = self.rejects.into_iter().unzip();
        let records = Records::new(text, self.cells, self.rows, width);
        Whole { chunk: Chunk { records, rejects, ..Chunk::default() }, refused }
    }

    /// Makes rejects of the records that are not UTF-8 or hold a NUL byte, which PostgreSQL cannot store.
    fn refuse(&mut self, text: &[u8], width: usize, encoding: &str) {
        let mut kept = 0;
        for at in 0..self.rows.len() {
            let row = self.rows[at];
            let raw = &text[row.start as usize..row.end as usize];
            let reject = |reason| Reject::new(row.line, reason, raw);
            let rejected = match std::str::from_utf8(raw) {
                Err(error) => {
                    let wrong = &raw[error.valid_up_to()..];
                    let byte = unescaped(wrong).filter(|_| encoding != "UTF-8").unwrap_or(wrong[0]);
                    Some(reject(Reason::WrongByte).detail(format!("0x{byte:02X} is not {encoding}")))
                }
                Ok(raw) => raw.contains('\0').then(|| reject(Reason::Nul)),
            };
            if let Some(reject) = rejected {
                self.rejects.push((row.start as usize, reject));
            } else {
                self.rows[kept] = row;
                self.cells.copy_within(at * width..(at + 1) * width, kept * width);
                kept += 1;
            }
        }
        self.rows.truncate(kept);
        self.cells.truncate(kept * width);
        self.rejects.sort_by_key(|(start, _)| *start);
    }
}

fn blank_what_is_no_text(text: &mut [u8]) {
    let mut from = 0;
    while let Err(error) = std::str::from_utf8(&text[from..]) {
        let at = from + error.valid_up_to();
        let end = error.error_len().map_or(text.len(), |length| at + length);
        text[at..end].fill(b'?');
        from = end;
    }
}
