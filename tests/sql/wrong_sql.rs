//! What is said of files of `sql/` that are wrong: each of `tests/data/wrong.txt` by itself beside files that are right, on both engines.
//! A line for one engine begins with the engine's name, one with the words of PostgreSQL's server with `server`: in another language only
//! its place is compared. `UPDATE_EXPECTED=1` writes what SQLite is told anew.

use std::fs;
use std::path::Path;

use sluice::pipeline::{self, Options, RunError};
use sluice::sql::Engine;
use sluice::sql_check::{Files, check};

use crate::support::cluster::speaks_english;
use crate::support::{Outcome, TestDatabase, Workdir, cases};

cases! {
    on_both:
        what_is_said_of_files_that_are_wrong;
}

/// A file that is wrong, and what is said of it.
struct Case {
    path: String,
    text: String,
    said: Vec<String>,
}

fn read(text: &str) -> anyhow::Result<Vec<Case>> {
    let cases = text.split("=== ").skip(1).map(|case| {
        let (path, rest) = case.split_once('\n').ok_or_else(|| anyhow::anyhow!("no file: {case}"))?;
        let (text, said) = rest.split_once("--- said\n").ok_or_else(|| anyhow::anyhow!("nothing is said: {case}"))?;
        let said = said.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Ok(Case { path: path.to_owned(), text: text.to_owned(), said })
    });
    cases.collect()
}

/// True if a line is the expected one, for this engine.
fn is_as_expected(line: &str, expected: &str) -> bool {
    let place = |line: &str| line.split_once(": ").map(|(place, _)| place.to_owned());
    match expected.strip_prefix("server: ") {
        Some(words) if speaks_english() => line == words,
        Some(words) => place(line) == place(words),
        None => line == expected,
    }
}

async fn what_is_said_of_files_that_are_wrong(database: TestDatabase, workdir: Workdir) -> Outcome {
    let orders = "order_id,customer_id,sold,quantity,price,paid,tags\n1,7,2024-01-01,2,4.50,true,\"[\"\"a\"\"]\"\n";
    workdir.load(&database, "orders.csv", orders).await?;
    workdir.load(&database, "customers.csv", "customer_id,name,city\n7,Ann,Bern\n").await?;
    workdir.write(
        "sql/pipeline/dim_customer.sql",
        "/*\nkind: dimension\nkey: [customer_id]\n*/\nselect customer_id, name, city from staging.customers",
    )?;
    workdir.write("sql/pipeline/dim_day.sql", "/*\nkind: calendar\nfrom: 2024-01-01\nto: 2024-12-31\n*/")?;
    let app = workdir.app(&database);
    pipeline::run(&app.workspace).await?;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wrong.txt");
    let (mut written, mut wrong) = (String::new(), Vec::new());
    let (engine, other) = match database.engine {
        Engine::Sqlite => ("sqlite: ", &["postgres: ", "server: "][..]),
        Engine::Postgres => ("postgres: ", &["sqlite: "][..]),
    };
    for Case { path, text, said } in read(&fs::read_to_string(&golden)?)? {
        let file = workdir.write(&format!("sql/{path}"), text.replace("<BOM>", "\u{feff}").replace("<CR>", "\r"))?;
        let error = match path.starts_with("pipeline") {
            true => pipeline::run_with(&app.workspace, &Options { dry: true, ..Options::default() }).await.err(),
            false => sluice::analysis::run(&app.workspace).await.err(),
        };
        let problems = match Files::read(&app.workspace.sql, database.engine) {
            Ok(files) => check(&files, database.warehouse.names(), Some(&*app.workspace.warehouse)).await?,
            Err(_) => Vec::new(),
        };
        let root = format!("{}/", workdir.path("").display().to_string().trim_end_matches('/'));
        let in_words = |text: String| text.replace(&root, "");
        let is: Vec<_> = match &error {
            Some(RunError::Files(_)) => problems.iter().map(|problem| in_words(problem.to_string())).collect(),
            Some(error) => in_words(format!("when it runs: {error}")).lines().map(str::to_owned).collect(),
            None => vec!["nothing".to_owned()],
        };
        // A run says what the check says.
        if let Some(error @ RunError::Files(_)) = &error {
            let of_run = in_words(error.to_string());
            let of_run = of_run.lines().skip(usize::from(is.len() > 1));
            anyhow::ensure!(of_run.eq(is.iter().map(String::as_str)), "{error}\n{}", is.join("\n"));
        }
        let expected: Vec<_> = said
            .iter()
            .filter(|line| !other.iter().any(|other| line.starts_with(other)))
            .map(|line| line.strip_prefix(engine).unwrap_or(line))
            .collect();
        let is_expected = is.len() == expected.len()
            && is.iter().zip(&expected).all(|(line, expected)| is_as_expected(line, expected));
        if !is_expected {
            wrong.push(format!(
                "{path}\n{text}\n      is {}\nexpected {}",
                is.join("\n         "),
                expected.join("\n         ")
            ));
        }
        let said = if is_expected { said } else { is };
        written.push_str(&format!("=== {path}\n{text}--- said\n{}\n\n", said.join("\n")));
        fs::remove_file(file)?;
    }
    if database.engine == Engine::Sqlite && std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&golden, written)?;
        return Ok(());
    }
    anyhow::ensure!(wrong.is_empty(), "{} are said otherwise:\n{}", wrong.len(), wrong.join("\n\n"));
    Ok(())
}
