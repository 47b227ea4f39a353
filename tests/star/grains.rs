//! Facts whose grain is made of members: new loads are brought in alone, and every step gives the star of a build from nothing.

use sluice::pipeline::{self, Options};
use sluice::sql::Table;
use sluice::warehouse::Scope;

use crate::support::star::{Star, model, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases};

cases! {
    on_both:
        new_rows_and_new_members_come_from_their_loads_alone,
        late_members_are_found_by_their_rows,
        members_that_facts_make_are_completed,
        rows_that_are_left_out_come_with_their_member,
        rows_see_the_version_of_a_day_in_the_grain,
        rows_see_the_version_of_a_day_beside_the_grain,
        rows_see_the_current_version,
        rows_of_the_unknown_member_stay_apart,
        the_same_row_of_another_load_is_refused,
        a_row_that_comes_in_late_is_refused_beside_its_like,
        two_times_of_a_day_are_two_rows,
        words_of_one_row_stay_apart,
        nothing_in_the_grain_is_a_value_too,
        rows_of_a_join_are_looked_up_together,
        a_key_that_becomes_a_text_is_compared_whole,
        rows_that_are_replaced_are_compared_whole,
        a_grain_without_its_index_gets_it,
        another_grain_has_another_index;
}

const SHOWN: &str = "select d.date, s.store, k.sku, k.name, f.amount, f._load_id, f._line from datawarehouse.fact_sale f \
 join datawarehouse.dim_day d on d.dim_day_key = f.day_key join datawarehouse.dim_store s on s.dim_store_key = f.store_key \
 join datawarehouse.dim_sku k on k.dim_sku_key = f.sku_key order by f._load_id, f._line, k.sku";

/// Sales by day, store and product: `sku` says of products what becomes of unknown ones.
async fn sales(database: TestDatabase, workdir: Workdir, sku: &str) -> anyhow::Result<Star> {
    model(&workdir, "dim_day", "kind: calendar\nfrom: 2024-01-01\nto: 2024-12-31", "")?;
    model(
        &workdir,
        "dim_store",
        "kind: dimension\nkey: [store]\nat: _load_id",
        "select store, city from staging.stores",
    )?;
    model(&workdir, "dim_sku", "kind: dimension\nkey: [sku]\nat: _load_id", "select sku, name from staging.skus")?;
    let header = format!(
        "kind: fact\ngrain: [day, store, sku]\ndimensions:\n  day: dim_day\n  store: dim_store\n  sku: {{dimension: dim_sku{sku}}}"
    );
    model(&workdir, "fact_sale", &header, "select day, store, sku, amount from staging.sales where amount > 0")?;
    let mut star = Star::new(database, workdir, SHOWN);
    star.load("stores.csv", "store,city\n1,Bern\n2,Genf\n").await?;
    star.load("skus.csv", "sku,name\n10,pen\n20,cup\n").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-01,1,10,5\n2024-01-01,2,20,6\n2024-01-02,1,30,7\n").await?;
    Ok(star)
}

async fn new_rows_and_new_members_come_from_their_loads_alone(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, "").await?;
    star.becomes("+3 new, 1 unknown sku_key (first build)").await?;
    let second = star
        .load("sales.csv", "day,store,sku,amount\n2024-01-02,1,10,5\n2024-01-02,2,20,6\n2024-01-03,9,10,0\n")
        .await?;
    star.becomes("+2 new, 1 unknown sku_key (1 load new)").await?;
    star.load("skus.csv", "sku,name\n10,pencil\n").await?;
    star.becomes("1 unknown sku_key (rows whose members changed)").await?;
    star.load("skus.csv", "sku,name\n40,jar\n").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-03,1,40,5\n").await?;
    star.becomes("+1 new, 1 unknown sku_key (1 load new)").await?;
    star.retract(second).await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-02,1,10,50\n2025-02-28,1,10,50\n").await?;
    star.becomes("+2 new, -2 gone, 1 unknown day_key, 1 unknown sku_key (1 load new, 1 gone)").await
}

