//! Which line of a file is its header, and the columns that it gives: no record is lost to the names, and no two columns of a file are one.

use crate::support::process::app;
use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        a_lone_line_with_a_value_is_a_record,
        a_lone_line_of_names_is_a_header,
        each_header_keeps_its_column_in_every_order,
        keys_that_ask_for_one_name_keep_their_columns,
        a_delimiter_at_the_headers_end;
}

/// Loads a file as `app --once` does, which deletes it or moves it to `imports/failed/`.
fn once(database: &TestDatabase, workdir: &Workdir, name: &str, text: &str) -> anyhow::Result<Option<i32>> {
    workdir.write(&format!("imports/{name}"), text)?;
    Ok(app(workdir, &["--once"], &[("DATABASE_URL", database.url.as_str())])?.status.code())
}

async fn a_lone_line_with_a_value_is_a_record(database: TestDatabase, workdir: Workdir) -> Outcome {
    let lines = [
        "C-458;Anna",
        "86%;rot",
        "Anna;6.100,08",
        "6100,08;Bern",
        "03.05.2026;Bern",
        "Bern;2026-05",
        "Bern;07:30",
        "Anna;a@example.com",
        "https://example.com/7;Anna",
        "Anna;10.0.0.7",
        "+49 30 123456;Anna",
        "$5;Anna",
        "Anna;DE02120300000000202051",
        "Anna;<0,5",
        "n/a;Anna",
        "Anna;-",
        "B7;rot",
        "2023;Anna",
        "Anna;f5863f12",
        "offen;offen",
        "M-CD 5737;open",
    ];
    for (at, line) in lines.iter().enumerate() {
        same((line, once(&database, &workdir, &format!("t{at}.csv"), &format!("{line}\n"))?), (line, Some(0)))?;
        let rows = database.text(&format!("select column_1, column_2 from staging.t{at}")).await?;
        same((line, rows.is_empty()), (line, false))?;
        let read = format!("select rows_read, rows_loaded from sluice.load where dataset = 't{at}'");
        same((line, database.text(&read).await?.as_str()), (line, "1|1"))?;
    }
    // What tells nothing stays, with the reason beside it.
    for (at, line) in ["offen\n", "C-458\n", "Anna;;Bern\n"].iter().enumerate() {
        let name = format!("u{at}.csv");
        let code = once(&database, &workdir, &name, line)?;
        let loaded = format!("select count(*) from sluice.load where dataset = 'u{at}' and rows_loaded = 1");
        let is_kept = code == Some(1) && workdir.list("imports/failed").contains(&name);
        same((line, is_kept || database.text(&loaded).await? == "1"), (line, true))?;
    }
    Ok(())
}

async fn a_lone_line_of_names_is_a_header(database: TestDatabase, workdir: Workdir) -> Outcome {
    let lines = [
        ("id;name;Q1;Q2", "id name q1 q2"),
        ("Code;F-01;F-02", "code f_01 f_02"),
        ("address1;address2;ZIP", "address1 address2 zip"),
        ("Amount €;Amount €;Tax %", "amount_ amount__2 tax_"),
        ("Name;unknown;none", "name unknown none"),
    ];
    for (at, (line, names)) in lines.iter().enumerate() {
        same((line, once(&database, &workdir, &format!("t{at}.csv"), &format!("{line}\n"))?), (line, Some(0)))?;
        let known = format!("select name from sluice.column where dataset = 't{at}' order by position");
        let known: Vec<String> = database.rows(&known).await?.into_iter().flatten().flatten().collect();
        same((line, known.join(" ").as_str()), (line, *names))?;
    }
    Ok(())
}

/// Every order of the headers.
fn orders(headers: &[usize]) -> Vec<Vec<usize>> {
    if headers.len() < 2 {
        return vec![headers.to_vec()];
    }
    let rest = |at: usize| -> Vec<usize> { [&headers[..at], &headers[at + 1..]].concat() };
    let with = |at: usize| orders(&rest(at)).into_iter().map(move |order| [vec![headers[at]], order].concat());
    (0..headers.len()).flat_map(with).collect()
}

/// The values of each of a table's columns: one column has one of a file's columns in it, whatever the file's order was.
async fn each_column_has_one_value(database: &TestDatabase, table: &str, columns: usize) -> Outcome {
    let known = format!("select name from sluice.column where dataset = '{table}' order by position");
    let names: Vec<String> = database.rows(&known).await?.into_iter().flatten().flatten().collect();
    same((table, names.len()), (table, columns))?;
    let mut values = Vec::new();
    for name in &names {
        let sql = format!("select distinct \"{name}\" from staging.{table} where \"{name}\" is not null");
        let of_column: Vec<String> = database.rows(&sql).await?.into_iter().flatten().flatten().collect();
        same((table, name, of_column.len()), (table, name, 1))?;
        values.extend(of_column);
    }
    values.sort();
    values.dedup();
    same((table, values.len()), (table, columns))
}

