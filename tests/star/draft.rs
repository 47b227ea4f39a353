//! `app new`: what is written is right as it stands, and is built.

use std::process::Output;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_star_out_of_first_files_is_built,
        hostile_names_are_quoted,
        each_first_file_passes_the_check_as_it_stands,
        nothing_is_overwritten_or_misnamed;
}

const ORDERS: &str = "order_id,customer_id,city,country,sold,price\n\
    1,C1,Bern,CH,2023-05-01,4.50\n2,C2,Genf,CH,2024-02-01,5\n3,C3,Bern,CH,2024-02-03,7.25\n4,C3,,,2024-03-01,1\n";
const CUSTOMERS: &str = "name,customer_id,city\nAnn,C1,Bern\nBob,C2,Genf\nAnn,C3,Zug\n";

fn new(workdir: &Workdir, url: &str, arguments: &[&str]) -> anyhow::Result<Output> {
    app(workdir, &[&["new"], arguments].concat(), &[("DATABASE_URL", url)])
}

async fn a_star_out_of_first_files_is_built(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "orders.csv", ORDERS).await?;
    workdir.load(&database, "customers.csv", CUSTOMERS).await?;
    let files: [(&[&str], &str); 7] = [
        (
            &["dimension", "dim_customer", "--from", "staging.customers"],
            "key: customer_id, for no two of 3 rows have the same",
        ),
        (&["dimension", "dim_city", "--from", "staging.orders"], "key: city, which several rows share"),
        (
            &["calendar", "dim_day", "--from", "staging.orders"],
            "from 2023-01-01 to 2024-12-31: whole years around the days of 2023-05-01 to 2024-03-01\n",
        ),
        (
            &["fact", "fact_order", "--from", "staging.orders"],
            "dimensions: city of dim_city, customer_id of dim_customer, sold of dim_day",
        ),
        (
            &["bridge", "customer_city", "--from", "staging.orders"],
            "dimensions: city of dim_city, customer_id of dim_customer, sold of dim_day",
        ),
        (&["table", "raw_orders", "--from", "orders"], "wrote sql/pipeline/raw_orders.sql"),
        (
            &["view", "seen_orders", "--from", "orders"],
            "Next: look it over, then app check sql/pipeline/seen_orders.sql and app --pipeline",
        ),
    ];
    for (arguments, said) in files {
        let output = new(&workdir, &database.url, arguments)?;
        same((arguments, output.status.code()), (arguments, Some(0)))
            .map_err(|error| error.context(stderr(&output)))?;
        holds(&stdout(&output), said)?;
    }
    same(
        workdir.read("sql/pipeline/dim_customer.sql")?.split_once("*/\n").map(|(_, select)| select.to_owned()),
        Some("select\n  customer_id,\n  name,\n  city\nfrom staging.customers\n".to_owned()),
    )?;
    let city = workdir.read("sql/pipeline/dim_city.sql")?;
    holds(&city, "kind: dimension\nkey: [city]\n# history: [country]")?;
    holds(
        &city,
        "-- Not one value for each city: order_id, customer_id, sold, price\nselect distinct\n  city,\n  country\nfrom \
         staging.orders\nwhere city is not null\n",
    )?;
    holds(
        &workdir.read("sql/pipeline/fact_order.sql")?,
        "kind: fact\ngrain: [order_id]\ndimensions:\n  city: dim_city\n",
    )?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["check", "sql"], &settings)?;
    same((stdout(&output).lines().count(), output.status.code()), (1, Some(0)))
        .map_err(|error| error.context(stdout(&output)))?;
    let output = app(&workdir, &["--pipeline"], &settings)?;
    same(output.status.code(), Some(0)).map_err(|error| error.context(stderr(&output)))?;
    same(
        database
            .text(
                "select c.name, t.city, f.order_id from datawarehouse.fact_order as f join \
             datawarehouse.dim_customer as c on c.dim_customer_key = f.customer_id_key join datawarehouse.dim_city as \
              t on t.dim_city_key = f.city_key order by f.order_id",
            )
            .await?,
        "Ann|Bern|1\nBob|Genf|2\nAnn|Bern|3\nAnn|∅|4",
    )
}

