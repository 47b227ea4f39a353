//! Headers of later files: all of a header tells which column is meant, also what its name in the database leaves out.

use std::sync::Arc;

use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};
use arrow_array::{ArrayRef, RecordBatch, StringArray};

/// A profile's question, longer than a name may be.
const ASKED: &str = "Wie zufrieden sind Sie mit der Erreichbarkeit unseres Kundendienstes am ";

cases! {
    on_both:
        long_ones_that_are_cut_to_one_name,
        signs_that_no_name_has,
        case_and_separators_are_no_other_header,
        letters_that_are_written_in_two_ways,
        a_plugin_names_columns,
        filters_and_keys_are_of_the_tables_columns;
}

/// The rows of a table by its columns' headers: a line each, as `header=value` of what is not NULL.
async fn by_header(database: &TestDatabase, table: &str) -> anyhow::Result<String> {
    let known = format!("select name, header from sluice.column where dataset = '{table}' order by position");
    let known = database.rows(&known).await?;
    let names: Vec<_> = known.iter().map(|row| format!("\"{}\"", row[0].as_deref().unwrap_or_default())).collect();
    let rows =
        database.rows(&format!("select {} from staging.{table} order by _load_id, _line", names.join(", "))).await?;
    let cell = |(known, value): (&sluice::warehouse::Row, &Option<String>)| {
        let header = known[1].clone().unwrap_or_default().replace(ASKED, "");
        Some(format!("{header}={}", value.as_deref()?))
    };
    let line = |row: &sluice::warehouse::Row| known.iter().zip(row).filter_map(cell).collect::<Vec<_>>().join(" ");
    Ok(rows.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn parquet(columns: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    let arrays = columns.iter().map(|(name, value)| {
        let name = format!("{ASKED}{name}");
        (name, Arc::new(StringArray::from(vec![*value])) as ArrayRef)
    });
    let batch = RecordBatch::try_from_iter(arrays)?;
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None)?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}

async fn long_ones_that_are_cut_to_one_name(database: TestDatabase, workdir: Workdir) -> Outcome {
    let expected =
        "Montag=mo1 Dienstag=di1\nMontag=mo3 Dienstag=di3\nDienstag=di5\nMittwoch=mi7\nMontag=mo9 Mittwoch=mi9";
    let files: [&[(&str, &str)]; 5] = [
        &[("Montag", "mo1"), ("Dienstag", "di1")],
        &[("Dienstag", "di3"), ("Montag", "mo3")],
        &[("Dienstag", "di5")],
        &[("Mittwoch", "mi7")],
        &[("Mittwoch", "mi9"), ("Montag", "mo9")],
    ];
    for (at, file) in files.iter().enumerate() {
        let headers: Vec<_> = file.iter().map(|(header, _)| format!("{ASKED}{header}")).collect();
        let values: Vec<_> = file.iter().map(|(_, value)| (*value).to_owned()).collect();
        let csv = format!("id,{}\n{at},{}\n", headers.join(","), values.join(","));
        workdir.load(&database, &format!("c.{at}.csv"), csv).await?;
        let pairs: Vec<_> = headers.iter().zip(&values).map(|(key, value)| format!("\"{key}\": \"{value}\"")).collect();
        workdir.load(&database, &format!("j.{at}.jsonl"), format!("{{{}}}\n", pairs.join(", "))).await?;
        let nested = format!("{{\"outer\": {{{}}}}}\n", pairs.join(", "));
        workdir.load(&database, &format!("n.{at}.jsonl"), nested).await?;
        workdir.load(&database, &format!("p.{at}.parquet"), parquet(file)?).await?;
    }
    let csv: Vec<_> = expected.lines().enumerate().map(|(at, line)| format!("id={at} {line}")).collect();
    same(by_header(&database, "c").await?, csv.join("\n"))?;
    for table in ["j", "p"] {
        same((table, by_header(&database, table).await?.as_str()), (table, expected))?;
    }
    same(by_header(&database, "n").await?.replace("outer__", ""), expected)?;
    let longest = database.rows("select name from sluice.column").await?;
    same(longest.iter().flatten().flatten().all(|name| name.len() <= 63), true)
}

async fn signs_that_no_name_has(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut at = 0;
    for headers in [
        &["Amount €", "Amount $", "Amount £", "Amount %"][..],
        &["+", "-", "<", ">"],
        &["Length '", "Length \"", "Length °"],
        &["T -5", "T +5", "T 5"],
        &["Name *", "Name #", "Name :)", "Name 🙂", "Name 🙁"],
        &["q1.5", "q1-5", "q1/5"],
    ] {
        at += 1;
        for header in headers {
            let quoted = header.replace('"', "\"\"");
            workdir.write(
                &format!("imports/t{at}.csv"),
                format!("id,\"{quoted}\"\n1,of {quoted}\n").replace("of \"", "of "),
            )?;
            let once = app(&workdir, &["--once"], &settings)?;
            same((header, once.status.code()), (header, Some(0)))?;
            let is_said = stdout(&once).lines().filter(|line| line.contains("each a column of its own")).count();
            same((header, is_said), (header, usize::from(*header != headers[0])))?;
        }
        let table = format!("t{at}");
        let count = format!("select count(*) from sluice.column where dataset = '{table}'");
        same((headers, database.text(&count).await?), (headers, (headers.len() + 1).to_string()))?;
        // Each comes back to its own.
        for header in headers.iter().rev() {
            let quoted = header.replace('"', "\"\"");
            workdir.load(&database, &format!("{table}.csv"), format!("\"{quoted}\",id\nagain,2\n")).await?;
        }
        same((headers, database.text(&count).await?), (headers, (headers.len() + 1).to_string()))?;
        let known = format!("select name from sluice.column where dataset = '{table}' and name <> 'id'");
        for name in database.rows(&known).await?.iter().flatten().flatten() {
            let again = format!("select count(*) from staging.{table} where \"{name}\" = 'again'");
            same((name.as_str(), database.text(&again).await?.as_str()), (name.as_str(), "1"))?;
        }
    }
    workdir.write("imports/t1.csv", "id,Amount ¥\n3,x\n")?;
    holds(&stdout(&app(&workdir, &["--once"], &settings)?), "\"Amount ¥\" is amount__5, as \"Amount €\" is amount_")
}

async fn case_and_separators_are_no_other_header(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (at, headers) in [
        &["Amount", "AMOUNT", "amount", "aMount"][..],
        &["Order No", "order-no", "ORDER_NO", "Order  No", "order\u{a0}no", "order.no", "Order/No"],
        &["Q1 (2024)", "Q1 [2024]", "q1_{2024}"],
        &["Größe (cm)", "Gro\u{308}ße [CM]"],
        &["Don't know", "don’t know", "DON`T KNOW"],
        &["Amount €", "amount €", "AMOUNT - €"],
    ]
    .into_iter()
    .enumerate()
    {
        for (n, header) in headers.iter().enumerate() {
            workdir.load(&database, &format!("t{at}.{n}.csv"), format!("id,{header}\n{n},x\n")).await?;
        }
        let count = format!("select count(*) from sluice.column where dataset = 't{at}'");
        same((headers, database.text(&count).await?.as_str()), (headers, "2"))?;
    }
    // Which of two a third one is nobody knows; those that are equal are told by their order.
    workdir.load(&database, "two.1.csv", "n,ID,id\n1,a,b\n").await?;
    workdir.load(&database, "two.2.csv", "n,Id\n2,c\n").await?;
    workdir.load(&database, "two.3.csv", "n,id\n3,b\n").await?;
    same(by_header(&database, "two").await?, "n=1 ID=a id=b\nn=2 Id=c\nn=3 id=b")?;
    workdir.load(&database, "x.1.csv", "n,x,x\n1,a,b\n").await?;
    workdir.load(&database, "x.2.csv", "n,X\n2,a\n").await?;
    same(database.text("select n, x, x_2 from staging.x order by n").await?, "1|a|b\n2|a|∅")
}

async fn letters_that_are_written_in_two_ways(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.1.csv", "id,\u{e9},e\u{301}\n1,one,two\n").await?;
    workdir.load(&database, "t.2.csv", "id,e\u{301},\u{e9}\n2,two,one\n").await?;
    workdir.load(&database, "t.3.csv", "id,e\u{301}\n3,two\n").await?;
    same(by_header(&database, "t").await?, "id=1 é=one e\u{301}=two\nid=2 é=one e\u{301}=two\nid=3 e\u{301}=two")?;
    workdir.load(&database, "u.1.csv", "id,\u{e9}\n1,one\n").await?;
    workdir.load(&database, "u.2.csv", "id,e\u{301}\n2,one\n").await?;
    same(by_header(&database, "u").await?, "id=1 é=one\nid=2 é=one")
}

async fn a_plugin_names_columns(database: TestDatabase, workdir: Workdir) -> Outcome {
    // A name that it gives, a name in the place of a header, and headers of one column.
    workdir.plugin(
        "p",
        &format!(
            "name: p\nfiles: [\"t*\"]\ntable: t\ncolumns:\n  - {{from: [\"{ASKED}Montag\", Mo], name: mo}}\n  - \
             {{from: amount_}}\n  - {{from: [\"Rate €\", \"Rate $\"]}}\n"
        ),
    )?;
    for (at, text) in [
        format!("{ASKED}Dienstag,{ASKED}Montag,Amount €,Rate €\ndi,mo,1,2\n"),
        format!("Amount $,Mo,Rate $,{ASKED}Dienstag\n3,mo,4,di\n"),
        format!("Rate £,{ASKED}Montag\n5,mo\n"),
    ]
    .into_iter()
    .enumerate()
    {
        workdir.load(&database, &format!("t.{at}.csv"), text).await?;
    }
    let rows = "select mo, amount_, rate_, rate__2 from staging.t order by _load_id";
    same(database.text(rows).await?, "mo|1|2|∅\nmo|3|4|∅\nmo|∅|∅|5")?;
    let others = "select name from sluice.column where dataset = 't' order by position";
    let others = database.rows(others).await?;
    same(others.len(), 5)?;
    // The name that a plugin has given stays the column's without it.
    std::fs::remove_dir_all(workdir.path("plugins/p"))?;
    workdir.load(&database, "t.9.csv", "mo,Amount €\nmo,9\n").await?;
    same(database.text("select mo, amount_ from staging.t where amount_ = 9").await?, "mo|9")
}

async fn filters_and_keys_are_of_the_tables_columns(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("f", "name: f\nfiles: [\"f*\"]\ntable: f\nfilter: amount_ > 10\n")?;
    workdir.load(&database, "f.1.csv", "id,Amount €,Amount $\n1,11,1\n2,1,11\n").await?;
    workdir.load(&database, "f.2.csv", "id,Amount $,Amount €\n3,1,11\n4,11,1\n").await?;
    same(by_header(&database, "f").await?, "id=1 Amount €=11 Amount $=1\nid=3 Amount €=11 Amount $=1")?;
    let failed = |name: &str| workdir.list("imports/failed").contains(&name.to_owned());
    workdir.drop_file(&database, "f.3.csv", "id,Amount $\n5,12\n").await?;
    same(failed("f.3.csv"), true)?;
    holds(&workdir.read("imports/failed/f.3.csv.error.json")?, "filter: the file has no column amount_")?;

    workdir.plugin("k", "name: k\nfiles: [\"k*\"]\ntable: k\nmode: upsert\nkey: [no_]\n")?;
    workdir.load(&database, "k.1.csv", "No #,No %,v\n1,2,a\n").await?;
    workdir.load(&database, "k.2.csv", "No %,No #,v\n3,1,b\n").await?;
    same(by_header(&database, "k").await?, "No #=1 No %=3 v=b")?;
    workdir.drop_file(&database, "k.3.csv", "No %,v\n1,c\n").await?;
    same(failed("k.3.csv"), true)?;
    same(by_header(&database, "k").await?, "No #=1 No %=3 v=b")
}
