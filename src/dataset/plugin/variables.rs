//! `!env NAME` in a `plugin.yaml`, and `!NAME` in one of the older form: the values of variables in their place, and their
//! substitutes in messages.

use std::collections::BTreeMap;

use super::Variable;
use super::older::TAG;
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
        if !SAID.iter().any(|word| line.starts_with(word)) && !is_database(value) {
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

/// True for the address of a database, whose password alone is secret.
fn is_database(value: &str) -> bool {
    ["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| value.starts_with(scheme))
}

/// Replaces `!env NAME` by the values of variables, quoted as JSON; in the older form `!NAME` too.
pub(super) fn with_variables(
    text: &str,
    is_older: bool,
    variable: &Variable<'_>,
    secrets: &mut Secrets,
) -> Result<String, Wrong> {
    let mut filled = String::with_capacity(text.len());
    for (number, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some((at, length)) = next_sign(rest, is_older) {
            let (before, sign) = (&rest[..at], &rest[at..at + length]);
            let is_value = before.is_empty() || before.ends_with([' ', '[', '{', ',', '\t']);
            let is_comment = before.trim_start().starts_with('#') || before.contains(" #");
            let after = rest[at + length..].trim_start();
            let end = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let name = &after[..end.unwrap_or(after.len())];
            filled.push_str(before);
            if is_value && !is_comment && !name.is_empty() {
                let wrong = |why| Wrong { line: Some(number as u64 + 1), why };
                let value = variable(name).map_err(wrong)?;
                let unset = || wrong(format!("!env {name}: {name} is not set in the environment or .env"));
                let value = match value {
                    Some(value) => {
                        secrets.keep(line, name, &value);
                        value
                    }
                    // A pull that does not run needs none of its variables.
                    None if is_older => format!("{TAG}{name}"),
                    None => return Err(unset()),
                };
                filled.push_str(&serde_json::to_string(&value).unwrap_or_default());
                rest = &after[name.len()..];
            } else {
                filled.push_str(sign);
                rest = &rest[at + length..];
            }
        }
        filled.push_str(rest);
        filled.push('\n');
    }
    Ok(filled)
}

/// The place and length of the sign before the next variable of a line: `!env `, or `!` alone where a value of the older form begins.
fn next_sign(line: &str, is_older: bool) -> Option<(usize, usize)> {
    let env = line.find("!env ").map(|at| (at, 5));
    let begins = |at: &usize| {
        let is_value = line[..*at].trim_end().ends_with([':', '[', '{', ',', '-']);
        is_value && line[at + 1..].starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
    };
    let tag = line.match_indices(TAG).map(|(at, _)| at).find(begins).filter(|_| is_older).map(|at| (at, 1));
    env.into_iter().chain(tag).min_by_key(|(at, length)| (*at, std::cmp::Reverse(*length)))
}
