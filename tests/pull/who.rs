//! The observations of the World Health Organization, as its OData service gives them. They are not part of the project: they are read
//! from `../shared/data`, and the cases are listed as ignored where they are not there.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use libtest_mimic::Trial;
use serde_json::Value as Json;

use super::{right, run};
use crate::support::api::{Api, Call, Ways, odata};
use crate::support::{Outcome, TestDatabase, Workdir, holds, name_of, on_both, same};

fn input() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/WHOSIS_000001.json.gz")
}

/// True if the observations are on this machine.
pub fn are_there() -> bool {
    input().is_file()
}

pub fn cases() -> Vec<Trial> {
    let all = [
        on_both(&name_of(module_path!(), "every_way_gives_the_same_table"), every_way_gives_the_same_table),
        on_both(&name_of(module_path!(), "six_countries"), six_countries),
    ];
    let is_there = are_there();
    all.into_iter().flatten().map(|case| if is_there { case } else { case.with_ignored_flag(true) }).collect()
}

pub static OBSERVATIONS: LazyLock<Arc<Vec<Json>>> = LazyLock::new(|| {
    let mut text = String::new();
    let file = std::fs::File::open(input()).expect("it is there");
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("it can be unpacked");
    let body: Json = serde_json::from_str(&text).expect("it is JSON");
    Arc::new(body["value"].as_array().expect("it has records").clone())
});

async fn service(ways: Ways) -> anyhow::Result<Api> {
    let all = Arc::clone(&OBSERVATIONS);
    Api::new(move |call: Call| odata(&all, &call, ways)).await
}

fn plugin(base: &str, more: &str) -> String {
    format!(
        "name: life_expectancy\nsource:\n  kind: odata\n  url: {base}/api\n  resource: WHOSIS_000001\n{more}mode: upsert\n\
         key: [indicatorcode, spatialdimtype, spatialdim, timedim, dim1, dim2, dim3]\n"
    )
}

/// All of the table, by its digits and texts.
const ALL: &str = "select spatialdim, timedim, dim1, value, cast(numericvalue as text), date, timedimensionbegin, comments \
                   from staging.life_expectancy order by 1, 2, 3, 4";

async fn every_way_gives_the_same_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    let counts = Ways { counts: true, ..Ways::default() };
    let mut first = None;
    for (name, ways, more) in [
        ("one body", counts, ""),
        ("nextLink", Ways { paged: 1000, ..counts }, "  page_size: 1000\n"),
        ("by key", counts, "  order: [Id]\n  page_size: 1000\n  paginate: {by: key}\n"),
        ("by skip", counts, "  page_size: 1000\n  paginate: {by: skip}\n"),
    ] {
        let api = service(ways).await?;
        workdir.plugin("life_expectancy", &plugin(&api.base, more))?;
        let (code, said) = run(&database, &workdir, &["pull", "life_expectancy"]).await?;
        right(code == Some(0), &format!("{name}: {said}"))?;
        holds(&said, "12936")?;
        let text = database.text(ALL).await?;
        same((name, text.lines().count()), (name, 12_936))?;
        right(first.get_or_insert_with(|| text.clone()) == &text, name)?;
        same(run(&database, &workdir, &["drop", "staging.life_expectancy", "--yes"]).await?.0, Some(0))?;
        let dropped = run(&database, &workdir, &["pull", "life_expectancy"]).await?;
        same((name, dropped.0), (name, Some(0)))?;
        same(run(&database, &workdir, &["drop", "staging.life_expectancy", "--yes"]).await?.0, Some(0))?;
    }
    Ok(())
}

async fn six_countries(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = service(Ways { counts: true, paged: 100, ..Ways::default() }).await?;
    let more = "  filter: {SpatialDim: [ZAF, BWA, NAM, ZWE, MOZ, LSO]}\n";
    workdir.plugin("life_expectancy", &plugin(&api.base, more))?;
    for _ in 0..2 {
        let (code, said) = run(&database, &workdir, &["pull", "life_expectancy"]).await?;
        right(code == Some(0), &said)?;
        same(database.text("select count(*) from staging.life_expectancy").await?, "396")?;
    }
    Ok(())
}
