//! The real program, run as a user runs it, in a case's project folder.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::Workdir;

/// Longer than anything takes; a case that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

fn command(workdir: &Workdir, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.current_dir(workdir.path("")).args(arguments).env_clear().env("SETTLE_SECONDS", "0.3");
    command.envs(settings.iter().copied());
    command
}

/// The user that the program runs as where it is to lack rights that root has; the project folder becomes its own.
pub fn as_other_user(workdir: &Workdir) -> anyhow::Result<Option<u32>> {
    use std::os::unix::fs::{PermissionsExt, chown};
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let program = workdir.path("app");
    if !program.exists() {
        copy_app(&program)?;
        std::fs::set_permissions(workdir.path(""), std::fs::Permissions::from_mode(0o755))?;
        std::fs::create_dir(workdir.path("data"))?;
        for name in ["", "imports", "exports", "data"] {
            chown(workdir.path(name), Some(OTHER), Some(OTHER))?;
        }
    }
    Ok(Some(OTHER))
}

/// Copies the program, by a process of its own: a file that this one had open to write could not be run while another
/// test starts a process, which has it open too.
pub fn copy_app(to: &Path) -> anyhow::Result<()> {
    let done = Command::new("cp").arg(env!("CARGO_BIN_EXE_app")).arg(to).status()?;
    anyhow::ensure!(done.success(), "cp: {done}");
    Ok(())
}

/// The number of that user.
const OTHER: u32 = 4321;

fn command_of(workdir: &Workdir, arguments: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Command> {
    use std::os::unix::process::CommandExt;
    let mut command = command(workdir, arguments, settings);
    if let Some(user) = as_other_user(workdir)? {
        command = Command::new(workdir.path("app"));
        command.current_dir(workdir.path("")).args(arguments).env_clear().env("SETTLE_SECONDS", "0.3");
        command.envs(settings.iter().copied()).uid(user).gid(user);
    }
    Ok(command)
}

/// Runs a command to its end as a user without root's rights.
pub fn app_of_user(workdir: &Workdir, arguments: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Output> {
    Ok(command_of(workdir, arguments, settings)?.stdin(Stdio::null()).output()?)
}

/// Runs a command to its end.
pub fn app(workdir: &Workdir, arguments: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Output> {
    Ok(command(workdir, arguments, settings).stdin(Stdio::null()).output()?)
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running daemon; killed when it is dropped.
pub struct Daemon {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Daemon {
    pub fn start(workdir: &Workdir, arguments: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Daemon> {
        Daemon::spawned(command(workdir, arguments, settings))
    }

    /// Starts it as a user without root's rights.
    pub fn start_as_user(workdir: &Workdir, settings: &[(&str, &str)]) -> anyhow::Result<Daemon> {
        Daemon::spawned(command_of(workdir, &[], settings)?)
    }

    fn spawned(mut command: Command) -> anyhow::Result<Daemon> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().expect("it was piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Daemon { child, lines, seen: Vec::new() })
    }

    /// Waits for a line of the log that holds all the words, and gives it.
    pub fn wait_for(&mut self, words: &[&str]) -> anyhow::Result<String> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if words.iter().all(|word| line.contains(word)) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    anyhow::bail!("no line with {words:?} in\n{}", self.seen.join("\n"))
                }
            }
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Every line so far.
    pub fn log(&self) -> String {
        self.seen.join("\n")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) -> anyhow::Result<()> {
        Ok(rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal)?)
    }

    /// Sends SIGTERM, reads the rest of the log, and gives the exit status.
    pub fn terminate(mut self) -> anyhow::Result<(ExitStatus, String)> {
        self.signal(rustix::process::Signal::TERM)?;
        let status = self.wait()?;
        Ok((status, self.log()))
    }

    /// Waits for its end, and reads the rest of its log.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => return Ok(self.child.wait()?),
                Err(RecvTimeoutError::Timeout) => anyhow::bail!("it does not end:\n{}", self.log()),
            }
        }
    }

    /// `kill -9`.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
