//! Any bytes, as a workbook, as the XML of a sheet in an XLSX or as the content of an ODS: its sheets are read within their limits, or
//! refused.

#![no_main]

use std::io::{Cursor, Write};
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use sluice::format::{Limits, ReadOptions, parts};
use sluice_fuzz::check_load;

const MOST: u64 = 4 << 20;

const BOOK: &str = "<workbook xmlns:r=\"r\"><sheets><sheet name=\"s\" sheetId=\"1\" r:id=\"a\"/></sheets></workbook>";
const OFFICE: &str =
    "<Relationships><Relationship Id=\"a\" Type=\"r/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>";
const RELATED: &str =
    "<Relationships><Relationship Id=\"a\" Type=\"r/worksheet\" Target=\"worksheets/s.xml\"/></Relationships>";

fuzz_target!(|bytes: &[u8]| {
    contain();
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let file = match kind % 3 {
        0 => bytes.to_vec(),
        1 => zip(&[
            ("_rels/.rels", OFFICE.as_bytes()),
            ("xl/workbook.xml", BOOK.as_bytes()),
            ("xl/_rels/workbook.xml.rels", RELATED.as_bytes()),
            ("xl/worksheets/s.xml", bytes),
        ]),
        _ => zip(&[
            ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
            ("META-INF/manifest.xml", b"<manifest/>"),
            ("content.xml", bytes),
        ]),
    };
    // What reads workbooks runs in a process of its own: its panics end nothing but that.
    let _ = std::panic::catch_unwind(|| check(&file));
});

fn check(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("there is a temporary folder");
    file.write_all(bytes).expect("it can be written");
    let limits = Limits { members: 20, bytes: MOST, ratio: 1_000, decoder: None };
    let Ok(parts) = parts(file.path(), "a.xlsx", limits) else { return };
    for part in parts {
        if let Some((found, _)) = check_load(part.format, || part.open(file.path()), &ReadOptions::default()) {
            assert!(found.digest.bytes <= MOST.max(bytes.len() as u64));
        }
    }
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        writer.start_file(*name, options).expect("a name");
        writer.write_all(bytes).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

/// Ends at a panic of our own code; those of the libraries that decode are contained.
fn contain() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ends = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_theirs = panic.location().is_some_and(|place| {
                ["/calamine-", "/quick-xml-"].iter().any(|library| place.file().contains(library))
            });
            if !is_theirs {
                ends(panic);
            }
        }));
    });
}
