//! Keys whose type widens: members keep their keys, and facts their members.

use crate::support::process::{app, stderr, stdout};
use crate::support::star::{is_settled, model, run, run_fails};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        decimals_that_become_texts_keep_their_keys,
        numbers_and_truths_that_become_texts_keep_their_keys,
        facts_keep_their_members_when_a_key_becomes_a_text,
        two_texts_of_one_value_are_one_old_member_and_a_new_one,
        a_key_of_several_columns_becomes_texts,
        versions_and_what_is_remembered_keep_their_keys,
        inferred_members_keep_their_keys,
        one_odd_value_names_no_member,
        one_fraction_names_no_member_of_whole_numbers,
        days_become_times;
}

const MEMBERS: &str = "select dim_p_key, sku, name from datawarehouse.dim_p where dim_p_key > 0 order by 1";

async fn decimals_that_become_texts_keep_their_keys(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_p", "kind: dimension\nkey: [sku]\nat: _load_id", "select sku, name from staging.p")?;
    workdir.load(&database, "p.csv", "sku,name\n1.10,a\n2.50,b\n3.00,c\n-0.50,d\n").await?;
    run(&database, &workdir).await?;
    same(database.text(MEMBERS).await?, "1|-0.5|d\n2|1.1|a\n3|2.5|b\n4|3|c")?;
    workdir.load(&database, "p.csv", "sku,name\nX9,e\n1.10,A\n").await?;
    run(&database, &workdir).await?;
    same(database.text(MEMBERS).await?, "1|-0.50|d\n2|1.10|A\n3|2.50|b\n4|3.00|c\n5|X9|e")?;
    is_settled(&database, &workdir).await?;
    // Retired members get their keys back.
    let settings = [("DATABASE_URL", database.url.as_str())];
    same(app(&workdir, &["retract", "1", "--yes"], &settings)?.status.success(), true)?;
    run(&database, &workdir).await?;
    same(database.text(MEMBERS).await?, "2|1.10|A\n5|X9|e")?;
    workdir.load(&database, "p.csv", "sku,name\n2.50,b2\n007,f\n").await?;
    run(&database, &workdir).await?;
    same(database.text(MEMBERS).await?, "2|1.10|A\n3|2.50|b2\n5|X9|e\n6|007|f")
}

async fn numbers_and_truths_that_become_texts_keep_their_keys(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, first, then, expected) in [
        ("whole", "7\n12\n", "7.5\n", "1|7\n2|12\n3|7.5"),
        ("whole_text", "7\n12\n", "X\n007\n", "1|7\n2|12\n3|007\n4|X"),
        ("truth", "True\nFalse\n", "maybe\n", "1|False\n2|True\n3|maybe"),
        ("lower", "true\nfalse\n", "maybe\n", "1|false\n2|true\n3|maybe"),
        ("double", "7.25e-300\n1e300\n0.1\n", "X\n", "1|7.25e-300\n2|0.1\n3|1e+300\n4|X"),
        ("day", "2024-01-02\n2024-01-01\n", "soon\n", "1|2024-01-01\n2|2024-01-02\n3|soon"),
    ] {
        model(
            &workdir,
            &format!("dim_{name}"),
            "kind: dimension\nkey: [k]",
            &format!("select k, n from staging.{name}"),
        )?;
        let rows = |rows: &str| format!("k,n\n{}", rows.replace('\n', ",1\n"));
        workdir.load(&database, &format!("{name}.csv"), rows(first)).await?;
        run(&database, &workdir).await?;
        workdir.load(&database, &format!("{name}.csv"), rows(then)).await?;
        run(&database, &workdir).await?;
        let members =
            format!("select dim_{name}_key, k from datawarehouse.dim_{name} where dim_{name}_key > 0 order by 1");
        let keys = database.text(&members).await?;
        let numbers =
            |text: &str| text.lines().map(|line| line.split('|').next().unwrap_or("").to_owned()).collect::<Vec<_>>();
        // The text of a double is as its files wrote it.
        match name {
            "double" => same((name, numbers(&keys)), (name, numbers(expected)))?,
            _ => same((name, keys), (name, expected.to_owned()))?,
        }
        is_settled(&database, &workdir).await?;
    }
    Ok(())
}

