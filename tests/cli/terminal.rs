//! The program on a terminal, as `script` makes one: no line is wider than it, what matters is there, colours only where they are
//! welcome. Where there is no `script`, the cases are listed as ignored.

use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::support::api::{Api, Call, ok};
use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, alone, holds, on_both, same};

pub fn cases() -> Vec<Trial> {
    let there = Command::new("script").arg("--version").stdout(Stdio::null()).status().is_ok();
    let cases = [
        on_both("cli::terminal::no_line_is_wider_than_it", no_line_is_wider_than_it),
        on_both("cli::terminal::what_matters_is_there", what_matters_is_there),
        on_both("cli::terminal::colours_are_where_they_are_welcome", colours_are_where_they_are_welcome),
        on_both("cli::terminal::a_run_shows_its_tables_one_after_the_other", a_run_shows_its_tables),
        on_both("cli::terminal::a_slow_pull_shows_how_far_it_is", a_slow_pull_shows_how_far_it_is),
        alone("cli::terminal::a_pipe_knows_no_width", a_pipe_knows_no_width),
    ];
    cases.into_iter().flatten().map(|case| if there { case } else { case.with_ignored_flag(true) }).collect()
}

/// What a terminal of so many columns gets to see of the results.
fn on_terminal(
    workdir: &Workdir,
    columns: usize,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> anyhow::Result<String> {
    with_log(workdir, columns, &[arguments, &["2>", "/dev/null"]].concat(), settings)
}

/// What it gets to see in all, of a line for the shell.
fn with_log(workdir: &Workdir, columns: usize, line: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<String> {
    let line = format!("stty cols {columns} rows 50; exec \"$APP\" {}", line.join(" "));
    let mut command = Command::new("script");
    command.args(["-qefc", &line, "/dev/null"]).current_dir(workdir.path("")).env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.envs([("APP", env!("CARGO_BIN_EXE_app")), ("SHELL", "/bin/sh"), ("TERM", "xterm")]);
    let output = command.envs(settings.iter().copied()).stdin(Stdio::null()).output()?;
    Ok(String::from_utf8(output.stdout)?.replace('\r', ""))
}

/// The text without colours.
fn bare(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or(part, |(_, rest)| rest))
}

const LONG: &str = "quarterly_stock_of_all_warehouses_and_shops_in_the_north.csv";

/// A project that has something to show everywhere: what was loaded, rejected, a duplicate, failed, waits, and a star with questions.
fn project(workdir: &Workdir, settings: &[(&str, &str)]) -> Outcome {
    workdir.write("imports/n.csv", "sku,name\n1,Muttern\n2,ÄÖÜ 売上売上売上売上 🚚\n")?;
    workdir.write(
        &format!("imports/{LONG}"),
        "sku,name,what it is\n1,x,y\n2\n\"3,a quote that nobody closes again, and more\n",
    )?;
    workdir.write("imports/売上_2026_\u{1b}[31m.csv", "a\n1\n")?;
    workdir.write("imports/empty.csv", "")?;
    same(app(workdir, &["--once"], settings)?.status.code(), Some(1))?;
    workdir.write("imports/n.csv", "sku,name\n1,Muttern\n2,ÄÖÜ 売上売上売上売上 🚚\n")?;
    same(app(workdir, &["--once"], settings)?.status.code(), Some(0))?;
    workdir.write("imports/notes_that_are_of_no_format_that_is_read.docx", "x")?;
    workdir.write("sql/pipeline/stock_of_everything.sql", "/* kind: table */ select sku, name from staging.n")?;
    let columns: Vec<_> = (0..30).map(|n| format!("sku as column_{n}")).collect();
    let question = format!("select name, {} from datawarehouse.stock_of_everything order by 1", columns.join(", "));
    workdir.write("sql/analysis/wide.sql", question)?;
    Ok(())
}

async fn no_line_is_wider_than_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    project(&workdir, &settings)?;
    let source =
        "source: {kind: http, url: https://shop.example.org/api/v2/a/rather/long/path/to/orders}\nmode: replace\n";
    workdir.plugin("shop_of_the_north", &format!("name: shop_of_the_north\n{source}schedule: daily 06:00\n"))?;
    for columns in [40, 80, 120] {
        for arguments in [
            vec!["plugin", "list"],
            vec!["status"],
            vec!["loads"],
            vec!["doctor"],
            vec!["config"],
            vec!["plan"],
            vec!["rejects"],
            vec!["why", LONG],
            vec!["why", "n.csv"],
            vec!["--pipeline"],
            vec!["--analysis"],
        ] {
            let text = on_terminal(&workdir, columns, &arguments, &[settings[0], ("NO_COLOR", "1")])?;
            same((columns, &arguments, text.trim().is_empty()), (columns, &arguments, false))?;
            let wide: Vec<_> = text.lines().filter(|line| line.width() > columns).collect();
            same((columns, &arguments, wide), (columns, &arguments, vec![]))?;
        }
    }
    Ok(())
}

