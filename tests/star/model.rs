//! What a header declares, kept right: versions, lookups as of a time, members that come late, checks, new loads alone.

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options, TableChange};

use crate::support::star::run;
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        versions_are_those_that_all_rows_give,
        the_row_of_the_newest_load_counts,
        a_fact_sees_the_version_of_its_time,
        a_member_that_a_whole_file_does_not_name_is_closed,
        an_upserted_member_keeps_its_past,
        inferred_members_are_completed,
        rejects_are_kept_until_their_member_comes,
        columns_and_arrays_become_rows,
        bridge_and_calendar,
        checks_hold_the_star_back,
        what_is_new_is_known,
        times_of_other_kinds_are_compared_alike,
        what_cannot_be_compared_is_refused,
        tables_without_a_file_are_dropped_by_name,
        a_dry_run_changes_nothing;
}

async fn run_fails(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<String> {
    match run(database, workdir).await {
        Ok(changes) => anyhow::bail!("it did not fail: {changes:?}"),
        Err(error) => Ok(error.to_string()),
    }
}

fn of<'a>(changes: &'a [TableChange], table: &str) -> &'a TableChange {
    changes.iter().find(|change| change.table == table).expect("it was built")
}

const CUSTOMER: &str = "/*
kind: dimension
key: [customer_id]
history: [city]
at: changed_on
unknown: {name: not given}
*/
select customer_id, name, city, changed_on from staging.customers";

const CUSTOMERS: &str = "select dim_customer_key, customer_id, name, city, valid_from, valid_to, is_current
    from datawarehouse.dim_customer where dim_customer_key <> 0 order by customer_id, valid_from";

async fn versions_are_those_that_all_rows_give(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir
        .load(
            &database,
            "customers.csv",
            "customer_id,name,city,changed_on\n1,Ann,Bern,2024-01-01\n2,Bob,,2024-01-01\n",
        )
        .await?;
    same(of(&run(&database, &workdir).await?, "dim_customer").inserted, 2)?;
    same(
        database
            .text("select name, city, is_current from datawarehouse.dim_customer where dim_customer_key = 0")
            .await?,
        "not given|∅|true",
    )?;
    // NULL to a value opens a version, another name does not, and is written into all of them.
    workdir
        .load(
            &database,
            "customers.csv",
            "customer_id,name,city,changed_on\n1,Anna,Bern,2024-02-01\n2,Bob,Genf,2024-02-01\n",
        )
        .await?;
    let changes = run(&database, &workdir).await?;
    let change = of(&changes, "dim_customer");
    same((change.inserted, change.new_versions, change.updated, change.deleted), (1, 1, 2, 0))?;
    same(change.how.as_str(), "1 load new")?;
    same(
        database.text(CUSTOMERS).await?,
        "1|1|Anna|Bern|2024-01-01|9999-12-31|true\n2|2|Bob|∅|2024-01-01|2024-02-01|false\n3|2|Bob|Genf|2024-02-01|9999-12-31|true",
    )?;
    // One that comes late splits the version it falls into.
    let late =
        workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n1,Ann,Zug,2024-01-15\n").await?;
    run(&database, &workdir).await?;
    let split = "1|1|Anna|Bern|2024-01-01|2024-01-15|false\n4|1|Anna|Zug|2024-01-15|2024-02-01|false\n\
     5|1|Anna|Bern|2024-02-01|9999-12-31|true\n\
                 2|2|Bob|∅|2024-01-01|2024-02-01|false\n3|2|Bob|Genf|2024-02-01|9999-12-31|true";
    same(database.text(CUSTOMERS).await?, split)?;
    same(of(&run(&database, &workdir).await?, "dim_customer").changed(), 0)?;
    // Taken back, it is as if it had never come; and when it comes again, its versions have the keys they had.
    retract(&workdir.app(&database).loader, late.load_id, true).await?;
    run(&database, &workdir).await?;
    same(
        database.text(CUSTOMERS).await?,
        "1|1|Anna|Bern|2024-01-01|9999-12-31|true\n2|2|Bob|∅|2024-01-01|2024-02-01|false\n3|2|Bob|Genf|2024-02-01|9999-12-31|true",
    )?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n1,Ann,Zug,2024-01-15\n").await?;
    run(&database, &workdir).await?;
    same(database.text(CUSTOMERS).await?, split)
}

