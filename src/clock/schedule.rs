//! The moments of a schedule: `hourly`, `daily 06:00`, `every 15m`, or a pattern of cron, in a time zone. Text and time in, time
//! out: it runs nothing.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;
use croner::parser::{CronParser, Year};

use crate::text::nearest;
use crate::text::words::span;

/// The ways to say one, for errors.
const WAYS: &str =
    "hourly, daily 06:00, every 15m, or five or six words of cron such as \"0 6 * * 1-5\"; a time zone may follow";

/// Words for patterns of cron.
const NICKNAMES: [&str; 6] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"];

/// The longest time that `every` takes.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// A time zone by its name, such as `Europe/Zurich`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

/// A schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The text, without its zone.
    text: String,
    ticks: Ticks,
    zone: Zone,
}

#[derive(Clone, Debug, PartialEq)]
enum Ticks {
    /// So many seconds apart, counted from 1970-01-01 00:00 UTC: every program names the same moments.
    Every(i64),
    /// By the clock on the wall of the zone.
    Cron(Box<Cron>),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone(Tz::UTC);

    /// The zone of this name.
    ///
    /// # Errors
    /// In words, with the nearest name.
    pub fn parse(name: &str) -> Result<Zone, String> {
        name.parse().map(Zone).map_err(|_| {
            let hint = nearest(name, TZ_VARIANTS.iter().map(|zone| zone.name()));
            format!("no time zone is called {name:?}{hint}; such as Europe/Zurich or UTC")
        })
    }

    /// The zone that the variable `TZ` names: UTC where it is empty.
    ///
    /// # Errors
    /// In words: a zone by its rules, or a file.
    pub fn of_variable(value: Option<&str>) -> Result<Zone, String> {
        match value.map(|value| value.trim().trim_start_matches(':')).filter(|value| !value.is_empty()) {
            None => Ok(Zone::UTC),
            Some(name) => Zone::parse(name).map_err(|why| format!("TZ: {why}; or say a zone in the schedule")),
        }
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// A moment in the zone, with its distance from UTC: `2026-03-29 03:00:00+02:00`.
    pub fn moment(self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.0)
            .format(if self == Zone::UTC { "%Y-%m-%d %H:%M:%SZ" } else { "%Y-%m-%d %H:%M:%S%:z" })
            .to_string()
    }
}

impl Schedule {
    /// Parses `daily 06:00` or `daily 06:00 Europe/Zurich`; `zone` gives that of a text without one.
    ///
    /// # Errors
    /// In words: an unknown form or zone, or a pattern without a day in it.
    pub fn parse(text: &str, zone: impl FnOnce() -> Result<Zone, String>) -> Result<Schedule, String> {
        let text = text.trim();
        let (when, said) = match text.rsplit_once(char::is_whitespace) {
            Some((when, last)) if is_zone(last) => (when.trim_end(), Some(Zone::parse(last)?)),
            _ => (text, None),
        };
        let wrong = |why: &str| {
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            format!("{text:?} is no schedule{why}: use {WAYS}")
        };
        let words: Vec<_> = when.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let pattern = match words.as_slice() {
            [] => return Err(wrong("it is empty")),
            ["every", time @ ..] => {
                let seconds = every(&time.concat()).map_err(|why| wrong(&why))?;
                if said.is_some() {
                    return Err(wrong(
                        "every counts time that passes, which is the same in all zones: leave the zone out",
                    ));
                }
                return Ok(Schedule { text: when.to_owned(), ticks: Ticks::Every(seconds), zone: Zone::UTC });
            }
            ["hourly"] => "0 * * * *".to_owned(),
            ["daily"] => "0 0 * * *".to_owned(),
            ["daily", time] => {
                let (hour, minute) =
                    hour_and_minute(time).ok_or_else(|| wrong(&format!("{time} is no time of day")))?;
                format!("{minute} {hour} * * *")
            }
            [name] if NICKNAMES.contains(name) => (*name).to_owned(),
            [..] if (5..=6).contains(&words.len()) => when.to_owned(),
            [..] => return Err(wrong("")),
        };
        let cron = CronParser::builder().year(Year::Disallowed).build().parse(&pattern);
        let cron = cron.map_err(|error| wrong(&in_words(&error.to_string())))?;
        let zone = said.map_or_else(zone, Ok)?;
        let schedule = Schedule { text: when.to_owned(), ticks: Ticks::Cron(Box::new(cron)), zone };
        // The 30th of February.
        schedule.next_after(DateTime::UNIX_EPOCH).ok_or_else(|| wrong("no day is ever like that"))?;
        Ok(schedule)
    }

    /// The text, without its zone.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The zone.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The schedule in words: a pattern of cron is told as a sentence.
    pub fn words(&self) -> String {
        match &self.ticks {
            Ticks::Cron(cron) if self.text.contains(['*', '?', '@']) || self.text.split_whitespace().count() > 2 => {
                in_words(&cron.describe())
            }
            _ => self.text.clone(),
        }
    }

