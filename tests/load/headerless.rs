//! Files without a header, or with that of another table, on a table that has rows: no record becomes the names of columns.

use sluice::load::FileOutcome;

use crate::support::process::app;
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_first_record_makes_no_columns,
        a_record_with_a_name_in_it_makes_no_columns,
        a_plugin_says_what_they_are,
        another_header_loads,
        what_was_taken_back_is_compared_with_nothing;
}

const COLUMNS: &str = "select name from sluice.\"column\" where dataset = 't' order by position";

/// Drops a file that must fail; gives its error.
async fn fails(database: &TestDatabase, workdir: &Workdir, text: &str) -> anyhow::Result<String> {
    let outcome = workdir.drop_file(database, "t.csv", text).await?;
    anyhow::ensure!(matches!(outcome, FileOutcome::Failed(_)), "{text}: {outcome:?}");
    let error = workdir.read("imports/failed/t.csv.error.json")?;
    same(workdir.read("imports/failed/t.csv")?, text)?;
    for one in workdir.list("imports/failed") {
        std::fs::remove_file(workdir.path(&format!("imports/failed/{one}")))?;
    }
    Ok(error)
}

async fn a_first_record_makes_no_columns(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "id,name,status\n1,Anna,open\n2,Beat,done\n").await?;
    // Taken for a header, and known to be none.
    for text in
        ["Carl,Bern,closed\nDora,Thun,late\n", "3,Carl,closed\n4,Dora,late\n", "7,x,2026-01-02\n8,y,2026-01-03\n"]
    {
        let error = fails(&database, &workdir, text).await?;
        holds(&error, "header: false")?;
        holds(&error, "id, name, status")?;
        holds(&error, "columns: [{from: 1, name: id}, ...]")?;
    }
    same(database.text(COLUMNS).await?, "id\nname\nstatus")?;
    same(database.text("select count(*) from staging.t").await?, "2")
}

async fn a_record_with_a_name_in_it_makes_no_columns(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "id,name,status\n1,Anna,open\n2,Beat,done\n").await?;
    for text in ["3,Carl,status\n4,Dora,late\n", "name,2026-01-02,x\nDora,2026-01-03,y\n", "status,5,x\nopen,6,y\n"] {
        holds(&fails(&database, &workdir, text).await?, "header: false")?;
    }
    same(database.text(COLUMNS).await?, "id\nname\nstatus")
}

async fn a_plugin_says_what_they_are(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "id,name\n1,Anna\n2,Beat\n").await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/t.csv", "Carl,Bern\nDora,Thun\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(1))?;
    // Without their names it is no better.
    workdir.plugin("t", "name: t\nfiles: [\"t.*\"]\ntable: t\nheader: false\n")?;
    same(app(&workdir, &["retry"], &settings)?.status.code(), Some(0))?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(1))?;
    workdir.plugin(
        "t",
        "name: t\nfiles: [\"t.*\"]\ntable: t\nheader: false\ncolumns: [{from: 1, name: name}, {from: 2, name: city}]\n",
    )?;
    same(app(&workdir, &["retry"], &settings)?.status.code(), Some(0))?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(
        database.text("select name, city from staging.t order by name").await?,
        "Anna|∅\nBeat|∅\nCarl|Bern\nDora|Thun",
    )?;
    // Headers that a plugin names are other columns on purpose.
    workdir.plugin("t", "name: t\nfiles: [\"t.*\"]\ntable: t\ncolumns: [{from: Ort, name: place}]\n")?;
    workdir.load(&database, "t.csv", "Ort,Art\nBiel,x\nGenf,y\n").await?;
    same(database.text("select count(*) from staging.t where place is not null").await?, "2")
}

async fn another_header_loads(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "id,name,status\n1,Anna,open\n2,Beat,done\n").await?;
    workdir.load(&database, "t.csv", "id,city,since\n3,Bern,2026-01-01\n4,Thun,2026-01-02\n").await?;
    workdir.load(&database, "t.csv", "ID,Land\n5,CH\n6,FR\n").await?;
    same(database.text("select count(*) from staging.t where id is not null").await?, "6")?;
    // Names that are figures belong to some tables.
    workdir.load(&database, "years.csv", "country,2019,2020\nCH,1,2\nFR,3,4\n").await?;
    workdir.load(&database, "years.csv", "country,2021,2022\nCH,1,2\nFR,3,4\n").await?;
    // A table whose files never had a header.
    workdir.load(&database, "bare.csv", "1,2026-01-01,5.5\n2,2026-01-02,6.5\n").await?;
    workdir.load(&database, "bare.csv", "3,2026-01-03,7.5\n4,2026-01-04,8.5\n").await?;
    same(database.text("select count(*) from staging.bare").await?, "4")?;
    // Documents have no header.
    workdir.load(&database, "t.json", "[{\"other\": 1}, {\"other\": 2}]").await?;
    same(database.text("select count(*) from staging.t where other is not null").await?, "2")
}

async fn what_was_taken_back_is_compared_with_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    let wrong = workdir.load(&database, "t.csv", "Anna,Bern\nBeat,Thun\n").await?;
    sluice::load::retract::retract(&workdir.app(&database).loader, wrong.load_id, true).await?;
    workdir.load(&database, "t.csv", "name,city\nAnna,Bern\nBeat,Thun\n").await?;
    same(database.text("select name from staging.t order by 1").await?, "Anna\nBeat")
}
