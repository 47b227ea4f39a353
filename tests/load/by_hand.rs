//! Staging tables that somebody has changed by hand: no value is altered and no row lost without a word.

use sluice::load::FileOutcome;
use sluice::sql::Engine;
use sluice::warehouse::Scope;

use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_column_of_another_type_takes_no_rows,
        a_column_put_back_takes_rows_again,
        an_upsert_asks_for_the_types_too,
        a_row_that_a_trigger_leaves_out_is_missed,
        a_row_that_a_trigger_keeps_from_an_upsert_is_missed,
        an_index_over_a_key_goes_with_the_mode;
}

async fn run(database: &TestDatabase, sql: &[String]) -> Outcome {
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    for one in sql {
        transaction.execute(one, &[]).await?;
    }
    Ok(transaction.commit().await?)
}

/// Gives `column` of the table t, whose columns are `columns`, another type.
async fn retype(database: &TestDatabase, column: &str, kind: &str, columns: &str) -> Outcome {
    let sql = match database.engine {
        Engine::Postgres => vec![format!("alter table staging.t alter {column} type {kind} using null")],
        Engine::Sqlite => {
            let declared = columns.replace(&format!("{column} "), &format!("{column} {kind}, gone_{column} "));
            vec![
                "drop table staging__t".to_owned(),
                format!("create table staging__t ({declared}, _load_id bigint not null, _line bigint not null)"),
            ]
        }
    };
    run(database, &sql).await
}

/// Drops a file that must fail; gives its error.
async fn fails(database: &TestDatabase, workdir: &Workdir, name: &str, text: &str) -> anyhow::Result<String> {
    let outcome = workdir.drop_file(database, name, text).await?;
    anyhow::ensure!(matches!(outcome, FileOutcome::Failed(_)), "{outcome:?}");
    let error = workdir.read(&format!("imports/failed/{name}.error.json"))?;
    for one in workdir.list("imports/failed") {
        std::fs::remove_file(workdir.path(&format!("imports/failed/{one}")))?;
    }
    Ok(error)
}

async fn a_column_of_another_type_takes_no_rows(database: TestDatabase, workdir: Workdir) -> Outcome {
    let values = [
        ("bigint", "3", "4"),
        ("numeric", "2.25", "10.10"),
        ("double", "1.5e-07", "2.5"),
        ("boolean", "true", "false"),
        ("date", "2026-01-02", "2026-01-03"),
        ("timestamp", "2026-01-02 10:00:00.6", "2026-01-03 10:00:00"),
        ("timestamptz", "2026-01-02T10:00:00Z", "2026-01-03T10:00:00Z"),
        ("text", "007", "12345678901234567890"),
    ];
    let others = match database.engine {
        Engine::Postgres => vec![
            "bigint",
            "integer",
            "smallint",
            "money",
            "double precision",
            "real",
            "numeric",
            "numeric(5,1)",
            "boolean",
            "\"char\"",
            "date",
            "timestamp",
            "timestamp(0)",
            "timestamptz",
            "timestamptz(0)",
            "text",
            "bytea",
            "varchar(3)",
            "char(40)",
            "json",
            "time",
            "d",
        ],
        Engine::Sqlite => {
            vec![
                "bigint",
                "integer",
                "real",
                "numeric",
                "numeric_text",
                "boolean",
                "date",
                "timestamp",
                "timestamptz",
                "text",
                "blob",
                "",
            ]
        }
    };
    if database.engine == Engine::Postgres {
        run(&database, &["create domain d as numeric(5,1)".to_owned()]).await?;
    }
    for (kind, first, second) in values {
        for other in &others {
            let own = database.engine == Engine::Postgres && kind == "double" && *other == "double precision";
            let own = own || (database.engine == Engine::Sqlite && kind == "double" && *other == "real");
            let own = own || (database.engine == Engine::Sqlite && kind == "numeric" && *other == "numeric_text");
            let named = database.engine == Engine::Postgres || kind != "numeric";
            if own || (named && kind == *other) {
                continue;
            }
            workdir.load(&database, "t.csv", format!("k,v\nx,{first}\n")).await?;
            let declared = if kind == "double" { "real" } else { kind };
            retype(&database, "v", other, &format!("k text, v {declared}")).await?;
            // On SQLite the rows are gone, and a file of other content comes.
            let error = fails(&database, &workdir, "t.csv", &format!("k,v\ny,{second}\n")).await?;
            holds(&error, "somebody has changed the type of staging.t.v: it is ")?;
            let drop = match database.engine {
                Engine::Postgres => "drop table staging.t",
                Engine::Sqlite => "drop table staging__t",
            };
            run(&database, &[drop.to_owned(), forget(&database, "column"), forget(&database, "load")]).await?;
        }
    }
    Ok(())
}

fn forget(database: &TestDatabase, catalog: &str) -> String {
    match database.engine {
        Engine::Postgres => format!("delete from sluice.\"{catalog}\" where dataset = 't'"),
        Engine::Sqlite => format!("delete from sluice__{catalog} where dataset = 't'"),
    }
}

