//! Files that are no table at all, recognised by their first bytes: pages, documents, pictures, programs, archives of
//! other kinds. Read as text they would be a table of markup, or of nothing.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The kind of a file that is no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    /// The kind in words, with the article.
    pub what: &'static str,
    /// The fix, a way to a table of it.
    pub fix: &'static str,
    /// True for a text, which may be read as a table if a plugin states so.
    pub is_text: bool,
}

const fn binary(what: &'static str, fix: &'static str) -> Foreign {
    Foreign { what, fix, is_text: false }
}

const fn text(what: &'static str, fix: &'static str) -> Foreign {
    Foreign { what, fix, is_text: true }
}

const AGAIN: &str = "get the file itself from where it came from";
const EXPORT: &str = "export the table from it as CSV or XLSX";
const UNPACK: &str = "unpack it, and drop what it holds, or pack it as .gz, .zst or .zip";
const SAVE: &str = "open it with a spreadsheet program, and save it as XLSX or CSV";

/// First bytes and the kinds of files that begin with them.
const MAGIC: [(&[u8], Foreign); 25] = [
    (b"%PDF-", binary("a PDF document", EXPORT)),
    (b"{\\rtf", binary("an RTF document", EXPORT)),
    (b"%!PS-Adobe", binary("a PostScript document", EXPORT)),
    (b"\x89PNG\r\n\x1A\n", binary("a picture (PNG)", EXPORT)),
    (b"\xFF\xD8\xFF", binary("a picture (JPEG)", EXPORT)),
    (b"GIF87a", binary("a picture (GIF)", EXPORT)),
    (b"GIF89a", binary("a picture (GIF)", EXPORT)),
    (b"II*\0", binary("a picture (TIFF)", EXPORT)),
    (b"MM\0*", binary("a picture (TIFF)", EXPORT)),
    (b"\x7FELF", binary("a program (ELF)", AGAIN)),
    (b"\xCA\xFE\xBA\xBE", binary("a program (a Java class or Mach-O)", AGAIN)),
    (b"\xCF\xFA\xED\xFE", binary("a program (Mach-O)", AGAIN)),
    (b"7z\xBC\xAF\x27\x1C", binary("a 7z archive", UNPACK)),
    (b"Rar!\x1A\x07", binary("a RAR archive", UNPACK)),
    (b"\xFD7zXZ\0", binary("a file packed by xz", UNPACK)),
    (b"\x04\x22\x4D\x18", binary("a file packed by LZ4", UNPACK)),
    (b"\x1F\x9D", binary("a file packed by compress", UNPACK)),
    (b"PK\x07\x08", binary("the first part of a split zip archive", "join its parts, and pack its files anew")),
    (b"SQLite format 3\0", binary("an SQLite database", "export its tables as CSV")),
    (b"PGDMP", binary("a dump of a PostgreSQL database", "export its tables as CSV")),
    (b"ARROW1\0\0", binary("an Arrow file", "write it as Parquet or CSV")),
    (b"Obj\x01", binary("an Avro file", "write it as Parquet or CSV")),
    (
        b"version https://git-lfs.github.com/spec/",
        text("a pointer of Git LFS, not the file that it points at", "run git lfs pull"),
    ),
    (b"<<<<<<< ", text("a file with a merge conflict of Git in it", "settle the conflict")),
    (b"-----BEGIN ", text("a key, a certificate or a message that is encrypted or signed", AGAIN)),
];

/// The foreign kind of a part that begins with `head`, unpacked; `None` if it may be a table.
pub(super) fn foreign(head: &[u8]) -> Option<Foreign> {
    if let Some((_, found)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(*found);
    }
    if head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY") {
        return Some(binary("a file packed by bzip2", UNPACK));
    }
    if head.starts_with(b"MZ") && head.iter().take(512).filter(|byte| **byte == 0).count() > 64 {
        return Some(binary("a program of Windows", AGAIN));
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some(binary("a tar archive", UNPACK));
    }
    let start = beginning(head);
    markup(&start).or_else(|| mail(&start))
}

/// The first bytes as ASCII: without a mark, without the zeros of UTF-16, without blanks before them.
fn beginning(head: &[u8]) -> Vec<u8> {
    let wide = [&b"\xFF\xFE"[..], b"\xFE\xFF", b"<\0", b"\0<"].iter().any(|mark| head.starts_with(mark));
    let bytes = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let bytes: Vec<u8> = match wide {
        true => bytes.iter().copied().filter(|byte| !matches!(byte, 0 | 0xFE | 0xFF)).collect(),
        false => bytes.to_vec(),
    };
    bytes.trim_ascii_start().to_vec()
}

