//! The tables of a workbook's sheets: which sheet goes where when a later workbook has others, and several tables on one sheet.

use rust_xlsxwriter::Workbook;

use crate::format::packed::make::deflated;
use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_sheet_stays_with_its_table,
        a_sheet_that_was_empty_at_first_gets_a_table_of_its_own,
        a_renamed_sheet_goes_on,
        a_sheet_in_other_letters_keeps_its_table,
        a_table_of_another_file_is_no_table_of_a_sheet,
        sheets_of_workbooks_that_are_there_together,
        sheets_within_an_archive,
        tables_on_a_sheet_are_loads,
        a_table_on_a_sheet_that_is_no_load_is_refused;
    on_sqlite:
        sheets_of_one_table_are_told,
        a_sheet_for_another_one_is_told;
}

/// The rows of a sheet.
type Rows<'a> = &'a [&'a [&'a str]];

const JAN: Rows<'_> = &[&["name", "qty"], &["A", "1"], &["B", "2"]];
const FEB: Rows<'_> = &[&["name", "qty"], &["C", "3"], &["D", "4"]];
const LATER: Rows<'_> = &[&["name", "qty"], &["E", "5"], &["F", "6"]];

/// A workbook with these sheets; cells that are numbers are written as such.
fn book(sheets: &[(&str, Rows<'_>)]) -> anyhow::Result<Vec<u8>> {
    let mut book = Workbook::new();
    for (name, rows) in sheets {
        let sheet = book.add_worksheet().set_name(*name)?;
        for (down, row) in (0..).zip(*rows) {
            for (right, cell) in (0..).zip(*row) {
                match cell.parse::<f64>() {
                    Ok(number) => sheet.write_number(down, right, number)?,
                    Err(_) if cell.is_empty() => sheet,
                    Err(_) => sheet.write_string(down, right, *cell)?,
                };
            }
        }
    }
    Ok(book.save_to_buffer()?)
}

/// The first column of a table, sorted.
async fn names(database: &TestDatabase, table: &str) -> anyhow::Result<String> {
    let sql = format!("select name from staging.{table} order by name");
    Ok(database.text(&sql).await?.replace('\n', ""))
}

async fn a_sheet_stays_with_its_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    let note: Rows<'_> = &[&["no data this month"]];
    let head: Rows<'_> = &[&["name", "qty"]];
    let later: [(&str, &[(&str, Rows<'_>)]); 6] = [
        ("empty", &[("Jan", &[]), ("Feb", LATER)]),
        ("note", &[("Jan", note), ("Feb", LATER)]),
        ("head", &[("Jan", head), ("Feb", LATER)]),
        ("without", &[("Feb", LATER)]),
        ("others", &[("Feb", LATER), ("Mar", JAN)]),
        ("turned", &[("Feb", LATER), ("Jan", head)]),
    ];
    for (stem, sheets) in later {
        workdir.drop_file(&database, &format!("{stem}.1.xlsx"), book(&[("Jan", JAN), ("Feb", FEB)])?).await?;
        workdir.drop_file(&database, &format!("{stem}.2.xlsx"), book(sheets)?).await?;
        same((stem, names(&database, stem).await?.as_str()), (stem, "AB"))?;
        same((stem, names(&database, &format!("{stem}_feb")).await?.as_str()), (stem, "CDEF"))?;
    }
    same(names(&database, "others_mar").await?.as_str(), "AB")
}

async fn a_sheet_that_was_empty_at_first_gets_a_table_of_its_own(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.drop_file(&database, "x.1.xlsx", book(&[("Jan", &[]), ("Feb", FEB)])?).await?;
    workdir.drop_file(&database, "x.2.xlsx", book(&[("Jan", JAN), ("Feb", LATER)])?).await?;
    same(names(&database, "x").await?.as_str(), "CDEF")?;
    same(names(&database, "x_jan").await?.as_str(), "AB")?;
    // A load that was retracted leaves the table to the first sheet.
    workdir.drop_file(&database, "y.1.xlsx", book(&[("Jan", &[]), ("Feb", FEB)])?).await?;
    let load = database.text("select id from sluice.load where dataset = 'y'").await?;
    same(app(&workdir, &["retract", &load, "--yes"], &[("DATABASE_URL", &database.url)])?.status.code(), Some(0))?;
    workdir.drop_file(&database, "y.2.xlsx", book(&[("Jan", JAN), ("Feb", LATER)])?).await?;
    same(names(&database, "y").await?.as_str(), "AB")?;
    same(names(&database, "y_feb").await?.as_str(), "EF")
}

async fn a_renamed_sheet_goes_on(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (day, rows) in [("2026-01", JAN), ("2026-02", FEB), ("2026-03", LATER)] {
        workdir.drop_file(&database, &format!("x.{day}.xlsx"), book(&[(day, rows)])?).await?;
    }
    same(names(&database, "x").await?.as_str(), "ABCDEF")
}

async fn a_sheet_in_other_letters_keeps_its_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    let [third, fourth]: [Rows<'_>; 2] = [&[&["name", "qty"], &["G", "7"]], &[&["name", "qty"], &["H", "8"]]];
    let fifth: Rows<'_> = &[&["name", "qty"], &["I", "9"]];
    workdir.drop_file(&database, "x.1.xlsx", book(&[("data", JAN), ("meta", FEB)])?).await?;
    workdir.drop_file(&database, "x.2.xlsx", book(&[("META", LATER), ("Data", third)])?).await?;
    workdir.drop_file(&database, "x.3.xlsx", book(&[("Meta", fourth), ("DATA", fifth)])?).await?;
    same(names(&database, "x").await?.as_str(), "ABGI")?;
    same(names(&database, "x_meta").await?.as_str(), "CDEFH")
}

async fn sheets_of_one_table_are_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (at, (last, is_told)) in [("jan_1", true), ("jan_2", false)].into_iter().enumerate() {
        let sheets = [("Notes", JAN), ("Jan-1", FEB), (last, LATER)];
        workdir.write(&format!("imports/x{at}.xlsx"), book(&sheets)?)?;
        let done = app(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?;
        let log = stdout(&done) + &String::from_utf8_lossy(&done.stderr);
        let tells = log.lines().any(|line| line.contains("WARN") && line.contains("both go into"));
        same((at, done.status.code(), tells), (at, Some(0), is_told))?;
    }
    Ok(())
}

async fn a_table_of_another_file_is_no_table_of_a_sheet(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.drop_file(&database, "x.1.xlsx", book(&[("2024", JAN)])?).await?;
    workdir.drop_file(&database, "x_2024.csv", "name,qty\nZ,9\n").await?;
    workdir.drop_file(&database, "x.2.xlsx", book(&[("2024", FEB)])?).await?;
    workdir.drop_file(&database, "x_2024.xlsx", book(&[("2024", JAN)])?).await?;
    workdir.drop_file(&database, "x.3.xlsx", book(&[("2024", LATER)])?).await?;
    same(names(&database, "x").await?.as_str(), "ABCDEF")?;
    same(names(&database, "x_2024").await?.as_str(), "ABZ")
}

async fn a_sheet_for_another_one_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let legend: Rows<'_> = &[&["code", "text"], &["a", "all"], &["b", "both"]];
    let deliveries: [&[(&str, Rows<'_>)]; 3] =
        [&[("Jan", JAN), ("Legend", legend)], &[("Feb", FEB), ("Legend", legend)], &[("Mar", LATER)]];
    for (at, sheets) in deliveries.into_iter().enumerate() {
        workdir.write(&format!("imports/x.{at}.xlsx"), book(sheets)?)?;
        let done = app(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?;
        let log = stdout(&done) + &String::from_utf8_lossy(&done.stderr);
        let is_told = log.lines().any(|line| line.contains("WARN") && line.contains("goes into x"));
        same((at, done.status.code(), is_told), (at, Some(0), at > 0))?;
    }
    same(names(&database, "x").await?.as_str(), "ABCDEF")
}

async fn sheets_of_workbooks_that_are_there_together(database: TestDatabase, workdir: Workdir) -> Outcome {
    for stem in ["x", "y"] {
        workdir.write(&format!("imports/{stem}.1.xlsx"), book(&[("Jan", JAN), ("Feb", FEB)])?)?;
        workdir.write(&format!("imports/{stem}.2.xlsx"), book(&[("Jan", &[]), ("Feb", LATER)])?)?;
        workdir.write(&format!("imports/{stem}.3.xlsx"), book(&[("Mar", JAN), ("Jan", LATER)])?)?;
    }
    same(app(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?.status.code(), Some(0))?;
    for stem in ["x", "y"] {
        same(names(&database, stem).await?.as_str(), "ABEF")?;
        same(names(&database, &format!("{stem}_feb")).await?.as_str(), "CDEF")?;
        same(names(&database, &format!("{stem}_mar")).await?.as_str(), "AB")?;
    }
    Ok(())
}

async fn sheets_within_an_archive(database: TestDatabase, workdir: Workdir) -> Outcome {
    let first = deflated("x.xlsx", &book(&[("Jan", JAN), ("Feb", FEB)])?)?;
    let later = deflated("x.xlsx", &book(&[("Feb", LATER)])?)?;
    workdir.write("imports/a.zip", first)?;
    workdir.write("imports/b.zip", later)?;
    same(app(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?.status.code(), Some(0))?;
    same(names(&database, "x").await?.as_str(), "AB")?;
    same(names(&database, "x_feb").await?.as_str(), "CDEF")
}

async fn tables_on_a_sheet_are_loads(database: TestDatabase, workdir: Workdir) -> Outcome {
    let narrower: Rows<'_> = &[
        &["name", "qty", "z"],
        &["A", "1", "2"],
        &["B", "2", "3"],
        &[],
        &["code", "price"],
        &["X", "1.5"],
        &["Y", "2.5"],
    ];
    let wider: Rows<'_> = &[
        &["name", "qty"],
        &["A", "1"],
        &["B", "2"],
        &[],
        &["code", "price", "z"],
        &["X", "1.5", "7"],
        &["Y", "2.5", "8"],
    ];
    let titled: Rows<'_> = &[
        &["Sales"],
        &["name", "qty"],
        &["A", "1"],
        &["B", "2"],
        &[],
        &["Prices"],
        &["code", "price", "z"],
        &["X", "1.5", "7"],
        &["Y", "2.5", "8"],
    ];
    let alike: Rows<'_> =
        &[&["name", "qty"], &["A", "1"], &["B", "2"], &[], &["code", "town"], &["X", "Bonn"], &["Y", "Ulm"]];
    for (stem, rows, line) in
        [("narrower", narrower, 6), ("wider", wider, 6), ("titled", titled, 8), ("alike", alike, 6)]
    {
        workdir.drop_file(&database, &format!("{stem}.xlsx"), book(&[("Data", rows), ("2", JAN)])?).await?;
        same((stem, names(&database, stem).await?.as_str()), (stem, "AB"))?;
        same((stem, names(&database, &format!("{stem}_2")).await?.as_str()), (stem, "AB"))?;
        let sql = format!("select code, _line from staging.{stem}_data_2 order by _line");
        same((stem, database.text(&sql).await?.as_str()), (stem, format!("X|{line}\nY|{}", line + 1).as_str()))?;
    }
    let parts = database.text("select source from sluice.load where dataset = 'wider_data_2'").await?;
    holds(&parts, "wider.xlsx/Data/2")
}

/// Pairs above a table are no table, and a lone record below names is of one.
async fn a_table_on_a_sheet_that_is_no_load_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let sales: Rows<'_> = &[&["name", "qty", "z"], &["A", "1", "2"], &["B", "2", "3"], &[]];
    let prices: Rows<'_> = &[&["code", "price"], &["X", "1.5"], &["Y", "2.5"]];
    let stock: Rows<'_> = &[&["Artikel", "Stück"], &["P", "7"], &["Q", "8"], &["R", "9"], &[]];
    let pairs: Rows<'_> = &[&["Customer", "ACME"], &["Order", "4711"], &["Pages", "3"], &[]];
    workdir.plugin("claimed", "name: claimed\nfiles: [claimed.xlsx]\nmax_rejects: 100 %\n")?;
    for (stem, rows, loaded, rejected) in [
        ("lone", [sales, &prices[..2]].concat(), 2, 2),
        ("claimed", [sales, prices].concat(), 2, 3),
        ("above", [stock, &sales[..3]].concat(), 2, 4),
        ("pairs", [pairs, &sales[..3]].concat(), 2, 0),
    ] {
        let books = workdir.load(&database, &format!("{stem}.xlsx"), book(&[("Data", &rows)])?).await?.books;
        same((stem, books.loaded, books.rejected), (stem, loaded, rejected))?;
        same((stem, names(&database, stem).await?.as_str()), (stem, "AB"))?;
    }
    Ok(())
}
