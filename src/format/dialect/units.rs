//! A row below the names that gives the units of the columns: `kg`, `[m/s]`, `%`.

use super::above::filled;
use super::alike::is_amount;
use super::frame::{LOOKED_AT, in_use};
use super::header::{has_digit, is_value, nearly_all};
use super::null_words::{is_null_word, is_pending};
use crate::format::csv::sampled::Sampled;

/// Words and signs that are units, in small letters but for those that differ by it. A record may hold any other word.
const UNITS: [&str; 164] = [
    "%", "‰", "°", "€", "$", "£", "¥", "eur", "usd", "gbp", "chf", "jpy", "pln", "czk", "sek", "nok", "dkk", "huf",
    "kg", "mg", "µg", "μg", "ug", "ng", "lb", "lbs", "oz", "t", "to", "g", "kt", "mt", "m", "mm", "cm", "dm", "km",
    "µm", "μm", "um", "nm", "mi", "ft", "in", "inch", "yd", "m2", "m²", "km2", "km²", "cm2", "cm²", "mm2", "mm²", "ha",
    "m3", "m³", "cm3", "cm³", "mm3", "mm³", "dm3", "dm³", "l", "ml", "dl", "cl", "hl", "s", "sec", "secs", "ms", "µs",
    "us", "ns", "min", "mins", "h", "hr", "hrs", "d", "a", "yr", "yrs", "°c", "°f", "degc", "degf", "deg", "rad",
    "grad", "k", "c", "f", "v", "mv", "kv", "ma", "w", "mw", "kw", "gw", "kwh", "mwh", "gwh", "wh", "j", "kj", "mj",
    "gj", "cal", "kcal", "pa", "hpa", "kpa", "mpa", "bar", "mbar", "psi", "atm", "n", "kn", "nm", "hz", "khz", "mhz",
    "ghz", "ppm", "ppb", "db", "dba", "dbm", "mol", "mmol", "ph", "psu", "lx", "lm", "cd", "ω", "ohm", "mph", "kmh",
    "rpm", "u/min", "stk", "stück", "stck", "pcs", "pc", "bit", "kb", "mb", "gb", "tb", "bps", "hours", "days",
    "years", "minutes", "seconds", "tsd", "mio", "mrd",
];

/// Texts in place of a unit, for a column without one or for the notation of its days and times.
const OTHERS: [&str; 22] = [
    "-",
    "–",
    "—",
    "--",
    "[-]",
    "(-)",
    "text",
    "string",
    "date",
    "datum",
    "nr",
    "no",
    "hh:mm",
    "hh:mm:ss",
    "yyyy-mm-dd",
    "dd.mm.yyyy",
    "dd.mm.yy",
    "mm/dd/yyyy",
    "dd/mm/yyyy",
    "yyyy",
    "yyyymmdd",
    "yyyy-mm-dd hh:mm:ss",
];

/// Letters between brackets, at most.
const BRACKETED: usize = 20;

