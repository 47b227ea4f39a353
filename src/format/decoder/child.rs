//! The decoding process: gives up the rights it does not need, reads standard input, writes the file's content to
//! standard output.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::Schema;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use super::{Ask, DECODE, Decoder, ERROR, HEAD, LEFT_OUT, Refusal, TEXT, Task, What};
use crate::format::FormatError;
use crate::format::parquet::{ParquetRows, narrowed};
use crate::format::workbook::{Sink, write_sheets};

/// Text sent at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Decodes and gives the exit code, if the program was started for that. To be called before anything else is done.
pub fn decode_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(DECODE)) {
        return None;
    }
    let task = arguments.next().and_then(|text| serde_json::from_str(text.to_str()?).ok());
    let Some(task) = task else {
        eprintln!("error: {DECODE} is for the program itself");
        return Some(ExitCode::from(2));
    };
    Some(match decode(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}

fn decode(task: Task) -> io::Result<()> {
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    restrict(task.may)?;
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut out = Out { pipe: File::from(io::stdout().as_fd().try_clone_to_owned()?), text: Vec::new() };
    let done = match task.what {
        What::Parquet(Ask::Table { whole }) => narrowed(file, task.limits.ratio, whole)
            .and_then(|table| Ok(out.piece(HEAD, &serde_json::to_vec(&table).map_err(io::Error::from)?)?)),
        What::Parquet(Ask::Rows) => rows(file, task.limits.ratio, &mut out),
        What::Workbook(kind) => write_sheets(file, kind, task.limits, &mut out),
    };
    out.flush()?;
    match done {
        Ok(()) => Ok(()),
        Err(error) => out.piece(ERROR, &serde_json::to_vec(&Refusal::from(error))?),
    }
}

/// Limits the process: no more than its resources, no files, no rights, and an end with its parent.
fn restrict(may: Decoder) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    let most = |current, maximum| Rlimit { current: Some(current), maximum: Some(maximum) };
    setrlimit(Resource::Core, most(0, 0))?;
    setrlimit(Resource::Fsize, most(0, 0))?;
    setrlimit(Resource::As, most(may.memory, may.memory))?;
    // The soft limit's signal tells the reason, the hard limit kills.
    Ok(setrlimit(Resource::Cpu, most(may.seconds, may.seconds + 1))?)
}

fn rows(file: File, ratio: u64, out: &mut Out) -> Result<(), FormatError> {
    let (mut rows, _) = ParquetRows::open(file, ratio)?;
    let mut batch = rows.next_batch()?;
    let schema = batch.as_ref().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let mut stream = StreamWriter::try_new(out, &schema).map_err(io::Error::other)?;
    while let Some(rows_of) = batch {
        stream.write(&rows_of).map_err(io::Error::other)?;
        batch = rows.next_batch()?;
    }
    Ok(stream.finish().map_err(io::Error::other)?)
}

/// The pipe to the parent.
struct Out {
    pipe: File,
    /// Text that was not sent yet.
    text: Vec<u8>,
}

impl Out {
    fn piece(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut piece = Vec::with_capacity(bytes.len() + 5);
        piece.push(kind);
        piece.extend(length.to_le_bytes());
        piece.extend(bytes);
        self.pipe.write_all(&piece)
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        if self.text.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        if text.is_empty() { Ok(()) } else { self.piece(TEXT, &text) }
    }
}

impl Sink for Out {
    fn begin(&mut self, sheet: &str) -> io::Result<()> {
        self.flush()?;
        self.piece(HEAD, sheet.as_bytes())
    }

    fn leave_out(&mut self, sheet: &str, why: &str) -> io::Result<()> {
        self.flush()?;
        self.piece(LEFT_OUT, &serde_json::to_vec(&(sheet, why))?)
    }
}
