//! `app plugin add WHAT`: a plugin from a folder, an archive or an address. Shows what it would do, and asks.

use std::io::Write;

use clap::Args;

use crate::cli::confirm::agree;
use crate::cli::{End, table};
use crate::clock::Clock;
use crate::daemon::Usage;
use crate::dataset::plugin::{Named, Offered};
use crate::ops::plugins::{Given, Offer, Unfit, offer};
use crate::pull::Client;
use crate::settings::Settings;
use crate::text::shown::path;

/// The arguments of `app plugin add`.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// A folder with a plugin.yaml, or an archive with one (.zip, .tar.gz, .tgz), or the address of an archive
    #[arg(value_name = "PATH-OR-URL")]
    what: String,
    /// The sum that the archive has to have, in hexadecimal digits
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    let Wanted { what, sha256, yes, json } = wanted;
    let given = Given::of(&what).map_err(usage)?;
    let client = Client::new(&Clock::default())?;
    let variable = |name: &str| settings.variable(name);
    let (folder, limits) = (&settings.folders.plugins_dir, settings.archives.limits());
    let offered = offer(&given, sha256.as_deref(), folder, limits, &client, &variable).await;
    let offered = offered.map_err(|error| error.downcast::<Unfit>().map_or_else(|error| error, usage))?;
    let mut out = crate::text::shown::stdout();
    if !json {
        describe(&mut out, &offered)?;
    }
    if !yes {
        let sum = match (&given, &offered.sha256) {
            (Given::Url(_), Some(sum)) => format!(" --sha256 {sum}"),
            _ => String::new(),
        };
        let refusal = format!(
            "nobody can be asked here, and nothing was added: if it is right, app plugin add {what}{sum} --yes"
        );
        if !agree(refusal, "Add it?")? {
            return Ok(End::Failed);
        }
    }
    offered.add()?;
    if json {
        table::print_json(&offered)?;
        return Ok(End::Done);
    }
    let name = &offered.plugin.name;
    writeln!(out, "added {}", path(&offered.folder))?;
    let next = match (offered.plugin.sources.first(), offered.plugin.enabled) {
        (_, false) => format!("it is not enabled: app plugin enable {name}"),
        (Some(_), true) => format!("app plugin check {name}, then app pull {name}"),
        (None, true) => "app check FILE, and drop the files into imports/".to_owned(),
    };
    writeln!(out, "Next: {next}")?;
    Ok(End::Done)
}

fn usage(unfit: Unfit) -> anyhow::Error {
    Usage(unfit.0).into()
}

/// Prints what the plugin would do.
fn describe(out: &mut impl Write, offered: &Offer) -> std::io::Result<()> {
    let Offer { plugin, sha256, taken, left_out, .. } = offered;
    let Offered { name, enabled, tables, files, sources, destinations, other_servers, schedule, variables } = plugin;
    let mut line = |word: &str, text: &str| writeln!(out, "  {word:<10} {text}");
    line("plugin", &format!("{name} ({})", if *enabled { "enabled" } else { "not enabled" }))?;
    for source in sources {
        line("fetches", source)?;
    }
    if !other_servers.is_empty() {
        line("", &format!("and from {}", other_servers.join(", ")))?;
    }
    if !files.is_empty() {
        line("loads", &files.join(" "))?;
    }
    if tables.is_empty() {
        line("into", "a table named after each file")?;
    }
    for table in tables {
        line("into", &format!("staging.{table}"))?;
    }
    for destination in destinations {
        line("", &format!("of {destination}"))?;
    }
    match schedule {
        Some(schedule) => line("when", schedule)?,
        None if !sources.is_empty() => line("when", "by hand: it has no schedule")?,
        None => {}
    }
    if !variables.is_empty() {
        let one = |variable: &Named| format!("{} ({})", variable.name, if variable.is_set { "set" } else { "not set" });
        line("reads", &variables.iter().map(one).collect::<Vec<_>>().join(", "))?;
    }
    if let Some(sum) = sha256 {
        line("SHA-256", sum)?;
    }
    line("takes", &taken.join(", "))?;
    if !left_out.is_empty() {
        line("leaves out", &left_out.join(", "))?;
    }
    Ok(())
}
