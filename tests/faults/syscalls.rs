//! The system answers the program's n-th call of a kind with an error, or gives it less than it asked for, or kills it there. Then the
//! program is started without that, and everything must be there. Needs strace, whose injections this is.

use std::time::Duration;

use crate::bed::{Bed, Engine, needs};
use crate::daemon::{PATIENCE, until};
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

/// What each kind of call is answered with.
const ANSWERS: [(&str, &[&str]); 11] = [
    ("openat", &["error=EIO", "error=EMFILE"]),
    ("read", &["error=EIO", "retval=1"]),
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

/// The calls that leave something behind.
const CHANGES: &str =
    "write,pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,ftruncate,sendto,sendmsg";

const FILES: [(&str, Kind); 4] = [("rows", Kind::Csv), ("again", Kind::Csv), ("kept", Kind::Csv), ("rows", Kind::Zip)];

/// Runs the program over a few files while strace does the same thing at every n-th call, as `expression` says.
fn run_traced(site: &mut Site<'_>, calls: &str, expression: &str) -> anyhow::Result<()> {
    for (stem, kind) in FILES {
        site.drop(stem, kind, 200)?;
    }
    let wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e"].map(str::to_owned).to_vec();
    let own = [format!("trace={calls}"), "-e".to_owned(), format!("inject={calls}:{expression}")];
    site.wrapper = wrapper.into_iter().chain(own).collect();
    let mut once = site.another(&["--once"])?;
    site.wrapper.clear();
    if once.wait(Duration::from_secs(30))?.is_none() {
        site.wrong.push(format!("--once hangs with {calls}:{expression}"));
    }
    until(Duration::from_millis(20), || false);
    once.kill()?;
    site.times += 1;
    Ok(())
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
            let (first, step, times) = if bed.options.long { (1, 3, 40) } else { (5, 37, 3) };
            let step = if ["read", "write", "openat", "pread64", "pwrite64"].contains(&calls) { step } else { step.min(3) };
            for n in 0..times {
                run_traced(&mut site, calls, &format!("{answer}:when={}", first + n * step))?;
            }
            site.settle(PATIENCE)?;
            site.stop()?;
        }
    }
    site.finish()
}

fn killed(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    needs("strace", "strace")?;
    let mut site = Site::new(bed, engine)?;
    site.settle(PATIENCE)?;
    site.stop()?;
    let step = if bed.options.long { 1 } else { 9 };
    for n in (1..=bed.options.times(200, 400)).step_by(step) {
        run_traced(&mut site, CHANGES, &format!("signal=KILL:when={n}"))?;
        if n % (step * 5) < step {
            site.settle(PATIENCE)?;
            site.stop()?;
        }
    }
    site.finish()
}
