//! Who reads on PostgreSQL while the star is brought up to date or given other columns.

use std::time::Duration;

use sluice::pipeline::{self, Options};
use sluice::warehouse::{Scope, Transaction, connect};

use crate::support::{Outcome, TestDatabase, Workdir, address, cases, holds, same};

cases! {
    on_postgres:
        do_not_wait_for_a_run,
        do_not_wait_for_other_columns_until_the_end,
        in_the_way_are_waited_for_and_hold_up_nobody;
}

const CUSTOMER: &str = "/*\nkind: dimension\nkey: [customer]\nhistory: [city]\n*/\nselect customer, city";
const ORDERS: &str =
    "/*\nkind: fact\ngrain: [number]\ndimensions: {customer: dim_customer}\n*/\nselect number, customer, amount";
/// Its turn comes when everything else that can go before the end is done, and it waits there until the lock is given back.
const LAST: &str = "select cast(pg_advisory_xact_lock(7) as text) as waited";

/// A star of a dimension, a fact, a table and views over them, one of somebody else.
async fn star(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", format!("{CUSTOMER} from staging.customers"))?;
    workdir.write("sql/pipeline/fact_orders.sql", format!("{ORDERS} from staging.orders"))?;
    workdir.write(
        "sql/pipeline/sums.sql",
        "/* kind: table */ select customer, sum(amount) as amount from staging.orders group by customer",
    )?;
    workdir
        .write("sql/pipeline/totals.sql", "/* kind: view */ select sum(amount) as amount from datawarehouse.sums")?;
    workdir.load(database, "customers.csv", "customer,city\na,Bern\nb,Basel\n").await?;
    workdir.load(database, "orders.csv", "number,customer,amount\n1,a,10\n2,b,20\n").await?;
    pipeline::run(&workdir.app(database).workspace).await?;
    let mut own = database.warehouse.begin(Scope::Load).await?;
    let view = "create view datawarehouse.theirs as select f.number, c.city from datawarehouse.fact_orders as f \
                join datawarehouse.dim_customer as c using (dim_customer_key)";
    own.execute(&view.replace("using (dim_customer_key)", "on c.dim_customer_key = f.customer_key"), &[]).await?;
    own.commit().await?;
    workdir.load(database, "customers.csv", "customer,city\na,Chur\n").await?;
    workdir.load(database, "orders.csv", "number,customer,amount\n3,a,30\n").await.map(drop)
}

/// A run on connections of its own.
async fn start(
    database: &TestDatabase,
    workdir: &Workdir,
) -> anyhow::Result<tokio::task::JoinHandle<Result<pipeline::Report, pipeline::RunError>>> {
    let mut app = workdir.app(database);
    app.workspace.warehouse = connect(&address(&database.url)).await?;
    let options = Options { allow_drop: true, ..Options::default() };
    Ok(tokio::spawn(async move { pipeline::run_with(&app.workspace, &options).await }))
}

