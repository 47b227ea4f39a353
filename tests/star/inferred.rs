//! Members that facts make before their rows come: who makes them, who keeps them, and which keys they have.

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options};

use crate::support::star::{CUSTOMER, is_settled, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        one_run_settles_what_facts_infer,
        an_inferred_member_has_one_key,
        an_inferred_member_has_its_rows_key,
        who_makes_a_member_keeps_it,
        a_part_forgets_members_where_facts_are_still_to_come,
        rows_left_out_make_no_members,
        members_are_counted_at_the_end,
        versions_get_their_keys_back;
}

fn order(missing: &str, buyer: &str) -> String {
    format!(
        "/*\nkind: fact\ngrain: [order_id]\nat: day\ndimensions:\n  id: {{dimension: dim_customer, missing: \
         {missing}}}\n  buyer: {{dimension: dim_customer, missing: {buyer}}}\n*/\nselect order_id, id, buyer, day from staging.orders"
    )
}

async fn an_inferred_member_has_one_key(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "infer"))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    let orders = "order_id,id,buyer,day\n1,7,1,2024-01-02\n";
    let customer = "id,city,since\n7,Zug,2024-02-01\n";
    let seven = "select dim_customer_key, valid_from, is_inferred from datawarehouse.dim_customer where id = 7";
    // Made, forgotten, made, completed, taken back, completed again: always member 2.
    for _ in 0..2 {
        let load = workdir.load(&database, "orders.csv", orders).await?;
        run(&database, &workdir).await?;
        same(database.text(seven).await?, "2|0001-01-01|true")?;
        retract(&workdir.app(&database).loader, load.load_id, true).await?;
        run(&database, &workdir).await?;
        same(database.text(seven).await?, "")?;
    }
    let load = workdir.load(&database, "orders.csv", orders).await?;
    run(&database, &workdir).await?;
    for _ in 0..2 {
        let row = workdir.load(&database, "customers.csv", customer).await?;
        run(&database, &workdir).await?;
        same(database.text(seven).await?, "2|2024-02-01|false")?;
        retract(&workdir.app(&database).loader, row.load_id, true).await?;
        run(&database, &workdir).await?;
        same(database.text(seven).await?, "2|0001-01-01|true")?;
    }
    retract(&workdir.app(&database).loader, load.load_id, true).await?;
    workdir.load(&database, "customers.csv", customer).await?;
    run(&database, &workdir).await?;
    same(
        database.text("select id from datawarehouse.dim_customer where dim_customer_key <> 0 order by 1").await?,
        "1\n7",
    )
}

/// It was made and forgotten before its row came with another key: that one is the row's.
async fn an_inferred_member_has_its_rows_key(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "infer"))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    let orders = "order_id,id,buyer,day\n1,7,1,2024-01-02\n";
    let seven = "select dim_customer_key, valid_from, is_inferred from datawarehouse.dim_customer where id = 7";
    let early = workdir.load(&database, "orders.csv", orders).await?;
    run(&database, &workdir).await?;
    same(database.text(seven).await?, "2|0001-01-01|true")?;
    retract(&workdir.app(&database).loader, early.load_id, true).await?;
    run(&database, &workdir).await?;
    let customer = "id,city,since\n7,Zug,2024-02-01\n";
    let row = workdir.load(&database, "customers.csv", customer).await?;
    run(&database, &workdir).await?;
    same(database.text(seven).await?, "3|2024-02-01|false")?;
    workdir.load(&database, "orders.csv", orders).await?;
    retract(&workdir.app(&database).loader, row.load_id, true).await?;
    run(&database, &workdir).await?;
    same(database.text(seven).await?, "3|0001-01-01|true")?;
    workdir.load(&database, "customers.csv", customer).await?;
    run(&database, &workdir).await?;
    same(database.text(seven).await?, "3|2024-02-01|false")
}

