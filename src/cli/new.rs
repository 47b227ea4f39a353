//! `app new KIND NAME --from TABLE`: a first file of the star.

use std::io::Write;

use clap::Args;

use super::End;
use crate::daemon::{self, Usage};
use crate::ops::draft::{DraftError, write};
use crate::project::KindWord;
use crate::settings::Settings;

/// The arguments of `app new`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  app new dimension dim_customer --from staging.customers")]
pub(super) struct Wanted {
    /// The kind of the table
    #[arg(value_enum)]
    kind: KindWord,
    /// The name: small letters, digits and _, such as dim_customer
    name: String,
    /// The table that its rows come from, such as staging.customers; a calendar takes its years from its days
    #[arg(long, value_name = "TABLE")]
    from: Option<String>,
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    let draft = write(&app, wanted.kind, &wanted.name, wanted.from.as_deref()).await.map_err(|error| match error {
        DraftError::Asked(why) => Usage(why).into(),
        other => anyhow::Error::from(other),
    })?;
    let (mut out, path) = (crate::text::shown::stdout(), draft.path.display());
    writeln!(out, "wrote {path}")?;
    for guess in draft.guesses {
        writeln!(out, "  {guess}")?;
    }
    writeln!(out, "Next: look it over, then app check {path} and app --pipeline")?;
    Ok(End::Done)
}
