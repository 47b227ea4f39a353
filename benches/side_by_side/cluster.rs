//! A PostgreSQL of the benchmark's own, with the settings it comes with: only its folder, its port and its user are said. It ends
//! with the benchmark, however that ends, because it then loses its standard input.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;

use crate::installed::{binaries, other_user};
use crate::sql;

pub struct Cluster {
    server: Child,
    url: String,
    databases: AtomicU32,
    _folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts it; `None` where PostgreSQL is not installed.
    pub fn start() -> anyhow::Result<Option<Cluster>> {
        let Some(binaries) = binaries() else { return Ok(None) };
        let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
        let (data, password_file) = (folder.path().join("data"), folder.path().join("password"));
        let password = tempfile::Builder::new().rand_bytes(24).prefix("").tempfile()?;
        let password = password.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        std::fs::write(&password_file, &password)?;

        // The server refuses to run as root: then another user, who must own the folder.
        let user = if rustix::process::geteuid().is_root() { Some(other_user()?) } else { None };
        if let Some((uid, gid)) = user {
            for path in [folder.path(), &password_file] {
                std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
            }
        }
        let as_user = |mut command: Command| {
            use std::os::unix::process::CommandExt;
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command.current_dir(folder.path());
            command
        };
        let mut initdb = Command::new(binaries.join("initdb"));
        initdb.args(["--username=sluice", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
        initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password_file);
        let done = as_user(initdb).output()?;
        anyhow::ensure!(done.status.success(), "initdb: {}", String::from_utf8_lossy(&done.stderr));

        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(
            "\"$0\" \"$@\" >server.log 2>&1 & server=$!
             cat >/dev/null
             kill -INT $server; wait $server",
        );
        shell.arg(binaries.join("postgres")).arg("-D").arg(&data).arg("-k").arg(folder.path());
        shell.args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}")]);
        let server = as_user(shell).stdin(Stdio::piped()).spawn()?;
        let url = format!("postgres://sluice:{password}@127.0.0.1:{port}");
        let cluster = Cluster { server, url, databases: AtomicU32::new(1), _folder: folder };
        for _ in 0..600 {
            if sql::execute(&cluster.maintenance(), "select 1").is_ok() {
                return Ok(Some(cluster));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(cluster._folder.path().join("server.log")).unwrap_or_default();
        anyhow::bail!("the server does not answer: {log}")
    }

    /// The address of a new, empty database.
    pub fn new_database(&self) -> anyhow::Result<String> {
        let name = format!("bench_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        sql::execute(&self.maintenance(), &format!("create database {name}"))?;
        Ok(format!("{}/{name}", self.url))
    }

    /// Drops a database, and writes to disk what the server still has to, so that the next one does not pay for it.
    pub fn drop_database(&self, url: &str) -> anyhow::Result<()> {
        let name = url.rsplit('/').next().context("an address without a database")?;
        sql::execute(&self.maintenance(), &format!("drop database if exists {name} with (force)"))?;
        self.checkpoint()
    }

    pub fn checkpoint(&self) -> anyhow::Result<()> {
        sql::execute(&self.maintenance(), "checkpoint")
    }

    fn maintenance(&self) -> String {
        format!("{}/postgres", self.url)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

/// The version of the server that is started.
pub fn version() -> Option<String> {
    let done = Command::new(binaries()?.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    Some(format!("PostgreSQL {}", text.split_whitespace().nth(2)?))
}
