//! A star whose fact has a grain of members alone, day, shop and product: a run after new rows, one product that changed, and a new one.

use std::fs;

use anyhow::{Context, ensure};
use chrono::{Days, NaiveDate};

use crate::Bench;
use crate::child;
use crate::project::{Engine, Project};
use crate::report::{Figure, Goal, Measure};
use crate::sql;

/// Of the fact, for each row of the files of the other cases.
const SHARE: u64 = 4;

const SHOPS: u64 = 50;
const PRODUCTS: u64 = 1_000;
const ROWS_A_DAY: u64 = 2_000;

const FILES: [(&str, &str); 4] = [
    ("dim_day", "/*\nkind: calendar\nfrom: 2020-01-01\nto: 2039-12-31\n*/\n"),
    ("dim_shop", "/*\nkind: dimension\nkey: [shop]\n*/\nselect shop, city from staging.shops"),
    (
        "dim_product",
        "/*\nkind: dimension\nkey: [product]\nhistory: [price]\nat: since\n*/\nselect product, price, since from staging.products",
    ),
    (
        "fact_sale",
        "/*
kind: fact
grain: [day, shop, product]
at: day
dimensions: {day: dim_day, shop: dim_shop, product: dim_product}
*/
select day, shop, product, pieces, amount from staging.sales",
    ),
];

const SALES: &str = "day,shop,product,pieces,amount\n";
const OF_PRODUCTS: &str = "product,price,since\n";

/// The rows of the first build.
pub fn rows(bench: &Bench) -> u64 {
    bench.options.rows / SHARE
}

/// Measures and figures of one engine.
pub fn run(bench: &Bench, engine: Engine, runs: usize) -> anyhow::Result<(Vec<Measure>, Vec<Figure>)> {
    let rows = rows(bench);
    let more = rows / 100;
    let measure = |what: &str, rows: u64| Measure::new(format!("{}, grain of members, {what}", engine.name()), rows, 0);
    let (mut first, mut added) = (measure("first build", rows), measure("1 % new", more));
    let (mut changed, mut another) = (measure("a product changed", 1), measure("a new product", 1));
    for _ in 0..runs {
        let project = Project::new(bench, engine)?;
        fs::create_dir_all(project.path("sql/pipeline"))?;
        for (name, text) in FILES {
            fs::write(project.path(&format!("sql/pipeline/{name}.sql")), text)?;
        }
        let load = |name: &str, header: &str, lines: String| -> anyhow::Result<()> {
            fs::write(project.path("imports").join(name), header.to_owned() + &lines)?;
            child::run(&mut project.app(&["--once"])).map(drop)
        };
        load("shops.csv", "shop,city\n", (0..SHOPS).map(|shop| format!("{shop},city {shop}\n")).collect())?;
        let product = |number: u64| format!("{number},{number}.50,2020-01-01\n");
        load("products.csv", OF_PRODUCTS, (0..PRODUCTS).map(product).collect())?;
        load("sales.csv", SALES, (0..rows).map(sale).collect::<anyhow::Result<_>>()?)?;
        if engine == Engine::Postgres {
            sql::execute(&project.url, "vacuum analyze")?;
        }
        let build = |measure: &mut Measure, how: &str| -> anyhow::Result<()> {
            super::rest(bench)?;
            let ran = child::run(&mut project.app(&["--pipeline", "--json"]))?;
            let is_whole = ran.stdout.contains("compared whole");
            ensure!(ran.stdout.contains(how) && !is_whole, "the fact was not brought up to date so: {}", ran.stdout);
            measure.add(&ran);
            Ok(())
        };
        build(&mut first, "first build")?;
        load("sales.2.csv", SALES, (rows..rows + more).map(sale).collect::<anyhow::Result<_>>()?)?;
        build(&mut added, "1 load new")?;
        let half = day(rows / 2)?;
        load("products.2.csv", OF_PRODUCTS, format!("7,99.50,{half}\n"))?;
        build(&mut changed, "rows whose members changed")?;
        load("products.3.csv", OF_PRODUCTS, product(PRODUCTS))?;
        build(&mut another, "rows whose members changed")?;
        let fact = match engine {
            Engine::Postgres => "datawarehouse.fact_sale",
            Engine::Sqlite => "datawarehouse__fact_sale",
        };
        project.expect(&format!("select count(*) from {fact}"), rows + more)?;
    }
    let figure = |what: &str, is: f64, goal: f64| {
        Figure::new(format!("{}: grain of members, {what}, seconds", engine.name()), is, Goal::AtMost(goal))
    };
    let figures = vec![
        figure("1 % new", added.median(), 0.3),
        figure("a product changed", changed.median(), 0.7),
        figure("a new product", another.median(), 0.7),
    ];
    Ok((vec![first, added, changed, another], figures))
}

/// A sale; no two are of one day, shop and product.
fn sale(number: u64) -> anyhow::Result<String> {
    let place = number % ROWS_A_DAY;
    let shop = place % SHOPS;
    let product = (place / SHOPS * (PRODUCTS * SHOPS / ROWS_A_DAY) + number / ROWS_A_DAY * 7 + shop) % PRODUCTS;
    Ok(format!("{},{shop},{product},{},{}.50\n", day(number)?, number % 97 + 1, number % 89))
}

fn day(number: u64) -> anyhow::Result<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).context("a day")?;
    first.checked_add_days(Days::new(number / ROWS_A_DAY)).context("too many days")
}
