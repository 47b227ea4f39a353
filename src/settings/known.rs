//! The list of all settings.

/// A setting: its name, its default as text, its purpose.
pub struct Known {
    /// Name of the variable.
    pub name: &'static str,
    /// Default as text.
    pub default: &'static str,
    /// The values that it takes, in words.
    pub values: &'static str,
    /// Purpose in one line for people.
    pub about: &'static str,
}

/// All settings, in the order of `.env.example`.
pub const KNOWN: [Known; 37] = [
    Known {
        name: "DATABASE_URL",
        default: "sqlite://data/warehouse.db",
        values: "sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE",
        about: "where the warehouse is; DB_STRING is understood too",
    },
    Known {
        name: "DATABASE_PASSWORD",
        default: "",
        values: "a text",
        about: "the password, where DATABASE_URL has none; any signs may be in it; PGPASSWORD is understood too",
    },
    Known {
        name: "DATABASE_CONNECTIONS",
        default: "8",
        values: "a whole number from 6",
        about: "connections to PostgreSQL at once, at most: four loads, a run and what they ask need 6",
    },
    Known {
        name: "STAGING_SCHEMA",
        default: "staging",
        values: "up to 40 small letters, digits and _",
        about: "the schema that files are loaded into",
    },
    Known {
        name: "DW_SCHEMA",
        default: "datawarehouse",
        values: "up to 40 small letters, digits and _",
        about: "the schema of the star and its views",
    },
    Known {
        name: "INIT_DB",
        default: "true",
        values: "true or false",
        about: "make folders, schemas and catalog; false: only say what is missing",
    },
    Known {
        name: "DEV",
        default: "false",
        values: "true or false",
        about: "drop staging, datawarehouse and catalog when the daemon or --once starts",
    },
    Known { name: "IMPORTS_DIR", default: "imports", values: "a folder", about: "the folder that is watched" },
    Known { name: "EXPORTS_DIR", default: "exports", values: "a folder", about: "what goes out: results, rejects" },
    Known { name: "LOGS_DIR", default: "logs", values: "a folder", about: "JSON logs" },
    Known { name: "SQL_DIR", default: "sql", values: "a folder", about: "holds pipeline/*.sql and analysis/*.sql" },
    Known {
        name: "PLUGINS_DIR",
        default: "plugins",
        values: "a folder",
        about: "holds <name>/plugin.yaml: how files are read and shaped",
    },
    Known {
        name: "SETTLE_SECONDS",
        default: "4",
        values: "0 to 3600, fractions too",
        about: "how long a file that is not known to be whole must be quiet before it is taken",
    },
    Known {
        name: "POLL",
        default: "false",
        values: "true or false",
        about: "look every second instead of waiting for events, for mounts that send none",
    },
    Known {
        name: "ARCHIVE_MAX_MEMBERS",
        default: "1000",
        values: "a whole number",
        about: "members of an archive and sheets of a workbook, together",
    },
    Known {
        name: "ARCHIVE_MAX_BYTES",
        default: "10737418240",
        values: "a whole number",
        about: "bytes that may come out of one file, all its parts together",
    },
    Known {
        name: "ARCHIVE_MAX_RATIO",
        default: "1000",
        values: "a whole number from 1",
        about: "bytes that may come out for one byte in",
    },
    Known {
        name: "STALE_AFTER",
        default: "30m",
        values: "a time such as 90s, 30m or 2h",
        about: "how long a file may wait before an alert: 90s, 30m, 2h",
    },
    Known {
        name: "ALERT_WEBHOOK",
        default: "",
        values: "http://... or https://...",
        about: "the address that alerts are posted to, as JSON",
    },
    Known {
        name: "ALERT_SMTP_URL",
        default: "",
        values: "smtp://HOST or smtps://USER:PASSWORD@HOST",
        about: "the server that alerts are mailed by: smtps://user:password@host or smtp://host",
    },
    Known { name: "ALERT_FROM", default: "", values: "a mail address", about: "whom these mails are from" },
    Known {
        name: "ALERT_TO",
        default: "",
        values: "mail addresses, separated by commas",
        about: "whom they are to, separated by commas",
    },
    Known {
        name: "LOG_KEEP_DAYS",
        default: "14",
        values: "a whole number from 1",
        about: "how many days' files stay in logs/",
    },
    Known {
        name: "LOG_MAX_BYTES",
        default: "100MB",
        values: "a size such as 10MB or 1GB",
        about: "how large a file in logs/ grows: 10MB, 1GB",
    },
    Known {
        name: "DECODER_MEMORY",
        default: "2147483648",
        values: "a whole number from 67108864",
        about: "bytes of memory that the reader of a workbook or Parquet file may take",
    },
    Known {
        name: "DECODER_SECONDS",
        default: "900",
        values: "a whole number from 1",
        about: "seconds of processor time that the reader of a workbook or Parquet file may take",
    },
    Known {
        name: "PIPELINE",
        default: "manual",
        values: "manual or on_load",
        about: "when the star is brought up to date: manual (app --pipeline), or on_load: by the daemon after loads, close ones together",
    },
    Known {
        name: "SCHEDULE_PIPELINE",
        default: "",
        values: "hourly, daily 06:00, every 15m or words of cron, and a time zone",
        about: "when the daemon runs app --pipeline: hourly, daily 06:00 Europe/Zurich, every 15m, 0 6 * * 1-5",
    },
    Known {
        name: "SCHEDULE_ANALYSIS",
        default: "",
        values: "as SCHEDULE_PIPELINE",
        about: "when the daemon runs app --analysis, in the same words",
    },
    Known {
        name: "ON_SUCCESS",
        default: "delete",
        values: "delete, archive or keep N days",
        about: "what becomes of a file that was loaded: delete, archive, or keep N days",
    },
    Known {
        name: "ARCHIVE",
        default: "archive",
        values: "a folder or s3://BUCKET/PREFIX",
        about: "where loaded files are kept: a folder, or s3://bucket/prefix",
    },
    Known {
        name: "HTTP_ADDR",
        default: "",
        values: "an address with a port",
        about: "where the daemon answers HTTP, such as 127.0.0.1:5000; off where it is not set",
    },
    Known {
        name: "HTTP_HOSTS",
        default: "",
        values: "names, separated by commas",
        about: "the names by which it is called from elsewhere: a request for another name is refused",
    },
    Known {
        name: "HTTP_MAX_UPLOAD",
        default: "10GB",
        values: "a size such as 100MB or 10GB",
        about: "how large an uploaded file may be: 100MB, 10GB",
    },
    Known {
        name: "API_TOKENS",
        default: "",
        values: "name:scope:sha256, separated by commas",
        about: "who may call it: what app token new prints, separated by commas",
    },
    Known { name: "DEBUG_LOGS", default: "false", values: "true or false", about: "log more" },
    Known { name: "ECHO_SQL", default: "false", values: "true or false", about: "log every SQL statement" },
];
