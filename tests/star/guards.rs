//! Guards: a run that would take more out of a table than its header lets go publishes nothing, until a person says that it is right.

use sluice::pipeline::{self, Options};

use crate::support::process::{app, stderr, stdout};
use crate::support::star::run;
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        an_empty_whole_file_closes_nobody,
        a_share_of_the_members_may_go,
        a_fact_keeps_its_rows,
        rows_of_members_that_change_are_not_gone,
        a_bridge_whose_weights_change_loses_no_row,
        a_first_build_takes_nothing,
        a_guard_is_of_a_table;
}

fn model(workdir: &Workdir, name: &str, header: &str, select: &str) -> Outcome {
    workdir.write(&format!("sql/pipeline/{name}.sql"), format!("/*\n{header}\n*/\n{select}\n")).map(drop)
}

fn replacing(workdir: &Workdir) -> Outcome {
    workdir.plugin("c", "name: c\ncreator: us\nfiles: [c*.csv]\ntable: c\nduplicates: load\nmode: replace\n").map(drop)
}

fn members(some: impl Iterator<Item = u32>) -> String {
    "id,city\n".to_owned() + &some.map(|id| format!("{id},Bern\n")).collect::<String>()
}

async fn refused(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<String> {
    match run(database, workdir).await {
        Ok(changes) => anyhow::bail!("it did not fail: {changes:?}"),
        Err(error) => Ok(error.to_string()),
    }
}

async fn an_empty_whole_file_closes_nobody(database: TestDatabase, workdir: Workdir) -> Outcome {
    replacing(&workdir)?;
    let select = "select id, city from staging.c";
    model(&workdir, "dim_c", "kind: dimension\nkey: [id]\nhistory: [city]\nguard: {at_least: 3 rows}", select)?;
    model(&workdir, "dim_d", "kind: dimension\nkey: [id]\nhistory: [city]\nguard: {gone_at_most: 50 %}", select)?;
    workdir.load(&database, "c.csv", members(1..=4)).await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "c.csv", members(1..=3)).await?;
    run(&database, &workdir).await?;
    let open = "select count(*) from datawarehouse.dim_c where is_current and dim_c_key <> 0";
    same(database.text(open).await?, "3")?;
    workdir.load(&database, "c.csv", "id,city\n").await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let all: [&[&str]; 2] = [&["plan"], &["--pipeline"]];
    for arguments in all {
        let output = app(&workdir, arguments, &settings)?;
        same(output.status.code(), Some(1))?;
        holds(
            &stderr(&output),
            "dim_c.sql:5: guard: at_least: 0 open members where 3 are the least: nothing is published; ",
        )?;
        holds(&stderr(&output), "dim_d.sql:5: guard: gone_at_most: 3 open members of 3 would go where 50 % may")?;
        holds(&stderr(&output), "app --pipeline --accept-guard dim_d lets it pass once")?;
    }
    same(database.text(open).await?, "3")?;
    holds(&stdout(&app(&workdir, &["status"], &settings)?), "guard: ")?;
    // Each by its name; the next run asks anew.
    let output = app(&workdir, &["--pipeline", "--accept-guard", "dim_c"], &settings)?;
    holds(&stderr(&output), "dim_d.sql:5: guard")?;
    let accept = ["--pipeline", "--accept-guard", "dim_c", "--accept-guard", "dim_d"];
    same(app(&workdir, &accept, &settings)?.status.code(), Some(0))?;
    same(database.text(open).await?, "0")?;
    workdir.load(&database, "c.csv", members(1..=2)).await?;
    holds(&refused(&database, &workdir).await?, "dim_c.sql:5: guard: at_least: 2 open members where 3 are the least")
}

