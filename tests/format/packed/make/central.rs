//! Directories of archives that say what is not so.

/// The end of an archive.
pub fn end(out: &mut Vec<u8>, members: u16, bytes: u32, start: u32) {
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(members.to_le_bytes());
    out.extend(members.to_le_bytes());
    out.extend(bytes.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
}

/// Has the end say another number of members.
pub fn say(archive: &mut [u8], members: u16) {
    let at = archive.len() - 22;
    archive[at + 8..at + 10].copy_from_slice(&members.to_le_bytes());
    archive[at + 10..at + 12].copy_from_slice(&members.to_le_bytes());
}

/// Puts the offsets of a lone member right, with so many bytes before the archive.
pub fn shift(archive: &mut [u8], bytes: usize) {
    let end = archive.len() - 22;
    let start = u32::from_le_bytes(archive[end + 16..end + 20].try_into().unwrap()) as usize + bytes;
    archive[end + 16..end + 20].copy_from_slice(&(start as u32).to_le_bytes());
    archive[start + 42..start + 46].copy_from_slice(&(bytes as u32).to_le_bytes());
}

/// An archive that says in ZIP64 that it has so many members, all of them the same few bytes.
pub fn crowd(members: u64) -> Vec<u8> {
    let mut out = super::zip(&[("a.csv", "a\n1\n").into()]);
    let start = out.len() - 22 - 51;
    let entry = out[start..start + 51].to_vec();
    out.truncate(start);
    (0..members).for_each(|_| out.extend(&entry));
    let (at, bytes) = (out.len() as u64, entry.len() as u64 * members);
    out.extend(b"PK\x06\x06");
    out.extend(44_u64.to_le_bytes());
    out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [members, members, bytes, start as u64] {
        out.extend(number.to_le_bytes());
    }
    out.extend(b"PK\x06\x07\0\0\0\0");
    out.extend(at.to_le_bytes());
    out.extend([1, 0, 0, 0]);
    end(&mut out, u16::MAX, u32::MAX, u32::MAX);
    out
}
