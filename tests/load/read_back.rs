//! Values that would come back from their column's type as others, wherever their records stand: refused or kept as text, never altered.

use std::fmt::Write;

use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        no_record_alters_a_value,
        a_code_is_no_number_of_its_column,
        a_last_record_with_a_code_is_one_of_the_table,
        keys_stay_two,
        a_later_file_alters_none,
        a_long_file_alters_none,
        a_text_cell_of_a_sheet_stays_one,
        a_filter_does_not_take_a_code_for_a_number,
        a_column_widens_to_what_all_its_values_are,
        declared_numbers_are_alike,
        a_column_of_a_notation_alters_none,
        two_digits_of_a_year_are_as_posix_has_them;
}

/// Values of each type, and some that are written otherwise.
const VALUES: [(&str, [&str; 3], &[&str]); 6] = [
    (
        "bigint",
        ["99147", "66948", "93374"],
        &["07850", "+5", "5.0", "1e3", "-0", "00", "007", "1_000", " 7", "9223372036854775808"],
    ),
    ("numeric", ["1.50", "2.25", "7.10"], &["07.50", "+1.5", "1e2", ".5", "1.", "-0.00", "1,5", "00.1", "1.5E1"]),
    ("boolean", ["true", "false", "true"], &["TRUE", "True", "t", "1", "FALSE"]),
    (
        "double",
        ["0.5", "1e-07", "2.5"],
        &["1E5", "+0.5", ".5", "0.10", "5e0", "Infinity", "nan", "1e400", "-0", "01.5"],
    ),
    (
        "date",
        ["2026-01-01", "2026-02-01", "2026-03-01"],
        &["2026-1-5", "20260105", "2026-01-05T00:00:00", "2026-02-30"],
    ),
    (
        "timestamp",
        ["2026-01-01", "2026-01-02 11:00:00", "2026-01-03 12:30:00"],
        &["2026-01-05 00:00:00", "2026-01-05 24:00:00", "2026-01-05 10:00:00.1234567", "2026-01-05 10:00:00Z"],
    ),
];

async fn no_record_alters_a_value(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (kind, good, odd) in VALUES {
        for (number, odd) in odd.iter().enumerate() {
            for (form, record) in [
                ("short", format!("{odd:?},z")),
                ("single", format!("{odd:?}")),
                ("long", format!("{odd:?},z,9,surplus")),
                ("last", format!("{odd:?},,9")),
            ] {
                let table = format!("{kind}_{number}_{form}");
                let mut text = "k,name,v\n".to_owned();
                for (row, value) in good.iter().chain(&good).chain(&good).enumerate() {
                    if row == 4 && form != "last" {
                        writeln!(text, "{record}")?;
                    }
                    writeln!(text, "{value},n{row},{row}")?;
                }
                if form == "last" {
                    writeln!(text, "{record}")?;
                }
                let books = workdir.load(&database, &format!("{table}.csv"), text).await?.books;
                same((books.read, books.loaded + books.rejected), (10, 10))?;
                if books.rejected > 0 {
                    same((form, books.rejected), (form, 1))?;
                    continue;
                }
                let sql = format!("select k from staging.{table} where name is null or name = 'z'");
                same((&table, database.text(&sql).await?), (&table, (*odd).to_owned()))?;
            }
        }
    }
    Ok(())
}

/// The rejects of a load, each as `line|detail`.
async fn rejects(database: &TestDatabase, load_id: i64) -> anyhow::Result<String> {
    database.text(&format!("select line, detail from sluice.reject where load_id = {load_id} order by line")).await
}

/// The type of the first column of a table.
async fn kind(database: &TestDatabase, table: &str) -> anyhow::Result<String> {
    let sql = format!("select type from sluice.\"column\" where dataset = '{table}' order by position limit 1");
    database.text(&sql).await
}

