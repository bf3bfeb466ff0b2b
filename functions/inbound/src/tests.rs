//! The recorded message of `events/`, and what a message changes.

use carillon_core::{id::AccountId, keyword::Match, phone::Phone};
use carillon_testkit::{build, stack};
use serde_json::Value;

use super::*;

const RECORDED: &str = include_str!("../../../events/inbound-sqs.json");

struct Setup {
    state: State,
    aws: Aws,
    hooks: String,
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
        let urls = QueueUrls {
            hooks: Some(hooks.clone()),
            ..QueueUrls::default()
        };
        let state = State {
            dead: DeadLetterQueues::new(aws.sqs(), Vec::new(), 5),
            key: DeploymentKey::from_secret("a secret of a test"),
            suppressions: Suppressions::new(aws.dynamodb(), &contacts),
            log: InboundLog::new(aws.dynamodb(), contacts),
            queues: Queues::new(aws.sqs(), urls),
        };
        Self {
            state,
            aws,
            hooks,
            account: build::id(),
        }
    }

    fn message(&self, text: &str, second: i64) -> QueuedInbound {
        QueuedInbound {
            account: self.account,
            gateway: Some(build::id()),
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
        let told = stack::received(&self.aws.sqs(), &self.hooks).await;
        let read = |body: &String| serde_json::from_str(body).unwrap();
        told.iter().map(read).collect()
    }
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
    let logged = setup.state.log.newest(setup.account, 10).await.unwrap();
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
