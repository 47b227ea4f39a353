//! The directory of a zip, read from the end of the file: the number of members is known before one of them is looked
//! at. Each byte of the archive has to belong to one member or to the directory, and to one only, so that nothing in it
//! is passed over unseen.
//!
//! The layout is that of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::FormatError;

/// Members counted before the file's kind and its limit are known: an archive without ZIP64 has no more.
const MAX_ENTRIES: u64 = 65_535;

/// The longest directory that is read, in bytes.
const MAX_DIRECTORY: u64 = 32 << 20;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";

const LOCAL_BYTES: u64 = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
const END_64_BYTES: usize = 56;
const LOCATOR_BYTES: u64 = 20;

/// The longest descriptor, in bytes: it follows a member whose sizes were not known when it was begun.
const DESCRIPTOR_BYTES: u64 = 24;

/// A member, as the directory and its own header state it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// The name, in an unknown encoding.
    pub name: Vec<u8>,
    /// The name, if the archive states its encoding: by the flag for UTF-8, or by the extra field of Info-ZIP.
    pub unicode: Option<String>,
    /// The packing method: 0 for stored, 8 for deflate.
    pub method: u16,
    pub is_encrypted: bool,
    /// A symbolic link of Unix, which holds a path.
    pub is_link: bool,
    /// The CRC-32 of the unpacked bytes.
    pub crc: u32,
    /// Bytes in the archive.
    pub packed: u64,
    /// Bytes once unpacked.
    pub size: u64,
    /// Place of the packed bytes.
    pub start: u64,
    /// Place of the member's own header.
    pub header: u64,
    has_descriptor: bool,
}

impl Member {
    /// True for a folder, which holds nothing.
    pub(super) fn is_folder(&self) -> bool {
        self.name.ends_with(b"/") || (self.name.ends_with(b"\\") && self.size == 0)
    }
}

/// The members of the archive, in the order of its directory. `most` is the number that it may have; a possible
/// workbook may have more.
///
/// # Errors
/// When the archive has too many members, is cut off or damaged, or holds bytes that its directory does not know.
pub(super) fn directory(file: &File, most: usize) -> Result<Vec<Member>, FormatError> {
    let size = file.metadata()?.len();
    let end = End::find(file, size)?;
    if end.members > MAX_ENTRIES.max(most as u64) {
        return Err(too_many(end.members, most));
    }
    if end.bytes > MAX_DIRECTORY {
        return Err(refused(format!("its directory has {} bytes, more than {MAX_DIRECTORY}", end.bytes)));
    }
    match end.start.checked_add(end.bytes).and_then(|ends| end.at.checked_sub(ends)) {
        Some(0) => {}
        Some(bytes) => return Err(before(file, bytes)),
        None => return Err(damaged("its directory is not where it says")),
    }
    let directory = bytes_at(file, end.start, end.bytes)?;
    let (mut rest, mut members) = (directory.as_slice(), Vec::new());
    while !rest.is_empty() {
        if members.len() as u64 == end.members {
            return Err(refused(format!("its directory has more members than the {} that it says", end.members)));
        }
        let (member, length) = central(rest).ok_or_else(|| damaged("its directory cannot be read"))?;
        rest = &rest[length..];
        members.push(local(file, member?, end.start)?);
    }
    if members.len() as u64 != end.members {
        let (says, has) = (end.members, members.len());
        return Err(damaged(&format!("its directory says {says} members and has {has}")));
    }
    check_layout(file, &members, end.start)?;
    Ok(members)
}

/// The error of an archive with more members than it may have.
pub(super) fn too_many(has: u64, most: usize) -> FormatError {
    refused(format!("it has {has} members, more than {most} (ARCHIVE_MAX_MEMBERS)"))
}

/// The end record of an archive.
struct End {
    /// Place at which the directory has to end.
    at: u64,
    members: u64,
    bytes: u64,
    start: u64,
}

