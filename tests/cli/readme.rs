//! The `console` blocks of the README and of the book in `docs/` do what they say, in the order in which they stand.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

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
    run_text(page, &project_file(page)?, folder)
}

/// The same for a part of a page.
fn run_text(page: &str, text: &str, folder: &Path) -> anyhow::Result<String> {
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

/// The sample is run in what a clone of this repository has; all that follows in a folder with nothing in it.
async fn console_blocks_run(workdir: Workdir) -> Outcome {
    workdir.copy_example_sql()?;
    fs::create_dir(workdir.path("samples"))?;
    workdir.write("samples/2019_free_title_data.csv", project_file("samples/2019_free_title_data.csv")?)?;
    let text = project_file("README.md")?;
    let (sample, own) = text.split_once("\n## Your own star").context("README.md has lost a heading")?;
    let all = run_text("README.md", sample, &workdir.path(""))?;
    for words in ["harbour clerk", "0 changes", "same content as load 1"] {
        holds(&all, words)?;
    }
    // Each section by itself, too: a reader may begin with any of them.
    let parts = own.split("\n## ").filter(|part| part.contains("```console\n"));
    for (number, (part, words)) in parts
        .zip([&["orders.csv line 3"][..], &["a quote is opened and never closed", "id;name;price\n2;\"Brot;3.20\n"]])
        .enumerate()
    {
        let folder = workdir.path(&format!("empty{number}"));
        fs::create_dir(&folder)?;
        let all = run_text("README.md", part, &folder)?;
        words.iter().try_for_each(|words| holds(&all, words))?;
    }
    same(own.matches("```console\n").count(), 3)
}

/// Each page in a folder of its own, with nothing in it: a page makes the folders that it needs.
async fn console_blocks_of_the_book_run(workdir: Workdir) -> Outcome {
    let mut ran = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".md") {
            continue;
        }
        let folder = workdir.path(&format!("book/{name}"));
        fs::create_dir_all(&folder)?;
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