async fn facts_keep_their_members_when_a_key_becomes_a_text(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_p", "kind: dimension\nkey: [sku]\nat: _load_id", "select sku, name from staging.p")?;
    model(&workdir, "fact_o", "kind: fact\ngrain: [oid]\ndimensions: {sku: dim_p}", "select oid, sku from staging.o")?;
    workdir.load(&database, "p.csv", "sku,name\n1.10,a\n2.50,b\n").await?;
    workdir.load(&database, "o.csv", "oid,sku\n1,1.10\n2,2.50\n3,1.1\n").await?;
    run(&database, &workdir).await?;
    let facts = "select oid, sku_key from datawarehouse.fact_o order by oid";
    same(database.text(facts).await?, "1|1\n2|2\n3|1")?;
    // The fact's column first, then the dimension's.
    workdir.load(&database, "o.csv", "oid,sku\n4,X9\n5,2.500\n6,N/A\n").await?;
    run(&database, &workdir).await?;
    same(database.text(facts).await?, "1|1\n2|2\n3|1\n4|0\n5|2\n6|0")?;
    workdir.load(&database, "p.csv", "sku,name\nX9,c\n").await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["--pipeline"], &settings)?;
    holds(
        &(stdout(&output) + &stderr(&output)),
        "the key of dim_p became a text, and other texts, such as 2.5 and 2.50,",
    )?;
    // Texts are compared as texts from now on: 1.1 and 2.500 are none of the members.
    same(database.text(facts).await?, "1|1\n2|2\n3|0\n4|3\n5|0\n6|0")?;
    is_settled(&database, &workdir).await
}

async fn two_texts_of_one_value_are_one_old_member_and_a_new_one(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_p", "kind: dimension\nkey: [sku]\nat: _load_id", "select sku, name from staging.p")?;
    workdir.load(&database, "p.csv", "sku,name\n1.10,a\n2.5,b\n").await?;
    workdir.load(&database, "p.csv", "sku,name\n1.1,A\n").await?;
    run(&database, &workdir).await?;
    same(database.text(MEMBERS).await?, "1|1.1|A\n2|2.5|b")?;
    workdir.load(&database, "p.csv", "sku,name\nX,c\n").await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["--pipeline"], &settings)?;
    holds(&(stdout(&output) + &stderr(&output)), "sku is a text now, and some of its texts were one value before")?;
    same(database.text(MEMBERS).await?, "1|1.10|a\n2|2.5|b\n3|1.1|A\n4|X|c")
}

async fn a_key_of_several_columns_becomes_texts(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(
        &workdir,
        "dim_p",
        "kind: dimension\nkey: [store, sku]\nat: _load_id",
        "select store, sku, name from staging.p",
    )?;
    workdir.load(&database, "p.csv", "store,sku,name\n1,1.10,a\n2,1.10,b\n1,2.50,c\n").await?;
    run(&database, &workdir).await?;
    let members = "select dim_p_key, store, sku, name from datawarehouse.dim_p where dim_p_key > 0 order by 1";
    same(database.text(members).await?, "1|1|1.1|a\n2|1|2.5|c\n3|2|1.1|b")?;
    workdir.load(&database, "p.csv", "store,sku,name\n2,X9,d\n").await?;
    run(&database, &workdir).await?;
    same(database.text(members).await?, "1|1|1.10|a\n2|1|2.50|c\n3|2|1.10|b\n4|2|X9|d")?;
    workdir.load(&database, "p.csv", "store,sku,name\nA,X9,e\n").await?;
    run(&database, &workdir).await?;
    same(database.text(members).await?, "1|1|1.10|a\n2|1|2.50|c\n3|2|1.10|b\n4|2|X9|d\n5|A|X9|e")
}

