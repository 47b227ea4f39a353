//! `app retract`: afterwards everything is as if the file had never come, or nothing happened and the reason was told.

use std::collections::BTreeMap;

use serde_json::Value;
use sluice::load::retract::{RetractError, Retraction, retract};
use sluice::warehouse::Scope;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        rows_leave_staging_and_star,
        it_asks_and_says_what_it_cannot_do,
        what_a_replacing_file_replaced_is_gone,
        upserted_rows_are_again_what_they_were,
        what_later_loads_rest_on_stays,
        an_upsert_takes_fewer_columns,
        decimal_and_several_keys,
        it_waits_for_a_load_of_the_table,
        any_order_of_files_and_retractions;
}

async fn take_back(database: &TestDatabase, workdir: &Workdir, load: i64) -> anyhow::Result<Retraction> {
    Ok(retract(&workdir.app(database).loader, load, true).await?)
}

async fn refused(database: &TestDatabase, workdir: &Workdir, load: i64) -> anyhow::Result<String> {
    match retract(&workdir.app(database).loader, load, true).await {
        Ok(done) => anyhow::bail!("{done:?}"),
        Err(error) => Ok(error.to_string()),
    }
}

async fn rows_leave_staging_and_star(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write(
        "sql/pipeline/dim_sku.sql",
        "/*\nkind: dimension\nkey: [sku]\n*/\nselect sku, max(name) as name from staging.n group by sku",
    )?;
    workdir.write(
        "sql/pipeline/fact_n.sql",
        "/*\nkind: fact\ngrain: [sku, day]\ndimensions:\n  sku: dim_sku\n*/\nselect sku, day, amount from staging.n",
    )?;
    let fact = "select d.sku, f.day, f.amount, d.name from datawarehouse.fact_n as f \
                join datawarehouse.dim_sku as d on d.dim_sku_key = f.sku_key order by 1, 2";
    workdir.load(&database, "n.csv", "sku,name,day,amount\nA,apple,1,5\nB,pear,1,6\n").await?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    let (star, rows) = (database.text(fact).await?, database.text("select * from staging.n order by sku").await?);

    let bad = "sku,name,day,amount\nA,zz,2,7\nC,quince,2,\"8\n";
    let bad_load = workdir.load(&database, "n.csv", format!("{bad}D,plum,2,9\n")).await?;
    same((bad_load.books.loaded, bad_load.books.rejected), (2, 1))?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    same(database.text(fact).await?.lines().count(), 4)?;

    let output = app(&workdir, &["retract", "2", "--yes"], &settings)?;
    same(output.status.code(), Some(0))?;
    holds(
        &stdout(&output),
        "load 2 (n.csv): 2 rows left staging.n\nThe same file can be loaded again. Next: app --pipeline",
    )?;
    same(database.text("select * from staging.n order by sku").await?, rows.as_str())?;
    same(
        database.text("select id, status, rows_loaded from sluice.load order by id").await?,
        "1|loaded|2\n2|retracted|2",
    )?;
    // The star follows with the next run: facts and members go, attributes are again what they were.
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    same(database.text(fact).await?, star)?;
    same(database.text("select sku from datawarehouse.dim_sku where dim_sku_key <> 0 order by 1").await?, "A\nB")?;
    // What was refused can be seen still, and is told from what counts.
    let rejects = stdout(&app(&workdir, &["rejects"], &settings)?);
    holds(&rejects, "| 2 (retracted) |")?;
    let json: Value = serde_json::from_str(&stdout(&app(&workdir, &["rejects", "2", "--json"], &settings)?))?;
    same((json["load"].as_i64(), json["retracted"].as_bool()), (Some(2), Some(true)))?;
    holds(&stdout(&app(&workdir, &["why", "n.csv"], &settings)?), "its rows were taken back out of staging.n")?;

    // The same content is new again, as often as it is taken back.
    for load in [3, 4] {
        let again = workdir.load(&database, "n.csv", format!("{bad}D,plum,2,9\n")).await?;
        same((again.load_id, again.duplicate_of, again.books.loaded), (load, None, 2))?;
        same(take_back(&database, &workdir, load).await?.rows_removed, 2)?;
    }
    same(database.text("select * from staging.n order by sku").await?, rows)
}

