//! What is wrong is said in the words of whoever wrote it: no parser's, none twice, and the nearest right word where there is one.

use std::fs;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, Workdir, cases, holds, same};

cases! {
    alone:
        a_wrong_plugin_is_told_in_words,
        a_wrong_header_is_told_in_words,
        a_file_that_is_cut_off_is_said_to_be_so,
        a_folder_that_cannot_be_read_is_no_empty_one;
}

/// Words of programmers that nobody should read.
const RAW: [&str; 16] = [
    "unknown variant",
    "unknown field",
    "missing field",
    "deserialize",
    "untagged",
    "Option<",
    "Expected:",
    "EOF",
    "Policy",
    "invalid type",
    "enum",
    "EOCD",
    "serde",
    "scalar",
    "error parsing",
    "sequence",
];

fn is_in_words(text: &str) -> Outcome {
    match RAW.into_iter().find(|raw| text.contains(raw)) {
        Some(raw) => Err(anyhow::anyhow!("{raw:?} is in: {text}")),
        None => Ok(()),
    }
}

async fn a_wrong_plugin_is_told_in_words(workdir: Workdir) -> Outcome {
    workdir.write("a.csv", "id,name,price\n1,a,2.5\n")?;
    let above = "name: p\nfiles: [a.csv]\n";
    for (yaml, expected) in [
        ("mode: upsrt", ":3: mode: upsrt is none of append, replace, upsert; did you mean upsert?"),
        ("mode:", ":3: mode takes one of append, replace, upsert"),
        ("duplicates: lod", "duplicates: lod is none of skip, load; did you mean load?"),
        ("duplicates: [a]", "duplicates takes one of skip, load"),
        ("filter: price >", "filter: price >: something is missing at its end"),
        ("filter: \"\"", "filter: it has no condition, such as"),
        ("filter: \"name = 'x\"", "is opened by ' and never closed"),
        ("filter: price = = 3", "filter: price = = 3: this cannot be read at = 3"),
        ("filter: [a]", "filter takes a condition, such as price > 5"),
        ("skip_lines: -1", "skip_lines takes a number from 0 on"),
        ("skip_lines: x", "skip_lines takes a number from 0 on"),
        ("widths: [a]", "widths takes a list of numbers"),
        ("header: maybe", "header takes true, false or a number of rows"),
        ("on_success: {arch: x}", "on_success takes delete, archive, keep N days or {archive: FOLDER}"),
        ("on_success: [x]", "on_success takes delete"),
        ("columns: [id]", "columns takes a list of columns, such as [{from: Price"),
        ("columns: {from: id}", ":3: "),
        ("columns:\n  - {from: {a: b}, name: x}", ":4: from takes a header, several in a list, or a place"),
        ("columns:\n  - {name: x}", ":4: columns lacks from: it takes a list of columns"),
        ("columns:\n  - {from: id, typ: x}", ":4: unknown word typ; did you mean type?"),
        ("columns:\n  - {from: id, key: maybe}", ":4: key takes true or false"),
        ("columns:\n  - from: id\n    key: [a]", ":5: key takes true or false"),
        ("columns:\n  - {from: id, type: integer}", "no type integer; the types are bigint, numeric"),
        ("key: id", "key takes a list of columns"),
        ("null: {a: b}", "null takes a word or a list of words"),
        ("enabled: perhaps", "enabled takes true or false"),
        ("encoding: {a: b}", "encoding takes a text"),
        ("typo: bar", "unknown word typo; the words here are name, creator"),
        ("from: a", "unknown word from; it stands beneath paginate or an entry of columns"),
        ("name: q", ":3: name stands here twice"),
        ("key: [a", "this is no YAML: unclosed bracket"),
        ("table: *x", "* has a meaning of its own in YAML: put the value in quotes"),
        ("\ttable: x", "YAML is indented with blanks, and this line with a tab"),
    ] {
        workdir.plugin("p", &format!("{above}{yaml}\n"))?;
        let said = stderr(&app(&workdir, &["check", "a.csv"], &[])?);
        holds(&said, "error: plugins/p/plugin.yaml:")?;
        holds(&said, expected)?;
        is_in_words(&said)?;
    }
    for (yaml, expected) in [
        ("", "nothing stands in it; such as name: orders"),
        ("hello", "words with values are expected; such as name: orders"),
        ("files: [a.csv]", "name is missing; such as name: orders"),
        ("name: p", "files is missing; such as name: orders"),
        ("name:\nfiles: [a.csv]", ":1: name takes a text"),
        ("name: p\nfiles: a.csv", ":2: files takes a list of names with * and ?"),
        ("name: p\nfiles: [\"[a\"]", "files: \"[a\": a [ is never closed"),
        ("name: p\nfiles: [*.csv]", "* has a meaning of its own in YAML: put the value in quotes"),
        ("- name: p", ""),
        ("name: p: q\nfiles: [a.csv]", ""),
        ("name: \"p\nfiles: [a.csv]", "a \" is opened and never closed"),
        ("---\nname: p\nfiles: [a.csv]\n---\nname: q", "--- begins another text"),
    ] {
        workdir.plugin("p", &format!("{yaml}\n"))?;
        let said = stderr(&app(&workdir, &["check", "a.csv"], &[])?);
        holds(&said, "error: plugins/p/plugin.yaml:")?;
        holds(&said, expected)?;
        is_in_words(&said)?;
    }
    Ok(())
}

