//! Rows in an unnamed temporary file, to be read as often as they are wanted: memory holds one row at a time.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use super::Row;

/// The length that stands for NULL.
const NULL: u32 = u32::MAX;

/// The rows of a result.
pub(crate) struct Spool {
    file: BufWriter<File>,
    rows: u64,
    width: usize,
}

impl Spool {
    /// Creates the file in this folder, and the folder if necessary.
    pub(crate) fn create(folder: &Path) -> io::Result<Spool> {
        fs::create_dir_all(folder)?;
        Ok(Spool { file: BufWriter::new(tempfile::tempfile_in(folder)?), rows: 0, width: 0 })
    }

    /// Appends a row; all have the same number of cells.
    pub(crate) fn put(&mut self, row: &Row) -> io::Result<()> {
        (self.rows, self.width) = (self.rows + 1, row.len());
        for cell in row {
            let length = match cell {
                None => NULL,
                Some(text) => u32::try_from(text.len()).ok().filter(|length| *length != NULL).ok_or_else(too_long)?,
            };
            self.file.write_all(&length.to_le_bytes())?;
            self.file.write_all(cell.as_deref().unwrap_or_default().as_bytes())?;
        }
        Ok(())
    }

    /// Returns the rows from the first one on.
    pub(crate) fn rows(&mut self) -> io::Result<impl Iterator<Item = io::Result<Row>> + use<>> {
        self.file.flush()?;
        let mut file = self.file.get_ref().try_clone()?;
        file.rewind()?;
        let (mut reader, width) = (BufReader::new(file), self.width);
        Ok((0..self.rows).map(move |_| (0..width).map(|_| cell(&mut reader)).collect()))
    }
}

fn cell(reader: &mut impl Read) -> io::Result<Option<String>> {
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length == NULL {
        return Ok(None);
    }
    let mut text = vec![0; length as usize];
    reader.read_exact(&mut text)?;
    String::from_utf8(text).map(Some).map_err(io::Error::other)
}

fn too_long() -> io::Error {
    io::Error::other("a cell has more than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_often_as_they_are_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(folder.path()).unwrap();
        let rows: [Row; 2] =
            [vec![None, Some(String::new())].into(), vec![Some("ä\n".to_owned()), Some("x".to_owned())].into()];
        rows.iter().for_each(|row| spool.put(row).unwrap());
        for _ in 0..2 {
            assert_eq!(spool.rows().unwrap().collect::<io::Result<Vec<_>>>().unwrap(), rows);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