async fn what_matters_is_there(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("NO_COLOR", "1")];
    project(&workdir, &settings[..1])?;
    let seen = |columns: usize, arguments: &[&str]| on_terminal(&workdir, columns, arguments, &settings);
    let holds_all = |text: &str, words: &[&str]| words.iter().try_for_each(|word| holds(text, word));

    let loads = seen(80, &["loads"])?;
    holds_all(
        &loads,
        &["│ load ┆ file ", "┆ status ", "┆ loaded ┆ rejected ┆ note", "failed", "the file is", "duplicate"],
    )?;
    holds_all(&loads, &["no room at 80 columns for: started", "quarterly_stock_of"])?;
    holds_all(&seen(120, &["loads"])?, &["┆ started ", "┆ table "])?;
    holds_all(&seen(160, &["loads"])?, &["┆ started ", "┆ read ", "Z ┆"])?;

    let status = seen(80, &["status"])?;
    holds_all(&status, &["needs a person:\n- failed/empty.csv: the file is empty\n  fix the file; app retry"])?;
    holds_all(&status, &["imports is watched by nobody", "│ waiting", "left where it is", "last pipeline run: none"])?;

    let doctor = seen(80, &["doctor"])?;
    holds_all(&doctor, &["folder imports", "┆ ok ┆", "ALERT_SMTP_URL,", "the database takes rows"])?;
    let config = seen(80, &["config"])?;
    holds_all(&config, &["ARCHIVE_MAX_MEMBERS  ┆ 1000", "┆ environment ┆", "│ DECODER_SECONDS"])?;
    let rejects = seen(80, &["rejects"])?;
    holds_all(&rejects, &["│ load ┆ line ┆", "a quote is opened", "┆ text"])?;
    let why = seen(80, &["why", LONG])?;
    holds_all(&why, &["rows: 3 read = 2 loaded + 1 rejected", "│ line ┆", "blake3"])?;
    holds_all(&seen(80, &["plan"])?, &["stock_of_everything", "+2 new", "Next: app --pipeline"])?;
    holds_all(&seen(80, &["--pipeline"])?, &["│ stock_of_everything ┆", "┆ rows ┆", "2 changes"])?;
    holds_all(&seen(80, &["--analysis"])?, &["│ name ", "┆ column_0 ", "no room at 80 columns for: ", "column_29"])
}

async fn colours_are_where_they_are_welcome(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    project(&workdir, &settings)?;
    let with = |more: (&'static str, &'static str), arguments: &[&str]| {
        on_terminal(&workdir, 80, arguments, &[settings[0], more])
    };
    let none = ("TERM", "xterm");
    let loads = with(none, &["loads"])?;
    for coloured in ["\u{1b}[32mloaded\u{1b}[0m ", "\u{1b}[31mfailed\u{1b}[0m ", "\u{1b}[33m1\u{1b}[0m ┆"] {
        holds(&loads, coloured)?;
    }
    let status = with(none, &["status"])?;
    holds(
        &status,
        "\u{1b}[31mneeds a person:\u{1b}[0m\n\u{1b}[31m- failed/empty.csv: the file is empty\u{1b}[0m\n  fix",
    )?;
    holds(&status, "\u{1b}[33mimports is watched by nobody\u{1b}[0m\n")?;
    holds(&with(none, &["doctor"])?, "┆ \u{1b}[32mok\u{1b}[0m ┆")?;
    for arguments in [["loads"], ["status"], ["doctor"], ["config"], ["rejects"], ["plan"]] {
        let coloured = with(none, &arguments)?;
        for plain in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let text = with(plain, &arguments)?;
            same((plain, arguments, text.contains('\u{1b}')), (plain, arguments, false))?;
            // The others tell of free room, and of the time since.
            if !["doctor", "status"].contains(&arguments[0]) {
                same((plain, text), (plain, bare(&coloured)))?;
            }
        }
        // A pipe.
        let output = app(&workdir, &arguments, &settings)?;
        same(
            (arguments, stdout(&output).contains('\u{1b}'), stderr(&output).contains('\u{1b}')),
            (arguments, false, false),
        )?;
    }
    // An empty NO_COLOR is none.
    same(with(("NO_COLOR", ""), &["loads"])?.contains("\u{1b}[32m"), true)
}

