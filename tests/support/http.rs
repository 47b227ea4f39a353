//! A client that says exactly what a test wants, byte by byte.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value as Json;

use super::process::Daemon;
use super::{TestDatabase, Workdir};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> anyhow::Result<Json> {
        serde_json::from_str(&self.body).with_context(|| format!("{self:?}"))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

/// A client of a server on this port of this machine.
#[derive(Clone, Copy)]
pub struct Client {
    pub port: u16,
}

/// A daemon that answers HTTP.
pub struct Served {
    pub daemon: Daemon,
    pub client: Client,
}

impl std::ops::Deref for Served {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Served {
    pub fn start(workdir: &Workdir, database: &TestDatabase, settings: &[(&str, &str)]) -> anyhow::Result<Served> {
        Served::start_with(workdir, database, &[], settings)
    }

    pub fn start_with(
        workdir: &Workdir,
        database: &TestDatabase,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Served> {
        let own = [("DATABASE_URL", database.url.as_str()), ("HTTP_ADDR", "127.0.0.1:0")];
        let settings: Vec<_> = own.into_iter().chain(settings.iter().copied()).collect();
        let mut daemon = Daemon::start(workdir, arguments, &settings)?;
        let line = daemon.wait_for(&["answering http://"])?;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).context("no address")?;
        let port = address.rsplit(':').next().context("no port")?.parse()?;
        daemon.wait_for(&["watching imports"])?;
        Ok(Served { daemon, client: Client { port } })
    }
}

impl Client {
    /// Asks for a path without a body.
    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.call("GET", path, &[], b"")
    }

    /// Pushes a file.
    pub fn push(&self, name: &str, body: impl AsRef<[u8]>) -> anyhow::Result<Answer> {
        self.call("PUT", &format!("/imports/{name}"), &[], body.as_ref())
    }

    /// A request with these headers; Host and Content-Length are added where they are not among them.
    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> anyhow::Result<Answer> {
        let mut stream = self.begin(method, path, headers, body.len())?;
        // A server that refuses by the head may not read the body.
        let _ = stream.write_all(body);
        end(stream)
    }

    /// A request whose body is to follow.
    pub fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        length: usize,
    ) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let has = |name: &str| headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !has("host") {
            head += &format!("host: 127.0.0.1:{}\r\n", self.port);
        }
        if !has("content-length") && (length > 0 || !matches!(method, "GET" | "HEAD")) {
            head += &format!("content-length: {length}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        Ok(stream)
    }
}

/// Reads an answer to its end.
pub fn end(mut stream: TcpStream) -> anyhow::Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no answer: {text:?}"))?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
