//! What is packed, and what is no table: archives, workbooks and Parquet give all that their own directories say, or nothing; what is
//! passed over is told; and no more comes out than may.

pub mod make;

use std::fs;
use std::io::Write;
use std::path::Path;

use libtest_mimic::Trial;
use sluice::load::FileOutcome;

use self::make::{Entry, bytes_of, central, gzip, ods, sheet, xlsx, zip};
use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, holds, on_both, same};

pub fn cases() -> Vec<Trial> {
    [
        on_both("format::packed::members_of_one_name_are_all_loaded", members_of_one_name_are_all_loaded),
        on_both(
            "format::packed::what_the_directory_does_not_know_is_refused",
            what_the_directory_does_not_know_is_refused,
        ),
        on_both("format::packed::a_member_that_fails_is_named", a_member_that_fails_is_named),
        on_both("format::packed::what_is_passed_over_is_told", what_is_passed_over_is_told),
        on_both("format::packed::names_in_code_pages_have_their_tables", names_in_code_pages_have_their_tables),
        on_both("format::packed::one_budget_for_all_of_a_file", one_budget_for_all_of_a_file),
        on_both("format::packed::what_is_no_table_says_what_it_is", what_is_no_table_says_what_it_is),
        on_both("format::packed::formulas_without_results_fail", formulas_without_results_fail),
        on_both("format::packed::sheets_left_out_are_told", sheets_left_out_are_told),
        on_both("format::packed::numbers_of_sheets_keep_their_digits", numbers_of_sheets_keep_their_digits),
        on_both(
            "format::packed::midnight_of_an_ods_is_a_moment_among_moments",
            midnight_of_an_ods_is_a_moment_among_moments,
        ),
        on_both("format::packed::a_sheet_ends_where_sheets_end", a_sheet_ends_where_sheets_end),
        on_both("format::packed::damaged_parquet_fails", damaged_parquet_fails),
        on_both("format::packed::what_is_cut_off_says_so", what_is_cut_off_says_so),
        on_both("format::packed::what_readers_skip_is_missed", what_readers_skip_is_missed),
        on_both("format::packed::a_reader_waits_for_memory", a_reader_waits_for_memory),
        vec![Trial::test("format::packed::any_damage_is_an_error_or_none", || Ok(make::mutations::check()?))],
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn data(name: &str) -> anyhow::Result<Vec<u8>> {
    Ok(fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name))?)
}

/// Drops a file that must fail, and changes nothing, for this reason.
async fn fails(database: &TestDatabase, workdir: &Workdir, name: &str, bytes: &[u8], why: &str) -> Outcome {
    let done = workdir.drop_file(database, name, bytes).await?;
    anyhow::ensure!(matches!(&done, FileOutcome::Failed(parts) if parts.is_empty()), "{name}: {done:?}");
    let error = workdir.read(&format!("imports/failed/{name}.error.json"))?;
    holds(&error, why)?;
    anyhow::ensure!(!error.contains("the right to read"), "{error}");
    same(fs::read(workdir.path("imports/failed").join(name))? == bytes, true)
}

async fn tables(database: &TestDatabase) -> anyhow::Result<String> {
    database.text("select dataset, rows_loaded from sluice.load where status = 'loaded' order by id").await
}

async fn members_of_one_name_are_all_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    let twice = zip(&[("orders.csv", "id\n1\n2\n").into(), ("orders.csv", "id\n3\n4\n5\n").into()]);
    let done = workdir.drop_file(&database, "twice.zip", twice).await?;
    anyhow::ensure!(matches!(&done, FileOutcome::Loaded(parts) if parts.len() == 2), "{done:?}");
    same(database.text("select id from staging.orders order by id").await?, "1\n2\n3\n4\n5")?;
    same(
        database.text("select source from sluice.load order by id").await?,
        "twice.zip/orders.csv\ntwice.zip/orders.csv (2)",
    )?;
    // PostgreSQL stores no NUL.
    let done = workdir.drop_file(&database, "nul.zip", zip(&[("a\0b.csv", "id\n1\n2\n").into()])).await?;
    anyhow::ensure!(matches!(&done, FileOutcome::Loaded(parts) if parts.len() == 1), "{done:?}");
    let sources = "select source from sluice.load where source like 'nul%'";
    same(database.text(sources).await?, "nul.zip/a\u{FFFD}b.csv")?;
    let workbook = zip(&[("xl/workbook.xml", "<workbook/>").into(), ("xl/workbook.xml", "<workbook/>").into()]);
    fails(&database, &workdir, "twice.xlsx", &workbook, "two of its members have one name").await
}

