//! Files for one engine: `name.sqlite.sql` or `name.postgres.sql` beside `name.sql` overrules it there.

use std::path::{Path, PathBuf};

use super::super::Engine;

/// The word for an engine in a file's name.
fn engine_word(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "postgres",
        Engine::Sqlite => "sqlite",
    }
}

/// The only engine of a file: `dim_title.sqlite.sql` is for SQLite, `dim_title.sql` for both (`None`).
pub fn overrules(path: &Path) -> Option<Engine> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".sql")?;
    [Engine::Postgres, Engine::Sqlite].into_iter().find(|engine| {
        stem.strip_suffix(engine_word(*engine)).is_some_and(|name| name.len() > 1 && name.ends_with('.'))
    })
}

/// The path of the file that overrules this one on an engine, even if there is none: `dim_title.sqlite.sql` for
/// `dim_title.sql`.
pub fn overruled_by(path: &Path, engine: Engine) -> PathBuf {
    path.with_extension(format!("{}.sql", engine_word(engine)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_for_one_engine_is_known_by_its_name() {
        for (name, engine) in [
            ("sql/pipeline/dim_title.sql", None),
            ("sql/pipeline/dim_title.sqlite.sql", Some(Engine::Sqlite)),
            ("dim_title.postgres.sql", Some(Engine::Postgres)),
            ("sqlite.sql", None),
            (".sqlite.sql", None),
            ("dim_title.mysql.sql", None),
            ("dim_sqlite.sql", None),
            ("dim_title.sqlite.txt", None),
        ] {
            assert_eq!(overrules(Path::new(name)), engine, "{name}");
        }
        assert_eq!(overruled_by(Path::new("a/x.sql"), Engine::Sqlite), Path::new("a/x.sqlite.sql"));
    }
}
