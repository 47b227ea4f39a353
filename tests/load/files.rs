//! Loading: types, growth, rejects, duplicates, failures, and the books.

use std::sync::Arc;

use sluice::dataset::Dataset;
use sluice::format::Limits;
use sluice::load::{FileOutcome, LoadError, load};
use sluice::source::{Input, SourceError};

use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        types_are_decided_over_all_rows,
        later_files_bring_columns_and_wider_values,
        a_column_that_was_empty_gets_its_type_later,
        bad_rows_are_kept_and_the_others_load,
        records_of_another_width_load,
        any_name_loads_or_fails_by_name,
        a_file_without_a_header_loads,
        of_several_tables_the_widest_loads,
        the_same_content_loads_once,
        what_is_no_table_goes_to_failed,
        a_header_alone_makes_a_table,
        every_dialect_of_the_list,
        other_encodings_and_packed_files,
        json_in_every_place,
        an_input_that_changes_while_it_is_read_is_not_loaded,
            many_loads_into_one_table_at_once,
        a_table_that_somebody_dropped_is_made_again,
        a_wide_table;
}

async fn types(database: &TestDatabase, table: &str) -> anyhow::Result<String> {
    let sql = format!("select name, \"type\" from sluice.\"column\" where dataset = '{table}' order by position");
    Ok(database.text(&sql).await?.replace('\n', " "))
}

async fn types_are_decided_over_all_rows(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut text = "n,price,code,flag,day,at,instant,note,none\n".to_owned();
    for n in 0..2000 {
        text += &format!("{n},{n}.50,{n},true,2024-01-01,2024-01-01 10:00:00,2024-01-01T10:00:00Z, x ,\n");
    }
    text += "2000,0.5,007,false,2024-02-29,2024-02-29 00:00:00.123456,2024-01-01T10:00:00+02:00,null,\n";
    workdir.load(&database, "t.csv", text).await?;
    same(
        types(&database, "t").await?,
        "n|bigint price|numeric code|text flag|boolean day|date at|timestamp instant|timestamptz note|text none|text",
    )?;
    same(
        database.text("select n, code, flag, day, at, note, none, _line from staging.t where _line in (2, 2002) order by _line").await?,
        "0|0|true|2024-01-01|2024-01-01 10:00:00| x |∅|2\n2000|007|false|2024-02-29|2024-02-29 00:00:00.123456|null|∅|2002",
    )?;
    same(database.text("select count(*) from staging.t where price = 0.5").await?, "2")
}

async fn later_files_bring_columns_and_wider_values(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "id,price,flag,day\n1,5,True,2024-01-01\n2,7,False,\n").await?;
    same(types(&database, "t").await?, "id|bigint price|bigint flag|boolean day|date")?;
    let widening = workdir.load(&database, "t.csv", "day,id,extra,price,flag\nsoon,3,x,1.10,maybe\n").await?;
    same(types(&database, "t").await?, "id|bigint price|numeric flag|text day|text extra|text")?;
    workdir.load(&database, "t.csv", "price,id\nfree,4\n").await?;
    same(types(&database, "t").await?, "id|bigint price|text flag|text day|text extra|text")?;
    same(
        database.text("select id, price, flag, day, extra from staging.t order by id").await?,
        "1|5|True|2024-01-01|∅\n2|7|False|∅|∅\n3|1.10|maybe|soon|x\n4|free|∅|∅|∅",
    )?;
    same(
        database.text("select type_load_id from sluice.\"column\" where name = 'day'").await?,
        widening.load_id.to_string(),
    )?;
    same(
        database.text("select name, \"type\", load_id from sluice.column_history order by id").await?,
        "id|bigint|1\nprice|bigint|1\nflag|boolean|1\nday|date|1\nextra|text|2\nday|text|2\nprice|numeric|2\nflag|text|2\n\
         price|text|3",
    )
}

async fn a_column_that_was_empty_gets_its_type_later(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "a,b\n1,\n2,\n").await?;
    same(types(&database, "t").await?, "a|bigint b|text")?;
    workdir.load(&database, "t.csv", "a,b\n3,4\n").await?;
    same(types(&database, "t").await?, "a|bigint b|bigint")?;
    same(database.text("select sum(b), count(*) from staging.t").await?, "4|3")
}

