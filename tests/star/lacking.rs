//! Files that lack a column which others of their table have: it is no value, and the member keeps what it had.

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options};

use crate::support::star::run;
use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        an_attribute_that_a_file_lacks_stays,
        a_null_that_a_file_says_counts,
        no_order_of_runs_matters,
        expressions_over_one_column_stay_too,
        a_file_that_lacks_a_column_is_told;
}

/// Without history, with the attribute overwritten, and with it in the history.
const DIMENSIONS: [(&str, &str); 3] =
    [("dim_plain", "at: d"), ("dim_over", "history: [city]\nat: d"), ("dim_past", "history: [name, city]\nat: d")];

fn project(workdir: &Workdir, name: &str) -> Outcome {
    for (dimension, words) in DIMENSIONS {
        let text =
            format!("/*\nkind: dimension\nkey: [id]\n{words}\n*/\nselect id, {name} as name, city, d from staging.c\n");
        workdir.write(&format!("sql/pipeline/{dimension}.sql"), text)?;
    }
    Ok(())
}

async fn names(database: &TestDatabase) -> anyhow::Result<String> {
    let mut all = Vec::new();
    for (dimension, _) in DIMENSIONS {
        let order = if dimension == "dim_plain" { "id" } else { "id, valid_from" };
        let rows =
            format!("select id, name, city from datawarehouse.{dimension} where {dimension}_key <> 0 order by {order}");
        all.push(database.text(&rows).await?.replace('\n', " "));
    }
    Ok(all.join("\n"))
}

async fn load(database: &TestDatabase, workdir: &Workdir, text: &str) -> anyhow::Result<i64> {
    let id = workdir.load(database, "c.csv", text.replace(" / ", "\n") + "\n").await?.load_id;
    run(database, workdir).await?;
    let full = Options { full: true, ..Options::default() };
    let again = pipeline::run_with(&workdir.app(database).workspace, &full).await?.changes;
    same(again.iter().map(|change| change.changed()).sum::<u64>(), 0)?;
    Ok(id)
}

async fn an_attribute_that_a_file_lacks_stays(database: TestDatabase, workdir: Workdir) -> Outcome {
    project(&workdir, "name")?;
    load(&database, &workdir, "id,name,city,d / 1,Ann,Bern,2024-01-01").await?;
    let second = load(&database, &workdir, "id,city,d / 1,Thun,2024-02-01 / 2,Biel,2024-02-01").await?;
    let both = "1|Ann|Thun 2|∅|Biel\n1|Ann|Bern 1|Ann|Thun 2|∅|Biel\n1|Ann|Bern 1|Ann|Thun 2|∅|Biel";
    same(names(&database).await?, both)?;
    // The order of the times counts: what comes late does not know what came after it.
    load(&database, &workdir, "id,name,city,d / 1,Anna,Thun,2024-03-01").await?;
    load(&database, &workdir, "id,city,d / 1,Chur,2024-02-15 / 1,Genf,2024-04-01").await?;
    let all = "1|Anna|Genf 2|∅|Biel\n1|Anna|Bern 1|Anna|Thun 1|Anna|Chur 1|Anna|Thun 1|Anna|Genf 2|∅|Biel\n\
        1|Ann|Bern 1|Ann|Thun 1|Ann|Chur 1|Anna|Thun 1|Anna|Genf 2|∅|Biel";
    same(names(&database).await?, all)?;
    retract(&workdir.app(&database).loader, second, true).await?;
    run(&database, &workdir).await?;
    let without =
        "1|Anna|Genf\n1|Anna|Bern 1|Anna|Chur 1|Anna|Thun 1|Anna|Genf\n1|Ann|Bern 1|Ann|Chur 1|Anna|Thun 1|Anna|Genf";
    same(names(&database).await?, without)
}

async fn a_null_that_a_file_says_counts(database: TestDatabase, workdir: Workdir) -> Outcome {
    project(&workdir, "name")?;
    load(&database, &workdir, "id,name,city,d / 1,Ann,Bern,2024-01-01").await?;
    load(&database, &workdir, "id,name,city,d / 1,,Bern,2024-02-01").await?;
    same(names(&database).await?, "1|∅|Bern\n1|∅|Bern\n1|Ann|Bern 1|∅|Bern")?;
    load(&database, &workdir, "id,city,d / 1,Thun,2024-03-01").await?;
    same(names(&database).await?, "1|∅|Thun\n1|∅|Bern 1|∅|Thun\n1|Ann|Bern 1|∅|Bern 1|∅|Thun")
}

/// A column that only later files have, and one build of all files.
async fn no_order_of_runs_matters(database: TestDatabase, workdir: Workdir) -> Outcome {
    project(&workdir, "name")?;
    let files = [
        "id,city,d,name / 1,Bern,2024-02-01,Ann",
        "id,city,d / 1,Thun,2024-03-01 / 2,Biel,2024-01-01",
        "id,city,d,name / 2,Biel,2024-02-01,Ben / 1,Uri,2024-01-01,A",
        "id,d,name / 1,2024-05-01,Anne",
    ];
    let another = database.another().await?;
    for text in files {
        load(&database, &workdir, text).await?;
        workdir.load(&another, "c.csv", text.replace(" / ", "\n") + "\n").await?;
    }
    run(&another, &workdir).await?;
    same(names(&database).await?, names(&another).await?)?;
    let all = "1|Anne|Thun 2|Ben|Biel\n1|Anne|Uri 1|Anne|Bern 1|Anne|Thun 2|Ben|Biel\n\
        1|A|Uri 1|Ann|Bern 1|Ann|Thun 1|Anne|Thun 2|∅|Biel 2|Ben|Biel";
    same(names(&database).await?, all)
}

async fn expressions_over_one_column_stay_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    project(&workdir, "upper(name)")?;
    load(&database, &workdir, "id,name,city,d / 1,Ann,Bern,2024-01-01").await?;
    load(&database, &workdir, "id,city,d / 1,Thun,2024-02-01").await?;
    same(names(&database).await?, "1|ANN|Thun\n1|ANN|Bern 1|ANN|Thun\n1|ANN|Bern 1|ANN|Thun")
}

async fn a_file_that_lacks_a_column_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    for mode in ["mode: append", "mode: upsert\nkey: [id]", "mode: replace"] {
        let name = mode.split([' ', '\n']).nth(1).unwrap_or_default();
        let plugin = format!("name: {name}\ncreator: us\nfiles: [{name}*.csv]\ntable: {name}\n{mode}\n");
        workdir.plugin(name, &plugin)?;
        let file = format!("{name}.csv");
        workdir.load(&database, &file, "id,name,city\n1,Ann,Bern\n").await?;
        let load = workdir.load(&database, &file, "id,city\n1,Thun\n").await?.load_id;
        let beside = format!("select kind, name, text from sluice.beside where load_id = {load}");
        same(database.text(&beside).await?, "lacking|name|earlier files of the table had it")?;
    }
    Ok(())
}
