//! A result as JSON, one object a line. Numbers keep their digits.

use std::io::{self, Write};

use super::{Field, Kind, Query};
use crate::schema::Type;
use crate::warehouse::Row;

pub(super) fn write(
    query: &Query,
    fields: &[Field],
    rows: impl Iterator<Item = io::Result<Row>>,
    file: &mut impl Write,
) -> io::Result<()> {
    for row in rows {
        let row = row?;
        file.write_all(b"{")?;
        for (place, ((field, plain), spelled)) in fields.iter().zip(&row).zip(query.as_in_files(&row)).enumerate() {
            if place > 0 {
                file.write_all(b", ")?;
            }
            serde_json::to_writer(&mut *file, &field.name)?;
            file.write_all(b": ")?;
            // A number is one even if its column also holds a NaN.
            let is_number = field.kind.is_number() || query.columns[place].declared == Some(Type::Numeric);
            match plain {
                None => file.write_all(b"null")?,
                // Values that JSON does not take for numbers (NaN, Infinity) are strings.
                Some(text) if is_number && is_json(text) => file.write_all(text.as_bytes())?,
                Some(text) if field.kind == Kind::Boolean => file.write_all(text.as_bytes())?,
                Some(_) => serde_json::to_writer(&mut *file, &spelled)?,
            }
        }
        file.write_all(b"}\n")?;
    }
    Ok(())
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}
