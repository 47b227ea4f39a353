//! The `console` blocks of the README and of the book in `docs/` do what they say, in the order in which they stand.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Outcome, Workdir, cases, holds, same};

cases! {
    alone:
        console_blocks_run,
        console_blocks_of_the_book_run,
        settings_and_examples_are_complete;
}

fn project_file(name: &str) -> anyhow::Result<String> {
    Ok(fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))?)
}

/// Runs the commands of a page's `console` blocks, one after the other, in a folder; gives what they print.
fn run_page(page: &str, folder: &Path) -> anyhow::Result<String> {
    let text = project_file(page)?;
    let blocks = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let programs = Path::new(env!("CARGO_BIN_EXE_app")).parent().unwrap_or(Path::new("/")).display();
    let mut all = String::new();
    for command in blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ ")) {
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin"))
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{page}: {command}: {}\n{said}", output.status);
        all += &String::from_utf8_lossy(&output.stdout);
    }
    Ok(all)
}

async fn console_blocks_run(workdir: Workdir) -> Outcome {
    workdir.copy_example_sql()?;
    fs::create_dir(workdir.path("samples"))?;
    workdir.write("samples/2019_free_title_data.csv", project_file("samples/2019_free_title_data.csv")?)?;
    let all = run_page("README.md", &workdir.path(""))?;
    for words in [
        "harbour clerk",
        "0 changes",
        "same content as load 1",
        "orders.csv line 3",
        "a quote is opened and never closed",
        "id;name;price\n2;\"Brot;3.20\n",
    ] {
        holds(&all, words)?;
    }
    Ok(())
}

/// Each page in a project of its own, which is empty.
async fn console_blocks_of_the_book_run(workdir: Workdir) -> Outcome {
    let mut ran = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".md") {
            continue;
        }
        let folder = workdir.path(&format!("book/{name}"));
        for part in ["imports", "plugins", "sql/pipeline", "sql/analysis"] {
            fs::create_dir_all(folder.join(part))?;
        }
        ran += usize::from(!run_page(&format!("docs/{name}"), &folder)?.is_empty());
    }
    anyhow::ensure!(ran >= 5, "only {ran} pages have commands that print something");
    Ok(())
}

/// The plugin with everything is one, and no setting is left out of the book and of `.env.example`.
async fn settings_and_examples_are_complete(workdir: Workdir) -> Outcome {
    let text = project_file("docs/plugins.md")?;
    let yaml = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    fs::create_dir_all(workdir.path("plugins/orders"))?;
    workdir.write("plugins/orders/plugin.yaml", yaml)?;
    let plugins = sluice::dataset::plugin::Plugins::read(&workdir.path("plugins"), &|_| Ok(None))?;
    same((plugins.claims("orders_7.csv"), plugins.claims("other.csv")), (true, false))?;
    let (page, example) = (project_file("docs/settings.md")?, project_file(".env.example")?);
    for known in &sluice::settings::KNOWN {
        holds(&example, &format!("#{}={}\n", known.name, known.default))?;
        holds(&page, &format!("`{}`", known.name))?;
        holds(&page, &format!("`{}`", known.default))?;
    }
    Ok(())
}
