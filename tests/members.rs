//! Members that come late, go and come back, and what looks at them meanwhile: each case was a fault that random sequences showed.

use libtest_mimic::Trial;
use sluice::pipeline::{self, Options, TableChange};
use sluice::retract::retract;

use crate::support::{Outcome, TestDatabase, Workdir, holds, on_both, same};

pub fn cases() -> Vec<Trial> {
    [
        on_both("members::a_row_is_one_reject_whatever_it_lacks", a_row_is_one_reject_whatever_it_lacks),
        on_both("members::one_run_settles_what_facts_infer", one_run_settles_what_facts_infer),
        on_both("members::an_inferred_member_has_one_key", an_inferred_member_has_one_key),
        on_both("members::an_inferred_member_has_its_rows_key", an_inferred_member_has_its_rows_key),
        on_both("members::who_makes_a_member_keeps_it", who_makes_a_member_keeps_it),
        on_both("members::a_part_forgets_members_where_facts_are_still_to_come", a_part_forgets_members),
        on_both("members::rows_left_out_make_no_members", rows_left_out_make_no_members),
        on_both("members::versions_get_their_keys_back", versions_get_their_keys_back),
        on_both(
            "members::a_replacing_file_taken_back_gives_the_past_back",
            a_replacing_file_taken_back_gives_the_past_back,
        ),
        on_both("members::a_key_widens_and_members_keep_theirs", a_key_widens_and_members_keep_theirs),
        on_both("members::history_begins_after_members_went", history_begins_after_members_went),
        on_both("members::decimals_are_known_by_their_value", decimals_are_known_by_their_value),
        on_both("members::a_time_widens_and_versions_stay", a_time_widens_and_versions_stay),
        on_both("members::what_is_remembered_takes_new_columns", what_is_remembered_takes_new_columns),
        on_both("members::a_fact_is_built_alone", a_fact_is_built_alone),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn run(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<Vec<TableChange>> {
    Ok(pipeline::run(&workdir.app(database)).await?)
}

/// A second run has nothing to do.
async fn is_settled(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    let changes = run(database, workdir).await?;
    same(changes.iter().filter(|change| change.how != "nothing new").collect::<Vec<_>>(), Vec::<&TableChange>::new())
}

const CUSTOMER: &str = "/*
kind: dimension
key: [id]
history: [city]
at: since
*/
select id, city, since from staging.customers";

const CUSTOMERS: &str = "select dim_customer_key, id, city, valid_from from datawarehouse.dim_customer where dim_customer_key <> 0 order by id, valid_from";

fn order(missing: &str, buyer: &str) -> String {
    format!(
        "/*\nkind: fact\ngrain: [order_id]\nat: day\ndimensions:\n  id: {{dimension: dim_customer, missing: {missing}}}\n  buyer: {{dimension: dim_customer, missing: {buyer}}}\n*/\nselect order_id, id, buyer, day from staging.orders"
    )
}

async fn a_row_is_one_reject_whatever_it_lacks(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("reject", "reject"))?;
    workdir.write("sql/pipeline/fact_word.sql", "/*\nkind: fact\ngrain: [order_id, word]\nunpivot: {into: word, columns: [w1, w2]}\ndimensions:\n  id: {dimension: dim_customer, missing: reject}\n*/\nselect order_id, id, w1, w2 from staging.orders")?;
    workdir.write("sql/pipeline/bridge_pair.sql", "/*\nkind: bridge\ndistinct: true\ndimensions:\n  id: {dimension: dim_customer, missing: reject}\n  buyer: {dimension: dim_customer, missing: reject}\n*/\nselect id, buyer from staging.orders")?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    workdir
        .load(
            &database,
            "orders.csv",
            "order_id,id,buyer,day,w1,w2\n1,8,9,2024-01-02,a,b\n2,1,9,2024-01-02,c,d\n3,1,1,2024-01-02,e,\n",
        )
        .await?;
    let changes = run(&database, &workdir).await?;
    let counts: Vec<_> = changes.iter().map(|one| (one.table.as_str(), one.rows, one.rejected)).collect();
    same(counts, [("dim_customer", 1, 0), ("bridge_pair", 1, 2), ("fact_order", 1, 2), ("fact_word", 3, 2)])?;
    same(
        database.text("select fact, line, \"column\", value from sluice.star_reject order by 1, 2, 3, 4").await?,
        "bridge_pair|∅|buyer|9\nbridge_pair|∅|id|8\nfact_order|2|id|8\nfact_order|3|buyer|9\nfact_word|2|id|8\nfact_word|2|id|8",
    )
}

async fn one_run_settles_what_facts_infer(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir
        .write("sql/pipeline/dim_shop.sql", "/*\nkind: dimension\nkey: [shop]\n*/\nselect shop from staging.shops")?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "unknown"))?;
    // It makes shops and looks up customers, the visits the other way round: neither can come first.
    workdir.write("sql/pipeline/fact_call.sql", "/*\nkind: fact\ngrain: [order_id]\ndimensions:\n  buyer: dim_customer\n  shop: {dimension: dim_shop, missing: infer}\n*/\nselect order_id, buyer, shop from staging.orders")?;
    workdir.write("sql/pipeline/fact_visit.sql", "/*\nkind: fact\ngrain: [order_id]\ndimensions:\n  shop: dim_shop\n  id: {dimension: dim_customer, missing: infer}\n*/\nselect order_id, shop, id from staging.orders")?;
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
    let found = "select o.order_id, o.buyer_key, c.buyer_key, v.shop_key from datawarehouse.fact_order o join datawarehouse.fact_call c on c.order_id = o.order_id join datawarehouse.fact_visit v on v.order_id = o.order_id order by 1";
    same(database.text(found).await?, "1|2|2|1\n2|1|1|2")?;
    same(database.text("select members from datawarehouse.members").await?, "2")?;
    is_settled(&database, &workdir).await?;
    // Nobody makes customer 7 any more.
    retract(&workdir.app(&database), seven.load_id, true).await?;
    workdir.write(
        "sql/pipeline/fact_order.sql",
        order("infer", "unknown").replace("from staging.orders", "from staging.orders where buyer <> 7"),
    )?;
    workdir.write("sql/pipeline/fact_call.sql", "/*\nkind: fact\ngrain: [order_id]\ndimensions:\n  shop: {dimension: dim_shop, missing: infer}\n*/\nselect order_id, shop from staging.orders")?;
    pipeline::run_with(&workdir.app(&database), &Options { allow_drop: true, ..Options::default() }).await?;
    same(database.text("select members from datawarehouse.members").await?, "1")?;
    is_settled(&database, &workdir).await
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
        retract(&workdir.app(&database), load.load_id, true).await?;
        run(&database, &workdir).await?;
        same(database.text(seven).await?, "")?;
    }
    let load = workdir.load(&database, "orders.csv", orders).await?;
    run(&database, &workdir).await?;
    for _ in 0..2 {
        let row = workdir.load(&database, "customers.csv", customer).await?;
        run(&database, &workdir).await?;
        same(database.text(seven).await?, "2|2024-02-01|false")?;
        retract(&workdir.app(&database), row.load_id, true).await?;
        run(&database, &workdir).await?;
        same(database.text(seven).await?, "2|0001-01-01|true")?;
    }
    retract(&workdir.app(&database), load.load_id, true).await?;
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
    retract(&workdir.app(&database), early.load_id, true).await?;
    run(&database, &workdir).await?;
    let customer = "id,city,since\n7,Zug,2024-02-01\n";
    let row = workdir.load(&database, "customers.csv", customer).await?;
    run(&database, &workdir).await?;
    same(database.text(seven).await?, "3|2024-02-01|false")?;
    workdir.load(&database, "orders.csv", orders).await?;
    retract(&workdir.app(&database), row.load_id, true).await?;
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
    retract(&workdir.app(&database), first.load_id, true).await?;
    run(&database, &workdir).await?;
    same(database.text(calls).await?, "0|3")?;
    same(database.text("select order_id, id_key, buyer_key from datawarehouse.fact_order").await?, "2|3|0")?;
    is_settled(&database, &workdir).await?;
    // Alone it cannot make members of a dimension that does not know of it.
    workdir.write("sql/pipeline/fact_order.sql", order("unknown", "unknown"))?;
    pipeline::run_with(&workdir.app(&database), &Options { allow_drop: true, ..Options::default() }).await?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "unknown"))?;
    let alone = Options { select: vec!["fact_order".to_owned()], ..Options::default() };
    let error = pipeline::run_with(&workdir.app(&database), &alone).await.unwrap_err().to_string();
    holds(
        &error,
        "dimensions: id: dim_customer was built without members that facts make: leave --select out, or say +fact_order",
    )
}

