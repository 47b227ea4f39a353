//! Keys that are too long for an index: in staging a reject on both engines, in the star a member like any other.

use sluice::pipeline::{self, Options, TableChange};
use sluice::sql::Engine;
use sluice::warehouse::Scope;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_key_that_is_too_long_is_a_reject_on_both_engines,
        keys_of_several_columns_are_measured_together,
        a_key_that_stood_before_it_was_one_is_named,
        a_member_with_a_long_key_is_in_the_star,
        a_long_key_comes_into_a_star_that_stands,
        facts_name_and_make_members_with_long_keys,
        a_grain_of_long_values_is_still_unique,
        a_grain_names_a_dimension_with_long_keys,
        a_grain_of_members_has_long_values_beside_them;
}

/// Text that no server can compress.
fn random(letters: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..letters).map(|_| random.alphanumeric()).collect()
}

/// The rejects of a load, a line each.
async fn rejects(database: &TestDatabase, load: i64) -> anyhow::Result<Vec<String>> {
    let of_load =
        format!("select line, \"column\", reason, detail from sluice.reject where load_id = {load} order by line");
    Ok(database.text(&of_load).await?.lines().map(str::to_owned).collect())
}

const UP: &str = "name: up\nfiles: [\"up*\"]\ntable: up\nmode: upsert\nkey: [id]\nmax_rejects: 90 %\ncolumns: [{from: id, type: text}]\n";

async fn a_key_that_is_too_long_is_a_reject_on_both_engines(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", UP)?;
    let (most, more) = (random(2_500, 1), random(2_501, 2));
    for (name, long) in [("up1.csv", random(9_000, 3)), ("up2.csv", random(12_000, 4)), ("up3.csv", "a".repeat(2_501))]
    {
        let report = workdir.load(&database, name, format!("id,v\n{long},1\nb,2\n{most},3\n{more},4\n")).await?;
        same((report.books.read, report.books.rejected), (4, 2))?;
        let bytes = long.len();
        let rejects = rejects(&database, report.load_id).await?;
        same(
            rejects[0].as_str(),
            format!("2|id|a key longer than an index takes|its value has {bytes} bytes, and a key may have 2500")
                .as_str(),
        )?;
        holds(&rejects[1], "5|id|")?;
    }
    same(database.text("select count(*) from staging.up").await?, "2")
}

async fn keys_of_several_columns_are_measured_together(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir
        .plugin("two", "name: two\nfiles: [\"two*\"]\ntable: two\nmode: upsert\nkey: [a, b, n]\nmax_rejects: 90 %\n")?;
    let (one, other) = (random(1_300, 1), random(1_200, 2));
    let text = format!("a,b,n\n{one},{other}x,1\n{one},{other},1\nx,y,2\n");
    let report = workdir.load(&database, "two.csv", text).await?;
    same((report.books.loaded, report.books.rejected), (2, 1))?;
    holds(
        &rejects(&database, report.load_id).await?[0],
        "2|a|a key longer than an index takes|its value has 1300 bytes, and the key 2501 in all, and a key may have 2500",
    )
}

async fn a_key_that_stood_before_it_was_one_is_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "up.csv", format!("id,v\n{},1\n", random(12_000, 5))).await?;
    workdir.plugin("up", UP)?;
    workdir.write("imports/up.csv", "id,v\nb,2\n")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["--once"], &settings)?;
    match database.engine {
        // Its index takes keys of any length.
        Engine::Sqlite => same(output.status.code(), Some(0)),
        Engine::Postgres => {
            same(output.status.code(), Some(1))?;
            holds(&stdout(&output), "holds a row, of a time when this was no key of its")?;
            same(stdout(&output).contains("rows with the same key"), false)
        }
    }
}

