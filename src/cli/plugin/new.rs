//! `app plugin new NAME --from FILE...` or `--url URL`: a first plugin for files of one table, or for an address. Loads nothing, needs no
//! database.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::cli::End;
use crate::clock::Clock;
use crate::daemon::Usage;
use crate::dataset::plugin::Plugins;
use crate::ops::check::{Checked, Started, start};
use crate::ops::plugins::{Drafted, Unfit, draft};
use crate::pull::Client;
use crate::schema::table_name;
use crate::settings::Settings;
use crate::text::counted;
use crate::text::shown::{path as shown_path, shown};

/// The arguments of `app plugin new`.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// The plugin's name: small letters, digits and _
    name: String,
    /// Files of its table
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "url", conflicts_with = "url")]
    from: Vec<PathBuf>,
    /// The address that it pulls; its first page is fetched
    #[arg(long)]
    url: Option<String>,
    /// The variable with the token that the server asks for
    #[arg(long, value_name = "NAME", requires = "url")]
    bearer: Option<String>,
    /// Print the plugin instead of writing it
    #[arg(long)]
    print: bool,
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    let Wanted { name, from, url, bearer, print } = &wanted;
    if table_name(name) != *name {
        return Err(Usage(format!("{name:?} is no plugin's name; {} would be", table_name(name))).into());
    }
    let place = settings.folders.plugins_dir.join(name).join("plugin.yaml");
    if place.exists() && !print {
        return Err(Usage(format!("{} is there already; --print shows what it would be", shown_path(&place))).into());
    }
    let place = Some(place.as_path()).filter(|_| !print);
    match url {
        Some(url) => for_address(settings, name, (url, bearer.as_deref()), place).await,
        None => for_files(settings, name, from, place).await,
    }
}

async fn for_files(settings: &Settings, name: &str, from: &[PathBuf], place: Option<&Path>) -> anyhow::Result<End> {
    if let Some(absent) = from.iter().find(|path| !path.is_file()) {
        return Err(Usage(format!("there is no file {}", shown_path(absent))).into());
    }
    let folder = &settings.folders.plugins_dir;
    let plugins = Plugins::read(folder, &|name| settings.variable(name)).map_err(|error| Usage(error.to_string()))?;
    if place.is_some() {
        let claimed = from.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy());
        if let Some(claimed) = claimed.into_iter().find(|name| plugins.claims(name)) {
            return Err(
                Usage(format!("a plugin claims {} already: app check shows how it is read", shown(&claimed))).into()
            );
        }
    }
    let Started { yaml, files, table, checked } = start(name, from, settings.archives.limits()).await?;
    let mut out = crate::text::shown::stdout();
    let Some(place) = place else {
        write!(out, "{yaml}")?;
        return Ok(End::Done);
    };
    write_new(place, &yaml)?;
    writeln!(out, "wrote {}: {} -> staging.{table}", shown_path(place), shown(&files.join(" ")))?;
    say(&mut out, &checked)?;
    writeln!(out, "Next: look it over, then app check FILE, and drop the files into imports/")?;
    Ok(ended(&checked))
}

async fn for_address(
    settings: &Settings,
    name: &str,
    (url, bearer): (&str, Option<&str>),
    place: Option<&Path>,
) -> anyhow::Result<End> {
    let variable = |name: &str| settings.variable(name);
    if let Some(variable) = bearer
        && settings.variable(variable).map_err(Usage)?.is_none()
    {
        return Err(Usage(format!("--bearer {variable}: {variable} is not set in the environment or .env")).into());
    }
    let client = Client::new(&Clock::default())?;
    let drafted = draft(name, (url, bearer), settings.archives.limits(), &client, &variable).await;
    let drafted =
        drafted.map_err(|error| error.downcast::<Unfit>().map_or_else(|error| error, |unfit| Usage(unfit.0).into()))?;
    let Drafted { yaml, page, checked, variable } = drafted;
    let mut out = crate::text::shown::stdout();
    let Some(place) = place else {
        write!(out, "{yaml}")?;
        return Ok(End::Done);
    };
    write_new(place, &yaml)?;
    writeln!(out, "wrote {}: {} -> staging.{name}", shown_path(place), if page.is_odata { "OData" } else { "http" })?;
    say(&mut out, &checked)?;
    if page.records.is_empty() {
        writeln!(out, "  the first page has no records: the columns are found by the first pull")?;
    }
    let said =
        page.said.map_or_else(String::new, |said| format!(" of {} that the server says", counted(said, "record")));
    match (page.is_unpaged, page.has_next) {
        (true, _) => writeln!(
            out,
            "  it shows no way to a next page{said}: say paginate in the plugin, {{by: none}} if it is all; without it a pull stops"
        )?,
        (false, true) => writeln!(out, "  another page follows{said}: {}", page.way)?,
        (false, false) => writeln!(out, "  it is the last page{said}: {}", page.end)?,
    }
    if let Some(variable) = variable {
        writeln!(
            out,
            "  the credential in the address was not written: put it into {variable}, in the environment or .env"
        )?;
    }
    writeln!(out, "Next: look it over (mode, key, since), then app plugin check {name}, and app pull {name}")?;
    Ok(ended(&checked))
}

/// Writes the plugin's file where there is none.
fn write_new(place: &Path, yaml: &str) -> anyhow::Result<()> {
    let made = fs::create_dir_all(place.parent().unwrap_or(place))
        .and_then(|()| fs::File::create_new(place))
        .and_then(|mut file| file.write_all(yaml.as_bytes()));
    made.with_context(|| format!("cannot write {}", shown_path(place)))
}

fn say(out: &mut impl Write, checked: &[Checked]) -> std::io::Result<()> {
    for part in checked {
        let typed = part.columns.iter().filter(|column| column.r#type != "text").count();
        writeln!(
            out,
            "  {}: {} read = {} to load + {} rejected; {typed} of {} columns are not text",
            shown(&part.source),
            part.rows_read,
            part.rows_loaded,
            part.rows_rejected,
            part.columns.len()
        )?;
    }
    Ok(())
}

fn ended(checked: &[Checked]) -> End {
    if checked.iter().any(|part| part.rows_rejected > 0) { End::Rejects } else { End::Done }
}