async fn a_share_of_the_members_may_go(database: TestDatabase, workdir: Workdir) -> Outcome {
    // Rows of one load leave when it is retracted: of the members that only grow, too.
    model(
        &workdir,
        "dim_c",
        "kind: dimension\nkey: [id]\nguard: {gone_at_most: 2 members}",
        "select id, city from staging.c",
    )?;
    let mut loads = Vec::new();
    for part in [1..=2, 3..=5, 6..=7] {
        loads.push(workdir.load(&database, "c.csv", members(part)).await?.load_id);
        run(&database, &workdir).await?;
    }
    let take_back = async |load: i64| sluice::load::retract::retract(&workdir.app(&database).loader, load, true).await;
    take_back(loads[0]).await?;
    run(&database, &workdir).await?;
    take_back(loads[1]).await?;
    holds(&refused(&database, &workdir).await?, "guard: gone_at_most: 3 open members of 5 would go where 2 may")?;
    let options = Options { accept_guard: vec!["dim_c".to_owned()], ..Options::default() };
    pipeline::run_with(&workdir.app(&database).workspace, &options).await?;
    same(database.text("select count(*) from datawarehouse.dim_c").await?, "3")
}

async fn a_fact_keeps_its_rows(database: TestDatabase, workdir: Workdir) -> Outcome {
    replacing(&workdir)?;
    model(
        &workdir,
        "fact_c",
        "kind: fact\ngrain: [id]\nguard:\n  at_least: 2\n  gone_at_most: 40%",
        "select id, city from staging.c",
    )?;
    workdir.load(&database, "c.csv", members(1..=1)).await?;
    holds(&refused(&database, &workdir).await?, "fact_c.sql:5: guard: at_least: 1 row where 2 are the least")?;
    workdir.load(&database, "c.csv", members(1..=5)).await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "c.csv", members(3..=9)).await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "c.csv", members(3..=5)).await?;
    holds(&refused(&database, &workdir).await?, "guard: gone_at_most: 4 rows of 7 would go where 40 % may")
}

async fn rows_of_members_that_change_are_not_gone(database: TestDatabase, workdir: Workdir) -> Outcome {
    replacing(&workdir)?;
    workdir.plugin("d", "name: d\ncreator: us\nfiles: [d*.csv]\ntable: d\n")?;
    model(
        &workdir,
        "dim_d",
        "kind: dimension\nkey: [id]\nhistory: [city]\nat: since",
        "select id, city, since from staging.d",
    )?;
    let header = "kind: fact\ngrain: [id, day]\nat: day\ndimensions: {id: dim_d}\nguard: {gone_at_most: 20 %}";
    model(&workdir, "fact_c", header, "select id, day, amount from staging.c")?;
    let rows = |ids: std::ops::RangeInclusive<u32>, amount: u32| {
        "id,day,amount\n".to_owned() + &ids.map(|id| format!("{id},2024-03-01,{amount}\n")).collect::<String>()
    };
    let cities = |city: &str, since: &str, ids: std::ops::RangeInclusive<u32>| {
        "id,city,since\n".to_owned() + &ids.map(|id| format!("{id},{city},{since}\n")).collect::<String>()
    };
    workdir.load(&database, "d.csv", cities("Bern", "2024-01-01", 1..=9)).await?;
    workdir.load(&database, "c.csv", rows(1..=10, 1)).await?;
    run(&database, &workdir).await?;
    let counts = async |database: &TestDatabase| {
        let changes = run(database, &workdir).await?;
        let change = changes.into_iter().find(|change| change.table == "fact_c");
        anyhow::Ok(change.map(|change| (change.inserted, change.updated, change.deleted, change.rows)))
    };
    // Another amount.
    workdir.load(&database, "c.csv", rows(1..=10, 2)).await?;
    same(counts(&database).await?, Some((0, 10, 0, 10)))?;
    // The members have another version on that day, and one goes by another amount.
    workdir.load(&database, "d.csv", cities("Thun", "2024-02-01", 1..=9)).await?;
    workdir.load(&database, "c.csv", rows(1..=10, 3)).await?;
    same(counts(&database).await?, Some((0, 10, 0, 10)))?;
    // One row more, one that is not there any more, and all others changed.
    workdir.load(&database, "c.csv", rows(2..=11, 4)).await?;
    workdir.load(&database, "d.csv", cities("Biel", "2024-01-01", 11..=11)).await?;
    same(counts(&database).await?, Some((1, 9, 1, 10)))?;
    workdir.load(&database, "c.csv", rows(5..=11, 5)).await?;
    let refused = refused(&database, &workdir).await?;
    holds(&refused, "guard: gone_at_most: 3 rows of 10 would go where 20 % may")
}