impl End {
    fn find(file: &File, size: u64) -> Result<End, FormatError> {
        let length = size.min(u64::from(u16::MAX) + END_BYTES as u64 + 4096);
        let tail = bytes_at(file, size - length, length)?;
        let mut found = None;
        let mut behind = None;
        for at in memchr::memmem::rfind_iter(&tail, END) {
            let Some(record) = tail.get(at..at + END_BYTES) else { continue };
            let ends = at + END_BYTES + usize::from(u16_at(record, 20));
            let Some(rest) = tail.get(ends..) else { continue };
            // Zeros that fill up a block are no content.
            if rest.iter().any(|byte| *byte != 0) {
                behind.get_or_insert(rest.len());
            } else if found.replace((at, record)).is_some() {
                return Err(refused("it has two ends: archives one within the other; pack its files anew".to_owned()));
            }
        }
        let Some((at, record)) = found else {
            return Err(match behind {
                Some(bytes) => refused(format!(
                    "{bytes} bytes stand behind its end, which no member is: unpack it, and drop what it holds"
                )),
                None => FormatError::NoEnd,
            });
        };
        let at = size - length + at as u64;
        let (disk, here) = (u16_at(record, 4), u16_at(record, 6));
        if !matches!((disk, here), (0 | u16::MAX, 0 | u16::MAX)) {
            return Err(refused(
                "it is one of several parts of an archive: join them, or pack its files anew".to_owned(),
            ));
        }
        let small = End {
            at,
            members: u64::from(u16_at(record, 10)),
            bytes: u64::from(u32_at(record, 12)),
            start: u64::from(u32_at(record, 16)),
        };
        match small.find_64(file)? {
            Some(large) => Ok(large),
            None => Ok(small),
        }
    }

    /// The end record of ZIP64 in place of this one, if there is one.
    fn find_64(&self, file: &File) -> Result<Option<End>, FormatError> {
        let Some(locator_at) = self.at.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
        let locator = bytes_at(file, locator_at, LOCATOR_BYTES)?;
        if !locator.starts_with(LOCATOR_64) {
            return Ok(None);
        }
        let at = u64_at(&locator, 8);
        let wrong = || damaged("its end in ZIP64 cannot be read, or bytes stand before the archive");
        if at.checked_add(END_64_BYTES as u64).is_none_or(|end| end > locator_at) {
            return Err(wrong());
        }
        let record = bytes_at(file, at, END_64_BYTES as u64)?;
        let is_whole = at.checked_add(12).and_then(|at| at.checked_add(u64_at(&record, 4))) == Some(locator_at);
        if !record.starts_with(END_64) || !is_whole {
            return Err(wrong());
        }
        let large = End { at, members: u64_at(&record, 32), bytes: u64_at(&record, 40), start: u64_at(&record, 48) };
        let agree = |small: u64, large: u64, none: u64| small == none || small == large;
        if !agree(self.members, large.members, u64::from(u16::MAX))
            || !agree(self.bytes, large.bytes, u64::from(u32::MAX))
            || !agree(self.start, large.start, u64::from(u32::MAX))
        {
            return Err(refused("its two ends say different things of it".to_owned()));
        }
        Ok(Some(large))
    }
}

/// The first member in the rest of a directory, and its length there in bytes.
fn central(rest: &[u8]) -> Option<(Result<Member, FormatError>, usize)> {
    let fixed = rest.get(..CENTRAL_BYTES).filter(|fixed| fixed.starts_with(CENTRAL))?;
    let lengths = [28, 30, 32].map(|at| usize::from(u16_at(fixed, at)));
    let name = rest.get(CENTRAL_BYTES..CENTRAL_BYTES + lengths[0])?;
    let extra = rest.get(CENTRAL_BYTES + lengths[0]..CENTRAL_BYTES + lengths[0] + lengths[1])?;
    let length = CENTRAL_BYTES + lengths.iter().sum::<usize>();
    rest.get(..length)?;
    let flags = u16_at(fixed, 8);
    let mut large = field(extra, 0x0001).unwrap_or_default();
    let mut wide = |small: u32| {
        if small != u32::MAX {
            return Some(u64::from(small));
        }
        let (value, rest) = large.split_at_checked(8)?;
        large = rest;
        Some(u64_at(value, 0))
    };
    let size = wide(u32_at(fixed, 24))?;
    let packed = wide(u32_at(fixed, 20))?;
    let header = wide(u32_at(fixed, 42))?;
    if !matches!(u16_at(fixed, 34), 0 | u16::MAX) {
        return Some((Err(refused("it is one of several parts of an archive: join them".to_owned())), length));
    }
    // The upper byte is the system that made it: 3 is Unix, 19 is macOS.
    let is_unix = matches!(fixed[5], 3 | 19);
    let member = Member {
        name: name.to_vec(),
        unicode: unicode(name, flags, extra),
        method: u16_at(fixed, 10),
        is_encrypted: flags & 1 != 0,
        is_link: is_unix && (u32_at(fixed, 38) >> 16) & 0o170_000 == 0o120_000,
        crc: u32_at(fixed, 16),
        packed,
        size,
        start: 0,
        has_descriptor: flags & 8 != 0,
        header,
    };
    Some((Ok(member), length))
}