/// HTML and XML. A header of names between `<` and `>` is neither: a delimiter or nothing follows each.
fn markup(start: &[u8]) -> Option<Foreign> {
    const PAGE: Foreign = text("an HTML page", AGAIN);
    const TABLE: Foreign = text("an HTML page with a table", SAVE);
    const XML: Foreign = text("an XML document", "have it exported as CSV or JSON, or convert it");
    const SHEET: Foreign = text("a spreadsheet in XML (XML Spreadsheet 2003)", SAVE);
    const HTML: [&[u8]; 14] = [
        b"html", b"head", b"body", b"table", b"title", b"meta", b"script", b"style", b"div", b"center", b"font", b"p",
        b"tr", b"td",
    ];
    let lower = start.to_ascii_lowercase();
    let rest = lower.strip_prefix(b"<")?;
    let has = |words: &[u8]| memchr::memmem::find(&lower, words).is_some();
    let html = || if has(b"<table") { TABLE } else { PAGE };
    let xml = || if has(b"urn:schemas-microsoft-com:office:spreadsheet") { SHEET } else { XML };
    if rest.starts_with(b"!doctype html") {
        return Some(html());
    }
    if rest.starts_with(b"?xml") && rest.get(4).is_some_and(u8::is_ascii_whitespace) {
        return Some(if has(b"<html") { html() } else { xml() });
    }
    if rest.starts_with(b"!--") || (rest.starts_with(b"!doctype") && rest.get(8).is_some_and(u8::is_ascii_whitespace)) {
        let is_page = has(b"<html") || has(b"<body") || has(b"<table") || has(b"<head");
        return (is_page || has(b"</")).then(|| if is_page { html() } else { xml() });
    }
    let name = &rest[..rest.iter().position(|byte| !is_name(*byte)).unwrap_or(rest.len())];
    let close = memchr::memchr(b'>', rest)?;
    let (within, behind) = (&rest[..close], rest[close + 1..].trim_ascii_start());
    let begins = matches!(name.first(), Some(letter) if letter.is_ascii_alphabetic());
    if !begins || within.contains(&b'\n') && !has(b"</") {
        return None;
    }
    // A table would have its delimiter within the tag or right behind it, on the same line.
    let same_line = rest[close + 1..].iter().find(|byte| !matches!(byte, b' '));
    if same_line.is_some_and(|byte| b",;\t|:^~".contains(byte)) {
        return None;
    }
    let is_declared = memchr::memmem::find(within, b" xmlns").is_some();
    let is_html = HTML.contains(&name);
    if is_html && (behind.starts_with(b"<") || has(b"</")) {
        return Some(html());
    }
    let nested = behind.starts_with(b"<") && has(b"</");
    (is_declared || nested).then(xml)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)
}

/// A message with its head: of mail, or the answer of a server.
fn mail(start: &[u8]) -> Option<Foreign> {
    let text = String::from_utf8_lossy(start);
    let mut lines = text.lines();
    let first = lines.next()?;
    let is_field = |line: &str| {
        line.split_once(": ").is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }) || line.starts_with([' ', '\t'])
    };
    let status = first.strip_prefix("HTTP/").and_then(|rest| rest.split_once(' ')).map(|(_, status)| status.as_bytes());
    if let Some([a, b, c, rest @ ..]) = status
        && [a, b, c].into_iter().all(u8::is_ascii_digit)
        && rest.first().is_none_or(u8::is_ascii_whitespace)
        && lines.clone().next().is_none_or(|line| line.is_empty() || is_field(line))
    {
        return Some(self::text("the answer of a server (HTTP), with its head", AGAIN));
    }
    let head: Vec<_> = std::iter::once(first).chain(lines).take_while(|line| !line.is_empty()).collect();
    let fields = &head[..head.len().saturating_sub(usize::from(start.len() >= 4000))];
    let telling = ["mime-version: ", "message-id: ", "received: ", "return-path: ", "delivered-to: "];
    let tells = |line: &&str| telling.iter().any(|name| line.to_ascii_lowercase().starts_with(name));
    let is_mail = fields.len() > 2
        && fields.iter().all(|line| is_field(line))
        && fields.iter().filter(|line| tells(line)).count() > 1;
    is_mail.then_some(self::text("an e-mail", "save the file that is attached to it"))
}

/// The foreign kind of a zip with these members; `None` if it may be an archive of tables.
pub(super) fn foreign_zip<'a>(mut names: impl Iterator<Item = &'a [u8]>) -> Option<Foreign> {
    names.find_map(|name| match name {
        b"word/document.xml" => Some(binary("a document of Word", EXPORT)),
        b"ppt/presentation.xml" => Some(binary("a presentation of PowerPoint", EXPORT)),
        b"xl/workbook.bin" => Some(binary("a binary workbook (XLSB)", SAVE)),
        b"Index/Document.iwa" => Some(binary("a document of Numbers, Pages or Keynote", "export it as XLSX or CSV")),
        b"META-INF/MANIFEST.MF" => Some(binary("a program (Java archive)", AGAIN)),
        _ => None,
    })
}

