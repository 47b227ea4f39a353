//! Files that come over the network. Their bytes lie beside the programs' places until they are whole; then a rename makes each a
//! claimed file of the program that watches the folder. One that was killed goes on with them.
//!
//! ```text
//! imports/.sluice/.uploads/<id>        its bytes so far
//! imports/.sluice/.uploads/<id>.json   its name and length, where it may come in parts; and its claim, once it has one
//! ```

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Dir;
use super::claimed::ClaimedFile;
use super::folder::Folder;
use super::owner::random;
use super::places::places;

/// The folder of uploads, beside the places; gone with a program that leaves none.
pub(super) const UPLOADS: &str = ".uploads";

/// Ending of what is known of an upload that may come in parts, and its name while it is written.
const ABOUT: &str = ".json";
const ABOUT_NEW: &str = ".json.new";

/// Time without a byte after which an upload in one piece is nobody's: its program was killed.
const PIECE: Duration = Duration::from_secs(300);

/// What is known of an upload that may come in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Name of the file.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// What became of it, once it was whole.
    pub received: Option<Received>,
}

/// A whole upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Name of its claim, by which the ledger knows its loads.
    pub claim: String,
    /// BLAKE3 of its bytes, 64 hexadecimal digits.
    pub hash: String,
}

/// A file on its way.
#[derive(Debug)]
pub struct Upload {
    dir: Dir,
    id: String,
    /// True if it may come in parts: it stays when it is dropped.
    stays: bool,
}

impl Upload {
    /// Word that names it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The file, to be appended to; whoever has it keeps all others out until it is dropped.
    ///
    /// # Errors
    /// `WouldBlock` while another one has it, `NotFound` once it was received.
    pub fn file(&self) -> io::Result<File> {
        let file = self.dir.append_to(&self.id)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Number of its bytes so far.
    ///
    /// # Errors
    /// A file that is gone: it was received.
    pub fn bytes(&self) -> io::Result<u64> {
        Ok(self.dir.look(&self.id)?.len())
    }

    /// BLAKE3 of its bytes, 64 hexadecimal digits.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn hash(&self) -> io::Result<String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(self.dir.file(&self.id)?)?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Gives its bytes behind an offset, part by part.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read_from(&self, offset: u64, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut file = self.dir.file(&self.id)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut part = vec![0; 64 * 1024];
        loop {
            match file.read(&mut part)? {
                0 => return Ok(()),
                read => each(&part[..read]),
            }
        }
    }

    /// What is known of it; `None` where it comes in one piece.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn about(&self) -> io::Result<Option<About>> {
        match self.dir.note(self.beside(ABOUT), &[rustix::process::geteuid().as_raw()]) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what is known of it, whole or not at all.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn know(&self, about: &About) -> io::Result<()> {
        let new = self.beside(ABOUT_NEW);
        self.dir.write(&new, &serde_json::to_vec(about)?, 0o600)?.sync_all()?;
        self.dir.replace(&new, &self.dir, self.beside(ABOUT))?;
        self.dir.sync()
    }

    /// Deletes it with what is known of it.
    ///
    /// # Errors
    /// A file that cannot be deleted.
    pub fn discard(&self) -> io::Result<()> {
        for name in [OsString::from(&self.id), self.beside(ABOUT_NEW), self.beside(ABOUT)] {
            match self.dir.remove(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn beside(&self, ending: &str) -> OsString {
        format!("{}{ending}", self.id).into()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.stays {
            // What stays is cleared by a later sweep.
            let _ = self.discard();
        }
    }
}

impl Folder {
    /// Begins an upload in one piece, which is gone when it is dropped, or in parts.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn begin_upload(&self, about: Option<&About>) -> io::Result<Upload> {
        let upload = Upload { dir: self.uploads()?, id: format!("{}{}", random(), random()), stays: about.is_some() };
        upload.dir.new_file(&upload.id, 0o600)?;
        if let Some(about) = about {
            upload.know(about)?;
        }
        Ok(upload)
    }

    /// The upload in parts that has this word for a name.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn upload(&self, id: &str) -> io::Result<Option<(Upload, About)>> {
        let is_one = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_one {
            return Ok(None);
        }
        let upload = Upload { dir: self.uploads()?, id: id.to_owned(), stays: true };
        let about = upload.about()?;
        Ok(about.map(|about| (upload, about)))
    }

    /// Makes a whole upload, of which `file` is held, a claimed file of this program, called `name`, on stable storage.
    ///
    /// # Errors
    /// A file that cannot be moved.
    pub fn receive(&self, upload: &Upload, file: &File, name: &OsStr) -> io::Result<ClaimedFile> {
        file.sync_all()?;
        let (file, place) = self.take((&upload.dir, OsStr::new(&upload.id)), name, &self.next_claim(), false)?;
        let file = file.hold(place);
        file.sync()?;
        Ok(file.fresh())
    }

    /// Deletes the uploads that nobody has gone on with for this long; those that were received are forgotten by then, too.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn sweep_uploads(&self, age: Duration) -> io::Result<()> {
        let dir = self.uploads()?;
        let is_fresh = |name: &OsStr, age: Duration| {
            let changed = dir.look(name).and_then(|meta| meta.modified());
            changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|since| since <= age))
        };
        for name in dir.names()? {
            let text = name.to_string_lossy();
            let id = text.split('.').next().unwrap_or_default();
            let comes_in_parts = *text != *id || dir.look(format!("{id}{ABOUT}")).is_ok();
            let age = if comes_in_parts { age } else { age.min(PIECE) };
            // What is known of an upload stays as long as its bytes come.
            if !is_fresh(&name, age) && !is_fresh(OsStr::new(id), age) {
                dir.remove(&name)?;
            }
        }
        Ok(())
    }

    fn uploads(&self) -> io::Result<Dir> {
        let claims = &self.home_of_claims().claims;
        match claims.new_dir(UPLOADS, 0o700) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => claims.dir(UPLOADS),
            made => made,
        }
    }
}

