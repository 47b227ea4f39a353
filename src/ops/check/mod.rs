//! A dry run of a load, without a database: the records that it would load or reject, and the plugin that would pin it.

mod pin;
mod standing;
mod start;
mod texts;

use std::path::Path;

use serde::Serialize;

use crate::dataset::plugin::Plugins;
use crate::dataset::{Dataset, Limit};
use crate::format::{Dialect, Layout, Limits, LineEnd, NO_DELIMITER, Place, SpanBytes};
use crate::load::staging::{columns_left_out, hints, leave_out};
use crate::record::{Beside, Chunk, Records, Reject};
use crate::schema::{ProjectedColumn, Projection, Selection, conform};
use crate::source::{Input, Next, Profile, SourceError};
use crate::text::counted;
use crate::warehouse::WarehouseError;

use pin::pin;
use texts::with_clues;

pub use start::{DraftColumn, Started, draft_columns, start};

/// The size in bytes up to which an input is read through for lines below its records, where nothing else of them is
/// needed.
const SMALL: u64 = 1024 * 1024;

/// The number of rejects that are shown.
const REJECTS: usize = 5;

/// The result for one part of a file.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The name in the ledger.
    pub source: String,
    /// The staging table.
    pub table: String,
    /// The layout: a text's dialect, a sheet, Parquet.
    pub layout: Layout,
    /// The names that are taken for the header, where nothing proves that they are one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likely_header: Option<String>,
    /// The columns, in the order of the table.
    pub columns: Vec<CheckedColumn>,
    /// Records, the header not counted.
    pub rows_read: u64,
    /// Records that would be loaded.
    pub rows_loaded: u64,
    /// Records that would be refused.
    pub rows_rejected: u64,
    /// Records that the plugin's filter would leave out.
    pub rows_filtered: u64,
    /// Loaded records with fewer cells than the header.
    pub rows_padded: u64,
    /// Loaded records with more cells than the header; the surplus would go into `_extra`.
    pub rows_extended: u64,
    /// Records of a text with quotes that are not doubled; `None` unless all of it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_loose: Option<u64>,
    /// The bytes of the text by their kind; `None` unless all of it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<SpanBytes>,
    /// Lines, keys and parts beside the records, which a load keeps or leaves out.
    pub beside: Vec<CheckedBeside>,
    /// Text columns that would have another type if their notation were declared: a line each.
    pub hints: Vec<String>,
    /// The first of the rejects.
    pub rejects: Vec<CheckedReject>,
    /// The reason why nothing of it would be loaded: more rejects than the plugin allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The `plugin.yaml` that would read such files in just this way.
    pub plugin: String,
    /// The dataset and the profile, if a plugin states the type of a column.
    #[serde(skip)]
    stated: Option<Box<(Dataset, Profile)>>,
}

/// The result for one part, with the reason why the file itself would be left alone in the folder.
#[derive(Debug, Serialize)]
pub struct CheckedFile {
    /// The part.
    #[serde(flatten)]
    pub part: Checked,
    /// The reason, if it would be.
    pub left: Option<&'static str>,
}

/// A column as it would be loaded.
#[derive(Debug, Serialize)]
pub struct CheckedColumn {
    /// The name in the table.
    pub name: String,
    /// The header in the file.
    pub header: String,
    /// The type as `plugin.yaml` names it.
    pub r#type: &'static str,
    /// The first values that are not NULL.
    pub samples: Vec<String>,
}

/// A line, key or part of an input beside its records.
#[derive(Debug, Serialize)]
pub struct CheckedBeside {
    /// `above`, `below`, `key`, `sheet`, `member` or `column`.
    pub kind: &'static str,
    /// The line on which it starts, if it has one.
    pub line: Option<u64>,
    /// The key, or the sheet's, member's or column's name.
    pub name: Option<String>,
    /// The text, or the reason why it is not loaded.
    pub text: String,
}

/// A record that would be refused.
#[derive(Debug, Serialize)]
pub struct CheckedReject {
    /// The line on which it starts.
    pub line: u64,
    /// The column at fault.
    pub column: Option<String>,
    /// The reason's word.
    pub reason: &'static str,
    /// The reason's particulars.
    pub detail: String,
    /// The record's text.
    pub text: String,
}

