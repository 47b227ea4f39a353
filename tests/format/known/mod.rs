//! Texts whose right reading is known, because they are made: tables by delimiter, quotes, line ends and notation, lists
//! without a header, statements below their titles, crosstabs, several tables. Each is read as a load reads it, and has
//! to give the names and cells that it was made of. The text of a seed is always the same; a failure names the seed.
//! `RANDOM_FILES=5000` makes more of them, `RANDOM_SEED=1000` begins elsewhere.
//!
//! Not made, because nobody can tell: lists of words alone, and lists of one or two records, without a header; words for
//! nothing in a first record; a text with a comma, without quotes, as one of two columns, unless all of a column are
//! dates, places or amounts; titles that are names of columns; tables of two columns of words above another.

mod files;
mod tables;

use anyhow::ensure;
use sluice::format::Limits;
use sluice::source::Input;

use self::files::{File, Kind};
use crate::format::corpus::read;
use crate::support::{Outcome, Workdir, cases};

/// Texts of a run.
const FILES: u64 = 400;

/// Failures that are shown.
const SHOWN: usize = 5;

cases! {
    alone:
        each_made_text_is_read_as_it_was_made;
}

async fn each_made_text_is_read_as_it_was_made(workdir: Workdir) -> Outcome {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let from = number("RANDOM_SEED", 1);
    let path = workdir.path("made.csv");
    let mut failures = Vec::new();
    for seed in from..from + number("RANDOM_FILES", FILES) {
        let kind = Kind::ALL[(seed % Kind::ALL.len() as u64) as usize];
        let file = File::of(kind, &mut fastrand::Rng::with_seed(seed));
        std::fs::write(&path, &file.text)?;
        if let Err(error) = check(&path, &file).await {
            failures.push(format!("RANDOM_SEED={seed} RANDOM_FILES=1 ({kind:?}): {error:#}\n{}\n", file.text));
        }
    }
    let shown = failures.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    ensure!(failures.is_empty(), "{} texts are read in another way than they were made:\n{shown}", failures.len());
    Ok(())
}

/// Compares the tables of the file with those that it was made of.
async fn check(path: &std::path::Path, file: &File) -> Outcome {
    let parts = Input::parts(path, "made.csv", None, Limits::default()).await?;
    let sources = Input::each_table(parts, |_| true).await?;
    ensure!(sources.len() == file.tables.len(), "{} tables, not {}", sources.len(), file.tables.len());
    for (mut source, made) in sources.into_iter().zip(&file.tables) {
        let reading = read(&mut source).await?;
        let names: Vec<&str> = reading.columns.iter().map(|column| column.header.as_str()).collect();
        let blank = vec![""; made.width()];
        let right: Vec<&str> = made.names.as_ref().map_or(blank, |names| names.iter().map(String::as_str).collect());
        ensure!(names == right, "the columns {names:?}, not {right:?}");
        ensure!(
            (reading.dialect.header_rows == 0) == made.names.is_none(),
            "a header is taken for a record or a record for it"
        );
        ensure!(reading.rejects.is_empty(), "the lines {:?} are refused", reading.rejects);
        let rows: Vec<Vec<String>> =
            reading.rows.into_values().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect();
        ensure!(rows.len() == made.rows.len(), "{} records, not {}", rows.len(), made.rows.len());
        for (row, right) in rows.iter().zip(&made.rows) {
            ensure!(row == right, "the record {row:?}, not {right:?}");
        }
    }
    Ok(())
}
