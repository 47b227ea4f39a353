//! Files of one table that are not alike: aliases, columns that come and go, lines below the table, and the first plugin for a series.

use libtest_mimic::Trial;
use sluice::load::FileOutcome;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, alone, holds, on_both, same};

pub fn cases() -> Vec<Trial> {
    on_both("dataset::series::a_column_has_several_headers", a_column_has_several_headers)
        .into_iter()
        .chain(on_both(
            "dataset::series::a_declared_column_is_there_from_the_first_file_on",
            a_declared_column_is_there,
        ))
        .chain(on_both("dataset::series::others_are_kept_or_dropped", others_are_kept_or_dropped))
        .chain(on_both("dataset::series::another_header_is_told", another_header_is_told))
        .chain(on_both("dataset::series::lines_below_the_table_are_kept_beside", lines_below_the_table_are_kept_beside))
        .chain(on_both("dataset::series::a_first_plugin_reads_its_files_typed", a_first_plugin_reads_its_files_typed))
        .chain(on_both("dataset::series::tables_of_a_series_are_mentioned_once", tables_of_a_series_are_mentioned_once))
        .chain(alone("dataset::series::the_plugins_of_the_book_are_right", the_plugins_of_the_book_are_right))
        .chain(alone("dataset::series::what_can_be_known_is_said_at_reading", what_can_be_known_is_said_at_reading))
        .collect()
}

async fn a_column_has_several_headers(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "o",
        "name: o\nfiles: [\"o*\"]\ntable: o\nmode: upsert\nkey: [id]\ncolumns:\n  - {from: [Auftrag-Nr., Order No], \
         name: id}\n  - {from: n}\n",
    )?;
    workdir.load(&database, "o1.csv", "Auftrag-Nr.;n\n1;2\n2;3\n").await?;
    workdir.load(&database, "o2.csv", "Order No;n\n2;4\n3;5\n").await?;
    same(database.text("select id, n from staging.o order by id").await?, "1|2\n2|4\n3|5")?;
    let done = workdir.drop_file(&database, "o3.csv", "Order No;Auftrag-Nr.;n\n2;4;1\n").await?;
    same(matches!(done, FileOutcome::Failed(_)), true)?;
    holds(
        &workdir.read("imports/failed/o3.csv.error.json")?.replace("\\\"", "\""),
        "the file has both \"Auftrag-Nr.\" and \"Order No\", which its plugin takes for one column",
    )
}

async fn a_declared_column_is_there(database: TestDatabase, workdir: Workdir) -> Outcome {
    let yaml = |mode: &str| {
        format!(
            "name: o\nfiles: [\"o*\"]\ntable: o\n{mode}columns:\n  - {{from: id}}\n  - {{from: [Preis, Price], name: \
             price, type: numeric}}\n  - {{from: note}}\n  - {{from: n}}\n"
        )
    };
    workdir.plugin("o", &yaml(""))?;
    workdir.load(&database, "o1.csv", "id,x\n1,a\n").await?;
    same(database.text("select id, x, price, note, n from staging.o").await?, "1|a|∅|∅|∅")?;
    same(
        database.text("select name, \"type\" from sluice.\"column\" order by position").await?,
        "id|bigint\nx|text\nprice|numeric\nnote|text\nn|text",
    )?;
    workdir.load(&database, "o2.csv", "id,x,Price,n\n2,b,5.50,7\n").await?;
    same(database.text("select id, price, n from staging.o order by id").await?, "1|∅|∅\n2|5.50|7")?;
    same(database.text("select \"type\" from sluice.\"column\" where name = 'n'").await?, "bigint")?;
    // A row that is replaced keeps what the file does not have.
    workdir.plugin("o", &yaml("mode: upsert\nkey: [id]\n"))?;
    workdir.load(&database, "o3.csv", "id,x\n2,c\n").await?;
    same(database.text("select x, price from staging.o where id = 2").await?, "c|5.50")
}

