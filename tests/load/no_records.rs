//! Files of a period without records: they change no column, and their lines are kept beside the load.

use sluice::load::FileOutcome;

use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        a_remark_changes_no_column,
        a_ruler_is_kept_beside_the_records,
        a_first_table_without_records_keeps_its_place;
}

async fn types(database: &TestDatabase, table: &str) -> anyhow::Result<String> {
    let sql = format!("select name, \"type\" from sluice.\"column\" where dataset = '{table}' order by position");
    Ok(database.text(&sql).await?.replace('\n', " "))
}

/// The lines beside the loads, but those of the first.
async fn beside(database: &TestDatabase) -> anyhow::Result<String> {
    database.text("select load_id, line, text from sluice.beside where load_id > 1 order by load_id, line").await
}

async fn a_remark_changes_no_column(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "id;v;day\n1;5;2026-01-01\n2;6;2026-01-02\n").await?;
    for text in [
        "id;v;day\nno data;;\n",
        "id;v;day\nkeine Daten vorhanden\n",
        "Umsätze März\nid;v;day\n(keine Umsätze);;\n",
        "id;v;day\n\nNo transactions in this period\n",
    ] {
        let report = workdir.load(&database, "t.csv", text).await?;
        same((report.books.read, report.books.rejected), (0, 0))?;
    }
    same(types(&database, "t").await?, "id|bigint v|bigint day|date")?;
    same(database.text("select count(*) from staging.t").await?, "2")?;
    same(
        beside(&database).await?,
        "2|2|no data;;\n3|2|keine Daten vorhanden\n4|1|Umsätze März\n4|3|(keine Umsätze);;\n5|3|No transactions in this period",
    )
}

async fn a_ruler_is_kept_beside_the_records(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "first.csv", "a,b\n1,2\n").await?;
    let report = workdir.load(&database, "t.csv", "id;name\n--;----\n1;Eva\n2;Bob\n").await?;
    same((report.books.read, report.books.loaded), (2, 2))?;
    same(types(&database, "t").await?, "id|bigint name|text")?;
    same(database.text("select id, name, _line from staging.t order by id").await?, "1|Eva|3\n2|Bob|4")?;
    same(beside(&database).await?, "2|2|--;----")
}

async fn a_first_table_without_records_keeps_its_place(database: TestDatabase, workdir: Workdir) -> Outcome {
    for text in [
        "id;name\n1;x\n2;y\n\nname;town;z\nEva;Bonn;1\nBob;Ulm;2\n",
        "id;name\n\nname;town;z\nIda;Rome;3\nTom;Oslo;4\n",
    ] {
        let outcome = workdir.drop_file(&database, "t.csv", text).await?;
        let FileOutcome::Loaded(reports) = outcome else { anyhow::bail!("{outcome:?}") };
        same(reports.len(), 2)?;
    }
    same(database.text("select id, name from staging.t order by id").await?, "1|x\n2|y")?;
    same(types(&database, "t").await?, "id|bigint name|text")?;
    same(
        database.text("select name, town, z from staging.t_2 order by z").await?,
        "Eva|Bonn|1\nBob|Ulm|2\nIda|Rome|3\nTom|Oslo|4",
    )
}
