//! `app graph`: every file, table and view of a project, and what is made of what.

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_project_is_drawn_whole;
    alone:
        the_example_is_drawn_without_a_warehouse;
}

async fn a_project_is_drawn_whole(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("o", "name: o\nfiles: [\"orders_*.csv\"]\ntable: orders\n")?;
    workdir.load(&database, "orders_1.csv", "id,city\n1,Bern\n").await?;
    workdir.load(&database, "cities.csv", "city\nBern\n").await?;
    workdir.load(&database, "cities.2.csv", "city\nGenf\n").await?;
    for (file, text) in [
        ("pipeline/dim_city.sql", "/*\nkind: dimension\nkey: [city]\n*/ select distinct city from staging.cities"),
        (
            "pipeline/fact_order.sql",
            "/*\nkind: fact\ngrain: [id]\ndimensions: {city: dim_city}\n*/ select id, city from staging.orders",
        ),
        ("analysis/top.sql", "select count(*) as n from datawarehouse.fact_order"),
    ] {
        workdir.write(&format!("sql/{file}"), text)?;
    }
    let settings = [("DATABASE_URL", database.url.as_str())];
    // Before the first run the files say what columns there will be, and after it there are those.
    let columns = || -> anyhow::Result<String> {
        Ok(stdout(&app(&workdir, &["graph", "--format", "dot", "--columns"], &settings)?))
    };
    let before = columns()?;
    let text = stdout(&app(&workdir, &["graph"], &settings)?);
    for words in [
        "orders_#42;.csv<br/><i>files</i>",
        "cities.2.csv and 1 more<br/>",
        "staging.cities<br/>",
        "datawarehouse.top<br/><i>analysis</i>",
    ] {
        holds(&text, words)?;
    }
    same((text.matches(" --> ").count(), text.matches(" -.-> ").count()), (5, 1))?;
    for arguments in [["--pipeline"], ["--analysis"]] {
        same(app(&workdir, &arguments, &settings)?.status.code(), Some(0))?;
    }
    let text = columns()?;
    same(before.as_str(), text.as_str())?;
    holds(&text, "label=\"datawarehouse.fact_order\\nfact|<c0> id|<c1> city_key|")?;
    // cities.city is dim_city's; orders.id and orders.city are the fact's, whose key is dim_city's.
    same((text.matches(":c").count(), text.matches(" [style=dashed];").count()), (8, 1))?;
    let output = app(&workdir, &["graph", "--columns", "--output", "star.svg"], &settings)?;
    same((stdout(&output).as_str(), output.status.code()), ("7 tables, views and files in star.svg\n", Some(0)))?;
    let svg = workdir.read("star.svg")?;
    same((svg.matches("<rect class=\"node\"").count(), svg.contains(">city_key</text>")), (7, true))?;
    workdir.write("sql/pipeline/dim_city.sql", "select 1")?;
    let output = app(&workdir, &["graph", "--output", "star.png"], &settings)?;
    same((output.status.code(), workdir.path("star.png").exists()), (Some(2), false))?;
    holds(&stderr(&output), "nothing is drawn as .png: say --format, or let PATH end in .svg, .dot or .mmd")?;
    let output = app(&workdir, &["graph"], &settings)?;
    same(output.status.code(), Some(1))?;
    holds(&stderr(&output), "sql/pipeline/dim_city.sql:1: ")
}

async fn the_example_is_drawn_without_a_warehouse(workdir: Workdir) -> Outcome {
    workdir.copy_example_sql()?;
    let settings = [("DATABASE_URL", "sqlite://absent.db")];
    let output = app(&workdir, &["graph"], &settings)?;
    same(output.status.code(), Some(0)).map_err(|error| error.context(stderr(&output)))?;
    for name in ["staging.2019_free_title_data", "datawarehouse.dim_title", "datawarehouse.top_related_titles"] {
        holds(&stdout(&output), name)?;
    }
    same(workdir.path("absent.db").exists(), false)?;
    // With their columns, as far as the files name them.
    let output = app(&workdir, &["graph", "--columns", "--format", "dot"], &settings)?;
    same(output.status.code(), Some(0)).map_err(|error| error.context(stderr(&output)))?;
    let text = stdout(&output);
    holds(
        &text,
        "label=\"datawarehouse.dim_title\\ndimension|<c0> dim_title_key|<c1> title|<c2> pdl_count|<c3> is_inferred\"",
    )?;
    holds(&text, "label=\"datawarehouse.fact_title_skill\\nfact|<c0> title_key|<c1> skill_key\"")?;
    same(text.matches(" [style=dashed];").count(), 4)
}
