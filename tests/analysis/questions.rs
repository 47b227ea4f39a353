//! The questions: their headers, the files they are written as, and the page.

use std::fs::File;

use calamine::{Data, Reader, Xlsx};
use parquet::basic::LogicalType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use sluice::export::Format;
use sluice::ops::export::table;
use sluice::{analysis, pipeline};

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_wrong_header_is_named_and_no_view_is_made,
        a_comment_is_no_header,
        exports_keep_types_and_digits,
        answers_are_written_as_the_header_says,
        what_does_not_fit_a_cell_is_named,
        what_fails_holds_up_nothing_else,
        the_page_is_as_it_was,
        the_page_keeps_what_it_shows,
        the_page_says_what_is_not_in_the_star_yet;
}

async fn a_wrong_header_is_named_and_no_view_is_made(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "name,count\na,1\n").await?;
    for (header, expected) in [
        ("titel: x", "v.sql:2: header: unknown word titel; did you mean title?"),
        ("title: x\nchart: {type: bra}", "v.sql:3: header: type: bra is none of bar, line"),
        (
            "chart: {type: bar, x: nmae}",
            "v.sql:2: header: chart: x: the select gives no column nmae; did you mean name?",
        ),
        ("chart: {type: bar, y: [count, cuont]}", "chart: y: the select gives no column cuont; did you mean count?"),
        ("chart: {type: line, series: nam}", "chart: series: the select gives no column nam; did you mean name?"),
        ("exports: [excel]", "v.sql:2: header: exports: excel is none of csv"),
    ] {
        workdir.write("sql/analysis/v.sql", format!("/*\n{header}\n*/\nselect name, \"count\" from staging.n"))?;
        let Err(error) = analysis::run(&workdir.app(&database).workspace).await else {
            anyhow::bail!("{header}: no error")
        };
        holds(&error.to_string(), expected)?;
        same(workdir.list("exports"), ["index.html"])?;
        same(database.rows("select * from datawarehouse.v").await.is_err(), true)?;
    }
    Ok(())
}

async fn a_comment_is_no_header(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "a\n1\n").await?;
    workdir.write("sql/analysis/v_x.sql", "/* What is in n: all of it.\n  title: none */\nselect a from staging.n")?;
    analysis::run(&workdir.app(&database).workspace).await?;
    same(workdir.list("exports"), ["index.html", "v_x.csv"])?;
    holds(&workdir.read("exports/index.html")?, ">V x</h2>")
}

const TYPES: &str = "Id,Price,price,Wide,ratio,ok,day,at,instant,note\n\
    1,1.10,0.5,12345678901234567890.12,1e-08,TRUE,2024-02-29,2024-02-29T10:00:00.5,2024-02-29T10:00:00Z,\"\"\n\
    -9007199254740993,-20.00,2,-0.01,2.5e+300,FALSE,1850-01-01,2024-03-01T00:00:00,1850-01-01T00:00:00Z,=1+1\n\
    3,,,,,,,,,\n";

