//! A PostgreSQL of the tests' own: its binaries out of the system's package, its cluster in a temporary folder, its password made
//! here. It ends with the test program, however that ends, because it then loses its standard input.

use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use sqlx::{Connection, Executor, PgConnection};

use super::installed::{binaries, other_user};

/// A server, which ends when this is dropped.
pub struct Cluster {
    server: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Cluster {
    /// Its address, without a database.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

static CLUSTER: Mutex<Option<Cluster>> = Mutex::new(None);
static DATABASES: AtomicU32 = AtomicU32::new(1);

/// Whether PostgreSQL's binaries are here. `REQUIRE_POSTGRES=1` makes it a failure when they are not.
pub fn is_available() -> bool {
    binaries().is_some() || std::env::var_os("REQUIRE_POSTGRES").is_some()
}

/// The address of a new, empty database.
pub async fn new_database() -> anyhow::Result<String> {
    let url = {
        let mut cluster = CLUSTER.lock().unwrap();
        match &*cluster {
            Some(running) => running.url.clone(),
            None => cluster.insert(start(None).context("cannot start PostgreSQL")?).url.clone(),
        }
    };
    let name = format!("case_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&format!("{url}/postgres")).await?;
    connection.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await?;
    Ok(format!("{url}/{name}"))
}

/// A copy of a database as it is now, as a restored dump is.
pub async fn copy_of(url: &str) -> anyhow::Result<String> {
    let (server, from) = url.rsplit_once('/').context("an address without a database")?;
    let name = format!("case_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&format!("{server}/postgres")).await?;
    let end = format!("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{from}'");
    connection.execute(sqlx::AssertSqlSafe(end)).await?;
    connection.execute(sqlx::AssertSqlSafe(format!("create database {name} template {from}"))).await?;
    Ok(format!("{server}/{name}"))
}

/// Ends the server, if one was started.
pub fn stop() {
    drop(CLUSTER.lock().unwrap().take());
}

/// True if the server's own words are English.
pub fn speaks_english() -> bool {
    let messages = messages();
    ["C", "POSIX", "en"].iter().any(|word| messages.starts_with(word))
}

fn messages() -> String {
    std::env::var("POSTGRES_MESSAGES").unwrap_or_else(|_| "C".to_owned())
}

/// A server of its own that offers TLS with this certificate and key, in PEM.
pub fn start_with_tls(certificate: &str, key: &str) -> anyhow::Result<Cluster> {
    start(Some((certificate, key))).context("cannot start PostgreSQL")
}

fn start(tls: Option<(&str, &str)>) -> anyhow::Result<Cluster> {
    let binaries =
        binaries().context("no initdb and postgres found: install the system's PostgreSQL server package")?;
    let folder = tempfile::Builder::new().prefix("sluice-postgres-").tempdir()?;
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
    initdb.args(["--username=sluice", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
    initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password_file);
    let done = as_user(initdb).output()?;
    anyhow::ensure!(done.status.success(), "initdb: {}", String::from_utf8_lossy(&done.stderr));

    for (name, text) in
        tls.map(|(certificate, key)| [("server.crt", certificate), ("server.key", key)]).into_iter().flatten()
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(data.join(name), text)?;
        std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o600))?;
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(data.join(name), Some(uid), Some(gid))?;
        }
    }

    // A server speaks the language of its operator: `POSTGRES_MESSAGES=de_DE.UTF-8` runs the tests with such a one.
    let messages = messages();
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(
        "\"$0\" \"$@\" >server.log 2>&1 & server=$!
         cat >/dev/null
         kill -INT $server; wait $server",
    );
    shell.arg(binaries.join("postgres")).arg("-D").arg(&data).arg("-k").arg(folder.path());
    for setting in [
        "listen_addresses=127.0.0.1",
        "fsync=off",
        "max_connections=300",
        &format!("port={port}"),
        &format!("lc_messages={messages}"),
        &format!("ssl={}", if tls.is_some() { "on" } else { "off" }),
    ] {
        shell.arg("-c").arg(setting);
    }
    let server = as_user(shell).stdin(Stdio::piped()).spawn()?;
    let url = format!("postgres://sluice:{password}@127.0.0.1:{port}");
    let mut ready = Command::new(binaries.join("pg_isready"));
    ready.args(["-q", "-t", "30", "-h", "127.0.0.1", "-p", &port.to_string()]);
    // It waits for an answer, but not for somebody to listen.
    for _ in 0..600 {
        if ready.status()?.success() {
            return Ok(Cluster { server, url, _folder: folder });
        }
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap_or_default();
    anyhow::bail!("the server does not answer: {log}")
}
