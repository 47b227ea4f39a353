//! The plugins that come with the project, from a server in the shape of the WHO's, and the example over them: every number of it is
//! computed a second time, from the observations.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::{Map, Value as Json, json};

use super::who::{OBSERVATIONS, are_there};
use super::{right, run};
use crate::support::api::{Api, Call, Ways, odata, ok};
use crate::support::{Outcome, TestDatabase, Workdir, holds, name_of, on_both, same};

pub fn cases() -> Vec<Trial> {
    let with_observations = on_both(&name_of(module_path!(), "the_example_answers"), the_example_answers);
    let with_observations =
        with_observations.into_iter().map(|case| if are_there() { case } else { case.with_ignored_flag(true) });
    on_both(&name_of(module_path!(), "the_shipped_plugins_pull"), the_shipped_plugins_pull)
        .into_iter()
        .chain(with_observations)
        .collect()
}

/// The address in the shipped plugins.
const HOST: &str = "https://ghoapi.azureedge.net";

const NAMES: [&str; 3] = ["gho_breast_cancer", "gho_life_expectancy", "gho_ncd_mortality"];

const COUNTRIES: [(&str, &str); 6] = [
    ("BWA", "Botswana"),
    ("LSO", "Lesotho"),
    ("MOZ", "Mozambique"),
    ("NAM", "Namibia"),
    ("ZAF", "South Africa"),
    ("ZWE", "Zimbabwe"),
];

/// Copies the shipped plugins into the project folder, with another server.
fn copy_plugins(workdir: &Workdir, base: &str) -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in NAMES {
        let yaml = fs::read_to_string(root.join("plugins").join(name).join("plugin.yaml"))?;
        holds(&yaml, HOST)?;
        workdir.plugin(name, &yaml.replace(HOST, base))?;
    }
    Ok(())
}

/// A release of an indicator: the numbers of its observations are those of every indicator, and others in the next release.
fn release(indicator: &str, number: usize) -> Vec<Json> {
    let places = COUNTRIES.iter().map(|(code, _)| ("COUNTRY", *code)).chain([("COUNTRY", "CHE"), ("REGION", "AFR")]);
    let mut all = Vec::new();
    for (kind, place) in places {
        for (year, sex) in [(2000, "SEX_FMLE"), (2000, "SEX_MLE"), (2019, "SEX_FMLE"), (2019, "SEX_MLE")] {
            let at = all.len();
            let fraction = ["", ".43", ".193"][at % 3];
            let zone = ["+02:00", "+01:00"][at % 2];
            let has_words = indicator == "NCD_CCS_BreastCancer";
            let observation = json!({
                "Id": number * 1000 + at,
                "IndicatorCode": indicator,
                "SpatialDimType": kind,
                "SpatialDim": place,
                "TimeDimType": "YEAR",
                "TimeDim": year,
                "Dim1Type": "SEX",
                "Dim1": sex,
                "Dim2": null,
                "Dim3": null,
                "Value": if has_words { "Yes".to_owned() } else { format!("{}.0 [{at}.5-99.9]", number + at) },
                "NumericValue": if has_words { Json::Null } else { (number + at).into() },
                "Comments": if at == 0 { "ä".repeat(296).into() } else { Json::Null },
                "Date": format!("2024-08-02T09:43:39{fraction}{zone}"),
                "TimeDimensionBegin": format!("{year}-01-01T00:00:00+01:00"),
            });
            all.push(if at.is_multiple_of(2) { observation } else { turned(&observation) });
        }
    }
    all
}

/// The same record, its members in the opposite order.
fn turned(record: &Json) -> Json {
    let members: Map<_, _> =
        record.as_object().into_iter().flatten().rev().map(|(k, v)| (k.clone(), v.clone())).collect();
    Json::Object(members)
}

fn service(number: usize) -> impl Fn(Call) -> axum::http::Response<axum::body::Body> + Clone + Send + Sync + 'static {
    move |call: Call| {
        let indicator = call.path.rsplit('/').next().unwrap_or_default();
        odata(&release(indicator, number), &call, Ways { counts: true, ..Ways::default() })
    }
}