async fn what_the_directory_does_not_know_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (one, two) = (zip(&[("one.csv", "a\n1\n").into()]), zip(&[("two.csv", "a\n2\n").into()]));
    let joined = [one.as_slice(), &two].concat();
    // The second one's offsets put right, as `zip -A` does it.
    let mut adjusted = joined.clone();
    central::shift(&mut adjusted, one.len());
    let stub = [b"MZ".as_slice(), &[7; 500], &one].concat();
    let lost = zip(&[("one.csv", "a\n1\n").into(), Entry { is_unlisted: true, ..("lost.csv", "a\n2\n").into() }]);
    let first = zip(&[Entry { is_unlisted: true, ..("lost.csv", "a\n2\n").into() }, ("one.csv", "a\n1\n").into()]);
    let overlapping = zip(&[("one.csv", "a\n1\n").into(), Entry { same_place: true, ..("one.csv", "").into() }]);
    let behind = [one.as_slice(), b"id,more\n1,2\n"].concat();
    let mut renamed = one.clone();
    let at = bytes_of(&renamed, b"one.csv");
    renamed[at..at + 3].copy_from_slice(b"two");
    let mut fewer = zip(&[("one.csv", "a\n1\n").into(), ("two.csv", "a\n2\n").into()]);
    central::say(&mut fewer, 1);
    let mut more = one.clone();
    central::say(&mut more, 2);
    for (name, bytes, why) in [
        ("lost.zip", lost, "a member that its directory does not know"),
        ("joined.zip", joined, "archives stand one behind the other in it"),
        ("adjusted.zip", adjusted, "archives stand one behind the other in it"),
        // What begins like a program is no archive at all.
        ("stub.zip", stub, "is no zip archive: it does not begin with PK"),
        ("first.zip", first, "bytes stand before what its directory knows"),
        ("overlapping.zip", overlapping, "its members overlap (one.csv)"),
        ("behind.zip", behind, "12 bytes stand behind its end"),
        ("renamed.zip", renamed, "say different things of it"),
        ("fewer.zip", fewer, "more members than the 1 that it says"),
        ("more.zip", more, "says 2 members and has 1"),
        ("cut.zip", one[..one.len() - 30].to_vec(), "the archive is damaged or cut off"),
    ] {
        fails(&database, &workdir, name, &bytes, why).await?;
    }
    // Bytes that fill up a block are nothing.
    let padded = [one.as_slice(), &[0; 700]].concat();
    same(workdir.load(&database, "padded.zip", padded).await?.books.loaded, 1)?;
    same(tables(&database).await?, "one|1")
}

async fn what_is_passed_over_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let link = Entry { mode: 0o120_777, ..("latest.csv", "one.csv").into() };
    let archive = zip(&[
        (".DS_Store", "x").into(),
        (".gitkeep", "").into(),
        ("data/", "").into(),
        ("__MACOSX/._one.csv", "x").into(),
        link.clone(),
        ("data/one.csv", "a\n1\n").into(),
    ]);
    workdir.load(&database, "some.zip", archive).await?;
    same(
        database.text("select kind, name, text from sluice.beside order by id").await?,
        "member|.DS_Store|a hidden file of macOS\nmember|.gitkeep|a hidden file that is \
         empty\nmember|__MACOSX/._one.csv|a hidden file of macOS\n\
         member|latest.csv|a symbolic link, which is not followed",
    )?;
    // Somebody's data is not passed over for its name.
    let hidden = zip(&[(".orders.csv", "a\n1\n").into()]);
    fails(&database, &workdir, "hidden.zip", &hidden, "it is a hidden file").await?;
    fails(&database, &workdir, "none.zip", &zip(&[link, ("._x.csv", "a\n1\n").into()]), "it holds no file").await
}

