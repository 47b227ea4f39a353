//! `!env NAME` in a `plugin.yaml`: the values of variables in their place, and their substitutes in messages.

use std::collections::BTreeMap;

use super::Variable;
use super::yaml::Wrong;
use crate::schema::{column_names, table_name};
use crate::text::secrets;
use crate::text::shown::lines;

/// Keys whose values the program shows by their nature.
const SAID: [&str; 3] = ["name:", "table:", "files:"];

/// Words of every condition.
const WORDS: [&str; 4] = ["between", "null", "true", "false"];

/// Values of variables, with their substitutes in messages.
#[derive(Default)]
pub(super) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    fn keep(&mut self, line: &str, name: &str, value: &str) {
        let shown = format!("!env {name}");
        if !SAID.iter().any(|word| line.starts_with(word)) {
            secrets::keep(value, &shown);
        }
        // The proposed names are hidden too.
        let proposed = [table_name(value), column_names(&[value], None).swap_remove(0)];
        for form in secrets::forms(value).into_iter().chain(proposed) {
            self.0.insert(form, shown.clone());
        }
        // Messages about a condition show its parts.
        if line.trim_start().starts_with("filter:") {
            let parts = value.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            for part in parts.filter(|part| part.chars().count() > 3 && !WORDS.contains(&part.to_lowercase().as_str()))
            {
                secrets::keep(part, &shown);
                self.0.extend(secrets::forms(part).into_iter().map(|form| (form, shown.clone())));
            }
        }
    }

    pub(super) fn hide(&self, text: &str) -> String {
        // Messages of other crates write out some misleading signs, but not all.
        secrets::without(&lines(text), self.0.iter().map(|(value, shown)| (value.as_str(), shown.as_str())))
            .into_owned()
    }
}

/// Replaces `!env NAME` by the values of variables, quoted as JSON.
pub(super) fn with_variables(text: &str, variable: &Variable<'_>, secrets: &mut Secrets) -> Result<String, Wrong> {
    let mut filled = String::with_capacity(text.len());
    for (number, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some(at) = rest.find("!env ") {
            let before = &rest[..at];
            let is_value = before.is_empty() || before.ends_with([' ', '[', '{', ',', '\t']);
            let is_comment = before.trim_start().starts_with('#') || before.contains(" #");
            let after = rest[at + 5..].trim_start();
            let length = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let name = &after[..length.unwrap_or(after.len())];
            filled.push_str(before);
            if is_value && !is_comment && !name.is_empty() {
                let wrong = |why| Wrong { line: Some(number as u64 + 1), why };
                let value = variable(name).map_err(wrong)?;
                let unset = || wrong(format!("!env {name}: {name} is not set in the environment or .env"));
                let value = value.ok_or_else(unset)?;
                secrets.keep(line, name, &value);
                filled.push_str(&serde_json::to_string(&value).unwrap_or_default());
                rest = &after[name.len()..];
            } else {
                filled.push_str("!env ");
                rest = &rest[at + 5..];
            }
        }
        filled.push_str(rest);
        filled.push('\n');
    }
    Ok(filled)
}