async fn others_are_kept_or_dropped(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let yaml = "name: o\nfiles: [\"o*\"]\ntable: o\ncolumns: [{from: Order No, name: id}]\n";
    workdir.plugin("o", yaml)?;
    workdir.load(&database, "o1.csv", "id,Order No,x\n9,1,a\n").await?;
    same(database.text("select id, id_2, x from staging.o").await?, "1|9|a")?;
    workdir.plugin("o", &format!("{yaml}others: drop\n"))?;
    workdir.write("imports/o2.csv", "Order No,y\n2,b\n")?;
    holds(
        &stdout(&app(&workdir, &["--once"], &settings)?),
        "left out, not loaded: 1 column: app why o2.csv shows them",
    )?;
    same(database.text("select id, id_2, x from staging.o where id = 2").await?, "2|∅|∅")?;
    same(database.text("select kind, name from sluice.beside").await?, "column|y")
}

async fn another_header_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.plugin("o", "name: o\nfiles: [\"o*\"]\ntable: o\n")?;
    let once = |name: &str, text: &str| -> anyhow::Result<String> {
        workdir.write(&format!("imports/{name}"), text)?;
        let done = app(&workdir, &["--once"], &settings)?;
        Ok(stdout(&done) + &stderr(&done))
    };
    let log = once("o1.csv", "Order No,n\n1,2\n")?;
    same(log.contains("another one than before"), false)?;
    let log = once("o2.csv", "Order Nr,n\n1,3\n")?;
    holds(
        &log,
        "the header is another one than before: without \"Order No\", \"Order Nr\" new; before: \"Order No\", \"n\"; \
         now: \"Order Nr\", \"n\"; where it was renamed, from: [\"Order No\", \"Order Nr\"] in a plugin makes both one column",
    )?;
    let log = once("o3.csv", "Order No,Order Nr,n,x\n1,1,3,4\n")?;
    holds(&log, "the header is another one than before: \"x\" new; before: \"Order No\", \"n\", \"Order Nr\"; now:")?;
    let log = once("o4.csv", "Order No,Order Nr,n,x\n1,1,3,5\n")?;
    same(log.contains("another one than before"), false)
}

async fn lines_below_the_table_are_kept_beside(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "id;n\n1;2\n3;4\nSumme;6\n\nStand: heute\n";
    for (name, yaml) in [("a", "skip_footer: 2"), ("b", "footer: \"^(Total|Summe)\"")] {
        workdir.plugin(name, &format!("name: {name}\nfiles: [\"{name}*\"]\ntable: {name}\n{yaml}\n"))?;
        let books = workdir.load(&database, &format!("{name}.csv"), text).await?.books;
        same((books.read, books.loaded, books.rejected), (2, 2, 0))?;
        same(database.text(&format!("select id, n from staging.{name} order by id")).await?, "1|2\n3|4")?;
    }
    same(
        database.text("select load_id, kind, line, text from sluice.beside order by load_id, line").await?,
        "1|below|4|Summe;6\n1|below|6|Stand: heute\n2|below|4|Summe;6\n2|below|6|Stand: heute",
    )?;
    same(
        database.text("select name, \"type\" from sluice.\"column\" where dataset = 'b' order by position").await?,
        "id|bigint\nn|bigint",
    )?;
    // A record below a line that is found says that the line is one of the table.
    let books = workdir.load(&database, "b2.csv", "id;n\nTotal Energies;2\n3;4\n").await?.books;
    same((books.loaded, books.rejected), (2, 0))?;
    let done = workdir.drop_file(&database, "b3.json", "{\"id\":1}\n").await?;
    same(matches!(done, FileOutcome::Failed(_)), true)?;
    // The beginning of a long file decides nothing of its end.
    let mut long = "id;n\n".to_owned();
    (0..900_000).for_each(|n| long += &format!("{n};2\n"));
    let books = workdir.load(&database, "b4.csv", long + "Total;x\n").await?.books;
    same((books.loaded, books.rejected), (900_000, 0))
}

