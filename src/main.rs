//! Reads the environment, starts the log, runs a command, ends with its exit code.

use std::io::Write;
use std::process::ExitCode;
use std::thread::JoinHandle;

use sluice::cli::{Cli, End};
use sluice::daemon::Usage;
use sluice::format::decode_if_asked;
use sluice::settings::Settings;
use sluice::telemetry;
use sluice::text::chain;
use sluice::text::nesting::STACK;
use sluice::text::shown;
use sluice::warehouse::WarehouseError;

fn main() -> ExitCode {
    keep_from_others();
    if let Some(code) = decode_if_asked() {
        return code;
    }
    // The parser of SQL is recursive.
    match std::thread::Builder::new().name("main".to_owned()).stack_size(STACK).spawn(run).map(JoinHandle::join) {
        Ok(Ok(code)) => code,
        // The panic has been reported already.
        Ok(Err(_panic)) => ExitCode::from(101),
        Err(error) => end(&error.into(), 1),
    }
}

fn run() -> ExitCode {
    let cli = Cli::read();
    if let Some(result) = cli.help() {
        return finish(result);
    }
    // FAILPOINTS in the environment gives the actions at each point: "delete=2*return".
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    #[cfg(feature = "failpoints")]
    die_at_failpoint();
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(error) => return end(&error.into(), 2),
    };
    settings.keep_secrets();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = !plain && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    sluice::cli::set_look(colour, columns);
    let _log = telemetry::start(&settings, cli.people(), cli.keeps_log(), colour, cli.quiet());
    let runtime = match tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(&error.into(), 1),
    };
    let result = runtime.block_on(cli.run(settings));
    // Readers of a file are not waited for: their load was rolled back.
    runtime.shutdown_background();
    finish(result)
}

fn finish(result: anyhow::Result<End>) -> ExitCode {
    match result {
        Ok(done) => done.into(),
        Err(error) if error.is::<Usage>() || is_older(&error) => end(&error, 2),
        Err(error) => end(&error, 1),
    }
}

/// Makes new files readable and writable for user and group only; a stricter umask stays in force.
fn keep_from_others() {
    use rustix::fs::Mode;
    let own = Mode::WGRP | Mode::RWXO;
    let given = rustix::process::umask(own);
    rustix::process::umask(given | own);
}

fn end(error: &anyhow::Error, code: u8) -> ExitCode {
    // If standard error is closed, nobody is left to tell.
    let _ = writeln!(shown::stderr(), "error: {}", chain(error));
    ExitCode::from(code)
}

/// Returns true if this program is older than the catalog: only a person can fix that.
fn is_older(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<WarehouseError>(), Some(WarehouseError::Newer(..)))
}

/// Kills the program, for the fault tests, at the point of the code that `DIE_AT` names, or stops it at that of
/// `STOP_AT`; `POINT:2` means the second pass.
#[cfg(feature = "failpoints")]
fn die_at_failpoint() {
    use rustix::process::{Signal, getpid, kill_process};
    for (variable, signal) in [("DIE_AT", Signal::KILL), ("STOP_AT", Signal::STOP)] {
        let Ok(value) = std::env::var(variable) else { continue };
        let (point, pass) = value.split_once(':').unwrap_or((&value, "1"));
        let passes = std::sync::atomic::AtomicU64::new(pass.parse().unwrap_or(1));
        let act = move || {
            if passes.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 1 {
                let _ = kill_process(getpid(), signal);
            }
        };
        if let Err(error) = fail::cfg_callback(point, act) {
            eprintln!("{variable}: {error}");
        }
    }
}