async fn exports_keep_types_and_digits(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", TYPES).await?;
    let found = table(&workdir.app(&database).workspace, "staging.t").await?;
    let found = found.ok_or_else(|| anyhow::anyhow!("no table"))?;
    for format in [Format::Csv, Format::Json, Format::Parquet, Format::Xlsx] {
        let path = workdir.path(&format!("exports/t.{}", format.ending()));
        same(found.write(&*database.warehouse, format, &path).await?.rows, 3)?;
    }
    same(workdir.list("exports"), ["t.csv", "t.jsonl", "t.parquet", "t.xlsx"])?;
    holds(&workdir.read("exports/t.csv")?, ",1.10,0.5,12345678901234567890.12,")?;
    holds(
        &workdir.read("exports/t.jsonl")?,
        r#"{"Id": 1, "Price": 1.10, "price": 0.5, "Wide": 12345678901234567890.12, "#,
    )?;
    holds(&workdir.read("exports/t.jsonl")?, r#""note": null}"#)?;

    let reader = SerializedFileReader::new(File::open(workdir.path("exports/t.parquet"))?)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns = schema.columns().iter().map(|column| {
        let logical = match column.logical_type_ref() {
            Some(LogicalType::Decimal(decimal)) => format!("decimal({}, {})", decimal.precision, decimal.scale),
            Some(LogicalType::Timestamp(time)) => format!("timestamp, UTC {}", time.is_adjusted_to_u_t_c),
            Some(other) => format!("{other:?}"),
            None => column.physical_type().to_string(),
        };
        format!("{} {logical}", column.name())
    });
    // Names that differ in their letters' case only are those of the table.
    same(
        columns.collect::<Vec<_>>(),
        [
            "Id INT64",
            "price decimal(4, 2)",
            "price_2 decimal(2, 1)",
            "Wide decimal(22, 2)",
            "ratio DOUBLE",
            "ok BOOLEAN",
            "day Date",
            "at timestamp, UTC false",
            "instant timestamp, UTC true",
            "note String",
        ],
    )?;
    let rows: Vec<_> =
        reader.get_row_iter(None)?.map(|row| row.map(|row| row.to_string())).collect::<Result<_, _>>()?;
    same(
        rows,
        [
            "{Id: 1, price: 1.10, price_2: 0.5, Wide: 12345678901234567890.12, ratio: 0.00000001, ok: true, day: 2024-02-29, \
             at: 2024-02-29 10:00:00.500000 +00:00, instant: 2024-02-29 10:00:00.000000 +00:00, note: \"\"}",
            "{Id: -9007199254740993, price: -20.00, price_2: 2.0, Wide: -0.01, ratio: 2.5E300, ok: false, day: 1850-01-01, \
             at: 2024-03-01 00:00:00.000000 +00:00, instant: 1850-01-01 00:00:00.000000 +00:00, note: \"=1+1\"}",
            "{Id: 3, price: null, price_2: null, Wide: null, ratio: null, ok: null, day: null, at: null, instant: null, \
             note: null}",
        ],
    )?;

    let mut book: Xlsx<_> = calamine::open_workbook(workdir.path("exports/t.xlsx"))?;
    same(book.sheet_names(), ["t"])?;
    let cells = book.worksheet_range("t")?;
    let cell = |row: u32, column: u32| cells.get_value((row, column)).cloned().unwrap_or(Data::Empty);
    let shown = |row: u32| {
        let shown = (0..10).map(|column| match cell(row, column) {
            Data::DateTime(at) => {
                let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
                format!("at {year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}")
            }
            Data::Float(number) => format!("number {number}"),
            Data::Bool(truth) => format!("boolean {truth}"),
            Data::String(text) => format!("text {text}"),
            Data::Empty => "nothing".to_owned(),
            other => format!("{other:?}"),
        });
        shown.collect::<Vec<_>>()
    };
    same(
        shown(1),
        [
            "number 1",
            "number 1.1",
            "number 0.5",
            "text 12345678901234567890.12",
            "number 0.00000001",
            "boolean true",
            "at 2024-02-29 00:00:00.000",
            "at 2024-02-29 10:00:00.500",
            "at 2024-02-29 10:00:00.000",
            "nothing",
        ],
    )?;
    // Days that a workbook does not count, and numbers with more digits than a cell has, are text; so is a formula.
    let second = shown(2);
    same(&second[0], "text -9007199254740993")?;
    same(&second[6..], ["text 1850-01-01", "at 2024-03-01 00:00:00.000", "text 1850-01-01 00:00:00 UTC", "text =1+1"])?;
    same(shown(3)[1..].iter().all(|cell| cell == "nothing"), true)
}

async fn answers_are_written_as_the_header_says(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir
        .load(&database, "sales.csv", "zip,day,price\n94100,2024-01-01,1.50\n94101,2024-01-02,2.25\n94101,,\n")
        .await?;
    workdir.write(
        "sql/analysis/v.sql",
        "/*\nexports: [parquet, json, xlsx]\n*/\nselect substr(cast(zip as text), 1, 3) as area, count(*) as many, \
         max(day) as newest, sum(price) as total \
         from staging.sales group by 1",
    )?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["--analysis"], &settings)?;
    holds(&stdout(&output), "v (1 row; all in exports/v.parquet)")?;
    holds(&stdout(&output), "All of them on one page: exports/index.html\n")?;
    same(workdir.list("exports"), ["index.html", "v.jsonl", "v.parquet", "v.xlsx"])?;
    same(
        workdir.read("exports/v.jsonl")?,
        "{\"area\": \"941\", \"many\": 3, \"newest\": \"2024-01-02\", \"total\": 3.75}\n",
    )?;
    let reader = SerializedFileReader::new(File::open(workdir.path("exports/v.parquet"))?)?;
    let row = reader.get_row_iter(None)?.next().transpose()?.map(|row| row.to_string());
    same(row.as_deref(), Some("{area: \"941\", many: 3, newest: 2024-01-02, total: 3.75}"))?;
    let output = app(&workdir, &["export", "v", "--format", "xlsx", "--output", "out.xlsx"], &settings)?;
    same(stdout(&output), "1 row of datawarehouse.v in out.xlsx\n")?;
    let mut book: Xlsx<_> = calamine::open_workbook(workdir.path("out.xlsx"))?;
    same(book.worksheet_range("out")?.get_value((1, 0)), Some(&Data::String("941".to_owned())))
}