async fn names_in_code_pages_have_their_tables(database: TestDatabase, workdir: Workdir) -> Outcome {
    let stock: &[u8] = b"\xAE\xE1\xE2\xA0\xE2\xAA\xA8.csv";
    let clients: &[u8] = b"\xAA\xAB\xA8\xA5\xAD\xE2\xEB.csv";
    let archive = zip(&[Entry::raw(stock, "id,sum\n1,2\n"), Entry::raw(clients, "code,name\nx,y\n")]);
    workdir.drop_file(&database, "c.zip", archive).await?;
    same(tables(&database).await?, "остатки|1\nклиенты|1")?;
    // The field of Info-ZIP says what the name is.
    let unicode = Entry { unicode: Some("größe.csv"), ..Entry::raw(b"gr\xF6\xE1e.csv", "a\n1\n") };
    workdir.load(&database, "u.zip", zip(&[unicode])).await?;
    same(database.text("select a from staging.\"größe\"").await?, "1")?;
    // What nobody can read is not mixed.
    let signs = zip(&[Entry::raw(b"\xB0\xB1\xFE.csv", "a\n1\n"), Entry::raw(b"\xB2\xDB\xFE.csv", "b\n1\n")]);
    fails(&database, &workdir, "signs.zip", &signs, "cannot be told apart from").await
}

async fn one_budget_for_all_of_a_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = |letter: &str| format!("a\n{}\n", (0..30_000).map(|n| format!("{letter}{n}\n")).collect::<String>());
    let three = zip(&[
        ("one.csv", text("x").as_str()).into(),
        ("two.csv", text("y").as_str()).into(),
        ("three.csv", text("z").as_str()).into(),
    ]);
    workdir.write("imports/three.zip", three)?;
    workdir.write("imports/bomb.parquet", data("bomb.parquet")?)?;
    let shared =
        sheet(&format!("<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>{}</t></is></c></row>", "x".repeat(600_000)));
    workdir.write("imports/long.xlsx", xlsx(&[("s", &shared)])?)?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("ARCHIVE_MAX_BYTES", "500000")];
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(1))?;
    for (name, limit) in
        [("three.zip", "ARCHIVE_MAX_BYTES"), ("long.xlsx", "ARCHIVE_MAX_BYTES"), ("bomb.parquet", "ARCHIVE_MAX_RATIO")]
    {
        holds(&workdir.read(&format!("imports/failed/{name}.error.json"))?, limit)?;
    }
    // By default the ratio refuses a few bytes that give half a gigabyte, and takes as few that are many equal rows.
    fails(&database, &workdir, "b.parquet", &data("bomb.parquet")?, "ARCHIVE_MAX_RATIO").await?;
    same(workdir.load(&database, "equal.parquet", data("equal.parquet")?).await?.books.loaded, 200_000)?;

    // Sheets are members; what is in a directory is counted before it is read.
    let one = sheet("<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>a</t></is></c></row>");
    let names: Vec<_> = (0..1001).map(|n| format!("s{n}")).collect();
    let sheets: Vec<_> = names.iter().map(|name| (name.as_str(), one.as_str())).collect();
    fails(&database, &workdir, "sheets.xlsx", &xlsx(&sheets)?, "1001 sheets, more than 1000 (ARCHIVE_MAX_MEMBERS)")
        .await?;
    let crowd = central::crowd(70_000);
    let within = zip(&[Entry::raw(b"crowd.zip", crowd.clone())]);
    fails(&database, &workdir, "crowd.zip", &crowd, "70000 members, more than 1000 (ARCHIVE_MAX_MEMBERS)").await?;
    fails(&database, &workdir, "within.zip", &within, "70000 members, more than 1000 (ARCHIVE_MAX_MEMBERS)").await
}

