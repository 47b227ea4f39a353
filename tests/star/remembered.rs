//! What a dimension with history remembers of rows that staging does not have any more: they leave with the load that brought them, and a
//! member that the newest whole file does not name is closed, whenever its version begins.

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options};

use crate::support::star::CUSTOMER;
use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        what_was_upserted_leaves_with_its_load,
        an_upserted_version_needs_no_run,
        of_two_equal_rows_one_stays,
        a_row_put_right_holds_up_nobody,
        a_correction_taken_back_gives_the_row_back,
        what_is_said_twice_outlives_a_correction,
        what_went_before_a_file_replaced_it_stays_away,
        sums_leave_with_their_load,
        a_select_that_dates_its_rows_needs_no_memory,
        a_version_of_the_same_day_is_closed,
        a_member_that_comes_back_is_open_again;
}

const VERSIONS: &str = "select dim_customer_key, id, city, valid_from, valid_to, is_current from \
 datawarehouse.dim_customer where dim_customer_key <> 0 order by id, valid_from";
const CITIES: &str =
    "select id, city, is_current from datawarehouse.dim_customer where dim_customer_key <> 0 order by id, valid_from";

fn mode(workdir: &Workdir, mode: &str) -> Outcome {
    workdir.plugin(
        "customers",
        &format!("name: customers\ncreator: us\nfiles: [customers*.csv]\ntable: customers\nduplicates: load\n{mode}\n"),
    )
}

/// A run; then one that compares everything and changes nothing.
async fn run(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    pipeline::run(&workdir.app(database).workspace).await?;
    let full = Options { full: true, ..Options::default() };
    let again = pipeline::run_with(&workdir.app(database).workspace, &full).await?.changes;
    same(again.iter().map(|change| change.changed()).sum::<u64>(), 0)
}

async fn load(database: &TestDatabase, workdir: &Workdir, rows: &str) -> anyhow::Result<i64> {
    Ok(workdir.load(database, "customers.csv", format!("id,city,since\n{rows}\n")).await?.load_id)
}

async fn take_back(database: &TestDatabase, workdir: &Workdir, load: i64) -> Outcome {
    retract(&workdir.app(database).loader, load, true).await?;
    run(database, workdir).await
}

async fn what_was_upserted_leaves_with_its_load(database: TestDatabase, workdir: Workdir) -> Outcome {
    mode(&workdir, "mode: upsert\nkey: [id]")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    let (bern, zug) = ("1|1|Bern|2024-01-01|", "2|1|Zug|2024-02-01|9999-12-31|true");
    let (open, closed) = ("9999-12-31|true", "2024-02-01|false");
    for newest_first in [true, false] {
        let first = load(&database, &workdir, "1,Bern,2024-01-01").await?;
        run(&database, &workdir).await?;
        let second = load(&database, &workdir, "1,Zug,2024-02-01").await?;
        run(&database, &workdir).await?;
        same(database.text(VERSIONS).await?, format!("{bern}{closed}\n{zug}"))?;
        if newest_first {
            take_back(&database, &workdir, second).await?;
            same(database.text(VERSIONS).await?, format!("{bern}{open}"))?;
            take_back(&database, &workdir, first).await?;
        } else {
            take_back(&database, &workdir, first).await?;
            same(database.text(VERSIONS).await?, zug)?;
            take_back(&database, &workdir, second).await?;
        }
        same(database.text(VERSIONS).await?, "")?;
    }
    Ok(())
}

/// Whether the star was built in between makes no difference.
async fn an_upserted_version_needs_no_run(database: TestDatabase, workdir: Workdir) -> Outcome {
    mode(&workdir, "mode: upsert\nkey: [id]")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    load(&database, &workdir, "1,Bern,2024-01-01").await?;
    let second = load(&database, &workdir, "1,Zug,2024-02-01").await?;
    load(&database, &workdir, "1,Genf,2024-03-01").await?;
    run(&database, &workdir).await?;
    same(database.text(CITIES).await?, "1|Bern|false\n1|Zug|false\n1|Genf|true")?;
    take_back(&database, &workdir, second).await?;
    same(database.text(CITIES).await?, "1|Bern|false\n1|Genf|true")
}

