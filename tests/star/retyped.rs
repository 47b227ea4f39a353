//! Views over columns whose type changes: they mean what they would mean if they were made anew.

use sluice::analysis;

use crate::support::process::{app, stderr, stdout};
use crate::support::star::{is_settled, model, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        questions_follow_a_column_of_staging_that_widens,
        views_of_the_star_follow_a_column_of_staging_that_widens,
        questions_follow_a_table_of_the_star_whose_columns_change,
        questions_follow_a_view_of_the_star_that_changes,
        a_view_keeps_the_question_that_it_was_made_for,
        a_view_that_cannot_be_translated_is_dropped_and_named,
        a_view_that_somebody_made_anew_stays,
        the_view_of_a_question_that_fails_follows_what_it_reads,
        views_of_an_older_catalog_are_known_after_the_next_run,
        a_table_that_was_dropped_and_comes_with_other_types,
        columns_keep_their_places;
    on_postgres:
        a_view_keeps_its_grants_and_comment;
}

const P: &str = "select max(p) as m, count(*) filter (where p > 9) as n from staging.t";

fn question(workdir: &Workdir, name: &str, select: &str) -> Outcome {
    workdir.write(&format!("sql/analysis/{name}.sql"), select)?;
    Ok(())
}

/// Runs the analysis, and sees that the views answer as they did before.
async fn as_made_anew(database: &TestDatabase, workdir: &Workdir, views: &[&str]) -> Outcome {
    let all = async || {
        let mut found = Vec::new();
        for view in views {
            found.push(database.text(&format!("select * from datawarehouse.{view} order by 1")).await?);
        }
        anyhow::Ok(found)
    };
    let before = all().await?;
    analysis::run(&workdir.app(database).workspace).await?;
    same(before, all().await?)
}

async fn questions_follow_a_column_of_staging_that_widens(database: TestDatabase, workdir: Workdir) -> Outcome {
    question(&workdir, "q", P)?;
    question(&workdir, "over", "select m, n, case when m > 9.5 then 'yes' else 'no' end as much from datawarehouse.q")?;
    question(&workdir, "days", "select id, d, d > '2024-01-31' as late, d = '2024-02-01' as is_first from staging.t")?;
    workdir.load(&database, "t.csv", "id,p,d\n1,2,2024-01-01\n2,3,2024-02-01\n3,40,2024-03-01\n").await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    same(database.text("select m, n from datawarehouse.q").await?, "40|1")?;
    workdir.load(&database, "t.csv", "id,p,d\n4,9.10,2024-02-01\n5,9.1,2024-02-02\n").await?;
    same(database.text("select m, n from datawarehouse.q").await?, "40|3")?;
    same(database.text("select m, n, much from datawarehouse.over").await?, "40|3|yes")?;
    let views = ["q", "over", "days"];
    as_made_anew(&database, &workdir, &views).await?;
    workdir.load(&database, "t.csv", "id,p,d\n6,9.5,2024-02-01 10:30:00\n").await?;
    as_made_anew(&database, &workdir, &views).await?;
    // Its file is gone: the view is still known as this program's.
    std::fs::remove_file(workdir.path("sql/analysis/over.sql"))?;
    analysis::run(&workdir.app(&database).workspace).await?;
    same(database.rows("select * from datawarehouse.over").await.is_err(), true)
}

async fn views_of_the_star_follow_a_column_of_staging_that_widens(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "v", "kind: view", P)?;
    question(&workdir, "q", "select m, n, case when m > 9.5 then 'yes' else 'no' end as much from datawarehouse.v")?;
    workdir.load(&database, "t.csv", "id,p\n1,2\n2,3\n3,40\n").await?;
    run(&database, &workdir).await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    workdir.load(&database, "t.csv", "id,p\n4,9.10\n5,9.1\n").await?;
    same(database.text("select m, n from datawarehouse.v").await?, "40|3")?;
    same(database.text("select m, n, much from datawarehouse.q").await?, "40|3|yes")?;
    run(&database, &workdir).await?;
    as_made_anew(&database, &workdir, &["v", "q"]).await
}

async fn questions_follow_a_table_of_the_star_whose_columns_change(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    model(&workdir, "dim_t", "kind: dimension\nkey: [id]", "select id, p from staging.t")?;
    model(&workdir, "fact_t", "kind: fact\ngrain: [id]", "select id, p from staging.t")?;
    model(&workdir, "tab", "kind: table", "select id, p from staging.t")?;
    for table in ["dim_t", "fact_t", "tab"] {
        let select = format!("select max(p) as m, count(*) filter (where p > 9) as n from datawarehouse.{table}");
        question(&workdir, &format!("q_{table}"), &select)?;
    }
    workdir.load(&database, "t.csv", "id,p\n1,2\n2,3\n3,40\n").await?;
    run(&database, &workdir).await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    workdir.load(&database, "t.csv", "id,p\n4,9.10\n5,9.1\n").await?;
    run(&database, &workdir).await?;
    let views = ["q_dim_t", "q_fact_t", "q_tab"];
    for view in views {
        let answer = database.text(&format!("select m, n from datawarehouse.{view}")).await?;
        same((view, answer), (view, "40|3".to_owned()))?;
    }
    as_made_anew(&database, &workdir, &views).await
}

