//! Arrow columns into SQLite, through the library's own calls: a prepared insert is bound and run row by row, which takes a third of
//! the time of statements of many rows that are sent to the connection's thread.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::{NonNull, null_mut};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, BooleanArray, PrimitiveArray, RecordBatch, StringArray};
use libsqlite3_sys as ffi;
use sqlx::SqliteConnection;

use super::super::{WarehouseError, text};
use super::quote;
use crate::schema::Type;

/// Appends the batch to `table` (quoted); `types` are its columns' types.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    table: &str,
    types: &[Type],
    batch: &RecordBatch,
) -> Result<u64, WarehouseError> {
    let schema = batch.schema();
    let columns: Vec<_> = schema.fields().iter().map(|field| quote(field.name())).collect();
    let marks = vec!["?"; columns.len()].join(", ");
    let sql = format!("insert into {table} ({}) values ({marks})", columns.join(", "));
    let mut handle = connection.lock_handle().await?;
    // The rows of a batch are there in milliseconds, but they are work all the same.
    tokio::task::block_in_place(|| Statement::prepare(handle.as_raw_handle(), &sql)?.insert(types, batch))
}

/// A prepared statement; the connection is ours alone as long as it lives.
struct Statement {
    database: NonNull<ffi::sqlite3>,
    statement: NonNull<ffi::sqlite3_stmt>,
}

// The pointers come from SQLite and are used while the connection is locked for us; texts that are bound live until the row is stepped
// over; the next row binds each place anew, and after the last one the statement goes.
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

    fn insert(&self, types: &[Type], batch: &RecordBatch) -> Result<u64, WarehouseError> {
        let columns: Vec<_> = types.iter().zip(batch.columns()).map(|(kind, array)| cells(*kind, array)).collect();
        // Texts that are made for a row; they are bound in place.
        let mut made = vec![String::new(); columns.len()];
        for row in 0..batch.num_rows() {
            for (at, (column, made)) in columns.iter().zip(&mut made).enumerate() {
                self.bind(at as c_int + 1, column, row, made)?;
            }
            let code = unsafe { ffi::sqlite3_step(self.statement.as_ptr()) };
            if code != ffi::SQLITE_DONE {
                return Err(error(self.database, code));
            }
            // Every value is bound anew for the next row.
            unsafe { ffi::sqlite3_reset(self.statement.as_ptr()) };
        }
        Ok(batch.num_rows() as u64)
    }

    fn bind(&self, at: c_int, column: &Cells<'_>, row: usize, made: &mut String) -> Result<(), WarehouseError> {
        let statement = self.statement.as_ptr();
        let bind_text = |text: &str| {
            let length = c_int::try_from(text.len()).unwrap_or(c_int::MAX);
            // SQLITE_STATIC: the text outlives the step.
            unsafe { ffi::sqlite3_bind_text(statement, at, text.as_ptr().cast::<c_char>(), length, None) }
        };
        let code = match column {
            Cells::Bigint(array) if array.is_valid(row) => unsafe {
                ffi::sqlite3_bind_int64(statement, at, array.value(row))
            },
            Cells::Double(array) if array.is_valid(row) => unsafe {
                ffi::sqlite3_bind_double(statement, at, array.value(row))
            },
            Cells::Boolean(array) if array.is_valid(row) => unsafe {
                ffi::sqlite3_bind_int64(statement, at, i64::from(array.value(row)))
            },
            Cells::Text(array) if array.is_valid(row) => bind_text(array.value(row)),
            Cells::Date(array) if array.is_valid(row) => {
                made.clear();
                text::put_date(made, array.value(row));
                bind_text(made)
            }
            Cells::Timestamp(array) if array.is_valid(row) => {
                *made = text::timestamp(array.value(row));
                bind_text(made)
            }
            Cells::Timestamptz(array) if array.is_valid(row) => {
                *made = text::timestamptz(array.value(row));
                bind_text(made)
            }
            _ => unsafe { ffi::sqlite3_bind_null(statement, at) },
        };
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(error(self.database, code)) }
    }
}

#[allow(unsafe_code)]
impl Drop for Statement {
    fn drop(&mut self) {
        // What it says was said by the step that failed.
        let _ = unsafe { ffi::sqlite3_finalize(self.statement.as_ptr()) };
    }
}

#[allow(unsafe_code)]
fn error(database: NonNull<ffi::sqlite3>, code: c_int) -> WarehouseError {
    // SQLite's message is valid until the next call on the connection, which is locked for us.
    let message = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(database.as_ptr())) };
    WarehouseError::of_sqlite(code, message.to_string_lossy().into_owned())
}

/// A column that is read by its type.
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