async fn the_row_of_the_newest_load_counts(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/dim_sku.sql",
        "/*\nkind: dimension\nkey: [sku]\nat: _load_id\n*/ select sku, price from staging.products",
    )?;
    workdir.load(&database, "products.csv", "sku,price\na,1\nb,2\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "products.csv", "sku,price\na,3\na,4\n").await?;
    run(&database, &workdir).await?;
    same(
        database.text("select sku, price from datawarehouse.dim_sku where dim_sku_key <> 0 order by sku").await?,
        "a|4\nb|2",
    )
}

const ORDER: &str = "/*
kind: fact
grain: [order_id]
at: order_date
dimensions:
  customer_id: dim_customer
*/
select order_id, customer_id, order_date, amount from staging.orders where amount > 0";

const ORDERS: &str = "select f.order_id, d.customer_id, d.city, f.amount from datawarehouse.fact_order f
    join datawarehouse.dim_customer d on d.dim_customer_key = f.customer_id_key order by f.order_id";

async fn a_fact_sees_the_version_of_its_time(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", ORDER)?;
    workdir
        .load(
            &database,
            "customers.csv",
            "customer_id,name,city,changed_on\n1,Ann,Bern,2024-01-01\n1,Ann,Genf,2024-03-01\n",
        )
        .await?;
    workdir
        .load(
            &database,
            "orders.csv",
            "order_id,customer_id,order_date,amount\n1,1,2023-12-01,1\n2,1,2024-02-29,2\n3,1,2024-03-01,3\n\
             4,9,2024-03-01,4\n5,1,2024-03-02,0\n",
        )
        .await?;
    let changes = run(&database, &workdir).await?;
    let fact = of(&changes, "fact_order");
    same((fact.inserted, fact.filtered, fact.unknown.get("customer_id_key").copied()), (4, Some(1), Some(1)))?;
    same(database.text(ORDERS).await?, "1|1|Bern|1\n2|1|Bern|2\n3|1|Genf|3\n4|∅|∅|4")?;
    same(database.text("select _load_id, _line from datawarehouse.fact_order where order_id = 3").await?, "2|4")?;
    // A version that comes late takes over the facts of its time; a member that comes late gets those that waited for it.
    workdir
        .load(
            &database,
            "customers.csv",
            "customer_id,name,city,changed_on\n1,Ann,Zug,2024-02-15\n9,Zoe,Uri,2024-05-01\n",
        )
        .await?;
    let changes = run(&database, &workdir).await?;
    let fact = of(&changes, "fact_order");
    same((fact.how.as_str(), fact.repointed, fact.inserted, fact.deleted), ("rows whose members changed", 2, 0, 0))?;
    same(database.text(ORDERS).await?, "1|1|Bern|1\n2|1|Zug|2\n3|1|Genf|3\n4|9|Uri|4")?;
    same(
        database
            .text(
                "select count(*) from datawarehouse.fact_order f left join datawarehouse.dim_customer d on \
     d.dim_customer_key = f.customer_id_key where d.dim_customer_key is null",
            )
            .await?,
        "0",
    )
}

async fn a_member_that_a_whole_file_does_not_name_is_closed(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "customers",
        "name: customers\ncreator: us\nfiles: [customers*.csv]\ntable: customers\nmode: replace\n",
    )?;
    workdir
        .write("sql/pipeline/dim_customer.sql", CUSTOMER.replace("at: changed_on\n", "").replace(", changed_on", ""))?;
    let all = "select dim_customer_key, customer_id, name, city, is_current from datawarehouse.dim_customer where \
     dim_customer_key <> 0 order by 1";
    workdir.load(&database, "customers1.csv", "customer_id,name,city\n1,Ann,Bern\n2,Bob,Genf\n").await?;
    run(&database, &workdir).await?;
    same(database.text(all).await?, "1|1|Ann|Bern|true\n2|2|Bob|Genf|true")?;
    workdir.load(&database, "customers2.csv", "customer_id,name,city\n1,Ann,Zug\n").await?;
    let changes = run(&database, &workdir).await?;
    same((of(&changes, "dim_customer").closed, of(&changes, "dim_customer").new_versions), (1, 1))?;
    same(database.text(all).await?, "1|1|Ann|Bern|false\n2|2|Bob|Genf|false\n3|1|Ann|Zug|true")?;
    same(of(&run(&database, &workdir).await?, "dim_customer").changed(), 0)?;
    // It comes back under its natural key, with a version of its own.
    workdir.load(&database, "customers3.csv", "customer_id,name,city\n1,Ann,Zug\n2,Bob,Genf\n").await?;
    run(&database, &workdir).await?;
    same(database.text(all).await?, "1|1|Ann|Bern|false\n2|2|Bob|Genf|false\n3|1|Ann|Zug|true\n4|2|Bob|Genf|true")?;
    let overlaps = "select count(*) from datawarehouse.dim_customer a join datawarehouse.dim_customer b on \
     a.customer_id = b.customer_id and a.dim_customer_key < b.dim_customer_key and a.valid_from < b.valid_to and b.valid_from < a.valid_to";
    same(database.text(overlaps).await?, "0")
}

