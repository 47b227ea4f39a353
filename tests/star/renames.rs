//! Columns with another name than they had: members keep their keys and their past, and facts are left alone.

use sluice::pipeline::{self, Options};

use crate::support::process::{app, stderr, stdout};
use crate::support::star::{is_settled, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_key_has_another_name,
        what_staging_has_lost_is_renamed_too,
        attributes_have_other_names,
        a_plan_tells_of_columns,
        wrong_names_are_told;
}

fn dimension(workdir: &Workdir, words: &str, select: &str) -> Outcome {
    let text = format!("/*\nkind: dimension\n{words}\n*/\nselect {select} from staging.c\n");
    workdir.write("sql/pipeline/dim_c.sql", text).map(drop)
}

fn fact(workdir: &Workdir, missing: &str) -> Outcome {
    let text = format!(
        "/*\nkind: fact\ngrain: [oid]\ndimensions: {{c: {{dimension: dim_c, missing: {missing}}}}}\n*/\nselect oid, c from staging.o\n"
    );
    workdir.write("sql/pipeline/fact_o.sql", text).map(drop)
}

async fn refused(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<String> {
    match run(database, workdir).await {
        Ok(changes) => anyhow::bail!("it did not fail: {changes:?}"),
        Err(error) => Ok(error.to_string()),
    }
}

async fn a_key_has_another_name(database: TestDatabase, workdir: Workdir) -> Outcome {
    for history in ["", "history: [city]\nat: d\n"] {
        let database = database.another().await?;
        fact(&workdir, "infer")?;
        dimension(&workdir, &format!("{history}key: [id]"), "id, city, d")?;
        workdir.load(&database, "c.csv", "id,city,d\n7,Bern,2024-01-01\n8,Biel,2024-01-01\n").await?;
        workdir.load(&database, "o.csv", "oid,c\n1,7\n2,8\n3,9\n").await?;
        run(&database, &workdir).await?;
        let facts = "select oid, c_key from datawarehouse.fact_o order by oid";
        let before = (database.text(facts).await?, "7|1\n8|2\n9|3");
        let members = "select no, dim_c_key from datawarehouse.dim_c where dim_c_key <> 0 order by no";
        dimension(&workdir, &format!("{history}key: [no]"), "id as no, city, d")?;
        let why = "key: it was (id) and is (no): the members there are have their keys by the old one; where no is only another \
            name for id, was: {no: id} keeps them; ";
        holds(&refused(&database, &workdir).await?, why)?;
        dimension(&workdir, &format!("{history}key: [no]\nwas: id"), "id as no, city, d")?;
        let plan = Options { dry: true, ..Options::default() };
        pipeline::run_with(&workdir.app(&database).workspace, &plan).await?;
        let changes = run(&database, &workdir).await?;
        same(changes.iter().map(|change| change.changed()).sum::<u64>(), 0)?;
        is_settled(&database, &workdir).await?;
        same((database.text(facts).await?, &*database.text(members).await?), before)?;
        // The word may stay or go; keys that go and come are known by the new name.
        dimension(&workdir, &format!("{history}key: [no]"), "id as no, city, d")?;
        run(&database, &workdir).await?;
        workdir.load(&database, "c.csv", "id,city,d\n9,Thun,2024-01-01\n10,Uri,2024-01-01\n").await?;
        run(&database, &workdir).await?;
        same(database.text(members).await?, "7|1\n8|2\n9|3\n10|4")?;
    }
    Ok(())
}

async fn what_staging_has_lost_is_renamed_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("c", "name: c\ncreator: us\nfiles: [c*.csv]\ntable: c\nduplicates: load\nmode: replace\n")?;
    dimension(&workdir, "key: [id]\nhistory: [city]", "id, city, name")?;
    for rows in ["1,Bern,A\n2,Biel,B\n", "1,Thun,A\n", "1,Thun,C\n"] {
        workdir.load(&database, "c.csv", format!("id,city,name\n{rows}")).await?;
        run(&database, &workdir).await?;
    }
    let past = "id, city, name, is_current from datawarehouse.dim_c where dim_c_key <> 0 order by id, dim_c_key";
    let before = database.text(&format!("select dim_c_key, {past}")).await?;
    dimension(
        &workdir,
        "key: [no]\nhistory: [town]\nwas: {no: id, town: city, called: name}",
        "id as no, city as town, name as called",
    )?;
    let changes = run(&database, &workdir).await?;
    same(changes.iter().map(|change| change.changed()).sum::<u64>(), 0)?;
    let past = past.replace("id, city, name,", "no, town, called,").replace("by id", "by no");
    same(database.text(&format!("select dim_c_key, {past}")).await?, before)?;
    workdir.load(&database, "c.csv", "id,city,name\n1,Thun,C\n2,Biel,B\n").await?;
    run(&database, &workdir).await?;
    let past = format!("select {past}");
    same(database.text(&past).await?, "1|Bern|C|false\n1|Thun|C|true\n2|Biel|B|false\n2|Biel|B|true")
}

