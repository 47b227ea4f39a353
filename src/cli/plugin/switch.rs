//! `app plugin enable`, `app plugin disable`: one line of the plugin's file.

use std::io::Write;

use anyhow::Context;

use crate::cli::End;
use crate::dataset::plugin::{Listed, switched};
use crate::text::shown::path;

pub(super) fn run(plugin: &Listed, enabled: bool) -> anyhow::Result<End> {
    let shown = path(&plugin.path);
    let text = std::fs::read_to_string(&plugin.path).with_context(|| format!("cannot read {shown}"))?;
    let switched = switched(&text, enabled);
    if switched != text {
        // A reader sees the old text or the new one.
        let new = plugin.path.with_extension("yaml.new");
        let written = std::fs::write(&new, &switched).and_then(|()| std::fs::rename(&new, &plugin.path));
        written.with_context(|| format!("cannot write {shown}"))?;
    }
    let state = if enabled { "enabled" } else { "disabled" };
    writeln!(crate::text::shown::stdout(), "{} is {state} ({shown})", plugin.name)?;
    Ok(End::Done)
}
