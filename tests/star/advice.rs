//! What a run says of the star's first days: folders that are not there yet, the same key or grain again, a column that
//! becomes a key. Each message names the fix, and the fix works.

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_folder_that_is_not_there_is_told_with_its_first_file,
        a_second_delivery_of_a_dimension_has_a_fix,
        a_corrected_row_of_a_fact_has_a_fix,
        using_over_a_key_names_the_key,
        a_column_that_becomes_a_key_is_not_lost,
        a_fact_without_at_sees_current_versions_and_is_told_so;
}

const CUSTOMERS: &str = "/*\nkind: dimension\nkey: [id]\n*/\nselect id, city from staging.customers";

/// Runs a command; gives its exit code and all that it says.
fn told(
    workdir: &Workdir,
    database: &TestDatabase,
    arguments: &[&str],
) -> anyhow::Result<(Option<i32>, String, String)> {
    let output = app(workdir, arguments, &[("DATABASE_URL", &database.url)])?;
    Ok((output.status.code(), stdout(&output), stderr(&output)))
}

/// Runs the pipeline, which fails; gives its error.
fn fails(workdir: &Workdir, database: &TestDatabase) -> anyhow::Result<String> {
    let (code, _, error) = told(workdir, database, &["--pipeline"])?;
    same(code, Some(1))?;
    Ok(error)
}

fn runs(workdir: &Workdir, database: &TestDatabase, arguments: &[&str]) -> anyhow::Result<String> {
    let (code, text, error) = told(workdir, database, arguments)?;
    same(code, Some(0)).map_err(|failure| failure.context(error))?;
    Ok(text)
}

async fn a_folder_that_is_not_there_is_told_with_its_first_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    let pipeline = "app new dimension dim_NAME --from staging.TABLE writes a first file into it";
    let analysis = "write a select into sql/analysis/NAME.sql";
    workdir.load(&database, "customers.csv", "id,city\n1,Bern\n").await?;
    // With folders that are empty, without them, and without sql/.
    for gone in ["", "sql/pipeline", "sql/analysis", "sql"] {
        if !gone.is_empty() {
            std::fs::remove_dir(workdir.path(gone))?;
        }
        for (arguments, fix) in [
            (&["--pipeline"][..], pipeline),
            (&["plan"], pipeline),
            (&["check", "sql/"], pipeline),
            (&["--analysis"], analysis),
        ] {
            let (code, text, error) = told(&workdir, &database, arguments)?;
            same((gone, arguments, code == Some(0)), (gone, arguments, false))?;
            holds(&(text.clone() + &error), fix).map_err(|failure| failure.context(format!("{gone} {arguments:?}")))?;
            same((text + &error).contains("os error"), false)?;
        }
        same(told(&workdir, &database, &["graph"])?.0, Some(0))?;
    }
    runs(&workdir, &database, &["new", "dimension", "dim_customer", "--from", "staging.customers"])?;
    same(workdir.list("sql"), ["analysis", "pipeline"])?;
    runs(&workdir, &database, &["--pipeline"]).map(drop)
}

async fn a_second_delivery_of_a_dimension_has_a_fix(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "customers.csv", "id,city\n1,Bern\n2,Genf\n").await?;
    runs(&workdir, &database, &["new", "dimension", "dim_customer", "--from", "staging.customers"])?;
    runs(&workdir, &database, &["--pipeline"])?;
    workdir.load(&database, "customers.csv", "id,city\n1,Bern\n2,Zug\n").await?;
    holds(
        &fails(&workdir, &database)?,
        "customers.csv line 3, load 2); if one of them corrects the other, at: _load_id in the header lets the newest load's count",
    )?;
    // The first file has the line already.
    let file = workdir.read("sql/pipeline/dim_customer.sql")?;
    workdir.write("sql/pipeline/dim_customer.sql", file.replace("# at: _load_id", "at: _load_id"))?;
    runs(&workdir, &database, &["--pipeline"])?;
    let cities = "select id, city from datawarehouse.dim_customer where id is not null order by id";
    same(database.text(cities).await?, "1|Bern\n2|Zug")?;
    let grouped = "/*\nkind: dimension\nkey: [id]\n*/\nselect distinct id, city from staging.customers";
    workdir.write("sql/pipeline/dim_customer.sql", grouped)?;
    holds(&fails(&workdir, &database)?, "; group by the key alone, or add the column that tells them apart to key")
}

async fn a_corrected_row_of_a_fact_has_a_fix(database: TestDatabase, workdir: Workdir) -> Outcome {
    let fact = "/*\nkind: fact\ngrain: [id]\n*/\nselect id, amount from staging.orders";
    workdir.write("sql/pipeline/fact_order.sql", fact)?;
    let (first, again) = ("id,amount\n1,10\n2,20\n", "id,amount\n2,25\n3,30\n");
    workdir.load(&database, "orders.csv", first).await?;
    workdir.load(&database, "orders.csv", again).await?;
    holds(
        &fails(&workdir, &database)?,
        "orders.csv line 2, load 2); if one of them corrects the other, let mode: upsert and key in a plugin",
    )?;
    // The fix, as the book has it.
    workdir.plugin("orders", "name: orders\nfiles: [\"orders*.csv\"]\ntable: orders\nmode: upsert\nkey: [id]\n")?;
    runs(&workdir, &database, &["retract", "2", "--yes"])?;
    workdir.load(&database, "orders.csv", again).await?;
    runs(&workdir, &database, &["--pipeline"])?;
    same(database.text("select id, amount from datawarehouse.fact_order order by id").await?, "1|10\n2|25\n3|30")?;
    workdir.write(
        "sql/pipeline/fact_order.sql",
        "/*\nkind: fact\ngrain: [id]\n*/\nselect id, amount from staging.orders union all select id, amount from staging.orders",
    )?;
    holds(&fails(&workdir, &database)?, "; group by the grain alone, or add the column that tells them apart to grain")
}

