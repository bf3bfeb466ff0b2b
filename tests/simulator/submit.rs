//! `POST /send`: one message. The truth is written before the caller hears anything.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::answer::{Fate, Manner};
use crate::post::{self, Errand};
use crate::reply::{self, Reply};
use crate::rules::Plan;
use crate::server::Hangup;
use crate::state::Simulator;
use crate::truth::FirstAnswer;

const LARGEST_BODY: usize = 64 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    to: String,
    from: String,
    #[expect(dead_code, reason = "part of the wire, and must be there")]
    text: String,
    id: String,
    callback: Option<String>,
    parts: Option<u32>,
}

/// What the truth has to say to the caller, if it hears at all.
enum Verdict {
    Accepted { number: u32, new: bool },
    Refused,
    Throttled,
    Nothing,
}

pub async fn send(simulator: &Arc<Simulator>, request: Request<Incoming>) -> Result<Reply, Hangup> {
    let ordinal = simulator.truth().request();
    if simulator.rules().drops_unread(ordinal) {
        simulator.truth().error();
        return Err(Hangup::Reset);
    }
    if !authorized(simulator, &request) {
        simulator.truth().error();
        return Ok(reply::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED"));
    }
    let Some((message, to)) = read(request.into_body()).await else {
        simulator.truth().error();
        return Ok(reply::error(StatusCode::BAD_REQUEST, "BAD_REQUEST"));
    };

    let (plan, verdict) = decide(simulator, &message, to);
    let mut first_tried = None;
    if let Verdict::Accepted { number, new: true } = verdict {
        first_tried = post_receipts(simulator, message, number, &plan);
    }
    if !plan.latency.is_zero() {
        sleep(plan.latency).await;
    }
    if let Some(first_tried) = first_tried {
        // Without a first try (a reset) there is nothing to wait for.
        first_tried.await.ok();
    }
    answer(&plan, &verdict).await
}

/// Whether the caller showed the token.
pub fn authorized(simulator: &Simulator, request: &Request<Incoming>) -> bool {
    let shown = request.headers().get(AUTHORIZATION);
    shown
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .is_some_and(|token| token == simulator.token.as_bytes())
}

async fn read(body: Incoming) -> Option<(Message, u64)> {
    let body = Limited::new(body, LARGEST_BODY).collect().await.ok()?;
    let message: Message = serde_json::from_slice(&body.to_bytes()).ok()?;
    let to = message.to.strip_prefix('+').unwrap_or(&message.to);
    let to = to.parse().ok()?;
    Some((message, to))
}

fn decide(simulator: &Simulator, message: &Message, to: u64) -> (Plan, Verdict) {
    let now = Timestamp::now().as_millisecond();
    let rules = simulator.rules();
    let mut truth = simulator.truth();
    let plan = rules.plan(to, truth.arrival(to, &message.from, message.parts, now));
    let first = rules
        .deduplicates
        .then(|| truth.first_answer(&message.id))
        .flatten();

    let verdict = match (plan.answer.fate(), first) {
        (Fate::Accepted | Fate::Refused, Some(first)) => {
            truth.deduplicated();
            match first {
                FirstAnswer::Accepted(number) => Verdict::Accepted { number, new: false },
                FirstAnswer::Refused => Verdict::Refused,
            }
        }
        (Fate::Accepted, None) => Verdict::Accepted {
            number: truth.accepted(&message.id, to, now),
            new: true,
        },
        (Fate::Refused, None) => {
            truth.refused(&message.id);
            Verdict::Refused
        }
        (Fate::Throttled, _) => {
            truth.throttled();
            Verdict::Throttled
        }
        (Fate::Nothing, _) => {
            truth.error();
            Verdict::Nothing
        }
    };
    (plan, verdict)
}

/// Sets the receipts off; when the plan wants the first one early, the answer tells when it was tried.
fn post_receipts(
    simulator: &Arc<Simulator>,
    message: Message,
    number: u32,
    plan: &Plan,
) -> Option<oneshot::Receiver<()>> {
    let callback = message.callback?;
    if plan.receipts.is_empty() {
        return None;
    }
    simulator.truth().receipts_planned(&plan.receipts);
    let delay = if plan.early {
        Duration::ZERO
    } else {
        plan.delay
    };
    let errand = Errand {
        run: simulator.run(),
        message: number,
        reference: message.id,
        callback,
        receipts: plan.receipts.clone(),
        delay,
    };
    let (tried, first_tried) = oneshot::channel();
    #[expect(
        clippy::disallowed_methods,
        reason = "a server that lives on, not a function"
    )]
    tokio::spawn(post::deliver(Arc::clone(simulator), errand, Some(tried)));
    plan.early.then_some(first_tried)
}

async fn answer(plan: &Plan, verdict: &Verdict) -> Result<Reply, Hangup> {
    match plan.answer.manner() {
        Manner::Truth => Ok(truthfully(plan, verdict)),
        Manner::InternalError => Ok(reply::error(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL")),
        Manner::Reset => Err(Hangup::Reset),
        Manner::Close => Err(Hangup::Close),
        // Ends when the caller closes the connection.
        Manner::Silence => std::future::pending().await,
    }
}

fn truthfully(plan: &Plan, verdict: &Verdict) -> Reply {
    match verdict {
        Verdict::Accepted { number, .. } => {
            let body = format!(r#"{{"status":"ok","id":"sim-{number}"}}"#);
            reply::json(StatusCode::OK, Bytes::from(body))
        }
        Verdict::Throttled => reply::throttled(plan.retry_after),
        Verdict::Refused | Verdict::Nothing => {
            reply::error(StatusCode::BAD_REQUEST, "INVALID_NUMBER")
        }
    }
}
