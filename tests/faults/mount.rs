//! A file system of its own on a loop device, which can be filled, and whose power can be cut: what was not synced is gone then, as
//! `FS_IOC_SHUTDOWN` with its flag for "no flush of the log" does it (ioctl_xfs_goingdown(2); ext4 and f2fs know it as well).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use crate::bed::{Bed, needs, needs_root};

/// `_IOR('X', 125, __u32)`.
const FS_IOC_SHUTDOWN: libc::c_ulong = 0x8004_587D;
const NO_LOG_FLUSH: u32 = 2;

pub struct Mount {
    pub path: PathBuf,
    image: PathBuf,
}

impl Mount {
    /// Makes an ext4 of so many MiB and mounts it.
    pub fn new(bed: &Bed, mebibytes: u64) -> anyhow::Result<Mount> {
        needs_root("mounting")?;
        needs("mkfs.ext4", "e2fsprogs")?;
        needs("losetup", "mount")?;
        let work = bed.folder.join("mounts");
        std::fs::create_dir_all(&work)?;
        let folder = tempfile::tempdir_in(work)?.keep();
        let (image, path) = (folder.join("image"), folder.join("disk"));
        std::fs::create_dir(&path)?;
        std::fs::File::create(&image)?.set_len(mebibytes << 20)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image))?;
        let mount = Mount { path, image };
        mount.mount()?;
        std::fs::remove_dir(mount.path.join("lost+found"))?;
        Ok(mount)
    }

    pub fn mount(&self) -> anyhow::Result<()> {
        let done = run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.path));
        done.map_err(|error| crate::bed::Skipped(format!("no loop device can be mounted here: {error}")).into())
    }

    /// Takes it away from under whoever uses it.
    pub fn unmount(&self) -> anyhow::Result<()> {
        run(Command::new("umount").arg("-l").arg(&self.path))
    }

    /// Leaves so many bytes free.
    pub fn fill(&self, left: u64) -> anyhow::Result<()> {
        let space = rustix::fs::statvfs(&self.path)?;
        let ballast = (space.f_bavail * space.f_frsize).saturating_sub(left);
        let file = std::fs::File::create(self.ballast())?;
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, ballast)?;
        Ok(())
    }

    pub fn free(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }

    /// The power goes: nothing that is not on the disk gets there any more. Every call fails from now on.
    #[allow(unsafe_code)]
    pub fn cut_power(&self) -> anyhow::Result<()> {
        let folder = std::fs::File::open(&self.path)?;
        let flag = NO_LOG_FLUSH;
        // SAFETY: the descriptor is open, and the call reads one number.
        let done = unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&folder), FS_IOC_SHUTDOWN, &raw const flag) };
        ensure!(done == 0, "FS_IOC_SHUTDOWN: {}", std::io::Error::last_os_error());
        Ok(())
    }

    /// The power is back. Whoever used it must have ended.
    pub fn remount(&self) -> anyhow::Result<()> {
        run(Command::new("umount").arg(&self.path))?;
        self.mount()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = self.unmount();
        let _ = self.image.parent().map(std::fs::remove_dir_all);
    }
}

/// Unmounts what a harness that was killed had left.
pub fn clear(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for path in
        mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|path| Path::new(path).starts_with(folder))
    {
        let _ = run(Command::new("umount").args(["-l", path]));
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let done = command.output()?;
    ensure!(done.status.success(), "{:?}: {}", command.get_program(), String::from_utf8_lossy(&done.stderr).trim());
    Ok(())
}