async fn an_upserted_member_keeps_its_past(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "customers",
        "name: customers\ncreator: us\nfiles: [customers*.csv]\ntable: customers\nmode: upsert\nkey: [customer_id]\n",
    )?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir
        .load(
            &database,
            "customers1.csv",
            "customer_id,name,city,changed_on\n1,Ann,Bern,2024-01-01\n2,Bob,Genf,2024-01-01\n",
        )
        .await?;
    run(&database, &workdir).await?;
    let second =
        workdir.load(&database, "customers2.csv", "customer_id,name,city,changed_on\n1,Anna,Zug,2024-02-01\n").await?;
    run(&database, &workdir).await?;
    same(
        database.text(CUSTOMERS).await?,
        "1|1|Anna|Bern|2024-01-01|2024-02-01|false\n3|1|Anna|Zug|2024-02-01|9999-12-31|true\n2|2|Bob|Genf|2024-01-01|9999-12-31|true",
    )?;
    retract(&workdir.app(&database).loader, second.load_id, true).await?;
    run(&database, &workdir).await?;
    same(
        database.text(CUSTOMERS).await?,
        "1|1|Ann|Bern|2024-01-01|9999-12-31|true\n2|2|Bob|Genf|2024-01-01|9999-12-31|true",
    )
}

async fn inferred_members_are_completed(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write(
        "sql/pipeline/fact_order.sql",
        ORDER.replace("dim_customer\n", "{dimension: dim_customer, missing: infer}\n"),
    )?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n1,Ann,Bern,2024-01-01\n").await?;
    let orders = workdir
        .load(
            &database,
            "orders.csv",
            "order_id,customer_id,order_date,amount\n1,7,2024-02-01,1\n2,5,2024-02-01,2\n3,,2024-02-01,3\n",
        )
        .await?;
    let changes = run(&database, &workdir).await?;
    same(of(&changes, "fact_order").inferred, 2)?;
    // The dimension that got them counts them, too.
    same(
        (of(&changes, "dim_customer").inferred, of(&changes, "dim_customer").remarks().contains("2 inferred")),
        (2, true),
    )?;
    let all = "select dim_customer_key, customer_id, city, valid_from, is_inferred from datawarehouse.dim_customer \
     where dim_customer_key <> 0 order by 1";
    same(database.text(all).await?, "1|1|Bern|2024-01-01|false\n2|5|∅|0001-01-01|true\n3|7|∅|0001-01-01|true")?;
    let facts = "select order_id, customer_id_key from datawarehouse.fact_order order by 1";
    same(database.text(facts).await?, "1|3\n2|2\n3|0")?;
    same(run(&database, &workdir).await?.iter().map(TableChange::changed).sum::<u64>(), 0)?;
    workdir
        .load(
            &database,
            "customers.csv",
            "customer_id,name,city,changed_on\n7,Zoe,Uri,2024-05-01\n7,Zoe,Zug,2024-06-01\n",
        )
        .await?;
    run(&database, &workdir).await?;
    same(
        database.text(all).await?,
        "1|1|Bern|2024-01-01|false\n2|5|∅|0001-01-01|true\n3|7|Uri|2024-05-01|false\n4|7|Zug|2024-06-01|false",
    )?;
    same(database.text(facts).await?, "1|3\n2|2\n3|0")?;
    // Those that nobody asks for any more go.
    retract(&workdir.app(&database).loader, orders.load_id, true).await?;
    run(&database, &workdir).await?;
    same(database.text("select count(*) from datawarehouse.dim_customer where is_inferred").await?, "0")?;
    same(database.text("select count(*) from datawarehouse.fact_order").await?, "0")
}

