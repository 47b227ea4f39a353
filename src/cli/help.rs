//! `app help`: the help of a command, or what can be written in settings, plugins and headers.

use std::io::Write;

use clap::{Args, CommandFactory, Parser};

use super::Cli;
use crate::daemon::Usage;
use crate::ops::help::{Reference, ReferenceTable, Topic};
use crate::text::nearest;

/// `app help`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  app help plugin")]
pub(super) struct Wanted {
    /// settings, plugin or star; or a command
    #[arg(value_name = "TOPIC|COMMAND")]
    words: Vec<String>,
    /// The tables in Markdown
    #[arg(long)]
    markdown: bool,
}

/// Prints what is asked for. Needs no settings: they may be what is wrong.
///
/// # Errors
/// A [`Usage`] where neither a topic nor a command has the name.
pub(super) fn run(wanted: &Wanted) -> anyhow::Result<()> {
    let topic = match wanted.words.as_slice() {
        [one] => Topic::ALL.into_iter().find(|topic| topic.word() == one),
        _ => None,
    };
    let Some(topic) = topic else { return of_command(wanted) };
    let reference = topic.reference();
    let mut out = crate::text::shown::stdout();
    if wanted.markdown {
        write!(out, "{}", reference.markdown())?;
        return Ok(());
    }
    print(&reference)?;
    if topic == Topic::Plugin {
        writeln!(out, "\nThe command that writes one: app plugin --help")?;
    }
    Ok(())
}

fn of_command(wanted: &Wanted) -> anyhow::Result<()> {
    let command = Cli::command();
    if wanted.markdown {
        let topics = Topic::ALL.map(Topic::word).join(", ");
        return Err(Usage(format!("--markdown goes with one of {topics}")).into());
    }
    if let Some(name) = wanted.words.first()
        && command.find_subcommand(name).is_none()
    {
        let commands = command.get_subcommands().map(clap::Command::get_name);
        let hint = nearest(name, commands.chain(Topic::ALL.map(Topic::word)));
        return Err(Usage(format!("there is no command and no topic {name}{hint}; see app --help")).into());
    }
    let words = ["app"].into_iter().chain(wanted.words.iter().map(String::as_str)).chain(["--help"]);
    match Cli::try_parse_from(words) {
        Err(help) if !help.use_stderr() => Ok(help.print()?),
        Err(error) => Err(Usage(error.to_string().trim_start_matches("error: ").trim_end().to_owned()).into()),
        Ok(_) => Ok(()),
    }
}

/// A word and its meaning on a line, and below it what else is known of it: no table of six columns fits a terminal.
fn print(reference: &Reference) -> anyhow::Result<()> {
    let mut out = crate::text::shown::stdout();
    writeln!(out, "{}", reference.about)?;
    for ReferenceTable { title, columns, rows } in &reference.tables {
        writeln!(out, "{}{title}", if title.is_empty() { "" } else { "\n" })?;
        let width = rows.iter().filter_map(|row| row.first()).map(String::len).max().unwrap_or_default();
        for row in rows {
            let [name, more @ .., about] = row.as_slice() else { continue };
            writeln!(out, "  {name:width$}  {about}")?;
            let labels = columns.iter().skip(1);
            for (label, cell) in labels.zip(more).filter(|(_, cell)| !cell.is_empty()) {
                writeln!(out, "  {:width$}    {label}: {cell}", "")?;
            }
        }
    }
    Ok(())
}
