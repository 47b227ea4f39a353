//! Options of a `plugin.yaml` for the reading of a file, and its limit of rejects.

use super::yaml::{HeaderYaml, Yaml};
use crate::dataset::Limit;
use crate::format::{Charset, Escape, Footer, Format, NO_DELIMITER, ReadOptions};
use crate::schema::Selection;
use crate::text::nearest;

/// Greatest number of lines of a footer.
const MAX_FOOTER: usize = 1_000;

/// # Errors
/// In words that begin with the key at fault.
pub(super) fn stated(yaml: &Yaml) -> Result<ReadOptions, String> {
    let one = |name: &str, text: &str| match text {
        "none" if name == "delimiter" => Ok(NO_DELIMITER),
        "tab" | "\\t" => Ok(b'\t'),
        text if text.len() == 1 => Ok(text.as_bytes()[0]),
        other => Err(format!("{name}: {other:?} is not one character")),
    };
    let encoding = match &yaml.encoding {
        None => None,
        Some(label) => Some(Charset::for_label(label).ok_or_else(|| {
            format!("encoding: there is no {label:?}; utf-8, utf-16le, windows-1252, cp850 and shift_jis are some")
        })?),
    };
    let escape = match yaml.escape.as_deref() {
        None => None,
        Some("doubled") => Some(Escape::Doubled),
        Some("backslash") => Some(Escape::Backslash),
        Some(other) => return Err(format!("escape: {other:?} is neither doubled nor backslash")),
    };
    let quote = match yaml.quote.as_deref() {
        None => None,
        Some("none" | "") => Some(None),
        Some(text) => Some(Some(one("quote", text)?)),
    };
    let (format, fixed) = match yaml.format.as_deref() {
        None => (None, yaml.widths.is_some()),
        Some("fixed") => (None, true),
        Some(word) => match Format::ALL.into_iter().find(|format| format.word() == word) {
            Some(format) => (Some(format), false),
            None => {
                let words = Format::ALL.into_iter().map(Format::word).chain(["fixed"]);
                return Err(format!("format: there is no {word}{}", nearest(word, words)));
            }
        },
    };
    let widths = yaml.widths.clone().unwrap_or_default();
    if fixed && (widths.is_empty() || widths.contains(&0)) {
        return Err(
            "format: fixed needs widths, the number of characters of each column, such as [10, 8, 3]".to_owned()
        );
    }
    if !fixed && !widths.is_empty() {
        return Err("widths: go with format: fixed".to_owned());
    }
    if fixed && (yaml.delimiter.is_some() || yaml.quote.is_some() || yaml.escape.is_some()) {
        return Err("widths: columns of fixed width have no delimiter, quote or escape".to_owned());
    }
    let says_dialect = yaml.delimiter.is_some() || yaml.quote.is_some() || yaml.escape.is_some();
    if matches!(format, Some(Format::Json | Format::Workbook | Format::Parquet)) && says_dialect {
        return Err("format: only csv has a delimiter, quote or escape".to_owned());
    }
    if yaml.sheet.is_some() && (fixed || matches!(format, Some(Format::Csv | Format::Json | Format::Parquet))) {
        return Err("sheet: only a workbook has sheets".to_owned());
    }
    let beside_columns = match yaml.beside.as_deref() {
        None | Some("keep") => false,
        Some("columns") => true,
        Some(other) => return Err(format!("beside: {other:?} is neither keep nor columns")),
    };
    if beside_columns && (fixed || matches!(format, Some(Format::Csv | Format::Workbook | Format::Parquet))) {
        return Err("beside: only JSON has keys beside its records that can be columns".to_owned());
    }
    // A blank after each delimiter belongs to it: `", "`.
    let (delimiter, spaced) = match yaml.delimiter.as_deref() {
        Some(text) if text.len() == 2 && text.ends_with(' ') => (Some(&text[..1]), true),
        plain => (plain, false),
    };
    Ok(ReadOptions {
        guessed: None,
        format,
        sheet: yaml.sheet.clone(),
        widths,
        first_line: 0,
        is_sheet: false,
        is_lines: false,
        encoding,
        delimiter: delimiter.map(|text| one("delimiter", text)).transpose()?,
        spaced,
        quote,
        escape,
        skip_lines: yaml.skip_lines,
        header_rows: yaml.header.as_ref().map(|header| match header {
            HeaderYaml::Is(is) => usize::from(*is),
            HeaderYaml::Rows(rows) => *rows,
        }),
        beside_columns,
        selection: Selection::default(),
        footer: footer(yaml, matches!(format, Some(Format::Json | Format::Parquet)))?,
    })
}

fn footer(yaml: &Yaml, is_undelimited: bool) -> Result<Footer, String> {
    let key = if yaml.footer.is_some() { "footer" } else { "skip_footer" };
    if is_undelimited && (yaml.footer.is_some() || yaml.skip_footer.is_some()) {
        return Err(format!("{key}: only csv, fixed and excel have lines below their records"));
    }
    match (yaml.skip_footer, &yaml.footer) {
        (None | Some(0), None) => Ok(Footer::None),
        (Some(lines), None) if lines > MAX_FOOTER => {
            Err(format!("skip_footer: {lines} are more lines than the {MAX_FOOTER} that a footer may have"))
        }
        (Some(lines), None) => Ok(Footer::Lines(lines)),
        (None, Some(pattern)) => match regex::Regex::new(pattern) {
            Ok(_) => Ok(Footer::From(pattern.clone())),
            Err(error) => {
                let why = error.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Err(format!("footer: {pattern:?} is no regular expression: {last}"))
            }
        },
        (Some(_), Some(_)) => Err("footer: goes without skip_footer".to_owned()),
    }
}

/// Reads a limit of rejects: `100` or `10 %`.
///
/// # Errors
/// In words that begin with the key.
pub(super) fn limit(text: &str) -> Result<Limit, String> {
    let wrong = || format!("max_rejects: {text:?} is neither a count such as 100 nor a share such as 10 %");
    match text.strip_suffix('%') {
        Some(share) => match share.trim().parse() {
            Ok(share) if (0.0..=100.0).contains(&share) => Ok(Limit::Percent(share)),
            _ => Err(wrong()),
        },
        None => text.trim().parse().map(Limit::Count).map_err(|_| wrong()),
    }
}