async fn each_header_keeps_its_column_in_every_order(database: TestDatabase, workdir: Workdir) -> Outcome {
    let sets: [&[&str]; 6] = [
        &["amount", "Amount", "amount__2", "id"],
        &["Amount €", "Amount $", "amount__2", "amount_2"],
        &["amount", "amount_2", "AMOUNT", "amount 2"],
        &["_line", "_line_2", "line", "xmin"],
        &["x", "X", "x_2", "x__2"],
        &["größe", "Größe", "groesse", "gro\u{308}ße_2"],
    ];
    for (at, headers) in sets.iter().enumerate() {
        for (n, order) in orders(&[0, 1, 2, 3]).iter().enumerate() {
            let names: Vec<_> = order.iter().map(|header| headers[*header]).collect();
            let values: Vec<_> = order.iter().map(|header| (header + 10).to_string()).collect();
            let csv = format!("{}\n{}\n", names.join(";"), values.join(";"));
            workdir.load(&database, &format!("c{at}.{n}.csv"), csv).await?;
        }
        each_column_has_one_value(&database, &format!("c{at}"), 4).await?;
    }
    // Equal headers are told by their order, which no other column between them changes.
    for (n, text) in ["id;Amount €;Amount €\n1;2;3\n", "Amount €;id;Amount €\n2;1;3\n", "Amount €;Amount €;id\n2;3;1\n"]
        .iter()
        .enumerate()
    {
        workdir.load(&database, &format!("twice.{n}.csv"), text).await?;
    }
    each_column_has_one_value(&database, "twice", 3).await
}

async fn keys_that_ask_for_one_name_keep_their_columns(database: TestDatabase, workdir: Workdir) -> Outcome {
    let sets: [&[&str]; 3] = [
        &["amount", "Amount", "amount__2", "amount_2"],
        &["Amount €", "Amount $", "amount__2", "amount_"],
        &["a b", "a_b", "A B", "a_b_2"],
    ];
    for (at, keys) in sets.iter().enumerate() {
        for (n, order) in orders(&[0, 1, 2, 3]).iter().enumerate() {
            let pairs: Vec<_> = order.iter().map(|key| format!("\"{}\": {}", keys[*key], key + 10)).collect();
            let one: Vec<_> = pairs.iter().map(|pair| format!("{{{pair}}}\n")).collect();
            let text = if n % 2 == 0 { format!("{{{}}}\n", pairs.join(", ")) } else { one.concat() };
            workdir.load(&database, &format!("j{at}.{n}.jsonl"), text).await?;
        }
        each_column_has_one_value(&database, &format!("j{at}"), 4).await?;
    }
    Ok(())
}

async fn a_delimiter_at_the_headers_end(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (at, (text, rows)) in [
        ("a;b;c;\n1;2;3\n4;5;6\n", "1|2|3\n4|5|6"),
        ("a;b;c;\n1;2;3;\n4;5;6;\n", "1|2|3\n4|5|6"),
        ("a;b;c;\n1;2;3;7\n4;5;6;8\n", "1|2|3|7\n4|5|6|8"),
        ("a;b;c;\n1;2;3\n4;5;6;8\n", "1|2|3|∅\n4|5|6|8"),
        ("a;b;c;\n1;2;3;\n4;5;6;8\n7;8;9\n", "1|2|3|∅\n4|5|6|8\n7|8|9|∅"),
    ]
    .into_iter()
    .enumerate()
    {
        workdir.load(&database, &format!("t{at}.csv"), text).await?;
        let fourth =
            if rows.lines().next().is_some_and(|row| row.matches('|').count() > 2) { ", column_4" } else { "" };
        let sql = format!("select a, b, c{fourth} from staging.t{at} order by _line");
        same((text, database.text(&sql).await?.as_str()), (text, rows))?;
        // The same columns in another order, and without the last delimiter.
        workdir.load(&database, &format!("t{at}.again.csv"), "c;b;a\n3;2;1\n").await?;
        let again = format!("select count(*) from staging.t{at} where a = 1 and b = 2 and c = 3");
        same((text, database.text(&again).await?.as_str()), (text, "2"))?;
    }
    Ok(())
}
