//! The words of a `plugin.yaml`: of the file and of a column.

use crate::text::yaml_fault::{Level, Vocabulary, word};

const TEXT: &str = "a text";
const TRUTH: &str = "true or false";
const NUMBER: &str = "a number from 0 on";
const COLUMNS: &str = "a list of columns, such as [id, name]";
const WORDS: &str = "a word or a list of words, such as [ja, x]";
const FILES: &str = "a list of names with * and ?, such as [\"orders_*.csv\"]";
const RULES: &str = "a list of columns, such as [{from: Price, name: price, type: numeric}]";
const FILTER: &str = "a condition, such as price > 5 and city in ('Bern', 'Genf')";
const REJECTS: &str = "a count such as 100 or a share such as 10 %";
const SUCCESS: &str = "delete, archive, keep N days or {archive: FOLDER}";
const FROM: &str = "a header, several in a list, or a place counted from 1";
const TYPES: &str = "one of bigint, numeric, double, boolean, date, timestamp, timestamptz, text";
const FOUND: &str = "found out";

/// The words, the file's before a column's.
pub(crate) const VOCABULARY: Vocabulary = Vocabulary {
    levels: &[
        Level {
            above: "",
            words: &[
                word(["name", TEXT, "", "name: orders", "what the plugin is called; has to be said"]),
                word(["files", FILES, "", "files: [\"orders_*.csv\"]", "the files that it claims; has to be said"]),
                word(["table", TEXT, "named after the file", "table: orders", "the staging table"]),
                word(["creator", TEXT, "", "creator: the finance team", "for people"]),
                word(["enabled", TRUTH, "true", "enabled: false", "a plugin that is not enabled claims nothing"]),
                word([
                    "mode",
                    "one of append, replace, upsert",
                    "append",
                    "mode: upsert",
                    "what a file does to the rows there are",
                ]),
                word([
                    "key",
                    COLUMNS,
                    "",
                    "key: [id]",
                    "the columns that tell a row from another; goes with mode: upsert",
                ]),
                word([
                    "duplicates",
                    "one of skip, load",
                    "skip",
                    "duplicates: load",
                    "what becomes of a content that the table has already",
                ]),
                word(["filter", FILTER, "every row", "filter: amount > 0", "the rows that are kept"]),
                word([
                    "max_rejects",
                    REJECTS,
                    "10 %",
                    "max_rejects: 100",
                    "with more rejects nothing of the file is loaded",
                ]),
                word(["on_success", SUCCESS, "ON_SUCCESS", "on_success: keep 7 days", "what becomes of a loaded file"]),
                word([
                    "columns",
                    RULES,
                    FOUND,
                    "columns: [{from: Nr, name: id}]",
                    "the columns of which something is said",
                ]),
                word([
                    "others",
                    "one of keep, drop",
                    "keep",
                    "others: drop",
                    "what becomes of the columns that columns does not name",
                ]),
                word(["format", "one of csv, json, excel, parquet, fixed", FOUND, "format: csv", "what the file is"]),
                word([
                    "encoding",
                    TEXT,
                    FOUND,
                    "encoding: windows-1252",
                    "a name of the WHATWG's, or cp850 and the like",
                ]),
                word([
                    "delimiter",
                    "one character, tab or none",
                    FOUND,
                    "delimiter: \";\"",
                    "what stands between two cells",
                ]),
                word(["quote", "one character or none", FOUND, "quote: none", "what stands around a cell"]),
                word([
                    "escape",
                    "one of doubled, backslash",
                    FOUND,
                    "escape: backslash",
                    "how a quote is written within quotes",
                ]),
                word([
                    "widths",
                    "a list of numbers, such as [3, 10, 8]",
                    "",
                    "widths: [3, 10, 8]",
                    "characters of each column, with format: fixed",
                ]),
                word(["skip_lines", NUMBER, FOUND, "skip_lines: 2", "lines above the header"]),
                word([
                    "header",
                    "true, false or a number of rows",
                    FOUND,
                    "header: false",
                    "whether there is a header, or the number of its rows",
                ]),
                word(["skip_footer", NUMBER, "0", "skip_footer: 2", "lines at the end that are not of the table"]),
                word([
                    "footer",
                    "a regular expression",
                    "",
                    "footer: \"^(Total|Summe)\"",
                    "the footer begins at the first line that it finds",
                ]),
                word(["sheet", TEXT, "every sheet", "sheet: Prices", "the one sheet of a workbook"]),
                word([
                    "beside",
                    "one of keep, columns",
                    "keep",
                    "beside: columns",
                    "whether plain keys beside a JSON array are columns",
                ]),
                word([
                    "decimal",
                    "one of \",\" and \".\"",
                    "as SQL has it",
                    "decimal: \",\"",
                    "the sign before the fraction: 1234,50 is 1234.50",
                ]),
                word([
                    "thousands",
                    "one of . , ' and a blank",
                    "none",
                    "thousands: \".\"",
                    "the sign between groups of digits; also as apostrophe, blank",
                ]),
                word(["percent", TRUTH, "false", "percent: true", "12,5 % is 0.125"]),
                word([
                    "currency",
                    WORDS,
                    "none",
                    "currency: [€, EUR]",
                    "signs that may stand before or behind a number",
                ]),
                word(["true", WORDS, "true", "true: [ja, x]", "words of truth"]),
                word([
                    "false",
                    WORDS,
                    "false",
                    "false: [nein, \"\"]",
                    "words of the contrary; \"\" is a cell in which nothing stands",
                ]),
                word(["null", WORDS, "", "null: [NA, \"-\"]", "words for NULL"]),
                word(["trim", TRUTH, "false", "trim: true", "blanks around a value are none of it"]),
            ],
        },
        Level {
            above: "an entry of columns, such as {from: Price, name: price}",
            words: &[
                word([
                    "from",
                    FROM,
                    "",
                    "from: [Auftrag-Nr., Order No]",
                    "where the column is in the file; has to be said",
                ]),
                word(["name", TEXT, "of its header", "name: id", "what it is called in the table"]),
                word(["type", TYPES, "of its values", "type: numeric", "its type in the table"]),
                word(["format", TEXT, "ISO 8601", "format: \"%d.%m.%Y\"", "how its days or times are written"]),
                word([
                    "required",
                    TRUTH,
                    "false",
                    "required: true",
                    "a row with NULL in it is a reject, a file without it fails",
                ]),
                word(["key", TRUTH, "false", "key: true", "one of the columns that tell a row from another"]),
                word([
                    "decimal",
                    "one of \",\" and \".\"",
                    "of the file",
                    "decimal: \",\"",
                    "as above, of this column",
                ]),
                word([
                    "thousands",
                    "one of . , ' and a blank",
                    "of the file",
                    "thousands: blank",
                    "as above, of this column",
                ]),
                word(["percent", TRUTH, "of the file", "percent: true", "a number without the sign is a reject"]),
                word(["currency", WORDS, "of the file", "currency: CHF", "as above, of this column"]),
                word(["true", WORDS, "of the file", "true: [1]", "as above; numbers may be words of truth here"]),
                word(["false", WORDS, "of the file", "false: [0]", "as above; numbers may be words here"]),
                word(["null", WORDS, "of the file", "null: [\"0000-00-00\"]", "as above, of this column"]),
                word(["trim", TRUTH, "of the file", "trim: true", "as above, of this column"]),
            ],
        },
    ],
    example: "name: orders with files: [\"orders_*.csv\"] on a line of its own",
};

#[cfg(test)]
mod tests {
    use super::VOCABULARY;
    use crate::dataset::plugin::rule::ColumnYaml;
    use crate::dataset::plugin::yaml::Yaml;
    use crate::text::yaml_fault::same_words;

    #[test]
    fn the_reference_has_the_words_of_the_reader() {
        same_words::<Yaml>(&VOCABULARY.levels[0]);
        same_words::<ColumnYaml>(&VOCABULARY.levels[1]);
    }
}
