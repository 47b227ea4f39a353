//! Files that each say the whole truth, one of which turns out to be wrong: when it is retracted, every dimension is as if it had never
//! come, also where a later file has replaced its rows.

use std::collections::BTreeSet;

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options};

use crate::support::process::{app, stderr, stdout};
use crate::support::star::run;
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_replaced_file_leaves_history,
        a_retracted_file_leaves_a_star_that_never_saw_it,
        what_a_retraction_takes_is_said;
}

/// Dimensions of each kind over the same files: history or none, dated by a column or the load, row by row or summed up.
const DIMENSIONS: [(&str, &str, &str); 6] = [
    ("dim_loaded", "history: [city]", "select id, city, name from staging.c"),
    ("dim_since", "history: [city]\nat: since", "select id, city, name, since from staging.c"),
    ("dim_kept", "history: [city]\ngone: keep", "select id, city, name from staging.c"),
    ("dim_plain", "", "select id, city, name, since from staging.c"),
    ("dim_newest", "at: since", "select id, city, name, since from staging.c"),
    ("dim_sum", "history: [city]", "select id, max(city) as city, max(name) as name from staging.c group by id"),
];

fn project(workdir: &Workdir) -> Outcome {
    workdir.plugin("c", "name: c\ncreator: us\nfiles: [c*.csv]\ntable: c\nduplicates: load\nmode: replace\n")?;
    for (name, words, select) in DIMENSIONS {
        let header = format!("/*\nkind: dimension\nkey: [id]\n{words}\n*/\n{select}\n");
        workdir.write(&format!("sql/pipeline/{name}.sql"), header)?;
    }
    let fact = "/*\nkind: fact\ngrain: [oid]\nat: d\ndimensions: {id: {dimension: dim_since, missing: infer}}\n*/\n\
        select oid, id, d from staging.o";
    workdir.write("sql/pipeline/fact_o.sql", fact).map(drop)
}

async fn load(database: &TestDatabase, workdir: &Workdir, rows: &str) -> anyhow::Result<i64> {
    Ok(workdir.load(database, "c.csv", format!("id,city,name,since\n{rows}")).await?.load_id)
}

/// Every dimension, with times by their order, and the versions that facts see.
async fn star(database: &TestDatabase) -> anyhow::Result<String> {
    let mut all = Vec::new();
    for (name, words, _) in DIMENSIONS {
        let times = match () {
            () if words.contains("since") && words.contains("history") => ", valid_from, valid_to, is_current",
            () if words.contains("history") => ", dense_rank() over (order by valid_from) as place, is_current",
            () => "",
        };
        let order = if words.contains("history") { ", valid_from" } else { "" };
        let rows =
            format!("select id, city, name{times} from datawarehouse.{name} where {name}_key <> 0 order by id{order}");
        all.push(format!("{name}\n{}", database.text(&rows).await?));
    }
    let facts = "select f.oid, d.id, d.city, d.valid_from from datawarehouse.fact_o as f join datawarehouse.dim_since as d \
        on d.dim_since_key = f.id_key order by f.oid";
    all.push(format!("fact_o\n{}", database.text(facts).await?));
    Ok(all.join("\n"))
}

async fn orders(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    let rows = "oid,id,d\n1,1,2024-01-15\n2,1,2024-02-15\n3,2,2024-02-15\n4,3,2024-03-15\n";
    workdir.load(database, "o.csv", rows).await.map(drop)
}

async fn a_replaced_file_leaves_history(database: TestDatabase, workdir: Workdir) -> Outcome {
    project(&workdir)?;
    orders(&database, &workdir).await?;
    let mut loads = Vec::new();
    for rows in [
        "1,Bern,A,2024-01-01\n",
        "1,WRONG,X,2024-02-01\n9,Nowhere,N,2024-02-01\n",
        "1,Bern,A,2024-01-01\n2,Biel,B,2024-02-01\n",
    ] {
        loads.push(load(&database, &workdir, rows).await?);
        run(&database, &workdir).await?;
    }
    let wrong = "select city, is_current from datawarehouse.dim_loaded where id in (1, 9) order by id, valid_from";
    same(database.text(wrong).await?, "Bern|false\nWRONG|false\nBern|true\nNowhere|false")?;
    same(database.text("select count(*) from datawarehouse.dim_plain where id = 9").await?, "1")?;
    retract(&workdir.app(&database).loader, loads[1], true).await?;
    run(&database, &workdir).await?;
    same(database.text(wrong).await?, "Bern|true")?;
    same(
        database.text("select id, city, name from datawarehouse.dim_plain order by id").await?,
        "1|Bern|A\n2|Biel|B\n∅|∅|∅",
    )?;
    same(database.text("select city from datawarehouse.dim_since where id = 1").await?, "Bern")
}

