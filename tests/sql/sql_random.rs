//! Selects made at random from what is rewritten: SQLite has to give what PostgreSQL gives, or both have to fail.

use crate::sql::selects::stage;
use crate::support::{Outcome, TestDatabase, Workdir, cases};
use fastrand::Rng;

cases! {
    on_pair:
        random_expressions_give_the_same;
}

/// Selects of a run, and expressions of each.
const SELECTS: usize = 120;
const EXPRESSIONS: usize = 8;

async fn random_expressions_give_the_same(sqlite: TestDatabase, postgres: TestDatabase, workdir: Workdir) -> Outcome {
    stage(&sqlite, &workdir).await?;
    stage(&postgres, &workdir).await?;
    let seed = std::env::var("SQL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    let mut random = Random(Rng::with_seed(seed));
    let (mut compared, mut wholes) = (0, 0);
    for _ in 0..SELECTS {
        let expressions: Vec<_> = (0..EXPRESSIONS).map(|_| random.any()).collect();
        let list: Vec<_> = expressions.iter().enumerate().map(|(at, text)| format!("{text} as c{at}")).collect();
        let select = format!("select id, {} from staging.goods order by {}, id", list.join(", "), random.key());
        if both_give_the_same(&sqlite, &postgres, &select).await? == Some(true) {
            compared += EXPRESSIONS;
            continue;
        }
        // One of them alone says more, and one that fails on both hides the others.
        for expression in &expressions {
            let select = format!("select id, {expression} as x from staging.goods order by id");
            compared += usize::from(differ(&sqlite, &postgres, &select, seed).await?);
        }
        differ(&sqlite, &postgres, &select, seed).await?;
    }
    for _ in 0..SELECTS {
        let select = if random.0.bool() { random.grouped() } else { random.windowed() };
        wholes += usize::from(differ(&sqlite, &postgres, &select, seed).await?);
    }
    let enough = compared >= SELECTS * EXPRESSIONS * 9 / 10 && wholes >= SELECTS * 8 / 10;
    anyhow::ensure!(enough, "SQL_SEED={seed}: only {compared} expressions and {wholes} selects gave rows");
    Ok(())
}

/// `None` where both fail.
async fn both_give_the_same(
    sqlite: &TestDatabase,
    postgres: &TestDatabase,
    select: &str,
) -> anyhow::Result<Option<bool>> {
    let (one, other) = (sqlite.text(select).await, postgres.text(select).await);
    Ok(match (one, other) {
        (Ok(one), Ok(other)) => Some(one == other),
        (Err(_), Err(_)) => None,
        _ => Some(false),
    })
}

/// Fails where they differ; gives whether there was something to compare.
async fn differ(sqlite: &TestDatabase, postgres: &TestDatabase, select: &str, seed: u64) -> anyhow::Result<bool> {
    let shown = |given: anyhow::Result<String>| given.unwrap_or_else(|error| format!("error: {error:#}"));
    match both_give_the_same(sqlite, postgres, select).await? {
        Some(true) => return Ok(true),
        None => return Ok(false),
        Some(false) => {}
    }
    let (one, other) = (shown(sqlite.text(select).await), shown(postgres.text(select).await));
    anyhow::bail!("SQL_SEED={seed}: {select}\nSQLite gives\n{one}\nPostgreSQL gives\n{other}")
}

struct Random(Rng);

impl Random {
    fn any(&mut self) -> String {
        match self.0.u8(..6) {
            0 => self.whole(3),
            1 => self.decimal(3),
            2 => self.day(3),
            3 => self.text(2),
            4 => self.moment(2),
            _ => self.truth(3),
        }
    }

    fn grouped(&mut self) -> String {
        let key = match self.0.u8(..4) {
            0 => self.day(1),
            1 => self.text(1),
            2 => self.decimal(1),
            _ => self.truth(1),
        };
        let list: Vec<_> = (0..4).map(|at| format!("{} as c{at}", self.aggregate())).collect();
        let from = self.one(&[
            "staging.goods",
            "staging.goods left join (select id as other, colour from staging.colours) as c on c.other = id",
            "(select * from staging.goods union all select * from staging.goods where sold) as twice",
            "(select distinct on (name) * from staging.goods order by name, price desc, id) as firsts",
        ]);
        let having = self.one(&["", " having count(*) > 1", " having sum(price) > 0 or max(id) is not null"]);
        let list = list.join(", ");
        format!("select min({key}::text) as k, {list} from {from} group by {key}{having} order by 1, 2, 3, 4, 5")
    }

    fn aggregate(&mut self) -> String {
        let call = match self.0.u8(..10) {
            0 => format!("sum({})", self.decimal(2)),
            // Of equal numbers with other digits any one is the largest.
            1 => format!("{}(round({}, 2))", self.one(&["min", "max"]), self.decimal(2)),
            2 => format!("{}({})", self.one(&["min", "max"]), self.day(1)),
            3 => format!("sum({})", self.whole(2)),
            4 => format!("count(distinct {})", self.decimal(1)),
            5 => format!("{}({})", self.one(&["bool_and", "bool_or"]), self.truth(1)),
            6 => return format!("round(avg({}), 4)", self.decimal(1)),
            7 => return format!("round(avg({}), 3)", self.whole(1)),
            8 => return format!("string_agg({}, '; ' order by id, {})", self.text(1), self.text(1)),
            _ => format!("count({})", self.truth(1)),
        };
        if self.0.u8(..4) == 0 { format!("{call} filter (where {})", self.truth(1)) } else { call }
    }

    fn windowed(&mut self) -> String {
        let window = format!(
            "(partition by {} order by {}, id {})",
            self.truth(1),
            self.key(),
            self.one(&["", "rows between 2 preceding and 1 following", "rows unbounded preceding"])
        );
        let call = match self.0.u8(..6) {
            0 => format!("sum({})", self.decimal(1)),
            1 => format!("max(round({}, 1))", self.decimal(1)),
            2 => "row_number()".to_owned(),
            3 => format!("lag({}, 2)", self.decimal(1)),
            4 => format!("first_value({})", self.day(1)),
            _ => format!("count({})", self.text(1)),
        };
        format!("select id, {call} over {window} as x from staging.goods order by {}, id", self.key())
    }

    fn key(&mut self) -> String {
        let key = match self.0.u8(..3) {
            // PostgreSQL orders by no constant, and takes -(-2.25) for one.
            0 => format!("coalesce({}, price)", self.decimal(2)),
            1 => self.day(2),
            _ => self.text(1),
        };
        format!("{key}{}", self.one(&["", " desc", " nulls first", " desc nulls last"]))
    }

    fn one<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.0.usize(..list.len())]
    }

    fn whole(&mut self, depth: u8) -> String {
        if depth == 0 {
            return self.one(&["stock", "id", "7", "(-3)", "0", "length(name)", "null::bigint"]).to_owned();
        }
        let (a, b) = (self.whole(depth - 1), self.whole(depth - 1));
        match self.0.u8(..13) {
            0 => format!("({a} + {b})"),
            1 => format!("({a} - {b})"),
            2 => format!("({a} * {b})"),
            3 => format!("({a} / nullif({b}, 0))"),
            4 => format!("({a} % nullif({b}, 0))"),
            5 => format!("abs({a})"),
            6 => format!("coalesce({a}, {b})"),
            7 => format!("case when {} then {a} else {b} end", self.truth(1)),
            8 => format!("(- {a})"),
            9 => format!("{}::bigint", self.decimal(1)),
            10 => format!("({} - {})", self.day(1), self.day(1)),
            11 => format!("{}({a}, {b})", self.one(&["greatest", "least"])),
            _ => format!(
                "extract({} from {})::int",
                self.one(&["year", "month", "day", "dow", "isodow", "doy", "week", "isoyear", "quarter"]),
                self.day(1)
            ),
        }
    }

    fn decimal(&mut self, depth: u8) -> String {
        if depth == 0 {
            return self
                .one(&["price", "0.05", "1.5", "(-2.25)", "10.00", "stock::numeric", "null::numeric"])
                .to_owned();
        }
        let (a, b) = (self.decimal(depth - 1), self.decimal(depth - 1));
        let digits = self.0.u8(..4);
        match self.0.u8(..12) {
            0 => format!("({a} + {b})"),
            1 => format!("({a} - {b})"),
            2 => format!("round({a} * {b}, {digits})"),
            3 => format!("round({a} / nullif({b}, 0), {digits})"),
            4 => format!("abs({a})"),
            5 => format!("coalesce({a}, {b})"),
            6 => format!("case when {} then {a} else {b} end", self.truth(1)),
            7 => format!("{}({a})", self.one(&["round", "ceil", "floor", "trunc", "-"])),
            8 => format!("({a} + {})", self.whole(1)),
            9 => format!("{a}::numeric(14, {digits})"),
            10 => format!("{}({a}, {b})", self.one(&["greatest", "least", "coalesce"])),
            _ => format!("trunc({a}, {digits})"),
        }
    }

    fn day(&mut self, depth: u8) -> String {
        if depth == 0 {
            return self.one(&["day", "date '2024-02-29'", "date '2023-12-31'", "at::date", "null::date"]).to_owned();
        }
        let a = self.day(depth - 1);
        let n = self.0.i16(-40..40);
        match self.0.u8(..7) {
            0 => format!("({a} + {n})"),
            1 => format!("({a} - {n})"),
            2 => format!("({a} + interval '{n} months')::date"),
            3 => format!("({a} - interval '{n} days')::date"),
            4 => format!("date_trunc('{}', {a})::date", self.one(&["year", "quarter", "month", "week"])),
            5 => format!("coalesce({a}, {})", self.day(depth - 1)),
            _ => format!("least({a}, {})", self.day(depth - 1)),
        }
    }

    fn moment(&mut self, depth: u8) -> String {
        if depth == 0 {
            return self
                .one(&["at", "seen::timestamp", "timestamp '2024-01-31 23:59:59.125'", "day::timestamp"])
                .to_owned();
        }
        let a = self.moment(depth - 1);
        let n = self.0.i16(-100..100);
        match self.0.u8(..4) {
            0 => format!("({a} + interval '{n} hours')"),
            1 => format!("({a} - interval '{n} months 3 days 00:00:07')"),
            2 => format!(
                "date_trunc('{}', {a})",
                self.one(&["year", "quarter", "month", "week", "day", "hour", "minute", "second"])
            ),
            _ => format!("coalesce({a}, {})", self.moment(depth - 1)),
        }
    }

    fn text(&mut self, depth: u8) -> String {
        if depth == 0 {
            return self.one(&["name", "note", "'éA b'", "''", "null::text"]).to_owned();
        }
        let a = self.text(depth - 1);
        let n = self.0.i8(-4..6);
        match self.0.u8(..13) {
            0 => format!("upper({a})"),
            1 => format!("lower({a})"),
            2 => format!("left({a}, {n})"),
            3 => format!("right({a}, {n})"),
            4 => format!("substr({a}, {n}, 3)"),
            5 => format!("({a} || {})", self.text(depth - 1)),
            6 => format!("concat({a}, {}, {})", self.whole(1), self.truth(0)),
            7 => format!("lpad({a}, {n}, 'xy')"),
            8 => format!("rpad({a}, {n})"),
            9 => format!("replace({a}, 'n', '')"),
            10 => format!(
                "to_char({}, '{}')",
                self.day(1),
                self.one(&["YYYY-MM-DD", "FMDD. FMMonth YY", "Dy DDD", "IYYY IW"])
            ),
            11 => {
                format!("to_char({}, '{}')", self.decimal(1), self.one(&["FM999990.00", "99999.9", "000", "FM9,990.0"]))
            }
            _ => format!("{}::text", self.decimal(1)),
        }
    }

    fn truth(&mut self, depth: u8) -> String {
        if depth == 0 {
            return self.one(&["sold", "true", "false", "(name is null)", "null::boolean"]).to_owned();
        }
        let sign = self.one(&["=", "<>", "<", ">=", "is distinct from"]);
        match self.0.u8(..9) {
            0 => format!("({} {sign} {})", self.whole(1), self.whole(1)),
            1 => format!("({} {sign} {})", self.decimal(2), self.decimal(1)),
            2 => format!("({} {sign} {})", self.day(1), self.day(1)),
            3 => format!("({} {sign} {})", self.text(1), self.text(0)),
            4 => format!("({} {} {})", self.truth(depth - 1), self.one(&["and", "or"]), self.truth(depth - 1)),
            5 => format!("(not {})", self.truth(depth - 1)),
            6 => format!(
                "({} {} '{}')",
                self.text(1),
                self.one(&["like", "not like", "ilike"]),
                self.one(&["%n", "Ä%", "b_r%", "", "é%"])
            ),
            7 => format!("({} between {} and {})", self.decimal(1), self.decimal(0), self.decimal(0)),
            _ => format!(
                "({} is {})",
                self.truth(depth - 1),
                self.one(&["true", "not true", "false", "not false", "null"])
            ),
        }
    }
}