async fn a_part_forgets_members(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("unknown", "unknown"))?;
    workdir.write("sql/pipeline/fact_sale.sql", order("unknown", "unknown"))?;
    let load = workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    workdir.load(&database, "customers.csv", "id,city,since\n2,Zug,2024-01-01\n").await?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,1,2,2024-01-02\n").await?;
    let part = Options { select: vec!["+fact_order".to_owned()], ..Options::default() };
    pipeline::run_with(&workdir.app(&database), &part).await?;
    retract(&workdir.app(&database), load.load_id, true).await?;
    pipeline::run_with(&workdir.app(&database), &part).await?;
    same(database.text("select id_key, buyer_key from datawarehouse.fact_order").await?, "0|2")
}

async fn rows_left_out_make_no_members(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("reject", "infer"))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    // Order 1 makes 7, which lets order 2 in, which makes 8. Order 3 would have to make its own buyer; 4 and 5 each other's.
    let first = workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,1,7,2024-01-02\n").await?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n2,7,8,2024-01-02\n3,9,9,2024-01-02\n4,8,5,2024-01-02\n5,5,8,2024-01-02\n6,7,7,2024-01-02\n").await?;
    run(&database, &workdir).await?;
    let orders = "select f.order_id, i.id, b.id from datawarehouse.fact_order f join datawarehouse.dim_customer i on i.dim_customer_key = f.id_key join datawarehouse.dim_customer b on b.dim_customer_key = f.buyer_key order by 1";
    same(database.text(orders).await?, "1|1|7\n2|7|8\n4|8|5\n5|5|8\n6|7|7")?;
    is_settled(&database, &workdir).await?;
    // Without it none of them has who lets it in, though 5 and 8 are made by the orders that they let in.
    retract(&workdir.app(&database), first.load_id, true).await?;
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
            retract(&workdir.app(&database), load, true).await?;
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