async fn what_is_no_table_says_what_it_is(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "orders.csv", "id,total\n1,2\n").await?;
    let page = b"<!DOCTYPE html>\n<html><head><title>503</title></head>\n<body>try, again</body></html>\n".as_slice();
    let table = b"\xEF\xBB\xBF\n<html xmlns:x=\"urn:schemas-microsoft-com:office:excel\"><table><tr><td>a</td></tr></table></html>";
    let xml =
        b"<?xml version=\"1.0\"?>\n<Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">\n</Workbook>\n";
    let word = zip(&[("[Content_Types].xml", "<x/>").into(), ("word/document.xml", "<x/>").into()]);
    for (name, bytes, what) in [
        ("orders.csv", page.to_vec(), "it is no table but an HTML page"),
        ("page.csv.gz", gzip(page)?, "it is no table but an HTML page"),
        ("page.txt.zst", zstd::encode_all(page, 0)?, "it is no table but an HTML page"),
        ("page.zip", zip(&[Entry::raw(b"orders.csv", page)]), "it is no table but an HTML page"),
        ("h.xls", table.to_vec(), "an HTML page with a table: open it with a spreadsheet program"),
        ("x.xls", xml.to_vec(), "a spreadsheet in XML (XML Spreadsheet 2003)"),
        ("data.csv", b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n1 0 obj\n".to_vec(), "a PDF document"),
        ("answer.csv", b"HTTP/1.1 503 Service Unavailable\nServer: x\n\nbusy\n".to_vec(), "the answer of a server"),
        (
            "lfs.csv",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n".to_vec(),
            "a pointer of Git LFS",
        ),
        ("letter.xlsx", word, "a document of Word"),
        ("base.csv", b"SQLite format 3\0\x10\0".to_vec(), "an SQLite database"),
    ] {
        fails(&database, &workdir, name, &bytes, what).await?;
    }
    same(database.text("select id, total from staging.orders").await?, "1|2")?;
    same(tables(&database).await?, "orders|1")?;
    // Tables that look alike are tables, and what a plugin says of a text holds.
    workdir.load(&database, "tags.csv", "<a>,<b>\n1,2\n").await?;
    workdir.load(&database, "pdf.csv", "%PDF,n\n%PDF-1.4,2\n").await?;
    workdir.plugin("pages", "name: pages\nfiles: [\"pages*.csv\"]\nformat: csv\n")?;
    workdir.load(&database, "pages.csv", "<html>\n<b>one</b>\n<b>two</b>\n").await?;
    same(tables(&database).await?, "orders|1\ntags|1\npdf|1\npages|2")
}

async fn formulas_without_results_fail(database: TestDatabase, workdir: Workdir) -> Outcome {
    let xls = data("formula.xls")?;
    let why = "the sheet Sums has a formula whose result is not stored, in row 2, column 2";
    fails(&database, &workdir, "f.xls", &xls, why).await?;
    let cell = |attributes: &str, text: &str| format!("<table:table-cell {attributes}>{text}</table:table-cell>");
    let word = |text: &str| cell("office:value-type=\"string\"", &format!("<text:p>{text}</text:p>"));
    let rows = |formula: String| {
        let head = format!("<table:table-row>{}{}</table:table-row>", word("id"), word("total"));
        let row = format!(
            "<table:table-row>{}{formula}</table:table-row>",
            cell("office:value-type=\"float\" office:value=\"1\"", "")
        );
        ods(&[("s", &format!("{head}{row}"))])
    };
    let bare = rows(cell("table:formula=\"of:=[.A2]*2\"", ""))?;
    let why = "has a formula whose result is not stored, in row 2, column 2";
    fails(&database, &workdir, "bare.ods", &bare, why).await?;
    let stored = rows(cell("table:formula=\"of:=[.A2]*2\" office:value-type=\"float\" office:value=\"2\"", ""))?;
    workdir.load(&database, "stored.ods", stored).await?;
    same(database.text("select id, total from staging.stored").await?, "1|2")?;
    // A formula may give an empty text.
    let empty =
        rows(cell("table:formula=\"of:=&quot;&quot;\" office:value-type=\"string\" office:string-value=\"\"", ""))?;
    workdir.load(&database, "empty.ods", empty).await?;
    same(database.text("select id from staging.empty").await?, "1")
}

