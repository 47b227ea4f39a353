//! Archives and workbooks as no honest program writes them.

use std::io::Write;

pub mod central;
pub mod mutations;

/// A member of an archive that is made by hand: stored, its name as it is.
#[derive(Clone, Default)]
pub struct Entry {
    pub name: Vec<u8>,
    pub bytes: Vec<u8>,
    /// The mode of Unix.
    pub mode: u32,
    /// Its name in the field for UTF-8.
    pub unicode: Option<&'static str>,
    /// The directory does not know it.
    pub is_unlisted: bool,
    /// It stands where the one before stands.
    pub same_place: bool,
}

impl Entry {
    pub fn raw(name: &[u8], bytes: impl Into<Vec<u8>>) -> Entry {
        Entry { name: name.to_vec(), bytes: bytes.into(), ..Entry::default() }
    }
}

impl From<(&str, &str)> for Entry {
    fn from((name, text): (&str, &str)) -> Self {
        Entry::raw(name.as_bytes(), text)
    }
}

pub fn sum(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}

/// An archive of these members.
pub fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut out, mut directory, mut listed, mut last) = (Vec::new(), Vec::new(), 0_u16, 0);
    for entry in entries {
        let mut like = entry.clone();
        let at = if entry.same_place { last } else { out.len() };
        if entry.same_place {
            like.bytes = entries[0].bytes.clone();
        }
        let numbers =
            [sum(&like.bytes), like.bytes.len() as u32, like.bytes.len() as u32].map(u32::to_le_bytes).concat();
        let name_length = (entry.name.len() as u16).to_le_bytes();
        if !entry.same_place {
            out.extend(b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0");
            out.extend(&numbers);
            out.extend(name_length);
            out.extend([0, 0]);
            out.extend(&entry.name);
            out.extend(&entry.bytes);
        }
        last = at;
        if entry.is_unlisted {
            continue;
        }
        let mut extra = Vec::new();
        if let Some(name) = entry.unicode {
            extra.extend(0x7075_u16.to_le_bytes());
            extra.extend((name.len() as u16 + 5).to_le_bytes());
            extra.push(1);
            extra.extend(sum(&entry.name).to_le_bytes());
            extra.extend(name.as_bytes());
        }
        listed += 1;
        directory.extend(b"PK\x01\x02\x14\x03\x14\0\0\0\0\0\0\0\0\0");
        directory.extend(&numbers);
        directory.extend(name_length);
        directory.extend((extra.len() as u16).to_le_bytes());
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend((at as u32).to_le_bytes());
        directory.extend(&entry.name);
        directory.extend(&extra);
    }
    let start = out.len() as u32;
    out.extend(&directory);
    central::end(&mut out, listed, directory.len() as u32, start);
    out
}

/// Where these bytes stand first.
pub fn bytes_of(bytes: &[u8], words: &[u8]) -> usize {
    bytes.windows(words.len()).position(|window| window == words).unwrap()
}

pub fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

pub fn stored(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip(&members.iter().map(|(name, bytes)| Entry::raw(name.as_bytes(), *bytes)).collect::<Vec<_>>())
}

pub fn deflated(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file(name, zip::write::SimpleFileOptions::default())?;
    writer.write_all(bytes)?;
    Ok(writer.finish()?.into_inner())
}

/// The XML of a sheet with these rows.
pub fn sheet(rows: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><worksheet \
         xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData></worksheet>"
    )
}

pub fn xlsx(sheets: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let (mut book, mut related) = (String::new(), String::new());
    for (at, (name, _)) in sheets.iter().enumerate() {
        book += &format!("<sheet name=\"{name}\" sheetId=\"{0}\" r:id=\"rId{0}\"/>", at + 1);
        related += &format!(
            "<Relationship Id=\"rId{0}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{0}.xml\"/>",
            at + 1
        );
    }
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut member = |name: &str, text: String| {
        writer.start_file(name, zip::write::SimpleFileOptions::default())?;
        writer.write_all(text.as_bytes())?;
        anyhow::Ok(())
    };
    let office = format!(
        "<Relationships><Relationship Id=\"r\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    member("_rels/.rels", office)?;
    member("xl/workbook.xml", format!("<workbook xmlns:r=\"{OFFICE}\"><sheets>{book}</sheets></workbook>"))?;
    member("xl/_rels/workbook.xml.rels", format!("<Relationships>{related}</Relationships>"))?;
    for (at, (_, text)) in sheets.iter().enumerate() {
        member(&format!("xl/worksheets/sheet{}.xml", at + 1), (*text).to_owned())?;
    }
    Ok(writer.finish()?.into_inner())
}

pub fn ods(sheets: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    let tables = sheets.iter().map(|(name, rows)| format!("<table:table table:name=\"{name}\">{rows}</table:table>"));
    let tables = tables.collect::<String>();
    let content = format!(
        "<office:document-content xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
         xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
         xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:spreadsheet>\
         {tables}</office:spreadsheet></office:body></office:document-content>"
    );
    let manifest = "<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>";
    let mime = "application/vnd.oasis.opendocument.spreadsheet";
    Ok(zip(&[
        ("mimetype", mime).into(),
        ("META-INF/manifest.xml", manifest).into(),
        ("content.xml", content.as_str()).into(),
    ]))
}