async fn late_members_are_found_by_their_rows(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, "").await?;
    star.becomes("+3 new, 1 unknown sku_key (first build)").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-02,1,31,8\n2024-01-02,1,,9\n").await?;
    star.becomes("+2 new, 1 NULL sku_key, 2 unknown sku_key (1 load new)").await?;
    star.load("skus.csv", "sku,name\n30,lid\n").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-03,1,30,8\n").await?;
    star.becomes("+1 new, 1 changed, 1 re-pointed, 1 NULL sku_key, 1 unknown sku_key (1 load new)").await?;
    let late = star.load("skus.csv", "sku,name\n31,tin\n").await?;
    star.becomes("1 changed, 1 re-pointed, 1 NULL sku_key (rows whose members changed)").await?;
    star.retract(late).await?;
    star.becomes("1 changed, 1 re-pointed, 1 NULL sku_key, 1 unknown sku_key (rows whose members changed)").await
}

async fn members_that_facts_make_are_completed(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, ", missing: infer").await?;
    star.becomes("+3 new, 1 inferred (first build)").await?;
    let sales =
        star.load("sales.csv", "day,store,sku,amount\n2024-01-02,1,31,8\n2024-01-02,2,31,9\n2024-01-02,2,,9\n").await?;
    star.becomes("+3 new, 1 inferred, 1 NULL sku_key (1 load new)").await?;
    star.load("skus.csv", "sku,name\n31,tin\n").await?;
    star.becomes("1 NULL sku_key (rows whose members changed)").await?;
    star.retract(sales).await?;
    star.becomes("-3 gone (1 load gone)").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-02,1,30,8\n").await?;
    star.refuses("grain: several rows of the select have the same day, store, sku").await
}

async fn rows_that_are_left_out_come_with_their_member(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, ", missing: reject").await?;
    star.becomes("+2 new, 1 rejected (first build)").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-02,1,31,8\n2024-01-02,2,31,9\n2024-01-02,2,10,9\n").await?;
    star.becomes("+1 new, 3 rejected (1 load new)").await?;
    star.load("skus.csv", "sku,name\n31,tin\n").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-03,2,31,9\n").await?;
    star.becomes("+3 new, 1 rejected (1 load new)").await?;
    // Rows that are left out are no rows of a grain, until they come.
    star.load("sales.csv", "day,store,sku,amount\n2024-01-02,1,30,9\n").await?;
    star.becomes("2 rejected (1 load new)").await?;
    let late = star.load("skus.csv", "sku,name\n30,lid\n").await?;
    star.refuses("2 rows: sales.csv line 4, load 3; sales.csv line 2, load 7").await?;
    star.retract(late).await?;
    star.becomes("no change (nothing new)").await
}

/// Products whose names have a history, sold at a time.
async fn versions(database: TestDatabase, workdir: Workdir, header: &str) -> anyhow::Result<Star> {
    let mut star = sales(database, workdir, "").await?;
    model(
        &star.workdir,
        "dim_sku",
        "kind: dimension\nkey: [sku]\nhistory: [name]\nat: since",
        "select sku, name, since from staging.products",
    )?;
    model(
        &star.workdir,
        "fact_sale",
        &format!("kind: fact\n{header}\ndimensions:\n  day: dim_day\n  store: dim_store\n  sku: dim_sku"),
        "select day, store, sku, amount, made from staging.orders",
    )?;
    star.load("products.csv", "sku,name,since\n10,pen,2024-01-01\n20,cup,2024-01-01\n").await?;
    let rows = "2024-01-10,1,10,5,2024-01-05\n2024-02-10,1,10,6,2024-02-05\n2024-02-11,1,20,7,2024-02-05\n2024-02-12,1,30,7,2024-02-05\n";
    star.load("orders.csv", &format!("day,store,sku,amount,made\n{rows}")).await?;
    Ok(star)
}

async fn rows_see_the_version_of_a_day_in_the_grain(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = versions(database, workdir, "grain: [day, store, sku]\nat: day").await?;
    star.becomes("+4 new, 1 unknown sku_key (first build)").await?;
    star.load("products.csv", "sku,name,since\n10,pencil,2024-02-01\n").await?;
    star.load("orders.csv", "day,store,sku,amount,made\n2024-02-13,1,10,5,2024-01-05\n").await?;
    star.becomes("+1 new, 1 changed, 1 re-pointed, 1 unknown sku_key (1 load new)").await?;
    // A version between them, and a member that begins later.
    star.load("products.csv", "sku,name,since\n10,quill,2024-02-12\n30,lid,2024-03-01\n").await?;
    star.becomes("2 changed, 2 re-pointed (rows whose members changed)").await?;
    star.load("orders.csv", "day,store,sku,amount,made\n2024-01-10,1,10,5,2024-03-05\n").await?;
    star.refuses("grain: several rows of the select have the same day, store, sku: day = \"2024-01-10\"").await
}

