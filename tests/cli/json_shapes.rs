//! The JSON of every command that gives some, by its shape: one file each in tests/golden/json/, the same on both engines.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Map, Value};

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases};

/// `UPDATE_GOLDEN=1` writes the files: by one engine at a time.
static WRITING: Mutex<()> = Mutex::new(());

cases! {
    on_both:
        each_command_keeps_its_shape;
}

const CITY: &str = "/*\nkind: dimension\nkey: city\n*/\nselect distinct city from staging.cities\n";
const ORDER: &str = "/*\nkind: fact\ngrain: id\ndimensions:\n  city: {dimension: dim_city, missing: reject}\n\
                     checks: {accepted: {price: [0]}, severity: warn}\n*/\nselect id, city, price from staging.orders\n";
const SALES: &str = "/* title: Sales */\nselect city, sum(price) as sales from datawarehouse.fact_order f\n\
                     join datawarehouse.dim_city d on d.dim_city_key = f.city_key group by city\n";

async fn each_command_keeps_its_shape(database: TestDatabase, workdir: Workdir) -> Outcome {
    let url = database.url.clone();
    let settings = [("DATABASE_URL", url.as_str()), ("SCHEDULE_PIPELINE", "hourly")];
    let shape = |name: &str, arguments: &[&str]| -> Outcome {
        let output = app(&workdir, arguments, &settings)?;
        let lines = stdout(&output);
        let values = lines.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>();
        let values = values.map_err(|error| anyhow::anyhow!("{name}: {error}: {lines}{}", stderr(&output)))?;
        let found = values.iter().map(of).reduce(merge);
        let Some(found) = found else { anyhow::bail!("{name}: no JSON: {}", stderr(&output)) };
        against(name, &found)
    };
    let orders = "Orders of May\n\nid,city,price\n1,Bern,2.50\n2,Genf,3.25\n3,\"Bern\"x,4\n4,Chur,1\n5,Bern\n";
    workdir.write("orders.csv", orders)?;
    shape("check", &["check", "orders.csv", "--json"])?;
    for (name, text) in [("orders.csv", orders), ("cities.csv", "city\nBern\nGenf\n")] {
        workdir.write(&format!("imports/{name}"), text)?;
    }
    workdir.write("imports/broken.json", "no JSON\n")?;
    workdir.plugin("orders", "name: orders\nfiles: [\"orders*.csv\"]\ntable: orders\nmax_rejects: 50 %\n")?;
    shape("once", &["--once", "--json"])?;
    // By itself: at the same time, either of the two would be the duplicate.
    workdir.write("imports/orders_again.csv", orders)?;
    shape("once", &["--once", "--json"])?;
    workdir.write("sql/pipeline/dim_city.sql", CITY)?;
    workdir.write("sql/pipeline/fact_order.sql", ORDER)?;
    workdir.write("sql/analysis/sales.sql", SALES)?;
    shape("plan", &["plan", "--json"])?;
    shape("pipeline", &["--pipeline", "--json"])?;
    shape("analysis", &["--analysis", "--json"])?;
    workdir.write("sql/analysis/failed.sql", "select ctiy from datawarehouse.dim_city\n")?;
    shape("analysis_failed", &["--analysis", "--json"])?;
    fs::remove_file(workdir.path("sql/analysis/failed.sql"))?;
    shape("status", &["status", "--json"])?;
    shape("loads", &["loads", "--json"])?;
    shape("why", &["why", "orders.csv", "--json"])?;
    shape("rejects", &["rejects", "--json"])?;
    shape("rejects_of_a_fact", &["rejects", "fact_order", "--json"])?;
    shape("trace", &["trace", "fact_order", "--json"])?;
    shape("trace_of_staging", &["trace", "staging.orders", "--json"])?;
    app(&workdir, &["schedule", "run", "pipeline"], &settings)?;
    shape("schedule", &["schedule", "--json"])?;
    shape("config", &["config", "--json"])?;
    shape("doctor", &["doctor", "--json"])?;
    workdir.write("sql/analysis/wrong.sql", "select ctiy from datawarehouse.dim_city\n")?;
    shape("check_sql", &["check", "sql", "--json"])?;
    fs::remove_file(workdir.path("sql/analysis/wrong.sql"))?;
    shape("retry", &["retry", "--json"])?;
    let loads = stdout(&app(&workdir, &["loads", "--json"], &settings)?);
    let loads = loads.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    let is_loaded = |load: &&Value| load["table"] == "orders" && load["status"] == "loaded";
    let loaded = loads.iter().find(is_loaded).map(|load| load["load"].to_string()).unwrap_or_default();
    shape("retract", &["retract", &loaded, "--json", "--yes"])?;
    shape("drop", &["drop", "staging.cities", "--json", "--yes"])
}

