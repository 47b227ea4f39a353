//! A plugin in YAML that reads files in the way in which one was read.

use crate::archive::OnSuccess;
use crate::dataset::{Dataset, Duplicates, Limit, Mode};
use crate::format::{Dialect, Footer, Layout, NO_DELIMITER};
use crate::schema::{Column, EXTRA_COLUMN, Notation, Projection, Type};
use crate::source::Profile;

/// Returns the plugin in YAML, with all words of the plugin that reads the file now. Words are quoted as JSON, which is
/// YAML too. `proven` says that letters beyond ASCII prove the encoding.
pub(super) fn pin(
    (file, sheet): (&str, Option<&str>),
    dataset: &Dataset,
    profile: &Profile,
    shape: &Projection,
    proven: bool,
) -> String {
    let list = |texts: &[String]| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    let claimed = !dataset.plugin.is_empty();
    let name = if claimed { &dataset.plugin } else { &dataset.table };
    let files = if claimed { list(&dataset.files) } else { quoted(file) };
    let mut yaml = format!("name: {}\nfiles: [{files}]\ntable: {}\n", quoted(name), quoted(&dataset.table));
    match (&profile.layout, sheet) {
        (Layout::Excel(_), Some(sheet)) => yaml += &format!("sheet: {}\n", quoted(sheet)),
        (Layout::Json(_), _) if dataset.stated.beside_columns => yaml += "beside: columns\n",
        _ => {}
    }
    yaml += &layout_yaml(&profile.layout, proven || dataset.stated.encoding.is_some());
    match &dataset.stated.footer {
        Footer::None => {}
        Footer::Lines(lines) => yaml += &format!("skip_footer: {lines}\n"),
        Footer::From(pattern) => yaml += &format!("footer: {}\n", quoted(pattern)),
    }
    yaml += "columns:\n";
    let headers: Vec<_> = profile.columns.iter().map(|column| column.header.as_str()).collect();
    for shaped in shape.columns.iter().filter(|shaped| shaped.column.name != EXTRA_COLUMN) {
        let Column { name, header, .. } = &shaped.column;
        let several = headers.iter().filter(|one| *one == header).count() > 1;
        let from = if header.is_empty() || several { (shaped.place + 1).to_string() } else { quoted(header) };
        let mut words = column_words(&from, name, shaped.column.kind(), shaped.format.as_deref(), &shaped.notation);
        if shaped.required && !dataset.key.contains(name) {
            words.push("required: true".to_owned());
        }
        yaml += &format!("  - {{{}}}\n", words.join(", "));
    }
    for absent in &shape.absent {
        let Column { name, header, fits } = &absent.column;
        let words = column_words(&quoted(header), name, fits.narrowest(), None, &Notation::default());
        yaml += &format!("  - {{{}}}\n", words.join(", "));
    }
    if dataset.stated.selection.drops_others {
        yaml += "others: drop\n";
    }
    if let Some((filter, _)) = &shape.filter {
        yaml += &format!("filter: {}\n", quoted(filter.text()));
    }
    match dataset.mode {
        Mode::Append => {}
        Mode::Replace => yaml += "mode: replace\n",
        Mode::Upsert => yaml += &format!("mode: upsert\nkey: [{}]\n", list(&dataset.key)),
    }
    if dataset.duplicates == Duplicates::Load {
        yaml += "duplicates: load\n";
    }
    match &dataset.on_success {
        None => {}
        Some(OnSuccess::Delete) => yaml += "on_success: delete\n",
        Some(OnSuccess::Keep(days)) => yaml += &format!("on_success: keep {days} days\n"),
        Some(OnSuccess::Archive(None)) => yaml += "on_success: archive\n",
        Some(OnSuccess::Archive(Some(place))) => {
            yaml += &format!("on_success: {{archive: {}}}\n", quoted(&place.to_string()));
        }
    }
    // Without a plugin, rejects have no limit.
    yaml + &match dataset.max_rejects {
        None => "max_rejects: 100 %\n".to_owned(),
        Some(Limit::Percent(share)) => format!("max_rejects: {share} %\n"),
        Some(Limit::Count(most)) => format!("max_rejects: {most}\n"),
    }
}

/// Returns the words for a part's layout: encoding, delimiter and quote, the place of its table. UTF-8 that nothing has
/// `proven` is left out: a later file of the same sender may be in another encoding.
pub(super) fn layout_yaml(layout: &Layout, proven: bool) -> String {
    match layout {
        Layout::Excel(dialect) => frame_yaml(dialect),
        Layout::Csv(dialect) => {
            let encoding = match dialect.encoding.as_str() {
                "UTF-8" if !proven => String::new(),
                other => format!("encoding: {}\n", quoted(&other.to_lowercase())),
            };
            encoding + &dialect_yaml(dialect) + &frame_yaml(dialect)
        }
        Layout::Json(_) | Layout::Parquet => String::new(),
    }
}

/// Returns the words for one column; `from` is YAML already.
pub(super) fn column_words(
    from: &str,
    name: &str,
    kind: Type,
    format: Option<&str>,
    notation: &Notation,
) -> Vec<String> {
    let mut words = vec![format!("from: {from}"), format!("name: {}", quoted(name)), format!("type: {kind}")];
    words.extend(format.map(|format| format!("format: {}", quoted(format))));
    let is_number = matches!(kind, Type::Bigint | Type::Numeric | Type::Double);
    let of_kind = Notation {
        number: notation.number.clone().filter(|_| is_number),
        truth: notation.truth.clone().filter(|_| kind == Type::Boolean),
        ..notation.clone()
    };
    words.extend(of_kind.keys().into_iter().map(|(key, value)| match key {
        // Other readers of YAML take these keys for booleans or null.
        "true" | "false" | "null" => format!("\"{key}\": {value}"),
        _ => format!("{key}: {value}"),
    }));
    words
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn dialect_yaml(dialect: &Dialect) -> String {
    if !dialect.widths.is_empty() {
        return format!("format: fixed\nwidths: {:?}\n", dialect.widths);
    }
    let byte = |byte: u8| quoted(&char::from(byte).to_string());
    let none = || "none".to_owned();
    let delimiter = match dialect.delimiter {
        NO_DELIMITER => none(),
        delimiter if dialect.spaced => quoted(&format!("{} ", char::from(delimiter))),
        delimiter => byte(delimiter),
    };
    let escape = serde_json::to_string(&dialect.escape).unwrap_or_default();
    format!("delimiter: {delimiter}\nquote: {}\nescape: {escape}\n", dialect.quote.map_or_else(none, byte))
}

/// Returns the place of the table. It is left out where records of another table, which are rejected, stand above it.
fn frame_yaml(dialect: &Dialect) -> String {
    if dialect.table_above {
        return String::new();
    }
    format!("skip_lines: {}\nheader: {}\n", dialect.first_line + dialect.skip_lines, dialect.header_rows)
}
