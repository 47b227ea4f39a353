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
const FILTERS: &str = "a condition, or values such as {Dim: [A, B]}";
const SIZE: &str = "a number from 1 on";
const PAIRS: &str = "words with values, such as {lang: de}";
const PATH: &str = "a path, such as meta.next";
const WAY: &str = "words such as {by: page, param: p}";
const AUTH: &str = "one of {bearer: …}, {user: …, password: …}, {header: …, value: …}, {query: …, value: …}";
const SINCE: &str = "words such as {column: at, send: after}";
const TIME: &str = "a time, such as 10m";
const BY: &str = "one of none, page, offset, cursor, link_header, next_url, key, skip";
const WHEN: &str = "hourly, daily 06:00, every 15m, words of cron, or {cron: …, zone: …}";
const FOUND: &str = "found out";

/// The words, the file's before a column's.
pub(crate) const VOCABULARY: Vocabulary = Vocabulary {
    levels: &[
        Level {
            above: "",
            words: &[
                word(["name", TEXT, "", "name: orders", "what the plugin is called; has to be said"]),
                word([
                    "files",
                    FILES,
                    "",
                    "files: [\"orders_*.csv\"]",
                    "the files that it claims; this or source has to be said",
                ]),
                word([
                    "source",
                    "words such as {kind: http, url: …}",
                    "",
                    "source: {kind: http, url: https://a.org}",
                    "the address that is pulled",
                ]),
                word([
                    "schedule",
                    WHEN,
                    "",
                    "schedule: daily 06:00",
                    "when the daemon pulls the source; goes with source",
                ]),
                word([
                    "catch_up",
                    TRUTH,
                    "true",
                    "catch_up: false",
                    "whether a pull runs once for ticks that were missed while no program ran",
                ]),
                word(["default", TRUTH, "false", "default: true", "whether /start-etl-job without a name pulls it"]),
                word([
                    "destination",
                    "an address, or {url: !env NAME}",
                    "the project's own",
                    "destination: !env REPORTS_URL",
                    "the database that the rows go to, as DATABASE_URL; goes with source",
                ]),
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
            above: "schedule",
            words: &[
                word([
                    "cron",
                    "when it runs",
                    "",
                    "cron: \"0 6 * * 1-5\"",
                    "as schedule without a zone; has to be said",
                ]),
                word(["zone", "a time zone", "TZ, or UTC", "zone: Europe/Zurich", "the zone of its times of day"]),
            ],
        },
        Level {
            above: "destination",
            words: &[word(["url", "an address", "", "url: !env REPORTS_URL", "the address; has to be said"])],
        },
        Level {
            above: "source",
            words: &[
                word(["kind", "one of http, odata", "", "kind: odata", "how the server speaks; has to be said"]),
                word(["url", "an address", "", "url: https://example.org/api", "the address; has to be said"]),
                word(["resource", TEXT, "", "resource: Orders", "OData: what stands behind the address"]),
                word([
                    "filter",
                    FILTERS,
                    "every record",
                    "filter: {Dim: [A, B]}",
                    "OData: the records that are asked for",
                ]),
                word(["select", COLUMNS, "all", "select: [Id, Value]", "OData: the columns that are asked for"]),
                word(["order", COLUMNS, "", "order: [Id]", "OData: columns in whose order no two records are equal"]),
                word(["page_size", SIZE, "the server's", "page_size: 1000", "OData: records of a page"]),
                word(["method", "one of GET, POST", "GET", "method: POST", "how a page is asked for"]),
                word(["headers", PAIRS, "", "headers: {Accept-Language: de}", "headers of each request"]),
                word(["params", PAIRS, "", "params: {lang: de}", "parameters of the address"]),
                word(["body", "a value", "", "body: {query: all}", "the body of a POST, as JSON"]),
                word([
                    "records",
                    PATH,
                    FOUND,
                    "records: data.items",
                    "where the records are in a page; . is the page itself",
                ]),
                word(["paginate", WAY, FOUND, "paginate: {by: page}", "how the next page is asked for"]),
                word(["auth", AUTH, "none", "auth: {bearer: !env TOKEN}", "credentials, which no other server gets"]),
                word(["since", SINCE, "everything", "since: {column: at, send: after}", "asks for newer records only"]),
                word([
                    "allow_hosts",
                    "a list of servers",
                    "none",
                    "allow_hosts: [a.org]",
                    "other servers that a page may lead to",
                ]),
                word(["max_pages", SIZE, "100000", "max_pages: 50", "with more pages the pull fails"]),
                word(["max_bytes", SIZE, "", "max_bytes: 1000000000", "with more bytes the pull fails"]),
                word(["timeout", TIME, "60s", "timeout: 5m", "the longest silence of the server"]),
            ],
        },
        Level {
            above: "paginate",
            words: &[
                word(["by", BY, "", "by: cursor", "the way; has to be said"]),
                word([
                    "param",
                    TEXT,
                    "page, offset or cursor",
                    "param: p",
                    "the parameter that takes it; in a POST a path in the body",
                ]),
                word(["start", NUMBER, "1", "start: 0", "the number of the first page"]),
                word(["size_param", TEXT, "", "size_param: per_page", "the parameter of a page's size"]),
                word(["size", SIZE, "", "size: 100", "records of a page"]),
                word(["from", PATH, "", "from: meta.next", "where a page has the cursor or the next address"]),
                word(["total", PATH, "", "total: meta.total", "where a page has the number of all records"]),
                word(["pages", PATH, "", "pages: meta.pages", "where a page has the number of pages"]),
                word(["has_more", PATH, "", "has_more: has_more", "where a page says that another one follows"]),
                word(["last", PATH, "", "last: is_last", "where a page says that it is the last one"]),
            ],
        },
        Level {
            above: "auth",
            words: &[
                word(["bearer", TEXT, "", "bearer: !env TOKEN", "a token in the header Authorization"]),
                word(["user", TEXT, "", "user: reader", "the user of Basic"]),
                word(["password", TEXT, "", "password: !env PASSWORD", "its password"]),
                word(["header", TEXT, "", "header: X-Api-Key", "the header that takes value"]),
                word(["query", TEXT, "", "query: key", "the parameter of the address that takes value"]),
                word(["value", TEXT, "", "value: !env KEY", "the secret of header or query"]),
            ],
        },
        Level {
            above: "since",
            words: &[
                word(["column", TEXT, "", "column: updated_at", "the member of a record that grows; has to be said"]),
                word([
                    "send",
                    "filter or the name of a parameter",
                    "filter",
                    "send: after",
                    "what takes the value; body.PATH in a POST",
                ]),
                word([
                    "format",
                    "one of iso, epoch, epoch_ms, number",
                    "iso",
                    "format: epoch",
                    "how the values are written",
                ]),
                word(["initial", TEXT, "everything", "initial: 2000-01-01", "the value of the first pull"]),
                word(["lag", TIME, "none", "lag: 10m", "how far each pull goes back behind the last one"]),
                word([
                    "boundary",
                    "one of inclusive, exclusive",
                    "inclusive",
                    "boundary: exclusive",
                    "whether the server gives the value itself again",
                ]),
                word(["ordered", TRUTH, "false", "ordered: true", "the records come in the order of the column"]),
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
    use crate::dataset::plugin::source_yaml::{AuthYaml, PaginateYaml, SinceYaml, SourceYaml};
    use crate::dataset::plugin::yaml::{DestinationWords, InZone, Yaml};
    use crate::text::yaml_fault::same_words;

    #[test]
    fn the_reference_has_the_words_of_the_reader() {
        same_words::<Yaml>(&VOCABULARY.levels[0]);
        same_words::<InZone>(&VOCABULARY.levels[1]);
        same_words::<DestinationWords>(&VOCABULARY.levels[2]);
        same_words::<SourceYaml>(&VOCABULARY.levels[3]);
        same_words::<PaginateYaml>(&VOCABULARY.levels[4]);
        same_words::<AuthYaml>(&VOCABULARY.levels[5]);
        same_words::<SinceYaml>(&VOCABULARY.levels[6]);
        same_words::<ColumnYaml>(&VOCABULARY.levels[7]);
    }
}
