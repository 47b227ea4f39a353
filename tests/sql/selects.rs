//! One SQL for both engines: each pair of `tests/data/sql.txt` is a select and what both engines give for it.

use sluice::sql::Engine;

use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        pairs,
        what_is_refused,
        what_is_wrong_fails_on_both,
        the_star_keeps_types;
}

const PAIRS: &str = include_str!("../data/sql.txt");

/// Rows with what is easily got wrong: NULLs, negative numbers, leap days, ends of months, offsets, letters beyond ASCII, empty texts.
pub async fn stage(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    workdir
        .load(
            database,
            "goods.csv",
            "id,name,note,price,weight,sold,day,at,seen,stock\n\
             1,Äpfel,\"a,b,c\",9.50,0.5,true,2024-01-31,2024-01-31 10:15:30.5,2024-01-31T10:15:30+02:00,7\n\
             2,birnen,\"\",10.25,1.5,false,2024-02-29,2024-02-29 23:59:59,2024-02-29T23:59:59Z,-7\n\
             3,Zitronen,x%y_z,0.10,2.5,true,2023-12-31,2023-12-31 00:00:00,2023-12-31T00:30:00+01:00,3\n\
             4,ÜBER*[a],ééé,-3.75,-2.5,,2021-01-03,2021-01-03 12:00:00.25,2021-01-03T12:00:00.25Z,0\n\
             5,,,,,true,,,,\n\
             6,birnen,it's,0.20,1e-3,false,2024-12-30,2024-12-30 08:30:00,2024-12-30T08:30:00-05:00,10\n",
        )
        .await?;
    workdir
        .load(
            database,
            "colours.csv",
            "id,colour,price,digits\n1,red,9.5,12\n2,green,10.250,007\n2,blue,,x\n7,black,1.000,-3\n",
        )
        .await?;
    Ok(())
}

/// Title, select, expected text.
fn read_pairs(text: &str) -> Vec<(String, String, String)> {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks
        .map(|block| {
            let (title, rest) = block.trim_matches('\n').split_once('\n').unwrap_or((block, ""));
            let (select, expected) = rest.split_once("\n----").unwrap_or((rest, ""));
            (title.to_owned(), select.to_owned(), expected.trim_matches('\n').to_owned())
        })
        .collect()
}

async fn given(database: &TestDatabase, select: &str) -> anyhow::Result<String> {
    let rows = database.table(select).await?;
    let line = |row: &sluice::warehouse::Row| {
        row.iter().map(|cell| cell.as_deref().unwrap_or("∅")).collect::<Vec<_>>().join("|")
    };
    Ok(rows.iter().map(line).collect::<Vec<_>>().join("\n"))
}

async fn pairs(database: TestDatabase, workdir: Workdir) -> Outcome {
    stage(&database, &workdir).await?;
    let mut wrong = Vec::new();
    let mut written = String::new();
    for (title, select, expected) in read_pairs(PAIRS) {
        let given = given(&database, &select).await.unwrap_or_else(|error| format!("error: {error:#}"));
        written += &format!("{title}\n{select}\n----\n{given}\n\n");
        if given != expected {
            wrong.push(format!("{title}\n{select}\ngives\n{given}\nexpected\n{expected}\n"));
        }
    }
    // What PostgreSQL gives is what is expected: to write it anew, run its case with this variable.
    if database.engine == Engine::Postgres && std::env::var_os("WRITE_SQL_PAIRS").is_some() {
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sql.txt"),
            written.trim_end().to_owned() + "\n",
        )?;
        return Ok(());
    }
    anyhow::ensure!(wrong.is_empty(), "{} of the pairs differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

async fn what_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    stage(&database, &workdir).await?;
    for (construct, words) in REFUSED {
        let select = format!("select {construct} as x from staging.goods where price > 0");
        // On PostgreSQL everything goes that goes there.
        match (database.engine, database.table(&select).await) {
            (Engine::Sqlite, Ok(rows)) => anyhow::bail!("{select} gives {rows:?}"),
            (Engine::Sqlite, Err(error)) => {
                holds(&error.to_string(), "line 1, column ")?;
                holds(&error.to_string(), "SQLite has nothing that is known to mean the same as ")?;
                holds(&error.to_string(), words)?;
            }
            (Engine::Postgres, given) => drop(given.map_err(|error| error.context(select))?),
        }
    }
    for (select, words) in REFUSED_CLAUSES {
        match (database.engine, database.table(select).await) {
            (Engine::Sqlite, Ok(rows)) => anyhow::bail!("{select} gives {rows:?}"),
            (Engine::Sqlite, Err(error)) => holds(&error.to_string(), words)?,
            (Engine::Postgres, given) => drop(given.map_err(|error| error.context(*select))?),
        }
    }
    Ok(())
}

