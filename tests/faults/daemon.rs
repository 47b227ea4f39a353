//! The program as a process, with its log in a file, so that nobody has to read it while it runs, is stopped or is killed.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

/// Longer than anything takes that goes well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often is looked.
const LOOK: Duration = Duration::from_millis(10);

/// A running program; killed when it is dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

/// Waits until something is so; tells whether it came to be.
pub fn until(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(LOOK);
    }
}

impl Daemon {
    /// Starts it; it ends with the harness, however that ends.
    #[allow(unsafe_code)]
    pub fn start(command: &mut Command, log: &Path) -> anyhow::Result<Daemon> {
        // SAFETY: between fork and exec there is one system call, and nothing is allocated.
        unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?)) };
        let file = File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("{:?}", command.get_program()))?;
        Ok(Daemon { child, log: log.to_owned() })
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Whether a line of its log holds all the words.
    pub fn says(&self, words: &[&str]) -> bool {
        self.log().lines().any(|line| words.iter().all(|word| line.contains(word)))
    }

    /// Waits for a line of the log that holds all the words.
    pub fn wait_for(&mut self, words: &[&str], patience: Duration) -> anyhow::Result<()> {
        let mut ended = None;
        until(patience, || {
            ended = self.child.try_wait().ok().flatten();
            ended.is_some() || self.says(words)
        });
        if self.says(words) {
            return Ok(());
        }
        let log = self.log();
        let tail: Vec<_> = log.lines().rev().take(8).collect();
        let why = ended.map_or("waited in vain".to_owned(), |status| format!("it ended with {status}"));
        bail!("no line with {words:?}: {why}; its last lines, the last first:\n{}", tail.join("\n"))
    }

    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    pub fn wait(&mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let mut status = None;
        until(patience, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        Ok(status)
    }

    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(self.pid(), signal)?)
    }

    /// SIGTERM, and waits for the end; `None` when it does not end.
    pub fn terminate(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(Some(status));
        }
        self.signal(Signal::TERM)?;
        self.wait(Duration::from_secs(20))
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Whether the system has stopped it, as at a point of the code.
    pub fn is_stopped(&self) -> bool {
        self.status("State:").is_some_and(|state| state.starts_with('T'))
    }

    /// Memory in use and the most there was, in MiB.
    pub fn memory(&self) -> Option<(u64, u64)> {
        let mib = |field: &str| Some(self.status(field)?.split_whitespace().next()?.parse::<u64>().ok()? / 1024);
        Some((mib("VmRSS:")?, mib("VmHWM:")?))
    }

    /// Files, sockets and pipes that it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    fn status(&self, field: &str) -> Option<String> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        Some(text.lines().find_map(|line| line.strip_prefix(field))?.trim().to_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
