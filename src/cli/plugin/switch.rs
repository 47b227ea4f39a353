//! `app plugin enable`, `app plugin disable`: one line of the plugin's file.

use std::io::Write;

use anyhow::Context;

use crate::cli::End;
use crate::daemon::Usage;
use crate::dataset::plugin::Listed;
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

/// The text with the line `enabled:`, behind the one of the name if it has none.
fn switched(text: &str, enabled: bool) -> String {
    let line = format!("enabled: {enabled}");
    let is_key = |line: &str, key: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    match lines.iter().position(|line| is_key(line, "enabled")) {
        Some(place) => {
            let comment = lines[place].find(" #").map(|at| lines[place][at..].to_owned()).unwrap_or_default();
            lines[place] = line + &comment;
        }
        None if enabled => return text.to_owned(),
        None => {
            let place = lines.iter().position(|line| is_key(line, "name")).map_or(0, |place| place + 1);
            lines.insert(place, line);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::switched;

    #[test]
    fn one_line_is_changed() {
        let text = "name: x\nenabled: false  # until May\nfiles: [a]\n";
        assert_eq!(switched(text, true), "name: x\nenabled: true # until May\nfiles: [a]\n");
        assert_eq!(switched("# a\nname: x\nfiles: [a]\n", false), "# a\nname: x\nenabled: false\nfiles: [a]\n");
        assert_eq!(switched("name: x\n", true), "name: x\n");
    }
}
