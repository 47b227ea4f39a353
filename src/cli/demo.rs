//! `app demo`: the whole path from file to answer, on the sample and the example that ship with the program.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::{End, analysis, pipeline};
use crate::daemon::{self, Until};
use crate::settings::Settings;
use crate::text::counted;

/// The files of the demo, by their path.
const FILES: [(&str, &str); 8] = [
    ("imports/2019_free_title_data.csv", include_str!("../../samples/2019_free_title_data.csv")),
    ("sql/pipeline/dim_title.sql", include_str!("../../sql/pipeline/dim_title.sql")),
    ("sql/pipeline/dim_skill.sql", include_str!("../../sql/pipeline/dim_skill.sql")),
    ("sql/pipeline/fact_title_skill.sql", include_str!("../../sql/pipeline/fact_title_skill.sql")),
    ("sql/pipeline/fact_related_title.sql", include_str!("../../sql/pipeline/fact_related_title.sql")),
    ("sql/analysis/top_related_titles.sql", include_str!("../../sql/analysis/top_related_titles.sql")),
    ("sql/analysis/title_pdl_count.sql", include_str!("../../sql/analysis/title_pdl_count.sql")),
    ("sql/analysis/manager_titles.sql", include_str!("../../sql/analysis/manager_titles.sql")),
];

pub(super) async fn run() -> anyhow::Result<End> {
    let folder = tempfile::Builder::new().prefix("sluice-demo-").tempdir()?.keep();
    for (path, text) in FILES {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(path, text)?;
    }
    let settings = settings(&folder)?;
    let mut out = crate::text::shown::stdout();
    writeln!(out, "The demo is in {}\n\n$ cp 2019_free_title_data.csv imports/ && app --once", folder.display())?;
    let totals = daemon::run(&settings, &settings.folders.imports_dir, Until::Empty, |_, _| {}).await?;
    writeln!(
        out,
        "{} loaded, {} in staging.\"2019_free_title_data\"; the file is gone\n",
        counted(totals.loaded, "file"),
        counted(totals.rows_loaded, "row")
    )?;
    let app = daemon::connect(&settings).await?;
    writeln!(out, "$ app --pipeline")?;
    let started = Instant::now();
    pipeline::print(&crate::pipeline::run(&app.workspace).await?, started, false)?;
    writeln!(out, "\n$ app --analysis")?;
    analysis::print(&app, false).await?;
    writeln!(out, "Look around: cd {} && app loads\nThen remove it: rm -r {}", folder.display(), folder.display())?;
    Ok(if totals.loaded == 1 { End::Done } else { End::Failed })
}

/// Returns the defaults, below the folder: settings of the user's own project do not apply to the demo.
fn settings(folder: &Path) -> anyhow::Result<Settings> {
    let within = |name: &str| folder.join(name).display().to_string();
    let pairs = [
        ("DATABASE_URL", format!("sqlite://{}", within("data/warehouse.db"))),
        ("IMPORTS_DIR", within("imports")),
        ("EXPORTS_DIR", within("exports")),
        ("LOGS_DIR", within("logs")),
        ("SQL_DIR", within("sql")),
        ("PLUGINS_DIR", within("plugins")),
    ];
    Ok(Settings::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)), [])?)
}
