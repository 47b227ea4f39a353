//! Medians, ratios and goals, as Markdown for people and JSON to be kept.

use std::fmt::Write;
use std::path::Path;

use serde_json::json;

use crate::child::Ran;

/// What one contestant did, run by run.
#[derive(Debug, Default)]
pub struct Measure {
    pub name: String,
    /// Of one run.
    pub rows: u64,
    /// Of one run.
    pub bytes: u64,
    pub seconds: Vec<f64>,
    /// In bytes.
    pub peaks: Vec<u64>,
}

impl Measure {
    pub fn new(name: impl Into<String>, rows: u64, bytes: u64) -> Measure {
        Measure { name: name.into(), rows, bytes, ..Measure::default() }
    }

    pub fn add(&mut self, ran: &Ran) {
        self.seconds.push(ran.wall.as_secs_f64());
        self.peaks.push(ran.peak);
        eprintln!("{}: {:.3} s, {:.1} MiB", self.name, ran.wall.as_secs_f64(), mebibytes(ran.peak));
    }

    pub fn median(&self) -> f64 {
        median(&self.seconds)
    }

    pub fn peak(&self) -> f64 {
        mebibytes(self.peaks.iter().copied().max().unwrap_or_default())
    }
}

/// A figure against its goal.
#[derive(Debug)]
pub struct Figure {
    pub what: String,
    pub is: f64,
    pub goal: Option<Goal>,
}

#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    pub fn new(what: impl Into<String>, is: f64, goal: impl Into<Option<Goal>>) -> Figure {
        Figure { what: what.into(), is, goal: goal.into() }
    }

    fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::AtMost(limit) => self.is <= limit,
            Goal::AtLeast(limit) => self.is >= limit,
        })
    }
}

#[derive(Debug)]
pub struct Report {
    pub case: &'static str,
    /// What was measured, in a line.
    pub about: String,
    pub measures: Vec<Measure>,
    pub figures: Vec<Figure>,
}

impl Report {
    pub fn markdown(&self, machine: &str, command: &str) -> String {
        let mut out = format!("\n### {}: {}\n\n{machine}. `{command}`\n\n", self.case, self.about);
        if !self.measures.is_empty() {
            out += "| | median | fastest to slowest | MB/s | rows/s | peak memory |\n|---|--:|--:|--:|--:|--:|\n";
        }
        for one in &self.measures {
            let (median, fastest) = (one.median(), one.seconds.iter().copied().fold(f64::INFINITY, f64::min));
            let slowest = one.seconds.iter().copied().fold(0.0, f64::max);
            let (megabytes, rows) = (one.bytes as f64 / 1e6 / median, thousands(one.rows as f64 / median));
            let _ = writeln!(
                out,
                "| {} | {median:.2} s | {fastest:.2} to {slowest:.2} s | {megabytes:.0} | {rows} | {:.0} MiB |",
                one.name,
                one.peak()
            );
        }
        if !self.measures.is_empty() && !self.figures.is_empty() {
            out.push('\n');
        }
        if !self.figures.is_empty() {
            out += "| | is | goal | |\n|---|--:|--:|---|\n";
        }
        for one in &self.figures {
            let goal = match one.goal {
                None => String::new(),
                Some(Goal::AtMost(limit)) => format!("≤ {limit}"),
                Some(Goal::AtLeast(limit)) => format!("≥ {limit}"),
            };
            let met = one.is_met().map_or("", |met| if met { "met" } else { "**missed**" });
            let is = if one.is >= 100.0 { format!("{:.0}", one.is) } else { format!("{:.2}", one.is) };
            let _ = writeln!(out, "| {} | {is} | {goal} | {met} |", one.what);
        }
        out
    }

    /// Keeps it as `<UTC date>-<case>.json`; a later run of the day takes its place.
    pub fn write(&self, folder: &Path, machine: &str, command: &str) -> anyhow::Result<()> {
        let measure = |one: &Measure| {
            json!({
                "name": one.name, "rows": one.rows, "bytes": one.bytes, "seconds": one.seconds, "median": one.median(),
                "mb_per_s": one.bytes as f64 / 1e6 / one.median(), "rows_per_s": one.rows as f64 / one.median(),
                "peak_bytes": one.peaks,
            })
        };
        let figure = |one: &Figure| {
            let (at_most, at_least) = match one.goal {
                None => (None, None),
                Some(Goal::AtMost(limit)) => (Some(limit), None),
                Some(Goal::AtLeast(limit)) => (None, Some(limit)),
            };
            json!({"what": one.what, "is": one.is, "at_most": at_most, "at_least": at_least, "met": one.is_met()})
        };
        let now = chrono::Utc::now();
        let content = json!({
            "case": self.case, "about": self.about, "at": now.to_rfc3339(), "machine": machine, "command": command,
            "measures": self.measures.iter().map(measure).collect::<Vec<_>>(),
            "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
        });
        let path = folder.join(format!("{}-{}.json", now.format("%Y-%m-%d"), self.case));
        std::fs::create_dir_all(folder)?;
        std::fs::write(&path, serde_json::to_string_pretty(&content)? + "\n")?;
        eprintln!("written to {}", path.display());
        Ok(())
    }
}

/// The middle one, or what is halfway between the middle two.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// `1234567` as `1,234,567`.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