async fn a_code_is_no_number_of_its_column(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "plz,name,v\n99147,a,1\n07850,b\n66948,b,2\n93374,c,3\n00123,b,2,x\n";
    let report = workdir.load(&database, "a.csv", text).await?;
    same((report.books.loaded, report.books.rejected), (3, 2))?;
    same(
        rejects(&database, report.load_id).await?,
        "3|\"07850\" is no bigint: it would come back as 7850, and the record has fewer cells than the header\n\
         6|\"00123\" is no bigint: it would come back as 123, and the record has more cells than the header",
    )?;
    let text = "ok,name,v\ntrue,a,1\nfalse,b,2\ntrue,c,3\nTRUE,d\n";
    let report = workdir.load(&database, "b.csv", text).await?;
    same(
        rejects(&database, report.load_id).await?,
        "5|\"TRUE\" is no boolean: it would come back as true, and the record has fewer cells than the header",
    )?;
    // Records of the header's width decide.
    let text = "plz,name,v\n99147,a,1\n07850,b\n66948,b,2\n93374,c,3\n00124,d,4\n5,e,5\n";
    same(workdir.load(&database, "c.csv", text).await?.books.rejected, 0)?;
    same(kind(&database, "c").await?, "text")?;
    same(database.text("select plz from staging.c where name = 'b' order by plz").await?, "07850\n66948")
}

async fn a_last_record_with_a_code_is_one_of_the_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (table, last) in [("a", "07850,,4"), ("b", "07850,,4\n+5,,5"), ("c", "07850,,4\n12345,x,5"), ("d", "TRUE,,6")] {
        let text = format!("plz,name,v\n99147,a,1\n66948,b,2\n93374,c,3\n{last}\n");
        let books = workdir.load(&database, &format!("{table}.csv"), text).await?.books;
        same((table, books.rejected), (table, 0))?;
        let first = database.text(&format!("select plz from staging.{table} where _line = 5")).await?;
        same(first, last.split(',').next().unwrap_or_default())?;
    }
    // A word there is none, whatever else stands beside it.
    let text = "plz,name,v\n99147,a,1\n66948,b,2\n93374,c,3\nTotal,,06\n07850,,x\n";
    let report = workdir.load(&database, "e.csv", text).await?;
    same((report.books.loaded, report.books.rejected), (3, 2))?;
    same(kind(&database, "e").await?, "bigint")
}

async fn keys_stay_two(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("u", "name: u\nfiles: [\"u*\"]\ntable: u\nmode: upsert\nkey: [plz]\nheader: true\n")?;
    workdir.load(&database, "u1.csv", "plz,name,v\n7850,x,1\n66948,b,2\n93374,c,3\n07850,,4\n").await?;
    same(database.text("select count(*) from staging.u where plz in ('7850', '07850')").await?, "2")?;
    workdir.plugin(
        "w",
        "name: w\nfiles: [\"w*\"]\ntable: w\nmode: upsert\nkey: [plz]\nheader: true\nmax_rejects: 100 %\n",
    )?;
    let report = workdir.load(&database, "w1.csv", "plz,name,v\n7850,x,1\n66948,b,2\n93374,c,3\n07850,y\n").await?;
    same((report.books.loaded, report.books.rejected, report.books.duplicate), (3, 1, 0))?;
    same(database.text("select name from staging.w where plz = 7850").await?, "x")
}

async fn a_later_file_alters_none(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (table, text, expected, found) in [
        ("each", "k,n\n007,a\n008,b\n", "text", "007"),
        ("one", "k,n\n007,a\n8,b\n9,c\n", "text", "007"),
        ("short", "k,n\n007\n8,b\n9,c\n", "bigint", ""),
        ("only_short", "k,n\n007\n008\n", "text", "007"),
        ("surplus", "k,n\n007,a,b\n8,b\n9,c\n", "bigint", ""),
        ("empty", "k,n\n,a\n,b\n,c\n007\n", "text", "007"),
    ] {
        let file = format!("{table}.csv");
        workdir.load(&database, &file, "k,n\n5,x\n6,y\n7,z\n").await?;
        workdir.load(&database, &file, text).await?;
        same((table, kind(&database, table).await?), (table, expected.to_owned()))?;
        let sql =
            format!("select k from staging.{table} where _load_id > (select min(_load_id) from staging.{table}) and k");
        let sql = if expected == "text" { format!("{sql} like '%7'") } else { format!("{sql} = 7") };
        same((table, database.text(&sql).await?), (table, found.to_owned()))?;
    }
    Ok(())
}

