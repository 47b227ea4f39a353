//! Arrow columns into SQLite, through the library's own calls: a prepared insert of a few rows is bound and run over
//! and over, which takes a third of the time of statements that are sent to the connection's thread.

use std::ffi::{CStr, c_char, c_int};
use std::ops::Range;
use std::ptr::{NonNull, null_mut};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, BooleanArray, PrimitiveArray, RecordBatch, StringArray};
use libsqlite3_sys as ffi;
use sqlx::SqliteConnection;

use super::super::{WarehouseError, text};
use super::quote;
use crate::schema::Type;

/// Rows of one statement: from eight on, the cost of the statement itself does not count any more.
const ROWS: usize = 16;

/// Least number of runs of a statement of more rows, which costs more to prepare.
const RUNS: usize = 16;

/// Greatest number of values of a statement (`SQLITE_MAX_VARIABLE_NUMBER`).
const VALUES: usize = 32_766;

/// Appends the batch to `table` (quoted); `types` are its columns' types. Returns the number of rows that the table
/// took: a trigger may leave some out.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    table: &str,
    types: &[Type],
    batch: &RecordBatch,
) -> Result<u64, WarehouseError> {
    let schema = batch.schema();
    let columns: Vec<_> = schema.fields().iter().map(|field| quote(field.name())).collect();
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    let sql =
        |rows| format!("insert into {table} ({}) values {}", columns.join(", "), vec![row.as_str(); rows].join(", "));
    let at_once = (VALUES / columns.len().max(1)).min(batch.num_rows() / RUNS).clamp(1, ROWS);
    let together = batch.num_rows() - batch.num_rows() % at_once;
    let mut handle = connection.lock_handle().await?;
    // The rows of a batch take milliseconds, but they block the thread all the same.
    tokio::task::block_in_place(|| {
        let database = handle.as_raw_handle();
        let mut taken = 0;
        for (rows, at_once) in [(0..together, at_once), (together..batch.num_rows(), 1)] {
            if !rows.is_empty() {
                taken += Statement::prepare(database, &sql(at_once))?.insert(types, batch, rows, at_once)?;
            }
        }
        Ok(taken)
    })
}

/// A prepared statement; the connection is ours alone as long as it lives.
struct Statement {
    database: NonNull<ffi::sqlite3>,
    statement: NonNull<ffi::sqlite3_stmt>,
}

// The pointers come from SQLite and are used while the connection is locked for us; texts that are bound live until the
// rows are stepped over; the next ones bind each place anew, and after the last the statement goes.
#[allow(unsafe_code)]
impl Statement {
    fn prepare(database: NonNull<ffi::sqlite3>, sql: &str) -> Result<Statement, WarehouseError> {
        let mut statement = null_mut();
        let length = c_int::try_from(sql.len()).unwrap_or(c_int::MAX);
        let code = unsafe {
            ffi::sqlite3_prepare_v2(database.as_ptr(), sql.as_ptr().cast(), length, &mut statement, null_mut())
        };
        match NonNull::new(statement) {
            Some(statement) if code == ffi::SQLITE_OK => Ok(Statement { database, statement }),
            _ => Err(error(database, code)),
        }
    }

    /// Inserts these rows, so many at a time; returns the number that the table took.
    fn insert(
        &self,
        types: &[Type],
        batch: &RecordBatch,
        rows: Range<usize>,
        at_once: usize,
    ) -> Result<u64, WarehouseError> {
        let mut taken = 0;
        let columns: Vec<_> = types.iter().zip(batch.columns()).map(|(kind, array)| cells(*kind, array)).collect();
        // Texts that are made for some rows; they are bound in place.
        let mut made = vec![Made::Nothing; columns.len() * at_once];
        for first in rows.step_by(at_once) {
            for (place, (column, made)) in columns.iter().zip(made.chunks_mut(at_once)).enumerate() {
                for (at, made) in made.iter_mut().enumerate() {
                    let code = self.bind((at * columns.len() + place + 1) as c_int, column, first + at, made);
                    if code != ffi::SQLITE_OK {
                        return Err(error(self.database, code));
                    }
                }
            }
            let code = unsafe { ffi::sqlite3_step(self.statement.as_ptr()) };
            if code != ffi::SQLITE_DONE {
                return Err(error(self.database, code));
            }
            taken += unsafe { ffi::sqlite3_changes64(self.database.as_ptr()) }.unsigned_abs();
            // Every value is bound anew for the next rows.
            unsafe { ffi::sqlite3_reset(self.statement.as_ptr()) };
        }
        Ok(taken)
    }

