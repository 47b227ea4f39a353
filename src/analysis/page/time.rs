//! Moments for people. The page's script keeps the words up to date; without it they are those of the page's making.

use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};

/// Formats a moment: `21 Nov 2026, 11:30 UTC`.
pub(super) fn moment(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(iso(at)) { (at.format("%-d %b %Y, %H:%M UTC")) } }
}

/// Formats a moment with its age: `3 hours ago (21 Nov 2026, 11:30 UTC)`.
pub(super) fn with_words(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! { time.ago datetime=(iso(at)) { (ago(at, now)) } " (" (moment(at)) ")" }
}

fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns the time since then, in words.
fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (now - at).num_minutes();
    let (count, unit) = match minutes {
        ..1 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        1440..86_400 => (minutes / 1440, "day"),
        86_400..1_051_200 => (minutes / 43_200, "month"),
        _ => (minutes / 525_600, "year"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let words = |minutes: i64| ago(now - chrono::TimeDelta::minutes(minutes), now);
        assert_eq!(
            [0, -5, 1, 59, 60, 200, 1440, 14_400].map(words),
            [
                "just now",
                "just now",
                "1 minute ago",
                "59 minutes ago",
                "1 hour ago",
                "3 hours ago",
                "1 day ago",
                "10 days ago"
            ]
        );
        assert_eq!([90_000, 2_000_000].map(words), ["2 months ago", "3 years ago"]);
    }
}