/// A fact that only names it does not: it sees the unknown member again.
async fn who_makes_a_member_keeps_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_call.sql", order("unknown", "unknown").replace("orders", "calls"))?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "unknown"))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    workdir.load(&database, "calls.csv", "order_id,id,buyer,day\n1,7,8,2024-01-02\n").await?;
    let calls = "select id_key, buyer_key from datawarehouse.fact_call";
    let first = workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,7,1,2024-01-02\n").await?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n2,8,7,2024-01-02\n").await?;
    run(&database, &workdir).await?;
    same(database.text(calls).await?, "2|3")?;
    retract(&workdir.app(&database).loader, first.load_id, true).await?;
    run(&database, &workdir).await?;
    same(database.text(calls).await?, "0|3")?;
    same(database.text("select order_id, id_key, buyer_key from datawarehouse.fact_order").await?, "2|3|0")?;
    is_settled(&database, &workdir).await?;
    // Alone it cannot make members of a dimension that does not know of it.
    workdir.write("sql/pipeline/fact_order.sql", order("unknown", "unknown"))?;
    pipeline::run_with(&workdir.app(&database).workspace, &Options { allow_drop: true, ..Options::default() }).await?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "unknown"))?;
    let alone = Options { select: vec!["fact_order".to_owned()], ..Options::default() };
    let error = pipeline::run_with(&workdir.app(&database).workspace, &alone).await.unwrap_err().to_string();
    holds(
        &error,
        "dimensions: id: dim_customer was built without members that facts make: leave --select out, or say +fact_order",
    )
}

async fn a_part_forgets_members_where_facts_are_still_to_come(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("unknown", "unknown"))?;
    workdir.write("sql/pipeline/fact_sale.sql", order("unknown", "unknown"))?;
    let load = workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    workdir.load(&database, "customers.csv", "id,city,since\n2,Zug,2024-01-01\n").await?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,1,2,2024-01-02\n").await?;
    let part = Options { select: vec!["+fact_order".to_owned()], ..Options::default() };
    pipeline::run_with(&workdir.app(&database).workspace, &part).await?;
    retract(&workdir.app(&database).loader, load.load_id, true).await?;
    pipeline::run_with(&workdir.app(&database).workspace, &part).await?;
    same(database.text("select id_key, buyer_key from datawarehouse.fact_order").await?, "0|2")
}

async fn rows_left_out_make_no_members(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("reject", "infer"))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    // Order 1 makes 7, which lets order 2 in, which makes 8. Order 3 would have to make its own buyer; 4 and 5 each other's.
    let first = workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,1,7,2024-01-02\n").await?;
    workdir.load(&database, "orders.csv",
        "order_id,id,buyer,day\n2,7,8,2024-01-02\n3,9,9,2024-01-02\n4,8,5,2024-01-02\n5,5,8,2024-01-02\n6,7,7,2024-01-02\n").await?;
    run(&database, &workdir).await?;
    let orders = "select f.order_id, i.id, b.id from datawarehouse.fact_order f join datawarehouse.dim_customer i on \
     i.dim_customer_key = f.id_key join datawarehouse.dim_customer b on b.dim_customer_key = f.buyer_key order by 1";
    same(database.text(orders).await?, "1|1|7\n2|7|8\n4|8|5\n5|5|8\n6|7|7")?;
    is_settled(&database, &workdir).await?;
    // Without it none of them has who lets it in, though 5 and 8 are made by the orders that they let in.
    retract(&workdir.app(&database).loader, first.load_id, true).await?;
    run(&database, &workdir).await?;
    same(database.text(orders).await?, "")?;
    same(database.text("select id from datawarehouse.dim_customer where dim_customer_key <> 0").await?, "1")?;
    same(database.text("select count(*) from sluice.star_reject").await?, "5")?;
    is_settled(&database, &workdir).await?;
    workdir.load(&database, "customers.csv", "id,city,since\n5,Uri,2024-01-01\n").await?;
    run(&database, &workdir).await?;
    same(database.text(orders).await?, "4|8|5\n5|5|8")?;
    is_settled(&database, &workdir).await
}

async fn versions_get_their_keys_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "infer"))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,7,1,2024-06-02\n").await?;
    let versions =
        "select dim_customer_key, valid_from from datawarehouse.dim_customer where id = 7 order by valid_from";
    let customer = async |city: &str, since: &str| {
        let load = workdir.load(&database, "customers.csv", format!("id,city,since\n7,{city},{since}\n")).await?;
        run(&database, &workdir).await?;
        is_settled(&database, &workdir).await?;
        anyhow::Ok(load.load_id)
    };
    let go = async |loads: [i64; 2]| {
        for load in loads {
            retract(&workdir.app(&database).loader, load, true).await?;
        }
        run(&database, &workdir).await?;
        is_settled(&database, &workdir).await
    };
    let march = customer("Zug", "2024-03-01").await?;
    let may = customer("Genf", "2024-05-01").await?;
    same(database.text(versions).await?, "2|2024-03-01\n3|2024-05-01")?;
    go([march, may]).await?;
    same(database.text(versions).await?, "2|0001-01-01")?;
    // It is completed with its key whatever row comes first; what comes then has no key of its own any more.
    let may = customer("Genf", "2024-05-01").await?;
    same(database.text(versions).await?, "2|2024-05-01")?;
    let march = customer("Zug", "2024-03-01").await?;
    same(database.text(versions).await?, "4|2024-03-01\n2|2024-05-01")?;
    go([march, may]).await?;
    same(database.text(versions).await?, "4|0001-01-01")?;
    // An earlier version comes before it: the others have their own keys, and it has a new one.
    let rows = "id,city,since\n7,Uri,2024-01-01\n7,Zug,2024-03-01\n7,Genf,2024-05-01\n";
    workdir.load(&database, "customers.csv", rows).await?;
    run(&database, &workdir).await?;
    same(database.text(versions).await?, "5|2024-01-01\n4|2024-03-01\n2|2024-05-01")?;
    same(database.text("select id_key from datawarehouse.fact_order").await?, "2")
}

