//! Acting through the API: the same routes, rules, checks and audit entries as for everybody else, in this process.

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tower::ServiceExt;

use crate::{console::Console, pages::error::Refused, plain, signed_in::SignedIn};

/// A request to be made in a member's name.
pub struct Ask<'a> {
    console: &'a Console,
    who: &'a SignedIn,
    request: http::request::Builder,
    body: Body,
}

/// What is wrong with one field of the request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FieldError {
    /// JSON pointer.
    pub pointer: String,
    pub detail: String,
}

#[derive(Debug, Deserialize)]
struct Problem {
    title: String,
    detail: String,
    code: String,
    #[serde(default)]
    errors: Vec<FieldError>,
    #[serde(default)]
    request_id: String,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub struct Listed<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
}

impl Console {
    pub fn ask<'a>(&'a self, who: &'a SignedIn, method: Method, path: &str) -> Ask<'a> {
        Ask {
            console: self,
            who,
            request: Request::builder().method(method).uri(path),
            body: Body::empty(),
        }
    }

    pub async fn get<T: DeserializeOwned>(&self, who: &SignedIn, path: &str) -> Result<T, Refused> {
        self.ask(who, Method::GET, path).answer().await
    }

    /// One thing, or nothing if there is no such thing.
    pub async fn find<T: DeserializeOwned>(
        &self,
        who: &SignedIn,
        path: &str,
    ) -> Result<Option<T>, Refused> {
        match self.get(who, path).await {
            Ok(found) => Ok(Some(found)),
            Err(refused) if refused.status == StatusCode::NOT_FOUND => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        who: &SignedIn,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Refused> {
        self.ask(who, Method::POST, path).json(body).answer().await
    }
}

impl Ask<'_> {
    pub fn json(self, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("our own types are representable in JSON");
        self.of_type("application/json", body)
    }

    pub fn csv(self, file: Bytes) -> Self {
        self.of_type("text/csv", file)
    }

    fn of_type(mut self, kind: &str, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self.request = self.request.header(header::CONTENT_TYPE, kind);
        self
    }

    /// The same key again is the same request.
    pub fn once(mut self, key: &str) -> Self {
        self.request = self.request.header("idempotency-key", key);
        self
    }

    /// Only if it is still the version that was read.
    pub fn if_match(mut self, version: &str) -> Self {
        self.request = self.request.header(header::IF_MATCH, version);
        self
    }

    /// What it is answered with; `()` takes anything.
    pub async fn answer<T: DeserializeOwned>(self) -> Result<T, Refused> {
        self.tagged().await.map(|(answer, _)| answer)
    }

    /// With its version, for `if_match`.
    pub async fn tagged<T: DeserializeOwned>(self) -> Result<(T, String), Refused> {
        let response = self.respond().await?;
        let tag = response.headers().get(header::ETAG);
        let tag = tag.and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        let tag = tag.to_owned();
        read(response).await.map(|answer| (answer, tag))
    }

    /// As the API answers, when what was asked for was done.
    pub async fn respond(self) -> Result<Response<Body>, Refused> {
        let Self {
            console,
            who,
            request,
            body,
        } = self;
        // A header that can't be one was typed by hand into a hidden field.
        let mut request = request.body(body).map_err(|_| Refused::unexplained())?;
        request.extensions_mut().insert(who.principal.clone());
        if let Some(deadline) = who.deadline {
            request.extensions_mut().insert(deadline);
        }
        let Ok(response) = console.router.clone().oneshot(request).await;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        Err(refused(status, &bytes(response).await?))
    }
}

async fn bytes(response: Response<Body>) -> Result<Bytes, Refused> {
    let body = to_bytes(response.into_body(), usize::MAX).await;
    body.map_err(|_| Refused::unexplained())
}

async fn read<T: DeserializeOwned>(response: Response<Body>) -> Result<T, Refused> {
    let body = bytes(response).await?;
    let body: &[u8] = if body.is_empty() { b"null" } else { &body };
    serde_json::from_slice(body).map_err(|error| {
        tracing::error!(%error, "an answer of the API is not what the console expects");
        Refused::unexplained()
    })
}

fn refused(status: StatusCode, body: &[u8]) -> Refused {
    let Ok(problem) = serde_json::from_slice(body) else {
        return Refused::unexplained();
    };
    let Problem {
        title,
        detail,
        code,
        mut errors,
        request_id,
    } = problem;
    for FieldError { pointer, detail } in &mut errors {
        *detail = plain::field(pointer, detail);
    }
    Refused {
        status,
        title,
        detail: plain::words(&code, &detail),
        code,
        errors,
        request_id,
    }
}

/// Anything, when only that it was done matters.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Done(#[expect(dead_code, reason = "read and let go")] Value);
