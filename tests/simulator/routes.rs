//! Which path leads where. `/send` and `/message` are the gateway; `/_sim/*` is for tests and asks for no token.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use jiff::Timestamp;

use crate::receipt::Status;
use crate::reply::{self, Reply};
use crate::rules::Rules;
use crate::server::Hangup;
use crate::state::Simulator;
use crate::submit;

const LARGEST_DOCUMENT: usize = 1024 * 1024;

pub async fn answer(
    simulator: Arc<Simulator>,
    request: Request<Incoming>,
) -> Result<Reply, Hangup> {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/send") => submit::send(&simulator, request).await,
        (&Method::GET, "/message") => Ok(message(&simulator, &request)),
        (&Method::POST, "/_sim/rules") => Ok(set_rules(&simulator, request.into_body()).await),
        (&Method::POST, "/_sim/reset") => {
            simulator.reset();
            Ok(reply::json(StatusCode::OK, "{}"))
        }
        (&Method::GET, "/_sim/summary") => Ok(summary(&simulator)),
        (&Method::GET, "/_sim/recipients") => {
            let lines = simulator.truth().recipients();
            Ok(reply::ndjson(lines))
        }
        (&Method::GET, "/_sim/arrivals") => {
            let lines = simulator.truth().arrivals();
            Ok(reply::ndjson(lines))
        }
        _ => Ok(reply::error(StatusCode::NOT_FOUND, "NOT_FOUND")),
    }
}

/// Inquiry by the caller's id, as it stands in the query (ids need no escaping).
fn message(simulator: &Simulator, request: &Request<Incoming>) -> Reply {
    if !submit::authorized(simulator, request) {
        return reply::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
    }
    let query = request.uri().query().unwrap_or_default();
    let id = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("id="))
        .unwrap_or_default();
    let settling = i64::try_from(simulator.rules().visible_after_ms).unwrap_or(i64::MAX);
    let until = Timestamp::now().as_millisecond().saturating_sub(settling);
    let found = simulator.truth().inquire(id, until);

    match found {
        Some((number, status)) => reply::json(StatusCode::OK, found_body(number, status)),
        None => reply::error(StatusCode::NOT_FOUND, "UNKNOWN_MESSAGE"),
    }
}

fn found_body(number: u32, status: Status) -> String {
    let state = serde_json::to_string(&status).expect("a word");
    format!(r#"{{"status":"ok","id":"sim-{number}","state":{state}}}"#)
}

async fn set_rules(simulator: &Simulator, body: Incoming) -> Reply {
    let document: Bytes = match Limited::new(body, LARGEST_DOCUMENT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return wrong_rules(&error.to_string()),
    };
    match Rules::parse(&document) {
        Ok(rules) => {
            simulator.set_rules(rules);
            reply::json(StatusCode::OK, "{}")
        }
        Err(wrong) => wrong_rules(&wrong),
    }
}

fn wrong_rules(detail: &str) -> Reply {
    let body = serde_json::json!({"status": "error", "code": "BAD_RULES", "detail": detail});
    reply::json(StatusCode::BAD_REQUEST, body.to_string())
}

fn summary(simulator: &Simulator) -> Reply {
    let summary = simulator.truth().summary();
    let body = serde_json::to_vec(&summary).expect("counts always become JSON");
    reply::json(StatusCode::OK, body)
}
