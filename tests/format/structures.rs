//! What people and programs really write: several tables in a file, headers in another order, lines below the table, doubles as they were
//! printed, filled-up archives. How each text is cut is in `corpus.rs`.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sluice::load::FileOutcome;

use crate::support::process::app;
use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        several_tables_are_several_loads,
        tables_of_words_and_of_decimal_commas_are_loads_too,
        a_header_keeps_its_column,
        lines_below_the_table_are_rejects,
        doubles_are_exported_as_they_were_printed,
        what_fills_an_archive_up_is_none_of_it,
        sheets_have_titles_and_lines_below_too,
        plugins_say_what_a_backslash_is;
}

async fn types(database: &TestDatabase, table: &str) -> anyhow::Result<String> {
    let sql = format!("select name, \"type\" from sluice.\"column\" where dataset = '{table}' order by position");
    Ok(database.text(&sql).await?.replace('\n', " "))
}

fn gzip(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes())?;
    Ok(packed.finish()?)
}

async fn several_tables_are_several_loads(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "Towns\n\nk,v\na,1\n\"b\"y,2\nc,3\n\nid,name,price\n1,x,2.5\n2,y,3.5\n\nn,m\n5,6\n";
    let done = workdir.drop_file(&database, "t.csv", text).await?;
    anyhow::ensure!(matches!(&done, FileOutcome::Loaded(parts) if parts.len() == 2), "{done:?}");
    same(database.text("select k, v, _line from staging.t order by k").await?, "a|1|4\nc|3|6")?;
    same(database.text("select id, name, price, _line from staging.t_2 order by id").await?, "1|x|2.5|9\n2|y|3.5|10")?;
    same(
        database.text("select source, rows_read, rows_loaded, rows_rejected from sluice.load order by id").await?,
        "t.csv/1|3|2|1\nt.csv/2|4|2|2",
    )?;
    same(database.text("select line from sluice.reject order by line").await?, "5\n12\n13")?;
    // The rejects of each stand under its own header.
    same(workdir.read("exports/rejects/t.csv.rejects.csv")?, "Towns\n\nk,v\n\"b\"y,2\n")?;
    same(workdir.read("exports/rejects/t_2.csv.rejects.csv")?, "id,name,price\nn,m\n5,6\n")?;
    // Once more it is a duplicate, table by table.
    workdir.drop_file(&database, "t.csv", text).await?;
    same(database.text("select count(*) from staging.t").await?, "2")?;
    same(database.text("select count(*) from sluice.load where status = 'duplicate'").await?, "2")?;
    // A plugin that claims the file says how it is read: as one table.
    workdir.plugin("t", "name: t\nfiles: [u.csv]\nheader: 1\nmax_rejects: 100 %\n")?;
    let done = workdir.drop_file(&database, "u.csv", text).await?;
    anyhow::ensure!(matches!(&done, FileOutcome::Loaded(parts) if parts.len() == 1), "{done:?}");
    // Packed.
    workdir.drop_file(&database, "v.csv.gz", gzip(text)?).await?;
    same(database.text("select count(*) from staging.v_2").await?, "2")
}

async fn tables_of_words_and_of_decimal_commas_are_loads_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    let words = "Name;City\nAnna;Rome\nBob;Oslo\n\n";
    let codes = "Umsatz\nid;code;n\n1;A-1;5\n2;A-2;7\n\n";
    let amounts = "Kosten, gesamt\nNote;Betrag\nlate, but ok;1.340,61\nlate, but ok;404,12\n";
    for (number, delimiter) in [";", "\t", "|"].into_iter().enumerate() {
        let text = format!("{words}{codes}{amounts}").replace(';', delimiter);
        let done = workdir.drop_file(&database, &format!("t{number}.csv"), text).await?;
        anyhow::ensure!(matches!(&done, FileOutcome::Loaded(parts) if parts.len() == 3), "{done:?}");
        let select = |columns: &str, table: &str| {
            format!("select {columns}, _line from staging.t{number}{table} order by _line")
        };
        same(database.text(&select("name, city", "")).await?, "Anna|Rome|2\nBob|Oslo|3")?;
        same(database.text(&select("id, code, n", "_2")).await?, "1|A-1|5|7\n2|A-2|7|8")?;
        let expected = "late, but ok|1.340,61|12\nlate, but ok|404,12|13";
        same(database.text(&select("note, betrag", "_3")).await?, expected)?;
    }
    same(database.text("select count(*) from sluice.reject").await?, "0")
}

