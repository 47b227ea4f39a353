//! Logs: for people on stdout (the daemon) or stderr (commands whose stdout is their result), as JSON lines in `logs/`.

mod files;
mod lines;
pub mod progress;
pub(crate) mod pull_progress;
mod sentence;
mod steps;

use std::io::{IsTerminal, Write};

use tracing::{Level, Metadata};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use self::files::LogFiles;
pub use self::sentence::{named, took};
pub(crate) use self::steps::Step;
pub use self::steps::show_steps;
use crate::settings::Settings;
use crate::telemetry::progress::Above;
use crate::text::heard;

/// The stream on which people read the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// Standard output: the program's result is its log.
    Stdout,
    /// Standard error: standard output belongs to the result.
    Stderr,
}

/// Starts logging, until the guard is dropped.
/// `to_file` is true if the command keeps a log file; colours appear only on a terminal, and only if `welcome`. A
/// `quiet` command shows people warnings and errors only. Progress goes to terminals and to the file.
pub fn start(settings: &Settings, people: People, to_file: bool, welcome: bool, quiet: bool) -> Option<WorkerGuard> {
    let level = if settings.logging.debug_logs { "debug" } else { "info" };
    let sql = if settings.logging.echo_sql { "info" } else { "warn" };
    // One filter before both layers: with a filter in each, a check of a level loses the event.
    let filter = EnvFilter::new(format!("warn,sluice={level},app={level},{}", crate::warehouse::log_filter(sql)));

    let (writer, guard) = to_file
        .then(|| {
            let (folder, logging) = (settings.folders.logs_dir.clone(), &settings.logging);
            tracing_appender::non_blocking(LogFiles::new(folder, logging.log_keep_days, logging.log_max_bytes))
        })
        .unzip();
    let file =
        writer.map(|writer| fmt::layer().fmt_fields(JsonFields::new()).event_format(lines::Json).with_writer(writer));

    let terminal = match people {
        People::Stdout => std::io::stdout().is_terminal(),
        People::Stderr => std::io::stderr().is_terminal(),
    };
    let screen = Screen { people, terminal, quiet };
    let lines = fmt::layer().with_ansi(terminal && welcome).event_format(lines::Plain).with_writer(screen);
    if to_file && !quiet && terminal && std::io::stderr().is_terminal() {
        progress::show_bars();
    }
    // Fails only if a logger was set before, as in tests, which then keep theirs.
    let _ = tracing_subscriber::registry().with(filter).with(lines).with(file).try_init();
    guard
}

/// The part of the log for people.
struct Screen {
    people: People,
    terminal: bool,
    quiet: bool,
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Self::Writer {
        match self.people {
            People::Stdout => Box::new(Above(heard::stdout())),
            People::Stderr => Box::new(Above(heard::stderr())),
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
