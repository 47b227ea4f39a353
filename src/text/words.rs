//! Settings whose values are words with a unit: times such as `30m`, sizes such as `100MB`.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

/// A span of time: `90s`, `30m`, `2h`, `1d`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    scaled(text, &[("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)]).map(Duration::from_secs)
}

/// A size in bytes: `1000`, `10MB`, `1GiB`.
pub(crate) fn size(text: &str) -> Option<u64> {
    const KIB: u64 = 1024;
    let units = [
        ("", 1),
        ("b", 1),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("kib", KIB),
        ("mib", KIB * KIB),
        ("gib", KIB * KIB * KIB),
    ];
    scaled(text, &units)
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

pub(crate) fn read_span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    span(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no time")))
}

pub(crate) fn read_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    size(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no size")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        let seconds = |text| span(text).map(|time| time.as_secs());
        assert_eq!(["90s", "30m", "2H", " 1 d "].map(seconds), [Some(90), Some(1800), Some(7200), Some(86400)]);
        assert_eq!(["", "30", "m", "-1m", "1.5h", "30 min", "99999999999999999999s"].map(seconds), [None; 7]);
        assert_eq!(
            ["7", "10MB", "1GB", "1 MiB"].map(size),
            [Some(7), Some(10_000_000), Some(1_000_000_000), Some(1 << 20)]
        );
        assert_eq!(["", "MB", "1TB", "99999999999999999999"].map(size), [None; 4]);
    }
}