async fn a_column_put_back_takes_rows_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "id,v\n1,a\n2,b\n").await?;
    retype(&database, "id", "text", "id bigint, v text").await?;
    let error = fails(&database, &workdir, "t.csv", "id,v\n3,c\n").await?;
    holds(&error, "it is text, and its files made it bigint")?;
    match database.engine {
        Engine::Postgres => {
            holds(
                &error,
                "alter table \\\"staging\\\".\\\"t\\\" alter column \\\"id\\\" type bigint using \\\"id\\\"::bigint",
            )?;
            let back =
                "alter table staging.t alter column id type bigint using id::bigint, alter column v type varchar";
            run(&database, &[back.to_owned()]).await?;
        }
        Engine::Sqlite => {
            let made = "create table staging__t (id BIGINT, v TEXT, _load_id bigint not null, _line bigint not null)";
            run(&database, &["drop table staging__t".to_owned(), made.to_owned()]).await?;
        }
    }
    // A file that does not bring the column is not asked for it.
    workdir.load(&database, "t.csv", "id,v\n3,c\n").await?;
    same(database.text("select id, v from staging.t where id = 3").await?, "3|c")
}

async fn an_upsert_asks_for_the_types_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [\"t*\"]\ntable: t\nmode: upsert\nkey: [id]\n")?;
    workdir.load(&database, "t.csv", "id,v\n1,2.25\n").await?;
    let kind = if database.engine == Engine::Postgres { "numeric(5,1)" } else { "real" };
    retype(&database, "v", kind, "id bigint, v numeric_text").await?;
    let error = fails(&database, &workdir, "t.csv", "id,v\n2,3.75\n").await?;
    holds(&error, &format!("it is {kind}, and its files made it numeric"))
}

/// A trigger that leaves out the row with id 3.
fn trigger(database: &TestDatabase) -> Vec<String> {
    match database.engine {
        Engine::Postgres => vec![
            "create function leave_out() returns trigger language plpgsql as $$ begin if new.id = 3 then return null; \
             end if; return new; end $$"
                .to_owned(),
            "create trigger tr before insert or update on staging.t for each row execute function leave_out()".to_owned(),
        ],
        Engine::Sqlite => ["insert", "update"]
            .map(|event| {
                format!("create trigger tr_{event} before {event} on staging__t when new.id = 3 begin select raise(ignore); end")
            })
            .into(),
    }
}

async fn a_row_that_a_trigger_leaves_out_is_missed(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "id,v\n1,a\n").await?;
    run(&database, &trigger(&database)).await?;
    for many in [2, 40, 5000] {
        let rows: String = (2..2 + many).map(|id| format!("{id},b\n")).collect();
        holds(&fails(&database, &workdir, "t.csv", &format!("id,v\n{rows}")).await?, "the rows do not add up")?;
    }
    workdir.load(&database, "t.csv", "id,v\n4,b\n5,b\n").await?;
    same(database.text("select count(*) from staging.t").await?, "3")
}

async fn a_row_that_a_trigger_keeps_from_an_upsert_is_missed(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [\"t*\"]\ntable: t\nmode: upsert\nkey: [id]\n")?;
    workdir.load(&database, "t.csv", "id,v\n1,a\n3,a\n").await?;
    run(&database, &trigger(&database)).await?;
    holds(&fails(&database, &workdir, "t.csv", "id,v\n1,b\n3,b\n").await?, "the rows do not add up")?;
    run(
        &database,
        &[format!(
            "delete from {} where id = 3",
            if database.engine == Engine::Postgres { "staging.t" } else { "staging__t" }
        )],
    )
    .await?;
    holds(&fails(&database, &workdir, "t.csv", "id,v\n1,c\n3,c\n").await?, "the rows do not add up")?;
    workdir.load(&database, "t.csv", "id,v\n1,d\n4,d\n").await?;
    same(database.text("select id, v from staging.t order by id").await?, "1|d\n4|d")
}

async fn an_index_over_a_key_goes_with_the_mode(database: TestDatabase, workdir: Workdir) -> Outcome {
    for mode in ["append", "replace"] {
        let load = async |stated: &str, rows: &str| {
            workdir.plugin("t", &format!("name: t\nfiles: [\"{mode}*\"]\ntable: {mode}\nmode: {stated}\n"))?;
            workdir.load(&database, &format!("{mode}.csv"), format!("id,v\n{rows}")).await
        };
        load("upsert\nkey: [id]", "1,a\n").await?;
        load("upsert\nkey: [id]", "1,b\n").await?;
        same((mode, load(mode, "1,c\n1,d\n").await?.books.loaded), (mode, 2))?;
    }
    same(database.text("select id, v from staging.append order by v").await?, "1|b\n1|c\n1|d")?;
    same(database.text("select id, v from staging.replace order by v").await?, "1|c\n1|d")?;
    // An index that somebody else has made stays.
    workdir.load(&database, "t.csv", "id,v\n1,c\n").await?;
    let table = if database.engine == Engine::Postgres { "staging.t" } else { "staging__t" };
    run(&database, &[format!("create unique index own on {table} (v)")]).await?;
    holds(
        &fails(&database, &workdir, "t.csv", "id,v\n30,c\n").await?,
        if table == "staging.t" { "own" } else { "staging__t.v" },
    )
}