async fn it_asks_and_says_what_it_cannot_do(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "n.csv", "a\n1\n2\n").await?;
    workdir.load(&database, "n.csv", "a\n1\n2\n").await?;
    workdir.drop_file(&database, "n.csv", "").await?;
    let all = "select a, _load_id from staging.n order by a";
    for (arguments, code, expected) in [
        (["retract", "1", "--quiet"], 2, "say --yes, or see what it would do by app retract 1 --dry-run"),
        // What it is asked for comes before who could be asked.
        (["retract", "70", "--quiet"], 2, "there is no load 70: see app loads"),
        (["retract", "70", "--yes"], 2, "there is no load 70: see app loads"),
        (
            ["retract", "2", "--yes"],
            2,
            "load 2 brought no rows: it is a duplicate of load 1: app retract 1 takes those back",
        ),
        (["retract", "3", "--yes"], 2, "load 3 brought no rows: it failed"),
    ] {
        let output = app(&workdir, &arguments, &settings)?;
        holds(&stderr(&output), expected)?;
        same((expected, output.status.code()), (expected, Some(code)))?;
    }
    let output = app(&workdir, &["retract", "1", "--dry-run"], &settings)?;
    same(output.status.code(), Some(0))?;
    same(stdout(&output), "load 1 (n.csv): 2 rows would leave staging.n\nThe table would be empty\n")?;
    same(database.text(all).await?, "1|1\n2|1")?;
    let output = app(&workdir, &["retract", "1", "--yes", "--json"], &settings)?;
    let json: Value = serde_json::from_str(&stdout(&output))?;
    same((json["rows_removed"].as_u64(), json["table_is_empty"].as_bool()), (Some(2), Some(true)))?;
    same(json["dry_run"].as_bool(), Some(false))?;
    same(database.text(all).await?, "")?;
    let output = app(&workdir, &["retract", "1", "--yes"], &settings)?;
    same(output.status.code(), Some(0))?;
    same(stdout(&output), "load 1 (n.csv) was taken back before: nothing to do\n")?;
    workdir.load(&database, "one.csv", "a\n1\n").await?;
    let output = app(&workdir, &["retract", "4", "--dry-run"], &settings)?;
    holds(&stdout(&output), "load 4 (one.csv): 1 row would leave staging.one\n")
}

async fn what_a_replacing_file_replaced_is_gone(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.plugin("p", "name: p\nfiles: [\"p*\"]\ntable: p\nmode: replace\n")?;
    workdir.load(&database, "p1.csv", "a\n1\n").await?;
    workdir.load(&database, "p2.csv", "a\n2\n").await?;
    holds(&refused(&database, &workdir, 1).await?, "load 1 brought no rows: a later load has replaced all of them")?;
    let output = app(&workdir, &["retract", "2", "--dry-run"], &settings)?;
    holds(
        &stdout(&output),
        "The table would be empty: the rows of load 1, which it replaced, were deleted and do not come back",
    )?;
    same(take_back(&database, &workdir, 2).await?.had_replaced, Some(1))?;
    same(database.text("select a from staging.p").await?, "")?;
    // Both states can come again.
    for (name, state) in [("p1.csv", "1"), ("p2.csv", "2"), ("p1.csv", "1")] {
        let again = workdir.load(&database, name, format!("a\n{state}\n")).await?;
        same((again.duplicate_of, again.books.loaded), (None, 1))?;
        same(database.text("select a from staging.p").await?, state)?;
    }
    Ok(())
}

const UPSERT: &str = "name: u\nfiles: [\"u*\"]\ntable: u\nmode: upsert\nkey: [k]\nheader: true\n";

