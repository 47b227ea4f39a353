//! Whether the counting counts: rows are taken away and doubled and a file is removed behind the program's back, and all of it must be
//! found out. Without this a harness that sees nothing would look like a program that loses nothing.

use anyhow::ensure;

use crate::bed::{Bed, Engine};
use crate::daemon::PATIENCE;
use crate::make::Kind;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault, sql};

pub const FAULTS: &[Fault] = &[Fault {
    name: "counting",
    about: "the harness itself: rows deleted and doubled by hand, and a file removed unread, are noticed",
    engines: BOTH,
    run: counting,
}];

fn counting(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    let files = (0..3).map(|_| site.drop("rows", Kind::Csv, 100)).collect::<anyhow::Result<Vec<_>>>()?;
    let unread = site.drop("rows", Kind::Csv, 100)?;
    std::fs::remove_file(site.imports.join(&unread))?;
    site.settle(PATIENCE)?;
    let rows = engine.staging("rows");
    sql::execute(&site.url, &format!("delete from {rows} where id = 1000001"))?;
    sql::execute(&site.url, &format!("insert into {rows} select * from {rows} where id between 2000000 and 2000004"))?;
    let mut row = site.finish()?;
    let lost = [&files[0], &unread].iter().all(|file| row.lost.iter().any(|line| line.starts_with(file.as_str())));
    ensure!(lost && row.lost.len() == 2 && row.twice == 5 && row.found == 299, "the harness does not count: {row:?}");
    ensure!(row.wrong.iter().filter(|line| line.starts_with("the ledger says")).count() == 2, "the ledger: {row:?}");
    (row.times, row.twice, row.expected) = (3, 0, row.found);
    row.lost.clear();
    row.wrong.clear();
    row.notes.push("three things done by hand, and all noticed".to_owned());
    Ok(row)
}
