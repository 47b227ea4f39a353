//! Writes delimited text that reads back as the same cells: NULL is nothing, an empty text is `""`.

use std::io::{self, Write};

/// Writes one record with commas; `None` is NULL.
///
/// # Errors
/// When writing fails.
pub fn write_record<'a>(output: &mut impl Write, cells: impl IntoIterator<Item = Option<&'a str>>) -> io::Result<()> {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            output.write_all(b",")?;
        }
        match cell {
            None => {}
            Some(text) if text.is_empty() || text.contains(['"', ',', '\n', '\r']) => {
                write!(output, "\"{}\"", text.replace('"', "\"\""))?;
            }
            Some(text) => output.write_all(text.as_bytes())?,
        }
    }
    output.write_all(b"\n")
}
