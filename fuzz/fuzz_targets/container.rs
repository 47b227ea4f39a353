//! Any bytes, as a file of whatever kind: its parts are told and read within their limits, the same way twice, or refused.

#![no_main]

use std::io::Write;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use sluice::format::{Limits, ReadOptions, parts};
use sluice_fuzz::check_load;

const MOST: u64 = 4 << 20;

fuzz_target!(|bytes: &[u8]| {
    contain();
    // What reads workbooks and Parquet runs in a process of its own: its panics end nothing but that.
    let _ = std::panic::catch_unwind(|| check(bytes));
});

fn check(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("there is a temporary folder");
    file.write_all(bytes).expect("it can be written");
    let limits = Limits { members: 20, bytes: MOST, ratio: 1_000, decoder: None };
    let Ok(parts) = parts(file.path(), "a.zip", limits) else { return };
    assert!(!parts.is_empty() && parts.len() <= limits.members);
    for part in parts {
        let open = || part.open(file.path());
        if let Some((found, spans)) = check_load(part.format, open, &ReadOptions::default()) {
            assert!(found.digest.bytes <= MOST.max(bytes.len() as u64));
            assert!(spans.is_some());
        }
    }
}

/// Ends at a panic of our own code; those of the libraries that decode are contained.
fn contain() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ends = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_theirs = panic.location().is_some_and(|place| {
                ["/calamine-", "/parquet-", "/quick-xml-"].iter().any(|library| place.file().contains(library))
            });
            if !is_theirs {
                ends(panic);
            }
        }));
    });
}
