//! Members that come late, go and come back, and what looks at them meanwhile: each case was a fault that random sequences showed.

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options};

use crate::support::star::{CUSTOMER, is_settled, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_row_is_one_reject_whatever_it_lacks,
        a_replacing_file_taken_back_gives_the_past_back,
        a_key_widens_and_members_keep_theirs,
        history_begins_after_members_went,
        decimals_are_known_by_their_value,
        a_time_widens_and_versions_stay,
        what_is_remembered_takes_new_columns,
        facts_leave_versions_that_are_given_up,
        a_fact_is_built_alone;
}

const CUSTOMERS: &str = "select dim_customer_key, id, city, valid_from from datawarehouse.dim_customer where \
 dim_customer_key <> 0 order by id, valid_from";

fn order(missing: &str, buyer: &str) -> String {
    format!(
        "/*\nkind: fact\ngrain: [order_id]\nat: day\ndimensions:\n  id: {{dimension: dim_customer, missing: \
         {missing}}}\n  buyer: {{dimension: dim_customer, missing: {buyer}}}\n*/\nselect order_id, id, buyer, day from staging.orders"
    )
}

async fn a_row_is_one_reject_whatever_it_lacks(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("reject", "reject"))?;
    workdir.write(
        "sql/pipeline/fact_word.sql",
        "/*\nkind: fact\ngrain: [order_id, word]\nunpivot: {into: word, \
     columns: [w1, w2]}\ndimensions:\n  id: {dimension: dim_customer, missing: reject}\n*/\nselect order_id, id, w1, \
      w2 from staging.orders",
    )?;
    workdir.write("sql/pipeline/bridge_pair.sql", "/*\nkind: bridge\ndistinct: true\ndimensions:\n  id: {dimension: \
     dim_customer, missing: reject}\n  buyer: {dimension: dim_customer, missing: reject}\n*/\nselect id, buyer from staging.orders")?;
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
    retract(&workdir.app(&database).loader, second.load_id, true).await?;
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
    retract(&workdir.app(&database).loader, second.load_id, true).await?;
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
            "/*\nkind: fact\ngrain: [id]\ndimensions:\n  rate: {{dimension: dim_rate, missing: {missing}}}\n  other: \
             dim_rate\n*/\nselect id, rate, other from staging.sales"
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
    retract(&workdir.app(&database).loader, completed.load_id, true).await?;
    workdir.write("sql/pipeline/fact_sale.sql", fact("reject"))?;
    let allowed = Options { allow_drop: true, ..Options::default() };
    pipeline::run_with(&workdir.app(&database).workspace, &allowed).await?;
    same(database.text("select line, value from sluice.star_reject order by line").await?, "3|7.250\n4|7.25")?;
    // Two spellings in one load are one member, too.
    workdir.write("sql/pipeline/dim_rate.sql", dimension(""))?;
    rates("1.5,a,2024-01-01").await?;
    let error = pipeline::run_with(&workdir.app(&database).workspace, &allowed).await.unwrap_err().to_string();
    holds(&error, "key: several rows of the select have the same rate: rate = \"3\" (2 rows: ")?;
    // A key of whole numbers, in a dimension that had others.
    workdir.write(
        "sql/pipeline/dim_rate.sql",
        dimension("at: since\n").replace("select rate", "select cast(rate as bigint) as rate"),
    )?;
    workdir.write("sql/pipeline/fact_sale.sql", fact("infer"))?;
    pipeline::run_with(&workdir.app(&database).workspace, &allowed).await?;
    // The key stays a decimal, because keys wait for members such as 7.25.
    same(database.text("select rate from datawarehouse.dim_rate where is_inferred order by rate").await?, "1.5\n7.25")
}

async fn history_begins_after_members_went(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER.replace("history: [city]\n", ""))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n").await?;
    let second = workdir.load(&database, "customers.csv", "id,city,since\n2,Zug,2024-01-01\n").await?;
    run(&database, &workdir).await?;
    retract(&workdir.app(&database).loader, second.load_id, true).await?;
    workdir.write("sql/pipeline/fact_order.sql", order("infer", "infer"))?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,1,7,2024-01-02\n").await?;
    run(&database, &workdir).await?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Genf,2024-02-01\n").await?;
    pipeline::run_with(&workdir.app(&database).workspace, &Options { allow_drop: true, ..Options::default() }).await?;
    same(database.text(CUSTOMERS).await?, "1|1|Bern|2024-01-01\n4|1|Genf|2024-02-01\n3|7|∅|0001-01-01")?;
    is_settled(&database, &workdir).await
}

async fn a_time_widens_and_versions_stay(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n1,Zug,2024-02-01\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Uri,2024-02-01 10:00:00\n").await?;
    // Days among moments are midnights.
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
        database
            .text(
                "select dim_customer_key, id, city, name, is_current from datawarehouse.dim_customer where \
         dim_customer_key <> 0 order by 1",
            )
            .await?,
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
    let report = pipeline::run_with(&workdir.app(&database).workspace, &alone).await?;
    same(report.changes.iter().map(|one| (one.table.as_str(), one.inserted)).collect::<Vec<_>>(), [("fact_order", 1)])
}

async fn facts_leave_versions_that_are_given_up(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write("sql/pipeline/fact_order.sql", order("unknown", "unknown"))?;
    workdir.load(&database, "customers.csv", "id,city,since\n1,Bern,2024-01-01\n1,Zug,2024-02-01\n").await?;
    workdir.load(&database, "orders.csv", "order_id,id,buyer,day\n1,1,1,2024-01-02\n").await?;
    run(&database, &workdir).await?;
    same(database.text("select id_key, buyer_key from datawarehouse.fact_order").await?, "1|1")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER.replace("history: [city]\n", ""))?;
    // With a member that is new beside.
    workdir.load(&database, "customers.csv", "id,city,since\n2,Uri,2024-01-01\n").await?;
    pipeline::run_with(&workdir.app(&database).workspace, &Options { allow_drop: true, ..Options::default() }).await?;
    same(database.text("select id_key, buyer_key from datawarehouse.fact_order").await?, "2|2")?;
    is_settled(&database, &workdir).await
}
