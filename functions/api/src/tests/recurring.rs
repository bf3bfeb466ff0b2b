//! Campaigns that come again, against the local stack, by the test's clock.

use axum::body::Body;
use carillon_core::{
    api_key::Mode,
    campaign::{Campaign, Plan},
    id::CampaignId,
    recurrence::OccurrenceOf,
};
use carillon_testkit::stack;
use http::Request;
use jiff::{SignedDuration, Span, Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    answer,
    once::{Caller, World},
};
use crate::{
    app,
    routes::campaigns::recurring::make_due,
    services::{Api, Settings},
    time,
};

struct Recurring {
    api: Api,
    caller: Caller,
    template: String,
    list: String,
    campaign: CampaignId,
    /// Of its first occurrence.
    first: Date,
}

impl Recurring {
    /// Each day at ten in UTC, four times, from the day after tomorrow.
    async fn new() -> Self {
        let mut world = World::new().await;
        let contacts_table = stack::table_like(&world.aws.dynamodb(), "CONTACTS_TABLE").await;
        world.settings = Settings {
            contacts_table,
            ..world.settings
        };
        let (api, caller) = (world.api(), world.caller(Mode::Live).await);
        let today = time::now().to_zoned(TimeZone::UTC).date();
        let mut recurring = Self {
            api,
            caller,
            template: String::new(),
            list: String::new(),
            campaign: "cmp_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            first: today.saturating_add(Span::new().days(2)),
        };
        let gateway = json!({"kind": "simulated", "name": "Mine"});
        recurring.make("/v1/gateways", gateway).await;
        recurring.list = recurring
            .make("/v1/lists", json!({"name": "Friends"}))
            .await;
        let template = json!({"name": "Daily", "text": "Yesterday's news"});
        recurring.template = recurring.make("/v1/templates", template).await;
        let campaign = json!({
            "name": "Daily",
            "audience": {"type": "contacts", "lists": [recurring.list]},
            "content": {"template": {"id": recurring.template}},
            "class": "transactional",
        });
        let campaign = recurring.make("/v1/campaigns", campaign).await;
        recurring.campaign = campaign.parse().unwrap();
        let recurrence = json!({"recurrence": {
            "every": "day", "time": "10:00", "time_zone": "UTC", "from": recurring.first, "count": 4,
        }});
        let planned = recurring.act("schedule", recurrence).await;
        assert_eq!(planned["status"], "recurring", "{planned}");
        recurring
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let key = carillon_runtime::random::token();
        let request = self.caller.post_under(&key, path);
        let deadline = super::once::in_time();
        let answer = self.caller.ask(&self.api, request, body, deadline).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        answer.body
    }

