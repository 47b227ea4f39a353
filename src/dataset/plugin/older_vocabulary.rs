//! The words of the older form of a `plugin.yaml`.

use crate::text::yaml_fault::{Level, Vocabulary, word};

const TEXT: &str = "a text";

/// The words, the file's before those beneath them.
pub(crate) const OLDER: Vocabulary = Vocabulary {
    levels: &[
        Level {
            above: "",
            words: &[
                word(["name", TEXT, "", "name: WHO", "what it is called; has to be said"]),
                word(["creator", TEXT, "", "creator: the finance team", "for people"]),
                word(["enabled", "true or false", "true", "enabled: false", "one that is not enabled pulls nothing"]),
                word([
                    "run",
                    "a key of etl, or a list of them",
                    "",
                    "run: [A, B]",
                    "the pulls that run; has to be said",
                ]),
                word([
                    "etl",
                    "words such as {A: {indicator: …, api: …}}",
                    "",
                    "etl: {A: {indicator: A, api: https://a.org}}",
                    "the pulls, each into the table of its key; has to be said",
                ]),
                word(["schedule", "a schedule", "", "schedule: daily 06:00", "when the daemon pulls them"]),
                word(["catch_up", "true or false", "true", "catch_up: false", "as above"]),
            ],
        },
        Level {
            above: "an entry of etl",
            words: &[
                word(["indicator", TEXT, "", "indicator: A", "the resource of OData behind api; has to be said"]),
                word(["api", "an address", "", "api: https://a.org", "the address of the service; has to be said"]),
                word([
                    "transform",
                    "words such as {columns: {Id: id}}",
                    "every column",
                    "transform: {columns: {Id: id}}",
                    "the columns that are loaded",
                ]),
                word([
                    "destination",
                    "words such as {postgres: {url: !NAME}}",
                    "the project's own",
                    "destination: {postgres: {url: !NAME}}",
                    "the database that the rows go to",
                ]),
            ],
        },
        Level {
            above: "transform",
            words: &[word([
                "columns",
                "names with new names, such as {Id: id}",
                "",
                "columns: {Id: id}",
                "what the source sends, and what it is called in the table",
            ])],
        },
        Level {
            above: "destination",
            words: &[word(["postgres", "words such as {url: !NAME}", "", "postgres: {url: !NAME}", "the database"])],
        },
        Level {
            above: "postgres",
            words: &[word([
                "url",
                "!NAME or an address",
                "",
                "url: !NAME",
                "its address; !NAME takes the variable NAME of the environment or .env",
            ])],
        },
    ],
    example: "name: WHO with run and etl, each on a line of its own",
};

#[cfg(test)]
mod tests {
    use super::OLDER;
    use crate::dataset::plugin::older::{EtlYaml, OlderYaml, ServerYaml, TransformYaml, UrlYaml};
    use crate::text::yaml_fault::same_words;

    #[test]
    fn the_reference_has_the_words_of_the_reader() {
        same_words::<OlderYaml>(&OLDER.levels[0]);
        same_words::<EtlYaml>(&OLDER.levels[1]);
        same_words::<TransformYaml>(&OLDER.levels[2]);
        same_words::<ServerYaml>(&OLDER.levels[3]);
        same_words::<UrlYaml>(&OLDER.levels[4]);
    }
}
