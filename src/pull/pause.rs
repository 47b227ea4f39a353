//! Pauses between the tries of a request: growing ones of our own, and those that a server asks for.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

/// First pause.
const FIRST: Duration = Duration::from_millis(500);

/// Longest pause of our own.
const LONGEST: Duration = Duration::from_secs(60);

/// Pause before a try, counted from 1: twice the one before, less up to a half by `chance` from 0 to 1, so that many do not come
/// together.
pub(super) fn pause(tried: u32, chance: f64) -> Duration {
    let whole = FIRST.saturating_mul(1 << tried.saturating_sub(1).min(20)).min(LONGEST);
    whole.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
}

/// Pause that a server asks for by `Retry-After`: seconds, or one of the three dates of RFC 9110, which count from its own `Date`,
/// as its clock may be wrong.
pub(super) fn asked(retry_after: Option<&str>, date: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Duration> {
    let text = retry_after?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = time(text)?;
    Some((at - date.unwrap_or(now)).to_std().unwrap_or(Duration::ZERO))
}

/// Time of a header: IMF-fixdate, RFC 850 or asctime.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text.trim()).ok().map(|time: SystemTime| time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_retry_after_is_read_by_the_servers_clock() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let date = time("Sun, 06 Nov 1994 08:49:37 GMT");
        let forms =
            ["Sun, 06 Nov 1994 08:50:37 GMT", "Sunday, 06-Nov-94 08:50:37 GMT", "Sun Nov  6 08:50:37 1994", "60"];
        for form in forms {
            assert_eq!(asked(Some(form), date, now), Some(Duration::from_secs(60)), "{form}");
        }
        assert_eq!(asked(Some("Sun, 06 Nov 1994 08:48:37 GMT"), date, now), Some(Duration::ZERO));
        assert_eq!(asked(Some("soon"), date, now), None);
        assert_eq!(asked(None, date, now), None);
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        let pauses: Vec<_> = (1..12).map(|tried| pause(tried, 0.0)).collect();
        assert_eq!(pauses[..3], [500, 1000, 2000].map(Duration::from_millis));
        assert_eq!(pauses[10], LONGEST);
        assert_eq!(pause(1, 1.0), Duration::from_millis(250));
    }
}
