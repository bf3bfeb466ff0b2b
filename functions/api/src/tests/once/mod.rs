//! Requests with an `Idempotency-Key`, against the local stack: each cell of what is promised, and a process that dies after any
//! of its calls.

mod answers;
mod crashes;

use axum::body::Body;
use carillon_core::{
    api_key::{Mode, Scope},
    id::AccountId,
    limits::destinations::Destinations,
    safeguards::Safeguards,
};
use carillon_store::{aws::Aws, queues::QueueUrls};
use carillon_testkit::{build, stack};
use http::{Request, request::Builder};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Answer, answer, api_of, settings};
use crate::{
    app,
    bootstrap::{self, NewKey},
    once::Deadline,
    services::{Api, Settings},
    time,
};

/// Tables and queues of a test's own.
pub struct World {
    pub aws: Aws,
    pub settings: Settings,
    /// One for all lanes.
    pub lane: String,
    pub prepare: String,
}

/// An account with a key.
pub struct Caller {
    pub account: AccountId,
    pub key: NewKey,
}

impl World {
    pub async fn new() -> Self {
        let aws = stack::aws().await;
        let ledger = stack::table_like(&aws.dynamodb(), "LEDGER_TABLE").await;
        let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
        let lane = stack::queue(&aws.sqs(), "lane").await;
        let prepare = stack::queue(&aws.sqs(), "prepare").await;
        let queues = QueueUrls {
            prepare: Some(prepare.clone()),
            high: Some(lane.clone()),
            normal: Some(lane.clone()),
            low: Some(lane.clone()),
            ..QueueUrls::default()
        };
        let settings = Settings {
            queues,
            files_bucket: stack::variable("FILES_BUCKET"),
            credentials_key_arn: stack::variable("CREDENTIALS_KEY_ARN"),
            ..settings(&ledger, &core)
        };
        Self {
            aws,
            settings,
            lane,
            prepare,
        }
    }

    pub fn api(&self) -> Api {
        api_of(&self.aws, self.settings.clone())
    }

    /// Of an account that may send everywhere.
    pub async fn caller(&self, mode: Mode) -> Caller {
        let (api, account) = (self.api(), build::id());
        let safeguards = Safeguards {
            destinations: Destinations::ALL,
            version: 1,
            ..Safeguards::of(account)
        };
        let audit = bootstrap::entry(account, "test", "test".to_owned(), time::now());
        let changed = api.safeguards.change(&safeguards, &audit).await;
        changed.unwrap().unwrap();
        let key = bootstrap::draw(
            &api,
            account,
            "test",
            mode,
            Scope::ALL.to_vec(),
            time::now(),
        );
        Caller { account, key }
    }
}

impl Caller {
    pub fn post(&self, path: &str) -> Builder {
        self.post_under("a-key", path)
    }

    pub fn post_under(&self, idempotency_key: &str, path: &str) -> Builder {
        let key = self.key.secret.expose();
        Request::post(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .header("idempotency-key", idempotency_key)
    }

    /// Asks an `api` whose invocation ends at `deadline`.
    pub async fn ask(
        &self,
        api: &Api,
        request: Builder,
        body: &Value,
        deadline: Deadline,
    ) -> Answer {
        let stored = &self.key.stored;
        api.authenticator
            .remember(stored.hash.clone(), stored.key.clone(), time::now());
        let request = request.extension(deadline);
        let request = request.body(Body::from(body.to_string())).unwrap();
        answer(app::router(api.clone()), request).await
    }

    pub async fn send(&self, api: &Api, path: &str, body: &Value) -> Answer {
        self.ask(api, self.post(path), body, in_time()).await
    }
}

pub fn in_time() -> Deadline {
    deadline(time::now() + SignedDuration::from_secs(10))
}

/// The deadline of an invocation that was over long ago.
pub fn long_over() -> Deadline {
    deadline(time::now() - SignedDuration::from_secs(10))
}

fn deadline(at: Timestamp) -> Deadline {
    Deadline::from_milliseconds(u64::try_from(at.as_millisecond()).unwrap())
}
