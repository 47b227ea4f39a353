//! A process from its start to its end: how long, how much memory at most.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What a process was.
#[derive(Clone, Debug)]
pub struct Ran {
    pub wall: Duration,
    /// The most memory it had at once, in bytes.
    pub peak: u64,
    pub stdout: String,
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started, or ends with another exit code than 0; with what it said.
pub fn run(command: &mut Command) -> anyhow::Result<Ran> {
    // Files, not pipes: nobody has to read while it runs.
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    // What was written before is on disk, so that nobody pays for somebody else's.
    rustix::fs::sync();
    let started = Instant::now();
    let child = command.spawn().map_err(|error| anyhow::anyhow!("{:?}: {error}", command.get_program()))?;
    let (status, peak) = wait(&child)?;
    let wall = started.elapsed();
    let stdout = text(&mut stdout)?;
    if !status.success() {
        let program = command.get_program();
        anyhow::bail!("{program:?} ended with {status}:\n{stdout}{}", text(&mut stderr)?);
    }
    Ok(Ran { wall, peak, stdout })
}

fn text(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Its exit status and its peak memory in bytes, which only `wait4` tells of one child.
#[allow(unsafe_code)]
fn wait(child: &Child) -> std::io::Result<(ExitStatus, u64)> {
    let (mut status, pid) = (0, child.id() as libc::pid_t);
    // SAFETY: `rusage` is numbers only, and the call writes to the two that it gets; the child was not waited for before.
    let (done, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &raw mut status, 0, &raw mut usage), usage)
    };
    if done != pid {
        return Err(std::io::Error::last_os_error());
    }
    Ok((ExitStatus::from_raw(status), usage.ru_maxrss as u64 * 1024))
}
