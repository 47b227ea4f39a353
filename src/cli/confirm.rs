//! The question before an action that cannot be undone.

use std::io::{BufRead, IsTerminal, Write};

use crate::daemon::Usage;
use crate::text::shown;

/// Returns true if a person agrees to the action of `command`.
///
/// # Errors
/// [`Usage`] if nobody can be asked; `dry_run` is the command that only shows the action.
pub(super) fn confirm(command: &str, would: &str, question: &str, dry_run: &str) -> anyhow::Result<bool> {
    let refusal = format!(
        "{command} cannot be undone and nobody can be asked here: say --yes, or see what it would do by {dry_run}"
    );
    agree(refusal, &format!("{would}\n{question} It cannot be undone."))
}

/// Returns true if a person says yes to the question; `refusal` is the error where nobody can be asked.
///
/// # Errors
/// [`Usage`] if nobody can be asked.
pub(super) fn agree(refusal: String, question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Usage(refusal).into());
    }
    writeln!(shown::stderr(), "{question} [y/N]")?;
    let is_yes = is_yes(std::io::stdin().lock())?;
    if !is_yes {
        writeln!(shown::stderr(), "nothing was done")?;
    }
    Ok(is_yes)
}

/// Returns true if the first line says yes; no line says no.
fn is_yes(mut input: impl BufRead) -> std::io::Result<bool> {
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_yes_is_one() {
        for (answer, expected) in [
            ("y\n", true),
            (" YES \n", true),
            ("yes", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("yess\n", false),
            ("\ny\n", false),
        ] {
            assert_eq!(is_yes(answer.as_bytes()).unwrap(), expected, "{answer:?}");
        }
    }
}
