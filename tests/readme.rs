//! The README's `console` blocks do what they say, in the order in which they stand.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;

use crate::support::{Outcome, Workdir, alone, holds, same};

pub fn cases() -> Vec<Trial> {
    [
        alone("readme::console_blocks_run", console_blocks_run),
        alone("readme::settings_and_examples_are_complete", settings_and_examples_are_complete),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn project_file(name: &str) -> anyhow::Result<String> {
    Ok(fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))?)
}

async fn console_blocks_run(workdir: Workdir) -> Outcome {
    workdir.copy_example_sql()?;
    fs::create_dir(workdir.path("samples"))?;
    workdir.write("samples/2019_free_title_data.csv", project_file("samples/2019_free_title_data.csv")?)?;
    let readme = project_file("README.md")?;
    let blocks = readme.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let commands: Vec<_> = blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ ")).collect();
    same(commands.len() > 8, true)?;
    let folder = Path::new(env!("CARGO_BIN_EXE_app")).parent().unwrap_or(Path::new("/")).display();
    let mut all = String::new();
    for command in commands {
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(workdir.path(""))
            .env_clear()
            .env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"))
            .output()?;
        same((command, output.status.code()), (command, Some(0)))?;
        all += &String::from_utf8_lossy(&output.stdout);
    }
    for words in [
        "harbour clerk",
        "0 changes",
        "same content as load 1",
        "a quote is opened and never closed",
        "id;name;price\n2;\"Brot;3.20\n",
    ] {
        holds(&all, words)?;
    }
    Ok(())
}

/// The README's plugin is one.
async fn settings_and_examples_are_complete(workdir: Workdir) -> Outcome {
    let text = project_file("README.md")?;
    let yaml = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    fs::create_dir_all(workdir.path("plugins/orders"))?;
    workdir.write("plugins/orders/plugin.yaml", yaml)?;
    let plugins = sluice::dataset::plugin::Plugins::read(&workdir.path("plugins"), &|_| Ok(None))?;
    same((plugins.claims("orders_7.csv"), plugins.claims("other.csv")), (true, false))?;
    let (readme, example) = (project_file("README.md")?, project_file(".env.example")?);
    for known in &sluice::settings::KNOWN {
        holds(&example, &format!("#{}={}\n", known.name, known.default))?;
        holds(&readme, &format!("`{}`", known.name))?;
        holds(&readme, &format!("`{}`", known.default))?;
    }
    Ok(())
}
