//! What was dropped, and what became of it: the rows of each file in the database, counted by their identifiers, and the file itself
//! where it is still somewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _, SqliteConnection};

use crate::bed::Engine;
use crate::make::ROWS_MAX;
use crate::report::Row;

/// What is to become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Its rows are there once.
    Rows,
    /// Its rows are there once, or it lies in `failed/`: the fault is one that a person has to look at.
    RowsOrFailed,
    /// Its rows were there until a later file took their place.
    Nothing,
    /// It lies in `failed/`, or the ledger has it.
    Refused,
    /// The rows may be gone with the server that had them, if the daemon's log names the file.
    RowsOrNamed,
}

/// A file that was dropped, or a part of one.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// As it was called in the folder.
    pub file: String,
    pub table: &'static str,
    pub number: u64,
    pub rows: u64,
    pub expect: Expect,
    /// So many are right as well.
    pub or_fewer: Option<u64>,
}

/// Where the files of a project may lie.
pub struct Places {
    pub imports: PathBuf,
    pub archive: PathBuf,
}

impl Places {
    /// Files that wait, claimed or not, without what is not for the program.
    pub fn waiting(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(&self.imports, &mut names, &|name| name != "failed" && !name.starts_with('.'));
        // What lies in no claim is a note of the program's own.
        let folders = |path: &Path| -> Vec<PathBuf> {
            std::fs::read_dir(path)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.is_dir())
                .collect()
        };
        for claim in folders(&self.imports.join(".sluice")).iter().flat_map(|place| folders(place)) {
            collect(&claim, &mut names, &|name| !name.starts_with('.'));
        }
        names
    }

    /// Whether no file waits. One that is moved while it is looked for can be missed, but not thrice.
    pub fn is_idle(&self) -> bool {
        (0..3).all(|_| self.waiting().is_empty())
    }

    /// Files in `failed/` with the reason beside each, as far as there is one.
    pub fn failed(&self) -> BTreeMap<String, Option<String>> {
        let folder = self.imports.join("failed");
        let mut names = Vec::new();
        collect(&folder, &mut names, &|name| !name.starts_with('.'));
        let (reasons, files): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.ends_with(".error.json"));
        let reason = |name: &str| {
            let text =
                std::fs::read_to_string(folder.join(reasons.iter().find(|reason| reason.starts_with(name))?)).ok()?;
            let note: serde_json::Value = serde_json::from_str(&text).ok()?;
            Some(note["error"].as_str()?.to_owned())
        };
        files.into_iter().map(|name| (name.clone(), reason(&name))).collect()
    }
}

fn collect(folder: &Path, names: &mut Vec<String>, take: &dyn Fn(&str) -> bool) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type();
        if !take(&name) {
            continue;
        }
        if kind.as_ref().is_ok_and(std::fs::FileType::is_dir) {
            collect(&entry.path(), names, &|name| !name.starts_with('.'));
        } else if kind.is_ok_and(|kind| kind.is_file()) {
            names.push(name);
        }
    }
}

/// Counts what is there of what was dropped. `log` is what the daemons said.
pub fn account(engine: Engine, url: &str, dropped: &[Dropped], places: &Places, log: &str) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let mut tables: Vec<_> = dropped.iter().map(|one| one.table).filter(|table| !table.is_empty()).collect();
    tables.sort_unstable();
    tables.dedup();
    let mut found: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for table in &tables {
        let table = engine.staging(table);
        let sql = format!("select id / {ROWS_MAX}, count(*), count(distinct id) from {table} group by 1");
        for counts in numbers(url, &sql, 3)? {
            let [number, all, distinct] = [counts[0], counts[1], counts[2]].map(|count| count as u64);
            let entry = found.entry(number).or_default();
            *entry = (entry.0 + all, entry.1 + distinct);
        }
    }
    let (waiting, failed) = (places.waiting(), places.failed());
    for (name, reason) in &failed {
        if reason.is_none() {
            row.wrong.push(format!("{name} lies in failed/ without a reason"));
        }
    }
    for one in dropped {
        let (all, distinct) = found.remove(&one.number).unwrap_or_default();
        row.twice += all - distinct;
        if all > distinct {
            row.wrong.push(format!("{} rows of {} are in {} more than once", all - distinct, one.file, one.table));
        }
        row.found += distinct;
        let is_it = |name: &String| is_copy_of(name, &one.file);
        let (waits, has_failed) = (waiting.iter().any(is_it), failed.keys().any(is_it));
        let reason = || failed.iter().find(|(name, _)| is_it(name)).and_then(|(_, why)| why.clone());
        row.expected += match one.expect {
            Expect::Rows | Expect::RowsOrFailed | Expect::RowsOrNamed
                if distinct == one.rows || Some(distinct) == one.or_fewer =>
            {
                distinct
            }
            Expect::Rows | Expect::RowsOrFailed if has_failed && distinct == 0 => {
                if one.expect == Expect::Rows {
                    row.wrong.push(format!("{} went to failed/: {}", one.file, reason().unwrap_or_default()));
                }
                0
            }
            Expect::RowsOrNamed if log.lines().any(|line| line.contains("ERROR") && line.contains(&one.file)) => {
                distinct
            }
            Expect::Rows | Expect::RowsOrFailed | Expect::RowsOrNamed => {
                if !waits {
                    row.lost.push(format!("{} ({distinct} of {} rows in {})", one.file, one.rows, one.table));
                }
                one.rows
            }
            Expect::Nothing => 0,
            Expect::Refused => {
                if !has_failed && !is_in_ledger(engine, url, &one.file)? && !waits {
                    row.lost.push(format!("{}, which cannot be loaded, is nowhere", one.file));
                }
                distinct
            }
        };
        if waits {
            row.wrong.push(format!("{} still waits ({distinct} of {} rows are there)", one.file, one.rows));
        }
        if one.table == "kept" && distinct == one.rows && !waits && !places.archive.join(&one.file).exists() {
            row.lost.push(format!("{} is not in archive/", one.file));
        }
    }
    for (number, (all, _)) in found {
        row.wrong.push(format!("{all} rows of file {number}, which was not dropped"));
    }
    check_ledger(engine, url, &tables, &mut row)?;
    Ok(row)
}

