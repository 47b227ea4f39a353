//! Texts that are deep, long, or both.

use super::*;

fn read(text: &str) -> Result<String, String> {
    let mut parser = parser(text).map_err(|error| error.to_string())?;
    let read = parser.parse_statements().map_err(|error| error.to_string())?;
    Ok(read[0].clone().to_string())
}

fn list(count: usize, between: &str, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(between)
}

#[test]
fn lists_of_conditions_of_any_length_are_read() {
    for (count, conditions) in [
        (3_000, list(3_000, " or ", |at| format!("t.a = {at}"))),
        (100_000, list(100_000, " or ", |at| format!("a = {at}"))),
        (20_000, list(20_000, " and ", |at| format!("not a = {at}"))),
        (3_000, list(3_000, " or ", |at| format!("a between {at} and {at} + 1 and b is distinct from {at}"))),
        (3_000, list(3_000, " and ", |at| format!("(a = {at} or left(b, 1) = '{at}' or c like 'x')"))),
        (20_000, list(200, " or ", |at| format!("a = {at} and {}", list(99, " and ", |at| format!("b <> {at}"))))),
    ] {
        let text = format!("select b or c as x from t join u on a or b where {conditions} group by 1 having a or b");
        let read = read(&text).unwrap();
        let plain = |text: &str| text.to_lowercase().replace(['(', ')'], "");
        assert_eq!(plain(&read), plain(&text), "{count}");
    }
    let values = list(100_000, ", ", |at| format!("-{at} + 1"));
    assert!(read(&format!("select {values} from t where a in ({values})")).is_ok());
    let cases = list(3_000, " ", |at| format!("when a = {at} or b = {at} then -{at}"));
    assert!(read(&format!("select case {cases} else 1 end")).is_ok());
    let joins = list(2_000, " ", |at| format!("join t t{at} on t{at}.a = t.a and t{at}.b = t.b"));
    assert!(read(&format!("select 1 from t {joins}")).is_ok());
}

#[test]
fn a_short_list_and_what_stands_around_a_long_one_stay_as_they_are() {
    let short = "SELECT a OR b AS x FROM t WHERE a AND b OR c";
    assert_eq!(read(short).unwrap(), short);
    let long = list(40, " or ", |at| format!("a{at}"));
    let expected = format!(
        "SELECT a0 OR ({}) OR {} AS x FROM t ORDER BY a39",
        list(32, " OR ", |at| format!("a{}", at + 1)),
        list(7, " OR ", |at| format!("a{}", at + 33))
    );
    assert_eq!(read(&format!("select {long} as x from t order by a39")).unwrap(), expected);
}

#[test]
fn whatever_is_too_deep_is_refused_where_it_is() {
    let many = 100_000;
    for text in [
        format!("select {}", list(many, " + ", |_| "a".to_owned())),
        format!("select {}", list(many, " || ", |_| "'a'".to_owned())),
        format!("select {}", list(many, " union all ", |_| "select 1".to_owned())),
        list(many, " union ", |_| "select a from t where b = 1".to_owned()),
        format!("select {}", list(many, " + limit ", |_| "a".to_owned())),
        format!("select a{}", "::text".repeat(many)),
        format!("select a{}", " is null".repeat(many)),
        format!("select a{}", " collate \"C\"".repeat(many)),
        format!("select a{}", " at time zone 'UTC'".repeat(many)),
        format!("select a{}", "[1]".repeat(many)),
        format!("select cast(a as int{})", "[]".repeat(many)),
        format!("select {}a", "not ".repeat(many)),
        format!("select {}a", "- ".repeat(many)),
        format!("select {}a", "(".repeat(many)),
        format!("select {}a{}", "f(".repeat(many), ")".repeat(many)),
        format!("select {}a{}", "case when ".repeat(many), " then 1 end".repeat(many)),
        format!("select * from {}a", "(".repeat(many)),
        format!("select {}", list(many, " = ", |_| "a".to_owned())),
        format!("select {}", list(many, " between 1 and ", |_| "a".to_owned())),
    ] {
        let why = read(&text).expect_err(&text[..60]);
        assert!(why.contains("nested too deeply") && why.contains("at Line: 1, Column: "), "{why}: {}", &text[..60]);
    }
}

#[test]
fn what_is_just_not_too_deep_is_read_copied_and_written() {
    let reads = || {
        for (one, last) in [("a + ", "a"), ("a || ", "a"), ("1 union all select ", "1")] {
            assert!(read(&format!("select {}{last}", one.repeat(MAX_LEVELS - 10))).is_ok(), "{one}");
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(reads).unwrap().join().unwrap();
}
