# What there is to run. `just` alone lists it.

# Lists these
default:
    @just --list

# The daemon, on SQLite in data/
run *arguments:
    cargo run --release --locked -- {{arguments}}

# The whole way on the sample, in a temporary folder
demo:
    cargo run --release --locked -- demo

# Every test on both engines; with a word, those whose name has it
test *words:
    scripts/test {{words}}

# What must pass before a change lands
gate:
    .ci/run

# Format
fmt:
    cargo fmt --all

# Lints, warnings as errors
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# What goes wrong in the world, done to the program: --list, --only NAME, --long, --soak 30m
faults *arguments:
    scripts/test-faults {{arguments}}

# Beside \copy, sqlite3 .import and DuckDB: load, memory, check, small, idle, upsert, star
bench *arguments:
    scripts/bench {{arguments}}

# Licences, sources, one TLS, known faults
audit *arguments:
    scripts/audit {{arguments}}

# What the corpus reads now, written as what is expected: look at what changed
golden:
    UPDATE_GOLDEN=1 cargo test --test it -- corpus::

# Fuzz a target: csv, json, container, workbook
fuzz target="csv":
    mkdir -p fuzz/corpus/{{target}}
    cargo +nightly fuzz run {{target}} fuzz/corpus/{{target}} fuzz/seeds/{{target}} -- -max_len=4096 -timeout=20 -rss_limit_mb=2048

# Sluice with PostgreSQL, in containers
up:
    docker-compose up -d --build
