//! Numbers and truths in texts: the value that a text is the plain spelling of, and the text of a value.

use crate::schema::Type;
use crate::sql::{Engine, type_of};

/// The numbers of each kind that are read, as PostgreSQL's patterns: no plus sign, no zeros before, no blanks.
const WHOLE: &str = "^-?(0|[1-9][0-9]{0,17})$";
const DECIMAL: &str = "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$";
const DOUBLE: &str = "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?(e[+-]?[0-9]{1,2})?$";

impl Engine {
    /// The number of this type that a text is, and NULL for another text: `7`, `2.50`, not `007` or `N/A`.
    pub fn number_of_text(self, declared: &str, text: &str) -> String {
        let of = type_of(declared);
        match self {
            Engine::Postgres => {
                let (pattern, number) = match of {
                    Some(Type::Bigint) => (WHOLE, format!("cast({text} as bigint)")),
                    Some(Type::Numeric) => (DECIMAL, self.shortest_decimal(text)),
                    _ => (DOUBLE, format!("cast({text} as double precision)")),
                };
                format!("case when {text} ~ '{pattern}' then {number} end")
            }
            Engine::Sqlite => {
                // A number in JSON has these forms, and blanks around it.
                let (is_it, number) = match of {
                    Some(Type::Bigint) => (
                        format!("json_type({text}) = 'integer' and length({text}) < 19"),
                        format!("cast({text} as integer)"),
                    ),
                    Some(Type::Numeric) => ("true".to_owned(), self.shortest_decimal(text)),
                    _ => ("true".to_owned(), format!("cast({text} as real)")),
                };
                let exponent = if of == Some(Type::Double) { "e+" } else { "" };
                format!(
                    "case when {text} not glob '*[^0-9.{exponent}-]*' and json_valid({text}) then case when {is_it} then {number} end end"
                )
            }
        }
    }

    /// The text of a number or a truth of this type, as PostgreSQL writes it: decimals without zeros that say nothing.
    pub fn plain_text(self, declared: &str, value: &str) -> String {
        match (self, type_of(declared)) {
            (_, Some(Type::Numeric)) => format!("cast({} as text)", self.shortest_decimal(value)),
            (Engine::Sqlite, Some(Type::Boolean)) => format!("case {value} when 1 then 'true' when 0 then 'false' end"),
            (Engine::Sqlite, Some(Type::Double)) => format!(
                "case when cast(printf('%.15g', {value}) as real) = {value} then printf('%.15g', {value}) \
                 when {value} is not null then printf('%!.17g', {value}) end"
            ),
            // Its text depends on the session.
            (Engine::Postgres, Some(Type::Timestamptz)) => {
                format!("cast({value} at time zone 'UTC' as text) || '+00:00'")
            }
            _ => format!("cast({value} as text)"),
        }
    }

    /// A value of one type as one of another; decimals keep their digits. SQLite has times as text.
    pub fn converted(self, from: &str, declared: &str, value: &str) -> String {
        match (self, type_of(declared)) {
            (_, Some(Type::Text)) if type_of(from) != Some(Type::Numeric) => self.plain_text(from, value),
            (Engine::Sqlite, Some(Type::Boolean)) if type_of(from) == Some(Type::Text) => {
                format!("case {value} when 'true' then 1 when 'false' then 0 end")
            }
            (Engine::Sqlite, Some(Type::Date)) => format!("substr({value}, 1, 10)"),
            (Engine::Sqlite, Some(Type::Timestamp)) => {
                format!("case length({value}) when 10 then {value} || ' 00:00:00' else {value} end")
            }
            (Engine::Sqlite, Some(Type::Timestamptz)) => format!(
                "case when length({value}) = 10 then {value} || ' 00:00:00+00:00' when {value} like '%+%' then {value} \
                 else {value} || '+00:00' end"
            ),
            _ => format!("cast({value} as {declared})"),
        }
    }

    /// The plain text of the value of a type that a text was before its column became one of texts; NULL for a text that
    /// was none.
    pub fn plain_text_of(self, declared: &str, text: &str) -> String {
        match type_of(declared) {
            Some(Type::Numeric | Type::Double) => {
                self.plain_text(declared, &format!("({})", self.number_of_text(declared, text)))
            }
            Some(Type::Boolean) => format!("case lower({text}) when 'true' then 'true' when 'false' then 'false' end"),
            _ => text.to_owned(),
        }
    }
}