fn against(name: &str, found: &Value) -> Outcome {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/json/{name}.json"));
    let found = format!("{}\n", serde_json::to_string_pretty(&sorted(found))?);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let _alone = WRITING.lock();
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(&path, &found)?;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if found != kept {
        anyhow::bail!("{} has another shape; UPDATE_GOLDEN=1 writes it anew: {found}", path.display());
    }
    Ok(())
}

/// The shape of a value: keys as they are, and words for what differs from run to run.
fn of(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "true or false".into(),
        Value::Number(_) => "number".into(),
        Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok() => "time".into(),
        Value::String(_) => "text".into(),
        Value::Array(list) => Value::Array(list.iter().map(of).reduce(merge).into_iter().collect()),
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), of(value))).collect(),
    }
}

/// The shape with its keys in order: in which they come depends on which load was the first.
fn sorted(shape: &Value) -> Value {
    match shape {
        Value::Object(object) => {
            let mut pairs: Vec<_> = object.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            pairs.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(pairs.into_iter().collect())
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        word => word.clone(),
    }
}

/// A shape that both have.
fn merge(one: Value, other: Value) -> Value {
    match (one, other) {
        (one, other) if one == other => one,
        (Value::Array(one), Value::Array(other)) => {
            Value::Array(one.into_iter().chain(other).reduce(merge).into_iter().collect())
        }
        (Value::Object(mut one), Value::Object(other))
            if !one.contains_key("either") && !other.contains_key("either") =>
        {
            let absent = |object: &Map<String, Value>, key: &String| !object.contains_key(key);
            let lacking: Vec<_> = one.keys().filter(|key| absent(&other, key)).cloned().collect();
            for key in lacking {
                let value = one.remove(&key).unwrap_or_default();
                one.insert(key, merge(value, "absent".into()));
            }
            for (key, value) in other {
                let value = match one.remove(&key) {
                    Some(known) => merge(known, value),
                    None => merge(value, "absent".into()),
                };
                one.insert(key, value);
            }
            Value::Object(one)
        }
        (one, other) => {
            let mut either: Vec<Value> = Vec::new();
            for shape in [one, other] {
                match shape {
                    Value::Object(object) if object.contains_key("either") => {
                        either.extend(object["either"].as_array().cloned().unwrap_or_default());
                    }
                    shape => either.push(shape),
                }
            }
            let alike = |shape: &Value| (shape.is_object(), shape.is_array());
            let mut merged: Vec<Value> = Vec::new();
            for shape in either {
                let same_kind = merged
                    .iter()
                    .position(|known| *known == shape || (alike(known) == alike(&shape) && !shape.is_string()));
                match same_kind {
                    Some(at) => {
                        let known = merged.swap_remove(at);
                        merged.push(merge(known, shape));
                    }
                    None => merged.push(shape),
                }
            }
            merged.sort_by_key(ToString::to_string);
            Map::from_iter([("either".to_owned(), Value::Array(merged))]).into()
        }
    }
}
