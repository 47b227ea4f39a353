//! Tables of words: the signs that tell their header from a word and its value above another table.

use super::above::{extent, filled};
use super::header::has_digit;
use crate::format::csv::sampled::Sampled;

/// Words that name columns, as the last word of a name or as all of it. A value is seldom one of them.
const NAMES: [&str; 140] = [
    "name",
    "names",
    "surname",
    "firstname",
    "lastname",
    "city",
    "town",
    "country",
    "region",
    "state",
    "province",
    "capital",
    "code",
    "label",
    "description",
    "title",
    "type",
    "category",
    "group",
    "product",
    "article",
    "item",
    "customer",
    "supplier",
    "vendor",
    "department",
    "team",
    "role",
    "position",
    "status",
    "color",
    "colour",
    "email",
    "mail",
    "phone",
    "language",
    "currency",
    "unit",
    "key",
    "value",
    "id",
    "word",
    "street",
    "address",
    "person",
    "employee",
    "manager",
    "owner",
    "course",
    "subject",
    "teacher",
    "student",
    "school",
    "brand",
    "model",
    "material",
    "species",
    "gender",
    "comment",
    "note",
    "remark",
    "office",
    "site",
    "location",
    "place",
    "player",
    "author",
    "user",
    "symbol",
    "abbreviation",
    "meaning",
    "vorname",
    "nachname",
    "ort",
    "stadt",
    "land",
    "bundesland",
    "hauptstadt",
    "kürzel",
    "bezeichnung",
    "beschreibung",
    "titel",
    "typ",
    "art",
    "kategorie",
    "gruppe",
    "produkt",
    "artikel",
    "kunde",
    "lieferant",
    "abteilung",
    "rolle",
    "farbe",
    "sprache",
    "währung",
    "einheit",
    "schlüssel",
    "wert",
    "wort",
    "straße",
    "adresse",
    "mitarbeiter",
    "lehrer",
    "schule",
    "marke",
    "modell",
    "bemerkung",
    "standort",
    "nom",
    "ville",
    "pays",
    "nombre",
    "date",
    "day",
    "time",
    "price",
    "amount",
    "qty",
    "quantity",
    "number",
    "count",
    "total",
    "sum",
    "year",
    "month",
    "age",
    "datum",
    "tag",
    "zeit",
    "preis",
    "betrag",
    "menge",
    "anzahl",
    "nummer",
    "nr",
    "summe",
    "jahr",
    "monat",
    "umsatz",
    "alter",
];

/// Rows, at least, that are a table under any first row.
pub(super) const ROWS: usize = 8;

/// True if a record names the columns of the rows below it, all of them words: with known names; or, in the first table
/// of a text, over many rows or over a word that begins two of them. Lines that each hold a word and its value rather
/// describe the table below them.
pub(super) fn is_table_of_words(head: &Sampled<'_>, rows: &[Sampled<'_>], is_first: bool) -> bool {
    let width = head.cells.len();
    let is_row = |row: &Sampled<'_>| row.cells.len() == width && filled(row) > 1;
    let is_label = |row: &Sampled<'_>| row.cells[0].trim_end().ends_with([':', '=']);
    if rows.len() < 2 || !rows.iter().all(is_row) || is_label(head) || rows.iter().any(is_label) {
        return false;
    }
    let is_of_words = !rows.iter().chain([head]).any(|row| row.cells.iter().any(|cell| has_digit(cell)));
    let mut keys: Vec<_> = rows.iter().map(|row| &row.cells[0]).collect();
    keys.sort_unstable();
    let is_twice = keys.windows(2).any(|pair| pair[0] == pair[1]) && !keys.contains(&&head.cells[0]);
    are_names(head) || (is_first && is_of_words && (rows.len() >= ROWS || is_twice))
}

/// True if all cells up to the last filled one are known names of columns.
pub(super) fn are_names(head: &Sampled<'_>) -> bool {
    head.cells[..extent(head)].iter().all(|cell| is_name(cell))
}

/// True if a cell, or its last word, is a known name of a column.
pub(super) fn is_name(cell: &str) -> bool {
    let last = cell.trim().rsplit([' ', '_', '-', '.']).next().unwrap_or_default().to_lowercase();
    NAMES.contains(&last.as_str())
}