async fn upserted_rows_are_again_what_they_were(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("u", UPSERT)?;
    let all = "select k, v, _load_id, _line from staging.u order by k";
    workdir.load(&database, "u1.csv", "k,v\n1,1\n2,2\n3,3\n").await?;
    let first = database.text(all).await?;
    // Changes, adds, widens a column and brings one.
    workdir.load(&database, "u2.csv", "k,v,w\n2,x,5\n4,4,6\n").await?;
    let second = database.text(all).await?;
    same(second.lines().count(), 4)?;
    workdir.load(&database, "u3.csv", "k,v,w\n2,y,7\n5,5,8\n").await?;
    let third = database.text(all).await?;
    same(database.text("select count(*) from sluice.u_before").await?, "2")?;

    // The newest, and the one before it.
    let done = take_back(&database, &workdir, 3).await?;
    same((done.rows_removed, done.rows_restored), (1, 1))?;
    same(database.text(all).await?, second.as_str())?;
    let done = take_back(&database, &workdir, 2).await?;
    same((done.rows_removed, done.rows_restored), (1, 1))?;
    same(database.text(all).await?, first.as_str())?;
    same(database.text("select w from staging.u where w is not null").await?, "")?;
    same(database.text("select count(*) from sluice.u_before").await?, "0")?;

    // Again, and then the middle one first: the chain is fixed, so that the last one's rows fall back to the first one's.
    workdir.load(&database, "u2.csv", "k,v,w\n2,x,5\n4,4,6\n").await?;
    workdir.load(&database, "u3.csv", "k,v,w\n2,y,7\n5,5,8\n").await?;
    same(database.text("select k, v from staging.u order by k").await?.lines().count(), third.lines().count())?;
    let done = take_back(&database, &workdir, 4).await?;
    same((done.rows_removed, done.rows_restored), (1, 0))?;
    same(
        database.text("select k, v, w, _load_id from staging.u order by k").await?,
        "1|1|∅|1\n2|y|7|5\n3|3|∅|1\n5|5|8|5",
    )?;
    take_back(&database, &workdir, 5).await?;
    same(database.text(all).await?, first.as_str())?;
    // And the first one.
    same(take_back(&database, &workdir, 1).await?.table_is_empty, true)?;
    same(workdir.load(&database, "u1.csv", "k,v\n1,1\n2,2\n3,3\n").await?.books.loaded, 3)
}

async fn what_later_loads_rest_on_stays(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("u", UPSERT)?;
    workdir.load(&database, "u1.csv", "k,v,w\n1,1,1\n2,2,2\n").await?;
    workdir.load(&database, "u2.csv", "k,v,w\n1,5,5\n").await?;
    // It found a row as it was: without load 2 it would have changed it.
    workdir.load(&database, "u3.csv", "k,v,w\n1,5,5\n3,3,3\n").await?;
    workdir.load(&database, "u4.csv", "k,v,w\n9,9,9\n").await?;
    let all = database.text("select * from staging.u order by k").await?;
    let why = refused(&database, &workdir, 2).await?;
    holds(&why, "load 2 cannot be taken back alone: load 3 came after it and brought rows that were there already")?;
    holds(&why, "retract 4, 3 first, in this order, and drop their files into the folder again then")?;
    same(database.text("select * from staging.u order by k").await?, all)?;
    same(database.text("select status from sluice.load where id = 2").await?, "loaded")?;
    for load in [4, 3, 2] {
        take_back(&database, &workdir, load).await?;
    }
    same(database.text("select k, v, w from staging.u order by k").await?, "1|1|1\n2|2|2")?;
    // Its cells are in a later one's row.
    workdir.load(&database, "u5.csv", "k,v,w\n1,6,6\n").await?;
    workdir.load(&database, "u6.csv", "k,w\n1,7\n").await?;
    holds(&refused(&database, &workdir, 5).await?, "load 6 came after it and has not all of its columns")?;
    // What is too old is not known any more.
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    let names = database.warehouse.names();
    let load = sluice::sql::Table { schema: sluice::sql::Schema::Catalog, name: "load".into() };
    let load = names.table(&load);
    transaction
        .execute(&format!("update {load} set started_at = '2020-01-01 00:00:00+00:00' where id = 1"), &[])
        .await?;
    transaction.commit().await?;
    holds(&refused(&database, &workdir, 1).await?, "load 1 is older than 90 days")?;
    // Nor is it kept: the next load forgets one that was replaced long ago.
    same(database.text("select k, _load_id from sluice.u_before order by 1, 2").await?, "1|1\n1|5")?;
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    let before = sluice::sql::Table { schema: sluice::sql::Schema::Catalog, name: "u_before".into() };
    let before = names.table(&before);
    transaction.execute(&format!("update {before} set \"replaced at\" = 0 where _load_id = 1"), &[]).await?;
    transaction.commit().await?;
    workdir.load(&database, "u7.csv", "k,v,w\n2,8,8\n").await?;
    same(database.text("select k, _load_id from sluice.u_before order by 1, 2").await?, "1|5\n2|1")
}

