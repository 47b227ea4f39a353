//! The owner of a file or folder and the user that this program runs as: the words of a message about missing rights.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::process::{getegid, geteuid};

/// A folder that is refused, with the words for the fix.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// The error; if rights are missing, with the path's owner, the user that this program runs as, and the command that
/// gives it the right.
pub(crate) fn explain(error: io::Error, path: &Path) -> io::Error {
    let is_explained = error.get_ref().is_some_and(|inner| inner.is::<Refused>());
    if error.kind() != io::ErrorKind::PermissionDenied || is_explained {
        return error;
    }
    io::Error::new(error.kind(), format!("{error}: {}", whose(path)))
}

/// As [`explain`] for a folder that is to be written, or one in it; if it is missing, for the folder that would hold
/// it.
pub(crate) fn explain_folder(error: io::Error, folder: &Path) -> io::Error {
    let inner = [folder.join(".sluice"), folder.join("failed")];
    // The outermost: giving it away gives what is in it.
    let is_shut = |path: &&Path| path.exists() && access(*path, Access::WRITE_OK | Access::EXEC_OK).is_err();
    let shut = [folder].into_iter().chain(inner.iter().map(std::path::PathBuf::as_path)).find(is_shut);
    let there = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let there = there.ancestors().find(|path| path.exists()).unwrap_or(folder);
    explain(error, shut.unwrap_or(if folder.exists() { folder } else { there }))
}

/// The words on the owner of a folder that may not be written; `None` if it may.
pub(crate) fn shut(folder: &Path) -> Option<String> {
    let may = access(folder, Access::WRITE_OK | Access::EXEC_OK);
    (may == Err(rustix::io::Errno::ACCESS)).then(|| whose(folder))
}

/// The reason why a folder that is there cannot be written, and the remedy, in words; `None` if it can. Room is not looked
/// for.
pub(crate) fn unwritable(folder: &Path) -> Option<(&'static str, String)> {
    use rustix::io::Errno;
    match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Err(Errno::ACCESS) => Some(("Sluice has no right to write in it", whose(folder))),
        Err(Errno::ROFS) => Some(("it is read-only", format!("mount {} so that it can be written", folder.display()))),
        _ => None,
    }
}

/// The command that gives a folder to the user that this program runs as.
pub(crate) fn given(folder: &Path) -> String {
    format!("chown -R {}:{} {}", geteuid().as_raw(), getegid().as_raw(), folder.display())
}

/// In words: owner, mode, the user we run as, and the fix.
fn whose(path: &Path) -> String {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let (us, shown) = (format!("Sluice runs as uid {uid}, gid {gid}"), path.display());
    let Ok(meta) = path.symlink_metadata() else {
        return format!("{us} and may not even look at {shown}");
    };
    let (owner, group, mode) = (meta.uid(), meta.gid(), meta.mode() & 0o7777);
    let how = if meta.is_dir() {
        let own = given(path);
        match owner {
            0 => format!("{own} (in a container the folder of the host that is mounted there)"),
            _ if owner == uid => format!("chmod u+rwx {shown}"),
            _ => format!(
                "{own}, or run Sluice as its owner (with docker-compose: APP_UID={owner} and APP_GID={group} in .env)"
            ),
        }
    } else {
        format!("chmod a+r {shown}, or chown it; docker cp keeps the mode, so chmod before copying")
    };
    format!("{shown} is uid {owner}'s, gid {group}'s, with mode {mode:04o}, and {us}: {how}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_is_told_whose_it_is_and_as_whom_it_runs() {
        let dir = tempfile::tempdir().unwrap();
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let file = dir.path().join("p.csv");
        std::fs::write(&file, "").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        let said = explain(denied(), &file).to_string();
        assert!(said.contains(&format!("p.csv is uid {uid}'s, gid {gid}'s, with mode 0600")), "{said}");
        assert!(said.contains(&format!("Sluice runs as uid {uid}, gid {gid}: chmod a+r {}", file.display())), "{said}");
        let said = explain_folder(denied(), &dir.path().join("none/imports")).to_string();
        assert!(said.contains(&format!("{} is uid", dir.path().display())), "{said}");
        assert_eq!(explain(io::ErrorKind::NotFound.into(), &file).kind(), io::ErrorKind::NotFound);
    }
}
