//! The memory that all decoders of the process may take together: each waits for its share before it is started.

use std::fs;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

/// The share of one decoder, given back when it is dropped.
#[derive(Debug)]
pub(in crate::format) struct Memory {
    bytes: u64,
}

static TAKEN: Mutex<u64> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

impl Memory {
    /// Waits until so many bytes can be taken: twice as many as one decoder's at most, and half of the machine's memory; one decoder runs
    /// whatever there is. Whoever waits must hold nothing that a decoder at work may wait for.
    pub(in crate::format) fn take(bytes: u64) -> Memory {
        let all = half().min(bytes.saturating_mul(2));
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |taken: &mut u64| *taken > 0 && taken.saturating_add(bytes) > all;
        let mut taken = GIVEN_BACK.wait_while(taken, fits).unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_add(bytes);
        Memory { bytes }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(self.bytes);
        GIVEN_BACK.notify_all();
    }
}

/// Half of the memory that the machine has, or the container, in bytes.
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
    use std::sync::mpsc;
    use std::thread;

    use super::{Memory, machine};

    #[test]
    fn a_third_decoder_waits_for_one_of_two() {
        assert_eq!(machine("MemTotal:       24684748 kB\nMemFree: 1 kB\n"), Some(24_684_748 * 1024));
        let (first, second) = (Memory::take(1000), Memory::take(1000));
        let (sender, receiver) = mpsc::channel();
        let third = thread::spawn(move || {
            let _memory = Memory::take(1000);
            sender.send(()).is_ok()
        });
        assert!(receiver.try_recv().is_err());
        drop(first);
        assert!(third.join().is_ok_and(|sent| sent) && receiver.recv().is_ok());
        drop(second);
    }
}