async fn hostile_names_are_quoted(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "2024 größe.csv", "select,null,Größe,7th,group\na,1,2,3,x\nb,1,2,4,x\n").await?;
    let table = database.text("select name from sluice.dataset").await?;
    for kind in ["dimension", "fact", "table"] {
        let output =
            new(&workdir, &database.url, &[kind, &format!("x_{kind}"), "--from", &format!("staging.{table}")])?;
        same((kind, output.status.code()), (kind, Some(0))).map_err(|error| error.context(stderr(&output)))?;
    }
    let output = app(&workdir, &["--pipeline"], &[("DATABASE_URL", &database.url)])?;
    same(output.status.code(), Some(0)).map_err(|error| error.context(stderr(&output)))?;
    same(database.text("select count(*) from datawarehouse.x_fact").await?, "2")
}

const TABLES: [(&str, &str); 8] = [
    (
        "orders",
        "o_orderkey,o_custkey,o_orderstatus,o_totalprice,o_orderdate\n1,370,O,172799.49,1996-01-02\n2,781,O,38426.09,1996-12-01\n\
         3,1234,F,205654.30,1993-10-14\n4,1234,F,20.30,1993-10-15\n",
    ),
    (
        "lineitem",
        "l_orderkey,l_linenumber,l_quantity,l_shipdate\n1,1,17,1996-03-13\n1,2,36,9999-12-31\n2,1,8,1997-01-28\n",
    ),
    ("nokey", "a,b\n1,x\n1,x\n"),
    ("decimals", "x\n1.5\n2.50\n"),
    ("truths", "ok\ntrue\nfalse\n"),
    ("empty", "a,b\n"),
    ("times", "valid_from,is_current,times_dimension_key,city,city_key\n1,2,3,4,5\n"),
    ("hostile", "select,null,Größe,7,*/ x\na,1,2,3,1\nb,1,2,4,1\n"),
];

async fn each_first_file_passes_the_check_as_it_stands(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, rows) in TABLES {
        workdir.load(&database, &format!("{name}.csv"), rows).await?;
    }
    let sample = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/2019_free_title_data.csv"))?;
    workdir.load(&database, "2019_free_title_data.csv", sample).await?;
    for arguments in [
        ["calendar", "dim_day", "--from", "staging.lineitem"],
        ["dimension", "dim_customer", "--from", "staging.orders"],
        ["fact", "fact_lineitem", "--from", "staging.lineitem"],
        // A table may be called as the one that it comes from.
        ["dimension", "orders", "--from", "staging.orders"],
    ] {
        same((arguments, new(&workdir, &database.url, &arguments)?.status.code()), (arguments, Some(0)))?;
    }
    for table in TABLES.map(|(name, _)| name).into_iter().chain(["2019_free_title_data"]) {
        for kind in ["dimension", "fact", "table"] {
            let name = format!("{}_{kind}", table.trim_start_matches(|letter: char| !letter.is_alphabetic()));
            let arguments = [kind, &name, "--from", &format!("staging.{table}")];
            let output = new(&workdir, &database.url, &arguments)?;
            same((&name, output.status.code()), (&name, Some(0))).map_err(|error| error.context(stderr(&output)))?;
        }
    }
    let output = app(&workdir, &["check", "sql"], &[("DATABASE_URL", &database.url)])?;
    same(stdout(&output), "31 files: nothing wrong in the headers, selects and columns. Next: app plan\n".to_owned())?;
    same(
        workdir.read("sql/pipeline/dim_day.sql")?.as_str(),
        "/*\nkind: calendar\n\
         from: 1996-01-01         # whole years around the days of 1996-03-13 to 1997-01-28 (those before 1900-01-01 \
          or after 2100-12-31 left out)\n\
         to: 1997-12-31           # a day outside is unknown: facts get key 0 for it\n\
         # fiscal_year_starts: 7  # the month, where it is not January\n*/\n",
    )?;
    same(
        workdir.read("sql/pipeline/dim_customer.sql")?.as_str(),
        "/*\nkind: dimension\nkey: [o_custkey]\n\
         # history: [o_orderstatus]             # a change of it opens a new version of the member, instead of overwriting\n\
         # at: COLUMN                           # with history: from when on a row holds; left out: when its file was loaded\n\
         # unknown: {o_orderstatus: none}       # what member 0 is called\n\
         # checks: {not_null: [o_orderstatus]}  # what must hold before anything is published\n*/\n\
         -- Not one value for each o_custkey: o_orderkey, o_totalprice, o_orderdate\n\
         select distinct\n  o_custkey,\n  o_orderstatus\nfrom staging.orders\n",
    )?;
    same(
        workdir.read("sql/pipeline/fact_lineitem.sql")?.as_str(),
        "/*\nkind: fact\ngrain: [l_orderkey, l_linenumber]\ndimensions:\n  l_shipdate: dim_day\n\
         #   COLUMN: {dimension: dim_x, role: NAME, missing: infer}  # a name of its own; or missing: unknown, reject\n\
         # at: l_shipdate                                            # the column that says which version of a member a row sees\n\
         # checks: {range: {l_quantity: [0, 1000]}}                  # what must hold before anything is published\n*/\n\
         select\n  l_orderkey,\n  l_linenumber,\n  l_quantity,\n  l_shipdate\nfrom staging.lineitem\n",
    )?;
    holds(&workdir.read("sql/pipeline/decimals_dimension.sql")?, "\n  x\n")?;
    holds(
        &workdir.read("sql/pipeline/times_dimension.sql")?,
        "\n  valid_from as valid_from_given,\n  is_current as is_current_given,\n",
    )?;
    holds(
        &workdir.read("sql/pipeline/empty_fact.sql")?,
        "# a guess, staging.empty has no rows to tell: say which columns tell its rows apart\n",
    )?;
    // What is commented out is right where it is let in.
    let text =
        workdir.read("sql/pipeline/dim_customer.sql")?.replace("# history", "history").replace("# unknown", "unknown");
    workdir.write("sql/pipeline/dim_customer.sql", text.replace("# checks", "checks"))?;
    let output = app(&workdir, &["check", "sql"], &[("DATABASE_URL", &database.url)])?;
    same(output.status.code(), Some(0)).map_err(|error| error.context(stdout(&output)))
}

