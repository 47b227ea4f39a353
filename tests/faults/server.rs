//! A PostgreSQL of the harness's own that can be stopped, broken off, started again and copied. It ends with the harness, however that
//! ends, because it then loses its standard input.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::until;
use crate::sql;

#[path = "../support/installed.rs"]
mod installed;

/// How a server is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Connections are ended, what is open is rolled back.
    Fast,
    /// At once, as in a crash: the next start recovers.
    Immediate,
    /// Every process of it is killed.
    Kill,
}

pub struct Server {
    folder: tempfile::TempDir,
    pub data: PathBuf,
    pub port: u16,
    password: String,
    settings: Vec<String>,
    child: Mutex<Option<Child>>,
    databases: AtomicU32,
}

impl Server {
    /// Makes a cluster and starts it; settings as `name=value`.
    pub fn new(settings: &[&str]) -> anyhow::Result<Server> {
        let folder = folder()?;
        let data = folder.path().join("data");
        Server::with_data(folder, data, settings)
    }

    /// The same with its data somewhere else, in a folder that is there and empty.
    pub fn in_folder(data: &Path, settings: &[&str]) -> anyhow::Result<Server> {
        own(data)?;
        Server::with_data(folder()?, data.join("data"), settings)
    }

    fn with_data(folder: tempfile::TempDir, data: PathBuf, settings: &[&str]) -> anyhow::Result<Server> {
        let password = format!("{:032x}", fastrand::u128(..));
        let password_file = folder.path().join("password");
        std::fs::write(&password_file, &password)?;
        own(&password_file)?;
        let server = Server::made(folder, data, free_port()?, password, settings)?;
        let (data, password_file) = (server.data.display().to_string(), password_file.display().to_string());
        server.tool(
            "initdb",
            &[
                "--username=sluice",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--pgdata",
                &data,
                "--pwfile",
                &password_file,
            ],
        )?;
        server.add_rule("host replication all 127.0.0.1/32 scram-sha-256")?;
        server.start()?;
        Ok(server)
    }

    fn made(
        folder: tempfile::TempDir,
        data: PathBuf,
        port: u16,
        password: String,
        settings: &[&str],
    ) -> anyhow::Result<Server> {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Ok(Server { folder, data, port, password, settings, child: Mutex::new(None), databases: AtomicU32::new(1) })
    }

    /// Lets in who comes from these addresses, with the password.
    pub fn allow(&self, addresses: &str) -> anyhow::Result<()> {
        self.add_rule(&format!("host all all {addresses} scram-sha-256"))?;
        self.execute("select pg_reload_conf()")
    }

    fn add_rule(&self, rule: &str) -> anyhow::Result<()> {
        use std::io::Write;
        let mut rules = std::fs::OpenOptions::new().append(true).open(self.data.join("pg_hba.conf"))?;
        Ok(writeln!(rules, "{rule}")?)
    }

    /// A standby of this server, on a port of its own, not started yet. It connects through `port`.
    pub fn standby(&self, port: u16) -> anyhow::Result<Server> {
        let folder = folder()?;
        let data = folder.path().join("data");
        let standby = Server::made(folder, data.clone(), free_port()?, self.password.clone(), &[])?;
        let from = format!("host=127.0.0.1 port={port} user=sluice password={}", self.password);
        standby.tool(
            "pg_basebackup",
            &["-d", &from, "-D", &data.display().to_string(), "-X", "stream", "-c", "fast", "-R"],
        )?;
        Ok(standby)
    }

    /// Makes a standby the primary.
    pub fn promote(&self) -> anyhow::Result<()> {
        self.tool("pg_ctl", &["promote", "-w", "-D", &self.data.display().to_string()])
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(binaries()?.join(name));
        let done = self.as_user(command.args(arguments))?.output()?;
        ensure!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    fn as_user<'c>(&self, command: &'c mut Command) -> anyhow::Result<&'c mut Command> {
        use std::os::unix::process::CommandExt;
        if let Some((uid, gid)) = user()? {
            command.uid(uid).gid(gid);
        }
        Ok(command.current_dir(self.folder.path()).stdin(Stdio::null()))
    }

    pub fn start(&self) -> anyhow::Result<()> {
        self.start_on(self.port)
    }

    pub fn start_on(&self, port: u16) -> anyhow::Result<()> {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(
            "\"$0\" \"$@\" >>server.log 2>&1 & server=$!
             cat >/dev/null
             kill -INT $server 2>/dev/null; wait $server",
        );
        shell.arg(binaries()?.join("postgres")).arg("-D").arg(&self.data).arg("-k").arg(self.folder.path());
        let own = ["listen_addresses=127.0.0.1".to_owned(), format!("port={port}")];
        // Of two of one name the last counts.
        for setting in own.iter().chain(&self.settings) {
            shell.arg("-c").arg(setting);
        }
        let child = self.as_user(&mut shell)?.stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        *self.child.lock().unwrap() = Some(child);
        let url = format!("postgres://sluice:{}@127.0.0.1:{port}/postgres", self.password);
        ensure!(
            until(Duration::from_secs(60), || sql::execute(&url, "select 1").is_ok()),
            "the server does not answer: {}",
            self.log()
        );
        Ok(())
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    pub fn stop(&self, how: Stop) {
        let signal = match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
            Stop::Kill => Signal::KILL,
        };
        let first = std::fs::read_to_string(self.data.join("postmaster.pid")).ok();
        let postmaster = first.and_then(|text| Pid::from_raw(text.lines().next()?.trim().parse().ok()?));
        if let Some(postmaster) = postmaster {
            let _ = kill_process(postmaster, signal);
        }
        if let Some(mut child) = self.child.lock().unwrap().take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
        // Whoever was killed did not clear up.
        let _ = std::fs::remove_file(self.data.join("postmaster.pid"));
    }

    pub fn url_of(&self, database: &str, port: u16) -> String {
        format!("postgres://sluice:{}@127.0.0.1:{port}/{database}", self.password)
    }

    pub fn password(&self) -> &str {
        &self.password
    }

    pub fn maintenance(&self) -> String {
        self.url_of("postgres", self.port)
    }

    pub fn execute(&self, statements: &str) -> anyhow::Result<()> {
        sql::execute(&self.maintenance(), statements)
    }

    /// The address of a new, empty database.
    pub fn new_database(&self) -> anyhow::Result<String> {
        let name = format!("faults_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("create database {name}"))?;
        Ok(self.url_of(&name, self.port))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop(Stop::Immediate);
    }
}

/// A folder that the server's user owns.
fn folder() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("sluice-faults-").tempdir()?;
    own(folder.path())?;
    Ok(folder)
}

fn own(path: &Path) -> anyhow::Result<()> {
    if let Some((uid, gid)) = user()? {
        std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// The server refuses to run as root: then another user.
fn user() -> anyhow::Result<Option<(u32, u32)>> {
    if rustix::process::geteuid().is_root() { installed::other_user().map(Some) } else { Ok(None) }
}

fn binaries() -> anyhow::Result<PathBuf> {
    installed::binaries().context("no initdb and postgres found: install the system's PostgreSQL server package")
}

pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