async fn what_does_not_fit_a_cell_is_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", format!("a,b\n1,x\n2,{}\n", "y".repeat(40_000))).await?;
    workdir.write("sql/analysis/v.sql", "/*\nexports: [csv, xlsx]\n*/\nselect a, b from staging.t order by a")?;
    workdir.write("exports/v.csv", "as it was")?;
    let Err(error) = analysis::run(&workdir.app(&database).workspace).await else { anyhow::bail!("no error") };
    holds(&error.to_string(), "v.xlsx: row 2 of sheet 1, column b: a cell of a workbook holds 32767 letters at most")?;
    same(workdir.read("exports/v.csv")?, "as it was")?;
    same(workdir.list("exports"), ["index.html", "v.csv"])?;
    same(std::fs::read_dir(workdir.path("exports"))?.count(), 2)
}

/// Whatever is wrong with some of the files, the others are answered.
async fn what_fails_holds_up_nothing_else(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "a,b,many_of\n1,0,\n2,1,\n").await?;
    for (name, text) in [
        ("a_good", "select a from staging.n order by a"),
        ("b_column", "select a,\n  many\nfrom staging.n"),
        ("c_header", "/*\ntitel: x\n*/\nselect a from staging.n"),
        ("d_syntax", "select a frm staging.n"),
        ("e_reads", "select * from datawarehouse.b_column"),
        ("f_table", "select a from staging.nn"),
        ("g_circle", "select a from datawarehouse.h_circle"),
        ("h_circle", "select a from datawarehouse.g_circle"),
        ("i_runs", "/*\ntitle: What breaks\ndescription: <b>\n*/\nselect a / b as c from staging.n"),
        ("j_good", "/*\ntitle: Twice\n*/\nselect a * 2 as twice from datawarehouse.a_good order by 1"),
    ] {
        workdir.write(&format!("sql/analysis/{name}.sql"), text)?;
    }
    workdir.write("exports/i_runs.csv", "as it was")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["--analysis"], &settings)?;
    same(output.status.code(), Some(1))?;
    let said = stderr(&output);
    let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    for (line, words) in errors.iter().zip([
        "sql/analysis/b_column.sql:2:3: there is no column many; did you mean many_of?",
        "sql/analysis/c_header.sql:2: header: unknown word titel; did you mean title?",
        "sql/analysis/d_syntax.sql:1:14: expected end of statement, found staging",
        "sql/analysis/e_reads.sql:1: it reads datawarehouse.b_column, whose own file is at fault",
        "sql/analysis/f_table.sql:1: there is no table staging.nn: no file has been loaded into it; did you mean n?",
        "sql/analysis/g_circle.sql:1: the tables need each other in a circle: g_circle -> h_circle -> g_circle",
        "sql/analysis/h_circle.sql:1: it reads datawarehouse.g_circle, whose own file is at fault",
        "sql/analysis/i_runs.sql:5: ",
    ]) {
        holds(line, words)?;
    }
    same((errors.len(), said.contains("8 of 10 questions could not be answered")), (8, true))?;
    if database.engine == sluice::sql::Engine::Sqlite {
        holds(errors[7], "division by zero")?;
    }
    same(workdir.list("exports"), ["a_good.csv", "i_runs.csv", "index.html", "j_good.csv"])?;
    same(workdir.read("exports/j_good.csv")?, "twice\n2\n4\n")?;
    same(workdir.read("exports/i_runs.csv")?, "as it was")?;
    same(database.text("select twice from datawarehouse.j_good order by 1").await?, "2\n4")?;
    same(database.rows("select * from datawarehouse.b_column").await.is_err(), true)?;
    let page = workdir.read("exports/index.html")?;
    same(page.matches("This question could not be answered.").count(), 8)?;
    same(page.matches("<section ").count(), 10)?;
    holds(&page, "8 questions could not be answered; they are marked below.")?;
    holds(&page, ">What breaks</h2><p class=\"text\">&lt;b&gt;</p><div class=\"failed\"")?;
    same(
        database.text("select status, changes from sluice.run order by id").await?,
        "done|[\"a_good\",\"i_runs\",\"j_good\"]\nfailed|∅",
    )?;
    // As objects, too.
    let output = app(&workdir, &["--analysis", "--json"], &settings)?;
    same((output.status.code(), stdout(&output).lines().count()), (Some(1), 10))?;
    holds(&stdout(&output), "{\"view\":\"d_syntax\",\"error\":\"sql/analysis/d_syntax.sql:1:14: ")
}

