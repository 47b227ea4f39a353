//! Files that are no text: columns and workbooks, plain and packed. The files in `tests/data` were written by the libraries
//! that people use for it (pyarrow, openpyxl, xlwt, odfpy).

use std::fs;
use std::io::Write;
use std::path::Path;

use sluice::load::FileOutcome;

use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        parquet_keeps_its_types,
        parquet_keeps_what_is_no_common_number,
        a_plugin_shapes_parquet,
        a_lone_column_keeps_its_nulls,
        each_sheet_is_a_load,
        a_line_below_the_table_is_refused,
        every_kind_of_workbook,
        a_plugin_picks_a_sheet,
        what_is_packed_is_read_too,
        what_is_damaged_or_too_wide_fails;
}

fn data(name: &str) -> anyhow::Result<Vec<u8>> {
    Ok(fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name))?)
}

async fn columns(database: &TestDatabase, table: &str) -> anyhow::Result<String> {
    let sql = format!("select name, \"type\" from sluice.\"column\" where dataset = '{table}' order by position");
    Ok(database.text(&sql).await?.replace('|', " ").replace('\n', ", "))
}

async fn parquet_keeps_its_types(database: TestDatabase, workdir: Workdir) -> Outcome {
    let books = workdir.load(&database, "types.parquet", data("types.parquet")?).await?.books;
    same((books.read, books.loaded), (3, 3))?;
    same(
        columns(&database, "types").await?,
        "id bigint, big numeric, code text, price numeric, wide numeric, ratio double, small double, ok boolean, day date, \
         at timestamp, instant timestamptz, nanos text, time text, bytes text, who__name text, who__age bigint, tags text, \
         map text, kind text, empty bigint",
    )?;
    // Staging's decimals as they are stored: a select of the star would read them as numbers on SQLite.
    let row =
        |line: u8| format!("select id, big, code, ratio, small, ok, day, at from staging.types where _line = {line}");
    same(database.text(&row(1)).await?, "1|1|007|0.1|0.1|true|2024-02-29|2024-02-29 10:00:00.5")?;
    same(database.text(&row(2)).await?, "2|18446744073709551615|8|0|2.5|false|0001-01-01|1969-12-31 23:59:59")?;
    same(database.text(&row(3)).await?, "∅|∅||1e+300|∅|∅|∅|∅")?;
    let row = |line: u8| {
        format!(
            "select nanos, time, bytes, who__name, who__age, tags, map, kind, empty from staging.types where _line = {line}"
        )
    };
    same(
        database.text(&row(1)).await?,
        "1970-01-01 00:00:00.000000001|10:30:00|\\x00ff|Käthe|7|[\"a\",\"b\"]|{\"k\":1}|x|∅",
    )?;
    same(database.text(&row(2)).await?, "1970-01-01 00:00:01|00:00:00.000001|\\x|∅|8|[]|{}|y|∅")?;
    same(database.text(&row(3)).await?, "∅|∅|∅|∅|∅|∅|∅|x|∅")?;
    same(database.text("select count(*) from staging.types where instant = '2024-02-29 10:00:00+00:00'").await?, "1")?;
    let export = sluice::ops::export::table(&workdir.app(&database).workspace, "staging.types").await?;
    let export = export.ok_or_else(|| anyhow::anyhow!("no table"))?;
    export.write(&*database.warehouse, sluice::export::Format::Csv, &workdir.path("types.csv")).await?;
    let text = workdir.read("types.csv")?;
    holds(&text, ",1.10,12345678901234567890123,")?;
    holds(&text, ",-0.05,5,")
}

async fn parquet_keeps_what_is_no_common_number(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, types, rows) in [
        ("single", "id bigint, t double, d double", "0,0\n21.5,21.5"),
        ("infinite", "id bigint, v double, n double", "1.5,1.5\nInfinity,NaN\n2.5,2.5"),
        ("unsigned", "h numeric", "12120467241726599441\n5"),
        ("moments", "id bigint, ev text", "['2024-05-01 12:00:00']"),
        (
            "moments96",
            "id bigint, top timestamp, ev text",
            "2024-05-01 12:00:00.123456,\"['2024-05-01 12:00:00.123456']\"",
        ),
    ] {
        workdir.load(&database, &format!("{name}.parquet"), data(&format!("{name}.parquet"))?).await?;
        same(columns(&database, name).await?, types)?;
        let export = sluice::ops::export::table(&workdir.app(&database).workspace, &format!("staging.{name}")).await?;
        let export = export.ok_or_else(|| anyhow::anyhow!("no table"))?;
        export.write(&*database.warehouse, sluice::export::Format::Csv, &workdir.path("t.csv")).await?;
        let text = workdir.read("t.csv")?.replace("\"\"", "'");
        for row in rows.lines() {
            holds(&text, row)?;
        }
    }
    Ok(())
}

