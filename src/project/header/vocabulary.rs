//! The words of a header of `sql/pipeline/`.

use crate::text::yaml_fault::{Level, Vocabulary, word};

const COLUMNS: &str = "a column or a list of them, such as [a, b]";
const COLUMN: &str = "the name of a column";
const DAY: &str = "a day, such as 2024-01-31";
const DIMENSIONS: &str =
    "columns with their dimensions, such as {city: dim_city} or {city: {dimension: dim_city, missing: infer}}";
const CHECKS: &str = "what must hold, such as {not_null: [id], range: {price: [0, 100]}}, or a list of such groups";
const ACCEPTED: &str = "columns with lists of values, such as {state: [open, paid]}";
const RANGE: &str = "columns with the lowest and the highest value, such as {price: [0, 100]}";
const WAS: &str = "columns with their earlier names, such as {customer_no: id}, or the key's earlier name";
const GUARD: &str = "how much a run may take, such as {at_least: 1000, gone_at_most: 5 %}";
const LEAST: &str = "a number, such as 1000 or 1000 rows";
const MOST: &str = "a number or a share of those there, such as 20, 20 members or 5 %";
const ROLE: &str = "a name of up to 50 small letters, digits and _, such as ship_date";
const GRAIN: &str = "for a bridge, the columns of dimensions";

/// Examples of a header, for errors.
pub(super) const EXAMPLES: &str =
    "kind: dimension with key: [id], kind: fact with grain: [id] and dimensions: {city: dim_city}, or kind: table";

/// The words of a header.
pub(crate) const VOCABULARY: Vocabulary = Vocabulary {
    levels: &[
        Level {
            above: "",
            words: &[
                word([
                    "kind",
                    "one of dimension, fact, bridge, calendar, table, view",
                    "",
                    "kind: fact",
                    "what the table is",
                ]),
                word(["key", COLUMNS, "", "key: [id]", "the columns that name a member"]),
                word([
                    "history",
                    COLUMNS,
                    "",
                    "history: [price]",
                    "columns whose change opens a new version of the member",
                ]),
                word(["at", COLUMN, "", "at: sold_at", "from when on a row holds; of a fact, which version it sees"]),
                word([
                    "unknown",
                    "columns with values, such as {name: not given}",
                    "",
                    "unknown: {name: not given}",
                    "the unknown member",
                ]),
                word([
                    "gone",
                    "close or keep",
                    "close",
                    "gone: keep",
                    "what becomes of a member that a whole file does not name any more",
                ]),
                word([
                    "was",
                    WAS,
                    "",
                    "was: {customer_no: id}",
                    "the earlier names of columns that have another one now",
                ]),
                word(["grain", COLUMNS, GRAIN, "grain: [order_id]", "the columns whose values no two rows share"]),
                word([
                    "dimensions",
                    DIMENSIONS,
                    "",
                    "dimensions: {city: dim_city}",
                    "the dimension of each column that names a member",
                ]),
                word(["group", COLUMNS, "", "group: [title]", "the columns within whose values the weights sum to 1"]),
                word(["weight", COLUMN, "", "weight: share", "the column of shares; goes with group"]),
                word(["from", DAY, "", "from: 2020-01-01", "the first day of the calendar"]),
                word(["to", DAY, "", "to: 2030-12-31", "the last day of the calendar"]),
                word([
                    "fiscal_year_starts",
                    "a month from 1 to 12",
                    "1",
                    "fiscal_year_starts: 7",
                    "the first month of the fiscal year",
                ]),
                word([
                    "unpivot",
                    "two words, such as {into: skill, columns: [a, c..f]}",
                    "",
                    "unpivot: {into: skill, columns: [a, c..f]}",
                    "columns become rows",
                ]),
                word([
                    "explode",
                    "two words, such as {into: tag, column: tags}",
                    "",
                    "explode: {into: tag, column: tags}",
                    "a JSON array becomes rows",
                ]),
                word(["distinct", "true or false", "false", "distinct: true", "rows that are the same count once"]),
                word([
                    "checks",
                    CHECKS,
                    "",
                    "checks: {not_null: [id]}",
                    "what must hold of the table before it is published",
                ]),
                word(["guard", GUARD, "", "guard: {gone_at_most: 5 %}", "how much a run may take out of the table"]),
            ],
        },
        Level {
            above: "a column of dimensions, such as {city: {dimension: dim_city, missing: infer}}",
            words: &[
                word(["dimension", "the name of a dimension", "", "dimension: dim_city", "the dimension"]),
                word(["role", ROLE, "the column's name", "role: ship_date", "the key's column is called ROLE_key"]),
                word([
                    "missing",
                    "one of unknown, infer, reject",
                    "unknown",
                    "missing: infer",
                    "what becomes of a value that is no member",
                ]),
            ],
        },
        Level {
            above: "unpivot",
            words: &[
                word([
                    "columns",
                    "a column or a list of them, such as [a, c..f]",
                    "",
                    "columns: [a, c..f]",
                    "the columns that become rows",
                ]),
                word(["into", "a name", "", "into: skill", "the column that takes their values"]),
            ],
        },
        Level {
            above: "explode",
            words: &[
                word(["column", COLUMN, "", "column: tags", "the column with the JSON array"]),
                word(["into", "a name", "", "into: tag", "the column that takes the elements"]),
            ],
        },
        Level {
            above: "checks",
            words: &[
                word(["not_null", COLUMNS, "", "not_null: [id]", "no value is NULL"]),
                word(["unique", COLUMNS, "", "unique: [id]", "no value stands twice in one of them"]),
                word([
                    "accepted",
                    ACCEPTED,
                    "",
                    "accepted: {state: [open, paid]}",
                    "the values that a column may have",
                ]),
                word(["range", RANGE, "", "range: {price: [0, 100]}", "the lowest and the highest value of a column"]),
                word([
                    "sql",
                    "a select or a list of them",
                    "",
                    "sql: select * from this where a > b",
                    "selects that must give no row; this is the table",
                ]),
                word([
                    "severity",
                    "one of error, warn",
                    "error",
                    "severity: warn",
                    "the run fails, or it is counted and told",
                ]),
            ],
        },
        Level {
            above: "guard",
            words: &[
                word(["at_least", LEAST, "", "at_least: 1000", "the least number of open members or rows"]),
                word(["gone_at_most", MOST, "", "gone_at_most: 5 %", "how many members or rows may go in one run"]),
            ],
        },
    ],
    example: EXAMPLES,
};
