//! What is run, how often, over how many rows.

use anyhow::{Context, bail};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Load,
    Memory,
    Check,
    Small,
    Idle,
    Upsert,
    Star,
}

impl Case {
    const ALL: [Case; 7] = [Case::Load, Case::Memory, Case::Check, Case::Small, Case::Idle, Case::Upsert, Case::Star];

    pub fn word(self) -> &'static str {
        match self {
            Case::Load => "load",
            Case::Memory => "memory",
            Case::Check => "check",
            Case::Small => "small",
            Case::Idle => "idle",
            Case::Upsert => "upsert",
            Case::Star => "star",
        }
    }
}

#[derive(Debug)]
pub struct Options {
    pub cases: Vec<Case>,
    /// How often each contestant runs.
    pub runs: usize,
    /// Rows of the file that is loaded.
    pub rows: u64,
    /// The cores that everything is kept on, the server too. `scripts/bench` does it; here it is only said.
    cpus: Option<String>,
}

impl Options {
    pub fn read(arguments: &[String]) -> anyhow::Result<Options> {
        let mut options = Options { cases: Vec::new(), runs: 5, rows: 2_000_000, cpus: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "all" {
                options.cases = Case::ALL.to_vec();
            } else if let Some(case) = Case::ALL.into_iter().find(|case| case.word() == argument) {
                options.cases.push(case);
            } else {
                let value =
                    arguments.next().with_context(|| format!("{argument}: no such case, or no value after it"))?;
                match argument.as_str() {
                    "--runs" => options.runs = value.parse().context("--runs is a number")?,
                    "--rows" => options.rows = value.parse().context("--rows is a number")?,
                    "--cpus" => options.cpus = Some(value.clone()),
                    _ => bail!("{argument}: there are --runs, --rows and --cpus"),
                }
            }
        }
        if options.runs == 0 || options.rows < 20_000 {
            bail!("--runs is 1 or more, --rows is 20000 or more");
        }
        if options.cases.is_empty() {
            options.cases = Case::ALL.to_vec();
        }
        Ok(options)
    }

    /// The arguments that give one case again.
    pub fn shown(&self, case: Case) -> String {
        let cpus = self.cpus.as_ref().map(|cpus| format!(" --cpus {cpus}")).unwrap_or_default();
        format!("{} --runs {} --rows {}{cpus}", case.word(), self.runs, self.rows)
    }
}