async fn rows_see_the_version_of_a_day_beside_the_grain(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = versions(database, workdir, "grain: [day, store, sku]\nat: made").await?;
    star.becomes("+4 new, 1 unknown sku_key (first build)").await?;
    star.load("products.csv", "sku,name,since\n10,pencil,2024-02-01\n").await?;
    star.load("orders.csv", "day,store,sku,amount,made\n2024-02-10,1,20,5,2024-01-05\n").await?;
    star.becomes("+1 new, 1 changed, 1 re-pointed, 1 unknown sku_key (1 load new)").await?;
    // The same row, which sees another version.
    let again = star.load("orders.csv", "day,store,sku,amount,made\n2024-01-10,1,10,5,2024-03-05\n").await?;
    star.refuses("grain: several rows of the select have the same day, store, sku: day = \"2024-01-10\"").await?;
    star.retract(again).await?;
    let header = "kind: fact\ngrain: [sku]\nat: made\ndimensions:\n  day: dim_day\n  store: dim_store\n  sku: dim_sku";
    model(
        &star.workdir,
        "fact_sale",
        header,
        "select day, store, sku, amount, made from staging.orders where amount > 5",
    )?;
    star.retract(5).await?;
    star.load("orders.csv", "day,store,sku,amount,made\n2024-01-10,1,10,6,2024-03-05\n").await?;
    run(&star.database, &star.workdir).await?;
    star.load("orders.csv", "day,store,sku,amount,made\n2024-01-10,1,20,6,2024-03-05\n").await?;
    star.becomes(
        "+1 new, 1 filtered (1 load new, compared whole: at chooses the versions in its grain, and is not in it)",
    )
    .await
}

async fn rows_see_the_current_version(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = versions(database, workdir, "grain: [day, store, sku]").await?;
    star.becomes("+4 new, 1 unknown sku_key (first build; without at, its rows see the current versions of dim_sku)")
        .await?;
    star.load("products.csv", "sku,name,since\n10,pencil,2024-02-01\n").await?;
    star.becomes("2 changed, 2 re-pointed, 1 unknown sku_key (rows whose members changed)").await?;
    star.load("orders.csv", "day,store,sku,amount,made\n2024-02-10,1,20,5,2024-01-05\n2024-02-10,1,10,5,2024-01-05\n")
        .await?;
    star.refuses("day = \"2024-02-10\", store = \"1\", sku = \"10\" (2 rows: orders.csv line 3, load 5; orders.csv line 3, load 7)").await
}

async fn rows_of_the_unknown_member_stay_apart(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, "").await?;
    star.becomes("+3 new, 1 unknown sku_key (first build)").await?;
    let row = |sku: &str| format!("day,store,sku,amount\n2024-01-02,1,{sku},8\n");
    star.load("sales.csv", &(row("31") + "2024-01-02,1,32,8\n2024-01-02,9,32,8\n2024-01-02,8,32,8\n")).await?;
    star.becomes("+4 new, 5 unknown sku_key, 2 unknown store_key (1 load new)").await?;
    // Beside them in the table, and nothing at all.
    star.load("sales.csv", &(row("33") + "2024-01-02,1,,8\n,,,9\n")).await?;
    star.becomes(
        "+3 new, 1 NULL day_key, 2 NULL sku_key, 1 NULL store_key, 6 unknown sku_key, 2 unknown store_key (1 load new)",
    )
    .await?;
    let again = star.load("sales.csv", &(row("31") + "2024-01-02,7,31,8\n")).await?;
    star.refuses("day = \"2024-01-02\", store = \"1\", sku = \"31\" (2 rows: sales.csv line 2, load 4; sales.csv line 2, load 6)").await?;
    star.retract(again).await?;
    let again = star.load("sales.csv", &row("")).await?;
    star.refuses("sku = NULL (2 rows: sales.csv line 3, load 5; sales.csv line 2, load 7)").await?;
    star.retract(again).await?;
    let again = star.load("sales.csv", "day,store,sku,amount\n,,,10\n").await?;
    star.refuses("day = NULL, store = NULL, sku = NULL (2 rows").await?;
    star.retract(again).await?;
    star.load("skus.csv", "sku,name\n32,lid\n33,tin\n").await?;
    star.load("stores.csv", "store,city\n9,Zug\n").await?;
    star.becomes(
        "4 changed, 4 re-pointed, 1 NULL day_key, 2 NULL sku_key, 1 NULL store_key, 2 unknown sku_key, 1 unknown store_key \
         (rows whose members changed)",
    )
    .await
}

