//! The lines, keys and parts beside the records of an input, for people.

use std::io::Write;

use super::{screen, table};

/// The number of them that are shown of each load.
const SHOWN: usize = 20;

/// Prints them under an introduction; nothing if there are none. Each is kind, line, name and text.
pub(super) fn print(intro: &str, beside: &[(&str, Option<u64>, Option<&str>, &str)]) -> std::io::Result<()> {
    if beside.is_empty() {
        return Ok(());
    }
    writeln!(screen::stdout(), "{intro}")?;
    let rows: Vec<_> = beside
        .iter()
        .take(SHOWN)
        .map(|(kind, line, name, text)| {
            let line = line.map(|line| line.to_string()).unwrap_or_default();
            let name = name.map(table::shortened).unwrap_or_default();
            vec![where_it_stands(kind).to_owned(), line, name, table::shortened(text)]
        })
        .collect();
    table::print(&[("where", 0), ("line", 2), ("name", 1), ("text", 0)], &rows)?;
    if beside.len() > SHOWN {
        writeln!(screen::stdout(), "and {} more", beside.len() - SHOWN)?;
    }
    Ok(())
}

/// Returns the place in words, for the catalog's word.
fn where_it_stands(kind: &str) -> &str {
    match kind {
        "above" => "above the table",
        "below" => "below the table",
        "key" => "key beside the records",
        "sheet" => "sheet left out",
        "member" => "member left out",
        "column" => "column left out",
        "lacking" => "column lacking",
        "encoding" => "encoding guessed",
        other => other,
    }
}
