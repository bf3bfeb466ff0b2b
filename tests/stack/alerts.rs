//! Alerts to members: what the topic gets, by a queue that listens to it as a member's mailbox would.

use std::time::{Duration, Instant};

use carillon_store::aws::Aws;
use carillon_testkit::stack;
use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator};

/// What accounts are told of is looked at once a minute.
const PATIENCE: Duration = Duration::from_secs(150);
const TOPIC: &str = "carillon-alerts";

struct Mailbox {
    aws: Aws,
    url: String,
}

impl Mailbox {
    async fn of(account: &Account) -> Self {
        let aws = stack::aws().await;
        let topics = aws.sns().list_topics().send().await.expect("topics");
        let mut topics = topics.topics().iter().filter_map(|topic| topic.topic_arn());
        let topic = topics.find(|arn| arn.ends_with(TOPIC));
        let topic = topic.expect("the topic of the stack");
        let id = account.id.parse().expect("an id");
        let url = stack::subscribed(&aws.sns(), &aws.sqs(), topic, id).await;
        Self { aws, url }
    }

    /// The subjects and texts of what came until there is one with these words.
    async fn until(&self, words: &str) -> Vec<(String, String)> {
        let (began, mut mails) = (Instant::now(), Vec::new());
        loop {
            for body in stack::taken(&self.aws.sqs(), &self.url).await {
                let body: Value = serde_json::from_str(&body).expect("JSON");
                let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
                mails.push((text("Subject"), text("Message")));
            }
            if mails.iter().any(|(subject, _)| subject.contains(words)) {
                return mails;
            }
            assert!(began.elapsed() < PATIENCE, "no `{words}` among {mails:?}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn campaign_to(account: &Account, numbers: &[&str]) -> String {
    let recipients: Vec<Value> = numbers.iter().map(|number| json!({"to": number})).collect();
    let campaign = json!({
        "name": "Alerting",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": recipients},
        "content": {"text": "Hello"},
    });
    let made = account.post("/v1/campaigns", &campaign).await;
    let id = made["id"].as_str().expect("an id").to_owned();
    let start = format!("/v1/campaigns/{id}/start");
    account.post(&start, &json!({})).await;
    id
}

#[tokio::test]
async fn a_campaign_that_finishes_is_told_to_its_own_account_only() {
    let (account, simulator) = (Account::new("Told").await, RunningSimulator::start());
    let other = Account::new("Not told").await;
    let (mailbox, others) = (Mailbox::of(&account).await, Mailbox::of(&other).await);
    account.with_gateway(&simulator).await;

    let id = campaign_to(&account, &["+447700900501", "+447700900502"]).await;
    let mails = mailbox.until("a campaign has finished").await;

    let [(_, text)] = mails.as_slice() else {
        panic!("{mails:?}")
    };
    assert!(text.contains(&format!("/campaigns/{id}")), "{text}");
    assert!(text.contains(&account.id), "{text}");
    assert!(!text.contains("447700900501"), "nobody's number: {text}");
    let of_others = stack::taken(&others.aws.sqs(), &others.url).await;
    assert!(of_others.is_empty(), "{of_others:?}");
}

#[tokio::test]
async fn a_gateway_that_fails_is_told_while_messages_wait_for_it() {
    let account = Account::new("Failing").await;
    let mailbox = Mailbox::of(&account).await;
    let gateway = account
        .with_gateway_at("http://127.0.0.1:9", |config| {
            config["capabilities"] = json!({});
        })
        .await;

    let numbers: Vec<String> = (0..40)
        .map(|last| format!("+4477009006{last:02}"))
        .collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    campaign_to(&account, &numbers).await;
    let mails = mailbox.until("a gateway account is failing").await;

    let [(_, text)] = mails.as_slice() else {
        panic!("{mails:?}")
    };
    assert!(text.contains(&format!("/gateways/{gateway}")), "{text}");
}

#[tokio::test]
async fn a_cap_that_is_reached_is_told_once() {
    let (account, simulator) = (Account::new("Capped").await, RunningSimulator::start());
    let mailbox = Mailbox::of(&account).await;
    let rules = json!({"rules": []});
    simulator.control.set_rules(&rules).await.expect("rules");
    let gateway = account.with_gateway(&simulator).await;
    let price = json!({"cost_per_part": 5_000});
    account
        .change(&format!("/v1/gateways/{gateway}"), &price)
        .await;
    let cap = json!({"spending": {"day": 12_000}});
    account.change("/v1/account", &cap).await;

    let numbers = ["+447700900701", "+447700900702", "+447700900703"];
    campaign_to(&account, &numbers).await;
    let mails = mailbox.until("a spending cap is reached").await;
    tokio::time::sleep(Duration::from_secs(65)).await;
    let later = stack::taken(&mailbox.aws.sqs(), &mailbox.url).await;

    let reached = |subject: &&(String, String)| subject.0.contains("is reached");
    assert_eq!(mails.iter().filter(reached).count(), 1, "{mails:?}");
    let text = &mails.iter().find(reached).expect("one").1;
    assert!(text.contains("/settings/limits"), "{text}");
    let again = later.iter().filter(|mail| mail.contains("is reached"));
    assert_eq!(again.count(), 0, "{later:?}");
}