async fn the_same_row_of_another_load_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, "").await?;
    star.becomes("+3 new, 1 unknown sku_key (first build)").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-03,1,10,5\n2024-01-01,1,10,8\n").await?;
    star.refuses(
        "fact_sale.sql:3: grain: several rows of the select have the same day, store, sku: day = \"2024-01-01\", store = \"1\", \
         sku = \"10\" (2 rows: sales.csv line 2, load 3; sales.csv line 3, load 4); if one of them corrects the other",
    )
    .await?;
    star.retract(4).await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-03,1,10,5\n2024-01-03,1,10,8\n").await?;
    star.refuses("sku = \"10\" (2 rows: sales.csv line 2, load 5; sales.csv line 3, load 5)").await?;
    star.retract(5).await?;
    // One that is taken back gives way.
    star.retract(3).await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-01,1,10,8\n").await?;
    star.becomes("+1 new, -3 gone (1 load new, 1 gone)").await
}

async fn a_row_that_comes_in_late_is_refused_beside_its_like(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, "").await?;
    let header = "kind: fact\ngrain: [day, store]\ndimensions:\n  day: dim_day\n  store: dim_store\n  \
                  sku: {dimension: dim_sku, missing: reject}";
    model(&star.workdir, "fact_sale", header, "select day, store, sku, amount from staging.sales")?;
    star.becomes("+2 new, 1 rejected (first build)").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-02,1,10,5\n").await?;
    star.becomes("+1 new, 1 rejected (1 load new)").await?;
    let late = star.load("skus.csv", "sku,name\n30,lid\n").await?;
    star.refuses("day = \"2024-01-02\", store = \"1\" (2 rows: sales.csv line 4, load 3; sales.csv line 2, load 4)")
        .await?;
    star.retract(late).await?;
    star.load("skus.csv", "sku,name\n40,lid\n").await?;
    star.becomes("1 rejected (rows whose members changed)").await
}

async fn two_times_of_a_day_are_two_rows(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, "").await?;
    star.becomes("+3 new, 1 unknown sku_key (first build)").await?;
    let header = "kind: fact\ngrain: [sold, store]\ndimensions: {sold: {dimension: dim_day, role: day}, store: dim_store, sku: dim_sku}";
    model(&star.workdir, "fact_sale", header, "select sold, store, sku, amount from staging.times")?;
    star.load("times.csv", "sold,store,sku,amount\n2024-01-02 10:00:00,1,10,5\n2024-01-02 11:00:00,1,10,5\n").await?;
    run(&star.database, &star.workdir).await?;
    star.load("times.csv", "sold,store,sku,amount\n2024-01-02 12:00:00,1,10,5\n2024-01-03 11:00:00,1,10,5\n").await?;
    star.becomes("+2 new (1 load new)").await?;
    star.load("times.csv", "sold,store,sku,amount\n2024-01-02 11:00:00,1,20,5\n").await?;
    star.refuses("sold = \"2024-01-02 11:00:00").await
}

async fn words_of_one_row_stay_apart(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_tag", "kind: dimension\nkey: [tag]", "select tag, label from staging.tags")?;
    let header = "kind: fact\ngrain: [id, tag]\nunpivot: {into: tag, columns: [a..c]}\ndimensions: {tag: dim_tag}";
    model(&workdir, "fact_tag", header, "select id, a, b, c from staging.posts")?;
    let shown = "select f.id, t.tag, f._load_id, f._line from datawarehouse.fact_tag f \
                 join datawarehouse.dim_tag t on t.dim_tag_key = f.tag_key order by 3, 4, 2";
    let mut star = Star::new(database, workdir, shown);
    star.load("tags.csv", "tag,label\nred,R\nblue,B\n").await?;
    star.load("posts.csv", "id,a,b,c\n1,red,x,y\n2,x,y,z\n3,,red,blue\n").await?;
    star.becomes("+8 new, 5 unknown tag_key (first build)").await?;
    // One of two rows that are alike in the table, and then the other.
    star.load("tags.csv", "tag,label\nx,X\n").await?;
    star.load("posts.csv", "id,a,b,c\n4,v,w,\n").await?;
    star.becomes("+2 new, 2 changed, 2 re-pointed, 5 unknown tag_key (1 load new)").await?;
    star.load("tags.csv", "tag,label\ny,Y\nz,Z\n").await?;
    star.becomes("3 changed, 3 re-pointed, 2 unknown tag_key (rows whose members changed)").await?;
    star.load("posts.csv", "id,a,b,c\n5,v,v,\n").await?;
    star.refuses("id = \"5\", tag = \"v\" (2 rows").await?;
    star.retract(6).await?;
    star.load("posts.csv", "id,a,b,c\n4,u,w,\n").await?;
    star.refuses("id = \"4\", tag = \"w\" (2 rows").await
}