async fn bad_rows_are_kept_and_the_others_load(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = b"id;name\n1;a\ntotal\nx;b;c\n\nnote\n4;\"d\n5;\xFFe\n6;f\n7;g\n8;h\n".to_vec();
    let report = workdir.load(&database, "t.csv", &text).await?;
    let books = report.books;
    same((books.read, books.loaded, books.rejected, books.duplicate), (9, 4, 5, 0))?;
    same(database.text("select id, name, _line from staging.t order by id").await?, "1|a|2\n6|f|9\n7|g|10\n8|h|11")?;
    same(
        database.text("select line, reason, detail, text from sluice.reject order by line").await?,
        "3|not of the column's type|\"total\" is no bigint, and the record has fewer cells than the header|total\n\
         4|not of the column's type|\"x\" is no bigint, and the record has more cells than the header|x;b;c\n\
         6|belongs to another table|below a blank line: 1 cell, the header has 2|note\n\
         7|a quote is opened and never closed|∅|4;\"d\n8|a byte is wrong in its encoding|0xFF is not UTF-8|5;\u{FFFD}e",
    )?;
    // As they stood, under the header, to be fixed and dropped in again.
    same(
        std::fs::read(workdir.path("exports/rejects/t.csv.rejects.csv"))?,
        b"id;name\ntotal\nx;b;c\nnote\n4;\"d\n5;\xFFe\n".to_vec(),
    )?;
    same(
        database.text("select rows_read, rows_loaded, rows_rejected, status from sluice.load").await?,
        "9|4|5|loaded",
    )?;
    // A second file's rejects do not overwrite the first one's.
    workdir.load(&database, "t.csv", "id;name\n7;\"\n").await?;
    same(workdir.list("exports/rejects"), ["t.csv.rejects.2.csv", "t.csv.rejects.csv"])
}

async fn records_of_another_width_load(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "id,name,price\n1,a,1.5\n2,b\n3\n4,d,4.5,x,,\"y \"\"z\"\"\"\n5,e,5.5,,\n";
    let books = workdir.load(&database, "t.csv", text).await?.books;
    same((books.loaded, books.rejected, books.padded, books.extended), (5, 0, 2, 1))?;
    same(types(&database, "t").await?, "id|bigint name|text price|numeric _extra|text")?;
    same(
        database.text("select id, name, price, _extra from staging.t order by id").await?,
        "1|a|1.5|∅\n2|b|∅|∅\n3|∅|∅|∅\n4|d|4.5|[\"x\",null,\"y \\\"z\\\"\"]\n5|e|5.5|∅",
    )?;
    same(database.text("select rows_padded, rows_extended from sluice.load").await?, "2|1")?;
    // A file without any leaves the column alone, one with its own column of that name gets another name for it.
    workdir.load(&database, "t.csv", "id,name,price,_extra\n6,f,6.5,own\n").await?;
    same(database.text("select _extra, _extra_2 from staging.t where id = 6").await?, "∅|own")?;
    // Where most records are short, they decide too.
    let books = workdir.load(&database, "u.csv", "id,name,price\n1,a\nx,b\n3,c,1\n").await?.books;
    same((books.loaded, types(&database, "u").await?.as_str()), (3, "id|text name|text price|bigint"))
}

async fn a_file_without_a_header_loads(database: TestDatabase, workdir: Workdir) -> Outcome {
    same(workdir.load(&database, "t.csv", "1,x,2.5\n2,y,3.5\n").await?.books.loaded, 2)?;
    same(
        database.text("select column_1, column_2, column_3, _line from staging.t order by column_1").await?,
        "1|x|2.5|1\n2|y|3.5|2",
    )
}

async fn of_several_tables_the_widest_loads(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "4,1\n5,1\n6,2\n\nid,name,price\n1,x,2.5\n2,y,3.5\n\nn,m\n5,6\n";
    let books = workdir.load(&database, "t.csv", text).await?.books;
    same((books.read, books.loaded, books.rejected), (7, 2, 5))?;
    same(database.text("select id, name, price, _line from staging.t order by id").await?, "1|x|2.5|6\n2|y|3.5|7")?;
    same(
        database.text("select line, reason, detail from sluice.reject order by line").await?,
        "1|belongs to another table|above the one that is loaded\n2|belongs to another table|above the one that is loaded\n\
         3|belongs to another table|above the one that is loaded\n\
         9|belongs to another table|below a blank line: 2 cells, the header has 3\n\
         10|belongs to another table|below a blank line: 2 cells, the header has 3",
    )
}

