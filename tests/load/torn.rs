//! Texts with a record or a header that is not written as the others are: it decides over no other value.

use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        an_apostrophe_too_many_costs_its_record_alone,
        apostrophes_hold_delimiters_and_line_ends_at_their_ends,
        a_header_one_name_short_is_told_of,
        a_mended_record_goes_below_the_name_of_its_rows,
        backslashes_go_from_cells_without_quotes_too;
}

async fn an_apostrophe_too_many_costs_its_record_alone(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all: String = (1..40).map(|n| format!("{n};'w {n}'\n")).collect();
    for (name, text, loaded) in [
        ("few", "id;v\n1;'K'\n2;'b;c'\n3;'x\n4;'d'\n".to_owned(), "1|K\n2|b;c\n4|d"),
        ("first", "'id';'v'\n'0';'x\n'1';'K'\n'2';'it''s'\n'4';'d'\n".to_owned(), "1|K\n2|it's\n4|d"),
        ("last", "id;v\n1;'K'\n2;'b\nc'\n4;'d'\n5;'x".to_owned(), "1|K\n2|b\nc\n4|d"),
        ("plain", format!("id;v\n{all}50;'x\n51;'w'\n"), ""),
    ] {
        let books = workdir.load(&database, &format!("{name}.csv"), &text).await?.books;
        let found = database.text(&format!("select id, v from staging.{name} order by id")).await?;
        same((name, books.rejected), (name, 1))?;
        if loaded.is_empty() {
            same((books.loaded, found.contains('\'')), (40, false))?;
        } else {
            same((name, found.as_str()), (name, loaded))?;
        }
    }
    // Letters stay letters.
    let text = "id,v,n\n1,'s-Hertogenbosch,5\n2,'t Harde,6\n3,'yes',7\n4,',8\n";
    same(workdir.load(&database, "letters.csv", text).await?.books.rejected, 0)?;
    same(
        database.text("select id, v, n from staging.letters order by id").await?,
        "1|'s-Hertogenbosch|5\n2|'t Harde|6\n3|'yes'|7\n4|'|8",
    )
}

async fn apostrophes_hold_delimiters_and_line_ends_at_their_ends(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (at, delimiter) in [',', ';', '|', '\t'].into_iter().enumerate() {
        for (place, cell) in ["D bar", "barD", "D", "\nbar", "bar\n", "a''sD", "'' D x"].iter().enumerate() {
            let cell = cell.replace('D', &delimiter.to_string());
            let (is_headed, right) = (place % 2 == 0, cell.replace("''", "'"));
            let head = if is_headed { format!("'id'{delimiter}'t'\n") } else { format!("id{delimiter}t\n") };
            let lines: String = (0..6).map(|n| format!("'{n}'{delimiter}'w'\n")).collect();
            let text = format!("{head}{lines}'6'{delimiter}'{cell}'\n'7'{delimiter}'z'\n");
            let table = format!("t{at}_{place}");
            let books = workdir.load(&database, &format!("{table}.csv"), text).await?.books;
            same((&table, books.loaded, books.rejected, books.extended), (&table, 8, 0, 0))?;
            same(database.text(&format!("select t from staging.{table} where id = 6")).await?, right.as_str())?;
        }
    }
    Ok(())
}

async fn a_header_one_name_short_is_told_of(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let short = "the header is one name short of the cells of the records";
    for (name, text, told) in [
        ("amounts", "name,amount,date\nAnna,1,50,2026-01-01\nBob,2,75,2026-01-02\n", "comma rather stands within"),
        ("words", "a,b,c\n1,Smith, John,5\n2,Doe, Jane,6\n", "comma rather stands within"),
        ("rows", "x,y\na,1,2\nb,3,4\n", "taken for the row's name"),
        ("sure", "\"x\",\"y\"\n\"a\",1,2\n\"b\",3,4\n", ""),
        ("own", "x,y\na,1,\"2,5\"\nb,3,\"4,5\"\n", ""),
        ("even", "x,y\na,1\nb,3\n", ""),
    ] {
        let path = workdir.write(&format!("imports/{name}.csv"), text)?;
        let checked = stdout(&app(&workdir, &["check", &path.display().to_string()], &settings)?);
        let output = app(&workdir, &["--once"], &settings)?;
        let log = stdout(&output);
        same((name, output.status.code()), (name, Some(0)))?;
        same((name, checked.contains(short), log.contains(short)), (name, !told.is_empty(), !told.is_empty()))?;
        holds(&log, told)?;
        let is_warning = log.lines().any(|line| line.contains(short) && line.contains("WARN"));
        same((name, is_warning), (name, !told.is_empty()))?;
    }
    let columns = |table: &str| format!("select header from sluice.column where dataset = '{table}' order by position");
    same(database.text(&columns("amounts")).await?, "name\namount\ndate\n")?;
    same(database.text(&columns("rows")).await?, "\nx\ny")
}

async fn a_mended_record_goes_below_the_name_of_its_rows(database: TestDatabase, workdir: Workdir) -> Outcome {
    same(workdir.load(&database, "r.csv", "x,y\na,1,2\nb,3,4\nc,\"5,6\nd,7,8\n").await?.books.rejected, 1)?;
    let rejected = workdir.read("exports/rejects/r.csv.rejects.csv")?;
    same(rejected.as_str(), ",x,y\nc,\"5,6\n")?;
    workdir.load(&database, "r.csv", rejected.replace('"', "")).await?;
    same(database.text("select column_1, x, y from staging.r order by column_1").await?, "a|1|2\nb|3|4\nc|5|6\nd|7|8")
}

async fn backslashes_go_from_cells_without_quotes_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "id,t,u\n1,\"say \\\"hi\\\"\",x\n2,C:\\\\dir,y\\\\\n3,\\\"quoted\\\",z\n4,\"a \\\\ b\",\\\"\n";
    same(workdir.load(&database, "b.csv", text).await?.books.rejected, 0)?;
    same(
        database.text("select t, u from staging.b order by id").await?,
        "say \"hi\"|x\nC:\\dir|y\\\n\"quoted\"|z\na \\ b|\"",
    )?;
    // A backslash before anything else shows that none of them means anything there.
    let text = "id,t\n1,\"say \\\"hi\\\"\"\n2,\\\\server\\share\n3,\\\"\n";
    same(workdir.load(&database, "raw.csv", text).await?.books.rejected, 0)?;
    same(database.text("select t from staging.raw order by id").await?, "say \"hi\"\n\\\\server\\share\n\\\"")
}
