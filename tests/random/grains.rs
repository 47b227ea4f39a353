//! Random rows of a fact whose grain is made of members, few enough of each that they meet: what new loads alone give is what a
//! comparison of everything gives, also where both refuse.

use anyhow::ensure;
use libtest_mimic::Trial;
use sluice::load::retract::retract;
use sluice::pipeline::{self, Options, RunError, TableChange};

use crate::support::star::model;
use crate::support::{Outcome, TestDatabase, Workdir, on_both};

const STEPS: usize = 40;

pub fn cases(seeds: std::ops::Range<u64>) -> Vec<Trial> {
    let one = |seed| {
        on_both(&format!("random::grain_{seed}"), move |database, workdir| async move {
            let told = sequence(seed, &database, &workdir).await;
            told.map_err(|error| error.context(format!("seed {seed}")))
        })
    };
    seeds.flat_map(one).collect()
}

/// Writes the files of a star of any kind.
fn write(workdir: &Workdir, dice: &mut fastrand::Rng) -> anyhow::Result<String> {
    let any = |dice: &mut fastrand::Rng, words: &[&str]| words[dice.usize(..words.len())].to_owned();
    let history = any(dice, &["history: [name]\nat: since", "at: since"]);
    model(workdir, "dim_day", "kind: calendar\nfrom: 2024-01-01\nto: 2024-01-03", "")?;
    model(workdir, "dim_shop", "kind: dimension\nkey: [shop]\nat: _load_id", "select shop, name from staging.shops")?;
    model(
        workdir,
        "dim_item",
        &format!("kind: dimension\nkey: [item]\n{history}"),
        "select item, name, since from staging.items",
    )?;
    let item = any(dice, &["unknown", "infer", "reject"]);
    let shop = any(dice, &["unknown", "infer", "reject"]);
    let at = any(dice, &["", "at: day\n", "at: made\n"]);
    let grain = any(dice, &["[day, shop, item]", "[day, item]", "[shop, item, note]", "[note, item]", "[item, shop]"]);
    let unpivot = any(dice, &["", "unpivot: {into: item, columns: [item, other]}\n"]);
    let header = format!(
        "kind: fact\ngrain: {grain}\n{at}{unpivot}dimensions:\n  day: dim_day\n  shop: {{dimension: dim_shop, missing: {shop}}}\n  \
         item: {{dimension: dim_item, missing: {item}}}"
    );
    let other = if unpivot.is_empty() { "" } else { ", other" };
    model(
        workdir,
        "fact_sale",
        &header,
        &format!("select day, shop, item{other}, made, note, pieces from staging.sales where pieces > 1"),
    )?;
    Ok(format!("{history}\n{header}"))
}

/// A file's name and text.
fn file(dice: &mut fastrand::Rng, step: usize) -> (&'static str, String) {
    let any = |dice: &mut fastrand::Rng, words: &[&str]| words[dice.usize(..words.len())].to_owned();
    let days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", ""];
    let items = ["a", "b", "c", "d", "e", ""];
    let (name, header) = match dice.u8(..10) {
        0 => ("shops.csv", "shop,name"),
        1 | 2 => ("items.csv", "item,name,since"),
        _ => ("sales.csv", "day,shop,item,other,made,note,pieces"),
    };
    let mut rows = vec![header.to_owned()];
    for line in 0..dice.usize(1..4) {
        rows.push(match name {
            "shops.csv" => format!("{},shop {step}", dice.u8(1..5)),
            "items.csv" => format!("{},name {step}.{line},{}", any(dice, &items[..5]), any(dice, &days[..3])),
            _ => format!(
                "{},{},{},{},{},{},{}",
                any(dice, &days),
                any(dice, &["1", "2", "3", "4", "5", ""]),
                any(dice, &items),
                any(dice, &items),
                any(dice, &days),
                any(dice, &["x", "y", "z", "7", "8", ""]),
                step * 10 + line
            ),
        });
    }
    (name, rows.join("\n") + "\n")
}

async fn sequence(seed: u64, database: &TestDatabase, workdir: &Workdir) -> Outcome {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut told = vec![write(workdir, &mut dice)?];
    let workspace = workdir.app(database).workspace;
    let whole = Options { full: true, dry: true, ..Options::default() };
    for (name, text) in [
        ("shops.csv", "shop,name\n1,first\n"),
        ("items.csv", "item,name,since\na,first,2024-01-02\n"),
        ("sales.csv", "day,shop,item,other,made,note,pieces\n2024-01-01,1,a,b,2024-01-01,x,5\n"),
    ] {
        workdir.load(database, name, text).await?;
    }
    pipeline::run(&workspace).await?;
    let mut loads = Vec::new();
    for step in 1..=STEPS {
        let (name, text) = file(&mut dice, step);
        let load = workdir.load(database, name, &text).await?.load_id;
        told.push(format!("load {load} {name} {text}"));
        loads.push(load);
        if loads.len() > 3 && dice.u8(..8) == 0 {
            let gone = loads.swap_remove(dice.usize(..loads.len()));
            told.push(format!("retract {gone}"));
            retract(&workdir.app(database).loader, gone, true).await?;
        }
        let expected = outcome(pipeline::run_with(&workspace, &whole).await.map(|report| report.changes));
        let is = outcome(pipeline::run(&workspace).await);
        let mut story = told.join("\n");
        ensure!(is == expected, "from new loads {is:?}\nwhole {expected:?}\n{story}");
        if let Err(why) = is {
            ensure!(why.contains("grain: several rows"), "{why}\n{story}");
            story += &why;
            told.push(why);
            // The newest load may have let an earlier row in.
            loads.retain(|one| *one != load);
            retract(&workdir.app(database).loader, load, true).await?;
            pipeline::run(&workspace).await.map_err(|error| anyhow::anyhow!("{error}\n{story}"))?;
        }
        let left = pipeline::run_with(&workspace, &whole).await?.changes;
        let left: Vec<_> = left.iter().filter(|change| change.changed() > 0).collect();
        ensure!(left.is_empty(), "a comparison of everything finds {left:?}\n{story}");
    }
    Ok(())
}

/// The numbers of rows, or the error.
fn outcome(done: Result<Vec<TableChange>, RunError>) -> Result<Vec<(String, u64)>, String> {
    done.map(|changes| changes.into_iter().map(|change| (change.table, change.rows)).collect())
        .map_err(|error| error.to_string())
}
