//! The references from parts of an XLSX to other parts: the sheets that a workbook names, with the place of each.

use std::io::{self, BufRead};

use crate::format::tags::Tags;

/// The sheets that a workbook names, in their order: the id of the relationship that leads to each, and its name.
pub(super) fn xlsx_sheets(workbook: impl BufRead) -> io::Result<Vec<(Vec<u8>, String)>> {
    let (mut tags, mut sheets) = (Tags::new(workbook), Vec::new());
    while tags.next()? {
        if tags.name() == b"sheet" && !tags.closes() {
            sheets.push((tags.attribute(b"id").unwrap_or_default().to_vec(), tags.text_of(b"name")));
        }
    }
    Ok(sheets)
}

/// A reference from a part of a package to another one.
pub(super) struct Relation {
    pub id: Vec<u8>,
    /// The last word of its type: `worksheet`, `sharedStrings`.
    pub kind: String,
    /// The place of the other part, as it is written.
    pub target: String,
    /// True if the other part is not in the package.
    pub is_external: bool,
}

impl Relation {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }
}

/// The relationships of a part.
pub(super) fn xlsx_relations(relationships: impl BufRead) -> io::Result<Vec<Relation>> {
    let (mut tags, mut relations) = (Tags::new(relationships), Vec::new());
    while tags.next()? {
        if tags.name() == b"Relationship" && !tags.closes() {
            relations.push(Relation {
                id: tags.attribute(b"Id").unwrap_or_default().to_vec(),
                kind: tags.text_of(b"Type").rsplit('/').next().unwrap_or_default().to_owned(),
                target: tags.text_of(b"Target"),
                is_external: tags.attribute(b"TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case(b"external")),
            });
        }
    }
    Ok(relations)
}

/// The part that the content types of a package declare to be a workbook.
pub(super) fn workbook_type(types: impl BufRead) -> io::Result<Option<String>> {
    let mut tags = Tags::new(types);
    while tags.next()? {
        let kind = tags.text_of(b"ContentType").to_ascii_lowercase();
        let is_book =
            ["spreadsheetml.sheet.main+xml", "spreadsheetml.template.main+xml"].iter().any(|end| kind.ends_with(end))
                || (kind.starts_with("application/vnd.ms-excel.") && kind.ends_with(".main+xml"));
        if tags.name() == b"Override" && is_book {
            return Ok(Some(tags.text_of(b"PartName")));
        }
    }
    Ok(None)
}

/// The name of the first tag.
pub(super) fn root(part: impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut tags = Tags::new(part);
    Ok(if tags.next()? { Some(tags.name().to_vec()) } else { None })
}

#[cfg(test)]
mod tests {
    use super::{xlsx_relations, xlsx_sheets};

    #[test]
    fn sheets_and_relationships_are_those_that_are_written() {
        let book = "<workbook><sheets><sheet name=\"a\" sheetId=\"1\" r:id=\"rId3\"/><sheet name='b' \
         r:id='rId4'></sheet></sheets></workbook>";
        let sheets = [(b"rId3".to_vec(), "a".to_owned()), (b"rId4".to_vec(), "b".to_owned())];
        assert_eq!(xlsx_sheets(book.as_bytes()).unwrap(), sheets);
        let related =
            "<Relationships><Relationship Id=\"rId3\" Type=\"t/worksheet\" Target=\"a&amp;b.xml\"/></Relationships>";
        let [relation] = &xlsx_relations(related.as_bytes()).unwrap()[..] else { panic!("one") };
        assert_eq!((relation.id.as_slice(), relation.target.as_str()), (&b"rId3"[..], "a&b.xml"));
        assert!(relation.is("worksheet") && !relation.is_external);
    }
}