/// They say the same, of different days, and only the second one's load is taken back, or only the first one's.
async fn of_two_equal_rows_one_stays(database: TestDatabase, workdir: Workdir) -> Outcome {
    mode(&workdir, "mode: upsert\nkey: [id]")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    let first = load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    load(&database, &workdir, "1,Bern,2024-02-01").await?;
    run(&database, &workdir).await?;
    load(&database, &workdir, "1,Zug,2024-03-01").await?;
    run(&database, &workdir).await?;
    take_back(&database, &workdir, first).await?;
    same(database.text(VERSIONS).await?, "3|1|Bern|2024-02-01|2024-03-01|false\n2|1|Zug|2024-03-01|9999-12-31|true")
}

async fn a_row_put_right_holds_up_nobody(database: TestDatabase, workdir: Workdir) -> Outcome {
    mode(&workdir, "mode: upsert\nkey: [id]")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    load(&database, &workdir, "1,Bern,\n2,Uri,2024-01-01").await?;
    same(pipeline::run(&workdir.app(&database).workspace).await.is_err(), true)?;
    load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text(CITIES).await?, "1|Bern|true\n2|Uri|true")
}

async fn a_correction_taken_back_gives_the_row_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    mode(&workdir, "mode: replace")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    let correction = load(&database, &workdir, "1,Zug,2024-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text(VERSIONS).await?, "1|1|Zug|2024-01-01|9999-12-31|true")?;
    // What the second file said, which cannot be taken back any more.
    take_back(&database, &workdir, correction).await?;
    same(database.text(VERSIONS).await?, "1|1|Bern|2024-01-01|9999-12-31|true")?;
    load(&database, &workdir, "1,Zug,2024-01-01").await?;
    run(&database, &workdir).await?;
    load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text(VERSIONS).await?, "1|1|Bern|2024-01-01|9999-12-31|true")
}

/// The second file says of March what held since January already; the third puts January right.
async fn what_is_said_twice_outlives_a_correction(database: TestDatabase, workdir: Workdir) -> Outcome {
    mode(&workdir, "mode: replace")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    for row in ["1,Bern,2024-01-01", "1,Bern,2024-03-01", "1,Zug,2024-01-01"] {
        load(&database, &workdir, row).await?;
        run(&database, &workdir).await?;
    }
    same(database.text(VERSIONS).await?, "1|1|Zug|2024-01-01|2024-03-01|false\n2|1|Bern|2024-03-01|9999-12-31|true")
}

