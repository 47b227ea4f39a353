//! Alerts, from the daemon and the pipeline as real programs to servers of the case's own: once for each cause, once when it is over,
//! never in the way of loading, and nothing secret in any log.

use std::fs;
use std::io::Write;

use serde_json::Value;

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, listen, same};

cases! {
    on_both:
        a_failed_file_is_told_once_and_when_it_is_loaded,
        trouble_is_told_once_and_when_all_is_well,
        a_failed_pipeline_is_told_once_and_when_it_ran,
        no_secret_is_in_any_log;
    alone:
        a_file_that_waits_is_told,
        a_file_that_cannot_be_claimed_is_told,
        dead_servers_hold_nothing_up,
        doctor_sends_a_test;
}

/// `me`, `hunter2`, as AUTH PLAIN writes them.
const WORD: &str = "AG1lAGh1bnRlcjI=";

const MAIL: [(&str, &str); 2] =
    [("ALERT_FROM", "Sluice <sluice@example.com>"), ("ALERT_TO", "a@example.com, b@example.com")];

fn is(alert: &Value, kind: &str, subject: &str, state: &str) -> Outcome {
    let found = ["kind", "subject", "state"].map(|key| alert[key].as_str().unwrap_or_default());
    same(found, [kind, subject, state])
}

async fn a_failed_file_is_told_once_and_when_it_is_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (hook, mail) = (listen::webhook()?, listen::mail(WORD)?);
    let (webhook, server) =
        (format!("http://127.0.0.1:{}/x", hook.port), format!("smtp://me:hunter2@127.0.0.1:{}", mail.port));
    let settings = [("DATABASE_URL", database.url.as_str()), ("ALERT_WEBHOOK", &webhook), ("ALERT_SMTP_URL", &server)];
    let mut daemon = Daemon::start(&workdir, &[], &[&settings[..], &MAIL].concat())?;
    for _ in 0..2 {
        workdir.write("imports/bäd.csv", "")?;
        daemon.wait_for(&["moved", "bäd.csv"])?;
    }
    workdir.write("imports/bäd.csv", "a\n1\n")?;
    let raised = hook.next()?;
    is(&raised, "failed", "bäd.csv", "raised")?;
    same(&raised["message"], "the file is empty")?;
    same(&raised["fix"], "fix the file; app retry moves it back")?;
    same(&raised["load"], 1)?;
    same(raised["at"].as_str().and_then(|at| chrono::DateTime::parse_from_rfc3339(at).ok()).is_some(), true)?;
    same(raised["host"].as_str().unwrap_or_default().is_empty(), false)?;
    is(&hook.next()?, "failed", "bäd.csv", "recovered")?;
    let text = mail.next()?;
    for words in ["RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>", "the file is empty", "shows it as load 1"] {
        holds(&text, words)?;
    }
    holds(&mail.next()?, "the file was loaded")?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same((hook.is_quiet(), mail.is_quiet()), (true, true))
}

async fn trouble_is_told_once_and_when_all_is_well(database: TestDatabase, workdir: Workdir) -> Outcome {
    let hook = listen::webhook()?;
    let webhook = format!("http://127.0.0.1:{}/", hook.port);
    let settings = [
        ("DATABASE_URL", database.url.as_str()),
        ("ALERT_WEBHOOK", &webhook),
        ("FAILPOINTS", "commit_not_sent=2*return"),
    ];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    let mut told = [hook.next()?, hook.next()?];
    told.sort_by_key(|alert| alert["kind"].to_string());
    is(&told[0], "stuck", "n.csv", "raised")?;
    is(&told[1], "trouble", "loading", "raised")?;
    daemon.wait_for(&["all is well again"])?;
    is(&hook.next()?, "trouble", "loading", "recovered")?;
    is(&hook.next()?, "stuck", "n.csv", "recovered")?;
    // The rejects' folder is none, so nothing that has rejects can be loaded.
    workdir.write("exports/rejects", "")?;
    workdir.write("imports/r.csv", "a,b\n1,2\n\"x\n1,2\n")?;
    is(&hook.next()?, "stuck", "r.csv", "raised")?;
    // It is tried again and again, and begins once.
    daemon.wait_for(&["loading", "r.csv"])?;
    fs::remove_file(workdir.path("exports/rejects"))?;
    daemon.wait_for(&[" loaded ", "r.csv"])?;
    is(&hook.next()?, "stuck", "r.csv", "recovered")?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(hook.is_quiet(), true)
}

