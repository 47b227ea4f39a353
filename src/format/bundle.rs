//! A few small files that are given together, such as a plugin: a folder, a zip, or a tar packed by gzip. Their names are to become paths,
//! so each is checked; a link is refused, and nothing is written.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::read::DeflateDecoder;
use unicode_normalization::UnicodeNormalization;

use super::directory::{Member, directory, too_many};
use super::foreign::foreign;
use super::limits::{Budget, Limits};
use super::tar::each_member;
use super::unpacked::{Bytes, Checked, Gzip, Whole};
use super::zip_names::names;
use super::{FormatError, archive};

/// Bytes of a file that is taken, at most.
const LARGEST: u64 = 1 << 20;

/// Bytes of all files together, at most.
const ALL: u64 = 64 << 20;

/// Folders within folders, at most.
const DEEPEST: usize = 16;

/// A file of a bundle.
#[derive(Debug)]
pub struct Bundled {
    /// Its path within the bundle, with `/`.
    pub name: String,
    /// Its bytes, if it is wanted.
    pub bytes: Option<Vec<u8>>,
}

/// Files that are given together.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The files, in their order.
    pub files: Vec<Bundled>,
    /// Every path and folder so far, by its spelling without case.
    spellings: HashMap<String, String>,
}

impl Bundle {
    /// The files of an archive that is a zip or a tar packed by gzip. `is_wanted` tells by its name if a file's bytes are.
    ///
    /// # Errors
    /// An archive that is none of these, damaged or too large, or with a name that is no path beneath a folder.
    pub fn of_archive(file: &File, limits: Limits, is_wanted: &dyn Fn(&str) -> bool) -> Result<Bundle, FormatError> {
        let size = file.metadata()?.len();
        let mut head = vec![0; 4096.min(size as usize)];
        file.read_exact_at(&mut head, 0)?;
        let mut bundle = Bundle::default();
        if head.starts_with(b"PK") {
            bundle.add_zip(file, limits, is_wanted)?;
        } else if head.starts_with(&[0x1f, 0x8b]) {
            bundle.add_tar(file, size, limits, is_wanted)?;
        } else {
            let what = match foreign(&head) {
                Some(foreign) => foreign.what,
                None if head.trim_ascii_start().starts_with(b"<") => "a page for people (HTML), perhaps a login",
                None => "another file",
            };
            return Err(refused(format!("it is {what}, and no archive: .zip, .tar.gz and .tgz are taken")));
        }
        Ok(bundle)
    }

