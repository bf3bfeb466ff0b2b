//! The recorded message of `events/`, and what a message changes.

use std::time::Duration;

use carillon_core::{
    batch::{BatchTerms, DoubtPolicy},
    chunk::{Pointer, source::Source},
    consent::{ConsentScope, Method},
    frame,
    id::{AccountId, BatchId, GatewayAccountId},
    keyword::Match,
    message_id::MessageId,
    opt_in::Asked,
    phone::Phone,
    replies::Replies,
    safeguards::Safeguards,
};
use carillon_store::{
    accounts::Account,
    audit::{Actor, Audit},
    credentials::Sealed,
    gateway_accounts::GatewayRecord,
};
use carillon_testkit::{build, stack};
use serde_json::{Value, json};

use super::*;

const RECORDED: &str = include_str!("../../../events/inbound-sqs.json");

struct Setup {
    state: State,
    aws: Aws,
    hooks: String,
    lane: String,
    account: AccountId,
}

fn from() -> Phone {
    Phone::from_e164("+447700900123").unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

impl Setup {
    async fn new() -> Self {
        let aws = stack::aws().await;
        let contacts = stack::table_like(&aws.dynamodb(), "CONTACTS_TABLE").await;
        let hooks = stack::queue(&aws.sqs(), "hooks").await;
        let lane = stack::queue(&aws.sqs(), "high").await;
        let urls = QueueUrls {
            hooks: Some(hooks.clone()),
            high: Some(lane.clone()),
            ..QueueUrls::default()
        };
        let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
        let ledger = stack::table_like(&aws.dynamodb(), "LEDGER_TABLE").await;
        let key = DeploymentKey::from_secret("a secret of a test");
        let state = State {
            answers: Answers::new(&aws, &contacts, &core, &ledger),
            consents: Consents::new(aws.dynamodb(), &contacts, key.clone()),
            dead: DeadLetterQueues::new(aws.sqs(), Vec::new(), 5),
            key,
            suppressions: Suppressions::new(aws.dynamodb(), &contacts),
            log: InboundLog::new(aws.dynamodb(), contacts),
            queues: Queues::new(aws.sqs(), urls),
        };
        Self {
            state,
            aws,
            hooks,
            lane,
            account: build::id(),
        }
        .with_account()
        .await
    }

    async fn with_account(self) -> Self {
        let account = Account {
            id: self.account,
            name: "ACME".to_owned(),
            created: at(0),
            quotas: None,
        };
        let safeguards = Safeguards::of(self.account);
        let audit = self.audit();
        let accounts = &self.state.answers.accounts;
        accounts
            .create(&account, &safeguards, &[], &audit)
            .await
            .unwrap();
        self
    }

    fn audit(&self) -> Audit {
        Audit {
            id: build::id(),
            at: at(0),
            account: self.account,
            actor: Actor::Operator,
            action: "test".to_owned(),
            target: self.account.to_string(),
        }
    }

    /// A gateway account of this kind.
    async fn gateway(&self, kind: &str, config: Value) -> GatewayAccountId {
        let record = GatewayRecord {
            id: build::id(),
            account: self.account,
            kind: kind.to_owned(),
            name: kind.to_owned(),
            config,
            token: build::id::<carillon_core::id::Batch>().to_string(),
            parts_per_second: Some(10),
            sender_parts_per_second: None,
            cost_per_part: None,
            enabled: true,
            created: at(0),
            version: 1,
        };
        let sealed = Sealed {
            data_key: vec![1],
            content: vec![2],
        };
        let gateways = &self.state.answers.gateways;
        gateways
            .create(&record, &sealed, &self.audit())
            .await
            .unwrap();
        record.id
    }

    /// The batches whose pointers wait in the lane, each once.
    async fn answers(&self) -> Vec<BatchTerms> {
        until_told().await;
        self.answers_now().await
    }

    async fn answers_now(&self) -> Vec<BatchTerms> {
        let pointers = stack::taken(&self.aws.sqs(), &self.lane).await;
        let mut ids: Vec<BatchId> = pointers
            .iter()
            .map(|body| serde_json::from_str::<Pointer>(body).unwrap().batch)
            .collect();
        ids.sort();
        ids.dedup();
        let mut answers = Vec::new();
        for id in ids {
            let batch = self.state.answers.batches.find(id).await.unwrap();
            answers.push(batch.expect("a pointer to a batch").terms);
        }
        answers
    }

    /// What the recipient of a batch reads.
    async fn text(&self, batch: BatchId) -> String {
        let pointer = Pointer { batch, chunk: 0 };
        let chunk = self.state.answers.ledger.find(pointer).await.unwrap();
        let Source::Inline(frame) = chunk.unwrap().source else {
            panic!("an answer is short")
        };
        let recipients = frame::decode(&frame).unwrap();
        assert_eq!(recipients[0].number, from());
        recipients[0].vars["answer"].clone()
    }

    fn message(&self, text: &str, second: i64) -> QueuedInbound {
        QueuedInbound {
            account: self.account,
            gateway: None,
            from: from(),
            to: "12345".to_owned(),
            text: text.to_owned(),
            provider_id: None,
            at: at(second),
        }
    }

    async fn take(&self, message: &QueuedInbound) {
        let mut event: SqsEvent = serde_json::from_str(RECORDED).unwrap();
        event.records[0].body = Some(serde_json::to_string(message).unwrap());
        let answer = handle(&self.state, event, at(60)).await;
        assert!(answer.batch_item_failures.is_empty());
    }

    async fn may_not_be_texted(&self) -> bool {
        let hash = self.state.key.number(self.account, from());
        let holds = self.state.suppressions.holds(self.account, &hash).await;
        holds.unwrap()
    }

    async fn told(&self) -> Vec<Value> {
        until_told().await;
        self.told_now().await
    }

    async fn told_now(&self) -> Vec<Value> {
        let told = stack::received(&self.aws.sqs(), &self.hooks).await;
        let read = |body: &String| serde_json::from_str::<Value>(body).unwrap();
        let events = |body: &String| read(body)["events"].as_array().unwrap().clone();
        told.iter().flat_map(events).collect()
    }
}

/// Until what is said of an opt-out is on its queue.
async fn until_told() {
    tokio::time::sleep(OBEYED_AFTER.unsigned_abs() + Duration::from_millis(300)).await;
}

#[tokio::test]
async fn nobody_is_told_of_an_opt_out_before_it_is_obeyed() {
    let setup = Setup::new().await;

    setup.take(&setup.message("STOP", 1)).await;

    assert!(setup.may_not_be_texted().await);
    assert!(
        setup.answers_now().await.is_empty(),
        "it is confirmed already"
    );
    let kinds = |events: Vec<Value>| -> Vec<String> {
        let kinds = events.iter().map(|event| event["type"].to_string());
        kinds.collect()
    };
    assert_eq!(kinds(setup.told_now().await), ["\"inbound.received\""]);
    until_told().await;
    assert_eq!(setup.answers_now().await.len(), 1);
    let told = kinds(setup.told_now().await);
    assert!(
        told.contains(&"\"contact.opted_out\"".to_owned()),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_recorded_message_is_an_opt_out() {
    let setup = Setup::new().await;
    let event: SqsEvent = serde_json::from_str(RECORDED).unwrap();
    let recorded: QueuedInbound = sqs::body(&event.records[0]).unwrap();

    let answer = handle(&setup.state, event, at(60)).await;

    assert!(answer.batch_item_failures.is_empty());
    let hash = setup.state.key.number(recorded.account, recorded.from);
    let holds = setup
        .state
        .suppressions
        .holds(recorded.account, &hash)
        .await;
    assert!(holds.unwrap());
}

#[tokio::test]
async fn the_last_word_counts() {
    let setup = Setup::new().await;
    for (name, text, second, expected) in [
        ("a question", "When do you open?", 1, false),
        ("an opt-out", "STOP", 2, true),
        ("a plea for help", "HELP", 3, true),
        ("an opt-in", "START", 4, false),
        ("an older opt-out that comes late", "STOP", 2, false),
        ("a newer one", "stop texting me please", 5, true),
    ] {
        setup.take(&setup.message(text, second)).await;

        assert_eq!(setup.may_not_be_texted().await, expected, "{name}");
    }
}

#[tokio::test]
async fn what_was_written_is_logged_and_told_once_however_often_it_comes() {
    let setup = Setup::new().await;
    let message = setup.message("stop", 1);

    setup.take(&message).await;
    setup.take(&message).await;

    let meaning = Some(Meaning {
        wish: Wish::Stop,
        by: Match::Keyword,
    });
    let logged = setup
        .state
        .log
        .newest(setup.account, None, 10)
        .await
        .unwrap();
    assert_eq!(logged, [LoggedInbound { message, meaning }]);
    let mut told: Vec<_> = setup
        .told()
        .await
        .iter()
        .map(|event| (event["type"].to_string(), event["id"].to_string()))
        .collect();
    told.sort();
    assert_eq!((told.len(), &told[0], &told[2]), (4, &told[1], &told[3]));
    assert_eq!(told[0].0, "\"contact.opted_out\"");
    assert_eq!(told[2].0, "\"inbound.received\"");
}

#[tokio::test]
async fn a_start_that_the_gateway_brings_again_does_not_undo_the_stop_after_it() {
    let setup = Setup::new().await;
    let named = |text, id: &str, second| QueuedInbound {
        provider_id: Some(id.to_owned()),
        ..setup.message(text, second)
    };
    let start = named("START", "SM1", 1);
    let stop = named("STOP", "SM2", 2);
    let again = QueuedInbound {
        at: at(3),
        ..start.clone()
    };

    for message in [&start, &stop, &again] {
        setup.take(message).await;
    }

    assert!(setup.may_not_be_texted().await);
    let log = &setup.state.log;
    let logged = log.newest(setup.account, None, 10).await.unwrap();
    let logged: Vec<_> = logged.into_iter().map(|it| it.message).collect();
    assert_eq!(logged, [stop, start], "each once, where it came first");
    setup.take(&named("START", "SM3", 4)).await;
    assert!(!setup.may_not_be_texted().await, "another message");
}

#[tokio::test]
async fn garbage_goes_back_alone() {
    let setup = Setup::new().await;
    let mut event: SqsEvent = serde_json::from_str(RECORDED).unwrap();
    let mut garbage = event.records[0].clone();
    garbage.body = Some("{}".to_owned());
    garbage.message_id = Some("garbage".to_owned());
    event.records.push(garbage);

    let answer = handle(&setup.state, event, at(60)).await;

    let failed = answer.batch_item_failures.iter();
    let failed: Vec<_> = failed.map(|it| it.item_identifier.as_str()).collect();
    assert_eq!(failed, ["garbage"]);
}

#[tokio::test]
async fn an_opt_out_is_confirmed_once_by_the_way_it_came() {
    let setup = Setup::new().await;
    let gateway = setup.gateway("simulated", json!({})).await;
    let message = QueuedInbound {
        gateway: Some(gateway),
        to: "447700900999".to_owned(),
        ..setup.message("STOP", 1)
    };

    setup.take(&message).await;
    setup.take(&message).await;
    let again = setup.message("stop", 9);
    setup.take(&again).await;

    let answers = setup.answers().await;
    let [answer] = answers.as_slice() else {
        panic!("{} answers", answers.len())
    };
    assert_eq!(answer.routes[0].gateway, gateway);
    let sender = usize::from(answer.routing.named.unwrap());
    assert_eq!(
        answer.routing.senders[sender].originator.as_str(),
        "+447700900999"
    );
    assert_eq!(answer.answers, Some(message.id()));
    assert_eq!(
        answer.policy,
        DoubtPolicy::AtMostOnce,
        "never a second copy"
    );
    let text = setup.text(answer.id).await;
    assert!(text.starts_with("ACME: You are unsubscribed"), "{text}");
}

#[tokio::test]
async fn each_word_has_its_answer_and_other_messages_have_none() {
    let setup = Setup::new().await;
    for (name, text, second, expected) in [
        ("a question", "When do you open?", 1, None),
        ("a yes of somebody who is not opted out", "YES", 2, None),
        ("a plea for help", "HELP", 3, Some("ACME: Reply STOP")),
        ("an opt-out", "Arrêt", 4, Some("ACME : votre")),
        ("a second one", "stop it", 5, None),
        (
            "a yes of somebody who is",
            "YES",
            6,
            Some("ACME: You are subscribed"),
        ),
        ("an opt-out that comes late", "STOP", 5, None),
    ] {
        setup.take(&setup.message(text, second)).await;

        let answers = setup.answers().await;
        let mut texts = Vec::new();
        for answer in &answers {
            texts.push(setup.text(answer.id).await);
        }
        assert_eq!(texts.len(), usize::from(expected.is_some()), "{name}");
        let begins = texts
            .iter()
            .all(|text| text.starts_with(expected.unwrap_or_default()));
        assert!(begins, "{name}: {texts:?}");
    }
}

#[tokio::test]
async fn two_machines_do_not_answer_each_other_for_ever() {
    let setup = Setup::new().await;

    for second in 1..=8 {
        setup.take(&setup.message("HELP", second)).await;
    }

    assert_eq!(setup.answers().await.len(), 5);
}

#[tokio::test]
async fn what_the_gateway_answers_is_not_answered_twice() {
    let setup = Setup::new().await;
    let config = json!({"account_sid": format!("AC{}", "0".repeat(32))});
    let gateway = setup.gateway("twilio", config).await;
    let by_twilio = |text, second| QueuedInbound {
        gateway: Some(gateway),
        ..setup.message(text, second)
    };

    setup.take(&by_twilio("STOP", 1)).await;
    assert_eq!(setup.answers().await.len(), 0, "its own word");
    setup.take(&by_twilio("START", 2)).await;
    setup.take(&by_twilio("please stop texting me", 3)).await;
    assert_eq!(
        setup.answers().await.len(),
        1,
        "a sentence that Twilio doesn't read"
    );

    let mut replies = Replies::of(setup.account);
    replies.not_answered_by.insert(gateway);
    replies.version = 1;
    let settings = &setup.state.answers.settings;
    settings
        .change(&replies, &setup.audit())
        .await
        .unwrap()
        .unwrap();
    setup.take(&by_twilio("START", 4)).await;
    assert_eq!(setup.answers().await.len(), 1, "switched off at Twilio");
}

#[tokio::test]
async fn a_confirmation_that_would_be_late_is_not_sent() {
    let setup = Setup::new().await;

    // Handled at second 60.
    setup.take(&setup.message("STOP", 60 - 301)).await;
    assert!(setup.may_not_be_texted().await);
    assert!(setup.answers().await.is_empty());

    setup.take(&setup.message("START", 60 - 299)).await;
    assert_eq!(setup.answers().await.len(), 1, "in time");
}

#[tokio::test]
async fn a_yes_to_a_question_is_a_consent_once_and_one_after_a_stop_is_none() {
    let setup = Setup::new().await;
    let config = json!({"account_sid": format!("AC{}", "0".repeat(32))});
    let gateway = setup.gateway("twilio", config).await;
    let wrote = |text, second| QueuedInbound {
        gateway: Some(gateway),
        ..setup.message(text, second)
    };
    let consents = &setup.state.consents;
    let asked = |second| Asked {
        message: MessageId {
            batch: build::id(),
            chunk: 0,
            slot: 0,
        },
        scope: ConsentScope::Marketing,
        text: "ACME: Reply YES".to_owned(),
        at: at(second),
        expires: at(second + 1_000),
        answered: None,
    };
    let recorded = async || {
        let page = consents.page(setup.account, from(), None, 9).await;
        page.unwrap()
    };

    setup.take(&wrote("YES", 1)).await;
    assert_eq!(recorded().await, [], "nobody asked");
    let ask = consents.ask(setup.account, from(), &asked(2)).await;
    ask.unwrap();
    let yes = wrote("yes", 3);
    for message in [&yes, &yes, &wrote("YES", 4)] {
        setup.take(message).await;
    }

    let page = recorded().await;
    assert_eq!(page.len(), 1);
    let record = &page[0].sealed.record;
    assert_eq!(record.method, Method::DoubleOptIn);
    assert_eq!(record.inbound, Some(yes.id()));
    let ask = consents.ask(setup.account, from(), &asked(5)).await;
    ask.unwrap();
    setup.take(&wrote("STOP", 6)).await;
    setup.take(&wrote("YES", 7)).await;
    assert_eq!(recorded().await.len(), 1, "a STOP came between");
}
