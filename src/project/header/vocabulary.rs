//! The values of each word of a header, as errors name them.

use crate::text::yaml_fault::Vocabulary;

const COLUMNS: &str = "a column or a list of them, such as [a, b]";
const COLUMN: &str = "the name of a column";
const DAY: &str = "a day, such as 2024-01-31";

/// Examples of a header, for errors.
pub(super) const EXAMPLES: &str =
    "kind: dimension with key: [id], kind: fact with grain: [id] and dimensions: {city: dim_city}, or kind: table";

/// The words of a header.
pub(super) const VOCABULARY: Vocabulary = Vocabulary {
    takes: &[
        ("kind", "one of dimension, fact, bridge, calendar, table, view"),
        ("key", COLUMNS),
        ("history", COLUMNS),
        ("at", COLUMN),
        ("unknown", "columns with values, such as {name: not given}"),
        ("gone", "close or keep"),
        ("grain", COLUMNS),
        (
            "dimensions",
            "columns with their dimensions, such as {city: dim_city} or {city: {dimension: dim_city, missing: infer}}",
        ),
        ("dimension", "the name of a dimension"),
        ("role", "a name of up to 50 small letters, digits and _, such as ship_date"),
        ("missing", "one of unknown, infer, reject"),
        ("group", COLUMNS),
        ("weight", COLUMN),
        ("from", DAY),
        ("to", DAY),
        ("fiscal_year_starts", "a month from 1 to 12"),
        ("unpivot", "two words, such as {into: skill, columns: [a, c..f]}"),
        ("columns", "a column or a list of them, such as [a, c..f]"),
        ("explode", "two words, such as {into: tag, column: tags}"),
        ("column", COLUMN),
        ("into", "a name"),
        ("distinct", "true or false"),
        ("checks", "what must hold, such as {not_null: [id], range: {price: [0, 100]}}, or a list of such groups"),
        ("not_null", COLUMNS),
        ("unique", COLUMNS),
        ("accepted", "columns with lists of values, such as {state: [open, paid]}"),
        ("range", "columns with the lowest and the highest value, such as {price: [0, 100]}"),
        ("sql", "a select or a list of them"),
        ("severity", "one of error, warn"),
    ],
    beneath: &[
        (&["not_null", "unique", "accepted", "range", "sql", "severity"], "checks"),
        (
            &["dimension", "role", "missing"],
            "a column of dimensions, such as {city: {dimension: dim_city, missing: infer}}",
        ),
        (&["columns"], "unpivot"),
        (&["column"], "explode"),
        (&["into"], "unpivot or explode"),
    ],
    example: EXAMPLES,
};