async fn a_failed_pipeline_is_told_once_and_when_it_ran(database: TestDatabase, workdir: Workdir) -> Outcome {
    let hook = listen::webhook()?;
    let webhook = format!("http://127.0.0.1:{}/", hook.port);
    let settings = [("DATABASE_URL", database.url.as_str()), ("ALERT_WEBHOOK", &webhook)];
    let run = |code| same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(code));
    for state in ["raised", "recovered", "raised"] {
        if state == "raised" {
            workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.nothing")?;
            run(1)?;
            run(1)?;
        } else {
            workdir.write("sql/pipeline/t.sql", "/* kind: table */ select 1 as a")?;
            run(0)?;
            run(0)?;
        }
        let alert = hook.next()?;
        is(&alert, "pipeline", "pipeline", state)?;
        same(hook.is_quiet(), true)?;
        if state == "raised" {
            holds(alert["message"].as_str().unwrap_or_default(), "there is no table staging.nothing")?;
        }
    }
    Ok(())
}

async fn a_file_that_waits_is_told(workdir: Workdir) -> Outcome {
    let hook = listen::webhook()?;
    let webhook = format!("http://127.0.0.1:{}/", hook.port);
    let settings = [("ALERT_WEBHOOK", webhook.as_str()), ("STALE_AFTER", "2s"), ("POLL", "true")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    let mut writer = fs::File::create(workdir.path("imports/slow.csv"))?;
    writer.write_all(b"a\n1\n")?;
    let alert = hook.next()?;
    is(&alert, "waiting", "slow.csv", "raised")?;
    holds(alert["message"].as_str().unwrap_or_default(), " and is not loaded: open for writing")?;
    drop(writer);
    daemon.wait_for(&["loaded", "slow.csv"])?;
    is(&hook.next()?, "waiting", "slow.csv", "recovered")?;
    // One that goes away waits no longer either; one that is left where it is waits too.
    let writer = fs::File::create(workdir.path("imports/open.csv"))?;
    for (name, why) in [("open.csv", "open for writing"), ("upload.csv.part", "left where it is: a temporary name")] {
        workdir.write(&format!("imports/{name}"), "a\n1\n")?;
        let alert = hook.next()?;
        is(&alert, "waiting", name, "raised")?;
        holds(alert["message"].as_str().unwrap_or_default(), why)?;
        fs::remove_file(workdir.path("imports").join(name))?;
        is(&hook.next()?, "waiting", name, "recovered")?;
    }
    drop(writer);
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(hook.is_quiet(), true)
}

async fn a_file_that_cannot_be_claimed_is_told(workdir: Workdir) -> Outcome {
    let hook = listen::webhook()?;
    let webhook = format!("http://127.0.0.1:{}/", hook.port);
    let settings = [("ALERT_WEBHOOK", webhook.as_str()), ("FAILPOINTS", "claim=2*return")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    is(&hook.next()?, "stuck", "n.csv", "raised")?;
    daemon.wait_for(&["cannot claim the file", "n.csv"])?;
    daemon.wait_for(&["loaded", "n.csv"])?;
    is(&hook.next()?, "stuck", "n.csv", "recovered")?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(hook.is_quiet(), true)
}

async fn dead_servers_hold_nothing_up(workdir: Workdir) -> Outcome {
    let silent = listen::silent()?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let (webhook, server) = (format!("http://127.0.0.1:{}/", silent.port), format!("smtp://127.0.0.1:{nobody}"));
    let settings = [("ALERT_WEBHOOK", webhook.as_str()), ("ALERT_SMTP_URL", &server)];
    let mut daemon = Daemon::start(&workdir, &[], &[&settings[..], &MAIL].concat())?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/bad0.csv", "")?;
    silent.next()?;
    for n in 1..20 {
        workdir.write(&format!("imports/bad{n}.csv"), "")?;
        workdir.write(&format!("imports/good{n}.csv"), format!("a\n{n}\n"))?;
    }
    // All of it while the first alert is still on its way.
    for _ in 1..20 {
        daemon.wait_for(&["INFO loaded "])?;
    }
    same(daemon.log().contains("alert not sent"), false)?;
    daemon.wait_for(&["alert not sent by mail", "bad0.csv", "look at ALERT_SMTP_URL"])?;
    let (status, log) = daemon.terminate()?;
    same(status.code(), Some(0))?;
    holds(&log, "not every alert was sent before the end")?;
    same(log.matches("alert not sent").count(), 1)
}

async fn doctor_sends_a_test(workdir: Workdir) -> Outcome {
    let (hook, mail) = (listen::webhook()?, listen::mail(WORD)?);
    let (webhook, server) =
        (format!("http://127.0.0.1:{}/x", hook.port), format!("smtp://me:hunter2@127.0.0.1:{}", mail.port));
    let settings = [("ALERT_WEBHOOK", webhook.as_str()), ("ALERT_SMTP_URL", &server)];
    let settings = [&settings[..], &MAIL].concat();
    let line = |arguments: &[&str], settings: &[(&str, &str)]| -> anyhow::Result<String> {
        let text = stdout(&app(&workdir, arguments, settings)?);
        Ok(text.lines().filter(|line| line.contains("| alerts")).collect::<Vec<_>>().join("\n"))
    };
    holds(&line(&["doctor"], &[])?, "none: set ALERT_WEBHOOK, or ALERT_SMTP_URL, ALERT_FROM and ALERT_TO")?;
    holds(&line(&["doctor", "--alert-test"], &[])?, "NOT OK")?;
    holds(&line(&["doctor"], &settings)?, "webhook, mail; app doctor --alert-test sends a test")?;
    same(hook.is_quiet(), true)?;
    let sent = line(&["doctor", "--alert-test"], &settings)?;
    same(sent.matches("a test was sent").count(), 2)?;
    is(&hook.next()?, "test", "test", "raised")?;
    holds(&mail.next()?, "somebody ran app doctor --alert-test")?;
    let server = format!("smtp://me:wrong@127.0.0.1:{}", mail.port);
    let wrong = [&settings[..], &[("ALERT_SMTP_URL", &server), ("ALERT_WEBHOOK", "http://127.0.0.1:1/")]].concat();
    let sent = line(&["doctor", "--alert-test"], &wrong)?;
    holds(&sent, "not sent: the server answered 535; is ALERT_SMTP_URL right?")?;
    holds(&sent, "is ALERT_WEBHOOK right?")
}

async fn no_secret_is_in_any_log(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mail = listen::mail(WORD)?;
    // A server that repeats the password, in its own letters and as it was sent, and a webhook that is not there.
    let server = format!("smtp://me:hunter3@127.0.0.1:{}", mail.port);
    let (token, encoded) = ("T0KEN", "AG1lAGh1bnRlcjM=");
    let webhook = format!("http://127.0.0.1:1/{token}?key={token}");
    let away = "postgres://me:hunter3@127.0.0.1:1/none?sslpassword=hunter3";
    let settings = [
        ("DATABASE_URL", database.url.as_str()),
        ("ECHO_SQL", "true"),
        ("DEBUG_LOGS", "true"),
        ("ALERT_WEBHOOK", &webhook),
        ("ALERT_SMTP_URL", &server),
    ];
    let settings = [&settings[..], &MAIL].concat();
    let of_database = database.url.split('@').next().and_then(|start| start.rsplit(':').next()).unwrap_or_default();
    let wrong = database.url.replace(of_database, "hunter3");
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    workdir.write("imports/bad.csv", "")?;
    workdir.write("imports/good.csv", "a\n1\n")?;
    daemon.wait_for(&["alert not sent by"])?;
    daemon.wait_for(&["alert not sent by"])?;
    let mut all = daemon.terminate()?.1;
    for (arguments, url) in [
        (&["--pipeline"][..], database.url.as_str()),
        (&["--once"], away),
        (&["--once"], &wrong),
        (&["--pipeline"], away),
        (&["doctor", "--alert-test"], &wrong),
        (&["doctor"], away),
        (&["config"], away),
        (&["config", "--json"], &wrong),
    ] {
        if database.url.starts_with("sqlite") && url == wrong {
            continue;
        }
        let output = app(&workdir, arguments, &[&settings[..], &[("DATABASE_URL", url)]].concat())?;
        all += &(stdout(&output) + &stderr(&output));
    }
    for name in workdir.list("logs") {
        all += &workdir.read(&format!("logs/{name}"))?;
    }
    for words in [
        "alert not sent by mail: the server answered 535",
        "alert not sent by webhook",
        "insert into",
        "***",
        "sslpassword is no word",
    ] {
        holds(&all.to_lowercase(), words)?;
    }
    let mut secrets = vec!["hunter3", token, encoded];
    if database.url.starts_with("postgres") {
        secrets.push(of_database);
    }
    for secret in secrets {
        let found: Vec<_> = all.lines().filter(|line| line.contains(secret)).collect();
        same(found, Vec::<&str>::new())?;
    }
    Ok(())
}