/// What is wrong is an error on both, before or while it runs; SQLite by itself would give NULL, 0 or any row.
async fn what_is_wrong_fails_on_both(database: TestDatabase, workdir: Workdir) -> Outcome {
    stage(&database, &workdir).await?;
    for (select, words) in WRONG {
        match (database.engine, database.table(select).await) {
            (_, Ok(rows)) => anyhow::bail!("{select} gives {rows:?}"),
            (Engine::Sqlite, Err(error)) => holds(&error.to_string(), words)?,
            (Engine::Postgres, Err(_)) => {}
        }
    }
    Ok(())
}

/// The star and its views keep types, digits and truths, also where a view reads a view.
async fn the_star_keeps_types(database: TestDatabase, workdir: Workdir) -> Outcome {
    stage(&database, &workdir).await?;
    workdir.write(
        "sql/pipeline/sales.sql",
        "/* kind: table */ select id, price, price * 2 as twice, price > 5 as dear, at::date as day, count(*) over () \
         as n from staging.goods",
    )?;
    workdir.write(
        "sql/analysis/by_day.sql",
        "select day, bool_or(dear) as dear, sum(twice) as total from datawarehouse.sales group by day order by day",
    )?;
    workdir.write(
        "sql/analysis/over.sql",
        "select day + 1 as next, not dear as cheap, total / 2 > 5 as much, round(total / 3, 2) as third from \
         datawarehouse.by_day where dear is not null order by next",
    )?;
    let app = workdir.app(&database);
    sluice::pipeline::run(&app.workspace).await?;
    sluice::analysis::run(&app.workspace).await?;
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    let columns = transaction.columns(&sluice::sql::Table::datawarehouse("sales")).await?;
    let declared: Vec<_> = columns.iter().map(|column| column.declared.as_str()).collect();
    drop(transaction);
    let numeric = if database.engine == Engine::Sqlite { "numeric_text" } else { "numeric" };
    same(declared, ["bigint", numeric, numeric, "boolean", "date", "bigint"])?;
    same(
        workdir.read("exports/by_day.csv")?,
        "day,dear,total\n2021-01-03,false,-7.50\n2023-12-31,false,0.20\n2024-01-31,true,19.00\n2024-02-29,true,20.50\n\
         2024-12-30,false,0.40\n,,\n",
    )?;
    same(
        workdir.read("exports/over.csv")?,
        "next,cheap,much,third\n2021-01-04,true,false,-2.50\n2024-01-01,true,false,0.07\n2024-02-01,false,true,6.33\n\
         2024-03-01,false,true,6.83\n2024-12-31,true,false,0.13\n",
    )?;
    let again = sluice::pipeline::run(&app.workspace).await?;
    same((again[0].inserted, again[0].deleted), (0, 0))
}

