//! Calls to gateways: the one place where a message leaves. What matters about a failure is whether the gateway may have the message.

mod address;
mod guard;
mod post;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use carillon_core::outcome::Outcome;
use carillon_gateways::{Answer, CallTimeout};
use http::Request;
use reqwest::{Client, redirect, retry};
use url::Url;

pub use address::is_public;
pub use guard::{Forbidden, Guard};
pub use post::{Head, Unposted};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// From the first byte out to the last byte in.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Servers close idle connections; one that is older may be closed just when a message is on its way.
const IDLE: Duration = Duration::from_secs(5);
/// Of an answer, no more is read.
const LARGEST_ANSWER: usize = 256 * 1024;
const USER_AGENT: &str = concat!("Carillon/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nothing left: another gateway may try.
    #[error("the gateway could not be reached")]
    NotSent(#[source] NotSent),
    /// Something may have left, and nothing came back that says what became of it.
    #[error("the gateway gave no answer")]
    Doubt(#[source] reqwest::Error),
}

#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    #[error("calling it is forbidden")]
    Forbidden(#[from] Forbidden),
    #[error("the URL can't be read")]
    BadUrl(#[from] url::ParseError),
    /// No address, no connection, no TLS.
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
}

impl Failure {
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::NotSent(_) => Outcome::Unavailable,
            Self::Doubt(_) => Outcome::Doubt,
        }
    }
}

/// A client that goes only where its guard lets it. Made once, during start; clones share their connections.
#[derive(Debug, Clone)]
pub struct Dialer {
    client: Client,
    guard: Guard,
    /// What one call may take.
    longest: Duration,
}

impl Dialer {
    /// HTTP/1.1 with TLS by the machine's root certificates. No redirects, no retries, no proxy, no cookies.
    pub fn new(guard: Guard) -> Result<Self, reqwest::Error> {
        Self::within(guard, CALL_TIMEOUT)
    }

    /// The same, with another time for a call.
    pub fn within(guard: Guard, longest: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(longest)
            .pool_idle_timeout(IDLE)
            .user_agent(USER_AGENT)
            .dns_resolver(guard.clone())
            .build()?;
        Ok(Self {
            client,
            guard,
            longest,
        })
    }

    /// Makes the call and reads its answer. Never more than one request leaves.
    pub async fn submit(&self, request: Request<Bytes>) -> Result<Answer, Failure> {
        let request = self.checked(request).map_err(Failure::NotSent)?;
        let mut response = self.client.execute(request).await.map_err(failure)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            let room = LARGEST_ANSWER - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
        let body = body.freeze();
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    fn checked(&self, request: Request<Bytes>) -> Result<reqwest::Request, NotSent> {
        let (parts, body) = request.into_parts();
        let url: Url = parts.uri.to_string().parse()?;
        self.guard.check(&url)?;
        let mut checked = reqwest::Request::new(parts.method, url);
        *checked.headers_mut() = parts.headers;
        *checked.timeout_mut() = parts
            .extensions
            .get()
            .map(|CallTimeout(timeout)| *timeout.min(&self.longest));
        *checked.body_mut() = Some(body.into());
        Ok(checked)
    }
}

/// Whatever isn't known to have happened before the request was written leaves doubt. URLs hold numbers and texts, so errors lose theirs.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        Failure::NotSent(NotSent::Connect(error))
    } else {
        Failure::Doubt(error)
    }
}