async fn a_replacing_file_taken_back_gives_the_past_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "customers",
        "name: customers\ncreator: us\nfiles: [customers*.csv]\ntable: customers\nmode: replace\n",
    )?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER.replace("at: since\n", "").replace(", since", ""))?;
    let all = "select dim_customer_key, id, city, is_current from datawarehouse.dim_customer where dim_customer_key <> 0 order by 1";
    workdir.load(&database, "customers1.csv", "id,city\n1,Bern\n2,Genf\n").await?;
    run(&database, &workdir).await?;
    let second = workdir.load(&database, "customers2.csv", "id,city\n1,Zug\n").await?;
    run(&database, &workdir).await?;
    same(database.text(all).await?, "1|1|Bern|false\n2|2|Genf|false\n3|1|Zug|true")?;
    retract(&workdir.app(&database), second.load_id, true).await?;
    run(&database, &workdir).await?;
    same(database.text(all).await?, "1|1|Bern|true\n2|2|Genf|true")?;
    is_settled(&database, &workdir).await
}

async fn a_key_widens_and_members_keep_theirs(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    let rows = "id,city,since\n2,Zug,2024-01-01\n";
    let second = workdir.load(&database, "customers.csv", rows).await?;
    run(&database, &workdir).await?;
    retract(&workdir.app(&database), second.load_id, true).await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "customers.csv", "id,city,since\nX3,Uri,2024-01-01\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "customers.csv", rows).await?;
    run(&database, &workdir).await?;
    same(database.text(CUSTOMERS).await?, "1|1|Bern|2024-01-01\n2|2|Zug|2024-01-01\n3|X3|Uri|2024-01-01")
}

