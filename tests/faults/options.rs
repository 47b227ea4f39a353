//! What is run, and how often.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::bed::Engine;

#[derive(Debug, Default)]
pub struct Options {
    /// Only the faults whose names hold one of these.
    only: Vec<String>,
    /// Full counts; else what a few minutes allow.
    pub long: bool,
    pub list: bool,
    pub soak: Option<Duration>,
    pub engine: Option<Engine>,
    /// What chance is made of: the same number, the same choices.
    pub seed: u64,
    /// Faults at a time: most of them wait more than they work.
    pub jobs: usize,
    /// Keep the project folders of faults that went wrong.
    pub keep: bool,
}

impl Options {
    pub fn read(arguments: impl Iterator<Item = String>) -> anyhow::Result<Options> {
        let mut options = Options { seed: fastrand::u64(..1 << 32), jobs: 4, ..Options::default() };
        let mut arguments = arguments.filter(|argument| argument != "--test");
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--only" => options.only.push(value()?),
                "--soak" => options.soak = Some(duration(&value()?)?),
                "--jobs" => options.jobs = value()?.parse().context("--jobs is a number")?,
                "--seed" => options.seed = value()?.parse().context("--seed is a number")?,
                "--engine" => {
                    options.engine = Some(match value()?.as_str() {
                        "postgres" => Engine::Postgres,
                        "sqlite" => Engine::Sqlite,
                        other => bail!("--engine {other}: there are sqlite and postgres"),
                    });
                }
                "--long" => options.long = true,
                "--list" => options.list = true,
                "--keep" => options.keep = true,
                _ => bail!(
                    "{argument}: there are --only NAME, --long, --soak 30m, --engine sqlite|postgres, --seed N, --jobs N, --keep and --list"
                ),
            }
        }
        Ok(options)
    }

    pub fn takes(&self, name: &str) -> bool {
        match self.soak {
            Some(_) if self.only.is_empty() => name == "soak",
            _ if self.only.is_empty() => name != "soak",
            _ => self.only.iter().any(|only| name.contains(only.as_str())),
        }
    }

    /// How often: the first in the short form, the second in the long one.
    pub fn times(&self, short: usize, long: usize) -> usize {
        if self.long { long } else { short }
    }
}

/// `90s`, `30m`, `2h`.
fn duration(text: &str) -> anyhow::Result<Duration> {
    let (number, seconds) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => bail!("{text}: say 90s, 30m or 2h"),
    };
    Ok(Duration::from_secs(number.parse::<u64>().with_context(|| format!("{text}: say 90s, 30m or 2h"))? * seconds))
}
