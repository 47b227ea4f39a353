//! A first plugin for files of one table: a pattern for their names, every column of any of them, its type and
//! notation.

use std::path::Path;

use super::pin::{column_words, layout_yaml, quoted};
use super::texts::with_clues;
use super::{CheckError, Checked, check, is_ascii};
use crate::dataset::plugin::{Plugins, Series};
use crate::format::{Layout, Limits};
use crate::schema::{Clue, EXTRA_COLUMN, Fits, Notation, Type, table_name};
use crate::source::{Input, Next, Profile};

/// The share of rejects, in percent, that a new plugin allows.
const MAX_REJECTS: u64 = 10;

/// A plugin that was written for files, and the way in which it reads them.
#[derive(Debug)]
pub struct Started {
    /// The text in YAML.
    pub yaml: String,
    /// The patterns of the names that it claims.
    pub files: Vec<String>,
    /// The table that it feeds.
    pub table: String,
    /// The result for each of the files.
    pub checked: Vec<Checked>,
}

/// A column of any of the files.
struct Column {
    name: String,
    /// The headers as they stand in the files; empty where they have none.
    headers: Vec<String>,
    /// The position, from 0, in the first file that has it.
    place: usize,
    /// True if the header stands several times in a file.
    is_repeated: bool,
    fits: Fits,
    clue: Clue,
}

/// Writes the plugin `name` for these files; each column has the type that all of them fit.
///
/// # Errors
/// When a file cannot be read, or has several parts.
pub async fn start(name: &str, paths: &[impl AsRef<Path>], limits: Limits) -> Result<Started, CheckError> {
    let (mut names, mut profiles, mut proven) = (Vec::new(), Vec::new(), false);
    for path in paths {
        let path = path.as_ref();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut parts = Input::parts(path, &file_name, None, limits).await?;
        if parts.len() > 1 {
            let why = format!(
                "{file_name} has {} parts, and a plugin is written for the files of one table: app check {file_name} \
                 shows one for each part",
                parts.len()
            );
            return Err(CheckError::Shape(why));
        }
        for part in &mut parts {
            let profile = part.profile().await?;
            let profile = with_clues(part, profile).await?;
            proven |= !profile.header_text.is_ascii() || is_proven(part, &profile).await?;
            profiles.push(profile);
        }
        names.push(file_name);
    }
    let borrowed: Vec<_> = names.iter().map(String::as_str).collect();
    let (files, table) = match Series::of(&borrowed) {
        Some(Series { files, table }) => (vec![files], table),
        None if names.len() == 1 => (vec![globset::escape(&names[0])], table_name(&names[0])),
        None => (names.iter().map(|name| globset::escape(name)).collect(), table_name(name)),
    };
    let list: Vec<_> = files.iter().map(|file| quoted(file)).collect();
    let mut yaml = format!("name: {}\nfiles: [{}]\ntable: {}\n", quoted(name), list.join(", "), quoted(&table));
    yaml += &layout(&profiles, proven);
    yaml += "columns:\n";
    for column in columns(&profiles) {
        yaml += &format!("  - {{{}}}\n", words(&column).join(", "));
    }
    let mut checked = read_by(name, &yaml, paths, limits).await?;
    if checked.iter().any(|part| part.rows_rejected * 100 > part.rows_read * MAX_REJECTS) {
        yaml += "max_rejects: 100 %\n";
        checked = read_by(name, &yaml, paths, limits).await?;
    }
    Ok(Started { yaml, files, table, checked })
}

/// A column of records that are in memory.
#[derive(Debug)]
pub struct DraftColumn {
    /// The name in the table.
    pub name: String,
    /// The name in the records.
    pub header: String,
    /// The type that all values fit; text where there are none.
    pub kind: Type,
    /// The words of a plugin for it.
    pub yaml: String,
}

