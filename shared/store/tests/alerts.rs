//! Alerts: subscriptions of members, and what accounts were told of, against the local stack.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use aws_sdk_sns::Client;
use carillon_core::{
    alert::Alert,
    id::AccountId,
    keyed_hash::DeploymentKey,
    limits::spend::{Period, Refusal, SpendCaps},
    member::Email,
};
use carillon_store::{
    alerts::{AlertSubscriptions, AlertTopic},
    spending::{Purse, Spending},
    told::Told,
};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

struct Setup {
    sns: Client,
    topic: String,
    core: String,
    alerts: AlertSubscriptions,
}

impl Setup {
    async fn new() -> Self {
        let aws = stack::aws().await;
        let sns = aws.sns();
        let topic = stack::topic(&sns).await;
        let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
        let key = DeploymentKey::from_secret("a secret of a test");
        let alerts = AlertSubscriptions::new(sns.clone(), &topic, aws.dynamodb(), &core, key);
        Self {
            sns,
            topic,
            core,
            alerts,
        }
    }

    async fn follow(&self, address: &Email, accounts: &[AccountId]) {
        let accounts: BTreeSet<AccountId> = accounts.iter().copied().collect();
        self.alerts.follow(address, &accounts).await.unwrap();
    }

    /// By address, the filter of each.
    async fn subscriptions(&self) -> Vec<(String, Value)> {
        let list = self.sns.list_subscriptions_by_topic();
        let list = list.topic_arn(&self.topic).send().await.unwrap();
        let mut found = Vec::new();
        for subscription in list.subscriptions() {
            let attributes = self.sns.get_subscription_attributes();
            let arn = subscription.subscription_arn().unwrap();
            let attributes = attributes.subscription_arn(arn).send().await.unwrap();
            let filter = &attributes.attributes().unwrap()["FilterPolicy"];
            let address = subscription.endpoint().unwrap().to_owned();
            found.push((address, serde_json::from_str(filter).unwrap()));
        }
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

#[tokio::test]
async fn a_person_has_one_subscription_for_all_accounts_and_none_when_none_is_left() {
    let setup = Setup::new().await;
    let (ada, bob): (Email, Email) = (
        "ada@example.com".parse().unwrap(),
        "bob@example.com".parse().unwrap(),
    );
    let mut accounts: [AccountId; 2] = [build::id(), build::id()];
    accounts.sort();
    let [first, second] = accounts;
    let of = |address: &Email, accounts: Value| {
        (address.as_str().to_owned(), json!({"account": accounts}))
    };

    setup.follow(&bob, &[second]).await;
    setup.follow(&ada, &[first]).await;
    let one = setup.subscriptions().await;
    setup.follow(&ada, &[first, second]).await;
    setup.follow(&ada, &[first, second]).await;
    let both = setup.subscriptions().await;
    setup.follow(&ada, &[]).await;
    setup.follow(&ada, &[]).await;
    let none = setup.subscriptions().await;
    setup.follow(&ada, &[second]).await;
    let again = setup.subscriptions().await;

    let others = of(&bob, json!([second]));
    assert_eq!(one, [of(&ada, json!([first])), others.clone()]);
    assert_eq!(both, [of(&ada, json!([first, second])), others.clone()]);
    assert_eq!(none, std::slice::from_ref(&others));
    assert_eq!(again, [of(&ada, json!([second])), others]);
}

#[tokio::test]
async fn who_unsubscribed_by_the_link_of_an_e_mail_may_come_back_and_go() {
    let setup = Setup::new().await;
    let ada: Email = "ada@example.com".parse().unwrap();
    let account = build::id();
    setup.follow(&ada, &[account]).await;
    let unsubscribe = || async {
        let list = setup.sns.list_subscriptions_by_topic();
        let list = list.topic_arn(&setup.topic).send().await.unwrap();
        let arn = list.subscriptions()[0].subscription_arn().unwrap();
        let gone = setup.sns.unsubscribe().subscription_arn(arn);
        gone.send().await.unwrap();
    };

    unsubscribe().await;
    setup.follow(&ada, &[account]).await;
    let back = setup.subscriptions().await.len();
    unsubscribe().await;
    setup.follow(&ada, &[]).await;

    assert_eq!((back, setup.subscriptions().await.len()), (1, 0));
}

#[tokio::test]
async fn an_alert_reaches_those_who_follow_its_account() {
    let setup = Setup::new().await;
    let sqs = stack::aws().await.sqs();
    let (account, other): (AccountId, AccountId) = (build::id(), build::id());
    let mine = stack::subscribed(&setup.sns, &sqs, &setup.topic, account).await;
    let others = stack::subscribed(&setup.sns, &sqs, &setup.topic, other).await;
    let alert = Alert {
        subject: "Carillon: a test".to_owned(),
        text: "It says something.".to_owned(),
    };

    let topic = AlertTopic::new(setup.sns.clone(), &setup.topic);
    topic.publish(account, &alert).await.unwrap();

    let told = stack::taken(&sqs, &mine).await;
    let told: Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(told["Subject"], "Carillon: a test");
    assert_eq!(told["Message"], "It says something.");
    assert_eq!(stack::taken(&sqs, &others).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_told_may_be_told_again_when_its_time_is_over() {
    let Setup { core, .. } = Setup::new().await;
    let told = Told::new(stack::aws().await.dynamodb(), core);
    let (account, other): (AccountId, AccountId) = (build::id(), build::id());
    let until = now() + SignedDuration::from_hours(1);
    let is_told = async |account, what, at| told.is_told(account, what, at).await.unwrap();

    let before = is_told(account, "a cap", now()).await;
    told.note(account, "a cap", until).await.unwrap();

    assert!(!before);
    assert!(is_told(account, "a cap", now()).await);
    assert!(!is_told(account, "a cap", until).await);
    assert!(!is_told(account, "another", now()).await);
    assert!(!is_told(other, "a cap", now()).await);
}

#[tokio::test]
async fn a_refusal_is_seen_by_whoever_looks_and_hinders_no_reservation() {
    let Setup { core, .. } = Setup::new().await;
    let spending = Spending::new(stack::aws().await.dynamodb(), core);
    let purse = Purse {
        account: build::id(),
        country: None,
        caps: SpendCaps {
            day: Some(100),
            ..SpendCaps::default()
        },
        clock: TimeZone::UTC,
    };
    spending.reserve(&purse, 60, now()).await.unwrap().unwrap();

    let noted = spending.note_refusal(&purse, Period::Day, now()).await;

    noted.unwrap();
    spending.reserve(&purse, 30, now()).await.unwrap().unwrap();
    let spent = spending.look(purse.account, None).await.unwrap();
    let (since, _) = Period::Day.around(now(), &TimeZone::UTC).unwrap();
    let refusal = Refusal {
        period: Period::Day,
        since,
        cap: 100,
    };
    assert_eq!(spent.refused, Some(refusal));
    assert_eq!(spent.of(Period::Day).map(|it| it.amount), Some(90));
}