const TABLE: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>id</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>v</t></is></c></row>\
    <row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"B2\"><v>2</v></c></row>\
    <row r=\"3\"><c r=\"A3\"><v>3</v></c><c r=\"B3\"><v>4</v></c></row>";

async fn sheets_left_out_are_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let lone = sheet("<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>made by us</t></is></c></row>");
    let (table, none) = (sheet(TABLE), sheet(""));
    let book = xlsx(&[("note", &lone), ("data", &table), ("nothing", &none), ("more", &table.replace("id", "nr"))])?;
    let told = "sheet|note|a lone cell is no table: made by us\nsheet|nothing|it is empty";
    workdir.drop_file(&database, "book.xlsx", &book).await?;
    same(database.text("select kind, name, text from sluice.beside order by id").await?, told)?;
    same(tables(&database).await?, "book|2\nbook_more|2")?;
    // By the process that decodes, too.
    workdir.write("imports/other.xlsx", &book)?;
    same(app(&workdir, &["--once"], &[("DATABASE_URL", database.url.as_str())])?.status.code(), Some(0))?;
    same(database.text("select count(*) from sluice.beside where kind = 'sheet'").await?, "4")
}

async fn numbers_of_sheets_keep_their_digits(database: TestDatabase, workdir: Workdir) -> Outcome {
    let numbers = [
        ("1234567890123456789", "4111111111111111", "A-12"),
        ("1234567890123456790", "9007199254740992", "4111111111111111"),
        ("-1234567890123456791", "1000000000000000", "1234567890123456.789"),
        ("5", "0.0", "12345678901234567890123"),
    ];
    let all = "select id, card, code from staging.TABLE order by _line";
    let expected = "1234567890123456789|4111111111111111|A-12\n1234567890123456790|9007199254740992|4111111111111111\n\
                    -1234567890123456791|1000000000000000|1234567890123456.789\n5|0|12345678901234567890123";
    let text = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let cell = |value: &str| if value.contains('A') { text(value) } else { format!("<c><v>{value}</v></c>") };
    let row = |cells: [String; 3]| format!("<row>{}</row>", cells.concat());
    let rows: String = numbers.iter().map(|(id, card, code)| row([id, card, code].map(|value| cell(value)))).collect();
    let head = row(["id", "card", "code"].map(text));
    workdir.load(&database, "x.xlsx", xlsx(&[("s", &sheet(&(head + &rows)))])?).await?;
    same(database.text(&all.replace("TABLE", "x")).await?, expected)?;

    let text = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let cell = |value: &str| match value.contains('A') {
        true => text(value),
        false => format!("<table:table-cell office:value-type=\"float\" office:value=\"{value}\"/>"),
    };
    let row = |cells: [String; 3]| format!("<table:table-row>{}</table:table-row>", cells.concat());
    let rows: String = numbers.iter().map(|(id, card, code)| row([id, card, code].map(|value| cell(value)))).collect();
    let head = row(["id", "card", "code"].map(text));
    workdir.load(&database, "o.ods", ods(&[("s", &(head + &rows))])?).await?;
    same(database.text(&all.replace("TABLE", "o")).await?, expected)?;
    let kinds = "select name, type from sluice.\"column\" where dataset = 'o' order by name";
    same(database.text(kinds).await?, "card|bigint\ncode|text\nid|bigint")?;

    // Cells and rows that stand for several.
    let many = "<table:table-row><table:table-cell table:number-columns-repeated=\"2\" office:value-type=\"string\"><text:p>n</text:p>\
        </table:table-cell></table:table-row><table:table-row table:number-rows-repeated=\"3\"><table:table-cell \
        table:number-columns-repeated=\"2\" office:value-type=\"float\" office:value=\"9007199254740993\"/></table:table-row>";
    workdir.load(&database, "many.ods", ods(&[("s", many)])?).await?;
    same(database.text("select distinct n, n_2 from staging.many").await?, "9007199254740993|9007199254740993")?;

    // As keys they stay apart.
    workdir.plugin("k", "name: k\nfiles: [\"k*\"]\ntable: k\nmode: upsert\nkey: [id]\n")?;
    let text = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let rows: String =
        (789..792).map(|id| format!("<row><c><v>1234567890123456{id}</v></c>{}</row>", text("v"))).collect();
    let head = format!("<row>{}{}</row>", text("id"), text("v"));
    let report = workdir.load(&database, "k.xlsx", xlsx(&[("s", &sheet(&(head + &rows)))])?).await?;
    same((report.books.loaded, report.books.duplicate), (3, 0))
}

