//! Expressions of values.

use crate::schema::Type;
use crate::sql::{Engine, NUMERIC_TEXT, TableColumn, quote, type_of};

impl Engine {
    /// A comparison of two values that takes NULL for equal to NULL, to stand between them.
    pub fn is_same(self) -> &'static str {
        match self {
            Engine::Postgres => "is not distinct from",
            Engine::Sqlite => "is",
        }
    }

    /// The day of a moment.
    pub fn day_of(self, moment: &str) -> String {
        match self {
            Engine::Postgres => format!("cast({moment} as date)"),
            Engine::Sqlite => format!("substr({moment}, 1, 10)"),
        }
    }

    /// The beginning of a day (`2024-01-31`) as a value of a date, a moment or a text with this declared type.
    pub fn midnight(self, day: &str, declared: &str) -> String {
        match (self, type_of(declared)) {
            (Engine::Postgres, _) => format!("cast('{day}' as {declared})"),
            (Engine::Sqlite, Some(Type::Date | Type::Text)) => format!("'{day}'"),
            (Engine::Sqlite, Some(Type::Timestamp)) => format!("'{day} 00:00:00'"),
            (Engine::Sqlite, _) => format!("'{day} 00:00:00+00:00'"),
        }
    }

    /// A text without the zeros before and behind it that make no other number of it, if it is a plain number: `-007.50` is
    /// `-7.5`, `0.0` is `0`. An index can be over it.
    pub fn one_spelling(self, text: &str) -> String {
        let (is_number, has_point) = match self {
            Engine::Postgres => {
                (format!("{text} ~ '^-?([0-9]+[.]?[0-9]*|[.][0-9]+)$'"), format!("strpos({text}, '.') > 0"))
            }
            Engine::Sqlite => (
                format!(
                    "{text} not glob '*[^0-9.-]*' and {text} glob '*[0-9]*' and {text} not glob '*.*.*' \
                     and substr({text}, 2) not glob '*-*'"
                ),
                format!("instr({text}, '.') > 0"),
            ),
        };
        let ends = format!("case when {has_point} then rtrim(rtrim({text}, '0'), '.') else {text} end");
        let digits = format!("ltrim({ends}, '-0')");
        let sign = format!("case when substr({text}, 1, 1) = '-' then '-' else '' end");
        format!(
            "(case when {is_number} then case when {digits} = '' then '0' else {sign} || {digits} end else {text} end)"
        )
    }

    /// The declared type of moments in UTC.
    pub fn instant(self) -> &'static str {
        self.told(Type::Timestamptz)
    }

    /// A moment of the catalog as a value of this declared type. SQLite keeps it as RFC 3339 with the offset `+00:00`,
    /// and moments of tables with a blank in place of `T`.
    pub fn of_instant(self, instant: &str, declared: &str) -> String {
        match (self, type_of(declared)) {
            (Engine::Postgres, _) => format!("cast({instant} as {declared})"),
            (Engine::Sqlite, Some(Type::Date)) => format!("substr({instant}, 1, 10)"),
            (Engine::Sqlite, Some(Type::Timestamp)) => {
                format!("replace(substr({instant}, 1, length({instant}) - 6), 'T', ' ')")
            }
            (Engine::Sqlite, _) => format!("replace({instant}, 'T', ' ')"),
        }
    }

    /// The next moment that a date or moment of this declared type can be: a day later, or a second.
    pub fn right_after(self, time: &str, declared: &str) -> String {
        match (self, type_of(declared)) {
            (Engine::Postgres, Some(Type::Date)) => format!("{time} + 1"),
            (Engine::Postgres, _) => format!("{time} + interval '1 second'"),
            (Engine::Sqlite, _) => format!(
                "case length({time}) when 10 then date({time}, '+1 day') \
                 else datetime(substr({time}, 1, 19), '+1 second') || substr({time}, 20) end"
            ),
        }
    }

    /// True if moments are compared as texts, so that both have to be written in one form.
    pub fn compares_moments_as_texts(self) -> bool {
        self == Engine::Sqlite
    }

    /// A decimal without zeros that say nothing: 1.50 and 1.5 are one.
    pub fn shortest_decimal(self, value: &str) -> String {
        match self {
            Engine::Postgres => format!("trim_scale(cast({value} as numeric))"),
            Engine::Sqlite => {
                let text = format!("cast({value} as text)");
                format!("case when instr({text}, '.') > 0 then rtrim(rtrim({text}, '0'), '.') else {text} end")
            }
        }
    }

    /// A value of a column of this type for comparisons: equal decimals are one, however they are written.
    pub fn by_value(self, declared: &str, value: &str) -> String {
        match (self, type_of(declared)) {
            (Engine::Sqlite, Some(Type::Numeric)) => self.shortest_decimal(value),
            _ => value.to_owned(),
        }
    }

    /// What tells equal values of a column of this type apart, so that a table shows the digits that came last: 1.5 and
    /// 1.50; `None` where equal values are the same.
    pub fn digits(self, declared: &str, value: &str) -> Option<String> {
        let is_decimal = type_of(declared) == Some(Type::Numeric);
        // On SQLite they are texts.
        (self == Engine::Postgres && is_decimal).then(|| format!("scale({value})"))
    }

    /// One of several values that are equal [by value](Engine::by_value), to be grouped by that: the decimal with the
    /// most digits.
    pub fn of_equal(self, declared: &str, value: &str) -> String {
        match (self, type_of(declared)) {
            (Engine::Postgres, Some(Type::Numeric)) => {
                format!("cast(max(cast({value} as text){}) as {declared})", self.by_bytes())
            }
            (Engine::Sqlite, Some(Type::Numeric)) => format!("max({value})"),
            _ => value.to_owned(),
        }
    }

    /// True if the digits of decimals are kept as texts.
    pub fn keeps_decimals_as_texts(self) -> bool {
        self == Engine::Sqlite
    }

    /// A value of a key in which NULL is a value like others: an expression that is never NULL, and that an index takes.
    pub fn null_as_value(self, value: &str, kind: Type) -> String {
        match (self, kind) {
            (Engine::Sqlite, _) => format!("(coalesce({value}, char(1)))"),
            (Engine::Postgres, Type::Numeric) => format!("(coalesce({value}, 'NaN'))"),
            // Texts of times depend on the session.
            (Engine::Postgres, Type::Date | Type::Timestamp | Type::Timestamptz) => {
                format!("(coalesce({value}, '-infinity'))")
            }
            (Engine::Postgres, _) => format!("(coalesce(cast({value} as text), E'\\x01'))"),
        }
    }

    /// A column's value to be compared with numbers.
    pub fn number_in(self, column: &TableColumn) -> String {
        match (self, column.declared.as_str()) {
            (Engine::Sqlite, NUMERIC_TEXT) => format!("cast({} as real)", quote(&column.name)),
            _ => quote(&column.name),
        }
    }

    /// The sum of a column of numbers, as exact as the engine has it.
    pub fn sum(self, column: &str) -> String {
        match self {
            Engine::Postgres => format!("sum(cast({} as numeric))", quote(column)),
            Engine::Sqlite => format!("sum(cast({} as real))", quote(column)),
        }
    }

    /// A number in billionths, rounded, as a whole number; NULL for one that is 1000 or more from 0. Decimals that are kept
    /// as texts are cut by their digits.
    pub fn billionths(self, number: &str) -> String {
        match self {
            Engine::Postgres => format!(
                "case when abs(cast({number} as numeric)) < 1000 then round(cast({number} as numeric) * 1000000000) end"
            ),
            Engine::Sqlite => {
                let behind = format!("(substr({number}, instr({number}, '.') + 1) || '0000000000')");
                let fraction = format!(
                    "(cast(substr({behind}, 1, 9) as integer) + (substr({behind}, 10, 1) >= '5')) * case when {number} like '-%' then -1 \
                     else 1 end"
                );
                format!(
                    "case when abs(cast({number} as real)) < 1000 then case when typeof({number}) <> 'text' or {number} glob '*[eE]*' \
                     then cast(round(cast({number} as real) * 1000000000) as integer) \
                     when instr({number}, '.') = 0 then cast({number} as integer) * 1000000000 \
                     else cast({number} as integer) * 1000000000 + {fraction} end end"
                )
            }
        }
    }

    /// A condition behind [`Engine::is_same`] for columns of decimals: 1.1 and 1.10 are equal, but not the same.
    pub fn and_same_scale(self, one: &str, other: &str) -> String {
        match self {
            Engine::Postgres => format!(" and scale({one}) is not distinct from scale({other})"),
            // They are texts.
            Engine::Sqlite => String::new(),
        }
    }

    /// The words behind a text by which it is sorted by its bytes, whatever the server's collation is.
    pub fn by_bytes(self) -> &'static str {
        match self {
            Engine::Postgres => " collate \"C\"",
            Engine::Sqlite => "",
        }
    }

    /// The elements of an array in JSON: the table to be joined, called `e`, and the text of an element. A value that is
    /// no array ends the statement.
    pub fn elements(self, array: &str) -> (String, String) {
        match self {
            Engine::Postgres => (
                format!("cross join lateral json_array_elements_text(cast({array} as json)) as e(value)"),
                "e.value".to_owned(),
            ),
            Engine::Sqlite => (
                format!(
                    "cross join json_each(case when {array} is null then '[]' \
                     when json_valid({array}) and json_type({array}) = 'array' then {array} \
                     else json_extract('{{}}', 'explode: not a JSON array: ' || {array}) end) as e"
                ),
                // The number as it is written; its value would have fifteen digits.
                format!(
                    "case e.type when 'true' then 'true' when 'false' then 'false' when 'integer' then {array} -> e.key \
                     when 'real' then {array} -> e.key else cast(e.value as text) end"
                ),
            ),
        }
    }

    /// True if a declared type tells nothing of the values, as a computed column's does.
    pub fn tells_nothing(self, declared: &str) -> bool {
        declared.is_empty() || (self == Engine::Sqlite && matches!(declared, "num" | "blob"))
    }

    /// An expression for the kind of a value by itself, if a column of an unknown type can hold several kinds.
    pub fn kind_of(self, column: &str) -> Option<String> {
        (self == Engine::Sqlite).then(|| format!("typeof({})", quote(column)))
    }

    /// True if the database tells the types of a view's columns.
    pub fn types_views(self) -> bool {
        self == Engine::Postgres
    }
}
