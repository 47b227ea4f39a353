//! A result as a workbook: typed cells, a bold header that stays in sight, a filter. A number whose digits a cell
//! cannot hold is text, and so is a text that looks like a formula. Rows beyond a sheet's limit go on to the next one.
//! Rows are written as they come (constant memory). Limits:
//! <https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3>.

use std::io::{self, Write};
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use rust_xlsxwriter::{Format, FormatBorder, Workbook, Worksheet, XlsxError};

use super::kind::DOUBLE_DIGITS;
use super::{Field, Kind};
use crate::schema::{read_date, read_timestamp, read_timestamptz};
use crate::warehouse::Row;

/// The most rows of a sheet, without its header.
const SHEET_ROWS: u32 = 1_048_575;
/// The most UTF-16 units of a cell.
const MAX_TEXT: usize = 32_767;
/// The most letters of a sheet's name.
const MAX_NAME: usize = 31;

const MILLIS_A_DAY: f64 = 86_400_000.0;

pub(super) fn write(
    title: &str,
    fields: &[Field],
    rows: impl Iterator<Item = io::Result<Row>>,
    temporary: &Path,
    file: &mut (impl Write + Send),
) -> io::Result<()> {
    write_sheets(title, fields, rows, temporary, file, SHEET_ROWS)
}

fn write_sheets(
    title: &str,
    fields: &[Field],
    rows: impl Iterator<Item = io::Result<Row>>,
    temporary: &Path,
    file: &mut (impl Write + Send),
    sheet_rows: u32,
) -> io::Result<()> {
    let mut rows = rows.peekable();
    let mut workbook = Workbook::new();
    workbook.set_tempdir(temporary).map_err(io::Error::other)?;
    let formats: Vec<_> = fields.iter().map(format_of).collect();
    for number in 1.. {
        let sheet = workbook.add_worksheet_with_constant_memory().map_err(io::Error::other)?;
        begin(sheet, &sheet_name(title, number), fields).map_err(io::Error::other)?;
        let mut at = 0;
        while at < sheet_rows
            && let Some(row) = rows.next()
        {
            at += 1;
            for (column, ((cell, field), format)) in (0..).zip(row?.iter().zip(fields).zip(&formats)) {
                let Some(text) = cell else { continue };
                put(sheet, at, column, field, text, format).map_err(|error| {
                    io::Error::other(format!("row {at} of sheet {number}, column {}: {}", field.name, in_words(&error)))
                })?;
            }
        }
        if !fields.is_empty() {
            sheet.autofilter(0, 0, at, fields.len() as u16 - 1).map_err(io::Error::other)?;
        }
        if rows.peek().is_none() {
            break;
        }
    }
    workbook.save_to_writer(file).map_err(io::Error::other)
}

fn begin(sheet: &mut Worksheet, name: &str, fields: &[Field]) -> Result<(), XlsxError> {
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    let bold = Format::new().set_bold().set_border_bottom(FormatBorder::Thin);
    for (column, field) in (0..).zip(fields) {
        // A letter is about as wide as the unit; the filter's button takes two.
        let letters = field.longest.max(field.name.chars().count() + 2).clamp(8, 60);
        sheet.set_column_width(column, letters as f64 + 1.0)?;
        sheet.write_string_with_format(0, column, &field.name, &bold)?;
    }
    Ok(())
}

fn format_of(field: &Field) -> Format {
    let fraction = if field.fractions { ".000" } else { "" };
    Format::new().set_num_format(match field.kind {
        Kind::Whole => "0".to_owned(),
        Kind::Decimal { scale: 0, .. } => "0".to_owned(),
        Kind::Decimal { scale, .. } => format!("0.{}", "0".repeat(scale.into())),
        Kind::Date => "yyyy-mm-dd".to_owned(),
        Kind::Timestamp => format!("yyyy-mm-dd hh:mm:ss{fraction}"),
        // A cell has no zone: instants are written in UTC.
        Kind::Timestamptz => format!("yyyy-mm-dd hh:mm:ss{fraction} \"UTC\""),
        Kind::Double | Kind::Boolean | Kind::Text => "General".to_owned(),
    })
}