async fn the_same_content_loads_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let first = workdir.load(&database, "t.csv", "a\n1\n2\n").await?;
    let again = workdir.load(&database, "t.csv", "a\n1\n2\n").await?;
    same((again.duplicate_of, again.books.read, again.books.duplicate), (Some(first.load_id), 2, 2))?;
    same(workdir.list("imports"), Vec::<String>::new())?;
    same(database.text("select count(*) from staging.t").await?, "2")?;
    // Into another table it is another load: a table of its own must not stay empty because one like it was loaded.
    same(workdir.load(&database, "u.csv", "a\n1\n2\n").await?.duplicate_of, None)?;
    // The same name with another content is a new load.
    same(workdir.load(&database, "t.csv", "a\n1\n2\n3\n").await?.books.loaded, 3)?;
    same(
        database
            .text("select status, rows_read, rows_loaded, rows_duplicate, duplicate_of from sluice.load order by id")
            .await?,
        "loaded|2|2|0|∅\nduplicate|2|0|2|1\nloaded|2|2|0|∅\nloaded|3|3|0|∅",
    )
}

async fn what_is_no_table_goes_to_failed(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut expected = Vec::new();
    for (name, text, why) in [
        ("binary.csv", b"\x89PNG\r\n\x1a\n\0\0".as_slice(), "a picture (PNG)"),
        ("blank.csv", b"\n\n\r\n".as_slice(), "no header"),
        ("empty.csv", b"".as_slice(), "the file is empty"),
    ] {
        same(matches!(workdir.drop_file(&database, name, text).await?, FileOutcome::Failed(_)), true)?;
        same(std::fs::read(workdir.path("imports/failed").join(name))?, text.to_vec())?;
        let note = workdir.read(&format!("imports/failed/{name}.error.json"))?;
        let note: serde_json::Value = serde_json::from_str(&note)?;
        holds(note["error"].as_str().unwrap_or_default(), why)?;
        holds(note["fix"].as_str().unwrap_or_default(), "app retry moves it back")?;
        expected.push(format!("{name}|failed"));
    }
    same(workdir.list("imports"), ["failed"])?;
    same(database.text("select source, status from sluice.load order by source").await?, expected.join("\n"))?;
    same(database.rows("select * from sluice.dataset").await?.len(), 0)
}

async fn a_header_alone_makes_a_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    same(workdir.load(&database, "t.csv", "a,b").await?.books.read, 0)?;
    same(database.rows("select a, b from staging.t").await?.len(), 0)?;
    same(workdir.load(&database, "t.csv", "a,b\n1,x\n").await?.books.loaded, 1)?;
    same(types(&database, "t").await?, "a|bigint b|text")
}

async fn every_dialect_of_the_list(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, delimiter) in [("comma.csv", ","), ("semicolon.CSV", ";"), ("tab.tsv", "\t"), ("pipe.psv", "|")] {
        for (quote, line_end, bom) in [("", "\n", ""), ("\"", "\r\n", "\u{FEFF}")] {
            let line = |cells: [&str; 3]| cells.map(|cell| format!("{quote}{cell}{quote}")).join(delimiter) + line_end;
            let text =
                format!("{bom}{}{}{}", line(["id", "näme", "note"]), line(["1", "ü", "x y"]), line(["2", "-", "."]));
            let table = sluice::schema::table_name(name);
            workdir.load(&database, name, text).await?;
            same(
                database
                    .text(&format!("select id, \"näme\", note from staging.{table} order by _load_id desc, id limit 2"))
                    .await?,
                "1|ü|x y\n2|-|.",
            )?;
        }
    }
    Ok(())
}

