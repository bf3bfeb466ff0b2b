//! Keeps a key and its account within their quotas, and tells each caller how it stands, in `RateLimit` headers
//! (draft-ietf-httpapi-ratelimit-headers). Who is over is remembered until the window's end, so that a flood costs no writes.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{extract::Request, middleware::Next, response::Response};
use carillon_core::{
    id::ApiKeyId,
    quota::{Policy, Standing, WINDOW_SECONDS, Window},
};
use carillon_store::quotas::{NoRoom, RequestCounts};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    logs::chain,
    principal::Principal,
    problem::{Code, Problem},
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Keys and accounts that are remembered at most.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Clone)]
pub struct Limiter {
    counts: RequestCounts,
    /// Keys and accounts without anything left.
    over: Arc<Mutex<HashMap<Uuid, (Policy, Standing)>>>,
}

impl Limiter {
    pub fn new(counts: RequestCounts) -> Self {
        let over = Arc::default();
        Self { counts, over }
    }

    /// Counts a request. Where that fails it is let through: the quotas protect neighbours from each other, and a table that can't
    /// count can't do the rest either.
    pub async fn admit(
        &self,
        who: &Principal,
        key: ApiKeyId,
        now: Timestamp,
    ) -> Result<Option<Standing>, (Problem, Standing)> {
        if let Some((policy, standing)) = self.recall(who, key, now) {
            return Err((refused(policy, &standing, now), standing));
        }
        let window = Window::of(who.account, now);
        let used = match self.counts.request(who.account, key, window).await {
            Ok(used) => used,
            Err(error) => {
                uncounted(&error);
                return Ok(None);
            }
        };
        let standing = Standing {
            quotas: who.quotas,
            used,
            ends: window.ends,
        };
        let Some(policy) = standing.violated() else {
            return Ok(Some(standing));
        };
        self.remember(who, key, policy, standing);
        Err((refused(policy, &standing, now), standing))
    }

    /// Counts the recipients of a list.
    pub async fn admit_recipients(
        &self,
        who: &Principal,
        recipients: usize,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let Some(key) = who.key() else { return Ok(()) };
        let window = Window::of(who.account, now);
        let recipients = u32::try_from(recipients).unwrap_or(u32::MAX);
        let quota = who.quotas.recipients;
        let counted = self
            .counts
            .recipients(who.account, key, window, recipients, quota)
            .await;
        match counted {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(NoRoom(used))) => {
                let standing = Standing {
                    quotas: who.quotas,
                    used,
                    ends: window.ends,
                };
                Err(refused(Policy::Recipients, &standing, now))
            }
            Err(error) => {
                uncounted(&error);
                Ok(())
            }
        }
    }

    fn recall(&self, who: &Principal, key: ApiKeyId, now: Timestamp) -> Option<(Policy, Standing)> {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let found = [key.uuid(), who.account.uuid()];
        let mut found = found.iter().filter_map(|id| over.get(id));
        found.find(|(_, standing)| standing.ends > now).copied()
    }

    fn remember(&self, who: &Principal, key: ApiKeyId, policy: Policy, standing: Standing) {
        let id = match policy {
            Policy::Key => key.uuid(),
            Policy::Account | Policy::Recipients => who.account.uuid(),
        };
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if over.len() >= REMEMBERED {
            over.clear();
        }
        over.insert(id, (policy, standing));
    }
}

fn uncounted(error: &carillon_store::StoreError) {
    tracing::warn!(
        metric = "api.uncounted",
        error = chain(error),
        "a request was let through without being counted"
    );
}

fn refused(policy: Policy, standing: &Standing, now: Timestamp) -> Problem {
    let (quota, seconds) = (standing.quotas.of(policy), standing.seconds_left(now));
    let detail = match policy {
        Policy::Key => format!(
            "This key may make {quota} requests in {WINDOW_SECONDS} seconds. Wait {seconds} s, or send to several recipients in one request."
        ),
        Policy::Account => format!(
            "The keys of this account may make {quota} requests in {WINDOW_SECONDS} seconds together. Wait {seconds} s."
        ),
        Policy::Recipients => format!(
            "This account may send to {quota} recipients of lists in {WINDOW_SECONDS} seconds. Wait {seconds} s, or make a campaign: it has no such limit."
        ),
    };
    let problem = Problem::new(Code::RateLimited, detail).retry_after(seconds);
    problem.violating(policy.name())
}

/// Carries how a caller stands from where it is found out to [`tell`].
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Mutex<Option<Standing>>>);

impl Told {
    pub fn set(&self, standing: Standing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(standing);
    }
}

/// A layer around that of the problems: every answer to a known caller says how it stands.
pub async fn tell(mut request: Request, next: Next) -> Response {
    let told = Told::default();
    request.extensions_mut().insert(told.clone());
    let mut response = next.run(request).await;
    let standing = *told.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(standing) = standing {
        let (policy, limit) = headers(&standing, Timestamp::now());
        let headers = [(POLICY, policy), (LIMIT, limit)];
        let headers = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?)));
        response.headers_mut().extend(headers);
    }
    response
}

fn headers(standing: &Standing, now: Timestamp) -> (String, String) {
    let (mut policies, mut limits) = (String::new(), String::new());
    let seconds = standing.seconds_left(now);
    for policy in Policy::ALL {
        let comma = if policies.is_empty() { "" } else { ", " };
        let (name, quota) = (policy.name(), standing.quotas.of(policy));
        let remaining = standing.remaining(policy);
        let unit = match policy {
            Policy::Key | Policy::Account => "",
            Policy::Recipients => ";qu=\"recipients\"",
        };
        write!(
            policies,
            "{comma}\"{name}\";q={quota};w={WINDOW_SECONDS}{unit}"
        )
        .expect("a String takes everything");
        write!(limits, "{comma}\"{name}\";r={remaining};t={seconds}")
            .expect("a String takes everything");
    }
    (policies, limits)
}

#[cfg(test)]
mod tests {
    use carillon_core::quota::{Quotas, Used};
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn headers_tell_of_every_policy() {
        let now = Timestamp::now();
        let standing = Standing {
            quotas: Quotas {
                key: 1_000,
                account: 5_000,
                recipients: 10_000,
            },
            used: Used {
                key: 1,
                account: 4_990,
                recipients: 20_000,
            },
            ends: now + SignedDuration::from_millis(6_500),
        };

        let (policy, limit) = headers(&standing, now);

        assert_eq!(
            policy,
            r#""key";q=1000;w=10, "account";q=5000;w=10, "recipients";q=10000;w=10;qu="recipients""#
        );
        assert_eq!(
            limit,
            r#""key";r=999;t=7, "account";r=10;t=7, "recipients";r=0;t=7"#
        );
    }
}
