//! The entries of the folder, and the ones among them that are to be loaded.

use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::format::Format;
use crate::source::why_not;

/// An entry of the folder.
pub(super) struct Seen {
    pub name: OsString,
    /// The reason why it is left alone; `None` for a file to be loaded.
    pub left: Option<&'static str>,
}

impl Seen {
    /// Returns true if the name is a temporary one, to be followed by another.
    pub(super) fn is_on_its_way(&self) -> bool {
        matches!(self.left, Some(HIDDEN | TEMPORARY))
    }
}

const HIDDEN: &str = "hidden";
const TEMPORARY: &str = "a temporary name";

/// Returns all entries of the folder by name, except Sluice's own.
pub(super) fn look(folder: &Path, claims: &dyn Fn(&str) -> bool) -> io::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder)? {
        seen.extend(look_at(folder, entry?.file_name(), claims));
    }
    seen.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(seen)
}

/// The entries that belong to Sluice, git or the file system.
const OURS: [&str; 4] = [".sluice", "failed", ".gitkeep", "lost+found"];

/// Looks at one name in the folder; `claims` returns true for names that a plugin claims, whatever their ending.
/// Returns `None` where there is no such entry, or it is Sluice's own.
pub(super) fn look_at(folder: &Path, name: OsString, claims: &dyn Fn(&str) -> bool) -> Option<Seen> {
    let for_a_moment = [".doctor-", ".again-"].iter().any(|ours| name.as_encoded_bytes().starts_with(ours.as_bytes()));
    if for_a_moment || OURS.iter().any(|own| name == *own) {
        return None;
    }
    let meta = fs::symlink_metadata(folder.join(&name)).ok()?;
    let left = why_left(&name, meta.file_type(), claims).or_else(|| why_not(&meta));
    Some(Seen { left, name })
}

/// Returns the reason why a file would be left alone in the folder; `claims` returns true for names that a plugin
/// claims.
pub fn left(path: &Path, claims: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let (folder, name) = (path.parent()?, path.file_name()?);
    match look_at(folder, name.to_owned(), claims) {
        Some(seen) => seen.left,
        None => Some("a name that Sluice keeps for itself"),
    }
}

/// Returns the reason why a file of this name would be left alone; `claims` returns true for names that a plugin claims.
pub fn left_by_name(name: &str, claims: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    if OURS.contains(&name) {
        Some("a name that Sluice keeps for itself")
    } else if name.starts_with('.') {
        Some(HIDDEN)
    } else if lower.ends_with(".part") || lower.ends_with(".tmp") || name.ends_with('~') || name.starts_with('~') {
        Some(TEMPORARY)
    } else if !Format::is_known(name) && !claims(name) {
        Some(
            "no format that is read (.csv, .tsv, .txt, .psv, .dat, .json, .jsonl, .ndjson, .parquet, .xlsx, .xlsm, .xls, .ods, \
             each also .gz, .zst; .zip)",
        )
    } else {
        None
    }
}

fn why_left(name: &OsStr, kind: FileType, claims: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    if kind.is_symlink() {
        Some("a symbolic link, which is not followed")
    } else if kind.is_dir() {
        Some("a folder, in which nothing is read")
    } else if kind.is_socket() || kind.is_fifo() || kind.is_block_device() || kind.is_char_device() {
        Some("no regular file")
    } else {
        left_by_name(&name.to_string_lossy(), claims)
    }
}

/// Returns true if a text may be continued: its last line has no end, or its only line is perhaps the header. Archives
/// and compressed files mark their own end.
pub(super) fn may_go_on(path: &Path) -> bool {
    let packed = [".gz", ".zst", ".zip", ".parquet", ".xlsx", ".xlsm", ".xls", ".ods"];
    let name = path.to_string_lossy().to_ascii_lowercase();
    if packed.iter().any(|ending| name.ends_with(ending)) {
        return false;
    }
    let ends = || -> io::Result<(bool, Vec<u8>)> {
        let mut file =
            fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        file.by_ref().take(HEAD).read_to_end(&mut head)?;
        file.seek(SeekFrom::End(-i64::from(file.metadata()?.len() > 0)))?;
        file.take(1).read_to_end(&mut tail)?;
        let lines = head.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
        Ok((lines > 1 || head.starts_with(b"["), tail))
    };
    let is_whole = |(long, tail): (bool, Vec<u8>)| long && matches!(tail.as_slice(), [b'\n' | b'\r' | b'}' | b']']);
    !ends().is_ok_and(is_whole)
}

/// The bytes that are read to count the lines of a text.
const HEAD: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_an_end_may_go_on() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text, expected) in [
            ("a.csv", "a,b\n1,2\n", false),
            ("b.csv", "a,b\r1,2\r", false),
            ("c.csv", "a,b\n1,2", true),
            ("d.csv", "a,b\n", true),
            ("e.csv", "", true),
            ("f.json", "[1,2]", false),
            ("h.jsonl", "{}", true),
            ("g.csv.GZ", "\x1F", false),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
            assert_eq!(may_go_on(&dir.path().join(name)), expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_for_us_is_left() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "a.csv",
            "B.TSV",
            ".hidden.csv",
            "x.csv.part",
            "x.tmp",
            "x.csv~",
            "~x.csv",
            "notes.docx",
            "none",
            "claimed.xyz",
        ] {
            fs::write(dir.path().join(name), "a\n1\n").unwrap();
        }
        fs::create_dir(dir.path().join("folder.csv")).unwrap();
        fs::create_dir(dir.path().join("failed")).unwrap();
        std::os::unix::fs::symlink("a.csv", dir.path().join("link.csv")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket.csv")).unwrap();
        for (name, expected) in
            [("a.csv", None), (".hidden.csv", Some("hidden")), ("failed", Some("a name that Sluice keeps for itself"))]
        {
            assert_eq!(left(&dir.path().join(name), &|_| false), expected);
        }
        let seen = look(dir.path(), &|name| name == "claimed.xyz").unwrap();
        assert_eq!(seen.len(), 13);
        let ours: Vec<_> = seen.iter().filter(|one| one.left.is_none()).map(|one| one.name.clone()).collect();
        assert_eq!(ours, ["B.TSV", "a.csv", "claimed.xyz"]);
    }
}
