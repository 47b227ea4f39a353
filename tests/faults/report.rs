//! What became of each fault: a table for people, JSON to be kept.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::bed::Engine;

/// A fault on an engine.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// How often it was done.
    pub times: usize,
    pub expected: u64,
    pub found: u64,
    /// Files whose rows are not there, and that are nowhere else either.
    pub lost: Vec<String>,
    /// Rows that are there more than once.
    pub twice: u64,
    /// What else is not as it must be.
    pub wrong: Vec<String>,
    /// What the daemon said of it, the most frequent first.
    pub said: Vec<String>,
    /// Figures worth a look.
    pub notes: Vec<String>,
    /// Why it was not done.
    pub skipped: Option<String>,
}

impl Row {
    pub fn skipped(why: &str) -> Row {
        Row { skipped: Some(why.to_owned()), ..Row::default() }
    }

    /// The fault could not be done to its end.
    pub fn broken(why: &str) -> Row {
        Row { wrong: vec![format!("not done to the end: {why}")], ..Row::default() }
    }

    /// Takes another part of the same fault into the sum.
    pub fn add(&mut self, other: Row) {
        self.times += other.times;
        self.expected += other.expected;
        self.found += other.found;
        self.twice += other.twice;
        self.lost.extend(other.lost);
        self.wrong.extend(other.wrong);
        self.notes.extend(other.notes);
        for line in other.said {
            if !self.said.contains(&line) {
                self.said.push(line);
            }
        }
    }

    fn is_good(&self) -> bool {
        self.skipped.is_some()
            || (self.lost.is_empty() && self.twice == 0 && self.wrong.is_empty() && self.found == self.expected)
    }
}

#[derive(Default)]
pub struct Report {
    /// What was tested with, where it was.
    pub server: String,
    rows: Vec<(&'static str, Engine, Row, Duration)>,
}

impl Report {
    pub fn add(&mut self, fault: &'static str, engine: Engine, row: Row, took: Duration) {
        let result = match &row {
            row if row.skipped.is_some() => "skipped",
            row if row.is_good() => "good",
            _ => "NOT GOOD",
        };
        eprintln!("{fault} on {}: {result}, {:.1} s", engine.name(), took.as_secs_f64());
        for line in row.lost.iter().map(|name| format!("lost: {name}")).chain(row.wrong.clone()) {
            eprintln!("    {line}");
        }
        self.rows.push((fault, engine, row, took));
    }

    pub fn sort_by(&mut self, place: &dyn Fn(&str) -> Option<usize>) {
        self.rows.sort_by_key(|(fault, engine, ..)| (place(fault), engine.name()));
    }

    pub fn is_good(&self) -> bool {
        self.rows.iter().all(|(_, _, row, _)| row.is_good())
    }

    pub fn markdown(&self) -> String {
        let mut out = String::from(
            "\n| fault | engine | times | rows expected | rows found | files lost | rows twice | what the daemon said |\n\
             |---|---|--:|--:|--:|--:|--:|---|\n",
        );
        for (fault, engine, row, _) in &self.rows {
            let (engine, name) = (engine.name(), *fault);
            if let Some(why) = &row.skipped {
                let _ = writeln!(out, "| {name} | {engine} | | | | | | skipped: {} |", cell(why, 160));
                continue;
            }
            let wrong = row.wrong.first().map(|wrong| format!("**{}**", cell(wrong, 160)));
            let notes = row.notes.iter().map(|note| cell(note, 600));
            let said = row.said.iter().take(2).map(|line| cell(line, 160));
            let told: Vec<_> = wrong.into_iter().chain(notes).chain(said).collect();
            let lost = if row.lost.is_empty() { "0".to_owned() } else { format!("**{}**", row.lost.len()) };
            let twice = if row.twice == 0 { "0".to_owned() } else { format!("**{}**", row.twice) };
            let (times, expected, found) = (row.times, row.expected, row.found);
            let _ = writeln!(
                out,
                "| {name} | {engine} | {times} | {expected} | {found} | {lost} | {twice} | {} |",
                told.join("; ")
            );
        }
        let bad: Vec<_> = self.rows.iter().filter(|(_, _, row, _)| !row.is_good()).collect();
        let skipped = self.rows.iter().filter(|(_, _, row, _)| row.skipped.is_some()).count();
        let (all, good) = (self.rows.len(), self.rows.len() - bad.len() - skipped);
        let _ = writeln!(out, "\n{good} of {all} good, {skipped} skipped, {} not good. {}", bad.len(), self.server);
        for (fault, engine, row, _) in bad {
            let _ = writeln!(out, "\n{fault} on {}:", engine.name());
            if row.found != row.expected {
                let _ = writeln!(out, "- {} rows instead of {}", row.found, row.expected);
            }
            for line in row.lost.iter().map(|name| format!("lost: {name}")).chain(row.wrong.clone()).take(20) {
                let _ = writeln!(out, "- {line}");
            }
        }
        out
    }

    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|(fault, engine, row, took)| {
                json!({
                    "fault": fault, "engine": engine.name(), "good": row.is_good(), "skipped": row.skipped, "times": row.times,
                    "rows_expected": row.expected, "rows_found": row.found, "files_lost": row.lost, "rows_twice": row.twice,
                    "wrong": row.wrong, "notes": row.notes, "said": row.said, "seconds": took.as_secs_f64(),
                })
            })
            .collect();
        let at = chrono::Utc::now().to_rfc3339();
        std::fs::write(path, serde_json::to_string_pretty(&json!({"at": at, "faults": rows}))? + "\n")?;
        eprintln!("written to {}", path.display());
        Ok(())
    }
}

/// A text as a cell of a Markdown table, cut to so many letters.
fn cell(text: &str, letters: usize) -> String {
    let short: String = text.chars().take(letters).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{}{more}", short.replace('|', "\\|").replace('\n', " "))
}
