//! Members that were closed and come back, and what stands at the ends of time: facts find them.

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options};

use crate::support::process::{app, stderr};
use crate::support::star::{is_settled, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        facts_find_a_member_that_was_closed,
        the_last_day_is_in_the_last_version,
        numbers_of_an_array_keep_their_digits,
        versions_are_given_up_by_word_only,
        versions_of_one_day_may_become_one,
        files_that_no_run_saw_are_named,
        a_view_may_go_with_what_it_reads;
}

const DIMENSION: &str = "/*\nkind: dimension\nkey: [id]\nhistory: [city]\n*/\nselect id, city from staging.r";

async fn facts_find_a_member_that_was_closed(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("r", "name: r\nfiles: [r*.csv]\ntable: r\nmode: replace\nduplicates: load\n")?;
    workdir.write("sql/pipeline/dim_r.sql", DIMENSION)?;
    for (name, at) in [("fact_then", "at: day\n"), ("fact_now", "")] {
        let header = format!("/*\nkind: fact\ngrain: [o]\n{at}dimensions: {{id: dim_r}}\n*/\n");
        workdir.write(&format!("sql/pipeline/{name}.sql"), header + "select o, id, day from staging.f")?;
    }
    workdir.load(&database, "f.csv", "o,id,day\n1,2,2199-01-01\n2,2,2001-01-01\n").await?;
    let then = "select o, id_key from datawarehouse.fact_then order by o";
    let now = "select o, id_key from datawarehouse.fact_now order by o";
    let mut last = 0;
    for (content, of_then, of_now) in [
        ("id,city\n2,X\n", "1|1\n2|1", "1|1\n2|1"),
        ("id,city\n3,Y\n", "1|0\n2|1", "1|0\n2|0"),
        ("id,city\n2,X\n", "1|3\n2|1", "1|3\n2|3"),
        ("id,city\n3,Y\n", "1|0\n2|1", "1|0\n2|0"),
    ] {
        last = workdir.load(&database, "r.csv", content).await?.load_id;
        run(&database, &workdir).await?;
        same(database.text(then).await?, of_then)?;
        same(database.text(now).await?, of_now)?;
        is_settled(&database, &workdir).await?;
    }
    // The file that closed it is taken back.
    retract(&workdir.app(&database).loader, last, true).await?;
    run(&database, &workdir).await?;
    same(database.text(then).await?, "1|3\n2|1")?;
    same(database.text(now).await?, "1|3\n2|3")?;
    let full = Options { full: true, ..Options::default() };
    let report = pipeline::run_with(&workdir.app(&database).workspace, &full).await?;
    same(report.changes.iter().map(|change| change.changed()).sum::<u64>(), 0)
}

async fn the_last_day_is_in_the_last_version(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/dim_r.sql",
        DIMENSION.replace("*/", "at: since\n*/").replace("city from", "city, since from"),
    )?;
    let fact = "/*\nkind: fact\ngrain: [o]\nat: day\ndimensions: {id: {dimension: dim_r, missing: reject}}\n*/\nselect \
     o, id, day from staging.f";
    workdir.write("sql/pipeline/fact_f.sql", fact)?;
    workdir.load(&database, "r.csv", "id,city,since\n1,X,2020-01-01\n1,Y,2021-01-01\n").await?;
    workdir.load(&database, "f.csv", "o,id,day\n1,1,9999-12-31\n2,1,9999-12-30\n3,1,2020-05-01\n").await?;
    run(&database, &workdir).await?;
    same(database.text("select o, id_key from datawarehouse.fact_f order by o").await?, "1|2\n2|2\n3|1")
}

async fn numbers_of_an_array_keep_their_digits(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/tags.sql",
        "/*\nkind: table\nexplode: {into: tag, column: tags}\n*/\nselect id, tags from staging.f",
    )?;
    let array = "[1.50, 10.0, 1e3, 12345678901234567890, 0.1, -7, \"\"1.50\"\", true, \"\"é\"\"]";
    workdir.load(&database, "f.csv", format!("id,tags\n1,\"{array}\"\n2,[]\n3,\n")).await?;
    run(&database, &workdir).await?;
    same(
        database.text("select tag from datawarehouse.tags order by tag").await?,
        "-7\n0.1\n1.50\n1.50\n10.0\n12345678901234567890\n1e3\ntrue\né",
    )
}

async fn a_view_may_go_with_what_it_reads(database: TestDatabase, workdir: Workdir) -> Outcome {
    let fact = "/*\nkind: fact\ngrain: [o]\n*/\nselect o, amount from staging.f";
    workdir.write("sql/pipeline/fact_f.sql", fact)?;
    workdir
        .write("sql/pipeline/sums.sql", "/* kind: view */ select sum(amount) as amount from datawarehouse.fact_f")?;
    workdir.load(&database, "f.csv", "o,amount\n1,10\n").await?;
    run(&database, &workdir).await?;
    std::fs::remove_file(workdir.path("sql/pipeline/sums.sql"))?;
    workdir.write("sql/pipeline/fact_f.sql", fact.replace(", amount", ""))?;
    let options = Options { allow_drop: true, ..Options::default() };
    pipeline::run_with(&workdir.app(&database).workspace, &options).await?;
    same(database.text("select * from datawarehouse.fact_f").await?.starts_with("1|"), true)?;
    same(database.rows("select * from datawarehouse.sums").await.is_err(), true)
}

