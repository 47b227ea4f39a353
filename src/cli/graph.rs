//! `app graph`: the lineage of tables.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::End;
use crate::daemon::{self, Usage};
use crate::dataset::plugin::Plugins;
use crate::ops::graph::{Graph, dot, mermaid, read, svg};
use crate::settings::Settings;

/// The formats of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Text that GitHub draws
    Mermaid,
    /// Text for Graphviz
    Dot,
    /// A picture
    Svg,
}

/// The arguments of `app graph`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  app graph --output star.svg")]
pub(super) struct Wanted {
    /// The format [default: by the extension of PATH, or mermaid]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write a file, instead of printing
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// With columns, their sources and the references of keys; for tables that do not exist yet, the columns that the
    /// files name
    #[arg(long)]
    columns: bool,
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    let Wanted { format, output, columns } = wanted;
    let ending = output.as_deref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    let format = match (format, ending) {
        (Some(format), _) => format,
        (None, Some("svg")) => Format::Svg,
        (None, Some("dot" | "gv")) => Format::Dot,
        (None, None | Some("mmd" | "mermaid" | "md" | "txt")) => Format::Mermaid,
        (None, Some(ending)) => {
            let why = "say --format, or let PATH end in .svg, .dot or .mmd";
            return Err(Usage(format!("nothing is drawn as .{ending}: {why}")).into());
        }
    };
    let plugins = Plugins::read(&settings.folders.plugins_dir, &|name| settings.variable(name))
        .map_err(|error| Usage(error.to_string()))?;
    let app = match daemon::look(settings).await {
        Ok(app) => Some(app),
        // Without a warehouse, the files alone tell its shape.
        Err(error) if error.is::<Usage>() => None,
        Err(error) => return Err(error),
    };
    let names = settings.names();
    let parts = read(&settings.folders.sql_dir, &plugins, &names, app.as_ref(), columns).await?;
    let graph = Graph::of(&parts, &names);
    if graph.nodes.is_empty() {
        return Err(Usage("there is nothing to draw yet: no file was loaded, and sql/ has no files".to_owned()).into());
    }
    let text = match format {
        Format::Mermaid => mermaid(&graph),
        Format::Dot => dot(&graph),
        Format::Svg => svg(&graph),
    };
    let mut out = crate::text::shown::stdout();
    match output {
        None => write!(out, "{text}")?,
        Some(path) => {
            std::fs::write(&path, text).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
            writeln!(out, "{} tables, views and files in {}", graph.nodes.len(), path.display())?;
        }
    }
    Ok(End::Done)
}