    #[inline(always)]
    fn bind(&self, at: c_int, column: &Cells<'_>, row: usize, made: &mut Made) -> c_int {
        let statement = self.statement.as_ptr();
        let bind_text = |text: &[u8]| {
            let length = c_int::try_from(text.len()).unwrap_or(c_int::MAX);
            // SQLITE_STATIC: the text outlives the step.
            unsafe { ffi::sqlite3_bind_text(statement, at, text.as_ptr().cast::<c_char>(), length, None) }
        };
        match column {
            Cells::Bigint(array) if array.is_valid(row) => unsafe {
                ffi::sqlite3_bind_int64(statement, at, array.value(row))
            },
            // SQLite makes NULL of NaN; as a word it stays.
            Cells::Double(array) if array.is_valid(row) && array.value(row).is_nan() => bind_text(b"NaN"),
            Cells::Double(array) if array.is_valid(row) => unsafe {
                ffi::sqlite3_bind_double(statement, at, array.value(row))
            },
            Cells::Boolean(array) if array.is_valid(row) => unsafe {
                ffi::sqlite3_bind_int64(statement, at, i64::from(array.value(row)))
            },
            Cells::Text(array) if array.is_valid(row) => bind_text(array.value(row).as_bytes()),
            Cells::Date(array) if array.is_valid(row) => {
                *made = Made::Date(text::date(array.value(row)));
                bind_text(made.as_bytes())
            }
            Cells::Timestamp(array) if array.is_valid(row) => {
                *made = Made::Timestamp(text::timestamp(array.value(row)));
                bind_text(made.as_bytes())
            }
            Cells::Timestamptz(array) if array.is_valid(row) => {
                *made = Made::Timestamp(text::timestamptz(array.value(row)));
                bind_text(made.as_bytes())
            }
            _ => unsafe { ffi::sqlite3_bind_null(statement, at) },
        }
    }
}

#[allow(unsafe_code)]
impl Drop for Statement {
    fn drop(&mut self) {
        // The failed step has returned its error already.
        let _ = unsafe { ffi::sqlite3_finalize(self.statement.as_ptr()) };
    }
}

#[allow(unsafe_code)]
fn error(database: NonNull<ffi::sqlite3>, code: c_int) -> WarehouseError {
    // SQLite's message is valid until the next call on the connection, which is locked for us.
    let message = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(database.as_ptr())) };
    WarehouseError::of_sqlite(code, message.to_string_lossy().into_owned())
}

/// A text made for a row.
#[derive(Clone)]
enum Made {
    Nothing,
    Date([u8; 10]),
    Timestamp(String),
}

impl Made {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Made::Nothing => &[],
            Made::Date(text) => text,
            Made::Timestamp(text) => text.as_bytes(),
        }
    }
}

/// A column, downcast by its type.
enum Cells<'a> {
    Bigint(&'a PrimitiveArray<Int64Type>),
    Double(&'a PrimitiveArray<Float64Type>),
    Boolean(&'a BooleanArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Timestamptz(&'a PrimitiveArray<TimestampMicrosecondType>),
    Text(&'a StringArray),
}

fn cells(kind: Type, array: &dyn Array) -> Cells<'_> {
    match kind {
        Type::Bigint => Cells::Bigint(array.as_primitive()),
        Type::Double => Cells::Double(array.as_primitive()),
        Type::Boolean => Cells::Boolean(array.as_boolean()),
        Type::Date => Cells::Date(array.as_primitive()),
        Type::Timestamp => Cells::Timestamp(array.as_primitive()),
        Type::Timestamptz => Cells::Timestamptz(array.as_primitive()),
        Type::Numeric | Type::Text => Cells::Text(array.as_string()),
    }
}
