//! Workbooks (XLSX, XLS, ODS): each sheet that holds a table as delimited text, written once into a temporary file, so
//! that it goes the way of every other text: title rows, headers of several rows, rejects. A line of the text is a row
//! of the sheet.

mod arranged;
mod package;
mod read;
mod relations;
mod scan;
mod write;

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing::info;

use super::FormatError;
use super::container::Spool;
use super::decoder::{Decoding, Memory, Pace, What};
use super::directory::Member;
use super::limits::{Budget, Limits};
use crate::record::{Beside, BesideKind};

pub(super) use self::read::write_sheets;

/// A sheet as delimited text: commas, quotes if needed, a line for each row from the first.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub name: String,
    pub text: Arc<File>,
    /// The start and length of its text in the file, in bytes.
    pub start: u64,
    pub length: u64,
}

/// The sheets of a workbook.
pub(super) struct Sheets {
    /// The sheets that hold a table, in their order.
    pub sheets: Vec<Sheet>,
    /// The other sheets, each with the reason.
    pub left_out: Vec<Beside>,
}

/// The kinds of workbooks, recognised by the first bytes or the members of their files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Xlsx,
    Xls,
    Ods,
}

impl Kind {
    /// The kind of a zip with these members, if it is a workbook.
    pub(super) fn of_zip(file: &File, members: &[Member]) -> Option<Kind> {
        let has = |name: &[u8]| members.iter().any(|member| member.name == name);
        if has(b"content.xml") && has(b"mimetype") {
            return Some(Kind::Ods);
        }
        package::is_package(file, members).then_some(Kind::Xlsx)
    }
}

/// The receiver of the sheets' text.
pub(super) trait Sink: Write {
    /// Begins a sheet, to which the text written from now on belongs.
    fn begin(&mut self, sheet: &str) -> io::Result<()>;

    /// Leaves this sheet out, with the reason.
    fn leave_out(&mut self, sheet: &str, why: &str) -> io::Result<()>;
}

/// Keeps the sheets of a workbook one behind the other.
struct Kept<'a> {
    out: &'a mut dyn Write,
    /// Bytes written so far.
    written: u64,
    /// The names of the sheets, each with its start.
    sheets: Vec<(String, u64)>,
    left_out: Vec<Beside>,
}

impl Write for Kept<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let got = self.out.write(bytes)?;
        self.written += got as u64;
        Ok(got)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Sink for Kept<'_> {
    fn begin(&mut self, sheet: &str) -> io::Result<()> {
        self.sheets.push((sheet.to_owned(), self.written));
        Ok(())
    }

    fn leave_out(&mut self, sheet: &str, why: &str) -> io::Result<()> {
        self.left_out.push(Beside::named(BesideKind::Sheet, sheet, why));
        Ok(())
    }
}

/// The sheets of a workbook, those that hold a table written into the spool.
///
/// # Errors
/// When the workbook is damaged, too large, or has no such sheet.
pub(super) fn sheets(
    called: &str,
    file: File,
    kind: Kind,
    budget: &Arc<Budget>,
    spool: &mut Spool,
) -> Result<Sheets, FormatError> {
    let (limits, size) = (budget.limits, file.metadata()?.len());
    let meter = budget.meter(Some(size));
    let mut pace = Pace::Quick;
    let ((sheets, left_out), text, start, length) = loop {
        let memory = limits.decoder.map(|decoder| (decoder, Memory::take(decoder.memory, pace)));
        let file = file.try_clone()?;
        let kept = spool.keep(|out| {
            let mut kept = Kept { out, written: 0, sheets: Vec::new(), left_out: Vec::new() };
            match &memory {
                None => write_sheets(file, kind, limits, &mut kept)?,
                Some((decoder, memory)) => {
                    let decoding = Decoding::start(What::Workbook(kind), file, *decoder, limits)?;
                    decoding.may_end(memory);
                    let mut decoding = meter.read(decoding);
                    while let Some(name) = decoding.get_mut().next_head()? {
                        kept.begin(&String::from_utf8_lossy(&name))?;
                        io::copy(&mut decoding, &mut kept)?;
                    }
                    kept.left_out = decoding.get_mut().left_out();
                }
            }
            Ok((kept.sheets, kept.left_out))
        });
        match kept {
            Err(_) if pace == Pace::Quick && memory.is_some_and(|(_, memory)| memory.was_ended()) => {
                info!(
                    file.path = called,
                    "its reader takes long and others wait: it begins again when those have had their turn"
                );
                pace = Pace::Slow;
            }
            kept => break kept?,
        }
    };
    let ends: Vec<_> = sheets.iter().skip(1).map(|(_, start)| *start).chain([length]).collect();
    let sheets = sheets.into_iter().zip(ends).map(|((name, at), end)| Sheet {
        name,
        text: Arc::clone(&text),
        start: start + at,
        length: end - at,
    });
    Ok(Sheets { sheets: sheets.collect(), left_out })
}

fn damaged(error: impl std::fmt::Display) -> FormatError {
    FormatError::Archive(format!("the workbook is damaged or not read: {error}"))
}

/// The error of a part that was skipped, or read twice.
fn unbalanced(what: &str) -> FormatError {
    FormatError::Refused(format!(
        "the books of the workbook do not add up: {what}; nothing was loaded; save it again with a spreadsheet program, and please \
         report this"
    ))
}
