//! What every warehouse must do, the same on both engines.

use sluice::format::{ReadOptions, csv::Reader};
use sluice::schema::{Column, Fits, Selection, Spelling, Type, conform, shape};
use sluice::sql::{Table, TableColumn, TableDef, quote};
use sluice::warehouse::{Alteration, Scope, Transaction, Value};

use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

/// One batch.
struct Once(Option<arrow_array::RecordBatch>);

#[async_trait::async_trait]
impl sluice::warehouse::Batches for Once {
    async fn next(&mut self) -> Option<arrow_array::RecordBatch> {
        self.0.take()
    }
}

cases! {
    on_both:
        values_of_every_type_read_back,
        dropping_a_transaction_rolls_back,
        bound_values,
        widening_keeps_every_value,
        views_stand_while_tables_change,
        a_view_is_replaced_without_losing_those_over_it,
        names_cannot_break_out,
        decimals_are_numbers_in_a_select,
        missing_and_dropped;
}

const EVERY_TYPE: [(&str, Type); 8] = [
    ("bigint", Type::Bigint),
    ("numeric", Type::Numeric),
    ("double", Type::Double),
    ("boolean", Type::Boolean),
    ("date", Type::Date),
    ("timestamp", Type::Timestamp),
    ("timestamptz", Type::Timestamptz),
    ("text", Type::Text),
];

const ROWS: &str = "bigint,numeric,double,boolean,date,timestamp,timestamptz,text
-9223372036854775808,-12345678901234567890.120,1e-07,True,0001-01-01,0001-01-01 00:00:00,2020-01-01T01:30:00.5+02:00,\"a \"\"b\"\",
c\"
9223372036854775807,0.00,0.30000000000000004,False,9999-12-31,9999-12-31T23:59:59.999999,1969-12-31 23:59:59.999999Z,  ü
0,10000.0001,-2.5,False,2024-02-29,2024-02-29 12:00,2020-06-30T00:00:00Z,\"\"
,,,,,,,\"\"
";

fn columns() -> Vec<Column> {
    let fits = |kind| if kind == Type::Boolean { Fits::boolean(Spelling::Title) } else { Fits::of(&[kind]) };
    EVERY_TYPE.map(|(name, kind)| Column { name: name.into(), header: name.into(), fits: fits(kind) }).into()
}

async fn with_rows(database: &TestDatabase) -> anyhow::Result<(Table, Box<dyn Transaction>)> {
    let (table, names) = (Table::staging("every_type"), database.warehouse.names());
    let declared: Vec<_> = EVERY_TYPE
        .iter()
        .map(|(name, kind)| TableColumn { name: (*name).into(), declared: names.declared(*kind).into() })
        .collect();
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    let def = TableDef::new(table.clone(), declared).with_counts(&["_load_id", "_line"]);
    transaction.execute(&names.create_table(&def), &[]).await?;
    let mut reader = Reader::open(ROWS.as_bytes(), &ReadOptions::default())?;
    same(reader.dialect().delimiter, b',')?;
    let chunk = reader.next_chunk()?.expect("there are rows");
    let conformed =
        conform(&chunk.records, &shape(&columns(), &Selection::default(), None).map_err(anyhow::Error::msg)?, 7)?;
    same((conformed.rejects.len(), chunk.rejects.len()), (0, 0))?;
    let types: Vec<_> = EVERY_TYPE.iter().map(|(_, kind)| *kind).chain([Type::Bigint, Type::Bigint]).collect();
    same(transaction.copy_in(&table, &types, &mut Once(Some(conformed.batch))).await?, 4)?;
    Ok((table, transaction))
}

async fn values_of_every_type_read_back(database: TestDatabase, _: Workdir) -> Outcome {
    let (_, transaction) = with_rows(&database).await?;
    transaction.commit().await?;
    let text = database
        .text("select bigint, \"double\", boolean, date, timestamp, text, _load_id, _line from staging.every_type order by _line")
        .await?;
    same(
        text,
        "-9223372036854775808|1e-07|true|0001-01-01|0001-01-01 00:00:00|a \"b\",\nc|7|2
9223372036854775807|0.30000000000000004|false|9999-12-31|9999-12-31 23:59:59.999999|  ü|7|4
0|-2.5|false|2024-02-29|2024-02-29 12:00:00||7|5
∅|∅|∅|∅|∅||7|6",
    )
}

async fn dropping_a_transaction_rolls_back(database: TestDatabase, _: Workdir) -> Outcome {
    let (table, transaction) = with_rows(&database).await?;
    drop(transaction);
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    same(transaction.columns(&table).await?, vec![])
}

async fn bound_values(database: TestDatabase, _: Workdir) -> Outcome {
    let (table, mut transaction) = with_rows(&database).await?;
    let name = database.warehouse.names().table(&table);
    let rows = transaction
        .query(
            &format!("select bigint, text from {name} where bigint > $1 and text = $2"),
            &[Value::from(0), Value::from("  ü")],
        )
        .await?;
    same(rows, vec![vec![Some("9223372036854775807".to_owned()), Some("  ü".to_owned())]])?;
    let nulls = [Value::Int(None), Value::Text(None)];
    same(transaction.execute(&format!("update {name} set bigint = $1, text = $2"), &nulls).await?, 4)
}

