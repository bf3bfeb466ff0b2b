//! The answers, in the gateway's words.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

pub type Reply = Response<Full<Bytes>>;

pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    content(status, "application/json", body)
}

/// One JSON value a line.
pub fn ndjson(body: impl Into<Bytes>) -> Reply {
    content(StatusCode::OK, "application/x-ndjson", body)
}

/// `code` is one of the gateway's own.
pub fn error(status: StatusCode, code: &str) -> Reply {
    json(status, format!(r#"{{"status":"error","code":"{code}"}}"#))
}

pub fn throttled(retry_after: u32) -> Reply {
    let mut reply = error(StatusCode::TOO_MANY_REQUESTS, "THROTTLED");
    reply
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(retry_after));
    reply
}

fn content(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}