const REFUSED: &[(&str, &str)] = &[
    ("array_agg(id)", "array_agg() of bigint"),
    ("string_agg(name, ',')", "string_agg() without order by: which text comes first is not said"),
    ("percentile_cont(0.5) within group (order by price)", "percentile_cont() within group"),
    ("stddev(price)", "stddev() of numeric"),
    ("name ~ '^a'", "the regular expression operator ~"),
    ("name similar to 'a%'", "similar to"),
    ("regexp_replace(name, 'a', 'b')", "the function regexp_replace() with 3 arguments"),
    ("initcap(name)", "the function initcap() with 1 argument"),
    ("md5(name)", "the function md5() with 1 argument"),
    ("age(at)", "the function age() with 1 argument"),
    ("sqrt(weight)", "the function sqrt() with 1 argument"),
    ("at - at", "an interval as a value: write extract(epoch from …)"),
    ("interval '1 day'", "an interval that is not added to a moment"),
    ("at + interval '1.5 days'", "interval '1.5 days'"),
    ("weight::text", "double precision as text"),
    ("'{\"a\": 1}'::json ->> 'a'", "cast to json"),
    ("name collate \"C\"", "collate"),
    ("array[1, 2]", "array[…]"),
    ("(id, name) = (1, 'x')", "a row (a, b)"),
    ("price % 2", "the rest of a division (%) of numeric"),
    ("at at time zone 'Europe/Berlin'", "at time zone with another zone than 'UTC'"),
    ("to_char(at, 'TZ')", "the pattern 'TZ' (at 'TZ')"),
    ("to_char(price, '9.9EEEE')", "to_char() of a number with the pattern '9.9EEEE'"),
    ("extract(century from day)", "extract(century from date)"),
    ("date '5 Jan 2024'", "date '5 Jan 2024': write it as ISO 8601 has it"),
    ("(select name from staging.goods where id = 1)", "a subquery for a value that may give several rows"),
    ("id & 1", "the operator &"),
    ("1e3", "1e3"),
    ("random()", "the function random() with 0 arguments"),
    ("count(*) over (order by id range between 1 preceding and current row)", "a window's range by a value"),
    ("string_agg(distinct name, '; ' order by name)", "string_agg(distinct …) with another separator than ','"),
];

const REFUSED_CLAUSES: &[(&str, &str)] = &[
    ("select g.id from staging.goods g, lateral (select g.id) as l", "lateral"),
    ("select x from unnest(array[1, 2]) as x", "unnest in from"),
    ("select sold, count(*) from staging.goods group by rollup (sold)", "grouping sets, cube and rollup"),
    ("select id from staging.goods intersect all select id from staging.goods", "intersect all"),
    ("select price from staging.goods except select price from staging.colours", "except over decimals"),
    ("select id from staging.goods natural join staging.colours", "natural join"),
    ("select id from staging.goods order by id fetch first 1 rows with ties", "fetch first with ties"),
    ("select distinct on (name) name from staging.goods", "distinct on without an order by"),
    ("select id from staging.goods tablesample system (100)", "what follows the table's name"),
    ("select id from staging.goods for update", "for update"),
];

const WRONG: &[(&str, &str)] = &[
    ("select id / 0 from staging.goods", "division by zero: 0"),
    ("select id / (id - 1) from staging.goods", "division by zero: 0"),
    ("select price / stock from staging.goods", "division by zero: 0"),
    ("select digits::integer from staging.colours", "not a whole number: x"),
    ("select digits::numeric from staging.colours", "not a decimal number: x"),
    ("select name::date from staging.goods", "not a date as 2024-01-31: "),
    ("select substr('x2023-02-29', 2)::date", "not a date as 2024-01-31: 2023-02-29"),
    ("select name::boolean from staging.goods", "neither true nor false: "),
    ("select make_date(2023, 2, id::int + 28) from staging.goods", "no such day: 2023-02-29"),
    ("select name, count(*) from staging.goods", "name is neither in group by nor in an aggregate"),
    ("select name, price from staging.goods group by name", "price is neither in group by nor in an aggregate"),
    (
        "select name, (select max(colour) from staging.colours c where c.id = g.id) from staging.goods g group by name",
        "g.id is neither in group by nor in an aggregate",
    ),
    ("select nmae from staging.goods", "there is no column nmae"),
    ("select id from staging.goods, staging.colours", "several tables have a column id"),
    ("select x.id from staging.goods", "from names no table x"),
    ("select name = 1 from staging.goods", "text = integer"),
    ("select sold = 1 from staging.goods", "boolean = integer"),
    ("select id from staging.goods where stock", "bigint where boolean is expected"),
    ("select id from goods", "there is no table goods: write staging.goods or datawarehouse.goods"),
    ("select id from staging.goods union select name from staging.goods", "the column name is bigint and text"),
    ("select length(id) from staging.goods", "length() of bigint"),
    ("select sum(sold) from staging.goods", "sum() takes numbers, and this is boolean"),
    ("select avg(day) from staging.goods", "avg() takes numbers, and this is date"),
    ("select sum(name) from staging.goods", "sum() takes numbers, and this is text; cast it"),
    ("select bool_and(id) from staging.goods", "bool_and() takes truths, and this is bigint"),
];
