//! The system answers the program's n-th call of a kind with an error, or gives it less than it asked for, or kills it there. Then the
//! program is started without that, and everything must be there. Needs strace, whose injections this is.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use crate::bed::{Bed, Engine, needs};
use crate::daemon::PATIENCE;
use crate::make::Kind;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "system-call-fails",
        about: "EIO, ENOSPC, EDQUOT and short reads at the n-th call of each kind",
        engines: BOTH,
        run: fails,
    },
    Fault {
        name: "killed-at-system-call",
        about: "kill -9 at the n-th call that changes something",
        engines: BOTH,
        run: killed,
    },
];

/// What each kind of call is answered with. An answer of fewer bytes is one that its reader has to take for the file's end: strace
/// does not fill what it says was read.
const ANSWERS: [(&str, &[&str]); 11] = [
    ("openat", &["error=EIO", "error=EMFILE"]),
    ("read", &["error=EIO"]),
    ("pread64", &["error=EIO", "retval=0"]),
    ("write", &["error=EIO", "error=ENOSPC", "error=EDQUOT"]),
    ("pwrite64", &["error=EIO", "error=ENOSPC", "error=EDQUOT"]),
    ("fsync", &["error=EIO"]),
    ("fdatasync", &["error=EIO", "error=ENOSPC"]),
    ("rename,renameat,renameat2", &["error=EIO", "error=ENOSPC"]),
    ("unlink,unlinkat", &["error=EIO", "error=EPERM"]),
    ("mkdir", &["error=ENOSPC", "error=EDQUOT"]),
    ("ftruncate", &["error=EIO"]),
];

/// The calls that leave something behind, and of how many of each the short form takes one.
const CHANGES: [(&str, usize); 11] = [
    ("write", 9),
    ("pwrite64", 9),
    ("sendto", 5),
    ("fsync", 2),
    ("fdatasync", 2),
    ("rename,renameat,renameat2", 1),
    ("unlink,unlinkat", 1),
    ("rmdir", 1),
    ("mkdir", 1),
    ("ftruncate", 1),
    ("openat", 17),
];

const FILES: [(&str, Kind); 5] =
    [("rows", Kind::Csv), ("again", Kind::Csv), ("kept", Kind::Csv), ("rows", Kind::Zip), ("rows", Kind::Bad(0))];

/// Runs the program over a few files while strace does something at the n-th call of each thread, as `expression` says; tells whether
/// the program was killed by that.
fn run_traced(site: &mut Site<'_>, calls: &str, expression: &str) -> anyhow::Result<bool> {
    for (stem, kind) in FILES {
        site.drop(stem, kind, 200)?;
    }
    let wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e"].map(str::to_owned).to_vec();
    let own = [format!("trace={calls}"), "-e".to_owned(), format!("inject={calls}:{expression}")];
    site.wrapper = wrapper.into_iter().chain(own).collect();
    let mut once = site.another(&["--once"])?;
    site.wrapper.clear();
    // What wakes the runtime is a write as well, which never fails but here: then nothing goes on.
    let status = once.wait(Duration::from_secs(if calls == "write" { 3 } else { 30 }))?;
    if status.is_none() && calls != "write" {
        site.wrong.push(format!("--once hangs with {calls}:{expression}"));
    }
    once.kill()?;
    Ok(status.is_some_and(|status| status.signal() == Some(9)))
}

fn fails(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    needs("strace", "strace")?;
    let mut site = Site::new(bed, engine)?;
    // A bad disk may need a person, who finds the file and the reason in failed/.
    site.may_fail = true;
    site.settle(PATIENCE)?;
    for (calls, answers) in ANSWERS {
        for answer in answers {
            // The first calls are the loader's and the runtime's; the steps spread over the whole run.
            let (first, step, times) = if bed.options.long { (1, 3, 40) } else { (5, 37, 2) };
            let step =
                if ["read", "write", "openat", "pread64", "pwrite64"].contains(&calls) { step } else { step.min(3) };
            for n in 0..times {
                run_traced(&mut site, calls, &format!("{answer}:when={}", first + n * step))?;
                site.times += 1;
            }
        }
        site.settle(PATIENCE)?;
        site.stop()?;
    }
    site.finish()
}

fn killed(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    needs("strace", "strace")?;
    let mut site = Site::new(bed, engine)?;
    site.settle(PATIENCE)?;
    site.stop()?;
    for (calls, step) in CHANGES {
        let step = bed.options.times(step, 1);
        // What one run leaves behind is there for the next.
        for n in (1..1000).step_by(step) {
            if !run_traced(&mut site, calls, &format!("signal=KILL:when={n}"))? {
                // No thread comes to so many calls.
                break;
            }
            site.times += 1;
        }
        site.settle(PATIENCE)?;
        site.stop()?;
    }
    site.finish()
}
