//! A small object store that speaks as much of S3 as is needed, on this machine: PUT, GET with a range, HEAD, uploads in parts. It can be
//! told to refuse or to lie.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How it behaves.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Honest,
    /// Gives back one byte other than it was given.
    Lying,
    /// Gives less than it was given.
    Short,
    /// Answers nothing but 503.
    Away,
}

pub struct Store {
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

struct State {
    mood: Mood,
    objects: HashMap<String, Vec<u8>>,
    uploads: HashMap<String, Vec<(u32, Vec<u8>)>>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Store {
    pub fn start(mood: Mood) -> anyhow::Result<Store> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(Mutex::new(State { mood, objects: HashMap::new(), uploads: HashMap::new() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Ok(Store { endpoint, state })
    }

    pub fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// What it holds: each object's name, without the day in it, and content.
    pub fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let day = chrono::Utc::now().date_naive().to_string();
        let mut objects: Vec<_> = self.state.lock().unwrap().objects.clone().into_iter().collect();
        objects.iter_mut().for_each(|(name, _)| *name = name.replace(&day, "DAY"));
        objects.sort();
        objects
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let mut state = state.lock().unwrap();
        let (status, headers, body) = answer(&mut state, &request);
        drop(state);
        // A HEAD is answered with the length of what a GET would give.
        let length = headers.iter().any(|(name, _)| *name == "content-length");
        let mut text = format!("HTTP/1.1 {status} x\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !length {
            text += &format!("content-length: {}\r\n", body.len());
        }
        text += "\r\n";
        if (&mut &*stream).write_all(&[text.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|got| *got > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), headers, body })
}

type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

fn answer(state: &mut State, request: &Request) -> Answer {
    let signed = request.headers.get("authorization").is_some_and(|text| text.contains("Credential=the-key/"));
    if !signed {
        return (403, Vec::new(), Vec::new());
    }
    if state.mood == Mood::Away {
        return (503, Vec::new(), Vec::new());
    }
    let parameter = |name: &str| {
        let pairs = request.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let etag = || vec![("etag", "\"x\"".to_owned())];
    match (request.method.as_str(), parameter("uploadId"), parameter("partNumber")) {
        ("POST", None, _) => {
            let id = format!("u{}", state.uploads.len());
            state.uploads.insert(id.clone(), Vec::new());
            let text =
                format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>");
            (200, Vec::new(), text.into_bytes())
        }
        ("PUT", Some(id), Some(number)) => {
            let number = number.parse().unwrap_or(0);
            state.uploads.entry(id).or_default().push((number, request.body.clone()));
            (200, etag(), Vec::new())
        }
        ("POST", Some(id), _) => {
            let mut parts = state.uploads.remove(&id).unwrap_or_default();
            parts.sort();
            let whole = parts.into_iter().flat_map(|(_, bytes)| bytes).collect();
            state.objects.insert(request.path.clone(), whole);
            let text = "<CompleteMultipartUploadResult><ETag>\"x\"</ETag></CompleteMultipartUploadResult>";
            (200, etag(), text.into())
        }
        ("PUT", ..) => {
            state.objects.insert(request.path.clone(), request.body.clone());
            (200, etag(), Vec::new())
        }
        ("GET" | "HEAD", ..) => {
            let Some(mut object) = state.objects.get(&request.path).cloned() else {
                return (404, Vec::new(), Vec::new());
            };
            match (state.mood, object.last_mut()) {
                (Mood::Lying, Some(last)) => *last ^= 1,
                (Mood::Short, Some(_)) => object.truncate(object.len() - 1),
                _ => {}
            }
            let mut headers = etag();
            headers.push(("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT".to_owned()));
            if request.method == "HEAD" {
                headers.push(("content-length", object.len().to_string()));
                return (200, headers, Vec::new());
            }
            let range = request.headers.get("range").and_then(|range| {
                let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
                Some((from.parse::<usize>().ok()?, to.parse::<usize>().ok()?))
            });
            let Some((from, to)) = range else { return (200, headers, object) };
            let end = object.len().min(to + 1);
            if from >= end {
                return (416, Vec::new(), Vec::new());
            }
            headers.push(("content-range", format!("bytes {from}-{}/{}", end - 1, object.len())));
            (206, headers, object[from..end].to_vec())
        }
        _ => (204, Vec::new(), Vec::new()),
    }
}