    /// The first tick after a moment.
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let whole = moment.trunc_subsecs(0);
        match &self.ticks {
            Ticks::Every(seconds) => {
                DateTime::from_timestamp((whole.timestamp().div_euclid(*seconds) + 1).checked_mul(*seconds)?, 0)
            }
            Ticks::Cron(cron) => {
                let next = cron.find_next_occurrence(&whole.with_timezone(&self.zone.0), false);
                next.ok().map(|next| next.to_utc())
            }
        }
    }

    /// The last tick until a moment, itself included.
    pub fn last_until(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let whole = moment.trunc_subsecs(0);
        match &self.ticks {
            Ticks::Every(seconds) => DateTime::from_timestamp(whole.timestamp().div_euclid(*seconds) * seconds, 0),
            Ticks::Cron(cron) => {
                let last = cron.find_previous_occurrence(&whole.with_timezone(&self.zone.0), true);
                last.ok().map(|last| last.to_utc())
            }
        }
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ticks {
            Ticks::Every(_) => formatter.write_str(&self.text),
            Ticks::Cron(_) => write!(formatter, "{} {}", self.text, self.zone.name()),
        }
    }
}

/// True for a last word that is meant as a zone, known or not: none of cron's words has two letters before a slash.
fn is_zone(word: &str) -> bool {
    let is_path =
        word.split_once('/').is_some_and(|(area, _)| area.chars().filter(|sign| sign.is_alphabetic()).count() > 1);
    is_path || word.parse::<Tz>().is_ok()
}

/// The seconds of `15m`, `1h`.
fn every(time: &str) -> Result<i64, String> {
    let time = span(time).and_then(|time| TimeDelta::from_std(time).ok()).filter(|time| *time <= LONGEST);
    match time.map(|time| time.num_seconds()) {
        Some(seconds @ 1..) => Ok(seconds),
        _ => Err("every takes a time from 1s to 366d, such as 90s, 15m, 2h or 1d".to_owned()),
    }
}

fn hour_and_minute(text: &str) -> Option<(u32, u32)> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, below: u32| {
        let is_plain = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_plain && *number < below)
    };
    Some((number(hour, 24)?, number(minute, 60).filter(|_| minute.len() == 2)?))
}

