//! The connection to PostgreSQL breaks at COMMIT, before the server has it or before its answer is back: was it committed?

use crate::bed::{Bed, Engine};
use crate::daemon::{PATIENCE, until};
use crate::make::Kind;
use crate::proxy::{Cut, Proxy};
use crate::report::Row;
use crate::site::Site;
use crate::{Fault, POSTGRES};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "cut-before-commit",
        about: "the connection breaks before COMMIT reaches the server, in every mode of loading",
        engines: POSTGRES,
        run: |bed, engine| cut_at_commit(bed, engine, Cut::Before),
    },
    Fault {
        name: "cut-after-commit",
        about: "the connection breaks after COMMIT reached the server, before its answer is back",
        engines: POSTGRES,
        run: |bed, engine| cut_at_commit(bed, engine, Cut::After),
    },
    Fault {
        name: "silent-after-commit",
        about: "the same, but the connection is silent for three seconds first",
        engines: POSTGRES,
        run: |bed, engine| cut_at_commit(bed, engine, Cut::Silent),
    },
];

const WAYS: [(&str, Kind); 7] = [
    ("rows", Kind::Csv),
    ("again", Kind::Csv),
    ("keyed", Kind::Csv),
    ("whole", Kind::Csv),
    ("kept", Kind::Csv),
    ("rows", Kind::Zip),
    ("again", Kind::Zip),
];

fn cut_at_commit(bed: &Bed, engine: Engine, cut: Cut) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    let server = bed.server()?;
    let proxy = Proxy::start(server.port)?;
    let direct = format!(":{}/", server.port);
    site.set("DATABASE_URL", site.url.replace(&direct, &format!(":{}/", proxy.port)));
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for round in 0..bed.options.times(1, 10) as u64 {
        for (stem, kind) in WAYS {
            let before = proxy.cuts();
            // In later rounds and in archives, not only the first of several.
            proxy.arm(cut, if kind == Kind::Zip { 1 + round % 2 } else { 0 });
            site.drop(stem, kind, 500)?;
            if !until(PATIENCE, || proxy.cuts() > before) {
                site.wrong.push(format!("{stem}: no COMMIT came by"));
            }
            site.settle(PATIENCE)?;
            site.times += 1;
        }
    }
    site.finish()
}