async fn the_shipped_plugins_pull(database: TestDatabase, workdir: Workdir) -> Outcome {
    let first = Api::new(service(1)).await?;
    copy_plugins(&workdir, &first.base)?;
    // Before a person says so, nothing asks for anything, and nothing is amiss.
    let (code, said) = run(&database, &workdir, &["plugin", "list"]).await?;
    same((code, said.matches("disabled").count()), (Some(0), 3))?;
    for command in [&["--once"][..], &["status"], &["schedule"]] {
        let (code, said) = run(&database, &workdir, command).await?;
        right(code == Some(0), &format!("{command:?}: {said}"))?;
    }
    for what in [NAMES[0], "--all"] {
        same(run(&database, &workdir, &["pull", what]).await?.0, Some(2))?;
    }
    same(first.calls().len(), 0)?;
    for name in NAMES {
        same(run(&database, &workdir, &["plugin", "enable", name]).await?.0, Some(0))?;
    }
    let second = Api::new(service(2)).await?;
    for (number, base) in [(1, &first.base), (1, &first.base), (2, &second.base)] {
        for name in NAMES {
            let yaml = workdir.read(&format!("plugins/{name}/plugin.yaml"))?;
            workdir.plugin(name, &yaml.replace(&first.base, base))?;
        }
        let (code, said) = run(&database, &workdir, &["pull", "--all"]).await?;
        right(code == Some(0), &said)?;
        for name in NAMES {
            // Four of each country, whatever the release.
            let rows =
                format!("select count(*), min(id) / 1000, count(distinct timedimensionbegin) from staging.{name}");
            same(database.text(&rows).await?, format!("24|{number}|2"))?;
        }
        let value = "select value, numericvalue from staging.gho_life_expectancy \
                     where spatialdim = 'BWA' and timedim = 2019 and dim1 = 'SEX_MLE'";
        same(database.text(value).await?, format!("{}.0 [3.5-99.9]|{}", number + 3, number + 3))?;
    }
    // A midnight in Geneva stays in its year.
    let begins = "select count(*) from staging.gho_ncd_mortality where cast(timedim as text) <> substr(timedimensionbegin, 1, 4)";
    same(database.text(begins).await?, "0")?;
    same(database.text("select max(length(comments)) from staging.gho_breast_cancer").await?, "296")?;
    let words = "select distinct value, numericvalue from staging.gho_breast_cancer";
    same(database.text(words).await?, "Yes|∅")
}

async fn the_example_answers(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = Arc::clone(&OBSERVATIONS);
    let answer = move |call: Call| match call.path.as_str() {
        "/api/WHOSIS_000001" => odata(&all, &call, Ways { counts: true, ..Ways::default() }),
        _ => ok(&json!({"value": []})),
    };
    let api = Api::new(answer).await?;
    copy_plugins(&workdir, &api.base)?;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gho");
    for folder in ["sql/pipeline", "sql/analysis"] {
        for entry in fs::read_dir(example.join(folder))? {
            let entry = entry?;
            fs::copy(entry.path(), workdir.path(folder).join(entry.file_name()))?;
        }
    }
    let readme = fs::read_to_string(example.join("README.md"))?;
    let commands: Vec<Vec<_>> =
        readme.lines().filter_map(|line| line.strip_prefix("$ app ")).map(|line| line.split(' ').collect()).collect();
    same(commands.len(), 6)?;
    for command in &commands {
        let (code, said) = run(&database, &workdir, command).await?;
        right(code == Some(0), &format!("{command:?}: {said}"))?;
    }
    let expected = Expected::of(&OBSERVATIONS, &COUNTRIES.map(|(code, _)| code.to_owned()));
    expected.holds_in(&database, &workdir).await?;
    for line in expected.gained() {
        let cells: Vec<_> = line.split(',').collect();
        let row = [cells[1], cells[3], cells[5], cells[4], cells[7], cells[8]].join(" | ");
        holds(&readme, &format!("| {row} |"))?;
    }
    let short =
        "select year, country, difference from datawarehouse.women_outlive_men where difference < 1 order by year";
    holds(&readme, &short.replace("datawarehouse.", "datawarehouse__"))?;
    holds(&readme, short)?;
    let export = workdir.read("exports/women_outlive_men.csv")?;
    let is_short =
        |line: &&str| line.rsplit(',').next().and_then(|cell| cell.parse().ok()).is_some_and(|years: f64| years < 1.0);
    let found: Vec<_> = export.lines().filter(is_short).collect();
    same(found, vec!["2003,Zimbabwe,45.5,44.7,0.7", "2004,Zimbabwe,45.5,44.9,0.6", "2005,Zimbabwe,46.2,45.3,0.9"])?;
    holds(&readme, "Zimbabwe, by 0.7 years in 2003, 0.6 in 2004 and 0.9 in 2005")?;
    let (_, said) = run(&database, &workdir, &["--pipeline"]).await?;
    holds(&said, "0 changes")?;

    let name = "plugins/gho_life_expectancy/plugin.yaml";
    let yaml = workdir.read(name)?;
    workdir.write(name, yaml.lines().filter(|line| !line.contains(" filter:")).collect::<Vec<_>>().join("\n"))?;
    for command in [&["pull", "gho_life_expectancy"][..], &["--pipeline"], &["--analysis"]] {
        let (code, said) = run(&database, &workdir, command).await?;
        right(code == Some(0), &format!("{command:?}: {said}"))?;
    }
    let mut codes: Vec<_> = OBSERVATIONS.iter().filter(|one| one["SpatialDimType"] == "COUNTRY").collect();
    codes.dedup_by_key(|one| one["SpatialDim"].clone());
    let mut codes: Vec<_> = codes.into_iter().map(|one| text(&one["SpatialDim"])).collect();
    codes.sort();
    codes.dedup();
    same(codes.len(), 185)?;
    same(database.text("select count(*) from datawarehouse.fact_life_expectancy").await?, "12210")?;
    same(database.text("select count(*) from datawarehouse.dim_region where dim_region_key <> 0").await?, "6")?;
    Expected::of(&OBSERVATIONS, &codes).holds_in(&database, &workdir).await
}

