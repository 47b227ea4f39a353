//! Plugins that come, change, break and go while the daemon runs.

use std::fs;

use serde_json::Value;

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, listen, same};

cases! {
    on_both:
        they_are_read_again_while_the_daemon_runs,
        a_wrong_one_holds_back_what_it_claims,
        a_file_and_its_plugin_land_together,
        what_is_no_plugin_by_its_name_is_told,
        a_part_that_a_wrong_one_claims_waits;
}

fn start(workdir: &Workdir, database: &TestDatabase) -> anyhow::Result<Daemon> {
    let mut daemon = Daemon::start(workdir, &[], &[("DATABASE_URL", &database.url)])?;
    daemon.wait_for(&["watching"])?;
    Ok(daemon)
}

fn plugin(table: &str) -> String {
    format!("name: p\nfiles: [\"p*\"]\ntable: {table}\n")
}

async fn they_are_read_again_while_the_daemon_runs(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut daemon = start(&workdir, &database)?;
    workdir.write("imports/p.csv", "a\n1\n")?;
    daemon.wait_for(&["loaded", "p.csv"])?;
    workdir.write("imports/p.claimed", "a\n7\n")?;
    daemon.wait_for(&["left where it is", "p.claimed"])?;
    // A name that is no format's own is a file of ours when a plugin comes that claims it.
    workdir.plugin("p", &plugin("one"))?;
    daemon.wait_for(&["the plugins have changed"])?;
    daemon.wait_for(&["loaded", "p.claimed"])?;
    workdir.write("imports/p.csv", "a\n2\n")?;
    daemon.wait_for(&["loaded", "p.csv"])?;
    workdir.plugin("p", &plugin("two"))?;
    daemon.wait_for(&["the plugins have changed"])?;
    workdir.write("imports/p.csv", "a\n3\n")?;
    daemon.wait_for(&["loaded", "p.csv"])?;
    fs::remove_dir_all(workdir.path("plugins/p"))?;
    daemon.wait_for(&["the plugins have changed"])?;
    daemon.wait_for(&["WARN", "plugins are not there any more: p; files that they claimed are loaded into tables"])?;
    workdir.write("imports/p.csv", "a\n4\n")?;
    daemon.wait_for(&["loaded", "p.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text("select a from staging.p order by a").await?, "1\n4")?;
    same(database.text("select a from staging.one order by a").await?, "2\n7")?;
    same(database.text("select a from staging.two").await?, "3")
}

async fn what_is_no_plugin_by_its_name_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    fs::create_dir_all(workdir.path("plugins/p"))?;
    workdir.write("imports/p.csv", "a\n1\n")?;
    let told = |words: &str| -> Outcome {
        let done = app(&workdir, &["--once"], &settings)?;
        same(done.status.code(), Some(2))?;
        holds(&stderr(&done), words)?;
        same(app(&workdir, &["status"], &settings)?.status.code(), Some(1))?;
        same(workdir.list("imports"), vec!["p.csv".to_owned()])
    };
    workdir.write("plugins/p/plugin.yml", plugin("one"))?;
    told("a plugin's file is called plugin.yaml, and this one is plugin.yml")?;
    fs::remove_file(workdir.path("plugins/p/plugin.yml"))?;
    std::os::unix::fs::symlink("nowhere.yaml", workdir.path("plugins/p/plugin.yaml"))?;
    told("plugin.yaml: cannot read it")
}

async fn a_wrong_one_holds_back_what_it_claims(database: TestDatabase, workdir: Workdir) -> Outcome {
    let hook = listen::webhook()?;
    let webhook = format!("http://127.0.0.1:{}/x", hook.port);
    let settings = [("DATABASE_URL", database.url.as_str()), ("ALERT_WEBHOOK", &webhook)];
    // From the start on, with files that can be read; then after a version that was right; then with nothing that can be read.
    for (n, (right, wrong)) in [
        (None, "name: p\nfiles: [\"p*\"]\ntable: t\nmode: upsrt\n"),
        (Some(plugin("t")), "name: p\nfiles: [\"p\n"),
        (None, "name: [p\n  files\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let _ = fs::remove_dir_all(workdir.path("plugins/p"));
        let broken = right.is_some();
        workdir.plugin("p", right.as_deref().unwrap_or(wrong))?;
        let mut daemon = Daemon::start(&workdir, &[], &settings)?;
        if broken {
            daemon.wait_for(&["watching"])?;
            workdir.plugin("p", wrong)?;
        }
        let line = daemon.wait_for(&["a plugin is wrong: plugins/p/plugin.yaml:"])?;
        holds(&line, "fix it: it is read again by itself")?;
        workdir.write("imports/p.csv", format!("a\n{n}\n"))?;
        daemon.wait_for(&["p.csv", "held back: plugins/p/plugin.yaml:"])?;
        workdir.write("imports/other.csv", format!("a\n{n}\n"))?;
        daemon.wait_for(&["loaded", "other.csv"])?;
        let output = app(&workdir, &["status", "--json"], &settings)?;
        same(output.status.code(), Some(1))?;
        let json: Value = serde_json::from_str(&stdout(&output))?;
        holds(json["needs"][0]["what"].as_str().unwrap_or_default(), "a plugin is wrong: plugins/p/plugin.yaml:")?;
        holds(json["waiting"][0]["why"].as_str().unwrap_or_default(), "held back: plugins/p/plugin.yaml:")?;
        holds(&stdout(&app(&workdir, &["doctor"], &settings)?), "plugins/p/plugin.yaml:")?;
        let once = app(&workdir, &["--once"], &settings)?;
        same(once.status.code(), Some(2))?;
        holds(&stderr(&once), "plugins/p/plugin.yaml:")?;
        workdir.plugin("p", &plugin("t"))?;
        daemon.wait_for(&["loaded", "p.csv"])?;
        for state in ["raised", "recovered"] {
            let alert = hook.next()?;
            let told = ["kind", "subject", "state"].map(|key| alert[key].as_str().unwrap_or_default().to_owned());
            same(told, ["plugin", "plugins/p/plugin.yaml", state])?;
        }
        let (status, log) = daemon.terminate()?;
        same((status.code(), log.matches("a plugin is wrong").count()), (Some(0), 1))?;
        same(log.matches("held back: plugins").count(), 1)?;
    }
    same(database.text("select a from staging.t order by a").await?, "0\n1\n2")?;
    same(database.text("select a from staging.other order by a").await?, "0\n1\n2")?;
    same(database.text("select name from sluice.dataset order by name").await?, "other\nt")
}

async fn a_file_and_its_plugin_land_together(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut daemon = start(&workdir, &database)?;
    // The file a moment before its plugin, and after it, whole at once.
    workdir.write("imports/p.csv", "a\n1\n")?;
    workdir.plugin("p", &plugin("t"))?;
    workdir.write("imports/.q", "a\n2\n")?;
    fs::rename(workdir.path("imports/.q"), workdir.path("imports/p2.csv"))?;
    daemon.wait_for(&["loaded", ".csv"])?;
    daemon.wait_for(&["loaded", ".csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text("select a from staging.t order by a").await?, "1\n2")?;
    same(database.text("select name from sluice.dataset").await?, "t")
}

async fn a_part_that_a_wrong_one_claims_waits(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("p", "name: p\nfiles: [\"p*\"]\ntable: t\nmode: upsrt\n")?;
    let mut daemon = start(&workdir, &database)?;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [("other.csv", "a\n1\n"), ("p.csv", "a\n2\n")] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())?;
        std::io::Write::write_all(&mut zip, text.as_bytes())?;
    }
    workdir.write("imports/bundle.zip", zip.finish()?.into_inner())?;
    daemon.wait_for(&["bundle.zip", "held back: plugins/p/plugin.yaml:"])?;
    workdir.plugin("p", &plugin("t"))?;
    daemon.wait_for(&["loaded", "bundle.zip/p.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text("select a from staging.t").await?, "2")?;
    same(database.text("select a from staging.other").await?, "1")
}
