//! The temporary file of the text of sheets.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use crate::format::FormatError;

/// A temporary file without a name that keeps the text of all sheets; made with the first sheet.
#[derive(Debug, Default)]
pub(in crate::format) struct Spool {
    file: Option<(Arc<File>, u64)>,
}

impl Spool {
    /// Keeps the bytes that `write` writes; gives the file, their start and their length.
    pub(in crate::format) fn keep<T>(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> Result<T, FormatError>,
    ) -> Result<(T, Arc<File>, u64, u64), FormatError> {
        let (file, start) = match &self.file {
            Some((file, end)) => (Arc::clone(file), *end),
            None => (Arc::new(tempfile::tempfile()?), 0),
        };
        // Bytes of a failed write are written over.
        (&*file).seek(SeekFrom::Start(start))?;
        let mut out = BufWriter::new(&*file);
        let done = write(&mut out)?;
        out.flush()?;
        drop(out);
        let end = (&*file).stream_position()?;
        self.file = Some((Arc::clone(&file), end));
        Ok((done, file, start, end - start))
    }
}

/// Opens a temporary file without a name once more, from its start. Without a name it leaves nothing behind, however
/// the program ends.
pub(in crate::format) fn reopen(file: &File) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
