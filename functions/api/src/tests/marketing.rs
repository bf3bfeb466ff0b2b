//! Marketing by `POST /v1/messages`, against the local stack: how often, and to whom.

use carillon_core::{
    api_key::Mode,
    chunk::{Pointer, slot::SlotOutcome},
    consent::{ConsentRecord, ConsentScope, Method},
    id::BatchId,
    limits::frequency::FrequencyCap,
    phone::Phone,
    reason::Reason,
    safeguards::{NeedsConsent, Safeguards},
};
use carillon_runtime::random;
use carillon_testkit::{build, stack};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::once::{Caller, World, in_time};
use crate::{
    bootstrap,
    services::{Api, Settings},
    time,
};

const ANN: &str = "+447700900123";
const BEN: &str = "+447700900124";

struct Marketing {
    api: Api,
    caller: Caller,
}

impl Marketing {
    /// Of an account with a gateway, and these safeguards.
    async fn new(change: impl Fn(Safeguards) -> Safeguards) -> Self {
        let mut world = World::new().await;
        let contacts_table = stack::table_like(&world.aws.dynamodb(), "CONTACTS_TABLE").await;
        world.settings = Settings {
            contacts_table,
            ..world.settings
        };
        let (api, caller) = (world.api(), world.caller(Mode::Live).await);
        let before = api.safeguards.find(caller.account).await.unwrap();
        let version = before.version + 1;
        let after = Safeguards {
            version,
            ..change(before)
        };
        let audit = bootstrap::entry(caller.account, "test", "test".to_owned(), time::now());
        let changed = api.safeguards.change(&after, &audit).await;
        changed.unwrap().unwrap();
        let gateway = json!({"kind": "simulated", "name": "Mine"});
        let made = caller.send(&api, "/v1/gateways", &gateway).await;
        assert_eq!(made.status.as_u16(), 201, "{}", made.body);
        Self { api, caller }
    }

    async fn send(&self, class: &str, to: &[&str]) -> Value {
        self.post(json!({"to": to, "text": "Spring is here", "class": class}))
            .await
    }

    /// What becomes of marketing that is sent in so many hours.
    async fn planned(&self, to: &str, hours: i64) -> String {
        let at = time::now() + SignedDuration::from_hours(hours);
        let body =
            json!({"to": [to], "text": "Spring is here", "class": "marketing", "send_at": at});
        let sent = self.post(body).await;
        let message = &sent["messages"][0];
        let reason = message["reason"]["code"].as_str();
        let status = message["status"].as_str();
        reason.or(status).unwrap().to_owned()
    }

    async fn post(&self, body: Value) -> Value {
        let request = self.caller.post_under(&random::token(), "/v1/messages");
        let sent = self.caller.ask(&self.api, request, &body, in_time()).await;
        assert_eq!(sent.status.as_u16(), 202, "{}", sent.body);
        sent.body
    }

    /// What becomes of each recipient.
    async fn statuses(&self, class: &str, to: &[&str]) -> Vec<String> {
        let sent = self.send(class, to).await;
        let messages = sent["messages"].as_array().unwrap().iter();
        let word = |message: &Value| {
            let reason = message["reason"]["code"].as_str().map(str::to_owned);
            reason.unwrap_or_else(|| message["status"].as_str().unwrap().to_owned())
        };
        messages.map(word).collect()
    }
}

fn twice_a_day(safeguards: Safeguards) -> Safeguards {
    let cap = FrequencyCap {
        messages: 2,
        hours: 24,
    };
    Safeguards {
        frequency: vec![cap],
        ..safeguards
    }
}

fn record(scope: ConsentScope) -> ConsentRecord {
    ConsentRecord {
        id: build::id(),
        scope,
        method: Method::Paper,
        given: time::now(),
        recorded: time::now(),
        expires: None,
        source: "the shop".to_owned(),
        text: "Send me offers".to_owned(),
        language: None,
        evidence: None,
        identity: None,
        ip: None,
        user_agent: None,
        inbound: None,
        redacted: None,
    }
}

