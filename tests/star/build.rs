//! The star: keys that stay, values that are not in a dimension, one publication, and views that stand.

use sluice::{analysis, pipeline};

use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        keys_stay_and_attributes_are_overwritten,
        an_unknown_value_gets_0_until_its_member_comes,
        roles_and_two_dimensions,
        a_table_holds_what_its_select_gives,
        a_run_that_fails_changes_nothing,
        errors_name_the_file_and_the_nearest_word,
        a_changed_select_changes_the_table_under_its_views,
        an_own_view_gives_way_and_another_ones_does_not,
        readers_see_the_old_star_or_the_new_one,
        views_that_need_each_other,
        what_is_read_through_views_is_brought_up_to_date,
        runs_are_in_the_catalog;
}

const DIM_CITY: &str = "/*\nkind: dimension\nkey: [city]\n*/\nselect city, max(country) as country, max(people) as \
 people from staging.cities group by city";

/// Runs the pipeline; gives for each table `name +inserted ~updated -deleted`.
async fn run(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<String> {
    let changes = pipeline::run(&workdir.app(database).workspace).await?;
    let lines = changes.iter().map(|one| format!("{} +{} ~{} -{}", one.table, one.inserted, one.updated, one.deleted));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Runs the pipeline and lets go what is not given any more.
async fn run_and_drop(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<()> {
    let options = pipeline::Options { allow_drop: true, ..pipeline::Options::default() };
    pipeline::run_with(&workdir.app(database).workspace, &options).await?;
    Ok(())
}

/// Runs the pipeline, which must fail; gives the error.
async fn run_fails(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<String> {
    match pipeline::run(&workdir.app(database).workspace).await {
        Ok(changes) => anyhow::bail!("it did not fail: {changes:?}"),
        Err(error) => Ok(error.to_string()),
    }
}

async fn keys_stay_and_attributes_are_overwritten(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_city.sql", DIM_CITY)?;
    workdir
        .load(&database, "cities.csv", "city,country,people\nzürich,CH,400000\nBasel,CH,170000\nÅrhus,DK,\n")
        .await?;
    same(run(&database, &workdir).await?, "dim_city +3 ~0 -0")?;
    let all = "select dim_city_key, city, country, people from datawarehouse.dim_city order by dim_city_key";
    same(database.text(all).await?, "0|∅|∅|∅\n1|Basel|CH|170000\n2|zürich|CH|400000\n3|Århus|DK|∅")?;
    workdir
        .load(&database, "cities.csv", "city,country,people\nBasel,CH,180000\nAachen,DE,250000\nÅrhus,DK,330000\n")
        .await?;
    same(run(&database, &workdir).await?, "dim_city +1 ~2 -0")?;
    same(
        database.text(all).await?,
        "0|∅|∅|∅\n1|Basel|CH|180000\n2|zürich|CH|400000\n3|Århus|DK|330000\n4|Aachen|DE|250000",
    )?;
    same(run(&database, &workdir).await?, "dim_city +0 ~0 -0")?;
    // A member that the select does not give any more goes; when it comes back, so does its key.
    workdir.write("sql/pipeline/dim_city.sql", DIM_CITY.replace("group by", "where city <> 'Basel' group by"))?;
    same(run(&database, &workdir).await?, "dim_city +0 ~0 -1")?;
    workdir.write("sql/pipeline/dim_city.sql", DIM_CITY)?;
    same(run(&database, &workdir).await?, "dim_city +1 ~0 -0")?;
    same(
        database.text(all).await?,
        "0|∅|∅|∅\n1|Basel|CH|180000\n2|zürich|CH|400000\n3|Århus|DK|330000\n4|Aachen|DE|250000",
    )
}

const FACT_SALE: &str =
    "/*\nkind: fact\ngrain: [id]\ndimensions: {city: dim_city}\n*/\nselect id, city, amount from staging.sales";

async fn an_unknown_value_gets_0_until_its_member_comes(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_city.sql", DIM_CITY)?;
    workdir.write("sql/pipeline/fact_sale.sql", FACT_SALE)?;
    workdir.load(&database, "cities.csv", "city,country,people\nBern,CH,130000\n").await?;
    workdir.load(&database, "sales.csv", "id,city,amount\n1,Bern,9.50\n2,Genf,1.25\n3,,0.25\n4,Nizza,2.00\n").await?;
    let changes = pipeline::run(&workdir.app(&database).workspace).await?;
    same((changes[0].inserted, changes[1].inserted), (1, 4))?;
    same(changes[1].unknown.iter().map(|(key, count)| format!("{key} {count}")).collect::<Vec<_>>(), ["city_key 2"])?;
    same(changes[1].nulls.get("city_key").copied(), Some(1))?;
    same(changes[1].remarks(), "1 NULL city_key, 2 unknown city_key")?;
    let all = "select id, city_key, amount from datawarehouse.fact_sale order by id";
    let expected = |two: &str| format!("1|1|9.5\n2|{two}|1.25\n3|0|0.25\n4|0|2");
    same(numbers(&database.text(all).await?), expected("0"))?;
    workdir.load(&database, "cities.csv", "city,country,people\nGenf,CH,200000\n").await?;
    same(run(&database, &workdir).await?, "dim_city +1 ~0 -0\nfact_sale +0 ~1 -0")?;
    same(numbers(&database.text(all).await?), expected("2"))
}

/// PostgreSQL shows a decimal's scale, SQLite does not.
fn numbers(text: &str) -> String {
    let number = |cell: &str| cell.parse::<f64>().map_or(cell.to_owned(), |number| number.to_string());
    let line = |line: &str| line.split('|').map(number).collect::<Vec<_>>().join("|");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

async fn roles_and_two_dimensions(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/dim_city.sql",
        "/*\nkind: dimension\nkey: [city]\n*/\nselect origin as city from \
     staging.trips union select target from staging.trips",
    )?;
    workdir.write(
        "sql/pipeline/fact_trip.sql",
        "/*\nkind: fact\ngrain: [origin, target, day]\ndimensions:\n  origin: dim_city\n  target: {dimension: \
         dim_city, role: arrival}\n*/\nselect day, origin, target, count(*) as trips from staging.trips group by day, origin, target",
    )?;
    workdir.load(&database, "trips.csv", "day,origin,target\n2024-01-01,a,b\n2024-01-01,a,b\n2024-01-02,b,a\n").await?;
    run(&database, &workdir).await?;
    same(
        database.text("select day, origin_key, arrival_key, trips from datawarehouse.fact_trip order by day").await?,
        "2024-01-01|1|2|2\n2024-01-02|2|1|1",
    )
}

async fn a_table_holds_what_its_select_gives(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/numbers.sql",
        "/* kind: table */ select a, b from staging.n where a is not null or b = 'x'",
    )?;
    workdir.load(&database, "n.csv", "a,b\n1,x\n1,x\n1,x\n2,\n,x\n,x\n").await?;
    same(run(&database, &workdir).await?, "numbers +6 ~0 -0")?;
    same(run(&database, &workdir).await?, "numbers +0 ~0 -0")?;
    workdir.write("sql/pipeline/numbers.sql", "/* kind: table */ select distinct a, b from staging.n")?;
    same(run(&database, &workdir).await?, "numbers +0 ~0 -3")?;
    same(database.text("select a, b from datawarehouse.numbers order by coalesce(a, 9)").await?, "1|x\n2|∅\n∅|x")
}

async fn a_run_that_fails_changes_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_city.sql", DIM_CITY)?;
    workdir.write("sql/pipeline/fact_sale.sql", FACT_SALE)?;
    workdir.load(&database, "cities.csv", "city,country,people\nBern,CH,130000\n").await?;
    workdir.load(&database, "sales.csv", "id,city,amount\n1,Bern,9.50\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "cities.csv", "city,country,people\nGenf,CH,200000\n").await?;
    workdir.load(&database, "sales.csv", "id,city,amount\n1,Genf,1.00\n2,Genf,1.00\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(
        &error,
        "fact_sale.sql:3: grain: several rows of the select have the same id: id = \"1\" (2 rows: sales.csv line 2, \
         load 4; sales.csv line 2, load 2, in the table already)",
    )?;
    same(database.text("select count(*) from datawarehouse.dim_city").await?, "2")?;
    same(database.text("select count(*) from datawarehouse.fact_sale").await?, "1")?;
    // A key that is NULL or not unique fails too.
    workdir.write(
        "sql/pipeline/dim_city.sql",
        DIM_CITY.replace("group by city", "group by city union all select null, 'x', 1"),
    )?;
    holds(&run_fails(&database, &workdir).await?, "key: NULL in it (city) in 1 row of the select")?;
    workdir.write(
        "sql/pipeline/dim_city.sql",
        "/*\nkind: dimension\nkey: [city]\n*/\nselect city, id from staging.sales",
    )?;
    holds(
        &run_fails(&database, &workdir).await?,
        "key: several rows of the select have the same city: city = \"Genf\" (2 rows: sales.csv line 2, load 4; sales.csv line 3, load 4)",
    )
}

async fn errors_name_the_file_and_the_nearest_word(database: TestDatabase, workdir: Workdir) -> Outcome {
    holds(&run_fails(&database, &workdir).await?, "there is no .sql file in it")?;
    workdir.load(&database, "cities.csv", "city,country,people\nBern,CH,130000\n").await?;
    for (text, expected) in [
        (
            DIM_CITY.replace("staging.cities", "staging.citys"),
            "there is no table staging.citys: no file has been loaded into it; did you mean cities?",
        ),
        (DIM_CITY.replace("[city]", "[citi]"), "key: the select gives no column citi; did you mean city?"),
        (DIM_CITY.replace("max(people)", "max(poeple)"), "poeple"),
        (DIM_CITY.replace("kind: dimension", "kind: dimensoin"), "dimensoin"),
        (DIM_CITY.replace("select city", "select city, min(country) as country"), "country"),
        ("select 1".to_owned(), "must begin with a comment"),
    ] {
        workdir.write("sql/pipeline/dim_city.sql", &text)?;
        let error = run_fails(&database, &workdir).await?;
        holds(&error, "dim_city.sql:")?;
        holds(&error, expected)?;
    }
    Ok(())
}

async fn a_changed_select_changes_the_table_under_its_views(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_city.sql", DIM_CITY)?;
    workdir.write("sql/pipeline/fact_sale.sql", FACT_SALE)?;
    workdir.write(
        "sql/analysis/by_city.sql",
        "select c.city, sum(f.amount) as amount from datawarehouse.fact_sale f join datawarehouse.dim_city c on \
         c.dim_city_key = f.city_key group by c.city",
    )?;
    workdir.load(&database, "cities.csv", "city,country,people\nBern,CH,130000\nAarau,CH,20000\n").await?;
    workdir.load(&database, "sales.csv", "id,city,amount\n1,Bern,9.50\n2,Aarau,1\n").await?;
    run(&database, &workdir).await?;
    analysis::run(&workdir.app(&database).workspace).await?;

    // An attribute goes, one comes, one gets another type; the natural key widens; a measure comes.
    workdir.load(&database, "sales.csv", "id,city,amount,note\nx3,Bern,2,late\n").await?;
    workdir.write(
        "sql/pipeline/dim_city.sql",
        "/*\nkind: dimension\nkey: [city]\n*/\nselect city, 'no. ' || max(people) as people, length(city) as letters \
         from staging.cities group by city",
    )?;
    workdir.write("sql/pipeline/fact_sale.sql", FACT_SALE.replace("amount from", "amount, note from"))?;
    holds(
        &run_fails(&database, &workdir).await?,
        "the column country of datawarehouse.dim_city is not given any more",
    )?;
    run_and_drop(&database, &workdir).await?;
    same(
        database
            .text("select dim_city_key, city, people, letters from datawarehouse.dim_city order by dim_city_key")
            .await?,
        "0|∅|∅|∅\n1|Aarau|no. 20000|5\n2|Bern|no. 130000|4",
    )?;
    same(database.text("select id, note from datawarehouse.fact_sale order by id").await?, "1|∅\n2|∅\nx3|late")?;
    same(
        numbers(&database.text("select city, amount from datawarehouse.by_city order by city").await?),
        "Aarau|1\nBern|11.5",
    )?;
    holds(&run(&database, &workdir).await?, "fact_sale +0 ~0 -0")
}

async fn an_own_view_gives_way_and_another_ones_does_not(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "id,name,flag\n1,x,true\n").await?;
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select id, name from staging.n")?;
    workdir.write("sql/analysis/v.sql", "select name from datawarehouse.t")?;
    workdir.write("sql/analysis/over.sql", "select name from datawarehouse.v")?;
    workdir.write("sql/analysis/flags.sql", "select id from staging.n where flag and id > 0")?;
    let app = workdir.app(&database);
    run(&database, &workdir).await?;
    analysis::run(&app.workspace).await?;
    // The views that the program makes read a column that goes: they give way, and come back with their new text.
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select id, name as label from staging.n")?;
    workdir.write("sql/analysis/v.sql", "select label as name from datawarehouse.t")?;
    run_and_drop(&database, &workdir).await?;
    analysis::run(&app.workspace).await?;
    same(workdir.read("exports/over.csv")?, "name\nx\n")?;
    // A load is not held up by one of them either.
    workdir.load(&database, "n.csv", "id,name,flag\n2,y,perhaps\n").await?;
    same(database.text("select flag from staging.n order by id").await?, "true\nperhaps")?;
    // Somebody else's view is theirs: the run says which, and changes nothing.
    let names = database.warehouse.names();
    let (table, theirs) = (sluice::sql::Table::datawarehouse("t"), sluice::sql::Table::datawarehouse("theirs"));
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    let sql = format!("create view {} as select label from {}", names.table(&theirs), names.table(&table));
    transaction.execute(&sql, &[]).await?;
    transaction.commit().await?;
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select id from staging.n")?;
    let error = run_and_drop(&database, &workdir).await.unwrap_err().to_string();
    holds(&error, "theirs")?;
    holds(&error, "reads columns that are to go; change or drop it first")?;
    same(database.text("select label from datawarehouse.theirs").await?, "x")
}

async fn readers_see_the_old_star_or_the_new_one(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/one.sql", "/* kind: table */ select a from staging.n")?;
    workdir.write("sql/pipeline/two.sql", "/* kind: table */ select a from staging.n")?;
    workdir.write(
        "sql/analysis/both.sql",
        "select (select count(*) from datawarehouse.one) as one, (select count(*) from datawarehouse.two) as two",
    )?;
    let file = |from: u32| (from..from + 3000).fold("a\n".to_owned(), |text, n| text + &format!("{n}\n"));
    workdir.load(&database, "n.csv", file(0)).await?;
    run(&database, &workdir).await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    workdir.load(&database, "n.csv", file(5000)).await?;
    let app = workdir.app(&database);
    let mut running = tokio::spawn(async move { pipeline::run(&app.workspace).await });
    let mut reads = 0;
    loop {
        let done = running.is_finished();
        let seen = database.text("select one, two from datawarehouse.both").await?;
        same(seen == "3000|3000" || seen == "6000|6000", true)?;
        reads += 1;
        if done {
            same((&mut running).await??.len(), 2)?;
            same(seen, "6000|6000")?;
            return same(reads > 1, true);
        }
    }
}

async fn views_that_need_each_other(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "a\n1\n2\n").await?;
    workdir.write("sql/analysis/a_first.sql", "select total * 2 as twice from datawarehouse.b_second")?;
    workdir.write("sql/analysis/b_second.sql", "select sum(a) as total from staging.n")?;
    let app = workdir.app(&database);
    let answers = analysis::run(&app.workspace).await?;
    same(
        answers.iter().map(|one| (one.view.as_str(), one.rows)).collect::<Vec<_>>(),
        [("a_first", 1), ("b_second", 1)],
    )?;
    same(workdir.read("exports/a_first.csv")?, "twice\n6\n")?;
    // Its columns change; the view over it stays, and gets its new text in the same run.
    workdir.write("sql/analysis/b_second.sql", "select count(*) as many, sum(a) as total from staging.n")?;
    analysis::run(&app.workspace).await?;
    same(workdir.read("exports/b_second.csv")?, "many,total\n2,3\n")?;
    same(workdir.read("exports/a_first.csv")?, "twice\n6\n")?;
    // A column that the other one reads has another name in both.
    workdir.write("sql/analysis/a_first.sql", "select sum_of * 2 as twice from datawarehouse.b_second")?;
    workdir.write("sql/analysis/b_second.sql", "select count(*) as many, sum(a) as sum_of from staging.n")?;
    analysis::run(&app.workspace).await?;
    same(workdir.read("exports/a_first.csv")?, "twice\n6\n")?;
    workdir.write("sql/pipeline/b_second.sql", "")?;
    let failures = analysis::answer_all(&app.workspace).await?.failures;
    holds(&failures["b_second"].error.to_string(), "has a table of that name, b_second")?;
    std::fs::remove_file(workdir.path("sql/pipeline/b_second.sql"))?;
    workdir.write("sql/analysis/b_second.sql", "select twice from datawarehouse.a_first")?;
    let error = analysis::run(&app.workspace).await.unwrap_err().to_string();
    holds(&error, "in a circle: a_first -> b_second -> a_first")
}

/// A view has no rows that could be behind; what is built out of it has.
async fn what_is_read_through_views_is_brought_up_to_date(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "a,b\n1,x\n").await?;
    workdir.load(&database, "m.csv", "b\nx\n").await?;
    for (name, text) in [
        ("dim_b", "/*\nkind: dimension\nkey: [b]\n*/ select b from staging.m"),
        (
            "v",
            "/* kind: view */ select n.a, n.b, d.dim_b_key from staging.n as n left join datawarehouse.dim_b as d on d.b = n.b",
        ),
        ("w", "/* kind: view */ select a, dim_b_key from datawarehouse.v"),
        ("counted", "/* kind: table */ select count(*) as many, count(dim_b_key) as known from datawarehouse.w"),
    ] {
        workdir.write(&format!("sql/pipeline/{name}.sql"), text)?;
    }
    for (file, rows, expected) in [
        ("", "", "dim_b +1 ~0 -0\nv +0 ~0 -0\nw +0 ~0 -0\ncounted +1 ~0 -0 = 1|1"),
        ("n.csv", "a,b\n2,y\n", "dim_b +0 ~0 -0\nv +0 ~0 -0\nw +0 ~0 -0\ncounted +1 ~0 -1 = 2|1"),
        // What the views read of the star, too.
        ("m.csv", "b\ny\n", "dim_b +1 ~0 -0\nv +0 ~0 -0\nw +0 ~0 -0\ncounted +1 ~0 -1 = 2|2"),
    ] {
        if !file.is_empty() {
            workdir.load(&database, file, rows).await?;
        }
        let changes = run(&database, &workdir).await?;
        let counted = database.text("select many, known from datawarehouse.counted").await?;
        same(format!("{changes} = {counted}").as_str(), expected)?;
        let again = pipeline::run(&workdir.app(&database).workspace).await?;
        same(again.iter().all(|change| change.how == "nothing new" && change.changed() == 0), true)?;
    }
    Ok(())
}

async fn runs_are_in_the_catalog(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "a\n1\n").await?;
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.n")?;
    run(&database, &workdir).await?;
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select b from staging.n")?;
    run_fails(&database, &workdir).await?;
    same(database.text("select kind, status from sluice.run order by id").await?, "pipeline|done\npipeline|failed")?;
    holds(&database.text("select changes from sluice.run where status = 'done'").await?, "\"inserted\":1")
}
