//! Bad and hostile files among good ones: the good ones are not held up, nothing else is touched, and memory stays bounded.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::bed::{Bed, Engine, needs_root};
use crate::books::{Dropped, Expect};
use crate::daemon::{PATIENCE, until};
use crate::make::{Kind, ROWS_MAX, csv, zip};
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "bad-files",
        about: "hundreds of broken files of every kind among good ones, which are not held up",
        engines: BOTH,
        run: bad_files,
    },
    Fault {
        name: "hostile-files",
        about: "links, pipes, devices, zip bombs, one endless line, 100,000 columns, SQL in names and cells",
        engines: BOTH,
        run: hostile_files,
    },
];

/// What a good file may take while bad ones lie beside it, in seconds.
pub const HELD_UP: f64 = 30.0;

/// What the daemon may have at once, in MiB: several lines of the greatest length that is read are in hand at a time.
pub const MEMORY: u64 = 1024;

fn bad_files(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for variant in 0..bed.options.times(300, 3000) {
        site.drop("rows", Kind::Bad(variant), 0)?;
    }
    for seed in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/csv"))?.flatten() {
        let name = format!("seed-{}", seed.file_name().to_string_lossy());
        site.refuse(&name, &std::fs::read(seed.path())?)?;
    }
    let started = Instant::now();
    let mut slowest = 0.0f64;
    for _ in 0..20 {
        let file = site.drop("rows", Kind::Csv, 500)?;
        let dropped = Instant::now();
        until(PATIENCE, || !site.waiting().contains(&file));
        slowest = slowest.max(dropped.elapsed().as_secs_f64());
    }
    site.settle(PATIENCE)?;
    site.notes.push(format!("the slowest good file took {slowest:.1} s; all {:.0} s", started.elapsed().as_secs_f64()));
    if slowest > HELD_UP {
        site.wrong.push(format!("a good file was held up for {slowest:.0} s"));
    }
    site.times = site.dropped.len() - 20;
    site.finish()
}

fn hostile_files(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.drop("rows", Kind::Csv, 500)?;
    site.settle(PATIENCE)?;
    let secret = site.path("secret.csv");
    std::fs::write(&secret, "id,word\n1,secret\n")?;
    let links =
        [("passwd.csv", Path::new("/etc/passwd")), ("itself.csv", Path::new("itself.csv")), ("out.csv", &secret)];
    for (name, to) in links {
        std::os::unix::fs::symlink(to, site.imports.join(name))?;
    }
    let mut nodes = vec!["mkfifo pipe.csv"];
    if needs_root("").is_ok() {
        nodes.extend(["mknod null.csv c 1 3", "mknod zero.csv c 1 5"]);
    }
    for node in nodes {
        Command::new("sh").args(["-c", node]).current_dir(&site.imports).status()?;
    }
    let megabytes = bed.options.times(64, 1024);
    // More than a thousand bytes out for one in.
    let bomb = zip([("bomb.csv".to_owned(), "0".repeat(bed.options.times(256, 1024) << 20))].into_iter())?;
    site.refuse("bomb.zip", &bomb)?;
    site.refuse("line.csv", &vec![b'x'; megabytes << 20])?;
    let mut quoted = b"id,word\n1,\"".to_vec();
    quoted.resize(megabytes << 20, b'y');
    site.refuse("quote.csv", &quoted)?;
    let columns = (0..100_000).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    site.refuse("columns.csv", format!("{columns}\n{}1\n", "1,".repeat(99_999)).as_bytes())?;
    site.refuse("deep.json", ("[".repeat(100_000) + &"]".repeat(100_000)).as_bytes())?;
    for name in ["x'; drop table staging.rows; --.csv", "\"; drop table staging__rows; --.csv", "%s%n.csv", "-rf.csv"] {
        let text = "id,\"x'); drop table staging.rows; --\",\"\"\"; drop table staging__rows; --\"\n1,'; drop table \
         staging.rows; --,=cmd|' /C calc'!A0\n";
        site.refuse(name, text.as_bytes())?;
    }
    site.refuse("=cmd|' -C calc'!A0.csv", b"=1+1,@x\n=cmd|' /C calc'!A0,2\n")?;
    // A member that would lie elsewhere.
    let number = site.number();
    site.refuse("slip.zip", &zip([(format!("../../../evil.{number}.csv"), csv(number, 10))].into_iter())?)?;
    let started = Instant::now();
    let mut slowest = 0.0f64;
    for _ in 0..10 {
        let file = site.drop("rows", Kind::Csv, 500)?;
        let dropped = Instant::now();
        site.start()?;
        until(PATIENCE, || !site.waiting().contains(&file));
        slowest = slowest.max(dropped.elapsed().as_secs_f64());
    }
    site.is_idle(PATIENCE * 2);
    let peak = site.daemon()?.memory().map_or(0, |(_, peak)| peak);
    site.notes.push(format!(
        "peak memory {peak} MiB; the slowest good file took {slowest:.1} s; all {:.0} s",
        started.elapsed().as_secs_f64()
    ));
    if peak > MEMORY {
        site.wrong.push(format!("peak memory {peak} MiB, more than {MEMORY}"));
    }
    if slowest > HELD_UP {
        site.wrong.push(format!("a good file was held up for {slowest:.0} s"));
    }
    for name in ["passwd.csv", "itself.csv", "out.csv", "pipe.csv"] {
        if std::fs::symlink_metadata(site.imports.join(name)).is_err() {
            site.wrong.push(format!("{name} is not where it was"));
        }
    }
    if !secret.exists() || site.path("../evil.csv").exists() {
        site.wrong.push("it touched what lies outside of imports/".to_owned());
    }
    site.times = site.dropped.len();
    site.finish()
}

impl Site<'_> {
    /// Drops a file by any name that is to be in `failed/` or in the ledger.
    pub fn refuse(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let number = self.number();
        self.dropped.push(Dropped {
            file: name.to_owned(),
            table: "",
            number: number + ROWS_MAX,
            rows: 0,
            expect: Expect::Refused,
            or_fewer: None,
        });
        let hidden = self.imports.join(".arriving");
        std::fs::File::create(&hidden)?.write_all(bytes)?;
        Ok(std::fs::rename(hidden, self.imports.join(name))?)
    }
}
