//! Writes delimited text that reads back as the same cells: NULL is nothing, an empty text is `""`.

use std::io::{self, Write};
use std::sync::LazyLock;

/// Tells which texts need quotes.
static WRITER: LazyLock<csv_core::Writer> = LazyLock::new(csv_core::Writer::new);

/// Writes one record with commas; `None` is NULL.
///
/// # Errors
/// When writing fails.
pub fn write_record<'a>(output: &mut impl Write, cells: impl IntoIterator<Item = Option<&'a str>>) -> io::Result<()> {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            output.write_all(b",")?;
        }
        match cell.map(str::as_bytes) {
            None => {}
            Some(text) if text.is_empty() || WRITER.should_quote(text) => write_quoted(output, text)?,
            Some(text) => output.write_all(text)?,
        }
    }
    output.write_all(b"\n")
}

fn write_quoted(output: &mut impl Write, mut text: &[u8]) -> io::Result<()> {
    let mut part = [0; 1024];
    output.write_all(b"\"")?;
    while !text.is_empty() {
        let (_, taken, written) = csv_core::quote(text, &mut part, b'"', b'\\', true);
        output.write_all(&part[..written])?;
        text = &text[taken..];
    }
    output.write_all(b"\"")
}