/// The observations of some countries: value, low and high, in units of 10^-8, by country, year and sex.
struct Expected {
    regions: BTreeMap<String, String>,
    values: BTreeMap<(String, u64, String), [Option<i64>; 3]>,
}

impl Expected {
    fn of(observations: &[Json], codes: &[String]) -> Expected {
        let (mut regions, mut values) = (BTreeMap::new(), BTreeMap::new());
        for one in observations.iter().filter(|one| codes.contains(&text(&one["SpatialDim"]))) {
            let code = text(&one["SpatialDim"]);
            let country =
                COUNTRIES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| (*name).to_owned());
            regions.insert(country.clone(), text(&one["ParentLocation"]));
            let year = one["TimeDim"].as_u64().unwrap_or_default();
            let numbers = ["NumericValue", "Low", "High"].map(|name| Some((one[name].as_f64()? * 1e8).round() as i64));
            values.insert((country, year, text(&one["Dim1"])), numbers);
        }
        Expected { regions, values }
    }

    /// The value of a country in a year.
    fn value(&self, country: &str, year: u64, sex: &str) -> i64 {
        self.values[&(country.to_owned(), year, sex.to_owned())][0].expect("each has a value")
    }

    fn years(&self, country: &str) -> Vec<u64> {
        let own = self.values.keys().filter(|(own, _, sex)| own == country && sex == "SEX_BTSX");
        own.map(|(_, year, _)| *year).collect()
    }

    /// `region,country,first_year,at_first,lowest_year,lowest,last_year,at_last,gained`.
    fn gained(&self) -> Vec<String> {
        let mut lines: Vec<_> = self
            .regions
            .iter()
            .map(|(country, region)| {
                let years = self.years(country);
                let at = |year: u64| self.value(country, year, "SEX_BTSX");
                let (first, last) = (years[0], years[years.len() - 1]);
                let lowest = years.iter().copied().min_by_key(|year| at(*year)).unwrap_or_default();
                let gained = at(last) - at(first);
                let [first_value, low, last_value] = [first, lowest, last].map(|year| tenths(at(year)));
                let line = format!(
                    "{region},{country},{first},{first_value},{lowest},{low},{last},{last_value},{}",
                    tenths(gained)
                );
                (-rounded(gained), country.clone(), line)
            })
            .collect();
        lines.sort();
        lines.into_iter().map(|(.., line)| line).collect()
    }

    async fn holds_in(&self, database: &TestDatabase, workdir: &Workdir) -> Outcome {
        let cells = "select country.country_code, year.year, sex.sex_code, fact.value, fact.low, fact.high \
                     from datawarehouse.fact_life_expectancy as fact \
                     join datawarehouse.dim_country as country on country.dim_country_key = fact.country_key \
                     join datawarehouse.dim_sex as sex on sex.dim_sex_key = fact.sex_key \
                     join datawarehouse.dim_year as year on year.dim_year_key = fact.year_key";
        same(database.text(cells).await?.lines().count(), self.values.len())?;
        let (mut by_country, mut difference) = (Vec::new(), Vec::new());
        for country in self.regions.keys() {
            for year in self.years(country) {
                let both = self.values[&(country.clone(), year, "SEX_BTSX".to_owned())];
                by_country.push(format!(
                    "{year},{country},{}",
                    both.map(|number| number.map_or_else(String::new, tenths)).join(",")
                ));
                let [women, men] = ["SEX_FMLE", "SEX_MLE"].map(|sex| self.value(country, year, sex));
                difference.push(format!("{year},{country},{},{},{}", tenths(women), tenths(men), tenths(women - men)));
            }
        }
        for (name, header, lines) in [
            ("life_expectancy_by_country", "year,country,life_expectancy,low,high", by_country),
            ("women_outlive_men", "year,country,women,men,difference", difference),
            (
                "years_gained",
                "region,country,first_year,at_first,lowest_year,lowest,last_year,at_last,gained",
                self.gained(),
            ),
        ] {
            let export = workdir.read(&format!("exports/{name}.csv"))?;
            let (said, rows) = export.split_once('\n').unwrap_or_default();
            same((name, said), (name, header))?;
            // The engines put small and capital letters in an order of their own.
            let sorted = |mut rows: Vec<String>| {
                rows.sort();
                rows
            };
            same(sorted(rows.lines().map(str::to_owned).collect()), sorted(lines))?;
        }
        let page = workdir.read("exports/index.html")?;
        same(page.matches("<svg").count() >= 3, true)
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Tenths, half away from zero.
fn rounded(value: i64) -> i64 {
    (value.abs() + 5_000_000) / 10_000_000 * value.signum()
}

fn tenths(value: i64) -> String {
    let tenths = rounded(value);
    format!("{}{}.{}", if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10)
}
