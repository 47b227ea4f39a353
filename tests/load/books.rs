//! The books in bytes of delimited text: nothing of a file goes without being a record, a reject, or kept beside them.

use sluice::load::FileOutcome;

use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_reader_that_passes_over_something_is_caught,
        lines_above_the_table_are_kept_or_refused,
        a_table_that_grew_loads_whole,
        no_rows_are_an_ordinary_load_of_a_header_only,
        texts_that_were_put_together_load_apart,
        what_is_wrong_in_its_encoding_is_refused,
        lines_that_end_with_cr_may_hold_quoted_line_feeds,
        an_open_quote_costs_its_own_line;
}

async fn a_reader_that_passes_over_something_is_caught(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "Report\n\na,b\n1,x\n2,y\n3,z\n";
    for (fault, at) in [("csv_above", 0), ("csv_record", 16), ("csv_tail", 20)] {
        workdir.write("imports/t.csv", text)?;
        let failpoints = format!("{fault}=return");
        let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", failpoints.as_str())];
        let done = app(&workdir, &["--once"], &settings)?;
        same((fault, done.status.code()), (fault, Some(1)))?;
        holds(&stdout(&done), &format!("byte {at} of its text"))?;
        same(workdir.list("imports/failed"), vec!["t.csv", "t.csv.error.json"])?;
        std::fs::remove_dir_all(workdir.path("imports/failed"))?;
    }
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "0")?;
    let done = app(&workdir, &["--once"], &[("DATABASE_URL", database.url.as_str())])?;
    same(done.status.code(), Some(0))
}

async fn lines_above_the_table_are_kept_or_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let beside = "select kind, line, text from sluice.beside order by id";
    workdir.load(&database, "t.csv", "sep=;\nReport: 2024\n\nPeriod;May\nid;name;price\n1;x;2.5\n2;y;3.5\n").await?;
    same(database.text(beside).await?, "above|1|sep=;\nabove|2|Report: 2024\nabove|4|Period;May")?;
    same(database.text("select count(*) from sluice.reject").await?, "0")?;
    let stacked = "STEP,alpha,beta,\n0,x,y\n1,x,x\nSTEP,sum,\n0,7,\n1,8,\nSTEP,p,q,r,s,\n0,1,2,3,4,\n1,5,6,7,8,\n";
    workdir.drop_file(&database, "stacked.csv", stacked).await?;
    let loads = "select rows_loaded, rows_rejected from sluice.load where source like 'stacked%' order by id";
    same(database.text(loads).await?, "2|0\n2|0\n2|0")?;
    same(database.text("select sum(p), sum(s) from staging.stacked_3").await?, "6|12")?;
    // A record without a header has no line above it that is not one.
    let report = workdir.load(&database, "short.csv", "1,x\n2,y,5,6\n3,z,7,8\n").await?;
    same((report.books.loaded, report.books.rejected), (3, 0))?;
    let report = workdir.load(&database, "long.csv", "1,x,5,6,7\n2,y,5\n3,z,7\n").await?;
    same((report.books.loaded, report.books.extended), (3, 1))?;
    let report = workdir.load(&database, "films.csv", "3884821:\n2498,2,2001-11-26\n483,3,2000-01-13\n").await?;
    same((report.books.loaded, report.books.rejected), (2, 1))
}

async fn a_table_that_grew_loads_whole(database: TestDatabase, workdir: Workdir) -> Outcome {
    let old = (0..5).map(|n| if n == 3 { format!("{n},a\n") } else { format!("{n},a,{n}.5\n") }).collect::<String>();
    let new = (5..14).map(|n| format!("{n},a,{n}.5,new {n}\n")).collect::<String>();
    let report = workdir.load(&database, "grown.csv", format!("id,name,price\n{old}{new}")).await?;
    same((report.books.loaded, report.books.rejected, report.books.extended), (14, 0, 9))?;
    same(database.text("select sum(id), count(price) from staging.grown").await?, "91|13")
}

async fn no_rows_are_an_ordinary_load_of_a_header_only(database: TestDatabase, workdir: Workdir) -> Outcome {
    let report = workdir.load(&database, "t.csv", "id,name\n").await?;
    same(report.books.read, 0)?;
    let report = workdir.load(&database, "t.csv", "name\n").await?;
    same(report.books.read, 0)?;
    for (name, text) in [
        ("prose.csv", "Service Unavailable\n"),
        ("sentence.csv", "Dear all, there are no orders today.\n"),
        ("call.json.txt", "callback([{\"id\":1},{\"id\":2}]);\n"),
        ("t.csv", "code,price\n"),
        ("blank.csv", "\n\r\n \n"),
        ("mark.csv", "\u{FEFF}"),
        ("marks.csv", "\u{FEFF}\u{FEFF}\n"),
    ] {
        let failed = workdir.drop_file(&database, name, text).await?;
        anyhow::ensure!(matches!(failed, FileOutcome::Failed(_)), "{name}: {failed:?}");
    }
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "2")?;
    let numbers = workdir.load(&database, "numbers.csv", "1,2,3\n").await?;
    same(numbers.books.loaded, 1)
}