async fn what_went_before_a_file_replaced_it_stays_away(database: TestDatabase, workdir: Workdir) -> Outcome {
    mode(&workdir, "mode: replace")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    let first = load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    retract(&workdir.app(&database).loader, first, true).await?;
    load(&database, &workdir, "2,Zug,2024-01-01").await?;
    load(&database, &workdir, "2,Zug,2024-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text(CITIES).await?, "2|Zug|true")
}

/// A select that is not row by row, over files that only come.
async fn sums_leave_with_their_load(database: TestDatabase, workdir: Workdir) -> Outcome {
    let city = "/*\nkind: dimension\nkey: [city]\nhistory: [customers]\n*/\nselect city, count(*) as customers from \
     staging.customers group by city";
    workdir.write("sql/pipeline/dim_city.sql", city)?;
    let cities = "select city, customers, is_current from datawarehouse.dim_city where dim_city_key <> 0 order by city, valid_from";
    load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    let second = load(&database, &workdir, "2,Bern,2024-01-01\n3,Zug,2024-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text(cities).await?, "Bern|1|false\nBern|2|true\nZug|1|true")?;
    take_back(&database, &workdir, second).await?;
    same(database.text(cities).await?, "Bern|1|true")?;
    // Two loads that one run took in, of which the older one goes.
    let third = load(&database, &workdir, "4,Uri,2024-01-01").await?;
    load(&database, &workdir, "5,Genf,2024-01-01").await?;
    run(&database, &workdir).await?;
    take_back(&database, &workdir, third).await?;
    same(database.text(cities).await?, "Bern|1|true\nGenf|1|true")?;
    // Files of other tables tell nothing of when.
    let from = "select valid_from from datawarehouse.dim_city where city = 'Genf'";
    let began = database.text(from).await?;
    workdir.load(&database, "other.csv", "a\n1\n").await?;
    workdir.write("sql/pipeline/dim_city.sql", city.replace("dimension\n", "dimension\n\n"))?;
    run(&database, &workdir).await?;
    same(database.text(from).await?, began)
}

async fn a_select_that_dates_its_rows_needs_no_memory(database: TestDatabase, workdir: Workdir) -> Outcome {
    let both = "select id, city, since from staging.customers union select id, city, since from staging.others";
    workdir.write(
        "sql/pipeline/dim_customer.sql",
        CUSTOMER.replace("select id, city, since from staging.customers", both),
    )?;
    workdir.load(&database, "others.csv", "id,city,since\n5,Uri,2024-01-01\n").await?;
    let first = load(&database, &workdir, "1,Bern,2024-01-01").await?;
    load(&database, &workdir, "1,Zug,2024-02-01").await?;
    run(&database, &workdir).await?;
    same(database.text(CITIES).await?, "1|Bern|false\n1|Zug|true\n5|Uri|true")?;
    take_back(&database, &workdir, first).await?;
    same(database.text(CITIES).await?, "1|Zug|true\n5|Uri|true")
}

async fn a_version_of_the_same_day_is_closed(database: TestDatabase, workdir: Workdir) -> Outcome {
    mode(&workdir, "mode: replace")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    workdir.write(
        "sql/pipeline/dim_time.sql",
        "/*\nkind: dimension\nkey: [id]\nhistory: [city]\nat: since\n*/\nselect id, city, cast(since as timestamp) as \
         since from staging.customers",
    )?;
    load(&database, &workdir, "1,Bern,2024-01-01\n2,Uri,2024-01-01\n2,Zug,2999-05-31\n3,Bern,2999-12-31").await?;
    run(&database, &workdir).await?;
    load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    let closed = "1|1|Bern|2024-01-01|9999-12-31|true\n2|2|Uri|2024-01-01|2999-05-31|false\n\
     3|2|Zug|2999-05-31|2999-06-01|false\n4|3|Bern|2999-12-31|3000-01-01|false";
    same(database.text(VERSIONS).await?, closed)?;
    same(
        database.text("select id, valid_to from datawarehouse.dim_time where id > 1 order by id, valid_from").await?,
        "2|2999-05-31 00:00:00\n2|2999-05-31 00:00:01\n3|2999-12-31 00:00:01",
    )?;
    // Files that follow leave it at that, also when they are taken back.
    let next = load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text(VERSIONS).await?, closed)?;
    take_back(&database, &workdir, next).await?;
    same(database.text(VERSIONS).await?, closed)
}

async fn a_member_that_comes_back_is_open_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    mode(&workdir, "mode: replace")?;
    workdir.write("sql/pipeline/dim_customer.sql", CUSTOMER)?;
    load(&database, &workdir, "1,Bern,2024-01-01\n2,Uri,2024-01-01").await?;
    run(&database, &workdir).await?;
    load(&database, &workdir, "1,Bern,2024-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text(CITIES).await?, "1|Bern|true\n2|Uri|false")?;
    // Since when it was there, it was never away.
    let back = load(&database, &workdir, "1,Bern,2024-01-01\n2,Uri,2024-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text(VERSIONS).await?, "1|1|Bern|2024-01-01|9999-12-31|true\n2|2|Uri|2024-01-01|9999-12-31|true")?;
    take_back(&database, &workdir, back).await?;
    same(database.text(CITIES).await?, "1|Bern|true\n2|Uri|false")?;
    // Since a day that is still to come it is there anew.
    load(&database, &workdir, "2,Uri,2999-01-01").await?;
    run(&database, &workdir).await?;
    same(database.text(CITIES).await?, "1|Bern|false\n2|Uri|false\n2|Uri|true")
}