    /// The files of a folder.
    ///
    /// # Errors
    /// A folder that cannot be read, is too large, or has a link in it, or is one.
    pub fn of_folder(path: &Path, limits: Limits, is_wanted: &dyn Fn(&str) -> bool) -> Result<Bundle, FormatError> {
        let mut bundle = Bundle::default();
        let mut folders = vec![(path.to_owned(), String::new(), 0)];
        while let Some((folder, prefix, depth)) = folders.pop() {
            if fs::symlink_metadata(&folder)?.is_symlink() {
                return Err(refused(format!("{} is a link, and links are not taken", folder.display())));
            }
            let mut entries = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let name = entry.file_name();
                let name = name.to_str().ok_or_else(|| refused("a name in it is not UTF-8".to_owned()))?;
                let name = format!("{prefix}{name}");
                // Not of what a link leads to.
                let meta = entry.metadata()?;
                if meta.is_symlink() {
                    return Err(refused(format!("{name} is a link, and links are not taken")));
                }
                if meta.is_dir() {
                    if depth == DEEPEST {
                        return Err(refused(format!("{name} lies in more than {DEEPEST} folders")));
                    }
                    folders.push((entry.path(), format!("{name}/"), depth + 1));
                    continue;
                }
                if !meta.is_file() {
                    return Err(refused(format!("{name} is neither a file nor a folder")));
                }
                let bytes = is_wanted(&name).then(|| read(&name, File::open(entry.path())?)).transpose()?;
                bundle.add(&name, bytes)?;
                if bundle.files.len() > limits.members {
                    return Err(too_many(bundle.files.len() as u64, limits.members));
                }
            }
        }
        Ok(bundle)
    }

    fn add_zip(&mut self, file: &File, limits: Limits, is_wanted: &dyn Fn(&str) -> bool) -> Result<(), FormatError> {
        let members = directory(file, limits.members)?;
        if members.len() > limits.members {
            return Err(too_many(members.len() as u64, limits.members));
        }
        if members.iter().map(|member| member.size).fold(0, u64::saturating_add) > ALL {
            return Err(too_large());
        }
        for (member, (name, _)) in members.iter().zip(names(&members)) {
            if member.is_link {
                return Err(refused(format!("{name} is a link, and links are not taken")));
            }
            if member.is_folder() {
                self.proper(&name)?;
                continue;
            }
            let bytes = is_wanted(&name).then(|| unpacked(file, member, &name)).transpose()?;
            self.add(&name, bytes)?;
        }
        Ok(())
    }

    fn add_tar(
        &mut self,
        file: &File,
        size: u64,
        limits: Limits,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<(), FormatError> {
        let meter = Budget::new(limits, size).meter(Some(size));
        let input = Gzip::new(file.try_clone()?);
        let mut input = meter.read(Whole { input, what: "gzip" }).take(ALL);
        let read = each_member(&mut input, limits.members, |member, bytes| {
            if member.is_folder {
                return self.proper(&member.name).map(drop);
            }
            let name = member.name.trim_start_matches("./");
            let bytes = is_wanted(name).then(|| read(name, bytes)).transpose()?;
            if bytes.as_ref().is_some_and(|bytes| bytes.len() as u64 != member.size) {
                return Err(refused(format!("the tar archive is cut off within {name}")));
            }
            self.add(name, bytes)
        });
        if input.limit() == 0 { Err(too_large()) } else { read }
    }

    fn add(&mut self, name: &str, bytes: Option<Vec<u8>>) -> Result<(), FormatError> {
        let name = self.proper(name)?;
        if self.files.iter().any(|file| file.name == name) {
            return Err(refused(format!("{name} is in it twice")));
        }
        self.files.push(Bundled { name, bytes });
        Ok(())
    }

    /// The path of a file or folder beneath the bundle's own.
    fn proper(&mut self, name: &str) -> Result<String, FormatError> {
        let wrong = |why: &str| Err(refused(format!("{} {why}", name.escape_debug())));
        let path = name.trim_start_matches("./").trim_end_matches('/');
        let is_drive = path.as_bytes().get(1) == Some(&b':');
        if name.starts_with('/') || is_drive {
            return wrong("is an absolute path, which would be written elsewhere");
        }
        if path.contains('\\') || path.contains(char::is_control) {
            return wrong("has a sign in its name that is none of a path");
        }
        if matches!(path, "" | ".") {
            return Ok(String::new());
        }
        if path.split('/').any(|word| word == "..") {
            return wrong("leads out of its folder");
        }
        if path.split('/').any(|word| matches!(word, "" | ".") || word.len() > 255) {
            return wrong("is no path");
        }
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for spelled in ends.map(|end| &path[..end]) {
            let folded = spelled.to_lowercase().nfc().collect();
            let known = self.spellings.entry(folded).or_insert_with(|| spelled.to_owned());
            if known != spelled {
                return Err(refused(format!(
                    "{known} and {spelled} differ only by case, and are one file on some disks"
                )));
            }
        }
        Ok(path.to_owned())
    }
}

/// The bytes of a file that is taken.
fn read(name: &str, input: impl Read) -> Result<Vec<u8>, FormatError> {
    let mut bytes = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(refused(format!("{name} has more than {LARGEST} bytes")));
    }
    Ok(bytes)
}

fn unpacked(file: &File, member: &Member, name: &str) -> Result<Vec<u8>, FormatError> {
    if let Some(why) = archive::unreadable_packing(member) {
        return Err(refused(format!("{name}: {why}")));
    }
    let packed = reopened(file, member)?;
    let bytes = if member.method == 0 { Bytes::Stored(packed) } else { Bytes::Deflated(DeflateDecoder::new(packed)) };
    let (sum, member) = (flate2::Crc::new(), (member.packed, member.size, member.crc));
    read(name, Whole { input: Checked { bytes, sum, member }, what: "zip" })
}

/// The packed bytes of a member; the place in the file is shared by all that have it open.
fn reopened(file: &File, member: &Member) -> Result<std::io::Take<File>, FormatError> {
    use std::io::Seek;
    let mut file = file.try_clone()?;
    file.seek(std::io::SeekFrom::Start(member.start))?;
    Ok(file.take(member.packed))
}

fn too_large() -> FormatError {
    refused(format!("more than {} MiB come out of it, and it is to be a few small files", ALL >> 20))
}

fn refused(why: String) -> FormatError {
    FormatError::Refused(why)
}

#[cfg(test)]
mod tests {
    use super::Bundle;

    #[test]
    fn names_are_paths_beneath_the_bundle() {
        let mut bundle = Bundle::default();
        for (name, path) in [("a/plugin.yaml", "a/plugin.yaml"), ("./b", "b"), ("a/", "a"), ("./", ""), ("a/ö", "a/ö")]
        {
            assert_eq!(bundle.proper(name).unwrap(), path);
        }
        for name in [
            "../a",
            "a/../../b",
            "/etc/x",
            "./../x",
            "C:x",
            "c:/x",
            "a\\..\\b",
            "a//b",
            "a/./b",
            "a\n",
            "A/plugin.yaml",
            "a/o\u{308}/x/..",
            "A",
            "a/Ö",
        ] {
            assert!(bundle.proper(name).is_err(), "{name:?}");
        }
    }
}
