//! Requests through the router, without a socket and, but for `deliver` and `once`, without AWS: what is answered before anything is read or
//! written. What the routes do then is tested against the local stack, in `tests/stack`.

mod alerts;
mod bad_input;
mod consents;
mod console;
mod dead_letters;
mod deliver;
mod document;
mod events;
mod export_schedules;
mod lake;
mod marketing;
mod members;
mod moving;
mod once;
mod opt_ins;
mod permissions;
mod privacy;
mod quotas;
mod recurring;
mod reports;
mod retention;
mod rules;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use axum::{
    Router,
    body::{Body, to_bytes},
};
use carillon_core::{
    api_key::{Mode, Scope},
    keyed_hash::DeploymentKey,
    quota::Quotas,
};
use carillon_store::{aws::Aws, queues::QueueUrls, schedules::ScheduleNames};
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use crate::{
    app, bootstrap,
    services::{Api, Settings},
    time,
};

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// An API whose AWS is not there.
pub fn api() -> Api {
    api_with(&nowhere(), "ledger", "core")
}

fn nowhere() -> Aws {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://127.0.0.1:9")
        .retry_config(RetryConfig::disabled())
        .build();
    Aws::from_config(config)
}

pub fn api_with(aws: &Aws, ledger_table: &str, core_table: &str) -> Api {
    api_of(aws, settings(ledger_table, core_table))
}

pub fn api_of(aws: &Aws, settings: Settings) -> Api {
    let key = DeploymentKey::from_secret("a secret of a test");
    Api::new(aws, key, settings)
}

pub fn settings(ledger_table: &str, core_table: &str) -> Settings {
    Settings {
        ledger_table: ledger_table.to_owned(),
        core_table: core_table.to_owned(),
        contacts_table: "contacts".to_owned(),
        files_bucket: "files".to_owned(),
        credentials_key_arn: "arn".to_owned(),
        alerts_topic_arn: "arn".to_owned(),
        queues: QueueUrls::default(),
        schedules: ScheduleNames {
            group: "group".to_owned(),
            role_arn: "arn".to_owned(),
            prepare_queue_arn: "arn".to_owned(),
            dead_letters_arn: "arn".to_owned(),
        },
        public_url: "https://sms.example.net".to_owned(),
        hooks_url: "https://hooks.example.net".to_owned(),
        links_url: "https://links.example.net".to_owned(),
        allowed_hosts: "127.0.0.1".parse().unwrap(),
        webhook_hosts: "127.0.0.1".parse().unwrap(),
        quotas: Quotas {
            key: 1_000,
            account: 1_000,
            recipients: 1_000,
        },
    }
}

/// A key with these scopes, known to the API as if it had just been read.
pub fn key(api: &Api, mode: Mode, scopes: &[Scope]) -> String {
    let account = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let new = bootstrap::draw(api, account, "test", mode, scopes.to_vec(), time::now());
    let stored = new.stored;
    api.authenticator
        .remember(stored.hash, stored.key, time::now());
    new.secret.expose().to_owned()
}

pub async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}

/// A request with a JSON body and a live key that may do everything.
pub async fn send(method: &str, path: &str, body: impl Into<String>) -> Answer {
    let api = api();
    let key = key(&api, Mode::Live, &Scope::ALL);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("idempotency-key", "a-key")
        .body(Body::from(body.into()))
        .unwrap();
    answer(app::router(api), request).await
}
