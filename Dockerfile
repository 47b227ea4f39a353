# Builds the program, and puts it alone into a small image.
FROM rust:1-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY models/Cargo.toml models/Cargo.toml
# What rarely changes is compiled first, so that a change of the program's own code does not compile it again.
RUN mkdir -p src models/src tests && echo 'fn main() {}' | tee src/main.rs tests/main.rs >/dev/null && touch src/lib.rs models/src/lib.rs \
    && cargo build --release --locked && rm -rf src models/src tests
COPY . .
RUN touch src/lib.rs src/main.rs models/src/lib.rs && cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home app \
    && mkdir -p /app/imports /app/exports /app/logs /app/data /app/sql /app/plugins /app/archive && chown -R app:app /app
COPY --from=build /build/target/release/app /usr/local/bin/app
COPY --chown=app:app sql /app/sql
USER app
WORKDIR /app
# The folders are in place, the database answers, and somebody watches imports/.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["app", "doctor", "--watched"]
ENTRYPOINT ["app"]