/// The name in UTF-8. The field for a path in UTF-8 counts if it belongs to this very name.
fn unicode(name: &[u8], flags: u16, extra: &[u8]) -> Option<String> {
    if let Some(field) = field(extra, 0x7075)
        && let Some((head, path)) = field.split_at_checked(5)
        && head[0] == 1
    {
        let mut sum = flate2::Crc::new();
        sum.update(name);
        if sum.sum() == u32_at(head, 1)
            && let Ok(path) = std::str::from_utf8(path)
        {
            return Some(path.to_owned());
        }
    }
    let says = flags & 0x0800 != 0 || name.is_ascii();
    std::str::from_utf8(name).ok().filter(|_| says).map(str::to_owned)
}

/// The extra field of this number.
fn field(mut extra: &[u8], number: u16) -> Option<&[u8]> {
    loop {
        let (head, rest) = extra.split_at_checked(4)?;
        let (value, rest) = rest.split_at_checked(usize::from(u16_at(head, 2)))?;
        if u16_at(head, 0) == number {
            return Some(value);
        }
        extra = rest;
    }
}

/// Finds the bytes of a member behind its own header, which has to agree with the directory.
fn local(file: &File, member: Member, directory: u64) -> Result<Member, FormatError> {
    let name = String::from_utf8_lossy(&member.name).into_owned();
    let outside = || damaged(&format!("the bytes of {name} are not within it"));
    if member.header.checked_add(LOCAL_BYTES).is_none_or(|end| end > directory) {
        return Err(outside());
    }
    let header = bytes_at(file, member.header, LOCAL_BYTES)?;
    if !header.starts_with(LOCAL) {
        return Err(damaged(&format!("the header of {name} is not where its directory says")));
    }
    let named = member.header + LOCAL_BYTES;
    let start = named + u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
    if start.checked_add(member.packed).is_none_or(|end| end > directory) {
        return Err(outside());
    }
    let table_hint = bytes_at(file, named, u64::from(u16_at(&header, 26)))?;
    if table_hint != member.name || u16_at(&header, 8) != member.method {
        return Err(refused(format!("its directory and the header of {name} say different things of it")));
    }
    Ok(Member { start, ..member })
}

/// Checks that every byte up to the directory belongs to one member.
fn check_layout(file: &File, members: &[Member], directory: u64) -> Result<(), FormatError> {
    let mut order: Vec<_> = members.iter().collect();
    order.sort_by_key(|member| member.header);
    let (mut at, mut has_descriptor) = (0, false);
    for member in order {
        if member.header < at {
            let name = String::from_utf8_lossy(&member.name);
            return Err(refused(format!(
                "its members overlap ({name}): the same bytes would be unpacked several times"
            )));
        }
        check_gap(file, at, member.header, has_descriptor)?;
        (at, has_descriptor) = (member.start + member.packed, member.has_descriptor);
    }
    check_gap(file, at, directory, has_descriptor)
}

/// Checks that bytes claimed by no member are zero.
fn check_gap(file: &File, from: u64, to: u64, has_descriptor: bool) -> Result<(), FormatError> {
    let (mut at, mut piece) = (from, Vec::new());
    if has_descriptor && to - from <= DESCRIPTOR_BYTES {
        return Ok(());
    }
    if has_descriptor {
        at += DESCRIPTOR_BYTES;
    }
    while at < to {
        piece = bytes_at(file, at, (to - at).min(64 * 1024))?;
        if piece.iter().any(|byte| *byte != 0) {
            break;
        }
        at += piece.len() as u64;
    }
    if at >= to {
        return Ok(());
    }
    if from == 0 {
        return Err(before(file, to));
    }
    let bytes = to - from;
    Err(refused(match memchr::memmem::find(&piece, LOCAL) {
        Some(_) => {
            format!("it holds a member that its directory does not know ({bytes} bytes at {from}): pack its files anew")
        }
        None => format!("{bytes} bytes at {from} are no member's of its directory: pack its files anew"),
    }))
}

/// The error of bytes before the archive, or before its first member.
fn before(file: &File, bytes: u64) -> FormatError {
    let mut head = [0; 4];
    let read = file.read_at(&mut head, 0).unwrap_or(0);
    let what = match &head[..read] {
        [b'M', b'Z', ..] | [0x7F, b'E', b'L', b'F'] => "it is a program that unpacks itself".to_owned(),
        head if head.starts_with(LOCAL) || head.starts_with(END) => {
            "archives stand one behind the other in it".to_owned()
        }
        _ => "what stands there is no member".to_owned(),
    };
    refused(format!("{bytes} bytes stand before what its directory knows: {what}; unpack it, and drop what it holds"))
}

fn refused(why: String) -> FormatError {
    FormatError::Archive(why)
}

fn damaged(why: &str) -> FormatError {
    FormatError::Archive(format!("the archive is damaged or cut off: {why}"))
}

fn bytes_at(file: &File, at: u64, length: u64) -> Result<Vec<u8>, FormatError> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// Numbers within bytes: each caller has cut them to a known length.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