/// The columns of bytes of one table, such as a page; `name` tells by its ending what they are.
///
/// # Errors
/// When they cannot be read, or have several parts.
pub async fn draft_columns(bytes: &[u8], name: &str, limits: Limits) -> Result<Vec<DraftColumn>, CheckError> {
    let mut parts = Input::parts_of_bytes(bytes, name, limits).await?;
    let [part] = &mut parts[..] else {
        return Err(CheckError::Shape(format!("it has {} parts, and a plugin is for one table", parts.len())));
    };
    let profile = part.profile().await?;
    let profile = with_clues(part, profile).await?;
    let draft = |column: Column| DraftColumn {
        yaml: words(&column).join(", "),
        header: column.headers.first().cloned().unwrap_or_default(),
        kind: column.fits.narrowest(),
        name: column.name,
    };
    Ok(columns(&[profile]).into_iter().map(draft).collect())
}

/// Returns true if letters beyond ASCII prove the encoding of a text.
async fn is_proven(part: &mut Input, profile: &Profile) -> Result<bool, CheckError> {
    if !matches!(profile.layout, Layout::Csv(_)) {
        return Ok(false);
    }
    while let Next::Chunk(chunk) = part.next_batch().await? {
        if !is_ascii(&chunk) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the words for the layout that all files share.
fn layout(profiles: &[Profile], proven: bool) -> String {
    let texts: Vec<_> = profiles.iter().map(|profile| layout_yaml(&profile.layout, proven)).collect();
    let is_said = |line: &&str| texts.iter().all(|text| text.lines().any(|other| other == *line));
    let mut lines: Vec<_> = texts.first().map_or("", String::as_str).lines().filter(is_said).collect();
    // Half a dialect is worth nothing.
    let is_whole = lines.iter().filter(|line| line.starts_with("delimiter") || line.starts_with("quote")).count() == 2;
    if !is_whole {
        lines
            .retain(|line| !line.starts_with("delimiter") && !line.starts_with("quote") && !line.starts_with("escape"));
    }
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

fn columns(profiles: &[Profile]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for profile in profiles {
        let found = profile.columns.iter().enumerate().filter(|(_, column)| column.name != EXTRA_COLUMN);
        for (place, column) in found {
            let clue = profile.preview.clues.get(place).cloned().unwrap_or_default();
            let is_repeated = profile.columns.iter().filter(|one| one.header == column.header).count() > 1;
            let header = Some(column.header.clone()).filter(|header| !header.is_empty());
            match columns.iter_mut().find(|one| one.name == column.name) {
                Some(known) => {
                    known.headers.extend(header.filter(|header| !known.headers.contains(header)));
                    known.is_repeated |= is_repeated;
                    known.fits = known.fits.and(column.fits);
                    known.clue.and(&clue);
                }
                None => columns.push(Column {
                    name: column.name.clone(),
                    headers: header.into_iter().collect(),
                    place,
                    is_repeated,
                    fits: column.fits,
                    clue,
                }),
            }
        }
    }
    columns
}

fn words(column: &Column) -> Vec<String> {
    let headers: Vec<_> = column.headers.iter().map(|header| quoted(header)).collect();
    let from = match headers.as_slice() {
        _ if column.is_repeated => (column.place + 1).to_string(),
        [] => (column.place + 1).to_string(),
        [header] => header.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    match column.clue.likely() {
        Some(likely) => column_words(&from, &column.name, likely.kind, likely.format, &likely.notation),
        None => {
            let mut words = column_words(&from, &column.name, column.fits.narrowest(), None, &Notation::default());
            if column.fits.is_undecided() {
                words.pop();
            }
            words
        }
    }
}

/// Returns the result of reading the files by a plugin with this text.
async fn read_by(
    name: &str,
    yaml: &str,
    paths: &[impl AsRef<Path>],
    limits: Limits,
) -> Result<Vec<Checked>, CheckError> {
    let plugins = Plugins::of_text(name, yaml).map_err(|error| CheckError::Shape(error.to_string()))?;
    let mut checked = Vec::new();
    for path in paths {
        checked.extend(check(path.as_ref(), &plugins, limits).await?);
    }
    Ok(checked)
}