/// The reasons why a file cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file does not fit its plugin.
    #[error("{0}")]
    Shape(String),
    /// A part of a file, by its name.
    #[error("{0}: {1}")]
    Part(String, Box<CheckError>),
    /// A limit of Arrow.
    #[error("cannot make columns: {0}")]
    Columns(#[from] arrow_schema::ArrowError),
    /// The database's error.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

/// Reads each part of the file at `path` as a load would.
///
/// # Errors
/// When a part cannot be read or does not fit its plugin.
pub async fn check(path: &Path, plugins: &Plugins, limits: Limits) -> Result<Vec<Checked>, CheckError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (mut taken, mut passed, mut checked) = (Vec::new(), Vec::new(), Vec::new());
    let parts = Input::parts(path, &name, None, limits).await?;
    let is_untold = |source: &Input| plugins.is_untold(&name, source.table_hint(), source.sheet());
    for source in Input::each_table(parts, is_untold).await? {
        match plugins.dataset(&name, source.table_hint(), source.sheet()).map_err(CheckError::Shape)? {
            Some(dataset) => taken.push((source, dataset)),
            None => passed.push(source),
        }
    }
    if let Some((first, _)) = taken.first_mut() {
        leave_out(first, &passed);
    }
    let is_part = taken.len() + passed.len() > 1;
    for (mut source, dataset) in taken {
        source.with_options(&dataset.stated);
        let part = check_part(&mut source, &name, &dataset).await;
        let of_part = |error| CheckError::Part(source.name().to_owned(), Box::new(error));
        checked.push(if is_part { part.map_err(of_part)? } else { part? });
    }
    Ok(checked)
}

/// Reads bytes as a load into this dataset would.
///
/// # Errors
/// As [`check`].
pub async fn check_bytes(
    bytes: &[u8],
    name: &str,
    dataset: &Dataset,
    limits: Limits,
) -> Result<Vec<Checked>, CheckError> {
    let mut checked = Vec::new();
    for mut source in Input::parts_of_bytes(bytes, name, limits).await? {
        source.with_options(&dataset.stated);
        checked.push(check_part(&mut source, name, dataset).await?);
    }
    Ok(checked)
}

async fn check_part(source: &mut Input, file: &str, dataset: &Dataset) -> Result<Checked, CheckError> {
    let profile = source.profile().await?;
    let profile = with_clues(source, profile).await?;
    let shape = dataset.shape(&profile).map_err(CheckError::Shape)?;
    let mut counts = Counts { is_ascii: profile.header_text.is_ascii(), ..Counts::default() };
    // If types come from the values alone, every value fits: no record is rejected beyond those that the profile saw.
    let is_plain =
        dataset.stated.selection == Selection::default() && dataset.filter.is_none() && dataset.key.is_empty();
    if is_plain && !profile.preview.is_uneven {
        counts.rejected = profile.preview.rejected;
        counts.loaded = profile.rows - counts.rejected;
        counts.rejects = profile.preview.rejects.clone();
        // A larger file's load tells of the lines below its records.
        while let Next::Chunk(chunk) = source.next_batch().await? {
            counts.loose += loose(&chunk.records);
            counts.is_ascii &= is_ascii(&chunk);
            counts.beside.extend(chunk.beside);
            if profile.bytes > SMALL {
                break;
            }
        }
    } else {
        counts.read(source, &shape).await?;
    }
    let beside = source.beside().iter().cloned().chain(columns_left_out(&profile, &shape)).chain(counts.beside);
    let beside = beside.map(besides).collect();
    let samples = |shaped: &ProjectedColumn| profile.preview.samples.get(shaped.place).cloned().unwrap_or_default();
    Ok(Checked {
        source: source.name().to_owned(),
        table: dataset.table.clone(),
        plugin: pin((file, source.sheet()), dataset, &profile, &shape, !counts.is_ascii),
        refused: refusal(dataset, counts.rejected, profile.rows),
        hints: profile.doubtful_names().into_iter().chain(hints(dataset, &profile, &shape)).collect(),
        columns: shape.columns.iter().map(|shaped| column(shaped, samples(shaped))).collect(),
        likely_header: profile.likely_header().filter(|_| dataset.stated.header_rows.is_none()),
        layout: profile.layout.clone(),
        rows_read: profile.rows,
        rows_loaded: counts.loaded,
        rows_rejected: counts.rejected,
        rows_filtered: counts.filtered,
        rows_padded: counts.padded,
        rows_extended: counts.extended,
        rows_loose: source.spans().map(|_| counts.loose),
        bytes: source.spans(),
        rejects: counts.rejects.into_iter().map(refused).collect(),
        beside,
        stated: shape.columns.iter().any(|one| one.declared).then(|| Box::new((dataset.clone(), profile))),
    })
}

/// The counts of records by their outcome.
#[derive(Default)]
struct Counts {
    loaded: u64,
    rejected: u64,
    filtered: u64,
    padded: u64,
    extended: u64,
    loose: u64,
    /// True if no letter beyond ASCII proves the encoding.
    is_ascii: bool,
    rejects: Vec<Reject>,
    beside: Vec<Beside>,
}