async fn texts_that_were_put_together_load_apart(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mark = "\u{FEFF}";
    let cat =
        format!("{mark}id,name\r\n1,Ann\r\n{mark}id,name\r\n2,Bob\r\n{mark}\"3\",Cy\r\n4,Di{mark}id,name\r\n5,Ed");
    let of_utf16 = cat.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for (name, text) in [("cat8.csv", cat.into_bytes()), ("cat16.csv", of_utf16)] {
        let report = workdir.load(&database, name, text).await?;
        same((name, report.books.loaded, report.books.rejected), (name, 5, 2))?;
    }
    same(database.text("select sum(id), min(name), max(name) from staging.cat8").await?, "15|Ann|Ed")?;
    same(database.text("select sum(id), min(name), max(name) from staging.cat16").await?, "15|Ann|Ed")?;
    same(database.text("select distinct reason from sluice.reject").await?, "the header once more")?;
    let days = format!("{mark}2024-01-01,0.1,a\n{mark}2024-01-02,0.2,b\n{mark}2024-01-03,0.3,c\n");
    same(workdir.load(&database, "days.csv", days).await?.books.loaded, 3)?;
    same(database.text("select count(*) from staging.days where column_1 >= '2024-01-01'").await?, "3")?;
    let one = format!("{mark}id\n1\n{mark}id\n2\n");
    let report = workdir.load(&database, "one.csv", one).await?;
    same((report.books.loaded, report.books.rejected), (2, 1))
}

async fn what_is_wrong_in_its_encoding_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let units = |text: &str, big: bool| -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    for (name, big, mark) in [("le.csv", false, b"\xFF\xFE"), ("be.csv", true, b"\xFE\xFF")] {
        let half: &[u8] = if big { b"\xD8\x3D" } else { b"\x3D\xD8" };
        let text = [mark.as_slice(), &units("id,name\n1,x", big), half, &units("y\n2,ä😀\n3,z\n", big), b"\0"].concat();
        let report = workdir.load(&database, name, text).await?;
        same((name, report.books.loaded, report.books.rejected), (name, 2, 2))?;
    }
    same(database.text("select name from staging.le order by id").await?, "ä😀\nz")?;
    same(database.text("select count(*) from sluice.reject where reason like 'a byte is wrong%'").await?, "4")?;
    workdir.plugin("japan", "name: japan\nfiles: [\"japan*.csv\"]\nencoding: shift_jis\nmax_rejects: 1\n")?;
    let (good, _, _) = encoding_rs::SHIFT_JIS.encode("id,name\n1,東京\n");
    let report = workdir.load(&database, "japan.csv", [&good, b"2,\x81\n3,x\n".as_slice()].concat()).await?;
    same((report.books.loaded, report.books.rejected), (2, 1))?;
    // Zero bytes in a text do not make it UTF-16.
    let zeros = [b"a,b\n".to_vec(), b"1,\0\n".repeat(50)].concat();
    let report = workdir.load(&database, "zeros.csv", zeros).await?;
    same((report.books.loaded, report.books.rejected), (0, 50))
}

async fn lines_that_end_with_cr_may_hold_quoted_line_feeds(database: TestDatabase, workdir: Workdir) -> Outcome {
    let note = "id,note,qty\r1,\"line one\nline two\",5\r2,plain,6\r3,more,7\r";
    for (name, text, rows) in [
        ("mac.csv", note.to_owned(), 3),
        ("pair.csv", "id,note\r1,x\r2,\"y\nz\"\r".to_owned(), 2),
        ("header.csv", "id,\"a\nnote\"\r1,x\r2,y\r".to_owned(), 2),
        ("mixed.csv", "id,note,qty\r\n1,x,5\r2,y,6\n3,z,7\r4,w,8\r\n".to_owned(), 4),
        ("feeds.csv", "id,note,qty\n1,\"a\rb\",5\n2,y,6\n3,z,7\n".to_owned(), 3),
    ] {
        let report = workdir.load(&database, name, text).await?;
        same((name, report.books.loaded, report.books.rejected, report.books.extended), (name, rows, 0, 0))?;
    }
    same(database.text("select sum(id), sum(qty) from staging.mac").await?, "6|18")?;
    same(database.text("select sum(id), sum(qty) from staging.mixed").await?, "10|26")
}

async fn an_open_quote_costs_its_own_line(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, text, rows, lines) in [
        ("a.csv", "id,name,qty\n1,\"open,1\n2,b,2\n3,c,3\n4,\"x\" y,4\n5,e,5\n", 3, "2\n5"),
        ("b.csv", "id,name,qty\r\n1,\"open,1\r\n2,b,2\r\n3,\"c,3\r\n4,d,4\r\n5,\"e,5", 2, "2\n4\n6"),
        ("c.csv", "id,name,qty\n1,\"open,1\n2,\"line\nline\",2\n3,c,3\n4,\"x\" y,4\n5,e,5\n", 3, "2\n6"),
        ("d.csv", "id,name,qty\n1,\"open,1\n2,b,2\n3,c\n4,\"x\" y,4\n5,e,5\n", 3, "2\n5"),
    ] {
        let report = workdir.load(&database, name, text).await?;
        let load = report.load_id;
        let sql = format!("select line from sluice.reject where load_id = {load} order by line");
        let refused = database.text(&sql).await?;
        same((name, report.books.loaded, refused.as_str()), (name, rows, lines))?;
    }
    Ok(())
}
