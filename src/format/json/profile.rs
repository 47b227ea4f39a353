//! The profile of a JSON text: its columns are known at its end only.

use std::io::Read;

use super::{Columns, Counting, JsonLayout, JsonReader, json_layout};
use crate::format::column_stats::ColumnStats;
use crate::format::notations::Notations;
use crate::format::read::{FormatProfile, Layout};
use crate::format::{Digest, FormatError, ReadOptions};
use crate::record::{Chunk, JOINT, Records};
use crate::schema::column_names;

/// The profile of a JSON text. The first reading finds the place of the records, for which it may need the whole file;
/// the second reads the first `most` bytes of them.
pub(in crate::format) fn profile_json<R: Read>(
    open: impl Fn() -> Result<R, FormatError>,
    stated: &ReadOptions,
    most: u64,
) -> Result<FormatProfile, FormatError> {
    let mut layout = json_layout(open()?, stated.beside_columns, stated.is_lines)?;
    let mut lines = LinesSeen::default();
    let mut shown =
        see_json(open()?, &layout, &Notations::default(), most, |chunk| _ = lines.are_distinct(&chunk.records))?;
    layout.counting = lines.counting();
    // The way of counting, and a text without records, are decided by all of the file.
    if !shown.whole && (layout.counting != Counting::Lines || shown.names.names.is_empty()) {
        return profile_json(open, stated, u64::MAX);
    }
    let called = column_names(&shown.names.names, Some(JOINT));
    let named = shown.names.names.iter().zip(&called).map(|(one, name)| (one.as_str(), name.as_str()));
    let notations = Notations::new(named, stated, true);
    // The columns are known at the end only.
    if !notations.are_plain() {
        shown = see_json(open()?, &layout, &notations, most, |_| {})?;
    }
    let Shown { names, seen, rows, digest, whole } = shown;
    if digest.bytes == 0 {
        return Err(FormatError::Empty);
    }
    if names.names.is_empty() {
        return Err(FormatError::NoRecords(match seen.preview.rejects.first() {
            Some(first) => {
                format!("every one of {} is refused, the first {}", seen.preview.rejected, first.shown())
            }
            None => "no object in it has a key".to_owned(),
        }));
    }
    let columns = names.names.into_iter().zip(seen.decide(&notations)).collect();
    let preview = seen.into_preview();
    let layout = Layout::Json(layout);
    Ok(FormatProfile { digest, layout, header_text: Vec::new(), columns, rows, preview, whole })
}

/// The lines on which records start.
#[derive(Default)]
pub(in crate::format) struct LinesSeen {
    first: Option<u64>,
    last: Option<u64>,
    is_shared: bool,
}

impl LinesSeen {
    /// True if each record up to these starts on a line of its own.
    pub(in crate::format) fn are_distinct(&mut self, records: &Records) -> bool {
        for line in (0..records.len()).map(|row| records.line(row)) {
            self.is_shared |= self.last == Some(line);
            self.first.get_or_insert(line);
            self.last = Some(line);
        }
        !self.is_shared
    }

    fn counting(&self) -> Counting {
        if self.is_shared { Counting::Records(self.first.filter(|_| self.first == self.last)) } else { Counting::Lines }
    }
}

/// The statistics of a JSON text's records: columns, values, number, the identity of its bytes; `whole` if all were
/// read.
struct Shown {
    names: Columns,
    seen: ColumnStats,
    rows: u64,
    digest: Digest,
    whole: bool,
}

fn see_json(
    input: impl Read,
    layout: &JsonLayout,
    notations: &Notations,
    most: u64,
    mut look: impl FnMut(&Chunk),
) -> Result<Shown, FormatError> {
    let mut reader = JsonReader::open(input, layout)?;
    let (mut names, mut seen, mut rows, mut bytes) = (Columns::growing(), ColumnStats::default(), 0, 0);
    reader.each_chunk(&mut names, |chunk| {
        rows += chunk.rows();
        bytes += chunk.bytes();
        seen.resize(chunk.records.width());
        seen.see(&chunk, notations);
        look(&chunk);
        bytes < most
    })?;
    Ok(Shown { names, seen, rows, digest: reader.digest(), whole: reader.spans().is_some() })
}