async fn a_run_shows_its_tables(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    project(&workdir, &settings)?;
    workdir.write(
        "sql/pipeline/later.sql",
        "/* kind: table */ select sku from datawarehouse.stock_of_everything where sku = 1",
    )?;
    let text = with_log(&workdir, 80, &["--pipeline"], &settings)?;
    let at = |words: &str| text.find(words).ok_or_else(|| anyhow::anyhow!("no {words:?} in {text:?}"));
    let first = at(&format!("{:<32} {:>18} ", "stock_of_everything", "2 rows"))?;
    let second = at(&format!("{:<32} {:>18} ", "later", "1 row "))?;
    same(first < second && second < at("┌──")?, true)?;
    // Neither in a pipe nor where only what is wrong is wanted.
    let quiet = with_log(&workdir, 80, &["--pipeline", "--quiet", "--full"], &settings)?;
    same(quiet.contains(&format!("{:<32} ", "stock_of_everything")), false)?;
    let output = app(&workdir, &["--pipeline", "--full"], &settings)?;
    same(stderr(&output).lines().filter(|line| !line.contains(" INFO ") && !line.contains(" WARN ")).count(), 0)?;
    holds(&stderr(&output), " INFO pipeline done: 0 changes in 2 tables (")?;
    same(stdout(&output).contains("2 rows"), false)
}

async fn a_slow_pull_shows_how_far_it_is(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|call: Call| {
        std::thread::sleep(std::time::Duration::from_millis(700));
        let page = call.number_of("page").unwrap_or(1);
        let records: Vec<_> = (0..if page < 4 { 500 } else { 0 }).map(|n| json!({"id": page * 1000 + n})).collect();
        ok(&if call.path == "/total" { json!({"total": 1500, "data": records}) } else { json!({"data": records}) })
    })
    .await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    for (name, total, shown) in
        [("total", ", total: total", "1,000/1,500 records of 2 pages, "), ("plain", "", "1,000 records of 2 pages, ")]
    {
        let source = format!("{{kind: http, url: {}/{name}, paginate: {{by: page{total}}}}}", api.base);
        workdir.plugin(name, &format!("name: {name}\nsource: {source}\nmode: replace\n"))?;
        let seen = tokio::task::block_in_place(|| with_log(&workdir, 120, &["pull", name], &settings))?;
        for words in ["waits for the server", shown, " records/s", "1500 loaded into staging"] {
            holds(&seen, words)?;
        }
        same((name, seen.contains(" records/s, 66 %")), (name, name == "total"))?;
        // No half of what is shown.
        same(seen.contains("1,000 records of 1 page") || seen.contains("1,000/1,500 records of 1 page"), false)?;
        let piped = tokio::task::block_in_place(|| app(&workdir, &["pull", name], &settings))?;
        let said = stdout(&piped) + &stderr(&piped);
        same((piped.status.code(), said.contains("records/s") || said.contains('\u{1b}')), (Some(0), false))?;
    }
    Ok(())
}

async fn a_pipe_knows_no_width(workdir: Workdir) -> Outcome {
    project(&workdir, &[])?;
    for arguments in [["loads"], ["status"], ["config"], ["rejects"]] {
        let wide = stdout(&app(&workdir, &arguments, &[])?);
        let narrow = stdout(&app(&workdir, &arguments, &[("COLUMNS", "40"), ("TERM", "xterm")])?);
        let without = |text: &str| text.replace("environment", "default    ").replace([' ', '-'], "");
        same((arguments, without(&narrow)), (arguments, without(&wide)))?;
    }
    let loads = stdout(&app(&workdir, &["loads"], &[])?);
    holds(&loads, "| load | started              | file ")?;
    holds(&loads, " | read | loaded | rejected | duplicate | filtered | note ")?;
    // On a terminal the user's word for its width holds.
    let narrow = on_terminal(&workdir, 120, &["loads"], &[("COLUMNS", "60"), ("NO_COLOR", "1")])?;
    same(narrow.lines().map(UnicodeWidthStr::width).max(), Some(60))
}