async fn other_encodings_and_packed_files(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "id;größe;note\n1;Käse;groß\n2;Öl;schön\n";
    let latin: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
    let utf16: Vec<u8> = "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let gzip = packed(text.as_bytes())?;
    let ended_early = gzip[..gzip.len() - 9].to_vec();
    for (name, bytes) in [
        ("latin.csv", latin),
        ("wide.csv", utf16),
        ("gz.csv.gz", gzip),
        (
            "frames.csv.gz",
            [
                packed(b"id;gr\xC3\xB6\xC3\x9Fe;note\n")?,
                packed(b"1;K\xC3\xA4se;gro\xC3\x9F\n2;\xC3\x96l;sch\xC3\xB6n\n")?,
            ]
            .concat(),
        ),
    ] {
        let table = sluice::schema::table_name(name);
        workdir.load(&database, name, bytes).await?;
        same(
            database.text(&format!("select id, \"größe\", note from staging.{table} order by id")).await?,
            "1|Käse|groß\n2|Öl|schön",
        )?;
    }
    // A zip: each member is a load of its own; what fails does not hold up the others.
    let zip = zipped(&[("a/one.csv", b"a,b\n1,x\n2,y\n"), ("two.txt", text.as_bytes()), ("__MACOSX/._one.csv", b"x")])?;
    let outcome = workdir.drop_file(&database, "both.zip", &zip).await?;
    same(matches!(&outcome, FileOutcome::Loaded(reports) if reports.len() == 2), true)?;
    same(
        database
            .text("select source, dataset, rows_loaded from sluice.load where source like 'both%' order by source")
            .await?,
        "both.zip/a/one.csv|one|2\nboth.zip/two.txt|two|2",
    )?;
    same(workdir.list("imports"), Vec::<String>::new())?;
    let zip = zipped(&[("empty.csv", b""), ("three.csv", b"a\n1\n"), ("nested.zip", &zip)])?;
    same(matches!(workdir.drop_file(&database, "some.zip", &zip).await?, FileOutcome::Failed(_)), true)?;
    holds(&workdir.read("imports/failed/some.zip.error.json")?, "\"file\": \"some.zip/empty.csv\"")?;
    same(
        database.text("select source, error from sluice.load where status = 'failed' order by source").await?,
        "some.zip/empty.csv|the file is empty\nsome.zip/nested.zip|cannot unpack: it is an archive itself, which is not opened",
    )?;
    same(database.text("select a from staging.three").await?, "1")?;
    // What is no data is not deleted with the data.
    let zip = zipped(&[("four.csv", b"a\n1\n"), ("notes.pdf", b"x,y\n1,2\n")])?;
    let outcome = workdir.drop_file(&database, "notes.zip", &zip).await?;
    same(matches!(&outcome, FileOutcome::Failed(reports) if reports.len() == 1), true)?;
    holds(&workdir.read("imports/failed/notes.zip.error.json")?, "take it out of the archive")?;
    // What ends too early, and what would fill the disk.
    same(matches!(workdir.drop_file(&database, "early.csv.gz", &ended_early).await?, FileOutcome::Failed(_)), true)?;
    let bomb = packed(&[b"a\n".as_slice(), &vec![b'x'; 8 << 20]].concat())?;
    same(matches!(workdir.drop_file(&database, "bomb.csv.gz", &bomb).await?, FileOutcome::Failed(_)), true)?;
    holds(&workdir.read("imports/failed/bomb.csv.gz.error.json")?, "ARCHIVE_MAX_RATIO")
}

async fn json_in_every_place(database: TestDatabase, workdir: Workdir) -> Outcome {
    let records = [
        r#"{"id": 1, "price": 1.10, "who": {"name": "Käthe", "tags": ["a", "b"]}, "code": "007"}"#,
        r#"{"id": 2, "price": 12, "who": {"name": null}, "day": "2024-02-29", "code": "8"}"#,
    ];
    for (name, text) in [
        ("lines.jsonl", records.join("\n")),
        ("array.json", format!("[{}]", records.join(", "))),
        ("key.txt", format!("{{\"@odata.context\": \"u\", \"value\": [{}]}}", records.join(",\n"))),
    ] {
        let table = sluice::schema::table_name(name);
        same(workdir.load(&database, name, text).await?.books.loaded, 2)?;
        same(
            types(&database, &table).await?,
            "id|bigint price|numeric who__name|text who__tags|text code|text day|date",
        )?;
        same(
            database
                .text(&format!("select id, who__name, who__tags, code, day from staging.{table} order by id"))
                .await?,
            "1|Käthe|[\"a\", \"b\"]|007|∅\n2|∅|∅|8|2024-02-29",
        )?;
    }
    let report = workdir.load(&database, "bad.jsonl", "{\"a\": 1}\n{\"a\": }\n{\"a\": 3}\n").await?;
    same((report.books.loaded, report.books.rejected), (2, 1))?;
    same(database.text("select line, text from sluice.reject").await?, "2|{\"a\": }")?;
    same(workdir.read("exports/rejects/bad.jsonl.rejects.jsonl")?, "{\"a\": }\n")?;
    same(matches!(workdir.drop_file(&database, "none.json", "[]").await?, FileOutcome::Failed(_)), true)
}

fn packed(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes)?;
    Ok(encoder.finish()?)
}

fn zipped(members: &[(&str, &[u8])]) -> anyhow::Result<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default())?;
        std::io::Write::write_all(&mut writer, bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}

async fn input_of(name: &str, text: &str) -> anyhow::Result<Input> {
    Ok(Input::parts_of_bytes(text.as_bytes(), name, Limits::default()).await?.remove(0))
}

async fn nothing_happened(database: &TestDatabase) -> Outcome {
    same(database.text("select count(*) from sluice.load").await?, "0")?;
    same(database.text("select count(*) from sluice.\"column\"").await?, "0")?;
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    same(transaction.columns(&sluice::sql::Table::staging("liar")).await?, vec![])
}

