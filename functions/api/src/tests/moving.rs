//! A scheduled campaign is moved, against the local stack: before it begins, and too late.

use axum::body::Body;
use carillon_core::{
    api_key::Mode,
    batch::{Control, Prepared},
    id::BatchId,
};
use carillon_testkit::stack;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    Answer, answer,
    once::{Caller, World, in_time},
};
use crate::{app, services::Api, time};

struct Scheduled {
    api: Api,
    caller: Caller,
    path: String,
    batch: BatchId,
}

impl Scheduled {
    /// For ten minutes from now, so that its preparation is asked for at once.
    async fn new() -> Self {
        let mut world = World::new().await;
        let sqs = world.aws.sqs();
        world.settings.queues.dispatch = Some(stack::queue(&sqs, "dispatch").await);
        world.settings.queues.hooks = Some(stack::queue(&sqs, "hooks").await);
        let (api, caller) = (world.api(), world.caller(Mode::Test).await);
        let campaign = json!({
            "name": "Later",
            "class": "transactional",
            "audience": {"type": "inline", "recipients": ["+447700900123"]},
            "content": {"text": "It is time"},
        });
        let made = caller.send(&api, "/v1/campaigns", &campaign).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let path = format!("/v1/campaigns/{}", made.body["id"].as_str().unwrap());
        let batch = "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let mut scheduled = Self {
            api,
            caller,
            path,
            batch,
        };
        let first = scheduled.to("first", 10).await;
        assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
        scheduled.batch = first.body["batch"].as_str().unwrap().parse().unwrap();
        scheduled
    }

    /// To so many minutes from now.
    async fn to(&self, key: &str, minutes: i64) -> Answer {
        let at = time::now() + SignedDuration::from_mins(minutes);
        self.act(key, "schedule", &json!({"at": at})).await
    }

    async fn act(&self, key: &str, action: &str, body: &Value) -> Answer {
        let path = format!("{}/{action}", self.path);
        let request = self.caller.post_under(key, &path);
        self.caller.ask(&self.api, request, body, in_time()).await
    }

    async fn now(&self) -> Value {
        let key = self.caller.key.secret.expose();
        let request = Request::get(&self.path)
            .header("authorization", format!("Bearer {key}"))
            .body(Body::empty())
            .unwrap();
        answer(app::router(self.api.clone()), request).await.body
    }

    /// As `prepare` and `dispatch` do.
    async fn begin(&self) {
        let prepared = Prepared {
            rows: 1,
            accepted: 1,
            parts: 1,
            ..Prepared::default()
        };
        let batches = &self.api.batches;
        batches.ready(self.batch, 1, &prepared).await.unwrap();
        assert!(batches.begin(self.batch, time::now()).await.unwrap());
    }

    async fn control(&self) -> Control {
        let batch = self.api.batches.find(self.batch).await.unwrap();
        batch.unwrap().progress.control
    }

    async fn actions(&self) -> Vec<String> {
        let entries = self.api.audit.list(self.caller.account, None, 10).await;
        let entries = entries.unwrap().into_iter();
        entries.map(|entry| entry.action).collect()
    }
}

#[tokio::test]
async fn before_it_begins_it_is_moved_and_its_old_batch_ends() {
    let scheduled = Scheduled::new().await;

    let moved = scheduled.to("second", 12).await;

    assert_eq!(moved.status, StatusCode::ACCEPTED, "{}", moved.body);
    assert_ne!(moved.body["batch"], json!(scheduled.batch));
    assert_eq!(scheduled.control().await, Control::Cancelled);
    let actions = scheduled.actions().await;
    let times = actions.iter().filter(|it| *it == "campaign.schedule");
    assert_eq!(times.count(), 2, "{actions:?}");
}

#[tokio::test]
async fn a_pause_holds_whatever_time_it_is_moved_to() {
    let scheduled = Scheduled::new().await;
    let held = scheduled.act("hold", "pause", &json!({})).await;
    assert_eq!(held.status, StatusCode::OK, "{}", held.body);

    for (key, action, body) in [
        (
            "second",
            "schedule",
            json!({"at": time::now() + SignedDuration::from_mins(12)}),
        ),
        ("third", "start", json!({})),
    ] {
        let moved = scheduled.act(key, action, &body).await;

        assert_eq!(moved.status, StatusCode::ACCEPTED, "{}", moved.body);
        assert_ne!(moved.body["batch"], json!(scheduled.batch), "{action}");
        let now = scheduled.now().await;
        assert_eq!(now["status"], "paused", "{action}");
    }
    let resumed = scheduled.act("resume", "resume", &json!({})).await;
    assert_eq!(resumed.status, StatusCode::OK, "{}", resumed.body);
    assert_ne!(scheduled.now().await["status"], "paused");
}

#[tokio::test]
async fn one_that_has_begun_is_neither_moved_nor_started_again_and_the_answer_says_so() {
    let scheduled = Scheduled::new().await;
    scheduled.begin().await;

    let moved = scheduled.to("second", 12).await;
    let started = scheduled.act("third", "start", &json!({})).await;

    for refused in [moved, started] {
        let detail = refused.body["detail"].as_str().unwrap();
        assert_eq!(refused.status, StatusCode::CONFLICT, "{detail}");
        assert_eq!(refused.body["code"], "invalid_state", "{detail}");
        assert!(detail.contains("has begun"), "{detail}");
    }
    assert_eq!(scheduled.control().await, Control::Running);
    assert_eq!(scheduled.now().await["batch"], json!(scheduled.batch));
}

#[tokio::test]
async fn one_that_has_begun_keeps_what_was_sent_of_it_when_it_is_cancelled() {
    let scheduled = Scheduled::new().await;
    scheduled.begin().await;

    let cancelled = scheduled.act("second", "cancel", &json!({})).await;

    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.body);
    assert_eq!(cancelled.body["status"], "cancelling");
    assert_eq!(cancelled.body["batch"], json!(scheduled.batch));
    assert_eq!(scheduled.control().await, Control::Cancelled);
}