async fn a_long_file_alters_none(database: TestDatabase, workdir: Workdir) -> Outcome {
    let long = |last: &str| {
        let rows = (1..12_000).fold("k,v,t\n".to_owned(), |rows, n| rows + &format!("{n},{n}.5,{}\n", "x".repeat(400)));
        rows + last
    };
    for (table, last, rejected, kinds) in [
        ("short", "007,1.5\n", 1, "bigint numeric text"),
        ("surplus", "+7,1.5,x,y\n", 1, "bigint numeric text"),
        ("last", "007,,x\n", 0, "text numeric text"),
        ("fraction", "7,1.10\n", 0, "bigint numeric text"),
        ("even", "007,1.10,x\n", 0, "text numeric text"),
    ] {
        let report = workdir.load(&database, &format!("{table}.csv"), long(last)).await?;
        same((table, report.books.loaded, report.books.rejected), (table, 12_000 - rejected, rejected))?;
        let sql = format!(
            "select type from sluice.\"column\" where dataset = '{table}' and name <> '_extra' order by position"
        );
        same((table, database.text(&sql).await?.replace('\n', " ")), (table, kinds.to_owned()))?;
        let value = last.split(',').next().unwrap_or_default();
        let found = database.text(&format!("select k from staging.{table} where _line = 12001")).await?;
        same((table, found), (table, if rejected == 0 { value.to_owned() } else { String::new() }))?;
    }
    Ok(())
}

async fn a_text_cell_of_a_sheet_stays_one(database: TestDatabase, workdir: Workdir) -> Outcome {
    let book = |last: &[Option<&str>]| -> anyhow::Result<Vec<u8>> {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        for (place, header) in ["plz", "name", "v"].into_iter().enumerate() {
            sheet.write(0, place as u16, header)?;
        }
        for row in 1..6_u32 {
            sheet.write(row, 0, 99_000 + row)?.write(row, 1, "a")?.write(row, 2, row)?;
        }
        for (place, cell) in last.iter().enumerate() {
            if let Some(cell) = cell {
                sheet.write(6, place as u16, *cell)?;
            }
        }
        Ok(book.save_to_buffer()?)
    };
    for (table, last) in [
        ("a", vec![Some("07850"), None, Some("x")]),
        ("b", vec![Some("+5")]),
        ("c", vec![Some("07850"), Some("b"), Some("2")]),
    ] {
        let books = workdir.load(&database, &format!("{table}.xlsx"), book(&last)?).await?.books;
        let found = database.text(&format!("select plz from staging.{table} where _line = 7")).await?;
        let expected = if books.rejected == 0 { last[0].unwrap_or_default() } else { "" };
        same((table, books.read, found), (table, 6, expected.to_owned()))?;
    }
    Ok(())
}

async fn a_filter_does_not_take_a_code_for_a_number(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir
        .plugin("f", "name: f\nfiles: [\"f*\"]\ntable: f\nfilter: plz > 8000\nmax_rejects: 100 %\nheader: true\n")?;
    let report = workdir.load(&database, "f.csv", "plz,name,v\n7850,a,1\n66948,b,2\n07850,b\n93374,c,3\n").await?;
    same((report.books.loaded, report.books.filtered, report.books.rejected), (2, 1, 1))
}

async fn a_column_widens_to_what_all_its_values_are(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (table, first, value) in [
        ("whole", "k,n\n5,x\n6,y\n7,z\n9007199254740993\n", "9007199254740993"),
        ("fraction", "k,n\n0.5,x\n1.25,y\n7,z\n1.10\n", "1.10"),
        ("last", "k,n,m\n5,x,1\n6,y,2\n7,z,3\n9007199254740993,,Total\n", "9007199254740993"),
    ] {
        let file = format!("{table}.csv");
        let rejected = workdir.load(&database, &file, first).await?.books.rejected;
        same((table, rejected), (table, u64::from(table == "last")))?;
        workdir.load(&database, &file, "k,n\n1e-07,x\n2.5,y\n").await?;
        let all = database.text(&format!("select k from staging.{table} order by _load_id, _line")).await?;
        same((table, all.lines().any(|one| one == value)), (table, rejected == 0))?;
    }
    Ok(())
}