async fn rejects_are_kept_until_their_member_comes(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write(
        "sql/pipeline/fact_order.sql",
        ORDER.replace("dim_customer\n", "{dimension: dim_customer, missing: reject}\n"),
    )?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n1,Ann,Bern,2024-01-01\n").await?;
    workdir
        .load(
            &database,
            "orders.csv",
            "order_id,customer_id,order_date,amount\n1,1,2024-02-01,1\n2,5,2024-02-01,2\n3,,2024-02-01,3\n",
        )
        .await?;
    let changes = run(&database, &workdir).await?;
    same((of(&changes, "fact_order").rejected, of(&changes, "fact_order").rows), (1, 2))?;
    let rejects = "select fact, load_id, line, \"column\", value, reason from sluice.star_reject order by line";
    same(database.text(rejects).await?, "fact_order|2|3|customer_id|5|is no member of dim_customer")?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n5,Eve,Zug,2024-01-01\n").await?;
    let changes = run(&database, &workdir).await?;
    same((of(&changes, "fact_order").rejected, of(&changes, "fact_order").inserted), (0, 1))?;
    same(database.text(rejects).await?, "")?;
    same(database.text(ORDERS).await?, "1|1|Bern|1\n2|5|Zug|2\n3|∅|∅|3")
}

async fn columns_and_arrays_become_rows(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/flat.sql",
        "/*\nkind: table\nunpivot: {into: skill, columns: [s1..s3]}\n*/ select id, s1, s2, s3 from staging.lists",
    )?;
    workdir.write(
        "sql/pipeline/tags.sql",
        "/*\nkind: table\nexplode: {into: tag, column: tags}\ndistinct: true\n*/ select id, tags from staging.lists",
    )?;
    workdir
        .load(
            &database,
            "lists.csv",
            "id,s1,s2,s3,tags\n1,a, b ,,\"[\"\"x\"\",\"\"y\"\",\"\"x\"\",null]\"\n2,,,c,[]\n3,,,,\n",
        )
        .await?;
    run(&database, &workdir).await?;
    same(database.text("select id, skill from datawarehouse.flat order by id, skill").await?, "1|a\n1|b\n2|c")?;
    same(database.text("select id, tag from datawarehouse.tags order by id, tag").await?, "1|x\n1|y")?;
    workdir.load(&database, "lists.csv", "id,s1,s2,s3,tags\n4,,,,\"{\"\"k\"\":1}\"\n").await?;
    holds(
        &run_fails(&database, &workdir).await?,
        "sql/pipeline/tags.sql:3: explode: tags: \"{\\\"k\\\":1}\" is no JSON array (lists.csv line 2, load 2)",
    )
}

async fn bridge_and_calendar(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/dim_day.sql",
        "/*\nkind: calendar\nfrom: 2024-01-01\nto: 2024-12-31\nfiscal_year_starts: 7\n*/\n",
    )?;
    workdir.write(
        "sql/pipeline/dim_a.sql",
        "/*\nkind: dimension\nkey: [a]\ndistinct: true\n*/ select a from staging.pairs",
    )?;
    workdir.write(
        "sql/pipeline/dim_b.sql",
        "/*\nkind: dimension\nkey: [b]\ndistinct: true\n*/ select b from staging.pairs",
    )?;
    workdir.write(
        "sql/pipeline/bridge_ab.sql",
        "/*\nkind: bridge\ndimensions: {a: dim_a, b: dim_b}\nweight: \
     share\ngroup: [a]\n*/ select a, b, share from staging.pairs",
    )?;
    workdir.write(
        "sql/pipeline/fact_day.sql",
        "/*\nkind: fact\ngrain: [a, b]\ndimensions: {since: dim_day}\n*/ select a, b, since from staging.pairs",
    )?;
    workdir
        .load(&database, "pairs.csv", "a,b,share,since\n1,x,0.25,2024-02-29\n1,y,0.75,2025-01-01\n2,x,1,2024-07-01\n")
        .await?;
    run(&database, &workdir).await?;
    same(
        database
            .text("select a_key, b_key, share from datawarehouse.bridge_ab order by 1, 2")
            .await?
            .replace("1.00", "1"),
        "1|1|0.25\n1|2|0.75\n2|1|1",
    )?;
    same(
        database.text("select a, b, since_key from datawarehouse.fact_day order by 1, 2").await?,
        "1|x|20240229\n1|y|0\n2|x|20240701",
    )?;
    same(
        database
            .text(
                "select date, month_name, fiscal_year, fiscal_month, iso_week, is_weekend from \
         datawarehouse.dim_day where dim_day_key = 20240701",
            )
            .await?,
        "2024-07-01|July|2025|1|27|false",
    )?;
    workdir.load(&database, "pairs.csv", "a,b,share,since\n3,x,0.5,2024-02-29\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(
        &error,
        "bridge_ab.sql:4: checks: weight: the sum of share is 1: 1 at fault, \
         such as a = \"3\", weight = \"0.5\" (pairs.csv line 2, load 2)",
    )
}

