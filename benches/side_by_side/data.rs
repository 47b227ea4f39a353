//! TPC-H's lineitem, part and supplier as files. The same rows give the same bytes on every machine.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use tpchgen::csv::{LineItemCsv, PartCsv, SupplierCsv};
use tpchgen::generators::{LineItem, LineItemGenerator, PartGenerator, SupplierGenerator};

use crate::Bench;

/// The first argument of the process that makes data.
pub const MAKE: &str = "make-data";

/// Rows of each small file.
pub const SMALL_ROWS: u64 = 100;

/// Rows of lineitem at scale factor 1, rounded down.
const ROWS_OF_ONE: u64 = 6_000_000;

/// What can be made.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One file.
    Lineitem,
    /// The same, with another comment in every hundredth row.
    Changed,
    /// A folder of files of [`SMALL_ROWS`] rows.
    Small,
    /// The rows that come after those of one file, one for each hundred of it.
    More,
    /// The parts that so many rows name.
    Part,
    /// Their suppliers.
    Supplier,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Lineitem => "lineitem",
            Kind::Changed => "changed",
            Kind::Small => "small",
            Kind::More => "more",
            Kind::Part => "part",
            Kind::Supplier => "supplier",
        }
    }
}

impl Bench {
    /// Data of so many rows; made where it is not there yet.
    pub fn data(&self, kind: Kind, rows: u64) -> anyhow::Result<PathBuf> {
        let ending = if matches!(kind, Kind::Small) { "" } else { ".csv" };
        let path = self.folder.join(format!("{}-{rows}{ending}", kind.word()));
        if !path.exists() {
            std::fs::create_dir_all(&self.folder)?;
            eprintln!("making {}", path.display());
            let done = Command::new(std::env::current_exe()?)
                .args([MAKE, kind.word(), &rows.to_string()])
                .arg(&path)
                .status()?;
            anyhow::ensure!(done.success(), "cannot make {}", path.display());
        }
        Ok(path)
    }
}

/// Makes it under another name first, so that what is there is whole.
pub fn make(kind: &str, rows: u64, path: &Path) -> anyhow::Result<()> {
    let unfinished = path.with_extension("part");
    let generator = LineItemGenerator::new(rows.div_ceil(ROWS_OF_ONE) as f64, 1, 1);
    let items = generator.iter().take(usize::try_from(rows)?);
    let lines = LineItemCsv::header();
    match kind {
        "lineitem" => write(&unfinished, lines, items.map(LineItemCsv::new))?,
        "changed" => {
            write(&unfinished, lines, items.enumerate().map(|(place, item)| LineItemCsv::new(changed(place, item))))?;
        }
        "more" => {
            let generator = LineItemGenerator::new((rows + rows / 100).div_ceil(ROWS_OF_ONE) as f64, 1, 1);
            let more = generator.iter().skip(usize::try_from(rows)?).take(usize::try_from(rows / 100)?);
            write(&unfinished, lines, more.map(LineItemCsv::new))?;
        }
        "part" => {
            let generator = PartGenerator::new(rows.div_ceil(ROWS_OF_ONE) as f64, 1, 1);
            write(&unfinished, PartCsv::header(), generator.iter().map(PartCsv::new))?;
        }
        "supplier" => {
            let generator = SupplierGenerator::new(rows.div_ceil(ROWS_OF_ONE) as f64, 1, 1);
            write(&unfinished, SupplierCsv::header(), generator.iter().map(SupplierCsv::new))?;
        }
        "small" => write_small(&unfinished, items, rows)?,
        _ => bail!("{kind}: no such data"),
    }
    std::fs::rename(&unfinished, path).with_context(|| path.display().to_string())
}

fn changed(place: usize, item: LineItem<'_>) -> LineItem<'_> {
    if place.is_multiple_of(100) { LineItem { l_comment: "another comment", ..item } } else { item }
}

fn write(path: &Path, header: &str, lines: impl Iterator<Item = impl Display>) -> anyhow::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(out, "{header}")?;
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

fn write_small<'a>(folder: &Path, mut items: impl Iterator<Item = LineItem<'a>>, rows: u64) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    for number in 1..=rows / SMALL_ROWS {
        let lines = items.by_ref().take(SMALL_ROWS as usize).map(LineItemCsv::new);
        write(&folder.join(format!("part.{number:05}.csv")), LineItemCsv::header(), lines)?;
    }
    Ok(())
}