/// True if the second row gives the units of the columns: known ones over all columns of values, half or more of all,
/// and nothing elsewhere that a record could hold. Two of them have more than one letter, or one has a sign or
/// brackets: `a` may be a value.
pub(super) fn gives_units(table: &[Sampled<'_>], width: usize) -> bool {
    let [names, units, records @ ..] = table else { return false };
    let used = in_use(records, width);
    let full =
        |row: &Sampled<'_>| used.iter().all(|place| row.cells.get(*place).is_some_and(|cell| !cell.trim().is_empty()));
    let unit = |place: &usize| units.cells.get(*place).map_or("", |cell| cell.trim());
    // The first column may have no unit.
    let has_units = || used.iter().skip(1).all(|place| !unit(place).is_empty());
    if records.len() < 2 || used.len() < 2 || !full(names) || !has_units() {
        return false;
    }
    let is_other = |place: &usize| {
        let is_first = used.first() == Some(place);
        (is_first && unit(place).is_empty()) || OTHERS.contains(&unit(place).to_lowercase().as_str())
    };
    // A text that most tables have there is no unit, whatever the columns hold.
    if !used.iter().all(|place| is_unit(unit(place)) || is_other(place)) {
        return false;
    }
    let column = |place: usize| -> Vec<&str> {
        let whole = records.iter().filter(|record| !record.stray).take(LOOKED_AT);
        whole.filter_map(|record| record.cells.get(place)).map(|cell| &**cell).filter(|cell| !cell.is_empty()).collect()
    };
    let has_values = |place: &&usize| {
        let cells = column(**place);
        cells.len() > 1 && nearly_all(&cells, |cell| is_value(cell) || is_amount(cell))
    };
    let values: Vec<usize> = used.iter().filter(has_values).copied().collect();
    let known: Vec<&str> = values.iter().map(unit).filter(|cell| is_unit(cell)).collect();
    let is_sure = |cell: &&str| cell.chars().count() > 1 || !cell.chars().all(char::is_alphabetic);
    values.len() * 2 >= used.len() && known.iter().any(is_sure)
}

/// True if a cell is a unit: a known one, several with a sign between them (`g/m²`, `kg·m`), a multiple (`1000 t`,
/// `10^6 m3`), or anything but a value between brackets or behind a word as `in %`, `of all`.
pub(super) fn is_unit(cell: &str) -> bool {
    let inner =
        [('[', ']'), ('(', ')')].iter().find_map(|(open, close)| cell.strip_prefix(*open)?.strip_suffix(*close));
    if let Some(inner) = inner {
        return !inner.is_empty() && inner.chars().count() <= BRACKETED && !is_value(inner) && !is_null_word(inner);
    }
    let cell = cell.to_lowercase();
    let cell = cell.trim_end_matches('.');
    if let Some(of) =
        ["in ", "of ", "per ", "pro ", "je ", "as ", "als "].iter().find_map(|word| cell.strip_prefix(word))
    {
        return !of.is_empty() && !is_value(of);
    }
    let rest = [
        "1000 ", "1 000 ", "1,000 ", "1.000 ", "10^3 ", "10^6 ", "10^9 ", "tsd. ", "tsd ", "mio. ", "mio ", "mrd. ",
        "mrd ", "million ",
    ];
    let cell = rest.iter().find_map(|times| cell.strip_prefix(times)).unwrap_or(cell);
    let parts: Vec<&str> = cell.split(['/', '·', '*', ' ']).collect();
    let is_part = |part: &&str| {
        UNITS.contains(part) || UNITS.contains(&part.trim_end_matches(['-', '1', '2', '3', '²', '³', '⁻', '¹', '^']))
    };
    !cell.is_empty() && !is_null_word(cell) && parts.len() <= 4 && parts.iter().all(is_part)
}

/// True if the first of the records below a header only qualifies its names: it begins with an empty cell and has no
/// digit, and below it are figures. It has words over a few of them, or over all columns but the first, all of values.
pub(super) fn qualifies(below: &[Sampled<'_>], used: &[usize]) -> bool {
    let Some((row, records)) = below.split_first() else { return false };
    let cell = |place: usize| row.cells.get(place).map_or("", |cell| &**cell);
    let first = used.first().is_some_and(|place| cell(*place).is_empty());
    let few = filled(row) > 0 && filled(row) * 2 <= used.len() && !row.cells.iter().any(|cell| has_digit(cell));
    // One word alone over figures may be a value that is not there yet: `open`, `n/a`.
    let are_names = filled(row) > 1 && !row.cells.iter().any(|cell| is_null_word(cell));
    let few = few && (are_names || row.cells.iter().all(|cell| cell.is_empty() || is_unit(cell.trim())));
    let over_figures = |place: &usize| {
        let cells: Vec<_> = records.iter().take(LOOKED_AT).filter_map(|record| record.cells.get(*place)).collect();
        !cell(*place).is_empty() && cells.iter().any(|cell| has_digit(cell))
    };
    let values = records.first().is_some_and(|record| record.cells.iter().any(|cell| has_digit(cell)));
    let are_figures = |place: &usize| cell(*place).is_empty() || over_figures(place);
    let is_half = filled(row) * 2 == used.len();
    let is_column_of_values = |place: &usize| {
        let cells: Vec<_> = records.iter().take(LOOKED_AT).filter_map(|record| record.cells.get(*place)).collect();
        let cells: Vec<&str> = cells.into_iter().map(|cell| &**cell).filter(|cell| !cell.is_empty()).collect();
        cells.len() > 1 && nearly_all(&cells, |cell| is_value(cell) || is_amount(cell) || is_null_word(cell))
    };
    let is_word = |cell: &str| !cell.is_empty() && !has_digit(cell) && !is_null_word(cell) && !is_pending(cell);
    let is_label = |record: &Sampled<'_>| used.first().is_some_and(|place| !record.cells[*place].is_empty());
    // A word over each column of numbers, and none over the labels.
    if first
        && used.len() > 2
        && used[1..].iter().all(|place| is_word(cell(*place)) && is_column_of_values(place))
        && records.iter().take(LOOKED_AT).filter(|record| !record.cells.is_empty()).all(is_label)
    {
        return true;
    }
    first && few && values && used.iter().any(over_figures) && (!is_half || used.iter().all(are_figures))
}