/// `x.2.csv` is what `x.csv` is called where that name was taken.
fn is_copy_of(name: &str, file: &str) -> bool {
    let Some((stem, ending)) = file.rsplit_once('.') else { return name == file };
    let copy = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(ending));
    name == file || copy.is_some_and(|copy| copy.trim_matches('.').bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_in_ledger(engine: Engine, url: &str, file: &str) -> anyhow::Result<bool> {
    let (load, file) = (engine.catalog("load"), file.replace('\'', "''"));
    let sql = format!("select count(*) from {load} where source = '{file}' or source like '{file}/%'");
    Ok(numbers(url, &sql, 1)?.first().is_some_and(|row| row[0] > 0))
}

/// What the ledger says of each load is what is in the table.
fn check_ledger(engine: Engine, url: &str, tables: &[&str], row: &mut Row) -> anyhow::Result<()> {
    let load = engine.catalog("load");
    let open = numbers(url, &format!("select count(*) from {load} where status = 'claimed'"), 1)?;
    if let Some(count) = open.first().map(|line| line[0]).filter(|count| *count > 0) {
        row.wrong.push(format!("{count} lines of the ledger were never closed"));
    }
    for table in tables.iter().filter(|table| !["keyed", "whole"].contains(table)) {
        let staging = engine.staging(table);
        let sql = format!(
            "select l.id, l.rows_loaded, coalesce(s.n, 0) from {load} as l
             left join (select _load_id, count(*) as n from {staging} group by _load_id) as s on s._load_id = l.id
             where l.dataset = '{table}' and l.status = 'loaded' and l.rows_loaded <> coalesce(s.n, 0)"
        );
        for line in numbers(url, &sql, 3)? {
            row.wrong.push(format!(
                "the ledger says {} rows of load {} in {table}; there are {}",
                line[1], line[0], line[2]
            ));
        }
    }
    Ok(())
}

/// The rows of a select of whole numbers; none where its table is not there.
fn numbers(url: &str, sql: &str, columns: usize) -> anyhow::Result<Vec<Vec<i64>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    let rows = runtime.block_on(async {
        Ok::<_, sqlx::Error>(if url.starts_with("sqlite") {
            let rows = query_sqlite(url, query).await?;
            rows.iter().map(|row| (0..columns).map(|at| row.get_unchecked(at)).collect()).collect()
        } else {
            let mut connection = PgConnection::connect(url).await?;
            let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await?;
            rows.iter().map(|row| (0..columns).map(|at| row.get::<i64, _>(at)).collect()).collect()
        })
    });
    match rows {
        Err(sqlx::Error::Database(error))
            if error.message().contains("no such table") || error.message().contains("does not exist") =>
        {
            Ok(Vec::new())
        }
        done => Ok(done?),
    }
}

async fn query_sqlite(
    url: &str,
    query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
) -> Result<Vec<sqlx::sqlite::SqliteRow>, sqlx::Error> {
    let mut connection = SqliteConnection::connect(url).await?;
    query.fetch_all(&mut connection).await
}