#[tokio::test]
async fn marketing_reaches_a_number_so_often_and_what_is_too_much_is_suppressed_from_the_beginning()
{
    let marketing = Marketing::new(twice_a_day).await;

    marketing.send("transactional", &[ANN]).await;
    let first = marketing.statuses("marketing", &[ANN]).await;
    let second = marketing.statuses("marketing", &[ANN]).await;
    let third = marketing.send("marketing", &[ANN, BEN]).await;
    let transactional = marketing.statuses("transactional", &[ANN]).await;

    assert_eq!(
        (first, second),
        (vec!["queued".to_owned()], vec!["queued".to_owned()])
    );
    assert_eq!(transactional, ["queued"]);
    let messages = &third["messages"];
    assert_eq!(messages[0]["status"], "suppressed");
    assert_eq!(messages[0]["reason"]["code"], "policy.flood");
    assert_eq!(messages[1]["status"], "queued");
    let batch: BatchId = third["batch"].as_str().unwrap().parse().unwrap();
    let pointer = Pointer { batch, chunk: 0 };
    let chunk = marketing.api.ledger.find(pointer).await.unwrap().unwrap();
    let slots = chunk.slots.iter().map(|slot| (slot.outcome, slot.reason));
    let expected = [
        (SlotOutcome::Suppressed, Some(Reason::Flood)),
        (SlotOutcome::Waiting, None),
    ];
    assert_eq!(slots.collect::<Vec<_>>(), expected);
    // What wasn't sent doesn't count: Ben has had one.
    assert_eq!(marketing.statuses("marketing", &[BEN]).await, ["queued"]);
}

#[tokio::test]
async fn a_cap_counts_what_is_planned_by_its_time() {
    let marketing = Marketing::new(twice_a_day).await;
    let (queued, planned) = (["queued"], "scheduled");

    for _ in 0..2 {
        assert_eq!(marketing.statuses("marketing", &[ANN]).await, queued);
        assert_eq!(marketing.planned(BEN, 60).await, planned);
    }

    assert_eq!(marketing.planned(ANN, 30).await, planned, "another day");
    assert_eq!(marketing.planned(ANN, 20).await, "policy.flood", "today");
    assert_eq!(marketing.planned(BEN, 60).await, "policy.flood", "that day");
    assert_eq!(marketing.planned(BEN, 40).await, "policy.flood", "before");
    assert_eq!(marketing.statuses("marketing", &[BEN]).await, queued);
}

#[tokio::test]
async fn florida_allows_three_a_day_whatever_the_account_allows() {
    let without = |safeguards| Safeguards {
        frequency: Vec::new(),
        ..safeguards
    };
    let marketing = Marketing::new(without).await;
    let (miami, new_york) = ("+13052345678", "+12122345678");
    for _ in 0..3 {
        marketing.send("marketing", &[miami, new_york]).await;
    }

    let fourth = marketing.statuses("marketing", &[miami, new_york]).await;

    assert_eq!(fourth, ["policy.flood", "queued"]);
}

#[tokio::test]
async fn where_it_is_asked_for_marketing_goes_to_those_only_who_agreed() {
    let needs = |safeguards| Safeguards {
        marketing_needs_consent: NeedsConsent::Skip,
        ..safeguards
    };
    let marketing = Marketing::new(needs).await;
    let account = marketing.caller.account;
    let consents = &marketing.api.consents;
    let number = |text: &str| Phone::from_e164(text).unwrap();
    let agreed = record(ConsentScope::Marketing);
    let other = record(ConsentScope::Transactional);

    let before = marketing.statuses("marketing", &[ANN, BEN]).await;
    consents
        .record(account, number(ANN), &agreed)
        .await
        .unwrap();
    consents.record(account, number(BEN), &other).await.unwrap();
    let after = marketing.statuses("marketing", &[ANN, BEN]).await;
    let transactional = marketing.statuses("transactional", &[BEN]).await;

    assert_eq!(before, ["policy.no_consent", "policy.no_consent"]);
    assert_eq!(after, ["queued", "policy.no_consent"]);
    assert_eq!(transactional, ["queued"]);
}