async fn a_first_plugin_reads_its_files_typed(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let january = "Nr;Betrag;Rabatt;Tag;Zeit;Aktiv;Menge;Text;Preis\n\
        1;1.234,50;12,5 %;31.12.2024;31.12.2024 10:30;ja;NA;a;5,00 €\n\
        2;-5,00;3 %;01.01.2025;01.01.2025 08:00;nein;7;b;1.000,00 €\n";
    let february =
        "Nr;Betrag;Rabatt;Tag;Zeit;Aktiv;Menge;Text;Preis;Neu\n3;7;1 %;02.02.2025;02.02.2025 09:15;Ja;5;;2,50 €;x\n";
    workdir.write("orders_2025-01.csv", january)?;
    workdir.write("orders_2025-02.csv", february)?;
    let arguments = ["plugin", "new", "orders", "--from", "orders_2025-01.csv", "orders_2025-02.csv"];
    let done = app(&workdir, &arguments, &settings)?;
    holds(&stdout(&done), "orders_*.csv -> staging.orders")?;
    same((done.status.code(), stderr(&done)), (Some(0), String::new()))?;
    let again = app(&workdir, &arguments, &settings)?;
    same(again.status.code(), Some(2))?;
    for (name, text) in [("orders_2025-01.csv", january), ("orders_2025-02.csv", february)] {
        workdir.write(&format!("imports/{name}"), text)?;
    }
    let done = app(&workdir, &["--once"], &settings)?;
    same((done.status.code(), stderr(&done)), (Some(0), String::new()))?;
    same(
        database.text("select name, \"type\" from sluice.\"column\" order by position").await?,
        "nr|bigint\nbetrag|numeric\nrabatt|numeric\ntag|date\nzeit|timestamp\naktiv|boolean\nmenge|bigint\ntext|text\n\
         preis|numeric\nneu|text",
    )?;
    same(
        database
            .text("select nr, betrag, rabatt, tag, zeit, menge, text, preis, neu from staging.orders order by nr")
            .await?,
        "1|1234.50|0.125|2024-12-31|2024-12-31 10:30:00|∅|a|5.00|∅\n\
         2|-5.00|0.03|2025-01-01|2025-01-01 08:00:00|7|b|1000.00|∅\n\
         3|7|0.01|2025-02-02|2025-02-02 09:15:00|5|∅|2.50|x",
    )?;
    same(database.text("select count(*) from staging.orders where aktiv").await?, "2")
}

async fn tables_of_a_series_are_mentioned_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut logs = Vec::new();
    for month in 1..=3 {
        workdir.write(&format!("imports/sales_2026-0{month}.csv"), format!("id,n\n{month},5\n"))?;
        workdir.write(&format!("imports/stock_2026-0{month}.csv"), format!("id,n{month}\n{month},5\n"))?;
        logs.push(stdout(&app(&workdir, &["--once"], &settings)?));
    }
    let said = "sales_2026_01 and sales_2026_02 look like a series of one table: app plugin new sales --from FILE... \
     writes a plugin that loads sales_*.csv into sales";
    let count = |log: &String| log.matches("look like a series").count();
    same(logs.iter().map(count).collect::<Vec<_>>(), [0, 1, 0])?;
    holds(&logs[1], said)
}

/// Also every key of a plugin stands in a table of the book.
async fn the_plugins_of_the_book_are_right(_: Workdir) -> Outcome {
    let page = |name: &str| std::fs::read_to_string(format!("{}/docs/{name}.md", env!("CARGO_MANIFEST_DIR")));
    let book = page("plugins")? + &page("columns")?;
    let examples: Vec<_> = book.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    same(examples.len(), 3)?;
    for yaml in examples {
        sluice::dataset::plugin::Plugins::of_text("book", yaml)?;
    }
    let unknown =
        sluice::dataset::plugin::Plugins::of_text("x", "name: x\nnonsense: 1\n").err().map(|error| error.to_string());
    let words = unknown.unwrap_or_default();
    let known: Vec<_> = words.split("the words here are ").nth(1).unwrap_or_default().split(", ").collect();
    anyhow::ensure!(known.len() > 30, "{words}");
    for key in known {
        let key = key.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '_');
        anyhow::ensure!(
            key == "columns" || book.contains(&format!("`{key}`")),
            "{key} is neither in docs/plugins.md nor in docs/columns.md"
        );
    }
    Ok(())
}