async fn ask(transaction: &mut Box<dyn Transaction>, sql: &str) -> anyhow::Result<String> {
    let rows = transaction.query(sql, &[]).await?;
    let lines =
        rows.iter().map(|row| row.iter().map(|cell| cell.clone().unwrap_or_default()).collect::<Vec<_>>().join("|"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Waits until the query gives a row.
async fn wait_for(database: &TestDatabase, sql: &str) -> anyhow::Result<()> {
    for _ in 0..600 {
        let mut transaction = database.warehouse.begin(Scope::Load).await?;
        if !ask(&mut transaction, sql).await?.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("this never gave a row: {sql}")
}

/// Holds a run up when it has done what comes before the end; gives what it has locked for itself alone by then, and lets it go on.
async fn held_up(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<String> {
    workdir.write("sql/pipeline/zz.sql", "/* kind: table */ select 'x' as waited")?;
    workdir.write("sql/pipeline/zz.postgres.sql", LAST)?;
    let mut gate = database.warehouse.begin(Scope::Load).await?;
    gate.execute("select pg_advisory_xact_lock(7)", &[]).await?;
    let running = start(database, workdir).await?;
    wait_for(database, "select 1 from pg_locks where locktype = 'advisory' and not granted").await?;
    let mut reader = database.warehouse.begin(Scope::Load).await?;
    let locks = "select c.relname::text from pg_locks as l join pg_class as c on c.oid = l.relation \
                 join pg_namespace as n on n.oid = c.relnamespace \
                 where l.mode = 'AccessExclusiveLock' and n.nspname in ('datawarehouse', 'staging') order by 1";
    let locked = ask(&mut reader, locks).await?;
    let old = "select (select count(*) from datawarehouse.theirs), (select amount from datawarehouse.totals)";
    reader.execute("set local lock_timeout = '5s'", &[]).await?;
    same(ask(&mut reader, old).await?, "2|30")?;
    reader.commit().await?;
    gate.commit().await?;
    running.await??;
    Ok(locked)
}

async fn do_not_wait_for_a_run(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&database, &workdir).await?;
    same(held_up(&database, &workdir).await?, "")?;
    same(
        database.text("select number, city from datawarehouse.theirs order by number").await?,
        "1|Chur\n2|Basel\n3|Chur",
    )?;
    same(database.text("select amount from datawarehouse.totals").await?, "60")
}

/// A dimension, a fact, a table and a view get other columns, and a view goes.
fn change(workdir: &Workdir) -> Outcome {
    let customer = CUSTOMER.replace("select customer, city", "select customer, city, upper(city) as big");
    workdir.write("sql/pipeline/dim_customer.sql", format!("{customer} from staging.customers"))?;
    let orders = ORDERS.replace(", amount", ", cast(amount as text) as amount, amount + 1 as more");
    workdir.write("sql/pipeline/fact_orders.sql", format!("{orders} from staging.orders"))?;
    workdir.write(
        "sql/pipeline/sums.sql",
        "/* kind: table */ select customer, sum(amount) as amount, count(*) as orders from staging.orders group by customer",
    )?;
    workdir.write(
        "sql/pipeline/totals.sql",
        "/* kind: view */ select sum(amount) as amount, sum(orders) as orders from datawarehouse.sums",
    )?;
    Ok(())
}

async fn do_not_wait_for_other_columns_until_the_end(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&database, &workdir).await?;
    change(&workdir)?;
    same(held_up(&database, &workdir).await?, "")?;
    let now = "select number, amount, more, c.big from datawarehouse.fact_orders as f \
               join datawarehouse.dim_customer as c on c.dim_customer_key = f.customer_key order by number";
    same(database.text(now).await?, "1|10|11|CHUR\n2|20|21|BASEL\n3|30|31|CHUR")?;
    same(database.text("select amount, orders from datawarehouse.totals").await?, "60|3")?;
    same(
        database.text("select number, city from datawarehouse.theirs order by number").await?,
        "1|Chur\n2|Basel\n3|Chur",
    )
}

async fn in_the_way_are_waited_for_and_hold_up_nobody(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&database, &workdir).await?;
    change(&workdir)?;
    let mut long = database.warehouse.begin(Scope::Load).await?;
    same(ask(&mut long, "select count(*) from datawarehouse.theirs").await?, "2")?;
    let running = start(&database, &workdir).await?;
    wait_for(&database, "select 1 from pg_stat_activity where query = 'rollback to savepoint alone'").await?;
    // The one in the way goes on to what the run wants to change as well, and others read what they like.
    same(ask(&mut long, "select amount from datawarehouse.totals").await?, "30")?;
    // Longer than five seconds, after which it is said who is waited for.
    for _ in 0..12 {
        let mut other = database.warehouse.begin(Scope::Load).await?;
        other.execute("set local lock_timeout = '5s'", &[]).await?;
        same(ask(&mut other, "select count(*), max(city) from datawarehouse.theirs").await?, "2|Bern")?;
        same(ask(&mut other, "select amount from datawarehouse.totals").await?, "30")?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    same(running.is_finished(), false)?;
    long.commit().await?;
    let report = running.await??;
    holds(&format!("{:?}", report.changes), "fact_orders")?;
    same(database.text("select amount, orders from datawarehouse.totals").await?, "60|3")
}
