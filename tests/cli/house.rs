//! The house as ARCHITECTURE.md lists it: which folder may know which, where files stand, how long lines are, what the prose names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Outcome, Workdir, cases, same};

/// Signs of a line at most. A row of a table in Markdown is one line however long, and so is an address.
const WIDTH: usize = 140;

cases! {
    alone:
        arrows_point_down,
        every_folder_is_listed,
        the_prose_names_what_is_there,
        lines_are_short,
        engines_are_told_apart_where_they_live,
        crates_stay_in_their_rooms;
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file with this ending below a folder of the project, by its path from the project's folder.
fn files(folder: &str, ending: &str) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|one| one == ending) {
                found.insert(path.strip_prefix(root())?.to_owned(), fs::read_to_string(&path)?);
            }
        }
    }
    Ok(found)
}

/// The rooms of `src/`, the highest first, as ARCHITECTURE.md lists them.
fn rooms() -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md"))?;
    let list = text.split("## The house").nth(1).and_then(|rest| rest.split("```").nth(1)).unwrap_or_default();
    let name =
        |line: &str| Some(line.split_whitespace().next()?.trim_end_matches('/').trim_end_matches(".rs").to_owned());
    Ok(list.lines().filter_map(name).collect())
}

/// The room that a file of `src/` stands in.
fn room(path: &Path) -> String {
    let first = path.components().nth(1).map(|one| one.as_os_str().to_string_lossy().into_owned());
    first.unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// The rooms that a text names: `crate::x::..` and `use crate::{x, y::z}`, comments left out.
fn named(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let inner = rest.strip_prefix('{').and_then(|list| list.split_once("};")).map(|(list, _)| list);
        let (mut depth, mut paths) = (0, vec![String::new()]);
        for sign in inner.unwrap_or(rest).chars() {
            match sign {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 && inner.is_some() => paths.push(String::new()),
                _ if depth == 0 => paths.iter_mut().last().into_iter().for_each(|path| path.push(sign)),
                _ => {}
            }
            if inner.is_none() && !(sign.is_alphanumeric() || sign == '_') {
                break;
            }
        }
        let first = |path: &String| {
            path.trim().split(|sign: char| !(sign.is_alphanumeric() || sign == '_')).next().map(str::to_owned)
        };
        found.extend(paths.iter().filter_map(first).filter(|name| !name.is_empty()));
    }
    found
}

async fn arrows_point_down(_: Workdir) -> Outcome {
    same(
        named("use crate::a::B;\nuse crate::{c, d::{E, F}};\n// crate::g\nlet x = crate::h::i();"),
        ["a", "c", "d", "h"].map(str::to_owned).into(),
    )?;
    let rooms = rooms()?;
    let height: BTreeMap<_, _> = rooms.iter().rev().enumerate().map(|(height, room)| (room.as_str(), height)).collect();
    let mut wrong = Vec::new();
    for (path, text) in files("src", "rs")? {
        let from = room(&path);
        for to in named(&text).iter().filter(|to| **to != from && height.contains_key(to.as_str())) {
            if height.get(from.as_str()).is_some_and(|from| *from < height[to.as_str()]) {
                wrong.push(format!("{}: {from} -> {to} goes up", path.display()));
            }
        }
    }
    same(wrong, Vec::<String>::new())
}

async fn every_folder_is_listed(_: Workdir) -> Outcome {
    let there: BTreeSet<_> =
        files("src", "rs")?.keys().map(|path| room(path)).filter(|room| room != "main" && room != "lib").collect();
    same(there, rooms()?.into_iter().collect())?;
    let alone: Vec<_> = files("src", "rs")?.into_keys().filter(|path| path.components().count() == 2).collect();
    same(alone, ["src/app.rs", "src/lib.rs", "src/main.rs"].map(PathBuf::from).to_vec())?;
    let double = |path: &PathBuf| path.with_extension("").is_dir();
    same(files("src", "rs")?.into_keys().filter(double).collect::<Vec<_>>(), Vec::<PathBuf>::new())
}

