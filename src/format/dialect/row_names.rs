//! Records with one cell more than the header has names: the first is the row's name, as R writes it, or a comma stands
//! within a value.

use super::Dialect;
use super::header::nearly_all;
use crate::format::csv::sampled::Sampled;

/// Last words of the names of columns that hold amounts, whose decimals a comma may part from them.
const AMOUNTS: [&str; 44] = [
    "price",
    "amount",
    "total",
    "subtotal",
    "sum",
    "cost",
    "costs",
    "fee",
    "net",
    "gross",
    "tax",
    "vat",
    "salary",
    "balance",
    "value",
    "rate",
    "weight",
    "length",
    "height",
    "width",
    "temperature",
    "preis",
    "betrag",
    "summe",
    "umsatz",
    "netto",
    "brutto",
    "steuer",
    "kosten",
    "gehalt",
    "saldo",
    "wert",
    "gewicht",
    "länge",
    "höhe",
    "breite",
    "temperatur",
    "montant",
    "prix",
    "importe",
    "precio",
    "importo",
    "prezzo",
    "bedrag",
];

/// The reading of a header that is one name short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShortHeader {
    /// The first cell of each record is the row's name.
    RowNames,
    /// The same, with nothing that proves it.
    RatherRowNames,
    /// The last cell has no name: a comma rather stands within a value of each record.
    Commas,
}

/// The reading of a header over records that have one cell more, the last one filled, and the first another one in each;
/// `None` for any other.
pub(super) fn short_header(
    table: &[Sampled<'_>],
    rows: usize,
    width: usize,
    sample: &[u8],
    dialect: &Dialect,
) -> Option<ShortHeader> {
    let (header, records) = table.split_at(rows.min(table.len()));
    let end = records.iter().skip(1).position(|record| record.after_blank).map_or(records.len(), |at| at + 1);
    let records: Vec<_> = records[..end].iter().filter(|record| !record.stray).collect();
    let is_short =
        header.iter().all(|row| row.cells.len() + 1 == width && !row.cells.iter().any(|cell| cell.is_empty()));
    let is_full = |record: &&Sampled<'_>| {
        record.cells.len() == width && record.cells.last().is_some_and(|cell| !cell.trim().is_empty())
    };
    let mut first: Vec<_> = records.iter().filter_map(|record| record.cells.first()).collect();
    first.sort_unstable();
    first.dedup();
    if rows == 0 || !is_short || records.len() < 2 || !records.iter().all(is_full) || first.len() != records.len() {
        return None;
    }
    let raw = |record: &Sampled<'_>| sample.get(record.place.clone()).unwrap_or_default();
    let begins_quoted =
        |record: &&Sampled<'_>| dialect.quote.is_some() && raw(record).first().copied() == dialect.quote;
    let has_own = |record: &&Sampled<'_>| record.cells.iter().any(|cell| cell.contains(char::from(dialect.delimiter)));
    if dialect.delimiter != b',' || records.iter().all(begins_quoted) || records.iter().any(has_own) {
        return Some(ShortHeader::RowNames);
    }
    let names: Vec<&str> = header.last().map(|row| row.cells.iter().map(|cell| &**cell).collect()).unwrap_or_default();
    let column = |place: usize| -> Vec<&str> { records.iter().map(|record| &*record.cells[place]).collect() };
    let is_within = |place: usize| {
        let (before, behind) = (column(place), column(place + 1));
        let is_text = || nearly_all(&behind, |cell| cell.starts_with(' ')) && !dialect.spaced;
        let is_amount = || is_amount_name(names.get(place).copied().unwrap_or_default());
        is_text() || (nearly_all(&before, is_whole) && nearly_all(&behind, is_fraction) && is_amount())
    };
    Some(if (0..width - 1).any(is_within) { ShortHeader::Commas } else { ShortHeader::RatherRowNames })
}

fn is_amount_name(name: &str) -> bool {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).any(|word| AMOUNTS.contains(&word.as_str()))
}

/// True for the digits before a decimal comma.
fn is_whole(cell: &str) -> bool {
    let bare = cell.trim().trim_start_matches(['-', '+', '$', '€', '£']);
    !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// True for the digits behind one, with a sign or a unit perhaps.
fn is_fraction(cell: &str) -> bool {
    let digits = cell.bytes().take_while(u8::is_ascii_digit).count();
    (1..=3).contains(&digits) && !cell[digits..].contains(|letter: char| letter.is_ascii_digit() || letter == '.')
}

/// True if the header has an empty cell too many: without it there are as many names as nearly all records have cells.
pub(super) fn has_name_too_many(head: &Sampled<'_>, records: &[Sampled<'_>], width: usize) -> bool {
    let filled = head.cells.iter().filter(|cell| !cell.is_empty()).count();
    let is_even = |record: &&Sampled<'_>| {
        let beyond = record.cells.get(width..);
        record.cells.len() <= head.cells.len() && beyond.is_some_and(|cells| cells.iter().all(|cell| cell.is_empty()))
    };
    let even = records.iter().filter(is_even).count();
    head.cells.len() > width && filled == width && width > 1 && even > 0 && even * 10 >= records.len() * 9
}