impl Counts {
    async fn read(&mut self, source: &mut Input, shape: &Projection) -> Result<(), CheckError> {
        while let Next::Chunk(chunk) = source.next_batch().await? {
            self.loose += loose(&chunk.records);
            self.is_ascii &= is_ascii(&chunk);
            self.beside.extend(chunk.beside);
            let conformed = conform(&chunk.records, shape, 0)?;
            self.loaded += conformed.batch.num_rows() as u64;
            self.filtered += conformed.filtered;
            self.padded += conformed.padded;
            self.extended += conformed.extended;
            let mut rejects: Vec<_> = chunk.rejects.into_iter().chain(conformed.rejects).collect();
            self.rejected += rejects.len() as u64;
            rejects.sort_by_key(|reject| reject.line);
            self.rejects.extend(rejects.into_iter().take(REJECTS.saturating_sub(self.rejects.len())));
        }
        Ok(())
    }
}

/// The reason why so many rejects fail the file.
fn refusal(dataset: &Dataset, rejected: u64, read: u64) -> Option<String> {
    let limit = dataset.max_rejects.filter(|limit| limit.is_exceeded(rejected, read))?;
    let allowed = match limit {
        Limit::Count(most) => most.to_string(),
        Limit::Percent(share) => format!("{share} %"),
    };
    Some(format!(
        "more rejects than max_rejects ({allowed}) allows: nothing of it would be loaded, and the file would go to imports/failed/"
    ))
}

/// True if a chunk has no letter beyond ASCII.
fn is_ascii(chunk: &Chunk) -> bool {
    let beside = chunk.beside.iter().all(|one| one.text.is_ascii());
    chunk.records.not_ascii() == 0 && beside && chunk.rejects.iter().all(|reject| reject.text.is_ascii())
}

fn loose(records: &Records) -> u64 {
    (0..records.len()).filter(|row| records.is_loose(*row)).count() as u64
}

fn column(shaped: &ProjectedColumn, samples: Vec<String>) -> CheckedColumn {
    let column = &shaped.column;
    CheckedColumn { name: column.name.clone(), header: column.header.clone(), r#type: column.kind().word(), samples }
}

fn besides(Beside { kind, line, name, text }: Beside) -> CheckedBeside {
    CheckedBeside { kind: kind.word(), line, name, text }
}

fn refused(reject: Reject) -> CheckedReject {
    let text = String::from_utf8_lossy(&reject.text).into_owned();
    let reason = reject.reason.words();
    CheckedReject { line: reject.line, column: reject.column, reason, detail: reject.detail, text }
}

/// Returns the layout in words.
pub fn words(layout: &Layout) -> String {
    match layout {
        Layout::Json(json) => {
            let place = match &json.records {
                Place::Lines => "one record after the other".to_owned(),
                Place::Array => "records in an array".to_owned(),
                Place::Key(key) => format!("records in the array under {key:?}"),
            };
            format!("JSON, {place}, {}", json.encoding)
        }
        Layout::Parquet => "Parquet".to_owned(),
        Layout::Excel(dialect) => format!("a sheet of a workbook{}", frame(dialect)),
        Layout::Csv(dialect) => {
            let delimiter = match dialect.delimiter {
                NO_DELIMITER => "none".to_owned(),
                b'\t' => "tab".to_owned(),
                byte => format!("{:?}", char::from(byte)),
            };
            let quote =
                dialect.quote.map_or_else(|| "no quotes".to_owned(), |byte| format!("quote {:?}", char::from(byte)));
            let encoding = match dialect.guessed {
                Some(_) if dialect.encoding == "UTF-8" => "UTF-8 with lines in CESU-8".to_owned(),
                Some(_) => format!("{} (a guess)", dialect.encoding),
                None => dialect.encoding.clone(),
            };
            let mut words = format!("delimited text, {encoding}, delimiter {delimiter}, {quote}");
            if dialect.line_end == LineEnd::Cr {
                words += ", lines end with CR";
            }
            if dialect.spaced {
                words += ", a blank after each delimiter";
            }
            words + &frame(dialect)
        }
    }
}

/// Returns the place of the table and the source of its column names, in words.
fn frame(dialect: &Dialect) -> String {
    let above = match dialect.skip_lines {
        0 => String::new(),
        lines => format!(", {} above the table", counted(lines, "line")),
    };
    let header = match dialect.header_rows {
        0 => ", no header".to_owned(),
        1 => ", header in one row".to_owned(),
        rows => format!(", header in {rows} rows"),
    };
    above + &header
}
