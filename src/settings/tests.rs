//! Settings out of lists of names and values: their origins, refused ones, hidden ones.

use super::*;

fn settings(environment: &[(&str, &str)], dotenv: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let owned = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    Settings::from_pairs(owned(environment), owned(dotenv))
}

#[test]
fn the_environment_goes_before_dotenv_and_dotenv_before_the_default() {
    let read = settings(&[("dev", "YES"), ("SETTLE_SECONDS", "0.5")], &[("DEV", "no"), ("imports_dir", "in")]).unwrap();
    assert!(read.database.dev);
    assert_eq!(read.folders.imports_dir, Path::new("in"));
    assert_eq!(read.folders.exports_dir, Path::new("exports"));
    assert_eq!(read.database.database_url, "sqlite://data/warehouse.db");
    assert!((read.watching.settle_seconds - 0.5).abs() < f64::EPSILON);
}

#[test]
fn db_string_is_understood_and_database_url_goes_before_it() {
    assert_eq!(settings(&[("DB_STRING", "sqlite://a")], &[]).unwrap().database.database_url, "sqlite://a");
    let both = settings(&[("DB_STRING", "sqlite://a"), ("DATABASE_URL", "sqlite://b")], &[]).unwrap();
    assert_eq!(both.database.database_url, "sqlite://b");
}