async fn questions_follow_a_view_of_the_star_that_changes(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "v", "kind: view", "select id, p from staging.t")?;
    question(&workdir, "q", "select max(p) as m, count(*) filter (where p > 9) as n from datawarehouse.v")?;
    workdir.load(&database, "t.csv", "id,p\n1,2\n2,3\n3,40\n").await?;
    run(&database, &workdir).await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    model(&workdir, "v", "kind: view", "select id, p * 0.25 as p from staging.t")?;
    run(&database, &workdir).await?;
    same(database.text("select m, n from datawarehouse.q").await?, "10.00|1")?;
    as_made_anew(&database, &workdir, &["q"]).await
}

async fn a_view_keeps_the_question_that_it_was_made_for(database: TestDatabase, workdir: Workdir) -> Outcome {
    question(&workdir, "q", P)?;
    workdir.load(&database, "t.csv", "id,p\n1,2\n2,3\n3,40\n").await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    question(&workdir, "q", "select 1 as half_wri")?;
    workdir.load(&database, "t.csv", "id,p\n4,9.10\n5,9.1\n").await?;
    same(database.text("select m, n from datawarehouse.q").await?, "40|3")
}

async fn a_view_that_cannot_be_translated_is_dropped_and_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    question(&workdir, "q", P)?;
    question(&workdir, "over", "select m from datawarehouse.q")?;
    workdir.load(&database, "t.csv", "id,p\n1,2\n2,3\n3,40\n").await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    workdir.write("imports/t.csv", "id,p\n4,none\n")?;
    let output = app(&workdir, &["--once"], &settings)?;
    let said = stdout(&output) + &stderr(&output);
    same(output.status.success(), true)?;
    for view in ["q", "over"] {
        holds(&said, &format!("view datawarehouse.{view}"))?;
        same(database.rows(&format!("select * from datawarehouse.{view}")).await.is_err(), true)?;
    }
    holds(&said, "the view cannot be read with the wider type and was dropped")?;
    question(&workdir, "q", "select max(p) as m from staging.t")?;
    analysis::run(&workdir.app(&database).workspace).await?;
    same(database.text("select m from datawarehouse.over").await?, "none")
}

async fn a_view_that_somebody_made_anew_stays(database: TestDatabase, workdir: Workdir) -> Outcome {
    question(&workdir, "q", P)?;
    workdir.load(&database, "t.csv", "id,p\n1,2\n2,3\n3,40\n").await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    let view = database.warehouse.names().table(&sluice::sql::Table::datawarehouse("q"));
    let table = database.warehouse.names().table(&sluice::sql::Table::staging("t"));
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    transaction.execute(&format!("drop view {view}"), &[]).await?;
    transaction.execute(&format!("create view {view} as select count(*) as own from {table}"), &[]).await?;
    transaction.commit().await?;
    workdir.load(&database, "t.csv", "id,p\n4,9.10\n5,9.1\n").await?;
    same(database.text("select own from datawarehouse.q").await?, "5")
}

async fn the_view_of_a_question_that_fails_follows_what_it_reads(database: TestDatabase, workdir: Workdir) -> Outcome {
    question(&workdir, "q", "select id, p from staging.t")?;
    question(&workdir, "over", "select max(p) as m, count(*) filter (where p > 9) as n from datawarehouse.q")?;
    workdir.load(&database, "t.csv", "id,p\n1,2\n2,3\n3,40\n").await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    question(&workdir, "q", "select id, p * 0.25 as p from staging.t")?;
    question(&workdir, "over", "select max(p as m from datawarehouse.q")?;
    same(analysis::run(&workdir.app(&database).workspace).await.is_err(), true)?;
    same(database.text("select m, n from datawarehouse.over").await?, "10.00|1")
}