async fn checks_hold_the_star_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    let checks = "checks:\n  not_null: [name]\n  accepted: {city: [Bern, Genf]}\n";
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER.replace("*/", &format!("{checks}*/")))?;
    let with = |checks: &str| ORDER.replace("*/", &format!("checks:\n{checks}*/"));
    workdir.write(
        "sql/pipeline/fact_order.sql",
        with(
            "  range: {amount: [1, 50]}\n  sql: select customer_id_key from \
     this group by customer_id_key having sum(amount) > 60\n",
        ),
    )?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n1,Ann,Bern,2024-01-01\n").await?;
    workdir.load(&database, "orders.csv", "order_id,customer_id,order_date,amount\n1,1,2024-02-01,40\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "orders.csv", "order_id,customer_id,order_date,amount\n2,1,2024-02-01,51\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(&error, "fact_order.sql:8: checks: range: amount: 1 to 50: 1 at fault, such as order_id = \"2\"")?;
    holds(&error, "orders.csv line 2, load 3)")?;
    holds(
        &error,
        "fact_order.sql:9: checks: sql: select customer_id_key from this group by customer_id_key having sum(amount) > \
         60: 1 at fault, such as customer_id_key = \"1\"",
    )?;
    same(database.text("select count(*) from datawarehouse.fact_order").await?, "1")?;
    workdir.write("sql/pipeline/fact_order.sql", with("  range: {amount: [1, 50]}\n  severity: warn\n"))?;
    let changes = run(&database, &workdir).await?;
    same(
        of(&changes, "fact_order").warnings.iter().map(|one| (one.check.clone(), one.rows)).collect::<Vec<_>>(),
        [("range: amount: 1 to 50".to_owned(), 1)],
    )?;
    // Each group has a severity of its own; a run that fails says what its errors are.
    let groups = |amount: u64, sql: &str| {
        with(&format!(
            "  - {{range: {{amount: [1, {amount}]}}, severity: warn}}\n  - sql: {sql}\n  - not_null: [amount]\n"
        ))
    };
    let (some, none) = ("select order_id from this where amount > 50", "select order_id from this where amount > 99");
    workdir.write("sql/pipeline/fact_order.sql", groups(50, some))?;
    let error = run_fails(&database, &workdir).await?;
    holds(&error, &format!("fact_order.sql:9: checks: sql: {some}: 1 at fault, such as order_id = \"2\""))?;
    same(error.contains("range"), false)?;
    workdir.write("sql/pipeline/fact_order.sql", groups(45, none))?;
    let changes = run(&database, &workdir).await?;
    same(
        of(&changes, "fact_order").warnings.iter().map(|one| (one.check.clone(), one.rows)).collect::<Vec<_>>(),
        [("range: amount: 1 to 45".to_owned(), 1)],
    )?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n2,,Zug,2024-01-01\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(&error, "dim_customer.sql:8: checks: not_null: name: 1 at fault")?;
    holds(&error, "dim_customer.sql:9: checks: accepted: city: 1 at fault")?;
    // A dimension's row, too, is traced to the line that it is from; of several, to that which it is like.
    same(error.matches("is_current = \"true\" (customers.csv line 2, load 4)").count(), 2)?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n2,Bob,Bern,2024-02-01\n").await?;
    holds(&run_fails(&database, &workdir).await?, "city = \"Zug\"")?;
    workdir.write("sql/pipeline/fact_order.sql", with("  not_null: [amuont]\n"))?;
    holds(&run_fails(&database, &workdir).await?, "did you mean amount?")
}

