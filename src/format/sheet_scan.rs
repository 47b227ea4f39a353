//! The content of a workbook's sheets by their own XML: the number of rows and cells with a value. It reads tags and
//! nothing else, and shares no rule with the reader of cells, so that cells skipped there are missed.

use std::io::{self, BufRead};

use super::exact::Exact;
use super::tags::Tags;

/// Rows and cells with a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub rows: u64,
    pub cells: u64,
}

impl Counts {
    /// Adds a cell `times` times, in the row that is counted or a new one.
    fn add(&mut self, row: &mut u64, times: u64) {
        self.rows += u64::from(*row == 0);
        self.cells += times;
        *row += times;
    }
}

/// A sheet of an XLSX.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct XlsxSheet {
    pub counts: Counts,
    /// Numbers that no double holds.
    pub exact: Exact,
    /// The row and column, from 0, of the first cell whose shared text is not named by digits alone.
    pub broken_index: Option<(u64, u64)>,
}

/// A sheet of an ODS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OdsSheet {
    pub counts: Counts,
    /// Numbers that no double holds.
    pub exact: Exact,
    /// The row and column, from 0, of the first formula without a result.
    pub bare_formula: Option<(u64, u64)>,
}

/// The content of a sheet of an XLSX.
pub(super) fn xlsx_sheet(sheet: impl BufRead) -> io::Result<XlsxSheet> {
    let (mut tags, mut found) = (Tags::new(sheet), XlsxSheet::default());
    let (mut within, mut row, mut phonetic, mut has_value) = (false, 0, false, false);
    let (mut is_number, mut is_shared) = (false, false);
    // The place of the cell, from 0.
    let mut place = (0, 0);
    while tags.next()? {
        let (closes, has_text) = (tags.closes(), !tags.text.is_empty());
        match tags.name() {
            b"sheetData" => within = !closes && !tags.is_empty(),
            _ if !within => {}
            b"row" => {
                row = 0;
                let named = tags.attribute(b"r").and_then(|row| std::str::from_utf8(row).ok()?.parse::<u64>().ok());
                let at = named.map_or(place.0, |named| named.saturating_sub(1));
                place = (at + u64::from(closes || tags.is_empty()), 0);
            }
            b"c" if !closes => {
                let kind = tags.attribute(b"t");
                (has_value, is_number, is_shared) = (false, matches!(kind, None | Some(b"n")), kind == Some(b"s"));
                if let Some(named) = tags.attribute(b"r").and_then(cell_place) {
                    place = (named.0, named.1);
                }
                // An empty tag has no value.
                place.1 += u64::from(tags.is_empty());
            }
            b"c" => {
                if has_value {
                    found.counts.add(&mut row, 1);
                }
                place.1 += 1;
            }
            b"rPh" => phonetic = !closes && !tags.is_empty(),
            b"v" if closes => {
                has_value |= has_text;
                if is_number {
                    found.exact.see(&tags.text, place, 1, 1);
                }
                if is_shared && !tags.text.iter().all(u8::is_ascii_digit) {
                    found.broken_index.get_or_insert(place);
                }
            }
            b"t" if closes && !phonetic => has_value |= has_text,
            _ => {}
        }
    }
    Ok(found)
}

/// The row and column, from 0, that `B12` names.
fn cell_place(name: &[u8]) -> Option<(u64, u64)> {
    let letters = name.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let column = name[..letters].iter().try_fold(0u64, |column, letter| {
        column.checked_mul(26)?.checked_add(u64::from(letter.to_ascii_uppercase() - b'A') + 1)
    })?;
    let row: u64 = std::str::from_utf8(&name[letters..]).ok()?.parse().ok()?;
    Some((row.checked_sub(1)?, column.checked_sub(1)?))
}

/// The content of the sheets of an ODS, in their order.
pub(super) fn ods_sheets(content: impl BufRead) -> io::Result<Vec<OdsSheet>> {
    let mut tags = Tags::new(content);
    let mut sheets: Vec<OdsSheet> = Vec::new();
    let (mut within, mut place, mut repeated_rows, mut row) = (false, (0, 0), 1, 0);
    let mut cell: Option<Cell> = None;
    while tags.next()? {
        let closes = tags.closes();
        if let Some(cell) = &mut cell {
            cell.see(&tags);
        }
        match tags.name() {
            b"table" if !closes && tags.attribute(b"name").is_some() => {
                sheets.push(OdsSheet::default());
                (within, place) = (!tags.is_empty(), (0, 0));
            }
            b"table" => within = false,
            _ if !within => {}
            b"table-row" if !closes => (repeated_rows, place.1, row) = (repeated(&tags, b"number-rows-repeated"), 0, 0),
            b"table-row" => {
                if let Some(sheet) = sheets.last_mut()
                    && row > 0
                {
                    sheet.counts.rows += repeated_rows;
                    sheet.counts.cells += row * repeated_rows;
                }
                place.0 += repeated_rows;
            }
            b"table-cell" | b"covered-table-cell" if !closes => {
                let opened = Cell::open(&tags);
                if let (Some(sheet), Some(number)) = (sheets.last_mut(), tags.attribute(b"value")) {
                    sheet.exact.see(number, place, repeated_rows, opened.repeated);
                }
                if let Some(sheet) = sheets.last_mut()
                    && opened.is_bare_formula
                {
                    sheet.bare_formula.get_or_insert(place);
                }
                match tags.is_empty() {
                    true => opened.close(&mut row, &mut place.1),
                    false => cell = Some(opened),
                }
            }
            b"table-cell" | b"covered-table-cell" => {
                if let Some(cell) = cell.take() {
                    cell.close(&mut row, &mut place.1);
                }
            }
            _ => {}
        }
    }
    Ok(sheets)
}

