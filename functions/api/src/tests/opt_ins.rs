//! Asking a number whether its owner wants messages, against the local stack.

use carillon_core::{
    api_key::{Mode, Scope},
    chunk::{Pointer, source::Source},
    frame,
    limits::destinations::Destinations,
    message_id::MessageId,
    phone::Phone,
    safeguards::Safeguards,
    suppression::{Cause, Consent, Word},
};
use carillon_store::accounts::Account;
use carillon_testkit::{build, stack};
use serde_json::{Value, json};

use super::{
    Answer,
    once::{Caller, World, in_time},
    send,
};
use crate::{
    bootstrap,
    services::{Api, Settings},
    time,
};

const PATH: &str = "/v1/opt-ins";
const TEXT: &str = "ACME: Reply YES for {{offers}}, STOP for none.";

struct OptIns {
    world: World,
    api: Api,
    caller: Caller,
}

fn phone() -> Phone {
    Phone::from_e164("+447700900123").unwrap()
}

fn asking() -> Value {
    json!({"number": "+447700900123", "text": TEXT})
}

impl OptIns {
    async fn new() -> Self {
        let mut world = World::new().await;
        let contacts_table = stack::table_like(&world.aws.dynamodb(), "CONTACTS_TABLE").await;
        world.settings = Settings {
            contacts_table,
            ..world.settings
        };
        let api = world.api();
        let caller = named(&api, "ACME").await;
        let gateway = json!({"kind": "simulated", "name": "Mine"});
        let made = caller.send(&api, "/v1/gateways", &gateway).await;
        assert_eq!(made.status.as_u16(), 201, "{}", made.body);
        Self { world, api, caller }
    }

    async fn ask(&self, key: &str) -> Answer {
        self.ask_with(key, &asking()).await
    }

    async fn ask_with(&self, key: &str, body: &Value) -> Answer {
        let request = self.caller.post_under(key, PATH);
        self.caller.ask(&self.api, request, body, in_time()).await
    }
}

/// An account of this name that may send everywhere.
pub async fn named(api: &Api, name: &str) -> Caller {
    let account = Account {
        id: build::id(),
        name: name.to_owned(),
        created: time::now(),
        quotas: None,
    };
    let safeguards = Safeguards {
        destinations: Destinations::ALL,
        version: 1,
        ..Safeguards::of(account.id)
    };
    let now = time::now();
    let audit = bootstrap::entry(account.id, "test", "test".to_owned(), now);
    let made = api.accounts.create(&account, &safeguards, &[], &audit);
    made.await.unwrap();
    let scopes = Scope::ALL.to_vec();
    Caller {
        account: account.id,
        key: bootstrap::draw(api, account.id, "test", Mode::Live, scopes, now),
    }
}

#[tokio::test]
async fn a_question_goes_out_once_and_is_remembered_with_its_words() {
    let opt_ins = OptIns::new().await;

    let made = opt_ins.ask("a").await;
    let again = opt_ins.ask("a").await;

    assert_eq!(made.status.as_u16(), 202, "{}", made.body);
    assert_eq!(again.body, made.body);
    let (api, account) = (&opt_ins.api, opt_ins.caller.account);
    let asked = api.consents.asked(account, phone()).await.unwrap().unwrap();
    assert_eq!(made.body["message"], asked.message.to_string());
    assert_eq!((asked.text.as_str(), asked.answered), (TEXT, None));
    let MessageId { batch, chunk, .. } = asked.message;
    let pointer = Pointer { batch, chunk };
    let chunk = api.ledger.find(pointer).await.unwrap().unwrap();
    let Source::Inline(frame) = chunk.source else {
        panic!("a question is short")
    };
    let recipients = frame::decode(&frame).unwrap();
    assert_eq!(recipients[0].number, phone());
    assert_eq!(recipients[0].vars["question"], TEXT);
    let sent = stack::taken(&opt_ins.world.aws.sqs(), &opt_ins.world.lane).await;
    assert_eq!(sent.len(), 1);
}

#[tokio::test]
async fn who_has_not_answered_is_not_asked_again_and_who_opted_out_not_at_all() {
    let opt_ins = OptIns::new().await;
    opt_ins.ask("a").await;
    let (api, account) = (&opt_ins.api, opt_ins.caller.account);

    let unanswered = opt_ins.ask("b").await;
    let hash = api.key.number(account, phone());
    let word = Word::new(Consent::OptedOut, time::now(), Cause::Reply);
    let taken = api
        .suppressions
        .take(account, &hash, &word, time::now())
        .await;
    taken.unwrap();
    let opted_out = opt_ins.ask("c").await;

    for (refused, words) in [(unanswered, "hasn't answered"), (opted_out, "opted out")] {
        assert_eq!(refused.body["code"], "invalid_state", "{}", refused.body);
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail}");
    }
}

#[tokio::test]
async fn an_account_without_words_of_its_own_asks_by_its_name() {
    let opt_ins = OptIns::new().await;
    let body = json!({"number": "+447700900123"});

    let made = opt_ins.ask_with("a", &body).await;

    let expected = "ACME: Reply YES to get messages from us. Reply STOP to get none.";
    assert_eq!(made.body["text"], expected, "{}", made.body);
    assert_eq!(made.body["scope"], "marketing");
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_told_by_its_field() {
    for (name, field, value, pointer) in [
        ("no number", "number", json!("123"), "/number"),
        ("no answer named", "text", json!("Offers?"), "/text"),
        (
            "a long one",
            "text",
            json!(format!("YES {}", "x".repeat(480))),
            "/text",
        ),
    ] {
        let mut body = asking();
        body[field] = value;

        let refused = send("POST", PATH, body.to_string()).await;

        assert_eq!(refused.status.as_u16(), 422, "{name}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{name}");
    }
}
