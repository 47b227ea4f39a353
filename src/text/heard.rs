//! Standard streams whose reader may stop before the end: the rest is dropped, and the command goes on to its own exit code.

use std::io::{self, ErrorKind, Write};

/// Standard output, as long as it is read.
pub fn stdout() -> Heard<io::Stdout> {
    Heard(io::stdout())
}

/// Standard error, as long as it is read.
pub fn stderr() -> Heard<io::Stderr> {
    Heard(io::stderr())
}

/// Drops what nobody reads any more; other errors stay.
pub struct Heard<W>(W);

impl<W: Write> Write for Heard<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        or_unread(self.0.write(text), text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        or_unread(self.0.flush(), ())
    }
}

fn or_unread<T>(result: io::Result<T>, dropped: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(dropped),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_stopped_is_no_error_and_a_full_disk_is() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut out = Heard(writer);
        out.write_all(b"nobody reads it").unwrap();
        out.flush().unwrap();
        let mut full = Heard(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        assert!(full.write_all(b"no room").is_err());
    }
}