fn repeated<R: BufRead>(tags: &Tags<R>, name: &[u8]) -> u64 {
    tags.attribute(name).and_then(|value| std::str::from_utf8(value).ok()?.parse().ok()).unwrap_or(1)
}

/// A cell of an ODS while it is read.
struct Cell {
    repeated: u64,
    has_value: bool,
    /// True if its text is its value.
    is_text: bool,
    is_bare_formula: bool,
    paragraphs: u64,
    in_note: bool,
}

impl Cell {
    fn open<R: BufRead>(tags: &Tags<R>) -> Cell {
        let string = tags.attribute(b"string-value");
        let values = [&b"value"[..], b"date-value", b"time-value", b"boolean-value"];
        let has_value = values.iter().any(|name| tags.attribute(name).is_some());
        // `office:value-type` comes before LibreOffice's own attribute, which marks a text as an error.
        let kind = tags.attribute(b"value-type");
        let is_error = memchr::memmem::find(&tags.tag, b"calcext:value-type=\"error\"").is_some();
        let is_text = !has_value
            && match string {
                None => kind == Some(b"string"),
                Some(text) => text.is_empty() && is_error,
            };
        Cell {
            repeated: repeated(tags, b"number-columns-repeated"),
            has_value: has_value || string.is_some_and(|text| !text.is_empty()),
            is_text,
            is_bare_formula: tags.attribute(b"formula").is_some() && !has_value && string.is_none() && kind.is_none(),
            paragraphs: 0,
            in_note: false,
        }
    }

    /// Takes in the text and the tag within the cell.
    fn see<R: BufRead>(&mut self, tags: &Tags<R>) {
        let (name, closes) = (tags.name(), tags.closes());
        if !self.in_note && self.is_text {
            self.has_value |= !tags.text.is_empty();
            self.paragraphs += u64::from(name == b"p" && !closes);
            let is_letter = matches!(name, b"s" | b"tab" | b"line-break") && !closes;
            self.has_value |= self.paragraphs > 1 || is_letter;
        }
        if name == b"annotation" {
            self.in_note = !closes && !tags.is_empty();
        }
    }

    fn close(self, row: &mut u64, column: &mut u64) {
        *row += if self.has_value { self.repeated } else { 0 };
        *column += self.repeated;
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, cell_place, ods_sheets, xlsx_sheet};

    #[test]
    fn rows_and_cells_with_values_are_counted_in_xlsx() {
        let sheet = "<?xml version=\"1.0\"?><x:worksheet><x:sheetPr t='a>b'/><!-- <c><v>1</v></c> --><x:sheetData>\
            <x:row r=\"1\"><x:c r=\"A1\" t=\"s\"><x:v>0</x:v></x:c><x:c r=\"B1\"/></x:row><x:row r=\"2\"><x:c><x:v></x:v></x:c></x:row>\
            <x:row><x:c t=\"inlineStr\"><x:is><x:t><![CDATA[<v>]]></x:t><x:rPh><x:t>k</x:t></x:rPh></x:is></x:c>\
            <x:c><x:f>1+1</x:f><x:v>2</x:v></x:c></x:row></x:sheetData><x:oddHeader><c><v>1</v></c></x:oddHeader></x:worksheet>";
        assert_eq!(xlsx_sheet(sheet.as_bytes()).unwrap().counts, Counts { rows: 2, cells: 3 });
    }

    #[test]
    fn numbers_that_no_double_holds_are_kept_with_their_places() {
        assert_eq!((cell_place(b"A1"), cell_place(b"AB12"), cell_place(b"1")), (Some((0, 0)), Some((11, 27)), None));
        let sheet = "<worksheet><sheetData><row r=\"3\"><c r=\"B3\"><v>9007199254740993</v></c><c/><c t=\"n\"><v>9007199254740995</v></c>\
            <c t=\"s\"><v>9007199254740997</v></c></row><row><c><v>9007199254740997</v></c></row></sheetData></worksheet>";
        let exact = xlsx_sheet(sheet.as_bytes()).unwrap().exact;
        assert_eq!(exact.digits((2, 1), 9007199254740993.0), Ok(Some("9007199254740993")));
        assert_eq!(exact.digits((2, 3), 9007199254740995.0), Ok(Some("9007199254740995")));
        assert_eq!(exact.digits((3, 0), 9007199254740997.0), Ok(Some("9007199254740997")));
        assert_eq!(exact.cells(), 3);
    }

    #[test]
    fn rows_and_cells_with_values_are_counted_in_ods() {
        let content = "<office:spreadsheet><table:table table:name=\"s\"><table:table-row table:number-rows-repeated=\"3\">\
            <table:table-cell office:value-type=\"string\" table:number-columns-repeated=\"2\"><text:p>x</text:p></table:table-cell>\
            <table:table-cell/></table:table-row><table:table-row><table:table-cell office:value-type=\"string\"><text:p/>\
            <office:annotation><text:p>note</text:p></office:annotation></table:table-cell>\
            <table:table-cell table:formula=\"of:=1\"/></table:table-row></table:table></office:spreadsheet>";
        let sheets = ods_sheets(content.as_bytes()).unwrap();
        assert_eq!(sheets.len(), 1);
        assert_eq!(sheets[0].counts, Counts { rows: 3, cells: 6 });
        assert_eq!(sheets[0].bare_formula, Some((3, 1)));
    }
}