/// The prose of the project.
fn prose() -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut all = files("docs", "md")?;
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "benches/README.md"]
    {
        all.insert(name.into(), fs::read_to_string(root().join(name))?);
    }
    Ok(all)
}

/// A path in backquotes that begins with a folder of the project, or with a room of `src/`, has to be there.
async fn the_prose_names_what_is_there(_: Workdir) -> Outcome {
    let rooms = rooms()?;
    let mut wrong = Vec::new();
    for (file, text) in prose()?.into_iter().filter(|(file, _)| !file.ends_with("CHANGELOG.md")) {
        for word in text.split('`').skip(1).step_by(2) {
            let is_path =
                word.contains('/') && word.chars().all(|sign| sign.is_ascii_alphanumeric() || "/._-".contains(sign));
            let first = word.split('/').next().unwrap_or_default();
            let ours = ["src", "tests", "docs", "benches", "models", "fuzz", "scripts", "examples", "samples"]
                .contains(&first);
            let is_room = file.ends_with("ARCHITECTURE.md") && rooms.iter().any(|room| room == first);
            if is_path && (ours || is_room) && !root().join(word).exists() && !root().join("src").join(word).exists() {
                wrong.push(format!("{}: {word}", file.display()));
            }
        }
    }
    same(wrong, Vec::<String>::new())
}

async fn lines_are_short(_: Workdir) -> Outcome {
    let mut all = prose()?;
    for folder in ["src", "tests", "benches", "models/src"] {
        all.extend(files(folder, "rs")?);
    }
    // Rows of tables, and records of JSON in raw strings, are one line each.
    let is_row = |line: &str| ["|", "r#\""].iter().any(|mark| line.trim_start().starts_with(mark));
    let is_long = |line: &&str| line.chars().count() > WIDTH && !is_row(line) && !line.contains("https://");
    let long: Vec<_> = all
        .iter()
        .map(|(file, text)| (file.display().to_string(), text.lines().filter(is_long).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    same(long, Vec::<(String, usize)>::new())
}

async fn engines_are_told_apart_where_they_live(_: Workdir) -> Outcome {
    let of_engines = |path: &PathBuf| ["sql", "warehouse"].contains(&room(path).as_str());
    let asks = |line: &&str| line.contains("Engine::Postgres") || line.contains("Engine::Sqlite");
    let asking: Vec<_> = files("src", "rs")?
        .iter()
        .filter(|(path, text)| !of_engines(path) && text.lines().any(|line| asks(&line)))
        .map(|(path, _)| path.display().to_string())
        .collect();
    same(asking, Vec::<String>::new())
}

/// Which rooms may name a crate that reaches outside.
async fn crates_stay_in_their_rooms(_: Workdir) -> Outcome {
    let mut wrong = Vec::new();
    for (path, text) in files("src", "rs")? {
        let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        for (name, allowed) in [
            ("sqlx::", &["warehouse"][..]),
            ("models::", &["catalog", "warehouse", "sql"]),
            ("calamine::", &["format", "export"]),
            ("parquet::", &["format", "export"]),
            ("rust_xlsxwriter::", &["export"]),
            ("object_store::", &["archive"]),
            ("lettre::", &["alert"]),
            ("ureq::", &["alert"]),
            ("axum::", &["http"]),
            ("hyper::", &["http"]),
            ("croner::", &["clock"]),
            ("chrono_tz::", &["clock"]),
        ] {
            let names = code.match_indices(name).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                !before.is_some_and(|sign| sign.is_alphanumeric() || sign == '_' || sign == ':')
            });
            if names && !allowed.contains(&room(&path).as_str()) {
                wrong.push(format!("{} names {name}", path.display()));
            }
        }
    }
    same(wrong, Vec::<String>::new())
}