async fn a_plugin_shapes_parquet(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "types",
        "name: types\nfiles: [\"*.parquet\"]\ntable: shaped\nfilter: \"ratio > 0.05\"\nmax_rejects: 100%\ncolumns:\n\
         - {from: id, name: number, type: text}\n- {from: code, name: code, type: bigint, \"null\": [\"007\"]}\n\
         - {from: ratio, name: ratio}\n- {from: day, name: day, required: true}\n",
    )?;
    let books = workdir.load(&database, "types.parquet", data("types.parquet")?).await?.books;
    same((books.read, books.loaded, books.rejected, books.filtered), (3, 1, 1, 1))?;
    let rows = "select number, code, ratio, day, _line from staging.shaped order by _line";
    same(database.text(rows).await?, "1|∅|0.1|2024-02-29|1")?;
    // Its third row, as text with commas under the names of the file's columns.
    let rejects = workdir.read("exports/rejects/types.parquet.rejects.csv")?;
    holds(&rejects, "id,big,code,price,wide,")?;
    holds(&rejects, "\n,,\"\",")
}

async fn a_lone_column_keeps_its_nulls(database: TestDatabase, workdir: Workdir) -> Outcome {
    same(workdir.load(&database, "lone.parquet", data("lone.parquet")?).await?.books.loaded, 3)?;
    same(database.text("select x, _line from staging.lone order by _line").await?, "a|1\n∅|2\n|3")?;
    workdir.load(&database, "int96.parquet", data("int96.parquet")?).await?;
    same(database.text("select t from staging.int96").await?, "2024-02-29 10:00:00.000001")
}

async fn each_sheet_is_a_load(database: TestDatabase, workdir: Workdir) -> Outcome {
    let done = workdir.drop_file(&database, "book.xlsx", data("book.xlsx")?).await?;
    same(matches!(&done, FileOutcome::Loaded(reports) if reports.len() == 2), true)?;
    same(
        database.text("select id, name, price, day, at, paid, ref, _line from staging.book order by id").await?,
        "1|Käse, \"fein\"|4.5|2024-02-29|2024-02-29 10:00:00.5|true|007|4\n\
         2|two\nlines|12|∅|2024-03-01 00:00:00|false|8|5\n3|x|0.3|2024-03-01|∅|∅|=cmd|7",
    )?;
    same(
        columns(&database, "book").await?,
        "id bigint, name text, price numeric, day date, at timestamp, paid boolean, ref text",
    )?;
    same(database.text("select sku, n, _line from staging.book_parts").await?, "a|1|4")?;
    same(
        database.text("select source, dataset from sluice.load order by id").await?,
        "book.xlsx/Orders|book\nbook.xlsx/Parts|book_parts",
    )
}

async fn a_line_below_the_table_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let books = workdir.load(&database, "footer.xlsx", data("footer.xlsx")?).await?.books;
    same((books.loaded, books.rejected), (2, 1))?;
    same(columns(&database, "footer").await?, "id bigint, v bigint, w bigint")
}

async fn every_kind_of_workbook(database: TestDatabase, workdir: Workdir) -> Outcome {
    for name in ["book.xls", "book.ods"] {
        same(workdir.load(&database, name, data(name)?).await?.books.loaded, 2)?;
        let rows = "select id, name, price, day, _line from staging.book order by id";
        same(database.text(rows).await?, "1|Käse|4.5|2024-02-29|2\n2|007|12|∅|3")?;
        database.warehouse.drop_all().await?;
        database.warehouse.prepare().await?;
    }
    Ok(())
}

