//! The keys in a fact's rows: whose they are, and that each row gets its own.

use sluice::pipeline::{self, Options, Report, RunError};
use sluice::sql::Engine;
use sluice::warehouse::Scope;

use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_role_may_come_to_name_another_dimension,
        many_new_rows_get_their_own_each,
        rows_that_are_not_told_apart_name_their_lines;
}

async fn run(database: &TestDatabase, workdir: &Workdir, allow_drop: bool) -> Result<Report, RunError> {
    pipeline::run_with(&workdir.app(database).workspace, &Options { allow_drop, ..Options::default() }).await
}

async fn a_role_may_come_to_name_another_dimension(database: TestDatabase, workdir: Workdir) -> Outcome {
    let dimension = |of: &str| format!("/* {{kind: dimension, key: [city]}} */ select city from staging.{of}");
    let fact = |of: &str| {
        format!("/*\nkind: fact\ngrain: [id]\ndimensions: {{city: {of}}}\n*/\nselect id, city from staging.f")
    };
    workdir.write("sql/pipeline/dim_one.sql", dimension("one"))?;
    workdir.write("sql/pipeline/dim_two.sql", dimension("two"))?;
    workdir.write("sql/pipeline/fact_f.sql", fact("dim_one"))?;
    workdir.load(&database, "one.csv", "city\na\nb\n").await?;
    workdir.load(&database, "two.csv", "city\nx\ny\nz\na\nb\n").await?;
    workdir.load(&database, "f.csv", "id,city\n1,a\n2,b\n3,z\n").await?;
    run(&database, &workdir, false).await?;
    let all = "select id, city_key from datawarehouse.fact_f order by id";
    same(database.text(all).await?, "1|1\n2|2\n3|0")?;
    workdir.write("sql/pipeline/fact_f.sql", fact("dim_two"))?;
    run(&database, &workdir, false).await?;
    same(database.text(all).await?, "1|1\n2|2\n3|5")?;
    // The database itself holds it to the other one now.
    std::fs::remove_file(workdir.path("sql/pipeline/dim_one.sql"))?;
    run(&database, &workdir, true).await?;
    let references = match database.engine {
        Engine::Sqlite => {
            "select f.\"from\", f.\"table\", c.\"notnull\" from pragma_foreign_key_list('datawarehouse__fact_f') as f \
             join pragma_table_info('datawarehouse__fact_f') as c on c.name = f.\"from\""
        }
        Engine::Postgres => {
            "select a.attname::text, c.confrelid::regclass::text, a.attnotnull::int::text from pg_constraint as c \
             join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] \
             where c.contype = 'f' and c.conrelid = 'datawarehouse.fact_f'::regclass"
        }
    };
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    let found: Vec<_> = transaction.query(references, &[]).await?.into_iter().flatten().flatten().collect();
    same(found.join("|").replace("datawarehouse.", "").replace("datawarehouse__", ""), "city_key|dim_two|1")
}

async fn many_new_rows_get_their_own_each(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, of) in [("dim_a", "a"), ("dim_b", "b"), ("dim_c", "c")] {
        workdir.write(
            &format!("sql/pipeline/{name}.sql"),
            format!("/* {{kind: dimension, key: [{of}]}} */ select distinct {of} from staging.f where id <= 5000"),
        )?;
    }
    workdir.write(
        "sql/pipeline/fact_f.sql",
        "/*\nkind: fact\ngrain: [id]\ndimensions: {a: dim_a, b: dim_b, c: dim_c}\n*/\nselect id, a, b, c, a as of_a, b \
         as of_b, c as of_c from staging.f",
    )?;
    // Three dimensions of which two are large.
    let file = |ids: std::ops::Range<u64>| {
        let line = |id: u64| format!("{id},a{},{},c{}\n", id * 7919 % 700, id * 104_729 % 330, id % 5);
        ids.fold("id,a,b,c\n".to_owned(), |text, id| text + &line(id))
    };
    workdir.load(&database, "f.csv", file(1..5001)).await?;
    run(&database, &workdir, false).await?;
    workdir.load(&database, "f.csv", file(5001..11_000)).await?;
    workdir.load(&database, "f.csv", "id,a,b,c\n20000,new,1000,c9\n").await?;
    let report = run(&database, &workdir, false).await?;
    let fact = report.changes.iter().find(|change| change.table == "fact_f");
    same(fact.map(|fact| (fact.inserted, fact.how.as_str())), Some((6000, "2 loads new")))?;
    let wrong = "select count(*) from datawarehouse.fact_f as f join datawarehouse.dim_a as a on a.dim_a_key = f.a_key \
        join datawarehouse.dim_b as b on b.dim_b_key = f.b_key join datawarehouse.dim_c as c on c.dim_c_key = f.c_key \
        where f.id < 20000 and not (a.a = f.of_a and b.b = f.of_b and c.c = f.of_c)";
    same(database.text(wrong).await?, "0")?;
    let all = "select count(*), min(id), max(id), count(distinct a_key), count(distinct b_key), count(distinct c_key) \
     from datawarehouse.fact_f";
    same(database.text(all).await?, "11000|1|20000|701|331|6")?;
    same(database.text("select a_key, b_key, c_key from datawarehouse.fact_f where id = 20000").await?, "0|0|0")?;
    // One that is there already, among many.
    workdir.load(&database, "f.csv", file(30_000..34_000) + "77,a1,1,c1\n").await?;
    let error = run(&database, &workdir, false).await.unwrap_err();
    holds(
        &error.to_string(),
        "grain: several rows of the select have the same id: id = \"77\" (2 rows: f.csv line 4002, load 4; f.csv line \
         78, load 1, in the table already)",
    )?;
    same(database.text(all).await?, "11000|1|20000|701|331|6")
}