async fn attributes_have_other_names(database: TestDatabase, workdir: Workdir) -> Outcome {
    dimension(&workdir, "key: [id]", "id, city, d")?;
    workdir.load(&database, "c.csv", "id,city,d\n7,Bern,2024-01-01\n").await?;
    run(&database, &workdir).await?;
    dimension(&workdir, "key: [id]", "id, city as town, d")?;
    holds(&refused(&database, &workdir).await?, "city")?;
    dimension(&workdir, "key: [id]\nwas: {town: city}", "id, city as town, d")?;
    run(&database, &workdir).await?;
    same(database.text("select id, town from datawarehouse.dim_c where id = 7").await?, "7|Bern")
}

async fn wrong_names_are_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "c.csv", "id,city,d\n7,Bern,2024-01-01\n").await?;
    for (words, why) in [
        ("key: [id]\nwas: {town: city}", "dim_c.sql:4: was: the select gives no column town"),
        ("key: [id]\nwas: {city: d}", "was: the select gives d as well as city, so d has not become city"),
        ("key: [id, city]\nwas: no", "was: which column was no? Say it, such as {id or city: no}"),
    ] {
        dimension(&workdir, words, "id, city, d")?;
        holds(&refused(&database, &workdir).await?, why)?;
    }
    Ok(())
}

async fn a_plan_tells_of_columns(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    dimension(&workdir, "key: [id]", "id, city")?;
    workdir.write("sql/analysis/q.sql", "select city, count(*) as n from datawarehouse.dim_c group by city")?;
    workdir.load(&database, "c.csv", "id,city,note\n7,Bern,\n8,Biel,\n").await?;
    run(&database, &workdir).await?;
    sluice::analysis::run(&workdir.app(&database).workspace).await?;
    dimension(&workdir, "key: [no]\nwas: {no: id, town: city}", "id as no, city as town, note")?;
    let output = app(&workdir, &["plan"], &settings)?;
    let columns = "column id is called no, column city is called town, column note added (compared whole: ";
    holds(&stdout(&output), columns)?;
    holds(&stdout(&output), "Nothing was changed. Next: app --pipeline")?;
    same(stderr(&output).contains("was dropped"), false)?;
    holds(&stderr(&output), "the view could not be read any more and would be dropped: ")?;
    same(database.text("select count(*) from datawarehouse.q").await?, "3")?;
    let output = app(&workdir, &["--pipeline"], &settings)?;
    holds(&stdout(&output), "0 changes; ")?;
    holds(&stderr(&output), "was dropped")?;
    let output = app(&workdir, &["plan"], &settings)?;
    holds(&stdout(&output), "no change (nothing new)")?;
    holds(&stdout(&output), "Nothing was changed. The star is up to date")
}