async fn an_input_that_changes_while_it_is_read_is_not_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (app, path) = (workdir.app(&database), workdir.path("liar.csv"));
    let dataset = Dataset::of_file("liar.csv");
    for (before, after) in
        [("a\n1\n", "a\n2\n"), ("a\n1\n", "a\nx\n"), ("a\n1\n2\n", "a\n1\n"), ("a\n1\n", "b,a\n1,2\n")]
    {
        std::fs::write(&path, before)?;
        let mut input = Input::parts(&path, "liar.csv", None, Limits::default()).await?.remove(0);
        input.profile().await?;
        std::fs::write(&path, after)?;
        let error = load(&app.loader, &dataset, &mut input).await.unwrap_err();
        same(matches!(error, LoadError::Source(SourceError::Changed)), true)?;
        nothing_happened(&database).await?;
    }
    // Bytes in memory are loaded as those of a file are.
    let report = load(&app.loader, &dataset, &mut input_of("liar.csv", "a\n1\n").await?).await?;
    same((report.books.loaded, report.books.rejected), (1, 0))
}

async fn many_loads_into_one_table_at_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let app = std::sync::Arc::new(workdir.app(&database));
    let mut loads = tokio::task::JoinSet::new();
    for n in 0..12 {
        let app = Arc::clone(&app);
        loads.spawn(async move {
            // Every third one widens a column, every second one brings another; each content comes twice.
            let value = if n % 3 == 0 { "x" } else { "7" };
            let mut input = input_of("t.csv", &format!("id,v,c{}\n{},{value},1\n", n % 2, n / 2)).await?;
            anyhow::Ok(load(&app.loader, &Dataset::of_file("t.csv"), &mut input).await?)
        });
    }
    let mut read = 0;
    while let Some(done) = loads.join_next().await {
        read += done??.books.read;
    }
    same(read, 12)?;
    same(
        database.text("select count(*) from sluice.load where status = 'loaded'").await?,
        database.text("select count(*) from staging.t").await?,
    )?;
    same(database.text("select count(*) from sluice.load").await?, "12")
}

async fn a_table_that_somebody_dropped_is_made_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "a,b\n1,x\n").await?;
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    let table = database.warehouse.names().table(&sluice::sql::Table::staging("t"));
    transaction.execute(&format!("drop table {table}"), &[]).await?;
    transaction.commit().await?;
    workdir.load(&database, "t.csv", "a\n2\n").await?;
    same(database.text("select a, b from staging.t").await?, "2|∅")
}

async fn a_wide_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header: Vec<_> = (0..900).map(|n| format!("c{n}")).collect();
    let row: Vec<_> = (0..900).map(|n| n.to_string()).collect();
    let text = format!("{}\n{}\n{}\n", header.join(","), row.join(","), row.join(","));
    same(workdir.load(&database, "wide.csv", text).await?.books.loaded, 2)?;
    same(database.text("select sum(c899) from staging.wide").await?, "1798")
}

async fn any_name_loads_or_fails_by_name(database: TestDatabase, workdir: Workdir) -> Outcome {
    use std::os::unix::ffi::OsStrExt;
    let long = format!("{}.csv", "n".repeat(251));
    let names: [&[u8]; 9] = [
        b"new\nline.csv",
        b"quo\"te'.csv",
        b"a..b.csv",
        b"up\\..\\x.csv",
        b"x; drop table staging.t; --.csv",
        b"-rf.csv",
        b"inv\xFFalid.csv",
        "\u{202E}vsc.csv".as_bytes(),
        long.as_bytes(),
    ];
    for name in names {
        std::fs::write(workdir.path("imports").join(std::ffi::OsStr::from_bytes(name)), "a\n1\n")?;
    }
    let output = app(&workdir, &["--once"], &[("DATABASE_URL", database.url.as_str())])?;
    let text = stdout(&output);
    same(output.status.code(), Some(0))?;
    holds(&text, "files: 9 loaded")?;
    // A line of the log is a line, whatever a file is called.
    same(text.lines().filter(|line| line.contains("new") && line.contains("line.csv")).count() > 0, true)?;
    same(text.lines().all(|line| line.starts_with("20") || line.starts_with("files: ")), true)?;
    same(workdir.list("imports"), Vec::<String>::new())?;
    let mut tables: Vec<_> =
        database.rows("select dataset from sluice.load").await?.into_iter().flatten().flatten().collect();
    tables.sort();
    let long = format!("{}_f13bbcd9", "n".repeat(54));
    let expected = ["_rf", "_vsc", "a", "inv_alid", "new_line", &long, "quo_te_", "up_", "x_drop_table_staging"];
    same(tables, expected.map(str::to_owned).to_vec())
}
