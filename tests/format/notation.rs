//! Values as people write them: what a plugin says of numbers, truths, NULL and blanks, and what is told where nobody says it.

use libtest_mimic::Trial;

use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, holds, on_both, same};

pub fn cases() -> Vec<Trial> {
    on_both("format::notation::numbers_are_read_as_a_column_says", numbers_are_read_as_a_column_says)
        .into_iter()
        .chain(on_both("format::notation::one_word_is_said_for_the_whole_file", one_word_is_said_for_the_whole_file))
        .chain(on_both("format::notation::what_is_numeric_stays_numeric", what_is_numeric_stays_numeric))
        .chain(on_both("format::notation::truth_null_and_blanks", truth_null_and_blanks))
        .chain(on_both("format::notation::texts_and_numbers_of_json", texts_and_numbers_of_json))
        .chain(on_both("format::notation::an_empty_text_is_null_among_numbers", an_empty_text_is_null_among_numbers))
        .chain(on_both("format::notation::a_day_among_moments_is_midnight", a_day_among_moments_is_midnight))
        .chain(on_both("format::notation::a_filter_sees_numbers", a_filter_sees_numbers))
        .chain(on_both("format::notation::what_texts_look_like_is_told", what_texts_look_like_is_told))
        .collect()
}

const TYPES: &str = "select name, \"type\" from sluice.\"column\" order by dataset, position";

