//! Refusals as `application/problem+json` (RFC 9457): a stable code, what happened to what, and how to mend it.
//! What broke on our side is logged where it is turned into a problem, and never told.

mod code;

use std::panic::AssertUnwindSafe;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use carillon_store::StoreError;
use futures::FutureExt;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

pub use self::code::{Code, Facts};
use crate::logs::chain;

/// When a caller should come again whose request was refused because of load.
const BUSY_SECONDS: u32 = 2;
/// A type that others know too, of the registry of RFC 9457.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
/// Fields that are told of in one answer.
const MAX_ERRORS: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// Seconds.
    pub retry_after: Option<u32>,
    /// The quota that there is no room in.
    pub violated: Option<&'static str>,
}

/// What is wrong with one field or one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the request's body.
    pub pointer: String,
    pub code: &'static str,
    pub detail: String,
}

impl FieldError {
    pub fn new(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl std::fmt::Display,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.to_string(),
        }
    }
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            violated: None,
        }
    }

    /// About fields; there must be at least one.
    pub fn of_fields(code: Code, mut errors: Vec<FieldError>) -> Self {
        let more = errors.len().saturating_sub(MAX_ERRORS);
        let first = errors.first();
        let mut detail = first.map_or_else(String::new, |error| {
            let place = if error.pointer.is_empty() {
                "the body"
            } else {
                &error.pointer
            };
            format!("{place}: {}", error.detail)
        });
        if errors.len() > 1 {
            detail = format!("{detail} (and {} more)", errors.len() - 1);
        }
        if more > 0 {
            detail = format!("{detail}; `errors` names the first {MAX_ERRORS}");
        }
        errors.truncate(MAX_ERRORS);
        Self {
            errors,
            ..Self::new(code, detail)
        }
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    #[must_use]
    pub fn violating(mut self, policy: &'static str) -> Self {
        self.violated = Some(policy);
        self
    }

    pub fn not_found(what: &str) -> Self {
        let detail = format!("There is no such {what} in this account. Check its id.");
        Self::new(Code::NotFound, detail)
    }

    /// Logs what broke; the answer doesn't tell.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = chain(error), "a request failed on our side");
        Self::unexplained()
    }

    pub fn unexplained() -> Self {
        let detail = "Try again; if it stays like this, tell your operator the `request_id`.";
        Self::new(Code::Internal, detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let StoreError::Busy { .. } = error else {
            return Self::internal(&error);
        };
        tracing::warn!(
            metric = "api.busy",
            error = chain(&error),
            "a request was refused for now"
        );
        let detail = "Too much is going on. Send the same request again in a moment, with the same `Idempotency-Key` if it had one.";
        Self::new(Code::Unavailable, detail).retry_after(BUSY_SECONDS)
    }
}

/// Carries the problem to [`render`], which knows the request.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.facts().status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What every answer says beside its own content.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// Where the API is reached, without a slash at the end.
    pub public_url: String,
}

/// The id of a request, in its extensions, in logs and in its answer.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

#[derive(Serialize)]
struct Written<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    retryable: bool,
    #[serde(rename = "violated-policies", skip_serializing_if = "Option::is_none")]
    violated: Option<[&'a str; 1]>,
    doc_url: String,
}

/// The outermost layer: writes problems out, and refusals of the router itself as problems.
pub async fn render(State(rendering): State<Rendering>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let RequestId(id) = id.unwrap_or_else(|| RequestId(String::new()));
    let path = request.uri().path().to_owned();
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    // What it says was printed by the panic hook.
    let mut response = answered.unwrap_or_else(|_| Problem::unexplained().into_response());
    let problem = response.extensions_mut().remove::<Problem>();
    let problem = problem.or_else(|| refusal_of_the_router(&response));
    if let Some(problem) = problem {
        let written = write(&problem, &path, &id, &rendering);
        let allowed = response.headers_mut().remove(header::ALLOW);
        response = written;
        response
            .headers_mut()
            .extend(allowed.map(|methods| (header::ALLOW, methods)));
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    response
}

fn write(problem: &Problem, path: &str, request_id: &str, rendering: &Rendering) -> Response {
    let Facts {
        code,
        status,
        retryable,
        title,
    } = problem.code.facts();
    let written = Written {
        r#type: match problem.code {
            Code::RateLimited => QUOTA_EXCEEDED.to_owned(),
            _ => format!("urn:carillon:problem:{code}"),
        },
        title,
        status: status.as_u16(),
        detail: &problem.detail,
        instance: path,
        code,
        request_id,
        errors: &problem.errors,
        retryable,
        violated: problem.violated.map(|policy| [policy]),
        doc_url: format!("{}/v1/problems/{code}", rendering.public_url),
    };
    let body = serde_json::to_vec(&written).expect("a problem is representable in JSON");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, json);
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        headers.insert(header::WWW_AUTHENTICATE, bearer);
    }
    response
}

fn refusal_of_the_router(response: &Response) -> Option<Problem> {
    (response.status() == StatusCode::METHOD_NOT_ALLOWED).then(|| {
        let detail = "The header `Allow` names the methods of this path.";
        Problem::new(Code::MethodNotAllowed, detail)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::{Router, body::to_bytes, middleware, routing::get};
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();

        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn a_failure_of_ours_does_not_tell_its_cause() {
        let problem = Problem::from(StoreError::corrupt("the item of +447700900123"));

        assert_eq!(problem.code, Code::Internal);
        assert!(!problem.detail.contains("447700900123"));
    }

    #[tokio::test]
    async fn a_panic_is_answered_as_a_failure_of_ours() {
        let panics = async || -> Response { panic!("with a secret") };
        let public_url = String::new();
        let layer = middleware::from_fn_with_state(Rendering { public_url }, render);
        let router: Router = Router::new().route("/", get(panics)).layer(layer);
        let request = Request::get("/").body(Body::empty()).unwrap();

        let response = router.oneshot(request).await.unwrap();

        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        assert!(body.windows(8).any(|window| window == b"internal"));
        assert!(!body.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn many_errors_are_counted_and_the_first_are_named() {
        let errors =
            (0..60).map(|row| FieldError::new(format!("/to/{row}"), "invalid_phone", "too short"));

        let problem = Problem::of_fields(Code::InvalidPhone, errors.collect());

        assert_eq!(problem.errors.len(), 50);
        assert_eq!(
            problem.detail,
            "/to/0: too short (and 59 more); `errors` names the first 50"
        );
    }
}