async fn a_header_keeps_its_column(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "p.csv", "id,price €,price $\n1,10,11\n").await?;
    workdir.load(&database, "p.csv", "id,price $,price €\n2,21,20\n").await?;
    workdir.load(&database, "p.csv", "id,price $\n3,31\n").await?;
    same(database.text("select price_, price__2 from staging.p order by id").await?, "10|11\n20|21\n∅|31")?;
    workdir.load(&database, "q.csv", "id,Field: 0,Field 0\n1,10,11\n").await?;
    workdir.load(&database, "q.csv", "id,Field 0,Field: 0\n2,21,20\n").await?;
    same(database.text("select field_0, field_0_2 from staging.q order by id").await?, "10|11\n20|21")?;
    workdir.load(&database, "r.jsonl", "{\"a b\":1,\"a-b\":2}\n").await?;
    workdir.load(&database, "r.jsonl", "{\"a-b\":4,\"a b\":3}\n").await?;
    same(database.text("select a_b, a_b_2 from staging.r order by a_b").await?, "1|2\n3|4")?;
    // Another header of the name gets a column of its own where the file has that of the first one too.
    workdir.load(&database, "p.csv", "id,price £,price €\n4,42,40\n").await?;
    same(database.text("select price_, price__2 from staging.p where id = 4").await?, "40|∅")?;
    // Names that look alike are alike.
    workdir.load(&database, "Umsa\u{308}tze.csv", "Gro\u{308}ße\n1\n").await?;
    workdir.load(&database, "Umsätze.csv", "Größe\n2\n").await?;
    same(database.text("select \"größe\" from staging.\"umsätze\" order by 1").await?, "1\n2")
}

async fn lines_below_the_table_are_rejects(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "day,kind,n\n2026-01-01,a,5\n2026-01-02,b,6\n2026-01-03,a,7\nSum,,18\nMean,,6\n";
    let books = workdir.load(&database, "t.csv", text).await?.books;
    same((books.loaded, books.rejected), (3, 2))?;
    same(types(&database, "t").await?, "day|date kind|text n|bigint")?;
    same(database.text("select line from sluice.reject order by line").await?, "5\n6")?;
    // Also where only the beginning of a long file has told the types.
    let mut long = "id;name;amount\n".to_owned();
    (0..400_000).for_each(|n| long += &format!("{n};x;{n}.5\n"));
    let books = workdir.load(&database, "long.csv", long + "Total;;8.5\nSource: office;;\n").await?.books;
    same((books.loaded, books.rejected), (400_000, 2))?;
    same(types(&database, "long").await?, "id|bigint name|text amount|numeric")
}

async fn doubles_are_exported_as_they_were_printed(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "t,n,c\n0.0,0.0,2.03e+006\n0.1,1.5,0\n0.2,3.25e-08,1.5\n";
    workdir.load(&database, "t.csv", text).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    app(&workdir, &["export", "staging.t", "--output", "t.out.csv"], &settings)?;
    same(workdir.read("t.out.csv")?, text)
}

async fn what_fills_an_archive_up_is_none_of_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "id,name\n1,Ann\n2,Bob\n";
    let packed = gzip(text)?;
    for (name, rest) in
        [("zeros", vec![0; 512]), ("line", b"\r\n".to_vec()), ("both", [vec![0; 70_000], gzip("3,Cid\n")?].concat())]
    {
        let books = workdir.load(&database, &format!("{name}.csv.gz"), [packed.clone(), rest].concat()).await?.books;
        same((name, books.loaded), (name, if name == "both" { 3 } else { 2 }))?;
    }
    let done = workdir.drop_file(&database, "more.csv.gz", [packed.as_slice(), b"more"].concat()).await?;
    anyhow::ensure!(matches!(&done, FileOutcome::Failed(parts) if parts.is_empty()), "{done:?}");
    // A frame that is passed over comes first, as pzstd writes it.
    let skipped = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    let frames = [skipped.as_slice(), &zstd::encode_all(text.as_bytes(), 0)?].concat();
    same(workdir.load(&database, "p.csv.zst", frames).await?.books.loaded, 2)
}

async fn plugins_say_what_a_backslash_is(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [t.csv]\nquote: none\nescape: backslash\n")?;
    let text = "id,name\n1,a\\\\b\n2,\"c\\, d\n3,e\\\nf\n4,\\N\n5,\\\n";
    same(workdir.load(&database, "t.csv", text).await?.books.loaded, 5)?;
    same(database.text("select id, name from staging.t order by id").await?, "1|a\\b\n2|\"c, d\n3|e\nf\n4|∅\n5|\n")
}

async fn sheets_have_titles_and_lines_below_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let rows: [&[&str]; 11] = [
        &["Sales", "", "", "", ""],
        &["Period", "2026", "", "", ""],
        &[],
        &["", "2025", "", "2026", ""],
        &["Region", "plan", "real", "plan", "real"],
        &["North", "1", "2", "3", "4"],
        &["", "", "", "", ""],
        &["South", "5", "6", "7", "8"],
        &["West", "9", "10", "11", "12"],
        &["", "all", "18", "21", "24"],
        &["Source: office", "", "", "", ""],
    ];
    for (row, cells) in rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            match cell.parse::<f64>() {
                Ok(number) => sheet.write_number(row as u32, column as u16, number)?,
                Err(_) => sheet.write_string(row as u32, column as u16, *cell)?,
            };
        }
    }
    let books = workdir.load(&database, "s.xlsx", book.save_to_buffer()?).await?.books;
    same(
        types(&database, "s").await?,
        "region|text 2025_plan|bigint 2025_real|bigint 2026_plan|bigint 2026_real|bigint",
    )?;
    same(
        database.text("select region, \"2025_plan\", _line from staging.s order by _line").await?,
        "North|1|6\nSouth|5|8\nWest|9|9\nSource: office|∅|11",
    )?;
    same((books.loaded, books.rejected), (4, 1))
}