async fn a_bridge_whose_weights_change_loses_no_row(database: TestDatabase, workdir: Workdir) -> Outcome {
    replacing(&workdir)?;
    model(&workdir, "dim_p", "kind: dimension\nkey: [p]", "select distinct p from staging.c")?;
    model(&workdir, "dim_q", "kind: dimension\nkey: [q]", "select distinct q from staging.c")?;
    let header = "kind: bridge\ndimensions: {p: dim_p, q: dim_q}\nweight: w\ngroup: [p]\nguard: {gone_at_most: 0}";
    model(&workdir, "bridge_c", header, "select p, q, w from staging.c")?;
    workdir.load(&database, "c.csv", "p,q,w\n1,a,0.5\n1,b,0.5\n2,a,1\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "c.csv", "p,q,w\n1,a,0.25\n1,b,0.75\n2,a,1\n").await?;
    let changes = run(&database, &workdir).await?;
    let change = changes.iter().find(|change| change.table == "bridge_c");
    same(change.map(|change| (change.inserted, change.updated, change.deleted)), Some((0, 3, 0)))?;
    workdir.load(&database, "c.csv", "p,q,w\n1,a,0.25\n1,b,0.75\n").await?;
    holds(&refused(&database, &workdir).await?, "guard: gone_at_most: 1 row of 3 would go where 0 may")
}

async fn a_guard_is_of_a_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(
        &workdir,
        "dim_c",
        "kind: dimension\nkey: [id]\nguard: {gone_at_most: 5 %}",
        "select id, city from staging.c",
    )?;
    workdir.load(&database, "c.csv", members(1..=2)).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["--pipeline", "--accept-guard", "dim_d"], &settings)?;
    same(output.status.code(), Some(2))?;
    holds(&stderr(&output), "--accept-guard dim_d: sql/pipeline has no table dim_d with a guard")?;
    for (guard, why) in [
        ("{at_most: 5}", "unknown word at_most"),
        ("{gone_at_most: few}", "gone_at_most takes a number or a share of those there"),
        ("{at_least: 5 %}", "at_least takes a number, such as 1000"),
    ] {
        model(
            &workdir,
            "dim_c",
            &format!("kind: dimension\nkey: [id]\nguard: {guard}"),
            "select id, city from staging.c",
        )?;
        holds(&refused(&database, &workdir).await?, why)?;
    }
    Ok(())
}

/// The bridge has another turn when the fact behind it has made members.
async fn a_first_build_takes_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_c", "kind: dimension\nkey: [id]", "select id, city from staging.c")?;
    model(&workdir, "dim_t", "kind: dimension\nkey: [tag]\ndistinct: true", "select tag from staging.o")?;
    let bridge = "kind: bridge\ndistinct: true\ndimensions: {id: dim_c, tag: dim_t}\nguard: {gone_at_most: 20 %}";
    model(&workdir, "bridge_t", bridge, "select id, tag from staging.o")?;
    let fact = "kind: fact\ngrain: [oid]\ndimensions: {id: {dimension: dim_c, missing: infer}}";
    model(&workdir, "fact_o", fact, "select oid, id from staging.o")?;
    workdir.load(&database, "c.csv", "id,city\n1,Bern\n").await?;
    workdir.load(&database, "o.csv", "oid,id,tag\n1,1,a\n2,2,a\n3,3,b\n4,4,c\n").await?;
    run(&database, &workdir).await?;
    let bridged = "select b.id_key, b.tag_key from datawarehouse.bridge_t as b order by 1";
    same(database.text(bridged).await?, "1|1\n2|1\n3|2\n4|3")
}