async fn widening_keeps_every_value(database: TestDatabase, _: Workdir) -> Outcome {
    let (table, mut transaction) = with_rows(&database).await?;
    let to_text = EVERY_TYPE[..7].iter().map(|(name, kind)| {
        let fits = columns().into_iter().find(|column| column.kind() == *kind).expect("each type has one").fits;
        Alteration::Widen { name: (*name).into(), from: fits, to: Type::Text }
    });
    let mut alterations: Vec<_> = to_text.collect();
    alterations.push(Alteration::Add(TableColumn { name: "more".into(), declared: "text".into() }));
    transaction.alter(&table, &alterations, &[]).await?;
    transaction.commit().await?;
    let text = database
        .text("select bigint, numeric, \"double\", boolean, date, timestamp, timestamptz, more from staging.every_type order by _line")
        .await?;
    same(
        text,
        "-9223372036854775808|-12345678901234567890.120|1e-07|True|0001-01-01|0001-01-01 00:00:00|2019-12-31 23:30:00.5+00:00|∅
9223372036854775807|0.00|0.30000000000000004|False|9999-12-31|9999-12-31 23:59:59.999999|1969-12-31 23:59:59.999999+00:00|∅
0|10000.0001|-2.5|False|2024-02-29|2024-02-29 12:00:00|2020-06-30 00:00:00+00:00|∅
∅|∅|∅|∅|∅|∅|∅|∅",
    )
}

async fn views_stand_while_tables_change(database: TestDatabase, _: Workdir) -> Outcome {
    let (table, mut transaction) = with_rows(&database).await?;
    let names = database.warehouse.names();
    let (name, inner, outer) = (names.table(&table), Table::staging("inner"), Table::datawarehouse("outer"));
    transaction
        .execute(&format!("create view {} as select bigint, text from {name}", names.table(&inner)), &[])
        .await?;
    transaction
        .execute(&format!("create view {} as select bigint from {}", names.table(&outer), names.table(&inner)), &[])
        .await?;
    transaction.execute(&format!("create index {} on {name} (bigint)", quote("by \"number\"")), &[]).await?;
    let widen =
        Alteration::Widen { name: "bigint".into(), from: Fits::of(&[Type::Bigint, Type::Numeric]), to: Type::Numeric };
    transaction.alter(&table, &[widen, Alteration::Drop { name: "date".into() }], &[]).await?;
    transaction.commit().await?;
    same(database.text("select count(bigint), count(*) from datawarehouse.\"outer\"").await?, "3|4")?;
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    same(transaction.columns(&table).await?.iter().any(|column| column.name == "date"), false)?;
    // What a view needs cannot go.
    if database.engine == sluice::sql::Engine::Postgres {
        let refused = transaction.alter(&table, &[Alteration::Drop { name: "text".into() }], &[]).await.unwrap_err();
        holds(&refused.to_string(), "\"staging\".\"inner\" reads columns that are to go")?;
    }
    Ok(())
}

async fn a_view_is_replaced_without_losing_those_over_it(database: TestDatabase, _: Workdir) -> Outcome {
    let names = database.warehouse.names();
    let (first, second) = (Table::datawarehouse("first"), Table::datawarehouse("second"));
    let mut transaction = database.warehouse.begin(Scope::Star).await?;
    transaction.replace_view(&first, "select 1 as a, 2 as b", &[]).await?;
    transaction.replace_view(&second, &format!("select a from {}", names.table(&first)), &[]).await?;
    transaction.commit().await?;
    let mut transaction = database.warehouse.begin(Scope::Star).await?;
    transaction.replace_view(&first, "select 'x' as c, 'text' as a", &[]).await?;
    transaction.commit().await?;
    same(database.text("select * from datawarehouse.first").await?, "x|text")?;
    same(database.text("select * from datawarehouse.second").await?, "text")
}

async fn names_cannot_break_out(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header = "\"a\"\"b\",\"x'); drop table staging.victim; --\",\"select\",\"\u{1F4A9}\"";
    workdir.load(&database, "victim.csv", "a\n1\n").await?;
    workdir.load(&database, "'; drop table staging.victim; --\n\"x\".csv", format!("{header}\n1,2,3,4\n")).await?;
    same(database.text("select a from staging.victim").await?, "1")?;
    same(
        database
            .text("select name from sluice.\"column\" where dataset = '_drop_table_staging' order by position")
            .await?,
        "a_b\nx_drop_table_staging_victim_\nselect\n_",
    )
}

async fn decimals_are_numbers_in_a_select(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "price.csv", "id,price\n1,9.50\n2,10.25\n3,-1.10\n").await?;
    same(database.text("select id from staging.price where price > 9 order by price desc").await?, "2\n1")?;
    same(database.text("select max(p.price), sum(p.price) from staging.price p").await?, "10.25|18.65")?;
    same(database.text("select staging.price.id from staging.price where staging.price.price < 0").await?, "3")
}

async fn missing_and_dropped(database: TestDatabase, workdir: Workdir) -> Outcome {
    same(database.warehouse.missing().await?.to_make, Vec::<String>::new())?;
    workdir.load(&database, "x.csv", "a\n1\n").await?;
    database.warehouse.drop_all().await?;
    same(database.warehouse.missing().await?.to_make.is_empty(), false)?;
    database.warehouse.prepare().await?;
    same(workdir.load(&database, "x.csv", "a\n1\n").await?.duplicate_of, None)?;
    same(database.text("select a from staging.x").await?, "1")
}