/// A generator of numbers, the same at each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn file(&mut self) -> String {
        let mut rows = String::new();
        for id in 1..=3 {
            if self.below(4) > 0 {
                let (city, name) = (self.below(2), self.below(2));
                rows += &format!("{id},C{city},N{name},2024-0{}-01\n", 1 + self.below(2));
            }
        }
        rows
    }
}

async fn a_retracted_file_leaves_a_star_that_never_saw_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    project(&workdir)?;
    for seed in 0..8 {
        let (with, without, mut random) = (database.another().await?, database.another().await?, Random(seed));
        let files: Vec<_> = (0..6).map(|_| random.file()).collect();
        let (mut loads, mut gone) = (Vec::new(), BTreeSet::new());
        orders(&with, &workdir).await?;
        for (place, rows) in files.iter().enumerate() {
            loads.push(load(&with, &workdir, rows).await?);
            run(&with, &workdir).await?;
            // Now and then at once, most at the end; the last file stays.
            if place > 1 && random.below(3) == 0 {
                let earlier = random.below(place as u64) as usize;
                gone.insert(earlier);
                retract(&workdir.app(&with).loader, loads[earlier], true).await?;
                run(&with, &workdir).await?;
            }
        }
        for (place, load) in loads.iter().enumerate().take(files.len() - 1) {
            if gone.len() < 3 && random.below(2) == 0 && gone.insert(place) {
                retract(&workdir.app(&with).loader, *load, true).await?;
            }
        }
        run(&with, &workdir).await?;
        orders(&without, &workdir).await?;
        for (place, rows) in files.iter().enumerate() {
            if !gone.contains(&place) {
                load(&without, &workdir, rows).await?;
                run(&without, &workdir).await?;
            }
        }
        let told = format!("seed {seed}, without {gone:?} of {files:?}\n");
        same(told.clone() + &star(&with).await?, told + &star(&without).await?)?;
        let full = Options { full: true, ..Options::default() };
        let again = pipeline::run_with(&workdir.app(&with).workspace, &full).await?.changes;
        same(again.iter().map(|change| change.changed()).sum::<u64>(), 0)?;
    }
    Ok(())
}

async fn what_a_retraction_takes_is_said(database: TestDatabase, workdir: Workdir) -> Outcome {
    project(&workdir)?;
    orders(&database, &workdir).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    // Nothing remembers a file that a later one replaced before a run saw it.
    let unseen = load(&database, &workdir, "1,Bern,A,2024-01-01\n").await?;
    let first = load(&database, &workdir, "1,Bern,A,2024-01-01\n").await?;
    let output = app(&workdir, &["retract", &unseen.to_string(), "--yes"], &settings)?;
    holds(&stderr(&output), "a later load has replaced all of them, and no dimension remembers it")?;
    same(output.status.code(), Some(2))?;
    run(&database, &workdir).await?;
    load(&database, &workdir, "2,Biel,B,2024-02-01\n").await?;
    run(&database, &workdir).await?;
    let output = app(&workdir, &["retract", &first.to_string(), "--dry-run"], &settings)?;
    holds(&stdout(&output), "a later load has replaced its rows; what dim_kept, dim_loaded, ")?;
    holds(&stdout(&output), " remembers of it would leave with the next run")?;
    let output = app(&workdir, &["retract", &first.to_string(), "--yes"], &settings)?;
    holds(&stdout(&output), " remembers of it leaves with the next run")?;
    let output = app(&workdir, &["plan"], &settings)?;
    holds(&stdout(&output), "a load that it remembers was retracted")?;
    run(&database, &workdir).await?;
    same(database.text("select id from datawarehouse.dim_loaded where dim_loaded_key <> 0").await?, "2")?;
    let output = app(&workdir, &["retract", &first.to_string(), "--yes"], &settings)?;
    holds(&stdout(&output), "was taken back before: nothing to do")
}
