//! A line right below the header that is no record: a ruler (`--;----;---`), or a text that says that there are no records.

use super::above::filled;
use super::header::is_value;
use crate::format::csv::sampled::Sampled;

/// Lines of a sample in which a ruler is looked for.
const LOOKED_AT: usize = 40;

/// Letters of a text that says that there are no records, at most.
const LETTERS: usize = 80;

/// First words of such a text, in small letters.
const NONE: [&str; 14] = [
    "no",
    "keine",
    "kein",
    "keinerlei",
    "aucun",
    "aucune",
    "geen",
    "sin",
    "nessun",
    "nessuna",
    "brak",
    "ingen",
    "inga",
    "nothing",
];

/// Beginnings of the word behind it, in small letters.
const RECORDS: [&str; 48] = [
    "data",
    "record",
    "row",
    "result",
    "entr",
    "transaction",
    "item",
    "order",
    "activit",
    "booking",
    "match",
    "value",
    "sale",
    "event",
    "movement",
    "payment",
    "found",
    "to report",
    "daten",
    "umsätz",
    "umsaetz",
    "buchung",
    "eintr",
    "datens",
    "ergebnis",
    "treffer",
    "transaktion",
    "bewegung",
    "verkäuf",
    "bestellung",
    "werte",
    "zeile",
    "zahlung",
    "vorgäng",
    "donnée",
    "résultat",
    "opération",
    "mouvement",
    "enregistrement",
    "gegevens",
    "resultaten",
    "datos",
    "resultados",
    "movimientos",
    "dato",
    "risultat",
    "danych",
    "further",
];

/// A line below the header that is no record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    /// Lines before it.
    line: u64,
    /// True if it says that there are no records.
    pub(super) is_remark: bool,
}

impl Note {
    /// The lines from the end of the header, whose last row is `head` and above the record `next`, to the note's own; 0
    /// if it does not stand between them.
    pub(super) fn lines_below(self, head: &Sampled<'_>, next: Option<&Sampled<'_>>) -> u64 {
        let end = head.line + head.lines;
        let is_between = self.line >= end && next.is_none_or(|next| next.line > self.line);
        if is_between { self.line + 1 - end } else { 0 }
    }
}

/// Takes the only ruler out of the records, or the last one below names if it is a text that says that there are none.
pub(super) fn take_note(records: &mut Vec<Sampled<'_>>, complete: bool) -> Option<Note> {
    let mut rulers = records.iter().take(LOOKED_AT).enumerate().filter(|(_, record)| is_ruler(record));
    let note = match (rulers.next(), rulers.next()) {
        (Some((at, ruler)), None) if at > 0 && !ruler.after_blank && is_below(&records[at - 1], ruler) => {
            Some((at, false))
        }
        _ => None,
    };
    let last = records.len().saturating_sub(1);
    let is_remark = || {
        complete && last > 0 && records[last].lines <= 1 && is_remark(&records[last]) && are_words(&records[last - 1])
    };
    let (at, is_remark) = note.or_else(|| is_remark().then_some((last, true)))?;
    let line = records.remove(at).line;
    Some(Note { line, is_remark })
}

/// True if a row is a line drawn with signs, in one cell or in all: two signs in each, and three in one.
fn is_ruler(record: &Sampled<'_>) -> bool {
    let is_drawn = |cell: &str| {
        cell.len() > 1
            && cell.bytes().all(|byte| b"-=_+:|~*".contains(&byte))
            && cell.contains(['-', '=', '_', '~', '*'])
    };
    let mut cells = record.cells.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
    record.lines <= 1 && filled(record) > 0 && cells.clone().all(is_drawn) && cells.any(|cell| cell.len() > 2)
}

/// True if a ruler stands below a row of names: over each of them, or in one cell.
fn is_below(head: &Sampled<'_>, ruler: &Sampled<'_>) -> bool {
    let is_of_each = head.cells.iter().zip(&ruler.cells).all(|(name, drawn)| name.is_empty() == drawn.is_empty());
    are_words(head) && (filled(ruler) == 1 || (head.cells.len() == ruler.cells.len() && is_of_each))
}

/// True if a row has two words at least, and no value.
fn are_words(head: &Sampled<'_>) -> bool {
    let words = head.cells.iter().filter(|cell| cell.contains(char::is_alphabetic)).count();
    words > 1 && !head.cells.iter().any(|cell| !cell.is_empty() && is_value(cell))
}

/// True if the only text of a row says that there are no records: `no data`, `(keine Umsätze)`.
fn is_remark(record: &Sampled<'_>) -> bool {
    let Some(text) = record.cells.iter().find(|cell| !cell.is_empty()).filter(|_| filled(record) == 1) else {
        return false;
    };
    let text = text.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
    let Some((first, rest)) = text.split_once(' ') else { return false };
    let is_of_records = RECORDS.iter().any(|word| rest.trim_start().starts_with(word));
    text.chars().count() <= LETTERS && NONE.contains(&first) && is_of_records
}
