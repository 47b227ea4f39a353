//! Workbooks and Parquet are decoded by a process of their own, so that a file that makes its decoder crash, hang or
//! eat memory is an error of that file and never the end of the program: the program starts itself with the file as
//! standard input and without an environment, and reads the decoded content from a pipe. The file's text is all that
//! comes back; any other end of the process ends the reading of this one file.

mod child;
mod memory;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStdout, Command, ExitStatus, Stdio};

use serde::{Deserialize, Serialize};

pub use child::decode_if_asked;
pub(super) use memory::{Memory, Pace};

use super::workbook::Kind;
use super::{FormatError, Limits};
use crate::record::{Beside, BesideKind};

/// Resources of a decoder, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoder {
    /// Bytes of memory.
    pub memory: u64,
    /// Seconds of processor time.
    pub seconds: u64,
}

/// The first argument of a decoding process. The second is a [`Task`].
const DECODE: &str = "decode-standard-input";

/// The task of a decoder.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Task {
    what: What,
    may: Decoder,
    limits: Limits,
}

/// The kind of the file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum What {
    Parquet(Ask),
    Workbook(Kind),
}

/// The question about a Parquet file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Its columns, with the possible types of their values; `whole` says that everything is decoded for it.
    Table { whole: bool },
    /// Its rows.
    Rows,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            What::Parquet(_) => "Parquet file",
            What::Workbook(_) => "workbook",
        }
    }
}

/// A decoder's message: a byte for its kind, its length in four bytes, and the content.
const HEAD: u8 = b'h';
const TEXT: u8 = b't';
const LEFT_OUT: u8 = b'l';
const ERROR: u8 = b'e';

/// The longest head, or error, in bytes.
const MAX_HEAD: u64 = 64 * 1024 * 1024;

/// A process that could not be started; the system's error may pass.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the reader of the {what}: {error}")]
struct NotStarted {
    what: &'static str,
    #[source]
    error: io::Error,
}

/// An error on its way between the processes.
#[derive(Debug, Serialize, Deserialize)]
enum Refusal {
    Archive(String),
    NoRecords(String),
    TooWide(String, usize),
    Refused(String),
}

impl From<FormatError> for Refusal {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Archive(why) => Refusal::Archive(why),
            FormatError::NoRecords(why) => Refusal::NoRecords(why),
            FormatError::TooWide(what, most) => Refusal::TooWide(what, most),
            other => Refusal::Refused(other.to_string()),
        }
    }
}

impl From<Refusal> for FormatError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Archive(why) => FormatError::Archive(why),
            Refusal::NoRecords(why) => FormatError::NoRecords(why),
            Refusal::TooWide(what, most) => FormatError::TooWide(what, most),
            Refusal::Refused(why) => FormatError::Refused(why),
        }
    }
}

/// A process that decodes a file. Reading from it gives the text under the last head.
///
/// It ends with the thread that started it, so one thread starts and reads it.
pub(super) struct Decoding {
    process: std::process::Child,
    out: BufReader<ChildStdout>,
    task: Task,
    next: Next,
    /// Sheets that the decoder has left out, each with the reason.
    left_out: Vec<(String, String)>,
}

/// The next message.
#[derive(Clone, Copy)]
enum Next {
    Unknown,
    /// A head of this many bytes.
    Head(u64),
    /// This many bytes of text.
    Text(u64),
    /// No message: the decoder has ended well.
    End,
}

