//! One SQL for both engines: each pair of `tests/data/sql.txt` is a select and what both engines give for it.

use libtest_mimic::Trial;
use sluice::warehouse::Engine;

use crate::support::{Outcome, TestDatabase, Workdir, holds, on_both, same};

pub fn cases() -> Vec<Trial> {
    [on_both("sql::pairs", pairs), on_both("sql::what_is_refused", what_is_refused)].into_iter().flatten().collect()
}

const PAIRS: &str = include_str!("data/sql.txt");

/// Rows with what is easily got wrong: NULLs, negative numbers, leap days, ends of months, offsets, letters beyond ASCII, empty texts.
async fn stage(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    workdir
        .load(
            database,
            "goods.csv",
            "id,name,note,price,weight,sold,day,at,seen,stock\n\
             1,Äpfel,\"a,b,c\",9.50,0.5,true,2024-01-31,2024-01-31 10:15:30.5,2024-01-31T10:15:30+02:00,7\n\
             2,birnen,\"\",10.25,1.5,false,2024-02-29,2024-02-29 23:59:59,2024-02-29T23:59:59Z,-7\n\
             3,Zitronen,x%y_z,0.10,2.5,true,2023-12-31,2023-12-31 00:00:00,2023-12-31T00:30:00+01:00,3\n\
             4,ÜBER*[a],ééé,-3.75,-2.5,,2021-01-03,2021-01-03 12:00:00.25,2021-01-03T12:00:00.25Z,0\n\
             5,,,,,true,,,,\n\
             6,birnen,it's,0.20,1e-3,false,2024-12-30,2024-12-30 08:30:00,2024-12-30T08:30:00-05:00,10\n",
        )
        .await?;
    workdir
        .load(database, "colours.csv", "id,colour,price,digits\n1,red,9.5,12\n2,green,10.250,007\n2,blue,,x\n7,black,1.000,-3\n")
        .await?;
    Ok(())
}

/// Title, select, expected text.
fn read_pairs(text: &str) -> Vec<(String, String, String)> {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks
        .map(|block| {
            let (title, rest) = block.trim_matches('\n').split_once('\n').unwrap_or((block, ""));
            let (select, expected) = rest.split_once("\n----").unwrap_or((rest, ""));
            (title.to_owned(), select.to_owned(), expected.trim_matches('\n').to_owned())
        })
        .collect()
}

async fn given(database: &TestDatabase, select: &str) -> anyhow::Result<String> {
    let rows = database.table(select).await?;
    let line = |row: &Vec<Option<String>>| row.iter().map(|cell| cell.as_deref().unwrap_or("∅")).collect::<Vec<_>>().join("|");
    Ok(rows.iter().map(line).collect::<Vec<_>>().join("\n"))
}

async fn pairs(database: TestDatabase, workdir: Workdir) -> Outcome {
    stage(&database, &workdir).await?;
    let mut wrong = Vec::new();
    let mut written = String::new();
    for (title, select, expected) in read_pairs(PAIRS) {
        let given = given(&database, &select).await.unwrap_or_else(|error| format!("error: {error:#}"));
        written += &format!("{title}\n{select}\n----\n{given}\n\n");
        if given != expected {
            wrong.push(format!("{title}\n{select}\ngives\n{given}\nexpected\n{expected}\n"));
        }
    }
    // What PostgreSQL gives is what is expected: to write it anew, run its case with this variable.
    if database.engine == Engine::Postgres && std::env::var_os("WRITE_SQL_PAIRS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sql.txt"), written.trim_end().to_owned() + "\n")?;
        return Ok(());
    }
    anyhow::ensure!(wrong.is_empty(), "{} of the pairs differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

async fn what_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    stage(&database, &workdir).await?;
    for (select, words) in [
        ("select array_agg(id) from staging.goods", "line 1, column 8: SQLite has nothing that is known to mean the same as"),
    ] {
        match (database.engine, database.table(select).await) {
            (Engine::Sqlite, Ok(rows)) => anyhow::bail!("{select} gives {rows:?}"),
            (Engine::Sqlite, Err(error)) => holds(&error.to_string(), words)?,
            (Engine::Postgres, given) => drop(given?),
        }
    }
    same(1, 1)
}
