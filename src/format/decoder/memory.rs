//! The memory that all decoders of the process may take together: each waits for its share before it is started. A
//! quick one that takes long while another one waits is ended; it is started again as a slow one, and only one slow one
//! runs at a time, so that the others wait briefly and the slow one ends, too.

use std::fs;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Time that a quick decoder may take while another one waits: an honest workbook of a million rows takes half a
/// minute.
const LONG: Duration = Duration::from_secs(120);

/// The expected duration of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::format) enum Pace {
    /// Soon done, by the present knowledge.
    Quick,
    /// Not done at an earlier try, in the time that a quick one has.
    Slow,
}

/// The share of one decoder, given back on drop.
#[derive(Debug)]
pub(in crate::format) struct Memory {
    of: &'static Shares,
    number: u64,
}

/// The shares taken by decoders.
#[derive(Debug, Default)]
struct Shares {
    taken: Mutex<Vec<Share>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Share {
    number: u64,
    bytes: u64,
    pace: Pace,
    since: Instant,
    /// The handle that ends the decoder; `None` if it must not be ended.
    process: Option<OwnedFd>,
    ended: bool,
}

static SHARES: Shares = Shares { taken: Mutex::new(Vec::new()), changed: Condvar::new() };

impl Memory {
    /// Waits for a share of `bytes`: all shares together are twice one decoder's limit, and half of the machine's
    /// memory, at most; one decoder runs in any case. The caller must hold nothing that a running decoder may wait for.
    pub(in crate::format) fn take(bytes: u64, pace: Pace) -> Memory {
        SHARES.take(bytes, pace, long())
    }

    /// Lets the decoder be ended for others that wait. If the system cannot do that safely, it goes on.
    pub(in crate::format) fn may_end(&self, process: &Child) {
        let handle = pidfd_open(Pid::from_child(process), PidfdFlags::empty()).ok();
        if let Some(share) = self.of.taken().iter_mut().find(|share| share.number == self.number) {
            share.process = handle;
        }
        self.of.changed.notify_all();
    }

    /// True if the decoder was ended for others that wait.
    pub(in crate::format) fn was_ended(&self) -> bool {
        self.of.taken().iter().any(|share| share.number == self.number && share.ended)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.of.taken().retain(|share| share.number != self.number);
        self.of.changed.notify_all();
    }
}

impl Shares {
    fn taken(&self) -> MutexGuard<'_, Vec<Share>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Memory::take`]; a quick decoder that has run for `long` is ended.
    fn take(&'static self, bytes: u64, pace: Pace, long: Duration) -> Memory {
        let all = half().min(bytes.saturating_mul(2));
        let mut taken = self.taken();
        while !fits(&taken, bytes, pace, all) {
            let soon = if pace == Pace::Quick { end_longest(&mut taken, long, Instant::now()) } else { None };
            taken = match soon {
                Some(soon) => self.changed.wait_timeout(taken, soon).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(taken).unwrap_or_else(PoisonError::into_inner),
            };
        }
        let number = taken.iter().map(|share| share.number + 1).max().unwrap_or(0);
        taken.push(Share { number, bytes, pace, since: Instant::now(), process: None, ended: false });
        Memory { of: self, number }
    }
}

fn fits(taken: &[Share], bytes: u64, pace: Pace, all: u64) -> bool {
    let sum = taken.iter().fold(bytes, |sum, share| sum.saturating_add(share.bytes));
    let is_only_slow = pace == Pace::Quick || taken.iter().all(|share| share.pace == Pace::Quick);
    (taken.is_empty() || sum <= all) && is_only_slow
}

/// Ends the quick decoder that has run longest, if that is too long; gives the time until one may be ended.
fn end_longest(taken: &mut [Share], long: Duration, now: Instant) -> Option<Duration> {
    // A decoder that was ended gives its share back in a moment.
    if taken.iter().any(|share| share.ended) {
        return None;
    }
    let quick = taken.iter_mut().filter(|share| share.pace == Pace::Quick && share.process.is_some());
    let longest = quick.min_by_key(|share| share.since)?;
    let left = long.saturating_sub(now.saturating_duration_since(longest.since));
    if !left.is_zero() {
        return Some(left);
    }
    // A decoder that has ended by itself is done.
    longest.ended = longest.process.as_ref().is_some_and(|process| pidfd_send_signal(process, Signal::KILL).is_ok());
    None
}

fn long() -> Duration {
    // A fault that lets a test shorten the time; no step of a load.
    let shortened = "decoder_long";
    let _ = shortened;
    fail::fail_point!(shortened, |given| {
        Duration::from_millis(given.and_then(|text| text.parse().ok()).unwrap_or_default())
    });
    LONG
}

/// Half of the memory of the machine, or the container, in bytes.
fn half() -> u64 {
    static HALF: OnceLock<u64> = OnceLock::new();
    *HALF.get_or_init(|| {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default().to_owned();
        let groups = [
            "/sys/fs/cgroup/memory.max".to_owned(),
            format!("/sys/fs/cgroup{own}/memory.max"),
            "/sys/fs/cgroup/memory/memory.limit_in_bytes".to_owned(),
        ];
        let groups = groups.iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
        let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine(&text));
        machine.into_iter().chain(groups).min().map_or(u64::MAX, |bytes: u64| bytes / 2)
    })
}

fn machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn shares() -> &'static Shares {
        Box::leak(Box::default())
    }

    #[test]
    fn a_third_decoder_waits_for_one_of_two() {
        assert_eq!(machine("MemTotal:       24684748 kB\nMemFree: 1 kB\n"), Some(24_684_748 * 1024));
        let shares = shares();
        let take = || shares.take(1000, Pace::Quick, LONG);
        let (first, second) = (take(), take());
        let (sender, receiver) = mpsc::channel();
        let third = thread::spawn(move || {
            let _memory = shares.take(1000, Pace::Quick, LONG);
            sender.send(()).is_ok()
        });
        assert!(receiver.try_recv().is_err());
        drop(first);
        assert!(third.join().is_ok_and(|sent| sent) && receiver.recv().is_ok());
        drop(second);
    }

    /// A process that goes on until it is ended, also with standard input closed, as waiting for it does.
    fn process() -> Child {
        Command::new("tail").args(["-f", "/dev/null"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn one_that_takes_long_is_ended_for_another_that_waits_and_runs_as_a_slow_one() {
        let shares = shares();
        let (first, second) = (shares.take(1000, Pace::Quick, LONG), shares.take(1000, Pace::Slow, LONG));
        let (mut one, mut other) = (process(), process());
        first.may_end(&one);
        second.may_end(&other);
        let third = thread::spawn(move || shares.take(1000, Pace::Quick, Duration::ZERO));
        assert_eq!(one.wait().unwrap().signal(), Some(libc::SIGKILL));
        assert!(first.was_ended() && !second.was_ended());
        drop(first);
        let third = third.join().unwrap();
        // The slow one goes on, and the next slow one waits for it, not for a quick one.
        let again = thread::spawn(move || shares.take(1000, Pace::Slow, Duration::ZERO));
        drop(third);
        assert!(other.try_wait().unwrap().is_none() && !again.is_finished());
        assert!(fits(&shares.taken(), 1000, Pace::Quick, 2000) && !fits(&shares.taken(), 1000, Pace::Slow, 2000));
        other.kill().unwrap();
        other.wait().unwrap();
        drop(second);
        assert!(!again.join().unwrap().was_ended());
    }
}