async fn one_run_settles_what_facts_infer(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir
        .write("sql/pipeline/dim_shop.sql", "/*\nkind: dimension\nkey: [shop]\n*/\nselect shop from staging.shops")?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "unknown"))?;
    // It makes shops and looks up customers, the visits the other way round: neither can come first.
    workdir.write(
        "sql/pipeline/fact_call.sql",
        "/*\nkind: fact\ngrain: [order_id]\ndimensions:\n  buyer: \
     dim_customer\n  shop: {dimension: dim_shop, missing: infer}\n*/\nselect order_id, buyer, shop from staging.orders",
    )?;
    workdir.write(
        "sql/pipeline/fact_visit.sql",
        "/*\nkind: fact\ngrain: [order_id]\ndimensions:\n  shop: \
     dim_shop\n  id: {dimension: dim_customer, missing: infer}\n*/\nselect order_id, shop, id from staging.orders",
    )?;
    workdir.write(
        "sql/pipeline/members.sql",
        "/* kind: table */ select count(*) - 1 as members from datawarehouse.dim_customer",
    )?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    workdir.load(&database, "shops.csv", "shop\ns1\n").await?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day,shop\n1,1,7,2024-01-02,s1\n").await?;
    run(&database, &workdir).await?;
    is_settled(&database, &workdir).await?;
    let seven = workdir.load(&database, "orders.csv", "order_id,id,buyer,day,shop\n2,7,1,2024-01-02,s2\n").await?;
    run(&database, &workdir).await?;
    let found = "select o.order_id, o.buyer_key, c.buyer_key, v.shop_key from datawarehouse.fact_order o join \
     datawarehouse.fact_call c on c.order_id = o.order_id join datawarehouse.fact_visit v on v.order_id = o.order_id order by 1";
    same(database.text(found).await?, "1|2|2|1\n2|1|1|2")?;
    same(database.text("select members from datawarehouse.members").await?, "2")?;
    is_settled(&database, &workdir).await?;
    // Nobody makes customer 7 any more.
    retract(&workdir.app(&database).loader, seven.load_id, true).await?;
    workdir.write(
        "sql/pipeline/fact_order.sql",
        order("infer", "unknown").replace("from staging.orders", "from staging.orders where buyer <> 7"),
    )?;
    workdir.write(
        "sql/pipeline/fact_call.sql",
        "/*\nkind: fact\ngrain: [order_id]\ndimensions:\n  shop: {dimension: \
     dim_shop, missing: infer}\n*/\nselect order_id, shop from staging.orders",
    )?;
    pipeline::run_with(&workdir.app(&database).workspace, &Options { allow_drop: true, ..Options::default() }).await?;
    same(database.text("select members from datawarehouse.members").await?, "1")?;
    is_settled(&database, &workdir).await
}

async fn members_are_counted_at_the_end(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "infer"))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n1,Thun,2024-02-01\n").await?;
    let orders = workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,7,8,2024-01-02\n").await?.load_id;
    let told = |changes: &[pipeline::TableChange]| (changes[0].rows, changes[0].members);
    same(told(&run(&database, &workdir).await?), (4, Some(3)))?;
    // Facts make some in a run without news of the dimension, and others go.
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n2,9,9,2024-01-02\n").await?;
    let changes = run(&database, &workdir).await?;
    same(told(&changes), (5, Some(4)))?;
    retract(&workdir.app(&database).loader, orders, true).await?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Chur,2024-03-01\n").await?;
    let changes = run(&database, &workdir).await?;
    same(told(&changes), (4, Some(2)))
}