/// Its replaced rows have to fit a table of their own, with what is to be known of them.
async fn an_upsert_takes_fewer_columns(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("u", UPSERT)?;
    // One cell, and NULL in the rest: more would not fit a page of PostgreSQL's.
    let wide = |columns: usize, cell: &str| {
        let names: Vec<_> = (1..columns).map(|n| format!("c{n}")).collect();
        format!("k,{}\n1,{cell}{}\n", names.join(","), ",".repeat(columns - 2))
    };
    workdir.drop_file(&database, "u1.csv", wide(1596, "1")).await?;
    holds(
        &workdir.read("imports/failed/u1.csv.error.json")?,
        "staging.u would have 1598 columns, and mode: upsert takes 1597 at most, _load_id and _line among them",
    )?;
    let first = workdir.load(&database, "u2.csv", wide(1595, "1")).await?;
    let second = workdir.load(&database, "u3.csv", wide(1595, "9")).await?;
    same((first.books.loaded, second.books.loaded), (1, 1))?;
    same(database.text("select k, c1, c1594 from staging.u").await?, "1|9|∅")?;
    same(take_back(&database, &workdir, second.load_id).await?.rows_restored, 1)?;
    same(database.text("select k, c1, c1594 from staging.u").await?, "1|1|∅")
}

async fn decimal_and_several_keys(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("u", &UPSERT.replace("key: [k]", "key: [k, shop]"))?;
    workdir.load(&database, "u1.csv", "k,shop,v\n1,a,1\n1,b,2\n10,a,3\n").await?;
    workdir.load(&database, "u2.csv", "k,shop,v\n1.0,b,9\n2.5,a,4\n10.0,a,5\n").await?;
    same(database.text("select v from staging.u order by v").await?, "1\n4\n5\n9")?;
    let done = take_back(&database, &workdir, 2).await?;
    same((done.rows_removed, done.rows_restored), (1, 2))?;
    same(database.text("select v, shop, _load_id from staging.u order by v").await?, "1|a|1\n2|b|1\n3|a|1")
}

async fn it_waits_for_a_load_of_the_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "a\n1\n").await?;
    let app = workdir.app(&database);
    let mut load = database.warehouse.begin(Scope::Load).await?;
    app.workspace.catalog.lock(&mut *load, "n").await?;
    let waits = tokio::spawn(async move { retract(&app.loader, 1, true).await });
    tokio::task::yield_now().await;
    same(waits.is_finished(), false)?;
    load.commit().await?;
    same(waits.await??.rows_removed, 1)
}

/// The numbers that a seed gives (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// A file: its columns, and for each row the key and the cells.
#[derive(Clone)]
struct File {
    columns: Vec<&'static str>,
    rows: Vec<(u64, Vec<String>)>,
}

impl File {
    /// With every column and one row of each key where it is `plain`.
    fn any(dice: &mut Dice, values: u64, plain: bool) -> File {
        let all = ["a", "b", "c"];
        let mut columns: Vec<_> = all.into_iter().filter(|_| plain || dice.below(5) > 0).collect();
        if columns.is_empty() {
            columns.push("a");
        }
        let cell = |dice: &mut Dice| match dice.below(12) {
            0 => String::new(),
            1 => format!("{}.5", dice.below(values)),
            2 if dice.below(6) == 0 => format!("x{}", dice.below(values)),
            _ => dice.below(values).to_string(),
        };
        let rows = (0..=dice.below(4)).map(|_| {
            let key = dice.below(6);
            (key, columns.iter().map(|_| cell(dice)).collect())
        });
        let mut rows: Vec<_> = rows.collect();
        if plain {
            rows.sort();
            rows.dedup_by_key(|(key, _)| *key);
        }
        File { rows, columns: columns.clone() }
    }

