//! Tables for people: lines on a terminal, plain text in a pipe; never wider than what is in them.

use std::io::{IsTerminal, Write};

use comfy_table::{CellAlignment, Table, presets};

use crate::text::secrets::{hidden, hide_in};

/// Data longer than this is cut: a table is to be read, the whole value is in the export or the catalog.
const LETTERS: usize = 60;

/// Prints rows under these headers; columns of nothing but numbers to the right.
pub(super) fn print(headers: &[&str], rows: &[Vec<String>]) -> std::io::Result<()> {
    let mut table = Table::new();
    let terminal = std::io::stdout().is_terminal();
    table.load_style(if terminal { presets::UTF8_FULL_CONDENSED } else { presets::ASCII_MARKDOWN });
    table.set_header(headers.iter().map(|text| one_line(text)));
    for row in rows {
        table.add_row(row.iter().map(|text| one_line(text)));
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        let number = |row: &Vec<String>| row.get(at).is_none_or(|text| text.is_empty() || text.parse::<f64>().is_ok());
        if !rows.is_empty() && rows.iter().all(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(crate::text::shown::stdout(), "{table}")
}

/// Prints one JSON value on a line, as a terminal may get it, without secrets.
pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string(value)?;
    if hidden(&text) != text {
        let mut value = serde_json::to_value(value)?;
        hide_in(&mut value);
        text = value.to_string();
    }
    Ok(writeln!(std::io::stdout(), "{}", crate::text::shown::json(&text))?)
}

/// A reject's reason with what is to be said besides.
pub(super) fn reason(words: &str, detail: Option<&str>) -> String {
    match detail.filter(|detail| !detail.is_empty()) {
        Some(detail) => format!("{words}: {}", shortened(detail)),
        None => words.to_owned(),
    }
}

/// Text out of the data: on one line, and cut with `…` at its end where it is long.
pub(super) fn shortened(text: &str) -> String {
    let mut line: String = text.chars().take(LETTERS).collect();
    if text.chars().nth(LETTERS).is_some() {
        line.push('…');
    }
    line
}

fn one_line(text: &str) -> String {
    crate::text::shown::shown(text).into_owned()
}
