//! The changes of a table that a load is told to have made: after its commit, and never of one that was rolled back.

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_change_of_a_load_that_failed_is_not_told,
        a_table_that_a_file_emptied_is_told_until_it_is_filled,
        a_table_that_was_never_filled_is_not_told,
        one_that_knows_of_an_empty_table_is_told_no_more;
}

fn once(workdir: &Workdir, settings: &[(&str, &str)], name: &str, text: &str) -> anyhow::Result<(Option<i32>, String)> {
    workdir.write(&format!("imports/{name}"), text)?;
    let done = app(workdir, &["--once"], settings)?;
    Ok((done.status.code(), stdout(&done) + &stderr(&done)))
}

fn status(workdir: &Workdir, settings: &[(&str, &str)]) -> anyhow::Result<(Option<i32>, String)> {
    let done = app(workdir, &["status"], settings)?;
    Ok((done.status.code(), stdout(&done)))
}

async fn a_change_of_a_load_that_failed_is_not_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.plugin("t", "name: t\nfiles: [\"t*.csv\"]\ntable: t\nmax_rejects: 0\n")?;
    same(once(&workdir, &settings, "t1.csv", "a,b\n1,2\n")?.0, Some(0))?;
    let (code, said) = once(&workdir, &settings, "t2.csv", "a,b,c\n1,x,3\n2,\"y,4\n")?;
    same(code, Some(1))?;
    same((said.clone(), said.contains("a new column"), said.contains("widens")), (said, false, false))?;
    let (code, said) = once(&workdir, &settings, "t3.csv", "a,b,c\n1,x,3\n")?;
    same((code, said.matches("a new column").count(), said.matches("a column's type widens").count()), (Some(0), 1, 1))
}

const REPLACING: &str = "name: t\nfiles: [\"t*.csv\"]\ntable: t\nmode: replace\nmax_rejects: 100 %\nfilter: a > 0\n";

async fn a_table_that_a_file_emptied_is_told_until_it_is_filled(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.plugin("t", REPLACING)?;
    // A header alone, rows that the filter leaves out, and rejects.
    let nothing = [("a,b\n", 0), ("a,b\n-1,x\n0,y\n", 0), ("a,b\n1,\"x\n", 3)];
    for (number, (text, expected)) in nothing.into_iter().enumerate() {
        let full = format!("a,b\n{},x\n9,z\n", number + 1);
        same(once(&workdir, &settings, &format!("t{number}1.csv"), &full)?.0, Some(0))?;
        same(status(&workdir, &settings)?.0, Some(0))?;
        let name = format!("t{number}2.csv");
        let (code, said) = once(&workdir, &settings, &name, text)?;
        same((number, code), (number, Some(expected)))?;
        holds(&said, "staging.t is empty now: 2 rows of it went")?;
        for _ in 0..2 {
            let (code, said) = status(&workdir, &settings)?;
            same((number, code), (number, Some(1)))?;
            holds(&said, &format!("({name}) took the place of its rows, and brought none"))?;
            // A second one that brings nothing takes nothing.
            let more = if text == "a,b\n" { "a,b\n-5,x\n" } else { "a,b\n" };
            let (_, said) = once(&workdir, &settings, &name, &format!("{more}-{number},q\n"))?;
            same(said.contains("is empty now"), false)?;
        }
    }
    same(once(&workdir, &settings, "t9.csv", "a,b\n7,x\n")?.0, Some(0))?;
    same(status(&workdir, &settings)?.0, Some(0))
}

async fn a_table_that_was_never_filled_is_not_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.plugin("t", REPLACING)?;
    for text in ["a,b\n", "a,b\n-1,x\n"] {
        let (code, said) = once(&workdir, &settings, "t.csv", text)?;
        same((code, said.contains("is empty now")), (Some(0), false))?;
    }
    // Nor a table to which a file without rows adds nothing.
    for text in ["a,b\n1,x\n", "a,b\n"] {
        let (code, said) = once(&workdir, &settings, "u.csv", text)?;
        same((code, said.contains("is empty now")), (Some(0), false))?;
    }
    same(status(&workdir, &settings)?.0, Some(0))
}

async fn one_that_knows_of_an_empty_table_is_told_no_more(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.plugin("t", REPLACING)?;
    same(once(&workdir, &settings, "t1.csv", "a,b\n1,x\n")?.0, Some(0))?;
    same(once(&workdir, &settings, "t2.csv", "a,b\n")?.0, Some(0))?;
    holds(&status(&workdir, &settings)?.1, "app retract 2 says that you know")?;
    same(app(&workdir, &["retract", "2", "--yes"], &settings)?.status.code(), Some(0))?;
    same(status(&workdir, &settings)?.0, Some(0))?;
    same(database.text("select count(*) from staging.t").await?, "0")?;
    same(once(&workdir, &settings, "t3.csv", "a,b\n2,x\n")?.0, Some(0))?;
    same(database.text("select a from staging.t").await?, "2")
}
