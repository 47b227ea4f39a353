//! What every fault stands on: the two programs, a folder on disk, a PostgreSQL that most of them share, and the tools of the system.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::Context;

pub use crate::engine::Engine;
use crate::options::Options;
use crate::server::Server;

/// Why a fault cannot be done here. It does not count as survived.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Skipped(pub String);

pub struct Bed {
    pub options: Options,
    /// The program as it is released.
    pub app: PathBuf,
    /// The same with points at which it dies or stops.
    pub armed: PathBuf,
    pub folder: PathBuf,
    server: Mutex<Option<Arc<Server>>>,
}

impl Bed {
    pub fn new(options: Options) -> anyhow::Result<Bed> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let app = variable("FAULTS_APP").context("FAULTS_APP is not set: run scripts/test-faults")?;
        let folder = variable("FAULTS_FOLDER").context("FAULTS_FOLDER is not set: run scripts/test-faults")?;
        crate::mount::clear(&folder);
        eprintln!("--seed {}", options.seed);
        let armed = env!("CARGO_BIN_EXE_app").into();
        Ok(Bed { options, app, armed, folder, server: Mutex::default() })
    }

    /// The server that faults share which leave it alone.
    pub fn server(&self) -> anyhow::Result<Arc<Server>> {
        let mut server = self.server.lock().unwrap();
        Ok(match &*server {
            Some(running) => running.clone(),
            None => server.insert(Arc::new(Server::new(&[])?)).clone(),
        })
    }

    pub fn end(&self) {
        if let Some(server) = self.server.lock().unwrap().take() {
            server.stop(crate::server::Stop::Fast);
        }
    }

    /// A number below another one, by chance: the same ones again for the same fault, engine and seed.
    pub fn chance(&self, below: u64) -> u64 {
        fastrand::u64(0..below)
    }

    pub fn begin_chance(&self, fault: &str, engine: Engine) {
        let name = fault.bytes().fold(engine as u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
        fastrand::seed(self.options.seed.wrapping_add(name));
    }
}

/// Sees that a tool is there, and installs its package where the system lets us.
///
/// # Errors
/// [`Skipped`] when it cannot be had.
pub fn needs(tool: &str, package: &str) -> anyhow::Result<()> {
    let is_there = || {
        let found = Command::new("sh").args(["-c", "command -v \"$0\"", tool]).stdout(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    if is_there() {
        return Ok(());
    }
    let install = "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends";
    let quiet =
        |command: &mut Command| command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let _ = quiet(Command::new("sh").args(["-c", &format!("{install} {package}")]));
    if is_there() { Ok(()) } else { Err(Skipped(format!("there is no {tool}: install {package}")).into()) }
}

/// # Errors
/// [`Skipped`] where this does not run as root.
pub fn needs_root(what_for: &str) -> anyhow::Result<()> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(Skipped(format!("{what_for} needs root")).into()) }
}
