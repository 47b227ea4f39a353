//! XLSX whose parts stand elsewhere than Excel puts them: read by what their relationships say, or an error that says what is not there.

use sluice::load::FileOutcome;

use crate::format::packed::make::{Entry, zip};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        parts_are_where_relationships_say,
        spellings_of_the_same_xml_are_read_alike,
        a_part_that_is_not_there_is_named;
}

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const BOOK: &str = "xl/workbook.xml";
const RELATED: &str = "xl/_rels/workbook.xml.rels";
const SHEET: &str = "xl/worksheets/sheet1.xml";
const TEXTS: &str = "xl/sharedStrings.xml";
const STYLES: &str = "xl/styles.xml";
const TYPES: &str = "[Content_Types].xml";

/// The parts of a workbook, by their names.
type Parts = Vec<(String, String)>;

/// A sheet with shared texts and a day, and a chart.
fn usual() -> Parts {
    let main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/>")
    };
    let related = relation("r1", "worksheet", "worksheets/sheet1.xml")
        + &relation("r2", "chartsheet", "chartsheets/sheet1.xml")
        + &relation("r3", "sharedStrings", "sharedStrings.xml")
        + &relation("r4", "styles", "styles.xml");
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";
    let parts = [
        ("_rels/.rels", format!("<Relationships>{}</Relationships>", relation("r", "officeDocument", BOOK))),
        (TYPES, format!("<Types><Override PartName=\"/xl/workbook.xml\" ContentType=\"{kind}\"/></Types>")),
        (
            BOOK,
            format!(
                "<workbook {main} xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"Orders\" sheetId=\"1\" r:id=\"r1\"/>\
                 <sheet name=\"Chart\" sheetId=\"2\" r:id=\"r2\"/></sheets></workbook>"
            ),
        ),
        (RELATED, format!("<Relationships>{related}</Relationships>")),
        (
            SHEET,
            format!(
                "<worksheet {main}><sheetData><row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c></row>\
                 <row r=\"2\"><c r=\"A2\" t=\"s\"><v>2</v></c><c r=\"B2\" s=\"1\"><v>45413</v></c></row>\
                 <row r=\"3\"><c r=\"A3\" t=\"s\"><v>3</v></c><c r=\"B3\" s=\"1\"><v>45414</v></c></row></sheetData></worksheet>"
            ),
        ),
        ("xl/chartsheets/sheet1.xml", "<chartsheet/>".to_owned()),
        (
            TEXTS,
            format!(
                "<sst {main}>{}</sst>",
                ["name", "day", "Ann", "Bob"].map(|t| format!("<si><t>{t}</t></si>")).concat()
            ),
        ),
        (
            STYLES,
            format!("<styleSheet {main}><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"),
        ),
    ];
    parts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

const ROWS: &str = "Ann|2024-05-01\nBob|2024-05-02";

fn renamed(parts: Parts, from: &str, to: &str) -> Parts {
    parts.into_iter().map(|(name, text)| (if name == from { to.to_owned() } else { name }, text)).collect()
}

/// In the parts whose name ends so.
fn replaced(parts: Parts, part: &str, from: &str, to: &str) -> Parts {
    let replace = |(name, text): (String, String)| {
        let changed = if name.ends_with(part) { text.replace(from, to) } else { text };
        (name, changed)
    };
    parts.into_iter().map(replace).collect()
}

fn without(parts: Parts, part: &str) -> Parts {
    parts.into_iter().filter(|(name, _)| name != part).collect()
}

fn packed(parts: &Parts) -> Vec<u8> {
    zip(&parts.iter().map(|(name, text)| Entry::from((name.as_str(), text.as_str()))).collect::<Vec<_>>())
}

fn named(parts: Parts, name: impl Fn(&str) -> String) -> Parts {
    parts.into_iter().map(|(old, text)| (name(&old), text)).collect()
}

