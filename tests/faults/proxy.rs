//! Stands between the program and PostgreSQL, and breaks the connection where it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Where the connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// COMMIT does not reach the server.
    Before,
    /// The server commits; its answer does not reach the program.
    After,
    /// The same, but nobody hears of the end for a while: the connection is silent, then broken.
    Silent,
}

pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    to: AtomicU16,
    cut: Mutex<Option<Cut>>,
    /// COMMITs that pass before the cut.
    pass: AtomicU64,
    /// Cuts that were done.
    cuts: AtomicU64,
    /// Nobody is let through.
    closed: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub fn start(to: u16) -> anyhow::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            to: AtomicU16::new(to),
            cut: Mutex::new(None),
            pass: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            open: Mutex::new(Vec::new()),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || state.serve(client));
            }
        });
        Ok(Proxy { port, state })
    }

    /// Breaks the connection at a COMMIT, after so many others passed.
    pub fn arm(&self, cut: Cut, after: u64) {
        self.state.pass.store(after, Ordering::SeqCst);
        *self.state.cut.lock().unwrap() = Some(cut);
    }

    pub fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::SeqCst)
    }

    /// Breaks every connection, and lets nobody through until it is opened.
    pub fn close(&self) {
        self.state.closed.store(true, Ordering::SeqCst);
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through, to a server that may be another one.
    pub fn open(&self, to: u16) {
        self.state.to.store(to, Ordering::SeqCst);
        self.state.closed.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn serve(&self, client: TcpStream) {
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.to.load(Ordering::SeqCst))) else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let silent = Arc::new(AtomicBool::new(false));
        let clones = (client.try_clone(), server.try_clone(), server.try_clone());
        let (Ok(back), Ok(answers), Ok(mut onward)) = clones else { return };
        if let (Ok(one), Ok(other)) = (client.try_clone(), server.try_clone()) {
            self.open.lock().unwrap().extend([one, other]);
        }
        let hushed = silent.clone();
        std::thread::spawn(move || relay(answers, back, |_| !hushed.load(Ordering::SeqCst)));
        relay(client, server, |bytes| {
            let Some(cut) = self.cut_here(bytes) else { return true };
            if cut != Cut::Before {
                silent.store(true, Ordering::SeqCst);
                let _ = onward.write_all(bytes);
                let pause = if cut == Cut::Silent { 3000 } else { 300 };
                std::thread::sleep(std::time::Duration::from_millis(pause));
            }
            self.cuts.fetch_add(1, Ordering::SeqCst);
            false
        });
    }

    /// Whether this is the COMMIT at which the connection breaks. Each arming is good for one.
    fn cut_here(&self, bytes: &[u8]) -> Option<Cut> {
        if !bytes.windows(7).any(|word| word.eq_ignore_ascii_case(b"commit\0")) {
            return None;
        }
        let passes = self.pass.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if passes { None } else { self.cut.lock().unwrap().take() }
    }
}

/// Hands on what comes until the end, or until `may_pass` says no; then both ends are closed.
fn relay(mut from: TcpStream, mut to: TcpStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !may_pass(&buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
