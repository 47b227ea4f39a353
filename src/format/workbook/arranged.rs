//! An archive whose members have other names: the bytes of a file unchanged, and a directory of our own behind them.
//! Nothing is copied.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use crate::format::directory::Member;

/// A member of the archive.
pub(super) enum Entry<'a> {
    /// A member of the file, under this name.
    Member(String, &'a Member),
    /// A new member, with its content.
    New(&'static str, String),
}

/// The bytes of the archive.
pub(super) struct Arranged {
    file: File,
    /// Number of these bytes that are the file's.
    size: u64,
    tail: Vec<u8>,
    at: u64,
}

impl Arranged {
    /// # Errors
    /// When the file's length is unknown.
    pub(super) fn new(file: File, entries: &[Entry<'_>]) -> io::Result<Arranged> {
        let size = file.metadata()?.len();
        let (mut tail, mut directory) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::Member(name, member) => {
                    let numbers = [member.size, member.packed, member.header];
                    directory.extend(central(name, member.method, member.crc, numbers));
                }
                Entry::New(name, text) => {
                    let mut sum = flate2::Crc::new();
                    sum.update(text.as_bytes());
                    let header = size + tail.len() as u64;
                    tail.extend(local(name, sum.sum(), text.len() as u32));
                    tail.extend(text.as_bytes());
                    directory.extend(central(name, 0, sum.sum(), [text.len() as u64, text.len() as u64, header]));
                }
            }
        }
        let start = size + tail.len() as u64;
        tail.extend(&directory);
        tail.extend(end(entries.len() as u64, directory.len() as u64, start));
        Ok(Arranged { file, size, tail, at: 0 })
    }
}

impl Read for Arranged {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let got = match self.at.checked_sub(self.size) {
            None => {
                let most = bytes.len().min(usize::try_from(self.size - self.at).unwrap_or(usize::MAX));
                self.file.read_at(&mut bytes[..most], self.at)?
            }
            Some(at) => self.tail.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default().read(bytes)?,
        };
        self.at += got as u64;
        Ok(got)
    }
}

impl Seek for Arranged {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => (self.size + self.tail.len() as u64).checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

// The layout is that of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5: all numbers that may be large stand in
// fields of ZIP64.

const VERSION: [u8; 2] = 45_u16.to_le_bytes();
const IN_ZIP64: [u8; 4] = u32::MAX.to_le_bytes();

/// The head of a stored member.
fn local(name: &str, crc: u32, size: u32) -> Vec<u8> {
    let mut head = b"PK\x03\x04".to_vec();
    head.extend(VERSION);
    head.extend([0; 8]);
    head.extend([crc, size, size].map(u32::to_le_bytes).concat());
    head.extend((name.len() as u16).to_le_bytes());
    head.extend([0, 0]);
    head.extend(name.as_bytes());
    head
}

/// A member's entry in the directory; the numbers are its packed and unpacked size, and the place of its head.
fn central(name: &str, method: u16, crc: u32, numbers: [u64; 3]) -> Vec<u8> {
    let mut entry = b"PK\x01\x02".to_vec();
    entry.extend([VERSION, VERSION, [0, 0], method.to_le_bytes(), [0, 0], [0, 0]].concat());
    entry.extend(crc.to_le_bytes());
    entry.extend([IN_ZIP64, IN_ZIP64].concat());
    entry.extend((name.len() as u16).to_le_bytes());
    entry.extend(28_u16.to_le_bytes());
    entry.extend([0; 10]);
    entry.extend(IN_ZIP64);
    entry.extend(name.as_bytes());
    entry.extend([1_u16, 24].map(u16::to_le_bytes).concat());
    entry.extend(numbers.map(u64::to_le_bytes).concat());
    entry
}

/// The end of the archive.
fn end(members: u64, bytes: u64, start: u64) -> Vec<u8> {
    let mut end = b"PK\x06\x06".to_vec();
    end.extend(44_u64.to_le_bytes());
    end.extend([VERSION, VERSION].concat());
    end.extend([0; 8]);
    end.extend([members, members, bytes, start].map(u64::to_le_bytes).concat());
    end.extend(b"PK\x06\x07\0\0\0\0");
    end.extend((start + bytes).to_le_bytes());
    end.extend(1_u32.to_le_bytes());
    end.extend(b"PK\x05\x06\0\0\0\0");
    end.extend([u16::MAX, u16::MAX].map(u16::to_le_bytes).concat());
    end.extend([IN_ZIP64, IN_ZIP64].concat());
    end.extend([0, 0]);
    end
}