fn put(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    field: &Field,
    text: &str,
    format: &Format,
) -> Result<(), XlsxError> {
    let number = match field.kind {
        Kind::Whole | Kind::Decimal { .. } => exact(text),
        Kind::Double => text.parse().ok().filter(|number: &f64| number.is_finite()),
        Kind::Date => read_date(text).and_then(|day| serial(day.into())),
        Kind::Timestamp => read_timestamp(text).and_then(serial),
        Kind::Timestamptz => read_timestamptz(text).and_then(|at| serial(at.naive_utc())),
        Kind::Boolean => return sheet.write_boolean(row, column, text == "true").map(drop),
        Kind::Text => None,
    };
    match number {
        Some(number) => sheet.write_number_with_format(row, column, number, format).map(drop),
        None => {
            // The engines write an instant in two ways.
            let instant = read_timestamptz(text).filter(|_| field.kind == Kind::Timestamptz);
            let text = instant.map_or_else(|| text.to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S%.f UTC").to_string());
            sheet.write_string(row, column, text).map(drop)
        }
    }
}

/// Returns the number, if a cell preserves all its digits.
fn exact(text: &str) -> Option<f64> {
    let digits = text.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    (digits <= DOUBLE_DIGITS).then(|| text.parse().ok())?
}

/// Returns the days since 1899-12-30, to the millisecond, from the day on which Excel's count agrees with the calendar.
fn serial(at: NaiveDateTime) -> Option<f64> {
    let since = at.signed_duration_since(NaiveDate::from_ymd_opt(1899, 12, 30)?.and_time(chrono::NaiveTime::MIN));
    let is_shown = since.num_days() >= 61 && at.nanosecond().is_multiple_of(1_000_000);
    is_shown.then(|| since.num_milliseconds() as f64 / MILLIS_A_DAY)
}

/// Returns a valid name for a sheet.
fn sheet_name(title: &str, number: u32) -> String {
    let suffix = if number == 1 { String::new() } else { format!(" ({number})") };
    let plain = |letter: char| if "[]:*?/\\'".contains(letter) || letter.is_control() { '_' } else { letter };
    let mut name: String = title.chars().map(plain).collect();
    if name.is_empty() || name.eq_ignore_ascii_case("history") {
        name.push('_');
    }
    // Excel counts UTF-16 units.
    while name.encode_utf16().count() + suffix.len() > MAX_NAME {
        name.pop();
    }
    name + &suffix
}

fn in_words(error: &XlsxError) -> String {
    match error {
        XlsxError::MaxStringLengthExceeded => {
            format!("a cell of a workbook holds {MAX_TEXT} letters at most: export csv, json or parquet")
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_excel_does() {
        let at = |text: &str| serial(read_timestamp(text).unwrap());
        assert_eq!(at("2024-02-29 12:00:00"), Some(45351.5));
        assert_eq!(at("1900-03-01 00:00"), Some(61.0));
        assert_eq!(at("1900-02-28 00:00"), None);
        assert_eq!(at("2024-02-29 12:00:00.000001"), None);
    }

    #[test]
    fn a_number_keeps_its_digits_or_is_text() {
        assert_eq!(exact("-123456789012.345"), Some(-123456789012.345));
        assert_eq!(exact("0.00123456789012345"), Some(0.00123456789012345));
        assert_eq!(exact("1234567890123456"), None);
    }

    #[test]
    fn sheets_are_called_as_sheets_may() {
        assert_eq!(sheet_name("a/b'c", 1), "a_b_c");
        assert_eq!(sheet_name(&"x".repeat(40), 2), format!("{} (2)", "x".repeat(27)));
        assert_eq!(sheet_name("history", 1), "history_");
    }

    #[test]
    fn what_is_too_much_for_a_sheet_goes_on() {
        use calamine::{Reader, Xlsx};
        let fields = [Field { name: "n".into(), kind: Kind::Whole, longest: 2, fractions: false }];
        let (folder, mut file) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let rows = (0..25).map(|n| Ok(vec![Some(n.to_string())].into()));
        write_sheets("n", &fields, rows, folder.path(), file.as_file_mut(), 10).unwrap();
        let mut book: Xlsx<_> = calamine::open_workbook(file.path()).unwrap();
        let heights: Vec<_> = book.worksheets().iter().map(|(name, cells)| (name.clone(), cells.height())).collect();
        assert_eq!(heights, [("n".to_owned(), 11), ("n (2)".to_owned(), 11), ("n (3)".to_owned(), 6)]);
    }
}
