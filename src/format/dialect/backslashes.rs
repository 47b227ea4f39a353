//! Backslashes in cells without quotes, of a text in which a backslash stands before a quote within quotes.

use super::Dialect;

/// True if each backslash of the cells without quotes stands before another one or before a quote, and some before a
/// quote: then the program that wrote the text put them there too.
pub(super) fn escape_bare_cells(sample: &[u8], dialect: &Dialect) -> bool {
    let Some(quote) = dialect.quote else { return false };
    let is_end = |byte: u8| byte == dialect.delimiter || matches!(byte, b'\n' | b'\r');
    let (mut at, mut is_start, mut is_quoted, mut is_told) = (0, true, false, false);
    while let Some(byte) = sample.get(at).copied() {
        let next = sample.get(at + 1).copied();
        let is_pair = byte == b'\\' && next.is_some_and(|next| next == b'\\' || next == quote);
        let is_blank = byte == b' ' && dialect.padded && is_start;
        match is_quoted {
            true if byte == quote => is_quoted = false,
            true => {}
            false if byte == quote && is_start => is_quoted = true,
            false if byte == b'\\' && !is_pair && next.is_some() => return false,
            false => is_told |= is_pair && next == Some(quote),
        }
        is_start = !is_quoted && (is_end(byte) || is_blank);
        at += if is_pair { 2 } else { 1 };
    }
    is_told
}
