//! The example on the real input, with the figures that must hold. The input is not part of the project: it is read from
//! `../shared/data`, and its cases are listed as ignored where it is not there.

use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use sluice::{analysis, pipeline};

use crate::support::{Outcome, TestDatabase, Workdir, on_both, same};

const NAME: &str = "2019_free_title_data.csv";

fn input(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name)
}

/// Observations of the World Health Organization as its OData service gives them.
const OBSERVATIONS: &str = "WHOSIS_000001.json.gz";

pub fn cases() -> Vec<Trial> {
    let there = input(NAME).is_file();
    let cases = on_both("star::titles::the_real_input_gives_the_known_figures", the_real_input_gives_the_known_figures);
    cases
        .into_iter()
        .map(|case| if there { case } else { case.with_ignored_flag(true) })
        .chain(
            on_both("star::titles::observations_out_of_packed_json", observations_out_of_packed_json)
                .into_iter()
                .map(|case| if input(OBSERVATIONS).is_file() { case } else { case.with_ignored_flag(true) }),
        )
        .chain(on_both("star::titles::the_sample_goes_the_whole_way", the_sample_goes_the_whole_way))
        .collect()
}

async fn the_real_input_gives_the_known_figures(database: TestDatabase, workdir: Workdir) -> Outcome {
    let bytes = std::fs::read(input(NAME))?;
    workdir.copy_example_sql()?;
    let report = workdir.load(&database, NAME, &bytes).await?;
    same((report.books.read, report.books.loaded, report.books.rejected), (5000, 5000, 0))?;
    same(workdir.list("imports"), Vec::<String>::new())?;
    same(
        database.text("select count(*), sum(pdl_count) from staging.\"2019_free_title_data\"").await?,
        "5000|410951946",
    )?;
    let mut columns = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    let table = sluice::sql::Table::staging("2019_free_title_data");
    same(columns.columns(&table).await?.len(), 23)?;
    drop(columns);
    same(cells_of(&database).await?, cells_in(&bytes)?)?;

    let app = workdir.app(&database);
    let changes = pipeline::run(&app.workspace).await?;
    let rows: Vec<_> = changes.iter().map(|one| (one.table.as_str(), one.rows)).collect();
    same(
        rows,
        [("dim_skill", 9185), ("dim_title", 26619), ("fact_related_title", 49792), ("fact_title_skill", 44940)],
    )?;
    same(
        database.text("select count(distinct related_title_key) from datawarehouse.fact_related_title").await?,
        "25973",
    )?;
    same(
        database.text("select count(pdl_count), sum(pdl_count) from datawarehouse.dim_title").await?,
        "4989|410713353",
    )?;

    let answers = analysis::run(&app.workspace).await?;
    same(
        answers.iter().map(|one| one.view.as_str()).collect::<Vec<_>>(),
        ["manager_titles", "title_pdl_count", "top_related_titles"],
    )?;
    same(
        workdir.read("exports/top_related_titles.csv")?,
        "title,related_titles\ncashier customer service,17\nmanager business development,15\nvice president operations,15\n\
         president chief executive officer,14\nvice president sales,14\ndirector business development,13\n\
         manager human resources,13\nvice president business development,12\nvice president marketing,12\n\
         director human resources,11\n",
    )?;
    let counts = workdir.read("exports/title_pdl_count.csv")?;
    same(counts.starts_with("title,pdl_count\nowner,16780096\nmanager,11082930\npresident,7169098\n"), true)?;
    same(counts.lines().count(), 4990)?;
    same(workdir.read("exports/manager_titles.csv")?, "average_pdl_count\n1091452\n")?;

    let again = workdir.load(&database, NAME, &bytes).await?;
    same((again.duplicate_of, again.books.loaded, again.books.duplicate), (Some(report.load_id), 0, 5000))?;
    same(workdir.list("imports"), Vec::<String>::new())?;
    let changed: u64 =
        pipeline::run(&app.workspace).await?.iter().map(|one| one.inserted + one.updated + one.deleted).sum();
    same(changed, 0)
}

/// Every cell of staging in the file's order, NULL as an empty text.
async fn cells_of(database: &TestDatabase) -> anyhow::Result<Vec<Vec<String>>> {
    let rows = database.rows("select * from staging.\"2019_free_title_data\" order by _line").await?;
    Ok(rows.into_iter().map(|row| row.into_iter().take(21).map(Option::unwrap_or_default).collect()).collect())
}

/// Every cell of the file, read by its plainest rule: it has no quotes.
fn cells_in(bytes: &[u8]) -> anyhow::Result<Vec<Vec<String>>> {
    let text = std::str::from_utf8(bytes)?;
    anyhow::ensure!(!text.contains('"'), "the input has quotes now: read it otherwise");
    Ok(text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect())
}

async fn the_sample_goes_the_whole_way(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.copy_example_sql()?;
    let sample = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(NAME))?;
    let report = workdir.load(&database, NAME, sample).await?;
    same((report.books.loaded, report.books.rejected), (76, 0))?;
    let app = workdir.app(&database);
    let changes = pipeline::run(&app.workspace).await?;
    same(changes.iter().map(|one| one.rows).collect::<Vec<_>>(), [48, 75, 760, 678])?;
    same(changes.iter().all(|one| one.unknown.is_empty()), true)?;
    analysis::run(&app.workspace).await?;
    same(workdir.read("exports/top_related_titles.csv")?.lines().nth(1), Some("harbour clerk,20"))
}

async fn observations_out_of_packed_json(database: TestDatabase, workdir: Workdir) -> Outcome {
    let report = workdir.load(&database, OBSERVATIONS, std::fs::read(input(OBSERVATIONS))?).await?;
    same((report.books.read, report.books.loaded, report.books.rejected), (12936, 12936, 0))?;
    same(database.text("select count(*) from sluice.\"column\"").await?, "25")?;
    same(database.text("select count(*) from staging.whosis_000001").await?, "12936")?;
    // Written as 2024-08-02T09:43:39.193+02:00 and 2008-01-01T00:00:00+01:00: the instants are kept.
    let instants = database.text("select date, timedimensionbegin from staging.whosis_000001 where id = 874").await?;
    same(instants.replace("+00:00", "+00"), "2024-08-02 07:43:39.193+00|2007-12-31 23:00:00+00")
}