async fn midnight_of_an_ods_is_a_moment_among_moments(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "<table:table-row><table:table-cell office:value-type=\"string\"><text:p>at</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"string\"><text:p>day</text:p></table:table-cell></table:table-row>";
    let row = |at: &str, day: &str| {
        let cell = |value| format!("<table:table-cell office:value-type=\"date\" office:date-value=\"{value}\"/>");
        format!("<table:table-row>{}{}</table:table-row>", cell(at), cell(day))
    };
    let rows = row("2024-02-28T23:30:00.500000000", "2024-02-28T00:00:00") + &row("2024-02-29", "2024-02-29");
    workdir.load(&database, "m.ods", ods(&[("s", &format!("{text}{rows}"))])?).await?;
    let all = "select at, day from staging.m order by _line";
    same(database.text(all).await?, "2024-02-28 23:30:00.5|2024-02-28\n2024-02-29 00:00:00|2024-02-29")
}

async fn a_sheet_ends_where_sheets_end(database: TestDatabase, workdir: Workdir) -> Outcome {
    let cell = |place: &str| format!("<c r=\"{place}\"><v>1</v></c>");
    for (name, place, row) in
        [("rows", "A4294967295", 4_294_967_295_u64), ("past", "B1048577", 1_048_577), ("columns", "XFE2", 2)]
    {
        let rows = format!("<row r=\"1\">{}</row><row r=\"{row}\">{}</row>", cell("A1"), cell(place));
        let book = xlsx(&[("s", &sheet(&rows))])?;
        let why = if name == "rows" { "" } else { "a sheet ends at row 1048576, column 16384" };
        fails(&database, &workdir, &format!("{name}.xlsx"), &book, why).await?;
    }
    let twice = format!("<row r=\"1\">{}{}</row>", cell("A1"), cell("A1"));
    fails(&database, &workdir, "same.xlsx", &xlsx(&[("s", &sheet(&twice))])?, "two cells stand in row 1, column 1")
        .await
}

async fn damaged_parquet_fails(database: TestDatabase, workdir: Workdir) -> Outcome {
    let good = data("checksum.parquet")?;
    same(workdir.load(&database, "good.parquet", &good).await?.books.loaded, 40)?;
    same(database.text("select id, word, tags from staging.good where id = 39").await?, "39|word 4|[39,40]")?;
    let mut bad = good.clone();
    let at = bytes_of(&bad, b"word 3");
    bad[at + 5] = b'9';
    fails(&database, &workdir, "bad.parquet", &bad, "checksum mismatch").await?;
    // A byte within the lists.
    let mut list = good;
    let at = bytes_of(&list, &25_u64.to_le_bytes());
    list[at] = 26;
    fails(&database, &workdir, "list.parquet", &list, "checksum mismatch").await
}