async fn versions_and_what_is_remembered_keep_their_keys(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header = "kind: dimension\nkey: [sku]\nhistory: [name]\nat: d";
    model(&workdir, "dim_p", header, "select sku, name, d from staging.p")?;
    workdir.plugin("r", "name: r\nfiles: [\"r*.csv\"]\ntable: r\nmode: replace\n")?;
    model(&workdir, "dim_r", "kind: dimension\nkey: [sku]\nhistory: [name]", "select sku, name from staging.r")?;
    workdir.load(&database, "p.csv", "sku,name,d\n1.10,a,2024-01-01\n1.10,b,2024-02-01\n2.50,c,2024-01-01\n").await?;
    workdir.load(&database, "r.csv", "sku,name\n1.10,a\n2.50,b\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "r.csv", "sku,name\n1.10,A\n2.50,b\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "p.csv", "sku,name,d\nX,x,2024-01-01\n1.10,d,2024-03-01\n").await?;
    workdir.load(&database, "r.csv", "sku,name\n1.10,AA\n2.50,b\nX,x\n").await?;
    run(&database, &workdir).await?;
    let versions = "select dim_p_key, sku, name, valid_from from datawarehouse.dim_p where dim_p_key > 0 order by 1";
    let expected =
        "1|1.10|a|2024-01-01\n2|1.10|b|2024-02-01\n3|2.50|c|2024-01-01\n4|1.10|d|2024-03-01\n5|X|x|2024-01-01";
    same(database.text(versions).await?, expected)?;
    let versions = "select dim_r_key, sku, name, is_current from datawarehouse.dim_r where dim_r_key > 0 order by 1";
    let expected = "1|1.10|a|false\n2|2.50|b|true\n3|1.10|A|false\n4|1.10|AA|true\n5|X|x|true";
    same(database.text(versions).await?, expected)?;
    is_settled(&database, &workdir).await
}

async fn inferred_members_keep_their_keys(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_p", "kind: dimension\nkey: [sku]\nat: _load_id", "select sku, name from staging.p")?;
    let header = "kind: fact\ngrain: [oid]\ndimensions: {sku: {dimension: dim_p, missing: infer}}";
    model(&workdir, "fact_o", header, "select oid, sku from staging.o")?;
    workdir.load(&database, "p.csv", "sku,name\n1.10,a\n").await?;
    workdir.load(&database, "o.csv", "oid,sku\n1,1.10\n2,2.50\n3,3.5\n").await?;
    run(&database, &workdir).await?;
    let facts = "select o.oid, o.sku_key, p.sku, p.name, p.is_inferred from datawarehouse.fact_o as o \
        join datawarehouse.dim_p as p on p.dim_p_key = o.sku_key order by o.oid";
    same(database.text(facts).await?, "1|1|1.1|a|false\n2|2|2.5|∅|true\n3|3|3.5|∅|true")?;
    workdir.load(&database, "p.csv", "sku,name\nX9,c\n").await?;
    workdir.load(&database, "o.csv", "oid,sku\n4,X9\n5,N/A\n").await?;
    run(&database, &workdir).await?;
    let expected = "1|1|1.10|a|false\n2|2|2.50|∅|true\n3|3|3.5|∅|true\n4|4|X9|c|false\n5|5|N/A|∅|true";
    same(database.text(facts).await?, expected)?;
    is_settled(&database, &workdir).await
}

async fn one_odd_value_names_no_member(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_p", "kind: dimension\nkey: [id]", "select id, name from staging.p")?;
    model(&workdir, "dim_d", "kind: dimension\nkey: [id]", "select id, name from staging.d")?;
    for missing in ["unknown", "reject", "infer"] {
        let header = format!(
            "kind: fact\ngrain: [oid]\ndimensions: {{p: {{dimension: dim_p, missing: {missing}}}, \
             d: {{dimension: dim_d, missing: {missing}}}}}"
        );
        model(&workdir, &format!("fact_{missing}"), &header, "select oid, p, d from staging.o")?;
    }
    workdir.load(&database, "p.csv", "id,name\n7,a\n12,b\n").await?;
    workdir.load(&database, "d.csv", "id,name\n1.50,a\nX,b\n12,c\n").await?;
    workdir.load(&database, "o.csv", "oid,p,d\n1,7,12\n2,N/A,1.5\n3,12,12\n4,007,12\n").await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["check", "sql/"], &settings)?;
    same((output.status.code(), stdout(&output)), (Some(0), stdout(&output)))?;
    run(&database, &workdir).await?;
    // A decimal 1.5 is the text 1.5, and not 1.50.
    let keys = |fact: &str| format!("select oid, p_key, d_key from datawarehouse.{fact} order by oid");
    same(database.text(&keys("fact_unknown")).await?, "1|1|2\n2|0|4\n3|2|2\n4|0|2")?;
    same(database.text(&keys("fact_reject")).await?, "1|1|2\n3|2|2")?;
    same(database.text(&keys("fact_infer")).await?, "1|1|2\n2|0|4\n3|2|2\n4|0|2")?;
    same(database.text("select id from datawarehouse.dim_d where is_inferred").await?, "1.5")?;
    same(database.text("select count(*) from datawarehouse.dim_p where is_inferred").await?, "0")?;
    is_settled(&database, &workdir).await?;
    // Truths are no numbers.
    model(
        &workdir,
        "fact_t",
        "kind: fact\ngrain: [oid]\ndimensions: {p: dim_p}",
        "select oid, oid > 1 as p from staging.o",
    )?;
    holds(&run_fails(&database, &workdir).await?, "dim_p knows its members by id, which is bigint: cast one of them")
}