async fn nothing_in_the_grain_is_a_value_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_sku", "kind: dimension\nkey: [sku]", "select sku, name from staging.skus")?;
    let header = "kind: fact\ngrain: [place, part, sku]\ndimensions: {sku: dim_sku}";
    model(&workdir, "fact_stock", header, "select place, part, sku, amount from staging.stock")?;
    let shown = "select f.place, f.part, k.sku, f.amount, f._load_id, f._line from datawarehouse.fact_stock f \
                 join datawarehouse.dim_sku k on k.dim_sku_key = f.sku_key order by 5, 6";
    let mut star = Star::new(database, workdir, shown);
    star.load("skus.csv", "sku,name\n10,pen\n20,cup\n").await?;
    star.load("stock.csv", "place,part,sku,amount\nA,1.5,10,5\n,1.50,10,6\nA,,10,7\n,,,8\n").await?;
    star.becomes("+4 new, 1 NULL sku_key (first build)").await?;
    star.load("stock.csv", "place,part,sku,amount\n,1.5,20,5\nA,,20,5\n,,20,5\nB,,10,4\n").await?;
    star.becomes("+4 new, 1 NULL sku_key (1 load new)").await?;
    for (row, why) in [
        ("A,1.500,10,9", "place = \"A\", part = \"1.5\", sku = \"10\" (2 rows"),
        (",1.5,10,9", "place = NULL, part = \"1.5\", sku = \"10\" (2 rows"),
        ("A,,10,9", "place = \"A\", part = NULL, sku = \"10\" (2 rows"),
        (",,,9", "place = NULL, part = NULL, sku = NULL (2 rows"),
    ] {
        let load = star.load("stock.csv", &format!("place,part,sku,amount\n{row}\n")).await?;
        star.refuses(why).await?;
        star.retract(load).await?;
    }
    star.load("stock.csv", "place,part,sku,amount\nA,2,10,5\n").await?;
    star.becomes("+1 new, 1 NULL sku_key (1 load new)").await
}

async fn rows_of_a_join_are_looked_up_together(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_sku", "kind: dimension\nkey: [sku]", "select sku, name from staging.skus")?;
    let header = "kind: fact\ngrain: [place, sku]\ndimensions: {sku: dim_sku}";
    let select = "select p.place, s.sku, s.amount from staging.stock as s join staging.places as p on p.area = s.area";
    model(&workdir, "fact_stock", header, select)?;
    let shown = "select f.place, k.sku, f.amount, f._load_id, f._line from datawarehouse.fact_stock f \
                 join datawarehouse.dim_sku k on k.dim_sku_key = f.sku_key order by 4, 5, 1";
    let mut star = Star::new(database, workdir, shown);
    star.load("places.csv", "place,area\nA,1\nB,1\nC,2\n").await?;
    star.load("skus.csv", "sku,name\n10,pen\n").await?;
    star.load("stock.csv", "area,sku,amount\n1,10,5\n2,20,6\n1,20,7\n").await?;
    star.becomes("+5 new, 3 unknown sku_key (first build)").await?;
    star.load("stock.csv", "area,sku,amount\n2,10,6\n1,30,7\n").await?;
    star.becomes("+3 new, 5 unknown sku_key (1 load new)").await?;
    star.load("skus.csv", "sku,name\n20,cup\n").await?;
    star.becomes("3 changed, 3 re-pointed, 2 unknown sku_key (rows whose members changed)").await?;
    let same_place = star.load("stock.csv", "area,sku,amount\n1,30,9\n").await?;
    star.refuses("place = \"A\", sku = \"30\" (2 rows").await?;
    star.retract(same_place).await?;
    star.load("places.csv", "place,area\nD,1\n").await?;
    star.becomes("+3 new, 3 unknown sku_key (compared whole: staging.places, which is joined, has changed)").await
}