impl Decoding {
    /// Starts a decoder that reads the file from its beginning.
    pub(super) fn start(what: What, mut file: File, may: Decoder, limits: Limits) -> Result<Decoding, FormatError> {
        file.rewind()?;
        let task = Task { what, may, limits };
        // The program's file may have changed since the start; this is the same program.
        let mut command = Command::new("/proc/self/exe");
        command.arg(DECODE).arg(serde_json::to_string(&task).map_err(io::Error::from)?).env_clear().current_dir("/");
        // Faults planted by a test are planted there as well.
        #[cfg(feature = "failpoints")]
        command.envs(std::env::var_os("FAILPOINTS").map(|faults| ("FAILPOINTS", faults)));
        command.stdin(file).stdout(Stdio::piped()).stderr(Stdio::piped());
        let not_started = |error| io::Error::other(NotStarted { what: what.word(), error });
        let mut process = command.spawn().map_err(not_started)?;
        let out = process.stdout.take().ok_or_else(|| not_started(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Decoding {
            process,
            out: BufReader::with_capacity(64 * 1024, out),
            task,
            next: Next::Unknown,
            left_out: Vec::new(),
        })
    }

    /// Lets the decoder be ended, within its share of memory, for others that wait.
    pub(super) fn may_end(&self, memory: &Memory) {
        memory.may_end(&self.process);
    }

    /// The next head, past the text before it; `None` once the decoder has ended well.
    pub(super) fn next_head(&mut self) -> Result<Option<Vec<u8>>, FormatError> {
        io::copy(self, &mut io::sink())?;
        match self.next {
            Next::Head(length) => {
                self.next = Next::Unknown;
                self.bytes(length).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The sheets that were left out, once all was read.
    pub(super) fn left_out(&mut self) -> Vec<Beside> {
        let named = |(name, why)| Beside::named(BesideKind::Sheet, name, why);
        std::mem::take(&mut self.left_out).into_iter().map(named).collect()
    }

    /// Reads the next message.
    fn advance(&mut self) -> Result<(), FormatError> {
        let mut kind = [0];
        if self.out.read(&mut kind)? == 0 {
            let status = self.end()?;
            if !status.success() {
                return Err(self.why(status));
            }
            self.next = Next::End;
            return Ok(());
        }
        let length = self.bytes(4)?.try_into().map_or(0, |bytes| u64::from(u32::from_le_bytes(bytes)));
        match kind[0] {
            HEAD => self.next = Next::Head(length),
            TEXT => self.next = Next::Text(length),
            LEFT_OUT => {
                let left_out = self.bytes(length)?;
                self.left_out.push(serde_json::from_slice(&left_out).map_err(io::Error::from)?);
            }
            _ => {
                let refusal: Refusal = serde_json::from_slice(&self.bytes(length)?).map_err(io::Error::from)?;
                return Err(refusal.into());
            }
        }
        Ok(())
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, FormatError> {
        let mut bytes = Vec::new();
        // A decoder whose message is too long is cut short as well.
        self.out.by_ref().take(length.min(MAX_HEAD)).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length { Err(self.cut_short()) } else { Ok(bytes) }
    }

    /// The exit status of a decoder that is silent. A running one is ended; one that has ended cannot be.
    fn end(&mut self) -> io::Result<ExitStatus> {
        let _ = self.process.kill();
        self.process.wait()
    }

    /// The error of a decoder that ended within a message.
    fn cut_short(&mut self) -> FormatError {
        match self.end() {
            Ok(status) => self.why(status),
            Err(error) => error.into(),
        }
    }

    /// The reason why it ended before its file did, in words.
    fn why(&mut self, status: ExitStatus) -> FormatError {
        let mut said = Vec::new();
        if let Some(stderr) = self.process.stderr.take() {
            // An unreadable message is left out.
            let _ = stderr.take(4096).read_to_end(&mut said);
        }
        let said = String::from_utf8_lossy(&said);
        let Decoder { memory, seconds } = self.task.may;
        let how = match status.signal() {
            Some(libc::SIGABRT) if said.contains("memory allocation") => {
                format!("its reader needs more than {memory} bytes of memory (DECODER_MEMORY)")
            }
            Some(libc::SIGXCPU) => format!("its reader took more than {seconds} s of processor time (DECODER_SECONDS)"),
            Some(libc::SIGKILL) => return FormatError::Killed(self.task.what.word()),
            Some(signal) => format!("its reader ended with signal {signal}"),
            None => format!("its reader failed: {}", first_words(&said)),
        };
        FormatError::Refused(format!("the {} could not be read: {how}", self.task.what.word()))
    }
}

impl Read for Decoding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.next {
                Next::Text(left) if left > 0 => {
                    let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let got = self.out.read(&mut buffer[..most])?;
                    if got == 0 && most > 0 {
                        return Err(io::Error::other(self.cut_short()));
                    }
                    self.next = Next::Text(left - got as u64);
                    return Ok(got);
                }
                Next::Text(_) | Next::Unknown => self.advance().map_err(io::Error::other)?,
                Next::Head(_) | Next::End => return Ok(0),
            }
        }
    }
}

impl Drop for Decoding {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
/// The first words of a reader; for a panic its message, without the place in the program.
fn first_words(said: &str) -> String {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let words = if first.contains(" panicked at ") { lines.next().unwrap_or("it ended itself") } else { first };
    crate::text::shown::shown(words).into_owned()
}

#[cfg(test)]
mod tests {
    use super::first_words;

    #[test]
    fn a_panic_is_told_by_its_message() {
        let said =
            "\nthread 'main' panicked at /home/u/.cargo/calamine/src/xls.rs:1:2:\nindex\u{1b} out\nnote: run with";
        assert_eq!(first_words(said), "index\\u{1b} out");
        assert_eq!(first_words("no room\nmore"), "no room");
        assert_eq!(first_words(""), "");
    }
}
