//! The example with history, step by step: the star after each run is, to the last cell and key, what `expected/` has, the same on both
//! engines. `UPDATE_EXPECTED=1` writes those files anew.

use std::fs;
use std::path::{Path, PathBuf};

use sluice::load::retract::retract;
use sluice::{analysis, pipeline};

use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        each_step_gives_the_expected_star,
        a_database_of_version_0_1_goes_on;
}

/// What is shown after each step.
const TABLES: [(&str, &str); 4] = [
    (
        "dim_customer",
        "select dim_customer_key, customer_id, name, city, segment, valid_from, valid_to, is_current from \
         datawarehouse.dim_customer order by 1",
    ),
    (
        "dim_product",
        "select dim_product_key, product, title, price, is_inferred from datawarehouse.dim_product order by 1",
    ),
    (
        "fact_order",
        "select order_id, customer_key, payer_key, product_key, ordered_key, paid_key, quantity, amount, _load_id, \
         _line from datawarehouse.fact_order order by 1",
    ),
    (
        "dim_date",
        "select min(dim_date_key) as first_day, max(dim_date_key) as last_day, count(*) as days from \
         datawarehouse.dim_date where dim_date_key <> 0",
    ),
];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/history").join(name)
}

/// The names in a folder of the example, in their order.
fn names(folder: &str) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(example(folder))?.collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<_> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// Puts the example's SQL files and plugins into the project folder.
fn set_up(workdir: &Workdir) -> Outcome {
    for folder in ["sql/pipeline", "sql/analysis"] {
        for name in names(folder)? {
            workdir.write(&format!("{folder}/{name}"), fs::read(example(folder).join(&name))?)?;
        }
    }
    for name in names("plugins")? {
        workdir.plugin(&name, &fs::read_to_string(example("plugins").join(&name).join("plugin.yaml"))?)?;
    }
    Ok(())
}

async fn each_step_gives_the_expected_star(database: TestDatabase, workdir: Workdir) -> Outcome {
    set_up(&workdir)?;
    let mut orders_of_february = 0;
    for step in names("files")? {
        for name in names(&format!("files/{step}"))? {
            let text = fs::read(example("files").join(&step).join(&name))?;
            let load = workdir.load(&database, &name, &text).await?;
            if name == "orders_2024-02.csv" {
                orders_of_february = load.load_id;
            }
            // The same file twice changes nothing.
            same(workdir.load(&database, &name, &text).await?.duplicate_of, Some(load.load_id))?;
        }
        look(&database, &workdir, &step).await?;
    }
    retract(&workdir.app(&database).loader, orders_of_february, true).await?;
    look(&database, &workdir, "5-retraction").await
}

/// `tests/data/version-0.1.*.sql` are databases that version 0.1 made out of the first two steps.
async fn a_database_of_version_0_1_goes_on(database: TestDatabase, workdir: Workdir) -> Outcome {
    set_up(&workdir)?;
    let old = database.of_statements(|engine| format!("tests/data/version-0.1.{engine}.sql")).await?;
    let before = "select count(*), max(id), sum(rows_loaded) from sluice.load";
    let loads = old.text(before).await?;
    same(old.warehouse.missing().await?.to_make.is_empty(), false)?;
    old.warehouse.prepare().await?;
    same(old.warehouse.missing().await?.to_make, Vec::<String>::new())?;
    same(
        (old.text(before).await?, old.text("select count(*) from sluice.checkpoint").await?),
        (loads, "0".to_owned()),
    )?;
    for step in ["1-january", "2-february"] {
        // What version 0.1 loaded is known.
        for name in names(&format!("files/{step}"))? {
            let text = fs::read(example("files").join(step).join(&name))?;
            let path = workdir.write(&name, &text)?;
            let mut input =
                sluice::source::Input::parts(&path, &name, None, sluice::format::Limits::default()).await?.remove(0);
            let hash = input.profile().await?.hash;
            let query = format!("select count(*) from sluice.load where hash = '{hash}' and status = 'loaded'");
            same((name.clone(), old.text(&query).await?), (name, "1".to_owned()))?;
        }
    }
    for step in ["3-late", "4-correction"] {
        for name in names(&format!("files/{step}"))? {
            let text = fs::read(example("files").join(step).join(&name))?;
            let load = workdir.load(&old, &name, &text).await?;
            same(workdir.load(&old, &name, &text).await?.duplicate_of, Some(load.load_id))?;
        }
        look(&old, &workdir, step).await?;
    }
    Ok(())
}

/// Runs the star, twice, and compares it.
async fn look(database: &TestDatabase, workdir: &Workdir, step: &str) -> Outcome {
    let app = workdir.app(database);
    pipeline::run(&app.workspace).await?;
    let again = pipeline::run(&app.workspace).await?;
    same(again.iter().map(|change| change.how.as_str()).collect::<Vec<_>>(), vec!["nothing new"; again.len()])?;
    analysis::run(&app.workspace).await?;
    let mut star = String::new();
    for (table, query) in TABLES {
        star += &format!("{table}\n{}\n\n", with_header(database, query).await?);
    }
    for view in ["sales_by_city", "unpaid_by_month"] {
        star += &format!("{view}\n{}\n", workdir.read(&format!("exports/{view}.csv"))?);
    }
    let path = example("expected").join(format!("{step}.txt"));
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &star)?;
    }
    let expected = fs::read_to_string(&path)?;
    anyhow::ensure!(star == expected, "{}: the star is\n{star}\nand not\n{expected}", path.display());
    Ok(())
}

/// The names of the columns, then the rows.
async fn with_header(database: &TestDatabase, query: &str) -> anyhow::Result<String> {
    let list = query.trim_start_matches("select ").split(" from ").next().unwrap_or_default();
    let columns: Vec<_> = list.split(", ").map(|one| one.rsplit(' ').next().unwrap_or(one)).collect();
    Ok(format!("{}\n{}", columns.join("|"), database.text(query).await?))
}