async fn nothing_is_overwritten_or_misnamed(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "orders.csv", "a,b\n1,x\n1,x\n").await?;
    workdir.write("sql/pipeline/itself.sql", "/* kind: table */ select a from staging.orders")?;
    same(app(&workdir, &["--pipeline"], &[("DATABASE_URL", &database.url)])?.status.code(), Some(0))?;
    std::fs::remove_file(workdir.path("sql/pipeline/itself.sql"))?;
    workdir.write("sql/pipeline/dim_x.sql", "mine")?;
    workdir.write("sql/analysis/top.sql", "select 1 as a")?;
    for (arguments, why) in [
        (["dimension", "dim_x", "--from", "staging.orders"], "sql/pipeline/dim_x.sql is there already"),
        (["table", "top", "--from", "staging.orders"], "sql/analysis/top.sql is there already"),
        (["dimension", "Dim X", "--from", "staging.orders"], "up to 50 small letters, digits and _"),
        (["dimension", "../x", "--from", "staging.orders"], "up to 50 small letters, digits and _"),
        (["dimension", "dim_y", "--from", "staging.ordres"], "did you mean orders?"),
        (["table", "itself", "--from", "datawarehouse.itself"], "a table cannot be made out of itself"),
        (["bridge", "b", "--from", "staging.orders"], "a bridge joins two dimensions at least"),
    ] {
        let output = new(&workdir, &database.url, &arguments)?;
        same((arguments, output.status.code()), (arguments, Some(2)))?;
        holds(&stderr(&output), why)?;
    }
    same(workdir.read("sql/pipeline/dim_x.sql")?, "mine".to_owned())?;
    same(workdir.list("sql/pipeline"), ["dim_x.sql"])?;
    // Where no column tells rows apart, the file says so.
    let output = new(&workdir, &database.url, &["fact", "fact_x", "--from", "staging.orders"])?;
    holds(&stdout(&output), "is a guess, and not unique")?;
    holds(&workdir.read("sql/pipeline/fact_x.sql")?, "# not unique in staging.orders")?;
    // Without a table: only a calendar can be.
    same(new(&workdir, &database.url, &["fact", "fact_z"])?.status.code(), Some(2))?;
    same(new(&workdir, &database.url, &["calendar", "dim_day"])?.status.code(), Some(0))
}