async fn what_is_new_is_known(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", ORDER)?;
    workdir.write(
        "sql/pipeline/totals.sql",
        "/* kind: table */ select customer_id_key, sum(amount) as amount from \
     datawarehouse.fact_order group by customer_id_key",
    )?;
    workdir.write(
        "sql/pipeline/recent.sql",
        "/* kind: view */ select order_id from datawarehouse.fact_order where amount > 1",
    )?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n1,Ann,Bern,2024-01-01\n").await?;
    let first =
        workdir.load(&database, "orders.csv", "order_id,customer_id,order_date,amount\n1,1,2024-02-01,1\n").await?;
    let how = |changes: &[TableChange]| {
        changes.iter().map(|one| format!("{}: {}", one.table, one.how)).collect::<Vec<_>>().join("\n")
    };
    same(
        how(&run(&database, &workdir).await?),
        "dim_customer: first build\nfact_order: first build\nrecent: first build\ntotals: first build",
    )?;
    same(
        how(&run(&database, &workdir).await?),
        "dim_customer: nothing new\nfact_order: nothing new\nrecent: nothing new\ntotals: nothing new",
    )?;
    workdir
        .load(&database, "orders.csv", "order_id,customer_id,order_date,amount\n2,1,2024-02-01,2\n3,1,2024-02-01,3\n")
        .await?;
    same(
        how(&run(&database, &workdir).await?),
        "dim_customer: nothing new\nfact_order: 1 load new\nrecent: nothing new\ntotals: compared whole: fact_order has changed",
    )?;
    same(database.text("select order_id from datawarehouse.recent order by 1").await?, "2\n3")?;
    same(database.text("select amount from datawarehouse.totals").await?, "6")?;
    retract(&workdir.app(&database).loader, first.load_id, true).await?;
    let changes = run(&database, &workdir).await?;
    same(
        (of(&changes, "fact_order").how.as_str(), of(&changes, "fact_order").deleted, of(&changes, "fact_order").rows),
        ("1 load gone", 1, 2),
    )?;
    same(database.text("select amount from datawarehouse.totals").await?, "5")?;
    // The same grain out of another file is an error, and the star stays.
    workdir
        .load(&database, "orders.csv", "order_id,customer_id,order_date,amount\n9,1,2024-02-01,1\n2,1,2024-02-02,7\n")
        .await?;
    holds(
        &run_fails(&database, &workdir).await?,
        "grain: several rows of the select have the same order_id: order_id = \"2\" (2 rows: orders.csv line 3, load \
         4; orders.csv line 2, load 3, in the table already)",
    )?;
    same(database.text("select count(*) from datawarehouse.fact_order").await?, "2")
}

async fn times_of_other_kinds_are_compared_alike(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/dim_c.sql",
        "/*\nkind: dimension\nkey: id\nhistory: city\nat: since\n*/ select id, city, since from staging.c",
    )?;
    let fact = |at: &str| {
        format!(
            "/*\nkind: fact\ngrain: [oid]\nat: {at}\ndimensions: {{cid: dim_c}}\n*/ select oid, cid, {at} from staging.f"
        )
    };
    workdir.write("sql/pipeline/fact_d.sql", fact("d"))?;
    workdir.write("sql/pipeline/fact_t.sql", fact("t"))?;
    workdir.load(&database, "c.csv", "id,city,since\n1,Bern,2024-01-01 00:00:00\n1,Zug,2024-02-10 00:00:00\n").await?;
    workdir
        .load(
            &database,
            "f.csv",
            "oid,cid,d,t\n1,1,2024-02-10,2024-02-10T00:00:00Z\n2,1,2024-02-09,2024-02-09T23:59:59Z\n",
        )
        .await?;
    run(&database, &workdir).await?;
    for fact in ["fact_d", "fact_t"] {
        let cities = format!(
            "select f.oid, d.city from datawarehouse.{fact} f join datawarehouse.dim_c d on d.dim_c_key = f.cid_key order by 1"
        );
        same(database.text(&cities).await?, "1|Zug\n2|Bern")?;
    }
    Ok(())
}