async fn declared_numbers_are_alike(database: TestDatabase, workdir: Workdir) -> Outcome {
    let codes = ["007", "+1", "-0", "00", "-007", "+0", "x"];
    for kind in ["bigint", "numeric", "double"] {
        let columns = format!("columns: [{{from: id, name: id}}, {{from: v, name: v, type: {kind}}}]");
        workdir.plugin("d", &format!("name: d\nfiles: [\"d*\"]\ntable: d_{kind}\nmax_rejects: 100 %\n{columns}\n"))?;
        let rows: String = codes.iter().enumerate().map(|(id, value)| format!("{id},{value}\n")).collect();
        let report = workdir.load(&database, "d.csv", format!("id,v\n{rows}20,-7\n21,0\n22,700\n")).await?;
        same((kind, report.books.loaded, report.books.rejected), (kind, 3, codes.len() as u64))?;
        same(database.text(&format!("select v from staging.d_{kind} order by id")).await?, "-7\n0\n700")?;
        let words = rejects(&database, report.load_id).await?;
        for (code, number) in [("007", "7"), ("+1", "1"), ("-0", "0"), ("-007", "-7")] {
            holds(&words, &format!("\"{code}\" is no {kind}: it would come back as {number}"))?;
        }
    }
    // A plus sign is read where it is said how numbers are written, and a double is the nearest one.
    let columns =
        "columns:\n  - {from: a, name: a, type: bigint, decimal: \".\"}\n  - {from: b, name: b, type: double}\n";
    workdir.plugin("e", &format!("name: e\nfiles: [\"e*\"]\ntable: e\n{columns}"))?;
    workdir.load(&database, "e.csv", "a,b\n+1,1.50\n-1,1E5\n2,123456789.123456789123\n3,.5\n").await?;
    same(database.text("select a, b from staging.e order by a").await?, "-1|100000\n1|1.5\n2|123456789.12345679\n3|0.5")
}

async fn a_column_of_a_notation_alters_none(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "k,n\n0.5,1\n1e-07,2\n").await?;
    workdir.plugin(
        "n",
        "name: n\nfiles: [\"n*\"]\ntable: n\ndelimiter: \";\"\ndecimal: \",\"\nmax_rejects: 100 %\nheader: true\n",
    )?;
    let report = workdir.load(&database, "n.csv", "k;n\n1,5;3\n1,10;4\nabc;5\n").await?;
    same((report.books.loaded, report.books.rejected), (1, 2))?;
    holds(
        &rejects(&database, report.load_id).await?,
        "\"1,10\" is no double with decimal \",\": it would come back as 1.1",
    )?;
    same(database.text("select k from staging.n where n = 3").await?, "1.5")
}

async fn two_digits_of_a_year_are_as_posix_has_them(database: TestDatabase, workdir: Workdir) -> Outcome {
    let column = "{from: day, name: day, type: date, format: \"%d.%m.%y\"}, \
                  {from: at, name: at, type: timestamp, format: \"%d.%m.%y %H:%M\"}";
    workdir.plugin("y", &format!("name: y\nfiles: [\"y*\"]\ntable: y\ncolumns: [{column}]\n"))?;
    let rows: String = ["00", "68", "69", "70", "99"].map(|year| format!("01.02.{year},01.02.{year} 10:00\n")).concat();
    workdir.load(&database, "y.csv", format!("day,at\n{rows}")).await?;
    let expected = ["2000", "2068", "1969", "1970", "1999"].map(|year| format!("{year}-02-01|{year}-02-01 10:00:00"));
    same(database.text("select day, at from staging.y order by _line").await?, expected.join("\n"))
}
