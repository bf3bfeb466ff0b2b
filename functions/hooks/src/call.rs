//! One call to an endpoint: signed by all of its secrets, and what became of it.

use bytes::Bytes;
use carillon_core::webhook::{
    Answered, Attempt, Envelope, Trouble, Verdict, retry, secret::signatures,
};
use carillon_runtime::dial::Unposted;
use http::{Request, header};
use jiff::{SignedDuration, Timestamp};

use crate::{endpoints::Ready, state::State};

/// What is known after a call.
#[derive(Debug, Clone, Copy)]
pub struct Called {
    pub verdict: Verdict,
    pub attempt: Attempt,
    pub retry_after: Option<SignedDuration>,
}

pub async fn call(state: &State, ready: &Ready, envelope: &Envelope) -> Called {
    let began = Timestamp::now();
    let posted = match request(ready, envelope, began) {
        Some(request) => state.dialer.post(request).await,
        None => Err(Unposted::Forbidden),
    };
    let ended = Timestamp::now();
    let took_ms = ended.duration_since(began).as_millis();
    let attempt = |code, trouble| Attempt {
        at: began,
        took_ms: u32::try_from(took_ms).unwrap_or(u32::MAX),
        code,
        trouble,
    };
    match posted {
        Ok(head) => {
            let asked = head.retry_after.as_deref();
            let answered = Answered {
                code: head.status.as_u16(),
                retry_after: asked.and_then(|header| retry::retry_after(header, ended)),
            };
            let verdict = answered.verdict();
            let trouble = match verdict {
                Verdict::Delivered => None,
                Verdict::Failed(trouble) => Some(trouble),
                Verdict::Gone => Some(Trouble::Gone),
            };
            Called {
                verdict,
                attempt: attempt(Some(answered.code), trouble),
                retry_after: answered.retry_after,
            }
        }
        Err(unposted) => {
            let trouble = match unposted {
                Unposted::Forbidden => Trouble::Forbidden,
                Unposted::TimedOut => Trouble::TimedOut,
                Unposted::Unreachable => Trouble::Unreachable,
            };
            Called {
                verdict: Verdict::Failed(trouble),
                attempt: attempt(None, Some(trouble)),
                retry_after: None,
            }
        }
    }
}

/// `None` of a URL that can't be one.
fn request(ready: &Ready, envelope: &Envelope, now: Timestamp) -> Option<Request<Bytes>> {
    let body = envelope.body.as_bytes();
    let signature = signatures(&ready.secrets, envelope.id, now, body);
    let request = Request::post(&ready.endpoint.url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", envelope.id.to_string())
        .header("webhook-timestamp", now.as_second())
        .header("webhook-signature", signature)
        .body(Bytes::copy_from_slice(body));
    request.ok()
}