async fn a_wrong_header_is_told_in_words(workdir: Workdir) -> Outcome {
    for (header, expected) in [
        ("kind: fcat\ngrain: id", "kind: fcat is none of dimension, fact"),
        ("kind:", "kind takes one of dimension, fact"),
        ("kind: [fact]", "kind takes one of dimension, fact"),
        ("kind: {fact: x}", "kind takes one of dimension, fact"),
        ("kind: fact\ngrain: {a: b}", "grain takes a column or a list of them"),
        ("kind: fact\ngrain: [[a]]", "grain takes a column or a list of them"),
        ("kind: dimension\nkey: id\nat: [a]", "at takes the name of a column"),
        ("kind: dimension\nkey: id\nunknown: [a]", "unknown takes columns with values"),
        ("kind: dimension\nkey: id\nunknown: {a: [b]}", "unknown takes columns with values"),
        ("kind: dimension\nkey: id\ngone: kep", "gone: kep is none of close, keep; did you mean keep?"),
        ("kind: fact\ngrain: id\ndimensions: {city: [a]}", "dimensions takes columns with their dimensions"),
        ("kind: fact\ngrain: id\ndimensions: {city: {role: a}}", "lacks dimension"),
        (
            "kind: fact\ngrain: id\ndimensions: {city: {dimension: c, missing: x}}",
            "missing: x is none of unknown, infer",
        ),
        ("kind: fact\ngrain: id\nchecks: [a]", "checks takes what must hold"),
        ("kind: fact\ngrain: id\nchecks: {range: {a: [1]}}", "range takes columns with the lowest"),
        ("kind: fact\ngrain: id\nchecks: {range: {a: 1}}", "range takes columns with the lowest"),
        ("kind: fact\ngrain: id\nchecks: {accepted: {a: b}}", "accepted takes columns with lists"),
        ("kind: fact\ngrain: id\nchecks: {severity: wrn}", "severity: wrn is none of error, warn; did you mean warn?"),
        ("kind: calendar\nfrom: 2020\nto: 2021-01-01", "from takes a day, such as 2024-01-31"),
        ("kind: table\ndistinct: perhaps", "distinct takes true or false"),
        ("kind: table\nunpivot: [a]", "unpivot takes two words"),
        ("kind: table\ncoloms: [a]", "unknown word coloms"),
        ("grain: id", "kind is missing"),
        ("hello", "words with values are expected"),
    ] {
        workdir.write("sql/pipeline/fact_x.sql", format!("/*\n{header}\n*/\nselect 1 as id\n"))?;
        let output = app(&workdir, &["check", "sql"], &[])?;
        let said = stdout(&output) + &stderr(&output);
        same((header, output.status.code()), (header, Some(1)))?;
        holds(&said, expected)?;
        is_in_words(&said)?;
    }
    fs::remove_file(workdir.path("sql/pipeline/fact_x.sql"))?;
    for (header, expected) in [
        ("title: [a]", "title takes a text"),
        ("title:\nchart: brr", "did you mean bar?"),
        ("chart: {x: a}", "chart lacks type"),
        ("chart: {type: [a]}", "type takes one of bar"),
        ("exports: csv", "exports takes a list of formats"),
        ("exports: [cvs]", "did you mean csv?"),
        ("exports: [[csv]]", "exports takes a list of formats"),
    ] {
        workdir.write("sql/analysis/x.sql", format!("/*\n{header}\n*/\nselect 1 as id\n"))?;
        let output = app(&workdir, &["check", "sql"], &[])?;
        let said = stdout(&output) + &stderr(&output);
        same((header, output.status.code()), (header, Some(1)))?;
        holds(&said, expected)?;
        is_in_words(&said)?;
    }
    Ok(())
}

async fn a_file_that_is_cut_off_is_said_to_be_so(workdir: Workdir) -> Outcome {
    // The beginning of an archive with one member.
    let cut = b"PK\x03\x04\x14\0\0\0\x08\0\0\0!\0\x11\x11\x11\x11\x05\0\0\0\x05\0\0\0\x05\0\0\0a.csvid";
    for (name, bytes, expected) in [
        ("a.xlsx", &cut[..], "the workbook is damaged or cut off, or is no Excel file: its end is not there"),
        ("A.XLSM", &cut[..], "the workbook is damaged or cut off, or is no Excel file"),
        ("a.ods", &cut[..], "the workbook is damaged or cut off"),
        (
            "a.zip",
            &cut[..],
            "the archive is damaged or cut off, or is no zip archive: its end is not there; copy it again",
        ),
        ("b.zip", b"id,name\n1,a\n", "it is called .zip and is no zip archive"),
    ] {
        workdir.write(name, bytes)?;
        let output = app(&workdir, &["check", name], &[])?;
        same((name, output.status.code()), (name, Some(1)))?;
        holds(&stderr(&output), expected)?;
        is_in_words(&stderr(&output))?;
    }
    Ok(())
}

async fn a_folder_that_cannot_be_read_is_no_empty_one(workdir: Workdir) -> Outcome {
    workdir.write("sql/analysis/x.sql", "select 1 as id\n")?;
    fs::remove_dir(workdir.path("sql/pipeline"))?;
    workdir.write("sql/pipeline", "a file")?;
    let output = app(&workdir, &["check", "sql"], &[])?;
    same(output.status.code(), Some(1))?;
    holds(&(stdout(&output) + &stderr(&output)), "sql/pipeline:1: Not a directory")
}