    fn text(&self) -> String {
        let head = format!("k,{}\n", self.columns.join(","));
        self.rows.iter().fold(head, |text, (key, cells)| text + &format!("{key},{}\n", cells.join(",")))
    }
}

/// What the table holds when these files come and no others.
fn table_of<'a>(files: impl Iterator<Item = &'a File>, columns: &[&'static str]) -> String {
    let mut rows: BTreeMap<u64, BTreeMap<&str, &str>> = BTreeMap::new();
    for file in files {
        for (key, cells) in &file.rows {
            let row = rows.entry(*key).or_default();
            row.extend(file.columns.iter().copied().zip(cells.iter().map(String::as_str)));
        }
    }
    let line = |(key, row): (u64, BTreeMap<&str, &str>)| {
        let cell = |name: &&str| row.get(*name).copied().filter(|text| !text.is_empty()).unwrap_or("∅").to_owned();
        let cells: Vec<_> = columns.iter().map(cell).collect();
        format!("{key}|{}", cells.join("|"))
    };
    rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn any_order_of_files_and_retractions(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (mut taken, mut kept, mut middle) = (0, 0, 0);
    for seed in 1..=16_u64 {
        let table = format!("u{seed}");
        workdir.plugin(
            &table,
            &UPSERT
                .replace("table: u", &format!("table: {table}"))
                .replace("\"u*\"", &format!("\"{table}_*\""))
                .replace("name: u", &format!("name: {table}")),
        )?;
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let plain = seed % 2 == 0;
        let values = if plain { 1_000_000 } else { [2, 4, 1000][dice.below(3) as usize] };
        // The loads whose rows count, with their files, and the columns that the table has.
        let (mut loads, mut columns): (Vec<(i64, File)>, Vec<&'static str>) = (Vec::new(), Vec::new());
        for step in 0..18 {
            let at = format!("seed {seed}, step {step}");
            if loads.is_empty() || dice.below(5) < 3 {
                let file = File::any(&mut dice, values, plain);
                let report = workdir.load(&database, &format!("{table}_{step}.csv"), file.text()).await?;
                if report.duplicate_of.is_none() {
                    columns.extend(file.columns.clone());
                    columns.sort_unstable();
                    columns.dedup();
                    loads.push((report.load_id, file));
                }
            } else {
                let chosen = if dice.below(4) == 0 { loads.len() - 1 } else { dice.below(loads.len() as u64) as usize };
                let is_newest = chosen == loads.len() - 1;
                match retract(&workdir.app(&database).loader, loads[chosen].0, true).await {
                    Ok(_) => {
                        loads.remove(chosen);
                        taken += 1;
                        middle += usize::from(!is_newest);
                    }
                    Err(RetractError::Later { .. }) if !is_newest => kept += 1,
                    Err(error) => anyhow::bail!("{at}: {error}"),
                }
            }
            let select = format!("select k, {} from staging.{table} order by k", columns.join(", "));
            let expected = table_of(loads.iter().map(|(_, file)| file), &columns);
            same((&at, database.text(&select).await?), (&at, expected))?;
        }
        // One after the other, the newest first, everything goes.
        while let Some((load, _)) = loads.pop() {
            take_back(&database, &workdir, load).await?;
            let select = format!("select k, {} from staging.{table} order by k", columns.join(", "));
            same(
                (seed, database.text(&select).await?),
                (seed, table_of(loads.iter().map(|(_, file)| file), &columns)),
            )?;
        }
    }
    // It has seen each of them often enough.
    let often = taken > 60 && kept > 8 && middle > 15;
    anyhow::ensure!(often, "{taken} were taken back, {middle} of them from the middle, {kept} were kept");
    Ok(())
}