async fn rows_that_are_not_told_apart_name_their_lines(database: TestDatabase, workdir: Workdir) -> Outcome {
    let dim_city = "/*\nkind: dimension\nkey: [city]\n*/\nselect city, land, day from staging.c";
    workdir.write("sql/pipeline/dim_city.sql", dim_city)?;
    // The header has the columns the other way round than the select.
    workdir.write(
        "sql/pipeline/fact_f.sql",
        "/*\nkind: fact\ngrain: [line_no, id]\ndimensions: {city: dim_city}\n*/\nselect id, line_no, city from staging.f",
    )?;
    workdir.load(&database, "c.csv", "city,land,day\nBern,CH,2024-01-01\n").await?;
    workdir.load(&database, "f.csv", "id,line_no,city\n7,1,Bern\n8,1,Rom\n").await?;
    run(&database, &workdir, false).await?;
    let fails = async |with: &str| -> Outcome {
        match run(&database, &workdir, false).await {
            Ok(report) => anyhow::bail!("it did not fail: {:?}", report.changes),
            Err(error) => holds(&error.to_string(), with),
        }
    };
    // A member comes, so that facts are looked up again together with the new rows.
    workdir.load(&database, "c.csv", "city,land,day\nRom,IT,2024-01-01\n").await?;
    workdir.load(&database, "f.csv", "id,line_no,city\n9,1,Bern\n7,1,Bern\n").await?;
    fails(
        "fact_f.sql:3: grain: several rows of the select have the same id, line_no: \
         id = \"7\", line_no = \"1\" (2 rows: f.csv line 3, load 4; f.csv line 2, load 2, in the table already)",
    )
    .await?;
    workdir.load(&database, "f.csv", "id,line_no,city\n9,1,Bern\n9,1,Rom\n9,1,Bern\n").await?;
    fails(
        "id = \"9\", line_no = \"1\" (4 rows, such as f.csv line 2, load 4; f.csv line 2, load 5; f.csv line 3, load 5)",
    )
    .await?;
    workdir.load(&database, "f.csv", "id,line_no,city\n10,1,Bern\n,1,Bern\n").await?;
    fails("grain: NULL in it (line_no, id) in 1 row of the select, the first of them f.csv line 3, load 6: leave")
        .await?;
    // Rows that are the same are one.
    workdir.load(&database, "c.csv", "city,land,day\nBern,CH,2024-01-01\nBern,DE,2024-01-01\n").await?;
    fails(
        "dim_city.sql:3: key: several rows of the select have the same city: city = \"Bern\" (2 rows: c.csv line 2, \
     load 1; c.csv line 3, load 7)",
    )
    .await?;
    workdir.load(&database, "c.csv", "city,land,day\n,CH,2024-01-01\nOslo,NO,\n").await?;
    fails("key: NULL in it (city) in 1 row of the select, the first of them c.csv line 2, load 8: leave").await?;
    let dated = dim_city.replace("[city]", "[city]\nhistory: [land]\nat: day") + " where city is not null";
    workdir.write("sql/pipeline/dim_city.sql", dated)?;
    fails("dim_city.sql:5: at: rows of the select have NULL in day, the first of them c.csv line 3, load 8: leave")
        .await
}