const CITIES: &str = "select id, city, kind from datawarehouse.dim_r where id is not null order by id, valid_from";

async fn versions_are_given_up_by_word_only(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header = |history: &str| {
        format!(
            "/*\nkind: dimension\nkey: [id]\nhistory: [{history}]\nat: since\n*/\nselect id, city, kind, since from staging.r"
        )
    };
    workdir.write("sql/pipeline/dim_r.sql", header("city, kind"))?;
    workdir
        .load(&database, "r.csv", "id,city,kind,since\n1,X,a,2020-01-01\n1,Y,a,2021-01-01\n1,Y,b,2022-01-01\n")
        .await?;
    run(&database, &workdir).await?;
    same(database.text(CITIES).await?, "1|X|a\n1|Y|a\n1|Y|b")?;
    workdir.write("sql/pipeline/dim_r.sql", header("kind"))?;
    let error = run(&database, &workdir).await.unwrap_err().to_string();
    holds(&error, "history: of the versions that members have, 1 would go: app --pipeline --allow-drop")?;
    same(database.text(CITIES).await?, "1|X|a\n1|Y|a\n1|Y|b")?;
    let options = Options { allow_drop: true, ..Options::default() };
    pipeline::run_with(&workdir.app(&database).workspace, &options).await?;
    same(database.text(CITIES).await?, "1|Y|a\n1|Y|b")
}

async fn versions_of_one_day_may_become_one(database: TestDatabase, workdir: Workdir) -> Outcome {
    let fact = "/*\nkind: fact\ngrain: [o]\nat: day\ndimensions: {id: dim_r}\n*/\nselect o, id, day from staging.f";
    let select = DIMENSION.replace("city from", "city, 'k' as kind, since from");
    workdir.write("sql/pipeline/dim_r.sql", &select)?;
    workdir.write("sql/pipeline/fact_f.sql", fact)?;
    workdir.load(&database, "f.csv", "o,id,day\n1,1,2024-01-15\n2,1,2024-02-15\n3,1,2199-01-01\n").await?;
    for (city, since) in [("Bern", "2024-01-01"), ("Basel", "2024-02-01"), ("Chur", "2024-03-01")] {
        workdir.load(&database, "r.csv", format!("id,city,since\n1,{city},{since}\n")).await?;
        run(&database, &workdir).await?;
    }
    same(database.text(CITIES).await?, "1|Bern|k\n1|Basel|k\n1|Chur|k")?;
    // They began when they were loaded, all of them today, and begin on the day that they name now.
    workdir.write("sql/pipeline/dim_r.sql", select.replace("*/", "at: since\n*/"))?;
    let error = run(&database, &workdir).await.unwrap_err().to_string();
    holds(
        &error,
        "at: 2 versions would begin on the same day as another one of the member: app --pipeline --allow-drop",
    )?;
    let options = Options { allow_drop: true, ..Options::default() };
    pipeline::run_with(&workdir.app(&database).workspace, &options).await?;
    same(database.text(CITIES).await?, "1|Bern|k\n1|Basel|k\n1|Chur|k")?;
    let seen = "select f.o, c.city from datawarehouse.fact_f as f join datawarehouse.dim_r as c on c.dim_r_key = f.id_key order by f.o";
    same(database.text(seen).await?, "1|Bern\n2|Basel\n3|Chur")?;
    is_settled(&database, &workdir).await
}

async fn files_that_no_run_saw_are_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("r", "name: r\nfiles: [r*.csv]\ntable: r\nmode: replace\n")?;
    workdir.write("sql/pipeline/dim_r.sql", DIMENSION)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let build = || -> anyhow::Result<String> {
        let output = app(&workdir, &["--pipeline"], &settings)?;
        same(output.status.code(), Some(0))?;
        let log = stderr(&output);
        Ok(log.lines().filter(|line| line.contains("before a run saw them")).collect())
    };
    workdir.load(&database, "r1.csv", "id,city\n1,A\n").await?;
    same(build()?, "")?;
    workdir.load(&database, "r2.csv", "id,city\n1,B\n").await?;
    same(build()?, "")?;
    workdir.load(&database, "r3.csv", "id,city\n1,C\n").await?;
    workdir.load(&database, "r4.csv", "id,city\n1,D\n").await?;
    holds(&build()?, "leave no versions: (r3.csv, load 3); app --pipeline after each file keeps them")?;
    same(build()?, "")
}
