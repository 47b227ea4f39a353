//! Where the system's PostgreSQL is, and whom its server may run as.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The folder of its binaries, the newest version first.
pub fn binaries() -> Option<PathBuf> {
    let on_path =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let of_packages =
        ["/usr/lib/postgresql", "/usr/pgsql-17", "/usr/pgsql-16", "/usr/pgsql-15", "/opt/homebrew/opt/postgresql"];
    let versions =
        std::fs::read_dir(of_packages[0]).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let mut folders: Vec<_> = versions.collect();
    folders.sort();
    folders.reverse();
    folders.extend(of_packages[1..].iter().map(|folder| Path::new(folder).join("bin")));
    folders.extend(on_path);
    folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// The server refuses to run as root: the user and group that it runs as then.
pub fn other_user() -> anyhow::Result<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd")?;
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody")).context("no user postgres or nobody to run PostgreSQL as")
}
