//! Names, lineage and errors of a select; the results of selects are tested on both engines (`tests/sql/selects.rs`).

use super::*;

fn names(engine: Engine) -> Names {
    Names { engine, staging: "raw".into(), datawarehouse: "datawarehouse".into() }
}

fn columns(engine: Engine) -> HashMap<Table, Vec<TableColumn>> {
    let numeric = if engine == Engine::Sqlite { "numeric_text" } else { "numeric" };
    let column = |(name, declared): &(&str, &str)| TableColumn { name: (*name).into(), declared: (*declared).into() };
    let table = |list: &[(&str, &str)]| list.iter().map(column).collect::<Vec<_>>();
    HashMap::from([
        (
            Table::staging("orders"),
            table(&[("id", "bigint"), ("price", numeric), ("day", "date"), ("paid", "boolean")]),
        ),
        (Table::staging("lines"), table(&[("id", "bigint"), ("sku", "text")])),
    ])
}

fn sql(engine: Engine, text: &str) -> Result<String, String> {
    Select::parse(text).unwrap().sql(&names(engine), &columns(engine)).map_err(|error| error.to_string())
}

/// `name declared <- table.column table.column`, one for each column.
fn outputs(engine: Engine, text: &str) -> Vec<String> {
    let outputs = Select::parse(text).unwrap().outputs(&names(engine), &columns(engine));
    let shown = |output: Output| {
        let sources: Vec<_> = output.sources.iter().map(|(table, column)| format!("{}.{column}", table.name)).collect();
        format!("{} {} <- {}", output.name, output.declared.unwrap_or("?"), sources.join(" "))
    };
    outputs.into_iter().map(shown).collect()
}

#[test]
fn names_are_the_engines() {
    let text = "/* h */ select t.id, staging.\"2019\".b from staging.T as t, staging.\"2019\" where exists (select 1 \
     from datawarehouse.dim_x); -- end";
    assert_eq!(
        sql(Engine::Postgres, text).unwrap(),
        "SELECT t.id, \"raw\".\"2019\".b FROM \"raw\".\"t\" AS t, \"raw\".\"2019\" WHERE EXISTS (SELECT 1 FROM \"datawarehouse\".\"dim_x\")"
    );
    assert_eq!(
        sql(Engine::Sqlite, text).unwrap(),
        "select \"t\".\"id\" as \"id\", \"2019\".\"b\" as \"b\" from \"raw__t\" as \"t\", \"raw__2019\" as \"2019\" \
         where (exists (select 1 as \"?column?\" from \"datawarehouse__dim_x\" as \"dim_x\"))"
    );
}

#[test]
fn a_select_for_its_engine_keeps_its_words() {
    let text = "select group_concat(o.id), staging.orders.price from staging.orders o, staging.orders";
    let own = Select::parse(text).unwrap().for_its_engine();
    assert_eq!(
        own.sql(&names(Engine::Sqlite), &columns(Engine::Sqlite)).unwrap(),
        "SELECT group_concat(o.id), orders.price FROM \"raw__orders\" o, \"raw__orders\" AS \"orders\""
    );
    let outputs = own.outputs(&names(Engine::Sqlite), &columns(Engine::Sqlite));
    assert_eq!(outputs[0].sources.iter().map(|(_, column)| column.as_str()).collect::<Vec<_>>(), ["id"]);
}

#[test]
fn decimals_keep_their_digits_and_are_numbers_where_they_count() {
    assert_eq!(
        sql(Engine::Sqlite, "select price from staging.orders o where price > 9 order by price").unwrap(),
        "select \"o\".\"price\" as \"price\" from \"raw__orders\" as \"o\" where (cast(\"o\".\"price\" as real) > 9.0) \
         order by cast(\"o\".\"price\" as real) nulls last"
            .replace("> 9.0", "> cast(9 as real)")
    );
}

#[test]
fn the_tables_it_reads() {
    let select =
        Select::parse("with c as (select 1 as x from staging.a) select * from c join datawarehouse.b on true").unwrap();
    let tables = select.tables(&names(Engine::Sqlite));
    assert_eq!(tables.into_iter().collect::<Vec<_>>(), [Table::staging("a"), Table::datawarehouse("b")]);
}

#[test]
fn columns_come_from_columns() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let numeric = if engine == Engine::Sqlite { "numeric_text" } else { "numeric" };
        let given = |text: &str| outputs(engine, text).join("; ").replace(numeric, "NUMERIC");
        assert_eq!(
            given("select o.*, l.sku from staging.orders o join staging.lines l on l.id = o.id"),
            "id bigint <- orders.id; price NUMERIC <- orders.price; day date <- orders.day; paid boolean <- \
             orders.paid; sku text <- lines.sku"
        );
        assert_eq!(
            given(
                "with recursive c as (select id, price * 2 as p from staging.orders union all select id + 1, p from c where id < 3) \
                 select max(p) as p, count(*) from (select p from c) as d group by d.p"
            ),
            "p NUMERIC <- orders.price; count bigint <- "
        );
        assert_eq!(
            given(
                "select id, sku as t from staging.lines union select id, case when paid then 'x' end from staging.orders"
            ),
            "id bigint <- lines.id orders.id; t text <- lines.sku orders.paid"
        );
        assert_eq!(
            given("select *, paid and day > '2024-01-01' as both_of from staging.lines join staging.orders using (id)"),
            "id bigint <- lines.id orders.id; sku text <- lines.sku; price NUMERIC <- orders.price; day date <- orders.day; \
             paid boolean <- orders.paid; both_of boolean <- orders.day orders.paid"
        );
        assert_eq!(
            given("select (select max(sku) from staging.lines l where l.id = o.id), extract(year from day) from staging.orders o")
                .replace("numeric", "NUMERIC"),
            "max text <- lines.sku; extract NUMERIC <- orders.day"
        );
    }
    // Constructs that only PostgreSQL has are followed too.
    assert_eq!(
        outputs(
            Engine::Postgres,
            "select array_agg(sku) as list, percentile_cont(0.5) within group (order by id) from staging.lines l, lateral (select 1) as x"
        ),
        ["list ? <- lines.sku", "percentile_cont ? <- lines.id"]
    );
    assert!(outputs(Engine::Postgres, "select * from staging.nowhere").is_empty());
}

#[test]
fn an_error_says_where_and_how_to_mend_it() {
    let select = Select::parse("select id,\n  md5(sku) from staging.lines").unwrap();
    let error = select.sql(&names(Engine::Sqlite), &columns(Engine::Sqlite)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2, column 3: SQLite has nothing that is known to mean the same as the function md5() with 1 argument"
    );
    assert!(sql(Engine::Postgres, "select md5(sku) from staging.lines").is_ok());
}

#[test]
fn only_one_select_is_a_select() {
    assert!(Select::parse("drop table x").unwrap_err().to_string().contains("found drop table"));
    assert!(Select::parse("select 1; select 2").unwrap_err().to_string().contains("2 statements"));
    assert!(
        Select::parse("select 1 +")
            .unwrap_err()
            .to_string()
            .contains("expected an expression, found the end of the file")
    );
    assert!(Select::parse("-- nothing").unwrap_err().to_string().contains("nothing"));
}

#[test]
fn a_minus_before_a_minus_begins_no_comment() {
    assert_eq!(sql(Engine::Postgres, "select -(-1), - -id").unwrap(), "SELECT -(-1), -(-id)");
}