async fn decimals_are_known_by_their_value(database: TestDatabase, workdir: Workdir) -> Outcome {
    let dimension = |words: &str| {
        format!("/*\nkind: dimension\nkey: [rate]\n{words}*/\nselect rate, label, since from staging.rates")
    };
    let fact = |missing: &str| {
        format!(
            "/*\nkind: fact\ngrain: [id]\ndimensions:\n  rate: {{dimension: dim_rate, missing: {missing}}}\n  other: dim_rate\n*/\nselect id, rate, other from staging.sales"
        )
    };
    workdir.write("sql/pipeline/dim_rate.sql", dimension("history: [label]\nat: since\n"))?;
    workdir.write("sql/pipeline/fact_sale.sql", fact("infer"))?;
    let rates = async |rows: &str| workdir.load(&database, "rates.csv", format!("rate,label,since\n{rows}\n")).await;
    let sales = async |rows: &str| workdir.load(&database, "sales.csv", format!("id,rate,other\n{rows}\n")).await;
    rates("3,c,2024-01-01\n20,d,2024-01-01").await?;
    sales("1,20,3").await?;
    run(&database, &workdir).await?;
    // Whole numbers at first; then files with fractions, each of its own scale.
    rates("1.50,a,2024-01-01\n3.00,x,2024-02-01\n100,e,2024-01-01").await?;
    sales("2,1.500,3.0\n3,7.250,20\n4,7.25,1.5").await?;
    run(&database, &workdir).await?;
    is_settled(&database, &workdir).await?;
    let members = "select dim_rate_key, rate, label, is_inferred from datawarehouse.dim_rate where dim_rate_key <> 0 order by dim_rate_key";
    same(
        database.text(members).await?,
        "1|3|c|false\n2|20|d|false\n3|1.5|a|false\n4|100|e|false\n5|3|x|false\n6|7.25|∅|true",
    )?;
    let facts = "select id, rate_key, other_key from datawarehouse.fact_sale order by id";
    same(database.text(facts).await?, "1|2|5\n2|3|5\n3|6|2\n4|6|3")?;
    let completed = rates("7.2500,g,2024-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text("select rate, label from datawarehouse.dim_rate where dim_rate_key = 6").await?, "7.25|g")?;
    retract(&workdir.app(&database), completed.load_id, true).await?;
    workdir.write("sql/pipeline/fact_sale.sql", fact("reject"))?;
    let allowed = Options { allow_drop: true, ..Options::default() };
    pipeline::run_with(&workdir.app(&database), &allowed).await?;
    same(database.text("select line, value from sluice.star_reject order by line").await?, "3|7.250\n4|7.25")?;
    // Two spellings in one load are one member, too.
    workdir.write("sql/pipeline/dim_rate.sql", dimension(""))?;
    rates("1.5,a,2024-01-01").await?;
    let error = pipeline::run_with(&workdir.app(&database), &allowed).await.unwrap_err().to_string();
    holds(&error, "key: several rows of the select have the same rate: rate = \"3\" (2 rows)")?;
    // Of a fraction no member with a whole key can be made.
    workdir.write(
        "sql/pipeline/dim_rate.sql",
        dimension("at: since\n").replace("select rate", "select cast(rate as bigint) as rate"),
    )?;
    workdir.write("sql/pipeline/fact_sale.sql", fact("infer"))?;
    let error = pipeline::run_with(&workdir.app(&database), &allowed).await.unwrap_err().to_string();
    holds(&error, "fact_sale.sql:4: dimensions: rate is numeric")?;
    holds(&error, "cast one of them in its select")
}

async fn history_begins_after_members_went(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER.replace("history: [city]\n", ""))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    let second = workdir.load(&database, "customers.csv", "id,city,since\n2,Zug,2024-01-01\n").await?;
    run(&database, &workdir).await?;
    retract(&workdir.app(&database), second.load_id, true).await?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "infer"))?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,1,7,2024-01-02\n").await?;
    run(&database, &workdir).await?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Genf,2024-02-01\n").await?;
    pipeline::run_with(&workdir.app(&database), &Options { allow_drop: true, ..Options::default() }).await?;
    same(database.text(CUSTOMERS).await?, "1|1|Bern|2024-01-01\n4|1|Genf|2024-02-01\n3|7|∅|0001-01-01")?;
    is_settled(&database, &workdir).await
}

async fn a_time_widens_and_versions_stay(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n1,Zug,2024-02-01\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Uri,2024-02-01 10:00:00\n").await?;
    // Days and times together are text in staging, which says nothing of when.
    let error = run(&database, &workdir).await.unwrap_err().to_string();
    holds(&error, "at: since is text: it must be a date or a timestamp; cast it in the select")?;
    workdir.write(
        "sql/pipeline/dim_customer.sql",
        CUSTOMER.replace(", since from", ", cast(since as timestamp) as since from"),
    )?;
    run(&database, &workdir).await?;
    same(
        database.text(CUSTOMERS).await?,
        "1|1|Bern|2024-01-01 00:00:00\n2|1|Zug|2024-02-01 00:00:00\n3|1|Uri|2024-02-01 10:00:00",
    )
}

async fn what_is_remembered_takes_new_columns(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "customers",
        "name: customers\ncreator: us\nfiles: [customers*.csv]\ntable: customers\nmode: replace\n",
    )?;
    let plain = CUSTOMER.replace("at: since\n", "").replace("city, since", "city");
    workdir.write("sql/pipeline/dim_customer.sql", &plain)?;
    workdir.load(&database, "customers1.csv", "id,city\n1,Bern\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "customers2.csv", "id,city\n1,Zug\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "customers3.csv", "id,city,name\n1,Zug,Ann\nX2,Uri,Bob\n").await?;
    workdir.write("sql/pipeline/dim_customer.sql", plain.replace("id, city", "id, city, name"))?;
    run(&database, &workdir).await?;
    same(
        database.text("select dim_customer_key, id, city, name, is_current from datawarehouse.dim_customer where dim_customer_key <> 0 order by 1").await?,
        "1|1|Bern|Ann|false\n2|1|Zug|Ann|true\n3|X2|Uri|Bob|true",
    )?;
    is_settled(&database, &workdir).await
}

async fn a_fact_is_built_alone(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("unknown", "unknown"))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,1,7,2024-01-02\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n2,1,1,2024-01-02\n").await?;
    let alone = Options { select: vec!["fact_order".to_owned()], ..Options::default() };
    let report = pipeline::run_with(&workdir.app(&database), &alone).await?;
    same(report.changes.iter().map(|one| (one.table.as_str(), one.inserted)).collect::<Vec<_>>(), [("fact_order", 1)])
}
