//! Rights that PostgreSQL's role lacks, and locks on the catalog: what they hold up, and what is said of them.

use sqlx::{Connection, Executor, PgConnection};

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_postgres:
        a_right_on_one_table_holds_up_no_other_one,
        a_right_that_every_load_needs_holds_all_with_its_reason,
        a_lock_on_the_catalog_names_its_holder,
        a_right_to_make_tables_is_named_by_its_statement;
}

/// A role of its own for the database, which is granted all that loads need, and the database's address for it.
pub async fn role(database: &TestDatabase, name: &str) -> anyhow::Result<(String, String)> {
    let role = format!("{name}_{}", std::process::id());
    as_owner(
        database,
        &[
            &format!("create role {role} login password 'secret'"),
            &format!("grant all on schema staging, datawarehouse, sluice to {role}"),
            &format!("grant all on all tables in schema sluice to {role}"),
            &format!("grant all on all sequences in schema sluice to {role}"),
        ],
    )
    .await?;
    let rest = database.url.split_once('@').map_or("", |(_, rest)| rest);
    let url = format!("postgres://{role}:secret@{rest}");
    Ok((role, url))
}

pub async fn as_owner(database: &TestDatabase, statements: &[&str]) -> anyhow::Result<PgConnection> {
    let mut connection = PgConnection::connect(&database.url).await?;
    for statement in statements {
        connection.execute(sqlx::AssertSqlSafe((*statement).to_owned())).await?;
    }
    Ok(connection)
}

/// The needs of `app status`, each with its fix, once one of them has these words.
fn needs_with(workdir: &Workdir, url: &str, words: &[&str]) -> anyhow::Result<String> {
    let mut needs = String::new();
    for _ in 0..100 {
        let json: serde_json::Value =
            serde_json::from_str(&stdout(&app(workdir, &["status", "--json"], &[("DATABASE_URL", url)])?))?;
        needs = json["needs"].to_string();
        if words.iter().all(|words| needs.contains(words)) {
            return Ok(needs);
        }
    }
    anyhow::bail!("{words:?} is not in {needs}")
}