async fn build(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<Vec<TableChange>> {
    Ok(pipeline::run_with(&workdir.app(database).workspace, &Options::default()).await?.changes)
}

const DIM: &str = "/*\nkind: dimension\nkey: name\n*/\nselect distinct on (name) name, size from staging.d order by name, size desc\n";
const HISTORY: &str = "/*\nkind: dimension\nkey: name\nhistory: size\n*/\nselect name, size from staging.d\n";

async fn a_member_with_a_long_key_is_in_the_star(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_d.sql", DIM)?;
    workdir.write("sql/pipeline/dim_h.sql", HISTORY)?;
    workdir.plugin("d", "name: d\nfiles: [\"d*\"]\ntable: d\n")?;
    let (long, longer) = (random(12_000, 6), random(20_000, 7));
    workdir.load(&database, "d.csv", format!("name,size\na,1\n{long},2\n{longer},3\n")).await?;
    build(&database, &workdir).await?;
    same(database.text("select count(*), max(length(name)) from datawarehouse.dim_d").await?, "4|20000")?;
    // A run afterwards changes nothing, and later rows of the same members are theirs.
    same(build(&database, &workdir).await?.iter().map(TableChange::changed).sum::<u64>(), 0)?;
    workdir.load(&database, "d2.csv", "name,size\nb,4\n").await?;
    workdir.load(&database, "d3.csv", format!("name,size\n{long},9\n")).await?;
    build(&database, &workdir).await?;
    same(database.text("select count(*) from datawarehouse.dim_h where is_current and dim_h_key <> 0").await?, "4")?;
    same(database.text("select count(*) from datawarehouse.dim_h where dim_h_key <> 0").await?, "5")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let trace = app(&workdir, &["trace", "dim_h", "--where", "size = 3"], &settings)?;
    holds(&stdout(&trace), "d.csv line 4, load 1")
}

async fn a_long_key_comes_into_a_star_that_stands(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_d.sql", DIM)?;
    workdir.write("sql/pipeline/dim_h.sql", HISTORY)?;
    workdir.write("sql/pipeline/fact_f.sql", "/*\nkind: fact\ngrain: name\n*/\nselect name, size from staging.d\n")?;
    workdir.plugin("d", "name: d\nfiles: [\"d*\"]\ntable: d\n")?;
    workdir.load(&database, "d1.csv", "name,size\na,1\nb,2\n").await?;
    build(&database, &workdir).await?;
    let long = random(12_000, 8);
    workdir.load(&database, "d2.csv", format!("name,size\n{long},3\n")).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    // What is only planned changes nothing.
    let plan = app(&workdir, &["plan"], &settings)?;
    same((plan.status.code(), stderr(&plan).contains("index row")), (Some(0), false))?;
    let changes = build(&database, &workdir).await?;
    same(
        changes.iter().map(|change| (change.table.as_str(), change.inserted)).collect::<Vec<_>>(),
        [("dim_d", 1), ("dim_h", 1), ("fact_f", 1)],
    )?;
    workdir.load(&database, "d3.csv", "name,size\nc,4\n").await?;
    let changes = build(&database, &workdir).await?;
    same(changes.iter().map(TableChange::changed).collect::<Vec<_>>(), [1, 1, 1])?;
    // Short keys are unique as before.
    if database.engine == Engine::Postgres {
        let mut transaction = database.warehouse.begin(Scope::Load).await?;
        let twice = "insert into datawarehouse.dim_d (dim_d_key, name) values (999, 'a')";
        holds(&transaction.execute(twice, &[]).await.unwrap_err().to_string(), "dim_d_natural_key")?;
    }
    // Retracted, it leaves the star.
    same(app(&workdir, &["retract", "2", "--yes"], &settings)?.status.code(), Some(0))?;
    build(&database, &workdir).await?;
    same(database.text("select count(*) from datawarehouse.fact_f").await?, "3")
}

async fn facts_name_and_make_members_with_long_keys(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_d.sql", DIM)?;
    workdir.write(
        "sql/pipeline/fact_f.sql",
        "/*\nkind: fact\ngrain: id\ndimensions:\n  name: {dimension: dim_d, missing: infer}\n*/\nselect id, name from staging.f\n",
    )?;
    let (known, made) = (random(12_000, 9), random(12_000, 10));
    workdir.load(&database, "d.csv", format!("name,size\na,1\n{known},2\n")).await?;
    workdir.load(&database, "f.csv", format!("id,name\n1,a\n2,{known}\n3,{made}\n4,{made}\n")).await?;
    build(&database, &workdir).await?;
    let named = "select f.id, d.size, d.is_inferred from datawarehouse.fact_f f join datawarehouse.dim_d d \
                 on d.dim_d_key = f.name_key order by f.id";
    let inferred = database.text(named).await?;
    same(
        inferred.lines().map(|line| line.split('|').nth(1).unwrap_or_default().to_owned()).collect::<Vec<_>>(),
        ["1", "2", "∅", "∅"],
    )?;
    same(database.text("select count(*) from datawarehouse.dim_d").await?, "4")
}

async fn a_grain_names_a_dimension_with_long_keys(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_d.sql", DIM)?;
    workdir.write(
        "sql/pipeline/fact_f.sql",
        "/*\nkind: fact\ngrain: [id, name]\ndimensions: {name: dim_d}\n*/\nselect id, name from staging.f\n",
    )?;
    workdir.plugin("f", "name: f\nfiles: [\"f*\"]\ntable: f\n")?;
    let long = random(12_000, 12);
    workdir.load(&database, "d.csv", format!("name,size\na,1\n{long},2\n")).await?;
    workdir.load(&database, "f1.csv", format!("id,name\n1,a\n1,{long}\n")).await?;
    build(&database, &workdir).await?;
    workdir.load(&database, "f2.csv", format!("id,name\n2,{long}\n")).await?;
    build(&database, &workdir).await?;
    same(database.text("select count(*), count(distinct name_key) from datawarehouse.fact_f").await?, "3|2")?;
    // One more of the same is still found.
    workdir.load(&database, "f3.csv", format!("id,name\n2,{long}\n3,a\n")).await?;
    holds(&build(&database, &workdir).await.unwrap_err().to_string(), "grain")
}

async fn a_grain_of_members_has_long_values_beside_them(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_d.sql", DIM)?;
    workdir.write(
        "sql/pipeline/fact_f.sql",
        "/*\nkind: fact\ngrain: [note, name]\ndimensions: {name: dim_d}\n*/\nselect note, name from staging.f\n",
    )?;
    workdir.plugin("f", "name: f\nfiles: [\"f*\"]\ntable: f\n")?;
    let (long, longer) = (random(12_000, 13), random(12_000, 14));
    workdir.load(&database, "d.csv", "name,size\na,1\nb,2\n").await?;
    workdir.load(&database, "f1.csv", "note,name\nx,a\nx,b\n").await?;
    build(&database, &workdir).await?;
    workdir.load(&database, "f2.csv", format!("note,name\n{long},a\ny,a\n")).await?;
    build(&database, &workdir).await?;
    workdir.load(&database, "f3.csv", format!("note,name\n{long},b\n{longer},a\nz,c\n")).await?;
    build(&database, &workdir).await?;
    same(database.text("select count(*), count(distinct name_key) from datawarehouse.fact_f").await?, "7|3")?;
    for (file, row) in [("f4.csv", format!("{longer},a")), ("f5.csv", "y,a".to_owned())] {
        let load = workdir.load(&database, file, format!("note,name\n{row}\n")).await?.load_id.to_string();
        holds(&build(&database, &workdir).await.unwrap_err().to_string(), "grain: several rows")?;
        let settings = [("DATABASE_URL", database.url.as_str())];
        same(app(&workdir, &["retract", &load, "--yes"], &settings)?.status.code(), Some(0))?;
    }
    build(&database, &workdir).await.map(drop)
}

async fn a_grain_of_long_values_is_still_unique(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/fact_f.sql", "/*\nkind: fact\ngrain: name\n*/\nselect name, size from staging.d\n")?;
    workdir.plugin("d", "name: d\nfiles: [\"d*\"]\ntable: d\n")?;
    let long = random(12_000, 11);
    workdir.load(&database, "d1.csv", format!("name,size\n{long},1\na,2\n{long},3\n")).await?;
    let error = build(&database, &workdir).await.unwrap_err().to_string();
    holds(&error, "grain")?;
    same(
        app(&workdir, &["retract", "1", "--yes"], &[("DATABASE_URL", database.url.as_str())])?.status.code(),
        Some(0),
    )?;
    workdir.load(&database, "d2.csv", format!("name,size\n{long},1\na,2\n")).await?;
    build(&database, &workdir).await?;
    workdir.load(&database, "d3.csv", format!("name,size\n{long},3\n")).await?;
    let error = build(&database, &workdir).await.unwrap_err().to_string();
    holds(&error, "grain")?;
    same(database.text("select count(*) from datawarehouse.fact_f").await?, "2")
}
