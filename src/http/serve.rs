//! Connections: as many as there is room for, each with a limit of time for the head of a request. At the end the requests in hand are
//! met, and nothing new is taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_service::Service;
use tracing::{debug, warn};

/// Connections at a time.
const CONNECTIONS: usize = 512;

/// Longest time until the head of a request is whole, and longest rest of a connection between two.
const HEADERS: Duration = Duration::from_secs(15);

/// Largest head of a request, in bytes.
const HEAD: usize = 32 * 1024;

/// Pause after a connection that could not be taken: the system lacks room for more files.
const PAUSE: Duration = Duration::from_millis(200);

/// The path that starts an ETL job whatever the method is.
pub(super) const START: &str = "/start-etl-job";

/// Address of who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// Takes connections until `stop` ends, then gives the requests in hand `grace` to end.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>, grace: Duration) {
    let (places, graceful) = (Arc::new(Semaphore::new(CONNECTIONS)), GracefulShutdown::new());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(HEAD);
    tokio::pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "cannot take a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| router.clone().call(seen(request, peer)));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // Whoever breaks off has his own reasons.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        warn!("requests that were not met in time are broken off");
    }
}

/// The request with the address it comes from. A GET that starts a job counts as what it does.
fn seen(mut request: Request<Incoming>, peer: SocketAddr) -> Request<Incoming> {
    request.extensions_mut().insert(Peer(peer));
    if request.uri().path() == START && request.method() == Method::GET {
        *request.method_mut() = Method::POST;
    }
    request
}
