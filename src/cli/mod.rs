//! The command line: one file per command. Results go to stdout, everything else to stderr.

mod analysis;
mod beside;
mod check;
mod check_sql;
mod config;
mod confirm;
mod demo;
mod doctor;
mod drop;
mod export;
mod extract;
mod graph;
mod help;
mod loads;
mod new;
mod once;
mod pipeline;
mod plugin;
mod pull;
mod rejects;
mod retract;
mod retry;
mod schedule;
mod screen;
mod status;
mod table;
mod token;
mod trace;
mod watch;
mod why;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::settings::Settings;
use crate::telemetry::People;

pub use self::screen::set_look;

const EXAMPLE: &str = "\
Example:
  app                        watch imports/ and load what lands there
  cp orders.csv imports/     its rows are in staging.orders, and the file is gone
  app --pipeline             build the star out of sql/pipeline/
  app --analysis             answer the questions in sql/analysis/

Exit codes: 0 done, 1 something failed and is named, 2 wrong usage or settings, 3 done with rejects.
Settings come from the environment and .env: see `app config`.";

/// Loads every flat file that lands in a folder exactly once, and builds a star schema out of what it loaded.
#[derive(Debug, Parser)]
#[command(name = "app", version, about, after_help = EXAMPLE, subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    mode: Mode,
    /// Show warnings and errors only, and no progress
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The modes without a subcommand.
#[derive(Debug, Args)]
struct Mode {
    /// Load what is in DIR [default: IMPORTS_DIR] and what comes; the same as no option at all
    #[arg(long, value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["once", "pipeline", "analysis"])]
    watch: Option<Option<PathBuf>>,
    /// Where API_TOKENS is not set, let everybody who reaches HTTP_ADDR do everything
    #[arg(long, conflicts_with_all = ["once", "pipeline", "analysis"])]
    no_auth: bool,
    /// Load what is in imports/ and end
    #[arg(long, conflicts_with_all = ["pipeline", "analysis"])]
    once: bool,
    /// Build the star out of staging, in one transaction
    #[arg(long, conflicts_with = "analysis")]
    pipeline: bool,
    /// Create the views, print and export their results, write exports/index.html
    #[arg(long)]
    analysis: bool,
    #[command(flatten)]
    asked: pipeline::Asked,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows problems that need a person (exit 1 then), watchers, and files that wait, load or failed
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Moves failed files back into imports/
    Retry {
        /// A file in imports/failed/, or the number of a load [default: all]
        what: Option<String>,
        /// Also files whose rows would replace newer ones
        #[arg(long)]
        older: bool,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Takes a load's rows back: as if its file had never come
    Retract(retract::Retract),
    /// Drops a table or view with all that belongs to it: its files can be loaded again
    Drop(drop::Wanted),
    /// Shows the changes that --pipeline would make; changes nothing
    Plan(pipeline::Plan),
    /// Lists the loads, the newest first
    Loads(loads::Wanted),
    /// Lists records that were read and not loaded, with reasons
    Rejects {
        /// Only the rejects of this load; or a fact: the rows that are left out of it
        #[arg(value_name = "LOAD|FACT")]
        what: Option<String>,
        /// The number of rejects to show
        #[arg(long, default_value_t = 100)]
        limit: u64,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Checks a file without loading it; or, with sql/, the star's files without running them
    Check {
        /// The file; or sql/, a folder or a file in it
        file: PathBuf,
        /// Print one JSON object for each part of the file, or for each error
        #[arg(long)]
        json: bool,
    },
    /// Tells when a file came, how it was read, and where its rows are
    Why {
        /// The file's name, or the beginning of its hash
        file: String,
        /// Print one JSON object a load
        #[arg(long)]
        json: bool,
    },
    /// Writes a first file for a table of the star into sql/pipeline/
    New(new::Wanted),
    /// Pulls what the sources of plugins have: pages of an API, from where the last pull ended
    Pull(pull::Wanted),
    /// Fetches what the source of a plugin has, and leaves it in imports/ for the next load
    Extract(extract::Wanted),
    /// Shows what runs by the clock and how the last runs ended; pauses, resumes, runs one now
    Schedule(schedule::Wanted),
    /// Lists, shows, checks, writes, adds and removes plugins; enables and disables them
    Plugin(plugin::Wanted),
    /// Traces rows of the star to their origin: file, line, load, and the row in staging
    Trace(trace::Wanted),
    /// Draws the lineage of files, staging, star and views, as Mermaid, DOT or SVG
    Graph(graph::Wanted),
    /// Exports a table or view as a file in exports/
    Export {
        /// The table, such as staging.orders or datawarehouse.dim_title
        table: String,
        /// The format [default: by the extension of PATH, or csv]
        #[arg(long, value_enum)]
        format: Option<crate::export::Format>,
        /// The path, instead of a file in exports/; - is standard output
        #[arg(long, value_name = "PATH")]
        output: Option<PathBuf>,
    },
    /// Lists every setting, its value and its source
    Config {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Checks that everything is in place
    Doctor {
        /// Also fail if no program watches imports/
        #[arg(long)]
        watched: bool,
        /// Send a test message to the webhook and by mail
        #[arg(long)]
        alert_test: bool,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Makes tokens for the HTTP API
    Token(token::Wanted),
    /// Shows the whole path on a sample that ships with the program, in a temporary folder
    Demo,
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The help of a command; or every setting, key of a plugin, word of a header: settings, plugin, star
    Help(help::Wanted),
}

/// Adds the likely option to an unknown command's error.
fn with_mode(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let word = word.to_lowercase();
    let near = |mode: &&str| strsim::osa_distance(&word, mode) <= if word.len() > 4 { 2 } else { 1 };
    if let Some(mode) = MODES.into_iter().find(near) {
        error.remove(ContextKind::SuggestedSubcommand);
        let tip = format!("{mode} is an option: app --{mode}");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Moves a leading `--quiet` behind the command: options in front of one belong to the modes, but this one to all.
fn quiet_behind(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_quiet = |argument: &OsString| argument == "--quiet" || argument == "-q";
    if arguments.get(1).is_some_and(is_quiet) {
        let is_command = |argument: &OsString| !argument.as_encoded_bytes().starts_with(b"-");
        if let Some(command) = arguments.iter().skip(1).position(is_command) {
            arguments[1..=command + 1].rotate_left(1);
        }
    }
    arguments
}

/// The end of a command without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Done.
    Done,
    /// Some input failed, and was reported.
    Failed,
    /// Done, with rejects.
    Rejects,
}

impl From<End> for ExitCode {
    fn from(end: End) -> ExitCode {
        ExitCode::from(match end {
            End::Done => 0,
            End::Failed => 1,
            End::Rejects => 3,
        })
    }
}

/// Modes that are options, and are mistaken for commands.
const MODES: [&str; 4] = ["watch", "once", "pipeline", "analysis"];

impl Cli {
    /// Reads the command line; ends the program if it is invalid.
    pub fn read() -> Cli {
        let arguments = quiet_behind(std::env::args_os().collect());
        Cli::try_parse_from(arguments).unwrap_or_else(|error| with_mode(error).exit())
    }

    /// Answers `app help`, which needs neither settings nor a log; `None` where something else is asked.
    pub fn help(&self) -> Option<anyhow::Result<End>> {
        match &self.command {
            Some(Command::Help(wanted)) => Some(help::run(wanted).map(|()| End::Done)),
            _ => None,
        }
    }

    /// Returns the stream on which people read the log of this command.
    pub fn people(&self) -> People {
        let results = self.command.is_some() || self.mode.pipeline || self.mode.analysis || self.mode.json;
        if results { People::Stderr } else { People::Stdout }
    }

    /// Returns true if only warnings and errors are wanted.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// Returns true if the command keeps a log file, because it changes the warehouse.
    pub fn keeps_log(&self) -> bool {
        match &self.command {
            None | Some(Command::Retract(_) | Command::Drop(_) | Command::Pull(_) | Command::Extract(_)) => true,
            Some(Command::Schedule(wanted)) => wanted.keeps_log(),
            Some(_) => false,
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// Any error, in words for people; [`crate::daemon::Usage`] if the settings or the command line are at fault.
    pub async fn run(self, settings: Settings) -> anyhow::Result<End> {
        match self.command {
            Some(Command::Status { json }) => status::run(&settings, json).await,
            Some(Command::Retry { what, older, json }) => retry::run(&settings, what.as_deref(), older, json).await,
            Some(Command::Retract(wanted)) => retract::run(&settings, wanted).await,
            Some(Command::Drop(wanted)) => drop::run(&settings, wanted).await,
            Some(Command::Plan(wanted)) => pipeline::plan(&settings, wanted).await,
            Some(Command::Loads(wanted)) => loads::run(&settings, wanted).await,
            Some(Command::Rejects { what, limit, json }) => match what.as_deref().map(|what| (what, what.parse())) {
                Some((name, Err(_))) => rejects::of_fact(&settings, name, limit, json).await,
                Some((_, Ok(load))) => rejects::of_loads(&settings, Some(load), limit, json).await,
                None => rejects::of_loads(&settings, None, limit, json).await,
            },
            Some(Command::Check { file, json }) if check_sql::is_sql(&settings, &file) => {
                check_sql::run(&settings, &file, json).await
            }
            Some(Command::Check { file, json }) => check::run(&settings, &file, json).await,
            Some(Command::Why { file, json }) => why::run(&settings, &file, json).await,
            Some(Command::New(wanted)) => new::run(&settings, wanted).await,
            Some(Command::Pull(wanted)) => Box::pin(pull::run(&settings, wanted)).await,
            Some(Command::Extract(wanted)) => Box::pin(extract::run(&settings, wanted)).await,
            Some(Command::Schedule(wanted)) => Box::pin(schedule::run(&settings, wanted)).await,
            Some(Command::Plugin(wanted)) => Box::pin(plugin::run(&settings, wanted)).await,
            Some(Command::Graph(wanted)) => graph::run(&settings, wanted).await,
            Some(Command::Trace(wanted)) => trace::run(&settings, wanted).await,
            Some(Command::Export { table, format, output }) => export::run(&settings, &table, format, output).await,
            Some(Command::Config { json }) => config::run(&settings, json),
            Some(Command::Doctor { watched, alert_test, json }) => {
                doctor::run(&settings, watched, alert_test, json).await
            }
            Some(Command::Token(wanted)) => token::run(&wanted),
            Some(Command::Demo) => demo::run().await,
            Some(Command::Completions { shell }) => {
                clap_complete::generate(shell, &mut Cli::command(), "app", &mut crate::text::heard::stdout());
                Ok(End::Done)
            }
            Some(Command::Help(wanted)) => help::run(&wanted).map(|()| End::Done),
            None if self.mode.once => once::run(settings, self.mode.json, self.quiet).await,
            None if self.mode.pipeline => pipeline::run(&settings, &self.mode.asked, self.mode.json).await,
            None if self.mode.analysis => analysis::run(&settings, self.mode.json).await,
            None => watch::run(settings, self.mode.watch.flatten(), self.mode.no_auth).await,
        }
    }
}