/// The name of the file that a program has under a claim of this name in the folder; `None` once it is loaded and gone.
///
/// # Errors
/// A folder that cannot be read.
pub fn claimed_file(folder: &Path, claim: &str) -> io::Result<Option<String>> {
    let again = format!("{claim}~");
    for place in places(folder)? {
        let is_it = |name: &OsString| name == claim || name.to_string_lossy().starts_with(&again);
        let Some(claim) = place.dir.folders()?.into_iter().find(is_it) else { continue };
        let names = place.dir.dir(claim).and_then(|dir| dir.names()).unwrap_or_default();
        let file = names.iter().map(|name| name.to_string_lossy()).find(|name| !name.starts_with('.'));
        return Ok(Some(file.unwrap_or_default().into_owned()));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::CLAIMS;
    use super::*;

    #[test]
    fn an_upload_is_a_claimed_file_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let upload = folder.begin_upload(None).unwrap();
        upload.file().unwrap().write_all(b"a,b\n1,2\n").unwrap();
        assert_eq!(upload.bytes().unwrap(), 8);
        assert!(folder.claims().unwrap().is_empty() && folder.upload(upload.id()).unwrap().is_none());
        let hash = upload.hash().unwrap();
        assert_eq!(hash, blake3::hash(b"a,b\n1,2\n").to_hex().to_string());
        let file = folder.receive(&upload, &upload.file().unwrap(), OsStr::new("x.csv")).unwrap();
        // Who comes late makes no second file.
        assert_eq!(upload.file().unwrap_err().kind(), io::ErrorKind::NotFound);
        drop(upload);
        assert_eq!((file.name(), file.ends()), ("x.csv".to_owned(), 0));
        assert_eq!(std::fs::read(file.place()).unwrap(), b"a,b\n1,2\n");
        let claim = file.claim().unwrap();
        assert_eq!(claimed_file(dir.path(), &claim).unwrap().as_deref(), Some("x.csv"));
        assert_eq!(claimed_file(dir.path(), &claim[..claim.len() - 1]).unwrap(), None);
        // A program that is killed here leaves it to the next.
        drop((file, folder));
        let next = Folder::open(dir.path()).unwrap();
        assert_eq!(next.claim_leftovers(&mut |_, _| {}).unwrap()[0].claim(), Some(claim));
        assert!(!dir.path().join(CLAIMS).join(UPLOADS).exists());
    }

    #[test]
    fn an_upload_in_parts_outlives_its_program_and_one_in_one_piece_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let about = About { name: "x.csv".to_owned(), length: 8, received: None };
        let (parts, piece) = (folder.begin_upload(Some(&about)).unwrap(), folder.begin_upload(None).unwrap());
        parts.file().unwrap().write_all(b"a,b\n").unwrap();
        let held = parts.file().unwrap();
        assert_eq!(parts.file().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let id = parts.id().to_owned();
        drop((parts, piece, folder, held));
        let next = Folder::open(dir.path()).unwrap();
        let (parts, known) = next.upload(&id).unwrap().unwrap();
        assert_eq!((parts.bytes().unwrap(), known), (4, about));
        parts.file().unwrap().write_all(b"1,2\n").unwrap();
        next.sweep_uploads(Duration::from_secs(60)).unwrap();
        assert_eq!(parts.bytes().unwrap(), 8);
        for other in ["", "../x", &id[1..], "x.json"] {
            assert!(next.upload(other).unwrap().is_none(), "{other}");
        }
        std::thread::sleep(Duration::from_millis(20));
        next.sweep_uploads(Duration::from_millis(10)).unwrap();
        assert_eq!(std::fs::read_dir(dir.path().join(CLAIMS).join(UPLOADS)).unwrap().count(), 0);
    }
}
