//! `app plugin enable`, `app plugin disable`: one line of the plugin's file.

use std::io::Write;

use anyhow::Context;

use crate::cli::End;
use crate::daemon::Usage;
use crate::dataset::plugin::{Listed, switched};
use crate::text::shown::path;

pub(super) fn run(plugin: &Listed, name: &str, enabled: bool) -> anyhow::Result<End> {
    if let Some(group) = plugin.group.as_deref().filter(|group| *group != name) {
        let word = if enabled { "enable" } else { "disable" };
        return Err(Usage(format!(
            "enabled stands for all of {group}: app plugin {word} {group}; which of its pulls run, its run says"
        ))
        .into());
    }
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
    writeln!(crate::text::shown::stdout(), "{name} is {state} ({shown})")?;
    Ok(End::Done)
}