async fn a_plugin_picks_a_sheet(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("parts", "name: parts\nfiles: [\"*.xlsx\"]\ntable: parts\nformat: excel\nsheet: Parts\n")?;
    same(workdir.load(&database, "book.xlsx", data("book.xlsx")?).await?.books.loaded, 1)?;
    same(database.text("select sku, n from staging.parts").await?, "a|1")?;
    workdir.plugin("parts", "name: parts\nfiles: [\"*.xlsx\"]\ntable: parts\nsheet: Absent\n")?;
    same(matches!(workdir.drop_file(&database, "b.xlsx", data("book.xlsx")?).await?, FileOutcome::Failed(_)), true)?;
    holds(
        &workdir.read("imports/failed/b.xlsx.error.json")?,
        "it has no sheet that its plugin names; it has Orders, Parts",
    )?;
    workdir.plugin("parts", "name: parts\nfiles: [\"*.csv\"]\ntable: parts\nformat: parquet\n")?;
    same(matches!(workdir.drop_file(&database, "b.csv", "a\n1\n").await?, FileOutcome::Failed(_)), true)?;
    holds(&workdir.read("imports/failed/b.csv.error.json")?, "it is no parquet file, as its plugin says")
}

async fn what_is_packed_is_read_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(&data("lone.parquet")?)?;
    same(workdir.load(&database, "lone.parquet.gz", gz.finish()?).await?.books.loaded, 3)?;
    workdir.load(&database, "text.csv.zst", zstd::encode_all(b"a,b\n1,x\n".as_slice(), 0)?).await?;
    same(database.text("select a, b from staging.text").await?, "1|x")?;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in ["book.xlsx", "lone.parquet"] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())?;
        zip.write_all(&data(name)?)?;
    }
    let zip = zip.finish()?.into_inner();
    same(matches!(workdir.drop_file(&database, "all.zip", zip).await?, FileOutcome::Loaded(_)), true)?;
    same(
        database.text("select source, status from sluice.load order by id").await?,
        "lone.parquet.gz|loaded\ntext.csv.zst|loaded\nall.zip/book.xlsx/Orders|loaded\n\
         all.zip/book.xlsx/Parts|loaded\nall.zip/lone.parquet|duplicate",
    )
}

async fn what_is_damaged_or_too_wide_fails(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut cut = data("types.parquet")?;
    cut.truncate(cut.len() / 2);
    let mut book = data("book.xlsx")?;
    book.truncate(book.len() / 2);
    let random: Vec<u8> = (1..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let wide = |columns: usize| {
        let line = |word: &str| (0..columns).map(|place| format!("{word}{place}")).collect::<Vec<_>>().join(",");
        format!("{}\n{}\n", line("c"), line(""))
    };
    let mut files = vec![
        ("cut.parquet", cut, "the Parquet file is damaged or not read: "),
        ("cut.xlsx", book, "the workbook is damaged or cut off, or is no Excel file: its end is not there"),
        (
            "random.parquet",
            random.clone(),
            "the file is called .parquet and is no Parquet file: it does not begin with PAR1; nor is it text: ",
        ),
        ("random.XLSX", random.clone(), "the file is called .xlsx and is no workbook: it does not begin as a zip does"),
        ("random.csv.gz", random.clone(), "the file is called .gz and is no file packed by gzip: "),
        ("random.csv", random, "the file is not UTF-8 text: "),
        ("formula.xlsx", data("formula.xlsx")?, "a formula whose result is not stored, in row 2, column 2"),
        ("wide.csv", wide(1599).into_bytes(), "the file has 1599 columns, and a table has 1598 at most"),
    ];
    let sparse = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sparse.xlsx");
    if sparse.is_file() {
        files.push(("sparse.xlsx", fs::read(sparse)?, "the sheet S uses 16384 columns, and a table has 1598 at most"));
    }
    for (name, bytes, why) in files {
        same(
            (name, matches!(workdir.drop_file(&database, name, &bytes).await?, FileOutcome::Failed(_))),
            (name, true),
        )?;
        holds(&workdir.read(&format!("imports/failed/{name}.error.json"))?, why)?;
        same(fs::read(workdir.path("imports/failed").join(name))? == bytes, true)?;
    }
    // Text is read as text, whatever it is called.
    same(workdir.load(&database, "text.parquet", "a\n1\n").await?.books.loaded, 1)?;
    // As wide as a table can be: each number fits a page of the server, all of them do not.
    let done = workdir.drop_file(&database, "most.csv", wide(1598)).await?;
    match database.engine {
        sluice::sql::Engine::Sqlite => {
            same(matches!(done, FileOutcome::Loaded(_)), true)?;
            same(database.text("select c1597 from staging.most").await?, "1597")
        }
        sluice::sql::Engine::Postgres => {
            holds(&workdir.read("imports/failed/most.csv.error.json")?, "a row does not fit a page of the server")
        }
    }
}
