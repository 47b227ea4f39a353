//! Days and moments of typed columns as text, in ISO 8601.

use std::fmt::Write;

/// A unit of time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit(pub(crate) i64);

pub(crate) const NANOS_A_DAY: i64 = 86_400_000_000_000;

pub(crate) const NANOS: Unit = Unit(1);

pub(crate) const MICROS: Unit = Unit(1_000);

pub(crate) const MILLIS: Unit = Unit(1_000_000);

/// Writing to memory does not fail.
pub(crate) fn put(what: std::fmt::Arguments<'_>, out: &mut String) {
    let _ = out.write_fmt(what);
}

/// Writes the day `days` after 1970-01-01.
pub(crate) fn put_date(days: i64, out: &mut String) {
    put_moment(days, Unit(NANOS_A_DAY), |moment| moment.format("%Y-%m-%d"), "", out);
}

pub(crate) fn put_timestamp(value: i64, unit: Unit, zone: &str, out: &mut String) {
    put_moment(value, unit, |moment| moment.format("%Y-%m-%d %H:%M:%S"), zone, out);
}

/// Writes the moment `units` after 1970-01-01, with the fraction of a second if there is one; the bare number if no
/// calendar has it.
pub(crate) fn put_moment<F: std::fmt::Display>(
    units: i64,
    Unit(nanos): Unit,
    shown: impl Fn(chrono::DateTime<chrono::Utc>) -> F,
    zone: &str,
    out: &mut String,
) {
    let all = i128::from(units) * i128::from(nanos);
    let seconds = i64::try_from(all.div_euclid(1_000_000_000)).ok();
    // The rest of a second fits.
    let fraction = all.rem_euclid(1_000_000_000) as u32;
    let Some(moment) = seconds.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, fraction)) else {
        return put(format_args!("{units}"), out);
    };
    put(format_args!("{}", shown(moment)), out);
    if fraction > 0 {
        put(format_args!(".{fraction:09}"), out);
        out.truncate(out.trim_end_matches('0').len());
    }
    out.push_str(zone);
}
