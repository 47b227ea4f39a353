//! What goes out: a result as a file that appears when it is whole.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::format::csv::write_record;
use crate::warehouse::{Row, Warehouse, WarehouseError};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The columns.
    pub columns: Vec<String>,
    /// Number of rows.
    pub rows: u64,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The query.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// The file.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Writes a query's result as CSV to `path`, and shows each row to `look`.
///
/// # Errors
/// When the query or the file fails; a file that was there before is untouched then.
pub async fn write_csv(
    warehouse: &dyn Warehouse,
    sql: &str,
    path: &Path,
    mut look: impl FnMut(&Row) + Send,
) -> Result<Export, ExportError> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = tempfile::Builder::new().prefix(".export-").tempfile_in(folder)?;
    let mut file = BufWriter::new(temporary.reopen()?);
    let (mut columns, mut rows, mut failed) = (None, 0, None);
    let mut each = |row: Row| {
        if failed.is_none()
            && let Err(error) = write_record(&mut file, row.iter().map(Option::as_deref))
        {
            failed = Some(error);
        }
        if columns.is_none() {
            columns = Some(row.into_iter().map(Option::unwrap_or_default).collect());
        } else {
            rows += 1;
            look(&row);
        }
    };
    warehouse.copy_out(sql, &mut each).await?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    file.flush()?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    temporary.as_file().set_permissions(readable)?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(Export { columns: columns.unwrap_or_default(), rows })
}
