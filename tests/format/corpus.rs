//! The reading of each file in `corpus/`: small texts as programs and people write them, with what is right of them
//! in `corpus/golden.jsonl`,
//! one line for each table in a file. A rule that is changed shows here at once what it fixes and what it breaks.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Outcome, Workdir, cases};
use serde_json::{Map, Value, json};
use sluice::dataset::Dataset;
use sluice::format::{Dialect, Layout, Limits, NO_DELIMITER};
use sluice::record::Records;
use sluice::schema::{Column, conform};
use sluice::source::{Input, Next};

/// Writes what is read now as what is right.
const UPDATE: &str = "UPDATE_GOLDEN";

cases! {
    alone:
        each_file_is_read_as_it_should_be;
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The files of the corpus.
pub fn files() -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for file in fs::read_dir(folder())? {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending != "jsonl" && ending != "md") {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

async fn each_file_is_read_as_it_should_be(_: Workdir) -> Outcome {
    let golden = folder().join("golden.jsonl");
    let mut right: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for line in fs::read_to_string(&golden).unwrap_or_default().lines() {
        let reading: Map<String, Value> = serde_json::from_str(line)?;
        right.insert(reading["table"].as_str().unwrap_or_default().to_owned(), reading);
    }
    let mut found = BTreeMap::new();
    for path in files()? {
        found.extend(readings(&path).await?);
    }
    if std::env::var_os(UPDATE).is_some() {
        return Ok(fs::write(golden, written(found, &right)?)?);
    }
    let differences: Vec<String> = found
        .iter()
        .map(|(table, reading)| (table, differences(right.get(table), reading)))
        .filter(|(_, differences)| !differences.is_empty())
        .map(|(table, differences)| format!("{table}\n{}", differences.concat()))
        .chain(
            right.keys().filter(|table| !found.contains_key(*table)).map(|table| format!("{table}\n  is not read\n")),
        )
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    let count = differences.len();
    let all = differences.concat();
    let of = found.len();
    anyhow::bail!(
        "{count} of {of} tables are read in another way (right -> now):\n{all}{UPDATE}=1 writes what is read now"
    )
}

/// A line for each field that is another one than is right.
fn differences(right: Option<&Map<String, Value>>, reading: &Map<String, Value>) -> Vec<String> {
    let Some(right) = right else { return vec!["  has no line in golden.jsonl\n".to_owned()] };
    let mut lines: Vec<_> = reading
        .iter()
        .filter(|(field, value)| right.get(*field) != Some(value))
        .map(|(field, value)| format!("  {field}: {} -> {value}\n", right.get(field).unwrap_or(&Value::Null)))
        .collect();
    if let (false, Some(wrong)) = (lines.is_empty(), right.get("wrong")) {
        lines.push(format!("  was known to be wrong: {wrong}\n"));
    }
    lines
}

/// The lines of `golden.jsonl`. What is said of a reading that is known to be wrong stays as long as it is read so.
fn written(
    found: BTreeMap<String, Map<String, Value>>,
    right: &BTreeMap<String, Map<String, Value>>,
) -> anyhow::Result<String> {
    let mut lines = String::new();
    for (table, mut reading) in found {
        let known = right.get(&table).filter(|known| differences(Some(known), &reading).is_empty());
        if let Some(wrong) = known.and_then(|known| known.get("wrong")) {
            reading.insert("wrong".to_owned(), wrong.clone());
        }
        lines += &serde_json::to_string(&reading)?;
        lines.push('\n');
    }
    Ok(lines)
}

/// The tables of a file, each read as `app check` and a load read it.
async fn readings(path: &Path) -> anyhow::Result<Vec<(String, Map<String, Value>)>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    let parts = Input::parts(path, &name, None, Limits::default()).await?;
    for mut source in Input::each_table(parts, |_| true).await? {
        let table = source.name().to_owned();
        let reading = match reading(&mut source).await {
            Ok(reading) => reading,
            Err(error) => json!({ "failed": error.to_string() }),
        };
        let mut line = Map::from_iter([("table".to_owned(), json!(table))]);
        line.extend(reading.as_object().cloned().unwrap_or_default());
        found.push((table, line));
    }
    Ok(found)
}

/// What is read of a table; lines are counted from 1.
pub struct Reading {
    pub dialect: Dialect,
    pub columns: Vec<Column>,
    /// The cells of each row, by its line.
    pub rows: BTreeMap<u64, Vec<Option<String>>>,
    pub rejects: Vec<u64>,
    pub above: Vec<u64>,
    pub below: Vec<u64>,
}

/// The table as a load reads it.
pub async fn read(source: &mut Input) -> anyhow::Result<Reading> {
    let dataset = Dataset::of_file(source.table_hint());
    let profile = source.profile().await?;
    let shape = dataset.shape(&profile).map_err(anyhow::Error::msg)?;
    let (mut rows, mut rejects) = (BTreeMap::new(), Vec::new());
    let (mut above, mut below) = (Vec::new(), Vec::new());
    while let Next::Chunk(chunk) = source.next_batch().await? {
        for beside in &chunk.beside {
            if beside.kind.word() == "above" { &mut above } else { &mut below }.extend(beside.line);
        }
        rejects.extend(chunk.rejects.iter().map(|reject| reject.line));
        let refused: Vec<_> = conform(&chunk.records, &shape, 0)?.rejects.iter().map(|reject| reject.line).collect();
        let taken = (0..chunk.records.len()).filter(|row| !refused.contains(&chunk.records.line(*row)));
        rows.extend(taken.map(|row| (chunk.records.line(row), cells(&chunk.records, row))));
        rejects.extend(refused);
    }
    rejects.sort_unstable();
    let (Layout::Csv(dialect) | Layout::Excel(dialect)) = profile.layout else { anyhow::bail!("no delimited text") };
    Ok(Reading { dialect, columns: profile.columns, rows, rejects, above, below })
}

async fn reading(source: &mut Input) -> anyhow::Result<Value> {
    let Reading { dialect, columns, rows, rejects, above, below } = read(source).await?;
    Ok(json!({
        "delimiter": (dialect.delimiter != NO_DELIMITER).then_some(char::from(dialect.delimiter)),
        "header": dialect.header_rows,
        "columns": columns.iter().map(|column| column.header.as_str()).collect::<Vec<_>>(),
        "types": columns.iter().map(|column| column.kind().word()).collect::<Vec<_>>(),
        "rows": rows.len(),
        "first": rows.values().next(),
        "last": rows.values().next_back(),
        "rejects": rejects,
        "above": above,
        "below": below,
    }))
}

fn cells(records: &Records, row: usize) -> Vec<Option<String>> {
    (0..records.width()).map(|place| records.cell(row, place).map(str::to_owned)).collect()
}