/// The workbook's own part, and where its relationships have to be then.
fn book_at(folder: &str, own: &str) -> Parts {
    let parts = renamed(usual(), BOOK, &format!("{folder}{own}"));
    let parts = renamed(parts, RELATED, &format!("{folder}_rels/{own}.rels"));
    let parts = replaced(parts, "_rels/.rels", BOOK, &format!("{folder}{own}"));
    replaced(parts, TYPES, "/xl/workbook.xml", &format!("/{folder}{own}"))
}

async fn all_are_read(database: &TestDatabase, workdir: &Workdir, books: Vec<(&str, Parts)>) -> Outcome {
    for (table, parts) in books {
        let done = workdir.drop_file(database, &format!("{table}.xlsx"), packed(&parts)).await?;
        anyhow::ensure!(matches!(&done, FileOutcome::Loaded(parts) if parts.len() == 1), "{table}: {done:?}");
        let rows = format!("select name, day from staging.{table} order by _line");
        anyhow::ensure!(database.text(&rows).await? == ROWS, "{table}: {}", database.text(&rows).await?);
        let day = format!("select type from sluice.\"column\" where dataset = '{table}' and name = 'day'");
        same(database.text(&day).await?, "date")?;
    }
    Ok(())
}

async fn parts_are_where_relationships_say(database: TestDatabase, workdir: Workdir) -> Outcome {
    let at_root = book_at("", "book.xml");
    let at_root = replaced(at_root, "_rels/book.xml.rels", "Target=\"", "Target=\"xl/");
    let decoy = [book_at("xl/", "workbook2.xml"), vec![(BOOK.to_owned(), "<workbook/>".to_owned())]].concat();
    let elsewhere = [
        (SHEET, "data/Or ders.xml", "worksheets/sheet1.xml", "../data/Or%20ders.xml"),
        (TEXTS, "xl/texts/t&1.xml", "sharedStrings.xml", "/xl/texts/t&amp;1.xml"),
        (STYLES, "looks.xml", "\"styles.xml", "\".\\..\\LOOKS.xml"),
    ];
    let elsewhere = elsewhere
        .iter()
        .fold(usual(), |parts, (part, place, target, is)| replaced(renamed(parts, part, place), RELATED, target, is));
    all_are_read(
        &database,
        &workdir,
        vec![
            ("other_name", book_at("xl/", "workbook2.xml")),
            ("at_root", at_root),
            ("decoy", decoy),
            ("by_types", without(book_at("xl/", "workbook2.xml"), "_rels/.rels")),
            ("by_relations", without(book_at("xl/", "workbook2.xml"), TYPES)),
            ("by_name", without(without(usual(), "_rels/.rels"), TYPES)),
            ("elsewhere", elsewhere),
            ("backslashes", named(usual(), |name| name.replace('/', "\\"))),
            ("upper", named(usual(), str::to_uppercase)),
            ("from_root", named(usual(), |name| format!("/{name}"))),
            ("unnamed", replaced(usual(), RELATED, "r3\" Type", "r3\" No")),
        ],
    )
    .await
}

