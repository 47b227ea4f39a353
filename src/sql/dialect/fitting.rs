//! Values of a column that becomes narrower.

use crate::schema::Type;
use crate::sql::{Engine, type_of};

/// The days of all months, as a pattern of PostgreSQL; that of leap years is left out.
const DAY: &str =
    "^(?!0000)[0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)$";

impl Engine {
    /// The condition for values of one type that are none of another: `None` if there are none, or if the types are not
    /// known. A value fits `exactly` if it comes back as the same text.
    pub fn does_not_fit(self, from: &str, declared: &str, value: &str, exactly: bool) -> Option<String> {
        use Type::{Bigint, Boolean, Date, Double, Numeric, Text, Timestamp, Timestamptz};
        let (old, new) = (type_of(from)?, type_of(declared)?);
        let condition = match (old, new) {
            (_, Text) | (Bigint, Numeric | Double) | (Numeric, Double) => return None,
            (Timestamptz | Timestamp | Date, Timestamptz) | (Timestamptz | Date, Timestamp) | (Timestamptz, Date) => {
                return None;
            }
            _ if old == new => return None,
            (Timestamp, Date) => format!("{} not like '% 00:00:00'", self.plain_text(from, value)),
            (Text | Numeric | Double, Bigint | Numeric | Double) => {
                let text = if old == Text { value.to_owned() } else { format!("({})", self.plain_text(from, value)) };
                let number = format!("({})", self.number_of_text(declared, &text));
                match exactly && old == Text {
                    true => format!("{} is distinct from {text}", self.plain_text(declared, &number)),
                    false => format!("{number} is null"),
                }
            }
            (Text, Boolean) => format!("{value} not in ('true', 'false')"),
            (Text, Date) => match self {
                Engine::Postgres => format!("{value} !~ '{DAY}'"),
                Engine::Sqlite => {
                    format!("(date({value}) is distinct from {value} or {value} like '%-02-29' or {value} < '0001')")
                }
            },
            _ => "true".to_owned(),
        };
        Some(format!("{value} is not null and {condition}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_types_take_all() {
        for engine in [Engine::Postgres, Engine::Sqlite] {
            for (from, to) in [
                (Type::Bigint, Type::Numeric),
                (Type::Numeric, Type::Double),
                (Type::Date, Type::Timestamp),
                (Type::Boolean, Type::Text),
                (Type::Date, Type::Date),
            ] {
                assert_eq!(engine.does_not_fit(engine.told(from), engine.told(to), "v", true), None, "{from:?} {to:?}");
            }
            for (from, to) in [(Type::Text, Type::Bigint), (Type::Boolean, Type::Bigint), (Type::Text, Type::Timestamp)]
            {
                assert!(
                    engine.does_not_fit(engine.told(from), engine.told(to), "v", true).is_some(),
                    "{from:?} {to:?}"
                );
            }
        }
    }
}