async fn what_is_cut_off_says_so(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text: String = (0..2000_u32).map(|n| format!("{n},{}\n", n.wrapping_mul(2_654_435_761))).collect();
    let packed = gzip(text.as_bytes())?;
    let mut encoder = zstd::Encoder::new(Vec::new(), 0)?;
    encoder.include_checksum(true)?;
    encoder.write_all(text.as_bytes())?;
    let frames = encoder.finish()?;
    let cut = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let flip = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8].iter_mut().for_each(|byte| *byte ^= 0x55);
        bytes
    };
    let archive = make::deflated("a.csv", text.as_bytes())?;
    for (name, bytes, why) in [
        ("cut.csv.gz", cut(&packed), "is damaged or cut off"),
        ("flip.csv.gz", flip(&packed), "is damaged or cut off"),
        ("cut.csv.zst", cut(&frames), "is damaged or cut off"),
        ("flip.csv.zst", flip(&frames), "is damaged or cut off"),
        ("cut.zip", cut(&archive), "is damaged or cut off"),
        ("flip.zip", flip(&archive), "is damaged or cut off"),
    ] {
        fails(&database, &workdir, name, &bytes, why).await?;
    }
    same(tables(&database).await?, "")
}

async fn what_readers_skip_is_missed(database: TestDatabase, workdir: Workdir) -> Outcome {
    let archive = zip(&[("one.csv", "a\n1\n").into(), ("two.csv", "a\n2\n").into()]);
    let book = xlsx(&[("s", &sheet(TABLE)), ("t", &sheet(TABLE))])?;
    let ods = data("book.ods")?;
    for (point, name, bytes, why) in [
        ("skip_member", "a.zip", archive, "its directory has 2 members, and 1 were looked at"),
        ("skip_sheet", "b.xlsx", book.clone(), "the workbook has 2 sheets, and 1 were read or left out"),
        ("skip_sheet_rows", "c.xlsx", book, "has 3 rows with values in 6 cells, and 2 rows in 4 cells were read"),
        ("skip_sheet_rows", "d.ods", ods, "rows with values in"),
        ("skip_row_group", "e.parquet", data("checksum.parquet")?, "says that it has 40 rows, and 30 were read"),
    ] {
        workdir.write(&format!("imports/{name}"), &bytes)?;
        let faults = format!("{point}=return");
        let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", faults.as_str())];
        let output = app(&workdir, &["--once"], &settings)?;
        same((point, output.status.code()), (point, Some(1)))?;
        holds(&workdir.read(&format!("imports/failed/{name}.error.json"))?, why)?;
    }
    same(tables(&database).await?, "")
}

async fn a_reader_waits_for_memory(database: TestDatabase, workdir: Workdir) -> Outcome {
    // One decoder at a time: half of no machine is twice this.
    let settings = [("DATABASE_URL", database.url.as_str()), ("DECODER_MEMORY", "1099511627776")];
    let both = make::stored(&[("x.parquet", &data("lone.parquet")?), ("y.parquet", &data("checksum.parquet")?)]);
    for n in 0..6 {
        let rows = TABLE.replace("<v>1</v>", &format!("<v>{n}</v>"));
        workdir.write(&format!("imports/b{n}.xlsx"), xlsx(&[("s", &sheet(&rows))])?)?;
    }
    workdir.write("imports/both.zip", both)?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(database.text("select count(*), sum(rows_loaded) from sluice.load where status = 'loaded'").await?, "8|55")
}

async fn a_member_that_fails_is_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let cut = Entry::raw(b"b.xlsx", b"PK\x03\x04 cut");
    let packed = zip(&[("a.csv", "id,v\n1,2\n").into(), cut, ("c.csv", "").into()]);
    workdir.write("imports/day.zip", packed)?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(1))?;
    let status = stdout(&app(&workdir, &["status"], &settings)?);
    holds(&status, "failed/day.zip (b.xlsx): cannot unpack: the archive is damaged or cut off")?;
    holds(&status, "day.zip/c.csv")?;
    let check = app(&workdir, &["check", "imports/failed/day.zip"], &settings)?;
    same(check.status.code(), Some(1))?;
    holds(&stderr(&check), "day.zip/b.xlsx: cannot unpack: the archive is damaged or cut off")
}