/// What the golden page is made from: each kind of chart, hostile names, NULL and nothing.
fn questions(workdir: &Workdir) -> Outcome {
    workdir
        .write("sql/pipeline/sale.sql", "/* kind: table */ select id, shop, day, price, units from staging.sales")?;
    for (name, header, select) in [
        (
            "a_shops",
            "title: \"Sales <by> shop & \\\"house\\\"\"\ndescription: |\n  What each took.\n\n  '; drop table x; \
             --\nchart: {type: bar, x: shop}\nexports: [csv, xlsx]",
            "select shop, sum(price) as total from datawarehouse.sale group by shop order by 2 desc nulls last",
        ),
        (
            "b_days",
            "chart: {type: line, x: day, y: units, series: shop}",
            "select day, shop, units from datawarehouse.sale order by id",
        ),
        (
            "c_parts",
            "chart: pie",
            "select shop, sum(units) as units from datawarehouse.sale group by shop order by 2 desc nulls last",
        ),
        ("d_average", "title: On average", "select avg(units) as units_on_average from datawarehouse.sale"),
        ("e_none", "chart: area", "select day, units from staging.sales where units > 1000"),
        ("f_all", "title: Everything", "select id, shop, day, price, units from datawarehouse.sale order by id"),
    ] {
        workdir.write(&format!("sql/analysis/{name}.sql"), format!("/*\n{header}\n*/\n{select}"))?;
    }
    Ok(())
}

const SALES: &str = "id,shop,day,price,units\n1,Zürich,2024-01-01,10.50,3\n2,<script>alert(1)</script>,2024-01-01,3.25,5\n\
    3,Zürich,2024-01-02,8.00,\n4,\"\"\"'; drop table x; --\",2024-01-02,,7\n5,Zürich,2024-01-03,1234567.25,9\n6,,2024-01-03,1.00,1\n";

/// The page without its style, its script and what the clock says.
fn without_times(page: &str) -> String {
    let cut = |text: String, from: &str, to: &str| match text.split_once(from) {
        Some((before, rest)) => format!("{before}{from}{}", rest.split_once(to).map_or(rest, |(_, rest)| rest)),
        None => text,
    };
    let page = cut(cut(page.to_owned(), "<style>", "</style>"), "<script>", "</script>");
    let mut parts = page.split("<time");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += "<time/>";
        text += part.split_once("</time>").map_or(part, |(_, rest)| rest);
    }
    text.replace('>', ">\n")
}

