//! Logs: for people on stdout (the daemon) or stderr (commands whose stdout is their result), as JSON lines in `logs/`.

use std::io::{IsTerminal, Write};
use std::path::Path;

use tracing::{Level, Metadata};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::ChronoLocal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use crate::progress::{self, Above};
use crate::settings::Settings;
use crate::warehouse::Ear;

/// Log files that are kept, one a day.
const DAYS: usize = 14;

/// Where people read the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// The program's result is its log.
    Stdout,
    /// Standard output belongs to the result.
    Stderr,
}

/// Starts logging, until the guard is dropped; without a file when the folder cannot be written, and says so.
/// `to_file` says whether the command is worth a log file; colours come only on a terminal, and only where they are `welcome`.
/// A `quiet` command shows people warnings and errors only. Progress is for those who watch a terminal, and for the file.
pub fn start(settings: &Settings, people: People, to_file: bool, welcome: bool, quiet: bool) -> Option<WorkerGuard> {
    let level = if settings.logging.debug_logs { "debug" } else { "info" };
    let sql = if settings.logging.echo_sql { "info" } else { "warn" };
    // One filter before both layers: a filter in each loses the event after a look whether a level is on.
    let filter = EnvFilter::new(format!(
        "warn,sluice={level},app={level},sqlx={sql},sqlx_core::pool=error,sqlx::pool=error,sea_orm_migration=warn"
    ));

    let (writer, problem) = match to_file.then(|| rolling_file(&settings.folders.logs_dir)) {
        Some(Ok(appender)) => (Some(tracing_appender::non_blocking(appender)), None),
        Some(Err(problem)) => (None, Some(problem)),
        None => (None, None),
    };
    let (writer, guard) = writer.unzip();
    let file = writer.map(|writer| fmt::layer().json().flatten_event(true).with_writer(writer));

    let terminal = match people {
        People::Stdout => std::io::stdout().is_terminal(),
        People::Stderr => std::io::stderr().is_terminal(),
    };
    let lines = fmt::layer()
        .with_ansi(terminal && welcome)
        .with_target(false)
        .with_timer(ChronoLocal::new("%Y-%m-%d %H:%M:%S".to_owned()))
        .with_writer(Screen { people, terminal, quiet });
    if to_file && !quiet && terminal && std::io::stderr().is_terminal() {
        progress::show_bars();
    }
    // Fails only where a logger was set before, as in tests, which then keep theirs.
    let _ = tracing_subscriber::registry().with(filter).with(lines).with(file).with(Ear).try_init();
    if let Some(error) = problem {
        let folder = settings.folders.logs_dir.display().to_string();
        tracing::warn!(folder, %error, "no log file is written: the folder cannot be used");
    }
    guard
}

/// What of the log people see.
struct Screen {
    people: People,
    terminal: bool,
    quiet: bool,
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Self::Writer {
        match self.people {
            People::Stdout => Box::new(Above(std::io::stdout())),
            People::Stderr => Box::new(Above(std::io::stderr())),
        }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        let is_left_out = event.target() == progress::TARGET && !self.terminal;
        if is_left_out || (self.quiet && *event.level() > Level::WARN) {
            return Box::new(std::io::sink());
        }
        self.make_writer()
    }
}

fn rolling_file(folder: &Path) -> anyhow::Result<RollingFileAppender> {
    std::fs::create_dir_all(folder)?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("sluice")
        .filename_suffix("jsonl")
        .max_log_files(DAYS);
    Ok(appender.build(folder)?)
}