async fn what_cannot_be_compared_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "x.csv", "id,name,day,code\n1,Ann,2024-01-01,1.0\n2,Bob,2024-01-02,1.00\n").await?;
    workdir.load(&database, "f.csv", "oid,t\n1,2024-01-01 00:00:00\n").await?;
    let head = |words: &str, columns: &str| format!("/*\nkind: dimension\n{words}\n*/ select {columns} from staging.x");
    for (words, columns, expected) in [
        ("key: id\nhistory: name\nat: name", "id, name", "stands in history, too"),
        ("key: day\nhistory: id\nat: name", "id, name, day", "at: name is text: it must be a date or a timestamp"),
        ("key: id", "id, day as valid_from", "valid_from is a name of the dimension's own columns"),
        ("key: id\nunknown: {day: not-a-date}", "id, day", "unknown: day: 'not-a-date' is not a date"),
        ("key: id\nchecks: {range: {day: [1, x]}}", "id, day", "checks: range: day: '1' is not a date"),
        (
            "key: id\nchecks: {range: {name: [1, 5]}}",
            "id, name",
            "dim_x.sql:4: checks: range: name: '1' to '5': 2 at fault",
        ),
    ] {
        workdir.write("sql/pipeline/dim_x.sql", head(words, columns))?;
        holds(&run_fails(&database, &workdir).await?, expected)?;
    }
    workdir.write("sql/pipeline/dim_x.sql", head("key: day", "day"))?;
    workdir.write(
        "sql/pipeline/fact_f.sql",
        "/*\nkind: fact\ngrain: oid\ndimensions: {t: dim_x}\n*/ select oid, t from staging.f",
    )?;
    holds(&run_fails(&database, &workdir).await?, "dim_x knows its members by day, which is date: cast one of them")
}

async fn tables_without_a_file_are_dropped_by_name(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/one.sql", "/* kind: table */ select name, city from staging.customers")?;
    workdir.write("sql/pipeline/two.sql", "/* kind: view */ select name, city from datawarehouse.one")?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n1,Ann,Bern,2024-01-01\n").await?;
    run(&database, &workdir).await?;
    let drop = Options { allow_drop: true, ..Options::default() };
    let app = workdir.app(&database);
    // A view of the star gives way to what its file says now.
    workdir.write("sql/pipeline/one.sql", "/* kind: table */ select name, city as town from staging.customers")?;
    workdir.write("sql/pipeline/two.sql", "/* kind: view */ select name, town from datawarehouse.one")?;
    pipeline::run_with(&app.workspace, &drop).await?;
    same(database.text("select town from datawarehouse.two").await?, "Bern")?;
    // A fact goes before its dimension, whatever they are called.
    workdir
        .write("sql/pipeline/zone.sql", "/* {kind: dimension, key: [city]} */ select city from staging.customers")?;
    let fact = "/* {kind: fact, grain: [name], dimensions: {city: zone}} */ select name, city from staging.customers";
    workdir.write("sql/pipeline/buys.sql", fact)?;
    pipeline::run_with(&app.workspace, &drop).await?;
    for name in ["one", "two", "zone", "buys"] {
        std::fs::remove_file(workdir.path(&format!("sql/pipeline/{name}.sql")))?;
    }
    let changes = pipeline::run_with(&app.workspace, &drop).await?.changes;
    let dropped = of(&changes, "one");
    same((dropped.deleted, dropped.how.as_str()), (1, "dropped: sql/pipeline has no file for it any more"))?;
    same(of(&changes, "two").kind, "view")?;
    // The members' names cannot be others.
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER.replace("key: [customer_id]", "key: [name]"))?;
    holds(&run_fails(&database, &workdir).await?, "key: it was (customer_id) and is (name)")
}

async fn a_dry_run_changes_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.load(&database, "customers.csv", "customer_id,name,city,changed_on\n1,Ann,Bern,2024-01-01\n").await?;
    let dry = Options { dry: true, ..Options::default() };
    let app = workdir.app(&database);
    let report = pipeline::run_with(&app.workspace, &dry).await?;
    same(of(&report.changes, "dim_customer").inserted, 1)?;
    same(report.sql.iter().any(|sql| sql.starts_with("create table")), true)?;
    same(database.text("select count(*) from sluice.run").await?, "0")?;
    same(of(&run(&database, &workdir).await?, "dim_customer").inserted, 1)?;
    let some = Options { select: vec!["dim_costumer".to_owned()], ..Options::default() };
    holds(&pipeline::run_with(&app.workspace, &some).await.unwrap_err().to_string(), "did you mean dim_customer?")
}
