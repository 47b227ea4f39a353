//! Options of sqlx's sockets, which it does not set, and does not hand out for others to set.
//!
//! TCP_NODELAY sends small messages at once: COPY ends with a small message after the data, which would else wait for
//! the server to acknowledge the data, put off for up to 40 ms. Measured on loopback: 300 files of one row into one
//! table 13.5 s without and 0.8 s with it, a million rows in about 280 batches 7.2 s and 4.6 s.
//!
//! Keepalives notice within a minute a server that is gone without a word (its machine lost power, a wire was cut).

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use rustix::net::{getpeername, sockopt};

/// Silence before the other side is asked, the interval of further questions, and their number.
const IDLE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(10);
const TIMES: u32 = 3;

/// Limit for unacknowledged data, in milliseconds.
const UNACKNOWLEDGED: u32 = 60_000;

/// Sets the options on this program's TCP connections to the server, which has these addresses. Without `/proc` it does
/// nothing, and only the delay remains.
#[allow(unsafe_code)] // See the reason within.
pub(super) fn set_options(servers: &[SocketAddr]) {
    if servers.is_empty() {
        return;
    }
    for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()) else { continue };
        // SAFETY: the number was open a moment ago. Were it closed or given to another file since, the calls below
        // would be refused or look at another socket; nothing is read, written or closed through it.
        let socket = unsafe { BorrowedFd::borrow_raw(number) };
        if is_of(socket, servers) {
            let _ = set(socket);
        }
    }
}

/// True for a socket that is connected with one of the servers.
fn is_of(socket: BorrowedFd<'_>, servers: &[SocketAddr]) -> bool {
    let peer = getpeername(socket).ok().flatten().and_then(|peer| SocketAddr::try_from(peer).ok());
    peer.is_some_and(|peer| servers.iter().any(|one| one.port() == peer.port() && one.ip() == peer.ip()))
}

fn set(socket: BorrowedFd<'_>) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_tcp_keepidle(socket, IDLE)?;
    sockopt::set_tcp_keepintvl(socket, INTERVAL)?;
    sockopt::set_tcp_keepcnt(socket, TIMES)?;
    sockopt::set_socket_keepalive(socket, true)?;
    Ok(sockopt::set_tcp_user_timeout(socket, UNACKNOWLEDGED)?)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn sockets_of_others_are_left_alone() {
        let [server, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let connect = |to: &TcpListener| TcpStream::connect(to.local_addr().unwrap()).unwrap();
        let (own, foreign) = (connect(&server), connect(&other));
        set_options(&[server.local_addr().unwrap()]);
        assert!(own.nodelay().unwrap());
        assert!(!foreign.nodelay().unwrap());
        assert!(sockopt::socket_keepalive(&own).unwrap());
        assert!(!sockopt::socket_keepalive(&foreign).unwrap());
    }
}
