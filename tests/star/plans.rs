//! How SQLite would run a star's statements: none reads a whole table for each row of another, or a run holds the database's one
//! write lock for minutes.

use sluice::load::retract::retract;
use sluice::pipeline::{Options, run_with};
use sluice::warehouse::Scope;

use crate::support::star::{CUSTOMER, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_sqlite:
        no_statement_of_a_run_reads_a_table_for_each_row;
}

const ITEM: &str = "/*\nkind: dimension\nkey: [item]\n*/\nselect item, colour from staging.items";

const SHELF: &str = "/*\nkind: dimension\nkey: [shelf]\nhistory: [place]\n*/\nselect shelf, place from staging.shelves";

const KIND: &str = "/*\nkind: dimension\nkey: [colour]\nhistory: [pieces]\n*/\n\
                    select colour, count(*) as pieces from staging.items group by colour";

const ORDERED: &str = "/*\nkind: fact\ngrain: [order_id]\nat: day\ndimensions:\n  id: {dimension: dim_customer, missing: infer}\n  \
                       item: {dimension: dim_item, missing: infer}\n  shelf: {dimension: dim_shelf, missing: reject}\n*/\n\
                       select order_id, id, item, shelf, day from staging.orders";

const SOLD: &str = "/*\nkind: fact\ngrain: [item, day]\ndimensions:\n  item: dim_item\n*/\n\
                    select item, day, count(*) as pieces from staging.orders group by item, day";

const PLACED: &str = "/*\nkind: fact\ngrain: [day, item, id]\nat: day\ndimensions:\n  item: dim_item\n  id: dim_customer\n  \
                      shelf: {dimension: dim_shelf, missing: reject}\n*/\nselect order_id, id, item, shelf, day from staging.orders";

const ONCE: &str = "/*\nkind: fact\ngrain: [item, id]\nat: day\ndimensions:\n  item: {dimension: dim_item, missing: infer}\n  \
                    id: dim_customer\n*/\nselect order_id, id, item, day from staging.orders";

async fn no_statement_of_a_run_reads_a_table_for_each_row(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, text) in [
        ("dim_customer", CUSTOMER),
        ("dim_item", ITEM),
        ("dim_shelf", SHELF),
        ("dim_kind", KIND),
        ("fact_ordered", ORDERED),
        ("fact_sold", SOLD),
        ("fact_placed", PLACED),
        ("fact_once", ONCE),
        ("order_copy", "/* kind: table */ select order_id, day from staging.orders"),
    ] {
        workdir.write(&format!("sql/pipeline/{name}.sql"), text)?;
    }
    workdir.plugin("shelves", "name: shelves\nfiles: [\"shelves*\"]\ntable: shelves\nmode: upsert\nkey: [shelf]\n")?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n2,Zug,2024-01-01\n").await?;
    workdir.load(&database, "items.csv", "item,colour\na,red\nb,blue\n").await?;
    workdir.load(&database, "shelves.1.csv", "shelf,place\ns,cellar\nt,attic\n").await?;
    workdir
        .load(&database, "orders.csv", "order_id,id,item,shelf,day\n1,1,a,s,2024-01-02\n2,7,z,x,2024-01-03\n")
        .await?;
    is_not_quadratic(&database, &workdir).await?;
    run(&database, &workdir).await?;
    // New members, versions, rows, and what is to be looked up again.
    workdir.load(&database, "customers.csv", "id,city,since\n1,Thun,2024-03-01\n7,Chur,2024-01-01\n").await?;
    let items = workdir.load(&database, "items.csv", "item,colour\nc,red\nz,blue\n").await?;
    workdir.load(&database, "shelves.2.csv", "shelf,place\ns,attic\nx,cellar\n").await?;
    let orders = "order_id,id,item,shelf,day\n3,8,y,t,2024-01-04\n4,1,b,t,2024-04-01\n5,9,a,y,2024-04-01\n";
    let orders = workdir.load(&database, "orders.csv", orders).await?;
    is_not_quadratic(&database, &workdir).await?;
    run(&database, &workdir).await?;
    // Members that nothing needs any more, and rows that go.
    retract(&workdir.app(&database).loader, orders.load_id, true).await?;
    retract(&workdir.app(&database).loader, items.load_id, true).await?;
    is_not_quadratic(&database, &workdir).await?;
    run(&database, &workdir).await?;
    let full = Options { full: true, ..Options::default() };
    has_no_scan_for_each_row(&database, &workdir, full).await
}

async fn is_not_quadratic(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    has_no_scan_for_each_row(database, workdir, Options::default()).await
}

/// Runs the statements of a dry run one by one, and has each explained before.
async fn has_no_scan_for_each_row(database: &TestDatabase, workdir: &Workdir, options: Options) -> Outcome {
    let statements = run_with(&workdir.app(database).workspace, &Options { dry: true, ..options }).await?.sql;
    let mut transaction = database.warehouse.begin(Scope::Star).await?;
    let (mut scans, mut explained) = (Vec::new(), 0);
    for statement in &statements {
        let steps = transaction.query(&format!("explain query plan {statement}"), &[]).await?;
        explained += usize::from(!steps.is_empty());
        let mut for_each_row = Vec::new();
        for step in steps {
            let [id, parent, _, what] = step.try_into().map_err(|step| anyhow::anyhow!("{step:?}"))?;
            let what = what.unwrap_or_default();
            let is_scan = what.starts_with("SCAN ") && what != "SCAN CONSTANT ROW";
            let is_once = ["LIST SUBQUERY", "SCALAR SUBQUERY", "MATERIALIZE"].iter().any(|word| what.starts_with(word));
            if !is_once && (for_each_row.contains(&parent) || what.starts_with("CORRELATED")) {
                for_each_row.push(id);
                scans.extend(is_scan.then(|| format!("{what}: {statement}")));
            }
        }
        transaction.execute(statement, &[]).await?;
    }
    assert!(explained > 10, "{explained} of {} statements have a plan", statements.len());
    same(scans, Vec::<String>::new())
}