async fn spellings_of_the_same_xml_are_read_alike(database: TestDatabase, workdir: Workdir) -> Outcome {
    let prefixed =
        |text: &str| text.replace("</", "\n/").replace('<', "<x:").replace("\n/", "</x:").replace("xmlns=", "xmlns:x=");
    let prefixes: Parts = usual().into_iter().map(|(name, text)| (name, prefixed(&text))).collect();
    let strict: Parts = usual()
        .into_iter()
        .map(|(name, text)| {
            let text = text.replace(
                "schemas.openxmlformats.org/spreadsheetml/2006/main",
                "purl.oclc.org/ooxml/spreadsheetml/main",
            );
            (name, text.replace(OFFICE, "http://purl.oclc.org/ooxml/officeDocument/relationships"))
        })
        .collect();
    let inline = ["name", "day", "Ann", "Bob"].iter().enumerate().fold(without(usual(), TEXTS), |parts, (at, text)| {
        let (head, tail) = text.split_at(1);
        let cell = format!("t=\"inlineStr\"><is><r><t>{head}</t></r><r><t>{tail}</t></r></is></c>");
        replaced(parts, SHEET, &format!("t=\"s\"><v>{at}</v></c>"), &cell)
    });
    let iso = replaced(usual(), SHEET, "s=\"1\"><v>45413", "t=\"d\"><v>2024-05-01T00:00:00");
    let unplaced = ["A", "B"].iter().flat_map(|column| [1, 2, 3].map(|row| format!(" r=\"{column}{row}\"")));
    let unplaced = unplaced.fold(usual(), |parts, place| replaced(parts, SHEET, &place, ""));
    let marked: Parts = usual().into_iter().map(|(name, text)| (name, format!("\u{FEFF}{text}"))).collect();
    all_are_read(
        &database,
        &workdir,
        vec![
            ("prefixes", prefixes),
            ("strict", strict),
            ("inline", replaced(inline, RELATED, "sharedStrings", "theme")),
            ("iso", replaced(iso, SHEET, "s=\"1\"><v>45414", "t=\"d\"><v>2024-05-02")),
            ("unplaced", unplaced),
            ("marked", marked),
            ("macros", replaced(usual(), RELATED, "/chartsheet\"", "/xlMacrosheet\"")),
        ],
    )
    .await
}

async fn a_part_that_is_not_there_is_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    let twins = [usual(), vec![("XL/Worksheets/Sheet1.xml".to_owned(), "<worksheet/>".to_owned())]].concat();
    let wide: Vec<u8> = "\u{FEFF}<worksheet/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let entries = usual();
    let entries = entries.iter().map(|(name, text)| match name == SHEET {
        true => Entry::raw(name.as_bytes(), wide.clone()),
        false => Entry::from((name.as_str(), text.as_str())),
    });
    let files = [
        ("sheet", packed(&without(usual(), SHEET)), "its sheet Orders is not in the file: worksheets/sheet1.xml"),
        ("texts", packed(&without(usual(), TEXTS)), "its sharedStrings are not in the file: sharedStrings.xml"),
        ("styles", packed(&without(usual(), STYLES)), "its styles are not in the file: styles.xml"),
        ("relations", packed(&without(usual(), RELATED)), "xl/workbook.xml relates to no sheet"),
        (
            "no_id",
            packed(&replaced(usual(), BOOK, "r:id=\"r1\"", "r:id=\"r9\"")),
            "nothing says where its sheet Orders is",
        ),
        (
            "kind",
            packed(&replaced(usual(), RELATED, "/worksheet\"", "/cellsheet\"")),
            "its sheet Orders is of a kind that is not read: cellsheet",
        ),
        (
            "outside",
            packed(&replaced(usual(), RELATED, "Target=\"worksheets", "TargetMode=\"External\" Target=\"worksheets")),
            "its sheet Orders is not in the file",
        ),
        ("twins", packed(&twins), "two of its members are called xl/worksheets/sheet1.xml"),
        ("utf16", zip(&entries.collect::<Vec<_>>()), "the XML of xl/worksheets/sheet1.xml is in UTF-16"),
        // Taken for the first text where it is no number.
        (
            "blank",
            packed(&replaced(usual(), SHEET, "<v>3</v>", "<v> 3 </v>")),
            "names a shared text by no number, in row 3, column 1",
        ),
    ];
    for (name, bytes, why) in files {
        let done = workdir.drop_file(&database, &format!("{name}.xlsx"), bytes).await?;
        anyhow::ensure!(matches!(&done, FileOutcome::Failed(parts) if parts.is_empty()), "{name}: {done:?}");
        holds(&workdir.read(&format!("imports/failed/{name}.xlsx.error.json"))?, why)?;
    }
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "0")
}
