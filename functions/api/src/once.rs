//! Requests with an `Idempotency-Key`: done once, answered the same every time. The ids of what a request makes are drawn before
//! it begins and kept with its key, so that one that died on its way is finished by the next attempt.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use carillon_core::{api_key::Mode, keyed_hash::Purpose};
use carillon_runtime::{
    logs::chain,
    principal::Principal,
    problem::{Code, Problem},
    random,
};
use carillon_store::idempotency::{Attempt, Begun, KeptAnswer, RequestIdentity};
use http::{HeaderValue, StatusCode, header, request::Parts};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};

use crate::{services::Api, time};

const HEADER: &str = "idempotency-key";
const REPLAYED: &str = "idempotent-replayed";
/// When no deadline is known.
const USUAL_TIMEOUT: SignedDuration = SignedDuration::from_secs(30);

/// When this invocation is over, whatever happens.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Timestamp);

impl Deadline {
    pub fn from_milliseconds(milliseconds: u64) -> Self {
        let time = i64::try_from(milliseconds).ok();
        let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
        Self(time.unwrap_or_else(|| time::now() + USUAL_TIMEOUT))
    }
}

/// A request as its key knows it.
#[derive(Debug)]
pub struct Once {
    key: Option<String>,
    method: String,
    path: String,
    until: Timestamp,
}

/// A success that can be given again.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub location: Option<String>,
    pub etag: Option<String>,
    /// JSON.
    pub body: String,
}

impl Answer {
    pub fn new<T: Serialize>(status: StatusCode, body: &T) -> Self {
        let body = serde_json::to_string(body).expect("our own types are representable in JSON");
        Self {
            status,
            location: None,
            etag: None,
            body,
        }
    }

    pub fn at(self, location: String) -> Self {
        Self {
            location: Some(location),
            ..self
        }
    }

    pub fn tagged(self, etag: String) -> Self {
        Self {
            etag: Some(etag),
            ..self
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let key = parts.headers.get(HEADER).map(read_key).transpose()?;
        let deadline = parts.extensions.get::<Deadline>();
        let deadline = deadline.map_or_else(|| time::now() + USUAL_TIMEOUT, |Deadline(time)| *time);
        Ok(Self {
            key,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            until: deadline + SignedDuration::from_secs(1),
        })
    }
}

/// 1 to 255 characters, quoted or bare.
fn read_key(header: &HeaderValue) -> Result<String, Problem> {
    let refused = || {
        let detail = "An `Idempotency-Key` has 1 to 255 letters, digits and `._:-`. A random UUID is a good one.";
        Problem::new(Code::InvalidIdempotencyKey, detail)
    };
    let given = header.to_str().map_err(|_| refused())?.trim();
    let bare = given
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(given);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if (1..=255).contains(&bare.len()) && bare.bytes().all(fits) {
        Ok(bare.to_owned())
    } else {
        Err(refused())
    }
}

impl Once {
    pub fn require_key(&self) -> Result<(), Problem> {
        if self.key.is_some() {
            return Ok(());
        }
        let detail = "Send an `Idempotency-Key`, such as a random UUID, and the same one again when you repeat the request: \
                      it happens once, however often you send it.";
        Err(Problem::new(Code::IdempotencyKeyRequired, detail))
    }

    /// Does the work, unless an earlier attempt did. `offered` are the ids to do it with; the work gets those of the first attempt.
    /// Before this comes only what the body says by itself: whatever depends on the time or on what is stored belongs into the
    /// work, or a repeat would be refused instead of answered as before.
    pub async fn run<R, F>(
        self,
        api: &Api,
        who: &Principal,
        body: &Bytes,
        offered: R,
        work: impl FnOnce(R) -> F + Send,
    ) -> Result<Response, Problem>
    where
        R: Serialize + DeserializeOwned + Send,
        F: Future<Output = Result<Answer, Problem>> + Send,
    {
        let Some(identity) = self.identity(api, who, body) else {
            return work(offered).await.map(|answer| respond(keep(answer)));
        };
        let offered = serde_json::to_value(&offered).expect("ids are representable in JSON");
        let now = time::now();
        let attempt = Attempt {
            token: random::token(),
            until: self.until,
        };
        let begun = api
            .idempotency
            .begin(&identity, &attempt, &offered, now)
            .await?;
        let reserved = match begun {
            Begun::Do { reserved } => reserved,
            Begun::Replay(answer) => return Ok(replay(answer)),
            Begun::InFlight => {
                let detail = "A request with this `Idempotency-Key` is being worked on. Send it again in a second.";
                return Err(Problem::new(Code::IdempotencyInProgress, detail).retry_after(1));
            }
            Begun::Reused => {
                let detail = "This `Idempotency-Key` came with another body before. Use a new key for a new request.";
                return Err(Problem::new(Code::IdempotencyKeyReused, detail));
            }
        };
        let first = reserved == offered;
        let ids = serde_json::from_value(reserved).map_err(|error| Problem::internal(&error))?;
        match work(ids).await {
            Ok(answer) => {
                let answer = keep(answer);
                if let Err(error) = api.idempotency.finish(&identity, &answer).await {
                    // It is done all the same; a repeat does it with the same ids, and comes to the same.
                    tracing::warn!(error = chain(&error), "an answer could not be kept");
                }
                Ok(respond(answer))
            }
            Err(problem) => {
                let refused = problem.code.facts().status.is_client_error();
                // An attempt before this one may have done a part of it: then the ids stay.
                let freed = if refused && first {
                    api.idempotency.forget(&identity, &attempt).await
                } else {
                    api.idempotency.give_up(&identity, &attempt).await
                };
                if let Err(error) = freed {
                    tracing::warn!(
                        error = chain(&error),
                        "an idempotency key stays taken until its attempt is over"
                    );
                }
                Err(problem)
            }
        }
    }

    fn identity(&self, api: &Api, who: &Principal, body: &Bytes) -> Option<RequestIdentity> {
        let key = self.key.as_ref()?;
        let mode: &[u8] = match who.mode {
            Mode::Live => b"live",
            Mode::Test => b"test",
        };
        let (method, path) = (self.method.as_bytes(), self.path.as_bytes());
        let known_by = [mode, method, path, key.as_bytes()];
        Some(RequestIdentity {
            account: who.account,
            key_hash: api.key.text(Purpose::Fingerprint, &known_by),
            fingerprint: api.key.text(Purpose::Fingerprint, &[body]),
        })
    }
}

fn keep(answer: Answer) -> KeptAnswer {
    let Answer {
        status,
        location,
        etag,
        body,
    } = answer;
    KeptAnswer {
        status: status.as_u16(),
        location,
        etag,
        body,
    }
}

fn replay(answer: KeptAnswer) -> Response {
    let mut response = respond(answer);
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn respond(answer: KeptAnswer) -> Response {
    let KeptAnswer {
        status,
        location,
        etag,
        body,
    } = answer;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let json = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (status, json, body).into_response();
    let headers = [(header::LOCATION, location), (header::ETAG, etag)];
    for (name, value) in headers {
        let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
        response
            .headers_mut()
            .extend(value.map(|value| (name, value)));
    }
    response
}
