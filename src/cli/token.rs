//! `app token new NAME`: makes a token for the HTTP API. It is printed once and kept nowhere.

use std::io::Write;

use clap::{Args, Subcommand};

use super::{End, table};
use crate::daemon::Usage;
use crate::settings::{Scope, Token};

/// The arguments of `app token`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  app token new shop --scope write    then API_TOKENS=shop:write:… in .env, and start app again"
)]
pub(super) struct Wanted {
    #[command(subcommand)]
    what: What,
}

/// What is to be done with tokens.
#[derive(Debug, Subcommand)]
enum What {
    /// Makes a token, and the entry of API_TOKENS by which it is known
    New {
        /// The name of its holder, for the log
        name: String,
        /// What it allows
        #[arg(long, value_enum, default_value = "read")]
        scope: Scope,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(wanted: &Wanted) -> anyhow::Result<End> {
    let What::New { name, scope, json } = &wanted.what;
    let (text, token) = Token::make(name, *scope).map_err(Usage)?;
    if *json {
        table::print_json(&Made { token: &text, entry: token.to_string() })?;
        return Ok(End::Done);
    }
    let mut out = crate::text::shown::stdout();
    writeln!(out, "{text}")?;
    let mut aside = crate::text::shown::stderr();
    let what = "This is the token: it is shown once, and kept nowhere.";
    writeln!(aside, "{what} Add its entry to API_TOKENS, behind a comma if there are others:")?;
    writeln!(aside, "{token}")?;
    writeln!(aside, "Start app again then. Without the entry the token is worth nothing: that takes it back.")?;
    Ok(End::Done)
}

/// A token that was made.
#[derive(serde::Serialize)]
struct Made<'a> {
    /// The token, for its holder.
    token: &'a str,
    /// The entry of `API_TOKENS`.
    entry: String,
}