async fn a_right_on_one_table_holds_up_no_other_one(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (role, url) = role(&database, "one").await?;
    let settings = [("DATABASE_URL", url.as_str())];
    workdir.plugin("kept", "name: kept\nfiles: [kept.*]\nmode: upsert\nkey: [a]\n")?;
    let broken = ["owned", "revoked", "counted", "triggered", "widened", "kept"];
    for table in broken.iter().chain(&["good"]) {
        workdir.write(&format!("imports/{table}.csv"), "a\n0\n")?;
    }
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    as_owner(
        &database,
        &[
            "alter table staging.owned owner to sluice",
            &format!("revoke insert on staging.revoked from {role}"),
            "create sequence staging.counter",
            "alter table staging.counted add n bigint default nextval('staging.counter')",
            "create table public.audit (n bigint)",
            "create function public.audited() returns trigger language plpgsql as \
             'begin insert into public.audit values (1); return new; end'",
            "create trigger audited after insert on staging.triggered execute function public.audited()",
            "alter table staging.widened owner to sluice",
            &format!("grant all on staging.widened to {role}"),
            "alter table staging.kept owner to sluice",
            &format!("grant all on staging.kept to {role}"),
            &format!("revoke create on schema staging from {role}"),
        ],
    )
    .await?;
    workdir.write("imports/revoked.csv", "a\n1\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(1))?;
    same(workdir.list("imports").contains(&"revoked.csv".to_owned()), true)?;
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    // More files of one table than there are places.
    for n in 0..8 {
        workdir.write(&format!("imports/owned.{n}.csv"), format!("a\n{n}1\n"))?;
    }
    for table in ["counted", "triggered", "kept", "fresh"] {
        workdir.write(&format!("imports/{table}.csv"), "a\n1\n")?;
    }
    workdir.write("imports/widened.csv", "a,b\n1,2\n")?;
    for n in 1..=6 {
        workdir.write(&format!("imports/good.z{n}.csv"), format!("a\n{n}\n"))?;
    }
    let fixes = [
        ("owned", format!("grant select, insert on \\\"staging\\\".\\\"owned\\\" to \\\"{role}\\\"")),
        ("revoked", format!("grant insert on \\\"staging\\\".\\\"revoked\\\" to \\\"{role}\\\"")),
        ("counted", format!("grant usage on sequence staging.counter to \\\"{role}\\\"")),
        ("triggered", "let the owner of what the message names grant it to the role".to_owned()),
        ("widened", format!("alter table \\\"staging\\\".\\\"widened\\\" owner to \\\"{role}\\\"")),
        ("kept", format!("alter table \\\"staging\\\".\\\"kept\\\" owner to \\\"{role}\\\"")),
        ("fresh", format!("grant create on schema \\\"staging\\\" to \\\"{role}\\\"")),
    ];
    let words: Vec<_> = fixes.iter().map(|(_, fix)| fix.as_str()).collect();
    let needs = needs_with(&workdir, &url, &words)?;
    for (table, _) in &fixes {
        holds(&needs, &format!("the database's role may not load into staging.{table}: "))?;
    }
    same(needs.contains("loads nothing") || needs.contains("does not answer"), false)?;
    for n in 1..=6 {
        let name = format!("good.z{n}.csv");
        if !daemon.log().contains(&format!("loaded {name}")) {
            daemon.wait_for(&["INFO loaded", &name])?;
        }
    }
    // Nothing of a refused load is there.
    same(database.text("select count(*) from staging.revoked").await?, "1")?;
    same(database.text("select count(*) from sluice.load").await?, (7 + 6).to_string())?;
    as_owner(
        &database,
        &[
            &format!("alter table staging.owned owner to {role}"),
            &format!("grant insert on staging.revoked to {role}"),
            &format!("grant usage on sequence staging.counter to {role}"),
            &format!("grant insert on public.audit to {role}"),
            &format!("alter table staging.widened owner to {role}"),
            &format!("grant create on schema staging to {role}"),
            &format!("alter table staging.kept owner to {role}"),
        ],
    )
    .await?;
    for _ in 0..8 + 6 {
        daemon.wait_for(&["INFO loaded"])?;
    }
    needs_with(&workdir, &url, &["[]"])?;
    let (status, log) = daemon.terminate()?;
    same(status.code(), Some(0))?;
    for words in ["does not answer", "files wait in the folder until that is fixed"] {
        same((words, log.contains(words)), (words, false))?;
    }
    for (table, _) in &fixes {
        // One file speaks for the others of its table.
        let name = if *table == "owned" { "owned." } else { *table };
        let told = log.lines().filter(|line| line.contains("not loaded yet") && line.contains(name)).count();
        same((table, told), (table, 1))?;
    }
    same(
        database.text("select count(*) from sluice.load where status = 'loaded'").await?,
        (7 + 6 + 8 + 6).to_string(),
    )?;
    same(database.text("select count(*) from staging.owned").await?, "9")
}

async fn a_right_that_every_load_needs_holds_all_with_its_reason(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (role, url) = role(&database, "all").await?;
    let mut daemon = Daemon::start(&workdir, &[], &[("DATABASE_URL", &url)])?;
    daemon.wait_for(&["watching"])?;
    for (n, (revoke, grant, words)) in [
        (
            format!("revoke insert on sluice.load from {role}"),
            format!("grant insert on sluice.load to {role}"),
            ["load", "grant all on schema sluice to ROLE; grant all on all tables in schema sluice to ROLE"],
        ),
        (
            format!("revoke select on sluice.column from {role}"),
            format!("grant select on sluice.column to {role}"),
            ["column", "grant all on schema sluice to ROLE; grant all on all tables in schema sluice to ROLE"],
        ),
        (
            format!("revoke all on schema staging from {role}"),
            format!("grant all on schema staging to {role}"),
            ["staging", "grant usage, create on schema"],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        as_owner(&database, &[&revoke]).await?;
        let doctor = app(&workdir, &["doctor"], &[("DATABASE_URL", url.as_str())])?;
        same(doctor.status.code(), Some(1))?;
        holds(&stdout(&doctor), "lacks some: grant ")?;
        workdir.write(&format!("imports/n.{n}.csv"), format!("a\n{n}\n"))?;
        let reason = "the database's role lacks a right that every load needs: ";
        let said = daemon.wait_for(&["ERROR", reason, words[0], words[1]])?;
        same((said.as_str(), said.contains("does not answer")), (said.as_str(), false))?;
        let needs = needs_with(&workdir, &url, &["loads nothing since", reason])?;
        same((needs.as_str(), needs.contains("does not answer")), (needs.as_str(), false))?;
        as_owner(&database, &[&grant]).await?;
        daemon.wait_for(&["INFO loaded", &format!("n.{n}.csv")])?;
        daemon.wait_for(&["all is well again"])?;
    }
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn a_right_to_make_tables_is_named_by_its_statement(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (role, url) = role(&database, "made").await?;
    let settings = [("DATABASE_URL", url.as_str())];
    // The state of an older catalog.
    as_owner(
        &database,
        &[
            "drop table sluice.checkpoint",
            "alter table sluice.load drop column position",
            "delete from sluice.migration where version like '%checkpoint%'",
            &format!("revoke create on schema sluice from {role}"),
            &format!("revoke create on schema staging from {role}"),
        ],
    )
    .await?;
    let output = app(&workdir, &["--once"], &settings)?;
    same(output.status.code(), Some(1))?;
    let grant = |schema: &str| format!("grant create on schema \"{schema}\" to \"{role}\"");
    holds(&stderr(&output), &grant("sluice"))?;
    as_owner(&database, &[&grant("sluice")]).await?;
    // Then its other tables are to be changed, which only their owner may.
    let output = app(&workdir, &["--once"], &settings)?;
    if output.status.code() != Some(0) {
        holds(&stderr(&output), &format!("alter table \"sluice\".\"load\" owner to \"{role}\""))?;
    }
    database.warehouse.prepare().await?;
    as_owner(&database, &[&format!("grant all on all tables in schema sluice to {role}")]).await?;
    let output = app(&workdir, &["doctor"], &settings)?;
    same(output.status.code(), Some(1))?;
    holds(&stdout(&output), &grant("staging"))?;
    as_owner(&database, &[&grant("staging")]).await?;
    let said = stdout(&app(&workdir, &["doctor"], &settings)?);
    holds(&said, "rows were written and taken back")?;
    same((said.as_str(), said.contains("grant ")), (said.as_str(), false))
}

async fn a_lock_on_the_catalog_names_its_holder(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    for table in ["load", "dataset", "\"column\""] {
        let lock = format!("lock table sluice.{table} in access exclusive mode");
        let mut holder = as_owner(&database, &["set application_name = 'some psql'", "begin", &lock]).await?;
        let name = format!("of_{}.csv", table.trim_matches('"'));
        workdir.write(&format!("imports/{name}"), "a\n1\n")?;
        let said = daemon.wait_for(&["not loaded yet", &name, "somebody else holds a lock: process"])?;
        for words in ["some psql", "user sluice", "pg_terminate_backend"] {
            holds(&said, words)?;
        }
        if table == "load" {
            let needs = needs_with(&workdir, &database.url, &["somebody else holds a lock: process"])?;
            for words in ["some psql", "user sluice", "pg_terminate_backend"] {
                holds(&needs, words)?;
            }
            same((needs.as_str(), needs.contains("does not answer")), (needs.as_str(), false))?;
        }
        holder.execute("rollback").await?;
        daemon.wait_for(&["INFO loaded", &name])?;
    }
    let (status, log) = daemon.terminate()?;
    same((status.code(), log.contains("does not answer")), (Some(0), false))
}