/// A message of the parser, without its own headings and without a point at its end.
fn in_words(message: &str) -> String {
    let plain = message.rsplit(": ").next().unwrap_or(message);
    plain.trim_end_matches(['.', ' ']).replace("CronPattern", "cron")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZURICH: &str = "Europe/Zurich";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn schedule(text: &str) -> Schedule {
        Schedule::parse(text, || Ok(Zone::UTC)).unwrap()
    }

    /// The ticks of a schedule behind a moment, in its zone.
    fn ticks(text: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = schedule(text);
        let next = |at: &DateTime<Utc>| schedule.next_after(*at);
        std::iter::successors(next(&at(from)), next).take(count).map(|at| schedule.zone().moment(at)).collect()
    }

    #[test]
    fn the_ways_to_say_when() {
        let next = |text: &str| ticks(text, "2026-05-04T10:20:30.5Z", 2);
        assert_eq!(next("hourly"), ["2026-05-04 11:00:00Z", "2026-05-04 12:00:00Z"]);
        assert_eq!(next("@hourly"), next("hourly"));
        assert_eq!(next(" Daily  6:00 "), ["2026-05-05 06:00:00Z", "2026-05-06 06:00:00Z"]);
        assert_eq!(next("daily"), ["2026-05-05 00:00:00Z", "2026-05-06 00:00:00Z"]);
        assert_eq!(next("every 15m"), ["2026-05-04 10:30:00Z", "2026-05-04 10:45:00Z"]);
        assert_eq!(next("every 2 h"), ["2026-05-04 12:00:00Z", "2026-05-04 14:00:00Z"]);
        assert_eq!(next("*/20 * * * * *"), ["2026-05-04 10:20:40Z", "2026-05-04 10:21:00Z"]);
        assert_eq!(next("0 6 * * 1-5 Europe/Zurich"), ["2026-05-05 06:00:00+02:00", "2026-05-06 06:00:00+02:00"]);
        assert_eq!(next("daily 06:00 Asia/Kolkata"), ["2026-05-05 06:00:00+05:30", "2026-05-06 06:00:00+05:30"]);
        assert_eq!(next("0 0 29 2 *"), ["2028-02-29 00:00:00Z", "2032-02-29 00:00:00Z"]);
        assert_eq!(next("0 6 * * MON"), next("0 6 * * 1"));
        assert_eq!(next("0 6 * * */2").len(), 2);
    }

    #[test]
    fn what_is_no_schedule_is_told() {
        for (text, why) in [
            ("", "\"\" is no schedule (it is empty): use hourly, daily 06:00, every 15m, or five or six words of cron"),
            ("hurly", "\"hurly\" is no schedule"),
            ("daily 24:00", "(24:00 is no time of day)"),
            ("daily 6", "(6 is no time of day)"),
            ("every", "every takes a time from 1s to 366d"),
            ("every 0s", "every takes a time"),
            ("every 400d", "every takes a time"),
            ("every 15m Europe/Zurich", "leave the zone out"),
            ("0 6 * *", "is no schedule"),
            ("0 6 * * * * 2026", "is no schedule"),
            ("61 6 * * *", "is no schedule"),
            ("0 0 30 2 *", "(no day is ever like that)"),
            ("@reboot", "is no schedule"),
            ("daily 06:00 Europe/Zürich", "no time zone is called \"Europe/Zürich\"; did you mean Europe/Zurich?"),
        ] {
            let said = Schedule::parse(text, || Ok(Zone::UTC)).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn the_zone_is_the_texts_or_the_programs() {
        let zurich = Zone::of_variable(Some(":Europe/Zurich")).unwrap();
        assert_eq!(zurich, Zone::parse(ZURICH).unwrap());
        let said = |text: &str| Schedule::parse(text, || Ok(zurich)).unwrap().to_string();
        assert_eq!(said("daily 06:00"), "daily 06:00 Europe/Zurich");
        assert_eq!(said("daily 06:00 UTC"), "daily 06:00 UTC");
        assert_eq!(said("every 1h"), "every 1h");
        assert_eq!([Zone::of_variable(None), Zone::of_variable(Some(""))], [Ok(Zone::UTC), Ok(Zone::UTC)]);
        assert!(Zone::of_variable(Some("CET-1CEST")).unwrap_err().contains("say a zone in the schedule"));
    }

    #[test]
    fn a_time_of_day_in_the_gap_comes_behind_it_and_in_the_overlap_once() {
        let spring = ticks("daily 02:30 Europe/Zurich", "2026-03-28T00:00:00Z", 3);
        assert_eq!(spring, ["2026-03-28 02:30:00+01:00", "2026-03-29 03:00:00+02:00", "2026-03-30 02:30:00+02:00"]);
        let autumn = ticks("30 2 * * * Europe/Zurich", "2026-10-24T10:00:00Z", 2);
        assert_eq!(autumn, ["2026-10-25 02:30:00+02:00", "2026-10-26 02:30:00+01:00"]);
    }

    #[test]
    fn an_interval_leaves_out_the_gap_and_runs_through_the_overlap() {
        let spring = ticks("*/30 * * * * Europe/Zurich", "2026-03-29T00:29:00Z", 3);
        assert_eq!(spring, ["2026-03-29 01:30:00+01:00", "2026-03-29 03:00:00+02:00", "2026-03-29 03:30:00+02:00"]);
        let autumn = ticks("hourly Europe/Zurich", "2026-10-24T23:30:00Z", 4);
        let expected = ["02:00:00+02:00", "02:00:00+01:00", "03:00:00+01:00", "04:00:00+01:00"];
        assert_eq!(autumn, expected.map(|time| format!("2026-10-25 {time}")));
        // Time that passes knows no gap.
        let even = ticks("every 30m", "2026-03-29T00:30:00Z", 3);
        assert_eq!(even, ["2026-03-29 01:00:00Z", "2026-03-29 01:30:00Z", "2026-03-29 02:00:00Z"]);
    }

    #[test]
    fn the_last_tick_is_the_one_before_the_next() {
        for text in [
            "hourly Europe/Zurich",
            "daily 02:30 Europe/Zurich",
            "daily 02:00 Europe/Zurich",
            "daily 03:00 Europe/Zurich",
            "*/7 1-3 * * * Europe/Zurich",
            "0 2,3 * * * Europe/Zurich",
            "*/10 * * * * Australia/Lord_Howe",
            "every 7m",
        ] {
            let schedule = schedule(text);
            for from in ["2026-03-28T22:00:00Z", "2026-10-24T20:00:00Z", "2026-04-04T10:00:00Z", "2026-10-03T10:00:00Z"]
            {
                let (mut before, end) = (schedule.next_after(at(from)).unwrap(), at(from) + TimeDelta::hours(30));
                while before < end {
                    let next = schedule.next_after(before).unwrap();
                    assert!(next > before, "{text}: {next} behind {before}");
                    for moment in [before, before + TimeDelta::seconds(1), next - TimeDelta::milliseconds(1)] {
                        assert_eq!(schedule.last_until(moment), Some(before), "{text} at {moment}");
                    }
                    before = next;
                }
            }
        }
    }

    #[test]
    fn a_schedule_in_words() {
        for (text, words) in [
            ("daily 06:00", "daily 06:00"),
            ("every 15m", "every 15m"),
            ("hourly", "hourly"),
            ("0 6 * * 1", "At 06:00, on Monday"),
            ("*/15 * * * *", "At every 15 minutes"),
            ("@weekly", "At 00:00, on Sunday"),
        ] {
            assert_eq!(schedule(text).words(), words);
        }
    }
}
