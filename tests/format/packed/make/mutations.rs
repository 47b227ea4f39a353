//! Packed files, cut, doubled, shifted and damaged at random: each gives exactly the right rows, or an error, or says what it leaves out.

use std::fs;
use std::path::Path;

use sluice::format::{Limits, ReadOptions, each_chunk, parts, profile};

use super::{Entry, deflated, gzip, sheet, xlsx, zip};

/// Rows of each table, as they stand in it, with whether anything is said to be left out.
type Read = (Vec<Vec<String>>, bool);

fn read(path: &Path, name: &str, bytes: &[u8]) -> Result<Read, String> {
    fs::write(path, bytes).map_err(|error| error.to_string())?;
    let (mut tables, mut told) = (Vec::new(), false);
    for part in parts(path, name, Limits::default()).map_err(|error| error.to_string())? {
        told |= !part.beside.is_empty();
        let open = || part.open(path);
        let found = profile(part.format, open, &ReadOptions::default()).map_err(|error| error.to_string())?;
        let (mut rows, mut rejects) = (Vec::new(), 0);
        let names: Vec<_> = found.columns.iter().map(|(name, _)| name.clone()).collect();
        let done = each_chunk(open().map_err(|error| error.to_string())?, &found.layout, names, |chunk| {
            rows.extend((0..chunk.records.len()).map(|row| chunk.records.raw(row).into_owned()));
            rejects += chunk.rejects.len();
            true
        });
        done.map_err(|error| error.to_string())?;
        if rejects > 0 {
            return Err("rejects".to_owned());
        }
        tables.push(rows);
    }
    Ok((tables, told))
}

fn damage(random: &mut fastrand::Rng, good: &[u8], flips: bool) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let mut place = |most: usize| random.usize(..most.max(1));
    match place(if flips { 6 } else { 4 }) {
        0 => bytes.truncate(place(good.len())),
        1 => bytes.drain(..place(good.len())).for_each(drop),
        2 => {
            let (from, length) = (place(good.len()), place(200));
            let again = bytes[from..(from + length).min(good.len())].to_vec();
            let at = place(good.len());
            bytes.splice(at..at, again);
        }
        3 => {
            let (from, length) = (place(good.len()), place(100));
            bytes.drain(from..(from + length).min(good.len()));
        }
        _ => {
            let at = place(good.len());
            bytes[at] ^= 1 << place(8);
        }
    }
    bytes
}

pub fn check() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let text = |word: &str| {
        let rows = (0..60_u32).map(|n| format!("{n},{word}{}\n", n.wrapping_mul(2_654_435_761)));
        format!("id,word\n{}", rows.collect::<String>())
    };
    let cells = |row: u32| {
        format!("<row r=\"{row}\"><c r=\"A{row}\"><v>{row}</v></c><c r=\"B{row}\"><v>{}</v></c></row>", row * 7)
    };
    let table = sheet(&(1..40).map(cells).collect::<String>());
    let parquet = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checksum.parquet"))?;
    let files = [
        ("a.zip", zip(&[Entry::raw(b"one.csv", text("x")), Entry::raw(b"two.csv", text("y"))]), true),
        ("b.zip", deflated("one.csv", text("x").as_bytes())?, true),
        ("c.csv.gz", gzip(text("x").as_bytes())?, false),
        ("d.xlsx", xlsx(&[("s", &table), ("t", &table)])?, true),
        ("e.parquet", parquet, false),
    ];
    for (name, good, flips) in files {
        let path = folder.path().join(name);
        let right = read(&path, name, &good).map_err(anyhow::Error::msg)?;
        anyhow::ensure!(right.0.iter().all(|rows| rows.len() >= 38), "{name}: {right:?}");
        for seed in 0..400 {
            let bad = damage(&mut fastrand::Rng::with_seed(seed), &good, flips);
            let Ok((tables, told)) = read(&path, name, &bad) else { continue };
            let is_right = tables == right.0 || (told && tables.iter().all(|rows| right.0.contains(rows)));
            anyhow::ensure!(is_right, "{name}, {seed}: {tables:?}");
        }
    }
    Ok(())
}
