//! Who may ask for what. Each request names a host that is this program's; one from a page of another site changes nothing; behind
//! that stands the token. Loopback is no protection by itself: a page that somebody looks at asks from there too.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{info, warn};

use super::Api;
use super::problem::Problem;
use super::serve::Peer;
use crate::settings::{Scope, Token};
use crate::text::shown::shown;

/// Wrong tokens of one address in [`MINUTE`], after which it waits.
const WRONG: u32 = 20;

/// The time in which wrong tokens are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// Addresses whose wrong tokens are counted at a time.
const COUNTED: usize = 10_000;

/// Name in the log of whoever has no token.
const NOBODY: &str = "-";

/// Who may ask.
#[derive(Debug)]
pub(super) struct Access {
    /// The tokens; empty where none is needed.
    tokens: Vec<Token>,
    /// Names by which the program is called, in small letters.
    hosts: Vec<String>,
    wrong: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Access {
    /// Access for who has one of these tokens, or for everybody where there is none.
    pub(super) fn new(tokens: Vec<Token>, hosts: &str, bound: SocketAddr) -> Access {
        let given = hosts.split([',', ' ']).map(str::trim).filter(|host| !host.is_empty());
        let mut hosts: Vec<_> = given.map(str::to_lowercase).collect();
        if !bound.ip().is_unspecified() {
            hosts.push(bound.ip().to_string());
        }
        Access { tokens, hosts, wrong: Mutex::default() }
    }

    /// True if the name, with a port or without, is one of this program's.
    fn is_ours(&self, authority: &str) -> bool {
        let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
        };
        let host = host.trim_end_matches('.').to_lowercase();
        let is_loopback = host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        is_loopback || host == "localhost" || self.hosts.contains(&host)
    }

    /// Who asks, by the token of a request; `None` where none is needed.
    fn known(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Option<&Token>, Problem> {
        if self.tokens.is_empty() {
            return Ok(None);
        }
        let bearer = |value: &HeaderValue| {
            let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        };
        let unknown = |detail: &str| {
            Problem::new(StatusCode::UNAUTHORIZED, detail)
                .fix("send the header Authorization: Bearer TOKEN, with a token that app token new has printed")
                .with(header::WWW_AUTHENTICATE, "Bearer realm=\"sluice\"")
        };
        let Some(text) = headers.get(header::AUTHORIZATION).and_then(bearer) else {
            return Err(unknown("this needs a token"));
        };
        match Token::known(&self.tokens, &text) {
            Some(token) => Ok(Some(token)),
            // Who has a right one is not kept out by others of the same address.
            None => {
                self.is_patient(peer)?;
                self.count(peer);
                Err(unknown("the token is not known, or not any more"))
            }
        }
    }

    /// Refuses an address that has sent too many wrong tokens.
    fn is_patient(&self, peer: IpAddr) -> Result<(), Problem> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.retain(|_, (_, since)| since.elapsed() < MINUTE);
        match wrong.get(&peer) {
            Some((count, since)) if *count >= WRONG => {
                let left = MINUTE.saturating_sub(since.elapsed()).as_secs() + 1;
                Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens came from this address")
                    .with(header::RETRY_AFTER, left.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn count(&self, peer: IpAddr) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() < COUNTED || wrong.contains_key(&peer) {
            wrong.entry(peer).or_insert((0, Instant::now())).0 += 1;
        }
        warn!(%peer, "a request came with a token that is not known");
    }
}

/// Refuses requests for other hosts: a page of a stranger may have given its name this address.
pub(super) async fn of_this_host(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let has_one = request.headers().get_all(header::HOST).iter().count() == 1;
    let named = request.headers().get(header::HOST).filter(|_| has_one).and_then(|host| host.to_str().ok());
    let both = named.into_iter().chain(request.uri().authority().map(|authority| authority.as_str()));
    if named.is_none() || !both.into_iter().all(|host| api.access.is_ours(host)) {
        let detail = "the request is for another host";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, detail)
            .fix("call it by localhost, or put the name that you call it by into HTTP_HOSTS")
            .into_response();
    }
    // No name has this sign, and PostgreSQL has no text with it.
    if request.uri().path_and_query().is_some_and(|text| text.as_str().contains("%00")) {
        return Problem::wrong("the address has the sign NUL in it").into_response();
    }
    next.run(request).await
}

/// Adds what every answer says to browsers.
pub(super) async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Lets requests pass that may read.
pub(super) async fn reads(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    admitted(&api, Scope::Read, request, next).await
}

/// Lets requests pass that may bring data and start runs.
pub(super) async fn writes(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    admitted(&api, Scope::Write, request, next).await
}

/// Lets requests pass that may do everything.
pub(super) async fn administers(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    admitted(&api, Scope::Admin, request, next).await
}

async fn admitted(api: &Api, wanted: Scope, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let known = api.access.known(request.headers(), peer);
    let caller = known.as_ref().ok().and_then(|token| token.map(|token| token.name.clone()));
    let response = match known {
        Ok(Some(token)) if token.scope < wanted => beneath(token, wanted).into_response(),
        Ok(_) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if !matches!(method, Method::GET | Method::HEAD) {
        let (status, token) = (response.status().as_u16(), caller.as_deref().unwrap_or(NOBODY));
        let sentence = format!("{method} {}: {status} (token {token}, from {peer})", shown(&path));
        info!(sentence, token, %peer, %method, path, status, "audit");
    }
    response
}

fn beneath(token: &Token, wanted: Scope) -> Problem {
    let (has, wanted) = (token.scope.word(), wanted.word());
    Problem::new(
        StatusCode::FORBIDDEN,
        format!("the token {} has the scope {has}, and this needs {wanted}", token.name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine_are_ours_and_others_are_not() {
        let access = Access::new(Vec::new(), "Sluice.example.org, app", "192.0.2.7:5000".parse().unwrap());
        for ours in [
            "localhost:5000",
            "LOCALHOST",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:5000",
            "app:5000",
            "192.0.2.7",
            "sluice.example.org.",
        ] {
            assert!(access.is_ours(ours), "{ours}");
        }
        for other in [
            "",
            "evil.example",
            "localhost.evil.example",
            "192.0.2.8:5000",
            "127.0.0.1.evil.example",
            "[::2]:5000",
            "apps",
        ] {
            assert!(!access.is_ours(other), "{other}");
        }
        assert!(!Access::new(Vec::new(), "", "0.0.0.0:5000".parse().unwrap()).is_ours("0.0.0.0:5000"));
    }

    #[test]
    fn wrong_tokens_are_counted_by_address() {
        let (text, token) = Token::make("shop", Scope::Write).unwrap();
        let access = Access::new(vec![token], "", "127.0.0.1:5000".parse().unwrap());
        let (peer, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let with =
            |text: &str| HeaderMap::from_iter([(header::AUTHORIZATION, format!("bearer {text}").parse().unwrap())]);
        assert_eq!(access.known(&with(&text), peer).unwrap().unwrap().name, "shop");
        let status = |headers: &HeaderMap| access.known(headers, peer).unwrap_err().into_response().status();
        assert_eq!(status(&HeaderMap::new()), StatusCode::UNAUTHORIZED);
        for _ in 0..WRONG {
            assert_eq!(status(&with("x")), StatusCode::UNAUTHORIZED);
        }
        assert_eq!(status(&with("x")), StatusCode::TOO_MANY_REQUESTS);
        assert!(access.known(&with(&text), peer).is_ok());
        assert_eq!(access.known(&with("x"), other).unwrap_err().into_response().status(), StatusCode::UNAUTHORIZED);
    }
}