    async fn make(&self, path: &str, body: Value) -> String {
        self.post(path, &body).await["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn act(&self, action: &str, body: Value) -> Value {
        let path = format!("/v1/campaigns/{}/{action}", self.campaign);
        self.post(&path, &body).await
    }

    async fn get(&self, path: &str) -> Value {
        let key = self.caller.key.secret.expose();
        let request = Request::get(format!("/v1/campaigns/{}{path}", self.campaign))
            .header("authorization", format!("Bearer {key}"))
            .body(Body::empty())
            .unwrap();
        answer(app::router(self.api.clone()), request).await.body
    }

    /// The states of its occurrences.
    async fn states(&self) -> Vec<String> {
        let listed = self.get("/occurrences").await;
        let states = listed["data"].as_array().unwrap().iter();
        states
            .map(|it| it["state"].as_str().unwrap().to_owned())
            .collect()
    }

    fn day(&self, number: i64) -> Date {
        self.first.saturating_add(Span::new().days(number))
    }

    /// So many minutes after an occurrence's time.
    fn at(&self, number: i64, minutes: i64) -> Timestamp {
        let at = self.day(number).at(10, 0, 0, 0).to_zoned(TimeZone::UTC);
        at.unwrap().timestamp() + SignedDuration::from_mins(minutes)
    }

    async fn minute(&self, number: i64, minutes: i64) -> usize {
        make_due(&self.api, self.at(number, minutes)).await.unwrap()
    }

    async fn made(&self, number: i64) -> Option<Campaign> {
        let of = OccurrenceOf {
            campaign: self.campaign,
            on: self.day(number),
        };
        let (id, _) = of.ids(self.at(number, 0));
        let found = self.api.campaigns.find(self.caller.account, id).await;
        found.unwrap()
    }
}

#[tokio::test]
async fn each_time_becomes_a_campaign_of_its_own_once_with_the_words_of_that_time() {
    let recurring = Recurring::new().await;

    let early = recurring.minute(0, -16).await;
    let (one, other) = tokio::join!(recurring.minute(0, -15), recurring.minute(0, -15));
    let again = recurring.minute(0, -14).await;
    let template = format!("/v1/templates/{}", recurring.template);
    let change = Request::patch(template)
        .header(
            "authorization",
            format!("Bearer {}", recurring.caller.key.secret.expose()),
        )
        .header("content-type", "application/json")
        .header("if-match", "*")
        .body(Body::from(json!({"text": "Today's news"}).to_string()))
        .unwrap();
    let changed = answer(app::router(recurring.api.clone()), change).await;
    let next = recurring.minute(1, -9).await;

    assert_eq!((early, one + other, again, next), (0, 1, 0, 1));
    assert_eq!(changed.status, 200, "{}", changed.body);
    for (number, text) in [(0, "Yesterday's news"), (1, "Today's news")] {
        let made = recurring.made(number).await.unwrap();
        let Plan::Scheduled { at, batch } = made.plan else {
            panic!("{:?}", made.plan);
        };
        let batch = recurring.api.batches.find(batch).await.unwrap().unwrap();
        assert_eq!(at, recurring.at(number, 0));
        assert_eq!(batch.terms.not_before, Some(at));
        assert_eq!(batch.terms.content.text, text);
        assert_eq!(made.occurrence.unwrap().campaign, recurring.campaign);
    }
    assert_eq!(
        recurring.states().await,
        ["made", "made", "planned", "planned"]
    );
}

#[tokio::test]
async fn what_is_skipped_missed_or_paused_is_not_sent_late() {
    let recurring = Recurring::new().await;

    let skipped = json!({"on": recurring.day(0)});
    let skipped = recurring.act("occurrences/skip", skipped).await;
    let skip = recurring.minute(0, -10).await;
    // An outage until an hour after its time; the next is made a little late.
    let missed = recurring.minute(1, 60).await;
    let late = recurring.minute(2, 59).await;
    recurring.act("pause", json!({})).await;
    let paused = recurring.minute(3, -10).await + recurring.minute(3, 0).await;
    recurring.act("resume", json!({})).await;
    let after = recurring.minute(3, 1).await;

    assert_eq!(skipped["state"], "skipped");
    assert_eq!((skip, missed, late, paused, after), (0, 0, 1, 0, 0));
    assert_eq!(
        recurring.states().await,
        ["skipped", "missed", "made", "missed"]
    );
    assert_eq!(recurring.get("").await["status"], "finished");
}

#[tokio::test]
async fn after_a_stop_nothing_comes_and_what_was_made_is_cancelled() {
    let recurring = Recurring::new().await;
    recurring.minute(0, -10).await;

    let stopped = recurring.act("cancel", json!({})).await;
    let made = recurring.minute(1, -10).await;

    assert_eq!((&stopped["status"], made), (&json!("cancelled"), 0));
    assert_eq!(recurring.made(0).await.unwrap().plan, Plan::Cancelled);
    assert!(recurring.made(1).await.is_none());
    assert_eq!(
        recurring.states().await,
        ["made", "stopped", "stopped", "stopped"]
    );
}

#[tokio::test]
async fn a_time_that_cannot_be_made_says_why_and_is_tried_again_until_it_is_stale() {
    let recurring = Recurring::new().await;
    let list = recurring.list.parse().unwrap();
    let lists = &recurring.api.lists;
    let audit = crate::bootstrap::entry(
        recurring.caller.account,
        "test",
        "test".to_owned(),
        time::now(),
    );
    let found = lists
        .find(recurring.caller.account, list)
        .await
        .unwrap()
        .unwrap();
    lists.delete(&found, &audit).await.unwrap().unwrap();

    let refused = recurring.minute(0, -10).await;
    let told = recurring.get("").await;
    let stale = recurring.minute(0, 60).await;

    assert_eq!((refused, stale), (0, 0));
    assert!(told["problem"].as_str().unwrap().contains("list"), "{told}");
    assert_eq!(told["status"], "recurring");
    assert_eq!(recurring.states().await[0], "missed");
}