async fn what_can_be_known_is_said_at_reading(workdir: Workdir) -> Outcome {
    let column = |words: &str| format!("columns: [{{from: a, {words}}}]\n");
    for (words, expected) in [
        (column("type: date, format: dd.mm.yyyy"), "format: \"dd.mm.yyyy\" has no %"),
        (column("type: date, format: \"%H:%M\""), "can give no date: that has a day, a month and a year"),
        (column("type: timestamp, format: \"%d.%m.%Y\""), "can give no timestamp: that has a day and a time"),
        (column("type: timestamptz, format: \"%d.%m.%Y %H:%M\""), "an offset, such as"),
        (column("decimal: \";\""), "decimal: \";\" is neither \",\" nor \".\""),
        (column("decimal: \",\", thousands: \",\""), "thousands: ',' is the decimal sign, too"),
        (column("thousands: x"), "thousands: \"x\" is none of"),
        (column("decimal: \",\", type: date"), "decimal: goes with type: numeric"),
        (column("true: [ja], type: numeric"), "true: goes with type: boolean"),
        (column("true: [ja], false: [ja]"), "true: \"ja\" stands for false, too"),
        (column("true: [ja], null: [ja]"), "null: \"ja\" stands for true or false, too"),
        (column("currency: \"5\""), "currency: \"5\" is no sign of a currency"),
        (column("name: b") + "filter: nix > 1\n", "filter: no column is called nix; columns has to name it"),
        (column("name: price") + "filter: pric > 1\n", "filter: no column is called pric; did you mean price?"),
        (column("type: date") + "filter: a > 5\n", "filter: a is date, and 5 is none"),
        (column("name: b") + "others: leave\n", "others: \"leave\" is neither keep nor drop"),
        ("others: drop\n".to_owned(), "others: goes with columns"),
        ("columns: [{from: []}]\n".to_owned(), "columns: from: names no header"),
        ("true: [1]\nfalse: [0]\n".to_owned(), "true: \"1\" is a number in other columns"),
        ("skip_footer: 5000\n".to_owned(), "skip_footer: 5000 are more lines"),
        ("footer: \"(\"\n".to_owned(), "footer: \"(\" is no regular expression"),
        ("footer: x\nskip_footer: 1\n".to_owned(), "footer: goes without skip_footer"),
        ("format: json\nskip_footer: 1\n".to_owned(), "skip_footer: only csv, fixed and excel"),
    ] {
        workdir.plugin("x", &format!("name: x\nfiles: [a]\n{words}"))?;
        let output = app(&workdir, &["--once"], &[])?;
        same((words.as_str(), output.status.code()), (words.as_str(), Some(2)))?;
        holds(&stderr(&output), "plugins/x/plugin.yaml:")?;
        holds(&stderr(&output), expected)?;
    }
    // What is right is taken, with keys that are no texts in YAML.
    for words in [
        "null: [NA]\ntrue: [ja]\nfalse: [nein]\n".to_owned(),
        "null: NA\ntrue: ja\nfalse: nein\n".to_owned(),
        column("null: [NA], true: [1, ja], false: [0, nein, \"\"], type: boolean"),
        column("type: timestamptz, format: \"%d.%m.%Y %H:%M %z\""),
        column("type: date, format: \"%d.%m.%y\""),
        "columns:\n  - from: a\n    null: [NA]\n    true: [ja]\n    false: []\n".to_owned(),
    ] {
        workdir.plugin("x", &format!("name: x\nfiles: [a]\n{words}"))?;
        let output = app(&workdir, &["--once"], &[])?;
        same((words.as_str(), output.status.code(), stderr(&output)), (words.as_str(), Some(0), String::new()))?;
    }
    Ok(())
}