async fn the_page_is_as_it_was(database: TestDatabase, workdir: Workdir) -> Outcome {
    questions(&workdir)?;
    workdir.load(&database, "sales.csv", SALES).await?;
    let app = workdir.app(&database);
    pipeline::run(&app.workspace).await?;
    analysis::run(&app.workspace).await?;
    let page = workdir.read("exports/index.html")?;
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/page.html");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, without_times(&page))?;
    }
    let expected = std::fs::read_to_string(golden)?;
    let is = without_times(&page);
    for (number, (is, expected)) in is.lines().zip(expected.lines()).enumerate() {
        same((number + 1, is), (number + 1, expected))?;
    }
    same(is.lines().count(), expected.lines().count())?;
    // What is data stays data.
    same(page.matches("<script").count(), 1)?;
    holds(&page, "&lt;script&gt;alert(1)&lt;/script&gt;")?;
    // The same again, but for the times.
    analysis::run(&app.workspace).await?;
    same(without_times(&workdir.read("exports/index.html")?) == is, true)
}

async fn the_page_keeps_what_it_shows(database: TestDatabase, workdir: Workdir) -> Outcome {
    let rows = (1..=2500).fold("n,m\n".to_owned(), |text, n| text + &format!("{n},{}\n", n % 7));
    workdir.load(&database, "n.csv", rows).await?;
    workdir.write("sql/analysis/v.sql", "/*\nchart: {type: bar, x: n}\n*/\nselect n, m from staging.n order by n")?;
    analysis::run(&workdir.app(&database).workspace).await?;
    let page = workdir.read("exports/index.html")?;
    same(page.matches("<tr><td").count(), 1000 + 1)?;
    holds(&page, "The first 1,000 of 2,500 rows; all of them: <a href=\"v.csv\">v.csv</a>")?;
    holds(&page, "<span class=\"paper\">. On paper: the first 20.</span>")?;
    holds(&page, "The last 200 of 2,500.")?;
    same(workdir.read("exports/v.csv")?.lines().count(), 2501)
}

async fn the_page_says_what_is_not_in_the_star_yet(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", "a\n1\n").await?;
    workdir.load(&database, "other.csv", "a\n1\n").await?;
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.n")?;
    workdir.write("sql/pipeline/dim_day.sql", "/*\nkind: calendar\nfrom: 2024-01-01\nto: 2024-01-01\n*/")?;
    workdir.write(
        "sql/analysis/v.sql",
        "select t.a from datawarehouse.t as t join staging.other as o on o.a = t.a cross join datawarehouse.dim_day as \
         d where d.dim_day_key > 0",
    )?;
    let app = workdir.app(&database);
    pipeline::run(&app.workspace).await?;
    analysis::run(&app.workspace).await?;
    let page = workdir.read("exports/index.html")?;
    holds(&page, "star built <time")?;
    // A calendar comes from no file that is loaded, and is no stranger.
    same(page.contains("which no file of the project makes"), false)?;
    for source in ["<td>staging.n</td><td>n.csv</td>", "<td>staging.other</td><td>other.csv</td>"] {
        holds(&page, source)?;
    }
    workdir.load(&database, "n.csv", "a\n2\n").await?;
    workdir.load(&database, "other.csv", "a\n2\n").await?;
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select b from staging.n")?;
    same(pipeline::run(&app.workspace).await.is_err(), true)?;
    analysis::run(&app.workspace).await?;
    let page = workdir.read("exports/index.html")?;
    // What is read directly is as new as staging is.
    same(page.matches("not in the star yet").count(), 1)?;
    holds(&page, "<td>staging.n</td><td>n.csv <span class=\"badge\"")?;
    holds(&page, "<summary>earlier files</summary><ul><li>n.csv, <time")?;
    holds(&page, "The last build of the star failed, <time")
}
