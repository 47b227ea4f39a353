//! The types that a column's values fit, if the file's declaration is not enough: days and moments that no table holds,
//! digits beyond microseconds, whole numbers beyond a double or a bigint. Only such columns are decoded for it.

use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::{Column, FormatError, Kind, ParquetColumn, ParquetRows, ParquetTable};
use crate::record::column_text;
use crate::schema::{Fits, Inference, Type, exact_micros, is_day};

/// Samples kept of each column.
const SAMPLES: usize = 2;

/// The limit of whole numbers that are doubles of their own (2^53).
const MAX_WHOLE_DOUBLE: u64 = 1 << 53;

/// The columns, each with the types that all its values fit; `whole` lets everything be decoded for it.
///
/// # Errors
/// As [`ParquetRows::open`]; and when a decoded column is damaged.
pub fn narrowed(file: File, ratio: u64, whole: bool) -> Result<ParquetTable, FormatError> {
    let (mut rows, mut table) = ParquetRows::open(file, ratio)?;
    let (mut places, mut is_first): (Vec<usize>, _) = ((0..table.columns.len()).collect(), true);
    while let Some(batch) = rows.next_batch()? {
        for (place, array) in places.iter().zip(batch.columns()) {
            let column = &mut table.columns[*place];
            column.fits = column.fits.and(fits(array, column.fits));
            sample(column, array);
        }
        if is_first && !whole {
            places.retain(|place| rows.is_doubtful(*place));
            rows.keep(&places);
            if places.is_empty() {
                break;
            }
        }
        is_first = false;
    }
    Ok(table)
}

impl ParquetRows {
    /// True if the values of a column may be of other types than it declares.
    fn is_doubtful(&self, place: usize) -> bool {
        match &self.columns[place] {
            Column::Leaf(leaf) => matches!(
                leaf.kind,
                Kind::Int | Kind::Unsigned | Kind::Date | Kind::Timestamp(_) | Kind::Instant(_) | Kind::Int96
            ),
            Column::Nested(_) => false,
        }
    }

    /// Decodes only the columns at these places from now on, none of them a list.
    fn keep(&mut self, places: &[usize]) {
        let columns = std::mem::take(&mut self.columns).into_iter().enumerate();
        self.columns = columns.filter(|(place, _)| places.contains(place)).map(|(_, column)| column).collect();
        self.nested = None;
    }
}

fn sample(column: &mut ParquetColumn, array: &ArrayRef) {
    if column.samples.len() == SAMPLES {
        return;
    }
    let first: Vec<_> = (0..array.len()).filter(|row| array.is_valid(*row)).take(SAMPLES).collect();
    let texts = first.into_iter().map(|row| column_text(&array.slice(row, 1)).value(0).to_owned());
    column.samples.extend(texts.take(SAMPLES - column.samples.len()));
}

/// The types that a column's values fit, among those that it `declares`.
fn fits(array: &ArrayRef, declares: Fits) -> Fits {
    if declares == Fits::TEXT {
        return declares;
    }
    let only_if = |fits: bool| if fits { declares } else { Fits::TEXT };
    match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>().iter().flatten();
            whole(values.map(|value| value.unsigned_abs().min(i64::MAX.unsigned_abs())).max())
        }
        DataType::UInt64 => whole(array.as_primitive::<UInt64Type>().iter().flatten().max()),
        DataType::Date32 => only_if(array.as_primitive::<Date32Type>().iter().flatten().all(is_day)),
        DataType::Timestamp(unit, _) => {
            let exact = |value| exact_micros(value, *unit).is_some();
            only_if(match unit {
                TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().iter().flatten().all(exact),
                TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().iter().flatten().all(exact),
                _ => array.as_primitive::<TimestampNanosecondType>().iter().flatten().all(exact),
            })
        }
        // The text of a moment in 96 bits.
        DataType::Utf8 if declares.has(Type::Timestamp) => {
            let mut seen = Inference::within(declares);
            seen.see_all(array.as_string::<i32>().iter().flatten());
            seen.fits()
        }
        _ => declares,
    }
}

/// The types that whole numbers fit, by the farthest one from zero.
fn whole(farthest: Option<u64>) -> Fits {
    match farthest.unwrap_or(0) {
        ..=MAX_WHOLE_DOUBLE => Fits::of(&[Type::Bigint, Type::Numeric, Type::Double]),
        far if i64::try_from(far).is_ok() => Fits::of(&[Type::Bigint, Type::Numeric]),
        _ => Fits::of(&[Type::Numeric]),
    }
}
