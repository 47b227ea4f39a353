//! Files of every kind. Each row has an identifier that no other row of any file has: the file's number times a million, plus the
//! row's; so that rows that are missing or there twice can be counted, and told to which file they belong.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use flate2::write::GzEncoder;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Identifiers of a file lie below its number plus one times this.
pub const ROWS_MAX: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Csv,
    Gzip,
    Json,
    Workbook,
    /// Of three files; the numbers of the other two follow.
    Zip,
    /// What nothing can be loaded from.
    Bad(usize),
}

impl Kind {
    pub fn ending(self) -> &'static str {
        match self {
            Kind::Csv => "csv",
            Kind::Gzip => "csv.gz",
            Kind::Json => "json",
            Kind::Workbook => "xlsx",
            Kind::Zip => "zip",
            Kind::Bad(variant) => ["csv.gz", "zip", "xlsx", "csv", "parquet", "json"][variant % 6],
        }
    }

    /// How many numbers a file of this kind takes.
    pub fn parts(self) -> u64 {
        match self {
            Kind::Zip => 3,
            Kind::Bad(_) => 0,
            _ => 1,
        }
    }

    /// The file's bytes. `stem` is what the parts of an archive are called, before their number.
    pub fn bytes(self, stem: &str, number: u64, rows: u64) -> anyhow::Result<Vec<u8>> {
        Ok(match self {
            Kind::Csv => csv(number, rows).into_bytes(),
            Kind::Gzip => gzip(csv(number, rows).as_bytes())?,
            Kind::Json => json(number, rows).into_bytes(),
            Kind::Workbook => workbook(number, rows)?,
            Kind::Zip => {
                let members = (number..number + 3).map(|number| (format!("{stem}.{number}.csv"), csv(number, rows)));
                zip(members)?
            }
            Kind::Bad(variant) => bad(variant, number)?,
        })
    }
}

pub fn csv(number: u64, rows: u64) -> String {
    let mut text = "id,word,price\n".to_owned();
    for row in 0..rows {
        let _ = writeln!(text, "{},word {row} of file {number},{row}.25", number * ROWS_MAX + row);
    }
    text
}

fn json(number: u64, rows: u64) -> String {
    let mut text = String::new();
    for row in 0..rows {
        let id = number * ROWS_MAX + row;
        let _ = writeln!(text, "{{\"id\": {id}, \"word\": \"word {row} of file {number}\", \"price\": {row}.25}}");
    }
    text
}

pub fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut out = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes)?;
    Ok(out.finish()?)
}

pub fn zip(members: impl Iterator<Item = (String, String)>) -> anyhow::Result<Vec<u8>> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in members {
        out.start_file(name, SimpleFileOptions::default())?;
        out.write_all(text.as_bytes())?;
    }
    Ok(out.finish()?.into_inner())
}

/// The least that a workbook is.
fn workbook(number: u64, rows: u64) -> anyhow::Result<Vec<u8>> {
    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
    const TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    let text = |word: &str| format!("<c t=\"inlineStr\"><is><t>{word}</t></is></c>");
    let mut sheet = format!("<row>{}{}{}</row>", text("id"), text("word"), text("price"));
    for row in 0..rows {
        let id = number * ROWS_MAX + row;
        let word = text(&format!("word {row} of file {number}"));
        let _ = write!(sheet, "<row><c><v>{id}</v></c>{word}<c><v>{row}.25</v></c></row>");
    }
    let parts = [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" \
                 ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
                 <Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPE}.sheet.main+xml\"/>\
                 <Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"{TYPE}.worksheet+xml\"/></Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"rows\" sheetId=\"1\" r:id=\"rId1\"/></sheets>\
                 </workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/worksheet\" \
                 Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{sheet}</sheetData></worksheet>")),
    ];
    zip(parts.into_iter().map(|(name, text)| (name.to_owned(), HEAD.to_owned() + &text)))
}

/// Nothing of these can be loaded; each differs from all others by its number.
fn bad(variant: usize, number: u64) -> anyhow::Result<Vec<u8>> {
    let text = csv(number, 200);
    Ok(match variant % 6 {
        // Compressed, and cut short.
        0 => {
            let mut bytes = gzip(text.as_bytes())?;
            bytes.truncate(bytes.len() / 2);
            bytes
        }
        1 => {
            let mut bytes = zip([(format!("rows.{number}.csv"), text)].into_iter())?;
            bytes.truncate(bytes.len() * 2 / 3);
            bytes
        }
        2 => format!("PK\x03\x04 this is no workbook {number}").into_bytes(),
        // Neither text nor a table.
        3 => (0..4096u64).map(|at| (at.wrapping_mul(number * 2 + 2_654_435_761) >> 13) as u8 & 0x1F).collect(),
        4 => format!("PAR1 no end {number}").into_bytes(),
        _ => format!("{{{{{{ {number}").into_bytes(),
    })
}
