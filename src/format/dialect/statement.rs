//! The header of a statement below its titles, wherever in the line their cells stand and however far the lines are
//! filled up: `Account:;DE12;;`, `Balance;01.01.2026;;1.000,00;EUR` over `Date;Text;Debit;Credit`.

use super::above::{extent, filled, is_run_of_pairs, is_text};
use super::crosstab::several_rows;
use super::header::{figure, has_digit, is_of_figure, is_stated, is_value, nearly_all};
use super::null_words::is_null_word;
use super::words::is_name;
use crate::format::csv::sampled::Sampled;

/// Lines above the header, at most.
const MAX_LINES: usize = 30;

/// Columns of a statement, at least.
const COLUMNS: usize = 3;

/// Records that are looked at below the header.
const LOOKED_AT: usize = 50;

/// Beginnings of the names of a statement's columns, in small letters.
const BEGINNINGS: [&str; 40] = [
    "buchung",
    "valuta",
    "wertstell",
    "betrag",
    "saldo",
    "umsatz",
    "währung",
    "verwendung",
    "auftragg",
    "empfänger",
    "begünstigt",
    "zahlung",
    "kontostand",
    "gläubiger",
    "mandat",
    "balance",
    "debit",
    "credit",
    "descr",
    "currenc",
    "transact",
    "payee",
    "payer",
    "reference",
    "withdraw",
    "deposit",
    "posting",
    "completed",
    "libell",
    "débit",
    "crédit",
    "montant",
    "solde",
    "import",
    "causale",
    "divisa",
    "concept",
    "bedrag",
    "omschrijving",
    "rekening",
];

/// Other names of a statement's columns, in small letters.
const NAMES: [&str; 26] = [
    "text",
    "details",
    "status",
    "iban",
    "bic",
    "blz",
    "soll",
    "haben",
    "notiz",
    "memo",
    "fee",
    "data",
    "fecha",
    "konto",
    "account",
    "value",
    "value date",
    "category",
    "type",
    "particulars",
    "money in",
    "money out",
    "paid in",
    "paid out",
    "narrative",
    "datum",
];

fn is_known(cell: &str) -> bool {
    let cell = cell.trim().to_lowercase();
    // `Betrag (€)`, `Amount (EUR)`.
    let bare = cell.split(['(', '[']).next().unwrap_or_default().trim();
    NAMES.contains(&bare) || BEGINNINGS.iter().any(|beginning| bare.starts_with(beginning)) || is_name(bare)
}

/// True if a row names columns, half of them by known names; or, below a blank line and over a record with digits in two
/// columns, by any.
fn is_head(row: &Sampled<'_>, next: Option<&Sampled<'_>>) -> bool {
    let named = &row.cells[..extent(row)];
    let is_plain = |cell: &str| {
        !cell.trim().is_empty() && !has_digit(cell) && !is_null_word(cell) && !is_value(cell) && !is_stated(cell)
    };
    // Most rows are records, which is soon seen; to look names up takes longer.
    if named.len() < COLUMNS || row.stray || row.spaced || !named.iter().all(|cell| is_plain(cell)) {
        return false;
    }
    let known = named.iter().filter(|cell| is_known(cell)).count();
    let is_over_values = |next: &Sampled<'_>| {
        next.cells.len() == row.cells.len() && next.cells.iter().filter(|cell| has_digit(cell)).count() > 1
    };
    let is_above_record = || row.after_blank && named.len() > COLUMNS && next.is_some_and(is_over_values);
    (known >= COLUMNS && known * 2 >= named.len()) || is_above_record()
}

/// True if a row has fewer cells than the header has, and is a text, a word and its value, or begins with a label.
fn is_caption(row: &Sampled<'_>, width: usize) -> bool {
    let is_label = row.cells[0].trim_end().ends_with(':');
    filled(row) < width && !is_value(&row.cells[0]) && (is_text(row) || filled(row) * 2 <= width || is_label)
}

/// True if a row has a word in the first column, over days, codes or amounts, which all look as one of them does; and
/// has an empty cell, or fewer or more cells than the table. Over no records the others of its cells have digits.
fn breaks_column(row: &Sampled<'_>, records: &[Sampled<'_>], width: usize) -> bool {
    let cells: Vec<&str> = records.iter().filter_map(|record| record.cells.first()).map(|cell| &**cell).collect();
    let first = cells.first().and_then(|cell| figure(cell));
    let is_of_column = |cell: &str| is_of_figure(cell, first.as_deref());
    let is_word = !row.cells[0].is_empty() && !is_null_word(&row.cells[0]) && !has_digit(&row.cells[0]);
    let is_other = extent(row) != width || filled(row) < width;
    let breaks = match records.is_empty() {
        true => row.cells[1..].iter().any(|cell| has_digit(cell)) && row.cells[1..].iter().all(|cell| !is_known(cell)),
        false => first.is_some() && nearly_all(&cells, is_of_column),
    };
    is_word && is_other && breaks
}

/// The place of a statement's header among the records, if lines that are none of its records stand above it, and either
/// all records below it, or nothing, for a period without any.
pub(super) fn statement(records: &[Sampled<'_>], complete: bool) -> Option<usize> {
    let at = (1..records.len().min(MAX_LINES + 1)).find(|at| is_head(&records[*at], records.get(at + 1)))?;
    let (above, table) = records.split_at(at);
    let (head, below) = table.split_first()?;
    let width = extent(head);
    let end = below.iter().skip(1).position(|record| record.after_blank).map_or(below.len(), |at| at + 1);
    let of_table = |record: &&Sampled<'_>| record.cells.len() == head.cells.len() || extent(record) == width;
    let all = &below[..end.min(LOOKED_AT)];
    let even: Vec<_> = all.iter().filter(of_table).cloned().collect();
    let is_one = |row: &Sampled<'_>| is_caption(row, width) || breaks_column(row, &even, width);
    let is_no_table = |block: &[Sampled<'_>]| {
        let texts: Vec<_> = block.iter().filter(|row| is_text(row)).cloned().collect();
        texts.is_empty() || is_run_of_pairs(&texts)
    };
    let are_captions = above.iter().all(is_one) && above.chunk_by(|_, next| !next.after_blank).all(is_no_table);
    // A line of words right above the names may be a heading over several of them.
    let has_value = |row: &Sampled<'_>| row.cells.iter().any(|cell| has_digit(cell) || cell.trim_end().ends_with(':'));
    let is_pair = |row: &Sampled<'_>| extent(row) == 2 && filled(row) == 2;
    let is_apart = head.after_blank
        || above.last().is_some_and(|row| {
            filled(row) == 1
                || (has_value(row) && !row.cells[0].is_empty())
                || (is_pair(row) && above.iter().any(|row| is_pair(row) && has_value(row)))
        });
    let has_records = even.len() * 2 > all.len()
        && all.first().is_some_and(|record| !record.after_blank && of_table(&record))
        && even.iter().any(|record| record.cells.iter().any(|cell| has_digit(cell)));
    let is_empty =
        || complete && below.is_empty() && head.cells.iter().filter(|cell| !cell.is_empty()).all(|cell| is_known(cell));
    let is_of_levels = || (0..at).any(|from| several_rows(&records[from..], head.cells.len()).is_some());
    (are_captions && is_apart && !is_of_levels() && (has_records || is_empty())).then_some(at)
}
