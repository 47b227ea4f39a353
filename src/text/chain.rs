//! An error with what is beneath it, nothing twice.

/// The error and its causes on one line; a cause is left out that the words above it end with already.
pub fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text += &format!(": {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read: {0}")]
    struct Said(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Same(#[from] Said);

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let denied = || io::Error::from_raw_os_error(libc::EACCES);
        let once = "Permission denied (os error 13)";
        assert_eq!(chain(&denied().into()), once);
        assert_eq!(chain(&Said(denied()).into()), format!("cannot read: {once}"));
        assert_eq!(chain(&Same(Said(denied())).into()), format!("cannot read: {once}"));
        assert_eq!(chain(&anyhow::Error::new(denied()).context("a.csv")), format!("a.csv: {once}"));
        assert_eq!(chain(&anyhow::Error::new(denied()).context(once)), once);
    }
}
