//! A web server and a mail server of a case's own, on a port of this machine: what alerts arrive at.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server and what it was sent.
pub struct Server<T> {
    pub port: u16,
    received: Receiver<T>,
}

impl<T: Send + 'static> Server<T> {
    fn start(talk: impl Fn(TcpStream, &Sender<T>) -> anyhow::Result<()> + Send + 'static) -> anyhow::Result<Server<T>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (sender, received) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who breaks off has its own reasons.
                let _ = talk(stream, &sender);
            }
        });
        Ok(Server { port, received })
    }

    /// What it was sent next.
    pub fn next(&self) -> anyhow::Result<T> {
        self.received.recv_timeout(PATIENCE).context("nothing was sent")
    }

    /// Whether it was sent nothing else.
    pub fn is_quiet(&self) -> bool {
        self.received.try_recv().is_err()
    }
}

/// Takes every POST of JSON.
pub fn webhook() -> anyhow::Result<Server<Value>> {
    Server::start(|stream, sender| {
        let mut reader = BufReader::new(&stream);
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line)?;
        let is_post = line.starts_with("POST ");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line)?;
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let answer = if is_post { "204 No Content" } else { "405 Method Not Allowed" };
        write!(&stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        Ok(sender.send(serde_json::from_slice(&body)?)?)
    })
}

/// Answers each connection with the next of these, byte for byte, and closes it; with the last one again and again.
pub fn answers(all: Vec<String>) -> anyhow::Result<Server<()>> {
    let number = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |stream, sender| {
        let mut lines = BufReader::new(&stream).lines();
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let at = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed).min(all.len() - 1);
        (&stream).write_all(all[at].as_bytes())?;
        Ok(sender.send(())?)
    })
}

/// Listens and never answers.
pub fn silent() -> anyhow::Result<Server<()>> {
    let held = std::sync::Mutex::new(Vec::new());
    Server::start(move |stream, sender| {
        held.lock().unwrap().push(stream);
        Ok(sender.send(())?)
    })
}

/// Takes every mail from whoever gives this word, as AUTH PLAIN has it, and repeats it in its answer when it does not.
pub fn mail(word: &'static str) -> anyhow::Result<Server<String>> {
    Server::start(move |stream, sender| {
        write!(&stream, "220 ready\r\n")?;
        let (mut mail, mut is_text) = (String::new(), false);
        for line in BufReader::new(&stream).lines() {
            let line = line?;
            mail += &format!("{line}\n");
            let answer = match line.split(' ').next().unwrap_or_default() {
                "." => {
                    is_text = false;
                    sender.send(std::mem::take(&mut mail))?;
                    "250 taken"
                }
                _ if is_text => continue,
                "EHLO" => "250-here\r\n250 AUTH PLAIN",
                "AUTH" if line.ends_with(word) => "235 welcome",
                "AUTH" => &format!("535 not understood: {line}"),
                "DATA" => {
                    is_text = true;
                    "354 go on"
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            write!(&stream, "{answer}\r\n")?;
        }
        Ok(())
    })
}