async fn using_over_a_key_names_the_key(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMERS)?;
    let fact = "/*\nkind: fact\ngrain: [no]\ndimensions: {id: dim_customer}\n*/\nselect no, id from staging.orders";
    workdir.write("sql/pipeline/fact_order.sql", fact)?;
    workdir.load(&database, "customers.csv", "id,city\n1,Bern\n").await?;
    workdir.load(&database, "orders.csv", "no,id\n7,1\n").await?;
    runs(&workdir, &database, &["--pipeline"])?;
    let (f, d) = ("datawarehouse.fact_order", "datawarehouse.dim_customer");
    for (from, expected) in [
        (
            format!("{f} join {d} using (id)"),
            "no column id on the left side: it has id_key, the member's key: write on id_key =",
        ),
        (format!("{d} join {f} using (id)"), "no column id on the right side: it has id_key"),
        (format!("{f} join {d} using (id_kye)"), "no column id_kye on the left side; did you mean id_key?"),
    ] {
        workdir.write("sql/analysis/q.sql", format!("select city, count(*) as n from {from} group by city"))?;
        let (code, _, error) = told(&workdir, &database, &["--analysis"])?;
        same(code, Some(1))?;
        holds(&error, expected)?;
    }
    workdir.write(
        "sql/analysis/q.sql",
        format!("select city, count(*) as n from {f} join {d} on id_key = dim_customer_key group by city"),
    )?;
    runs(&workdir, &database, &["--analysis"]).map(drop)
}

async fn a_column_that_becomes_a_key_is_not_lost(database: TestDatabase, workdir: Workdir) -> Outcome {
    let fact = |dimensions: &str| {
        format!("/*\nkind: fact\ngrain: [no]\n{dimensions}*/\nselect no, sold, extra from staging.orders")
    };
    workdir.load(&database, "orders.csv", "no,sold,extra\n7,2026-11-02,x\n").await?;
    workdir.write("sql/pipeline/dim_day.sql", "/*\nkind: calendar\nfrom: 2026-01-01\nto: 2026-12-31\n*/\n")?;
    workdir.write("sql/pipeline/fact_order.sql", fact(""))?;
    runs(&workdir, &database, &["--pipeline"])?;
    workdir.write("sql/pipeline/fact_order.sql", fact("dimensions: {sold: {dimension: dim_day, role: sale}}\n"))?;
    holds(
        &fails(&workdir, &database)?,
        "the column sold of datawarehouse.fact_order becomes sale_key, the key of its member of dim_day: app --pipeline --allow-drop",
    )?;
    runs(&workdir, &database, &["--pipeline", "--allow-drop"])?;
    same(database.text("select sale_key from datawarehouse.fact_order").await?, "20261102")?;
    // A column that goes is still told as that.
    let without = fact("dimensions: {sold: {dimension: dim_day, role: sale}}\n").replace(", extra", "");
    workdir.write("sql/pipeline/fact_order.sql", without)?;
    holds(&fails(&workdir, &database)?, "the column extra of datawarehouse.fact_order is not given any more")
}

async fn a_fact_without_at_sees_current_versions_and_is_told_so(database: TestDatabase, workdir: Workdir) -> Outcome {
    let customers =
        "/*\nkind: dimension\nkey: [id]\nhistory: [city]\nat: since\n*/\nselect id, city, since from staging.customers";
    workdir.write("sql/pipeline/dim_customer.sql", customers)?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Basel,2026-01-01\n1,Riehen,2026-06-01\n").await?;
    workdir.load(&database, "orders.csv", "no,id,sold\n7,1,2026-02-01\n8,1,2026-07-01\n").await?;
    let text = runs(&workdir, &database, &["new", "fact", "fact_order", "--from", "staging.orders"])?;
    holds(&text, "at: sold, for dim_customer has a history: a row sees the version that held then")?;
    let dated = workdir.read("sql/pipeline/fact_order.sql")?;
    holds(&dated, "\nat: sold ")?;
    same(runs(&workdir, &database, &["plan"])?.contains("without at"), false)?;
    runs(&workdir, &database, &["--pipeline"])?;
    let cities = "select f.no, d.city from datawarehouse.fact_order as f join datawarehouse.dim_customer as d on \
        f.id_key = d.dim_customer_key order by f.no";
    same(database.text(cities).await?, "7|Basel\n8|Riehen")?;
    workdir.write("sql/pipeline/fact_order.sql", dated.replace("\nat: sold", "\n# at: sold"))?;
    holds(
        &runs(&workdir, &database, &["plan", "--json"])?,
        "; without at, its rows see the current versions of dim_customer",
    )?;
    runs(&workdir, &database, &["--pipeline"])?;
    same(database.text(cities).await?, "7|Riehen\n8|Riehen")
}