#[test]
fn an_error_names_the_variable() {
    for (name, value, expected) in [
        ("DEV", "maybe", "DEV: \"maybe\" (from environment) is not true, false, 1, 0, yes or no"),
        ("POLL", "2", "POLL: \"2\""),
        ("SETTLE_SECONDS", "soon", "SETTLE_SECONDS: \"soon\" (from environment) is not a number"),
        ("SETTLE_SECONDS", "-1", "SETTLE_SECONDS: -1 is not between"),
        ("STALE_AFTER", "30", "STALE_AFTER: \"30\" (from environment) is not a time such as 90s, 30m or 2h"),
        ("LOG_MAX_BYTES", "much", "LOG_MAX_BYTES: \"much\" (from environment) is not a size such as 10MB or 1GB"),
        ("LOG_KEEP_DAYS", "0", "LOG_KEEP_DAYS and LOG_MAX_BYTES: 0 would keep nothing"),
        ("STAGING_SCHEMA", "a\"b", "STAGING_SCHEMA"),
        ("SCHEDULE_PIPELINE", "dayly", "SCHEDULE_PIPELINE: \"dayly\" is no schedule: use hourly, daily 06:00"),
        (
            "SCHEDULE_ANALYSIS",
            "0 0 30 2 *",
            "SCHEDULE_ANALYSIS: \"0 0 30 2 *\" is no schedule (no day is ever like that)",
        ),
        ("STAGING_SCHEMA", "datawarehouse", "must be two schemas"),
    ] {
        let error = settings(&[(name, value)], &[]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_schedule_is_in_its_own_zone_or_in_that_of_tz() {
    let read = |more: &[(&str, &str)]| {
        let schedules = settings(more, &[]).and_then(|read| read.schedules());
        schedules
            .map(|all| all.iter().map(|(name, schedule)| format!("{name}: {schedule}")).collect::<Vec<_>>().join(", "))
    };
    assert_eq!(read(&[]).unwrap(), "");
    let daily = ("SCHEDULE_PIPELINE", "daily 06:00");
    assert_eq!(
        read(&[daily, ("SCHEDULE_ANALYSIS", "every 1h")]).unwrap(),
        "pipeline: daily 06:00 UTC, analysis: every 1h"
    );
    assert_eq!(read(&[daily, ("TZ", ":Europe/Zurich")]).unwrap(), "pipeline: daily 06:00 Europe/Zurich");
    let own = ("SCHEDULE_PIPELINE", "daily 06:00 Asia/Tokyo");
    assert_eq!(read(&[own, ("TZ", "CET-1CEST")]).unwrap(), "pipeline: daily 06:00 Asia/Tokyo");
    let error = read(&[daily, ("TZ", "CET-1CEST")]).unwrap_err().to_string();
    assert!(error.starts_with("SCHEDULE_PIPELINE: TZ: no time zone is called \"CET-1CEST\""), "{error}");
}

#[test]
fn a_password_of_any_signs_is_taken_and_never_shown() {
    let signs = "/ # ? % @ : ' \\ $ ä";
    for (name, value) in [("DATABASE_PASSWORD", signs), ("PGPASSWORD", signs)] {
        let read = settings(&[("DATABASE_URL", "postgres://me@db/x"), (name, value)], &[]).unwrap();
        assert_eq!(read.address().password.as_deref(), Some(signs));
        assert!(read.listing().iter().all(|(_, shown, _)| !shown.contains(signs)));
    }
    assert_eq!(settings(&[("DATABASE_PASSWORD", "")], &[]).unwrap().address().password, None);
}

/// docker-compose passes on named variables only.
#[test]
fn docker_compose_passes_on_every_setting() {
    let compose = include_str!("../../docker-compose.yml");
    let app = compose.split("\n  db:\n").next().unwrap_or_default();
    let passes = |name: &str| app.lines().any(|line| line.trim_start().starts_with(&format!("{name}:")));
    for Known { name, .. } in &KNOWN {
        // Folders of the container are the mount points of the host's folders.
        let mounted = app.contains(&format!("- ${{{name}:-./"));
        assert!(passes(name) != mounted, "{name} is not passed on, or twice");
        assert!(mounted || passes(&format!("{name}_FILE")), "{name}_FILE is not passed on");
    }
    for name in ["TZ", "DB_STRING", "AWS_REGION", "AWS_SECRET_ACCESS_KEY_FILE", "AWS_SESSION_TOKEN"] {
        assert!(passes(name), "{name}");
    }
    assert!(!compose.contains("sluice:$"), "a password is no part of an address");
}

#[test]
fn a_misspelt_name_in_dotenv_is_an_error_with_the_right_one() {
    let error = settings(&[], &[("DATABSE_URL", "x")]).unwrap_err().to_string();
    assert_eq!(error, ".env: DATABSE_URL is no setting; did you mean DATABASE_URL?");
    assert!(settings(&[("DATABSE_URL", "x")], &[("POSTGRES_PASSWORD", "x")]).is_ok());
}

#[test]
fn a_secret_is_read_from_a_file_and_never_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "postgres://me:secret@db/x?sslpassword=secret\n").unwrap();
    let read = settings(&[("DATABASE_URL_FILE", file.path().to_str().unwrap())], &[]).unwrap();
    assert!(read.database.database_url.ends_with("sslpassword=secret"));
    let (_, shown, origin) = read.listing().swap_remove(0);
    assert_eq!(shown, "postgres://me:***@db/x");
    assert_eq!(*origin, Origin::File(file.path().to_owned()));
    assert_eq!(without_password("oracle thing"), "***");
}

#[test]
fn a_password_in_the_address_of_a_file_is_refused_unshown() {
    for address in ["sqlite://u:hunter2@db/x", "sqlite:u:hunter2@db", "sqlite:///u:hunter2@db/x.db"] {
        let why = settings(&[("DATABASE_URL", address)], &[]).err().unwrap().to_string();
        assert!(why.starts_with("DATABASE_URL: an SQLite file has no user") && !why.contains("hunter2"), "{why}");
    }
    assert!(settings(&[("DATABASE_URL", "sqlite://data/a@b:c.db")], &[]).is_ok());
}

#[test]
fn a_line_of_dotenv_that_cannot_be_read_is_numbered_and_not_shown() {
    for line in ["A=my hunter2", "A='my hunter2", "A=\"hunter2", "hunter2", "A=x'hunter2' y", "A = b hunter2"] {
        let text = format!("# first\nDEV=1\n{line}\n");
        let error = dotenvy::from_read_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
        let Err(error) = error else { continue };
        let why = of_dotenv(&error, &text);
        assert!(why.starts_with(".env:3: ") && !why.contains("hunter2"), "{why}");
    }
}

#[test]
fn a_value_in_the_place_of_a_path_is_not_shown() {
    for value in ["postgres://u:hunter2@db/x", "hunter2", "/hunter2", "./hunter2", "/a/hunter2", "/x://u:hunter2@db"] {
        let error = settings(&[("DATABASE_URL_FILE", value)], &[]).unwrap_err().to_string();
        assert!(error.starts_with("DATABASE_URL_FILE: ") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_server_elsewhere_that_need_not_speak_tls_may_see_the_password() {
    for (address, expected) in [
        ("postgres://u:p@db/x", true),
        ("postgres://u:p@db/x?sslmode=prefer", true),
        ("postgres://u:p@10.0.0.1/x?sslmode=disable", true),
        ("postgres://u:p@db/x?sslmode=require", false),
        ("postgres://u:p@db/x?sslmode=verify-full", false),
        ("postgres://u:p@localhost/x", false),
        ("postgres://u:p@127.0.0.1/x", false),
        ("postgres://u:p@[::1]/x", false),
        ("postgres:///x?host=/run/postgresql", false),
        ("postgres://u@%2Frun%2Fpostgresql/x", false),
        ("sqlite://x", false),
    ] {
        assert_eq!(may_send_in_clear(address), expected, "{address}");
    }
}

#[test]
fn no_place_lies_in_the_folder_that_is_watched_nor_that_among_results() {
    for (given, expected) in [
        (&[("DATABASE_URL", "sqlite://imports/x.db")][..], "DATABASE_URL: imports/x.db is IMPORTS_DIR"),
        (&[("DATABASE_URL", "sqlite:imports/a/../x.db?mode=rwc")], "DATABASE_URL: "),
        (&[("PLUGINS_DIR", "imports")], "PLUGINS_DIR: imports is IMPORTS_DIR"),
        (&[("PLUGINS_DIR", "imports/plugins")], "PLUGINS_DIR: imports/plugins is IMPORTS_DIR (imports) or lies in it"),
        (&[("SQL_DIR", "./imports/sql")], "SQL_DIR: "),
        (&[("ARCHIVE", "imports/kept")], "ARCHIVE: "),
        (&[("ARCHIVE", "imports")], "ARCHIVE: "),
        (&[("LOGS_DIR", "imports/failed")], "LOGS_DIR: "),
        (&[("EXPORTS_DIR", "sql/../imports/.sluice")], "EXPORTS_DIR: "),
        (&[("EXPORTS_DIR", "imports")], "EXPORTS_DIR: "),
        (
            &[("IMPORTS_DIR", ".")],
            "IMPORTS_DIR: . holds the places of EXPORTS_DIR, LOGS_DIR, SQL_DIR, PLUGINS_DIR, ARCHIVE, DATABASE_URL",
        ),
        (&[("IMPORTS_DIR", "sql/..")], "IMPORTS_DIR: "),
        (&[("IMPORTS_DIR", "data")], "DATABASE_URL: "),
        (&[("IMPORTS_DIR", "exports/in")], "IMPORTS_DIR: exports/in lies in EXPORTS_DIR (exports)"),
    ] {
        let error = settings(given, &[]).expect_err(expected).to_string();
        assert!(error.starts_with(expected) && error.contains(": choose a "), "{error}");
    }
    for given in [("IMPORTS_DIR", "imports2"), ("EXPORTS_DIR", "imports.out"), ("ARCHIVE", "s3://imports/x")] {
        assert!(settings(&[given], &[]).is_ok(), "{given:?}");
    }
    assert!(settings(&[], &[]).unwrap().may_watch(Path::new("sql")).is_err());
}

#[test]
fn a_link_into_the_folder_that_is_watched_leads_there() {
    let dir = tempfile::tempdir().unwrap();
    let within = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(dir.path().join("in")).unwrap();
    std::os::unix::fs::symlink("in", dir.path().join("link")).unwrap();
    let error = settings(&[("IMPORTS_DIR", &within("in")), ("LOGS_DIR", &within("link/logs"))], &[]).unwrap_err();
    assert!(error.to_string().starts_with("LOGS_DIR: "), "{error}");
}
