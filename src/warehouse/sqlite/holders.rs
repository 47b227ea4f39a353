//! Other processes with the database's file open. SQLite does not tell which of them holds a lock, so this is all that
//! can be known; processes of other users and of other containers are not seen.

use std::fs;
use std::path::Path;

/// The other processes in words, with their names.
pub(super) fn holders(database: &Path) -> String {
    let Ok(database) = database.canonicalize() else { return "nobody can say which".to_owned() };
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        (pid != std::process::id()).then_some(pid)
    });
    let has_open = |pid: &u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|file| file == database))
    };
    let mut found: Vec<_> = numbers
        .filter(has_open)
        .map(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            format!("process {pid} ({})", name.trim().escape_debug())
        })
        .collect();
    found.sort();
    if found.is_empty() {
        return "no process that can be seen from here has it open".to_owned();
    }
    format!("it is open in {}", found.join(", "))
}
