//! The files in `logs/`: a new one each day and when one is full; old ones are deleted. A folder that cannot be written
//! never stops the program: lines are left out meanwhile.
//!
//! Several programs write into the same files at once. So no file is ever renamed: `sluice.2026-11-21.jsonl` is
//! followed by `sluice.2026-11-21.2.jsonl`, which all programs find by the same rule, and one system call appends a
//! line.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use chrono::{NaiveDate, Utc};

use crate::telemetry::progress::Above;
use crate::text::counted;
use crate::text::rights::explain_folder;

/// Appends lines; `write` takes a line at a time and never fails.
pub(super) struct LogFiles {
    folder: PathBuf,
    keep_days: u32,
    max_bytes: u64,
    current: Option<Current>,
    /// The number of lines left out since the folder could not be written.
    left_out: u64,
    /// True if the last line was cut off: the next one must not continue it.
    is_torn: bool,
}

struct Current {
    day: NaiveDate,
    file: File,
}

impl LogFiles {
    /// Opens nothing yet. Files of `keep_days` days, including today, are kept; a file of `max_bytes` is full.
    pub(super) fn new(folder: PathBuf, keep_days: u32, max_bytes: u64) -> LogFiles {
        LogFiles { folder, keep_days, max_bytes, current: None, left_out: 0, is_torn: false }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let begin: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let mut file = self.file(Utc::now().date_naive())?;
        file.write_all(begin)?;
        let written = file.write(line)?;
        self.is_torn = written < line.len();
        if self.is_torn { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    /// Returns today's file that is not full.
    fn file(&mut self, today: NaiveDate) -> io::Result<&File> {
        let goes_on = match &self.current {
            Some(Current { day, file }) => {
                let meta = file.metadata()?;
                // A deleted file has no name any more.
                *day == today && meta.len() < self.max_bytes && meta.nlink() > 0
            }
            None => false,
        };
        if !goes_on {
            self.current = None;
            fs::create_dir_all(&self.folder)?;
            let mut number = 1u32;
            let file = loop {
                let ending = if number == 1 { String::new() } else { format!(".{number}") };
                let path = self.folder.join(format!("sluice.{today}{ending}.jsonl"));
                let file = OpenOptions::new().append(true).create(true).open(path)?;
                if file.metadata()?.len() < self.max_bytes {
                    break file;
                }
                number += 1;
            };
            self.delete_old(today)?;
            self.current = Some(Current { day: today, file });
        }
        match &self.current {
            Some(current) => Ok(&current.file),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn delete_old(&self, today: NaiveDate) -> io::Result<()> {
        let mut days: BTreeMap<NaiveDate, Vec<PathBuf>> = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if let Some(day) = day_of(&entry.file_name().to_string_lossy()) {
                days.entry(day).or_default().push(entry.path());
            }
        }
        // The newest existing days stay, however old: a clock that leaps forward deletes only the oldest.
        let oldest = days.range(..=today).rev().nth(self.keep_days.saturating_sub(1) as usize).map(|(day, _)| *day);
        for path in days.into_iter().filter(|(day, _)| Some(*day) < oldest).flat_map(|(_, paths)| paths) {
            // A file that cannot be deleted is no reason to stop, and another program may have been faster.
            let _ = fs::remove_file(path);
        }
        Ok(())
    }
}

impl Write for LogFiles {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let done = self.append(line);
        let folder = self.folder.display();
        match (done, self.left_out) {
            (Ok(()), 0) => {}
            (Ok(()), left_out) => {
                say(format_args!("{folder}: the log is written again; not in it: {}", counted(left_out, "line")));
                self.left_out = 0;
            }
            (Err(error), left_out) => {
                if left_out == 0 {
                    let error = explain_folder(error, &self.folder);
                    say(format_args!(
                        "warning: {folder}: the log cannot be written: {error}; loading goes on without it"
                    ));
                }
                self.left_out += 1;
                self.current = None;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn say(text: std::fmt::Arguments<'_>) {
    // If standard error is closed, too, nobody is left to tell.
    let _ = writeln!(Above(io::stderr()), "{text}");
}

/// Returns the day of a log file by its name.
fn day_of(name: &str) -> Option<NaiveDate> {
    let day = name.strip_prefix("sluice.")?.strip_suffix(".jsonl")?;
    let (day, number) = day.split_once('.').unwrap_or((day, "2"));
    number.parse::<u32>().ok()?;
    day.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &std::path::Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_full_file_is_followed_by_another_and_two_programs_lose_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let mut files = LogFiles::new(dir.path().to_owned(), 14, 1000);
                std::thread::spawn(move || {
                    for line in 0..500 {
                        let text = format!("writer {writer} line {line} {}\n", "x".repeat(line % 50));
                        assert_eq!(files.write(text.as_bytes()).unwrap(), text.len());
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let mut lines = std::collections::BTreeSet::new();
        for name in names(dir.path()) {
            let text = fs::read_to_string(dir.path().join(&name)).unwrap();
            // Each of the four may have seen room for one more line.
            assert!(text.len() < 1000 + 4 * 80, "{name} has {}", text.len());
            for line in text.lines() {
                let words: Vec<_> = line.split(' ').collect();
                let number: usize = words[3].parse().unwrap();
                assert_eq!(words[4].len(), number % 50, "{line}");
                lines.insert((words[1].to_owned(), number));
            }
        }
        assert_eq!(lines.len(), 2000);
    }

    #[test]
    fn old_days_go_and_what_is_not_ours_stays() {
        let dir = tempfile::tempdir().unwrap();
        let today = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let others = ["notes.jsonl", "sluice.2020-01-01.jsonl.gz", "sluice.2020-01-01.x.jsonl", "sluice.soon.jsonl"];
        let ours = ["sluice.2026-02-27.jsonl", "sluice.2026-02-28.2.jsonl", "sluice.2026-03-01.jsonl"];
        for name in others.iter().chain(&ours) {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let mut files = LogFiles::new(dir.path().to_owned(), 2, 1000);
        files.file(today).unwrap();
        let mut kept = vec!["notes.jsonl"];
        kept.extend(&others[1..3]);
        kept.extend(["sluice.2026-03-01.jsonl", "sluice.2026-03-02.jsonl", "sluice.soon.jsonl"]);
        assert_eq!(names(dir.path()), kept);
    }

    #[test]
    fn a_clock_that_leaps_takes_one_day_at_most() {
        let dir = tempfile::tempdir().unwrap();
        for day in 1..=14 {
            fs::write(dir.path().join(format!("sluice.2026-03-{day:02}.jsonl")), "").unwrap();
        }
        for (year, newest) in [(2081, 15), (1970, 16), (2026, 17)] {
            let mut files = LogFiles::new(dir.path().to_owned(), 14, 1000);
            files.file(NaiveDate::from_ymd_opt(year, 3, 15).unwrap()).unwrap();
            assert!(names(dir.path()).len() >= 14 && names(dir.path()).len() < newest, "{:?}", names(dir.path()));
            assert!(names(dir.path()).contains(&"sluice.2026-03-14.jsonl".to_owned()));
        }
    }

    #[test]
    fn a_full_disk_and_a_deleted_file_lose_no_later_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("sluice.{}.jsonl", Utc::now().date_naive()));
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut files = LogFiles::new(dir.path().to_owned(), 14, 1000);
        files.write_all(b"1\n").unwrap();
        files.write_all(b"2\n").unwrap();
        assert_eq!((files.left_out, fs::read_link(&path).unwrap().to_str()), (2, Some("/dev/full")));
        fs::remove_file(&path).unwrap();
        files.write_all(b"3\n").unwrap();
        assert_eq!((files.left_out, fs::read_to_string(&path).unwrap().as_str()), (0, "3\n"));
        fs::remove_file(&path).unwrap();
        files.write_all(b"4\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "4\n");
    }
}
