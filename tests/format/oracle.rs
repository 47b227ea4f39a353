//! The corpus by another reader: the crate `csv`, told the dialect that was found out, gives the same cells; where it does not, the file is
//! on a list with the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use csv::{ReaderBuilder, Terminator};
use sluice::format::{Dialect, Escape, Limits, LineEnd, NO_DELIMITER};
use sluice::source::Input;

use crate::format::corpus::{self, Reading};
use crate::support::{Outcome, Workdir, cases};

/// Files, by how their names begin, that are read otherwise on purpose.
const OTHERWISE: &[(&str, &str)] = &[
    ("lone-quote-", "a quote that is never closed takes its own line alone, and not all lines below it"),
    ("hand-no-header-quotes-unclosed", "so it does where no header stands above"),
    ("hand-apostrophes-one-open", "an apostrophe too, where apostrophes enclose cells"),
    ("hand-units-above-open-quote", "and below a row of units"),
    ("hand-tables-quote-in-record", "and where another table stands below"),
    ("quotes-inside-", "quotes that are not doubled are letters, and none of them is lost"),
];

cases! {
    alone:
        the_corpus_has_the_cells_that_csv_reads;
}

async fn the_corpus_has_the_cells_that_csv_reads(_: Workdir) -> Outcome {
    let (mut equal, mut untold, mut wrong) = (0, 0, Vec::new());
    let mut differing: BTreeMap<&str, usize> = OTHERWISE.iter().map(|(name, _)| (*name, 0)).collect();
    for path in corpus::files()? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let parts = Input::parts(&path, &name, None, Limits::default()).await?;
        let mut tables = Vec::new();
        for mut table in Input::each_table(parts, |_| true).await? {
            tables.push(corpus::read(&mut table).await?);
        }
        let bytes = fs::read(&path)?;
        if tables.iter().any(|table| is_inexpressible(&table.dialect, &bytes)) {
            untold += 1;
            continue;
        }
        let mut found = Vec::new();
        for (place, table) in tables.iter().enumerate() {
            let end = tables.get(place + 1).map_or(u64::MAX, |next| next.dialect.first_line);
            found.extend(differences(&path, table, end)?);
        }
        let listed = OTHERWISE.iter().find(|(listed, _)| name.starts_with(listed));
        match (found.is_empty(), listed) {
            (true, _) => equal += 1,
            (false, Some((listed, _))) => *differing.entry(listed).or_default() += 1,
            (false, None) => wrong.push(format!("{name}: {}", found.join("; "))),
        }
    }
    let alike = differing.iter().filter(|(_, files)| **files == 0);
    wrong.extend(alike.map(|(name, _)| format!("{name} is listed, and read alike")));
    anyhow::ensure!(wrong.is_empty(), "{equal} files are read alike, these are not:\n{}", wrong.join("\n"));
    anyhow::ensure!(equal > 600 && untold < 45, "{equal} files are read alike, of {untold} the dialect cannot be told");
    Ok(())
}

/// Whether the other reader cannot be told the dialect: blanks around quotes, a header that is cut by its line, widths, and backslashes
/// in cells without quotes.
fn is_inexpressible(dialect: &Dialect, bytes: &[u8]) -> bool {
    let is_escaped = dialect.quote.is_none() && dialect.escape == Escape::Backslash;
    let is_blank = |byte: &u8| *byte == b' ' || *byte == b'\t' && dialect.delimiter != b'\t';
    let quote = dialect.quote.unwrap_or(b'"');
    let ends = |byte: u8| byte == dialect.delimiter || matches!(byte, b'\n' | b'\r');
    let is_padded = bytes.windows(3).any(|three| {
        let (before, after) = (ends(three[0]) && three[2] == quote, three[0] == quote && ends(three[2]));
        is_blank(&three[1]) && (before || after)
    });
    (dialect.padded && is_padded)
        || dialect.loose_header
        || !dialect.widths.is_empty()
        || is_escaped
        || dialect.escapes_bare
}

/// The lines of a table, up to that at its end, that are not the same.
fn differences(path: &Path, reading: &Reading, end: u64) -> anyhow::Result<Vec<String>> {
    let dialect = &reading.dialect;
    let bytes = fs::read(path)?;
    let encoding = encoding_rs::Encoding::for_label(dialect.encoding.as_bytes());
    let (text, _, _) = encoding.unwrap_or(encoding_rs::UTF_8).decode(&bytes);
    let mut found = Vec::new();
    let mut rows: BTreeMap<_, _> = reading.rows.iter().collect();
    let beside = [&reading.rejects, &reading.above, &reading.below];
    let has_surplus = reading.columns.last().is_some_and(|column| column.name == "_extra");
    let is_its = |(line, _): &(u64, Vec<String>)| *line > dialect.first_line && *line <= end;
    for (line, mut cells) in records(&text, dialect)?.into_iter().filter(is_its) {
        if dialect.ends_delimited && cells.len() > 1 && cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        let Some(row) = rows.remove(&line) else {
            let is_header = line <= dialect.first_line + dialect.skip_lines + dialect.header_rows as u64;
            let is_known =
                is_header || cells.iter().all(String::is_empty) || beside.iter().any(|lines| lines.contains(&line));
            if !is_known {
                found.push(format!("line {line} is no row: {cells:?}"));
            }
            continue;
        };
        let mut row: Vec<_> = row.iter().map(|cell| cell.as_deref().unwrap_or_default()).collect();
        let width = row.len();
        // What is more than the header has is a list in one more column.
        if has_surplus && cells.len() >= width {
            let surplus = cells.split_off(width - 1);
            cells.push(serde_json::to_string(&surplus)?);
        }
        let width = width.max(cells.len());
        row.resize(width, "");
        cells.resize(width, String::new());
        if row != cells {
            found.push(format!("line {line}: {row:?} and not {cells:?}"));
        }
    }
    found.extend(rows.iter().map(|(line, row)| format!("line {line} is none there: {row:?}")));
    Ok(found)
}

/// The records by the other reader, and the lines in which they begin, from 1.
fn records(text: &str, dialect: &Dialect) -> anyhow::Result<Vec<(u64, Vec<String>)>> {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(dialect.delimiter);
    if dialect.delimiter == NO_DELIMITER {
        builder.delimiter(0);
    }
    match dialect.quote {
        Some(quote) => builder.quote(quote),
        None => builder.quoting(false),
    };
    if dialect.escape == Escape::Backslash {
        builder.escape(Some(b'\\')).double_quote(false);
    }
    if dialect.line_end == LineEnd::Lf {
        builder.terminator(Terminator::CRLF);
    }
    let mut records = Vec::new();
    for record in builder.from_reader(text.as_bytes()).records() {
        let record = record?;
        // It stands where the lines before that are empty begin.
        let at = record.position().map_or(0, |place| place.byte() as usize);
        let at = at + text[at..].find(|letter| letter != '\r' && letter != '\n').unwrap_or_default();
        let before =
            text[..at].replace("\r\n", "\n").replace('\r', if dialect.line_end == LineEnd::Cr { "\n" } else { "\r" });
        let line = 1 + before.matches('\n').count() as u64;
        let cells = record.iter().enumerate().map(|(place, cell)| match dialect.spaced && place > 0 {
            true => cell.strip_prefix(' ').unwrap_or(cell).to_owned(),
            false => cell.to_owned(),
        });
        records.push((line, cells.collect()));
    }
    Ok(records)
}
