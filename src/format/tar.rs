//! The members of a tar archive, one after the other, as POSIX's `ustar` and `pax` and GNU's tar write them. A link, a device or a member
//! of an unknown kind is refused, and so are bytes behind the end.

use std::io::Read;

use super::FormatError;
use super::directory::too_many;

const BLOCK: usize = 512;

/// Longest name in a header of its own, in bytes.
const LONGEST: u64 = 64 << 10;

/// A member.
pub(super) struct TarMember {
    pub name: String,
    pub is_folder: bool,
    pub size: u64,
}

/// Gives each member and its bytes to `see`, which need not read them.
///
/// # Errors
/// An archive that is damaged, cut off, has too many members, or one that is neither a file nor a folder.
pub(super) fn each_member(
    mut input: impl Read,
    most: usize,
    mut see: impl FnMut(TarMember, &mut dyn Read) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let (mut members, mut long_name, mut long_size) = (0_u64, None, None);
    loop {
        let mut block = [0; BLOCK];
        input.read_exact(&mut block).map_err(|_| wrong("the tar archive is cut off: its end is not there"))?;
        if block.iter().all(|byte| *byte == 0) {
            return must_end(input);
        }
        let head = Head(&block);
        if !head.is_right() {
            return Err(wrong("it holds no tar archive, or a damaged one: the sum of a header is wrong"));
        }
        members += 1;
        if members > most as u64 {
            return Err(too_many(members, most));
        }
        let stated = head.size().ok_or_else(|| wrong("the length of a member in the tar archive is no number"))?;
        match head.kind() {
            // A pax header's or a long name's member is the next one.
            kind @ (b'x' | b'g' | b'L' | b'K') => {
                if stated > LONGEST {
                    return Err(wrong("a header in the tar archive is too long"));
                }
                let mut text = Vec::new();
                (&mut input).take(stated).read_to_end(&mut text)?;
                match kind {
                    b'x' => {
                        for (key, value) in pax(&text) {
                            match key {
                                "path" => long_name = Some(value.to_owned()),
                                "size" => long_size = value.parse().ok(),
                                _ => {}
                            }
                        }
                    }
                    b'L' => long_name = Some(utf8(until_nul(&text))?),
                    _ => {}
                }
                skip(&mut input, padding(stated))?;
                continue;
            }
            b'0' | 0 | b'7' | b'5' => {}
            b'1' | b'2' => {
                let name = long_name.unwrap_or(head.name()?);
                return Err(wrong(&format!("{name} is a link, and links are not taken")));
            }
            _ => {
                let name = long_name.unwrap_or(head.name()?);
                return Err(wrong(&format!("{name} is neither a file nor a folder")));
            }
        }
        let name = match long_name.take() {
            Some(name) => name,
            None => head.name()?,
        };
        let size = long_size.take().unwrap_or(stated);
        let is_folder = head.kind() == b'5' || name.ends_with('/');
        let mut bytes = (&mut input).take(size);
        see(TarMember { name, is_folder, size }, &mut bytes)?;
        let rest = bytes.limit();
        skip(&mut input, rest + padding(size))?;
    }
}

/// A header of 512 bytes.
struct Head<'a>(&'a [u8; BLOCK]);

impl Head<'_> {
    /// True if its sum is right.
    fn is_right(&self) -> bool {
        let sum = |at: usize| u64::from(if (148..156).contains(&at) { b' ' } else { self.0[at] });
        number(&self.0[148..156]) == Some((0..BLOCK).map(sum).sum())
    }

    fn kind(&self) -> u8 {
        self.0[156]
    }

    fn size(&self) -> Option<u64> {
        number(&self.0[124..136])
    }

    fn name(&self) -> Result<String, FormatError> {
        let name = utf8(until_nul(&self.0[..100]))?;
        let prefix = utf8(until_nul(&self.0[345..500]))?;
        // GNU's header has other things in the place of the prefix.
        if self.0[257..263] != *b"ustar\0" || prefix.is_empty() { Ok(name) } else { Ok(format!("{prefix}/{name}")) }
    }
}

/// The pairs of a pax header, each `LENGTH KEY=VALUE` and a line end.
fn pax(mut text: &[u8]) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    while let Some(blank) = text.iter().position(|byte| *byte == b' ') {
        let length = std::str::from_utf8(&text[..blank]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let Some((pair, rest)) = length.filter(|length| *length > blank).and_then(|end| text.split_at_checked(end))
        else {
            break;
        };
        let pair = std::str::from_utf8(&pair[blank + 1..]).unwrap_or_default();
        pairs.extend(pair.trim_end_matches('\n').split_once('='));
        text = rest;
    }
    pairs
}

/// A number in octal digits, between blanks and NULs.
fn number(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(until_nul(field)).ok()?.trim();
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len())]
}

fn utf8(name: &[u8]) -> Result<String, FormatError> {
    String::from_utf8(name.to_vec()).map_err(|_| wrong("a name in the tar archive is not UTF-8"))
}

fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

fn skip(input: &mut impl Read, bytes: u64) -> Result<(), FormatError> {
    let skipped = std::io::copy(&mut input.take(bytes), &mut std::io::sink())?;
    if skipped == bytes { Ok(()) } else { Err(wrong("the tar archive is cut off within a member")) }
}

/// Asserts that nothing but zeros follows the first block of the end.
fn must_end(mut input: impl Read) -> Result<(), FormatError> {
    let mut piece = [0; 8 * BLOCK];
    loop {
        let got = input.read(&mut piece)?;
        if piece[..got].iter().any(|byte| *byte != 0) {
            return Err(wrong("bytes stand behind the end of the tar archive: pack its files anew"));
        }
        if got == 0 {
            return Ok(());
        }
    }
}

fn wrong(why: &str) -> FormatError {
    FormatError::Refused(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_a_header_are_cut_by_their_lengths() {
        assert_eq!(pax(b"12 path=abc\n11 size=42\n"), [("path", "abc"), ("size", "42")]);
        for broken in [&b"99 path=a\n"[..], b"x path=a\n", b"1 path=a\n", b"12"] {
            assert!(pax(broken).is_empty());
        }
    }
}
