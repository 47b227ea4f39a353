//! `app --analysis`: makes the views, prints the first rows of each, exports all.

use std::io::Write;

use super::{End, screen, table};
use crate::analysis::{self, Answers, PAGE, SHOWN};
use crate::app::App;
use crate::daemon;
use crate::settings::Settings;
use crate::text::counted;

pub(super) async fn run(settings: &Settings, json: bool) -> anyhow::Result<End> {
    let app = daemon::connect(settings).await?;
    print(&app, json).await
}

/// Runs the analysis and prints its results.
pub(super) async fn print(app: &App, json: bool) -> anyhow::Result<End> {
    let Answers { answers, failures } = analysis::answer_all(&app.workspace).await?;
    let total = answers.len() + failures.len();
    for answer in answers {
        if json {
            table::print_json(&answer)?;
            continue;
        }
        let rows: Vec<Vec<String>> = answer
            .first
            .iter()
            .map(|row| row.iter().map(|cell| table::shortened(cell.as_deref().unwrap_or_default())).collect())
            .collect();
        let headers: Vec<_> = answer.columns.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let shown = match answer.rows {
            1 => "1 row".to_owned(),
            rows if rows > SHOWN as u64 => format!("first {SHOWN} of {rows} rows"),
            rows => counted(rows, "row"),
        };
        writeln!(
            screen::stdout(),
            "{} ({shown}; all in {})",
            crate::text::shown::shown(&answer.view),
            crate::text::shown::path(&answer.path)
        )?;
        table::print(&headers, &rows)?;
        writeln!(screen::stdout())?;
    }
    if !json {
        writeln!(
            screen::stdout(),
            "All of them on one page: {}",
            crate::text::shown::path(&app.workspace.exports.join(PAGE))
        )?;
    }
    for (view, failure) in &failures {
        if json {
            table::print_json(&serde_json::json!({ "view": view, "error": failure.error.to_string() }))?;
        }
        writeln!(crate::text::shown::stderr(), "error: {}", failure.error)?;
    }
    if !failures.is_empty() {
        let all = counted(total as u64, "question");
        writeln!(crate::text::shown::stderr(), "{} of {all} could not be answered", failures.len())?;
    }
    Ok(if failures.is_empty() { End::Done } else { End::Failed })
}
