//! A file system of its own on a loop device, which can be filled, and whose power can be cut: what was not synced is gone then, as
//! `FS_IOC_SHUTDOWN` with its flag for "no flush of the log" does it (ioctl_xfs_goingdown(2); ext4 and f2fs know it as well).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;

use crate::bed::{Bed, needs, needs_root};
use crate::daemon::until;

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

    /// The power is back, and the disk can be written to. Whoever used it must have ended.
    pub fn remount(&self) -> anyhow::Result<()> {
        if self.is_mounted() {
            run(Command::new("umount").arg(&self.path))?;
        }
        // A device that is still attached would be mounted once more, with the file system that was shut down.
        let image = self.image.display().to_string();
        let is_free = || {
            let devices = Command::new("losetup").args(["-n", "-O", "NAME", "-j", &image]).output();
            devices.is_ok_and(|devices| devices.stdout.is_empty())
        };
        ensure!(until(Duration::from_secs(10), is_free), "a loop device keeps {image}");
        self.mount()?;
        self.probe()
    }

    fn is_mounted(&self) -> bool {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        mounts.lines().any(|line| line.split(' ').nth(1).is_some_and(|path| Path::new(path) == self.path))
    }

    /// Writes to the disk itself; an error quotes what the kernel says of loop devices.
    pub fn probe(&self) -> anyhow::Result<()> {
        let path = self.path.join(".probe");
        let write = || {
            let file = std::fs::File::create(&path)?;
            rustix::fs::syncfs(&file)?;
            std::fs::remove_file(&path)
        };
        write().map_err(|error| {
            let log = Command::new("dmesg").output().map(|done| done.stdout).unwrap_or_default();
            let log = String::from_utf8_lossy(&log).into_owned();
            let lines: Vec<_> = log.lines().filter(|line| line.contains("loop")).collect();
            let last = lines[lines.len().saturating_sub(4)..].join(" | ");
            anyhow::anyhow!("{}: {error}; the kernel says: {last}", self.path.display())
        })
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
