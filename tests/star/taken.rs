//! What an operator takes back goes, whatever else comes in the same run; only a file that gives less has to be allowed to.

use sluice::pipeline::{self, Options};

use crate::support::process::{app, stderr, stdout};
use crate::support::star::{is_settled, model, run, run_fails};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_retraction_goes_with_a_type_that_widens,
        a_correction_goes_with_a_type_that_widens,
        a_retraction_goes_with_a_new_column,
        a_file_that_gives_less_is_refused_beside_a_retraction,
        a_type_that_a_retracted_file_widened_comes_back_with_the_table;
}

const VERSIONS: &str =
    "select id, city, valid_from from datawarehouse.dim_c where dim_c_key > 0 order by id, valid_from";
const HEADER: &str = "kind: dimension\nkey: [id]\nhistory: [city]\nat: since";

async fn take_back(database: &TestDatabase, workdir: &Workdir, load: i64) -> Outcome {
    sluice::load::retract::retract(&workdir.app(database).loader, load, true).await?;
    Ok(())
}

/// Loads members, the second load with a version that is to go, and builds the star.
async fn two_versions(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<i64> {
    model(workdir, "dim_c", HEADER, "select id, city, price, since from staging.c")?;
    workdir.load(database, "c.csv", "id,city,price,since\n1,Bern,5,2024-01-01\n2,Genf,6,2024-01-01\n").await?;
    let second = workdir.load(database, "c.csv", "id,city,price,since\n1,Thun,5,2024-02-01\n").await?;
    run(database, workdir).await?;
    same(database.text(VERSIONS).await?, "1|Bern|2024-01-01\n1|Thun|2024-02-01\n2|Genf|2024-01-01")?;
    Ok(second.load_id)
}

async fn a_retraction_goes_with_a_type_that_widens(database: TestDatabase, workdir: Workdir) -> Outcome {
    let second = two_versions(&database, &workdir).await?;
    take_back(&database, &workdir, second).await?;
    workdir.load(&database, "c.csv", "id,city,price,since\n2,Genf,6.50,2024-03-01\n").await?;
    run(&database, &workdir).await?;
    same(database.text(VERSIONS).await?, "1|Bern|2024-01-01\n2|Genf|2024-01-01")?;
    is_settled(&database, &workdir).await
}

async fn a_correction_goes_with_a_type_that_widens(database: TestDatabase, workdir: Workdir) -> Outcome {
    two_versions(&database, &workdir).await?;
    // The version never was: the same day once more, as it was before.
    workdir.load(&database, "c.csv", "id,city,price,since\n1,Bern,5.50,2024-02-01\n").await?;
    run(&database, &workdir).await?;
    same(database.text(VERSIONS).await?, "1|Bern|2024-01-01\n2|Genf|2024-01-01")?;
    is_settled(&database, &workdir).await
}

async fn a_retraction_goes_with_a_new_column(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (history, more) in [("city", "name"), ("city, name", "upper(name) as loud")] {
        let (database, workdir) = (database.another().await?, Workdir::new()?);
        let second = two_versions(&database, &workdir).await?;
        take_back(&database, &workdir, second).await?;
        workdir.load(&database, "c.csv", "id,city,price,since,name\n2,Genf,6,2024-03-01,x\n").await?;
        let header = HEADER.replace("city", history);
        let select = format!("select id, city, price, name as name, {more}, since from staging.c");
        model(&workdir, "dim_c", &header, &select.replace("name as name, name,", "name,"))?;
        run(&database, &workdir).await?;
        let versions = "1|Bern|2024-01-01\n2|Genf|2024-01-01";
        let versions = if history == "city" { versions.to_owned() } else { format!("{versions}\n2|Genf|2024-03-01") };
        same((more, database.text(VERSIONS).await?), (more, versions))?;
        is_settled(&database, &workdir).await?;
    }
    let _ = workdir;
    Ok(())
}

async fn a_file_that_gives_less_is_refused_beside_a_retraction(database: TestDatabase, workdir: Workdir) -> Outcome {
    let second = two_versions(&database, &workdir).await?;
    workdir.load(&database, "c.csv", "id,city,price,since\n2,Biel,6.50,2024-03-01\n").await?;
    run(&database, &workdir).await?;
    take_back(&database, &workdir, second).await?;
    let select = "select id, city, price, since from staging.c where since < '2024-03-01'";
    model(&workdir, "dim_c", HEADER, select)?;
    holds(&run_fails(&database, &workdir).await?, "history: of the versions that members have, 2 would go")?;
    let options = Options { allow_drop: true, ..Options::default() };
    pipeline::run_with(&workdir.app(&database).workspace, &options).await?;
    same(database.text(VERSIONS).await?, "1|Bern|2024-01-01\n2|Genf|2024-01-01")
}

async fn a_type_that_a_retracted_file_widened_comes_back_with_the_table(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    model(&workdir, "dim_p", "kind: dimension\nkey: [id]", "select id, price from staging.p")?;
    model(
        &workdir,
        "fact_p",
        "kind: fact\ngrain: [id]\ndimensions: {id: {dimension: dim_p, role: p}}",
        "select id, price from staging.p",
    )?;
    workdir.write("sql/analysis/q.sql", "select count(*) as n, max(price) as price from staging.p")?;
    let good = "id,price\n1,5\n2,10\n";
    workdir.load(&database, "p.csv", good).await?;
    run(&database, &workdir).await?;
    let bad = workdir.load(&database, "p.csv", "id,price\n9,none\n").await?.load_id;
    run(&database, &workdir).await?;
    take_back(&database, &workdir, bad).await?;
    run(&database, &workdir).await?;
    let output = app(&workdir, &["drop", "staging.p", "--yes"], &settings)?;
    same((output.status.code(), stdout(&output) + &stderr(&output)), (Some(0), stdout(&output) + &stderr(&output)))?;
    workdir.load(&database, "p.csv", good).await?;
    run(&database, &workdir).await?;
    for command in ["--pipeline", "--analysis"] {
        let output = app(&workdir, &[command], &settings)?;
        same(
            (output.status.code(), stdout(&output) + &stderr(&output)),
            (Some(0), stdout(&output) + &stderr(&output)),
        )?;
    }
    same(database.text("select n, price from datawarehouse.q").await?, "2|10")?;
    let members =
        "select dim_p_key, id, price, price + 1 as next from datawarehouse.dim_p where dim_p_key > 0 order by 1";
    same(database.text(members).await?, "1|1|5|6\n2|2|10|11")?;
    same(database.text("select p_key, price from datawarehouse.fact_p order by 1").await?, "1|5\n2|10")
}