async fn views_of_an_older_catalog_are_known_after_the_next_run(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "v", "kind: view", P)?;
    question(&workdir, "q", P)?;
    workdir.load(&database, "t.csv", "id,p\n1,2\n2,3\n3,40\n").await?;
    for forget in [false, true] {
        if forget {
            let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
            transaction
                .execute(
                    &format!("delete from {}", database.warehouse.names().table(&sluice::sql::Table::catalog("view"))),
                    &[],
                )
                .await?;
            transaction.commit().await?;
        }
        run(&database, &workdir).await?;
        analysis::run(&workdir.app(&database).workspace).await?;
    }
    workdir.load(&database, "t.csv", "id,p\n4,9.10\n5,9.1\n").await?;
    for view in ["v", "q"] {
        same(database.text(&format!("select m, n from datawarehouse.{view}")).await?, "40|3")?;
    }
    Ok(())
}

async fn a_table_that_was_dropped_and_comes_with_other_types(database: TestDatabase, workdir: Workdir) -> Outcome {
    question(&workdir, "q", P)?;
    workdir.load(&database, "t.csv", "id,p\n1,2\n2,3\n3,40\n").await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    let table = database.warehouse.names().table(&sluice::sql::Table::staging("t"));
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    let cascade = if table.contains('.') { " cascade" } else { "" };
    transaction.execute(&format!("drop table {table}{cascade}"), &[]).await?;
    transaction.commit().await?;
    workdir.load(&database, "t.csv", "id,p\n3,40\n4,9.10\n5,9.1\n").await?;
    if cascade.is_empty() {
        same(database.text("select m, n from datawarehouse.q").await?, "40|3")?;
    }
    analysis::run(&workdir.app(&database).workspace).await?;
    same(database.text("select m, n from datawarehouse.q").await?, "40|3")
}

async fn columns_keep_their_places(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_t", "kind: dimension\nkey: [id]\nhistory: [p]\nat: d", "select id, p, d, q from staging.t")?;
    model(
        &workdir,
        "fact_t",
        "kind: fact\ngrain: [p, id]\ndimensions: {id: dim_t}",
        "select q, id, p, d from staging.t",
    )?;
    model(&workdir, "fact_u", "kind: fact\ngrain: [p, q]", "select q, id, p, d from staging.t")?;
    model(&workdir, "tab", "kind: table", "select q, id, p, d from staging.t")?;
    model(&workdir, "v", "kind: view", "select q, p, id from datawarehouse.tab")?;
    workdir.load(&database, "t.csv", "id,p,d,q\n1,2,2024-01-01,5\n2,3,2024-01-01,7\n").await?;
    run(&database, &workdir).await?;
    let names = ["dim_t", "fact_t", "fact_u", "tab", "v"];
    let all = async || {
        let mut found = Vec::new();
        for name in names {
            let table = database.table(&format!("select * from datawarehouse.{name}")).await?;
            found.push((name, table.into_iter().next().map(|row| format!("{row:?}"))));
        }
        anyhow::Ok(found)
    };
    let before = all().await?;
    workdir.load(&database, "t.csv", "id,p,d,q\n3,2.50,2024-01-01,x\n1,9,2024-01-02 10:00:00,6\n").await?;
    run(&database, &workdir).await?;
    same(all().await?, before)?;
    same(
        database.text("select q, id, p from datawarehouse.fact_u order by p, q").await?,
        "5|1|2\nx|3|2.5\n7|2|3\n6|1|9",
    )?;
    same(database.text("select q, p, id from datawarehouse.v order by p, q").await?, "5|2|1\nx|2.50|3\n7|3|2\n6|9|1")?;
    is_settled(&database, &workdir).await
}

async fn a_view_keeps_its_grants_and_comment(database: TestDatabase, workdir: Workdir) -> Outcome {
    // The first can be put back as the server has it, the second only as it was written.
    question(&workdir, "q", P)?;
    question(&workdir, "days", "select id, d > '2024-01-31' as late from staging.t")?;
    workdir.load(&database, "t.csv", "id,p,d\n1,2,2024-01-01\n").await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    for view in ["q", "days"] {
        transaction.execute(&format!("grant select on datawarehouse.{view} to public"), &[]).await?;
        transaction.execute(&format!("comment on view datawarehouse.{view} is 'it''s ours'"), &[]).await?;
    }
    transaction.commit().await?;
    workdir.load(&database, "t.csv", "id,p,d\n4,9.10,soon\n").await?;
    same(database.text("select id, late from datawarehouse.days order by 1").await?, "1|false\n4|true")?;
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    for view in ["q", "days"] {
        let kept = "select obj_description(to_regclass($1), 'pg_class'), \
            has_table_privilege('public', to_regclass($1), 'select')::text";
        let name = format!("datawarehouse.{view}");
        let rows = transaction.query(kept, &[name.as_str().into()]).await?;
        let row: (Option<&str>, Option<&str>) = (rows[0].text(0), rows[0].text(1));
        same((view, row), (view, (Some("it's ours"), Some("true"))))?;
    }
    Ok(())
}
