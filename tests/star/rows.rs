//! Tables whose rows have no key: each row stands as often as the select gives it.

use sluice::sql::{Engine, Table};

use crate::support::star::{is_settled, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        equal_rows_are_counted,
        every_value_is_equal_to_itself_alone,
        a_row_that_stays_against_the_run_fails_it;
}

/// Columns whose names are words of the comparison, too.
const TABLE: &str = "/* kind: table */ select place, repeat, stands, day, amount from staging.t";
const HEADER: &str = "place,repeat,stands,day,amount\n";

async fn equal_rows_are_counted(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [\"t*\"]\ntable: t\nmode: replace\n")?;
    workdir.write("sql/pipeline/all_rows.sql", TABLE)?;
    let (row, empty, gone, new) = ("a,1,x,2024-01-31,1.50\n", "b,,,,\n", "a,2,x,2024-01-31,1.5\n", "c,3,,,0.10\n");
    let text = |rows: &[(&str, usize)]| rows.iter().fold(HEADER.to_owned(), |text, (row, n)| text + &row.repeat(*n));
    let counted = "select place, repeat, amount, count(*) as n from datawarehouse.all_rows group by place, repeat, amount \
                   order by place, repeat";

    workdir.load(&database, "t.1.csv", text(&[(row, 3), (empty, 2), (gone, 1)])).await?;
    same(run(&database, &workdir).await?[0].inserted, 6)?;
    same(database.text(counted).await?, "a|1|1.50|3\na|2|1.5|1\nb|∅|∅|2")?;

    // One copy goes, one comes, one row is new twice.
    workdir.load(&database, "t.2.csv", text(&[(row, 2), (empty, 3), (new, 2)])).await?;
    let change = run(&database, &workdir).await?.remove(0);
    same((change.deleted, change.inserted, change.rows), (2, 3, 7))?;
    same(database.text(counted).await?, "a|1|1.50|2\nb|∅|∅|3\nc|3|0.10|2")?;
    is_settled(&database, &workdir).await?;

    // Nothing but copies goes.
    workdir.load(&database, "t.3.csv", text(&[(empty, 1)])).await?;
    let change = run(&database, &workdir).await?.remove(0);
    same((change.deleted, change.inserted, change.rows), (6, 0, 1))?;
    same(database.text(counted).await?, "b|∅|∅|1")
}

async fn every_value_is_equal_to_itself_alone(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("v", "name: v\nfiles: [\"v*\"]\ntable: v\nmode: replace\n")?;
    workdir.write(
        "sql/pipeline/v_rows.sql",
        "/* kind: table */ select whole, exact, rough, is_so, day, at, moment, word from staging.v",
    )?;
    let header = "whole,exact,rough,is_so,day,at,moment,word\n";
    let all = "1,1.5,1.5e3,true,2024-01-31,2024-01-31 10:00:00,2024-01-31T10:00:00Z,x\n";
    // The same but for one value, which differs, or is empty.
    let others = [
        "2,1.5,1.5e3,true,2024-01-31,2024-01-31 10:00:00,2024-01-31T10:00:00Z,x\n",
        "1,,1.5e3,true,2024-01-31,2024-01-31 10:00:00,2024-01-31T10:00:00Z,x\n",
        "1,1.5,2.5e-7,true,2024-01-31,2024-01-31 10:00:00,2024-01-31T10:00:00Z,x\n",
        "1,1.5,1.5e3,false,2024-01-31,2024-01-31 10:00:00,2024-01-31T10:00:00Z,x\n",
        "1,1.5,1.5e3,true,,2024-01-31 10:00:00,2024-01-31T10:00:00Z,x\n",
        "1,1.5,1.5e3,true,2024-01-31,2024-01-31 10:00:01,2024-01-31T10:00:00Z,x\n",
        "1,1.5,1.5e3,true,2024-01-31,2024-01-31 10:00:00,2024-01-31T10:00:00.5Z,x\n",
        "1,1.5,1.5e3,true,2024-01-31,2024-01-31 10:00:00,2024-01-31T10:00:00Z,X\n",
    ];
    let every = others.concat();
    workdir.load(&database, "v.1.csv", format!("{header}{all}{every}")).await?;
    run(&database, &workdir).await?;
    for (n, other) in others.iter().enumerate() {
        let file = format!("v.{}.csv", n + 2);
        workdir.load(&database, &file, format!("{header}{all}{}", every.replace(other, ""))).await?;
        let change = run(&database, &workdir).await?.remove(0);
        same((n, change.deleted, change.rows), (n, 1, 8))?;
        same(change.inserted, u64::from(n > 0))?;
    }
    let columns = "whole, exact, rough, is_so, day, at, moment, word";
    let table = database.text(&format!("select {columns} from datawarehouse.v_rows order by {columns}")).await?;
    same(table, database.text(&format!("select {columns} from staging.v order by {columns}")).await?)
}

async fn a_row_that_stays_against_the_run_fails_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [\"t*\"]\ntable: t\nmode: replace\n")?;
    workdir.write("sql/pipeline/all_rows.sql", TABLE)?;
    workdir.load(&database, "t.1.csv", format!("{HEADER}a,1,x,2024-01-31,1.5\n")).await?;
    run(&database, &workdir).await?;
    let table = database.warehouse.names().table(&Table::datawarehouse("all_rows"));
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    let statements = match database.engine {
        Engine::Postgres => vec![
            "create function stay() returns trigger language plpgsql as 'begin return null; end'".to_owned(),
            format!("create trigger stay before delete on {table} for each row execute function stay()"),
        ],
        Engine::Sqlite => vec![format!("create trigger stay before delete on {table} begin select raise(ignore); end")],
    };
    for statement in statements {
        transaction.execute(&statement, &[]).await?;
    }
    transaction.commit().await?;
    workdir.load(&database, "t.2.csv", format!("{HEADER}b,1,x,2024-01-31,1.5\n")).await?;
    let error = run(&database, &workdir).await.unwrap_err().to_string();
    holds(&error, "1 are to go and 1 to come, 0 went and 1 came")?;
    same(database.text("select place from datawarehouse.all_rows").await?, "a")
}