/// The kind of an OLE compound file that is no workbook; `None` also if its directory cannot be followed.
///
/// The layout is that of \[MS-CFB\], sections 2.2 and 2.6.
pub(super) fn foreign_compound(file: &File) -> Option<Foreign> {
    let streams = streams(file)?;
    let has = |name: &str| streams.iter().any(|stream| stream == name);
    match () {
        () if has("EncryptedPackage") => {
            Some(binary("a workbook or document with a password", "save it without a password"))
        }
        () if has("Workbook") || has("Book") => None,
        () if has("WordDocument") => Some(binary("a document of Word", EXPORT)),
        () if has("PowerPoint Document") => Some(binary("a presentation of PowerPoint", EXPORT)),
        () if streams
            .iter()
            .any(|stream| stream.starts_with("__substg1.0") || stream.starts_with("__properties_version")) =>
        {
            Some(binary("a message of Outlook", "save the file that is attached to it"))
        }
        () => Some(binary("an OLE file without a workbook in it", SAVE)),
    }
}

/// Names of the streams of a compound file, from the first 64 sectors of its directory.
fn streams(file: &File) -> Option<Vec<String>> {
    let mut head = [0; 512];
    file.read_exact_at(&mut head, 0).ok()?;
    let number = |bytes: &[u8], at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let shift = u16::from_le_bytes([head[30], head[31]]);
    if !matches!(shift, 9 | 12) {
        return None;
    }
    let size = 1_u64 << shift;
    let read = |sector: u32| {
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, (u64::from(sector) + 1) * size).ok()?;
        Some(bytes)
    };
    let (mut sector, mut names) = (number(&head, 48)?, Vec::new());
    for _ in 0..64 {
        for entry in read(sector)?.chunks_exact(128) {
            let length = usize::from(u16::from_le_bytes([entry[64], entry[65]]));
            let units: Vec<u16> = entry[..length.saturating_sub(2).min(64)]
                .chunks_exact(2)
                .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
                .collect();
            names.push(String::from_utf16_lossy(&units));
        }
        let in_table = size as u32 / 4;
        let table = number(&head, 76 + 4 * usize::try_from((sector / in_table).min(108)).ok()?)?;
        sector = number(&read(table)?, 4 * (sector % in_table) as usize)?;
        if sector >= 0xFFFF_FFFA {
            return Some(names);
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::foreign;

    #[test]
    fn what_is_no_table_is_told_by_its_beginning() {
        let cases: [(&[u8], &str); 16] = [
            (b"<!DOCTYPE html>\n<html><body>503", "an HTML page"),
            (b"\xEF\xBB\xBF \n<HTML xmlns:x=\"urn\">\n<head>", "an HTML page"),
            (b"<table border=1><tr><td>a</td></tr>", "an HTML page with a table"),
            (b"<table>\n<tr>\n<td>a</td></tr>", "an HTML page with a table"),
            (b"<!-- made by us --><html>", "an HTML page"),
            (b"\xFF\xFE<\0h\0t\0m\0l\0>\0<\0b\0>\0", "an HTML page"),
            (b"<?xml version=\"1.0\"?>\n<rows/>", "an XML document"),
            (b"<rows>\n<row><a>1</a></row></rows>", "an XML document"),
            (
                b"<?xml version='1.0'?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">",
                "a spreadsheet in XML (XML Spreadsheet 2003)",
            ),
            (b"%PDF-1.7\n%\xE2\xE3", "a PDF document"),
            (b"{\\rtf1\\ansi", "an RTF document"),
            (b"HTTP/1.1 503 Service Unavailable\r\nServer: x\r\n\r\n", "the answer of a server (HTTP), with its head"),
            (b"Return-Path: <a@b.c>\nReceived: from x\n\tby y\nSubject: z\n\nhi", "an e-mail"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid",
                "a pointer of Git LFS, not the file that it points at",
            ),
            (b"BZh91AY&SY..", "a file packed by bzip2"),
            (b"PK\x07\x08PK\x03\x04", "the first part of a split zip archive"),
        ];
        for (head, what) in cases {
            assert_eq!(foreign(head).map(|found| found.what), Some(what), "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_table_that_begins_like_something_else_is_a_table() {
        let tables: [&[u8]; 16] = [
            b"<a>,<b>\n1,2\n",
            b"<table>;<chair>\n1;2\n</x>;3\n",
            b"<html>\t<css>\n1\t2\n",
            b"<id>\n1\n2\n",
            b"<5,>=5\n1,2\n",
            b"< 5 years,> 5 years\n1,2\n",
            b"%PDF,%DOC\n1,2\n",
            b"%\n1\n",
            b"name,page\nx,<html><body></body></html>\n",
            b"From: to,b\n1,2\n",
            b"Date: x\nTime: y\nPlace: z\n",
            b"HTTP/1.1 503,count\nx,1\n",
            b"GIF,PNG\n1,2\n",
            b"ORCA,WHALE\n1,2\n",
            b"MZ,AZ\n1,2\n",
            b"version,https\n1,2\n",
        ];
        for table in tables {
            assert_eq!(foreign(table), None, "{}", String::from_utf8_lossy(table));
        }
    }
}