async fn one_fraction_names_no_member_of_whole_numbers(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_p", "kind: dimension\nkey: [id]", "select id, name from staging.p")?;
    for missing in ["unknown", "reject", "infer"] {
        let header = format!("kind: fact\ngrain: [oid]\ndimensions: {{p: {{dimension: dim_p, missing: {missing}}}}}");
        model(&workdir, &format!("fact_{missing}"), &header, "select oid, p from staging.o")?;
    }
    workdir.load(&database, "p.csv", "id,name\n82,a\n").await?;
    workdir.load(&database, "o.csv", "oid,p\n1,82\n2,83\n").await?;
    run(&database, &workdir).await?;
    let members = |fact: &str| {
        format!(
            "select f.oid, d.id from datawarehouse.{fact} as f join datawarehouse.dim_p as d on d.dim_p_key = f.p_key order by 1"
        )
    };
    let mut all = "1|82\n2|83".to_owned();
    // A decimal, then a floating-point number.
    for (place, odd) in [(3, "82.5"), (5, "1e-07")] {
        workdir.load(&database, "o.csv", format!("oid,p\n{place},{odd}\n{},84\n", place + 1)).await?;
        let changes = run(&database, &workdir).await?;
        all += &format!("\n{place}|∅\n{}|84", place + 1);
        same((odd, database.text(&members("fact_infer")).await?), (odd, all.clone()))?;
        same((odd, database.text(&members("fact_unknown")).await?), (odd, all.clone()))?;
        let known: Vec<_> = all.lines().filter(|line| !line.ends_with('∅')).collect();
        same((odd, database.text(&members("fact_reject")).await?), (odd, known.join("\n")))?;
        let infers = changes.iter().find(|change| change.table == "fact_infer");
        let unknown = infers.and_then(|change| change.unknown.get("p_key"));
        same((odd, unknown), (odd, Some(&((place - 1) / 2))))?;
        is_settled(&database, &workdir).await?;
    }
    Ok(())
}

async fn days_become_times(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header = "kind: dimension\nkey: [id]\nhistory: [city]\nat: t";
    model(&workdir, "dim_c", header, "select id, city, t from staging.c")?;
    workdir.load(&database, "c.csv", "id,city,t\n1,Bern,2024-01-01\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "c.csv", "id,city,t\n1,Thun,2024-02-01 10:30:00\n1,Biel,2024-03-01\n").await?;
    run(&database, &workdir).await?;
    let versions =
        "select dim_c_key, city, valid_from from datawarehouse.dim_c where dim_c_key > 0 order by valid_from";
    same(
        database.text(versions).await?,
        "1|Bern|2024-01-01 00:00:00\n2|Thun|2024-02-01 10:30:00\n3|Biel|2024-03-01 00:00:00",
    )?;
    workdir
        .plugin("q", "name: q\nfiles: [\"q*.csv\"]\ntable: q\ncolumns: [{from: id}, {from: t, type: timestamp}]\n")?;
    workdir.load(&database, "q.csv", "id,t\n1,2024-01-31\n2,2024-01-31 10:00:00\n").await?;
    same(database.text("select t from staging.q order by id").await?, "2024-01-31 00:00:00\n2024-01-31 10:00:00")
}
