//! What the numbers were measured on.

use std::process::Command;

use crate::cluster;

/// Processor, cores, memory, kernel, and the versions of what is measured.
pub fn describe() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let memory = memory.map_or_else(|| "memory unknown".to_owned(), |kib| format!("{} GiB", (kib + (1 << 19)) >> 20));
    let kernel = format!("Linux {}", read("/proc/sys/kernel/osrelease").trim());
    let mut parts = vec![model, format!("{cores} cores"), memory, kernel];
    parts.push(format!("Sluice {}", env!("CARGO_PKG_VERSION")));
    parts.push(cluster::version().unwrap_or_else(|| "no PostgreSQL".to_owned()));
    parts.push(sqlite3().map_or_else(|| "no sqlite3".to_owned(), |version| format!("sqlite3 {version}")));
    parts.push(duckdb().map_or_else(|| "no DuckDB".to_owned(), |version| format!("DuckDB {version}")));
    parts.join(", ")
}

/// The version of `sqlite3`, where there is one.
pub fn sqlite3() -> Option<String> {
    first_word(Command::new("sqlite3").arg("--version"))
}

/// The version of DuckDB's package, where Python has it.
pub fn duckdb() -> Option<String> {
    first_word(Command::new(python()).args(["-c", "import duckdb; print(duckdb.__version__)"]))
}

/// The interpreter that has DuckDB's package: the variable `PYTHON`, or else `python3`.
pub fn python() -> std::ffi::OsString {
    std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into())
}

fn first_word(command: &mut Command) -> Option<String> {
    let done = command.output().ok().filter(|done| done.status.success())?;
    Some(String::from_utf8_lossy(&done.stdout).split_whitespace().next()?.to_owned())
}
