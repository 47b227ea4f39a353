//! Sources that are pulled, by the real program, from servers that behave and servers that do not.

pub mod clock;
pub mod cut;
pub mod destination;
pub mod drafts;
pub mod extracts;
pub mod faults;
pub mod gho;
pub mod keys;
pub mod moved;
pub mod pages;
pub mod since;
pub mod told;
pub mod totals;
pub mod who;

use libtest_mimic::Trial;
use serde_json::{Value as Json, json};

use crate::support::process::app;
use crate::support::{Outcome, TestDatabase, Workdir};

pub fn cases() -> Vec<Trial> {
    [
        clock::cases(),
        cut::cases(),
        destination::cases(),
        drafts::cases(),
        extracts::cases(),
        faults::cases(),
        gho::cases(),
        keys::cases(),
        moved::cases(),
        pages::cases(),
        since::cases(),
        told::cases(),
        totals::cases(),
        who::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A command's exit code and all that it said.
pub async fn run(
    database: &TestDatabase,
    workdir: &Workdir,
    command: &[&str],
) -> anyhow::Result<(Option<i32>, String)> {
    run_with(database, workdir, command, &[]).await
}

pub async fn run_with(
    database: &TestDatabase,
    workdir: &Workdir,
    command: &[&str],
    more: &[(&str, &str)],
) -> anyhow::Result<(Option<i32>, String)> {
    let settings: Vec<_> = [("DATABASE_URL", database.url.as_str())].into_iter().chain(more.iter().copied()).collect();
    // The servers run on this very runtime.
    let done = tokio::task::block_in_place(|| app(workdir, command, &settings))?;
    let text = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    Ok((done.status.code(), text))
}

/// So many records of an indicator, in the shape of the WHO's.
pub fn records(count: u64) -> Vec<Json> {
    let countries = ["ZAF", "BWA", "NAM", "ZWE", "MOZ", "LSO", "CHE", "FRA"];
    let sexes = ["SEX_MLE", "SEX_FMLE", "SEX_BTSX"];
    let record = |n: u64| {
        let year = 2000 + n / 24 % 1000;
        json!({
            "Id": n * 7 % count.max(1) + 1,
            "SpatialDim": countries[(n % 8) as usize],
            "TimeDim": year,
            "Dim1": sexes[(n / 8 % 3) as usize],
            "Value": format!("{}.{} [x]", 40 + n % 50, n % 10),
            "NumericValue": 40.0 + (n % 5000) as f64 / 100.0,
            "Comments": if n.is_multiple_of(3) { Json::Null } else { "NA".into() },
            "Date": format!("2024-08-{:02}T09:43:39.{:03}+02:00", 1 + n % 28, n % 1000),
        })
    };
    (0..count).map(record).collect()
}

/// Fails with all that was said.
pub fn right(is_right: bool, said: &str) -> Outcome {
    anyhow::ensure!(is_right, "{said}");
    Ok(())
}