async fn a_key_that_becomes_a_text_is_compared_whole(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, "").await?;
    star.becomes("+3 new, 1 unknown sku_key (first build)").await?;
    star.load("skus.csv", "sku,name\n2.5,jug\n").await?;
    star.becomes("1 unknown sku_key (rows whose members changed)").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-03,1,2.5,5\n2024-01-03,1,30.0,5\n").await?;
    let whole = "compared whole: its file, what refers to it, or the columns that it reads, have changed";
    star.becomes(&format!("+2 new, 2 unknown sku_key ({whole})")).await?;
    let again = star.load("sales.csv", "day,store,sku,amount\n2024-01-03,1,2.500,5\n").await?;
    star.refuses("sku = \"2.5\" (2 rows").await?;
    star.retract(again).await?;
    star.load("skus.csv", "sku,name\nX1,jug\n").await?;
    star.becomes("2 unknown sku_key (compared whole: dim_sku has changed)").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-04,1,X1,5\n2024-01-04,1,X2,5\n").await?;
    star.becomes(&format!("+2 new, 3 unknown sku_key ({whole})")).await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-04,1,X3,5\n").await?;
    star.becomes("+1 new, 4 unknown sku_key (1 load new)").await
}

async fn rows_that_are_replaced_are_compared_whole(database: TestDatabase, workdir: Workdir) -> Outcome {
    let whole = "compared whole: its select is not row by row over one staging table that only grows";
    drop(workdir);
    for (mode, expected) in [
        ("mode: replace", "+1 new, 1 changed, -2 gone, 1 unknown sku_key"),
        ("mode: upsert\nkey: [day, store, sku]", "+1 new, 1 changed, 2 unknown sku_key"),
    ] {
        let workdir = Workdir::new()?;
        workdir.plugin("sales", &format!("name: sales\nfiles: [\"sales*\"]\ntable: sales\n{mode}\n"))?;
        let mut star = sales(database.another().await?, workdir, "").await?;
        run(&star.database, &star.workdir).await?;
        star.load("sales.2.csv", "day,store,sku,amount\n2024-01-01,1,10,7\n2024-01-03,1,30,7\n").await?;
        star.becomes(&format!("{expected} ({whole})")).await?;
    }
    Ok(())
}

async fn a_grain_without_its_index_gets_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, "").await?;
    star.becomes("+3 new, 1 unknown sku_key (first build)").await?;
    let names = star.database.warehouse.names().clone();
    let table = names.table(&Table::datawarehouse("fact_sale"));
    let mut transaction = star.database.warehouse.begin(Scope::Star).await?;
    transaction.execute(&names.engine.drop_index(&table, "fact_sale_grain"), &[]).await?;
    transaction.commit().await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-03,1,10,5\n").await?;
    star.becomes("+1 new, 1 unknown sku_key (1 load new)").await?;
    star.load("sales.csv", "day,store,sku,amount\n2024-01-04,1,10,5\n").await?;
    star.becomes("+1 new, 1 unknown sku_key (1 load new)").await
}

async fn another_grain_has_another_index(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut star = sales(database, workdir, "").await?;
    star.becomes("+3 new, 1 unknown sku_key (first build)").await?;
    let select = "select day, store, sku, amount from staging.sales";
    for (grain, day) in
        [("[amount]", 3), ("[amount, sku]", 4), ("[day, store, sku, amount]", 5), ("[day, store, sku]", 6)]
    {
        let header =
            format!("kind: fact\ngrain: {grain}\ndimensions: {{day: dim_day, store: dim_store, sku: dim_sku}}");
        model(&star.workdir, "fact_sale", &header, select)?;
        run(&star.database, &star.workdir).await?;
        star.load("sales.csv", &format!("day,store,sku,amount\n2024-01-0{day},1,10,{}\n", day + 10)).await?;
        star.becomes("+1 new, 1 unknown sku_key (1 load new)").await?;
    }
    // Keys of other names.
    let header = "kind: fact\ngrain: [day, store, sku]\n\
        dimensions: {day: {dimension: dim_day, role: sold}, store: {dimension: dim_store, role: shop}, sku: dim_sku}";
    model(&star.workdir, "fact_sale", header, select)?;
    let options = Options { allow_drop: true, ..Options::default() };
    pipeline::run_with(&star.workdir.app(&star.database).workspace, &options).await?;
    star.shown = "select sold_key, shop_key, amount, _load_id, _line from datawarehouse.fact_sale order by 4, 5";
    star.load("sales.csv", "day,store,sku,amount\n2024-01-07,1,10,17\n").await?;
    star.becomes("+1 new, 1 unknown sku_key (1 load new)").await
}