async fn numbers_are_read_as_a_column_says(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "bank",
        "name: bank
files: [\"bank*\"]
table: bank
delimiter: \";\"
columns:
  - {from: id, type: text}
  - {from: de, decimal: \",\"}
  - {from: ch, thousands: \"'\"}
  - {from: fr, decimal: \",\", thousands: \" \", currency: €}
  - {from: in, thousands: \",\", currency: [₹, Rs]}
  - {from: pct, decimal: \",\", percent: true}
  - {from: n, thousands: \".\", type: bigint}
max_rejects: 100 %
",
    )?;
    let text = "id;de;ch;fr;in;pct;n\n\
        1;1.234,50;1'234.50;1 234,50 €;₹1,23,456.78;12,5 %;1.234\n\
        2;-0,05;1\u{2019}234;€1\u{202F}234\u{A0}567,5;Rs 5;100%;-7\n\
        3;(1.234,50);(5);-5;(1,234);-5\u{A0}%;1.234-\n\
        4;\u{2212}5;;;;;\n\
        5;1,234.50;;;;;\n\
        6;5 CR;;;;;\n\
        7;;;;;12,5;\n\
        8;;;;;;1,5\n\
        9;;1,234.5;;;;\n";
    let books = workdir.load(&database, "bank.csv", text).await?.books;
    same((books.read, books.loaded, books.rejected), (9, 4, 5))?;
    same(
        database.text("select id, de, ch, fr, \"in\", pct, n from staging.bank order by id").await?,
        "1|1234.50|1234.50|1234.50|123456.78|0.125|1234\n2|-0.05|1234|1234567.5|5|1.00|-7\n\
         3|-1234.50|-5|-5|-1234|-0.05|-1234\n4|-5|∅|∅|∅|∅|∅",
    )?;
    same(
        database.text("select line, detail from sluice.reject order by line").await?,
        "6|\"1,234.50\" is no numeric with decimal \",\"\n7|\"5 CR\" is no numeric with decimal \",\"\n\
         8|\"12,5\" is no numeric with decimal \",\", a percent sign\n\
         9|\"1,5\" is no bigint with decimal \",\", thousands \".\"\n\
         10|\"1,234.5\" is no numeric with decimal \".\", thousands \"'\"",
    )?;
    same(database.text(TYPES).await?, "id|text\nde|numeric\nch|numeric\nfr|numeric\nin|numeric\npct|numeric\nn|bigint")
}

async fn one_word_is_said_for_the_whole_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "b",
        "name: b\nfiles: [\"b*\"]\ntable: b\ndecimal: \",\"\nnull: [NA, \"-\", \"\\\\N\"]\ntrim: true\n",
    )?;
    let text = "id;betrag;menge;code;name;version;rang\n\
        7; 1.234,50 ;NA;1.234;Ann ;1.5;(1)\n\
        8;-;12;5.678;-;1.6;(2)\n\
        9;3,00;\\N;9;Bo, Ltd;2.0;+3\n";
    workdir.load(&database, "b.csv", text).await?;
    // A point could be anything where nobody says that it stands between groups, and a number in brackets a place in a list.
    same(
        database.text("select id, betrag, menge, code, name, version, rang from staging.b order by id").await?,
        "7|1234.50|∅|1.234|Ann|1.5|(1)\n8|∅|12|5.678|∅|1.6|(2)\n9|3.00|∅|9|Bo, Ltd|2.0|+3",
    )?;
    same(
        database.text(TYPES).await?,
        "id|bigint\nbetrag|numeric\nmenge|bigint\ncode|text\nname|text\nversion|text\nrang|text",
    )
}

async fn what_is_numeric_stays_numeric(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "b",
        "name: b\nfiles: [\"b*\"]\ntable: b\ndecimal: \",\"\ntrue: [ja]\nfalse: [nein]\nmax_rejects: 100 %\n",
    )?;
    workdir.load(&database, "b1.csv", "id;x;ok\n1;5;ja\n2;6;nein\n").await?;
    workdir.load(&database, "b2.csv", "id;x;ok\n3;7,5;ja\n").await?;
    let books = workdir.load(&database, "b3.csv", "id;x;ok\n4;8,25;nein\n5;unknown;ja\n6;1;vielleicht\n").await?.books;
    same((books.loaded, books.rejected), (1, 2))?;
    same(database.text("select id, x from staging.b order by id").await?, "1|5\n2|6\n3|7.5\n4|8.25")?;
    same(database.text(TYPES).await?, "id|bigint\nx|numeric\nok|boolean")?;
    same(
        database.text("select detail from sluice.reject order by line").await?,
        "\"unknown\" is no numeric with decimal \",\"\n\"vielleicht\" is no boolean (true: \"ja\"; false: \"nein\")",
    )
}

async fn truth_null_and_blanks(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "t",
        "name: t
files: [\"t*\"]
table: t
columns:
  - {from: id}
  - {from: box, true: [ja, x], false: [nein, \"\"], null: \"?\"}
  - {from: n, null: [NA, \"-\"], type: bigint, trim: true}
  - from: note
    null: [NULL]
max_rejects: 100 %
",
    )?;
    let text =
        "id,box,n,note\n1,ja, 5 ,\n2,,NA,NULL\n3,\"\",-,\"\"\n4,nein,  ,null\n5,?,7,a\n6,true,7,a\n7,x,5\u{A0},\n";
    let books = workdir.load(&database, "t.csv", text).await?.books;
    same((books.loaded, books.rejected), (6, 1))?;
    let boxes = "select id, case when box then 'yes' when not box then 'no' end, n, note from staging.t order by id";
    same(database.text(boxes).await?, "1|yes|5|∅\n2|no|∅|∅\n3|no|∅|\n4|no|∅|null\n5|∅|7|a\n7|yes|5|∅")?;
    same(
        database.text("select detail from sluice.reject").await?,
        "\"true\" is no boolean (true: \"ja\", \"x\"; false: \"nein\", \"\")",
    )?;
    // A record that ends before its box says nothing of it.
    workdir.load(&database, "t2.csv", "id,note,box\n8,a,x\n9,b\n").await?;
    same(database.text("select count(*) from staging.t where box is null").await?, "2")
}

async fn texts_and_numbers_of_json(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("j", "name: j\nfiles: [\"j*\"]\ntable: j\ndecimal: \",\"\nthousands: \".\"\nnull: [NA]\n")?;
    let text = "{\"id\":1,\"a\":1.5,\"n\":\"NA\",\"b\":1.234}\n{\"id\":2,\"a\":\"1.234,50\",\"n\":7,\"b\":5}\n";
    workdir.load(&database, "j.json", text).await?;
    // What could be two numbers is none.
    same(database.text("select a, n, b from staging.j order by id").await?, "1.5|∅|1.234\n1234.50|7|5")?;
    same(database.text(TYPES).await?, "id|bigint\na|numeric\nn|bigint\nb|text")
}

async fn an_empty_text_is_null_among_numbers(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "id,n,d,t,e,m\n\"1\",\"\",\"\",\"\",\"\",\"\"\n\"2\",\"5\",\"2024-01-31\",\"x\",\"\",\"2024-01-31T10:00:00Z\"\n";
    workdir.load(&database, "q.csv", text).await?;
    same(database.text(TYPES).await?, "id|bigint\nn|bigint\nd|date\nt|text\ne|text\nm|timestamptz")?;
    same(database.text("select n, d, t, e from staging.q order by id").await?, "∅|∅||\n5|2024-01-31|x|")?;
    // A column of nothing but empty texts takes the type of its first values, whichever file comes first.
    workdir.load(&database, "e1.csv", "id,n\n1,\"\"\n").await?;
    same(database.text("select n from staging.e1").await?, "")?;
    workdir.plugin("e", "name: e\nfiles: [\"e*\"]\ntable: e\n")?;
    for (name, other, table) in [("e2.csv", "e3.csv", "e"), ("f2.csv", "f3.csv", "f")] {
        workdir.plugin("f", "name: f\nfiles: [\"f*\"]\ntable: f\n")?;
        let files = ["id,n\n1,\"\"\n", "id,n\n2,5\n"];
        let (first, second) = if table == "e" { (files[0], files[1]) } else { (files[1], files[0]) };
        workdir.load(&database, name, first).await?;
        workdir.load(&database, other, second).await?;
        same(database.text(&format!("select n from staging.{table} order by id")).await?, "∅\n5")?;
    }
    // A later text makes it a column of texts, in one file and over two.
    workdir.load(&database, "g.csv", "id,n\n1,\"\"\n2,5\n3,x\n").await?;
    same(database.text("select n from staging.g order by id").await?, "\n5\nx")?;
    // A row with an empty key is refused.
    workdir.plugin("u", "name: u\nfiles: [\"u*\"]\ntable: u\nmode: upsert\nkey: [id]\nmax_rejects: 100 %\n")?;
    let books = workdir.load(&database, "u.csv", "id,n\n\"\",1\n2,3\n").await?.books;
    same((books.loaded, books.rejected), (1, 1))
}

async fn a_day_among_moments_is_midnight(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "m.csv", "id,at\n1,2024-01-31\n2,2024-01-31 10:30:00\n").await?;
    same(database.text("select at from staging.m order by id").await?, "2024-01-31 00:00:00\n2024-01-31 10:30:00")?;
    same(
        database.text("select \"type\", fits from sluice.\"column\" where name = 'at'").await?,
        "timestamp|timestamp,text,blank,seconds,shortest,day",
    )?;
    // Over two files, in either order.
    workdir.plugin("n", "name: n\nfiles: [\"n*\"]\ntable: n\n")?;
    workdir.load(&database, "n1.csv", "id,at\n1,2024-01-31\n").await?;
    workdir.load(&database, "n2.csv", "id,at\n2,2024-02-01T08:00\n").await?;
    same(database.text("select at from staging.n order by id").await?, "2024-01-31 00:00:00\n2024-02-01 08:00:00")?;
    // A midnight that is written with its time is another thing than a day: the column is text, and the days are days again.
    workdir.load(&database, "n3.csv", "id,at\n3,2024-02-02T00:00\n").await?;
    same(
        database.text("select at from staging.n order by id").await?,
        "2024-01-31\n2024-02-01T08:00\n2024-02-02T00:00",
    )?;
    workdir.load(&database, "k.csv", "id,at\n1,2024-01-31\n2,2024-01-31 00:00:00\n").await?;
    same(database.text("select at from staging.k order by id").await?, "2024-01-31\n2024-01-31 00:00:00")
}

async fn a_filter_sees_numbers(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "f",
        "name: f\nfiles: [\"f*\"]\ntable: f\ndecimal: \",\"\nfilter: x > 1000\ncolumns: [{from: x, type: numeric}]\n",
    )?;
    let books = workdir.load(&database, "f.csv", "id;x\n1;1.234,5\n2;999,9\n3;2000\n").await?.books;
    same((books.loaded, books.filtered, books.rejected), (2, 1, 0))
}

async fn what_texts_look_like_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let text = "id;betrag;tag;ok;text\n1;1.234,50;31.12.2024;ja;a\n2;5,00;01.02.2024;nein;b\n";
    workdir.write("bank.csv", text)?;
    workdir.write("imports/bank.csv", text)?;
    let line = "betrag looks like decimal commas (1.234,50): \"decimal: ','\" would make it numeric; app plugin new \
     bank --from FILE writes it";
    let check = stdout(&app(&workdir, &["check", "bank.csv"], &settings)?);
    holds(&check, line)?;
    holds(&check, "tag looks like days (31.12.2024): \"type: date, format: '%d.%m.%Y'\" would make it date")?;
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&app(&workdir, &["check", "bank.csv", "--json"], &settings)?))?;
    same(json["hints"].as_array().map(Vec::len), Some(3))?;
    let once = stdout(&app(&workdir, &["--once"], &settings)?);
    holds(&once, line)?;
    holds(&once, "ok looks like words of truth (ja): \"true: ['ja'], false: ['nein']\" would make it boolean")?;
    // Of Parquet all values tell it, also where the types of the columns are the file's own.
    app(&workdir, &["export", "staging.bank", "--output", "bank.parquet"], &settings)?;
    holds(&stdout(&app(&workdir, &["check", "bank.parquet"], &settings)?), line)?;
    app(&workdir, &["plugin", "new", "packed", "--from", "bank.parquet"], &settings)?;
    holds(
        &workdir.read("plugins/packed/plugin.yaml")?,
        "name: \"betrag\", type: numeric, decimal: \",\", thousands: \".\"",
    )?;
    holds(&workdir.read("plugins/packed/plugin.yaml")?, "name: \"tag\", type: date, format: \"%d.%m.%Y\"")?;
    // Nothing is changed by it.
    same(database.text("select betrag, tag, ok from staging.bank where id = 1").await?, "1.234,50|31.12.2024|ja")
}
